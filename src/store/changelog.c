/*-------------------------------------------------------------------------
 *
 * changelog.c
 *	  The change log on disk.
 *
 * Order.  Within log_N the index gives seq order, within own_N the order of
 * its blocks.  Between tables there is none to rely on: the current segment may
 * change between a neighbour's insert and ours, and entries of an old
 * incarnation of this node may have come from peers.  So a scan merges the
 * tables by seq.
 *
 * Visibility.  An own entry's row becomes visible with its transaction, and
 * seqs are taken before that, so a reader may see seq 7 and not yet 6.  It
 * must stop at the watermark, and must take its snapshot after the
 * watermark: whatever is at or below it had ended, visibly, before.
 *
 * Crash.  A seq whose commit record was not flushed is gone after a crash and
 * will be taken again; that is why the watermark flushes before it is told.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "core/horizon.h"
#include "storage/bufmgr.h"
#include "store/changelog.h"
#include "store/meta.h"
#include "store/ownlog.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* One table's part of a merge scan. */
typedef struct TableScan
{
	Relation	heap;
	Relation	index;			/* NULL: own_N */
	SysScanDesc scan;
	CvgOwnScan *own;
	HeapTuple	head;			/* copied; NULL at the end */
	int64		head_seq;
} TableScan;

struct CvgLogScan
{
	int			ntables;
	TableScan	tables[2 * CVG_LOG_SEGMENTS];
	int64		until;
};

HeapTuple
cvg_log_form_tuple(Relation rel, int32 origin, int64 seq, int part, int64 prev_seq,
				   CvgStamp stamp, int64 spill, CvgSlice body)
{
	Datum		values[CVG_LOG_COLUMNS];
	bool		nulls[CVG_LOG_COLUMNS] = {false};
	bytea	   *bytes = palloc(VARHDRSZ + body.len);
	HeapTuple	tuple;

	SET_VARSIZE(bytes, VARHDRSZ + body.len);
	memcpy(VARDATA(bytes), body.data, body.len);
	values[CVG_LOG_SEQ - 1] = Int64GetDatum(seq);
	values[CVG_LOG_STAMP - 1] = Int64GetDatum(stamp);
	values[CVG_LOG_ORIGIN - 1] = Int32GetDatum(origin);
	values[CVG_LOG_PART - 1] = Int32GetDatum(part);
	nulls[CVG_LOG_PART - 1] = part < 0;
	values[CVG_LOG_PREV_SEQ - 1] = Int64GetDatum(prev_seq);
	nulls[CVG_LOG_PREV_SEQ - 1] = prev_seq == 0;
	values[CVG_LOG_SPILL - 1] = Int64GetDatum(spill);
	nulls[CVG_LOG_SPILL - 1] = spill == 0;
	values[CVG_LOG_BODY - 1] = PointerGetDatum(bytes);
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	pfree(bytes);
	return tuple;
}

void
cvg_log_insert(CvgDb *db, int32 origin, int64 seq, int part, int64 prev_seq,
			   CvgStamp stamp, int64 spill, CvgSlice body)
{
	CvgTable	segment = CVG_T_LOG_0 + db->log_segment;
	Relation	rel = table_open(cvg_table_oid(segment), RowExclusiveLock);
	HeapTuple	tuple = cvg_log_form_tuple(rel, origin, seq, part, prev_seq, stamp, spill, body);

	cvg_meta_insert_tuple(rel, cvg_index_oid(segment), tuple);
	heap_freetuple(tuple);
	table_close(rel, NoLock);
}

static int64
get_int64(HeapTuple tuple, Relation rel, AttrNumber att)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, att, RelationGetDescr(rel), &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/* Advance one table's scan; its head becomes NULL at the end. */
static void
advance(TableScan *table, int64 until)
{
	HeapTuple	tuple;

	if (table->head != NULL)
		heap_freetuple(table->head);
	if (table->own != NULL)
	{
		table->head = cvg_ownlog_scan_next(table->own, &table->head_seq);
		return;
	}
	table->head = NULL;
	tuple = systable_getnext_ordered(table->scan, ForwardScanDirection);
	if (!HeapTupleIsValid(tuple))
		return;
	table->head_seq = get_int64(tuple, table->heap, CVG_LOG_SEQ);
	if (table->head_seq <= until)
		table->head = heap_copytuple(tuple);
}

static void
open_table(CvgLogScan *scan, CvgTable which, int32 origin, int64 from_seq,
		   int64 until_seq, Snapshot snapshot)
{
	TableScan  *table = &scan->tables[scan->ntables];
	Relation	heap = table_open(cvg_table_oid(which), AccessShareLock);
	ScanKeyData keys[3];

	if (RelationGetNumberOfBlocks(heap) == 0)
	{
		table_close(heap, AccessShareLock);
		return;
	}
	memset(table, 0, sizeof(TableScan));
	table->heap = heap;
	if (which >= CVG_T_OWN_0)
		table->own = cvg_ownlog_scan_begin(heap, origin, from_seq, until_seq, snapshot);
	else
	{
		ScanKeyInit(&keys[0], CVG_LOG_ORIGIN, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(origin));
		ScanKeyInit(&keys[1], CVG_LOG_SEQ, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(from_seq));
		ScanKeyInit(&keys[2], CVG_LOG_PART, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(0));
		table->index = index_open(cvg_index_oid(which), AccessShareLock);
		table->scan = systable_beginscan_ordered(heap, table->index, snapshot, 3, keys);
	}
	advance(table, until_seq);
	scan->ntables++;
}

static void
close_table(TableScan *table)
{
	if (table->own != NULL)
		cvg_ownlog_scan_end(table->own);
	else
	{
		systable_endscan_ordered(table->scan);
		index_close(table->index, AccessShareLock);
	}
	table_close(table->heap, AccessShareLock);
	if (table->head != NULL)
		heap_freetuple(table->head);
}

CvgLogScan *
cvg_log_scan_begin(int32 origin, int64 from_seq, int64 until_seq, Snapshot snapshot)
{
	CvgLogScan *scan = palloc(sizeof(CvgLogScan));
	int			i;

	scan->until = until_seq;
	scan->ntables = 0;
	for (i = 0; i < CVG_LOG_SEGMENTS; i++)
	{
		open_table(scan, CVG_T_LOG_0 + i, origin, from_seq, until_seq, snapshot);
		open_table(scan, CVG_T_OWN_0 + i, origin, from_seq, until_seq, snapshot);
	}
	return scan;
}

bool
cvg_log_scan_next(CvgLogScan *scan, CvgLogRow *row)
{
	TableScan  *best = NULL;
	bytea	   *body;
	int64		spill;
	bool		isnull;
	int			i;

	for (i = 0; i < scan->ntables; i++)
	{
		TableScan  *table = &scan->tables[i];

		if (table->head != NULL && (best == NULL || table->head_seq < best->head_seq))
			best = table;
	}
	if (best == NULL)
		return false;

	body = DatumGetByteaPCopy(heap_getattr(best->head, CVG_LOG_BODY,
										   RelationGetDescr(best->heap), &isnull));
	spill = get_int64(best->head, best->heap, CVG_LOG_SPILL);
	row->seq = best->head_seq;
	row->prev_seq = get_int64(best->head, best->heap, CVG_LOG_PREV_SEQ);
	row->stamp = get_int64(best->head, best->heap, CVG_LOG_STAMP);
	row->spill_key = spill != 0 ? -spill : row->seq;
	row->body = cvg_slice(VARDATA(body), VARSIZE(body) - VARHDRSZ);
	advance(best, scan->until);
	return true;
}

void
cvg_log_scan_end(CvgLogScan *scan)
{
	int			i;

	for (i = 0; i < scan->ntables; i++)
		close_table(&scan->tables[i]);
	pfree(scan);
}

bool
cvg_log_find(int32 origin, int64 seq, CvgStamp *stamp)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	CvgLogScan *scan = cvg_log_scan_begin(origin, seq, seq, snapshot);
	CvgLogRow	row;
	bool		found = cvg_log_scan_next(scan, &row);

	if (found)
	{
		*stamp = row.stamp;
		pfree((char *) row.body.data - VARHDRSZ);
	}
	cvg_log_scan_end(scan);
	UnregisterSnapshot(snapshot);
	return found;
}

bool
cvg_log_read_part(int32 origin, int64 spill_key, int part, Snapshot snapshot,
				  CvgSlice *bytes)
{
	bool		found = false;
	int			i;

	for (i = 0; i < CVG_LOG_SEGMENTS && !found; i++)
	{
		Relation	heap = table_open(cvg_table_oid(CVG_T_LOG_0 + i), AccessShareLock);
		ScanKeyData keys[3];
		SysScanDesc scan;
		HeapTuple	tuple;

		ScanKeyInit(&keys[0], CVG_LOG_ORIGIN, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(origin));
		ScanKeyInit(&keys[1], CVG_LOG_SEQ, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(spill_key));
		ScanKeyInit(&keys[2], CVG_LOG_PART, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(part));
		scan = systable_beginscan(heap, cvg_index_oid(CVG_T_LOG_0 + i), true,
								  snapshot, 3, keys);
		tuple = systable_getnext(scan);
		if (HeapTupleIsValid(tuple))
		{
			bool		isnull;
			bytea	   *body = DatumGetByteaPCopy(heap_getattr(tuple, CVG_LOG_BODY, RelationGetDescr(heap), &isnull));

			*bytes = cvg_slice(VARDATA(body), VARSIZE(body) - VARHDRSZ);
			found = true;
		}
		systable_endscan(scan);
		table_close(heap, AccessShareLock);
	}
	return found;
}

/* Join the last entry that log_N has of an origin into *last, *stamp. */
static void
look_at_last(int segment, int32 origin, Snapshot snapshot, int64 *last, CvgStamp *stamp)
{
	Relation	heap = table_open(cvg_table_oid(CVG_T_LOG_0 + segment), AccessShareLock);
	Relation	index = index_open(cvg_index_oid(CVG_T_LOG_0 + segment), AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	/* seq > 0: the parts of own spilled entries have negative ones */
	ScanKeyInit(&keys[0], CVG_LOG_ORIGIN, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(origin));
	ScanKeyInit(&keys[1], CVG_LOG_SEQ, BTGreaterStrategyNumber, F_INT8GT, Int64GetDatum(0));
	scan = systable_beginscan_ordered(heap, index, snapshot, 2, keys);
	tuple = systable_getnext_ordered(scan, BackwardScanDirection);
	if (HeapTupleIsValid(tuple) && get_int64(tuple, heap, CVG_LOG_SEQ) > *last)
	{
		*last = get_int64(tuple, heap, CVG_LOG_SEQ);
		*stamp = get_int64(tuple, heap, CVG_LOG_STAMP);
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(heap, AccessShareLock);
}

int64
cvg_log_segment_last(int segment, int32 origin, Snapshot snapshot, CvgStamp *stamp)
{
	Relation	own = table_open(cvg_table_oid(CVG_T_OWN_0 + segment), AccessShareLock);
	int64		last = 0;
	int64		seq;
	HeapTuple	tuple = cvg_ownlog_last(own, origin, snapshot, &seq);

	*stamp = 0;
	if (tuple != NULL)
	{
		last = seq;
		*stamp = get_int64(tuple, own, CVG_LOG_STAMP);
		heap_freetuple(tuple);
	}
	table_close(own, AccessShareLock);
	look_at_last(segment, origin, snapshot, &last, stamp);
	return last;
}

int64
cvg_log_last(int32 origin, Snapshot snapshot, CvgStamp *stamp)
{
	int64		last = 0;
	int			i;

	*stamp = 0;
	for (i = 0; i < CVG_LOG_SEGMENTS; i++)
	{
		CvgStamp	here;
		int64		seq = cvg_log_segment_last(i, origin, snapshot, &here);

		if (seq > last)
		{
			last = seq;
			*stamp = here;
		}
	}
	return last;
}

int64
cvg_log_own_watermark(CvgDb *db)
{
	int			dbno = db - cvg_shared->db;
	CvgHorizon	horizon;
	int64		watermark;
	XLogRecPtr	lsn;
	int			i;

	LWLockAcquire(&db->commit_lock, LW_SHARED);
	cvg_horizon_begin(&horizon, 0);
	lsn = db->last_commit_lsn;
	for (i = 0; i < cvg_shared->ninflight; i++)
	{
		CvgInflight *slot = &cvg_shared->inflight[i];

		if (pg_atomic_read_u64(&slot->first_stamp) != 0 && slot->db == dbno)
			cvg_horizon_add(&horizon, 0, slot->seq);
	}
	watermark = cvg_horizon_watermark(&horizon, db->last_seq);
	LWLockRelease(&db->commit_lock);

	if (!XLogRecPtrIsInvalid(lsn) && !RecoveryInProgress())
		XLogFlush(lsn);
	return watermark;
}
