/*-------------------------------------------------------------------------
 *
 * changelog.h
 *	  The log of committed transactions: insert, read in order, cut.
 *
 * Rows are (origin, seq, part, prev_seq, stamp, spill, body) in the segment
 * tables converge.log_0 .. log_7, a ring.  part 0 is the entry; parts 1..n
 * hold the changes of a spilled one, under the same (origin, seq) or, for an
 * own transaction, under (origin, -spill), because they are written before
 * the seq is known.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_CHANGELOG_H
#define CVG_STORE_CHANGELOG_H

#include "compat.h"

#include "core/entry.h"
#include "core/wire.h"
#include "shmem.h"
#include "utils/snapshot.h"

/* Insert a row into the current segment; transactional. spill 0 = none. */
extern void cvg_log_insert(CvgDb *db, int32 origin, int64 seq, int part,
						   int64 prev_seq, CvgStamp stamp, int64 spill,
						   CvgSlice body);

/* A row read from the log; bytes palloc'ed in the current context. */
typedef struct CvgLogRow
{
	int64		seq;
	int64		prev_seq;		/* 0 for own entries: the reader has it from the row before */
	CvgStamp	stamp;
	int64		spill_key;		/* seq under which parts are found */
	CvgSlice	body;
} CvgLogRow;

typedef struct CvgLogScan CvgLogScan;

/*
 * Entries (part 0) of one origin with seq >= from_seq in seq order, as the
 * given snapshot sees them.  Ends at until_seq inclusive.
 */
extern CvgLogScan *cvg_log_scan_begin(int32 origin, int64 from_seq,
									  int64 until_seq, Snapshot snapshot);
extern bool cvg_log_scan_next(CvgLogScan *scan, CvgLogRow *row);
extern void cvg_log_scan_end(CvgLogScan *scan);

/* One part of a spilled entry; false if absent. */
extern bool cvg_log_read_part(int32 origin, int64 spill_key, int part,
							  Snapshot snapshot, CvgSlice *bytes);

/* Largest seq of an origin in the log, and its stamp; 0 if none. */
extern int64 cvg_log_last(int32 origin, Snapshot snapshot, CvgStamp *stamp);

/*
 * Up to where own entries are final: every seq at or below has committed or
 * aborted, visibly and flushed (this flushes WAL if it must).  Take the
 * snapshot for reading after this call.
 */
extern int64 cvg_log_own_watermark(CvgDb *db);

#endif							/* CVG_STORE_CHANGELOG_H */
