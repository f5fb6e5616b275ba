/*-------------------------------------------------------------------------
 *
 * claims.h
 *	  Which of the rows that exclude each other are visible.
 *
 * It must not depend on the order in which changes came, so it is a function
 * of the states of all rows, those set aside included.  Every row has a rank,
 * the largest dot among the units that its constraints depend on; in the order
 * of ranks, ties by key, a row is visible unless it fails a constraint of its
 * own or a row visible before it is in its way.  So the first claim stays.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_CLAIMS_H
#define CVG_CORE_CLAIMS_H

#include "core/rowstate.h"

typedef struct CvgClaim
{
	CvgDot		rank;
	CvgSlice	key;
	bool		barred;			/* fails a constraint of its own */
	bool		visible;		/* the decision */
	void	   *row;			/* the caller's */
} CvgClaim;

/* Do two rows exclude each other? */
typedef bool (*CvgExcludeFn) (const CvgClaim *a, const CvgClaim *b, void *arg);

/* Largest dot among the units; the birth if there is none. */
extern CvgDot cvg_claim_rank(CvgSlice state, const uint32 *units, int nunits);

/* Sorts the claims by rank, and sets visible. */
extern void cvg_claims_decide(CvgClaim *claims, int n, CvgExcludeFn exclude, void *arg);

#endif							/* CVG_CORE_CLAIMS_H */
