/*-------------------------------------------------------------------------
 *
 * strategies.c
 *	  Which columns have which strategy: rows of converge.column_strategies.
 *
 * The strategy of a column is a last-write-wins register: who set it, and
 * when, goes with it.  A table's descriptor carries all of them, so that they
 * reach a node before the first change that was recorded by them: a node
 * compares each descriptor that it receives with what it has, and adopts what
 * is newer before it applies anything else.  set_strategy() makes a log entry
 * that has nothing but the descriptor.  Old entries name old descriptors;
 * these have nothing newer to say.
 *
 * Nothing waits for other nodes, and none has to be reachable: merging states
 * does not depend on strategies (core/rowcell.h), only what is shown of
 * several values does.  That is computed anew here for the rows in question.
 * ShareRowExclusiveLock keeps writers out meanwhile: whoever comes later uses
 * the new strategy.
 *
 * A node that does not replicate the table keeps what it knew of it, and adopts
 * nothing.  A descriptor that passed by meanwhile is not sent again on the same
 * connection: where a change refers to one that has news (apply_map.c), the
 * connection is given up, and the next one begins with the descriptor.
 *
 * Nodes know a column by its name, and so do these rows; its number, which is
 * local, tells a renamed column from a dropped one.  A node that renames a
 * column announces the strategy under the new name: what was set elsewhere
 * and passed on under the old name may find no such column on a node that
 * was faster.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "store/capture.h"
#include "store/crdt_column.h"
#include "store/meta.h"
#include "store/restamp.h"
#include "store/strategy.h"
#include "store/xactlog.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define Natts_column_strategies 6

/* ----------------------------------------------------------------
 *		The table
 * ----------------------------------------------------------------
 */

typedef void (*RowFn) (Relation rel, HeapTuple tuple, void *arg);

/* Call fn for the rows about one table. */
static void
for_each(Oid relid, LOCKMODE lockmode, RowFn fn, void *arg)
{
	Relation	rel = table_open(cvg_table_oid(CVG_T_COLUMN_STRATEGIES), lockmode);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, cvg_index_oid(CVG_T_COLUMN_STRATEGIES), true,
							  snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		fn(rel, tuple, arg);
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
}

static Datum
get_column(Relation rel, HeapTuple tuple, int attnum)
{
	bool		isnull;

	return heap_getattr(tuple, attnum, RelationGetDescr(rel), &isnull);
}

static CvgSlice
get_text(Relation rel, HeapTuple tuple, int attnum)
{
	return cvg_slice_cstring(TextDatumGetCString(get_column(rel, tuple, attnum)));
}

static CvgColumn *
find_column(CvgDescriptor *desc, CvgSlice name)
{
	for (int i = 0; i < desc->ncolumns; i++)
	{
		if (cvg_slice_eq(desc->columns[i].name, name))
			return &desc->columns[i];
	}
	return NULL;
}

static void
read_row(Relation rel, HeapTuple tuple, void *arg)
{
	CvgColumn  *col = find_column(arg, cvg_slice_cstring(NameStr(*DatumGetName(get_column(rel, tuple, 2)))));

	if (col == NULL || col->keypos > 0 ||
		(col->flags & (CVG_COL_GENERATED | CVG_COL_MERGED)))
		return;
	col->flags |= CVG_COL_STRATEGY;
	col->strategy = get_text(rel, tuple, 3);
	col->set_by = get_text(rel, tuple, 4);
	col->set_at = DatumGetInt64(get_column(rel, tuple, 5));
}

void
cvg_strategies_read(Oid relid, CvgDescriptor *desc)
{
	for_each(relid, AccessShareLock, read_row, desc);
}

static void
delete_row(Relation rel, HeapTuple tuple, void *arg)
{
	TM_FailureData failure;

	if (arg == NULL || strcmp(NameStr(*DatumGetName(get_column(rel, tuple, 2))), arg) == 0)
		(void) cvg_heap_delete(rel, &tuple->t_self, GetCurrentCommandId(true), &failure);
}

void
cvg_strategies_delete(Oid relid, const char *column)
{
	for_each(relid, RowExclusiveLock, delete_row, unconstify(char *, column));
}

static void
write_row(Oid relid, const char *column, CvgSlice strategy, CvgSlice set_by, CvgStamp set_at)
{
	Relation	rel;
	NameData	name;
	Datum		values[Natts_column_strategies];
	bool		nulls[Natts_column_strategies] = {false};

	cvg_strategies_delete(relid, column);
	CommandCounterIncrement();
	namestrcpy(&name, column);
	values[0] = ObjectIdGetDatum(relid);
	values[1] = NameGetDatum(&name);
	values[2] = PointerGetDatum(cstring_to_text_with_len((const char *) strategy.data, (int) strategy.len));
	values[3] = PointerGetDatum(cstring_to_text_with_len((const char *) set_by.data, (int) set_by.len));
	values[4] = Int64GetDatum(set_at);
	values[5] = Int16GetDatum(get_attnum(relid, column));
	rel = table_open(cvg_table_oid(CVG_T_COLUMN_STRATEGIES), RowExclusiveLock);
	cvg_meta_insert(rel, cvg_index_oid(CVG_T_COLUMN_STRATEGIES), values, nulls);
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

static void
invalidate(List *tree)
{
	ListCell   *lc;

	foreach(lc, tree)
		CacheInvalidateRelcacheByRelid(lfirst_oid(lc));
	CommandCounterIncrement();
}

/* ----------------------------------------------------------------
 *		What rows show
 * ----------------------------------------------------------------
 */

/* Columns whose unit has several values in this row. */
static void
fold_row(CvgRel *info, TupleTableSlot *slot, CvgSlice state, CvgReplaced *out)
{
	CvgFold		fold = {.rel = info,.state = state,.slot = slot};

	for (int i = 0; i < info->desc->ncolumns; i++)
	{
		CvgRelColumn *col = &info->columns[i];
		bool		isnull;
		Datum		value;

		if (!cvg_strategy_folds(info, i, state))
			continue;
		value = cvg_strategy_fold(&fold, i, &isnull);
		cvg_replaced_add(out, col->attnum, value, isnull);
	}
}

/* A table whose rows are folded anew, and the row at hand. */
typedef struct FoldRows
{
	CvgRel	   *rel;
	CvgRestamp *restamp;
	TupleTableSlot *slot;		/* NULL: between two */
} FoldRows;

static void
row_error_context(void *arg)
{
	FoldRows   *context = arg;
	const CvgDescriptor *desc = context->rel->desc;
	StringInfoData key;

	if (context->slot == NULL)
		return;
	initStringInfo(&key);
	for (int i = 0; i < desc->nkeys; i++)
	{
		CvgRelColumn *col = &context->rel->columns[desc->keycols[i]];
		bool		isnull;
		Datum		value = slot_getattr(context->slot, col->attnum, &isnull);
		Oid			out;
		bool		varlena;

		getTypeOutputInfo(col->codec.type, &out, &varlena);
		appendStringInfo(&key, "%s%s", i > 0 ? ", " : "", OidOutputFunctionCall(out, value));
	}
	errcontext("computing what a row of table \"%.*s.%.*s\" shows by its new strategy, key (%s)",
			   (int) desc->schema.len, (const char *) desc->schema.data,
			   (int) desc->table.len, (const char *) desc->table.data, key.data);
}

/* The functions that fold are the owner's to call; the rest is ours. */
static bool
fold_one(CvgRel *info, TupleTableSlot *slot, void *arg)
{
	FoldRows   *rows = arg;
	CvgSlice	state = cvg_rel_state(info, slot);
	CvgReplaced replaced;
	Oid			user;
	int			sec;

	if (!cvg_rowstate_has_cells(state))
		return true;
	rows->slot = slot;
	cvg_replaced_init(&replaced, info);
	GetUserIdAndSecContext(&user, &sec);
	SetUserIdAndSecContext(info->owner, sec | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	fold_row(info, slot, state, &replaced);
	SetUserIdAndSecContext(user, sec);
	if (replaced.n > 0)
		cvg_restamp_row(rows->restamp, slot, state, &replaced);
	rows->slot = NULL;
	return true;
}

static void
fold_relation(Relation rel)
{
	CvgRel	   *info = cvg_rel(rel);
	FoldRows	rows = {info, cvg_restamp_begin(rel, info->state_attnum), NULL};
	ErrorContextCallback callback = {error_context_stack, row_error_context, &rows};

	error_context_stack = &callback;
	(void) cvg_rel_each_row(info, rel, fold_one, &rows);
	error_context_stack = callback.previous;
	cvg_restamp_end(rows.restamp);
}

static void
fold_tree(List *tree)
{
	ListCell   *lc;

	/* functions of users want one, and a receiver has none yet */
	PushActiveSnapshot(GetLatestSnapshot());
	foreach(lc, tree)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		if (rel->rd_rel->relkind == RELKIND_RELATION)
			fold_relation(rel);
		table_close(rel, NoLock);
	}
	PopActiveSnapshot();
}

/* ----------------------------------------------------------------
 *		Setting and adopting
 * ----------------------------------------------------------------
 */

/*
 * All with one stamp: of two nodes that do this to the same columns at the same
 * time, one wins for all of them.
 */
void
cvg_strategy_set(Relation rel, List *columns, const char *strategy)
{
	Oid			relid = RelationGetRelid(rel);
	List	   *tree = find_all_inheritors(relid, ShareRowExclusiveLock, NULL);
	CvgDb	   *db = cvg_db();
	const CvgDescriptor *desc = cvg_rel(rel)->desc;
	CvgStamp	stamp = cvg_capture_stamp();
	ListCell   *lc;

	/* later than anything that is set now, whoever has set it */
	for (int i = 0; i < desc->ncolumns; i++)
	{
		if ((desc->columns[i].flags & CVG_COL_STRATEGY) && desc->columns[i].set_at >= stamp)
		{
			cvg_stamp_observe(db, desc->columns[i].set_at);
			stamp = cvg_capture_stamp();
		}
	}
	foreach(lc, columns)
		write_row(relid, lfirst(lc), cvg_slice_cstring(strategy),
				  cvg_slice_cstring(db->replica_id), stamp);
	invalidate(tree);
	fold_tree(tree);
	cvg_xactlog_announce(cvg_rel(rel));
}

/* What follow_row() works on. */
typedef struct Following
{
	TupleDesc	tupdesc;		/* of the table, as it is now */
	bool		renamed;		/* has a column with a strategy another name? */
} Following;

/* Make one row follow its column, which may have another name or be gone. */
static void
follow_row(Relation rel, HeapTuple tuple, void *arg)
{
	Following  *f = arg;
	int			attnum = DatumGetInt16(get_column(rel, tuple, 6));
	Form_pg_attribute att = TupleDescAttr(f->tupdesc, attnum - 1);
	Datum		values[Natts_column_strategies];
	bool		nulls[Natts_column_strategies];
	TM_FailureData failure;

	if (!att->attisdropped &&
		namestrcmp(DatumGetName(get_column(rel, tuple, 2)), NameStr(att->attname)) == 0)
		return;
	(void) cvg_heap_delete(rel, &tuple->t_self, GetCurrentCommandId(true), &failure);
	if (att->attisdropped)
		return;
	heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
	values[1] = NameGetDatum(&att->attname);
	cvg_meta_insert(rel, cvg_index_oid(CVG_T_COLUMN_STRATEGIES), values, nulls);
	f->renamed = true;
}

void
cvg_strategies_follow(Relation root)
{
	Oid			relid = RelationGetRelid(root);
	Following	f = {.tupdesc = RelationGetDescr(root)};

	for_each(relid, RowExclusiveLock, follow_row, &f);
	CommandCounterIncrement();
	if (!f.renamed)
		return;
	invalidate(find_all_inheritors(relid, NoLock, NULL));
	(void) cvg_capture_stamp();	/* the bound that an entry of this transaction needs */
	cvg_xactlog_announce(cvg_rel(root));
}

/* The columns of a table that is replicated again. */
typedef struct Reviving
{
	Relation	root;
	CvgRel	   *rel;
} Reviving;

static void
revive_row(Relation rel, HeapTuple tuple, void *arg)
{
	Reviving   *r = arg;
	const char *name = NameStr(*DatumGetName(get_column(rel, tuple, 2)));
	const char *table = RelationGetRelationName(r->root);
	CvgSlice	strategy = get_text(rel, tuple, 3);
	TM_FailureData failure;

	for (int i = 0; i < r->rel->desc->ncolumns; i++)
	{
		if (!cvg_slice_eq(r->rel->desc->columns[i].name, cvg_slice_cstring(name)) ||
			r->rel->columns[i].strategy == NULL || !cvg_strategy_fits(r->rel, i))
			continue;
		if (r->rel->columns[i].strategy->kind == CVG_STRATEGY_LWW)
			return;				/* as any column has */
		ereport(NOTICE,
				(errmsg("column \"%s\" of table \"%s\" has strategy \"%.*s\" as before", name, table,
						(int) strategy.len, (const char *) strategy.data)));
		return;
	}
	ereport(NOTICE,
			(errmsg("strategy \"%.*s\" does not fit column \"%s\" of table \"%s\" any more and is forgotten",
					(int) strategy.len, (const char *) strategy.data, name, table)));
	(void) cvg_heap_delete(rel, &tuple->t_self, GetCurrentCommandId(true), &failure);
}

void
cvg_strategies_revive(Relation root)
{
	Following	f = {.tupdesc = RelationGetDescr(root)};
	Reviving	r = {.root = root};

	for_each(RelationGetRelid(root), RowExclusiveLock, follow_row, &f);
	CommandCounterIncrement();
	invalidate(find_all_inheritors(RelationGetRelid(root), NoLock, NULL));
	r.rel = cvg_rel(root);
	for_each(RelationGetRelid(root), RowExclusiveLock, revive_row, &r);
	invalidate(find_all_inheritors(RelationGetRelid(root), NoLock, NULL));
}

/* Is what a foreign column says newer than what ours has? */
static bool
is_news(const CvgColumn *theirs, const CvgColumn *ours)
{
	if (ours == NULL || !(theirs->flags & CVG_COL_STRATEGY) || ours->keypos > 0 ||
		(ours->flags & (CVG_COL_GENERATED | CVG_COL_MERGED)))
		return false;
	return !(ours->flags & CVG_COL_STRATEGY) ||
		cvg_dot_cmp(theirs->set_at, theirs->set_by, ours->set_at, ours->set_by) > 0;
}

/* Our table that a descriptor is about, NULL if there is none. */
static CvgRel *
described_rel(const CvgDescriptor *theirs)
{
	Oid			relid = cvg_replicated_oid(theirs->schema, theirs->table);

	return OidIsValid(relid) ? cvg_rel_by_oid(relid) : NULL;
}

bool
cvg_strategies_differ(const CvgDescriptor *theirs, CvgRel *ours)
{
	for (int i = 0; ours != NULL && i < theirs->ncolumns; i++)
	{
		if (is_news(&theirs->columns[i],
					find_column(unconstify(CvgDescriptor *, ours->desc),
								theirs->columns[i].name)))
			return true;
	}
	return false;
}

bool
cvg_strategies_news(CvgSlice bytes)
{
	CvgDescriptor theirs;
	bool		strategies = false;

	if (cvg_descriptor_decode(bytes, &theirs, NULL) != CVG_OK)
		return false;
	for (int i = 0; i < theirs.ncolumns; i++)
		strategies |= (theirs.columns[i].flags & CVG_COL_STRATEGY) != 0;
	return strategies && cvg_strategies_differ(&theirs, described_rel(&theirs));
}

static void
adopt_column(CvgRel *rel, const CvgColumn *col)
{
	Oid			relid = rel->rootid;
	char	   *name = pnstrdup((const char *) col->name.data, col->name.len);
	char	   *strategy = pnstrdup((const char *) col->strategy.data, col->strategy.len);

	/* what cannot be done here stops that peer's stream until it can */
	(void) cvg_strategy_parse(rel, strategy, get_atttype(relid, get_attnum(relid, name)), name);
	if (col->set_at > cvg_latest_stamp())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("strategy of column \"%s\" was set in the future", name),
				 errdetail("A peer says that it was set %s, further ahead than converge.max_clock_skew allows.",
						   timestamptz_to_str(col->set_at))));
	cvg_stamp_observe(cvg_db(), col->set_at);
	write_row(relid, name, col->strategy, col->set_by, col->set_at);
}

void
cvg_strategies_adopt(CvgSlice bytes)
{
	CvgDescriptor theirs;
	CvgDescriptor ours;
	CvgRel	   *rel;
	Oid			relid;
	List	   *tree;

	if (cvg_descriptor_decode(bytes, &theirs, NULL) != CVG_OK)
		return;
	relid = cvg_replicated_oid(theirs.schema, theirs.table);
	if (!OidIsValid(relid))
		return;
	LockRelationOid(relid, ShareRowExclusiveLock);
	tree = find_all_inheritors(relid, ShareRowExclusiveLock, NULL);
	rel = cvg_rel_by_oid(relid);
	if (!cvg_strategies_differ(&theirs, rel))
		return;
	(void) cvg_descriptor_decode(rel->desc_bytes, &ours, NULL);
	for (int i = 0; i < theirs.ncolumns; i++)
	{
		if (is_news(&theirs.columns[i], find_column(&ours, theirs.columns[i].name)))
			adopt_column(cvg_rel_by_oid(relid), &theirs.columns[i]);
	}
	invalidate(tree);
	fold_tree(tree);
}
