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
 * Fills in a dot of this node that was never used and whose stamp is larger
 * than "after"; raises an error if it cannot.  The replica id lives as long
 * as the backend.  NULL while the library is not preloaded.
 */
typedef void (*CvgDotSource) (CvgStamp after, CvgDot *dot);

extern CvgDotSource cvg_dot_source;

/* A dot for an update of this value (of whatever type). */
extern CvgDot cvg_draw_dot(CvgSlice value);

#endif							/* CVG_TYPES_DOT_H */
