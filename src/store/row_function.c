/*-------------------------------------------------------------------------
 *
 * row_function.c
 *	  Merging concurrent versions of a whole row by a function.
 *
 * The versions go in by dot order: fn(fn(v1, v2), v3).  Rows are of the root's
 * type, whichever partition they are in.  All that is passed comes from the
 * row's state and its key, so that the result is the same on every node: the
 * columns of the unit, as each version has them, and the key.  Columns that
 * are generated, or merge by their type, and the state itself are NULL, and what
 * the function returns for them is not looked at.  It has to return the key that
 * it was given: rows are found by it, and another key is another row.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "parser/parse_func.h"
#include "store/row_function.h"
#include "store/strategy.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

Oid
cvg_row_function_lookup(CvgRel *rel, const char *name)
{
	Oid			type = get_rel_type_id(rel->rootid);
	Oid			args[3] = {type, type, JSONBOID};

	return LookupFuncName(cvg_name_list(name), 3, args, true);
}

Oid
cvg_row_function(CvgRel *rel, const char *name)
{
	const char *type = format_type_be(get_rel_type_id(rel->rootid));
	Oid			oid;

	if (rel->desc->granularity != CVG_GRANULARITY_ROW)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is replicated by column and cannot be merged by a function over whole rows",
						get_rel_name(rel->rootid)),
				 errdetail("Concurrent versions of a whole row are kept only of tables that are replicated by row."),
				 errhint("Replicate it with granularity => 'row'.")));
	oid = cvg_row_function_lookup(rel, name);
	if (!OidIsValid(oid) || get_func_rettype(oid) != get_rel_type_id(rel->rootid) ||
		get_func_prokind(oid) != PROKIND_FUNCTION || get_func_retset(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("there is no function %s(%s, %s, jsonb) returning %s", name, type, type,
						type),
				 errhint("Create it on every node first.")));
	cvg_check_merge_function(rel, oid, name);
	return oid;
}

/* A version of the row, by the descriptor's columns. */
typedef struct Version
{
	Datum	   *values;
	bool	   *nulls;
	CvgDot		dot;			/* of the latest write in it */
} Version;

static Version
get_version(CvgRel *rel, CvgSlice bytes, CvgDot dot, const Datum *keys)
{
	int			n = rel->desc->ncolumns;
	Version		v = {palloc0(sizeof(Datum) * n), palloc(sizeof(bool) * n), dot};

	memset(v.nulls, true, n);
	for (int i = 0; i < n; i++)
	{
		if (rel->columns[i].unit >= 0)
			v.values[i] = cvg_unit_column(rel, i, bytes, &v.nulls[i]);
	}
	for (int i = 0; i < rel->desc->nkeys; i++)
	{
		v.values[rel->desc->keycols[i]] = keys[i];
		v.nulls[rel->desc->keycols[i]] = false;
	}
	return v;
}

/* The descriptor's column that an attribute of the root is, -1 if none. */
static int
column_of(CvgRel *rel, Form_pg_attribute att)
{
	if (att->attisdropped)
		return -1;
	for (int i = 0; i < rel->desc->ncolumns; i++)
	{
		if (cvg_slice_eq(rel->desc->columns[i].name, cvg_slice_cstring(NameStr(att->attname))))
			return i;
	}
	return -1;
}

static Datum
to_row(CvgRel *rel, TupleDesc tupdesc, const Version *v)
{
	Datum	   *values = palloc0(sizeof(Datum) * tupdesc->natts);
	bool	   *nulls = palloc(sizeof(bool) * tupdesc->natts);

	for (int i = 0; i < tupdesc->natts; i++)
	{
		int			column = column_of(rel, TupleDescAttr(tupdesc, i));

		nulls[i] = column < 0 || v->nulls[column];
		if (!nulls[i])
			values[i] = v->values[column];
	}
	return heap_copy_tuple_as_datum(heap_form_tuple(tupdesc, values, nulls), tupdesc);
}

/*
 * Take over the columns of the unit from what the function returned.  False:
 * it is another row.
 */
static bool
from_row(CvgRel *rel, TupleDesc tupdesc, Datum row, const Datum *keys, Version *v)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(row);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header),.t_data = header};
	Datum	   *key = palloc0(sizeof(Datum) * Max(rel->desc->nkeys, 1));

	ItemPointerSetInvalid(&tuple.t_self);
	for (int i = 0; i < tupdesc->natts; i++)
	{
		int			column = column_of(rel, TupleDescAttr(tupdesc, i));

		if (column < 0)
			continue;
		if (rel->columns[column].unit >= 0)
			v->values[column] = heap_getattr(&tuple, i + 1, tupdesc, &v->nulls[column]);
		else if (rel->desc->columns[column].keypos > 0)
		{
			bool		isnull;

			key[rel->desc->columns[column].keypos - 1] = heap_getattr(&tuple, i + 1, tupdesc,
																	  &isnull);
			if (isnull)
				return false;
		}
	}
	return cvg_rel_key_equal(rel, key, unconstify(Datum *, keys));
}

static void
put_writer(StringInfo out, const char *label, CvgDot dot)
{
	char		when[MAXDATELEN + 1];
	int			utc = 0;

	/* in UTC, whatever the TimeZone of this session is */
	JsonEncodeDateTime(when, TimestampTzGetDatum(dot.stamp), TIMESTAMPTZOID, &utc);
	appendStringInfo(out, "\"%s\": {\"writer\": ", label);
	escape_json(out, pnstrdup((const char *) dot.replica.data, dot.replica.len));
	appendStringInfo(out, ", \"written_at\": \"%s\"}, ", when);
}

static Datum
make_info(CvgRel *rel, CvgDot mine, CvgDot theirs)
{
	const CvgDescriptor *desc = rel->desc;
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	put_writer(&out, "mine", mine);
	put_writer(&out, "theirs", theirs);
	appendStringInfoString(&out, "\"table\": ");
	escape_json(&out, quote_qualified_identifier(pnstrdup((const char *) desc->schema.data, desc->schema.len),
												 pnstrdup((const char *) desc->table.data, desc->table.len)));
	appendStringInfoChar(&out, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
}

/* fn(mine, theirs, info), into theirs. */
static void
call(CvgRel *rel, TupleDesc tupdesc, FmgrInfo *fn, const char *name, const Datum *keys,
	 const Version *mine, Version *theirs)
{
	LOCAL_FCINFO(fcinfo, 3);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, fn, 3, C_COLLATION_OID, NULL, NULL);
	fcinfo->args[0].value = to_row(rel, tupdesc, mine);
	fcinfo->args[1].value = to_row(rel, tupdesc, theirs);
	fcinfo->args[2].value = make_info(rel, mine->dot, theirs->dot);
	for (int i = 0; i < 3; i++)
		fcinfo->args[i].isnull = false;
	result = FunctionCallInvoke(fcinfo);
	if (!fcinfo->isnull && !from_row(rel, tupdesc, result, keys, theirs))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("function %s returned a row of table \"%s\" with another key", name,
						get_rel_name(rel->rootid)),
				 errdetail("It merges versions of one row."),
				 errhint("Return the key of its arguments.")));
}

void
cvg_row_function_fold(CvgRel *rel, const char *name, const CvgCellView *view,
					  const Datum *keys, Datum *values, bool *nulls)
{
	TupleDesc	tupdesc = lookup_rowtype_tupdesc_copy(get_rel_type_id(rel->rootid), -1);
	Version		mine = {NULL};
	FmgrInfo	fn;

	fmgr_info(cvg_row_function(rel, name), &fn);
	for (int i = 0; i < view->npairs; i++)
	{
		Version		theirs;

		if (view->values[i].len == 0)
			continue;			/* not known: the peer had forgotten it */
		theirs = get_version(rel, view->values[i], view->dots[i], keys);
		if (mine.values != NULL)
			call(rel, tupdesc, &fn, name, keys, &mine, &theirs);
		mine = theirs;
	}
	for (int i = 0; i < rel->desc->ncolumns; i++)
	{
		values[i] = mine.values != NULL ? mine.values[i] : (Datum) 0;
		nulls[i] = mine.values == NULL || mine.nulls[i];
	}
}
