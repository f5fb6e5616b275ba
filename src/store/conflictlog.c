/*-------------------------------------------------------------------------
 *
 * conflictlog.c
 *	  Write converge.conflict_log.  Rare, so SPI will do.
 *
 * The record is part of the transaction that resolves the conflict: it is
 * there exactly once, whether the apply is retried or not.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "core/rowstate.h"
#include "executor/spi.h"
#include "store/conflictlog.h"
#include "store/meta.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Names of the included columns as text[]; 0 when there are none. */
static Datum
included_names(Relation rel, const bool *include)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Datum	   *names = palloc(sizeof(Datum) * Max(desc->natts, 1));
	int			n = 0;
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		if (include[i])
			names[n++] = CStringGetTextDatum(NameStr(TupleDescAttr(desc, i)->attname));
	}
	if (n == 0)
		return (Datum) 0;
	return PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* One varlena value out of SPI, into the given context. */
static Datum
spi_result(MemoryContext mcxt)
{
	bool		isnull;
	Datum		value;
	MemoryContext old;

	if (SPI_processed != 1)
		elog(ERROR, "query about a conflict returned %lu rows", (unsigned long) SPI_processed);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (isnull)
		return (Datum) 0;
	old = MemoryContextSwitchTo(mcxt);
	value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	MemoryContextSwitchTo(old);
	return value;
}

Datum
cvg_conflict_row(Relation rel, TupleTableSlot *slot, const bool *include)
{
	Oid			types[2] = {rel->rd_rel->reltype, TEXTARRAYOID};
	Datum		args[2];
	MemoryContext mcxt = CurrentMemoryContext;
	Datum		result;

	args[1] = included_names(rel, include);
	if (args[1] == (Datum) 0)
		return (Datum) 0;
	args[0] = ExecFetchSlotHeapTupleDatum(slot);
	SPI_connect();
	if (SPI_execute_with_args("SELECT pg_catalog.jsonb_object_agg(e.key, e.value)"
							  " FROM pg_catalog.jsonb_each(pg_catalog.to_jsonb($1)) AS e"
							  " WHERE e.key OPERATOR(pg_catalog.=) ANY ($2)",
							  2, types, args, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not describe a row of a conflict");
	result = spi_result(mcxt);
	SPI_finish();
	return result;
}

/* The row clock of a state as a converge.vclock; *null is 'n' if there is none. */
static Datum
state_clock(CvgSlice state, char *null)
{
	CvgBuf		buf;

	*null = state.len > 0 ? ' ' : 'n';
	if (state.len == 0)
		return (Datum) 0;
	cvg_buf_init(&buf);
	buf.len = VARHDRSZ;
	cvg_rowstate_clock(state, &buf);
	SET_VARSIZE(buf.data, buf.len);
	return PointerGetDatum(buf.data);
}

static Datum
optional(Datum value, char *null)
{
	*null = value != (Datum) 0 ? ' ' : 'n';
	return value;
}

void
cvg_conflict_log(const CvgConflict *conflict)
{
	Oid			vclock = get_atttype(get_relname_relid("node",
													   get_namespace_oid(CVG_SCHEMA, false)), 11);
	Oid			types[11] = {OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID,
	JSONBOID, JSONBOID, vclock, vclock, TEXTOID};
	Datum		args[11];
	char		nulls[11];

	memset(nulls, ' ', sizeof(nulls));
	args[0] = ObjectIdGetDatum(conflict->relid);
	args[1] = CStringGetTextDatum(get_namespace_name(get_rel_namespace(conflict->relid)));
	args[2] = CStringGetTextDatum(get_rel_name(conflict->relid));
	args[3] = CStringGetTextDatum(conflict->type);
	args[4] = CStringGetTextDatum(conflict->decision);
	args[5] = optional(conflict->key, &nulls[5]);
	args[6] = optional(conflict->local_row, &nulls[6]);
	args[7] = optional(conflict->remote_row, &nulls[7]);
	args[8] = state_clock(conflict->local_state, &nulls[8]);
	args[9] = state_clock(conflict->remote_state, &nulls[9]);
	args[10] = PointerGetDatum(cstring_to_text_with_len((const char *) conflict->origin.data,
														conflict->origin.len));
	SPI_connect();
	if (SPI_execute_with_args("INSERT INTO converge.conflict_log (relid, schema_name, table_name,"
							  " conflict_type, decision, key, local_row, remote_row,"
							  " local_clock, remote_clock, origin)"
							  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
							  11, types, args, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not write the conflict log");
	SPI_finish();
}
