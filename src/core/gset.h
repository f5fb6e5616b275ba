/*-------------------------------------------------------------------------
 *
 * gset.h
 *	  Set that only grows.
 *
 * Merge is the union.  A marked set (marked_set.h) without marks.
 *
 * Text: {apple, "red, green"}
 *
 * Shapiro et al. 2011, 3.3.1.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_GSET_H
#define CVG_CORE_GSET_H

#include "core/set.h"

extern const CvgCrdtOps cvg_gset_ops;
extern const CvgSetOps cvg_gset;

#endif							/* CVG_CORE_GSET_H */
