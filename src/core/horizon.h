/*-------------------------------------------------------------------------
 *
 * horizon.h
 *	  What a node may promise of its own writes, from the transactions that
 *	  are in progress.
 *
 * A transaction in progress has published a lower bound of its stamps, and at
 * its commit takes a seq.  Three things follow from a look at all of them:
 *
 *	horizon	  every own write stamped at or below it is in an entry whose seq
 *			  has been taken: those without a seq hold it back.
 *	last seq  that of the last such entry.  A seq in flight may abort and then
 *			  never reaches anybody, so it is named only while it is in flight.
 *	watermark every entry up to it has committed or never will: those with a
 *			  seq hold it back.
 *
 * The caller reads the clock before it looks at the transactions, and looks
 * at all of them under the lock under which seqs are taken and ended.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_HORIZON_H
#define CVG_CORE_HORIZON_H

#include "core/base.h"

typedef struct CvgHorizon
{
	CvgStamp	stamp;
	int64		first_seq;		/* smallest in flight, 0 if none */
} CvgHorizon;

/* clock: the last stamp drawn or seen */
static inline void
cvg_horizon_begin(CvgHorizon *h, CvgStamp clock)
{
	h->stamp = clock;
	h->first_seq = 0;
}

/* A transaction in progress: its lower bound; its seq, 0 if not taken yet. */
static inline void
cvg_horizon_add(CvgHorizon *h, CvgStamp first_stamp, int64 seq)
{
	if (seq == 0)
	{
		if (first_stamp - 1 < h->stamp)
			h->stamp = first_stamp - 1;
	}
	else if (h->first_seq == 0 || seq < h->first_seq)
		h->first_seq = seq;
}

static inline int64
cvg_horizon_last_seq(const CvgHorizon *h, int64 taken, int64 committed)
{
	return h->first_seq != 0 ? taken : committed;
}

static inline int64
cvg_horizon_watermark(const CvgHorizon *h, int64 taken)
{
	return h->first_seq != 0 && h->first_seq <= taken ? h->first_seq - 1 : taken;
}

/*
 * What is told must hold after a crash, whatever the wall clock says then:
 * nothing above the ceiling, which is durable and below all stamps to come.
 */
static inline void
cvg_horizon_cap(CvgHorizon *h, CvgStamp ceiling)
{
	if (h->stamp > ceiling)
		h->stamp = ceiling;
}

/*
 * While rows are set aside, nothing is told to be in the past that was not told
 * before: a write to the key of such a row does not see what others do to it there, and
 * what comes of the two must meet the tombstone that there may be.  told: the last horizon told
 * while there were none.
 */
static inline void
cvg_horizon_hold(CvgHorizon *h, bool aside, CvgStamp *told)
{
	if (aside)
		cvg_horizon_cap(h, *told);
	else if (*told < h->stamp)
		*told = h->stamp;
}

/*
 * The ceiling is moved ahead of the wall clock, but not ahead of stamps that
 * are ahead of it: stamps begin at the ceiling after a restart, and a server
 * that restarts again and again must not run away from the clock.  It holds
 * as long as it is "margin" ahead.
 */
static inline bool
cvg_ceiling_holds(CvgStamp ceiling, CvgStamp last, CvgStamp now, int64 margin)
{
	return ceiling >= last && ceiling > now + margin;
}

static inline CvgStamp
cvg_next_ceiling(CvgStamp last, CvgStamp now, int64 lead)
{
	return last > now + lead ? last : now + lead;
}

#endif							/* CVG_CORE_HORIZON_H */
