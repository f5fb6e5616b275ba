/*-------------------------------------------------------------------------
 *
 * rowstate_type.c
 *	  Type converge.row_state: the bytes of core/rowstate.h in a varlena.
 *
 * Nobody writes a row state by hand: the text form is the bytes in hex, so
 * that a dump can be restored, and converge.describe() is what people read.
 * All functions are strict: NULL in, NULL out.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/json.h"
#include "core/rowstate.h"
#include "types/types.h"

#define TYPE_NAME "converge.row_state"

/*
 * Is this a row state?  No bytes at all are what core calls "no row", which
 * is not a value of the type.  On failure *err says why.
 */
static bool
state_ok(CvgSlice state, CvgError *err)
{
	if (state.len == 0)
	{
		(void) cvg_fail(err, CVG_E_TRUNCATED, 0);
		return false;
	}
	return cvg_rowstate_validate(state, err) == CVG_OK;
}

/* Raises the server's error unless all ids are text in this encoding. */
static void
verify_encoding(CvgSlice state)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_rowstate_print(state, &buf);
	(void) pg_verifymbstr((char *) buf.data, (int) buf.len, false);
	cvg_buf_free(&buf);
}

/* Append the bytes of \x... */
static CvgStatus
parse_hex(const char *text, CvgBuf *out, CvgError *err)
{
	const char *p = text;

	if (p[0] != '\\' || p[1] != 'x')
		return cvg_fail(err, CVG_E_SYNTAX, 0);
	for (p += 2; *p != '\0'; p += 2)
	{
		int			high = cvg_hex_digit(p[0]);
		int			low = high < 0 ? -1 : cvg_hex_digit(p[1]);

		if (low < 0)
			return cvg_fail(err, CVG_E_SYNTAX, (high < 0 ? p : p + 1) - text);
		cvg_put_u8(out, (uint8) (high << 4 | low));
	}
	return CVG_OK;
}

CVG_FUNCTION(row_state_in)
{
	char	   *text = PG_GETARG_CSTRING(0);
	CvgSlice	state;
	CvgBuf		buf;
	CvgError	err;

	cvg_varlena_begin(&buf);
	if (parse_hex(text, &buf, &err) != CVG_OK)
	{
		cvg_report_input_error(&err, TYPE_NAME, text, fcinfo->context);
		PG_RETURN_NULL();
	}
	state = cvg_slice(buf.data + VARHDRSZ, buf.len - VARHDRSZ);
	if (!state_ok(state, &err))
	{
		cvg_report_input_error(&err, TYPE_NAME, NULL, fcinfo->context);
		PG_RETURN_NULL();
	}
	verify_encoding(state);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

CVG_FUNCTION(row_state_out)
{
	CvgSlice	state = PG_GETARG_CVG_SLICE(0);
	char	   *hex = palloc(2 + state.len * 2 + 1);
	uint64		n;

	hex[0] = '\\';
	hex[1] = 'x';
	n = hex_encode((const char *) state.data, state.len, hex + 2);
	hex[2 + n] = '\0';
	PG_RETURN_CSTRING(hex);
}

CVG_FUNCTION(row_state_recv)
{
	CvgSlice	state = cvg_recv_slice((StringInfo) PG_GETARG_POINTER(0));
	CvgError	err;

	if (!state_ok(state, &err))
		cvg_report_input_error(&err, TYPE_NAME, NULL, NULL);
	verify_encoding(state);
	PG_RETURN_DATUM(cvg_varlena_copy(state));
}

CVG_FUNCTION(row_state_send)
{
	PG_RETURN_DATUM(cvg_varlena_copy(PG_GETARG_CVG_SLICE(0)));
}

CVG_FUNCTION(row_state_describe)
{
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	cvg_rowstate_print(PG_GETARG_CVG_SLICE(0), &buf);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

CVG_FUNCTION(row_state_clock)
{
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	cvg_rowstate_clock(PG_GETARG_CVG_SLICE(0), &buf);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

/* NULL for a state without any write. */
CVG_FUNCTION(row_state_writer)
{
	CvgDot		dot = cvg_rowstate_last_dot(PG_GETARG_CVG_SLICE(0));

	if (dot.stamp == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len((const char *) dot.replica.data,
											  (int) dot.replica.len));
}

/* A stamp is a timestamptz, but its range is larger. */
CVG_FUNCTION(row_state_changed_at)
{
	CvgDot		dot = cvg_rowstate_last_dot(PG_GETARG_CVG_SLICE(0));

	if (dot.stamp == 0)
		PG_RETURN_NULL();
	if (!IS_VALID_TIMESTAMP(dot.stamp))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range"),
				 errdetail("The stamp of the latest write is %lld.",
						   (long long) dot.stamp)));
	PG_RETURN_TIMESTAMPTZ(dot.stamp);
}

CVG_FUNCTION(row_state_birth)
{
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	cvg_rowstate_birth_bytes(PG_GETARG_CVG_SLICE(0), &buf);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

static bool
args_equal(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_VARLENA_PP(0);
	struct varlena *b = PG_GETARG_VARLENA_PP(1);
	bool		equal = cvg_slice_eq(cvg_varlena_slice(a), cvg_varlena_slice(b));

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return equal;
}

CVG_FUNCTION(row_state_eq)
{
	PG_RETURN_BOOL(args_equal(fcinfo));
}

CVG_FUNCTION(row_state_ne)
{
	PG_RETURN_BOOL(!args_equal(fcinfo));
}

CVG_FUNCTION(row_state_hash)
{
	return cvg_hash_arg(fcinfo);
}

CVG_FUNCTION(row_state_hash_extended)
{
	return cvg_hash_extended_arg(fcinfo);
}
