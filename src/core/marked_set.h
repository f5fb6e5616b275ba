/*-------------------------------------------------------------------------
 *
 * marked_set.h
 *	  Elements, of which some are marked as removed: what gset and twopset
 *	  are made of.
 *
 * An element is not there, or present, or removed, and only ever goes from
 * left to right.  Merge takes the rightmost per element.  This needs no dots.
 *
 * Body: entries in order: varint length * 2 + removed?, bytes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_MARKED_SET_H
#define CVG_CORE_MARKED_SET_H

#include "core/set.h"

/* The functions of CvgCrdtOps; check and parse ask whether any is removed. */
extern void cvg_mset_check(CvgReader *r, bool can_remove);
extern void cvg_mset_merge(CvgReader a, CvgReader b, CvgBuf *out);
extern void cvg_mset_delta(CvgReader old, CvgReader new, CvgBuf *out);
extern CvgStamp cvg_mset_latest(CvgReader r);
extern void cvg_mset_print(CvgReader r, bool can_remove, CvgBuf *out);
extern void cvg_mset_parse(CvgScanner *s, bool can_remove, CvgBuf *out);

/* The functions of CvgSetOps. */
extern bool cvg_mset_next(CvgReader *r, CvgSlice *element, bool *present);
extern void cvg_mset_change(CvgSlice set, CvgDot dot,
							const CvgSetChange *changes, int n, CvgBuf *out);

#endif							/* CVG_CORE_MARKED_SET_H */
