/*-------------------------------------------------------------------------
 *
 * rowstore.c
 *	  Open tables for applying, and find one row by its key.  rowwrite.c
 *	  writes it.
 *
 * Concurrency.  A find scans the key index with a dirty snapshot and waits
 * for whoever is writing the row, so it sees the latest committed version.
 * It takes no lock: update and delete go by the version found, and the table
 * AM says when that is not the latest any more (CVG_WRITE_RETRY: the caller
 * decides anew).  Only where row triggers of the user fire is the row locked
 * first, because they must see what will be written over.
 *
 * A dirty index scan can miss a row that moves to another index entry while
 * it runs.  It then has seen the entry of an older version, and a fresh MVCC
 * snapshot is asked; but a row may also be inserted just after, which only an
 * insert notices.
 *
 * Triggers.  Those of this extension are left out, as are all that do not
 * fire for replicated changes.
 *
 * Crash.  Nothing here outlives the transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/execPartition.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "nodes/makefuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "store/meta.h"
#include "store/rowstore.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

void		(*cvg_before_row_wait) (void) = NULL;

static CvgStore *open_stores = NULL;

/* ----------------------------------------------------------------
 *		Opening and closing
 * ----------------------------------------------------------------
 */

/* Stores are in the transaction's memory. */
static void
rowstore_xact_callback(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		open_stores = NULL;
}

/* Row-level security cannot be applied here, so it must not be in force. */
static void
check_row_security(Relation rel)
{
	if (check_enable_rls(RelationGetRelid(rel), rel->rd_rel->relowner, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot apply changes to table \"%s\": row-level security is in force for its owner",
						RelationGetRelationName(rel)),
				 errhint("Use ALTER TABLE ... NO FORCE ROW LEVEL SECURITY.")));
}

/* An executor state whose range table is this one relation. */
static EState *
create_estate(Relation rel)
{
	EState	   *estate = CreateExecutorState();
	RangeTblEntry *rte = makeNode(RangeTblEntry);

	rte->rtekind = RTE_RELATION;
	rte->relid = RelationGetRelid(rel);
	rte->relkind = rel->rd_rel->relkind;
	rte->rellockmode = AccessShareLock;
	cvg_init_range_table(estate, rte);
	return estate;
}

/*
 * Disable, in our copy, triggers that are ours or do not fire here, so that
 * the executor has nothing to do for the usual table.
 */
static void
filter_triggers(CvgTarget *target)
{
	TriggerDesc *desc = target->rri->ri_TrigDesc;
	Oid			own = get_namespace_oid(CVG_SCHEMA, true);
	bool		any = false;
	int			i;

	if (desc == NULL)
		return;
	for (i = 0; i < desc->numtriggers; i++)
	{
		Trigger    *trigger = &desc->triggers[i];

		if ((trigger->tgenabled != TRIGGER_FIRES_ALWAYS &&
			 trigger->tgenabled != TRIGGER_FIRES_ON_REPLICA) ||
			!TRIGGER_FOR_ROW(trigger->tgtype) ||
			get_func_namespace(trigger->tgfoid) == own)
		{
			trigger->tgenabled = TRIGGER_DISABLED;
			continue;
		}
		any = true;
		/* the executor would do so in the context of the row at hand, with what the function keeps */
		fmgr_info_cxt(trigger->tgfoid, &target->rri->ri_TrigFunctions[i],
					  target->estate->es_query_cxt);
		if (TRIGGER_FOR_AFTER(trigger->tgtype))
			target->fires[CVG_FIRES_AFTER] = true;
		if (TRIGGER_FOR_BEFORE(trigger->tgtype))
		{
			target->fires[CVG_FIRES_BEFORE_UPDATE] |= TRIGGER_FOR_UPDATE(trigger->tgtype);
			target->fires[CVG_FIRES_BEFORE_DELETE] |= TRIGGER_FOR_DELETE(trigger->tgtype);
			target->fires[CVG_FIRES_BEFORE_INSERT] |= TRIGGER_FOR_INSERT(trigger->tgtype);
		}
	}
	if (!any)
		target->rri->ri_TrigDesc = NULL;
}

/* Scan keys of the key index, without arguments; equality is the index's own. */
static void
init_key_scan(Relation index, int nkeys, ScanKeyData *keys)
{
	int			i;

	for (i = 0; i < nkeys; i++)
	{
		Oid			intype = index->rd_opcintype[i];
		Oid			op = get_opfamily_member(index->rd_opfamily[i], intype, intype,
											 BTEqualStrategyNumber);

		if (!OidIsValid(op))
			elog(ERROR, "no equality operator for key column %d of \"%s\"", i + 1,
				 RelationGetRelationName(index));
		ScanKeyEntryInitialize(&keys[i], 0, i + 1, BTEqualStrategyNumber,
							   InvalidOid, index->rd_indcollation[i],
							   get_opcode(op), (Datum) 0);
	}
}

/* Prepare to look rows up by key. */
static void
open_key_index(CvgTarget *target)
{
	ResultRelInfo *rri = target->rri;
	Relation	index = NULL;
	int			i;

	for (i = 0; i < rri->ri_NumIndices; i++)
	{
		if (RelationGetRelid(rri->ri_IndexRelationDescs[i]) == target->info->key_index)
			index = rri->ri_IndexRelationDescs[i];
		if (rri->ri_IndexRelationDescs[i]->rd_index->indisunique)
			target->has_unique = true;
	}
	if (index == NULL || !index->rd_index->indisvalid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("replicated table \"%s\" has lost the index of its key",
						RelationGetRelationName(target->rel)),
				 errhint("Call converge.unreplicate() and converge.replicate() on the table.")));

	target->nkeys = target->keyless ? 1 : target->info->desc->nkeys;
	target->keys = palloc0(sizeof(ScanKeyData) * target->nkeys);
	init_key_scan(index, target->nkeys, target->keys);
	InitDirtySnapshot(target->dirty);
	target->scan = cvg_index_beginscan(target->rel, index, &target->dirty, NULL, target->nkeys, 0);
}

static CvgTarget *
open_target(CvgStore *store, Relation rel)
{
	CvgTarget  *target = palloc0(sizeof(CvgTarget));
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	if (rel->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot apply changes to \"%s\": it is not a table",
						RelationGetRelationName(rel))));
	target->store = store;
	target->rel = rel;
	target->estate = store->estate;
	target->info = cvg_rel(rel);
	if (target->info == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not replicated", RelationGetRelationName(rel))));
	target->keyless = (target->info->desc->flags & CVG_DESC_KEYLESS) != 0;
	target->has_generated = constr != NULL && constr->has_generated_stored;
	target->has_not_null = constr != NULL && constr->has_not_null;

	target->rri = makeNode(ResultRelInfo);
	InitResultRelInfo(target->rri, rel, 1, NULL, 0);
	store->estate->es_opened_result_relations =
		lappend(store->estate->es_opened_result_relations, target->rri);
	filter_triggers(target);
	ExecOpenIndices(target->rri, true);
	target->found = table_slot_create(rel, &store->estate->es_tupleTable);
	target->other = table_slot_create(rel, &store->estate->es_tupleTable);
	target->fresh = ExecInitExtraTupleSlot(store->estate, RelationGetDescr(rel),
										   &TTSOpsVirtual);
	open_key_index(target);
	cvg_rowcheck_init(target);
	store->targets = lappend(store->targets, target);
	return target;
}

/* What tuple routing wants. */
static void
open_routing(CvgStore *store)
{
	ModifyTableState *mtstate = makeNode(ModifyTableState);

	store->root_rri = makeNode(ResultRelInfo);
	InitResultRelInfo(store->root_rri, store->rel, 1, NULL, 0);
	mtstate->ps.plan = NULL;
	mtstate->ps.state = store->estate;
	mtstate->operation = CMD_INSERT;
	mtstate->resultRelInfo = store->root_rri;
	store->mtstate = mtstate;
	store->routing = ExecSetupPartitionTupleRouting(store->estate, store->rel);
	store->root_slot = ExecInitExtraTupleSlot(store->estate, RelationGetDescr(store->rel),
											  &TTSOpsVirtual);
}

static CvgStore *
make_store(Oid relid)
{
	static bool registered = false;
	Relation	rel = try_table_open(relid, RowExclusiveLock);
	CvgRel	   *info = rel ? cvg_rel(rel) : NULL;
	MemoryContext mcxt;
	MemoryContext old;
	CvgStore   *store;
	Oid			user;
	int			sec;
	int			nest;

	if (info == NULL || info->rootid != relid)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table with OID %u is not replicated any more", relid)));
	check_row_security(rel);
	if (!registered)
	{
		RegisterXactCallback(rowstore_xact_callback, NULL);
		registered = true;
	}

	/* planning a CHECK may run functions of the owner's */
	GetUserIdAndSecContext(&user, &sec);
	SetUserIdAndSecContext(info->owner, sec | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	nest = NewGUCNestLevel();
	mcxt = AllocSetContextCreate(TopTransactionContext, "pg_converge open table",
								 ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(mcxt);
	store = palloc0(sizeof(CvgStore));
	store->relid = relid;
	store->rel = rel;
	store->info = info;
	store->mcxt = mcxt;
	store->estate = create_estate(rel);
	if (info->partitioned)
		open_routing(store);
	else
		store->plain = open_target(store, rel);
	MemoryContextSwitchTo(old);
	AtEOXact_GUC(false, nest);
	SetUserIdAndSecContext(user, sec);
	return store;
}

CvgStore *
cvg_store_open(Oid relid)
{
	CvgStore   *store;

	for (store = open_stores; store != NULL; store = store->next)
	{
		if (store->relid == relid)
			return store;
	}
	store = make_store(relid);
	store->next = open_stores;
	open_stores = store;
	return store;
}

CvgStore *
cvg_stores_first(void)
{
	return open_stores;
}

void
cvg_stores_close(void)
{
	while (open_stores != NULL)
	{
		CvgStore   *store = open_stores;
		ListCell   *lc;

		open_stores = store->next;
		foreach(lc, store->targets)
		{
			CvgTarget  *target = lfirst(lc);

			index_endscan(target->scan);
			ExecCloseIndices(target->rri);
			if (target->rel != store->rel)
				table_close(target->rel, NoLock);
		}
		if (store->routing != NULL)
			ExecCleanupTupleRouting(store->mtstate, store->routing);
		ExecResetTupleTable(store->estate->es_tupleTable, false);
		FreeExecutorState(store->estate);
		table_close(store->rel, NoLock);
		MemoryContextDelete(store->mcxt);
	}
}

/* ----------------------------------------------------------------
 *		Partitions
 * ----------------------------------------------------------------
 */

static CvgTarget *
leaf_target(CvgStore *store, Oid relid)
{
	ListCell   *lc;
	MemoryContext old;
	CvgTarget  *target;

	if (store->last_target != NULL &&
		RelationGetRelid(store->last_target->rel) == relid)
		return store->last_target;
	foreach(lc, store->targets)
	{
		target = lfirst(lc);
		if (RelationGetRelid(target->rel) == relid)
		{
			store->last_target = target;
			return target;
		}
	}
	old = MemoryContextSwitchTo(store->mcxt);
	target = open_target(store, table_open(relid, RowExclusiveLock));
	MemoryContextSwitchTo(old);
	store->last_target = target;
	return target;
}

/* Where root_slot belongs. */
static CvgTarget *
route_root_slot(CvgStore *store)
{
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(store->estate));
	ResultRelInfo *leaf;

	ExecStoreVirtualTuple(store->root_slot);
	leaf = ExecFindPartition(store->mtstate, store->root_rri, store->routing,
							 store->root_slot, store->estate);
	MemoryContextSwitchTo(old);
	return leaf_target(store, RelationGetRelid(leaf->ri_RelationDesc));
}

static void
clear_root_slot(CvgStore *store)
{
	TupleTableSlot *slot = store->root_slot;

	ResetPerTupleExprContext(store->estate);
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts);
	memset(slot->tts_values, 0, slot->tts_tupleDescriptor->natts * sizeof(Datum));
}

CvgTarget *
cvg_store_route_key(CvgStore *store, Datum *keys)
{
	const CvgDescriptor *desc = store->info->desc;
	int			i;

	if (store->plain != NULL)
		return store->plain;
	clear_root_slot(store);
	for (i = 0; i < desc->nkeys; i++)
	{
		AttrNumber	att = store->info->columns[desc->keycols[i]].attnum;

		store->root_slot->tts_values[att - 1] = keys[i];
		store->root_slot->tts_isnull[att - 1] = false;
	}
	return route_root_slot(store);
}

CvgTarget *
cvg_store_route_row(CvgStore *store, Datum *values, bool *nulls)
{
	int			i;

	if (store->plain != NULL)
		return store->plain;
	clear_root_slot(store);
	for (i = 0; i < store->info->desc->ncolumns; i++)
	{
		AttrNumber	att = store->info->columns[i].attnum;

		store->root_slot->tts_values[att - 1] = values[i];
		store->root_slot->tts_isnull[att - 1] = nulls[i];
	}
	return route_root_slot(store);
}

List *
cvg_store_targets(CvgStore *store)
{
	List	   *children;
	ListCell   *lc;

	if (store->plain != NULL)
		return store->targets;
	children = find_all_inheritors(store->relid, RowExclusiveLock, NULL);
	foreach(lc, children)
	{
		if (get_rel_relkind(lfirst_oid(lc)) != RELKIND_PARTITIONED_TABLE)
			(void) leaf_target(store, lfirst_oid(lc));
	}
	list_free(children);
	return store->targets;
}

/* ----------------------------------------------------------------
 *		Finding
 * ----------------------------------------------------------------
 */

/* One scan; *seen says whether the index had any entry for the key. */
static bool
scan_for_row(IndexScanDesc scan, TupleTableSlot *slot, bool *seen)
{
	*seen = false;
	for (;;)
	{
		if (!scan->xs_heap_continue)
		{
			if (index_getnext_tid(scan, ForwardScanDirection) == NULL)
				return false;
			*seen = true;
		}
		if (index_fetch_heap(scan, slot))
			return true;
	}
}

/* The row as a fresh MVCC snapshot has it; see the file header. */
static bool
find_with_mvcc(CvgTarget *target)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	IndexScanDesc scan;
	bool		seen;
	bool		found;

	snapshot->curcid = InvalidCommandId;	/* all of our own commands */
	scan = cvg_index_beginscan(target->rel, target->scan->indexRelation, snapshot, NULL,
							   target->nkeys, 0);
	index_rescan(scan, target->keys, target->nkeys, NULL, 0);
	found = scan_for_row(scan, target->found, &seen);
	index_endscan(scan);
	UnregisterSnapshot(snapshot);
	return found;
}

/*
 * One scan by the scan keys' arguments.  The scan lives on, and index access
 * methods allocate parts of it as they need them.
 */
static bool
scan_once(CvgTarget *target, bool *seen)
{
	MemoryContext old = MemoryContextSwitchTo(target->store->mcxt);
	bool		found;

	index_rescan(target->scan, target->keys, target->nkeys, NULL, 0);
	found = scan_for_row(target->scan, target->found, seen);
	MemoryContextSwitchTo(old);
	return found;
}

/*
 * Wait until whoever is writing the row has ended, in the queue of those who
 * want it.  Without a place in it, users who write one row all the time would
 * overtake us again and again.  What is locked is the row's last version, if
 * there is one; the caller looks for the row again.
 */
static void
queue_for_row(CvgTarget *target)
{
	ItemPointerData tid = target->found->tts_tid;
	TM_FailureData tmfd;

	ExecClearTuple(target->found);
	(void) table_tuple_lock(target->rel, &tid, SnapshotAny, target->other,
							GetCurrentCommandId(true), LockTupleNoKeyExclusive,
							LockWaitBlock, TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &tmfd);
	ExecClearTuple(target->other);
}

static bool
find_row(CvgTarget *target)
{
	for (;;)
	{
		TransactionId wait;
		bool		seen;

		if (!scan_once(target, &seen))
		{
			ExecClearTuple(target->found);
			return seen && find_with_mvcc(target);
		}
		wait = TransactionIdIsValid(target->dirty.xmin) ?
			target->dirty.xmin : target->dirty.xmax;
		if (!TransactionIdIsValid(wait))
			return true;
		if (cvg_before_row_wait != NULL)
			cvg_before_row_wait();
		if (target->dirty.speculativeToken != 0)
			SpeculativeInsertionWait(target->dirty.xmin, target->dirty.speculativeToken);
		else if (TransactionIdIsValid(target->dirty.xmin))
			XactLockTableWait(wait, target->rel, &target->found->tts_tid,
							  XLTW_Lock);
		else
			queue_for_row(target);
	}
}

bool
cvg_row_find(CvgTarget *target, Datum *keys)
{
	int			i;

	for (i = 0; i < target->nkeys; i++)
		target->keys[i].sk_argument = keys[i];
	return find_row(target);
}

static Datum
birth_datum(CvgSlice birth)
{
	bytea	   *bytes = palloc(VARHDRSZ + birth.len);

	SET_VARSIZE(bytes, VARHDRSZ + birth.len);
	memcpy(VARDATA(bytes), birth.data, birth.len);
	return PointerGetDatum(bytes);
}

CvgTarget *
cvg_row_find_birth(CvgStore *store, CvgSlice birth)
{
	Datum		value = birth_datum(birth);
	ListCell   *lc;

	foreach(lc, cvg_store_targets(store))
	{
		CvgTarget  *target = lfirst(lc);

		target->keys[0].sk_argument = value;
		if (find_row(target))
			return target;
	}
	return NULL;
}

bool
cvg_row_read(Relation rel, CvgRel *info, Datum *keys, CvgSlice birth,
			 Snapshot snapshot, TupleTableSlot *slot)
{
	bool		keyless = (info->desc->flags & CVG_DESC_KEYLESS) != 0;
	int			nkeys = keyless ? 1 : info->desc->nkeys;
	ScanKeyData scankeys[CVG_MAX_KEY_COLUMNS];
	Relation	index = index_open(info->key_index, AccessShareLock);
	IndexScanDesc scan;
	bool		found;
	int			i;

	init_key_scan(index, nkeys, scankeys);
	for (i = 0; i < nkeys; i++)
		scankeys[i].sk_argument = keyless ? birth_datum(birth) : keys[i];
	scan = cvg_index_beginscan(rel, index, snapshot, NULL, nkeys, 0);
	index_rescan(scan, scankeys, nkeys, NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, slot);
	index_endscan(scan);
	index_close(index, AccessShareLock);
	return found;
}
