/*
 * Which rows are visible: against the definition, whatever the order in which
 * they are given, and what follows from it.  And what a node with rows set
 * aside may say of its horizon.
 */
#include "recode.h"
#include "core/claims.h"
#include "core/horizon.h"

#define MAX_ROWS	8

typedef struct TestRow
{
	int64		stamp;			/* of its claim */
	char		key[2];
	int			u;				/* two unique columns */
	int			v;
	bool		aside;
	bool		fails_check;
} TestRow;

static bool
exclude(const CvgClaim *a, const CvgClaim *b, void *arg)
{
	const TestRow *x = a->row;
	const TestRow *y = b->row;

	return x->u == y->u || x->v == y->v;
}

static bool
before(const TestRow *x, const TestRow *y)
{
	return x->stamp != y->stamp ? x->stamp < y->stamp : x->key[0] < y->key[0];
}

/* The definition: visible iff no visible row of smaller rank is in its way. */
static bool
should_be_visible(const TestRow *rows, int n, int at)
{
	int			i;

	if (rows[at].aside && rows[at].fails_check)
		return false;
	for (i = 0; i < n; i++)
	{
		if (i != at && before(&rows[i], &rows[at]) &&
			(rows[i].u == rows[at].u || rows[i].v == rows[at].v) &&
			should_be_visible(rows, n, i))
			return false;
	}
	return true;
}

/* Nobody moves in before all have moved out, and who moves is not where it should be. */
static void
check_moves(CvgClaim *claims, int n)
{
	CvgClaim   *moves[MAX_ROWS];
	int			count = cvg_claims_moves(claims, n, moves);
	int			needed = 0;
	bool		good = true;
	int			i;

	for (i = 0; i < n; i++)
		needed += claims[i].aside == claims[i].visible;
	for (i = 0; i < count; i++)
		good &= moves[i]->aside == moves[i]->visible && (i == 0 || moves[i]->aside >= moves[i - 1]->aside);
	CHECK(good && count == needed, "the moves are those of the decision, and make room first");
}

static void
test_random(void)
{
	TestRow		rows[MAX_ROWS];
	CvgClaim	claims[MAX_ROWS];
	int			n = unit_below(MAX_ROWS + 1);
	int			shift = unit_below(MAX_ROWS);
	bool		same = true;
	int			i;

	for (i = 0; i < n; i++)
	{
		rows[i].stamp = 1 + unit_below(4);
		rows[i].key[0] = 'a' + i;
		rows[i].u = unit_below(3);
		rows[i].v = 10 + unit_below(4);
		rows[i].aside = unit_below(2) == 0;
		rows[i].fails_check = unit_below(4) == 0;
	}
	for (i = 0; i < n; i++)
	{
		TestRow    *row = &rows[(i + shift) % n];

		memset(&claims[i], 0, sizeof(CvgClaim));
		claims[i].rank.stamp = row->stamp;
		claims[i].rank.replica = cvg_slice_cstring("r");
		claims[i].key = cvg_slice(row->key, 1);
		claims[i].aside = row->aside;
		claims[i].fails_check = row->fails_check;
		claims[i].row = row;
	}
	cvg_claims_decide(claims, n, exclude, NULL);
	for (i = 0; i < n; i++)
		same &= claims[i].visible == should_be_visible(rows, n, (TestRow *) claims[i].row - rows);
	CHECK(same, "the visible set is the one by definition");
	check_moves(claims, n);
}

static void
test_rank(void)
{
	CvgBuf		born;
	CvgBuf		state;
	uint32		units[2] = {7, 9};
	uint32		other = 11;
	CvgDot		rank;

	cvg_buf_init(&born);
	cvg_buf_init(&state);
	cvg_rowstate_insert(cvg_slice(NULL, 0), cvg_slice_cstring("a"), 10, &born);
	rank = cvg_claim_rank(cvg_buf_slice(&born), units, 2);
	CHECK(rank.stamp == 10, "the claim of an insert");
	cvg_rowstate_update(cvg_buf_slice(&born), cvg_slice_cstring("b"), 20, units + 1, 1, &state);
	CHECK(cvg_claim_rank(cvg_buf_slice(&state), units, 2).stamp == 20, "a claim by an update");
	CHECK(cvg_claim_rank(cvg_buf_slice(&state), units, 1).stamp == 10, "of another column");
	CHECK(cvg_claim_rank(cvg_buf_slice(&state), &other, 1).stamp == 10);
	CHECK(cvg_claim_rank(cvg_buf_slice(&state), NULL, 0).stamp == 10, "no claims: as old as the row");
	cvg_buf_free(&born);
	cvg_buf_free(&state);
}

static void
test_hold(void)
{
	CvgHorizon	h = {50, 0};
	CvgStamp	told = 0;

	cvg_horizon_hold(&h, true, &told);
	CHECK(h.stamp == 0 && told == 0, "after a start nothing has been told");
	h.stamp = 60;
	cvg_horizon_hold(&h, false, &told);
	CHECK(h.stamp == 60 && told == 60);
	h.stamp = 70;
	cvg_horizon_hold(&h, true, &told);
	CHECK(h.stamp == 60 && told == 60, "no further than before there were rows aside");
	h.stamp = 55;
	cvg_horizon_hold(&h, true, &told);
	CHECK(h.stamp == 55 && told == 60, "and not further than without");
}

int
main(void)
{
	int			i;

	unit_start(1);
	test_rank();
	test_hold();
	for (i = 0; i < 20000; i++)
		test_random();
	return unit_done();
}
