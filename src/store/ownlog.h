/*-------------------------------------------------------------------------
 *
 * ownlog.h
 *	  Entries of our own transactions: tables converge.own_0 .. own_7, kept
 *	  in order without an index.  For xactlog.c and changelog.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_OWNLOG_H
#define CVG_STORE_OWNLOG_H

#include "compat.h"

#include "shmem.h"
#include "store/changelog.h"

/* A place in the log for one entry. */
typedef struct CvgOwnPlace
{
	Relation	rel;			/* locked until the transaction ends */
	int			segment;
	BlockNumber existing;		/* blocks of rel when it was opened */
	BlockNumber block;			/* set by reserve */
	bool		extend;			/* that block is not known to be there */
} CvgOwnPlace;

/* Open the current segment; before commit_lock is taken. */
extern void cvg_ownlog_open(CvgDb *db, CvgOwnPlace *place);
extern void cvg_ownlog_close(CvgOwnPlace *place);

/*
 * Reserve room for an entry whose body has up to so many bytes.  Under
 * commit_lock, with the seq; false if the segment is no longer the current
 * one: close, and begin again.
 */
extern bool cvg_ownlog_reserve(CvgDb *db, CvgOwnPlace *place, Size body_len,
							   bool spilled);

/* Insert the entry into the place reserved for it. */
extern void cvg_ownlog_insert(CvgDb *db, CvgOwnPlace *place, int64 seq,
							  CvgStamp stamp, int64 spill, CvgSlice body);

/*
 * Entries of an origin in one segment, ascending by seq, from_seq to
 * until_seq, as a snapshot sees them.  Next returns a tuple in the current
 * memory context, or NULL at the end.
 */
typedef struct CvgOwnScan CvgOwnScan;

extern CvgOwnScan *cvg_ownlog_scan_begin(Relation rel, int32 origin, int64 from_seq,
										 int64 until_seq, Snapshot snapshot);
extern HeapTuple cvg_ownlog_scan_next(CvgOwnScan *scan, int64 *seq);
extern void cvg_ownlog_scan_end(CvgOwnScan *scan);

/* The last entry of an origin in one segment, NULL if none. */
extern HeapTuple cvg_ownlog_last(Relation rel, int32 origin, Snapshot snapshot,
								 int64 *seq);

#endif							/* CVG_STORE_OWNLOG_H */
