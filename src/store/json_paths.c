/*-------------------------------------------------------------------------
 *
 * json_paths.c
 *	  Strategy jsonb_merge: a document's paths as units of the row state.
 *
 * A document is a set of leaves: values that are no objects, or empty ones,
 * each with the path of keys that leads there.  Arrays are leaves.  A write
 * that changes a document gives its dot to the units of the leaves that it
 * changes, adds or removes, and not to the column's: their ids are hashes of
 * column and path, and they are kept in the row state like those of columns.
 * A leaf was last written by the larger of its own dot and the column's,
 * which is that of the insert or of a write of the whole document.
 *
 * Merging takes each leaf from the side where it was written later: its value
 * there, or its absence.  A leaf below another one (a, a.b) cannot be; then
 * the later one stays.  Two states with equal dots have the same leaves, or
 * one of them has lost one to such a rival; the leaf stays lost.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "core/entry.h"
#include "store/json_paths.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

typedef struct Leaf
{
	CvgSlice	path;			/* keys as slices, one after the other */
	uint32		id;
	CvgSlice	text;			/* of the value; empty: not there */
	CvgDot		dot;
} Leaf;

typedef struct Leaves
{
	CvgSlice	column;
	int			n;
	int			max;
	Leaf	   *leaves;
} Leaves;

static uint32
path_id(CvgSlice column, CvgSlice path)
{
	CvgBuf		buf;
	uint32		id;

	cvg_buf_init(&buf);
	cvg_put_slice(&buf, column);
	cvg_put_bytes(&buf, path.data, path.len);
	id = cvg_unit_id(cvg_buf_slice(&buf));
	cvg_buf_free(&buf);
	return id;
}

static void
add_leaf(Leaves *to, const CvgBuf *path, const char *text, size_t len)
{
	Leaf	   *leaf;
	CvgBuf		copy;

	if (to->n == to->max)
	{
		to->max = to->max == 0 ? 16 : to->max * 2;
		to->leaves = to->leaves == NULL ? palloc(sizeof(Leaf) * to->max) :
			repalloc(to->leaves, sizeof(Leaf) * to->max);
	}
	leaf = &to->leaves[to->n++];
	memset(leaf, 0, sizeof(Leaf));
	cvg_buf_init(&copy);
	cvg_put_bytes(&copy, path->data, path->len);
	leaf->path = cvg_buf_slice(&copy);
	leaf->id = path_id(to->column, leaf->path);
	leaf->text = cvg_slice(text, len);
}

/* Leaves of an object, below path. */
static void
walk_object(Leaves *to, JsonbContainer *object, CvgBuf *path)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbValue	v;
	JsonbIteratorToken token;
	bool		any = false;

	(void) JsonbIteratorNext(&it, &v, true);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_END_OBJECT && token != WJB_DONE)
	{
		size_t		len = path->len;

		Assert(token == WJB_KEY);
		any = true;
		cvg_put_slice(path, cvg_slice(v.val.string.val, v.val.string.len));
		(void) JsonbIteratorNext(&it, &v, true);
		if (v.type == jbvBinary && JsonContainerIsObject(v.val.binary.data))
			walk_object(to, v.val.binary.data, path);
		else
		{
			Jsonb	   *value = JsonbValueToJsonb(&v);
			char	   *text = JsonbToCString(NULL, &value->root, VARSIZE(value));

			add_leaf(to, path, text, strlen(text));
		}
		path->len = len;
	}
	if (!any && path->len > 0)
		add_leaf(to, path, "{}", 2);
}

static int
leaf_cmp(const void *a, const void *b)
{
	return cvg_slice_cmp(((const Leaf *) a)->path, ((const Leaf *) b)->path);
}

/* False: no object. */
static bool
get_leaves(CvgSlice column, Datum doc, bool isnull, Leaves *out)
{
	Jsonb	   *jb;
	CvgBuf		path;

	memset(out, 0, sizeof(*out));
	out->column = column;
	if (isnull)
		return false;
	jb = DatumGetJsonbP(doc);
	if (!JB_ROOT_IS_OBJECT(jb))
		return false;
	cvg_buf_init(&path);
	walk_object(out, &jb->root, &path);
	if (out->n > 0)
		qsort(out->leaves, out->n, sizeof(Leaf), leaf_cmp);
	return true;
}

int
cvg_json_changed_paths(CvgSlice column, Datum old, bool oldnull, Datum new, bool newnull,
					   uint32 *ids)
{
	Leaves		a;
	Leaves		b;
	int			i = 0;
	int			j = 0;
	int			n = 0;

	if (!get_leaves(column, old, oldnull, &a) || !get_leaves(column, new, newnull, &b))
		return -1;
	while (i < a.n || j < b.n)
	{
		int			c = i == a.n ? 1 : j == b.n ? -1 : leaf_cmp(&a.leaves[i], &b.leaves[j]);

		if (c != 0 || !cvg_slice_eq(a.leaves[i].text, b.leaves[j].text))
		{
			if (n == CVG_JSON_MAX_PATHS)
				return -1;
			ids[n++] = c <= 0 ? a.leaves[i].id : b.leaves[j].id;
		}
		i += c <= 0;
		j += c >= 0;
	}
	return n;
}

/* ----------------------------------------------------------------
 *		Merging
 * ----------------------------------------------------------------
 */

/* A document while it is put together. */
typedef struct Branch
{
	CvgSlice	key;
	CvgSlice	text;			/* of a leaf; empty: an object */
	struct Branch *child;
	struct Branch *next;
} Branch;

static Branch *
find_child(Branch *parent, CvgSlice key)
{
	Branch	   *node;

	for (node = parent->child; node != NULL; node = node->next)
	{
		if (cvg_slice_eq(node->key, key))
			return node;
	}
	node = palloc0(sizeof(Branch));
	node->key = key;
	node->next = parent->child;
	parent->child = node;
	return node;
}

/* Later leaves replace what is in their way. */
static void
put_leaf(Branch *root, const Leaf *leaf)
{
	CvgReader	r;
	Branch	   *node = root;

	cvg_reader_init(&r, leaf->path);
	while (!cvg_reader_at_end(&r))
	{
		node->text = cvg_slice(NULL, 0);
		node = find_child(node, cvg_get_slice(&r, r.len));
	}
	node->child = NULL;
	node->text = leaf->text;
}

static void
print_node(const Branch *node, StringInfo out)
{
	if (node->text.len > 0)
	{
		appendBinaryStringInfo(out, (const char *) node->text.data, (int) node->text.len);
		return;
	}
	appendStringInfoChar(out, '{');
	for (const Branch *child = node->child; child != NULL; child = child->next)
	{
		if (child != node->child)
			appendStringInfoChar(out, ',');
		escape_json(out, pnstrdup((const char *) child->key.data, child->key.len));
		appendStringInfoChar(out, ':');
		print_node(child, out);
	}
	appendStringInfoChar(out, '}');
}

static CvgDot
later_dot(CvgDot a, CvgDot b)
{
	return cvg_dot_cmp(a.stamp, a.replica, b.stamp, b.replica) >= 0 ? a : b;
}

/* The later of two versions of a leaf; both may be absent (NULL), not at once. */
static Leaf
choose_leaf(const Leaf *la, const Leaf *lb, uint32 unit, const CvgJsonSide *a,
			const CvgJsonSide *b)
{
	uint32		id = la != NULL ? la->id : lb->id;
	CvgDot		da = later_dot(cvg_rowstate_unit_dot(a->state, id),
							   cvg_rowstate_unit_dot(a->state, unit));
	CvgDot		db = later_dot(cvg_rowstate_unit_dot(b->state, id),
							   cvg_rowstate_unit_dot(b->state, unit));
	int			c = cvg_dot_cmp(da.stamp, da.replica, db.stamp, db.replica);
	const Leaf *chosen = c > 0 ? la : c < 0 ? lb : la != NULL && lb != NULL ? la : NULL;
	Leaf		result = {.path = la != NULL ? la->path : lb->path};

	if (chosen != NULL)
		result.text = chosen->text;
	result.dot = c > 0 ? da : db;
	return result;
}

static int
dot_order(const void *a, const void *b)
{
	const Leaf *la = a;
	const Leaf *lb = b;
	int			c = cvg_dot_cmp(la->dot.stamp, la->dot.replica, lb->dot.stamp, lb->dot.replica);

	return c != 0 ? c : leaf_cmp(a, b);
}

Datum
cvg_json_merge(CvgSlice column, uint32 unit, const CvgJsonSide *a, const CvgJsonSide *b,
			   bool *isnull)
{
	Leaves		la;
	Leaves		lb;
	Leaf	   *all;
	Branch		root = {{NULL, 0}};
	StringInfoData text;
	bool		object_a = get_leaves(column, a->doc, a->isnull, &la);
	bool		object_b = get_leaves(column, b->doc, b->isnull, &lb);
	int			n = 0;
	int			i = 0;
	int			j = 0;

	if (!object_a || !object_b)
	{
		/* nothing to take apart: the whole by its own dot */
		CvgDot		da = cvg_rowstate_unit_dot(a->state, unit);
		CvgDot		db = cvg_rowstate_unit_dot(b->state, unit);
		const CvgJsonSide *chosen = cvg_dot_cmp(da.stamp, da.replica, db.stamp, db.replica) >= 0 ? a : b;

		*isnull = chosen->isnull;
		return chosen->doc;
	}
	all = palloc(sizeof(Leaf) * (la.n + lb.n + 1));
	while (i < la.n || j < lb.n)
	{
		int			c = i == la.n ? 1 : j == lb.n ? -1 : leaf_cmp(&la.leaves[i], &lb.leaves[j]);
		Leaf		leaf = choose_leaf(c <= 0 ? &la.leaves[i] : NULL, c >= 0 ? &lb.leaves[j] : NULL,
									   unit, a, b);

		if (leaf.text.len > 0)
			all[n++] = leaf;
		i += c <= 0;
		j += c >= 0;
	}
	qsort(all, n, sizeof(Leaf), dot_order);
	for (i = 0; i < n; i++)
		put_leaf(&root, &all[i]);
	initStringInfo(&text);
	print_node(&root, &text);
	*isnull = false;
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data));
}
