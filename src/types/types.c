/*-------------------------------------------------------------------------
 *
 * types.c
 *	  Glue shared by the SQL types.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"

#include "core/vclock.h"
#include "errors.h"
#include "types/types.h"

/* So much of bad input is quoted in an error message. */
#define MAX_QUOTED_BYTES	200

/* Start a varlena: room for the header, content to be appended. */
void
cvg_varlena_begin(CvgBuf *buf)
{
	cvg_buf_init(buf);
	buf->len = VARHDRSZ;
}

/* Finish a varlena.  The buffer's memory is the datum; buf is done with. */
Datum
cvg_varlena_finish(CvgBuf *buf)
{
	SET_VARSIZE(buf->data, buf->len);
	return PointerGetDatum(buf->data);
}

Datum
cvg_varlena_copy(CvgSlice content)
{
	struct varlena *v = palloc(VARHDRSZ + content.len);

	SET_VARSIZE(v, VARHDRSZ + content.len);
	if (content.len > 0)
		memcpy(VARDATA(v), content.data, content.len);
	return PointerGetDatum(v);
}

/* The status text as a sentence, with the place. */
static char *
error_detail(const CvgError *err)
{
	char	   *detail = psprintf("%s at byte offset %zu.",
								  cvg_status_message(err->status), err->offset);

	detail[0] = pg_toupper((unsigned char) detail[0]);
	return detail;
}

/* The text in quotes, or its beginning when it is long. */
static char *
quoted_text(const char *text)
{
	int			len = (int) strlen(text);
	int			clipped = pg_mbcliplen(text, len, MAX_QUOTED_BYTES);

	return psprintf("\"%.*s%s\"", clipped, text, clipped < len ? "..." : "");
}

void
cvg_report_input_error(const CvgError *err, const char *type_name,
					   const char *text, Node *escontext)
{
	int			code = cvg_errcode_input(err->status);

	/* an id is text, but here it came in bytes */
	if (text == NULL && err->status == CVG_E_BAD_ID)
		code = ERRCODE_INVALID_BINARY_REPRESENTATION;

	/* and what is wrong with the value that a text describes is in the text */
	if (text != NULL && code == ERRCODE_INVALID_BINARY_REPRESENTATION)
		code = ERRCODE_INVALID_TEXT_REPRESENTATION;

	if (text == NULL)
		errsave(escontext,
				(errcode(code),
				 errmsg("invalid binary data for type %s", type_name),
				 errdetail_internal("%s", error_detail(err))));
	else if (err->status == CVG_E_OVERFLOW)
		errsave(escontext,
				(errcode(code),
				 errmsg("value out of range for type %s: %s",
						type_name, quoted_text(text)),
				 errdetail_internal("%s", error_detail(err))));
	else if (err->status == CVG_E_LIMIT)
		errsave(escontext,
				(errcode(code),
				 errmsg("value too large for type %s: %s",
						type_name, quoted_text(text)),
				 errdetail_internal("%s", error_detail(err))));
	else
		errsave(escontext,
				(errcode(code),
				 errmsg("invalid input syntax for type %s: %s",
						type_name, quoted_text(text)),
				 errdetail_internal("%s", error_detail(err))));
}

CvgSlice
cvg_recv_slice(StringInfo message)
{
	int			len = message->len - message->cursor;

	return cvg_slice(pq_getmsgbytes(message, len), len);
}

/*
 * Core takes any high byte in a replica id, since states travel between
 * databases of different encodings.  What a user sends must be text here.
 */
void
cvg_verify_clock_encoding(CvgSlice clock)
{
	CvgClockIter it;
	CvgClockEntry e;

	cvg_vclock_iter(&it, clock);
	while (cvg_vclock_next(&it, &e))
		(void) pg_verifymbstr((const char *) e.id.data, (int) e.id.len, false);
}

Datum
cvg_hash_arg(FunctionCallInfo fcinfo)
{
	struct varlena *v = PG_GETARG_VARLENA_PP(0);
	CvgSlice	s = cvg_varlena_slice(v);
	Datum		hash = hash_any(s.data, (int) s.len);

	PG_FREE_IF_COPY(v, 0);
	return hash;
}

Datum
cvg_hash_extended_arg(FunctionCallInfo fcinfo)
{
	struct varlena *v = PG_GETARG_VARLENA_PP(0);
	CvgSlice	s = cvg_varlena_slice(v);
	Datum		hash = hash_any_extended(s.data, (int) s.len,
										 (uint64) PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(v, 0);
	return hash;
}
