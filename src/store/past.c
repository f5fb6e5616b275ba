/*-------------------------------------------------------------------------
 *
 * past.c
 *	  What a new incarnation takes over of the log of the former.
 *
 * Which entries keep their number and which go on under a new one is said in
 * core/incarnation.h.  All of it happens in the transaction that makes the
 * new incarnation (identity.c), before anybody can read or write the log.
 *
 * Everything that no peer has had yet moves, and that may be a large log, so
 * entries are rewritten one at a time, and memory is bounded by the largest.
 * The parts of spilled entries stay where they are and change their origin
 * only.  Entries that move go to the table with an index: in the other one
 * they would be out of order.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/table.h"
#include "core/incarnation.h"
#include "store/changelog.h"
#include "store/meta.h"
#include "store/past.h"
#include "store/sql.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

static int64
last_entry(int32 origin, CvgStamp *stamp)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	int64		seq = cvg_log_last(origin, snapshot, stamp);

	UnregisterSnapshot(snapshot);
	return seq;
}

/* Up to where all writes of the former self are in this entry and before. */
static CvgStamp
horizon_at(const CvgPast *past, int64 seq)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	CvgLogScan *scan = cvg_log_scan_begin(past->origin, seq, seq, snapshot);
	CvgLogRow	row;
	CvgBody		body;
	CvgStamp	horizon = 0;

	if (cvg_log_scan_next(scan, &row))
	{
		CvgEntryHeader header = cvg_log_header(&row, past->replica_id);

		if (cvg_sealed_body_decode(&header, row.body, &body, NULL) == CVG_OK)
			horizon = cvg_body_horizon(&body, row.stamp);
	}
	cvg_log_scan_end(scan);
	UnregisterSnapshot(snapshot);
	return horizon;
}

/* "kept" is for the first that moves: it comes after the last that does not. */
static void
move_entry(const CvgPast *past, const CvgLogRow *row, int64 kept, Relation rel, CvgTable table)
{
	CvgEntryHeader header = cvg_log_header(row, past->replica_id);
	CvgBuf		body;
	HeapTuple	tuple;

	cvg_buf_init(&body);
	if (cvg_sealed_body_move(&header, row->body, cvg_slice_cstring(past->later_id),
							 !past->lost, kept, &body) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("entry " INT64_FORMAT " of replica id \"%s\" in the log is damaged",
						row->seq, past->replica_id)));
	tuple = cvg_log_form_tuple(rel, past->later, row->seq, 0, row->prev_seq, row->stamp,
							   row->spill_key < 0 ? -row->spill_key : 0, cvg_buf_slice(&body));
	cvg_meta_insert_tuple(rel, cvg_index_oid(table), tuple);
}

/*
 * The entries are read as they were before they are deleted, and then the
 * last one that stays is known: certain may be a seq without an entry.
 */
static void
move_entries(const CvgPast *past, int64 certain, int64 last, int segment)
{
	CvgTable	table = CVG_T_LOG_0 + segment;
	MemoryContext one = AllocSetContextCreate(CurrentMemoryContext, "pg_converge entry",
											  ALLOCSET_DEFAULT_SIZES);
	Snapshot	before = RegisterSnapshot(GetLatestSnapshot());
	Relation	rel;
	CvgLogScan *scan;
	CvgLogRow	row;
	CvgStamp	stamp;
	int64		kept;

	cvg_sql("UPDATE converge.log SET origin = $3 "
			"WHERE origin = $1 AND seq < 0 AND seq IN "
			"(SELECT -spill FROM converge.log WHERE origin = $1 AND seq > $2 AND spill <> 0)",
			"ili", past->origin, certain, past->later);
	cvg_sql("DELETE FROM converge.log WHERE origin = $1 AND seq > $2", "il", past->origin, certain);
	kept = Max(last_entry(past->origin, &stamp), past->floor);

	rel = table_open(cvg_table_oid(table), RowExclusiveLock);
	scan = cvg_log_scan_begin(past->origin, certain + 1, last, before);
	while (cvg_log_scan_next(scan, &row))
	{
		MemoryContext old = MemoryContextSwitchTo(one);

		CHECK_FOR_INTERRUPTS();
		move_entry(past, &row, kept, rel, table);
		kept = 0;
		MemoryContextSwitchTo(old);
		MemoryContextReset(one);
		pfree((char *) row.body.data - VARHDRSZ);
	}
	cvg_log_scan_end(scan);
	table_close(rel, NoLock);
	UnregisterSnapshot(before);
	MemoryContextDelete(one);
	cvg_sql("UPDATE converge.origins SET moved_seq = $2 WHERE id = $1", "il",
			past->origin, cvg_past_brought(last, past->lost));
}

/* The former self becomes an origin like any other. */
static void
retire_origin(const CvgPast *past)
{
	CvgStamp	stamp;
	int64		seq = last_entry(past->origin, &stamp);

	cvg_sql("UPDATE converge.progress SET own_seq = 0 WHERE own_seq <> 0", "");
	cvg_sql("INSERT INTO converge.progress AS p VALUES ($1, $2, $3, $4, 0, 0) "
			"ON CONFLICT (origin) DO UPDATE SET "
			"seq = GREATEST(excluded.seq, p.floor), "
			"stamp = excluded.stamp, horizon = excluded.horizon",
			"illl", past->origin, seq, stamp,
			seq > 0 ? horizon_at(past, seq) : (CvgStamp) 0);
}

void
cvg_past_divide(const CvgPast *past, int segment)
{
	CvgStamp	stamp;
	int64		last = last_entry(past->origin, &stamp);
	int64		certain = cvg_past_certain(past->floor, past->confirmed_seq,
										   past->boot_seq, past->lost);

	if (certain < last)
		move_entries(past, certain, last, segment);
	if (past->lost && past->confirmed_seq > past->boot_seq)
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("entries " INT64_FORMAT " to " INT64_FORMAT " of replica id \"%s\" were given to a peer in two versions",
						past->boot_seq + 1, past->confirmed_seq, past->replica_id),
				 errdetail("This node was set back without its noticing, and wrote before a peer that knew its later entries told it."),
				 errhint("Compare the tables of all nodes with converge.digest().")));
	retire_origin(past);
}
