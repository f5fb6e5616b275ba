/*-------------------------------------------------------------------------
 *
 * ormap_update.c
 *	  Updates of the observed-remove map.
 *
 * A map is written in one pass over its entries, whatever number of them
 * changes, as its causal context is written once, and needs to know all live
 * dots.
 *
 *-------------------------------------------------------------------------
 */
#include "core/ormap.h"

void
cvg_map_writer_init(CvgMapWriter *w)
{
	cvg_buf_init(&w->entries);
	cvg_buf_init(&w->dead);
	cvg_buf_init(&w->live);
}

/* Remember the dots of an entry. */
static void
note_dots(CvgBuf *dots, const CvgMapEntry *e)
{
	CvgMapEntry walk;
	CvgDotted	item;
	int			n = 0;

	if (e->ndots <= 1)
	{
		cvg_put_bytes(dots, &e->last, e->ndots * sizeof(CvgDot));
		return;
	}
	walk = *e;
	while (cvg_map_next_dot(&walk, &n, &item))
		cvg_put_bytes(dots, &item.dot, sizeof(CvgDot));
}

void
cvg_map_writer_keep(CvgMapWriter *w, const CvgMapEntry *e)
{
	note_dots(&w->live, e);
	cvg_print_slice(&w->entries, e->bytes);
}

/* What a reset leaves of a value stays, without a dot. */
void
cvg_map_writer_remove(CvgMapWriter *w, const CvgMapEntry *e)
{
	const CvgCrdtOps *ops = e->ops;
	CvgBuf		value;
	CvgBuf		bottom;

	note_dots(&w->dead, e);
	if (ops->reset == NULL)
		return;
	cvg_buf_init(&value);
	cvg_buf_init(&bottom);
	cvg_crdt_put_header(ops, &value);
	ops->reset(cvg_crdt_body(e->value), &value);
	cvg_crdt_bottom(ops, &bottom);
	if (!cvg_slice_eq(cvg_buf_slice(&value), cvg_buf_slice(&bottom)))
	{
		cvg_put_slice(&w->entries, e->key);
		cvg_put_u8(&w->entries, (uint8) ops->tag);
		cvg_put_varint(&w->entries, 0);
		cvg_put_slice(&w->entries, cvg_buf_slice(&value));
	}
	cvg_buf_free(&bottom);
	cvg_buf_free(&value);
}

void
cvg_map_writer_put(CvgMapWriter *w, CvgSlice key, const CvgCrdtOps *ops,
				   const CvgMapEntry *old, CvgDot dot, CvgSlice value)
{
	if (old != NULL)
		note_dots(&w->dead, old);
	cvg_put_bytes(&w->live, &dot, sizeof(CvgDot));
	cvg_put_slice(&w->entries, key);
	cvg_put_u8(&w->entries, (uint8) ops->tag);
	cvg_put_varint(&w->entries, 1);
	cvg_put_slice(&w->entries, dot.replica);
	cvg_put_varint(&w->entries, (uint64) dot.stamp);
	cvg_put_slice(&w->entries, value);
}

static int
dot_cmp(const void *a, const void *b)
{
	return cvg_dot_id_cmp(*(const CvgDot *) a, *(const CvgDot *) b);
}

void
cvg_map_writer_finish(CvgMapWriter *w, const CvgReader *old, CvgBuf *out)
{
	static const uint8 empty[1] = {0};
	CvgReader	dead;
	int			ndead = (int) (w->dead.len / sizeof(CvgDot));
	int			nlive = (int) (w->live.len / sizeof(CvgDot));

	if (old != NULL)
		dead = *old;
	else
		cvg_reader_init(&dead, cvg_slice(empty, sizeof(empty)));
	if (ndead > 1)
		qsort(w->dead.data, ndead, sizeof(CvgDot), dot_cmp);
	cvg_dotset_add(dead, (CvgDot *) w->dead.data, ndead,
				   (CvgDot *) w->live.data, nlive, out);
	cvg_put_bytes(out, w->entries.data, w->entries.len);
	cvg_buf_free(&w->entries);
	cvg_buf_free(&w->dead);
	cvg_buf_free(&w->live);
}

int
cvg_map_depth(CvgSlice map)
{
	CvgReader	r = cvg_map_begin(map);
	CvgMapEntry e;
	int			depth = 0;

	while (cvg_map_next(&r, &e))
	{
		int			nested = e.ops == &cvg_ormap_ops ? cvg_map_depth(e.value) : 0;

		depth = Max(depth, nested);
	}
	return depth + 1;
}

/* An update by path, from one level to the next. */
typedef struct PathUpdate
{
	const CvgSlice *path;
	int			n;
	const CvgCrdtOps *ops;		/* of the value at the end */
	CvgDot		dot;			/* of an update; not used by a removal */
	CvgMapChange change;		/* NULL: remove */
	void	   *arg;
} PathUpdate;

static CvgStatus update_map(const PathUpdate *u, int level, CvgReader r,
							CvgBuf *out);

/* Append the changed value of the entry for this level; old may be NULL. */
static CvgStatus
update_value(const PathUpdate *u, int level, const CvgMapEntry *old,
			 const CvgCrdtOps *ops, CvgBuf *out)
{
	CvgBuf		scratch;
	CvgSlice	value;
	CvgStatus	status;

	cvg_buf_init(&scratch);
	if (old != NULL)
		value = cvg_map_entry_value(old, &scratch);
	else
	{
		cvg_crdt_bottom(ops, &scratch);
		value = cvg_buf_slice(&scratch);
	}
	if (level < u->n - 1)
	{
		cvg_crdt_put_header(ops, out);
		status = update_map(u, level + 1, cvg_crdt_body(value), out);
	}
	else
	{
		size_t		start = out->len;

		status = u->change(value, u->dot, u->arg, out);
		value = cvg_slice(out->data + start, out->len - start);
		if (status == CVG_OK && ops == &cvg_ormap_ops &&
			u->n + cvg_map_depth(value) > CVG_MAP_MAX_DEPTH)
			status = CVG_E_LIMIT;
	}
	cvg_buf_free(&scratch);
	return status;
}

/* Write the entry for this level, changed; old may be NULL. */
static CvgStatus
put_changed(const PathUpdate *u, int level, const CvgMapEntry *old,
			const CvgCrdtOps *ops, CvgMapWriter *w)
{
	CvgBuf		value;
	CvgStatus	status;

	cvg_buf_init(&value);
	status = update_value(u, level, old, ops, &value);
	if (status == CVG_OK)
		cvg_map_writer_put(w, u->path[level], ops, old, u->dot,
						   cvg_buf_slice(&value));
	cvg_buf_free(&value);
	return status;
}

/* Removing at a deeper level: the map on the way gets no dot. */
static CvgStatus
put_removed(const PathUpdate *u, int level, const CvgMapEntry *e,
			CvgMapWriter *w)
{
	size_t		value_at = e->value.data - e->bytes.data;
	CvgBuf		value;
	CvgBuf		prefix;
	CvgStatus	status;

	cvg_buf_init(&value);
	cvg_buf_init(&prefix);
	status = update_value(u, level, e, e->ops, &value);

	/* the value's length stands before it */
	cvg_put_varint(&prefix, e->value.len);
	note_dots(&w->live, e);
	cvg_put_bytes(&w->entries, e->bytes.data, value_at - prefix.len);
	cvg_put_slice(&w->entries, cvg_buf_slice(&value));
	cvg_buf_free(&prefix);
	cvg_buf_free(&value);
	return status;
}

/* What happens to an entry of the key at this level. */
static CvgStatus
update_entry(const PathUpdate *u, int level, const CvgMapEntry *e,
			 CvgMapWriter *w)
{
	bool		last = level == u->n - 1;
	const CvgCrdtOps *ops = last ? u->ops : &cvg_ormap_ops;

	if (u->change != NULL && e->ops == ops)
		return put_changed(u, level, e, ops, w);
	if (u->change == NULL && e->ndots > 0 && (ops == NULL || e->ops == ops))
	{
		if (!last)
			return put_removed(u, level, e, w);
		cvg_map_writer_remove(w, e);
		return CVG_OK;
	}
	cvg_map_writer_keep(w, e);
	return CVG_OK;
}

/* One level: the map with the body r, changed. */
static CvgStatus
update_map(const PathUpdate *u, int level, CvgReader r, CvgBuf *out)
{
	const CvgCrdtOps *ops = level == u->n - 1 ? u->ops : &cvg_ormap_ops;
	CvgSlice	key = u->path[level];
	CvgReader	dead = r;
	CvgMapWriter w;
	CvgMapEntry e;
	CvgStatus	status = CVG_OK;
	bool		done = u->change == NULL;
	bool		wanted = false; /* is the type live under the key? */
	bool		other = false;	/* is another one? */

	cvg_map_writer_init(&w);
	(void) cvg_dotset_skip(&r);
	if (u->change != NULL && cvg_dotset_latest(dead) >= u->dot.stamp)
		status = CVG_E_FORBIDDEN;
	while (status == CVG_OK && cvg_map_next(&r, &e))
	{
		int			c = cvg_slice_cmp(e.key, key);

		if (u->change != NULL && e.last.stamp >= u->dot.stamp)
		{
			status = CVG_E_FORBIDDEN;
			break;
		}
		if (c == 0 && e.ndots > 0)
			*(e.ops == ops ? &wanted : &other) = true;
		if (!done && (c > 0 || (c == 0 && e.ops->tag > ops->tag)))
		{
			status = put_changed(u, level, NULL, ops, &w);
			done = true;
		}
		if (status != CVG_OK)
			break;
		if (c != 0)
		{
			cvg_map_writer_keep(&w, &e);
			continue;
		}
		done = done || e.ops == ops;
		status = update_entry(u, level, &e, &w);
	}
	if (status == CVG_OK && !done)
		status = put_changed(u, level, NULL, ops, &w);
	if (status == CVG_OK && u->change != NULL && other && !wanted)
		status = CVG_E_DUPLICATE;
	cvg_map_writer_finish(&w, &dead, out);
	return status;
}

static CvgStatus
check_path(const CvgSlice *path, int n)
{
	int			i;

	Assert(n >= 1);
	if (n > CVG_MAP_MAX_DEPTH)
		return CVG_E_LIMIT;
	for (i = 0; i < n; i++)
	{
		if (!cvg_map_key_valid(path[i]))
			return CVG_E_LIMIT;
	}
	return CVG_OK;
}

CvgStatus
cvg_map_update(CvgSlice map, const CvgSlice *path, int n, const CvgCrdtOps *ops,
			   CvgDot dot, CvgMapChange change, void *arg, CvgBuf *out)
{
	PathUpdate	u = {path, n, ops, dot, change, arg};
	size_t		start = out->len;
	CvgStatus	status = check_path(path, n);

	if (status != CVG_OK)
		return status;
	if (!cvg_replica_id_valid(dot.replica))
		return CVG_E_BAD_ID;
	cvg_crdt_put_header_of(map, out);
	status = update_map(&u, 0, cvg_crdt_body(map), out);
	return cvg_crdt_finish(status, start, out);
}

CvgStatus
cvg_map_remove(CvgSlice map, const CvgSlice *path, int n, const CvgCrdtOps *ops,
			   CvgBuf *out)
{
	PathUpdate	u = {path, n, ops, {{NULL, 0}, 0}, NULL, NULL};
	size_t		start = out->len;
	CvgStatus	status = check_path(path, n);

	if (status != CVG_OK)
		return status;
	cvg_crdt_put_header_of(map, out);
	status = update_map(&u, 0, cvg_crdt_body(map), out);
	return cvg_crdt_finish(status, start, out);
}
