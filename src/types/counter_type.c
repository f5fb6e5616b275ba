/*-------------------------------------------------------------------------
 *
 * counter_type.c
 *	  Types converge.gcounter and converge.pncounter.
 *
 * Reads and merges are immutable.  An update takes a dot of this node at
 * this moment, so it is volatile.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "common/int.h"

#include "core/counter.h"
#include "errors.h"
#include "types/crdt_type.h"

CVG_CRDT_TYPE(gcounter, &cvg_gcounter_ops, NULL);
CVG_CRDT_TYPE(pncounter, &cvg_pncounter_ops, NULL);

/* The counter with n more. */
static Datum
counter_add(CvgSlice counter, int64 n)
{
	CvgDot		dot;
	CvgBuf		buf;

	if (n < 0 && counter.data[1] == CVG_CRDT_GCOUNTER)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot add a negative number to a grow-only counter"),
				 errhint("Use type converge.pncounter for a counter that goes down.")));
	if (n == 0)
		return cvg_crdt_unchanged(counter);
	dot = cvg_draw_dot(counter);
	cvg_varlena_begin(&buf);
	cvg_crdt_check_status(cvg_counter_add(counter, dot.replica, dot.stamp, n,
										  &buf), counter);
	return cvg_varlena_finish(&buf);
}

/* counter + n */
CVG_FUNCTION(counter_plus)
{
	PG_RETURN_DATUM(counter_add(PG_GETARG_CVG_SLICE(0), PG_GETARG_INT64(1)));
}

/* counter - n */
CVG_FUNCTION(counter_minus)
{
	int64		n;

	if (pg_sub_s64_overflow(0, PG_GETARG_INT64(1), &n))
		cvg_crdt_check_status(CVG_E_OVERFLOW, PG_GETARG_CVG_SLICE(0));
	PG_RETURN_DATUM(counter_add(PG_GETARG_CVG_SLICE(0), n));
}

static Datum
from_plain(CvgSlice empty, int64 n)
{
	return cvg_crdt_plain(counter_add(empty, n));
}

CVG_FUNCTION(gcounter_from_bigint)
{
	return from_plain(cvg_crdt_empty_slice(&cvg_gcounter_ops), PG_GETARG_INT64(0));
}

CVG_FUNCTION(pncounter_from_bigint)
{
	return from_plain(cvg_crdt_empty_slice(&cvg_pncounter_ops), PG_GETARG_INT64(0));
}

CVG_FUNCTION(gcounter_from_integer)
{
	return from_plain(cvg_crdt_empty_slice(&cvg_gcounter_ops), PG_GETARG_INT32(0));
}

CVG_FUNCTION(pncounter_from_integer)
{
	return from_plain(cvg_crdt_empty_slice(&cvg_pncounter_ops), PG_GETARG_INT32(0));
}

CVG_FUNCTION(counter_reset)
{
	return cvg_crdt_reset_arg(fcinfo);
}

static int64
counter_arg(FunctionCallInfo fcinfo, int n)
{
	CvgSlice	counter = PG_GETARG_CVG_SLICE(n);
	int64		value;

	cvg_crdt_check_status(cvg_counter_value(counter, &value), counter);
	return value;
}

CVG_FUNCTION(counter_value)
{
	PG_RETURN_INT64(counter_arg(fcinfo, 0));
}

CVG_FUNCTION(counter_contributions)
{
	CvgReader	r = cvg_crdt_body(PG_GETARG_CVG_SLICE(0));
	ReturnSetInfo *rsi = cvg_srf_begin(fcinfo);
	CvgSlice	id;
	int64		amount;

	while (cvg_counter_next(&r, &id, &amount))
	{
		Datum		values[2];

		values[0] = cvg_id_text(id);
		values[1] = Int64GetDatum(amount);
		cvg_srf_put(rsi, values, NULL);
	}
	cvg_crdt_check_status(r.status, PG_GETARG_CVG_SLICE(0));
	return (Datum) 0;
}

/* Comparison of the value with a number, which may stand on either side. */
#define COMPARE(name, op) \
	CVG_FUNCTION(counter_##name##_bigint) \
	{ PG_RETURN_BOOL(counter_arg(fcinfo, 0) op PG_GETARG_INT64(1)); } \
	CVG_FUNCTION(bigint_##name##_counter) \
	{ PG_RETURN_BOOL(PG_GETARG_INT64(0) op counter_arg(fcinfo, 1)); } \
	extern int	cvg_counter_##name##_needs_semicolon

COMPARE(eq, ==);
COMPARE(ne, !=);
COMPARE(lt, <);
COMPARE(le, <=);
COMPARE(gt, >);
COMPARE(ge, >=);
