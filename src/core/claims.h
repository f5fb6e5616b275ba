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
 * Rows in the way of none that is set aside cannot be touched by this, so only
 * rows that are set aside take part, and the visible ones that are in the way of
 * a contender among them.  A row that is visible though it fails a constraint of
 * its own (one that was added NOT VALID) stays.
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
	bool		aside;			/* it is set aside now */
	bool		fails_check;	/* a constraint of its own */
	bool		visible;		/* the decision */
	void	   *row;			/* the caller's */
} CvgClaim;

/* Do two rows exclude each other? */
typedef bool (*CvgExcludeFn) (const CvgClaim *a, const CvgClaim *b, void *arg);

/* Largest dot among the units; the birth if there is none. */
extern CvgDot cvg_claim_rank(CvgSlice state, const uint32 *units, int nunits);

/* Set aside, and it might be visible: who is in its way takes part. */
static inline bool
cvg_claim_contends(const CvgClaim *claim)
{
	return claim->aside && !claim->fails_check;
}

/* Sorts the claims by rank, and sets visible. */
extern void cvg_claims_decide(CvgClaim *claims, int n, CvgExcludeFn exclude, void *arg);

/*
 * Who must move after a decision, in this order: out of the table first, for
 * those make room.  moves has room for n.  Returns how many.
 */
extern int	cvg_claims_moves(CvgClaim *claims, int n, CvgClaim **moves);

#endif							/* CVG_CORE_CLAIMS_H */
