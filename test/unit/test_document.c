/*
 * test_document.c: collaborative text against a tree of single characters
 * that is built anew from the operations, by the rules as they are published.
 *
 * The model knows, for each operation, the characters that it inserted (each
 * with its parent in the tree and its side) and those that it deleted.  The
 * text of a set of operations is a walk of the tree of all characters in
 * them, without those deleted.
 */
#include "crdt.h"
#include "recode.h"
#include "core/diff.h"
#include "core/document.h"

/* Operation and offset; op -1 is the start. */
typedef struct Id
{
	int			op;
	int			offset;
} Id;

typedef struct Char
{
	Id			id;
	Id			parent;
	bool		left;
	char		bytes[5];
} Char;

typedef struct ModelOp
{
	Char	   *chars;
	int			nchars;
	Id		   *dead;
	int			ndead;
	Id		   *local;			/* what its writer saw afterwards */
	int			nlocal;
} ModelOp;

/* All characters of a set of operations, in the order of the text. */
typedef struct Text
{
	const Char **chars;
	bool	   *dead;
	int			n;
} Text;

enum
{
	INSERT,
	TYPE,
	TYPE_BACKWARDS,
	DELETE,
	EDIT,
	KINDS
};

static ModelOp model[MAX_OPS];
static const World *world;
static bool small = false;		/* no chance: kinds alone say what is done */

/* --- the model ------------------------------------------------------------ */

typedef struct Child
{
	const Char *c;
	struct Child *next;
	struct Child *left;
	struct Child *right;
	bool		dead;
} Child;

static int
dot_cmp(const Char *a, const Char *b)
{
	CvgDot		da = world->log[a->id.op].dot;
	CvgDot		db = world->log[b->id.op].dot;
	int			c = cvg_dot_cmp(da.stamp, da.replica, db.stamp, db.replica);

	return c ? c : a->id.offset - b->id.offset;
}

static void
add_sibling(Child **list, Child *child)
{
	while (*list && dot_cmp((*list)->c, child->c) < 0)
		list = &(*list)->next;
	child->next = *list;
	*list = child;
}

static void
walk(Text *t, Child *node)
{
	for (; node; node = node->next)
	{
		walk(t, node->left);
		t->dead[t->n] = node->dead;
		t->chars[t->n++] = node->c;
		walk(t, node->right);
	}
}

static bool
same_id(Id a, Id b)
{
	return a.op == b.op && a.offset == b.offset;
}

/* The text is good until the next call. */
static Text
model_text(const OpSet *ops, const ModelOp *pending, int npending)
{
	static Child *nodes[MAX_OPS + 1];
	static Child *pool = NULL;
	static int	pool_size = 0;
	static Text t;
	Child	   *start = NULL;
	int			total = 0;
	int			i;
	int			j;

	for (i = 0; i <= npending; i++)
	{
		const ModelOp *m = i == npending ? pending : opset_has(ops, i) ? &model[i] : NULL;

		total += m ? m->nchars : 0;
	}
	if (total >= pool_size)
	{
		pool_size = total * 2 + 100;
		pool = realloc(pool, sizeof(Child) * pool_size);
		t.chars = realloc(t.chars, sizeof(Char *) * pool_size);
		t.dead = realloc(t.dead, pool_size);
	}
	memset(pool, 0, sizeof(Child) * total);
	total = 0;
	for (i = 0; i <= npending; i++)
	{
		const ModelOp *m = i == npending ? pending : opset_has(ops, i) ? &model[i] : NULL;

		nodes[i] = pool + total;
		for (j = 0; m && j < m->nchars; j++)
		{
			Child	   *c = &pool[total++];
			Id			p = m->chars[j].parent;

			c->c = &m->chars[j];
			add_sibling(p.op < 0 ? &start : c->c->left ? &nodes[p.op][p.offset].left : &nodes[p.op][p.offset].right, c);
		}
	}
	for (i = 0; i <= npending; i++)
	{
		const ModelOp *m = i == npending ? pending : opset_has(ops, i) ? &model[i] : NULL;

		for (j = 0; m && j < m->ndead; j++)
			nodes[m->dead[j].op][m->dead[j].offset].dead = true;
	}
	t.n = 0;
	walk(&t, start);
	return t;
}

/* Index of the visible character number n, from 0. */
static int
visible(const Text *t, int n)
{
	int			i;

	for (i = 0; i < t->n; i++)
	{
		if (!t->dead[i] && n-- == 0)
			return i;
	}
	return -1;
}

static int
visible_count(const Text *t)
{
	int			n = 0;
	int			i;

	for (i = 0; i < t->n; i++)
		n += !t->dead[i];
	return n;
}

static CvgSlice
visible_text(const Text *t)
{
	CvgBuf		buf;
	int			i;

	cvg_buf_init(&buf);
	for (i = 0; i < t->n; i++)
	{
		if (!t->dead[i])
			cvg_put_bytes(&buf, t->chars[i]->bytes, strlen(t->chars[i]->bytes));
	}
	return gen_take(&buf);
}

static int
char_len(const uint8 *p)
{
	return *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
}

static int
char_count(CvgSlice s)
{
	size_t		i;
	int			n = 0;

	for (i = 0; i < s.len; i += char_len(s.data + i))
		n++;
	return n;
}

static bool
has_right_child(const Text *t, Id id)
{
	int			i;

	for (i = 0; i < t->n; i++)
	{
		if (!t->chars[i]->left && same_id(t->chars[i]->parent, id))
			return true;
	}
	return false;
}

/* Weidner, Kleppmann 2023, algorithm 1, one character at a time. */
static void
model_insert(const OpSet *seen, ModelOp *m, int op, int pos, CvgSlice text)
{
	size_t		i;

	for (i = 0; i < text.len; i += char_len(text.data + i))
	{
		Text		t = model_text(seen, m, op);
		Char	   *c = &m->chars[m->nchars];
		int			at = pos > 0 ? visible(&t, pos - 1) : -1;

		memset(c, 0, sizeof(*c));
		c->id.op = op;
		c->id.offset = m->nchars;
		c->parent.op = -1;
		if (at >= 0)
			c->parent = t.chars[at]->id;
		if (has_right_child(&t, c->parent))
		{
			c->parent = t.chars[at + 1]->id;
			c->left = true;
		}
		memcpy(c->bytes, text.data + i, char_len(text.data + i));
		m->nchars++;
		pos++;
	}
}

static void
model_delete(const OpSet *seen, ModelOp *m, int op, int pos, int len)
{
	Text		t = model_text(seen, m, op);

	while (len-- > 0)
		m->dead[m->ndead++] = t.chars[visible(&t, pos++)]->id;
}

/* --- operations ------------------------------------------------------------ */

static CvgSlice
some_text(int max)
{
	static const char *const chars[] = {"a", "b", "c", "\"", "\\", "\n", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	CvgBuf		buf;
	int			n = 1 + unit_below(max);

	cvg_buf_init(&buf);
	while (n-- > 0)
	{
		const char *c = chars[unit_below(gen_chance(50) ? 3 : lengthof(chars))];

		cvg_put_bytes(&buf, c, strlen(c));
	}
	return gen_take(&buf);
}

static CvgSlice
char_slice(CvgSlice s, int from, int n)
{
	const uint8 *p = s.data;
	const uint8 *q;

	while (from-- > 0)
		p += char_len(p);
	for (q = p; n > 0; n--)
		q += char_len(q);
	return cvg_slice(p, q - p);
}

/* Some text near to this one. */
static CvgSlice
changed_text(CvgSlice s)
{
	CvgBuf		buf;
	int			n = char_count(s);
	int			i;

	cvg_buf_init(&buf);
	for (i = 0; i < n; i++)
	{
		if (!small && gen_chance(20))
			cvg_print_slice(&buf, some_text(2));
		if (small ? i > 0 : gen_chance(80))
			cvg_print_slice(&buf, char_slice(s, i, 1));
	}
	if (small || gen_chance(20))
		cvg_print_slice(&buf, cvg_slice_cstring("Q"));
	return gen_take(&buf);
}

static uint32 *
points(CvgSlice s, int *n)
{
	uint32	   *p = gen_alloc(sizeof(uint32) * s.len);
	size_t		i;

	*n = 0;
	for (i = 0; i < s.len; i += char_len(s.data + i))
	{
		p[*n] = 0;
		memcpy(&p[(*n)++], s.data + i, char_len(s.data + i));
	}
	return p;
}

static CvgStatus
apply_edit(CvgSlice value, Op *op, ModelOp *m, int index, const Text *t, CvgBuf *out)
{
	CvgSlice	old = visible_text(t);	/* first of all: t is gone soon */
	CvgSlice	new = changed_text(old);
	CvgDiff    *script;
	int			na;
	int			nb;
	uint32	   *a = points(old, &na);
	uint32	   *b = points(new, &nb);
	int			n = cvg_diff(a, na, b, nb, &script);
	int			shift = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		model_insert(&op->seen, m, index, script[i].a + shift, char_slice(new, script[i].b, script[i].blen));
		model_delete(&op->seen, m, index, script[i].a + shift + script[i].blen, script[i].alen);
		shift += script[i].blen - script[i].alen;
	}
	pfree(script);
	return cvg_document_edit(value, op->dot, new, out);
}

/* Where this replica wrote last, or anywhere. */
static int
last_position(const Text *t, CvgSlice replica, bool backwards)
{
	const Char *last = NULL;
	int			position = 0;
	int			n = 0;
	int			i;

	for (i = 0; i < t->n; i++)
	{
		const Char *c = t->chars[i];

		if (cvg_slice_eq(world->log[c->id.op].dot.replica, replica) && !t->dead[i] &&
			(!last || dot_cmp(c, last) > 0))
		{
			last = c;
			position = n + !backwards;
		}
		n += !t->dead[i];
	}
	return last ? position : unit_below(n + 1);
}

static CvgStatus
apply(CvgSlice value, Op *op, CvgBuf *out)
{
	ModelOp		m;
	Text		t;
	int			index;
	int			n;
	int			pos;
	CvgSlice	text;
	CvgStatus	status;

	/* the first operation of a world shows where it is */
	if (world == NULL || op < world->log || op >= world->log + MAX_OPS)
		world = (const World *) op;
	index = (int) (op - world->log);
	memset(&m, 0, sizeof(m));
	t = model_text(&op->seen, NULL, index);
	n = visible_count(&t);
	m.chars = gen_alloc(sizeof(Char) * (n * 3 + 64));
	m.dead = gen_alloc(sizeof(Id) * (n + 1));
	switch (n > 40 ? DELETE : op->kind)	/* long histories of short texts */
	{
		case INSERT:
		case TYPE:
		case TYPE_BACKWARDS:
			pos = small ? n / 2 : unit_below(n + 1);
			if (op->kind != INSERT)
				pos = small ? (op->kind == TYPE ? n : 0) :
					last_position(&t, op->dot.replica, op->kind == TYPE_BACKWARDS);
			text = small ? cvg_slice_cstring(op->kind == INSERT ? "ab" : "x") :
				some_text(op->kind == INSERT ? 3 : 1);
			model_insert(&op->seen, &m, index, pos, text);
			status = cvg_document_insert(value, op->dot, pos, text, out);
			break;
		case DELETE:
			if (n == 0)
				return CVG_E_FORBIDDEN;
			pos = small ? (n - 1) / 2 : unit_below(n);
			n = small ? 1 : 1 + unit_below(n > 40 ? n - pos : Min(n - pos, 4));
			model_delete(&op->seen, &m, index, pos, n);
			status = cvg_document_delete(value, pos, n, out);
			break;
		default:
			status = apply_edit(value, op, &m, index, &t, out);
	}
	t = model_text(&op->seen, &m, index);
	m.local = gen_alloc(sizeof(Id) * (t.n + 1));
	for (pos = 0; pos < t.n; pos++)
	{
		if (!t.dead[pos])
			m.local[m.nlocal++] = t.chars[pos]->id;
	}
	model[index] = m;
	return status;
}

/*
 * The strong specification of a list (Attiya et al. 2016): what a writer saw
 * is in the same order wherever it is.
 */
static bool
is_consistent(const Text *t, const ModelOp *m)
{
	int			next = 0;
	int			i;

	for (i = 0; i < t->n && next < m->nlocal; i++)
	{
		if (same_id(t->chars[i]->id, m->local[next]))
			next++;
	}
	return next == m->nlocal;
}

static bool
is_document(CvgSlice value, const World *w, const OpSet *ops)
{
	Text		t;
	CvgBuf		buf;
	bool		same;
	int			i;

	world = w;
	t = model_text(ops, NULL, w->nops);
	cvg_buf_init(&buf);
	cvg_document_text(value, &buf);
	same = cvg_slice_eq(cvg_buf_slice(&buf), visible_text(&t));
	cvg_buf_free(&buf);
	for (i = 0; i < w->nops && same; i++)
	{
		if (opset_has(ops, i))
			same = is_consistent(&t, &model[i]);
	}
	return same && cvg_document_length(value) == visible_count(&t);
}

static const CrdtType document = {&cvg_document_ops, KINDS, apply, is_document};

/* --- by hand ----------------------------------------------------------------- */

static CvgSlice
text_of(CvgSlice d)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_document_text(d, &buf);
	return gen_take(&buf);
}

static bool
reads(CvgSlice d, const char *text)
{
	return cvg_slice_eq(text_of(d), cvg_slice_cstring(text));
}

static CvgSlice
insert(CvgSlice d, const char *replica, CvgStamp stamp, int64 pos, CvgSlice text)
{
	CvgDot		dot = {cvg_slice_cstring(replica), stamp};
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(cvg_document_insert(d, dot, pos, text, &buf) == CVG_OK);
	return gen_take(&buf);
}

static CvgSlice
del(CvgSlice d, int64 pos, int64 len)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(cvg_document_delete(d, pos, len, &buf) == CVG_OK);
	return gen_take(&buf);
}

static CvgSlice
edit(CvgSlice d, const char *replica, CvgStamp stamp, const char *text)
{
	CvgDot		dot = {cvg_slice_cstring(replica), stamp};
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(cvg_document_edit(d, dot, cvg_slice_cstring(text), &buf) == CVG_OK);
	return gen_take(&buf);
}

static CvgSlice
new_document(const char *text)
{
	return insert(crdt_bottom(&cvg_document_ops), "a", 1, 0, cvg_slice_cstring(text));
}

/* A word, character by character, forwards or backwards. */
static CvgSlice
type(CvgSlice d, const char *replica, CvgStamp stamp, int pos, const char *word, bool backwards)
{
	int			n = (int) strlen(word);
	int			i;

	for (i = 0; i < n; i++)
		d = insert(d, replica, stamp + i, backwards ? pos : pos + i,
				   cvg_slice(word + (backwards ? n - 1 - i : i), 1));
	return d;
}

/*
 * Kleppmann, Gomes, Mulligan, Beresford 2019: two words typed at one place
 * at the same time do not become a mixture of both.  Typed backwards it
 * was a defect of most algorithms (Weidner, Kleppmann 2023).
 */
static void
test_interleaving(void)
{
	CvgSlice	d = new_document("Hello!");
	CvgSlice	gap = del(new_document("Hello dear!"), 5, 5);
	int			way;

	for (way = 0; way < 4; way++)
	{
		CvgSlice	m = crdt_merge(type(d, "b", 10, 5, " reader", way & 1),
								   type(d, "c", 12, 5, " Alice", way & 2));

		CHECK(reads(m, "Hello reader Alice!") || reads(m, "Hello Alice reader!"), "%s", crdt_text(m));
		m = crdt_merge(type(gap, "b", 20, 5, " reader", way & 1), type(gap, "c", 10, 5, " Alice", way & 2));
		CHECK(reads(m, "Hello reader Alice!") || reads(m, "Hello Alice reader!"), "%s", crdt_text(m));
	}
	gen_reset();
}

static bool
contains(CvgSlice text, const char *word)
{
	size_t		len = strlen(word);
	size_t		i;

	for (i = 0; i + len <= text.len; i++)
	{
		if (memcmp(text.data + i, word, len) == 0)
			return true;
	}
	return false;
}

/*
 * The same in random texts full of deletions: three writers, each forwards,
 * backwards or at once, at one place; their words stay whole.
 */
static void
test_random_interleaving(int cases)
{
	static const char *const words[] = {"12345", "ABCD", "uvwxyz"};
	static const char *const replicas[] = {"a", "b", "c"};

	while (cases-- > 0)
	{
		CvgSlice	d = crdt_bottom(&cvg_document_ops);
		CvgSlice	m;
		CvgSlice	text;
		int			n = 0;
		int			steps = 1 + unit_below(8);
		CvgStamp	stamp = 1;
		int			i;
		int			pos;

		for (; steps > 0; steps--)
		{
			if (n > 2 && gen_chance(50))
			{
				pos = unit_below(n);
				d = del(d, pos, 1);
				n--;
			}
			else
			{
				d = insert(d, replicas[unit_below(3)], stamp++, unit_below(n + 1), cvg_slice_cstring("..."));
				n += 3;
			}
		}
		pos = unit_below(n + 1);
		m = d;
		for (i = 0; i < 3; i++)
		{
			CvgStamp	at = 100 + unit_below(20);

			m = crdt_merge(m, gen_chance(20) ? insert(d, replicas[i], at, pos, cvg_slice_cstring(words[i])) :
						   type(d, replicas[i], at, pos, words[i], gen_chance(50)));
		}
		text = text_of(m);
		for (i = 0; i < 3; i++)
			CHECK(contains(text, words[i]), "%s", crdt_text(m));
		gen_reset();
	}
}

/*
 * Intentions are kept: the example of Sun et al. 1998, an insertion into
 * text that is deleted meanwhile, and changes at the same place.
 */
static void
test_concurrent(void)
{
	CvgSlice	d = new_document("ABCDE");
	CvgSlice	m = crdt_merge(insert(d, "b", 10, 1, cvg_slice_cstring("12")), del(d, 2, 2));

	CHECK(reads(m, "A12BE"), "%s", crdt_text(m));
	m = crdt_merge(insert(d, "b", 10, 3, cvg_slice_cstring("12")), del(d, 1, 3));
	CHECK(reads(m, "A12E"), "%s", crdt_text(m));
	m = crdt_merge(del(d, 1, 3), del(d, 2, 3));
	CHECK(reads(m, "A"), "deleted twice is deleted once: %s", crdt_text(m));
	m = crdt_merge(edit(d, "b", 10, "AxxE"), edit(d, "c", 11, "AyyE"));
	CHECK(reads(m, "AxxyyE"), "both replaced the same: %s", crdt_text(m));
	m = crdt_merge(edit(d, "b", 10, "A-BCDE"), edit(d, "c", 11, "ABCDE!"));
	CHECK(reads(m, "A-BCDE!"), "%s", crdt_text(m));
	/* an old state brings nothing back */
	CHECK(reads(crdt_merge(d, del(d, 0, 5)), ""));
	CHECK(reads(crdt_merge(d, crdt_merge(d, edit(d, "b", 3, "X"))), "X"));
	gen_reset();
}

/* Deltas of a history in any order, some twice: the same in the end. */
static void
test_any_order(int cases)
{
	static World w;

	while (cases-- > 0)
	{
		CvgSlice	deltas[40];
		CvgSlice	d;
		CvgSlice	before;
		CvgSlice	other = crdt_bottom(&cvg_document_ops);
		int			n = 2 + unit_below(lengthof(deltas) - 2);
		int			i;

		world_init(&w, &document, 1);
		world = &w;
		d = w.states[0].value;
		for (i = 0; i < n; i++)
		{
			before = w.states[0].value;
			world_update(&w, &document, 0, unit_below(3), i == 0 ? INSERT : unit_below(KINDS));
			deltas[i] = crdt_delta(before, w.states[0].value);
		}
		d = w.states[0].value;
		for (i = 0; i < n; i++)
		{
			int			j = i + unit_below(n - i);
			CvgSlice	swap = deltas[i];

			deltas[i] = deltas[j];
			deltas[j] = swap;
			other = crdt_merge(other, deltas[i]);
			if (gen_chance(20))
				other = crdt_merge(deltas[unit_below(i + 1)], other);
			if (gen_chance(10))
				check_laws(&document, other, deltas[unit_below(n)], d);
		}
		CHECK(same(other, d), "%s\n%s", crdt_text(other), crdt_text(d));
		gen_reset();
	}
}

/* Two histories that use the same dots for different things: laws all the same. */
static void
test_forged(int cases)
{
	static World w[2];
	CrdtType	lax = document;
	int			i;

	lax.is_model = any_state;
	while (cases-- > 0)
	{
		for (i = 0; i < 2; i++)
		{
			uint64		seed = unit_rand();

			unit_state = seed;
			world = NULL;
			world_init(&w[i], &lax, 3);
			w[i].now = 1;
			while (w[i].nops < 6)
			{
				int			s = unit_below(3);

				if (gen_chance(30))
					world_merge(&w[i], s, unit_below(3));
				else
					world_update(&w[i], &lax, s, s, unit_below(KINDS));
			}
		}
		check_laws(&document, w[0].states[0].value, w[1].states[0].value, w[gen_chance(50)].states[1].value);
		check_laws(&document, crdt_merge(w[0].states[0].value, w[1].states[1].value),
				   crdt_delta(w[0].states[2].value, w[1].states[2].value), w[1].states[0].value);
		gen_reset();
	}
}

/* --- numbers ------------------------------------------------------------------ */

static CvgSlice
long_text(size_t n)
{
	uint8	   *p = gen_alloc(n);
	size_t		i;

	for (i = 0; i < n; i++)
		p[i] = (uint8) "abcdefghij klmno\n"[unit_below(17)];
	return cvg_slice(p, n);
}

static void
test_size(void)
{
	CvgStamp	now = INT64CONST(770000000000000);
	CvgSlice	d = insert(crdt_bottom(&cvg_document_ops), "london", now, 0, long_text(100000));
	CvgSlice	before = d;
	CvgSlice	delta;
	int			i;

	CHECK(d.len < 100000 + 40, "%zu", d.len);
	d = insert(d, "paris", now + 1000000, 50000, cvg_slice_cstring("x"));
	delta = crdt_delta(before, d);
	CHECK(delta.len < 60, "%zu", delta.len);
	before = d;
	d = del(d, 20000, 500);
	CHECK(crdt_delta(before, d).len < 40, "%zu", crdt_delta(before, d).len);
	CHECK(d.len < 100000 - 500 + 100);

	/* a fifth of a second between two characters */
	d = crdt_bottom(&cvg_document_ops);
	for (i = 0; i < 2000; i++)
		d = insert(d, "london", now += 200000, i, cvg_slice_cstring("x"));
	CHECK(d.len < 2000 * 4 + 50, "%zu", d.len);
	d = del(d, 0, 2000);
	CHECK(d.len < 2000 * 4 + 50, "%zu", d.len);
	gen_reset();

	/* a megabyte, and a replacement of all of it */
	d = insert(crdt_bottom(&cvg_document_ops), "a", 1, 0, long_text(1000000));
	d = insert(d, "b", 2, 500000, cvg_slice_cstring("middle"));
	CHECK(cvg_document_length(d) == 1000006);
	before = long_text(1000000);
	{
		CvgDot		dot = {cvg_slice_cstring("b"), 3};
		CvgBuf		buf;

		cvg_buf_init(&buf);
		CHECK(cvg_document_edit(d, dot, before, &buf) == CVG_OK);
		d = gen_take(&buf);
	}
	CHECK(cvg_slice_eq(text_of(d), before));
	gen_reset();
}

static void
test_refused(void)
{
	static const char *const bad[] = {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80", "a\x80"};
	CvgSlice	d = new_document("abc");
	CvgDot		dot = {cvg_slice_cstring("b"), 10};
	CvgDot		old = {cvg_slice_cstring("b"), 1};
	CvgDot		nobody = {cvg_slice(NULL, 0), 10};
	CvgSlice	x = cvg_slice_cstring("x");
	CvgBuf		buf;
	int			i;

	cvg_buf_init(&buf);
	CHECK(cvg_document_insert(d, dot, -1, x, &buf) == CVG_E_OVERFLOW);
	CHECK(cvg_document_insert(d, dot, 4, x, &buf) == CVG_E_OVERFLOW);
	CHECK(cvg_document_insert(d, old, 0, x, &buf) == CVG_E_FORBIDDEN);
	CHECK(cvg_document_insert(d, nobody, 0, x, &buf) == CVG_E_BAD_ID);
	CHECK(cvg_document_delete(d, 4, 1, &buf) == CVG_E_OVERFLOW);
	CHECK(cvg_document_delete(d, -1, 1, &buf) == CVG_E_OVERFLOW);
	CHECK(cvg_document_delete(d, 0, -1, &buf) == CVG_E_OVERFLOW);
	CHECK(cvg_document_insert(d, dot, 0, cvg_slice("\0", 1), &buf) == CVG_E_SYNTAX);
	for (i = 0; i < lengthof(bad); i++)
	{
		CHECK(cvg_document_insert(d, dot, 0, cvg_slice_cstring(bad[i]), &buf) == CVG_E_SYNTAX, "%d", i);
		CHECK(cvg_document_edit(d, dot, cvg_slice_cstring(bad[i]), &buf) == CVG_E_SYNTAX, "%d", i);
	}
	CHECK(cvg_document_insert(d, dot, 0, cvg_slice(gen_alloc(1), 0), &buf) == CVG_OK);
	CHECK(same(gen_take(&buf), d), "nothing inserted is no change");
	CHECK(reads(del(d, 1, 1000), "a"), "to the end");
	gen_reset();

	/* a value has a largest size */
	d = insert(crdt_bottom(&cvg_document_ops), "a", 1, 0, long_text(CVG_CRDT_MAX_BYTES - 100));
	cvg_buf_init(&buf);
	CHECK(cvg_document_insert(d, dot, 0, long_text(100), &buf) == CVG_E_LIMIT);
	CHECK(buf.len == 0);
	cvg_buf_free(&buf);
	gen_reset();
}

/* --- codec ---------------------------------------------------------------------- */

static void
test_text(void)
{
	static const char *const good[] = {"document \"\" {}",
		"document \"ab\" {a@5 start \"ab\"}",
		"document \"axb\" {a@5 start \"ab\", b@6 before a@5:1 \"x\"}",
		"document \"\" {a@5 after b@3:7 \"ab\"}",
		"document \"b\" {a@5 start -1 \"b\" deleted 7-9 11}",
		"document \"\" {a@5 deleted 0}",
		"document \"q\\\"\\\\\\n\\r\\t\" {a@5 start \"q\\\"\\\\\\n\\r\\t\"}",
		"document \"abc\" {a@5 start \"ab\", a@6 after a@5:1 \"c\"}",
	"document \"abc\" {a@5 start \"ab\", a@6 after a@5:0 \"c\" -2}"};
	static const char *const bad[] = {"", "document", "document \"\"", "document \"\" {", "document \"a\" {}",
		"document \"a\" {a@5 start \"b\"}", "document \"a\" {a@5 start}", "document \"\" {a@5}",
		"document \"\" {a@5 start \"\"}", "document \"\" {a@5 start -0}",
		"document \"ab\" {a@5 start \"a\", a@5 start \"b\"}", "document \"ab\" {b@5 start \"a\", a@5 start \"b\"}",
		"document \"\" {a@5 after a@5:0 \"b\"}", "document \"\" {a@5 after b@6:0 \"b\"}",
		"document \"\" {a@5 start -1 deleted 0}", "document \"\" {a@5 deleted 4-3}", "document \"\" {a@5 deleted 4 4}",
		"document \"\" {a@5 deleted 67108864}", "document \"\" {a@5 start -67108865}",
	"document \"\\x\" {a@5 start \"\\x\"}", "document \"a\" {a@5 start \"a\"} x", "document \"\xff\" {a@5 start \"\xff\"}"};
	CvgError	err;
	int			i;

	for (i = 0; i < lengthof(good); i++)
	{
		CvgSlice	d = crdt_parse(&cvg_document_ops, good[i], &err);

		CHECK(d.len > 0, "%s: %s", good[i], cvg_status_message(err.status));
		if (d.len > 0)
			CHECK(strcmp(crdt_text(d), good[i]) == 0, "%s", crdt_text(d));
	}
	for (i = 0; i < lengthof(bad); i++)
		CHECK(crdt_parse(&cvg_document_ops, bad[i], &err).len == 0, "%s", bad[i]);
	gen_reset();
}

static void
test_plain(void)
{
	static const char *const plain[] = {"", " two  words ", "document", "document \"x\" is this", "{a}", "\xf0\x9f\x98\x80"};
	static const char *const bad[] = {"document \"x\" {", "document \"x", " document \"x\" {a@5 start \"y\"}", "\xff"};
	CvgDotSupply dots = {gen_next_dots, 5};
	CvgError	err;
	int			i;

	for (i = 0; i < lengthof(plain); i++)
	{
		CvgBuf		buf;
		CvgSlice	d;

		cvg_buf_init(&buf);
		CHECK(cvg_crdt_parse_plain(&cvg_document_ops, cvg_slice_cstring(plain[i]), &dots, &buf, &err) == CVG_OK, "%s", plain[i]);
		d = gen_take(&buf);
		CHECK(reads(d, plain[i]), "%s", plain[i]);
		CHECK(cvg_crdt_is_plain(d));
	}
	for (i = 0; i < lengthof(bad); i++)
	{
		CvgBuf		buf;

		cvg_buf_init(&buf);
		CHECK(cvg_crdt_parse_plain(&cvg_document_ops, cvg_slice_cstring(bad[i]), &dots, &buf, &err) != CVG_OK, "%s", bad[i]);
		CHECK(buf.len == 0);
		cvg_buf_free(&buf);
	}
	gen_reset();
}

/*
 * Plain assignment is an edit; a state read earlier adds what is in it and
 * takes nothing away.
 */
static void
test_assign(void)
{
	CvgDotSupply dots = {gen_next_dots, 100};
	CvgSlice	d = new_document("one two three");
	CvgSlice	later = insert(d, "b", 10, 13, cvg_slice_cstring(" four"));
	CvgSlice	plain = insert(crdt_bottom(&cvg_document_ops), "c", 90, 0, cvg_slice_cstring("one 2 three"));
	CvgSlice	assigned;
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(cvg_crdt_assign(d, plain, true, &dots, &buf) == CVG_OK);
	assigned = gen_take(&buf);
	CHECK(reads(assigned, "one 2 three"));
	CHECK(reads(crdt_merge(assigned, later), "one 2 three four"), "%s", crdt_text(crdt_merge(assigned, later)));
	cvg_buf_init(&buf);
	CHECK(cvg_crdt_assign(later, d, false, &dots, &buf) == CVG_OK);
	CHECK(same(gen_take(&buf), later));
	cvg_buf_init(&buf);
	CHECK(cvg_crdt_assign(d, crdt_bottom(&cvg_document_ops), true, &dots, &buf) == CVG_OK);
	CHECK(reads(gen_take(&buf), ""));
	gen_reset();
}

static void
test_damage(void)
{
	CvgSlice	d = new_document("ab\xc3\xa9" "cd");
	CvgSlice	e;

	check_damage(recode_crdt, d, "inserted");
	d = type(d, "a", 300, 2, "xyz", false);
	d = type(d, "bc", 70000, 3, "uv", true);
	d = del(d, 1, 3);
	e = edit(d, "d", 80000, "Qa-cd!");
	check_damage(recode_crdt, e, "document");
	check_damage(recode_crdt, crdt_delta(d, e), "delta");
	check_damage(recode_crdt, crdt_delta(new_document("ab\xc3\xa9" "cd"), d), "delta without its base");
	gen_reset();
}

/* Runs are whole, in order, and cover the text. */
static void
test_authors(int cases)
{
	static World w;

	while (cases-- > 0)
	{
		CvgDocumentRun *runs;
		CvgBuf		text;
		int			n;
		int			i;
		int64		position = 0;
		size_t		byte = 0;

		world_init(&w, &document, 1);
		world = &w;
		for (i = 0; i < 12; i++)
			world_update(&w, &document, 0, unit_below(3), unit_below(KINDS));
		cvg_buf_init(&text);
		runs = cvg_document_authors(w.states[0].value, &n, &text);
		CHECK(cvg_slice_eq(cvg_buf_slice(&text), text_of(w.states[0].value)));
		for (i = 0; i < n; i++)
		{
			CHECK(runs[i].position == position && runs[i].byte == byte && runs[i].len > 0);
			CHECK(char_count(cvg_slice(text.data + byte, runs[i].nbytes)) == runs[i].len);
			CHECK(i == 0 || !cvg_slice_eq(runs[i].replica, runs[i - 1].replica));
			position += runs[i].len;
			byte += runs[i].nbytes;
		}
		CHECK(byte == text.len);
		if (runs)
			pfree(runs);
		cvg_buf_free(&text);
		gen_reset();
	}
}

/* --- diff ------------------------------------------------------------------------ */

static int
lcs(const uint32 *a, int na, const uint32 *b, int nb)
{
	static int	best[40][40];
	int			i;
	int			j;

	for (i = na; i >= 0; i--)
	{
		for (j = nb; j >= 0; j--)
			best[i][j] = i == na || j == nb ? 0 :
				a[i] == b[j] ? 1 + best[i + 1][j + 1] : Max(best[i + 1][j], best[i][j + 1]);
	}
	return best[0][0];
}

/* The script makes b of a; returns its insertions and deletions. */
static int
check_script(const uint32 *a, int na, const uint32 *b, int nb)
{
	CvgDiff    *script;
	int			n = cvg_diff(a, na, b, nb, &script);
	int			total = 0;
	int			i = 0;
	int			j = 0;
	int			k;

	for (k = 0; k <= n; k++)
	{
		int			to = k < n ? script[k].a : na;

		CHECK(k == 0 || k == n || to > i, "hunks are apart");
		CHECK((k < n ? script[k].b : nb) - j == to - i);
		for (; i < to; i++, j++)
			CHECK(a[i] == b[j]);
		if (k < n)
		{
			CHECK(script[k].alen + script[k].blen > 0);
			i += script[k].alen;
			j += script[k].blen;
			total += script[k].alen + script[k].blen;
		}
	}
	pfree(script);
	return total;
}

static void
test_diff(int cases)
{
	uint32		a[32];
	uint32		b[32];
	uint32	   *x;
	uint32	   *y;
	int			i;

	while (cases-- > 0)
	{
		int			na = unit_below(32);
		int			nb = unit_below(32);
		int			letters = 1 + unit_below(5);

		for (i = 0; i < 32; i++)
		{
			a[i] = unit_below(letters);
			b[i] = gen_chance(70) ? a[i] : unit_below(letters);
		}
		CHECK(check_script(a, na, b, nb) == na + nb - 2 * lcs(a, na, b, nb), "shortest");
	}

	/* too far apart: all between what is equal at both ends */
	x = gen_alloc(sizeof(uint32) * 10000);
	y = gen_alloc(sizeof(uint32) * 10000);
	for (i = 0; i < 10000; i++)
	{
		x[i] = i;
		y[i] = i < 100 || i >= 9900 ? i : 20000 + i;
	}
	CHECK(check_script(x, 10000, y, 10000) == 2 * 9800);
	/* far enough to be worth it */
	for (i = 0; i < 10000; i++)
		y[i] = i % 25 ? x[i] : 20000 + i;
	CHECK(check_script(x, 10000, y, 10000) == 2 * 400);
	gen_reset();
}

int
main(void)
{
	int			cases = unit_env_cases(10000);

	test_interleaving();
	test_concurrent();
	test_text();
	test_plain();
	test_assign();
	test_damage();
	test_refused();
	test_size();
	unit_start(unit_env_seed());
	test_diff(cases);
	small = true;
	check_small(&document);
	small = false;
	check_random(&document, cases);
	check_long_branches(&document, 1);
	test_random_interleaving(cases / 10);
	test_any_order(cases / 50);
	test_forged(cases / 10);
	test_authors(cases / 100);
	return unit_done();
}
