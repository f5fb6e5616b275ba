/*-------------------------------------------------------------------------
 *
 * diff.h
 *	  Shortest edit script between two texts.
 *
 * What is equal at the beginning and at the end is set aside; between, the
 * greedy algorithm of Myers 1986 finds the fewest insertions and deletions,
 * in time O(length * their number).  When they are more than
 * CVG_DIFF_MAX_DISTANCE, or finding them takes more than CVG_DIFF_MAX_STEPS,
 * all that was not set aside is replaced instead: of texts so different the
 * shortest script says little, and finding it would take seconds.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_DIFF_H
#define CVG_CORE_DIFF_H

#include "core/base.h"

#define CVG_DIFF_MAX_DISTANCE	1024
#define CVG_DIFF_MAX_STEPS		10000000

/* Replace a[a .. a + alen - 1] by b[b .. b + blen - 1]. */
typedef struct CvgDiff
{
	int			a;
	int			alen;
	int			b;
	int			blen;
} CvgDiff;

/*
 * Ascending, with something equal between any two; returns their number.
 * *script is palloc'ed.
 */
extern int	cvg_diff(const uint32 *a, int na, const uint32 *b, int nb,
					 CvgDiff **script);

#endif							/* CVG_CORE_DIFF_H */
