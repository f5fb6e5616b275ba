/*-------------------------------------------------------------------------
 *
 * strategy_check.c
 *	  Which strategies a column can have: when one is set, and when the table's
 *	  definition changes under one.
 *
 * Two things can make a strategy unfit: another type of the column, and columns
 * that move together with it.  DDL that would do so is refused, with a word on
 * what to do first.  A change of type leaves the values in row states as they
 * were encoded, so it is refused too where any are kept there, unless the new
 * type reads them.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "parser/parse_func.h"
#include "store/row_function.h"
#include "store/strategy.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

void
cvg_check_merge_function(CvgRel *rel, Oid function, const char *name)
{
	AclResult	acl = cvg_function_aclcheck(function, rel->owner);

	/* it is called without the executor, which would look */
	if (acl != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function %s", name),
				 errdetail("The owner of table \"%s\" must be allowed to execute it.",
						   get_rel_name(rel->rootid))));
	if (func_volatile(function) != PROVOLATILE_IMMUTABLE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
				 errmsg("function %s is not immutable", name),
				 errdetail("It must give the same result on every node."),
				 errhint("Declare it IMMUTABLE if it is so.")));
}

/* A function that takes whole rows was given for a column. */
pg_noinline static void
refuse_row_function(CvgRel *rel, const char *name)
{
	const char *table = get_rel_name(rel->rootid);

	if (rel->desc->granularity == CVG_GRANULARITY_ROW)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("function %s merges whole rows, not a column", name),
				 errhint("Use converge.set_strategy('%s', 'function:%s').", table, name)));
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("function %s merges whole rows, not a column", name),
			 errdetail("Table \"%s\" is replicated by column: what the row was when a value was written is not known on every node.",
					   table),
			 errhint("Replicate it with granularity => 'row' and use converge.set_strategy('%s', 'function:%s').",
					 table, name)));
}

Oid
cvg_merge_function(CvgRel *rel, const char *name, Oid type)
{
	Oid			args[2] = {type, type};
	List	   *names = cvg_name_list(name);
	Oid			oid = LookupFuncName(names, 2, args, true);

	if (!OidIsValid(oid) && OidIsValid(cvg_row_function_lookup(rel, name)))
		refuse_row_function(rel, name);
	if (!OidIsValid(oid) || get_func_rettype(oid) != type ||
		get_func_prokind(oid) != PROKIND_FUNCTION || get_func_retset(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("there is no function %s(%s, %s) returning %s", name,
						format_type_be(type), format_type_be(type), format_type_be(type)),
				 errhint("Create it on every node first.")));
	cvg_check_merge_function(rel, oid, name);
	return oid;
}

void
cvg_strategy_unknown(const char *text)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown strategy \"%s\"", text),
			 errhint("Available are: lww, counter, max, min, union, jsonb_merge, siblings, function:schema.name.")));
}

CvgStrategy *
cvg_strategy_parse(CvgRel *rel, const char *text, Oid type, const char *column)
{
	Oid			base = getBaseType(type);
	CvgStrategy *s;

	if (!cvg_strategy_is_name(text))
		cvg_strategy_unknown(text);
	s = cvg_strategy_known(cvg_slice_cstring(text), base, CurrentMemoryContext);
	if (s->kind == CVG_STRATEGY_LWW && strcmp(text, "lww") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("strategy \"%s\" does not fit column \"%s\" of type %s",
						text, column, format_type_be(type)),
				 errhint("A counter is smallint, integer, bigint, numeric or double precision; union is for arrays, jsonb_merge for jsonb.")));
	if ((s->kind == CVG_STRATEGY_MAX || s->kind == CVG_STRATEGY_MIN) &&
		!OidIsValid(lookup_type_cache(base, TYPECACHE_CMP_PROC)->cmp_proc))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("strategy \"%s\" does not fit column \"%s\": type %s has no order",
						text, column, format_type_be(type))));
	if (s->kind == CVG_STRATEGY_FUNCTION)
		(void) cvg_merge_function(rel, s->function, type);
	if (s->kind == CVG_STRATEGY_ROW_FUNCTION)
		(void) cvg_row_function(rel, s->function);
	return s;
}

/* ----------------------------------------------------------------
 *		When the table changes
 * ----------------------------------------------------------------
 */

/* As cvg_strategy_parse() has it, without errors. */
static bool
fits_type(CvgRel *rel, CvgSlice text, Oid type)
{
	Oid			base = getBaseType(type);
	CvgStrategy *s = cvg_strategy_known(text, base, CurrentMemoryContext);
	Oid			args[2] = {type, type};
	Oid			function;

	switch (s->kind)
	{
		case CVG_STRATEGY_LWW:
			return cvg_slice_eq(text, cvg_slice_cstring("lww"));
		case CVG_STRATEGY_MAX:
		case CVG_STRATEGY_MIN:
			return OidIsValid(lookup_type_cache(base, TYPECACHE_CMP_PROC)->cmp_proc);
		case CVG_STRATEGY_FUNCTION:
			function = LookupFuncName(cvg_name_list(s->function), 2, args, true);
			return OidIsValid(function) && get_func_rettype(function) == type;
		case CVG_STRATEGY_ROW_FUNCTION:
			return rel->desc->granularity == CVG_GRANULARITY_ROW;
		default:
			return true;
	}
}

bool
cvg_strategy_fits_unit(CvgRel *rel, int column, CvgStrategyKind kind)
{
	int			n = 0;

	if (kind == CVG_STRATEGY_LWW || kind == CVG_STRATEGY_SIBLINGS ||
		kind == CVG_STRATEGY_ROW_FUNCTION)
		return true;
	for (int i = 0; i < rel->desc->ncolumns; i++)
		n += rel->columns[i].unit == rel->columns[column].unit;
	return n == 1;
}

static char *
strategy_text(const CvgColumn *col)
{
	return pnstrdup((const char *) col->strategy.data, col->strategy.len);
}

bool
cvg_strategy_fits(CvgRel *rel, int column)
{
	return rel->columns[column].unit >= 0 &&
		cvg_strategy_fits_unit(rel, column, rel->columns[column].strategy->kind) &&
		fits_type(rel, rel->desc->columns[column].strategy, rel->columns[column].codec.type);
}

void
cvg_strategies_check_units(Relation root)
{
	CvgRel	   *rel = cvg_rel(root);

	for (int i = 0; i < rel->desc->ncolumns; i++)
	{
		const char *name;

		if (rel->columns[i].strategy == NULL ||
			cvg_strategy_fits_unit(rel, i, rel->columns[i].strategy->kind))
			continue;
		name = get_attname(rel->relid, rel->columns[i].attnum, false);
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column \"%s\" of table \"%s\" has strategy \"%s\" and cannot move together with other columns",
						name, RelationGetRelationName(root), strategy_text(&rel->desc->columns[i])),
				 errdetail("A CHECK, a foreign key or the partition key would tie them."),
				 errhint("Use converge.set_strategy('%s', '%s', 'lww') first.",
						 RelationGetRelationName(root), name)));
	}
}

static bool
is_int(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* Can values that were encoded as one type be read as the other? */
static bool
is_readable(Oid from, Oid to)
{
	from = getBaseType(from);
	to = getBaseType(to);
	return from == to || (is_int(from) && is_int(to)) ||
		((from == TEXTOID || from == VARCHAROID) && (to == TEXTOID || to == VARCHAROID));
}

/* False: the state of this row has something encoded in the column's type. */
static bool
keeps_nothing(CvgRel *rel, TupleTableSlot *slot, void *arg)
{
	int			column = *(int *) arg;
	CvgSlice	state = cvg_rel_state(rel, slot);
	CvgCellView view;

	if (!cvg_rowstate_cell(state, rel->units[rel->columns[column].unit], &view))
		return true;
	for (int i = 0; i < view.npairs; i++)
	{
		if (view.values[i].len > 0)
			return false;
	}
	return !view.counted;
}

static bool
any_kept(Oid relid, int column)
{
	Relation	rel = table_open(relid, NoLock);
	bool		found = rel->rd_rel->relkind == RELKIND_RELATION &&
		!cvg_rel_each_row(cvg_rel(rel), rel, keeps_nothing, &column);

	table_close(rel, NoLock);
	return found;
}

/* Does any row, in any partition? */
static bool
tree_keeps_values(Oid relid, int column)
{
	List	   *tree = find_all_inheritors(relid, AccessExclusiveLock, NULL);
	ListCell   *lc;

	foreach(lc, tree)
	{
		if (any_kept(lfirst_oid(lc), column))
			return true;
	}
	return false;
}

void
cvg_strategies_check_type(Oid relid, const char *column, Oid type)
{
	CvgRel	   *rel = cvg_rel_by_oid(relid);
	const char *table = get_rel_name(relid);
	int			at = -1;

	for (int i = 0; rel != NULL && i < rel->desc->ncolumns; i++)
	{
		if (cvg_slice_eq(rel->desc->columns[i].name, cvg_slice_cstring(column)))
			at = i;
	}
	if (at < 0 || rel->columns[at].unit < 0 || !rel->has_strategies)
		return;
	if (rel->columns[at].strategy != NULL &&
		!fits_type(rel, rel->desc->columns[at].strategy, type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table \"%s\" has strategy \"%s\", which does not fit type %s",
						column, table, strategy_text(&rel->desc->columns[at]), format_type_be(type)),
				 errhint("Use converge.set_strategy('%s', '%s', 'lww') first.", table, column)));
	if (!is_readable(rel->columns[at].codec.type, type) && tree_keeps_values(relid, at))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot change column \"%s\" of table \"%s\" to type %s", column, table,
						format_type_be(type)),
				 errdetail("Concurrent values, or contributions to a counter, are kept in row states in the old type."),
				 errhint("End conflicts with converge.resolve(); for a counter, call converge.unreplicate() and converge.replicate() on all nodes.")));
}
