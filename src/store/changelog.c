/*-------------------------------------------------------------------------
 *
 * changelog.c
 *	  The change log on disk.
 *
 * Order.  Within a segment the index gives seq order.  Between segments there
 * is none to rely on: the current segment may change between a neighbour's
 * insert and ours, so a scan merges the segments by seq.
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
#include "storage/bufmgr.h"
#include "store/changelog.h"
#include "store/meta.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#define Natts_log	7

/* One segment's part of a merge scan. */
typedef struct SegmentScan
{
	Relation	heap;
	Relation	index;
	SysScanDesc scan;
	HeapTuple	head;			/* copied; NULL at the end */
	int64		head_seq;
} SegmentScan;

struct CvgLogScan
{
	int			nsegments;
	SegmentScan segments[CVG_LOG_SEGMENTS];
	int64		until;
};

void
cvg_log_insert(CvgDb *db, int32 origin, int64 seq, int part, int64 prev_seq,
			   CvgStamp stamp, int64 spill, CvgSlice body)
{
	CvgTable	segment = CVG_T_LOG_0 + db->log_segment;
	Relation	rel = table_open(cvg_table_oid(segment), RowExclusiveLock);
	Datum		values[Natts_log];
	bool		nulls[Natts_log] = {false};
	bytea	   *bytes;

	bytes = palloc(VARHDRSZ + body.len);
	SET_VARSIZE(bytes, VARHDRSZ + body.len);
	memcpy(VARDATA(bytes), body.data, body.len);
	values[0] = Int32GetDatum(origin);
	values[1] = Int64GetDatum(seq);
	values[2] = Int32GetDatum(part);
	values[3] = Int64GetDatum(prev_seq);
	values[4] = Int64GetDatum(stamp);
	values[5] = Int64GetDatum(spill);
	values[6] = PointerGetDatum(bytes);
	cvg_meta_insert(rel, cvg_index_oid(segment), values, nulls);
	pfree(bytes);
	table_close(rel, NoLock);
}

/* Advance one segment; its head becomes NULL at the end. */
static void
segment_advance(SegmentScan *seg, int64 until)
{
	HeapTuple	tuple = systable_getnext_ordered(seg->scan, ForwardScanDirection);
	bool		isnull;

	if (seg->head != NULL)
		heap_freetuple(seg->head);
	seg->head = NULL;
	if (!HeapTupleIsValid(tuple))
		return;
	seg->head_seq = DatumGetInt64(heap_getattr(tuple, 2, RelationGetDescr(seg->heap), &isnull));
	if (seg->head_seq <= until)
		seg->head = heap_copytuple(tuple);
}

CvgLogScan *
cvg_log_scan_begin(int32 origin, int64 from_seq, int64 until_seq, Snapshot snapshot)
{
	CvgLogScan *scan = palloc0(sizeof(CvgLogScan));
	ScanKeyData keys[3];
	int			i;

	scan->until = until_seq;
	for (i = 0; i < CVG_LOG_SEGMENTS; i++)
	{
		SegmentScan *seg = &scan->segments[scan->nsegments];
		Relation	heap = table_open(cvg_table_oid(CVG_T_LOG_0 + i), AccessShareLock);

		if (RelationGetNumberOfBlocks(heap) == 0)
		{
			table_close(heap, AccessShareLock);
			continue;
		}
		ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(origin));
		ScanKeyInit(&keys[1], 2, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(from_seq));
		ScanKeyInit(&keys[2], 3, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(0));
		seg->heap = heap;
		seg->index = index_open(cvg_index_oid(CVG_T_LOG_0 + i), AccessShareLock);
		seg->scan = systable_beginscan_ordered(heap, seg->index, snapshot, 3, keys);
		seg->head = NULL;
		segment_advance(seg, until_seq);
		scan->nsegments++;
	}
	return scan;
}

bool
cvg_log_scan_next(CvgLogScan *scan, CvgLogRow *row)
{
	SegmentScan *best = NULL;
	Datum		values[Natts_log];
	bool		nulls[Natts_log];
	bytea	   *body;
	int64		spill;
	int			i;

	for (i = 0; i < scan->nsegments; i++)
	{
		SegmentScan *seg = &scan->segments[i];

		if (seg->head != NULL && (best == NULL || seg->head_seq < best->head_seq))
			best = seg;
	}
	if (best == NULL)
		return false;

	heap_deform_tuple(best->head, RelationGetDescr(best->heap), values, nulls);
	body = DatumGetByteaPCopy(values[6]);
	spill = DatumGetInt64(values[5]);
	row->seq = DatumGetInt64(values[1]);
	row->prev_seq = DatumGetInt64(values[3]);
	row->stamp = DatumGetInt64(values[4]);
	row->spill_key = spill != 0 ? -spill : row->seq;
	row->body = cvg_slice(VARDATA(body), VARSIZE(body) - VARHDRSZ);
	segment_advance(best, scan->until);
	return true;
}

void
cvg_log_scan_end(CvgLogScan *scan)
{
	int			i;

	for (i = 0; i < scan->nsegments; i++)
	{
		SegmentScan *seg = &scan->segments[i];

		systable_endscan_ordered(seg->scan);
		index_close(seg->index, AccessShareLock);
		table_close(seg->heap, AccessShareLock);
		if (seg->head != NULL)
			heap_freetuple(seg->head);
	}
	pfree(scan);
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

		ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(origin));
		ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(spill_key));
		ScanKeyInit(&keys[2], 3, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(part));
		scan = systable_beginscan(heap, cvg_index_oid(CVG_T_LOG_0 + i), true,
								  snapshot, 3, keys);
		tuple = systable_getnext(scan);
		if (HeapTupleIsValid(tuple))
		{
			bool		isnull;
			bytea	   *body = DatumGetByteaPCopy(heap_getattr(tuple, 7, RelationGetDescr(heap), &isnull));

			*bytes = cvg_slice(VARDATA(body), VARSIZE(body) - VARHDRSZ);
			found = true;
		}
		systable_endscan(scan);
		table_close(heap, AccessShareLock);
	}
	return found;
}

int64
cvg_log_last(int32 origin, Snapshot snapshot, CvgStamp *stamp)
{
	int64		last = 0;
	int			i;

	*stamp = 0;
	for (i = 0; i < CVG_LOG_SEGMENTS; i++)
	{
		Relation	heap = table_open(cvg_table_oid(CVG_T_LOG_0 + i), AccessShareLock);
		Relation	index = index_open(cvg_index_oid(CVG_T_LOG_0 + i), AccessShareLock);
		ScanKeyData keys[2];
		SysScanDesc scan;
		HeapTuple	tuple;

		/* seq > 0: the parts of own spilled entries have negative ones */
		ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(origin));
		ScanKeyInit(&keys[1], 2, BTGreaterStrategyNumber, F_INT8GT, Int64GetDatum(0));
		scan = systable_beginscan_ordered(heap, index, snapshot, 2, keys);
		tuple = systable_getnext_ordered(scan, BackwardScanDirection);
		if (HeapTupleIsValid(tuple))
		{
			bool		isnull;
			int64		seq = DatumGetInt64(heap_getattr(tuple, 2, RelationGetDescr(heap), &isnull));

			if (seq > last)
			{
				last = seq;
				*stamp = DatumGetInt64(heap_getattr(tuple, 5, RelationGetDescr(heap), &isnull));
			}
		}
		systable_endscan_ordered(scan);
		index_close(index, AccessShareLock);
		table_close(heap, AccessShareLock);
	}
	return last;
}

int64
cvg_log_own_watermark(CvgDb *db)
{
	int			dbno = db - cvg_shared->db;
	int64		watermark;
	XLogRecPtr	lsn;
	int			i;

	LWLockAcquire(&db->commit_lock, LW_SHARED);
	watermark = db->last_seq;
	lsn = db->last_commit_lsn;
	for (i = 0; i < cvg_shared->ninflight; i++)
	{
		CvgInflight *slot = &cvg_shared->inflight[i];

		if (pg_atomic_read_u64(&slot->first_stamp) != 0 && slot->db == dbno &&
			slot->seq != 0 && slot->seq <= watermark)
			watermark = slot->seq - 1;
	}
	LWLockRelease(&db->commit_lock);

	if (!XLogRecPtrIsInvalid(lsn) && !RecoveryInProgress())
		XLogFlush(lsn);
	return watermark;
}
