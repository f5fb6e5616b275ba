/*
 * test_rowcell.c: strategies of columns, as far as core knows them: cells of
 * row states.
 *
 * Three replicas write one unit of one row, as its strategy has it: as a
 * value that the last write wins, as one of several values, or as a
 * contribution to a count.  They merge whole rows with each other.  The model
 * is the log of writes: what the column shows is computed from the set of
 * those that a state contains.
 *
 * Then once more with each write recorded in a way drawn at random, as if
 * every replica had its own idea of the column's strategy at every moment.
 *
 * In all of them:
 * - merging is commutative, associative and idempotent, for states and for
 *	 what the column shows;
 * - equal row clocks, at any two moments on any replicas, mean equal bytes and
 *	 the same value shown;
 * - every state is valid, is the same after being taken apart and put
 *	 together by a merge with nothing, and damaged bytes are refused or are
 *	 another valid state.
 *
 * jsonb_merge is in test_leaves.c.
 *
 *	CASES=n histories of each strategy, SEED=first seed.
 */
#include <math.h>

#include "cell.h"

#define NREPLICAS	3
#define NSTEPS		24
#define UNIT		0x51
#define MAX_SEEN	(NSTEPS * 2)

typedef enum Strategy
{
	ANY,
	LWW,
	COUNTER,
	MAX,
	MIN,
	UNION,
	FUNCTION,
	SIBLINGS
} Strategy;

static const char *const strategy_names[] = {"any", "lww", "counter", "max", "min", "union", "function", "siblings"};

typedef struct Op
{
	char		kind;			/* I(nsert), U(pdate), D(elete) */
	int			replica;
	int64		stamp;
	int64		value;			/* or amount */
	uint32		seen;			/* operations, as bits */
} Op;

typedef struct Row
{
	size_t		len;
	uint8		state[1024];
	int64		shown;
	uint32		ops;
} Row;

static const char *const names[NREPLICAS] = {"a", "bb", "c"};
static const uint32 units[1] = {UNIT};
static Strategy strategy;
static Op	ops[NSTEPS];
static int	nops;
static Row	rows[NREPLICAS];
static Row	seen[MAX_SEEN];
static int	nseen;
static int64 now;
static int64 merges;
static int64 kept;
static int64 counted;
static int64 worlds;

static CvgSlice
state_of(const Row *row)
{
	return cvg_slice(row->state, row->len);
}

/* --- what a column shows --- */

/* Elements of the second list that are not in the first go behind it: four bits each. */
static int64
joined(int64 a, int64 b)
{
	int			end = 0;
	int			i;

	while (end < 15 && ((a >> (4 * end)) & 15) != 0)
		end++;
	for (; (b & 15) != 0 && end < 15; b >>= 4)
	{
		for (i = 0; i < end && ((a >> (4 * i)) & 15) != (b & 15);)
			i++;
		if (i == end)
			a |= (b & 15) << (4 * end++);
	}
	return a;
}

/* Neither commutative nor associative. */
static int64
mixed_up(int64 a, int64 b)
{
	return (int64) ((uint64) a * 31 + (uint64) b);
}

/* Values in the order of their dots. */
static int64
fold_values(const int64 *values, int n)
{
	int64		result = values[0];
	int			i;

	for (i = 1; i < n; i++)
	{
		if (strategy == MAX)
			result = Max(result, values[i]);
		else if (strategy == MIN)
			result = Min(result, values[i]);
		else if (strategy == UNION)
			result = joined(result, values[i]);
		else if (strategy == FUNCTION)
			result = mixed_up(result, values[i]);
		else
			result = values[i];
	}
	return result;
}

/* By the column's strategy; the largest, and what was counted on top, if there is none. */
static int64
fold(CvgSlice state)
{
	CvgCellView view;
	int64		values[NREPLICAS * 2];
	int64		result = 0;
	int			i;

	if (!cvg_rowstate_cell(state, UNIT, &view))
		return 0;
	CHECK(view.npairs <= NREPLICAS, "one concurrent value per replica");
	for (i = 0; i < view.npairs && i < lengthof(values); i++)
		values[i] = number_of(view.values[i]);
	if (strategy == ANY)
		result = largest_in_view(&view);
	else if (view.npairs > 0)
		result = fold_values(values, view.npairs);
	result = (int64) ((uint64) result + (uint64) counted_in_view(&view));
	kept += view.npairs > 1;
	counted += view.counted;
	free_view(&view);
	return result;
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

/* How a write is recorded: ways are drawn if the strategy is any. */
static void
record(Row *row, const Op *op, CvgCellWrite *cell, uint8 bytes[2][8])
{
	int			way = unit_below(3);
	int64		total;

	if (strategy != ANY)
		way = strategy == COUNTER ? 0 : strategy == LWW ? 2 : 1;
	if (way != 0)
	{
		cell->multi = way == 1;
		cell->value = number_slice(op->value, bytes[0]);
		return;
	}
	cell->count = true;
	total = own_amount(state_of(row), UNIT, cvg_slice_cstring(names[op->replica])) + op->value;
	cell->amount = number_slice(total, bytes[0]);
	if (op->kind == 'U')
		cell->value = number_slice(row->shown, bytes[1]);
}

static void
write_row(int r, char kind, int64 value)
{
	Row		   *row = &rows[r];
	Op		   *op = &ops[nops];
	CvgSlice	id = cvg_slice_cstring(names[r]);
	CvgCellWrite cell = {UNIT};
	uint8		bytes[2][8];
	CvgBuf		out;
	CvgStatus	status;

	*op = (Op) {kind, r, ++now, value, row->ops};
	cvg_buf_init(&out);
	if (kind == 'D')
		status = cvg_rowstate_delete(state_of(row), id, now, &out);
	else
	{
		record(row, op, &cell, bytes);
		/* a unit that the last write wins has no cell, unless it had one */
		if (kind == 'I')
			status = cvg_rowstate_insert_cells(state_of(row), id, now, &cell,
											   strategy != LWW, &out);
		else
			status = cvg_rowstate_update_cells(state_of(row), id, now, units, !cell.count,
											   &cell, strategy != LWW, &out);
	}
	CHECK(status == CVG_OK, "write");
	store(row, &out);
	row->ops |= (uint32) 1 << nops++;
	if (kind != 'D')
		row->shown = cell.count ? fold(state_of(row)) : value;
}

/* --- the model --- */

/* Has an operation of these, of such a kind, seen this one? */
static bool
is_replaced(uint32 set, int op, bool by_updates)
{
	int			i;

	for (i = op + 1; i < nops; i++)
	{
		if (((set >> i) & 1) && ((ops[i].seen >> op) & 1) &&
			(ops[i].kind == 'I' || (by_updates && ops[i].kind == 'U')))
			return true;
	}
	return false;
}

static int
op_cmp(const void *a, const void *b)
{
	const Op   *oa = &ops[*(const int *) a];
	const Op   *ob = &ops[*(const int *) b];

	return cvg_dot_cmp(oa->stamp, cvg_slice_cstring(names[oa->replica]),
					   ob->stamp, cvg_slice_cstring(names[ob->replica]));
}

/* An insert begins anew; what is not a count is replaced by updates, too. */
static int64
model_value(uint32 set)
{
	int			live[NSTEPS];
	int64		values[NSTEPS];
	int64		sum = 0;
	int			n = 0;
	int			i;

	for (i = 0; i < nops; i++)
	{
		if (!((set >> i) & 1) || ops[i].kind == 'D' || is_replaced(set, i, strategy != COUNTER))
			continue;
		sum += ops[i].value;
		live[n++] = i;
	}
	if (strategy == COUNTER)
		return sum;
	qsort(live, n, sizeof(int), op_cmp);
	for (i = 0; i < n; i++)
		values[i] = ops[live[i]].value;
	return strategy == LWW ? values[n - 1] : fold_values(values, n);
}

static uint8 shown_bytes[2][8];

static bool
row_value(void *arg, CvgSide side, int unit, CvgSlice *out)
{
	Row		  **sides = arg;

	CHECK(unit == 0, "the unit that was asked about");
	*out = number_slice(sides[side]->shown, shown_bytes[side]);
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
	result.ops = a->ops | b->ops;
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

/* What is shown is what the model says; equal clocks, equal content. */
static void
note_row(const Row *row)
{
	int			i;

	if (row->len == 0)
		return;
	if (strategy != ANY)
		CHECK(row->shown == model_value(row->ops), "%s: model %lld, found %s",
			  strategy_names[strategy], (long long) model_value(row->ops), show(row));
	for (i = 0; i < nseen; i++)
	{
		if (cvg_rowstate_compare(state_of(&seen[i]), state_of(row)) == CVG_EQUAL)
		{
			CHECK(same(&seen[i], row) && seen[i].ops == row->ops,
				  "equal clocks, different content\n  %s\n  %s", show(&seen[i]), show(row));
			return;
		}
	}
	if (nseen < MAX_SEEN)
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

static int64
random_value(void)
{
	if (strategy == UNION)
		return 1 + unit_below(15) + ((int64) (1 + unit_below(15)) << 4);
	return unit_below(100);
}

static void
begin(void)
{
	memset(rows, 0, sizeof(rows));
	nseen = nops = 0;
	now = 1000;
}

static void
run_history(uint64 seed)
{
	int			i;

	unit_start(seed);
	begin();
	for (i = 0; i < NSTEPS; i++)
	{
		int			r = unit_below(NREPLICAS);

		if (unit_below(2) == 0)
			write_row(r, rows[r].len == 0 || unit_below(10) == 0 ? 'I' : unit_below(10) == 0 ? 'D' : 'U',
					  random_value());
		else
			merge_rows(&rows[r], &rows[(r + 1 + unit_below(NREPLICAS - 1)) % NREPLICAS], &rows[r]);
		note_row(&rows[r]);
	}
	check_laws(&rows[0], &rows[1], &rows[2]);
	if (nseen > 2)
		check_laws(&seen[unit_below(nseen)], &seen[unit_below(nseen)], &seen[unit_below(nseen)]);
	check_damage(&rows[0]);
}

/* Every history of so many steps among n replicas that begin with one row. */
static void
small_worlds(int n, int steps)
{
	static const char kinds[] = {'U', 'I', 'D'};
	Row			saved;
	int			i;
	int			j;

	if (steps == 0)
	{
		worlds++;
		check_laws(&rows[0], &rows[1], &rows[n - 1]);
		return;
	}
	for (i = 0; i < n; i++)
	{
		saved = rows[i];
		for (j = 0; j < lengthof(kinds); j++)
		{
			write_row(i, kinds[j], strategy == UNION ? 1 + nops : 50 - nops * 7 % 11);
			nseen = 0;
			note_row(&rows[i]);
			small_worlds(n, steps - 1);
			rows[i] = saved;
			nops--;
			now--;
		}
		for (j = 0; j < n; j++)
		{
			if (i == j)
				continue;
			merge_rows(&rows[i], &rows[j], &rows[i]);
			nseen = 0;
			note_row(&rows[i]);
			small_worlds(n, steps - 1);
			rows[i] = saved;
		}
	}
}

/* As deep as so many histories go: two replicas, then three. */
static void
check_small(double limit)
{
	int			n;
	int			i;

	for (n = 2; n <= NREPLICAS; n++)
	{
		int			steps = 3;

		while (pow(n * (2 + n), steps + 1) <= limit)
			steps++;
		unit_start(unit_env_seed());
		begin();
		write_row(0, 'I', 3);
		for (i = 1; i < n; i++)
			rows[i] = rows[0];
		small_worlds(n, steps);
	}
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

	for (strategy = ANY; strategy <= SIBLINGS; strategy++)
	{
		kept = counted = merges = worlds = 0;
		check_small(Min(cases, 1000000));
		for (i = 0; i < cases; i++)
			run_history(seed + (uint64) i * UINT64CONST(0x9e3779b97f4a7c15));
		printf("   %s: %d histories, %lld small worlds, %lld merges: %lld with several values, %lld counted\n",
			   strategy_names[strategy], cases, (long long) worlds, (long long) merges,
			   (long long) kept, (long long) counted);
		CHECK(cases < 100 || (kept > 0) == (strategy != LWW && strategy != COUNTER), "several values");
		CHECK(cases < 100 || (counted > 0) == (strategy == ANY || strategy == COUNTER), "counts");
	}
	print_sizes();
	return unit_done();
}
