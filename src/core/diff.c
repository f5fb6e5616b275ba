/*-------------------------------------------------------------------------
 *
 * diff.c
 *	  Shortest edit script between two texts.
 *
 * reach[d][i] is the largest x such that (x, x - k), on diagonal
 * k = 2 * i - d, can be reached with d insertions and deletions; -1 if none.
 * Rows are kept, one behind the other, to find the way back.
 *
 *-------------------------------------------------------------------------
 */
#include "core/diff.h"

typedef struct Diff
{
	const uint32 *a;
	const uint32 *b;
	int			na;
	int			nb;
	int		   *reach;
	int64		steps;			/* left to do */
} Diff;

static inline int *
row(const Diff *diff, int d)
{
	return diff->reach + (size_t) d * (d + 1) / 2;
}

/*
 * Where the last of d steps to diagonal i ends, before what is equal there.
 * *insertion says which kind it is.
 */
static int
last_step(const Diff *diff, int d, int i, bool *insertion)
{
	const int  *before = row(diff, d - 1);
	int			k = 2 * i - d;
	int			down = i < d ? before[i] : -1;
	int			right = i > 0 ? before[i - 1] : -1;

	if (down - k > diff->nb)
		down = -1;
	if (right >= 0)
		right = right < diff->na ? right + 1 : -1;
	*insertion = down >= right;
	return Max(down, right);
}

/* The number of steps needed, -1 if there are too many. */
static int
distance(Diff *diff)
{
	int			d;
	int			i;
	bool		insertion;

	for (d = 0; d <= CVG_DIFF_MAX_DISTANCE; d++)
	{
		for (i = 0; i <= d; i++)
		{
			int			x = d == 0 ? 0 : last_step(diff, d, i, &insertion);
			int			y = x - (2 * i - d);
			int			start = x;

			while (x >= 0 && x < diff->na && y < diff->nb &&
				   diff->a[x] == diff->b[y])
			{
				x++;
				y++;
			}
			row(diff, d)[i] = x;
			if (x == diff->na && y == diff->nb)
				return d;
			diff->steps -= 1 + x - start;
		}
		if (diff->steps < 0)
			break;
	}
	return -1;
}

/* Add a step in front of a script that is made from its end. */
static int
put_step(CvgDiff *script, int n, int a, int b, bool insertion)
{
	CvgDiff    *first = &script[n - 1];

	if (n == 0 || first->a != a + !insertion || first->b != b + insertion)
	{
		first = &script[n++];
		first->alen = first->blen = 0;
	}
	first->a = a;
	first->b = b;
	if (insertion)
		first->blen++;
	else
		first->alen++;
	return n;
}

static int
backtrack(const Diff *diff, int d, CvgDiff *script)
{
	int			i = (diff->na - diff->nb + d) / 2;
	int			n = 0;
	int			j;

	for (; d > 0; d--)
	{
		bool		insertion;
		int			x = last_step(diff, d, i, &insertion);
		int			y = x - (2 * i - d);

		n = put_step(script, n, x - !insertion, y - insertion, insertion);
		if (!insertion)
			i--;
	}
	for (j = 0; j < n / 2; j++)
	{
		CvgDiff		swap = script[j];

		script[j] = script[n - 1 - j];
		script[n - 1 - j] = swap;
	}
	return n;
}

int
cvg_diff(const uint32 *a, int na, const uint32 *b, int nb, CvgDiff **script)
{
	Diff		diff = {a, b, na, nb, NULL, CVG_DIFF_MAX_STEPS};
	int			equal = 0;
	int			d = -1;
	int			n;
	int			i;

	while (equal < Min(na, nb) && a[equal] == b[equal])
		equal++;
	diff.a += equal;
	diff.b += equal;
	diff.na -= equal;
	diff.nb -= equal;
	while (diff.na > 0 && diff.nb > 0 &&
		   diff.a[diff.na - 1] == diff.b[diff.nb - 1])
	{
		diff.na--;
		diff.nb--;
	}
	if (diff.na > 0 && diff.nb > 0 &&
		abs(diff.na - diff.nb) <= CVG_DIFF_MAX_DISTANCE)
	{
		diff.reach = palloc(sizeof(int) * (CVG_DIFF_MAX_DISTANCE + 1) *
							(CVG_DIFF_MAX_DISTANCE + 2) / 2);
		d = distance(&diff);
	}
	*script = palloc(sizeof(CvgDiff) * (CVG_DIFF_MAX_DISTANCE + 1));
	if (d >= 0)
		n = backtrack(&diff, d, *script);
	else
	{
		(*script)->a = (*script)->b = 0;
		(*script)->alen = diff.na;
		(*script)->blen = diff.nb;
		n = diff.na > 0 || diff.nb > 0;
	}
	for (i = 0; i < n; i++)
	{
		(*script)[i].a += equal;
		(*script)[i].b += equal;
	}
	if (diff.reach != NULL)
		pfree(diff.reach);
	return n;
}
