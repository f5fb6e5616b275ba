/*
 * crdt.h: what the tests of all CRDT types share.
 *
 * A type brings two functions (CrdtType): one draws a random operation and
 * applies it, one compares a state with what a log of operations says it
 * must be.  Here are worlds in which states meet such operations, merge,
 * travel whole or as deltas, late, twice; and the laws that every state
 * reached there must keep.
 *
 * The model of a state is the set of operations that it contains, and
 * nothing else: merging is the union.  What that set means is for the type to
 * say, from the log, which knows for each operation what it had seen.
 */
#ifndef CVG_TEST_CRDT_H
#define CVG_TEST_CRDT_H

#include "gen.h"
#include <math.h>
#include "core/crdt.h"

#define MAX_OPS		512
#define MAX_STATES	8

/* A set of operations of the log. */
typedef struct OpSet
{
	uint64		bits[MAX_OPS / 64];
} OpSet;

/* One operation, as the log knows it. */
typedef struct Op
{
	CvgDot		dot;
	int			kind;			/* what these mean is the type's affair */
	int64		n;
	CvgSlice	arg;
	int			stamps;			/* used, from the dot's on; 0 means one */
	OpSet		seen;			/* contained in the state that it changed */
} Op;

typedef struct State
{
	CvgSlice	value;
	OpSet		ops;
} State;

typedef struct World
{
	Op			log[MAX_OPS];
	int			nops;
	CvgStamp	now;
	int			nstates;
	State		states[MAX_STATES];
} World;

typedef struct CrdtType
{
	const CvgCrdtOps *ops;
	int			kinds;			/* operation kinds are 0 .. kinds - 1 */

	/*
	 * Fill in what else the operation needs than kind and dot, and append
	 * the changed value to out.  Anything but CVG_OK: it is none, as if it
	 * had not been tried.
	 */
	CvgStatus	(*apply) (CvgSlice value, Op *op, CvgBuf *out);

	/* Is this what the operations make? */
	bool		(*is_model) (CvgSlice value, const World *w, const OpSet *ops);
} CrdtType;

static inline bool
opset_has(const OpSet *s, int op)
{
	return (s->bits[op / 64] >> (op % 64)) & 1;
}

static inline void
opset_add(OpSet *s, int op)
{
	s->bits[op / 64] |= UINT64CONST(1) << (op % 64);
}

static inline OpSet
opset_union(const OpSet *a, const OpSet *b)
{
	OpSet		u;
	int			i;

	for (i = 0; i < lengthof(u.bits); i++)
		u.bits[i] = a->bits[i] | b->bits[i];
	return u;
}

/* Has a later operation of the set, of such a kind, seen this one? */
static inline bool
op_seen_by(const World *w, const OpSet *ops, int op, int kind)
{
	int			i;

	for (i = op + 1; i < w->nops; i++)
	{
		if (opset_has(ops, i) && (kind < 0 || w->log[i].kind == kind) &&
			opset_has(&w->log[i].seen, op))
			return true;
	}
	return false;
}

/* Values, in the arena. */
static inline CvgSlice
crdt_bottom(const CvgCrdtOps *ops)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_crdt_bottom(ops, &buf);
	return gen_take(&buf);
}

static inline CvgSlice
crdt_merge(CvgSlice a, CvgSlice b)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	if (cvg_crdt_merge(a, b, &buf) != CVG_OK)
		abort();
	return gen_take(&buf);
}

static inline CvgSlice
crdt_delta(CvgSlice old, CvgSlice new)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	if (cvg_crdt_delta(old, new, &buf) != CVG_OK)
		abort();
	return gen_take(&buf);
}

static inline const char *
crdt_text(CvgSlice value)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_crdt_print(value, &buf);
	cvg_put_u8(&buf, 0);
	return (const char *) gen_take(&buf).data;
}

/* The value of a text, empty slice if it is none. */
static inline CvgSlice
crdt_parse(const CvgCrdtOps *ops, const char *text, CvgError *err)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	if (cvg_crdt_parse(ops, gen_copy(cvg_slice_cstring(text)), &buf, err) != CVG_OK)
	{
		CHECK(buf.len == 0, "a failed parse appends nothing");
		cvg_buf_free(&buf);
		return cvg_slice(NULL, 0);
	}
	return gen_take(&buf);
}

/* Bytes and text of one state. */
static inline void
check_codec(const CrdtType *t, CvgSlice a)
{
	CvgError	err = {CVG_OK, 0};
	const char *text;

	CHECK(cvg_crdt_validate(t->ops, a, &err) == CVG_OK, "%s: valid (%s at %zu)",
		  t->ops->name, cvg_status_message(err.status), err.offset);
	CHECK(cvg_crdt_validate(NULL, a, &err) == CVG_OK);
	text = crdt_text(a);
	CHECK(cvg_slice_eq(crdt_parse(t->ops, text, &err), a),
		  "%s: text %s comes back (%s at %zu)", t->ops->name, text,
		  cvg_status_message(err.status), err.offset);
}

static inline bool
same(CvgSlice a, CvgSlice b)
{
	return cvg_slice_eq(a, b);
}

/* Dots of a replica that no state knows. */
static inline CvgDot
gen_next_dots(CvgDotSupply *supply, int n)
{
	CvgDot		dot = {cvg_slice_cstring("zz-assign"), supply->after + 1};

	supply->after += n;
	return dot;
}

/*
 * Assigning b to a: nothing that a has seen is forgotten, and what reads as b
 * is not changed by assigning b once more.
 */
static inline void
check_assign(const CrdtType *t, CvgSlice a, CvgSlice b)
{
	CvgDotSupply dots = {gen_next_dots, Max(cvg_crdt_latest(a), cvg_crdt_latest(b))};
	CvgBuf		buf;
	CvgSlice	r;

	cvg_buf_init(&buf);
	if (cvg_crdt_assign(a, b, true, &dots, &buf) != CVG_OK)
	{
		CHECK(buf.len == 0, "%s: a failed assignment appends nothing", t->ops->name);
		cvg_buf_free(&buf);
		return;
	}
	r = gen_take(&buf);
	check_codec(t, r);
	CHECK(same(crdt_merge(a, r), r), "%s: assignment forgets\n  %s\n  %s\n  %s",
		  t->ops->name, crdt_text(a), crdt_text(b), crdt_text(r));
	cvg_buf_init(&buf);
	CHECK(cvg_crdt_assign(r, b, true, &dots, &buf) == CVG_OK &&
		  same(gen_take(&buf), r), "%s: assigned twice\n  %s\n  %s\n  %s",
		  t->ops->name, crdt_text(a), crdt_text(b), crdt_text(r));
}

/* The laws of a lattice with deltas, on any three values. */
static inline void
check_lattice(const CrdtType *t, CvgSlice a, CvgSlice b, CvgSlice c)
{
	CvgSlice	ab = crdt_merge(a, b);
	CvgSlice	bc = crdt_merge(b, c);
	CvgSlice	d = crdt_delta(a, b);
	CvgOrder	order = cvg_crdt_compare(a, b);
	const char *name = t->ops->name;

	CHECK(same(ab, crdt_merge(b, a)), "%s: commutative\n  %s\n  %s\n  %s\n  %s",
		  name, crdt_text(a), crdt_text(b), crdt_text(ab), crdt_text(crdt_merge(b, a)));
	CHECK(same(crdt_merge(ab, c), crdt_merge(a, bc)), "%s: associative\n  %s\n  %s\n  %s",
		  name, crdt_text(a), crdt_text(b), crdt_text(c));
	CHECK(same(crdt_merge(a, a), a), "%s: idempotent", name);
	CHECK(same(crdt_merge(ab, b), ab), "%s: merged twice", name);
	CHECK(same(crdt_merge(crdt_bottom(t->ops), a), a), "%s: bottom", name);
	CHECK(same(crdt_merge(a, d), ab), "%s: delta\n  %s\n  %s\n  %s", name,
		  crdt_text(a), crdt_text(b), crdt_text(d));
	CHECK(same(crdt_merge(d, b), b), "%s: a delta is part of the new value", name);
	check_codec(t, ab);
	check_codec(t, d);
	CHECK((order == CVG_BEFORE || order == CVG_EQUAL) == same(ab, b), "%s: <=", name);
	CHECK((order == CVG_AFTER || order == CVG_EQUAL) == same(ab, a), "%s: >=", name);
	CHECK((order == CVG_EQUAL) == same(a, b), "%s: =", name);
	CHECK(cvg_crdt_latest(ab) == Max(cvg_crdt_latest(a), cvg_crdt_latest(b)),
		  "%s: latest stamp", name);
}

static inline void
check_laws(const CrdtType *t, CvgSlice a, CvgSlice b, CvgSlice c)
{
	check_lattice(t, a, b, c);
	check_assign(t, a, b);
}

static inline void
world_init(World *w, const CrdtType *t, int nstates)
{
	int			i;

	memset(w, 0, offsetof(World, states));
	w->now = 1 + unit_below(1000000);
	w->nstates = nstates;
	for (i = 0; i < nstates; i++)
	{
		memset(&w->states[i], 0, sizeof(State));
		w->states[i].value = crdt_bottom(t->ops);
	}
}

static inline CvgSlice
world_replica(int i)
{
	static const char *const names[] = {"a", "berlin", "c~01f3"};

	return cvg_slice_cstring(names[i % lengthof(names)]);
}

/* The same state, as if made from a plain value. */
static inline CvgSlice
plain_copy(CvgSlice value)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_put_bytes(&buf, value.data, value.len);
	cvg_crdt_set_plain(&buf, 0);
	return gen_take(&buf);
}

/*
 * Replica r changes state s.  An update is an inflation; its result is
 * canonical, contains its dot, and travels as a delta.
 */
static inline bool
world_update(World *w, const CrdtType *t, int s, int r, int kind)
{
	State	   *st = &w->states[s];
	Op		   *op = &w->log[w->nops];
	CvgBuf		buf;
	CvgSlice	new;
	CvgStatus	status;

	if (w->nops >= MAX_OPS)
		return false;
	memset(op, 0, sizeof(*op));
	op->dot.replica = world_replica(r);
	op->dot.stamp = w->now += 1 + unit_below(5);
	op->kind = kind;
	op->seen = st->ops;
	cvg_buf_init(&buf);
	status = t->apply(plain_copy(st->value), op, &buf);
	if (status != CVG_OK)
	{
		CHECK(buf.len == 0, "%s: a failed update appends nothing", t->ops->name);
		cvg_buf_free(&buf);
		return false;
	}
	new = gen_take(&buf);
	w->now += Max(op->stamps, 1) - 1;
	CHECK(!cvg_crdt_is_plain(new), "%s: an update forgets how a value was made", t->ops->name);
	CHECK(same(crdt_merge(st->value, new), new), "%s: update is an inflation\n  %s\n  %s",
		  t->ops->name, crdt_text(st->value), crdt_text(new));
	CHECK(same(crdt_merge(st->value, crdt_delta(st->value, new)), new),
		  "%s: delta of an update", t->ops->name);
	st->value = new;
	opset_add(&st->ops, w->nops++);
	return true;
}

/* State i takes in state j. */
static inline void
world_merge(World *w, int i, int j)
{
	w->states[i].value = crdt_merge(w->states[i].value, w->states[j].value);
	w->states[i].ops = opset_union(&w->states[i].ops, &w->states[j].ops);
}

static inline void
world_check(const World *w, const CrdtType *t, int s)
{
	CHECK(t->is_model(w->states[s].value, w, &w->states[s].ops),
		  "%s: the state is what its operations make: %s", t->ops->name,
		  crdt_text(w->states[s].value));
}

/*
 * A random history.  The first three states are those of three replicas:
 * each is updated by its own only.  With branches, any replica also updates
 * any state, and states are copied over others: all that can be done with
 * values of one database.  The rest of the states are old copies.
 */
static inline void
world_run(World *w, const CrdtType *t, int steps, bool branches)
{
	world_init(w, t, MAX_STATES);
	while (steps-- > 0)
	{
		int			i = unit_below(3);
		int			j = unit_below(MAX_STATES);

		if (branches && gen_chance(30))
			i = unit_below(MAX_STATES);
		switch (unit_below(branches ? 6 : 5))
		{
			case 0:
			case 1:
			case 2:
				world_update(w, t, i, branches && gen_chance(50) ? unit_below(3) : i,
							 unit_below(t->kinds));
				break;
			case 3:
				world_merge(w, i, j);
				break;
			case 4:
				w->states[3 + unit_below(MAX_STATES - 3)] = w->states[j];
				break;
			case 5:
				w->states[i] = w->states[j];
				break;
		}
		world_check(w, t, i);
	}
}

/* Laws and model on random histories, short ones mostly. */
static inline void
check_random(const CrdtType *t, int cases)
{
	static World w;
	uint64		seed = unit_env_seed();
	int			n;

	for (n = 0; n < cases; n++)
	{
		bool		branches = n % 2 == 1;

		unit_start(seed + n);
		world_run(&w, t, n % 1000 == 0 ? 600 : 1 + unit_below(30), branches);
		check_laws(t, w.states[unit_below(MAX_STATES)].value,
				   w.states[unit_below(MAX_STATES)].value,
				   w.states[unit_below(MAX_STATES)].value);
		gen_reset();
	}
}

/*
 * Branches longer than what is kept of them: the model no longer holds, the
 * laws do.
 */
static inline bool
any_state(CvgSlice value, const World *w, const OpSet *ops)
{
	return true;
}

static inline void
check_long_branches(const CrdtType *t, int cases)
{
	static World w;
	CrdtType	lax = *t;
	int			n;

	lax.is_model = any_state;
	for (n = 0; n < cases; n++)
	{
		unit_start(unit_env_seed() + n);
		world_run(&w, &lax, 900, true);
		check_laws(t, w.states[0].value, w.states[1].value, w.states[2].value);
		check_laws(t, w.states[3].value, w.states[4].value, w.states[5].value);
		gen_reset();
	}
}

/* Every history of so many steps of updates and merges among n replicas. */
static inline void
check_histories(const CrdtType *t, World *w, int n, int steps)
{
	int			i;
	int			j;
	int			kind;
	State		saved;
	CvgStamp	now = w->now;
	int			used = gen_used;

	for (i = 0; i < n; i++)
	{
		world_check(w, t, i);
		if (steps == 0)
			continue;
		saved = w->states[i];
		for (kind = 0; kind < t->kinds; kind++)
		{
			if (world_update(w, t, i, i, kind))
			{
				check_histories(t, w, n, steps - 1);
				w->nops--;
			}
			w->states[i] = saved;
			w->now = now;
			gen_release(used);
		}
		for (j = 0; j < n; j++)
		{
			if (i == j)
				continue;
			world_merge(w, i, j);
			check_histories(t, w, n, steps - 1);
			w->states[i] = saved;
			gen_release(used);
		}
	}
	if (steps == 0)
		check_laws(t, w->states[0].value, w->states[1].value, w->states[n - 1].value);
	gen_release(used);
}

/*
 * Small worlds exhaustively: two replicas, four steps or more, and three, three
 * or more; as many as that many histories allow.  A million of random cases
 * goes with a million of these: two replicas with four updates each where a
 * type has two kinds of them.
 */
static inline void
check_small(const CrdtType *t)
{
	static World w;
	double		limit = Max(unit_env_cases(10000) * 2.0, 10000);
	int			n;

	for (n = 2; n <= 3; n++)
	{
		double		branches = n * (t->kinds + n - 1);
		int			steps = n == 2 ? 4 : 3;

		while (pow(branches, steps + 1) <= limit)
			steps++;
		unit_start(unit_env_seed());
		world_init(&w, t, n);
		check_histories(t, &w, n, steps);
		gen_reset();
	}
}

/* Bytes that are damaged are refused or are another canonical value. */
static inline CvgStatus
recode_crdt(CvgSlice in, CvgBuf *out)
{
	CvgError	err;
	CvgBuf		text;
	CvgStatus	status = cvg_crdt_validate(NULL, in, &err);

	if (status != CVG_OK)
	{
		CHECK(err.offset <= in.len);
		return status;
	}
	cvg_buf_init(&text);
	cvg_crdt_print(in, &text);
	status = cvg_crdt_parse(cvg_crdt_ops(in.data[1]), cvg_buf_slice(&text), out, &err);
	cvg_buf_free(&text);
	if (status == CVG_OK && cvg_crdt_is_plain(in))
		cvg_crdt_set_plain(out, 0);
	return status;
}

static inline void
check_type(const CrdtType *t)
{
	int			cases = unit_env_cases(10000);

	check_small(t);
	check_random(t, cases);
	check_long_branches(t, Max(cases / 1000, 3));
}

#endif
