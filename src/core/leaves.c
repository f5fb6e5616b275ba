/*-------------------------------------------------------------------------
 *
 * leaves.c
 *	  Merging of nested documents path by path (strategy jsonb_merge).
 *
 * A path is a prefix of another in bytes exactly if it is one in keys, since
 * each key begins with its length.
 *
 *-------------------------------------------------------------------------
 */
#include "core/leaves.h"

#include "core/entry.h"

int
cvg_leaf_cmp(const void *a, const void *b)
{
	return cvg_slice_cmp(((const CvgLeaf *) a)->path, ((const CvgLeaf *) b)->path);
}

int
cvg_mark_cmp(const void *a, const void *b)
{
	const CvgMark *ma = a;
	const CvgMark *mb = b;

	if (ma->id != mb->id)
		return ma->id < mb->id ? -1 : 1;
	return (int) ma->kind - (int) mb->kind;
}

static int
dot_cmp(CvgDot a, CvgDot b)
{
	return cvg_dot_cmp(a.stamp, a.replica, b.stamp, b.replica);
}

static CvgDot
later(CvgDot a, CvgDot b)
{
	return dot_cmp(a, b) >= 0 ? a : b;
}

/* The next longer path on the way to "path", from the empty one on; false at its end. */
static bool
next_ancestor(CvgSlice path, CvgSlice *ancestor)
{
	CvgReader	r;

	cvg_reader_init(&r, path);
	if (ancestor->data == NULL)
		*ancestor = cvg_slice(path.len > 0 ? (const char *) path.data : "", 0);
	else
	{
		(void) cvg_get_bytes(&r, ancestor->len);
		(void) cvg_get_slice(&r, path.len);
		ancestor->len = r.pos;
	}
	return ancestor->len < path.len;
}

static bool
is_below(CvgSlice path, CvgSlice top)
{
	return path.len > top.len && memcmp(path.data, top.data, top.len) == 0;
}

/* ----------------------------------------------------------------
 *		Marks
 * ----------------------------------------------------------------
 */

/* While they are collected, as bytes: in any order, and some more than once. */
static void
put_mark(CvgBuf *marks, CvgSlice path, CvgMarkKind kind, bool derived)
{
	CvgMark		mark;

	memset(&mark, 0, sizeof(mark));
	mark.id = cvg_unit_id(path);
	mark.kind = kind;
	mark.derived = derived;
	cvg_put_bytes(marks, &mark, sizeof(mark));
}

/* A leaf that is new, or has another value, or (not added) is there no more. */
static void
put_leaf_marks(CvgBuf *marks, const CvgLeaf *leaf, bool added, bool derived)
{
	CvgSlice	ancestor = {NULL, 0};

	if (!leaf->empty)
		put_mark(marks, leaf->path, CVG_MARK_VALUE, derived);
	else
	{
		put_mark(marks, leaf->path, CVG_MARK_BELOW, derived);
		if (added)
			put_mark(marks, leaf->path, CVG_MARK_EMPTY, derived);
	}
	while (next_ancestor(leaf->path, &ancestor))
		put_mark(marks, ancestor, CVG_MARK_BELOW, derived);
}

/* In order, each once; it is derived if any of its copies is. */
static CvgMark *
take_marks(CvgBuf *buf, int *n)
{
	int			all = (int) (buf->len / sizeof(CvgMark));
	CvgMark    *marks = palloc(sizeof(CvgMark) * (all + 1));
	int			i;

	if (all > 0)
		memcpy(marks, buf->data, buf->len);
	cvg_buf_free(buf);
	qsort(marks, all, sizeof(CvgMark), cvg_mark_cmp);
	*n = 0;
	for (i = 0; i < all; i++)
	{
		if (*n > 0 && cvg_mark_cmp(&marks[*n - 1], &marks[i]) == 0)
			marks[*n - 1].derived |= marks[i].derived;
		else
			marks[(*n)++] = marks[i];
	}
	return marks;
}

CvgMark *
cvg_leaves_changed(const CvgLeaf *old, int nold, const CvgLeaf *new, int nnew,
				   bool insert, int *nmarks)
{
	CvgBuf		buf;
	int			i = 0;
	int			j = 0;

	cvg_buf_init(&buf);
	while (i < nold || j < nnew)
	{
		int			c = i == nold ? 1 : j == nnew ? -1 : cvg_leaf_cmp(&old[i], &new[j]);
		bool		same = c == 0 && old[i].empty == new[j].empty &&
			cvg_slice_eq(old[i].value, new[j].value);

		if (c <= 0 && !same)
			put_leaf_marks(&buf, &old[i], false, false);
		if (c >= 0 && (insert || !same))
			put_leaf_marks(&buf, &new[j], true, insert);
		i += c <= 0;
		j += c >= 0;
	}
	return take_marks(&buf, nmarks);
}

int
cvg_marks_prune(CvgMark *marks, int n, CvgDot whole)
{
	int			kept = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (dot_cmp(marks[i].dot, whole) < 0)
			continue;
		/* below(p) stands before empty(p) */
		if (marks[i].kind == CVG_MARK_EMPTY && kept > 0 &&
			marks[kept - 1].id == marks[i].id && marks[kept - 1].kind == CVG_MARK_BELOW &&
			dot_cmp(marks[kept - 1].dot, marks[i].dot) > 0)
			continue;
		marks[kept++] = marks[i];
	}
	return kept;
}

int
cvg_marks_write(const CvgMark *stored, int nstored, const CvgMark *written, int nwritten,
				CvgDot dot, CvgDot whole, CvgMark *out)
{
	int			n = 0;
	int			all;
	int			i = 0;
	int			j = 0;

	while (i < nstored || j < nwritten)
	{
		int			c = i == nstored ? 1 : j == nwritten ? -1 :
			cvg_mark_cmp(&stored[i], &written[j]);

		out[n] = c < 0 ? stored[i] : written[j];
		if (c >= 0)
			out[n].dot = dot;
		n++;
		i += c <= 0;
		j += c >= 0;
	}
	all = cvg_marks_prune(out, n, whole);
	for (i = n = 0; i < all; i++)
	{
		if (!out[i].derived)
			out[n++] = out[i];
	}
	return n;
}

/* Larger dot of each mark; out has room for both. */
static int
join_marks(const CvgMark *a, int na, const CvgMark *b, int nb, CvgMark *out)
{
	int			n = 0;
	int			i = 0;
	int			j = 0;

	while (i < na || j < nb)
	{
		int			c = i == na ? 1 : j == nb ? -1 : cvg_mark_cmp(&a[i], &b[j]);
		bool		of_a = c == 0 ? dot_cmp(a[i].dot, b[j].dot) >= 0 : c < 0;

		out[n++] = of_a ? a[i] : b[j];
		i += c <= 0;
		j += c >= 0;
	}
	return n;
}

/* The marks that follow from a document, with the dot of its unit. */
static CvgMark *
derived_marks(const CvgLeaf *leaves, int n, CvgDot unit, int *nmarks)
{
	CvgMark    *marks = cvg_leaves_changed(NULL, 0, leaves, n, true, nmarks);
	int			i;

	for (i = 0; i < *nmarks; i++)
	{
		marks[i].dot = unit;
		marks[i].derived = false;
	}
	return marks;
}

/* All marks of a side: those that are stored, and those that follow from its document. */
static CvgMark *
all_marks(const CvgLeafSide *side, int *n)
{
	int			nderived;
	CvgMark    *derived = derived_marks(side->leaves, side->n, side->unit, &nderived);
	CvgMark    *out = palloc(sizeof(CvgMark) * (nderived + side->nmarks + 1));
	int			i = 0;
	int			j = 0;

	*n = 0;
	while (i < side->nmarks || j < nderived)
	{
		int			c = i == side->nmarks ? 1 : j == nderived ? -1 :
			cvg_mark_cmp(&side->marks[i], &derived[j]);

		out[(*n)++] = c <= 0 ? side->marks[i] : derived[j];
		i += c <= 0;
		j += c >= 0;
	}
	pfree(derived);
	return out;
}

/* ----------------------------------------------------------------
 *		Merging
 * ----------------------------------------------------------------
 */

typedef struct Marks
{
	int			n;
	CvgMark    *marks;
} Marks;

typedef struct Merger
{
	const CvgLeafSide *side[2];
	Marks		marks[2];
	Marks		joined;
} Merger;

/* None if there is no such mark. */
static CvgDot
mark_dot(const Marks *marks, CvgSlice path, CvgMarkKind kind)
{
	CvgMark		key = {.id = cvg_unit_id(path),.kind = kind};
	const CvgMark *found = marks->n == 0 ? NULL :
		bsearch(&key, marks->marks, marks->n, sizeof(CvgMark), cvg_mark_cmp);

	return found != NULL ? found->dot : (CvgDot) {{NULL, 0}, 0};
}

/* Is what was written there with this dot hidden by later writes? */
static bool
is_hidden(const Merger *m, CvgSlice path, CvgDot dot)
{
	CvgSlice	ancestor = {NULL, 0};

	if (dot_cmp(mark_dot(&m->joined, path, CVG_MARK_BELOW), dot) > 0)
		return true;
	while (next_ancestor(path, &ancestor))
	{
		if (ancestor.len > 0 &&
			dot_cmp(mark_dot(&m->joined, ancestor, CVG_MARK_VALUE), dot) > 0)
			return true;
	}
	return false;
}

/* When a side wrote the leaf, or that there is none. */
static CvgDot
leaf_dot(const Merger *m, int side, CvgSlice path)
{
	return later(m->side[side]->whole, mark_dot(&m->marks[side], path, CVG_MARK_VALUE));
}

/* The leaf there, from the side that wrote it later; either may be NULL, for none. */
static const CvgLeaf *
choose_leaf(const Merger *m, const CvgLeaf *a, const CvgLeaf *b)
{
	CvgSlice	path = a != NULL ? a->path : b->path;
	CvgDot		da = leaf_dot(m, 0, path);
	CvgDot		db = leaf_dot(m, 1, path);
	int			c = dot_cmp(da, db);
	const CvgLeaf *chosen = c > 0 ? a : c < 0 ? b : a != NULL ? a : b;

	return chosen == NULL || is_hidden(m, path, later(da, db)) ? NULL : chosen;
}

/* Is there an object, even if it is empty, whatever is below it? */
static bool
is_object(const Merger *m, CvgSlice path)
{
	CvgDot		dot = mark_dot(&m->joined, path, CVG_MARK_EMPTY);

	return dot.stamp != 0 &&
		dot_cmp(dot, later(m->side[0]->whole, m->side[1]->whole)) >= 0 &&
		dot_cmp(mark_dot(&m->joined, path, CVG_MARK_VALUE), dot) <= 0 &&
		!is_hidden(m, path, dot);
}

/* All objects of a document, but for the document itself. */
static CvgLeaf *
put_objects(const CvgLeafSide *side, CvgLeaf *out)
{
	int			i;

	for (i = 0; i < side->n; i++)
	{
		CvgSlice	path = side->leaves[i].path;
		CvgSlice	ancestor = {NULL, 0};

		while (next_ancestor(path, &ancestor))
		{
			/* that of the leaf before was put there already */
			if (ancestor.len > 0 &&
				(i == 0 || !is_below(side->leaves[i - 1].path, ancestor)))
				*out++ = (CvgLeaf) {ancestor,.empty = true};
		}
		if (side->leaves[i].empty)
			*out++ = (CvgLeaf) {path,.empty = true};
	}
	return out;
}

static int
count_objects(const CvgLeafSide *side)
{
	int			n = 0;
	int			i;

	for (i = 0; i < side->n; i++)
	{
		CvgSlice	ancestor = {NULL, 0};

		n++;
		while (next_ancestor(side->leaves[i].path, &ancestor))
			n++;
	}
	return n;
}

/* The values of the merged document. */
static int
merge_values(const Merger *m, CvgLeaf *out)
{
	const CvgLeafSide *a = m->side[0];
	const CvgLeafSide *b = m->side[1];
	int			n = 0;
	int			i = 0;
	int			j = 0;

	while (i < a->n || j < b->n)
	{
		const CvgLeaf *la = i < a->n ? &a->leaves[i] : NULL;
		const CvgLeaf *lb = j < b->n ? &b->leaves[j] : NULL;
		int			c = la == NULL ? 1 : lb == NULL ? -1 : cvg_leaf_cmp(la, lb);
		const CvgLeaf *chosen;

		la = c <= 0 && !la->empty ? la : NULL;
		lb = c >= 0 && !lb->empty ? lb : NULL;
		if ((la != NULL || lb != NULL) && (chosen = choose_leaf(m, la, lb)) != NULL)
			out[n++] = *chosen;
		i += c <= 0;
		j += c >= 0;
	}
	return n;
}

/* Empty objects that have something below them are no leaves. */
static int
drop_inner_objects(CvgLeaf *leaves, int n)
{
	int			kept = 0;
	int			i;

	qsort(leaves, n, sizeof(CvgLeaf), cvg_leaf_cmp);
	for (i = 0; i < n; i++)
	{
		if (i + 1 == n || !leaves[i].empty ||
			(!is_below(leaves[i + 1].path, leaves[i].path) &&
			 !cvg_slice_eq(leaves[i + 1].path, leaves[i].path)))
			leaves[kept++] = leaves[i];
	}
	return kept;
}

static void
merge_leaves(const Merger *m, CvgLeafSide *out)
{
	const CvgLeafSide *a = m->side[0];
	const CvgLeafSide *b = m->side[1];
	CvgLeaf    *objects = palloc(sizeof(CvgLeaf) * (count_objects(a) + count_objects(b) + 1));
	CvgLeaf    *last = put_objects(b, put_objects(a, objects));
	CvgLeaf    *o;

	out->leaves = palloc(sizeof(CvgLeaf) * (a->n + b->n + (last - objects) + 1));
	out->n = merge_values(m, out->leaves);
	for (o = objects; o < last; o++)
	{
		if (is_object(m, o->path))
			out->leaves[out->n++] = *o;
	}
	out->n = drop_inner_objects(out->leaves, out->n);
	pfree(objects);
}

/*
 * Which of the joined marks are stored: that do not follow from the merged
 * document.  One of the whole write's dot is only needed for what is in the
 * document, and what is not follows from that dot.
 */
static void
store_marks(const Merger *m, CvgLeafSide *out)
{
	int			nderived;
	CvgMark    *derived = derived_marks(out->leaves, out->n, out->unit, &nderived);
	int			i;
	int			j = 0;

	out->marks = palloc(sizeof(CvgMark) * (m->joined.n + 1));
	out->nmarks = 0;
	for (i = 0; i < m->joined.n; i++)
	{
		const CvgMark *mark = &m->joined.marks[i];
		bool		follows;

		while (j < nderived && cvg_mark_cmp(&derived[j], mark) < 0)
			j++;
		follows = j < nderived && cvg_mark_cmp(&derived[j], mark) == 0;
		if (follows ? dot_cmp(mark->dot, out->unit) != 0 : dot_cmp(mark->dot, out->whole) > 0)
			out->marks[out->nmarks++] = *mark;
	}
	pfree(derived);
}

void
cvg_leaves_merge(const CvgLeafSide *a, const CvgLeafSide *b, CvgLeafSide *out)
{
	Merger		m = {.side = {a, b}};

	m.marks[0].marks = all_marks(a, &m.marks[0].n);
	m.marks[1].marks = all_marks(b, &m.marks[1].n);
	m.joined.marks = palloc(sizeof(CvgMark) * (m.marks[0].n + m.marks[1].n + 1));
	out->unit = later(a->unit, b->unit);
	out->whole = later(a->whole, b->whole);
	m.joined.n = join_marks(m.marks[0].marks, m.marks[0].n, m.marks[1].marks,
							m.marks[1].n, m.joined.marks);
	m.joined.n = cvg_marks_prune(m.joined.marks, m.joined.n, out->whole);
	merge_leaves(&m, out);
	store_marks(&m, out);
	pfree(m.marks[0].marks);
	pfree(m.marks[1].marks);
	pfree(m.joined.marks);
}
