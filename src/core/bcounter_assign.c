/*-------------------------------------------------------------------------
 *
 * bcounter_assign.c
 *	  Plain assignment to a bounded counter.
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
