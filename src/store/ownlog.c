/*-------------------------------------------------------------------------
 *
 * ownlog.c
 *	  Our own part of the change log: entries in order, without an index.
 *
 * An index on the log would be written to by every transaction: two fifths
 * of the cost of an entry, and a third of its WAL.  Entries of other origins
 * have one (changelog.c); ours do without, because we decide ourselves where
 * each goes.
 *
 * Order.  With its seq a transaction gets its place: a block of the current
 * segment, and room in it.  Both are given out under commit_lock, so seqs
 * ascend from block to block; within a block they may be in any order.  A new
 * incarnation of the node has a larger origin id than all before, so
 * (origin, seq) ascends from block to block over incarnations too.  A reader
 * finds an entry by a binary search over blocks, and reads on from there.
 *
 * Only tuples that the reader's snapshot sees count for the order.  Others may
 * break it: a seq whose transaction was cut off by a crash is taken again, in
 * a later block, while its first tuple is still there, aborted.  A block
 * without any visible tuple says nothing and is stepped over.
 *
 * Room is counted, not looked up: nothing else inserts into these tables, and
 * after a restart, or when the table has got a new file (TRUNCATE, VACUUM
 * FULL), counting begins with a block of its own.  VACUUM makes more room than
 * we know of, which is harmless; it does not truncate (vacuum_truncate).  An
 * UPDATE would move a tuple out of order: nobody does, and identity.c, which
 * gives entries to another incarnation, moves them to a segment with an index.
 *
 * A transaction that fails after its reservation leaves a gap of room, or a
 * dead tuple; both go with the segment.  The block given out may not exist
 * yet: whoever comes first extends the table, under the extension lock.
 *
 * Crash: a block that was added and not written to is all zeros, or gone.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/hio.h"
#include "access/table.h"
#include "access/xact.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "store/meta.h"
#include "store/ownlog.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* What a page offers to tuples and their line pointers. */
#define PAGE_ROOM			(BLCKSZ - SizeOfPageHeaderData)

/* A tuple whose body was moved out of line is smaller than this. */
#define TOASTED_TUPLE_SIZE	160

/* Where an entry stands in the order of blocks. */
typedef struct OwnKey
{
	int32		origin;
	int64		seq;
} OwnKey;

typedef struct OwnItem
{
	int64		seq;
	HeapTuple	tuple;
} OwnItem;

struct CvgOwnScan
{
	Relation	rel;
	Snapshot	snapshot;
	int32		origin;
	int64		from;
	int64		until;
	BlockNumber next_block;
	BlockNumber nblocks;		/* 0 once all that is wanted was read */
	int			nitems;			/* of the block read last */
	int			next_item;
	OwnItem    *items;
	MemoryContext mcxt;			/* of the items' tuples */
};

/* ----------------------------------------------------------------
 *		Writing
 * ----------------------------------------------------------------
 */

void
cvg_ownlog_open(CvgDb *db, CvgOwnPlace *place)
{
	place->segment = db->log_segment;
	place->rel = table_open(cvg_table_oid(CVG_T_OWN_0 + place->segment), RowExclusiveLock);
	place->existing = InvalidBlockNumber;
	if (db->own_file != CVG_FILE_NUMBER(place->rel))
		place->existing = RelationGetNumberOfBlocks(place->rel);
}

void
cvg_ownlog_close(CvgOwnPlace *place)
{
	table_close(place->rel, NoLock);
}

/* Bytes that an entry takes of a page. */
static uint32
entry_room(Size body_len, bool spilled)
{
	/* seq, stamp and origin; spill, which is aligned */
	Size		size = MAXALIGN(SizeofHeapTupleHeader + BITMAPLEN(CVG_LOG_COLUMNS)) +
		(spilled ? 4 : 2) * sizeof(int64) + (spilled ? 0 : sizeof(int32)) +
		(body_len + VARHDRSZ_SHORT <= VARATT_SHORT_MAX ? VARHDRSZ_SHORT : VARHDRSZ) + body_len;

	/* the server moves a body out of line when the tuple does not fit a page */
	if (MAXALIGN(size) > MaxHeapTupleSize)
		size = TOASTED_TUPLE_SIZE;
	return MAXALIGN(size) + sizeof(ItemIdData);
}

bool
cvg_ownlog_reserve(CvgDb *db, CvgOwnPlace *place, Size body_len, bool spilled)
{
	uint32		room = entry_room(body_len, spilled);

	if (place->segment != db->log_segment)
		return false;
	if (db->own_file != CVG_FILE_NUMBER(place->rel))
	{
		if (place->existing == InvalidBlockNumber)
			return false;
		db->own_file = CVG_FILE_NUMBER(place->rel);
		db->own_block = place->existing;
		db->own_blocks = place->existing;
		db->own_room = PAGE_ROOM;
	}
	if (db->own_room < room)
	{
		db->own_block++;
		db->own_room = PAGE_ROOM;
	}
	db->own_room -= room;
	place->block = db->own_block;
	place->extend = db->own_block >= db->own_blocks;
	return true;
}

/* Make the reserved block exist. */
static void
extend_to(CvgDb *db, CvgOwnPlace *place)
{
	Relation	rel = place->rel;
	BlockNumber nblocks;

	LockRelationForExtension(rel, ExclusiveLock);
	nblocks = RelationGetNumberOfBlocks(rel);
	while (nblocks <= place->block)
	{
		ReleaseBuffer(ReadBufferExtended(rel, MAIN_FORKNUM, P_NEW, RBM_NORMAL, NULL));
		nblocks++;
	}
	UnlockRelationForExtension(rel, ExclusiveLock);

	LWLockAcquire(&db->commit_lock, LW_EXCLUSIVE);
	if (db->own_file == CVG_FILE_NUMBER(rel))
		db->own_blocks = Max(db->own_blocks, nblocks);
	LWLockRelease(&db->commit_lock);
}

void
cvg_ownlog_insert(CvgDb *db, CvgOwnPlace *place, int64 seq, CvgStamp stamp,
				  int64 spill, CvgSlice body)
{
	Relation	rel = place->rel;
	HeapTuple	tuple = cvg_log_form_tuple(rel, db->origin, seq, -1, 0, stamp, spill, body);
	bool		pushed = (tuple->t_len > MaxHeapTupleSize || cvg_insert_wants_snapshot()) &&
		!HaveRegisteredOrActiveSnapshot();

	if (place->extend)
		extend_to(db, place);

	/* at PRE_COMMIT there is none, and moving a body out of line wants one */
	if (pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	RelationSetTargetBlock(rel, place->block);
	heap_insert(rel, tuple, GetCurrentCommandId(true), HEAP_INSERT_SKIP_FSM, NULL);
	if (pushed)
		PopActiveSnapshot();
	if (ItemPointerGetBlockNumber(&tuple->t_self) != place->block)
		elog(ERROR, "entry " INT64_FORMAT " did not fit block %u of table \"%s\"",
			 seq, place->block, RelationGetRelationName(rel));
	heap_freetuple(tuple);
}

/* ----------------------------------------------------------------
 *		Reading
 * ----------------------------------------------------------------
 */

static int
key_cmp(OwnKey a, OwnKey b)
{
	if (a.origin != b.origin)
		return a.origin < b.origin ? -1 : 1;
	return a.seq < b.seq ? -1 : a.seq > b.seq;
}

/* Called for every visible tuple of a block, which is locked. */
typedef void (*VisitFn) (HeapTuple tuple, OwnKey key, void *arg);

static void
visit_block(Relation rel, Snapshot snapshot, BlockNumber block, VisitFn fn, void *arg)
{
	TupleDesc	tupdesc = RelationGetDescr(rel);
	Buffer		buffer = ReadBuffer(rel, block);
	Page		page = BufferGetPage(buffer);
	OffsetNumber off;
	OffsetNumber last;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	last = PageIsNew(page) ? 0 : PageGetMaxOffsetNumber(page);
	for (off = FirstOffsetNumber; off <= last; off++)
	{
		ItemId		lp = PageGetItemId(page, off);
		HeapTupleData tuple;
		OwnKey		key;
		bool		isnull;

		if (!ItemIdIsNormal(lp))
			continue;
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, lp);
		tuple.t_len = ItemIdGetLength(lp);
		tuple.t_tableOid = RelationGetRelid(rel);
		ItemPointerSet(&tuple.t_self, block, off);
		if (!HeapTupleSatisfiesVisibility(&tuple, snapshot, buffer))
			continue;
		key.origin = DatumGetInt32(heap_getattr(&tuple, CVG_LOG_ORIGIN, tupdesc, &isnull));
		key.seq = DatumGetInt64(heap_getattr(&tuple, CVG_LOG_SEQ, tupdesc, &isnull));
		fn(&tuple, key, arg);
	}
	UnlockReleaseBuffer(buffer);
}

typedef struct Smallest
{
	bool		found;
	OwnKey		key;
} Smallest;

static void
visit_smallest(HeapTuple tuple, OwnKey key, void *arg)
{
	Smallest   *smallest = arg;

	if (!smallest->found || key_cmp(key, smallest->key) < 0)
		smallest->key = key;
	smallest->found = true;
}

/* Does the block begin after the key?  Without visible tuples: *found unset. */
static bool
begins_after(Relation rel, Snapshot snapshot, BlockNumber block, OwnKey key, bool *found)
{
	Smallest	smallest = {0};

	visit_block(rel, snapshot, block, visit_smallest, &smallest);
	*found = smallest.found;
	return smallest.found && key_cmp(smallest.key, key) > 0;
}

/* The last block that does not begin after the key; 0 if all do. */
static BlockNumber
find_block(Relation rel, Snapshot snapshot, OwnKey key, BlockNumber nblocks)
{
	BlockNumber low = 0;
	BlockNumber high = nblocks; /* it and all after begin after the key */
	bool		found = false;

	/* most often the end is wanted */
	while (high > 0 && !found)
	{
		CHECK_FOR_INTERRUPTS();
		high--;
		if (!begins_after(rel, snapshot, high, key, &found) && found)
			return high;
	}
	while (high - low > 1)
	{
		BlockNumber middle = low + (high - low) / 2;
		BlockNumber block = middle;
		bool		after = false;

		CHECK_FOR_INTERRUPTS();
		found = false;
		for (; block < high && !found; block++)
			after = begins_after(rel, snapshot, block, key, &found);
		if (!found || after)
			high = middle;
		else
			low = block - 1;
	}
	return low;
}

static int
compare_items(const void *a, const void *b)
{
	int64		x = ((const OwnItem *) a)->seq;
	int64		y = ((const OwnItem *) b)->seq;

	return x < y ? -1 : x > y;
}

static void
visit_collect(HeapTuple tuple, OwnKey key, void *arg)
{
	CvgOwnScan *scan = arg;

	if (key.origin > scan->origin || (key.origin == scan->origin && key.seq > scan->until))
		scan->nblocks = 0;		/* nothing for us comes after this block */
	else if (key.origin == scan->origin && key.seq >= scan->from)
	{
		OwnItem    *item = &scan->items[scan->nitems++];
		MemoryContext old = MemoryContextSwitchTo(scan->mcxt);

		item->seq = key.seq;
		item->tuple = heap_copytuple(tuple);
		MemoryContextSwitchTo(old);
	}
}

CvgOwnScan *
cvg_ownlog_scan_begin(Relation rel, int32 origin, int64 from_seq, int64 until_seq,
					  Snapshot snapshot)
{
	CvgOwnScan *scan = palloc0(sizeof(CvgOwnScan));
	OwnKey		key = {origin, from_seq};

	scan->rel = rel;
	scan->snapshot = snapshot;
	scan->origin = origin;
	scan->from = from_seq;
	scan->until = until_seq;
	scan->nblocks = RelationGetNumberOfBlocks(rel);
	if (scan->nblocks == 0)
		return scan;
	scan->next_block = find_block(rel, snapshot, key, scan->nblocks);
	scan->items = palloc(sizeof(OwnItem) * MaxHeapTuplesPerPage);
	scan->mcxt = AllocSetContextCreate(CurrentMemoryContext, "pg_converge log page",
									   ALLOCSET_DEFAULT_SIZES);
	return scan;
}

HeapTuple
cvg_ownlog_scan_next(CvgOwnScan *scan, int64 *seq)
{
	OwnItem    *item;

	while (scan->next_item == scan->nitems)
	{
		if (scan->next_block >= scan->nblocks)
			return NULL;
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(scan->mcxt);
		scan->nitems = scan->next_item = 0;
		visit_block(scan->rel, scan->snapshot, scan->next_block++, visit_collect, scan);
		qsort(scan->items, scan->nitems, sizeof(OwnItem), compare_items);
	}
	item = &scan->items[scan->next_item++];
	*seq = item->seq;
	return heap_copytuple(item->tuple);
}

void
cvg_ownlog_scan_end(CvgOwnScan *scan)
{
	if (scan->mcxt != NULL)
		MemoryContextDelete(scan->mcxt);
	if (scan->items != NULL)
		pfree(scan->items);
	pfree(scan);
}

HeapTuple
cvg_ownlog_last(Relation rel, int32 origin, Snapshot snapshot, int64 *seq)
{
	/* the search for the largest key ends in the block that has the last entry */
	CvgOwnScan *scan = cvg_ownlog_scan_begin(rel, origin, PG_INT64_MAX, PG_INT64_MAX, snapshot);
	HeapTuple	last = NULL;
	HeapTuple	tuple;

	scan->from = 1;
	while ((tuple = cvg_ownlog_scan_next(scan, seq)) != NULL)
	{
		if (last != NULL)
			heap_freetuple(last);
		last = tuple;
	}
	if (last != NULL)
	{
		bool		isnull;

		*seq = DatumGetInt64(heap_getattr(last, CVG_LOG_SEQ, RelationGetDescr(rel), &isnull));
	}
	cvg_ownlog_scan_end(scan);
	return last;
}
