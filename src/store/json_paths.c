/*-------------------------------------------------------------------------
 *
 * json_paths.c
 *	  Strategy jsonb_merge: between jsonb and the leaves that core merges.
 *
 * Arrays are values, and are written as a whole.  SQL NULL and what is no
 * object are one leaf with the empty path.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "core/entry.h"
#include "store/json_paths.h"
#include "store/meta.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

typedef struct Leaves
{
	int			n;
	int			max;
	CvgLeaf    *leaves;
} Leaves;

static void
add_leaf(Leaves *to, const CvgBuf *path, bool empty, CvgSlice value)
{
	CvgLeaf    *leaf;
	CvgBuf		copy;

	if (to->n == to->max)
	{
		to->max = to->max == 0 ? 16 : to->max * 2;
		to->leaves = to->leaves == NULL ? palloc(sizeof(CvgLeaf) * to->max) :
			repalloc(to->leaves, sizeof(CvgLeaf) * to->max);
	}
	cvg_buf_init(&copy);
	cvg_put_bytes(&copy, path->data, path->len);
	leaf = &to->leaves[to->n++];
	leaf->path = cvg_buf_slice(&copy);
	leaf->empty = empty;
	leaf->value = value;
}

/* Text of a value; of SQL NULL there is none. */
static CvgSlice
value_text(Jsonb *value)
{
	char	   *text = JsonbToCString(NULL, &value->root, VARSIZE(value));

	return cvg_slice_cstring(text);
}

/* Leaves of an object, below path. */
static void
walk_object(Leaves *to, JsonbContainer *object, CvgBuf *path)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbValue	v;
	JsonbIteratorToken token;
	bool		any = false;

	check_stack_depth();
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
			add_leaf(to, path, false, value_text(JsonbValueToJsonb(&v)));
		path->len = len;
	}
	if (!any && path->len > 0)
		add_leaf(to, path, true, cvg_slice(NULL, 0));
}

/* In order; false: no object. */
static bool
get_leaves(const CvgJson *json, CvgLeaves *out)
{
	Jsonb	   *jb = json->isnull ? NULL : DatumGetJsonbP(json->doc);
	bool		object = jb != NULL && JB_ROOT_IS_OBJECT(jb);
	Leaves		leaves = {0};
	CvgBuf		path;

	cvg_buf_init(&path);
	if (object)
		walk_object(&leaves, &jb->root, &path);
	else
		add_leaf(&leaves, &path, false, jb == NULL ? cvg_slice(NULL, 0) : value_text(jb));
	if (leaves.n > 0)
		qsort(leaves.leaves, leaves.n, sizeof(CvgLeaf), cvg_leaf_cmp);
	out->n = leaves.n;
	out->leaves = leaves.leaves;
	return object;
}

void
cvg_json_leaves(const CvgJson *json, CvgLeaves *out)
{
	(void) get_leaves(json, out);
}

CvgMark *
cvg_json_marks(const CvgJson *old, const CvgJson *new, bool insert, int *n)
{
	CvgLeaves	a = {0};
	CvgLeaves	b;
	CvgMark    *marks;

	if ((old != NULL && !get_leaves(old, &a)) || !get_leaves(new, &b))
		return NULL;
	marks = cvg_leaves_changed(a.leaves, a.n, b.leaves, b.n, insert, n);
	return *n > (insert ? CVG_JSON_MAX_MARKS : CVG_JSON_MAX_PATHS) ? NULL : marks;
}

bool
cvg_json_in_image(CvgRel *rel, int column, CvgSlice bytes, CvgJson *out)
{
	const CvgColumn *wanted = &rel->desc->columns[column];
	const CvgDescriptor *desc;
	CvgImage	image;

	if (bytes.len == 0 || cvg_image_decode(bytes, &image, NULL) != CVG_OK ||
		(desc = cvg_descriptor_lookup(image.hash)) == NULL)
		return false;
	for (int i = 0; i < image.ncolumns; i++)
	{
		const CvgColumn *col = &desc->columns[image.cols[i]];

		if (!cvg_slice_eq(col->name, wanted->name) ||
			!cvg_slice_eq(col->type_name, wanted->type_name))
			continue;
		out->doc = cvg_codec_get(&rel->columns[column].codec, image.values[i], &out->isnull);
		return true;
	}
	return false;
}

/* ----------------------------------------------------------------
 *		Merging
 * ----------------------------------------------------------------
 */

/* How many keys, from the first, two paths have in common. */
static int
common_keys(CvgSlice a, CvgSlice b)
{
	CvgReader	ra;
	CvgReader	rb;
	int			n = 0;

	cvg_reader_init(&ra, a);
	cvg_reader_init(&rb, b);
	while (!cvg_reader_at_end(&ra) && !cvg_reader_at_end(&rb) &&
		   cvg_slice_eq(cvg_get_slice(&ra, a.len), cvg_get_slice(&rb, b.len)))
		n++;
	return n;
}

/*
 * Print a leaf: the keys that it does not share with the one before, and the
 * value.  depth objects are open, and remain so.
 */
static int
print_leaf(StringInfo out, const CvgLeaf *leaf, int depth)
{
	CvgReader	r;
	int			n = 0;

	cvg_reader_init(&r, leaf->path);
	while (!cvg_reader_at_end(&r))
	{
		CvgSlice	key = cvg_get_slice(&r, leaf->path.len);

		if (++n < depth)
			continue;
		appendStringInfoString(out, n == depth ? "," : "{");
		escape_json(out, pnstrdup((const char *) key.data, key.len));
		appendStringInfoChar(out, ':');
	}
	if (leaf->empty)
		appendStringInfoString(out, "{}");
	else
		appendBinaryStringInfo(out, (const char *) leaf->value.data, (int) leaf->value.len);
	return n;
}

static void
close_objects(StringInfo out, int n)
{
	while (n-- > 0)
		appendStringInfoChar(out, '}');
}

/* Leaves below one key stand together, so objects are printed as they come. */
static char *
print_document(const CvgLeaf *leaves, int n)
{
	StringInfoData out;
	int			open = 0;
	int			i;

	initStringInfo(&out);
	if (n == 0)
		appendStringInfoString(&out, "{}");
	for (i = 0; i < n; i++)
	{
		/* the last key of the one before is a member, and no object */
		int			depth = i == 0 ? 0 : common_keys(leaves[i - 1].path, leaves[i].path) + 1;

		if (i > 0)
			close_objects(&out, open - depth);
		open = print_leaf(&out, &leaves[i], depth);
	}
	close_objects(&out, open);
	return out.data;
}

CvgJson
cvg_json_document(const CvgLeaves *leaves)
{
	CvgJson		json = {0};

	json.isnull = leaves->n == 1 && leaves->leaves[0].path.len == 0 &&
		leaves->leaves[0].value.len == 0;
	if (!json.isnull)
		json.doc = DirectFunctionCall1(jsonb_in,
									   CStringGetDatum(print_document(leaves->leaves, leaves->n)));
	return json;
}
