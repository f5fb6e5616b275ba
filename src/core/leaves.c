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
#include "core/rowstate_codec.h"

/* Behind a path, for the ids of marks: no key begins with these alone. */
#define MARK_BELOW	0xff
#define MARK_EMPTY	0xfe

int
cvg_leaf_cmp(const void *a, const void *b)
{
	return cvg_slice_cmp(((const CvgLeaf *) a)->path, ((const CvgLeaf *) b)->path);
}

/* mark: 0 for value() */
static uint32
path_unit(CvgSlice column, CvgSlice path, uint8 mark)
{
	CvgBuf		buf;
	uint32		id;

	cvg_buf_init(&buf);
	cvg_put_slice(&buf, column);
	cvg_put_bytes(&buf, path.data, path.len);
	if (mark != 0)
		cvg_put_u8(&buf, mark);
	id = cvg_unit_id(cvg_buf_slice(&buf));
	cvg_buf_free(&buf);
	return id;
}

/* The next longer path on the way to "path", from the empty one on; false at its end. */
static bool
next_ancestor(CvgSlice path, CvgSlice *ancestor)
{
	CvgReader	r;

	cvg_reader_init(&r, path);
	if (ancestor->data == NULL)
		*ancestor = cvg_slice(path.data, 0);
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
 *		Recording
 * ----------------------------------------------------------------
 */

static int
id_cmp(const void *a, const void *b)
{
	uint32		ia = *(const uint32 *) a;
	uint32		ib = *(const uint32 *) b;

	return ia < ib ? -1 : (ia > ib ? 1 : 0);
}

static void
put_id(CvgBuf *ids, uint32 id)
{
	cvg_put_bytes(ids, &id, sizeof(id));
}

/* A leaf that is in one of the documents only, or has another value. */
static void
put_change(CvgBuf *ids, CvgSlice column, const CvgLeaf *leaf, bool added)
{
	CvgSlice	ancestor = {NULL, 0};

	if (!leaf->empty)
		put_id(ids, path_unit(column, leaf->path, 0));
	else
	{
		put_id(ids, path_unit(column, leaf->path, MARK_BELOW));
		if (added)
			put_id(ids, path_unit(column, leaf->path, MARK_EMPTY));
	}
	while (next_ancestor(leaf->path, &ancestor))
		put_id(ids, path_unit(column, ancestor, MARK_BELOW));
}

uint32 *
cvg_leaves_changed(CvgSlice column, const CvgLeaf *old, int nold,
				   const CvgLeaf *new, int nnew, int *nids)
{
	CvgBuf		buf;
	uint32	   *ids;
	int			all;
	int			i = 0;
	int			j = 0;

	cvg_buf_init(&buf);
	while (i < nold || j < nnew)
	{
		int			c = i == nold ? 1 : j == nnew ? -1 : cvg_leaf_cmp(&old[i], &new[j]);
		bool		same = c == 0 && old[i].empty == new[j].empty &&
			cvg_slice_eq(old[i].value, new[j].value);

		if (c <= 0 && !same)
			put_change(&buf, column, &old[i], false);
		if (c >= 0 && !same)
			put_change(&buf, column, &new[j], true);
		i += c <= 0;
		j += c >= 0;
	}
	all = (int) (buf.len / sizeof(uint32));
	ids = palloc(sizeof(uint32) * (all + 1));
	if (all > 0)
		memcpy(ids, buf.data, buf.len);
	cvg_buf_free(&buf);
	qsort(ids, all, sizeof(uint32), id_cmp);
	*nids = 0;
	for (i = 0; i < all; i++)
	{
		if (i == 0 || ids[i] != ids[i - 1])
			ids[(*nids)++] = ids[i];
	}
	return ids;
}

/* ----------------------------------------------------------------
 *		Merging
 * ----------------------------------------------------------------
 */

typedef struct Merger
{
	CvgSlice	name;			/* of the column */
	CvgRowParts state[2];
	CvgDot		whole[2];		/* when the document was last written as a whole */
	CvgDot		later_whole;
} Merger;

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

/* The unit's own dot; none if nothing but the birth of the row wrote it. */
static CvgDot
own_dot(const CvgRowParts *state, uint32 unit)
{
	CvgDot		dot = {{NULL, 0}, 0};
	bool		found;
	int			at = cvg_row_find_unit(state, unit, &found);

	if (found)
	{
		dot.replica = state->replicas[state->units[at].dot.replica].id;
		dot.stamp = state->units[at].dot.stamp;
	}
	return dot;
}

static CvgDot
mark_dot(const Merger *m, CvgSlice path, uint8 mark)
{
	uint32		unit = path_unit(m->name, path, mark);

	return later(own_dot(&m->state[0], unit), own_dot(&m->state[1], unit));
}

/* Is what was written there with this dot hidden by later writes? */
static bool
is_hidden(const Merger *m, CvgSlice path, CvgDot dot)
{
	CvgSlice	ancestor = {NULL, 0};

	if (dot_cmp(mark_dot(m, path, MARK_BELOW), dot) > 0)
		return true;
	while (next_ancestor(path, &ancestor))
	{
		if (ancestor.len > 0 && dot_cmp(mark_dot(m, ancestor, 0), dot) > 0)
			return true;
	}
	return false;
}

/* The leaf there, from the side that wrote it later; either may be NULL, for none. */
static const CvgLeaf *
choose_leaf(const Merger *m, const CvgLeaf *a, const CvgLeaf *b)
{
	CvgSlice	path = a != NULL ? a->path : b->path;
	uint32		unit = path_unit(m->name, path, 0);
	CvgDot		da = m->whole[0];
	CvgDot		db = m->whole[1];
	const CvgLeaf *chosen;
	int			c;

	if (path.len > 0)
	{
		da = later(da, own_dot(&m->state[0], unit));
		db = later(db, own_dot(&m->state[1], unit));
	}
	c = dot_cmp(da, db);
	chosen = c > 0 ? a : c < 0 ? b : a != NULL ? a : b;
	return chosen == NULL || is_hidden(m, path, later(da, db)) ? NULL : chosen;
}

static bool
has_empty(const CvgLeafSide *side, CvgSlice path)
{
	CvgLeaf		key = {path};
	const CvgLeaf *found = side->n == 0 ? NULL :
		bsearch(&key, side->leaves, side->n, sizeof(CvgLeaf), cvg_leaf_cmp);

	return found != NULL && found->empty;
}

/* Is there an object, even if it is empty, whatever is below it? */
static bool
is_object(const Merger *m, CvgSlice path, const CvgLeafSide *a, const CvgLeafSide *b)
{
	CvgDot		dot = mark_dot(m, path, MARK_EMPTY);

	if (dot_cmp(dot, m->later_whole) <= 0)
	{
		dot = m->later_whole;
		if (!(dot_cmp(m->whole[0], dot) == 0 && has_empty(a, path)) &&
			!(dot_cmp(m->whole[1], dot) == 0 && has_empty(b, path)))
			return false;
	}
	return dot_cmp(mark_dot(m, path, 0), dot) <= 0 && !is_hidden(m, path, dot);
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
merge_values(const Merger *m, const CvgLeafSide *a, const CvgLeafSide *b, CvgLeaf *out)
{
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

CvgLeaf *
cvg_leaves_merge(CvgSlice column, uint32 unit, const CvgLeafSide *a,
				 const CvgLeafSide *b, int *n)
{
	Merger		m = {.name = column};
	CvgLeaf    *objects = palloc(sizeof(CvgLeaf) * (count_objects(a) + count_objects(b) + 1));
	CvgLeaf    *last = put_objects(b, put_objects(a, objects));
	CvgLeaf    *out = palloc(sizeof(CvgLeaf) * (a->n + b->n + (last - objects) + 1));
	CvgLeaf    *o;

	m.whole[0] = cvg_rowstate_unit_dot(a->state, unit);
	m.whole[1] = cvg_rowstate_unit_dot(b->state, unit);
	m.later_whole = later(m.whole[0], m.whole[1]);
	(void) cvg_row_load(a->state, &m.state[0]);
	(void) cvg_row_load(b->state, &m.state[1]);
	*n = merge_values(&m, a, b, out);
	for (o = objects; o < last; o++)
	{
		if (is_object(&m, o->path, a, b))
			out[(*n)++] = *o;
	}
	*n = drop_inner_objects(out, *n);
	cvg_row_free(&m.state[0]);
	cvg_row_free(&m.state[1]);
	pfree(objects);
	return out;
}
