/*
 * test_set.c: gset, twopset, orset and rwset against a log of operations;
 * what the literature found wrong with sets; plain reads and assignments.
 */
#include "crdt.h"
#include "recode.h"
#include "core/dotset.h"
#include "core/gset.h"
#include "core/orset.h"
#include "core/rwset.h"
#include "core/twopset.h"

/* What a step of a test does; kinds of operations for the random worlds. */
enum
{
	ADD,
	REMOVE,
	CHANGE,						/* several, some added, some removed */
	ASSIGN,
	RESET
};

/* Elements are bits of a mask; in order, as the types have them. */
static const char *const names[] = {"", "a", "a b", "b", "\xc3\xa9\"\\,{"};
static int	universe = lengthof(names);

#define NAMES	lengthof(names)

static CvgSlice
element(int i)
{
	return cvg_slice_cstring(names[i]);
}

static int
contents(CvgSlice set)
{
	int			mask = 0;
	int			i;

	for (i = 0; i < NAMES; i++)
	{
		if (cvg_set_has(set, element(i)))
			mask |= 1 << i;
	}
	return mask;
}

static int
changes_of(int adds, int removes, CvgSetChange *changes)
{
	int			n = 0;
	int			i;

	for (i = 0; i < NAMES; i++)
	{
		if (((adds | removes) >> i) & 1)
		{
			changes[n].element = element(i);
			changes[n++].remove = (removes >> i) & 1;
		}
	}
	return n;
}

static int
elements_of(int mask, CvgSlice *elements)
{
	int			n = 0;
	int			i;

	for (i = 0; i < NAMES; i++)
	{
		if ((mask >> i) & 1)
			elements[n++] = element(i);
	}
	return n;
}

/* --- operations, and what they make ---------------------------------------------- */

/* An operation is its elements: those added, and those removed. */
static int
op_adds(const Op *op)
{
	return (int) op->n & 0xff;
}

static int
op_removes(const Op *op)
{
	return (int) op->n >> 8;
}

static CvgStatus
change(CvgSlice value, Op *op, int adds, int removes, CvgBuf *out)
{
	CvgSetChange changes[NAMES];
	int			n = changes_of(adds, removes, changes);

	op->n = adds | removes << 8;
	op->stamps = n;
	return cvg_set_change(value, op->dot, changes, n, out);
}

/* The dots of an operation, for an assignment. */
typedef struct OpSupply
{
	CvgDotSupply supply;
	Op		   *op;
} OpSupply;

static CvgDot
op_dots(CvgDotSupply *supply, int n)
{
	Op		   *op = ((OpSupply *) supply)->op;

	op->stamps = n;
	return op->dot;
}

static CvgStatus
assign(CvgSlice value, Op *op, int mask, CvgBuf *out)
{
	OpSupply	dots = {{op_dots, 0}, op};
	CvgDot		elsewhere = {cvg_slice_cstring("zz"), 1};
	CvgSlice	elements[NAMES];
	int			was = contents(value);
	CvgBuf		plain;
	CvgStatus	status;

	op->n = (mask & ~was) | (was & ~mask) << 8;
	cvg_buf_init(&plain);
	status = cvg_set_update(crdt_bottom(cvg_crdt_ops(value.data[1])), elsewhere,
							elements, elements_of(mask, elements), false, &plain);
	if (status == CVG_OK)
		status = cvg_crdt_assign(value, cvg_buf_slice(&plain), true, &dots.supply, out);
	cvg_buf_free(&plain);
	CHECK(status != CVG_OK || value.data[1] == CVG_CRDT_TWOPSET ||
		  contents(cvg_buf_slice(out)) == mask);
	return status;
}

static CvgStatus
apply(CvgSlice value, Op *op, CvgBuf *out)
{
	int			one = 1 << unit_below(universe);
	int			mask = unit_below(1 << universe);
	int			other = unit_below(1 << universe);

	switch (op->kind)
	{
		case ADD:
			return change(value, op, one, 0, out);
		case REMOVE:
			return change(value, op, 0, one, out);
		case CHANGE:
			return change(value, op, mask & ~other, mask & other, out);
		case ASSIGN:
			return assign(value, op, mask, out);
		default:
			op->n = 0xff << 8;
			return cvg_crdt_reset(value, out);
	}
}

/* For small worlds: every operation on two elements. */
static CvgStatus
apply_small(CvgSlice value, Op *op, CvgBuf *out)
{
	int			kind = op->kind;

	switch (kind)
	{
		case 0:
		case 1:
			op->kind = ADD;
			return change(value, op, 1 << kind, 0, out);
		case 2:
		case 3:
			op->kind = REMOVE;
			return change(value, op, 0, 1 << (kind - 2), out);
		case 4:
			op->kind = CHANGE;
			return change(value, op, 1, 2, out);
		default:
			op->kind = RESET;
			op->n = 3 << 8;
			return cvg_crdt_reset(value, out);
	}
}

/*
 * Adds of an element that nothing later in the set of operations has seen
 * and changed, and removes likewise.  A reset takes both away and is neither.
 */
static void
last_words(const World *w, const OpSet *ops, int e, bool *added, bool *removed)
{
	int			i;
	int			j;

	*added = *removed = false;
	for (i = 0; i < w->nops; i++)
	{
		const Op   *op = &w->log[i];
		bool		seen = false;

		if (!opset_has(ops, i) || !((op_adds(op) | op_removes(op)) >> e & 1))
			continue;
		for (j = i + 1; j < w->nops && !seen; j++)
			seen = opset_has(ops, j) && opset_has(&w->log[j].seen, i) &&
				((op_adds(&w->log[j]) | op_removes(&w->log[j])) >> e & 1);
		if (seen)
			continue;
		if (op_adds(op) >> e & 1)
			*added = true;
		else if (op->kind != RESET)
			*removed = true;
	}
}

static bool
is_orset(CvgSlice value, const World *w, const OpSet *ops)
{
	int			mask = 0;
	int			e;

	for (e = 0; e < NAMES; e++)
	{
		bool		added;
		bool		removed;

		last_words(w, ops, e, &added, &removed);
		if (added)
			mask |= 1 << e;
	}
	return contents(value) == mask;
}

static bool
is_rwset(CvgSlice value, const World *w, const OpSet *ops)
{
	int			mask = 0;
	int			e;

	for (e = 0; e < NAMES; e++)
	{
		bool		added;
		bool		removed;

		last_words(w, ops, e, &added, &removed);
		if (added && !removed)
			mask |= 1 << e;
	}
	return contents(value) == mask;
}

static int
ever_added(const World *w, const OpSet *ops)
{
	int			mask = 0;
	int			i;

	for (i = 0; i < w->nops; i++)
	{
		if (opset_has(ops, i))
			mask |= op_adds(&w->log[i]);
	}
	return mask;
}

static bool
is_gset(CvgSlice value, const World *w, const OpSet *ops)
{
	return contents(value) == ever_added(w, ops);
}

/* A remove of what was ever added where it was removed, is final. */
static bool
is_twopset(CvgSlice value, const World *w, const OpSet *ops)
{
	int			mask = ever_added(w, ops);
	int			i;

	for (i = 0; i < w->nops; i++)
	{
		if (opset_has(ops, i))
			mask &= ~(op_removes(&w->log[i]) & ever_added(w, &w->log[i].seen));
	}
	return contents(value) == mask;
}

/* A set that only grows refuses what would take from it. */
static const CrdtType types[] = {
	{&cvg_gset_ops, RESET, apply, is_gset},
	{&cvg_twopset_ops, RESET, apply, is_twopset},
	{&cvg_orset_ops, RESET + 1, apply, is_orset},
	{&cvg_rwset_ops, RESET + 1, apply, is_rwset},
};

/* --- by hand --------------------------------------------------------------------- */

static CvgStamp now;

static CvgSlice
update(CvgSlice set, const char *replica, int adds, int removes)
{
	CvgDot		dot = {cvg_slice_cstring(replica), now += 10};
	CvgSetChange changes[NAMES];
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(cvg_set_change(set, dot, changes, changes_of(adds, removes, changes), &buf) == CVG_OK);
	return gen_take(&buf);
}

static CvgSlice
add(CvgSlice set, const char *replica, int e)
{
	return update(set, replica, 1 << e, 0);
}

static CvgSlice
take(CvgSlice set, const char *replica, int e)
{
	return update(set, replica, 0, 1 << e);
}

/*
 * What was found wrong with replicated sets, and what each type answers.
 * wins: 1 for a type in which an add beats a concurrent remove, 0 for the
 * other.
 */
static void
test_published(const CvgCrdtOps *ops, int wins)
{
	CvgSlice	empty = crdt_bottom(ops);
	CvgSlice	with_a = add(empty, "a", 1);
	CvgSlice	x;
	CvgSlice	y;

	/*
	 * Bieniusa et al. 2012, section 2: add(e) and remove(e) concurrently,
	 * where e was there, and where it was not
	 */
	x = crdt_merge(add(with_a, "a", 1), take(with_a, "b", 1));
	CHECK(contents(x) == wins << 1, "%s", crdt_text(x));
	x = crdt_merge(add(empty, "a", 1), take(empty, "b", 1));
	CHECK(contents(x) == wins << 1, "%s", crdt_text(x));

	/*
	 * Bieniusa et al. 2012 (semantics of eventually consistent replicated
	 * sets), permutation equivalence: {add(a); remove(b)} and {add(b);
	 * remove(a)} concurrently.  Whichever wins, both elements agree.
	 */
	x = take(add(empty, "a", 1), "a", 3);
	y = take(add(empty, "b", 3), "b", 1);
	CHECK(contents(crdt_merge(x, y)) == (wins ? 2 | 8 : 0));

	/*
	 * Shapiro et al. 2011, 3.3.3: after two concurrent removes, an add must
	 * be enough (in a set of counts per element it is not)
	 */
	x = crdt_merge(take(with_a, "a", 1), take(with_a, "b", 1));
	CHECK(contents(x) == 0);
	CHECK(contents(add(x, "c", 1)) == 2);

	/* DeCandia et al. 2007, 4.4: a removed item must not come back by a merge */
	x = take(with_a, "a", 1);
	CHECK(contents(crdt_merge(x, add(with_a, "b", 3))) == 8);
	CHECK(contents(crdt_merge(add(x, "a", 4), with_a)) == 16);

	/*
	 * Re-added: a remove that saw the first add only.  With an add that wins
	 * the second one stays; with a remove that wins, whoever has seen the
	 * remove can add for good.
	 */
	y = take(with_a, "b", 1);
	x = add(take(with_a, "a", 1), "a", 1);
	CHECK(contents(crdt_merge(x, y)) == wins << 1);
	CHECK(contents(add(crdt_merge(x, y), "a", 1)) == 2);
	CHECK(contents(crdt_merge(add(crdt_merge(x, y), "a", 1), y)) == 2);

	/*
	 * Bieniusa et al. 2012, section 4: without tombstones, an old state must
	 * not bring back what was removed since, by itself or through a third
	 */
	x = take(with_a, "a", 1);
	CHECK(contents(crdt_merge(crdt_merge(empty, with_a), x)) == 0);
	CHECK(contents(crdt_merge(crdt_merge(x, empty), with_a)) == 0);
	gen_reset();
}

/* Shapiro et al. 2011, 3.3.2: a two-phase set never takes anything back. */
static void
test_two_phases(void)
{
	CvgSlice	s = add(crdt_bottom(&cvg_twopset_ops), "a", 1);
	CvgSlice	removed = take(s, "a", 1);

	CHECK(contents(removed) == 0);
	CHECK(same(add(removed, "b", 1), removed));
	CHECK(contents(crdt_merge(removed, add(s, "b", 3))) == 8);
	CHECK(same(take(crdt_bottom(&cvg_twopset_ops), "a", 1), crdt_bottom(&cvg_twopset_ops)));
	gen_reset();
}

/* Concurrent resets (of a removed and re-added key of a map) keep what they did not see. */
static void
test_reset(const CvgCrdtOps *ops)
{
	CvgSlice	s = add(add(crdt_bottom(ops), "a", 1), "b", 3);
	CvgBuf		buf;
	CvgSlice	reset;

	if (ops == &cvg_rwset_ops)
		s = take(s, "b", 4);
	cvg_buf_init(&buf);
	CHECK(cvg_crdt_reset(s, &buf) == CVG_OK);
	reset = gen_take(&buf);
	CHECK(contents(reset) == 0);
	CHECK(same(crdt_merge(s, reset), reset));
	CHECK(contents(crdt_merge(add(s, "c", 3), reset)) == 8);
	CHECK(contents(crdt_merge(add(add(s, "c", 3), "c", 4), reset)) == (8 | 16));
	cvg_buf_init(&buf);
	CHECK(cvg_crdt_reset(reset, &buf) == CVG_OK);
	CHECK(same(gen_take(&buf), reset));
	gen_reset();
}

/* Reads of random sets and elements against masks. */
static void
test_reads(int cases)
{
	int			n;

	for (n = 0; n < cases; n++)
	{
		int			ma = unit_below(1 << NAMES);
		int			mb = unit_below(1 << NAMES);
		CvgSlice	a = update(crdt_bottom(types[n % 4].ops), "a", ma, 0);
		CvgSlice	b = update(crdt_bottom(types[n / 4 % 4].ops), "a", mb, 0);
		CvgSlice	elements[NAMES];
		CvgSetIter	ib = n % 2 ? cvg_set_iter(b) :
			cvg_elements_iter(elements, elements_of(mb, elements));

		CHECK(contents(a) == ma);
		CHECK(cvg_set_cardinality(a) == __builtin_popcount(ma));
		CHECK(cvg_set_covers(cvg_set_iter(a), ib) == ((ma & mb) == mb));
		CHECK(cvg_set_covers(ib, cvg_set_iter(a)) == ((ma & mb) == ma));
		CHECK(cvg_set_overlaps(cvg_set_iter(a), ib) == ((ma & mb) != 0));
		CHECK(cvg_set_overlaps(ib, cvg_set_iter(a)) == ((ma & mb) != 0));
		gen_reset();
	}
}

static void
test_sort(void)
{
	CvgSlice	e[] = {element(3), element(1), element(0), element(3), element(2), element(1)};

	CHECK(cvg_elements_sort(e, lengthof(e)) == 4);
	CHECK(same(e[0], element(0)) && same(e[1], element(1)) && same(e[2], element(2)) && same(e[3], element(3)));
	CHECK(cvg_elements_sort(e, 0) == 0);
}

static void
test_refused(void)
{
	CvgSlice	s = add(crdt_bottom(&cvg_orset_ops), "a", 1);
	CvgSlice	g = add(crdt_bottom(&cvg_gset_ops), "a", 1);
	CvgSetChange plus = {element(3), false};
	CvgSetChange minus = {element(3), true};
	CvgSetChange nul = {{(const uint8 *) "x\0y", 3}, false};
	CvgSetChange two[] = {{element(1), false}, {element(3), false}};
	CvgDot		d = {cvg_slice_cstring("a"), cvg_crdt_latest(s)};
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(cvg_set_change(s, d, &plus, 1, &buf) == CVG_E_FORBIDDEN, "a stamp that was used");
	CHECK(cvg_set_change(s, d, &minus, 1, &buf) == CVG_OK, "a remove in an orset has no dot");
	buf.len = 0;
	d.stamp = PG_INT64_MAX;
	CHECK(cvg_set_change(s, d, two, 2, &buf) == CVG_E_OVERFLOW);
	CHECK(cvg_set_change(s, d, &plus, 1, &buf) == CVG_OK);
	buf.len = 0;
	d.replica.len = 0;
	CHECK(cvg_set_change(s, d, &plus, 1, &buf) == CVG_E_BAD_ID);
	CHECK(cvg_set_change(s, d, &nul, 1, &buf) == CVG_E_MALFORMED);
	CHECK(cvg_set_change(g, d, &minus, 1, &buf) == CVG_E_FORBIDDEN, "a gset only grows");
	CHECK(cvg_crdt_assign(g, crdt_bottom(&cvg_gset_ops), true, NULL, &buf) == CVG_E_FORBIDDEN);
	CHECK(cvg_crdt_reset(g, &buf) == CVG_E_FORBIDDEN);
	CHECK(buf.len == 0);
	cvg_buf_free(&buf);
	CHECK(cvg_set_ops(CVG_CRDT_DWFLAG) == NULL);
	gen_reset();
}

/* A set of n elements, added one by one by the same or by many replicas. */
static CvgSlice
large_set(const CvgCrdtOps *ops, int n, int replicas)
{
	CvgSlice	set = crdt_bottom(ops);
	int			r;

	for (r = 0; r < replicas; r++)
	{
		CvgSlice   *elements = malloc(sizeof(CvgSlice) * n);
		CvgDot		dot = {world_replica(r), now += 1000000};
		CvgBuf		buf;
		int			k = 0;
		int			i;

		for (i = r; i < n; i += replicas)
		{
			char		name[32];

			snprintf(name, sizeof(name), "element-%d", i);
			elements[k++] = gen_copy(cvg_slice_cstring(name));
		}
		cvg_buf_init(&buf);
		CHECK(cvg_set_update(set, dot, elements, cvg_elements_sort(elements, k), false, &buf) == CVG_OK);
		set = gen_take(&buf);
		now += n;
		free(elements);
	}
	return set;
}

/* One element more or less in a large set is a small delta, and stays one. */
static void
test_size(const CvgCrdtOps *ops)
{
	CvgSlice	set = large_set(ops, 10000, 3);
	CvgSlice	before;
	size_t		largest = 0;
	int			i;

	CHECK(cvg_set_cardinality(set) == 10000);
	CHECK(set.len < 10000 * 24, "%zu bytes", set.len);
	for (i = 0; i < 100; i++)
	{
		char		name[32];
		CvgSetChange one = {{NULL, 0}, i % 2 == 1 && ops != &cvg_gset_ops};
		CvgDot		dot = {world_replica(i), now += 777};
		CvgBuf		buf;

		/* elements that are there, and that are not */
		snprintf(name, sizeof(name), "element-%d", unit_below(20000));
		one.element = gen_copy(cvg_slice_cstring(name));
		before = set;
		cvg_buf_init(&buf);
		CHECK(cvg_set_change(set, dot, &one, 1, &buf) == CVG_OK);
		set = gen_take(&buf);
		largest = Max(largest, crdt_delta(before, set).len);
	}
	CHECK(largest < 100, "%zu bytes of delta", largest);
	gen_reset();
}

/*
 * A history of any length leaves a few bytes per replica (no tombstones), and
 * what was there all the time is still there.
 */
static void
test_no_tombstones(void)
{
	CvgSlice	set = crdt_bottom(&cvg_orset_ops);
	int			i;

	for (i = 0; i < 3000; i++)
	{
		int			adds = i % 15;

		set = update(set, "a", adds, ~adds & 15);
		if (i == 10)
			set = add(set, "a", 4);
		if (i % 100 == 0)
			check_codec(&types[2], set);
		CHECK(contents(set) == (adds | (i < 10 ? 0 : 16)));
		CHECK(set.len < CVG_CRDT_RECENT * 4 + 120, "%zu bytes", set.len);
	}
	gen_reset();
}

static void
test_damage(const CvgCrdtOps *ops, bool removes)
{
	CvgSlice	s = update(crdt_bottom(ops), "a", 1 | 4 | 16, 0);

	s = crdt_merge(update(s, "bc", 1, removes ? 2 | 16 : 0), update(s, "a", 1, removes ? 4 : 0));
	check_damage(recode_crdt, s, ops->name);
	check_damage(recode_crdt, update(crdt_bottom(ops), "a", 1, 0), ops->name);
	gen_reset();
}

static void
test_text(void)
{
	static const struct
	{
		const CvgCrdtOps *ops;
		const char *text;
		const char *printed;	/* NULL: refused */
	}			texts[] = {
		{&cvg_gset_ops, "{}", "{}"},
		{&cvg_gset_ops, " { b,\"a\" , \"x y\",\"\\\"\\\\\", \"\", \xc3\xa9 }", "{\"\", \"\\\"\\\\\", a, b, \"x y\", \xc3\xa9}"},
		{&cvg_gset_ops, "{a, a}", NULL},
		{&cvg_gset_ops, "{a b}", NULL},
		{&cvg_gset_ops, "{a,}", NULL},
		{&cvg_gset_ops, "{,a}", NULL},
		{&cvg_gset_ops, "{a", NULL},
		{&cvg_gset_ops, "{\"a", NULL},
		{&cvg_gset_ops, "{\"a\\", NULL},
		{&cvg_gset_ops, "{a@b}", NULL},
		{&cvg_gset_ops, "{a} removed {b}", NULL},
		{&cvg_gset_ops, "{a}}", NULL},
		{&cvg_gset_ops, "", NULL},
		{&cvg_twopset_ops, "{b, a}removed{c}", "{a, b} removed {c}"},
		{&cvg_twopset_ops, "{} removed {}", "{} removed {}"},
		{&cvg_twopset_ops, "{a}", NULL},	/* an array */
		{&cvg_twopset_ops, "{a} removed {a}", NULL},
		{&cvg_twopset_ops, "{a} removed", NULL},
		{&cvg_orset_ops, "{b b@7, a c@3 a@9 a@5} seen {a 1-4}", "{a a@5 a@9 c@3, b b@7} seen {a 1-4}"},
		{&cvg_orset_ops, "{} seen {a 5}", "{} seen {a 5}"},
		{&cvg_orset_ops, "{} seen {}", "{} seen {}"},
		{&cvg_orset_ops, "{a a@1}", "{a a@1}"},
		{&cvg_orset_ops, "{}", NULL},	/* an array */
		{&cvg_orset_ops, "{a}", NULL},
		{&cvg_orset_ops, "{a a@0}", NULL},
		{&cvg_orset_ops, "{a a@5 a@5}", NULL},
		{&cvg_orset_ops, "{a a@5} seen {a 5}", NULL},
		{&cvg_orset_ops, "{a a@5 -}", NULL},
		{&cvg_orset_ops, "{a a@5} removed {b a@6 -}", NULL},
		{&cvg_orset_ops, "{a a@5, a a@6}", NULL},
		{&cvg_rwset_ops, "{a a@5} removed {c a@7 b@8 -, b b@6 -} seen {a 1}",
		"{a a@5} removed {b b@6 -, c a@7 b@8 -} seen {a 1}"},
		{&cvg_rwset_ops, "{a a@5 -}", NULL},
		{&cvg_rwset_ops, "{} removed {a a@5}", NULL},
		{&cvg_rwset_ops, "{a a@5} removed {a b@6 -}", NULL},
	};
	CvgError	err;
	int			i;

	for (i = 0; i < lengthof(texts); i++)
	{
		CvgSlice	s = crdt_parse(texts[i].ops, texts[i].text, &err);

		CHECK((s.len > 0) == (texts[i].printed != NULL), "%s", texts[i].text);
		if (s.len > 0 && texts[i].printed != NULL)
			CHECK(strcmp(crdt_text(s), texts[i].printed) == 0, "%s", crdt_text(s));
	}
	gen_reset();
}

/* What updates make of any value is valid, and more than it. */
static void
check_update(CvgSlice a, CvgSlice b)
{
	CvgDotSupply dots = {gen_next_dots, 1000};
	CvgBuf		buf;
	CvgSlice	r;

	cvg_buf_init(&buf);
	CHECK(cvg_crdt_assign(a, b, true, &dots, &buf) == CVG_OK);
	r = gen_take(&buf);
	check_codec(&types[3], r);
	CHECK(same(crdt_merge(a, r), r));
	cvg_buf_init(&buf);
	CHECK(cvg_crdt_reset(a, &buf) == CVG_OK);
	r = gen_take(&buf);
	check_codec(&types[3], r);
	CHECK(same(crdt_merge(a, r), r));
	CHECK(contents(r) == 0);
}

/*
 * The laws hold for every pair of valid values, also for those that no
 * history makes: one dot under two elements, of both kinds.
 */
static void
test_odd_states(void)
{
	static const char *const texts[] = {
		"{} seen {}",
		"{a r@5, b r@6}",
		"{a r@5 r@6, b r@6}",
		"{b r@5, c r@6} seen {r 7-9}",
		"{b r@5} removed {a r@5 -}",
		"{} removed {a r@5 r@5 -, b r@6 -} seen {q 1-9}",
		"{c s@5 t@5} seen {r 5}",
		"{} seen {r 1-100}",
	};
	CvgError	err;
	int			n = lengthof(texts);
	int			i;

	for (i = 0; i < n * n * n; i++)
	{
		CvgSlice	a = crdt_parse(&cvg_rwset_ops, texts[i % n], &err);
		CvgSlice	b = crdt_parse(&cvg_rwset_ops, texts[i / n % n], &err);
		CvgSlice	c = crdt_parse(&cvg_rwset_ops, texts[i / n / n], &err);

		CHECK(a.len > 0 && b.len > 0 && c.len > 0);
		check_lattice(&types[3], a, b, c);
		if (i < n * n)
			check_update(a, b);
	}
	gen_reset();
}

/* Literals of arrays are plain values. */
static void
test_plain_text(void)
{
	static const struct
	{
		const char *text;
		const char *contents;	/* NULL: refused */
	}			texts[] = {
		{"{}", ""},
		{" { } ", ""},
		{"{b,a,a}", "a|b|"},
		{"{ \"a b\" ,b , \" x \",\"\"}", "| x |a b|b|"},
		{"{a b}", NULL},
		{"{a x@1 -}", NULL},
		{"{a@b.c,\\ x\\ ,\\NULL, \"null\"}", " x |NULL|a@b.c|null|"},
		{"{NULL}", NULL},
		{"{a,null}", NULL},
		{"{a,,b}", NULL},
		{"{a", NULL},
		{"{a\\", NULL},
		{"{{a},{b}}", NULL},
		{"{a\"b\"}", NULL},
		{"{\"a\"b}", NULL},
		{"{a} b", NULL},
		{"a", NULL},
		{"", NULL},
	};
	int			i;
	int			k;

	for (i = 0; i < lengthof(texts) * 4; i++)
	{
		const CvgSetOps *ops = cvg_set_ops(types[i % 4].ops->tag);
		const char *text = texts[i / 4].text;
		CvgDotSupply dots = {gen_next_dots, 0};
		CvgError	err;
		CvgBuf		buf;
		char		found[100] = "";

		cvg_buf_init(&buf);
		k = cvg_crdt_parse_plain(ops->crdt, gen_copy(cvg_slice_cstring(text)), &dots, &buf, &err);
		CHECK((k == CVG_OK) == (texts[i / 4].contents != NULL), "%s: %s", ops->crdt->name, text);
		if (k == CVG_OK)
		{
			CvgSetIter	it = cvg_set_iter(cvg_buf_slice(&buf));
			CvgSlice	e;

			CHECK(cvg_crdt_validate(ops->crdt, cvg_buf_slice(&buf), NULL) == CVG_OK);
			CHECK(cvg_crdt_is_plain(cvg_buf_slice(&buf)));
			while (cvg_set_next(&it, &e))
				sprintf(found + strlen(found), "%.*s|", (int) e.len, e.data);
			CHECK(texts[i / 4].contents != NULL && strcmp(found, texts[i / 4].contents) == 0, "%s", found);
		}
		else
			CHECK(buf.len == 0);
		cvg_buf_free(&buf);
	}
	gen_reset();
}

/* Valid in all but one thing. */
static void
test_bytes(void)
{
	static const struct
	{
		const char *bytes;
		size_t		len;
		CvgStatus	status;
	}			values[] = {
		{"\1\12\0", 3, CVG_OK},
		{"\1\12\0\2a\2b", 7, CVG_OK},
		{"\1\12\0\2a\2a", 7, CVG_E_NOT_CANONICAL},
		{"\1\12\0\2b\2a", 7, CVG_E_NOT_CANONICAL},
		{"\1\12\0\3a", 5, CVG_E_MALFORMED}, /* removed, in a gset */
		{"\1\12\0\2\0", 5, CVG_E_MALFORMED},
		{"\1\12\0\4a", 5, CVG_E_TRUNCATED},
		{"\1\13\0\3a", 5, CVG_OK},
		{"\1\14\0\0", 4, CVG_OK},
		{"\1\14\0", 3, CVG_E_TRUNCATED},
		{"\1\14\0\0\1\1r\5\1x\0\0", 12, CVG_OK},
		{"\1\14\0\0\1\1r\5", 8, CVG_E_NOT_CANONICAL},	/* no elements */
		{"\1\14\0\0\0\5\1x\0\0", 10, CVG_E_NOT_CANONICAL},	/* no replicas */
		{"\1\14\0\0\2\1r\1s\5\1x\0\0", 14, CVG_E_NOT_CANONICAL},	/* one too many */
		{"\1\14\0\0\2\1r\1r\5\1x\1\0\4\0", 16, CVG_E_NOT_CANONICAL},
		{"\1\14\0\0\1\1r\5\1x\0\1", 12, CVG_E_NOT_CANONICAL},	/* not the smallest */
		{"\1\14\0\0\1\1r\0\1x\0\0", 12, CVG_E_NOT_CANONICAL},	/* stamp 0 */
		{"\1\14\0\0\2\1r\1s\0\1x\1\5\4\0", 16, CVG_E_NOT_CANONICAL},	/* stamp 0 of the second */
		{"\1\14\0\0\1\1r\5\1x\2\0", 12, CVG_E_MALFORMED},	/* a remove */
		{"\1\14\0\0\1\1r\5\1x\4\0", 12, CVG_E_MALFORMED},	/* no such replica */
		{"\1\14\0\0\1\1r\5\1x\1\0\0\0", 14, CVG_E_NOT_CANONICAL},	/* twice */
		{"\1\14\0\1r\12\0\0\1\1r\5\1x\0\0", 16, CVG_E_NOT_CANONICAL},	/* dead */
		{"\1\14\0\1r\14\0\0\1\1r\5\1x\0\0", 16, CVG_OK},
		{"\1\15\0\0\1\1r\5\1x\2\0", 12, CVG_OK},
	};
	int			i;

	for (i = 0; i < lengthof(values); i++)
	{
		CvgError	err = {CVG_OK, 0};
		CvgStatus	status = cvg_crdt_validate(NULL, gen_copy(cvg_slice(values[i].bytes, values[i].len)), &err);

		CHECK(status == values[i].status, "value %d: %s", i, cvg_status_message(status));
	}
	gen_reset();
}

int
main(void)
{
	int			cases = unit_env_cases(10000);
	int			i;

	for (i = 0; i < lengthof(types); i++)
	{
		CrdtType	small = types[i];

		small.apply = apply_small;
		small.kinds = small.ops->reset != NULL ? 6 : 5;
		check_small(&small);
		check_random(&types[i], cases);
		check_long_branches(&types[i], Max(cases / 1000, 3));
	}
	unit_start(1);
	test_published(&cvg_orset_ops, 1);
	test_published(&cvg_rwset_ops, 0);
	test_two_phases();
	test_reset(&cvg_orset_ops);
	test_reset(&cvg_rwset_ops);
	test_reads(1000);
	test_sort();
	test_refused();
	for (i = 0; i < lengthof(types); i++)
	{
		test_size(types[i].ops);
		test_damage(types[i].ops, types[i].ops != &cvg_gset_ops);
	}
	test_no_tombstones();
	test_text();
	test_odd_states();
	test_plain_text();
	test_bytes();
	return unit_done();
}
