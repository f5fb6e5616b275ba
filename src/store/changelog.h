/*-------------------------------------------------------------------------
 *
 * changelog.h
 *	  The log of committed transactions: insert, read in order, cut.
 *
 * Two tables per segment, of which eight make a ring: converge.own_N has the
 * entries of our own transactions (ownlog.c), converge.log_N those of other
 * origins, and parts: the changes of a spilled entry, under the entry's
 * (origin, seq) and part 1..n or, for an own transaction, under (origin,
 * -spill), because they are written before the seq is known.  Entries have
 * part 0, or null in own_N.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_CHANGELOG_H
#define CVG_STORE_CHANGELOG_H

#include "compat.h"

#include "core/entry.h"
#include "core/wire.h"
#include "shmem.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/* Columns of the log's tables. */
#define CVG_LOG_SEQ			1
#define CVG_LOG_STAMP		2
#define CVG_LOG_ORIGIN		3
#define CVG_LOG_PART		4
#define CVG_LOG_PREV_SEQ	5
#define CVG_LOG_SPILL		6
#define CVG_LOG_BODY		7
#define CVG_LOG_COLUMNS		7

/* A row of the log.  part -1 = null, prev_seq and spill 0 = null. */
extern HeapTuple cvg_log_form_tuple(Relation rel, int32 origin, int64 seq, int part,
									int64 prev_seq, CvgStamp stamp, int64 spill,
									CvgSlice body);

/*
 * Insert an entry of another origin, or a part, into the current segment;
 * transactional.
 */
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
	CvgSlice	body;			/* sealed */
} CvgLogRow;

/* Its head, for the seal. */
static inline CvgEntryHeader
cvg_log_header(const CvgLogRow *row, const char *replica_id)
{
	CvgEntryHeader header = {cvg_slice_cstring(replica_id), row->seq, row->prev_seq, row->stamp};

	return header;
}

typedef struct CvgLogScan CvgLogScan;

/*
 * Entries (part 0) of one origin with seq >= from_seq in seq order, as the
 * given snapshot sees them.  Ends at until_seq inclusive.
 */
extern CvgLogScan *cvg_log_scan_begin(int32 origin, int64 from_seq,
									  int64 until_seq, Snapshot snapshot);
extern bool cvg_log_scan_next(CvgLogScan *scan, CvgLogRow *row);
extern void cvg_log_scan_end(CvgLogScan *scan);

/* Is there this entry, and with which stamp? */
extern bool cvg_log_find(int32 origin, int64 seq, CvgStamp *stamp);

/* One part of a spilled entry; false if absent. */
extern bool cvg_log_read_part(int32 origin, int64 spill_key, int part,
							  Snapshot snapshot, CvgSlice *bytes);

/* Largest seq of an origin in one segment, and its stamp; 0 if none. */
extern int64 cvg_log_segment_last(int segment, int32 origin, Snapshot snapshot,
								  CvgStamp *stamp);

/* The same in the whole log. */
extern int64 cvg_log_last(int32 origin, Snapshot snapshot, CvgStamp *stamp);

/*
 * Up to where own entries are final: every seq at or below has committed or
 * aborted, visibly and flushed (this flushes WAL if it must).  Take the
 * snapshot for reading after this call.
 */
extern int64 cvg_log_own_watermark(CvgDb *db);

#endif							/* CVG_STORE_CHANGELOG_H */
