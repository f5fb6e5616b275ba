/*-------------------------------------------------------------------------
 *
 * causality.h
 *	  May this entry be applied now?  The decision every receiver takes for
 *	  every entry, in the simulator as in the server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_CAUSALITY_H
#define CVG_CORE_CAUSALITY_H

#include "core/vclock.h"

typedef enum CvgVerdict
{
	CVG_ADMIT = 0,				/* apply it */
	CVG_COVERED,				/* already applied: skip */
	CVG_WAIT_GAP,				/* an entry between progress and this one is missing */
	CVG_WAIT_DEPS,				/* a dependency is not applied here yet */
	CVG_WAIT_CLOCK,				/* stamped too far in the future: hold back */
	CVG_FORKED					/* its origin has two histories */
} CvgVerdict;

/* progress of one origin here, 0 when unknown */
typedef int64 (*CvgProgressFn) (CvgSlice origin, void *arg);

/*
 * seq, prev_seq, stamp, origin, deps: the entry's.  now is the wall clock
 * here; max_skew in microseconds.  self is this node's replica id: what an
 * entry depends on of our own origin was ours to begin with and is not asked
 * of progress().  On CVG_WAIT_DEPS *missing (may be NULL) is the first
 * dependency not covered.
 */
extern CvgVerdict cvg_admit(CvgSlice origin, int64 seq, int64 prev_seq,
							CvgStamp stamp, CvgSlice deps, CvgSlice self,
							CvgProgressFn progress, void *arg,
							CvgStamp now, int64 max_skew,
							CvgClockEntry *missing);

#endif							/* CVG_CORE_CAUSALITY_H */
