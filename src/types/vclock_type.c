/*-------------------------------------------------------------------------
 *
 * vclock_type.c
 *	  Type converge.vclock: the core's bytes in a varlena.
 *
 * Stored values are canonical, so equality and hashing look at bytes only.
 * All functions are strict: NULL in, NULL out.
 *
 * The causal operators (< <= > >=) are a partial order and therefore cannot
 * serve a btree; its operator class has operators of its own (*< *<= *>=
 * *>), as the server has for record images.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "core/vclock.h"
#include "errors.h"
#include "types/types.h"

#define TYPE_NAME "converge.vclock"

CVG_FUNCTION(vclock_in)
{
	char	   *text = PG_GETARG_CSTRING(0);
	CvgBuf		buf;
	CvgError	err;

	cvg_varlena_begin(&buf);
	if (cvg_vclock_parse(text, &buf, &err) != CVG_OK)
	{
		cvg_report_input_error(&err, TYPE_NAME, text, fcinfo->context);
		PG_RETURN_NULL();
	}
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

CVG_FUNCTION(vclock_out)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_vclock_print(PG_GETARG_CVG_SLICE(0), &buf);
	cvg_put_u8(&buf, '\0');
	PG_RETURN_CSTRING((char *) buf.data);
}

/*
 * The binary form is the core's bytes.  Core reads no bytes at all as the
 * empty clock but never writes it so: here it would be a second form.
 */
CVG_FUNCTION(vclock_recv)
{
	CvgSlice	bytes = cvg_recv_slice((StringInfo) PG_GETARG_POINTER(0));
	CvgError	err = {CVG_OK, 0};

	if (bytes.len == 0)
		(void) cvg_fail(&err, CVG_E_TRUNCATED, 0);
	else
		(void) cvg_vclock_validate(bytes, &err);
	if (err.status != CVG_OK)
		cvg_report_input_error(&err, TYPE_NAME, NULL, NULL);
	cvg_verify_clock_encoding(bytes);
	PG_RETURN_DATUM(cvg_varlena_copy(bytes));
}

CVG_FUNCTION(vclock_send)
{
	PG_RETURN_DATUM(cvg_varlena_copy(PG_GETARG_CVG_SLICE(0)));
}

static void
report_bad_id(CvgSlice id)
{
	ereport(ERROR,
			(errcode(cvg_errcode_input(CVG_E_BAD_ID)),
			 errmsg("invalid replica id \"%.*s\"",
					(int) id.len, (const char *) id.data),
			 errdetail("A replica id has 1 to %d bytes: letters, digits, \"_\", \"-\", \".\" and \"~\".",
					   CVG_MAX_REPLICA_ID)));
}

static void
report_too_large(void)
{
	ereport(ERROR,
			(errcode(cvg_errcode_input(CVG_E_LIMIT)),
			 errmsg("vector clock would have too many entries"),
			 errdetail("A vector clock has at most %d entries.",
					   CVG_MAX_CLOCK)));
}

/* Raise the error of an increment. */
static void
report_increment(CvgStatus status, CvgSlice id, int64 by)
{
	switch (status)
	{
		case CVG_E_BAD_ID:
			report_bad_id(id);
			break;
		case CVG_E_LIMIT:
			report_too_large();
			break;
		case CVG_E_OVERFLOW:
			ereport(ERROR,
					(errcode(cvg_errcode_input(status)),
					 errmsg("vector clock entry out of range"),
					 errdetail("Entry \"%.*s\" cannot be incremented by %lld.",
							   (int) id.len, (const char *) id.data,
							   (long long) by)));
			break;
		case CVG_E_FORBIDDEN:
			ereport(ERROR,
					(errcode(cvg_errcode_input(status)),
					 errmsg("cannot increment a vector clock by a negative number"),
					 errdetail("Entry \"%.*s\" was to be incremented by %lld.",
							   (int) id.len, (const char *) id.data,
							   (long long) by)));
			break;
		default:
			elog(ERROR, "unexpected vector clock status %d", (int) status);
	}
}

CVG_FUNCTION(vclock_increment)
{
	CvgSlice	clock = PG_GETARG_CVG_SLICE(0);
	CvgSlice	id = PG_GETARG_CVG_SLICE(1);
	int64		by = PG_GETARG_INT64(2);
	CvgBuf		buf;
	CvgStatus	status;

	cvg_varlena_begin(&buf);
	status = cvg_vclock_increment(clock, id, by, &buf);
	if (status != CVG_OK)
		report_increment(status, id, by);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

/*
 * Join.  Mostly one side covers the other, and then the answer is an
 * argument as it stands: no copy, and an aggregate keeps its state.
 */
CVG_FUNCTION(vclock_merge)
{
	CvgSlice	a = PG_GETARG_CVG_SLICE(0);
	CvgSlice	b = PG_GETARG_CVG_SLICE(1);
	CvgBuf		buf;

	switch (cvg_vclock_compare(a, b))
	{
		case CVG_EQUAL:
		case CVG_AFTER:
			PG_RETURN_DATUM(PG_GETARG_DATUM(0));
		case CVG_BEFORE:
			PG_RETURN_DATUM(PG_GETARG_DATUM(1));
		case CVG_CONCURRENT:
			break;
	}
	cvg_varlena_begin(&buf);
	if (cvg_vclock_join(a, b, &buf) != CVG_OK)
		report_too_large();
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

/* An id that cannot be one is absent like any other. */
CVG_FUNCTION(vclock_value)
{
	PG_RETURN_INT64(cvg_vclock_get(PG_GETARG_CVG_SLICE(0),
								   PG_GETARG_CVG_SLICE(1)));
}

static CvgOrder
compare_args(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_VARLENA_PP(0);
	struct varlena *b = PG_GETARG_VARLENA_PP(1);
	CvgOrder	order = cvg_vclock_compare(cvg_varlena_slice(a),
										   cvg_varlena_slice(b));

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return order;
}

CVG_FUNCTION(vclock_compare)
{
	PG_RETURN_TEXT_P(cstring_to_text(cvg_order_name(compare_args(fcinfo))));
}

CVG_FUNCTION(vclock_eq)
{
	PG_RETURN_BOOL(compare_args(fcinfo) == CVG_EQUAL);
}

CVG_FUNCTION(vclock_ne)
{
	PG_RETURN_BOOL(compare_args(fcinfo) != CVG_EQUAL);
}

/* happens before */
CVG_FUNCTION(vclock_lt)
{
	PG_RETURN_BOOL(compare_args(fcinfo) == CVG_BEFORE);
}

CVG_FUNCTION(vclock_le)
{
	CvgOrder	order = compare_args(fcinfo);

	PG_RETURN_BOOL(order == CVG_BEFORE || order == CVG_EQUAL);
}

/* happens after */
CVG_FUNCTION(vclock_gt)
{
	PG_RETURN_BOOL(compare_args(fcinfo) == CVG_AFTER);
}

CVG_FUNCTION(vclock_ge)
{
	CvgOrder	order = compare_args(fcinfo);

	PG_RETURN_BOOL(order == CVG_AFTER || order == CVG_EQUAL);
}

CVG_FUNCTION(vclock_concurrent)
{
	PG_RETURN_BOOL(compare_args(fcinfo) == CVG_CONCURRENT);
}

/* Total order; gives memory back, since btree calls it in long loops. */
static int
sort_args(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_VARLENA_PP(0);
	struct varlena *b = PG_GETARG_VARLENA_PP(1);
	int			cmp = cvg_vclock_cmp_total(cvg_varlena_slice(a),
										   cvg_varlena_slice(b));

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return cmp;
}

CVG_FUNCTION(vclock_sort_cmp)
{
	PG_RETURN_INT32(sort_args(fcinfo));
}

CVG_FUNCTION(vclock_sort_lt)
{
	PG_RETURN_BOOL(sort_args(fcinfo) < 0);
}

CVG_FUNCTION(vclock_sort_le)
{
	PG_RETURN_BOOL(sort_args(fcinfo) <= 0);
}

CVG_FUNCTION(vclock_sort_ge)
{
	PG_RETURN_BOOL(sort_args(fcinfo) >= 0);
}

CVG_FUNCTION(vclock_sort_gt)
{
	PG_RETURN_BOOL(sort_args(fcinfo) > 0);
}

CVG_FUNCTION(vclock_hash)
{
	return cvg_hash_arg(fcinfo);
}

CVG_FUNCTION(vclock_hash_extended)
{
	return cvg_hash_extended_arg(fcinfo);
}

/* {"london": 5, "paris": 3} */
CVG_FUNCTION(vclock_to_jsonb)
{
	CvgJsonbState state = {0};
	CvgClockIter it;
	CvgClockEntry e;

	cvg_push_jsonb_value(&state, WJB_BEGIN_OBJECT, NULL);
	cvg_vclock_iter(&it, PG_GETARG_CVG_SLICE(0));
	while (cvg_vclock_next(&it, &e))
	{
		JsonbValue	v;

		v.type = jbvString;
		v.val.string.val = (char *) e.id.data;
		v.val.string.len = (int) e.id.len;
		cvg_push_jsonb_value(&state, WJB_KEY, &v);
		v.type = jbvNumeric;
		v.val.numeric = int64_to_numeric(e.value);
		cvg_push_jsonb_value(&state, WJB_VALUE, &v);
	}
	cvg_push_jsonb_value(&state, WJB_END_OBJECT, NULL);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(state.result));
}

/* The number as 0 .. 2^63-1, or an error that names the key. */
static int64
jsonb_clock_value(CvgSlice id, const JsonbValue *v)
{
	Datum		number = 0;
	Datum		zero = NumericGetDatum(int64_to_numeric(0));
	Datum		max = NumericGetDatum(int64_to_numeric(PG_INT64_MAX));
	bool		integer = v->type == jbvNumeric;

	if (integer)
	{
		Datum		whole;

		number = NumericGetDatum(v->val.numeric);
		whole = DirectFunctionCall2(numeric_trunc, number, Int32GetDatum(0));
		integer = DatumGetBool(DirectFunctionCall2(numeric_eq, number, whole));
	}
	if (!integer)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot cast jsonb to type %s", TYPE_NAME),
				 errdetail("The value of key \"%.*s\" is not an integer.",
						   (int) id.len, (const char *) id.data)));
	if (DatumGetBool(DirectFunctionCall2(numeric_lt, number, zero)) ||
		DatumGetBool(DirectFunctionCall2(numeric_gt, number, max)))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("value out of range for type %s", TYPE_NAME),
				 errdetail("The value of key \"%.*s\" is not between 0 and %lld.",
						   (int) id.len, (const char *) id.data,
						   (long long) PG_INT64_MAX)));
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, number));
}

/* Entries of the object; the ids are borrowed from it. */
static CvgClockEntry *
jsonb_clock_entries(Jsonb *json, int *n)
{
	CvgClockEntry *entries;
	JsonbIterator *it = JsonbIteratorInit(&json->root);
	JsonbIteratorToken token;
	JsonbValue	v;

	entries = palloc((JB_ROOT_COUNT(json) + 1) * sizeof(CvgClockEntry));
	*n = 0;
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		CvgClockEntry *e = &entries[*n];

		if (token == WJB_KEY)
		{
			e->id = cvg_slice(v.val.string.val, v.val.string.len);
			if (!cvg_replica_id_valid(e->id))
				report_bad_id(e->id);
		}
		else if (token == WJB_VALUE)
		{
			e->value = jsonb_clock_value(e->id, &v);
			(*n)++;
		}
	}
	return entries;
}

CVG_FUNCTION(vclock_from_jsonb)
{
	Jsonb	   *json = PG_GETARG_JSONB_P(0);
	CvgClockEntry *entries;
	CvgBuf		buf;
	int			n;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot cast jsonb to type %s", TYPE_NAME),
				 errdetail("The value is not an object.")));
	entries = jsonb_clock_entries(json, &n);
	cvg_varlena_begin(&buf);

	/* ids and values are checked, keys of an object are unique */
	if (cvg_vclock_from_entries(entries, n, &buf) != CVG_OK)
		report_too_large();
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}
