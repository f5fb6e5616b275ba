/*-------------------------------------------------------------------------
 *
 * cart.h
 *	  Shopping cart: how many of what.
 *
 * A map (ormap.h) from article to up-and-down counter (counter.h), and
 * stored as one.  Concurrent additions add up.  Taking an article out resets
 * its counter and so takes out exactly what was seen; taking out as many as
 * are there, or more, is the same.  Taking out fewer counts down.
 *
 * Never negative: nodes that each take out a part of the same few, not seeing
 * each other, can together count below zero.  Nothing is then in the cart,
 * and the debt is not kept: the next addition that sees it resets the
 * counter before it counts up.
 *
 * Text: {"apple": 3 {london 3@7} at [london@7]} seen {london 5}
 *
 * DeCandia et al. 2007, 4.4 (Dynamo: merging carts by union brings deleted
 * items back).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_CART_H
#define CVG_CORE_CART_H

#include "core/ormap.h"

extern const CvgCrdtOps cvg_cart_ops;

/* 0 if the article is not in the cart, or not any more. */
extern int64 cvg_cart_quantity(CvgSlice cart, CvgSlice sku);

/* Articles of which there are some, in byte order: begin with cvg_map_begin(). */
extern bool cvg_cart_next(CvgReader *r, CvgSlice *sku, int64 *quantity);

/*
 * Put n > 0 in.  CVG_E_OVERFLOW, CVG_E_LIMIT for a name that is too long,
 * CVG_E_FORBIDDEN for a stamp that is not larger than all in the cart,
 * CVG_E_BAD_ID.
 */
extern CvgStatus cvg_cart_add(CvgSlice cart, CvgSlice sku, int64 n, CvgDot dot,
							  CvgBuf *out);

/* Take n > 0 out, or as many as there are; no dot is used if that is all. */
extern CvgStatus cvg_cart_remove(CvgSlice cart, CvgSlice sku, int64 n,
								 CvgDot dot, CvgBuf *out);

/* Take all out. */
extern CvgStatus cvg_cart_remove_all(CvgSlice cart, CvgSlice sku, CvgBuf *out);

#endif							/* CVG_CORE_CART_H */
