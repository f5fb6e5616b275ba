/*-------------------------------------------------------------------------
 *
 * lwwreg.c
 *	  Last-write-wins register.
 *
 *-------------------------------------------------------------------------
 */
#include "core/lwwreg.h"

static void
lwwreg_check(CvgReader *r)
{
	CvgDotted	item;

	if (cvg_dotted_next(r, &item) &&
		(item.dot.stamp == 0 || item.payload.len == 0))
		cvg_reader_fail(r, CVG_E_MALFORMED);
}

static inline int
item_cmp(const CvgDotted *a, const CvgDotted *b)
{
	int			c = cvg_dot_cmp(a->dot.stamp, a->dot.replica,
								b->dot.stamp, b->dot.replica);

	/* only a damaged value has another payload under the same dot */
	return c != 0 ? c : cvg_slice_cmp(a->payload, b->payload);
}

CvgStatus
cvg_lwwreg_set(CvgSlice reg, CvgDot dot, CvgSlice payload, CvgBuf *out)
{
	size_t		start = out->len;
	CvgDotted	old;
	CvgDotted	new = {dot, payload};

	if (!cvg_replica_id_valid(dot.replica))
		return CVG_E_BAD_ID;
	if (cvg_lwwreg_get(reg, &old) && item_cmp(&old, &new) >= 0)
		return CVG_E_FORBIDDEN;
	cvg_crdt_put_header(&cvg_lwwreg_ops, out);
	cvg_dotted_put(out, &new);
	return cvg_crdt_finish(CVG_OK, start, out);
}

bool
cvg_lwwreg_get(CvgSlice reg, CvgDotted *item)
{
	CvgReader	r = cvg_crdt_body(reg);

	return cvg_dotted_next(&r, item);
}

static void
lwwreg_merge(CvgReader a, CvgReader b, CvgBuf *out)
{
	CvgDotted	ia;
	CvgDotted	ib;
	bool		has_a = cvg_dotted_next(&a, &ia);
	bool		has_b = cvg_dotted_next(&b, &ib);

	if (has_a && (!has_b || item_cmp(&ia, &ib) >= 0))
		cvg_dotted_put(out, &ia);
	else if (has_b)
		cvg_dotted_put(out, &ib);
}

static void
lwwreg_delta(CvgReader old, CvgReader new, CvgBuf *out)
{
	CvgDotted	io;
	CvgDotted	in;
	bool		has_old = cvg_dotted_next(&old, &io);

	if (cvg_dotted_next(&new, &in) && (!has_old || item_cmp(&in, &io) > 0))
		cvg_dotted_put(out, &in);
}

static CvgStamp
lwwreg_latest(CvgReader r)
{
	CvgDotted	item;

	return cvg_dotted_next(&r, &item) ? item.dot.stamp : 0;
}

static void
lwwreg_print(CvgReader r, CvgBuf *out)
{
	CvgDotted	item;

	if (!cvg_dotted_next(&r, &item))
	{
		cvg_print_string(out, "unset");
		return;
	}
	cvg_print_dot(out, item.dot.replica, item.dot.stamp);
	cvg_put_u8(out, ' ');
	cvg_print_slice(out, item.payload);
}

static void
lwwreg_parse(CvgScanner *s, CvgBuf *out)
{
	CvgDotted	item;
	CvgScanner	before;

	before = *s;
	if (cvg_scan_word(s, "unset") && (cvg_scan_at_end(s) || *s->p != '@'))
		return;
	*s = before;
	item.dot.replica = cvg_scan_id(s);
	item.dot.stamp = cvg_scan_at_stamp(s);
	item.payload = cvg_scan_json(s);
	if (cvg_scan_ok(s))
		cvg_dotted_put(out, &item);
}

static CvgStatus
lwwreg_assign(CvgSlice old, CvgSlice new, CvgDotSupply *dots, CvgBuf *out)
{
	CvgDotted	is;
	CvgDotted	wanted;

	if (!cvg_lwwreg_get(new, &wanted) ||
		(cvg_lwwreg_get(old, &is) && cvg_slice_eq(is.payload, wanted.payload)))
	{
		cvg_print_slice(out, old);
		return CVG_OK;
	}
	return cvg_lwwreg_set(old, cvg_next_dot(dots), wanted.payload, out);
}

/* A JSON value alone. */
static CvgStatus
lwwreg_parse_plain(CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	CvgDotted	item;

	cvg_scan_spaces(s);
	item.payload = cvg_scan_json(s);
	if (!cvg_scan_ok(s) || !cvg_scan_at_end(s))
		return CVG_E_SYNTAX;
	item.dot = cvg_next_dot(dots);
	cvg_crdt_put_header(&cvg_lwwreg_ops, out);
	cvg_dotted_put(out, &item);
	return CVG_OK;
}

const CvgCrdtOps cvg_lwwreg_ops = {
	.tag = CVG_CRDT_LWWREG,
	.name = "lwwreg",
	.assign = lwwreg_assign,
	.parse_plain = lwwreg_parse_plain,
	.check = lwwreg_check,
	.merge = lwwreg_merge,
	.delta = lwwreg_delta,
	.latest = lwwreg_latest,
	.print = lwwreg_print,
	.parse = lwwreg_parse,
};
