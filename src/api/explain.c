/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  converge.siblings() and explain_conflict(): what is known of a row's
 *	  concurrent writes.
 *
 * The row is read by a query of the caller, with the caller's rights.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "api/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "store/relinfo.h"
#include "store/strategy.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

/* A row that was found; in the context of the call. */
typedef struct FoundRow
{
	CvgRel	   *rel;
	HeapTuple	tuple;			/* NULL: there is none */
	TupleDesc	tupdesc;
	CvgSlice	state;
} FoundRow;

/* Conditions on the key columns, so that the key's index is of use. */
static char *
key_condition(CvgRel *rel)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < rel->desc->nkeys; i++)
	{
		CvgRelColumn *col = &rel->columns[rel->desc->keycols[i]];
		char	   *name = get_attname(rel->relid, col->attnum, false);

		appendStringInfo(&out, "t.%s OPERATOR(pg_catalog.=) ($1 OPERATOR(pg_catalog.->>) %s)::%s AND ",
						 quote_identifier(name), quote_literal_cstr(name),
						 format_type_be_qualified(col->codec.type));
	}
	return out.data;
}

static FoundRow
find_row(Oid relid, Datum key)
{
	Relation	relation = relation_open(relid, AccessShareLock);
	FoundRow	found = {NULL};
	MemoryContext context = CurrentMemoryContext;
	Oid			argtype = JSONBOID;
	char	   *sql;

	if (relation->rd_rel->relkind == RELKIND_RELATION ||
		relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		found.rel = cvg_rel(relation);
	if (found.rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not replicated", RelationGetRelationName(relation))));
	found.tupdesc = CreateTupleDescCopy(RelationGetDescr(relation));
	relation_close(relation, NoLock);
	sql = psprintf("SELECT t.* FROM %s AS t WHERE %s pg_catalog.to_jsonb(t.*) OPERATOR(pg_catalog.@>) $1 LIMIT 2",
				   cvg_qualified_name(relid), key_condition(found.rel));
	SPI_connect();
	if (SPI_execute_with_args(sql, 1, &argtype, &key, NULL, true, 2) != SPI_OK_SELECT)
		elog(ERROR, "could not run \"%s\"", sql);
	if (SPI_processed > 1)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_ROWS),
				 errmsg("the key matches more than one row")));
	if (SPI_processed == 1)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		bool		isnull;
		Datum		state;

		found.tuple = heap_copytuple(SPI_tuptable->vals[0]);
		/* dropped columns are not in the query's result */
		found.tupdesc = CreateTupleDescCopy(SPI_tuptable->tupdesc);
		state = heap_getattr(found.tuple, SPI_fnumber(found.tupdesc, CVG_STATE_COLUMN),
							 found.tupdesc, &isnull);
		if (!isnull)
		{
			struct varlena *v = PG_DETOAST_DATUM_PACKED(state);

			found.state = cvg_slice(VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v));
		}
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return found;
}

static const char *
dot_text(CvgDot dot)
{
	return psprintf("%.*s at %s", (int) dot.replica.len, (const char *) dot.replica.data,
					timestamptz_to_str(dot.stamp));
}

/* ----------------------------------------------------------------
 *		siblings()
 * ----------------------------------------------------------------
 */

/* Distinct dots of all values that are kept, ascending. */
static CvgDot *
kept_dots(FoundRow *row, int *n)
{
	CvgDot	   *dots = NULL;
	int			max = 0;

	*n = 0;
	for (int u = 0; u < row->rel->nunits; u++)
	{
		CvgCellView view;

		if (!cvg_rowstate_cell(row->state, row->rel->units[u], &view) || view.npairs < 2)
			continue;
		max += view.npairs;
		dots = dots == NULL ? palloc(sizeof(CvgDot) * max) : repalloc(dots, sizeof(CvgDot) * max);
		for (int i = 0; i < view.npairs; i++)
		{
			int			at = 0;
			int			c = 1;

			while (at < *n && (c = cvg_dot_cmp(dots[at].stamp, dots[at].replica,
											   view.dots[i].stamp, view.dots[i].replica)) < 0)
				at++;
			if (at < *n && c == 0)
				continue;
			memmove(&dots[at + 1], &dots[at], sizeof(CvgDot) * (*n - at));
			dots[at] = view.dots[i];
			(*n)++;
		}
	}
	return dots;
}

/* The row with what one write left in it, where that is kept. */
static Datum
sibling_row(FoundRow *row, CvgDot dot, TupleDesc rowdesc)
{
	int			natts = rowdesc->natts;
	Datum	   *values = palloc0(sizeof(Datum) * natts);
	bool	   *nulls = palloc(sizeof(bool) * natts);
	int			shown = 0;

	for (int i = 0; i < natts; i++)
	{
		nulls[i] = true;
		if (!TupleDescAttr(rowdesc, i)->attisdropped)
			values[i] = heap_getattr(row->tuple, ++shown, row->tupdesc, &nulls[i]);
	}
	for (int c = 0; c < row->rel->desc->ncolumns; c++)
	{
		CvgRelColumn *col = &row->rel->columns[c];
		CvgCellView view;

		if (col->unit < 0 ||
			!cvg_rowstate_cell(row->state, row->rel->units[col->unit], &view) || view.npairs < 2)
			continue;
		for (int i = 0; i < view.npairs; i++)
		{
			if (cvg_dot_cmp(dot.stamp, dot.replica, view.dots[i].stamp, view.dots[i].replica) == 0)
				values[col->attnum - 1] = cvg_unit_column(row->rel, c, view.values[i],
														  &nulls[col->attnum - 1]);
		}
	}
	return HeapTupleGetDatum(heap_form_tuple(rowdesc, values, nulls));
}

static void
put_sibling(ReturnSetInfo *rsinfo, FoundRow *row, CvgDot dot, TupleDesc rowdesc)
{
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	values[0] = sibling_row(row, dot, rowdesc);
	values[1] = PointerGetDatum(cstring_to_text_with_len((const char *) dot.replica.data,
														 (int) dot.replica.len));
	values[2] = TimestampTzGetDatum(dot.stamp);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

CVG_FUNCTION(siblings)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);
	Oid			relid = get_typ_typrelid(type);
	TupleDesc	rowdesc;
	FoundRow	row;
	CvgDot	   *dots;
	int			n;
	int			nestlevel;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s is not a row of a table", format_type_be(type)),
				 errhint("Call it as converge.siblings(NULL::my_table, '{\"id\": 1}').")));
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"%s\" must not be null", "key")));
	InitMaterializedSRF(fcinfo, 0);
	row = find_row(relid, PG_GETARG_DATUM(1));
	if (row.tuple == NULL)
		return (Datum) 0;
	nestlevel = cvg_codec_enter();
	rowdesc = lookup_rowtype_tupdesc(type, -1);
	dots = kept_dots(&row, &n);
	for (int i = 0; i < n; i++)
		put_sibling(rsinfo, &row, dots[i], rowdesc);
	if (n == 0 && row.state.len > 0)
		put_sibling(rsinfo, &row, cvg_rowstate_last_dot(row.state), rowdesc);
	ReleaseTupleDesc(rowdesc);
	cvg_codec_leave(nestlevel);
	return (Datum) 0;
}

/* ----------------------------------------------------------------
 *		explain_conflict()
 * ----------------------------------------------------------------
 */

static void
put_line(ReturnSetInfo *rsinfo, const char *line)
{
	Datum		value = CStringGetTextDatum(line);
	bool		isnull = false;

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
}

static const char *
value_text(CvgRelColumn *col, Datum value, bool isnull)
{
	Oid			out;
	bool		varlena;

	if (isnull)
		return "NULL";
	getTypeOutputInfo(col->codec.type, &out, &varlena);
	return quote_literal_cstr(OidOutputFunctionCall(out, value));
}

static const char *
why_text(const CvgStrategy *s)
{
	switch (s != NULL ? s->kind : CVG_STRATEGY_LWW)
	{
		case CVG_STRATEGY_MAX:
			return "the largest";
		case CVG_STRATEGY_MIN:
			return "the smallest";
		case CVG_STRATEGY_UNION:
			return "the elements of all";
		case CVG_STRATEGY_FUNCTION:
		case CVG_STRATEGY_ROW_FUNCTION:
			return psprintf("what %s() makes of them, in this order", s->function);
		default:
			return "the latest write";
	}
}

/* Shown value of a column in the row that was found. */
static const char *
shown_text(FoundRow *row, int column)
{
	CvgRelColumn *col = &row->rel->columns[column];
	char	   *name = get_attname(row->rel->relid, col->attnum, false);
	bool		isnull;
	Datum		value = heap_getattr(row->tuple, SPI_fnumber(row->tupdesc, name), row->tupdesc,
									 &isnull);

	return value_text(col, value, isnull);
}

static void
explain_values(FoundRow *row, int column, const CvgCellView *view, StringInfo out)
{
	CvgRelColumn *col = &row->rel->columns[column];

	appendStringInfo(out, "concurrent values ");
	for (int i = 0; i < view->npairs; i++)
	{
		bool		isnull;
		Datum		value = cvg_unit_column(row->rel, column, view->values[i], &isnull);

		appendStringInfo(out, "%s%s written by %s", i > 0 ? ", " : "",
						 value_text(col, value, isnull), dot_text(view->dots[i]));
	}
	appendStringInfo(out, "; shown is %s, %s", shown_text(row, column),
					 why_text(cvg_unit_strategy(row->rel, col->unit)));
}

static void
explain_counts(FoundRow *row, int column, const CvgCellView *view, StringInfo out)
{
	CvgRelColumn *col = &row->rel->columns[column];
	const char *separator = "";

	appendStringInfo(out, "counted in by ");
	for (int i = 0; i < view->nshares; i++)
	{
		if (view->amounts[i].len == 0)
			continue;
		appendStringInfo(out, "%s%.*s (%s)", separator, (int) view->replicas[i].len,
						 (const char *) view->replicas[i].data,
						 cvg_strategy_share_text(col->codec.base, view, i));
		separator = ", ";
	}
	appendStringInfo(out, "; shown is %s, the sum", shown_text(row, column));
}

static void
explain_paths(FoundRow *row, int column, const CvgCellView *view, StringInfo out)
{
	appendStringInfo(out, "%s merged path by path: %s written by %s", shown_text(row, column),
					 view->by_path ? "first" : "last as a whole",
					 dot_text(cvg_rowstate_unit_dot(row->state,
													row->rel->units[row->rel->columns[column].unit])));
	if (view->nmarks > 0)
		appendStringInfo(out, ", parts of it by other writes, the latest by %s",
						 dot_text(view->latest_mark));
}

static void
explain_column(ReturnSetInfo *rsinfo, FoundRow *row, int column)
{
	CvgRelColumn *col = &row->rel->columns[column];
	CvgCellView view;
	StringInfoData out;

	if (col->crdt == NULL && col->unit < 0)
		return;
	initStringInfo(&out);
	appendStringInfo(&out, "column \"%s\": ", get_attname(row->rel->relid, col->attnum, false));
	if (col->crdt != NULL)
		appendStringInfo(&out, "merges by its type; all writes are in it");
	else if (cvg_rowstate_cell(row->state, row->rel->units[col->unit], &view) &&
			 (view.nmarks > 0 || view.by_path))
		explain_paths(row, column, &view, &out);
	else if (view.npairs < 2 && !view.counted)
		appendStringInfo(&out, "%s written by %s, the latest write", shown_text(row, column),
						 dot_text(cvg_rowstate_unit_dot(row->state, row->rel->units[col->unit])));
	else if (view.counted)
		explain_counts(row, column, &view, &out);
	else
		explain_values(row, column, &view, &out);
	put_line(rsinfo, out.data);
}

/* What the conflict log has on the row. */
static void
explain_log(ReturnSetInfo *rsinfo, Oid relid, Datum key)
{
	Oid			types[2] = {OIDOID, JSONBOID};
	Datum		args[2] = {ObjectIdGetDatum(relid), key};

	SPI_connect();
	if (SPI_execute_with_args("SELECT pg_catalog.format('%s: a write of %s (%s) %s met %s here: %s', c.at, c.origin,"
							  " c.conflict_type, COALESCE(c.remote_row::pg_catalog.text, 'nothing'), COALESCE(c.local_row::pg_catalog.text, 'no row'), c.decision)"
							  " FROM converge.conflicts c WHERE c.\"table\" OPERATOR(pg_catalog.=) $1::pg_catalog.regclass::pg_catalog.text"
							  " AND c.key OPERATOR(pg_catalog.@>) $2 ORDER BY c.at",
							  2, types, args, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read converge.conflicts");
	for (uint64 i = 0; i < SPI_processed; i++)
		put_line(rsinfo, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	SPI_finish();
}

CVG_FUNCTION(explain_conflict)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			relid = PG_GETARG_OID(0);
	FoundRow	row;
	int			nestlevel;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	row = find_row(relid, PG_GETARG_DATUM(1));
	if (row.tuple == NULL)
		put_line(rsinfo, "there is no such row here: it never came, was deleted, or is set aside in converge.quarantine");
	else if (row.state.len > 0)
	{
		nestlevel = cvg_codec_enter();
		put_line(rsinfo, psprintf("row: created by %s, last changed by %s",
								  dot_text(cvg_rowstate_birth(row.state)),
								  dot_text(cvg_rowstate_last_dot(row.state))));
		for (int i = 0; i < row.rel->desc->ncolumns; i++)
			explain_column(rsinfo, &row, i);
		cvg_codec_leave(nestlevel);
	}
	explain_log(rsinfo, relid, PG_GETARG_DATUM(1));
	return (Datum) 0;
}
