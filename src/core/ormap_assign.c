/*-------------------------------------------------------------------------
 *
 * ormap_assign.c
 *	  Plain assignment to an observed-remove map.
 *
 * Both maps are walked key by key.  What reads as it should is not touched,
 * so that an assignment travels as little as it changes, and takes nothing
 * from others but what it means to.
 *
 *-------------------------------------------------------------------------
 */
#include "core/ormap.h"

#include "core/lwwreg.h"
#include "core/plain.h"

/* All entries of one key: one per type. */
typedef struct Group
{
	CvgMapEntry entries[CVG_CRDT_DOCUMENT];
	int			n;
	const CvgMapEntry *visible; /* NULL: removed */
} Group;

/* next is the entry after the group, ops NULL if it is not read yet. */
static bool
next_group(CvgReader *r, CvgMapEntry *next, Group *g)
{
	g->n = 0;
	g->visible = NULL;
	while (next->ops != NULL || cvg_map_next(r, next))
	{
		CvgMapEntry *e = &g->entries[g->n];

		if (g->n > 0 && !cvg_slice_eq(g->entries[0].key, next->key))
			break;
		*e = *next;
		next->ops = NULL;
		g->n++;
		if (e->ndots > 0 &&
			(g->visible == NULL ||
			 cvg_dot_cmp(e->last.stamp, e->last.replica,
						 g->visible->last.stamp, g->visible->last.replica) >= 0))
			g->visible = e;
	}
	return g->n > 0;
}

static const CvgMapEntry *
find_type(const Group *g, const CvgCrdtOps *ops)
{
	int			i;

	for (i = 0; g != NULL && i < g->n; i++)
	{
		if (g->entries[i].ops == ops)
			return &g->entries[i];
	}
	return NULL;
}

/* A dot that is never part of a value: what it makes is only read. */
static CvgDot
next_dummy(CvgDotSupply *supply, int n)
{
	CvgDot		dot = {cvg_slice_cstring("assigned"), supply->after + 1};

	supply->after += n;
	return dot;
}

/*
 * The register "new" as a value of the type that is seen under the key, if
 * that type can read so; false if not.
 */
static bool
convert(const Group *g, const CvgMapEntry *new, CvgSlice value, CvgBuf *out)
{
	CvgDotSupply dummies = {next_dummy, 0};
	const CvgMapEntry *old = find_type(g, new->ops);
	CvgDotted	item;

	if (g == NULL || g->visible == NULL || (old != NULL && old->ndots > 0) ||
		new->ops != &cvg_lwwreg_ops || !cvg_lwwreg_get(value, &item))
		return false;
	return cvg_crdt_from_json(g->visible->ops, item.payload, &dummies, out) == CVG_OK;
}

/*
 * Write a key that has the value "wanted" now, of type ops, instead of what
 * the group (may be NULL) has.
 */
static CvgStatus
put_key(const Group *g, CvgSlice key, const CvgCrdtOps *ops, CvgSlice wanted,
		CvgDotSupply *dots, CvgMapWriter *w)
{
	const CvgMapEntry *old = find_type(g, ops);
	bool		replace = old == NULL || old->ndots == 0;
	bool		done = false;
	CvgBuf		scratch;
	CvgBuf		value;
	CvgSlice	is;
	CvgStatus	status;
	int			i;

	cvg_buf_init(&scratch);
	cvg_buf_init(&value);
	if (old != NULL)
		is = cvg_map_entry_value(old, &scratch);
	else
	{
		cvg_crdt_bottom(ops, &scratch);
		is = cvg_buf_slice(&scratch);
	}
	status = cvg_crdt_assign(is, wanted, true, dots, &value);
	for (i = 0; status == CVG_OK && i < (g != NULL ? g->n : 0); i++)
	{
		const CvgMapEntry *e = &g->entries[i];

		if (!done && e->ops->tag >= ops->tag)
		{
			done = true;
			if (!replace && old == g->visible &&
				cvg_slice_eq(is, cvg_buf_slice(&value)))
				cvg_map_writer_keep(w, e);
			else
				cvg_map_writer_put(w, key, ops, old, cvg_next_dot(dots),
								   cvg_buf_slice(&value));
		}
		if (e == old)
			continue;
		if (replace && e->ndots > 0)
			cvg_map_writer_remove(w, e);
		else
			cvg_map_writer_keep(w, e);
	}
	if (status == CVG_OK && !done)
		cvg_map_writer_put(w, key, ops, old, cvg_next_dot(dots),
						   cvg_buf_slice(&value));
	cvg_buf_free(&value);
	cvg_buf_free(&scratch);
	return status;
}

/* A key of the new map; g is what the old one has of it, or NULL. */
static CvgStatus
assign_key(const Group *g, const CvgMapEntry *new, CvgDotSupply *dots,
		   CvgMapWriter *w)
{
	const CvgCrdtOps *ops = new->ops;
	CvgBuf		scratch;
	CvgBuf		converted;
	CvgSlice	wanted;
	CvgStatus	status;

	cvg_buf_init(&scratch);
	cvg_buf_init(&converted);
	wanted = cvg_map_entry_value(new, &scratch);
	if (convert(g, new, wanted, &converted))
	{
		ops = g->visible->ops;
		wanted = cvg_buf_slice(&converted);
	}
	status = put_key(g, new->key, ops, wanted, dots, w);
	cvg_buf_free(&converted);
	cvg_buf_free(&scratch);
	return status;
}

/* A key that is not in the new map. */
static void
remove_key(const Group *g, CvgMapWriter *w)
{
	int			i;

	for (i = 0; i < g->n; i++)
	{
		if (g->entries[i].ndots > 0)
			cvg_map_writer_remove(w, &g->entries[i]);
		else
			cvg_map_writer_keep(w, &g->entries[i]);
	}
}

CvgStatus
cvg_map_assign(CvgSlice old, CvgSlice new, CvgDotSupply *dots, CvgBuf *out)
{
	CvgReader	body = cvg_crdt_body(old);
	CvgReader	ro = cvg_map_begin(old);
	CvgReader	rn = cvg_map_begin(new);
	CvgMapEntry next_old = {{NULL, 0}};
	CvgMapEntry next_new = {{NULL, 0}};
	CvgMapEntry e;
	CvgMapWriter w;
	Group		g;
	bool		has_old = next_group(&ro, &next_old, &g);
	bool		has_new = cvg_map_next_visible(&rn, &next_new, &e);
	CvgStatus	status = CVG_OK;

	cvg_map_writer_init(&w);
	while (status == CVG_OK && (has_old || has_new))
	{
		int			c = !has_old ? 1 : (!has_new ? -1 :
										cvg_slice_cmp(g.entries[0].key, e.key));

		if (c < 0)
			remove_key(&g, &w);
		else
			status = assign_key(c == 0 ? &g : NULL, &e, dots, &w);
		if (c <= 0)
			has_old = next_group(&ro, &next_old, &g);
		if (c >= 0)
			has_new = cvg_map_next_visible(&rn, &next_new, &e);
	}
	cvg_crdt_put_header(&cvg_ormap_ops, out);
	cvg_map_writer_finish(&w, &body, out);
	return status;
}
