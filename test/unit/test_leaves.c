/*
 * test_leaves.c: documents that are merged path by path (jsonb_merge).
 *
 * Three replicas change one document in one row: leaves and whole objects
 * are set, removed and emptied, the document is replaced.  They merge rows
 * with each other.  The model is the log of these operations: a state is the
 * set of those that it contains, and what the document reads as is computed
 * from that set, as leaves.h says it.  Besides, merging is commutative,
 * associative and idempotent, and equal clocks mean equal documents.
 *
 * Random histories, and small worlds exhaustively.
 *
 *	CASES=n histories, SEED=first seed.
 */
#include "gen.h"
#include "core/leaves.h"

#define NREPLICAS	3
#define MAX_LOG		40
#define DEPTH		3
#define NNODES		15			/* the document, and paths of up to three of the keys a, b */
#define UNIT		0x51

/* What a path of a document is. */
typedef enum Kind
{
	NOTHING,
	OBJECT,
	VALUE
} Kind;

typedef struct Node
{
	Kind		kind;
	int			value;
} Node;

/* Node 0 is the document; the members of node i are 2 i + 1 and 2 i + 2. */
typedef struct Doc
{
	Node		nodes[NNODES];
} Doc;

typedef struct Change
{
	int			replica;
	int64		stamp;
	bool		whole;
	bool		below[NNODES];
	bool		emptied[NNODES];
	bool		set[NNODES];	/* to a value, or from one */
	Doc			doc;			/* after it */
	uint64		seen;
} Change;

typedef struct Row
{
	CvgSlice	state;
	Doc			doc;
	uint64		ops;
} Row;

static const char *const names[NREPLICAS] = {"a", "bb", "c"};
static const uint32 units[1] = {UNIT};
static Change changes[MAX_LOG];
static int	nchanges;
static Row	rows[NREPLICAS];
static Row	seen[MAX_LOG * 2];
static int	nseen;
static int64 now;
static int64 concurrent;

static CvgSlice
column(void)
{
	return cvg_slice_cstring("doc");
}

static int
parent(int node)
{
	return (node - 1) / 2;
}

static bool
is_inside(int node, int top)
{
	while (node > top)
		node = parent(node);
	return node == top;
}

static bool
has_members(const Doc *doc, int node)
{
	return 2 * node + 2 < NNODES &&
		(doc->nodes[2 * node + 1].kind != NOTHING || doc->nodes[2 * node + 2].kind != NOTHING);
}

static bool
is_empty(const Doc *doc, int node)
{
	return doc->nodes[node].kind == OBJECT && !has_members(doc, node);
}

static bool
same_doc(const Doc *a, const Doc *b)
{
	int			i;

	for (i = 0; i < NNODES; i++)
	{
		if (a->nodes[i].kind != b->nodes[i].kind ||
			(a->nodes[i].kind == VALUE && a->nodes[i].value != b->nodes[i].value))
			return false;
	}
	return true;
}

static const char *
show(const Doc *doc)
{
	static char buf[4][NNODES * 6];
	static int	n = 0;
	char	   *p = buf[n = (n + 1) % 4];
	int			i;

	for (i = 0; i < NNODES; i++)
	{
		if (doc->nodes[i].kind != NOTHING)
			p += sprintf(p, doc->nodes[i].kind == OBJECT ? "%d{} " : "%d=%d ", i, doc->nodes[i].value);
	}
	*p = '\0';
	return buf[n];
}

/* --- documents as leaves and back --- */

static void
put_path(CvgBuf *path, int node)
{
	if (node == 0)
		return;
	put_path(path, parent(node));
	cvg_put_slice(path, cvg_slice_cstring(node % 2 == 1 ? "a" : "b"));
}

static int
to_leaves(const Doc *doc, CvgLeaf *leaves)
{
	int			n = 0;
	int			i;

	for (i = 0; i < NNODES; i++)
	{
		CvgBuf		path;

		if (doc->nodes[i].kind != VALUE && (i == 0 || !is_empty(doc, i)))
			continue;
		cvg_buf_init(&path);
		put_path(&path, i);
		memset(&leaves[n], 0, sizeof(CvgLeaf));
		leaves[n].path = gen_take(&path);
		leaves[n].empty = doc->nodes[i].kind == OBJECT;
		if (!leaves[n].empty)
			leaves[n].value = gen_copy(cvg_slice(&doc->nodes[i].value, sizeof(int)));
		n++;
	}
	qsort(leaves, n, sizeof(CvgLeaf), cvg_leaf_cmp);
	return n;
}

static Doc
from_leaves(const CvgLeaf *leaves, int n)
{
	Doc			doc;
	int			i;

	memset(&doc, 0, sizeof(doc));
	doc.nodes[0].kind = OBJECT;
	for (i = 0; i < n; i++)
	{
		CvgReader	r;
		int			node = 0;

		cvg_reader_init(&r, leaves[i].path);
		while (!cvg_reader_at_end(&r))
		{
			CHECK(doc.nodes[node].kind != VALUE, "a leaf inside another");
			doc.nodes[node].kind = OBJECT;
			node = 2 * node + (cvg_get_slice(&r, 1).data[0] == 'a' ? 1 : 2);
		}
		CHECK(node == 0 || doc.nodes[node].kind == NOTHING, "a leaf twice, or around others");
		CHECK(i == 0 || cvg_leaf_cmp(&leaves[i - 1], &leaves[i]) < 0, "leaves in order");
		doc.nodes[node].kind = leaves[i].empty ? OBJECT : VALUE;
		if (!leaves[i].empty)
			memcpy(&doc.nodes[node].value, leaves[i].value.data, sizeof(int));
	}
	return doc;
}

/* --- operations --- */

static void
clear_below(Doc *doc, int node)
{
	int			i;

	for (i = node + 1; i < NNODES; i++)
	{
		if (is_inside(i, node))
			doc->nodes[i].kind = NOTHING;
	}
}

/* Make a path something else; what it is in becomes objects. */
static void
set_node(Doc *doc, int node, Kind kind, int value)
{
	int			up;

	clear_below(doc, node);
	for (up = node; up != 0 && kind != NOTHING;)
	{
		up = parent(up);
		doc->nodes[up].kind = OBJECT;
	}
	doc->nodes[node].kind = kind;
	doc->nodes[node].value = kind == VALUE ? value : 0;
}

/* What leaves.h says that an update has written, from the two documents. */
static void
note_change(Change *c, const Doc *old, const Doc *new)
{
	int			i;
	int			up;

	for (i = 0; i < NNODES; i++)
	{
		const Node *o = &old->nodes[i];
		const Node *n = &new->nodes[i];

		c->set[i] = (o->kind == VALUE) != (n->kind == VALUE) ||
			(o->kind == VALUE && o->value != n->value);
		c->emptied[i] = i > 0 && is_empty(new, i) && !is_empty(old, i);
		c->below[i] |= i > 0 && is_empty(new, i) != is_empty(old, i);
		for (up = i; up != 0 && (c->set[i] || c->below[i] || c->emptied[i]);)
			c->below[up = parent(up)] = true;
	}
}

/* The replica writes doc; false: nothing changes. */
static bool
write_row(int r, const Doc *doc, bool insert)
{
	Row		   *row = &rows[r];
	Change	   *c = &changes[nchanges];
	CvgLeaf		old[NNODES];
	CvgLeaf		new[NNODES];
	uint32	   *ids;
	int			n;
	CvgBuf		out;
	CvgStatus	status;

	if (nchanges == MAX_LOG || (!insert && same_doc(doc, &row->doc)))
		return false;
	memset(c, 0, sizeof(*c));
	c->replica = r;
	c->stamp = ++now;
	c->doc = *doc;
	c->seen = row->ops;
	c->whole = insert || doc->nodes[0].kind != OBJECT || row->doc.nodes[0].kind != OBJECT;
	cvg_buf_init(&out);
	if (insert)
		status = cvg_rowstate_insert(row->state, cvg_slice_cstring(names[r]), c->stamp, &out);
	else if (c->whole)
		status = cvg_rowstate_update(row->state, cvg_slice_cstring(names[r]), c->stamp, units, 1, &out);
	else
	{
		note_change(c, &row->doc, doc);
		ids = cvg_leaves_changed(column(), old, to_leaves(&row->doc, old), new,
								 to_leaves(doc, new), &n);
		status = cvg_rowstate_update(row->state, cvg_slice_cstring(names[r]), c->stamp, ids, n, &out);
		pfree(ids);
	}
	CHECK(status == CVG_OK, "write");
	row->state = gen_take(&out);
	row->doc = *doc;
	row->ops |= UINT64CONST(1) << nchanges++;
	return true;
}

static Row
merged(const Row *a, const Row *b)
{
	CvgSide		side;
	CvgOrder	order;
	CvgLeaf		la[NNODES];
	CvgLeaf		lb[NNODES];
	CvgLeafSide sa = {a->state, la, to_leaves(&a->doc, la)};
	CvgLeafSide sb = {b->state, lb, to_leaves(&b->doc, lb)};
	CvgLeaf    *leaves;
	CvgBuf		out;
	Row			row = {.ops = a->ops | b->ops};
	int			n;

	cvg_buf_init(&out);
	CHECK(cvg_rowstate_merge(a->state, b->state, units, 1, &side, &order, &out) == CVG_OK, "merge");
	row.state = gen_take(&out);
	if (order != CVG_CONCURRENT)
	{
		row.doc = order == CVG_BEFORE ? b->doc : a->doc;
		return row;
	}
	concurrent++;
	leaves = cvg_leaves_merge(column(), UNIT, &sa, &sb, &n);
	row.doc = from_leaves(leaves, n);
	pfree(leaves);
	return row;
}

/* --- the model --- */

/* The later of two operations, -1 being none. */
static int
later_op(int a, int b)
{
	if (a < 0 || b < 0)
		return Max(a, b);
	return cvg_dot_cmp(changes[a].stamp, cvg_slice_cstring(names[changes[a].replica]),
					   changes[b].stamp, cvg_slice_cstring(names[changes[b].replica])) >= 0 ? a : b;
}

/* The latest operation of the set that wrote a mark; whole counts if so. */
static int
latest_op(uint64 ops, size_t mark, int node, bool whole)
{
	int			latest = -1;
	int			i;

	for (i = 0; i < nchanges; i++)
	{
		const bool *marks = (const bool *) ((const char *) &changes[i] + mark);

		if (((ops >> i) & 1) && ((whole && changes[i].whole) || marks[node]))
			latest = later_op(latest, i);
	}
	return latest;
}

#define LATEST(ops, mark, node, whole) latest_op(ops, offsetof(Change, mark), node, whole)

static bool
hidden_by_model(uint64 ops, int node, int by)
{
	int			up;

	if (later_op(LATEST(ops, below, node, false), by) != by)
		return true;
	for (up = node; up > 0;)
	{
		up = parent(up);
		if (later_op(LATEST(ops, set, up, false), by) != by)
			return true;
	}
	return false;
}

static Doc
model_doc(uint64 ops)
{
	Doc			doc;
	int			i;
	int			up;

	memset(&doc, 0, sizeof(doc));
	doc.nodes[0].kind = OBJECT;
	for (i = 0; i < NNODES; i++)
	{
		int			by = LATEST(ops, set, i, true);
		bool		value = by >= 0 && changes[by].doc.nodes[i].kind == VALUE;

		if (value && !hidden_by_model(ops, i, by))
			doc.nodes[i] = changes[by].doc.nodes[i];
		by = LATEST(ops, emptied, i, true);
		if (i > 0 && by >= 0 && is_empty(&changes[by].doc, i) &&
			later_op(LATEST(ops, set, i, false), by) == by && !hidden_by_model(ops, i, by))
			doc.nodes[i].kind = OBJECT;
	}
	for (i = 0; i < NNODES; i++)
	{
		for (up = i; up > 0 && doc.nodes[i].kind != NOTHING;)
			doc.nodes[up = parent(up)].kind = OBJECT;
	}
	return doc;
}

/* --- histories --- */

static void
note_row(const Row *row)
{
	Doc			want;
	int			i;

	if (row->ops == 0)
		return;
	want = model_doc(row->ops);
	CHECK(same_doc(&row->doc, &want), "model: %s, found: %s", show(&want), show(&row->doc));
	for (i = 0; i < nseen; i++)
	{
		if (seen[i].ops == row->ops)
		{
			CHECK(same_doc(&seen[i].doc, &row->doc) && cvg_slice_eq(seen[i].state, row->state),
				  "equal clocks: %s and %s", show(&seen[i].doc), show(&row->doc));
			return;
		}
	}
	if (nseen < lengthof(seen))
		seen[nseen++] = *row;
}

static void
check_laws(const Row *a, const Row *b, const Row *c)
{
	Row			ab = merged(a, b);
	Row			ba = merged(b, a);
	Row			bc = merged(b, c);
	Row			left = merged(&ab, c);
	Row			right = merged(a, &bc);
	Row			twice = merged(&ab, b);

	CHECK(same_doc(&ab.doc, &ba.doc) && cvg_slice_eq(ab.state, ba.state), "commutative: %s, %s",
		  show(&ab.doc), show(&ba.doc));
	CHECK(same_doc(&left.doc, &right.doc) && cvg_slice_eq(left.state, right.state),
		  "associative: %s, %s", show(&left.doc), show(&right.doc));
	CHECK(same_doc(&twice.doc, &ab.doc) && cvg_slice_eq(twice.state, ab.state), "idempotent");
}

static void
begin(void)
{
	memset(rows, 0, sizeof(rows));
	nchanges = nseen = 0;
	now = 1000;
}

static Doc
random_doc(void)
{
	Doc			doc;
	int			n = unit_below(5);

	memset(&doc, 0, sizeof(doc));
	doc.nodes[0].kind = OBJECT;
	if (unit_below(5) == 0)
		set_node(&doc, 0, VALUE, unit_below(100));
	while (n-- > 0)
		set_node(&doc, 1 + unit_below(NNODES - 1), unit_below(4) ? VALUE : OBJECT, unit_below(100));
	return doc;
}

static void
random_write(int r)
{
	Doc			doc = rows[r].doc;
	int			n = 1 + unit_below(2);

	if (rows[r].ops == 0 || unit_below(15) == 0)
	{
		doc = random_doc();
		write_row(r, &doc, rows[r].ops == 0 || unit_below(2) == 0);
		return;
	}
	while (n-- > 0 && doc.nodes[0].kind == OBJECT)
		set_node(&doc, 1 + unit_below(NNODES - 1), (Kind) unit_below(3), unit_below(100));
	write_row(r, &doc, false);
}

static void
random_history(uint64 seed)
{
	int			steps = 4 + unit_below(20);

	unit_start(seed);
	begin();
	while (steps-- > 0)
	{
		int			r = unit_below(NREPLICAS);

		if (unit_below(5) < 3)
			random_write(r);
		else
			rows[r] = merged(&rows[r], &rows[unit_below(NREPLICAS)]);
		note_row(&rows[r]);
	}
	check_laws(&rows[0], &rows[1], &rows[2]);
	if (nseen > 0)
		check_laws(&seen[unit_below(nseen)], &seen[unit_below(nseen)], &seen[unit_below(nseen)]);
	gen_reset();
}

/* What is done to which path in small worlds: a, a.a and a.b. */
static const struct
{
	int			node;
	Kind		kind;
}			small_steps[] = {{1, VALUE}, {1, NOTHING}, {1, OBJECT}, {3, VALUE}, {3, NOTHING}, {4, VALUE}};

static void
small_worlds(int n, int steps)
{
	Row			saved;
	Row			all;
	int			used = gen_used;
	int			i;
	int			j;

	if (steps == 0)
	{
		check_laws(&rows[0], &rows[1], &rows[n - 1]);
		all = merged(&rows[n - 1], &rows[0]);
		all = merged(&all, &rows[1]);
		note_row(&all);
		gen_release(used);
		return;
	}
	for (i = 0; i < n; i++)
	{
		saved = rows[i];
		for (j = 0; j < lengthof(small_steps); j++)
		{
			Doc			doc = rows[i].doc;

			set_node(&doc, small_steps[j].node, small_steps[j].kind, nchanges);
			if (write_row(i, &doc, false))
			{
				nseen = 0;
				note_row(&rows[i]);
				small_worlds(n, steps - 1);
				nchanges--;
			}
			rows[i] = saved;
		}
		for (j = 0; j < n; j++)
		{
			if (i == j)
				continue;
			rows[i] = merged(&rows[i], &rows[j]);
			nseen = 0;
			note_row(&rows[i]);
			if (rows[i].ops != saved.ops)
				small_worlds(n, steps - 1);
			rows[i] = saved;
		}
	}
	gen_release(used);
}

/* All begin with {"a": {"a": 0}}; each path meets what hides it and returns. */
static void
check_small(int n, int steps)
{
	Doc			doc;

	begin();
	memset(&doc, 0, sizeof(doc));
	set_node(&doc, 3, VALUE, 0);
	write_row(0, &doc, true);
	while (--n > 0)
		rows[n] = rows[0];
	small_worlds(NREPLICAS, steps);
	gen_reset();
}

int
main(void)
{
	uint64		seed = unit_env_seed();
	int			cases = unit_env_cases(10000);
	int			i;

	unit_start(seed);
	check_small(3, cases >= 100000 ? 5 : cases >= 1000 ? 4 : 3);
	for (i = 0; i < cases; i++)
		random_history(seed + i);
	printf("   %d histories, %lld concurrent merges\n", cases, (long long) concurrent);
	CHECK(concurrent > 0);
	return unit_done();
}
