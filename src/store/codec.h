/*-------------------------------------------------------------------------
 *
 * codec.h
 *	  Column values to portable bytes and back.
 *
 * A type travels in its send format, unless that format holds OIDs of this
 * database (arrays, ranges, composites of types made by users, reg* types)
 * or the type has none: then as text, written with fixed DateStyle,
 * IntervalStyle and extra_float_digits and an empty search_path.  Characters
 * are UTF-8 on the way, whatever the database's and the client's encodings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_CODEC_H
#define CVG_STORE_CODEC_H

#include "compat.h"

#include "core/entry.h"

typedef struct CvgCodec
{
	Oid			type;			/* the column's declared type */
	Oid			base;			/* below domains */
	int32		typmod;
	int16		typlen;
	bool		typbyval;
	bool		text;			/* travels as text */
	int			fast;			/* private: inlined format of common types */
	Oid			ioparam;
	FmgrInfo	out;			/* send or out */
	FmgrInfo	in_binary;		/* receive; fn_oid invalid if none */
	FmgrInfo	in_text;
	void	   *domain_cache;	/* private: of domain_check() */
	MemoryContext mcxt;
} CvgCodec;

/* Catalog lookups happen here and nowhere later.  mcxt owns the FmgrInfos. */
extern void cvg_codec_init(CvgCodec *codec, Oid type, int32 typmod, MemoryContext mcxt);

/* Append one value.  Leaks into the current context (detoast, output). */
extern void cvg_codec_put(CvgCodec *codec, Datum value, bool isnull, CvgBuf *out);

/*
 * Datum of a value, in the current context.  ERRORs are the type's input
 * function's, so the caller adds context.  A text value is accepted by every
 * codec, a binary one only if codec->text is false.
 */
extern Datum cvg_codec_get(CvgCodec *codec, CvgValue value, bool *isnull);

/*
 * Around any number of calls that may put or get text values: sets the
 * output GUCs, and restores them.  Cheap when they are right already.
 */
extern int	cvg_codec_enter(void);
extern void cvg_codec_leave(int nestlevel);

#endif							/* CVG_STORE_CODEC_H */
