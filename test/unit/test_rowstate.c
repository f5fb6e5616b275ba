/*
 * test_rowstate.c: bytes and laws of row states.
 *
 * The reference is Model, a plain array of stamps per clock and of dots per
 * unit, with the operations written down once more in the most naive way.
 * States come from small worlds of nodes that write and merge (reachable
 * states), and from thin air (any valid state): the merge must be a lattice
 * on both.  CASES=n random cases, SEED=n.
 */
#include "recode.h"
#include "core/rowstate_codec.h"

#define NREPLICAS	20			/* more than fit the parser's own room */
#define NUNITS		24
#define POOL		48

typedef struct Dot
{
	int64		stamp;
	int			replica;
} Dot;

typedef struct Model
{
	bool		exists;
	int64		vc[NREPLICAS];
	int64		w[NREPLICAS];
	int64		d[NREPLICAS];
	int64		o[NREPLICAS];
	int64		e[NREPLICAS];
	Dot			birth;
	Dot			unit[NUNITS];	/* never smaller than the birth */
} Model;

static char names[NREPLICAS][64];
static CvgSlice ids[NREPLICAS]; /* ascending */
static uint32 units[NUNITS];	/* ascending */

static void
make_names(void)
{
	int			i;

	for (i = 0; i < NREPLICAS; i++)
	{
		snprintf(names[i], sizeof(names[i]), "%c%.*s", 'a' + i, i * 3,
				 "-a-long-name.of_some~server-in-a-distant-region-of-the-world");
		ids[i] = cvg_slice_cstring(names[i]);
	}
	for (i = 0; i < NUNITS; i++)
		units[i] = i == NUNITS - 1 ? PG_UINT32_MAX : 1 + (uint32) i * 0x0a0b0c0d;
}

/* --- the reference --- */

static int
dot_cmp(Dot a, Dot b)
{
	if (a.stamp != b.stamp)
		return a.stamp < b.stamp ? -1 : 1;
	return a.replica - b.replica;
}

static Dot
dot_max(Dot a, Dot b)
{
	return dot_cmp(a, b) >= 0 ? a : b;
}

static bool
is_deleted(const Model *m)
{
	int			i;

	for (i = 0; i < NREPLICAS; i++)
	{
		if (m->d[i] != 0)
			return true;
	}
	return false;
}

static void
model_merge(const Model *a, const Model *b, Model *out)
{
	int			i;

	*out = *a;
	out->exists |= b->exists;
	for (i = 0; i < NREPLICAS; i++)
	{
		out->vc[i] = Max(a->vc[i], b->vc[i]);
		out->w[i] = Max(a->w[i], b->w[i]);
		out->d[i] = Max(a->d[i], b->d[i]);
		out->o[i] = Max(a->o[i], b->o[i]);
		out->e[i] = Max(a->e[i], b->e[i]);
	}
	out->birth = dot_max(a->birth, b->birth);
	for (i = 0; i < NUNITS; i++)
		out->unit[i] = dot_max(a->unit[i], b->unit[i]);
}

static Dot
largest(const int64 *clock)
{
	Dot			max = {0, 0};
	int			i;

	for (i = 0; i < NREPLICAS; i++)
	{
		Dot			dot = {clock[i], i};

		if (clock[i] != 0)
			max = dot_max(max, dot);
	}
	return max;
}

static bool
model_alive(const Model *m, CvgOnDelete policy)
{
	bool		unseen = false;
	bool		answered = true;
	int			i;

	for (i = 0; i < NREPLICAS; i++)
	{
		unseen |= m->w[i] > m->o[i];
		answered &= m->d[i] <= m->e[i];
	}
	if (!m->exists)
		return false;
	if (policy == CVG_ON_DELETE_LWW)
		return dot_cmp(largest(m->w), largest(m->d)) > 0;
	if (policy == CVG_ON_DELETE_UPDATE_WINS)
		return unseen;
	return answered && largest(m->w).stamp > 0;
}

/* kind I, U or D; unit_set is the units written, as bits */
static void
model_write(Model *m, char kind, int replica, int64 stamp, uint32 unit_set)
{
	Dot			dot = {stamp, replica};
	int			i;

	if (kind == 'I')
	{
		memcpy(m->e, m->d, sizeof(m->e));
		m->birth = dot;
	}
	if (kind == 'D')
	{
		memcpy(m->o, m->vc, sizeof(m->o));
		m->d[replica] = stamp;
	}
	else
		m->w[replica] = stamp;
	for (i = 0; i < NUNITS; i++)
	{
		if (kind == 'I' || (kind == 'U' && (unit_set & ((uint32) 1 << i))))
			m->unit[i] = dot;
	}
	m->vc[replica] = stamp;
	m->exists = true;
}

/* Bytes of a model, by the codec; checked for the round trip elsewhere. */
static CvgSlice
model_bytes(const Model *m)
{
	CvgRowParts parts;
	CvgBuf		buf;
	int			index[NREPLICAS];
	int			i;

	if (!m->exists)
		return cvg_slice(NULL, 0);
	cvg_row_init(&parts);
	cvg_row_reserve(&parts, NREPLICAS, NUNITS);
	parts.deleted = is_deleted(m);
	for (i = 0; i < NREPLICAS; i++)
	{
		CvgRowReplica rep = {ids[i], m->vc[i], m->w[i], m->d[i], m->o[i], m->e[i], 0};

		index[i] = parts.nreplicas;
		if (m->vc[i] != 0)
			parts.replicas[parts.nreplicas++] = rep;
	}
	parts.birth.stamp = m->birth.stamp;
	parts.birth.replica = index[m->birth.replica];
	for (i = 0; i < NUNITS; i++)
	{
		CvgRowUnit	unit = {units[i], {m->unit[i].stamp, index[m->unit[i].replica]}};

		if (dot_cmp(m->unit[i], m->birth) > 0)
			parts.units[parts.nunits++] = unit;
	}
	cvg_buf_init(&buf);
	cvg_row_encode(&parts, &buf);
	cvg_row_free(&parts);
	return gen_take(&buf);
}

/* --- helpers on bytes --- */

static CvgStatus
recode_rowstate(CvgSlice in, CvgBuf *out)
{
	CvgRowParts parts;
	CvgStatus	status = cvg_row_parse(in, &parts, NULL);

	CHECK(status == cvg_rowstate_validate(in, NULL), "validate, parse");
	if (status != CVG_OK)
		return status;
	cvg_row_encode(&parts, out);
	cvg_row_free(&parts);
	return CVG_OK;
}

static CvgSlice
merged(CvgSlice a, CvgSlice b, CvgSide *sides, CvgOrder *order)
{
	CvgSide		unused[NUNITS];
	CvgBuf		buf;
	CvgStatus	status;

	cvg_buf_init(&buf);
	status = cvg_rowstate_merge(a, b, units, NUNITS,
								sides ? sides : unused, order, &buf);
	CHECK(status == CVG_OK, "merge: %s", cvg_status_message(status));
	return gen_take(&buf);
}

static CvgSlice
written(CvgSlice old, char kind, CvgSlice id, int64 stamp, uint32 unit_set)
{
	uint32		list[NUNITS];
	int			n = 0;
	int			i;
	CvgBuf		buf;
	CvgStatus	status;

	for (i = 0; i < NUNITS; i++)
	{
		if (unit_set & ((uint32) 1 << i))
			list[n++] = units[i];
	}
	cvg_buf_init(&buf);
	if (kind == 'I')
		status = cvg_rowstate_insert(old, id, stamp, &buf);
	else if (kind == 'U')
		status = cvg_rowstate_update(old, id, stamp, list, n, &buf);
	else
		status = cvg_rowstate_delete(old, id, stamp, &buf);
	CHECK(status == CVG_OK, "write: %s", cvg_status_message(status));
	return gen_take(&buf);
}

static bool
public_dot_is(CvgDot dot, Dot want)
{
	return dot.stamp == want.stamp &&
		(want.stamp == 0 || cvg_slice_eq(dot.replica, ids[want.replica]));
}

/* Every query, against the model. */
static void
check_queries(CvgSlice state, const Model *m)
{
	CvgClockEntry entries[NREPLICAS];
	CvgBuf		want;
	CvgBuf		got;
	int			p;
	int			i;

	for (p = 0; p < 3; p++)
		CHECK(cvg_rowstate_alive(state, (CvgOnDelete) p) ==
			  model_alive(m, (CvgOnDelete) p), "alive, policy %d", p);
	CHECK(cvg_rowstate_ever_deleted(state) == is_deleted(m), "ever deleted");
	CHECK(public_dot_is(cvg_rowstate_last_dot(state), largest(m->vc)), "last dot");
	CHECK(public_dot_is(cvg_rowstate_birth(state), m->birth), "birth");
	i = unit_below(NUNITS);
	CHECK(public_dot_is(cvg_rowstate_unit_dot(state, units[i]), m->unit[i]), "unit dot");
	i = unit_below(NREPLICAS);
	CHECK(cvg_rowstate_latest(state, ids[i]) == m->vc[i], "latest");

	cvg_buf_init(&want);
	cvg_buf_init(&got);
	for (i = 0; i < NREPLICAS; i++)
	{
		entries[i].id = ids[i];
		entries[i].value = m->vc[i];
	}
	CHECK(cvg_vclock_from_entries(entries, NREPLICAS, &want) == CVG_OK, "clock");
	cvg_rowstate_clock(state, &got);
	CHECK(cvg_slice_eq(cvg_buf_slice(&want), cvg_buf_slice(&got)), "row clock");
	CHECK(cvg_rowstate_covered(state, cvg_buf_slice(&want)), "covered by itself");
	cvg_buf_free(&want);
	cvg_buf_free(&got);
}

/* --- random states --- */

typedef struct Pair
{
	Model		m;
	CvgSlice	bytes;
} Pair;

/* Any valid state, reachable or not. */
static void
random_model(Model *m, int nreplicas, int spread)
{
	bool		deleted = unit_below(2) == 0;
	int64		base = unit_below(4) == 0 ? PG_INT64_MAX - 2 * (int64) spread : unit_below(spread);
	Dot			w;
	int			i;

	memset(m, 0, sizeof(*m));
	do
	{
		for (i = 0; i < nreplicas; i++)
		{
			if (unit_below(3) > 0)
				m->w[i] = base + 1 + unit_below(spread);
		}
		w = largest(m->w);
	} while (w.stamp == 0);
	m->exists = true;
	for (i = 0; i < nreplicas; i++)
	{
		if (deleted && unit_below(2))
			m->d[i] = base + 1 + unit_below(spread);
		m->vc[i] = Max(m->w[i], m->d[i]);
	}
	deleted = is_deleted(m);
	for (i = 0; i < nreplicas; i++)
	{
		if (deleted && unit_below(2))
			m->o[i] = m->vc[i] - (m->vc[i] > 1 ? unit_below(2) : 0);
		if (unit_below(2))
			m->e[i] = m->d[i];
	}
	/* the birth is some write, unit dots are writes not below it */
	do
		m->birth.replica = unit_below(nreplicas);
	while (m->w[m->birth.replica] == 0);
	m->birth.stamp = m->w[m->birth.replica];
	if (m->birth.stamp > 1 && unit_below(2))
		m->birth.stamp--;
	for (i = 0; i < NUNITS; i++)
	{
		Dot			dot;

		dot.replica = unit_below(nreplicas);
		dot.stamp = m->w[dot.replica];
		if (dot.stamp > 1 && unit_below(2))
			dot.stamp--;
		m->unit[i] = m->birth;
		if (dot.stamp > 0 && unit_below(nreplicas > 8 ? 2 : 8) == 0)
			m->unit[i] = dot_max(dot, m->birth);
	}
}

static CvgOrder
model_order(const Model *a, const Model *b)
{
	bool		less = false;
	bool		more = false;
	int			i;

	for (i = 0; i < NREPLICAS; i++)
	{
		less |= a->vc[i] < b->vc[i];
		more |= a->vc[i] > b->vc[i];
	}
	return more ? (less ? CVG_CONCURRENT : CVG_AFTER) :
		(less ? CVG_BEFORE : CVG_EQUAL);
}

/* One merge against the model; the result. */
static Pair
check_merge(const Pair *a, const Pair *b)
{
	CvgSide		sides[NUNITS];
	CvgOrder	order;
	Pair		result;
	CvgSlice	want;
	int			i;

	model_merge(&a->m, &b->m, &result.m);
	result.bytes = merged(a->bytes, b->bytes, sides, &order);
	want = model_bytes(&result.m);
	CHECK(cvg_slice_eq(result.bytes, want), "merged bytes");
	CHECK(order == model_order(&a->m, &b->m), "order");
	CHECK(order == cvg_rowstate_compare(a->bytes, b->bytes), "compare");
	CHECK(!result.m.exists ||
		  cvg_rowstate_validate(result.bytes, NULL) == CVG_OK, "merged is valid");
	for (i = 0; i < NUNITS; i++)
		CHECK(sides[i] == (dot_cmp(a->m.unit[i], b->m.unit[i]) >= 0 ?
						   CVG_SIDE_A : CVG_SIDE_B), "side of unit %d", i);
	return result;
}

static void
check_laws(const Pair *a, const Pair *b, const Pair *c)
{
	Pair		ab = check_merge(a, b);
	CvgSlice	ba = merged(b->bytes, a->bytes, NULL, NULL);
	CvgSlice	bc = merged(b->bytes, c->bytes, NULL, NULL);
	CvgSlice	left = merged(ab.bytes, c->bytes, NULL, NULL);
	CvgSlice	right = merged(a->bytes, bc, NULL, NULL);

	CHECK(cvg_slice_eq(ab.bytes, ba), "commutative");
	CHECK(cvg_slice_eq(left, right), "associative");
	CHECK(cvg_slice_eq(merged(a->bytes, a->bytes, NULL, NULL), a->bytes),
		  "idempotent");
	CHECK(cvg_slice_eq(merged(ab.bytes, b->bytes, NULL, NULL), ab.bytes),
		  "absorbing");
	check_queries(ab.bytes, &ab.m);
}

/* What reachable states have beyond the lattice laws. */
static void
check_reachable(const Pair *a, const Pair *b)
{
	CvgSlice	ab = merged(a->bytes, b->bytes, NULL, NULL);

	switch (cvg_rowstate_compare(a->bytes, b->bytes))
	{
		case CVG_EQUAL:
			CHECK(cvg_slice_eq(a->bytes, b->bytes), "equal clocks, equal bytes");
			break;
		case CVG_BEFORE:
			CHECK(cvg_slice_eq(ab, b->bytes), "the later one as it is");
			break;
		case CVG_AFTER:
			CHECK(cvg_slice_eq(ab, a->bytes), "the later one as it is");
			break;
		case CVG_CONCURRENT:
			CHECK(!cvg_slice_eq(ab, a->bytes) && !cvg_slice_eq(ab, b->bytes),
				  "more than either");
			break;
	}
}

/* A world of nodes that write and merge; every state they reach. */
static int
reachable_states(Pair *pool)
{
	Pair		nodes[NREPLICAS] = {{{0}}};
	int			nnodes = unit_below(10) == 0 ? NREPLICAS : 2 + unit_below(3);
	int			nunits = nnodes == NREPLICAS ? NUNITS : 3;
	int64		step = unit_below(3) == 0 ? 3 : INT64CONST(1) << unit_below(40);
	int64		clock = unit_below(3) == 0 ? PG_INT64_MAX - POOL * (step + 1) : 0;
	int			n;
	int			i;

	for (n = 0; n < POOL; n++)
	{
		int			at = unit_below(nnodes);
		Pair	   *node = &nodes[at];

		if (unit_below(2) == 0)
			*node = check_merge(node, &nodes[unit_below(nnodes)]);
		else
		{
			char		kind = !node->m.exists ? 'I' : "IUUUUD"[unit_below(6)];
			uint32		set = (uint32) (unit_rand() & (((uint32) 1 << nunits) - 1));
			int64		last = largest(node->m.vc).stamp;
			CvgSlice	want;

			/* clocks of nodes run apart: stamps of two nodes may be equal */
			last = Max(last, clock) + 1 + (int64) (unit_rand() % (uint64) step);
			clock = unit_below(2) ? last - 1 : clock;
			node->bytes = written(node->bytes, kind, ids[at], last, set);
			model_write(&node->m, kind, at, last, set);
			want = model_bytes(&node->m);
			CHECK(cvg_slice_eq(node->bytes, want), "bytes after %c", kind);
		}
		check_queries(node->bytes, &node->m);
		pool[n] = *node;
	}
	for (i = 0; i < POOL; i++)
		CHECK(!pool[i].m.exists ||
			  cvg_rowstate_validate(pool[i].bytes, NULL) == CVG_OK, "valid");
	return POOL;
}

static void
test_random(int cases)
{
	static Pair pool[POOL];
	int			i;
	int			k;

	for (i = 0; i < cases; i += POOL)
	{
		bool		reachable = unit_below(2) == 0;
		int			width = unit_below(20) == 0 ? NREPLICAS : 3;
		int			n;

		if (reachable)
			n = reachable_states(pool);
		else
		{
			for (n = 0; n < POOL; n++)
			{
				random_model(&pool[n].m, width, unit_below(2) ? 3 : 1 << 20);
				pool[n].bytes = model_bytes(&pool[n].m);
				CHECK(cvg_rowstate_validate(pool[n].bytes, NULL) == CVG_OK,
					  "a valid state");
			}
		}
		for (k = 0; k < POOL; k++)
		{
			const Pair *a = &pool[unit_below(n)];
			const Pair *b = &pool[unit_below(n)];

			check_laws(a, b, &pool[unit_below(n)]);
			if (reachable)
				check_reachable(a, b);
		}
		gen_reset();
	}
}

/* Damaged bytes are refused, or are canonical bytes of another state. */
static void
test_damage(int samples)
{
	while (samples-- > 0)
	{
		Model		m;

		random_model(&m, 1 + unit_below(4), unit_below(2) ? 3 : 1 << 30);
		check_damage(recode_rowstate, model_bytes(&m), "row state");
		gen_reset();
	}
}

/* Random bytes behind a good head: parsers see deep nonsense, too. */
static void
test_noise(int cases)
{
	uint8		noise[40];
	size_t		i;

	while (cases-- > 0)
	{
		size_t		len = 6 + unit_below(sizeof(noise) - 6);

		for (i = 0; i < len; i++)
			noise[i] = unit_below(3) ? (uint8) unit_below(6) : (uint8) unit_rand();
		noise[0] = CVG_ROWSTATE_VERSION;
		noise[1] = (uint8) unit_below(4);
		noise[2] = 1;
		noise[3] = 1;
		noise[4] = 'a';
		CHECK(recode_holds(recode_rowstate, cvg_slice(noise, len)), "noise");
	}
}

/* --- small worlds, exhaustively --- */

#define SMALL_NODES	3

static int64 small_leaves;

static void
check_small(Pair *nodes)
{
	int			i;
	CvgSlice	all[3];

	for (i = 0; i < SMALL_NODES; i++)
	{
		Pair	   *a = &nodes[i];
		Pair	   *b = &nodes[(i + 1) % SMALL_NODES];
		Pair	   *c = &nodes[(i + 2) % SMALL_NODES];

		check_reachable(a, b);
		all[i] = merged(merged(a->bytes, b->bytes, NULL, NULL), c->bytes, NULL, NULL);
	}
	CHECK(cvg_slice_eq(all[0], all[1]) && cvg_slice_eq(all[1], all[2]),
		  "three nodes, any order");
	small_leaves++;
}

/*
 * Every history of "depth" more steps: a write of any kind at any node, or a
 * merge from any node into another.  Stamps are the step number, or the
 * smallest possible, so that ties between replicas are among them.
 */
static void
small_worlds(const Pair *nodes, int depth, int64 step)
{
	static const char kinds[] = "IUVD";
	size_t		mark = gen_used;
	int			n;
	int			k;

	for (n = 0; n < SMALL_NODES; n++)
	{
		for (k = 0; k < 4 + SMALL_NODES; k++)
		{
			Pair		next[SMALL_NODES];
			char		kind = k < 4 ? kinds[k] : 'M';
			uint32		set = kind == 'V' ? 2 : 1;
			int64		stamp;

			memcpy(next, nodes, sizeof(next));
			if (kind == 'M')
			{
				if (k - 4 == n || !nodes[k - 4].m.exists)
					continue;
				next[n] = check_merge(&nodes[n], &nodes[k - 4]);
			}
			else
			{
				if ((kind != 'I') != nodes[n].m.exists && kind != 'I')
					continue;
				if (kind == 'I' && nodes[n].m.exists && !is_deleted(&nodes[n].m))
					continue;
				stamp = step % 2 ? step : largest(nodes[n].m.vc).stamp + 1;
				stamp = Max(stamp, largest(nodes[n].m.vc).stamp + 1);
				kind = kind == 'V' ? 'U' : kind;
				next[n].bytes = written(next[n].bytes, kind, ids[n], stamp, set);
				model_write(&next[n].m, kind, n, stamp, set);
			}
			if (depth > 1)
				small_worlds(next, depth - 1, step + 1);
			else
				check_small(next);
			while (gen_used > (int) mark)
				free(gen_arena[--gen_used]);
		}
	}
}

static void
test_small_worlds(int depth)
{
	Pair		nodes[SMALL_NODES] = {{{0}}};
	int			i;

	small_leaves = 0;
	small_worlds(nodes, depth, 1);

	/* once more, from a row that all of them have */
	nodes[0].bytes = written(nodes[0].bytes, 'I', ids[0], 1, 0);
	model_write(&nodes[0].m, 'I', 0, 1, 0);
	for (i = 1; i < SMALL_NODES; i++)
		nodes[i] = nodes[0];
	small_worlds(nodes, depth, 2);
	gen_reset();
	printf("   %d small worlds\n", (int) small_leaves);
}

/* --- single facts --- */

static bool
prints(CvgSlice state, const char *want)
{
	CvgBuf		buf;
	bool		same;

	cvg_buf_init(&buf);
	cvg_rowstate_print(state, &buf);
	same = cvg_slice_eq(cvg_buf_slice(&buf), cvg_slice_cstring(want));
	if (!same)
		printf("got  %.*s\nwant %s\n", (int) buf.len, buf.data, want);
	cvg_buf_free(&buf);
	return same;
}

static bool
bytes_are(CvgSlice state, const char *data, size_t len)
{
	return cvg_slice_eq(state, cvg_slice(data, len));
}

/* The format as written in rowstate_codec.c: it may not drift. */
static void
test_golden(void)
{
	CvgSlice	none = cvg_slice(NULL, 0);
	CvgSlice	a = written(none, 'I', cvg_slice_cstring("a"), 5, 0);
	CvgSlice	b = written(a, 'U', cvg_slice_cstring("b"), 300, 2);
	CvgSlice	c = written(b, 'D', cvg_slice_cstring("a"), 301, 0);
	CvgSlice	d = written(c, 'I', cvg_slice_cstring("b"), 302, 0);
	CvgBuf		buf;

	CHECK(bytes_are(a, "\x20\0\0\5\1a", 6), "insert");
	CHECK(prints(a, "{a:5} birth a:5"), "insert");
	CHECK(bytes_are(b, "\x20\x09\0\xce\4\0\2\5\x0a\x0b\x0c\x0e\1a\1b", 16), "update");
	CHECK(prints(b, "{a:5,b:300} birth a:5 units 0a0b0c0e=b:300"), "update");
	CHECK(bytes_are(c, "\x21\x09\xd0\4\xce\4\0\2\5\x0a\x0b\x0c\x0e\1a\1b"
					"\2\1\xa8\2\2\1\0\2\1\xa8\2\2\0", 30), "delete");
	CHECK(prints(c, "{a:301,b:300} birth a:5 units 0a0b0c0e=b:300"
				 " w {a:5,b:300} d {a:301} o {a:5,b:300} e {}"), "delete");
	CHECK(prints(d, "{a:301,b:302} birth b:302 w {a:5,b:302} d {a:301}"
				 " o {a:5,b:300} e {a:301}"), "re-insert");
	CHECK(prints(none, "{}"), "no row");
	CHECK(prints(cvg_slice("x", 1), "(invalid)"), "garbage");

	cvg_buf_init(&buf);
	cvg_rowstate_birth_bytes(d, &buf);
	CHECK(bytes_are(cvg_buf_slice(&buf), "\1b\0\0\0\0\0\0\1\x2e", 10), "birth bytes");
	cvg_buf_free(&buf);
	gen_reset();
}

static CvgStatus
status_of(const char *data, size_t len)
{
	return cvg_rowstate_validate(cvg_slice(data, len), NULL);
}

/* Each rule of the format, broken alone. */
static void
test_refused(void)
{
	CHECK(status_of("", 0) == CVG_E_TRUNCATED, "empty");
	CHECK(status_of("\x40\0\0\5\1a", 6) == CVG_E_VERSION, "version");
	CHECK(status_of("\x30\0\0\5\1a", 6) == CVG_E_VERSION, "reserved flag");
	CHECK(status_of("\x20\7\x88\x4e\0\5\1a", 8) == CVG_E_TRUNCATED, "replicas beyond the end");
	CHECK(status_of("\x20\7\x89\x4e\0\5\1a", 8) == CVG_E_LIMIT, "replicas beyond the limit");
	CHECK(status_of("\x20\x80\x64\0\5\1a", 7) == CVG_E_TRUNCATED, "units beyond the end");
	CHECK(status_of("\x20\x88\x90\x03\0\5\1a", 8) == CVG_E_LIMIT, "units beyond the limit");
	CHECK(status_of("\x20\0\0\5", 4) == CVG_E_TRUNCATED, "no id");
	CHECK(status_of("\x20\0\0\5\1 ", 6) == CVG_E_BAD_ID, "bad id");
	CHECK(status_of("\x20\0\0\0\1a", 6) == CVG_E_MALFORMED, "birth 0");
	CHECK(status_of("\x20\0\0\x85\0\1a", 7) == CVG_E_NOT_CANONICAL, "overlong birth");
	CHECK(status_of("\x20\0\1\5\1a", 6) == CVG_E_MALFORMED, "birth after the clock");
	CHECK(status_of("\x20\1\0\0\2\5\1a\1b", 10) == CVG_E_LIMIT, "birth of no replica");
	CHECK(status_of("\x20\1\0\0\0\5\1b\1a", 10) == CVG_E_NOT_CANONICAL, "ids descend");
	CHECK(status_of("\x20\1\0\0\0\5\1a\1a", 10) == CVG_E_NOT_CANONICAL, "id twice");
	CHECK(status_of("\x20\1\0\x09\0\5\1a\1b", 10) == CVG_E_MALFORMED, "stamp below 1");
	CHECK(status_of("\x20\x08\2\2\5\0\0\0\7\1a", 11) == CVG_E_MALFORMED, "dot of no replica");
	CHECK(status_of("\x20\x08\2\1\0\5\0\0\0\7\1a", 12) == CVG_E_NOT_CANONICAL, "dot 0 below");
	CHECK(status_of("\x20\x08\2\1\6\5\0\0\0\7\1a", 12) == CVG_E_MALFORMED, "dot below 1");
	CHECK(status_of("\x20\0\0\5\1a\0", 7) == CVG_E_TRAILING, "more bytes");
	CHECK(status_of("\x20\x08\2\0\5\0\0\0\7\1a", 11) == CVG_OK, "a unit");
	CHECK(status_of("\x20\x08\0\0\5\0\0\0\7\1a", 11) == CVG_E_NOT_CANONICAL, "unit not above birth");
	CHECK(status_of("\x20\x08\2\0\5\0\0\0\0\1a", 11) == CVG_E_NOT_CANONICAL, "unit 0");
	CHECK(status_of("\x20\x10\2\0\0\5\0\0\0\7\0\0\0\7\1a", 16) == CVG_E_NOT_CANONICAL, "unit twice");
	CHECK(status_of("\x21\0\2\4\1a" "\1\1\1" "\1\0" "\1\1\1" "\0", 15) == CVG_OK, "a tombstone");
	CHECK(status_of("\x21\0\2\4\1a" "\1\0" "\0" "\0" "\0", 11) == CVG_E_NOT_CANONICAL, "no delete");
	CHECK(status_of("\x21\0\2\4\1a" "\1\1\1" "\1\1\1" "\0" "\0", 14) == CVG_E_MALFORMED, "vc above w and d");
	CHECK(status_of("\x21\0\0\5\1a" "\1\1\1" "\1\0" "\0" "\0", 13) == CVG_E_MALFORMED, "birth is no write");
	CHECK(status_of("\x21\0\2\4\1a" "\1\0" "\1\1\1" "\0" "\1\0", 14) == CVG_E_MALFORMED, "e above d");
	CHECK(status_of("\x21\0\2\4\1a" "\2\0\0" "\1\0" "\0" "\0", 13) == CVG_E_LIMIT, "clock too long");
}

static void
test_forbidden(void)
{
	CvgSlice	none = cvg_slice(NULL, 0);
	CvgSlice	a = cvg_slice_cstring("a");
	CvgSlice	row = written(none, 'I', a, 5, 0);
	uint32		zero = 0;
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(cvg_rowstate_insert(none, a, 0, &buf) == CVG_E_FORBIDDEN, "stamp 0");
	CHECK(cvg_rowstate_insert(none, cvg_slice_cstring(" "), 1, &buf) == CVG_E_BAD_ID, "id");
	CHECK(cvg_rowstate_insert(row, a, 5, &buf) == CVG_E_FORBIDDEN, "same stamp");
	CHECK(cvg_rowstate_update(row, cvg_slice_cstring("b"), 5, units, 1, &buf) ==
		  CVG_E_FORBIDDEN, "stamp not above another replica's");
	CHECK(cvg_rowstate_delete(row, a, 4, &buf) == CVG_E_FORBIDDEN, "stamp before");
	CHECK(cvg_rowstate_update(none, a, 9, units, 1, &buf) == CVG_E_FORBIDDEN, "no row");
	CHECK(cvg_rowstate_delete(none, a, 9, &buf) == CVG_E_FORBIDDEN, "no row");
	CHECK(cvg_rowstate_update(row, a, 9, &zero, 1, &buf) == CVG_E_FORBIDDEN, "unit 0");
	CHECK(cvg_rowstate_delete(cvg_slice("\x20\0", 2), a, 9, &buf) == CVG_E_TRUNCATED, "garbage");
	CHECK(cvg_rowstate_merge(row, cvg_slice("\x20\0", 2), NULL, 0, NULL, NULL, &buf) ==
		  CVG_E_TRUNCATED, "garbage");
	CHECK(buf.len == 0, "nothing written");
	cvg_buf_free(&buf);
	gen_reset();
}

/* Units in any order, more than fit the parser's room, up to the limit. */
static void
test_many_units(void)
{
	CvgSlice	a = cvg_slice_cstring("a");
	CvgSlice	row = written(cvg_slice(NULL, 0), 'I', a, 5, 0);
	uint32		many[CVG_MAX_UNITS + 1];
	CvgBuf		up;
	CvgBuf		down;
	int			i;

	cvg_buf_init(&up);
	cvg_buf_init(&down);
	for (i = 0; i <= CVG_MAX_UNITS; i++)
		many[i] = 1 + i * 7;
	CHECK(cvg_rowstate_update(row, a, 9, many, CVG_MAX_UNITS, &up) == CVG_OK, "limit");
	for (i = 0; i < CVG_MAX_UNITS; i++)
		many[CVG_MAX_UNITS - 1 - i] = 1 + i * 7;
	CHECK(cvg_rowstate_update(row, a, 9, many, CVG_MAX_UNITS, &down) == CVG_OK, "descending");
	CHECK(cvg_slice_eq(cvg_buf_slice(&up), cvg_buf_slice(&down)), "any order");
	CHECK(cvg_rowstate_validate(cvg_buf_slice(&up), NULL) == CVG_OK, "valid");
	cvg_buf_reset(&down);
	CHECK(cvg_rowstate_update(row, a, 9, many, CVG_MAX_UNITS + 1, &down) == CVG_E_LIMIT,
		  "one more");
	CHECK(down.len == 0, "nothing written");
	cvg_buf_free(&up);
	cvg_buf_free(&down);
	gen_reset();
}

/* What a row may cost, with stamps of today and writes months apart. */
static void
test_sizes(void)
{
	int64		today = INT64CONST(838000000000000);
	int64		month = INT64CONST(2592000000000);
	CvgSlice	none = cvg_slice(NULL, 0);
	CvgSlice	one = written(none, 'I', cvg_slice_cstring("london"), today, 0);
	CvgSlice	two = written(one, 'U', cvg_slice_cstring("london"), today + month, 1);
	CvgSlice	three;

	three = written(none, 'I', cvg_slice_cstring("tokyo"), today, 0);
	three = written(three, 'U', cvg_slice_cstring("paris"), today + month, 1);
	three = written(three, 'U', cvg_slice_cstring("milan"), today + 5 * month, 2);
	printf("   bytes: inserted %zu, updated %zu, three writers %zu\n",
		   one.len, two.len, three.len);
	CHECK(one.len <= 24, "%zu", one.len);
	CHECK(two.len <= 29, "%zu", two.len);
	CHECK(three.len <= 64, "%zu", three.len);
	gen_reset();
}

int
main(void)
{
	int			cases = unit_env_cases(100000);

	unit_start(unit_env_seed());
	make_names();
	test_golden();
	test_refused();
	test_forbidden();
	test_many_units();
	test_sizes();
	test_damage(cases / 500);
	test_noise(cases);
	test_small_worlds(cases >= 100000 ? 4 : 3);
	test_random(cases);
	return unit_done();
}
