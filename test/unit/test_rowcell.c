/*
 * test_rowcell.c: cells of row states, whatever the strategies were.
 *
 * Three replicas write one unit of one row.  Each write is recorded in a way
 * drawn at random: as a value that the last write wins, as one of several
 * values, or as a contribution to a count, as if every replica had its own
 * idea of the column's strategy at every moment.  They merge whole rows with
 * each other.  Then:
 *
 * - merging is commutative, associative and idempotent, for states and for
 *	 what the column shows;
 * - equal row clocks, at any two moments on any replicas, mean equal bytes and
 *	 the same value shown;
 * - every state is valid, is the same after being taken apart and put
 *	 together by a merge with nothing, and damaged bytes are refused or are
 *	 another valid state.
 *
 *	CASES=n histories, SEED=first seed.
 */
#include "unit.h"
#include "core/rowstate.h"

#define NREPLICAS	3
#define NSTEPS		24
#define UNIT		0x51
#define MAX_SEEN	(NSTEPS * 2)

typedef struct Row
{
	size_t		len;
	uint8		state[1024];
	int64		shown;
} Row;

static const char *const names[NREPLICAS] = {"a", "bb", "c"};
static const uint32 units[1] = {UNIT};
static Row	rows[NREPLICAS];
static Row	seen[MAX_SEEN];
static int	nseen;
static int64 now;
static int64 merges;
static int64 kept;
static int64 counted;

static CvgSlice
state_of(const Row *row)
{
	return cvg_slice(row->state, row->len);
}

static CvgSlice
number_slice(const int64 *n)
{
	return cvg_slice(n, sizeof(*n));
}

static int64
number_of(CvgSlice s)
{
	int64		n = 0;

	if (s.len == sizeof(n))
		memcpy(&n, s.data, sizeof(n));
	return n;
}

static void
free_view(CvgCellView *view)
{
	pfree(view->dots);
	pfree(view->values);
	pfree(view->replicas);
	pfree(view->amounts);
	pfree(view->floors);
}

/* The largest value, and what was counted on top. */
static int64
fold(CvgSlice state)
{
	CvgCellView view;
	int64		max = 0;
	int			i;

	if (!cvg_rowstate_cell(state, UNIT, &view))
		return 0;
	for (i = 0; i < view.npairs; i++)
		max = i == 0 ? number_of(view.values[i]) : Max(max, number_of(view.values[i]));
	for (i = 0; i < view.nshares; i++)
		max = (int64) ((uint64) max + (uint64) number_of(view.amounts[i]) -
					   (uint64) number_of(view.floors[i]));
	kept += view.npairs > 1;
	counted += view.counted;
	free_view(&view);
	return max;
}

static int64
own_amount(CvgSlice state, CvgSlice id)
{
	CvgCellView view;
	int64		amount = 0;
	int			i;

	if (!cvg_rowstate_cell(state, UNIT, &view))
		return 0;
	for (i = 0; i < view.nshares; i++)
	{
		if (cvg_slice_eq(view.replicas[i], id))
			amount = number_of(view.amounts[i]);
	}
	free_view(&view);
	return amount;
}

static void
store(Row *row, CvgBuf *state)
{
	CHECK(state->len <= sizeof(row->state), "room for a state");
	CHECK(cvg_rowstate_validate(cvg_buf_slice(state), NULL) == CVG_OK, "valid");
	memcpy(row->state, state->data, Min(state->len, sizeof(row->state)));
	row->len = state->len;
	cvg_buf_free(state);
}

static void
write_row(int r)
{
	Row		   *row = &rows[r];
	CvgSlice	id = cvg_slice_cstring(names[r]);
	CvgCellWrite cell = {UNIT};
	int			mode = unit_below(3);
	bool		insert = row->len == 0 || unit_below(10) == 0;
	int64		value = unit_below(100);
	int64		old = row->shown;
	int64		amount;
	CvgBuf		out;
	CvgStatus	status;

	now++;
	cvg_buf_init(&out);
	if (!insert && unit_below(10) == 0)
	{
		status = cvg_rowstate_delete(state_of(row), id, now, &out);
		CHECK(status == CVG_OK, "delete");
		store(row, &out);
		return;
	}
	if (mode == 0)
	{
		cell.count = true;
		amount = own_amount(state_of(row), id) + value;
		cell.amount = number_slice(&amount);
		if (!insert)
			cell.value = number_slice(&old);
	}
	else
	{
		cell.multi = mode == 1;
		cell.value = number_slice(&value);
	}
	if (insert)
		status = cvg_rowstate_insert_cells(state_of(row), id, now, &cell, 1, &out);
	else
		status = cvg_rowstate_update_cells(state_of(row), id, now, units, mode != 0,
										   &cell, 1, &out);
	CHECK(status == CVG_OK, "write");
	store(row, &out);
	if (mode == 0)
		row->shown = fold(state_of(row));
	else
		row->shown = value;
}

static bool
row_value(void *arg, CvgSide side, int unit, CvgSlice *out)
{
	Row		  **sides = arg;

	CHECK(unit == 0, "the unit that was asked about");
	*out = number_slice(&sides[side]->shown);
	return true;
}

static void
merge_rows(Row *a, Row *b, Row *out)
{
	Row		   *both[2] = {a, b};
	CvgSide		side;
	CvgSlice	value;
	bool		missing = false;
	CvgRowMerge merge = {units, 1, &side, &value, &missing, row_value, both};
	CvgBuf		state;
	Row			result;

	merges++;
	cvg_buf_init(&state);
	CHECK(cvg_rowstate_merge_cells(state_of(a), state_of(b), &merge, &state) == CVG_OK, "merge");
	CHECK(!missing, "every value is at hand");
	result.shown = side == CVG_SIDE_A ? a->shown : side == CVG_SIDE_B ? b->shown :
		side == CVG_SIDE_VALUE ? number_of(value) : fold(cvg_buf_slice(&state));
	if (state.len == 0)
	{
		result.len = 0;
		cvg_buf_free(&state);
	}
	else
		store(&result, &state);
	*out = result;
}

static const char *
show(const Row *row)
{
	static char buf[4][2048];
	static int	n = 0;
	CvgBuf		out;

	n = (n + 1) % 4;
	cvg_buf_init(&out);
	cvg_rowstate_print(state_of(row), &out);
	snprintf(buf[n], sizeof(buf[n]), "%d %.*s", (int) row->shown, (int) out.len, out.data);
	cvg_buf_free(&out);
	return buf[n];
}

static bool
same(const Row *a, const Row *b)
{
	return cvg_slice_eq(state_of(a), state_of(b)) && (a->len == 0 || a->shown == b->shown);
}

/* Equal clocks, equal content. */
static void
note_row(const Row *row)
{
	int			i;

	for (i = 0; i < nseen && row->len > 0; i++)
	{
		if (cvg_rowstate_compare(state_of(&seen[i]), state_of(row)) == CVG_EQUAL)
		{
			CHECK(same(&seen[i], row), "equal clocks, different content\n  %s\n  %s",
				  show(&seen[i]), show(row));
			return;
		}
	}
	if (row->len > 0 && nseen < MAX_SEEN)
		seen[nseen++] = *row;
}

static void
check_laws(Row *a, Row *b, Row *c)
{
	Row			empty = {0};
	Row			ab;
	Row			ba;
	Row			bc;
	Row			left;
	Row			right;

	merge_rows(a, b, &ab);
	merge_rows(b, a, &ba);
	CHECK(same(&ab, &ba), "commutative\n  %s\n  %s", show(&ab), show(&ba));
	merge_rows(&ab, c, &left);
	merge_rows(b, c, &bc);
	merge_rows(a, &bc, &right);
	CHECK(same(&left, &right), "associative\n  %s\n  %s", show(&left), show(&right));
	merge_rows(a, a, &ab);
	CHECK(same(&ab, a), "idempotent");
	merge_rows(a, &empty, &ab);
	CHECK(same(&ab, a), "merged with nothing");
	merge_rows(&empty, a, &ab);
	CHECK(same(&ab, a), "nothing merged with it");
}

/* Flip a bit: refused, or another state that can be merged. */
static void
check_damage(const Row *row)
{
	Row			bad = *row;
	Row			good = *row;
	Row			out;

	if (row->len == 0)
		return;
	bad.state[unit_below((int) bad.len)] ^= 1 << unit_below(8);
	if (cvg_rowstate_validate(state_of(&bad), NULL) != CVG_OK)
		return;
	merge_rows(&bad, &good, &out);
	merge_rows(&good, &bad, &out);
}

static void
run_history(uint64 seed)
{
	int			i;

	unit_start(seed);
	memset(rows, 0, sizeof(rows));
	nseen = 0;
	now = 1000;
	for (i = 0; i < NSTEPS; i++)
	{
		int			r = unit_below(NREPLICAS);

		if (unit_below(2) == 0)
			write_row(r);
		else
			merge_rows(&rows[r], &rows[(r + 1 + unit_below(NREPLICAS - 1)) % NREPLICAS], &rows[r]);
		note_row(&rows[r]);
	}
	check_laws(&rows[0], &rows[1], &rows[2]);
	if (nseen > 2)
		check_laws(&seen[unit_below(nseen)], &seen[unit_below(nseen)], &seen[unit_below(nseen)]);
	check_damage(&rows[0]);
}

/* What cells add to the state of a row with one writer. */
static void
print_sizes(void)
{
	CvgSlice	id = cvg_slice_cstring("london");
	uint8		five = 10;
	size_t		sizes[3];
	int			i;

	for (i = 0; i < 3; i++)
	{
		CvgCellWrite cell = {UNIT,.count = i == 1,.multi = i == 2,.amount = cvg_slice(&five, 1)};
		CvgBuf		out;

		cvg_buf_init(&out);
		CHECK(cvg_rowstate_insert_cells(cvg_slice(NULL, 0), id, INT64CONST(848844169885004),
										&cell, i > 0, &out) == CVG_OK);
		sizes[i] = out.len;
		cvg_buf_free(&out);
	}
	printf("   bytes: plain %d, counted in %d, one of several values %d\n", (int) sizes[0],
		   (int) sizes[1], (int) sizes[2]);
	CHECK(sizes[1] - sizes[0] <= 32 && sizes[2] - sizes[0] <= 9, "cells are small");
}

int
main(void)
{
	uint64		seed = unit_env_seed();
	int			cases = unit_env_cases(10000);
	int			i;

	for (i = 0; i < cases; i++)
		run_history(seed + (uint64) i * UINT64CONST(0x9e3779b97f4a7c15));
	printf("   %d histories, %d merges: %d with several values, %d counted\n", cases,
		   (int) merges, (int) kept, (int) counted);
	print_sizes();
	CHECK(cases < 100 || (kept > 0 && counted > 0), "coverage");
	return unit_done();
}
