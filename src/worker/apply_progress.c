/*-------------------------------------------------------------------------
 *
 * apply_progress.c
 *	  How far each origin is applied here, and what is stable.
 *
 * Two receivers may be offered the same origin's entries.  Who applies one
 * holds an advisory lock on the origin to the end of its transaction, and
 * looks at progress again under it; so progress of an origin moves by one
 * transaction at a time.  A transaction that holds one origin's lock does not
 * wait for another's: it ends what it has and asks again.
 *
 * Shared memory follows the commit: pending_seq goes up before it, so that a
 * local transaction which sees the rows names the entry as a dependency; seq
 * goes up after it, so that nothing is acknowledged that may still roll back.
 * Between the two a local transaction may name an entry that then aborts:
 * its origin has it, and it will come again.
 *
 * Crash: progress rows are in the transaction of the rows they speak of.
 * Shared memory is loaded from them.  S is joined in the same way: a crash
 * takes it back together with the entries that brought it.
 *
 * S when an entry is applied must be at least what its author told before it
 * and what the entries it depends on told.  Another receiver may have applied
 * those since this transaction began, so S is read anew at each admission,
 * after the decision: publish_commit() publishes progress and S as one.  Else
 * a tombstone that the author had forgotten would be merged with its new row
 * here and nowhere else.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/indexing.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "store/meta.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "guc.h"
#include "worker/apply_int.h"

/* columns of converge.progress and converge.node */
#define PROGRESS_COLUMNS	6
#define NODE_STABLE			11
#define NODE_COLUMNS		13

/* What the commit or abort of the current transaction is to publish. */
static CvgApply *publishing = NULL;

/* ----------------------------------------------------------------
 *		After the transaction.  Nothing here may fail.
 * ----------------------------------------------------------------
 */

static void
publish_commit(CvgApply *ap)
{
	CvgDb	   *db = ap->db;
	CvgClockIter it;
	CvgClockEntry entry;
	int			i;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	for (i = 0; i < ap->norigins; i++)
	{
		CvgApplyOrigin *origin = &ap->origins[i];
		CvgOriginSlot *slot = cvg_origin_slot(db, origin->id);
		CvgReached	now;

		if (slot == NULL)
			continue;
		now = (CvgReached) {slot->seq, slot->stamp, slot->horizon, db->confirmed_seq};
		cvg_reached_publish(&now, &origin->reached);
		slot->seq = slot->pending_seq = now.seq;
		slot->stamp = now.stamp;
		slot->horizon = now.horizon;
		db->confirmed_seq = now.own_seq;
	}
	if (ap->stable.grew)
	{
		cvg_vclock_iter(&it, ap->stable.clock);
		while (cvg_vclock_next(&it, &entry))
		{
			CvgOriginSlot *slot = cvg_origin_slot_by_name(db, entry.id);

			if (slot != NULL)
				db->stable[slot - db->origins] =
					Max(db->stable[slot - db->origins], entry.value);
		}
		pg_atomic_fetch_add_u64(&db->stable_version, 1);
	}
	db->apply_lsn = Max(db->apply_lsn, XactLastCommitEnd);
	LWLockRelease(&db->lock);
	pg_atomic_fetch_add_u64(&db->progress_version, 1);
	ConditionVariableBroadcast(&db->changed);
}

static void
publish_abort(CvgApply *ap)
{
	CvgDb	   *db = ap->db;
	int			i;

	if (!ap->pending_set)
		return;
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	for (i = 0; i < ap->norigins; i++)
	{
		CvgOriginSlot *slot = cvg_origin_slot(db, ap->origins[i].id);

		if (slot != NULL)
			slot->pending_seq = slot->seq;
	}
	LWLockRelease(&db->lock);
	pg_atomic_fetch_add_u64(&db->progress_version, 1);
}

static void
progress_xact_callback(XactEvent event, void *arg)
{
	CvgApply   *ap = publishing;

	if (ap == NULL || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	publishing = NULL;
	if (event == XACT_EVENT_COMMIT)
		publish_commit(ap);
	else
		publish_abort(ap);

	/* see CvgDb.deleters: one less that goes on, one more that has ended */
	if (ap->deleter)
		pg_atomic_fetch_add_u64(&ap->db->deleters, (UINT64CONST(1) << 32) - 1);
	ap->deleter = false;
}

static void
register_callback(void)
{
	static bool done = false;

	if (!done)
		RegisterXactCallback(progress_xact_callback, NULL);
	done = true;
}

void
cvg_progress_begin(CvgApply *ap)
{
	MemoryContext old = MemoryContextSwitchTo(ap->xact_mcxt);

	ap->norigins = 0;
	ap->stable.grew = false;
	ap->pending_set = false;
	ap->deleter = false;
	ap->stable_version = pg_atomic_read_u64(&ap->db->stable_version);
	ap->stable.clock = cvg_stable_clock(ap->db);
	MemoryContextSwitchTo(old);
	register_callback();
	publishing = ap;
}

void
cvg_progress_note_delete(CvgApply *ap)
{
	if (ap->deleter)
		return;
	ap->deleter = true;
	pg_atomic_fetch_add_u64(&ap->db->deleters, 1);
}

uint64
cvg_progress_deleters(CvgApply *ap)
{
	uint64		now = pg_atomic_read_u64(&ap->db->deleters);

	pg_memory_barrier();
	return now;
}

/* Any other that goes on now may have begun before "seen" was read. */
bool
cvg_progress_delete_possible(CvgApply *ap, uint64 seen)
{
	uint64		now;

	pg_memory_barrier();
	now = pg_atomic_read_u64(&ap->db->deleters);
	return (now >> 32) != (seen >> 32) || (uint32) now > (ap->deleter ? 1 : 0);
}

/* ----------------------------------------------------------------
 *		Admission
 * ----------------------------------------------------------------
 */

/* Progress as this transaction has it: a CvgProgressFn. */
static int64
progress_of(CvgSlice origin, void *arg)
{
	CvgApply   *ap = arg;
	CvgOriginSlot *slot;
	int64		seq;
	int			i;

	for (i = 0; i < ap->norigins; i++)
	{
		if (cvg_slice_eq(ap->origins[i].replica_id, origin))
			return ap->origins[i].reached.seq;
	}
	LWLockAcquire(&ap->db->lock, LW_SHARED);
	slot = cvg_origin_slot_by_name(ap->db, origin);
	seq = slot ? slot->seq : 0;
	LWLockRelease(&ap->db->lock);
	return seq;
}

static CvgVerdict
decide(CvgApply *ap, const CvgEntryHeader *header, const CvgBody *body,
	   CvgClockEntry *missing)
{
	return cvg_admit(header->origin, header->seq, header->prev_seq, header->stamp,
					 body->deps, cvg_slice_cstring(ap->db->replica_id),
					 progress_of, ap, GetCurrentTimestamp(),
					 cvg_max_clock_skew_ms * INT64CONST(1000), missing);
}

/* An entry of our own: known, or from a life that we do not remember. */
static CvgVerdict
decide_own(CvgApply *ap, const CvgEntryHeader *header)
{
	int64		last;

	LWLockAcquire(&ap->db->commit_lock, LW_SHARED);
	last = ap->db->last_seq;
	LWLockRelease(&ap->db->commit_lock);
	return cvg_admit_own(header->seq, last);
}

/* false when somebody else has the origin, and we must not wait for it. */
static bool
lock_origin(CvgApply *ap, int32 id)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, CVG_LOCK_ORIGIN, (uint32) id, CVG_LOCK_CLASS);
	return LockAcquire(&tag, ExclusiveLock, false, ap->norigins > 0) != LOCKACQUIRE_NOT_AVAIL;
}

static CvgApplyOrigin *
find_origin(CvgApply *ap, CvgSlice replica_id)
{
	int			i;

	for (i = 0; i < ap->norigins; i++)
	{
		if (cvg_slice_eq(ap->origins[i].replica_id, replica_id))
			return &ap->origins[i];
	}
	return NULL;
}

/* Make the origin's place; its lock is held. */
static CvgApplyOrigin *
enter_origin(CvgApply *ap, CvgSlice replica_id, int32 id)
{
	CvgApplyOrigin *origin;
	CvgOriginSlot *slot;
	uint8	   *name = MemoryContextAlloc(ap->xact_mcxt, replica_id.len);

	memcpy(name, replica_id.data, replica_id.len);
	if (ap->norigins >= CVG_MAX_ORIGINS)
		elog(ERROR, "more origins in one transaction than there are");
	origin = &ap->origins[ap->norigins];
	origin->id = id;
	origin->replica_id = cvg_slice(name, replica_id.len);
	LWLockAcquire(&ap->db->lock, LW_SHARED);
	slot = cvg_origin_slot(ap->db, id);
	memset(&origin->reached, 0, sizeof(CvgReached));
	if (slot != NULL)
		origin->reached = (CvgReached) {slot->seq, slot->stamp, slot->horizon, 0};
	LWLockRelease(&ap->db->lock);
	return origin;
}

static void
adopt_stable(CvgApply *ap, CvgSlice stable, bool from_entry)
{
	MemoryContext old = MemoryContextSwitchTo(ap->xact_mcxt);
	CvgBuf		joined;

	cvg_buf_init(&joined);
	if (cvg_stable_adopt(&ap->stable, stable, from_entry, &joined) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("stable clock has too many entries")));
	MemoryContextSwitchTo(old);
}

/* What others have published since we looked; it is in their transactions. */
static void
refresh_stable(CvgApply *ap)
{
	uint64		version = pg_atomic_read_u64(&ap->db->stable_version);

	if (version == ap->stable_version)
		return;
	ap->stable_version = version;
	adopt_stable(ap, cvg_stable_clock(ap->db), false);
}

CvgVerdict
cvg_progress_look(CvgApply *ap, const CvgEntryHeader *header, const CvgBody *body,
				  CvgClockEntry *missing)
{
	if (cvg_slice_eq(header->origin, cvg_slice_cstring(ap->db->replica_id)))
		return decide_own(ap, header);
	return decide(ap, header, body, missing);
}

CvgVerdict
cvg_progress_admit(CvgApply *ap, const CvgEntryHeader *header, const CvgBody *body,
				   CvgClockEntry *missing, CvgApplyOrigin **result)
{
	CvgApplyOrigin *origin = find_origin(ap, header->origin);
	CvgVerdict	verdict = cvg_progress_look(ap, header, body, missing);
	int32		id;

	if (verdict != CVG_ADMIT)
		return verdict;
	if (origin == NULL)
	{
		id = cvg_origin_id(ap->db, header->origin);
		if (!lock_origin(ap, id))
			return CVG_WAIT_GAP;
		origin = enter_origin(ap, header->origin, id);
		verdict = decide(ap, header, body, missing);	/* under the lock */
		if (verdict != CVG_ADMIT)
			return verdict;
		ap->norigins++;
	}
	refresh_stable(ap);
	*result = origin;
	return CVG_ADMIT;
}

/* It never goes back, here or at those who get it from us. */
void
cvg_check_stable(CvgSlice stable, CvgStamp latest)
{
	CvgClockIter it;
	CvgClockEntry entry;

	if (stable.len == 0)
		return;
	cvg_vclock_iter(&it, stable);
	while (cvg_vclock_next(&it, &entry))
	{
		if (entry.value > latest)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("stable clock from a peer is in the future"),
					 errdetail("It is %s for replica id \"%.*s\", further ahead than converge.max_clock_skew allows.",
							   timestamptz_to_str(entry.value),
							   (int) entry.id.len, (const char *) entry.id.data)));
	}
}

void
cvg_progress_join_stable(CvgApply *ap, CvgSlice stable)
{
	CvgClockIter it;
	CvgClockEntry entry;

	if (stable.len == 0 || cvg_vclock_covered(stable, ap->stable.clock))
		return;
	adopt_stable(ap, stable, true);
	cvg_vclock_iter(&it, stable);
	while (cvg_vclock_next(&it, &entry))
		(void) cvg_origin_id(ap->db, entry.id); /* so that it has a slot */
}

/* ----------------------------------------------------------------
 *		Rows of progress and node
 * ----------------------------------------------------------------
 */

/*
 * The latest version of one of our rows, locked; NULL when there is none.
 * slot is of the table.
 */
static HeapTuple
lock_own_row(Relation rel, Oid index, ScanKeyData *key, TupleTableSlot *slot)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = systable_beginscan(rel, index, OidIsValid(index), snapshot,
										  key ? 1 : 0, key);
	HeapTuple	tuple = systable_getnext(scan);
	HeapTuple	result = NULL;

	if (HeapTupleIsValid(tuple))
	{
		ItemPointerData tid = tuple->t_self;
		TM_FailureData tmfd;
		TM_Result	locked;

		locked = table_tuple_lock(rel, &tid, snapshot, slot, GetCurrentCommandId(true),
								  LockTupleNoKeyExclusive, LockWaitBlock,
								  TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &tmfd);
		if (locked != TM_Ok)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not lock a row of table \"%s.%s\"",
							CVG_SCHEMA, RelationGetRelationName(rel))));
		result = ExecFetchSlotHeapTuple(slot, false, NULL);
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	return result;
}

static void
write_progress_row(CvgApply *ap, Relation rel, TupleTableSlot *slot, CvgApplyOrigin *origin)
{
	Datum		values[PROGRESS_COLUMNS];
	bool		nulls[PROGRESS_COLUMNS] = {false};
	bool		replace[PROGRESS_COLUMNS] = {false, true, true, true, false, true};
	CvgReached	now = {0};
	ScanKeyData key;
	HeapTuple	tuple;

	values[0] = Int32GetDatum(origin->id);
	values[4] = Int64GetDatum(0);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT4EQ, values[0]);
	tuple = lock_own_row(rel, cvg_index_oid(CVG_T_PROGRESS), &key, slot);
	if (tuple != NULL)
	{
		bool		isnull;

		now.horizon = DatumGetInt64(heap_getattr(tuple, 4, RelationGetDescr(rel), &isnull));
		now.own_seq = DatumGetInt64(heap_getattr(tuple, 6, RelationGetDescr(rel), &isnull));
	}
	cvg_reached_publish(&now, &origin->reached);
	values[1] = Int64GetDatum(now.seq);
	values[2] = Int64GetDatum(now.stamp);
	values[3] = Int64GetDatum(now.horizon);
	values[5] = Int64GetDatum(now.own_seq);
	if (tuple == NULL)
		cvg_meta_insert(rel, cvg_index_oid(CVG_T_PROGRESS), values, nulls);
	else
		CatalogTupleUpdate(rel, &tuple->t_self,
						   heap_modify_tuple(tuple, RelationGetDescr(rel), values,
											 nulls, replace));
	origin->reached = now;
	ExecClearTuple(slot);
}

/* Join S into converge.node; others may have written it meanwhile. */
static void
write_stable(CvgApply *ap)
{
	Relation	rel = table_open(cvg_table_oid(CVG_T_NODE), RowExclusiveLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	HeapTuple	tuple = lock_own_row(rel, InvalidOid, NULL, slot);
	Datum		values[NODE_COLUMNS] = {0};
	bool		nulls[NODE_COLUMNS] = {false};
	bool		replace[NODE_COLUMNS] = {false};
	bytea	   *now;
	CvgBuf		joined;
	bool		isnull;

	if (tuple == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("table \"converge.node\" is empty")));
	now = DatumGetByteaPP(heap_getattr(tuple, NODE_STABLE, RelationGetDescr(rel), &isnull));
	cvg_buf_init(&joined);
	joined.len = VARHDRSZ;
	if (cvg_vclock_join(cvg_slice(VARDATA_ANY(now), VARSIZE_ANY_EXHDR(now)),
						ap->stable.clock, &joined) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("stable clock has too many entries")));
	SET_VARSIZE(joined.data, joined.len);
	values[NODE_STABLE - 1] = PointerGetDatum(joined.data);
	replace[NODE_STABLE - 1] = true;
	CatalogTupleUpdate(rel, &tuple->t_self,
					   heap_modify_tuple(tuple, RelationGetDescr(rel), values, nulls, replace));
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
}

void
cvg_progress_write(CvgApply *ap)
{
	Relation	rel;
	TupleTableSlot *slot;
	int			i;

	if (ap->norigins == 0)
		return;
	rel = table_open(cvg_table_oid(CVG_T_PROGRESS), RowExclusiveLock);
	slot = table_slot_create(rel, NULL);
	for (i = 0; i < ap->norigins; i++)
		write_progress_row(ap, rel, slot, &ap->origins[i]);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
	if (ap->stable.grew)
		write_stable(ap);

	LWLockAcquire(&ap->db->lock, LW_EXCLUSIVE);
	for (i = 0; i < ap->norigins; i++)
	{
		CvgOriginSlot *slot_in = cvg_origin_slot(ap->db, ap->origins[i].id);

		if (slot_in != NULL)
			slot_in->pending_seq = ap->origins[i].reached.seq;
	}
	ap->pending_set = true;
	LWLockRelease(&ap->db->lock);
	pg_atomic_fetch_add_u64(&ap->db->progress_version, 1);
}
