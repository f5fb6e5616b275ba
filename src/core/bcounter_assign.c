/*-------------------------------------------------------------------------
 *
 * bcounter_assign.c
 *	  Plain values of a bounded counter.
 *
 *-------------------------------------------------------------------------
 */
#include "core/bcounter.h"

#include "common/int.h"

/*
 * By the difference of the values, as far as the rights held here go; the
 * bound stays.
 */
CvgStatus
cvg_bcounter_assign(CvgSlice old, CvgSlice new, CvgDotSupply *dots, CvgBuf *out)
{
	int64		from;
	int64		to;
	int64		n;

	if (cvg_bcounter_value(old, &from) != CVG_OK ||
		cvg_bcounter_value(new, &to) != CVG_OK ||
		pg_sub_s64_overflow(to, from, &n) || n == PG_INT64_MIN)
		return CVG_E_OVERFLOW;
	if (n == 0)
	{
		cvg_print_slice(out, old);
		return CVG_OK;
	}
	return n > 0 ? cvg_bcounter_add(old, cvg_next_dot(dots), n, out) :
		cvg_bcounter_take(old, cvg_next_dot(dots), -n, out);
}

/* A number alone: with the bound 0. */
CvgStatus
cvg_bcounter_parse_plain(CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	int64		n = cvg_scan_int64(s);
	CvgBuf		bottom;
	CvgStatus	status;

	if (!cvg_scan_ok(s) || !cvg_scan_at_end(s))
		return CVG_E_SYNTAX;
	if (n < 0)
		return CVG_E_FORBIDDEN;
	cvg_buf_init(&bottom);
	cvg_crdt_bottom(&cvg_bcounter_ops, &bottom);
	if (n > 0)
		status = cvg_bcounter_add(cvg_buf_slice(&bottom), cvg_next_dot(dots), n, out);
	else
	{
		cvg_print_slice(out, cvg_buf_slice(&bottom));
		status = CVG_OK;
	}
	cvg_buf_free(&bottom);
	return status;
}
