/*-------------------------------------------------------------------------
 *
 * flag.c
 *	  Flags: enable wins, disable wins.
 *
 *-------------------------------------------------------------------------
 */
#include "core/flag.h"

#define DISABLED	"-"

static inline CvgSlice
enabled_payload(void)
{
	return cvg_slice(NULL, 0);
}

static bool
ewflag_payload_valid(CvgSlice payload)
{
	return payload.len == 0;
}

static bool
dwflag_payload_valid(CvgSlice payload)
{
	return payload.len == 0 || cvg_slice_eq(payload, cvg_slice_cstring(DISABLED));
}

static void
ewflag_check(CvgReader *r)
{
	cvg_dotted_check(r, ewflag_payload_valid);
}

static void
dwflag_check(CvgReader *r)
{
	cvg_dotted_check(r, dwflag_payload_valid);
}

CvgStatus
cvg_flag_set(CvgSlice flag, CvgDot dot, bool enable, CvgBuf *out)
{
	if (enable)
		return cvg_dotted_write(flag, dot, enabled_payload(), out);
	if (flag.data[1] == CVG_CRDT_DWFLAG)
		return cvg_dotted_write(flag, dot, cvg_slice_cstring(DISABLED), out);
	return cvg_crdt_reset(flag, out);
}

/* The same rule for both: an ewflag has no disables. */
static bool
items_value(CvgReader items)
{
	bool		enabled = false;
	CvgDotted	item;

	while (cvg_dotted_next(&items, &item))
	{
		if (item.payload.len > 0)
			return false;
		enabled = true;
	}
	return enabled;
}

bool
cvg_flag_value(CvgSlice flag)
{
	return items_value(cvg_dotted_begin(flag));
}

static void
print_payload(CvgSlice payload, CvgBuf *out)
{
	if (payload.len > 0)
		cvg_print_string(out, " " DISABLED);
}

static CvgSlice
scan_payload(CvgScanner *s)
{
	if (cvg_scan_char(s, DISABLED[0]))
		return cvg_slice_cstring(DISABLED);
	return enabled_payload();
}

static void
flag_print(CvgReader r, CvgBuf *out)
{
	CvgReader	items = r;

	(void) cvg_dotset_skip(&items);
	cvg_print_string(out, items_value(items) ? "true " : "false ");
	cvg_dotted_print(r, out, print_payload);
}

/* The value in front is what the rest says, or the text is refused. */
static void
flag_parse(CvgScanner *s, CvgBuf *out)
{
	const char *at = (cvg_scan_spaces(s), s->p);
	size_t		start = out->len;
	bool		given = cvg_scan_word(s, "true");
	CvgReader	items;

	if (!given)
		(void) cvg_scan_expect_word(s, "false");
	cvg_dotted_scan(s, out, scan_payload);
	if (!cvg_scan_ok(s))
		return;
	cvg_reader_init(&items, cvg_slice(out->data + start, out->len - start));
	(void) cvg_dotset_skip(&items);
	if (items_value(items) != given)
		(void) cvg_scan_fail(s, CVG_E_MALFORMED, at);
}

/* A flag that reads so already, and not by a conflict alone, stays. */
static CvgStatus
flag_assign(CvgSlice old, CvgSlice new, CvgDotSupply *dots, CvgBuf *out)
{
	bool		wanted = cvg_flag_value(new);
	CvgDot		none = {{NULL, 0}, 0};

	if (cvg_flag_value(old) == wanted)
	{
		cvg_print_slice(out, old);
		return CVG_OK;
	}
	/* to disable an ewflag takes no dot */
	if (!wanted && old.data[1] == CVG_CRDT_EWFLAG)
		return cvg_flag_set(old, none, false, out);
	return cvg_flag_set(old, cvg_next_dot(dots), wanted, out);
}

/* As boolean has it. */
static CvgStatus
parse_boolean(const CvgCrdtOps *ops, CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	bool		enabled;
	CvgBuf		bottom;
	CvgStatus	status;

	cvg_scan_spaces(s);
	enabled = cvg_scan_word(s, "true") || cvg_scan_word(s, "t") ||
		cvg_scan_word(s, "on");
	if (!enabled && !cvg_scan_word(s, "false") && !cvg_scan_word(s, "f") &&
		!cvg_scan_word(s, "off"))
		return CVG_E_SYNTAX;
	if (cvg_scan_spaces(s), !cvg_scan_at_end(s))
		return CVG_E_SYNTAX;
	cvg_buf_init(&bottom);
	cvg_crdt_bottom(ops, &bottom);
	if (enabled)
		status = cvg_flag_set(cvg_buf_slice(&bottom), cvg_next_dot(dots), true, out);
	else
	{
		/* disabled is what a flag is that nobody has enabled */
		cvg_print_slice(out, cvg_buf_slice(&bottom));
		status = CVG_OK;
	}
	cvg_buf_free(&bottom);
	return status;
}

static CvgStatus
ewflag_parse_plain(CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	return parse_boolean(&cvg_ewflag_ops, s, dots, out);
}

static CvgStatus
dwflag_parse_plain(CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	return parse_boolean(&cvg_dwflag_ops, s, dots, out);
}

const CvgCrdtOps cvg_ewflag_ops = {
	.tag = CVG_CRDT_EWFLAG,
	.name = "ewflag",
	.assign = flag_assign,
	.parse_plain = ewflag_parse_plain,
	.check = ewflag_check,
	.bottom = cvg_dotted_bottom,
	.merge = cvg_dotted_merge,
	.delta = cvg_dotted_delta,
	.latest = cvg_dotted_latest,
	.reset = cvg_dotted_reset,
	.print = flag_print,
	.parse = flag_parse,
};

const CvgCrdtOps cvg_dwflag_ops = {
	.tag = CVG_CRDT_DWFLAG,
	.name = "dwflag",
	.assign = flag_assign,
	.parse_plain = dwflag_parse_plain,
	.check = dwflag_check,
	.bottom = cvg_dotted_bottom,
	.merge = cvg_dotted_merge,
	.delta = cvg_dotted_delta,
	.latest = cvg_dotted_latest,
	.reset = cvg_dotted_reset,
	.print = flag_print,
	.parse = flag_parse,
};
