/*-------------------------------------------------------------------------
 *
 * bcounter.h
 *	  Bounded counter: never below its bound although nobody is asked.
 *
 * What the counter is above its bound are rights to take something away, and
 * each right is held by one replica: a replica that adds n gets n of them,
 * taking away uses them up, and they can be handed to another replica.  A
 * replica only uses or hands on what it holds, so no combination of
 * concurrent updates goes below the bound:
 *	  rights(i) = added by i + handed to i - handed on by i - taken by i >= 0
 *	  value - bound = sum of all rights
 *
 * State: per replica, what it added, took and handed to whom; recent updates
 * one by one, older ones as totals up to a stamp, as in counter.h, and merged
 * like there.  Only replica i writes about what i holds, and that is what
 * makes it safe, as long as there is one line of history.
 *
 * A copied value has its rights twice.  Merging the copies back counts all
 * that was taken in both, exactly (crdt.h), and the value may then be below
 * the bound, because it is: more was taken than was there.  Rights can be
 * negative then, and nothing is taken until they have been made good.
 *
 * Body: 0, or 1 and the signed bound; then per replica, ascending:
 *	  varint id length, id
 *	  varint base stamp; if it is not 0: totals: varint added, varint taken,
 *	  for each replica handed to, ascending: varint id length, id, varint
 *	  total; varint 0
 *	  recent, ascending: varint (stamp - the one before) * 4 + kind (0 added,
 *	  1 taken, 2 handed on), varint amount, if handed on: varint id length, id
 *	  varint 0
 * Amounts are positive.  Without a bound it is 0, but gives way to another's.
 *
 * Text: value, bound, and what they are made of:
 *	  7 >= 0 {london total +10 -3 >paris 2 @11 -1@12 >paris 1@13, ...}
 *
 * Balegas, Serra, Duarte, Ferreira, Shapiro, Rodrigues, Preguica 2015.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_BCOUNTER_H
#define CVG_CORE_BCOUNTER_H

#include "core/crdt.h"

extern const CvgCrdtOps cvg_bcounter_ops;

/* A new one; the value is the bound. */
extern CvgStatus cvg_bcounter_new(int64 bound, CvgBuf *out);

/* What one replica holds. */
typedef struct CvgRights
{
	CvgSlice	replica;
	int128		held;
} CvgRights;

/* Who holds what, by id, with zeros; to be freed with pfree. */
extern CvgRights *cvg_bcounter_rights(CvgSlice counter, int *n);

/* What one replica holds. */
extern int128 cvg_bcounter_held(CvgSlice counter, CvgSlice replica);

extern int64 cvg_bcounter_bound(CvgSlice counter);

/* CVG_E_OVERFLOW if it is beyond int64. */
extern CvgStatus cvg_bcounter_value(CvgSlice counter, int64 *value);

/*
 * Updates by the update dot; n > 0.  CVG_E_FORBIDDEN if the replica holds
 * less than n, if it is to hand to itself, or if the stamp is not larger
 * than its latest; CVG_E_OVERFLOW; CVG_E_BAD_ID.
 */
extern CvgStatus cvg_bcounter_add(CvgSlice counter, CvgDot dot, int64 n,
								  CvgBuf *out);
extern CvgStatus cvg_bcounter_take(CvgSlice counter, CvgDot dot, int64 n,
								   CvgBuf *out);
extern CvgStatus cvg_bcounter_transfer(CvgSlice counter, CvgDot dot,
									   CvgSlice to, int64 n, CvgBuf *out);

/* As CvgCrdtOps has them; bcounter_assign.c. */
extern CvgStatus cvg_bcounter_assign(CvgSlice old, CvgSlice new,
									 CvgDotSupply *dots, CvgBuf *out);
extern CvgStatus cvg_bcounter_parse_plain(CvgScanner *s, CvgDotSupply *dots,
										  CvgBuf *out);

#endif							/* CVG_CORE_BCOUNTER_H */
