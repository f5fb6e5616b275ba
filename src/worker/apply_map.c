/*-------------------------------------------------------------------------
 *
 * apply_map.c
 *	  Which column here is which column there.
 *
 * Columns are matched by name.  What decides the outcome of a merge must be
 * the same on both sides: key, types, units, policies; the first difference
 * is an error that says what to change, and the stream waits for that.  A
 * column that only we have is fine: it keeps its value or takes its default.
 * A column that only the other side has is an error: its values would be
 * lost.
 *
 * Maps live as long as the transaction, which holds a lock on the table.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "store/strategy.h"
#include "worker/apply_int.h"

#define SLICE_ARGS(s)	(int) (s).len, (const char *) (s).data

/* Column of ours by name, -1 if there is none. */
static int
find_column(const CvgDescriptor *ours, CvgSlice name)
{
	int			i;

	for (i = 0; i < ours->ncolumns; i++)
	{
		if (cvg_slice_eq(ours->columns[i].name, name))
			return i;
	}
	return -1;
}

pg_noinline static void
raise_not_replicated(const CvgDescriptor *theirs)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("table \"%.*s.%.*s\" is not replicated here",
					SLICE_ARGS(theirs->schema), SLICE_ARGS(theirs->table)),
			 errhint("Create the table if it does not exist, and call converge.replicate() on it.")));
}

pg_noinline static void
raise_setting_differs(const CvgDescriptor *theirs, const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("%s of table \"%.*s.%.*s\" differs between this node and the origin",
					what, SLICE_ARGS(theirs->schema), SLICE_ARGS(theirs->table)),
			 errhint("%s", hint)));
}

pg_noinline static void
raise_column_missing(const CvgDescriptor *theirs, const CvgColumn *col)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("table \"%.*s.%.*s\" has no column \"%.*s\" here",
					SLICE_ARGS(theirs->schema), SLICE_ARGS(theirs->table),
					SLICE_ARGS(col->name)),
			 errdetail("The origin has it with type %.*s.", SLICE_ARGS(col->type_name)),
			 errhint("Add the column to the table on this node.")));
}

pg_noinline static void
raise_column_differs(const CvgDescriptor *theirs, const CvgColumn *col,
					 const char *what, CvgSlice here, CvgSlice there)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("column \"%.*s\" of table \"%.*s.%.*s\" differs between this node and the origin",
					SLICE_ARGS(col->name), SLICE_ARGS(theirs->schema),
					SLICE_ARGS(theirs->table)),
			 errdetail("Its %s is %.*s here and %.*s at the origin.", what,
					   SLICE_ARGS(here), SLICE_ARGS(there)),
			 errhint("Make the table definitions equal.")));
}

/* Same key columns in the same order? */
static void
check_key(const CvgDescriptor *ours, const CvgDescriptor *theirs)
{
	bool		same = ours->nkeys == theirs->nkeys;
	int			i;

	for (i = 0; same && i < ours->nkeys; i++)
		same = cvg_slice_eq(ours->columns[ours->keycols[i]].name,
							theirs->columns[theirs->keycols[i]].name);
	if (!same)
		raise_setting_differs(theirs, "the key",
							  "Give both tables the same primary key columns in the same order, or name the same key index in converge.replicate().");
}

static void
check_settings(const CvgDescriptor *ours, const CvgDescriptor *theirs)
{
	const char *hint = "Call converge.unreplicate() and converge.replicate() with the same options on all nodes.";

	check_key(ours, theirs);
	if (ours->on_delete != theirs->on_delete)
		raise_setting_differs(theirs, "the option on_delete", hint);
	if (ours->granularity != theirs->granularity)
		raise_setting_differs(theirs, "the option granularity", hint);
	if ((ours->flags ^ theirs->flags) & CVG_DESC_KEYLESS)
		raise_setting_differs(theirs, "the key", hint);
}

/*
 * A descriptor with news was passed by while the table was not replicated here.
 * The error ends the connection; the next one begins with the descriptor.
 */
static void
check_strategies(CvgRel *rel, const CvgDescriptor *theirs)
{
	if (cvg_strategies_differ(theirs, rel))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("strategies of table \"%.*s.%.*s\" were set while it was not replicated here",
						SLICE_ARGS(theirs->schema), SLICE_ARGS(theirs->table)),
				 errdetail("They are adopted when the peer is connected to again, which happens by itself.")));
}

/* Do two columns of one name mean the same? */
static bool
columns_agree(const CvgDescriptor *theirs, const CvgColumn *ours,
			  const CvgColumn *col, bool strict)
{
	bool		generated = (ours->flags & CVG_COL_GENERATED) != 0;

	if (!cvg_slice_eq(ours->type_name, col->type_name))
	{
		if (strict)
			raise_column_differs(theirs, col, "type", ours->type_name, col->type_name);
		return false;
	}
	if ((ours->flags ^ col->flags) & CVG_COL_GENERATED)
	{
		if (strict)
			raise_column_differs(theirs, col, "kind",
								 cvg_slice_cstring(generated ? "generated" : "plain"),
								 cvg_slice_cstring(generated ? "plain" : "generated"));
		return false;
	}
	if (ours->unit != col->unit)
	{
		if (strict)
			raise_column_differs(theirs, col, "column group",
								 cvg_slice_cstring("another"), cvg_slice_cstring("another"));
		return false;
	}
	return true;
}

static CvgMap *
make_map(CvgApply *ap, const CvgDescriptor *theirs, CvgStore *store, bool strict)
{
	MemoryContext old = MemoryContextSwitchTo(ap->xact_mcxt);
	CvgMap	   *map = palloc0(sizeof(CvgMap));
	CvgRel	   *rel = store->info;
	int			matched = 0;
	int			i;

	map->hash = theirs->hash;
	map->strict = strict;
	map->desc = theirs;
	map->store = store;
	map->local = palloc(sizeof(int) * Max(theirs->ncolumns, 1));
	map->has_unit = palloc0(sizeof(bool) * Max(rel->nunits, 1));
	MemoryContextSwitchTo(old);

	if (strict)
	{
		check_settings(rel->desc, theirs);
		check_strategies(rel, theirs);
	}
	for (i = 0; i < theirs->ncolumns; i++)
	{
		int			at = find_column(rel->desc, theirs->columns[i].name);

		if (at < 0 && strict)
			raise_column_missing(theirs, &theirs->columns[i]);
		if (at >= 0 && !columns_agree(theirs, &rel->desc->columns[at],
									  &theirs->columns[i], strict))
			at = -1;
		map->local[i] = at;
		if (at >= 0 && rel->columns[at].unit >= 0)
			map->has_unit[rel->columns[at].unit] = true;
		if (at >= 0)
			matched++;
	}
	map->complete = matched == rel->desc->ncolumns;
	map->next = ap->maps;
	ap->maps = map;
	return map;
}

CvgMap *
cvg_map(CvgApply *ap, const CvgDescriptor *desc)
{
	CvgMap	   *map;
	Oid			relid;

	for (map = ap->maps; map != NULL; map = map->next)
	{
		if (map->strict && map->hash == desc->hash)
			return map;
	}
	relid = cvg_replicated_oid(desc->schema, desc->table);
	if (!OidIsValid(relid))
		raise_not_replicated(desc);
	return make_map(ap, desc, cvg_store_open(relid), true);
}

CvgMap *
cvg_map_loose(CvgApply *ap, const CvgDescriptor *desc, CvgStore *store)
{
	CvgMap	   *map;

	for (map = ap->maps; map != NULL; map = map->next)
	{
		if (map->store == store && map->hash == desc->hash)
			return map;
	}
	return make_map(ap, desc, store, false);
}
