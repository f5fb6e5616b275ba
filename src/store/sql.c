/*-------------------------------------------------------------------------
 *
 * sql.c
 *	  SQL statements of our own processes.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define MAX_ARGS	16

void
cvg_sql_begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
cvg_sql_end(void)
{
	PopActiveSnapshot();
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	CommitTransactionCommand();
}

static Oid
get_arg(char type, va_list *ap, Datum *value, char *null)
{
	*null = ' ';
	switch (type)
	{
		case 'i':
			*value = Int32GetDatum(va_arg(*ap, int32));
			return INT4OID;
		case 'l':
			*value = Int64GetDatum(va_arg(*ap, int64));
			return INT8OID;
		case 'o':
			*value = ObjectIdGetDatum(va_arg(*ap, Oid));
			return OIDOID;
		case 'b':
			*value = BoolGetDatum(va_arg(*ap, int));
			return BOOLOID;
		case 't':
			*value = TimestampTzGetDatum(va_arg(*ap, TimestampTz));
			return TIMESTAMPTZOID;
		case 's':
			{
				const char *text = va_arg(*ap, const char *);

				*null = text == NULL ? 'n' : ' ';
				*value = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
				return TEXTOID;
			}
	}
	elog(ERROR, "unknown argument type \"%c\"", type);
	return InvalidOid;
}

uint64
cvg_sql(const char *query, const char *types,...)
{
	Oid			oids[MAX_ARGS];
	Datum		values[MAX_ARGS];
	char		nulls[MAX_ARGS];
	int			nargs = strlen(types);
	va_list		ap;
	int			rc;
	int			i;

	Assert(nargs <= MAX_ARGS);
	va_start(ap, types);
	for (i = 0; i < nargs; i++)
		oids[i] = get_arg(types[i], &ap, &values[i], &nulls[i]);
	va_end(ap);

	rc = SPI_execute_with_args(query, nargs, oids, values, nulls, false, 0);
	if (rc < 0)
		elog(ERROR, "could not execute \"%s\": %s", query, SPI_result_code_string(rc));
	return SPI_processed;
}

static Datum
get_column(uint64 row, int column, bool *isnull)
{
	Assert(row < SPI_tuptable->numvals);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 column, isnull);
}

int64
cvg_sql_int64(uint64 row, int column)
{
	bool		isnull;
	Datum		value = get_column(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

bool
cvg_sql_bool(uint64 row, int column)
{
	bool		isnull;
	Datum		value = get_column(row, column, &isnull);

	return !isnull && DatumGetBool(value);
}

char *
cvg_sql_text(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}
