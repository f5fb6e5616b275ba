/*-------------------------------------------------------------------------
 *
 * tombstone.c
 *	  The two shelves: converge.tombstones and converge.quarantine.
 *
 * A shelf has no unique index, and its rows are never updated in place, only
 * deleted and inserted.  What keeps one row per key is the order in which
 * writers of a key act:
 *
 *	  a local insert puts its row into the key index, then looks for a
 *	  tombstone;
 *	  apply, when it shelves a key of which it holds no live row, puts the
 *	  shelf row in, then looks for a live row.
 *
 * So of two such writers at least one sees the other, provided that a look
 * also sees what is not committed yet.  A find without a snapshot is such a
 * look: it scans with a dirty snapshot and waits for the transaction that is
 * inserting or deleting the row of its key, so its answer is about finished
 * transactions and our own.  A dirty index scan can miss a row that is
 * replaced while it runs; it then has seen at least the index entry of the
 * old version, and in that case a fresh MVCC snapshot decides.
 *
 * Two writers may wait for each other (row here, shelf there): the deadlock
 * detector ends one of them, and apply retries.
 *
 * Crash: shelf rows are ordinary rows of the transaction that moves the row.
 *
 *-------------------------------------------------------------------------
 */
#include "store/tombstone.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* columns of both shelves, then those of the quarantine */
#define SHELF_RELID		1
#define SHELF_KEYHASH	2
#define SHELF_KEY		3
#define SHELF_STATE		4
#define SHELF_IMAGE		5
#define SHELF_REASON	6
#define SHELF_DETAIL	7
#define SHELF_SINCE		8

#define TOMBSTONE_COLUMNS	5
#define QUARANTINE_COLUMNS	8

/* What is looked for. */
typedef struct ShelfProbe
{
	Relation	rel;
	Relation	index;
	TupleTableSlot *slot;
	ScanKeyData keys[2];
	CvgRel	   *info;
	Datum	   *keyvals;
	CvgSlice	key;
} ShelfProbe;

typedef enum ProbeResult
{
	PROBE_NONE,					/* no index entry of this hash at all */
	PROBE_MAYBE,				/* none visible, but entries were there */
	PROBE_WAIT,					/* a transaction in progress holds the answer */
	PROBE_FOUND
} ProbeResult;

/* Payload of a bytea or row_state column, copied into the current context. */
static CvgSlice
copy_varlena(Datum value)
{
	struct varlena *v = PG_DETOAST_DATUM_COPY(value);

	return cvg_slice(VARDATA(v), VARSIZE(v) - VARHDRSZ);
}

static Datum
make_varlena(CvgSlice bytes)
{
	struct varlena *v = palloc(VARHDRSZ + bytes.len);

	SET_VARSIZE(v, VARHDRSZ + bytes.len);
	if (bytes.len > 0)
		memcpy(VARDATA(v), bytes.data, bytes.len);
	return PointerGetDatum(v);
}

void
cvg_shelf_row(HeapTuple tuple, TupleDesc desc, CvgShelved *out)
{
	bool		isnull;

	out->tid = tuple->t_self;
	out->key = copy_varlena(heap_getattr(tuple, SHELF_KEY, desc, &isnull));
	out->state = copy_varlena(heap_getattr(tuple, SHELF_STATE, desc, &isnull));
	out->image = copy_varlena(heap_getattr(tuple, SHELF_IMAGE, desc, &isnull));
}

/* Same key, as the key's own operators see it? */
static bool
shelf_key_matches(ShelfProbe *probe, CvgSlice key)
{
	Datum		values[CVG_MAX_KEY_COLUMNS];

	if (cvg_slice_eq(key, probe->key))
		return true;
	if (probe->info->desc->flags & CVG_DESC_KEYLESS)
		return false;
	cvg_rel_decode_key(probe->info, key, values);
	return cvg_rel_key_equal(probe->info, values, probe->keyvals);
}

/* Does the slot hold our key?  Then fill *out. */
static bool
shelf_take(ShelfProbe *probe, CvgShelved *out)
{
	TupleTableSlot *slot = probe->slot;
	CvgSlice	key;
	bool		isnull;

	key = copy_varlena(slot_getattr(slot, SHELF_KEY, &isnull));
	if (!shelf_key_matches(probe, key))
		return false;
	out->tid = slot->tts_tid;
	out->key = key;
	out->state = copy_varlena(slot_getattr(slot, SHELF_STATE, &isnull));
	out->image = copy_varlena(slot_getattr(slot, SHELF_IMAGE, &isnull));
	return true;
}

/*
 * One scan.  With a dirty snapshot, *wait is the transaction to wait for on
 * PROBE_WAIT.
 */
static ProbeResult
shelf_probe(ShelfProbe *probe, Snapshot snapshot, CvgShelved *out,
			TransactionId *wait)
{
	bool		dirty = snapshot->snapshot_type == SNAPSHOT_DIRTY;
	ProbeResult result = PROBE_NONE;
	IndexScanDesc scan;

	scan = cvg_index_beginscan(probe->rel, probe->index, snapshot, NULL, 2, 0);
	index_rescan(scan, probe->keys, 2, NULL, 0);
	while (result == PROBE_NONE || result == PROBE_MAYBE)
	{
		CHECK_FOR_INTERRUPTS();
		if (!scan->xs_heap_continue)
		{
			if (index_getnext_tid(scan, ForwardScanDirection) == NULL)
				break;
			result = PROBE_MAYBE;
		}
		if (!index_fetch_heap(scan, probe->slot))
			continue;
		if (!shelf_take(probe, out))
			continue;
		result = PROBE_FOUND;
		if (dirty)
		{
			*wait = TransactionIdIsValid(snapshot->xmin) ?
				snapshot->xmin : snapshot->xmax;
			if (TransactionIdIsValid(*wait))
				result = PROBE_WAIT;
		}
	}
	ExecClearTuple(probe->slot);
	index_endscan(scan);
	return result;
}

/* The answer about finished transactions and our own; see the file header. */
static bool
shelf_look(ShelfProbe *probe, CvgShelved *out)
{
	for (;;)
	{
		SnapshotData dirty;
		TransactionId wait = InvalidTransactionId;
		Snapshot	fresh;
		ProbeResult result;

		InitDirtySnapshot(dirty);
		result = shelf_probe(probe, &dirty, out, &wait);
		if (result == PROBE_FOUND)
			return true;
		if (result == PROBE_NONE)
			return false;
		if (result == PROBE_WAIT)
		{
			XactLockTableWait(wait, probe->rel, &out->tid, XLTW_Lock);
			continue;
		}

		/* all commands of this transaction count as done */
		fresh = RegisterSnapshot(GetLatestSnapshot());
		fresh->curcid = InvalidCommandId;
		result = shelf_probe(probe, fresh, out, &wait);
		UnregisterSnapshot(fresh);
		return result == PROBE_FOUND;
	}
}

/* A table that had pages has them: it saves a system call per look. */
static bool
has_pages(Relation rel)
{
	static Oid	known = InvalidOid; /* file number of the one asked about last */

	if (known == CVG_FILE_NUMBER(rel))
		return true;
	if (RelationGetNumberOfBlocks(rel) == 0)
		return false;
	known = CVG_FILE_NUMBER(rel);
	return true;
}

bool
cvg_shelf_find(CvgTable shelf, CvgRel *rel, Datum *keyvals, CvgSlice key,
			   Snapshot snapshot, CvgShelved *out)
{
	ShelfProbe	probe;
	TransactionId wait;
	bool		found = false;

	probe.rel = table_open(cvg_table_oid(shelf), AccessShareLock);
	if (has_pages(probe.rel))
	{
		probe.index = index_open(cvg_index_oid(shelf), AccessShareLock);
		probe.slot = table_slot_create(probe.rel, NULL);
		probe.info = rel;
		probe.keyvals = keyvals;
		probe.key = key;
		ScanKeyInit(&probe.keys[0], 1, BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(rel->rootid));
		ScanKeyInit(&probe.keys[1], 2, BTEqualStrategyNumber, F_INT8EQ,
					Int64GetDatum(cvg_rel_key_hash(rel, keyvals, key)));
		if (snapshot != NULL)
			found = shelf_probe(&probe, snapshot, out, &wait) == PROBE_FOUND;
		else
			found = shelf_look(&probe, out);
		ExecDropSingleTupleTableSlot(probe.slot);
		index_close(probe.index, AccessShareLock);
	}
	table_close(probe.rel, AccessShareLock);
	return found;
}

/* ----------------------------------------------------------------
 *		Tombstones that an insert has found
 * ----------------------------------------------------------------
 */

/*
 * An insert over a tombstone looks for it twice: before the row is in, and
 * after, when the whole statement is.  Where the first look found it is
 * remembered, in the order in which the second looks come.  No more than a
 * hint: what is there then is looked at, and what was forgotten is looked for.
 */
#define REMEMBERED_MAX		(512 * 1024)
#define REMEMBERED_AHEAD	8

typedef struct Remembered
{
	Oid			relid;
	ItemPointerData tid;
	int64		keyhash;
} Remembered;

static struct
{
	Remembered *entries;		/* in TopTransactionContext */
	int			n;
	int			next;
	int			size;
	MemoryContextCallback forget;
}			remembered;

static void
forget_remembered(void *arg)
{
	remembered.entries = NULL;
	remembered.n = remembered.next = remembered.size = 0;
}

static bool
make_room(void)
{
	if (remembered.entries == NULL)
	{
		remembered.size = 32;
		remembered.entries = MemoryContextAlloc(TopTransactionContext,
												sizeof(Remembered) * remembered.size);
		remembered.forget.func = forget_remembered;
		MemoryContextRegisterResetCallback(TopTransactionContext, &remembered.forget);
	}
	else if (remembered.n == remembered.size && remembered.size < REMEMBERED_MAX)
	{
		remembered.size *= 2;
		remembered.entries = repalloc(remembered.entries,
									  sizeof(Remembered) * remembered.size);
	}
	return remembered.n < remembered.size;
}

void
cvg_tombstone_remember(CvgRel *rel, Datum *keyvals, CvgSlice key, ItemPointer tid)
{
	Remembered *entry;

	if (!make_room())
		return;
	entry = &remembered.entries[remembered.n++];
	entry->relid = rel->rootid;
	entry->keyhash = cvg_rel_key_hash(rel, keyvals, key);
	entry->tid = *tid;
}

/* Take the entry of a key, and drop those before it; false if it is not near. */
static bool
take_remembered(Oid relid, int64 keyhash, ItemPointer tid)
{
	int			end = Min(remembered.next + REMEMBERED_AHEAD, remembered.n);
	bool		found = false;
	int			i;

	for (i = remembered.next; i < end && !found; i++)
	{
		Remembered *entry = &remembered.entries[i];

		found = entry->relid == relid && entry->keyhash == keyhash;
		if (found)
			*tid = entry->tid;
	}
	remembered.next = i;
	if (!found || remembered.next == remembered.n)
		remembered.n = remembered.next = 0;
	return found;
}

bool
cvg_tombstone_recall(CvgRel *rel, Datum *keyvals, CvgSlice key, CvgShelved *out)
{
	ShelfProbe	probe = {.info = rel, .keyvals = keyvals, .key = key};
	ItemPointerData tid;
	bool		found = false;
	bool		isnull;

	if (remembered.n == 0 ||
		!take_remembered(rel->rootid, cvg_rel_key_hash(rel, keyvals, key), &tid))
		return false;
	probe.rel = table_open(cvg_table_oid(CVG_T_TOMBSTONES), AccessShareLock);
	probe.slot = table_slot_create(probe.rel, NULL);
	if (table_tuple_fetch_row_version(probe.rel, &tid, SnapshotSelf, probe.slot))
		found = DatumGetObjectId(slot_getattr(probe.slot, SHELF_RELID, &isnull)) == rel->rootid &&
			shelf_take(&probe, out);
	ExecDropSingleTupleTableSlot(probe.slot);
	table_close(probe.rel, AccessShareLock);
	return found;
}

bool
cvg_shelf_is_empty(CvgTable shelf)
{
	Relation	rel = table_open(cvg_table_oid(shelf), AccessShareLock);
	bool		empty = RelationGetNumberOfBlocks(rel) == 0;

	table_close(rel, AccessShareLock);
	return empty;
}

bool
cvg_shelf_any(CvgTable shelf)
{
	Relation	rel = table_open(cvg_table_oid(shelf), AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	SnapshotData dirty;
	TableScanDesc scan;
	bool		any;

	InitDirtySnapshot(dirty);
	scan = cvg_table_beginscan(rel, &dirty);
	any = table_scan_getnextslot(scan, ForwardScanDirection, slot);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, AccessShareLock);
	return any;
}

static bool
any_row_aside(Oid relid)
{
	Relation	rel = table_open(cvg_table_oid(CVG_T_QUARANTINE), AccessShareLock);
	SnapshotData dirty;
	SysScanDesc scan;
	ScanKeyData key;
	bool		any;

	InitDirtySnapshot(dirty);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, cvg_index_oid(CVG_T_QUARANTINE), true, &dirty, 1, &key);
	any = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return any;
}

bool
cvg_shelf_any_aside(Oid relid, uint64 *none)
{
	uint64		aside = pg_atomic_read_u64(&cvg_db()->aside);

	/* the number changes after a row was put in, and before that is committed */
	pg_memory_barrier();
	if (aside == *none)
		return false;
	if (any_row_aside(relid))
		return true;
	*none = aside;
	return false;
}

bool
cvg_shelf_delete(CvgTable shelf, ItemPointer tid)
{
	Relation	rel = table_open(cvg_table_oid(shelf), RowExclusiveLock);
	TM_FailureData tmfd;
	TM_Result	result;

	result = cvg_heap_delete(rel, tid, GetCurrentCommandId(true), &tmfd);
	table_close(rel, RowExclusiveLock);
	if (result == TM_Ok)
		return true;
	if (result != TM_Deleted && result != TM_Updated && result != TM_SelfModified)
		elog(ERROR, "unexpected result %d of heap_delete", (int) result);
	return false;
}

void
cvg_shelf_insert(CvgTable shelf, CvgRel *rel, Datum *keyvals, CvgSlice key,
				 CvgSlice state, CvgSlice image,
				 const char *reason, const char *detail)
{
	Relation	srel = table_open(cvg_table_oid(shelf), RowExclusiveLock);
	Datum		values[QUARANTINE_COLUMNS] = {0};
	bool		nulls[QUARANTINE_COLUMNS] = {0};

	Assert(RelationGetNumberOfAttributes(srel) ==
		   (reason != NULL ? QUARANTINE_COLUMNS : TOMBSTONE_COLUMNS));

	values[SHELF_RELID - 1] = ObjectIdGetDatum(rel->rootid);
	values[SHELF_KEYHASH - 1] = Int64GetDatum(cvg_rel_key_hash(rel, keyvals, key));
	values[SHELF_KEY - 1] = make_varlena(key);
	values[SHELF_STATE - 1] = make_varlena(state);
	values[SHELF_IMAGE - 1] = make_varlena(image);
	if (reason != NULL)
	{
		values[SHELF_REASON - 1] = CStringGetTextDatum(reason);
		if (detail != NULL)
			values[SHELF_DETAIL - 1] = CStringGetTextDatum(detail);
		else
			nulls[SHELF_DETAIL - 1] = true;
		values[SHELF_SINCE - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	}
	cvg_meta_insert(srel, cvg_index_oid(shelf), values, nulls);
	table_close(srel, RowExclusiveLock);

	/* the same transaction may want to delete it again */
	CommandCounterIncrement();
}

/* The stable clock is copied once per version of it. */
bool
cvg_tombstone_forgotten(CvgDb *db, CvgSlice state)
{
	static CvgBuf stable;
	static uint64 version = 0;
	uint64		now = pg_atomic_read_u64(&db->stable_version);

	if (stable.data == NULL || version != now)
	{
		CvgSlice	clock = cvg_stable_clock(db);

		if (stable.data == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

			cvg_buf_init(&stable);
			MemoryContextSwitchTo(old);
		}
		cvg_buf_reset(&stable);
		cvg_put_bytes(&stable, clock.data, clock.len);
		version = now;
	}
	return cvg_rowstate_covered(state, cvg_buf_slice(&stable));
}
