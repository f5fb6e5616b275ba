/*-------------------------------------------------------------------------
 *
 * dot.h
 *	  Where the updates of CRDT values get their dots from.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_TYPES_DOT_H
#define CVG_TYPES_DOT_H

#include "compat.h"

#include "core/crdt.h"

/*
 * Fills in the first of n dots of this node with consecutive stamps, which
 * were never used and are larger than "after"; raises an error if it cannot.
 * The replica id lives as long as the backend.  NULL while the library is
 * not preloaded.
 */
typedef void (*CvgDotSource) (CvgStamp after, int n, CvgDot *dot);

extern CvgDotSource cvg_dot_source;

/* Dots for n updates of this value (of whatever type): the first of them. */
extern CvgDot cvg_draw_dots(CvgSlice value, int n);

static inline CvgDot
cvg_draw_dot(CvgSlice value)
{
	return cvg_draw_dots(value, 1);
}

/* Dots for any number of updates, with stamps larger than "after". */
extern CvgDotSupply cvg_dot_supply(CvgStamp after);

#endif							/* CVG_TYPES_DOT_H */
