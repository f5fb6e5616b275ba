/*
 * test_leaves.c: documents that are merged path by path (jsonb_merge).
 *
 * Three replicas insert one row, each on its own or over what it has, and
 * change the document in it: leaves and whole objects are set, removed and
 * emptied, the document is replaced.  They merge rows with each other.  The
 * model is the log of these operations: a state is the set of those that it
 * contains, and what the document reads as is computed from that set, as
 * leaves.h says it.  Besides, merging is commutative, associative and
 * idempotent, and equal clocks mean equal documents and equal bytes.
 *
 * Random histories, and small worlds exhaustively: of changes to one row, and
 * of rows that are born with all pairs of small documents.
 *
 *	CASES=n histories, SEED=first seed.
 */
#include "recode.h"
#include "core/leaves.h"
#include "core/rowcell.h"

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

/* What leaves.h says that an update, or an insert, has written. */
static void
note_change(Change *c, const Doc *old, const Doc *new, bool insert)
{
	int			i;
	int			up;

	for (i = 0; i < NNODES; i++)
	{
		const Node *o = &old->nodes[i];
		const Node *n = &new->nodes[i];
		bool		is = i > 0 && is_empty(new, i);
		bool		was = i > 0 && is_empty(old, i);

		c->set[i] = (o->kind == VALUE) != (n->kind == VALUE) ||
			(o->kind == VALUE && o->value != n->value) || (insert && n->kind == VALUE);
		c->emptied[i] = is && (insert || !was);
		c->below[i] |= is != was || (insert && is);
		for (up = i; up != 0 && (c->set[i] || c->below[i] || c->emptied[i]);)
			c->below[up = parent(up)] = true;
	}
}

typedef enum How
{
	UPDATE,
	INSERT,						/* by paths */
	INSERT_WHOLE
} How;

/* The row's state after the change; paths if it is recorded by paths. */
static CvgStatus
write_state(Row *row, const Change *c, How how, CvgBuf *out)
{
	CvgLeaf		old[NNODES];
	CvgLeaf		new[NNODES];
	CvgSlice	id = cvg_slice_cstring(names[c->replica]);
	CvgCellWrite cell = {UNIT,.paths = !c->whole};
	CvgMark    *marks = NULL;
	CvgStatus	status;
	int			n = row->ops == 0 ? 0 : to_leaves(&row->doc, old);

	if (!c->whole)
	{
		marks = cvg_leaves_changed(old, n, new, to_leaves(&c->doc, new), how == INSERT, &cell.nmarks);
		cell.marks = marks;
		CHECK(cvg_rowstate_mark_count(row->state, UNIT, marks, cell.nmarks) >= 0, "no values");
	}
	if (how != UPDATE)
		status = cvg_rowstate_insert_cells(row->state, id, c->stamp, &cell, !c->whole, out);
	else
		status = cvg_rowstate_update_cells(row->state, id, c->stamp, units, c->whole, &cell,
										   !c->whole, out);
	if (marks != NULL)
		pfree(marks);
	return status;
}

/* The replica writes doc; false: nothing changes. */
static bool
write_row(int r, const Doc *doc, How how)
{
	Row		   *row = &rows[r];
	Change	   *c = &changes[nchanges];
	Doc			nothing;
	CvgBuf		out;

	if (nchanges == MAX_LOG || (how == UPDATE && same_doc(doc, &row->doc)))
		return false;
	memset(c, 0, sizeof(*c));
	memset(&nothing, 0, sizeof(nothing));
	nothing.nodes[0].kind = OBJECT;
	c->replica = r;
	c->stamp = ++now;
	c->doc = *doc;
	c->whole = how == INSERT_WHOLE || doc->nodes[0].kind != OBJECT ||
		(row->ops != 0 && row->doc.nodes[0].kind != OBJECT);
	if (!c->whole)
		note_change(c, row->ops == 0 ? &nothing : &row->doc, doc, how == INSERT);
	cvg_buf_init(&out);
	CHECK(write_state(row, c, how, &out) == CVG_OK, "write");
	CHECK(cvg_rowstate_validate(cvg_buf_slice(&out), NULL) == CVG_OK, "valid after a write");
	row->state = gen_take(&out);
	row->doc = *doc;
	row->ops |= UINT64CONST(1) << nchanges++;
	return true;
}

/* CvgRowMerge.leaves */
static bool
leaves_of(void *arg, CvgSide side, int unit, CvgLeaves *out)
{
	const Row **both = arg;

	out->leaves = gen_alloc(sizeof(CvgLeaf) * NNODES);
	out->n = to_leaves(&both[side]->doc, out->leaves);
	return true;
}

static Row
merged(const Row *a, const Row *b)
{
	const Row  *both[2] = {a, b};
	CvgSide		side;
	CvgLeaves	document;
	CvgRowMerge merge = {units, 1, &side,.leaves = leaves_of,.arg = both,.documents = &document};
	CvgBuf		out;
	Row			row = {.ops = a->ops | b->ops};

	cvg_buf_init(&out);
	CHECK(cvg_rowstate_merge_cells(a->state, b->state, &merge, &out) == CVG_OK, "merge");
	if (out.len > 0)
		CHECK(cvg_rowstate_validate(cvg_buf_slice(&out), NULL) == CVG_OK, "valid after a merge");
	row.state = gen_take(&out);
	CHECK(side <= CVG_SIDE_B || side == CVG_SIDE_DOCUMENT, "where the document is");
	row.doc = side == CVG_SIDE_A ? a->doc : b->doc;
	if (side == CVG_SIDE_DOCUMENT)
	{
		concurrent++;
		row.doc = from_leaves(document.leaves, document.n);
		pfree(document.leaves);
	}
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

/* The state with its cells taken apart and put together again. */
static CvgStatus
recode_cells(CvgSlice in, CvgBuf *out)
{
	CvgRowParts parts;
	CvgStatus	status = cvg_row_parse(in, &parts, NULL);
	int			i;

	if (status != CVG_OK)
		return status;
	for (i = 0; i < parts.ncells; i++)
	{
		CvgCell		cell;
		CvgBuf		body;

		cvg_buf_init(&body);
		cvg_cell_load(parts.cells[i].body, &cell, 0);
		cvg_cell_put(&cell, &body);
		cvg_row_set_cell(&parts, parts.cells[i].unit, &body);
		cvg_cell_free(&cell);
	}
	cvg_row_encode(&parts, out);
	cvg_row_free(&parts);
	return CVG_OK;
}

/* A state with some bytes changed is refused, or is canonical nevertheless. */
static void
check_damaged(CvgSlice state)
{
	uint8	   *copy;
	int			i;
	int			n = unit_below(3);

	if (state.len == 0)
		return;
	copy = gen_alloc(state.len);
	memcpy(copy, state.data, state.len);
	CHECK(recode_holds(recode_cells, state), "a state of its own");
	CHECK(cvg_rowstate_validate(cvg_slice(copy, unit_below((int) state.len)), NULL) != CVG_OK, "cut");
	for (i = 0; i <= n; i++)
		copy[unit_below((int) state.len)] ^= 1 << unit_below(8);
	CHECK(recode_holds(recode_cells, cvg_slice(copy, state.len)), "damaged");
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

	if (rows[r].ops == 0 || unit_below(10) == 0)
	{
		doc = random_doc();
		write_row(r, &doc, rows[r].ops == 0 ? (unit_below(4) ? INSERT : INSERT_WHOLE) : (How) unit_below(3));
		return;
	}
	while (n-- > 0 && doc.nodes[0].kind == OBJECT)
		set_node(&doc, 1 + unit_below(NNODES - 1), (Kind) unit_below(3), unit_below(100));
	write_row(r, &doc, UPDATE);
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
	check_damaged(rows[unit_below(NREPLICAS)].state);
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
			if (write_row(i, &doc, UPDATE))
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
check_small(int n, int steps, How how)
{
	Doc			doc;

	begin();
	memset(&doc, 0, sizeof(doc));
	set_node(&doc, 3, VALUE, 0);
	write_row(0, &doc, how);
	while (--n > 0)
		rows[n] = rows[0];
	small_worlds(NREPLICAS, steps);
	gen_reset();
}

/* What documents of small births have: {}, or up to two of these paths. */
static const struct
{
	int			node;
	Kind		kind;
}			born[] = {{1, VALUE}, {1, OBJECT}, {2, VALUE}, {3, VALUE}, {3, OBJECT}, {4, VALUE}, {7, VALUE}};

#define NBORN	(lengthof(born) * lengthof(born))

static Doc
born_doc(int n, int value)
{
	Doc			doc;
	int			second = n / lengthof(born);

	memset(&doc, 0, sizeof(doc));
	doc.nodes[0].kind = OBJECT;
	if (n == 0)
		return doc;
	set_node(&doc, born[n % lengthof(born)].node, born[n % lengthof(born)].kind, value);
	set_node(&doc, born[second].node, born[second].kind, value);
	return doc;
}

/*
 * Three births that know nothing of each other, by paths or (one of them) as a
 * whole, and on one side an update or a re-insert before they meet: in every
 * order, all meet the model and each other.
 */
static void
check_births(int a, int b, int c)
{
	int			whole;
	int			step;

	for (whole = 0; whole <= NREPLICAS; whole++)
	{
		for (step = 0; step < lengthof(small_steps) + 3; step++)
		{
			int			docs[NREPLICAS] = {a, b, c};
			Row			all;
			Doc			doc;
			int			used = gen_used;
			int			i;

			begin();
			for (i = 0; i < NREPLICAS; i++)
			{
				doc = born_doc(docs[i], i);
				write_row(i, &doc, i + 1 == whole ? INSERT_WHOLE : INSERT);
			}
			note_row(&rows[0]);
			i = (a + b + c) % NREPLICAS;
			if (step < lengthof(small_steps))
			{
				doc = rows[i].doc;
				set_node(&doc, small_steps[step].node, small_steps[step].kind, 9);
				write_row(i, &doc, UPDATE);
			}
			else
			{
				/* over its own row, or one that has met another */
				if (step > lengthof(small_steps))
					rows[i] = merged(&rows[i], &rows[(i + step) % NREPLICAS]);
				note_row(&rows[i]);
				doc = born_doc((a * 5 + b * 3 + c) % NBORN, 9);
				write_row(i, &doc, INSERT);
			}
			check_laws(&rows[0], &rows[1], &rows[2]);
			for (i = 0; i < NREPLICAS; i++)
			{
				all = merged(&rows[i], &rows[(i + 1) % NREPLICAS]);
				note_row(&all);
				all = merged(&rows[(i + 2) % NREPLICAS], &all);
				note_row(&all);
			}
			gen_release(used);
		}
	}
}

static void
check_all_births(int every)
{
	int			n = 0;
	int			a;
	int			b;
	int			c;

	for (a = 0; a < NBORN; a++)
	{
		for (b = 0; b < NBORN; b++)
		{
			for (c = 0; c < NBORN; c++)
			{
				if (n++ % every == 0)
					check_births(a, b, c);
			}
		}
	}
	gen_reset();
}

/* What a row takes that was born once: the flag, until two births have met. */
static void
check_bytes(void)
{
	Doc			doc = born_doc(1, 1);
	size_t		plain;
	Row			met;

	begin();
	write_row(0, &doc, INSERT_WHOLE);
	plain = rows[0].state.len;
	begin();
	write_row(0, &doc, INSERT);
	CHECK(rows[0].state.len == plain + 7, "%d bytes more", (int) (rows[0].state.len - plain));
	doc = born_doc(2, 2);
	write_row(1, &doc, INSERT);
	met = merged(&rows[0], &rows[1]);
	note_row(&met);
	gen_reset();
}

int
main(void)
{
	uint64		seed = unit_env_seed();
	int			cases = unit_env_cases(10000);
	int			i;

	unit_start(seed);
	check_bytes();
	check_small(3, cases >= 100000 ? 5 : cases >= 1000 ? 4 : 3, INSERT);
	check_small(3, 3, INSERT_WHOLE);
	check_all_births(cases >= 100000 ? 11 : 997);
	for (i = 0; i < cases; i++)
		random_history(seed + i);
	printf("   %d histories, %lld concurrent merges\n", cases, (long long) concurrent);
	CHECK(concurrent > 0);
	return unit_done();
}
