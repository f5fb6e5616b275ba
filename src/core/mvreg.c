/*-------------------------------------------------------------------------
 *
 * mvreg.c
 *	  Multi-value register: keeps exactly the concurrent values.
 *
 *-------------------------------------------------------------------------
 */
#include "core/mvreg.h"

static bool
payload_valid(CvgSlice payload)
{
	return payload.len > 0;
}

static void
mvreg_check(CvgReader *r)
{
	cvg_dotted_check(r, payload_valid);
}

int
cvg_mvreg_count(CvgSlice reg)
{
	CvgReader	items = cvg_dotted_begin(reg);
	CvgDotted	item;
	int			n = 0;

	while (cvg_dotted_next(&items, &item))
		n++;
	return n;
}

bool
cvg_mvreg_latest(CvgSlice reg, CvgDotted *item)
{
	CvgReader	items = cvg_dotted_begin(reg);
	CvgDotted	next;
	bool		found = false;

	while (cvg_dotted_next(&items, &next))
	{
		if (!found || cvg_dot_cmp(next.dot.stamp, next.dot.replica,
								  item->dot.stamp, item->dot.replica) > 0)
			*item = next;
		found = true;
	}
	return found;
}

static void
print_payload(CvgSlice payload, CvgBuf *out)
{
	cvg_put_u8(out, ' ');
	cvg_print_slice(out, payload);
}

static void
mvreg_print(CvgReader r, CvgBuf *out)
{
	cvg_dotted_print(r, out, print_payload);
}

static void
mvreg_parse(CvgScanner *s, CvgBuf *out)
{
	cvg_dotted_scan(s, out, cvg_scan_json);
}

static CvgStatus
mvreg_assign(CvgSlice old, CvgSlice new, CvgDotSupply *dots, CvgBuf *out)
{
	CvgDotted	is;
	CvgDotted	wanted;
	int			count = cvg_mvreg_count(old);

	if (!cvg_mvreg_latest(new, &wanted))
		return cvg_crdt_reset(old, out);
	if (count == 1 && cvg_mvreg_latest(old, &is) &&
		cvg_slice_eq(is.payload, wanted.payload))
	{
		cvg_print_slice(out, old);
		return CVG_OK;
	}
	return cvg_dotted_write(old, cvg_next_dot(dots), wanted.payload, out);
}

/* A JSON value alone. */
static CvgStatus
mvreg_parse_plain(CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	CvgSlice	json;
	CvgBuf		bottom;
	CvgStatus	status;

	cvg_scan_spaces(s);
	json = cvg_scan_json(s);
	if (!cvg_scan_ok(s) || !cvg_scan_at_end(s))
		return CVG_E_SYNTAX;
	cvg_buf_init(&bottom);
	cvg_crdt_bottom(&cvg_mvreg_ops, &bottom);
	status = cvg_dotted_write(cvg_buf_slice(&bottom), cvg_next_dot(dots), json, out);
	cvg_buf_free(&bottom);
	return status;
}

const CvgCrdtOps cvg_mvreg_ops = {
	.tag = CVG_CRDT_MVREG,
	.name = "mvreg",
	.assign = mvreg_assign,
	.parse_plain = mvreg_parse_plain,
	.check = mvreg_check,
	.bottom = cvg_dotted_bottom,
	.merge = cvg_dotted_merge,
	.delta = cvg_dotted_delta,
	.latest = cvg_dotted_latest,
	.reset = cvg_dotted_reset,
	.print = mvreg_print,
	.parse = mvreg_parse,
};
