/*-------------------------------------------------------------------------
 *
 * hlc.h
 *	  Hybrid logical clock in one int64 of microseconds.
 *
 * Kulkarni et al. 2014 keep (physical, logical); one number suffices here:
 * stamps are unique per replica and a burst faster than 1/us runs ahead of
 * the wall clock until the next pause.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_HLC_H
#define CVG_CORE_HLC_H

#include "core/base.h"

/* The next stamp: larger than last, not behind now. */
static inline CvgStamp
cvg_hlc_next(CvgStamp last, CvgStamp now)
{
	return now > last ? now : last + 1;
}

/*
 * last after having seen a foreign stamp.  The caller has checked that seen
 * is not further ahead of its wall clock than it tolerates.
 */
static inline CvgStamp
cvg_hlc_observe(CvgStamp last, CvgStamp seen)
{
	return seen > last ? seen : last;
}

#endif							/* CVG_CORE_HLC_H */
