/*-------------------------------------------------------------------------
 *
 * ormap.c
 *	  Observed-remove map: text keys to values of any CRDT type.
 *
 * Bodies are walked entry by entry; an entry that is the same on both sides
 * is copied as it stands.  Recursion goes by way of nested maps only, whose
 * depth is checked before anything else is done with a value.
 *
 *-------------------------------------------------------------------------
 */
#include "core/ormap.h"

#include "core/json.h"
#include "core/plain.h"

bool
cvg_map_key_valid(CvgSlice key)
{
	return key.len <= CVG_MAP_MAX_KEY &&
		(key.len == 0 || memchr(key.data, '\0', key.len) == NULL);
}

/* Order of entries. */
static int
entry_cmp(const CvgMapEntry *a, const CvgMapEntry *b)
{
	int			c = cvg_slice_cmp(a->key, b->key);

	return c != 0 ? c : (int) a->ops->tag - (int) b->ops->tag;
}

static inline bool
has_snapshots(const CvgCrdtOps *ops)
{
	return ops->reset == NULL;
}

bool
cvg_map_next_dot(CvgMapEntry *e, int *n, CvgDotted *item)
{
	if (*n >= e->ndots || !cvg_reader_ok(&e->dots))
		return false;
	(*n)++;
	item->dot.replica = cvg_get_slice(&e->dots, CVG_MAX_REPLICA_ID);
	item->dot.stamp = cvg_get_stamp(&e->dots);
	item->payload = has_snapshots(e->ops) ?
		cvg_get_slice(&e->dots, CVG_CRDT_MAX_BYTES) : cvg_slice(NULL, 0);
	return cvg_reader_ok(&e->dots);
}

CvgReader
cvg_map_begin(CvgSlice map)
{
	CvgReader	r = cvg_crdt_body(map);

	(void) cvg_dotset_skip(&r);
	return r;
}

bool
cvg_map_next(CvgReader *r, CvgMapEntry *e)
{
	const uint8 *start = r->data + r->pos;
	CvgDot		none = {{NULL, 0}, 0};
	CvgMapEntry walk;
	CvgDotted	item;
	int			n = 0;

	if (!cvg_reader_ok(r) || cvg_reader_at_end(r))
		return false;
	e->key = cvg_get_slice(r, CVG_MAP_MAX_KEY);
	e->ops = cvg_crdt_ops(cvg_get_u8(r));
	e->ndots = (int) cvg_get_varint_max(r, r->len);
	if (e->ops == NULL)
		cvg_reader_fail(r, CVG_E_MALFORMED);
	if (!cvg_reader_ok(r))
		return false;
	e->dots = *r;
	e->last = none;
	walk = *e;
	while (cvg_map_next_dot(&walk, &n, &item))
	{
		if (cvg_dot_cmp(item.dot.stamp, item.dot.replica,
						e->last.stamp, e->last.replica) > 0)
			e->last = item.dot;
	}
	*r = walk.dots;
	e->value = cvg_slice(NULL, 0);
	if (!has_snapshots(e->ops))
		e->value = cvg_get_slice(r, CVG_CRDT_MAX_BYTES);
	e->bytes = cvg_slice(start, r->data + r->pos - start);
	return cvg_reader_ok(r);
}

bool
cvg_map_next_visible(CvgReader *r, CvgMapEntry *next, CvgMapEntry *e)
{
	bool		found = false;

	for (;;)
	{
		if (next->ops == NULL && !cvg_map_next(r, next))
			break;
		if (found && !cvg_slice_eq(next->key, e->key))
			break;
		if (next->ndots > 0 &&
			(!found || cvg_dot_cmp(next->last.stamp, next->last.replica,
								   e->last.stamp, e->last.replica) >= 0))
		{
			*e = *next;
			found = true;
		}
		next->ops = NULL;
	}
	return found;
}

/* Append header and least upper bound of two values of one type. */
static void
put_merged(const CvgCrdtOps *ops, CvgSlice a, CvgSlice b, CvgBuf *out)
{
	cvg_crdt_put_header(ops, out);
	ops->merge(cvg_crdt_body(a), cvg_crdt_body(b), out);
}

CvgSlice
cvg_map_entry_value(const CvgMapEntry *e, CvgBuf *scratch)
{
	CvgMapEntry walk = *e;
	CvgSlice	value = {NULL, 0};
	CvgDotted	item;
	CvgBuf		merged;
	int			n = 0;

	if (!has_snapshots(e->ops))
		return e->value;
	while (cvg_map_next_dot(&walk, &n, &item))
	{
		if (n == 1)
		{
			value = item.payload;
			continue;
		}
		cvg_buf_init(&merged);
		put_merged(e->ops, value, item.payload, &merged);
		cvg_buf_reset(scratch);
		cvg_put_bytes(scratch, merged.data, merged.len);
		cvg_buf_free(&merged);
		value = cvg_buf_slice(scratch);
	}
	return value;
}

/* The live entry of a key: of that type, or the visible one. */
static bool
find_key(CvgSlice map, CvgSlice key, const CvgCrdtOps *ops, CvgMapEntry *e)
{
	CvgReader	r = cvg_map_begin(map);
	CvgMapEntry next;
	bool		found = false;

	while (cvg_map_next(&r, &next))
	{
		int			c = cvg_slice_cmp(next.key, key);

		if (c > 0)
			break;
		if (c < 0 || next.ndots == 0 || (ops != NULL && ops != next.ops))
			continue;
		if (!found || cvg_dot_cmp(next.last.stamp, next.last.replica,
								  e->last.stamp, e->last.replica) >= 0)
			*e = next;
		found = true;
	}
	return found;
}

bool
cvg_map_find(CvgSlice map, const CvgSlice *path, int n, const CvgCrdtOps *ops,
			 CvgMapEntry *e)
{
	int			i;

	for (i = 0; i < n - 1; i++)
	{
		if (!find_key(map, path[i], ops ? &cvg_ormap_ops : NULL, e) ||
			e->ops != &cvg_ormap_ops)
			return false;
		map = e->value;
	}
	return find_key(map, path[n - 1], ops, e);
}

static void check_map(CvgReader *r, const CvgCrdtOps *only, int depth);

/* A nested value. */
static CvgStatus
check_value(const CvgCrdtOps *ops, CvgSlice value, int depth)
{
	CvgReader	r;

	/* how a value was made is said of whole values only */
	if (value.len >= CVG_CRDT_HEADER && value.data[2] != 0)
		return CVG_E_NOT_CANONICAL;
	if (ops != &cvg_ormap_ops)
		return cvg_crdt_validate(ops, value, NULL);
	cvg_reader_init(&r, value);
	if (cvg_get_u8(&r) != CVG_CRDT_VERSION || cvg_get_u8(&r) != ops->tag)
		cvg_reader_fail(&r, CVG_E_MALFORMED);
	(void) cvg_get_u8(&r);
	check_map(&r, NULL, depth);
	return cvg_reader_finish(&r, NULL);
}

static bool
is_bottom(const CvgCrdtOps *ops, CvgSlice value)
{
	CvgBuf		bottom;
	bool		same;

	cvg_buf_init(&bottom);
	cvg_crdt_bottom(ops, &bottom);
	same = cvg_slice_eq(value, cvg_buf_slice(&bottom));
	cvg_buf_free(&bottom);
	return same;
}

/* What cvg_map_next() does not mind in one entry. */
static CvgStatus
check_entry(const CvgMapEntry *e, const CvgDotRange *dead, int ndead, int depth)
{
	CvgMapEntry walk = *e;
	CvgDot		previous = {{NULL, 0}, 0};
	CvgDotted	item;
	CvgStatus	status;
	int			n = 0;

	if (!cvg_map_key_valid(e->key))
		return CVG_E_MALFORMED;
	while (cvg_map_next_dot(&walk, &n, &item))
	{
		if (!cvg_replica_id_valid(item.dot.replica))
			return CVG_E_BAD_ID;
		if (item.dot.stamp == 0 || cvg_dot_id_cmp(previous, item.dot) >= 0 ||
			cvg_dots_contain(dead, ndead, item.dot))
			return CVG_E_NOT_CANONICAL;
		previous = item.dot;
		if (!has_snapshots(e->ops))
			continue;
		status = check_value(e->ops, item.payload, depth);
		if (status != CVG_OK)
			return status;
	}
	if (has_snapshots(e->ops))
		return e->ndots > 0 ? CVG_OK : CVG_E_NOT_CANONICAL;
	status = check_value(e->ops, e->value, depth);
	if (status == CVG_OK && e->ndots == 0 && is_bottom(e->ops, e->value))
		status = CVG_E_NOT_CANONICAL;
	return status;
}

/* "only" is the type that all values must have, or NULL. */
static void
check_map(CvgReader *r, const CvgCrdtOps *only, int depth)
{
	CvgReader	set = *r;
	CvgDotRange *dead;
	int			ndead;
	CvgMapEntry e;
	CvgMapEntry previous = {{NULL, 0}};

	if (depth > CVG_MAP_MAX_DEPTH)
		cvg_reader_fail(r, CVG_E_LIMIT);
	cvg_dotset_check(r);
	if (!cvg_reader_ok(r))
		return;
	dead = cvg_dotset_load(set, &ndead);
	while (cvg_map_next(r, &e))
	{
		CvgStatus	status = check_entry(&e, dead, ndead, depth + 1);

		if (only != NULL && e.ops != only)
			status = CVG_E_MALFORMED;
		if (previous.ops != NULL && entry_cmp(&previous, &e) >= 0)
			status = CVG_E_NOT_CANONICAL;
		if (status != CVG_OK)
			cvg_reader_fail(r, status);
		previous = e;
	}
	pfree(dead);
}

void
cvg_map_check_body(CvgReader *r, const CvgCrdtOps *only)
{
	check_map(r, only, 1);
}

static void
ormap_check(CvgReader *r)
{
	check_map(r, NULL, 1);
}

static void
put_entry_head(CvgBuf *out, CvgSlice key, const CvgCrdtOps *ops, int ndots)
{
	cvg_put_slice(out, key);
	cvg_put_u8(out, (uint8) ops->tag);
	cvg_put_varint(out, (uint64) ndots);
}

static void
put_item(CvgBuf *out, const CvgCrdtOps *ops, const CvgDotted *item)
{
	cvg_put_slice(out, item->dot.replica);
	cvg_put_varint(out, (uint64) item->dot.stamp);
	if (has_snapshots(ops))
		cvg_put_slice(out, item->payload);
}

/*
 * An entry from its parts: nothing, if it would say nothing.  The value is
 * empty with snapshots.
 */
static void
put_entry(CvgBuf *out, const CvgMapEntry *e, int ndots, const CvgBuf *items,
		  CvgSlice value)
{
	if (ndots == 0 && (has_snapshots(e->ops) || is_bottom(e->ops, value)))
		return;
	put_entry_head(out, e->key, e->ops, ndots);
	cvg_put_bytes(out, items->data, items->len);
	if (!has_snapshots(e->ops))
		cvg_put_slice(out, value);
}

/* One of two maps that are merged, at its current entry. */
typedef struct Side
{
	CvgReader	r;
	CvgDotRange *dead;
	int			ndead;
	CvgMapEntry e;
	bool		has;
} Side;

static void
side_begin(Side *s, CvgReader body)
{
	s->r = body;
	s->dead = cvg_dotset_load(body, &s->ndead);
	(void) cvg_dotset_skip(&s->r);
	s->has = cvg_map_next(&s->r, &s->e);
}

/* An entry that the other side does not have; its dots may be dead there. */
static void
merge_alone(const CvgMapEntry *e, const Side *other, CvgBuf *out)
{
	CvgMapEntry walk = *e;
	CvgDotted	item;
	CvgBuf		items;
	int			kept = 0;
	int			n = 0;

	cvg_buf_init(&items);
	while (cvg_map_next_dot(&walk, &n, &item))
	{
		if (cvg_dots_contain(other->dead, other->ndead, item.dot))
			continue;
		put_item(&items, e->ops, &item);
		kept++;
	}
	if (kept == e->ndots)
		cvg_print_slice(out, e->bytes);
	else
		put_entry(out, e, kept, &items, e->value);
	cvg_buf_free(&items);
}

/* A dot that both sides have; only a damaged one has other snapshots. */
static void
put_same_dot(CvgBuf *out, const CvgCrdtOps *ops, CvgDotted *a, const CvgDotted *b)
{
	CvgBuf		merged;

	if (cvg_slice_eq(a->payload, b->payload))
	{
		put_item(out, ops, a);
		return;
	}
	cvg_buf_init(&merged);
	put_merged(ops, a->payload, b->payload, &merged);
	a->payload = cvg_buf_slice(&merged);
	put_item(out, ops, a);
	cvg_buf_free(&merged);
}

/* The dots of an entry of both sides; returns how many there are. */
static int
merge_dots(Side *a, Side *b, CvgBuf *out)
{
	const CvgCrdtOps *ops = a->e.ops;
	CvgMapEntry wa = a->e;
	CvgMapEntry wb = b->e;
	CvgDotted	ia;
	CvgDotted	ib;
	int			na = 0;
	int			nb = 0;
	bool		has_a = cvg_map_next_dot(&wa, &na, &ia);
	bool		has_b = cvg_map_next_dot(&wb, &nb, &ib);
	int			kept = 0;

	while (has_a || has_b)
	{
		int			c = !has_a ? 1 : (!has_b ? -1 : cvg_dot_id_cmp(ia.dot, ib.dot));
		size_t		before = out->len;

		if (c == 0)
			put_same_dot(out, ops, &ia, &ib);
		else if (c < 0 && !cvg_dots_contain(b->dead, b->ndead, ia.dot))
			put_item(out, ops, &ia);
		else if (c > 0 && !cvg_dots_contain(a->dead, a->ndead, ib.dot))
			put_item(out, ops, &ib);
		if (out->len > before)
			kept++;
		if (c <= 0)
			has_a = cvg_map_next_dot(&wa, &na, &ia);
		if (c >= 0)
			has_b = cvg_map_next_dot(&wb, &nb, &ib);
	}
	return kept;
}

static void
merge_both(Side *a, Side *b, CvgBuf *out)
{
	const CvgCrdtOps *ops = a->e.ops;
	CvgBuf		items;
	CvgBuf		value;
	int			kept;

	if (cvg_slice_eq(a->e.bytes, b->e.bytes))
	{
		cvg_print_slice(out, a->e.bytes);
		return;
	}
	cvg_buf_init(&items);
	cvg_buf_init(&value);
	kept = merge_dots(a, b, &items);
	if (!has_snapshots(ops))
		put_merged(ops, a->e.value, b->e.value, &value);
	put_entry(out, &a->e, kept, &items, cvg_buf_slice(&value));
	cvg_buf_free(&value);
	cvg_buf_free(&items);
}

void
cvg_map_merge_body(CvgReader ra, CvgReader rb, CvgBuf *out)
{
	Side		a;
	Side		b;

	cvg_dotset_union(ra, rb, out);
	side_begin(&a, ra);
	side_begin(&b, rb);
	while (a.has || b.has)
	{
		int			c = !a.has ? 1 : (!b.has ? -1 : entry_cmp(&a.e, &b.e));

		if (c < 0)
			merge_alone(&a.e, &b, out);
		else if (c > 0)
			merge_alone(&b.e, &a, out);
		else
			merge_both(&a, &b, out);
		if (c <= 0)
			a.has = cvg_map_next(&a.r, &a.e);
		if (c >= 0)
			b.has = cvg_map_next(&b.r, &b.e);
	}
	pfree(a.dead);
	pfree(b.dead);
}

/* Dots of "new" that "old" does not have as they are; returns their number. */
static int
delta_dots(const CvgMapEntry *old, const CvgMapEntry *new, CvgBuf *out)
{
	CvgMapEntry wo = *old;
	CvgMapEntry wn = *new;
	CvgDotted	io;
	CvgDotted	in;
	int			no = 0;
	int			nn = 0;
	bool		has_old = cvg_map_next_dot(&wo, &no, &io);
	int			put = 0;

	while (cvg_map_next_dot(&wn, &nn, &in))
	{
		while (has_old && cvg_dot_id_cmp(io.dot, in.dot) < 0)
			has_old = cvg_map_next_dot(&wo, &no, &io);
		if (has_old && cvg_dot_id_cmp(io.dot, in.dot) == 0 &&
			cvg_slice_eq(io.payload, in.payload))
			continue;
		put_item(out, new->ops, &in);
		put++;
	}
	return put;
}

static void
delta_entry(const CvgMapEntry *old, const CvgMapEntry *new, CvgBuf *out)
{
	const CvgCrdtOps *ops = new->ops;
	CvgBuf		items;
	CvgBuf		value;
	int			n;

	cvg_buf_init(&items);
	cvg_buf_init(&value);
	n = delta_dots(old, new, &items);
	if (!has_snapshots(ops))
	{
		cvg_crdt_put_header(ops, &value);
		ops->delta(cvg_crdt_body(old->value), cvg_crdt_body(new->value), &value);
	}
	put_entry(out, new, n, &items, cvg_buf_slice(&value));
	cvg_buf_free(&value);
	cvg_buf_free(&items);
}

void
cvg_map_delta_body(CvgReader ro, CvgReader rn, CvgBuf *out)
{
	CvgMapEntry old;
	CvgMapEntry new;
	bool		has_old;

	cvg_dotset_minus(rn, ro, out);
	(void) cvg_dotset_skip(&ro);
	(void) cvg_dotset_skip(&rn);
	has_old = cvg_map_next(&ro, &old);
	while (cvg_map_next(&rn, &new))
	{
		while (has_old && entry_cmp(&old, &new) < 0)
			has_old = cvg_map_next(&ro, &old);
		if (!has_old || entry_cmp(&old, &new) != 0)
			cvg_print_slice(out, new.bytes);
		else if (!cvg_slice_eq(old.bytes, new.bytes))
			delta_entry(&old, &new, out);
	}
}

/* Max() would go through its arguments twice, and so on at each level. */
static inline void
see_latest(CvgStamp *latest, CvgSlice value)
{
	CvgStamp	stamp = cvg_crdt_latest(value);

	*latest = Max(*latest, stamp);
}

CvgStamp
cvg_map_latest_body(CvgReader r)
{
	CvgStamp	latest = cvg_dotset_latest(r);
	CvgMapEntry e;

	(void) cvg_dotset_skip(&r);
	while (cvg_map_next(&r, &e))
	{
		CvgMapEntry walk = e;
		CvgDotted	item;
		int			n = 0;

		latest = Max(latest, e.last.stamp);
		if (!has_snapshots(e.ops))
			see_latest(&latest, e.value);
		while (has_snapshots(e.ops) && cvg_map_next_dot(&walk, &n, &item))
			see_latest(&latest, item.payload);
	}
	return latest;
}

void
cvg_map_reset_body(CvgReader r, CvgBuf *out)
{
	CvgReader	dead = r;
	CvgMapWriter w;
	CvgMapEntry e;

	cvg_map_writer_init(&w);
	(void) cvg_dotset_skip(&r);
	while (cvg_map_next(&r, &e))
		cvg_map_writer_remove(&w, &e);
	cvg_map_writer_finish(&w, &dead, out);
}

/* Registers of one entry, replaced. */
static void
rewrite_entry(const CvgMapEntry *e, CvgMapRegister write, void *arg, CvgBuf *out)
{
	CvgMapEntry walk = *e;
	CvgBuf		value;
	CvgDotted	item;
	int			n = 0;

	cvg_buf_init(&value);
	put_entry_head(out, e->key, e->ops, e->ndots);
	while (cvg_map_next_dot(&walk, &n, &item))
	{
		if (e->ops->tag == CVG_CRDT_LWWREG)
		{
			cvg_buf_reset(&value);
			write(item.payload, arg, &value);
			item.payload = cvg_buf_slice(&value);
		}
		put_item(out, e->ops, &item);
	}
	if (!has_snapshots(e->ops))
	{
		cvg_buf_reset(&value);
		if (e->ops->tag == CVG_CRDT_MVREG)
			write(e->value, arg, &value);
		else
			cvg_map_rewrite_registers(e->value, write, arg, &value);
		cvg_put_slice(out, cvg_buf_slice(&value));
	}
	cvg_buf_free(&value);
}

void
cvg_map_rewrite_registers(CvgSlice map, CvgMapRegister write, void *arg,
						  CvgBuf *out)
{
	CvgReader	r = cvg_map_begin(map);
	CvgMapEntry e;

	cvg_put_bytes(out, map.data, r.pos);
	while (cvg_map_next(&r, &e))
	{
		switch (e.ops->tag)
		{
			case CVG_CRDT_LWWREG:
			case CVG_CRDT_MVREG:
			case CVG_CRDT_ORMAP:
				rewrite_entry(&e, write, arg, out);
				break;
			default:
				cvg_print_slice(out, e.bytes);
		}
	}
}

static void
print_dots(const CvgMapEntry *e, CvgBuf *out)
{
	bool		snapshots = has_snapshots(e->ops);
	const char *separator = "";
	CvgMapEntry walk = *e;
	CvgDotted	item;
	int			n = 0;

	cvg_put_u8(out, '[');
	while (cvg_map_next_dot(&walk, &n, &item))
	{
		cvg_print_string(out, separator);
		if (snapshots)
		{
			cvg_crdt_print(item.payload, out);
			cvg_print_string(out, " at ");
		}
		cvg_print_dot(out, item.dot.replica, item.dot.stamp);
		separator = ", ";
	}
	cvg_put_u8(out, ']');
}

static void
print_entry(const CvgMapEntry *e, const CvgCrdtOps *only, CvgBuf *out)
{
	cvg_json_print_string(out, e->key);
	cvg_print_string(out, ": ");
	if (only == NULL)
	{
		cvg_print_string(out, e->ops->name);
		cvg_put_u8(out, ' ');
	}
	if (has_snapshots(e->ops))
		print_dots(e, out);
	else
	{
		cvg_crdt_print(e->value, out);
		if (e->ndots > 0)
		{
			cvg_print_string(out, " at ");
			print_dots(e, out);
		}
	}
}

void
cvg_map_print_body(CvgReader r, const CvgCrdtOps *only, CvgBuf *out)
{
	CvgReader	dead = r;
	bool		any_dead = cvg_dotset_skip(&r).len > 1;
	const char *separator = "";
	CvgMapEntry e;

	cvg_put_u8(out, '{');
	while (cvg_map_next(&r, &e))
	{
		cvg_print_string(out, separator);
		print_entry(&e, only, out);
		separator = ", ";
	}
	cvg_put_u8(out, '}');
	if (any_dead)
	{
		cvg_print_string(out, " seen ");
		cvg_dotset_print(dead, out);
	}
}

static void
ormap_print(CvgReader r, CvgBuf *out)
{
	cvg_map_print_body(r, NULL, out);
}

static void scan_map(CvgScanner *s, const CvgCrdtOps *only, CvgBuf *out,
					 int depth);

/* A nested value with its header; the whole map is checked at the end. */
static void
scan_value(CvgScanner *s, const CvgCrdtOps *ops, CvgBuf *out, int depth)
{
	cvg_scan_spaces(s);
	if (ops != &cvg_ormap_ops)
	{
		cvg_crdt_scan(ops, s, out);
		return;
	}
	cvg_crdt_put_header(ops, out);
	scan_map(s, NULL, out, depth);
}

/* Presence dots in brackets, with their snapshots; returns their number. */
static int
scan_dots(CvgScanner *s, const CvgCrdtOps *ops, CvgBuf *out, int depth)
{
	CvgBuf		value;
	CvgDotted	item;
	int			n = 0;

	cvg_buf_init(&value);
	if (cvg_scan_expect(s, '['))
	{
		do
		{
			cvg_buf_reset(&value);
			if (has_snapshots(ops))
			{
				scan_value(s, ops, &value, depth);
				(void) cvg_scan_expect_word(s, "at");
			}
			item.payload = cvg_buf_slice(&value);
			item.dot.replica = cvg_scan_id(s);
			item.dot.stamp = cvg_scan_at_stamp(s);
			if (cvg_scan_ok(s))
				put_item(out, ops, &item);
			n++;
		} while (cvg_scan_char(s, ','));
		(void) cvg_scan_expect(s, ']');
	}
	cvg_buf_free(&value);
	return n;
}

/* The name of a type; NULL after a failure. */
static const CvgCrdtOps *
scan_type(CvgScanner *s)
{
	const char *at = (cvg_scan_spaces(s), s->p);
	const CvgCrdtOps *ops = cvg_crdt_ops_by_name(cvg_scan_id(s));

	if (ops == NULL)
		(void) cvg_scan_fail(s, CVG_E_SYNTAX, at);
	return cvg_scan_ok(s) ? ops : NULL;
}

static void
scan_entry(CvgScanner *s, const CvgCrdtOps *only, CvgBuf *out, int depth)
{
	const CvgCrdtOps *ops;
	CvgBuf		key;
	CvgBuf		items;
	CvgBuf		value;
	int			n = 0;

	cvg_buf_init(&key);
	cvg_buf_init(&items);
	cvg_buf_init(&value);
	cvg_json_scan_string(s, &key);
	(void) cvg_scan_expect(s, ':');
	ops = only != NULL ? only : scan_type(s);
	if (ops != NULL && has_snapshots(ops))
		n = scan_dots(s, ops, &items, depth);
	else if (ops != NULL)
	{
		scan_value(s, ops, &value, depth);
		if (cvg_scan_word(s, "at"))
			n = scan_dots(s, ops, &items, depth);
	}
	if (cvg_scan_ok(s))
	{
		put_entry_head(out, cvg_buf_slice(&key), ops, n);
		cvg_put_bytes(out, items.data, items.len);
		if (!has_snapshots(ops))
			cvg_put_slice(out, cvg_buf_slice(&value));
	}
	cvg_buf_free(&value);
	cvg_buf_free(&items);
	cvg_buf_free(&key);
}

static void
scan_map(CvgScanner *s, const CvgCrdtOps *only, CvgBuf *out, int depth)
{
	CvgBuf		entries;

	if (depth > CVG_MAP_MAX_DEPTH)
		(void) cvg_scan_fail(s, CVG_E_LIMIT, s->p);
	if (!cvg_scan_expect(s, '{'))
		return;
	cvg_buf_init(&entries);
	if (!cvg_scan_char(s, '}'))
	{
		do
			scan_entry(s, only, &entries, depth + 1);
		while (cvg_scan_char(s, ','));
		(void) cvg_scan_expect(s, '}');
	}
	if (cvg_scan_word(s, "seen"))
		cvg_dotset_scan(s, out);
	else
		cvg_dotset_empty(out);
	cvg_put_bytes(out, entries.data, entries.len);
	cvg_buf_free(&entries);
}

void
cvg_map_parse_body(CvgScanner *s, const CvgCrdtOps *only, CvgBuf *out)
{
	scan_map(s, only, out, 1);
}

static void
ormap_parse(CvgScanner *s, CvgBuf *out)
{
	scan_map(s, NULL, out, 1);
}

/* A JSON object. */
static CvgStatus
ormap_parse_plain(CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	CvgSlice	json = cvg_scan_json(s);

	return cvg_scan_ok(s) ?
		cvg_crdt_from_json(&cvg_ormap_ops, json, dots, out) : s->status;
}

const CvgCrdtOps cvg_ormap_ops = {
	.tag = CVG_CRDT_ORMAP,
	.name = "ormap",
	.check = ormap_check,
	.bottom = cvg_dotset_empty,
	.merge = cvg_map_merge_body,
	.delta = cvg_map_delta_body,
	.latest = cvg_map_latest_body,
	.reset = cvg_map_reset_body,
	.print = ormap_print,
	.parse = ormap_parse,
	.assign = cvg_map_assign,
	.parse_plain = ormap_parse_plain,
};
