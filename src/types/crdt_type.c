/*-------------------------------------------------------------------------
 *
 * crdt_type.c
 *	  SQL functions that every CRDT type has.
 *
 * A value is the core's bytes in a varlena.  Stored values are valid and
 * canonical, so equality and hashing look at bytes only.
 *
 * Text inside a value (replica ids, strings, jsonb) is in the encoding of
 * the database; output and input check nothing but that it is text there.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "errors.h"
#include "types/crdt_type.h"

static const char *
qualified_name(const CvgCrdtOps *ops)
{
	return psprintf("converge.%s", ops->name);
}

const char *
cvg_crdt_type_name(CvgSlice value)
{
	return qualified_name(cvg_crdt_ops(value.data[1]));
}

/*
 * A state, or a plain form.  What is wrong with a text that is neither is
 * said about the state.
 */
static bool
parse_value(const CvgCrdtOps *ops, CvgSlice text, CvgBuf *buf, CvgError *err)
{
	CvgDotSupply dots = cvg_dot_supply(0);
	CvgStatus	status = cvg_crdt_parse(ops, text, buf, err);

	if (status == CVG_E_SYNTAX)
		status = cvg_crdt_parse_plain(ops, text, &dots, buf, NULL);
	return status == CVG_OK;
}

Datum
cvg_crdt_plain(Datum value)
{
	((uint8 *) VARDATA_ANY(DatumGetPointer(value)))[2] |= CVG_CRDT_PLAIN;
	return value;
}

Datum
cvg_crdt_unchanged(CvgSlice value)
{
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	cvg_crdt_put_unflagged(value, &buf);
	return cvg_varlena_finish(&buf);
}

Datum
cvg_crdt_in_arg(FunctionCallInfo fcinfo, const CvgCrdtOps *ops,
				CvgCrdtCanonize canonize)
{
	char	   *text = PG_GETARG_CSTRING(0);
	CvgBuf		buf;
	CvgError	err;

	cvg_varlena_begin(&buf);
	if (!parse_value(ops, cvg_slice_cstring(text), &buf, &err))
	{
		cvg_report_input_error(&err, qualified_name(ops), text,
							   fcinfo->context);
		PG_RETURN_NULL();
	}
	if (canonize != NULL)
		canonize(&buf, text);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

Datum
cvg_crdt_out_arg(FunctionCallInfo fcinfo)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_crdt_print(PG_GETARG_CVG_SLICE(0), &buf);
	cvg_put_u8(&buf, '\0');
	PG_RETURN_CSTRING((char *) buf.data);
}

/*
 * Text inside bytes that came from outside must be text here.  Printing the
 * value shows all of it, and nothing else that is beyond ASCII.
 */
static void
verify_encoding(CvgSlice value)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_crdt_print(value, &buf);
	(void) pg_verifymbstr((const char *) buf.data, (int) buf.len, false);
	cvg_buf_free(&buf);
}

Datum
cvg_crdt_recv_arg(FunctionCallInfo fcinfo, const CvgCrdtOps *ops,
				  CvgCrdtCanonize canonize)
{
	CvgSlice	bytes = cvg_recv_slice((StringInfo) PG_GETARG_POINTER(0));
	CvgBuf		buf;
	CvgError	err;

	if (cvg_crdt_validate(ops, bytes, &err) != CVG_OK)
		cvg_report_input_error(&err, qualified_name(ops), NULL, NULL);
	verify_encoding(bytes);
	cvg_varlena_begin(&buf);
	cvg_put_bytes(&buf, bytes.data, bytes.len);
	if (canonize != NULL)
		canonize(&buf, NULL);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

Datum
cvg_crdt_send_arg(FunctionCallInfo fcinfo)
{
	/* how a value was made stays here */
	PG_RETURN_DATUM(cvg_crdt_unchanged(PG_GETARG_CVG_SLICE(0)));
}

Datum
cvg_crdt_empty(const CvgCrdtOps *ops)
{
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	cvg_crdt_bottom(ops, &buf);
	return cvg_varlena_finish(&buf);
}

CvgSlice
cvg_crdt_empty_slice(const CvgCrdtOps *ops)
{
	return cvg_varlena_slice((struct varlena *)
							 DatumGetPointer(cvg_crdt_empty(ops)));
}

void
cvg_crdt_check_status(CvgStatus status, CvgSlice value)
{
	switch (status)
	{
		case CVG_OK:
			break;
		case CVG_E_OVERFLOW:
			ereport(ERROR,
					(errcode(cvg_errcode_input(status)),
					 errmsg("bigint out of range")));
			break;
		case CVG_E_LIMIT:
			ereport(ERROR,
					(errcode(cvg_errcode_input(status)),
					 errmsg("value of type %s would be too large",
							cvg_crdt_type_name(value)),
					 errdetail("A value has at most %zu bytes.",
							   CVG_CRDT_MAX_BYTES)));
			break;
		default:
			elog(ERROR, "unexpected status %d of an operation on type %s",
				 (int) status, cvg_crdt_type_name(value));
	}
}

/* Equal arguments are common, and then nothing is copied. */
Datum
cvg_crdt_merge_args(FunctionCallInfo fcinfo)
{
	CvgSlice	a = PG_GETARG_CVG_SLICE(0);
	CvgSlice	b = PG_GETARG_CVG_SLICE(1);
	CvgBuf		buf;

	if (cvg_slice_eq(a, b) && !cvg_crdt_is_plain(a))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	cvg_varlena_begin(&buf);
	cvg_crdt_check_status(cvg_crdt_merge(a, b, &buf), a);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

Datum
cvg_crdt_delta_args(FunctionCallInfo fcinfo)
{
	CvgSlice	old = PG_GETARG_CVG_SLICE(0);
	CvgSlice	new = PG_GETARG_CVG_SLICE(1);
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	cvg_crdt_check_status(cvg_crdt_delta(old, new, &buf), old);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

/* Is argument "low" below or equal to argument "high" in the lattice? */
bool
cvg_crdt_le_args(FunctionCallInfo fcinfo, int low, int high)
{
	CvgOrder	order = cvg_crdt_compare(PG_GETARG_CVG_SLICE(low),
										 PG_GETARG_CVG_SLICE(high));

	return order == CVG_EQUAL || order == CVG_BEFORE;
}

bool
cvg_crdt_eq_args(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_VARLENA_PP(0);
	struct varlena *b = PG_GETARG_VARLENA_PP(1);
	bool		equal = cvg_crdt_eq(cvg_varlena_slice(a),
									cvg_varlena_slice(b));

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return equal;
}

/* Tag and body: the flags do not count. */
static uint64
hash_state(CvgSlice value, uint64 seed)
{
	return DatumGetUInt64(hash_any_extended(value.data + CVG_CRDT_HEADER,
											(int) (value.len - CVG_CRDT_HEADER),
											seed + value.data[1]));
}

Datum
cvg_crdt_hash_arg(FunctionCallInfo fcinfo)
{
	PG_RETURN_INT32((int32) hash_state(PG_GETARG_CVG_SLICE(0), 0));
}

Datum
cvg_crdt_hash_extended_arg(FunctionCallInfo fcinfo)
{
	PG_RETURN_INT64((int64) hash_state(PG_GETARG_CVG_SLICE(0),
									   (uint64) PG_GETARG_INT64(1)));
}

Datum
cvg_crdt_reset_arg(FunctionCallInfo fcinfo)
{
	CvgSlice	value = PG_GETARG_CVG_SLICE(0);
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	cvg_crdt_check_status(cvg_crdt_reset(value, &buf), value);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

ReturnSetInfo *
cvg_srf_begin(FunctionCallInfo fcinfo)
{
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	return (ReturnSetInfo *) fcinfo->resultinfo;
}

void
cvg_srf_put(ReturnSetInfo *rsi, const Datum *values, const bool *nulls)
{
	static const bool no_nulls[8] = {false};

	Assert(nulls != NULL || rsi->setDesc->natts <= lengthof(no_nulls));
	tuplestore_putvalues(rsi->setResult, rsi->setDesc, (Datum *) values,
						 (bool *) (nulls != NULL ? nulls : no_nulls));
}

Datum
cvg_id_text(CvgSlice id)
{
	return PointerGetDatum(cstring_to_text_with_len((const char *) id.data,
													(int) id.len));
}
