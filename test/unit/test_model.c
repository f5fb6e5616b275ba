/*
 * test_model.c: random histories of one replicated row, on the real row state.
 *
 * Two to four replicas write one row (columns x and y, a counter n, and m, which
 * shows the largest of the concurrent values), hand each other their
 * change logs in causal order, directly or through a third node, compare rows
 * out of band (anti-entropy), return from a long absence in bulk, and forget
 * tombstones once they are stable.  The rules are those of the server:
 *
 * - A change carries the whole row state after the write, and values only of
 *   the units whose dot is this write's.  A receiver whose row has the dot
 *   skips it.  Otherwise it merges; if the merge wants a value from a unit
 *   that the change does not carry, it fetches the whole row of the sender.
 * - A tombstone keeps the values.  One that the stable clock S covers counts
 *   as absent; S travels with every entry.
 * - Anti-entropy while tombstones are forgotten is log first: rows are
 *   compared only when progress here covers the peer's.
 *
 * Checked after every step: every value is the one written by the dot that
 * the state names; equal row clocks, at any two moments on any two nodes,
 * mean equal bytes and equal content.  Checked when everything is delivered:
 * all nodes are equal and agree with an oracle that looks at the set of
 * operations alone.
 *
 * A checker that cannot fail proves nothing: each of the mutations below
 * leaves out one rule, and some history must show it.
 *
 *	CASES=n histories per set-up, SEED=first seed.  The first failing
 *	history of each sound set-up is printed in full.
 */
#include "model.h"

/* --- checks --- */

static uint64
hash_bytes(uint64 h, const void *data, size_t len)
{
	const uint8 *p = data;

	while (len-- > 0)
		h = (h ^ *p++) * UINT64CONST(0x100000001b3);
	return h ^ (h >> 29);
}

static const Op *
find_op(CvgDot dot)
{
	int			i;

	for (i = 0; i < nops; i++)
	{
		if (ops[i].stamp == dot.stamp &&
			cvg_slice_eq(ids[ops[i].origin], dot.replica))
			return &ops[i];
	}
	return NULL;
}

/* Every value is what the write named by its unit's dot left there. */
static void
check_values(const Row *row)
{
	int			c;

	for (c = 0; c < NCOLS; c++)
	{
		const Op   *op = find_op(cvg_rowstate_unit_dot(state_of(row),
													   units()[setup->by_row ? 0 : c]));

		if (op == NULL)
			fail("a unit's dot is no write");
		else if (op->full.cells[c].node != row->cells[c].node ||
				 op->full.cells[c].stamp != row->cells[c].stamp)
			fail("a value is not the one its dot wrote");
	}
}

/* Nothing is visible before the log brought it, unless rows may run ahead. */
static void
check_not_ahead(int n)
{
	int64		horizon[MAX_NODES];

	if (setup->ae == AE_ANYTIME || setup->mutation == MUT_AE_ANYTIME ||
		setup->mutation == MUT_FETCH_OFTEN)
		return;
	own_horizon(n, horizon);
	if (!row_covered(&nodes[n].row, horizon))
		fail("a row is ahead of the log");
}

static void
check_row(int n)
{
	const Row  *row = &nodes[n].row;
	Seen		s;
	int			i;

	if (!row->present ||
		memcmp(row, &nodes[n].checked, sizeof(Row)) == 0)
		return;
	nodes[n].checked = *row;
	check_not_ahead(n);
	if (cvg_rowstate_validate(state_of(row), NULL) != CVG_OK)
		fail("invalid state");
	if (setup->mutation != MUT_NO_IMAGE || alive(row))
		check_values(row);
	cvg_buf_reset(&printed);
	cvg_rowstate_clock(state_of(row), &printed);
	s.clock = hash_bytes(14695981039346656037u, printed.data, printed.len);
	s.content = hash_bytes(alive(row), row->state, row->len);
	if (setup->mutation != MUT_NO_IMAGE || alive(row))
	{
		s.content = hash_bytes(s.content, row->cells, sizeof(row->cells));
		s.content = hash_bytes(s.content, &row->m, sizeof(row->m));
	}
	s.content = hash_bytes(s.content, &row->n, sizeof(row->n));
	for (i = 0; i < nseen; i++)
	{
		if (seen[i].clock != s.clock)
			continue;
		if (seen[i].content != s.content)
			fail("equal clocks, different content");
		return;
	}
	if (nseen < MAX_SEEN)
		seen[nseen++] = s;
}

/* Had "later" seen "earlier", or an effect of it that was forgotten since? */
static bool
saw(const Op *later, const Op *earlier)
{
	if (earlier->stamp <= later->base[earlier->origin])
		return true;
	return setup->forget && later != earlier &&
		earlier->stamp <= later->horizon[earlier->origin];
}

static bool
dot_less(const Op *a, const Op *b)
{
	return a == NULL || (b != NULL && cvg_dot_cmp(a->stamp, ids[a->origin],
												  b->stamp, ids[b->origin]) < 0);
}

/* Should the row live?  By definition, over the set of operations. */
static bool
oracle_alive(void)
{
	const Op   *write = NULL;
	const Op   *delete = NULL;
	bool		unseen = false;
	bool		all_answered = true;
	int			i;
	int			j;

	for (i = 0; i < nops; i++)
	{
		const Op   *op = &ops[i];
		bool		hit = false;

		for (j = 0; j < nops; j++)
		{
			if (op->kind != 'D' && ops[j].kind == 'D')
				hit |= saw(&ops[j], op);
			if (op->kind == 'D' && ops[j].kind == 'I')
				hit |= saw(&ops[j], op);
		}
		if (op->kind == 'D')
		{
			all_answered &= hit;
			delete = dot_less(delete, op) ? op : delete;
		}
		else
		{
			unseen |= !hit;
			write = dot_less(write, op) ? op : write;
		}
	}
	if (setup->policy == CVG_ON_DELETE_LWW)
		return dot_less(delete, write);
	if (setup->policy == CVG_ON_DELETE_UPDATE_WINS)
		return unseen;
	return all_answered;
}

/* All contributions that no re-insert has seen. */
static int64
oracle_counter(void)
{
	int64		sum = 0;
	int			i;
	int			j;

	for (i = 0; i < nops; i++)
	{
		bool		gone = false;

		for (j = 0; j < nops; j++)
		{
			if (ops[j].kind == 'I' && j != i && saw(&ops[j], &ops[i]))
				gone = true;
		}
		if (!gone)
			sum += ops[i].add;
	}
	return sum;
}

/* The largest value that no other write of m has seen. */
static int64
oracle_largest(void)
{
	int64		max = 0;
	int			i;
	int			j;

	for (i = 0; i < nops; i++)
	{
		bool		gone = false;

		for (j = 0; j < nops; j++)
		{
			if (ops[j].set != 0 && j != i && saw(&ops[j], &ops[i]))
				gone = true;
		}
		if (!gone)
			max = Max(max, ops[i].set);
	}
	return max;
}

static void
check_oracle(void)
{
	const Row  *row = &nodes[0].row;
	int			c;
	int			i;

	if (nops == 0 || failure != NULL)
		return;
	if (oracle_alive() != alive(row))
	{
		fail("alive, against the oracle");
		return;
	}
	if (!alive(row))
		return;
	if (row->n != oracle_counter())
		fail("counter, against the oracle");
	if (row->m != oracle_largest())
		fail("largest value, against the oracle");
	for (c = 0; c < NCOLS; c++)
	{
		const Op   *best = NULL;

		for (i = 0; i < nops; i++)
		{
			if (ops[i].kind != 'D' &&
				(ops[i].columns & (setup->by_row ? 3 : 1 << c)) != 0 &&
				dot_less(best, &ops[i]))
				best = &ops[i];
		}
		if (best->full.cells[c].node != row->cells[c].node ||
			best->full.cells[c].stamp != row->cells[c].stamp)
			fail("a column is lost");
	}
}

static void
check_converged(void)
{
	int			i;

	for (i = 1; i < nnodes && failure == NULL; i++)
	{
		const Row  *a = &nodes[0].row;
		const Row  *b = &nodes[i].row;

		if (alive(a) != alive(b))
			fail("diverged: alive here, dead there");
		else if (alive(a) && memcmp(a->cells, b->cells, sizeof(a->cells)) != 0)
			fail("diverged: values");
		else if (alive(a) && (a->n != b->n || a->m != b->m))
			fail("diverged: counter or largest");
		else if (alive(a) && !cvg_slice_eq(state_of(a), state_of(b)))
			fail("diverged: states");
	}
}

/* --- histories --- */

static void
start_world(uint64 seed)
{
	memset(nodes, 0, sizeof(nodes));
	unit_start(seed * UINT64CONST(0xd1342543de82ef95));
	unit_seed = seed;
	nnodes = 2 + seed % 3;
	max_ops = 2 + seed % 9;
	nops = 0;
	nseen = 0;
	now = 0;
	failure = NULL;
	if (seed % 16 == 0)
		max_ops = MAX_OPS;
}

/*
 * A quiet moment: most of what is on its way arrives, most reports are made,
 * some nodes advance S.  Left to single random steps, three or four nodes
 * would hardly ever agree that something is stable.
 */
static void
quiet_moment(void)
{
	int			n;
	int			o;

	for (n = 0; n < nnodes; n++)
	{
		for (o = 0; o < nnodes; o++)
		{
			while (chance(0.9) && step_deliver(n, o, o))
				check_row(n);
		}
	}
	for (n = 0; n < nnodes; n++)
	{
		for (o = 0; o < nnodes; o++)
		{
			if (n != o && chance(0.9))
				step_report(n, o);
		}
	}
	for (n = 0; n < nnodes; n++)
	{
		if (chance(0.5))
			step_stabilize(n);
	}
}

static void
random_step(void)
{
	int			n = unit_below(nnodes);
	int			o = (n + 1 + unit_below(nnodes - 1)) % nnodes;
	int			what = unit_below(100);

	if (setup->forget && chance(0.06))
	{
		quiet_moment();
		return;
	}
	if (setup->forget && chance(0.35))
		what = chance(0.5) ? 85 : 95;
	if (what < 25)
	{
		if (nops < max_ops)
			step_write(n);
	}
	else if (what < 65)
		step_deliver(n, o, chance(0.75) ? o : unit_below(nnodes));
	else if (what < 80)
		step_repair(n, o);
	else if (setup->forget && what < 92)
		step_report(n, o);
	else if (setup->forget)
		step_stabilize(n);
	check_row(n);
}

/* Everything delivered, reported and forgotten that can be. */
static void
settle(void)
{
	bool		again = true;
	int			rounds = 0;
	int			n;
	int			o;
	int			k;

	while (again && failure == NULL)
	{
		again = false;
		for (n = 0; n < nnodes; n++)
		{
			for (o = 0; o < nnodes; o++)
				again |= step_deliver(n, o, o);
			check_row(n);
		}
		if (++rounds > 1000)
			fail("never settles");
	}
	for (n = 0; n < nnodes; n++)
	{
		for (o = 0; o < nnodes; o++)
		{
			if (nodes[n].progress[o] < nodes[o].nlog)
				fail("stuck");
		}
	}
	for (k = 0; k < 3 && setup->forget; k++)
	{
		for (n = 0; n < nnodes; n++)
		{
			for (o = 0; o < nnodes; o++)
			{
				if (n != o)
					step_report(n, o);
			}
		}
		for (n = 0; n < nnodes; n++)
			step_stabilize(n);
	}
}

/* One history; the reason of its failure, or NULL. */
static const char *
run_history(const Setup *what, uint64 seed)
{
	int			steps;

	setup = what;
	start_world(seed);
	for (steps = max_ops * 10; steps > 0 && failure == NULL; steps--)
		random_step();
	if (failure == NULL)
		settle();
	if (failure == NULL)
		check_converged();
	check_oracle();
	stats.histories++;
	stats.steps += max_ops * 10;
	return failure;
}

static void
trace_history(const Setup *what, uint64 seed)
{
	tracing = true;
	printf("   seed " UINT64_FORMAT ", %s: %s\n", seed, what->name,
		   "history");
	run_history(what, seed);
	printf("   => %s\n", failure ? failure : "(no failure)");
	tracing = false;
}

static const char *
policy_name(CvgOnDelete policy)
{
	return policy == CVG_ON_DELETE_LWW ? "lww" :
		policy == CVG_ON_DELETE_DELETE_WINS ? "delete_wins" : "update_wins";
}

/* The sound rules: no history may fail. */
static void
run_sound(const char *name, AntiEntropy ae, bool forget, Mutation mutation,
		  int cases, uint64 seed0)
{
	int			p;
	int			g;
	int			i;

	for (p = 0; p < 3; p++)
	{
		for (g = 0; g < 2; g++)
		{
			Setup		s = {name, (CvgOnDelete) p, g == 1, ae, forget, mutation};
			int			bad = 0;

			for (i = 0; i < cases; i++)
			{
				const char *why = run_history(&s, seed0 + i);

				CHECK(why == NULL, "%s, %s, by %s: %s", name,
					  policy_name(s.policy), g ? "row" : "column", why);
				if (why != NULL && bad++ == 0)
					trace_history(&s, seed0 + i);
			}
		}
	}
}

/* Each must be caught; the sound rules of its set-up are tested above. */
static const struct Mutant
{
	const char *name;
	AntiEntropy ae;
	bool		forget;
	Mutation	mutation;
}			mutants[] =

{
	{"state overwritten, not merged", AE_NONE, false, MUT_OVERWRITE},
	{"value missing, not fetched", AE_ANYTIME, false, MUT_NO_FETCH},
	{"incoming side wins", AE_NONE, false, MUT_SIDE_INCOMING},
	{"alive by comparing clocks", AE_NONE, false, MUT_POLICY_BY_CLOCKS},
	{"tombstone without values", AE_NONE, false, MUT_NO_IMAGE},
	{"entries out of causal order", AE_NONE, false, MUT_NO_CAUSALITY},
	{"values merged without their dots", AE_NONE, false, MUT_VALUES_MERGED},
	{"clock blind to repaired rows", AE_ANYTIME, false, MUT_CLOCK_BLIND},
	{"report counts before its log", AE_LOG_FIRST, true, MUT_NO_FIFO},
	{"entries do not carry S", AE_LOG_FIRST, true, MUT_NO_S_IN_ENTRY},
	{"forget what is applied here", AE_LOG_FIRST, true, MUT_S_IS_OWN_HORIZON},
	{"repair ahead of the log", AE_LOG_FIRST, true, MUT_AE_ANYTIME},
	{"repair without horizons", AE_LOG_FIRST, true, MUT_NO_HORIZONS},
};

#define MUTANT_HISTORIES	60000

/* A rule left out: some history must fail, under one of the set-ups. */
static void
run_mutant(const struct Mutant *mutant, uint64 seed0)
{
	const char *why = NULL;
	int			tried;

	for (tried = 0; tried < MUTANT_HISTORIES && why == NULL; tried++)
	{
		Setup		s = {mutant->name, (CvgOnDelete) (tried % 3),
		tried / 3 % 2 == 1, mutant->ae, mutant->forget, mutant->mutation};

		why = run_history(&s, seed0 + tried / 6);
	}
	CHECK(why != NULL, "mutation not noticed: %s", mutant->name);
	printf("   %-34s %6d histories: %s\n", mutant->name, tried,
		   why ? why : "nothing");
}

int
main(void)
{
	uint64		seed0 = unit_env_seed();
	int			cases = unit_env_cases(4500);
	int			i;

	for (i = 0; i < MAX_NODES; i++)
		ids[i] = cvg_slice_cstring(names[i]);
	cvg_buf_init(&scratch);
	cvg_buf_init(&printed);

	run_sound("log only", AE_NONE, false, MUT_NONE, cases, seed0);
	run_sound("repair at any time", AE_ANYTIME, false, MUT_NONE, cases, seed0);
	CHECK(cases < 500 || (stats.fetched > 0 && stats.covered > 0), "coverage");
	stats.fetched = stats.fetched_absent = 0;
	run_sound("forgetting, log first, bulk", AE_LOG_FIRST, true, MUT_NONE,
			  cases, seed0);
	printf("   %d histories, %d steps: %d skips, %d concurrent merges, "
		   "%d forwarded, %d forgotten, %d born again, %d repaired, "
		   "%d in bulk, %d fetched while forgetting (%d of nothing)\n",
		   (int) stats.histories, (int) stats.steps, (int) stats.covered,
		   (int) stats.concurrent, (int) stats.forwarded,
		   (int) stats.forgotten, (int) stats.born_again,
		   (int) stats.repaired, (int) stats.bulk, (int) stats.fetched,
		   (int) stats.fetched_absent);
	CHECK(cases < 500 || (stats.concurrent > 0 && stats.forwarded > 0 &&
						  stats.bulk > 0 && stats.forgotten > 0 &&
						  stats.born_again > 0), "coverage");

	/* merging what is covered changes nothing: the skip only saves work */
	run_sound("covered merged", AE_ANYTIME, false, MUT_NO_SKIP, cases / 8,
			  seed0);
	run_sound("covered merged, forgetting", AE_LOG_FIRST, true, MUT_NO_SKIP,
			  cases / 8, seed0);

	/* a fetched row is ahead of the log; forgetting must bear it */
	run_sound("fetching, forgetting", AE_LOG_FIRST, true, MUT_FETCH_OFTEN,
			  cases / 2, seed0);
	CHECK(cases < 500 || stats.fetched > 0, "coverage");

	printf("   mutations:\n");
	for (i = 0; i < (int) lengthof(mutants); i++)
		run_mutant(&mutants[i], seed0);

	cvg_buf_free(&scratch);
	cvg_buf_free(&printed);
	return unit_done();
}
