/*-------------------------------------------------------------------------
 *
 * lwwreg.h
 *	  Last-write-wins register.
 *
 * The value with the largest dot.  The hybrid clock gives a write that has
 * seen another one the larger stamp; of concurrent writes the later wins, by
 * replica id if the stamps are the same.
 *
 * Body: nothing while never written; else varint id length, id, varint
 * stamp, varint length, payload: a JSON text, opaque here.
 *
 * Text: london@7 {"a": 1}, or unset.
 *
 * Shapiro et al. 2011, 3.2.1.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_LWWREG_H
#define CVG_CORE_LWWREG_H

#include "core/dotted.h"

extern const CvgCrdtOps cvg_lwwreg_ops;

/* CVG_E_BAD_ID; CVG_E_FORBIDDEN if the dot is not larger than the value's. */
extern CvgStatus cvg_lwwreg_set(CvgSlice reg, CvgDot dot, CvgSlice payload,
								CvgBuf *out);

/* False if never written. */
extern bool cvg_lwwreg_get(CvgSlice reg, CvgDotted *item);

#endif							/* CVG_CORE_LWWREG_H */
