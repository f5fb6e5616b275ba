/*-------------------------------------------------------------------------
 *
 * claims.c
 *	  Which of the rows that exclude each other are visible.
 *
 *-------------------------------------------------------------------------
 */
#include "core/claims.h"

CvgDot
cvg_claim_rank(CvgSlice state, const uint32 *units, int nunits)
{
	CvgDot		rank = {{NULL, 0}, 0};
	int			i;

	for (i = 0; i < nunits; i++)
	{
		CvgDot		dot = cvg_rowstate_unit_dot(state, units[i]);

		if (cvg_dot_cmp(dot.stamp, dot.replica, rank.stamp, rank.replica) > 0)
			rank = dot;
	}
	return rank.stamp != 0 ? rank : cvg_rowstate_birth(state);
}

static int
compare_rank(const void *a, const void *b)
{
	const CvgClaim *x = a;
	const CvgClaim *y = b;
	int			c = cvg_dot_cmp(x->rank.stamp, x->rank.replica,
								y->rank.stamp, y->rank.replica);

	return c != 0 ? c : cvg_slice_cmp(x->key, y->key);
}

void
cvg_claims_decide(CvgClaim *claims, int n, CvgExcludeFn exclude, void *arg)
{
	int			i;
	int			j;

	qsort(claims, n, sizeof(CvgClaim), compare_rank);
	for (i = 0; i < n; i++)
	{
		claims[i].visible = !claims[i].aside || cvg_claim_contends(&claims[i]);
		for (j = 0; j < i && claims[i].visible; j++)
		{
			if (claims[j].visible && exclude(&claims[j], &claims[i], arg))
				claims[i].visible = false;
		}
	}
}

int
cvg_claims_moves(CvgClaim *claims, int n, CvgClaim **moves)
{
	int			count = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (!claims[i].aside && !claims[i].visible)
			moves[count++] = &claims[i];
	}
	for (i = 0; i < n; i++)
	{
		if (claims[i].aside && claims[i].visible)
			moves[count++] = &claims[i];
	}
	return count;
}
