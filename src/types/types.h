/*-------------------------------------------------------------------------
 *
 * types.h
 *	  What the SQL types share: between Datum and slice, from status to
 *	  error, and how a function is exported.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_TYPES_TYPES_H
#define CVG_TYPES_TYPES_H

#include "compat.h"

#include "lib/stringinfo.h"
#include "nodes/nodes.h"

#include "core/buf.h"

/* Content of a varlena that is neither compressed nor out of line. */
static inline CvgSlice
cvg_varlena_slice(const struct varlena *v)
{
	return cvg_slice(VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v));
}

/* Copies only what is toasted; the bytes live as long as the datum or call. */
static inline CvgSlice
cvg_datum_slice(Datum datum)
{
	return cvg_varlena_slice(PG_DETOAST_DATUM_PACKED(datum));
}

#define PG_GETARG_CVG_SLICE(n)	cvg_datum_slice(PG_GETARG_DATUM(n))

/*
 * A varlena is built in place: begin leaves room for its header, core
 * functions append the content, finish fills the header in.
 */
extern void cvg_varlena_begin(CvgBuf *buf);
extern Datum cvg_varlena_finish(CvgBuf *buf);
extern Datum cvg_varlena_copy(CvgSlice content);

/*
 * Report input that is not a value of the type.  text is what the user gave,
 * or NULL if the bytes are what is wrong.  With an ErrorSaveContext (16 and
 * later) the error is saved and the function returns.
 */
extern void cvg_report_input_error(const CvgError *err, const char *type_name,
								   const char *text, Node *escontext);

/* All bytes left in the message of a receive function. */
extern CvgSlice cvg_recv_slice(StringInfo message);

/* Raises the server's error unless the ids are text in this encoding. */
extern void cvg_verify_clock_encoding(CvgSlice clock);

/* Hash of a varlena's bytes, for hash and hash_extended functions. */
extern Datum cvg_hash_arg(FunctionCallInfo fcinfo);
extern Datum cvg_hash_extended_arg(FunctionCallInfo fcinfo);

#endif							/* CVG_TYPES_TYPES_H */
