/*-------------------------------------------------------------------------
 *
 * orset.h
 *	  Observed-remove set without tombstones: adding wins.
 *
 * An add gives its element a new dot in place of those it has seen; a remove
 * takes the dots that it has seen.  An element is present while it has a
 * dot, so an add that a remove has not seen survives it.  Nothing is kept of
 * a removed element but its dots, which the dotset sums up in ranges.  A
 * causal set (causal_set.h).
 *
 * Text: {apple london@7, pear london@8 paris@9} seen {london 3-5}
 *
 * Bieniusa et al. 2012 (an optimized conflict-free replicated set).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_ORSET_H
#define CVG_CORE_ORSET_H

#include "core/set.h"

extern const CvgCrdtOps cvg_orset_ops;
extern const CvgSetOps cvg_orset;

#endif							/* CVG_CORE_ORSET_H */
