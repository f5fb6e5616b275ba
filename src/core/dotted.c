/*-------------------------------------------------------------------------
 *
 * dotted.c
 *	  Few values, each with the dot of the update that wrote it.
 *
 *-------------------------------------------------------------------------
 */
#include "core/dotted.h"

CvgReader
cvg_dotted_begin(CvgSlice value)
{
	CvgReader	r = cvg_crdt_body(value);

	(void) cvg_dotset_skip(&r);
	return r;
}

bool
cvg_dotted_next(CvgReader *items, CvgDotted *item)
{
	if (!cvg_reader_ok(items) || cvg_reader_at_end(items))
		return false;
	item->dot.replica = cvg_get_replica_id(items);
	item->dot.stamp = cvg_get_stamp(items);
	item->payload = cvg_get_slice(items, CVG_CRDT_MAX_BYTES);
	return cvg_reader_ok(items);
}

void
cvg_dotted_put(CvgBuf *out, const CvgDotted *item)
{
	cvg_put_slice(out, item->dot.replica);
	cvg_put_varint(out, (uint64) item->dot.stamp);
	cvg_put_slice(out, item->payload);
}

void
cvg_dotted_check(CvgReader *r, bool (*valid) (CvgSlice payload))
{
	CvgReader	dead = *r;
	CvgDotted	item;
	CvgDot		previous = {{NULL, 0}, 0};

	cvg_dotset_check(r);
	while (cvg_dotted_next(r, &item))
	{
		if (item.dot.stamp == 0 || cvg_dot_id_cmp(previous, item.dot) >= 0 ||
			cvg_dotset_contains(dead, item.dot))
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
		if (!valid(item.payload))
			cvg_reader_fail(r, CVG_E_MALFORMED);
		previous = item.dot;
	}
}

void
cvg_dotted_bottom(CvgBuf *out)
{
	cvg_dotset_empty(out);
}

void
cvg_dotted_merge(CvgReader a, CvgReader b, CvgBuf *out)
{
	CvgReader	dead_a = a;
	CvgReader	dead_b = b;
	CvgDotted	ia;
	CvgDotted	ib;
	bool		has_a;
	bool		has_b;

	cvg_dotset_union(a, b, out);
	(void) cvg_dotset_skip(&a);
	(void) cvg_dotset_skip(&b);
	has_a = cvg_dotted_next(&a, &ia);
	has_b = cvg_dotted_next(&b, &ib);
	while (has_a || has_b)
	{
		int			c = !has_a ? 1 : (!has_b ? -1 : cvg_dot_id_cmp(ia.dot, ib.dot));

		/* only a damaged value has another payload under the same dot */
		if (c == 0)
			cvg_dotted_put(out, cvg_slice_cmp(ia.payload, ib.payload) >= 0 ? &ia : &ib);
		else if (c < 0 && !cvg_dotset_contains(dead_b, ia.dot))
			cvg_dotted_put(out, &ia);
		else if (c > 0 && !cvg_dotset_contains(dead_a, ib.dot))
			cvg_dotted_put(out, &ib);
		if (c <= 0)
			has_a = cvg_dotted_next(&a, &ia);
		if (c >= 0)
			has_b = cvg_dotted_next(&b, &ib);
	}
}

void
cvg_dotted_delta(CvgReader old, CvgReader new, CvgBuf *out)
{
	CvgDotted	io;
	CvgDotted	in;
	bool		has_old;

	cvg_dotset_minus(new, old, out);
	(void) cvg_dotset_skip(&old);
	(void) cvg_dotset_skip(&new);
	has_old = cvg_dotted_next(&old, &io);
	while (cvg_dotted_next(&new, &in))
	{
		while (has_old && cvg_dot_id_cmp(io.dot, in.dot) < 0)
			has_old = cvg_dotted_next(&old, &io);
		if (!has_old || cvg_dot_id_cmp(io.dot, in.dot) != 0 ||
			cvg_slice_cmp(io.payload, in.payload) < 0)
			cvg_dotted_put(out, &in);
	}
}

CvgStamp
cvg_dotted_latest(CvgReader r)
{
	CvgStamp	latest = cvg_dotset_latest(r);
	CvgDotted	item;

	(void) cvg_dotset_skip(&r);
	while (cvg_dotted_next(&r, &item))
		latest = Max(latest, item.dot.stamp);
	return latest;
}

/* Everything live dies; one value may be written. */
static void
supersede(CvgReader r, const CvgDotted *written, CvgBuf *out)
{
	CvgReader	dead = r;
	CvgReader	items;
	CvgDotted	item;
	CvgDot	   *dots;
	int			n = 0;

	(void) cvg_dotset_skip(&r);
	for (items = r; cvg_dotted_next(&items, &item);)
		n++;
	dots = palloc(sizeof(CvgDot) * (n + 1));
	n = 0;
	while (cvg_dotted_next(&r, &item))
		dots[n++] = item.dot;
	cvg_dotset_add(dead, dots, n, written ? &written->dot : NULL,
				   written ? 1 : 0, out);
	pfree(dots);
	if (written)
		cvg_dotted_put(out, written);
}

void
cvg_dotted_reset(CvgReader r, CvgBuf *out)
{
	supersede(r, NULL, out);
}

CvgStatus
cvg_dotted_write(CvgSlice value, CvgDot dot, CvgSlice payload, CvgBuf *out)
{
	CvgReader	r = cvg_crdt_body(value);
	size_t		start = out->len;
	CvgDotted	written = {dot, payload};

	if (!cvg_replica_id_valid(dot.replica))
		return CVG_E_BAD_ID;
	if (dot.stamp <= cvg_dotted_latest(r))
		return CVG_E_FORBIDDEN;
	cvg_crdt_put_header_of(value, out);
	supersede(r, &written, out);
	return cvg_crdt_finish(CVG_OK, start, out);
}

void
cvg_dotted_print(CvgReader r, CvgBuf *out,
				 void (*print) (CvgSlice payload, CvgBuf *out))
{
	CvgReader	dead = r;
	const char *separator = "";
	bool		any_dead = cvg_dotset_skip(&r).len > 1;
	CvgDotted	item;

	cvg_put_u8(out, '[');
	while (cvg_dotted_next(&r, &item))
	{
		cvg_print_string(out, separator);
		cvg_print_dot(out, item.dot.replica, item.dot.stamp);
		print(item.payload, out);
		separator = ", ";
	}
	cvg_put_u8(out, ']');
	if (any_dead)
	{
		cvg_print_string(out, " seen ");
		cvg_dotset_print(dead, out);
	}
}

void
cvg_dotted_scan(CvgScanner *s, CvgBuf *out, CvgSlice (*scan) (CvgScanner *s))
{
	CvgBuf		items;

	if (!cvg_scan_expect(s, '['))
		return;
	cvg_buf_init(&items);
	if (!cvg_scan_char(s, ']'))
	{
		do
		{
			CvgDotted	item;

			item.dot.replica = cvg_scan_id(s);
			item.dot.stamp = cvg_scan_at_stamp(s);
			item.payload = scan(s);
			if (cvg_scan_ok(s))
				cvg_dotted_put(&items, &item);
		} while (cvg_scan_char(s, ','));
		(void) cvg_scan_expect(s, ']');
	}
	if (cvg_scan_word(s, "seen"))
		cvg_dotset_scan(s, out);
	else
		cvg_dotset_empty(out);
	cvg_put_bytes(out, items.data, items.len);
	cvg_buf_free(&items);
}
