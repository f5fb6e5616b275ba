/*-------------------------------------------------------------------------
 *
 * document_type.c
 *	  Type converge.document: collaborative text.
 *
 * Text in a document is UTF-8, so that a value is the same bytes on every
 * node, and a database of another encoding could not show all of it: there
 * the type is refused.  Positions are those of substr(): from 1, in
 * characters.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "core/document.h"
#include "types/crdt_type.h"

static void
require_utf8(void)
{
	if (GetDatabaseEncoding() != PG_UTF8)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("type %s needs a database with encoding UTF8",
						"converge.document"),
				 errdetail("The encoding of this database is %s.",
						   GetDatabaseEncodingName())));
}

/* Text has no other form than one. */
static void
canonize_document(CvgBuf *buf, const char *text)
{
	require_utf8();
}

CVG_CRDT_TYPE(document, &cvg_document_ops, canonize_document);

static inline CvgSlice
text_slice(text *t)
{
	require_utf8();
	return cvg_slice(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
}

/*
 * The dot of an update that inserts this text: none is drawn, and no node
 * is needed, if there is nothing to insert.
 */
static CvgDot
insertion_dot(CvgSlice document, CvgSlice inserted)
{
	CvgDot		none = {{NULL, 0}, 0};

	return inserted.len > 0 ? cvg_draw_dot(document) : none;
}

static void
check_position(CvgStatus status, CvgSlice document, int32 position)
{
	if (status == CVG_E_OVERFLOW)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("position %d is not in the document", position),
				 errdetail("Its text has %lld characters, and the first is at position 1.",
						   (long long) cvg_document_length(document))));
	cvg_crdt_check_status(status, document);
}

static Datum
insert_text(CvgSlice document, int32 position, CvgSlice inserted)
{
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	check_position(cvg_document_insert(document,
									   insertion_dot(document, inserted),
									   (int64) position - 1, inserted, &buf),
				   document, position);
	return cvg_varlena_finish(&buf);
}

CVG_FUNCTION(document_insert)
{
	PG_RETURN_DATUM(insert_text(PG_GETARG_CVG_SLICE(0), PG_GETARG_INT32(1),
								text_slice(PG_GETARG_TEXT_PP(2))));
}

CVG_FUNCTION(document_from_text)
{
	return cvg_crdt_plain(insert_text(cvg_crdt_empty_slice(&cvg_document_ops),
									  1, text_slice(PG_GETARG_TEXT_PP(0))));
}

CVG_FUNCTION(document_delete)
{
	CvgSlice	document = PG_GETARG_CVG_SLICE(0);
	int32		position = PG_GETARG_INT32(1);
	int32		len = PG_GETARG_INT32(2);
	CvgBuf		buf;

	if (len < 0)
		ereport(ERROR,
				(errcode(ERRCODE_SUBSTRING_ERROR),
				 errmsg("cannot delete a negative number of characters")));
	cvg_varlena_begin(&buf);
	check_position(cvg_document_delete(document, (int64) position - 1, len,
									   &buf), document, position);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

CVG_FUNCTION(document_edit)
{
	CvgSlice	document = PG_GETARG_CVG_SLICE(0);
	CvgSlice	wanted = text_slice(PG_GETARG_TEXT_PP(1));
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	cvg_crdt_check_status(cvg_document_edit(document,
											insertion_dot(document, wanted),
											wanted, &buf), document);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

CVG_FUNCTION(document_value)
{
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	cvg_document_text(PG_GETARG_CVG_SLICE(0), &buf);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

CVG_FUNCTION(document_length)
{
	PG_RETURN_INT32((int32) cvg_document_length(PG_GETARG_CVG_SLICE(0)));
}

/* Stamps count microseconds from the same day as timestamptz. */
CVG_FUNCTION(document_authors)
{
	CvgSlice	document = PG_GETARG_CVG_SLICE(0);
	ReturnSetInfo *rsi = cvg_srf_begin(fcinfo);
	CvgDocumentRun *runs;
	CvgBuf		text;
	int			n;
	int			i;

	cvg_buf_init(&text);
	runs = cvg_document_authors(document, &n, &text);
	for (i = 0; i < n; i++)
	{
		Datum		values[5];

		values[0] = cvg_id_text(runs[i].replica);
		values[1] = Int32GetDatum((int32) runs[i].position + 1);
		values[2] = Int32GetDatum((int32) runs[i].len);
		values[3] = PointerGetDatum(cstring_to_text_with_len((char *) text.data + runs[i].byte,
															 (int) runs[i].nbytes));
		values[4] = Int64GetDatum(runs[i].stamp);
		cvg_srf_put(rsi, values, NULL);
	}
	cvg_buf_free(&text);
	return (Datum) 0;
}
