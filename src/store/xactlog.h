/*-------------------------------------------------------------------------
 *
 * xactlog.h
 *	  The changes that the current transaction has captured, until they
 *	  become a log entry at commit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_XACTLOG_H
#define CVG_STORE_XACTLOG_H

#include "compat.h"

#include "core/entry.h"
#include "shmem.h"
#include "store/relinfo.h"

extern void cvg_xactlog_init(void); /* transaction callbacks */

/*
 * The first of n consecutive stamps for writes of this transaction;
 * publishes the transaction's lower bound of stamps before the first is drawn.
 */
extern CvgStamp cvg_xactlog_stamps(CvgDb *db, int n);

static inline CvgStamp
cvg_xactlog_stamp(CvgDb *db)
{
	return cvg_xactlog_stamps(db, 1);
}

/* Was this stamp drawn by this transaction?  (Not exact: in its range.) */
extern bool cvg_xactlog_is_own(CvgStamp stamp);

/*
 * Append a change: begin returns the buffer to write into (as
 * cvg_change_start() left it), end completes it.  Nothing else may be
 * captured in between.
 */
extern CvgBuf *cvg_xactlog_begin(CvgRel *rel, CvgOp op, CvgSlice state);
extern void cvg_xactlog_end(void);

/* Let others know this table's descriptor, even if nothing in it is changed. */
extern void cvg_xactlog_announce(CvgRel *rel);

/* This transaction deletes a keyed row: see CvgDb.deleters. */
extern void cvg_xactlog_note_delete(CvgDb *db);

/*
 * An insert is about to look for a tombstone; and later: may another
 * transaction have buried something since this one's first look?
 */
extern void cvg_xactlog_note_lookup(CvgDb *db);
extern bool cvg_xactlog_delete_possible(CvgDb *db);

/* Has this transaction captured changes that are not committed? */
extern bool cvg_xactlog_pending(void);

#endif							/* CVG_STORE_XACTLOG_H */
