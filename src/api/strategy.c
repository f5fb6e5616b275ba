/*-------------------------------------------------------------------------
 *
 * strategy.c
 *	  converge.set_strategy(), reset(), resolve().
 *
 * reset() and resolve() are UPDATE statements of the caller, with the
 * caller's rights; cvg_rewriting tells the triggers what is special about them.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "api/table.h"
#include "executor/spi.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "store/crdt_column.h"
#include "store/relinfo.h"
#include "store/row_function.h"
#include "store/strategy.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

/* ----------------------------------------------------------------
 *		set_strategy()
 * ----------------------------------------------------------------
 */

static bool
is_key_column(Oid key_index, AttrNumber attnum)
{
	Relation	index = index_open(key_index, AccessShareLock);
	bool		result = false;

	for (int i = 0; i < index->rd_index->indnkeyatts; i++)
		result |= index->rd_index->indkey.values[i] == attnum;
	index_close(index, AccessShareLock);
	return result;
}

static void
check_strategy_column(Oid relid, Oid key_index, const char *column)
{
	AttrNumber	attnum = get_attnum(relid, column);

	if (attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist",
						column, get_rel_name(relid))));
	if (attnum < 0 || strcmp(column, CVG_STATE_COLUMN) == 0 ||
		is_key_column(key_index, attnum) || get_attgenerated(relid, attnum) != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("column \"%s\" of table \"%s\" is not merged",
						column, get_rel_name(relid)),
				 errdetail("Key columns, generated columns and \"%s\" have no strategy.",
						   CVG_STATE_COLUMN)));
}

/* Columns that move with another one cannot be folded one by one. */
static void
check_strategy(Relation rel, const char *column, const char *strategy)
{
	CvgRel	   *info = cvg_rel(rel);
	CvgStrategy *s;
	int			at = -1;

	for (int i = 0; i < info->desc->ncolumns; i++)
	{
		if (cvg_slice_eq(info->desc->columns[i].name, cvg_slice_cstring(column)))
			at = i;
	}
	Assert(at >= 0);
	if (info->columns[at].crdt != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("column \"%s\" of table \"%s\" merges by its type, %s", column,
						RelationGetRelationName(rel),
						format_type_be(info->columns[at].codec.type)),
				 errhint("Strategies are for columns of ordinary types.")));
	s = cvg_strategy_parse(info, strategy, info->columns[at].codec.type, column);
	if (s->kind == CVG_STRATEGY_ROW_FUNCTION)	/* how it is kept, not how it is set */
		cvg_strategy_unknown(strategy);
	if (!cvg_strategy_fits_unit(info, at, s->kind))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of table \"%s\" cannot have strategy \"%s\": it moves together with others",
						column, RelationGetRelationName(rel), strategy),
				 errdetail("The table is replicated by row, or a CHECK, a foreign key or the partition key ties them."),
				 errhint("Available are: lww, siblings.")));
}

static void
require_replicated(Relation rel, CvgRegistration *reg)
{
	if (!cvg_registration_find(RelationGetRelid(rel), reg))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not replicated", RelationGetRelationName(rel)),
				 errhint("Use converge.replicate() first.")));
}

CVG_FUNCTION(set_strategy)
{
	Oid			relid = PG_GETARG_OID(0);
	const char *column = NameStr(*PG_GETARG_NAME(1));
	const char *strategy = text_to_cstring(PG_GETARG_TEXT_PP(2));
	Relation	rel = cvg_open_own_table(relid, ShareRowExclusiveLock);
	CvgRegistration reg;

	require_replicated(rel, &reg);
	check_strategy_column(relid, reg.key_index, column);
	check_strategy(rel, column, strategy);
	cvg_strategy_set(rel, list_make1(unconstify(char *, column)), strategy);
	relation_close(rel, NoLock);
	PG_RETURN_VOID();
}

/* The strategy of each column for that of a table: a function is one over rows. */
static const char *
table_strategy(Relation rel, const char *strategy)
{
	static const char prefix[] = "function:";

	if (strncmp(strategy, prefix, strlen(prefix)) == 0)
	{
		(void) cvg_row_function(cvg_rel(rel), strategy + strlen(prefix));
		return psprintf("row_%s", strategy);
	}
	if (strcmp(strategy, "siblings") != 0 && strcmp(strategy, "lww") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a strategy for a whole table", strategy),
				 errhint("Available are: siblings, lww, function:schema.name.")));
	return strategy;
}

/* Of every column that can have one. */
CVG_FUNCTION(set_table_strategy)
{
	Oid			relid = PG_GETARG_OID(0);
	const char *strategy = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Relation	rel = cvg_open_own_table(relid, ShareRowExclusiveLock);
	TupleDesc	tupdesc = RelationGetDescr(rel);
	List	   *columns = NIL;
	CvgRegistration reg;

	require_replicated(rel, &reg);
	strategy = table_strategy(rel, strategy);
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (att->attisdropped || att->attgenerated ||
			strcmp(NameStr(att->attname), CVG_STATE_COLUMN) == 0 ||
			is_key_column(reg.key_index, att->attnum) ||
			cvg_crdt_of_type(att->atttypid) != NULL)
			continue;
		columns = lappend(columns, pstrdup(NameStr(att->attname)));
	}
	if (columns != NIL)
		cvg_strategy_set(rel, columns, strategy);
	relation_close(rel, NoLock);
	PG_RETURN_VOID();
}

/* ----------------------------------------------------------------
 *		reset(), resolve()
 * ----------------------------------------------------------------
 */

/* Run an UPDATE that the triggers are to treat specially. */
static uint64
run_rewrite(CvgRewriteMode mode, Oid relid, const char *column, const char *sql,
			Oid argtype, Datum arg)
{
	CvgRewriting outer = cvg_rewriting;
	uint64		rows = 0;

	SPI_connect();
	cvg_rewriting.mode = mode;
	cvg_rewriting.rootid = relid;
	cvg_rewriting.column = column;
	PG_TRY();
	{
		if (SPI_execute_with_args(sql, 1, &argtype, &arg, NULL, false, 0) != SPI_OK_UPDATE)
			elog(ERROR, "could not run \"%s\"", sql);
		rows = SPI_processed;
	}
	PG_FINALLY();
	{
		cvg_rewriting = outer;
	}
	PG_END_TRY();
	SPI_finish();
	return rows;
}

CVG_FUNCTION(reset_counter)
{
	Oid			relid = PG_GETARG_OID(0);
	const char *column = NameStr(*PG_GETARG_NAME(1));
	Relation	rel = table_open(relid, AccessShareLock);
	CvgRel	   *info = cvg_rel(rel);
	bool		counter = false;
	uint64		rows;

	for (int i = 0; info != NULL && i < info->desc->ncolumns; i++)
	{
		if (cvg_slice_eq(info->desc->columns[i].name, cvg_slice_cstring(column)))
			counter = info->columns[i].strategy != NULL &&
				info->columns[i].strategy->kind == CVG_STRATEGY_COUNTER;
	}
	table_close(rel, NoLock);
	if (!counter)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a column with strategy \"counter\"", column),
				 errhint("A column of a counter type is reset with UPDATE ... SET c = converge.reset(c).")));
	rows = run_rewrite(CVG_REWRITE_RESET, relid, column,
					   psprintf("UPDATE %s AS t SET %s = 0 WHERE pg_catalog.to_jsonb(t.*) OPERATOR(pg_catalog.@>) $1",
								cvg_qualified_name(relid), quote_identifier(column)),
					   JSONBOID, PG_GETARG_DATUM(2));
	PG_RETURN_INT64((int64) rows);
}

/* UPDATE t SET (all that is merged) = (the row's) WHERE key = the row's */
static char *
resolve_command(CvgRel *info, Relation rel)
{
	StringInfoData set;
	StringInfoData where;

	initStringInfo(&set);
	initStringInfo(&where);
	for (int i = 0; i < info->desc->ncolumns; i++)
	{
		const char *name = quote_identifier(get_attname(info->relid, info->columns[i].attnum, false));

		if (info->desc->columns[i].flags & CVG_COL_GENERATED)
			continue;
		if (info->desc->columns[i].keypos > 0)
			appendStringInfo(&where, "%s t.%s OPERATOR(pg_catalog.=) ($1).%s",
							 where.len > 0 ? " AND" : "", name, name);
		else
			appendStringInfo(&set, "%s %s = ($1).%s", set.len > 0 ? "," : "", name, name);
	}
	if (where.len == 0)			/* without a key, a row is known by its birth */
		appendStringInfo(&where, " converge.birth(t.%s) OPERATOR(pg_catalog.=) converge.birth(($1).%s)",
						 CVG_STATE_COLUMN, CVG_STATE_COLUMN);
	return psprintf("UPDATE %s AS t SET%s WHERE%s", cvg_qualified_name(info->relid), set.data,
					where.data);
}

CVG_FUNCTION(resolve)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);
	Oid			relid = get_typ_typrelid(type);
	Relation	rel;
	CvgRel	   *info;
	char	   *command;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s is not a row of a table", format_type_be(type))));
	rel = relation_open(relid, RowExclusiveLock);
	info = rel->rd_rel->relkind == RELKIND_RELATION ||
		rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ? cvg_rel(rel) : NULL;
	if (info == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not replicated", RelationGetRelationName(rel))));
	command = resolve_command(info, rel);
	relation_close(rel, NoLock);
	if (run_rewrite(CVG_REWRITE_RESOLVE, info->rootid, NULL, command, type,
					PG_GETARG_DATUM(0)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("there is no row with this key in table \"%s\"", get_rel_name(relid))));
	PG_RETURN_VOID();
}
