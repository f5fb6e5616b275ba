/*-------------------------------------------------------------------------
 *
 * mvreg.h
 *	  Multi-value register: keeps exactly the concurrent values.
 *
 * A write supersedes what it has seen; values written concurrently stay side
 * by side until a write that has seen them.  Dotted values (dotted.h); the
 * payload is a JSON text, which is opaque here.
 *
 * Text: [london@7 "a", paris@8 {"b": 1}] seen {london 3-5}
 *
 * Preguica et al. 2012 (dotted version vector sets).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_MVREG_H
#define CVG_CORE_MVREG_H

#include "core/dotted.h"

extern const CvgCrdtOps cvg_mvreg_ops;

/* Write: cvg_dotted_write().  Values: cvg_dotted_begin() and _next(). */

/* Number of values: 0 if never written, more than 1 after concurrent writes. */
extern int	cvg_mvreg_count(CvgSlice reg);

/* The value with the largest dot, as an lwwreg would have it. */
extern bool cvg_mvreg_latest(CvgSlice reg, CvgDotted *item);

#endif							/* CVG_CORE_MVREG_H */
