/*-------------------------------------------------------------------------
 *
 * bcounter_type.c
 *	  Type converge.bcounter.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "common/int.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "core/bcounter.h"
#include "types/crdt_type.h"

/* So many holders are named in an error message. */
#define MAX_NAMED	20

CVG_CRDT_TYPE(bcounter, &cvg_bcounter_ops, NULL);

CVG_FUNCTION(bcounter_new)
{
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	(void) cvg_bcounter_new(PG_GETARG_INT64(0), &buf);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

static int64
clamp_int64(int128 v)
{
	return v < PG_INT64_MIN ? PG_INT64_MIN :
		(v > PG_INT64_MAX ? PG_INT64_MAX : (int64) v);
}

/* "london 3, paris 4": who holds rights, as far as one line can say. */
static char *
describe_holders(CvgSlice counter)
{
	StringInfoData text;
	CvgRights  *rights;
	int			n;
	int			named = 0;
	int			i;

	initStringInfo(&text);
	rights = cvg_bcounter_rights(counter, &n);
	for (i = 0; i < n; i++)
	{
		if (rights[i].held == 0)
			continue;
		if (named++ >= MAX_NAMED)
		{
			appendStringInfoString(&text, ", ...");
			break;
		}
		appendStringInfo(&text, "%s%.*s " INT64_FORMAT, named > 1 ? ", " : "",
						 (int) rights[i].replica.len,
						 (const char *) rights[i].replica.data,
						 clamp_int64(rights[i].held));
	}
	return named > 0 ? text.data : "nobody";
}

/* Raise an error unless this node holds n rights. */
static void
require_rights(CvgSlice counter, CvgSlice replica, int64 n)
{
	int128		held = cvg_bcounter_held(counter, replica);

	if (held >= n)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("node \"%.*s\" cannot take " INT64_FORMAT " from the bounded counter, as it holds rights to " INT64_FORMAT,
					(int) replica.len, (const char *) replica.data,
					n, clamp_int64(held)),
			 errdetail("The bound is " INT64_FORMAT ". Rights to what is above it are held by: %s.",
					   cvg_bcounter_bound(counter), describe_holders(counter)),
			 errhint("A node that holds rights can hand some over with converge.transfer().")));
}

/* The counter with n more, or with -n less. */
static Datum
bcounter_change(CvgSlice counter, int64 n)
{
	CvgStatus	status;
	CvgDot		dot;
	CvgBuf		buf;
	int64		less;

	if (n == 0)
		return cvg_crdt_unchanged(counter);
	dot = cvg_draw_dot(counter);
	cvg_varlena_begin(&buf);
	if (n > 0)
		status = cvg_bcounter_add(counter, dot, n, &buf);
	else if (pg_sub_s64_overflow(0, n, &less))
		status = CVG_E_OVERFLOW;
	else
	{
		require_rights(counter, dot.replica, less);
		status = cvg_bcounter_take(counter, dot, less, &buf);
	}
	cvg_crdt_check_status(status, counter);
	return cvg_varlena_finish(&buf);
}

CVG_FUNCTION(bcounter_plus)
{
	PG_RETURN_DATUM(bcounter_change(PG_GETARG_CVG_SLICE(0), PG_GETARG_INT64(1)));
}

CVG_FUNCTION(bcounter_minus)
{
	int64		n;

	if (pg_sub_s64_overflow(0, PG_GETARG_INT64(1), &n))
		cvg_crdt_check_status(CVG_E_OVERFLOW, PG_GETARG_CVG_SLICE(0));
	PG_RETURN_DATUM(bcounter_change(PG_GETARG_CVG_SLICE(0), n));
}

/* Casts; a constructor with one argument takes the bound. */
CVG_FUNCTION(bcounter_from_bigint)
{
	return cvg_crdt_plain(bcounter_change(cvg_crdt_empty_slice(&cvg_bcounter_ops),
										  PG_GETARG_INT64(0)));
}

CVG_FUNCTION(bcounter_from_integer)
{
	return cvg_crdt_plain(bcounter_change(cvg_crdt_empty_slice(&cvg_bcounter_ops),
										  PG_GETARG_INT32(0)));
}

CVG_FUNCTION(bcounter_transfer)
{
	CvgSlice	counter = PG_GETARG_CVG_SLICE(0);
	CvgSlice	to = PG_GETARG_CVG_SLICE(1);
	int64		n = PG_GETARG_INT64(2);
	CvgDot		dot;
	CvgBuf		buf;

	if (!cvg_replica_id_valid(to))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid replica id \"%.*s\"",
						(int) to.len, (const char *) to.data)));
	if (n <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of rights to transfer must be positive")));
	dot = cvg_draw_dot(counter);
	if (cvg_slice_eq(to, dot.replica))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot transfer rights from node \"%.*s\" to itself",
						(int) to.len, (const char *) to.data)));
	require_rights(counter, dot.replica, n);
	cvg_varlena_begin(&buf);
	cvg_crdt_check_status(cvg_bcounter_transfer(counter, dot, to, n, &buf),
						  counter);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

CVG_FUNCTION(bcounter_rights)
{
	CvgSlice	counter = PG_GETARG_CVG_SLICE(0);
	ReturnSetInfo *rsi = cvg_srf_begin(fcinfo);
	int			n;
	CvgRights  *rights = cvg_bcounter_rights(counter, &n);
	int			i;

	for (i = 0; i < n; i++)
	{
		Datum		values[2];

		if (rights[i].held != clamp_int64(rights[i].held))
			cvg_crdt_check_status(CVG_E_OVERFLOW, counter);
		values[0] = cvg_id_text(rights[i].replica);
		values[1] = Int64GetDatum((int64) rights[i].held);
		cvg_srf_put(rsi, values, NULL);
	}
	return (Datum) 0;
}

CVG_FUNCTION(bcounter_bound)
{
	PG_RETURN_INT64(cvg_bcounter_bound(PG_GETARG_CVG_SLICE(0)));
}

static int64
bcounter_arg(FunctionCallInfo fcinfo, int n)
{
	CvgSlice	counter = PG_GETARG_CVG_SLICE(n);
	int64		value;

	cvg_crdt_check_status(cvg_bcounter_value(counter, &value), counter);
	return value;
}

CVG_FUNCTION(bcounter_value)
{
	PG_RETURN_INT64(bcounter_arg(fcinfo, 0));
}

/* Comparison of the value with a number, which may stand on either side. */
#define COMPARE(name, op) \
	CVG_FUNCTION(bcounter_##name##_bigint) \
	{ PG_RETURN_BOOL(bcounter_arg(fcinfo, 0) op PG_GETARG_INT64(1)); } \
	CVG_FUNCTION(bigint_##name##_bcounter) \
	{ PG_RETURN_BOOL(PG_GETARG_INT64(0) op bcounter_arg(fcinfo, 1)); } \
	extern int	cvg_bcounter_##name##_needs_semicolon

COMPARE(eq, ==);
COMPARE(ne, !=);
COMPARE(lt, <);
COMPARE(le, <=);
COMPARE(gt, >);
COMPARE(ge, >=);
