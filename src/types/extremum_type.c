/*-------------------------------------------------------------------------
 *
 * extremum_type.c
 *	  Types converge.maxreg and converge.minreg.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "core/extremum.h"
#include "errors.h"
#include "types/crdt_type.h"

CVG_CRDT_TYPE(maxreg, &cvg_maxreg_ops, NULL);
CVG_CRDT_TYPE(minreg, &cvg_minreg_ops, NULL);

static void
report_other_kind(CvgSlice reg, const char *wanted)
{
	bool		number = cvg_extremum_get(reg).kind == CVG_EXTREMUM_NUMBER;

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("value of type %s holds a %s, not a %s",
					cvg_crdt_type_name(reg),
					number ? "numeric" : "timestamp with time zone", wanted)));
}

static Datum
see_numeric(CvgSlice reg, Datum number)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, number));
	CvgStatus	status;
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	status = cvg_extremum_see_number(reg, cvg_slice_cstring(text), &buf);
	if (status == CVG_E_FORBIDDEN)
		report_other_kind(reg, "numeric");
	cvg_crdt_check_status(status, reg);
	return cvg_varlena_finish(&buf);
}

static Datum
see_time(CvgSlice reg, TimestampTz time)
{
	CvgStatus	status;
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	status = cvg_extremum_see_time(reg, time, &buf);
	if (status == CVG_E_FORBIDDEN)
		report_other_kind(reg, "timestamp with time zone");
	cvg_crdt_check_status(status, reg);
	return cvg_varlena_finish(&buf);
}

CVG_FUNCTION(extremum_set_numeric)
{
	PG_RETURN_DATUM(see_numeric(PG_GETARG_CVG_SLICE(0), PG_GETARG_DATUM(1)));
}

CVG_FUNCTION(extremum_set_timestamptz)
{
	PG_RETURN_DATUM(see_time(PG_GETARG_CVG_SLICE(0), PG_GETARG_TIMESTAMPTZ(1)));
}

/* Constructors from plain values. */
#define CONSTRUCTORS(type) \
	CVG_FUNCTION(type##_from_numeric) \
	{ \
		PG_RETURN_DATUM(see_numeric(cvg_crdt_empty_slice(&cvg_##type##_ops), \
									PG_GETARG_DATUM(0))); \
	} \
	CVG_FUNCTION(type##_from_bigint) \
	{ \
		Numeric		n = int64_to_numeric(PG_GETARG_INT64(0)); \
		PG_RETURN_DATUM(see_numeric(cvg_crdt_empty_slice(&cvg_##type##_ops), \
									NumericGetDatum(n))); \
	} \
	CVG_FUNCTION(type##_from_integer) \
	{ \
		Numeric		n = int64_to_numeric(PG_GETARG_INT32(0)); \
		PG_RETURN_DATUM(see_numeric(cvg_crdt_empty_slice(&cvg_##type##_ops), \
									NumericGetDatum(n))); \
	} \
	CVG_FUNCTION(type##_from_timestamptz) \
	{ \
		PG_RETURN_DATUM(see_time(cvg_crdt_empty_slice(&cvg_##type##_ops), \
								 PG_GETARG_TIMESTAMPTZ(0))); \
	} \
	extern int	cvg_##type##_constructors_need_semicolon

CONSTRUCTORS(maxreg);
CONSTRUCTORS(minreg);

/* The value as a plain one; false if the register is empty. */
static bool
get_numeric(CvgSlice reg, Datum *number)
{
	CvgExtremum e = cvg_extremum_get(reg);

	if (e.kind == CVG_EXTREMUM_EMPTY)
		return false;
	if (e.kind != CVG_EXTREMUM_NUMBER)
		report_other_kind(reg, "numeric");
	*number = DirectFunctionCall3(numeric_in,
								  CStringGetDatum(pnstrdup((const char *) e.number.data, e.number.len)),
								  ObjectIdGetDatum(InvalidOid),
								  Int32GetDatum(-1));
	return true;
}

static bool
get_time(CvgSlice reg, TimestampTz *time)
{
	CvgExtremum e = cvg_extremum_get(reg);

	if (e.kind == CVG_EXTREMUM_EMPTY)
		return false;
	if (e.kind != CVG_EXTREMUM_TIME)
		report_other_kind(reg, "timestamp with time zone");
	*time = e.time;
	return true;
}

CVG_FUNCTION(extremum_to_numeric)
{
	Datum		number;

	if (!get_numeric(PG_GETARG_CVG_SLICE(0), &number))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(number);
}

CVG_FUNCTION(extremum_to_timestamptz)
{
	TimestampTz time;

	if (!get_time(PG_GETARG_CVG_SLICE(0), &time))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(time);
}

/*
 * Comparison of the value with a plain one, which may stand on either side.
 * An empty register compares as NULL, and a value of the other kind is an
 * error.
 */
static int
compare_numeric(Datum a, Datum b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, a, b));
}

#define COMPARE(name, op) \
	CVG_FUNCTION(extremum_##name##_numeric) \
	{ \
		Datum		value; \
		if (!get_numeric(PG_GETARG_CVG_SLICE(0), &value)) \
			PG_RETURN_NULL(); \
		PG_RETURN_BOOL(compare_numeric(value, PG_GETARG_DATUM(1)) op 0); \
	} \
	CVG_FUNCTION(numeric_##name##_extremum) \
	{ \
		Datum		value; \
		if (!get_numeric(PG_GETARG_CVG_SLICE(1), &value)) \
			PG_RETURN_NULL(); \
		PG_RETURN_BOOL(compare_numeric(PG_GETARG_DATUM(0), value) op 0); \
	} \
	CVG_FUNCTION(extremum_##name##_timestamptz) \
	{ \
		TimestampTz value; \
		if (!get_time(PG_GETARG_CVG_SLICE(0), &value)) \
			PG_RETURN_NULL(); \
		PG_RETURN_BOOL(value op PG_GETARG_TIMESTAMPTZ(1)); \
	} \
	CVG_FUNCTION(timestamptz_##name##_extremum) \
	{ \
		TimestampTz value; \
		if (!get_time(PG_GETARG_CVG_SLICE(1), &value)) \
			PG_RETURN_NULL(); \
		PG_RETURN_BOOL(PG_GETARG_TIMESTAMPTZ(0) op value); \
	} \
	extern int	cvg_extremum_##name##_needs_semicolon

COMPARE(eq, ==);
COMPARE(ne, !=);
COMPARE(lt, <);
COMPARE(le, <=);
COMPARE(gt, >);
COMPARE(ge, >=);
