/*-------------------------------------------------------------------------
 *
 * twopset.h
 *	  Two-phase set: what was removed never comes back.
 *
 * An element is added, perhaps by several, then removed, and that is final:
 * adding it again changes nothing.  Removing an element that is not present
 * changes nothing either.  A marked set (marked_set.h), which keeps every
 * removed element as a tombstone.
 *
 * Text: {apple} removed {pear}, both always there
 *
 * Shapiro et al. 2011, 3.3.2.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_TWOPSET_H
#define CVG_CORE_TWOPSET_H

#include "core/set.h"

extern const CvgCrdtOps cvg_twopset_ops;
extern const CvgSetOps cvg_twopset;

#endif							/* CVG_CORE_TWOPSET_H */
