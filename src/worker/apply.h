/*-------------------------------------------------------------------------
 *
 * apply.h
 *	  Applying other origins' entries: one or more entries in one local
 *	  transaction, each as a whole.
 *
 * Used by the receiver, in its process:
 *
 *	  cvg_apply_begin();
 *	  verdict = cvg_apply_entry(&header, body);   as often as it likes
 *	     for a spilled entry that was admitted: cvg_apply_part() for each part
 *	  cvg_apply_commit();                         or an ERROR anywhere
 *
 * An ERROR leaves nothing behind; the caller decides about retrying.  The
 * errcontext names origin, seq, table and key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_WORKER_APPLY_H
#define CVG_WORKER_APPLY_H

#include "compat.h"

#include "core/causality.h"
#include "core/wire.h"
#include "shmem.h"

/*
 * How apply gets the whole state of a row when the entry does not carry all
 * it needs: the receiver asks its peer (synchronously, on a connection of
 * its own) and returns the answer's bytes (CvgFetchAnswer), palloc'ed.
 */
typedef CvgSlice (*CvgFetchFn) (const CvgFetchRequest *req, void *arg);

typedef struct CvgApplyCounts
{
	int64		entries;
	int64		rows;
	int64		conflicts;
	int64		fetches;
	int64		quarantined;
} CvgApplyCounts;

/* Once per process, after connecting to the database. */
extern void cvg_apply_init(CvgFetchFn fetch, void *fetch_arg);

extern void cvg_apply_begin(void);

/*
 * Decide and apply.  CVG_ADMIT: applied (or, if spilled, waiting for its
 * parts).  Anything else: nothing was done; the transaction stays usable.
 * *missing as in cvg_admit().  The entry is stored in the log verbatim.
 */
extern CvgVerdict cvg_apply_entry(const CvgEntryHeader *header, CvgSlice body,
								  CvgClockEntry *missing);

/* The decision alone, outside of a transaction; it may be another later. */
extern CvgVerdict cvg_apply_look(const CvgEntryHeader *header, CvgSlice body,
								 CvgClockEntry *missing);
extern void cvg_apply_part(int part, CvgSlice bytes);

/*
 * Does somebody wait for the open transaction to end, as for a row that it
 * has written?
 */
extern bool cvg_apply_is_awaited(void);

/* Progress, commit, publish in shared memory.  Returns what was done. */
extern CvgApplyCounts cvg_apply_commit(void);

/*
 * Look again at set-aside rows of tables that local writes may have freed;
 * called now and then by the manager, in a transaction of its own.
 */
extern void cvg_quarantine_sweep(void);

#endif							/* CVG_WORKER_APPLY_H */
