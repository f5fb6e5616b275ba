/*-------------------------------------------------------------------------
 *
 * crdt.c
 *	  Operations on CRDT values of any type, through the type's table.
 *
 *-------------------------------------------------------------------------
 */
#include "core/crdt.h"

#include "core/bcounter.h"
#include "core/cart.h"
#include "core/counter.h"
#include "core/document.h"
#include "core/extremum.h"
#include "core/flag.h"
#include "core/gset.h"
#include "core/lwwreg.h"
#include "core/mvreg.h"
#include "core/orset.h"
#include "core/rwset.h"
#include "core/twopset.h"

/* All types, by tag. */
static const CvgCrdtOps *const types[] = {
	[CVG_CRDT_GCOUNTER] = &cvg_gcounter_ops,
	[CVG_CRDT_PNCOUNTER] = &cvg_pncounter_ops,
	[CVG_CRDT_BCOUNTER] = &cvg_bcounter_ops,
	[CVG_CRDT_MAXREG] = &cvg_maxreg_ops,
	[CVG_CRDT_MINREG] = &cvg_minreg_ops,
	[CVG_CRDT_LWWREG] = &cvg_lwwreg_ops,
	[CVG_CRDT_MVREG] = &cvg_mvreg_ops,
	[CVG_CRDT_EWFLAG] = &cvg_ewflag_ops,
	[CVG_CRDT_DWFLAG] = &cvg_dwflag_ops,
	[CVG_CRDT_GSET] = &cvg_gset_ops,
	[CVG_CRDT_TWOPSET] = &cvg_twopset_ops,
	[CVG_CRDT_ORSET] = &cvg_orset_ops,
	[CVG_CRDT_RWSET] = &cvg_rwset_ops,
	[CVG_CRDT_DOCUMENT] = &cvg_document_ops,
	[CVG_CRDT_ORMAP] = &cvg_ormap_ops,
	[CVG_CRDT_CART] = &cvg_cart_ops,
};

const CvgCrdtOps *
cvg_crdt_ops(uint8 tag)
{
	return tag < lengthof(types) ? types[tag] : NULL;
}

const CvgCrdtOps *
cvg_crdt_ops_by_name(CvgSlice name)
{
	int			i;

	for (i = 0; i < lengthof(types); i++)
	{
		if (types[i] != NULL &&
			cvg_slice_eq(name, cvg_slice_cstring(types[i]->name)))
			return types[i];
	}
	return NULL;
}

/* The type of a valid value. */
static const CvgCrdtOps *
ops_of(CvgSlice value)
{
	Assert(value.len >= CVG_CRDT_HEADER);
	Assert(cvg_crdt_ops(value.data[1]) != NULL);
	return cvg_crdt_ops(value.data[1]);
}

void
cvg_crdt_put_header(const CvgCrdtOps *ops, CvgBuf *out)
{
	cvg_put_u8(out, CVG_CRDT_VERSION);
	cvg_put_u8(out, (uint8) ops->tag);
	cvg_put_u8(out, 0);
}

void
cvg_crdt_put_header_of(CvgSlice value, CvgBuf *out)
{
	cvg_crdt_put_header(ops_of(value), out);
}

void
cvg_crdt_put_unflagged(CvgSlice value, CvgBuf *out)
{
	cvg_crdt_put_header_of(value, out);
	cvg_print_slice(out, cvg_slice(value.data + CVG_CRDT_HEADER,
								   value.len - CVG_CRDT_HEADER));
}

CvgStatus
cvg_crdt_finish(CvgStatus status, size_t start, CvgBuf *out)
{
	if (status == CVG_OK && out->len - start > CVG_CRDT_MAX_BYTES)
		status = CVG_E_LIMIT;
	if (status != CVG_OK)
		out->len = start;
	return status;
}

/*
 * Everything that other functions rely on is checked: header, size, and the
 * body by its type, to the last byte.
 */
CvgStatus
cvg_crdt_validate(const CvgCrdtOps *ops, CvgSlice value, CvgError *err)
{
	CvgReader	r;
	const CvgCrdtOps *found;

	if (value.len > CVG_CRDT_MAX_BYTES)
		return cvg_fail(err, CVG_E_LIMIT, 0);
	cvg_reader_init(&r, value);
	if (cvg_get_u8(&r) != CVG_CRDT_VERSION)
		return cvg_fail(err, value.len == 0 ? CVG_E_TRUNCATED : CVG_E_VERSION, 0);
	found = cvg_crdt_ops(cvg_get_u8(&r));
	if (!cvg_reader_ok(&r))
		return cvg_fail(err, r.status, 1);
	if (found == NULL || (ops != NULL && ops != found))
		return cvg_fail(err, CVG_E_MALFORMED, 1);
	if ((cvg_get_u8(&r) & ~CVG_CRDT_PLAIN) != 0)
		return cvg_fail(err, CVG_E_VERSION, 2);
	if (cvg_reader_ok(&r))
		found->check(&r);
	return cvg_reader_finish(&r, err);
}

void
cvg_crdt_bottom(const CvgCrdtOps *ops, CvgBuf *out)
{
	cvg_crdt_put_header(ops, out);
	if (ops->bottom != NULL)
		ops->bottom(out);
}

CvgStatus
cvg_crdt_merge(CvgSlice a, CvgSlice b, CvgBuf *out)
{
	const CvgCrdtOps *ops = ops_of(a);
	size_t		start = out->len;

	Assert(ops == ops_of(b));
	cvg_crdt_put_header(ops, out);
	ops->merge(cvg_crdt_body(a), cvg_crdt_body(b), out);
	return cvg_crdt_finish(CVG_OK, start, out);
}

CvgStatus
cvg_crdt_delta(CvgSlice old, CvgSlice new, CvgBuf *out)
{
	const CvgCrdtOps *ops = ops_of(old);
	size_t		start = out->len;

	Assert(ops == ops_of(new));
	cvg_crdt_put_header(ops, out);
	ops->delta(cvg_crdt_body(old), cvg_crdt_body(new), out);
	return cvg_crdt_finish(CVG_OK, start, out);
}

bool
cvg_crdt_eq(CvgSlice a, CvgSlice b)
{
	return a.len == b.len && memcmp(a.data, b.data, 2) == 0 &&
		memcmp(a.data + CVG_CRDT_HEADER, b.data + CVG_CRDT_HEADER,
			   a.len - CVG_CRDT_HEADER) == 0;
}

CvgStatus
cvg_crdt_assign(CvgSlice old, CvgSlice new, bool plain, CvgDotSupply *dots,
				CvgBuf *out)
{
	const CvgCrdtOps *ops = ops_of(old);
	size_t		start = out->len;
	CvgStatus	status;

	Assert(ops == ops_of(new));
	if (ops->assign == NULL || !(plain || cvg_crdt_is_plain(new)))
		return cvg_crdt_merge(old, new, out);
	status = ops->assign(old, new, dots, out);
	if (status == CVG_OK)
		out->data[start + 2] = 0;
	return cvg_crdt_finish(status, start, out);
}

CvgStamp
cvg_crdt_latest(CvgSlice value)
{
	return ops_of(value)->latest(cvg_crdt_body(value));
}

/* By the definition of the order, as equal states are equal bytes. */
CvgOrder
cvg_crdt_compare(CvgSlice a, CvgSlice b)
{
	const CvgCrdtOps *ops = ops_of(a);
	CvgBuf		buf;
	CvgSlice	merged;
	CvgOrder	order = CVG_CONCURRENT;

	if (cvg_crdt_eq(a, b))
		return CVG_EQUAL;
	cvg_buf_init(&buf);
	cvg_crdt_put_header(ops, &buf);
	ops->merge(cvg_crdt_body(a), cvg_crdt_body(b), &buf);
	merged = cvg_buf_slice(&buf);
	if (cvg_crdt_eq(merged, b))
		order = CVG_BEFORE;
	else if (cvg_crdt_eq(merged, a))
		order = CVG_AFTER;
	cvg_buf_free(&buf);
	return order;
}

CvgStatus
cvg_crdt_reset(CvgSlice value, CvgBuf *out)
{
	const CvgCrdtOps *ops = ops_of(value);
	size_t		start = out->len;

	if (ops->reset == NULL)
		return CVG_E_FORBIDDEN;
	cvg_crdt_put_header(ops, out);
	ops->reset(cvg_crdt_body(value), out);
	return cvg_crdt_finish(CVG_OK, start, out);
}

void
cvg_crdt_print(CvgSlice value, CvgBuf *out)
{
	ops_of(value)->print(cvg_crdt_body(value), out);
}

/*
 * What is not canonical in a text (order, duplicates, zeros) is found by
 * the same check that bytes go through; the place is then the form's start.
 */
void
cvg_crdt_scan(const CvgCrdtOps *ops, CvgScanner *s, CvgBuf *out)
{
	size_t		start = out->len;
	const char *at;
	CvgError	err;

	cvg_scan_spaces(s);
	at = s->p;
	cvg_crdt_put_header(ops, out);
	ops->parse(s, out);
	if (cvg_scan_ok(s) &&
		cvg_crdt_validate(ops, cvg_slice(out->data + start, out->len - start),
						  &err) != CVG_OK)
		(void) cvg_scan_fail(s, err.status, at);
	(void) cvg_crdt_finish(s->status, start, out);
}

CvgStatus
cvg_crdt_parse(const CvgCrdtOps *ops, CvgSlice text, CvgBuf *out, CvgError *err)
{
	CvgScanner	s;
	size_t		start = out->len;

	cvg_scan_init(&s, text);
	cvg_crdt_scan(ops, &s, out);
	if (cvg_scan_ok(&s) && !cvg_scan_at_end(&s))
		(void) cvg_scan_fail(&s, CVG_E_SYNTAX, s.p);
	if (cvg_scan_ok(&s))
		return CVG_OK;
	out->len = start;
	return cvg_fail(err, s.status, s.offset);
}

CvgStatus
cvg_crdt_parse_plain(const CvgCrdtOps *ops, CvgSlice text, CvgDotSupply *dots,
					 CvgBuf *out, CvgError *err)
{
	CvgScanner	s;
	size_t		start = out->len;
	CvgStatus	status;

	if (ops->parse_plain == NULL)
		return cvg_fail(err, CVG_E_SYNTAX, 0);
	cvg_scan_init(&s, text);
	status = ops->parse_plain(&s, dots, out);
	if (status == CVG_OK && cvg_scan_ok(&s) && !cvg_scan_at_end(&s))
		(void) cvg_scan_fail(&s, CVG_E_SYNTAX, s.p);
	if (status == CVG_OK)
		status = s.status;
	status = cvg_crdt_finish(status, start, out);
	if (status != CVG_OK)
		return cvg_fail(err, status, s.offset);
	cvg_crdt_set_plain(out, start);
	return CVG_OK;
}
