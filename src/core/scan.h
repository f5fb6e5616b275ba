/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  Reading and writing the text forms of CRDT values.
 *
 * Like a CvgReader, a scanner keeps its first failure and the place of it,
 * and answers nothing useful afterwards, so that a parser checks once per
 * loop.  Spaces are allowed before every token.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_SCAN_H
#define CVG_CORE_SCAN_H

#include "core/buf.h"

#ifndef HAVE_INT128
#error "pg_converge needs a compiler with 128-bit integers"
#endif

typedef struct CvgScanner
{
	const char *start;
	const char *p;				/* first byte not read yet */
	const char *end;
	CvgStatus	status;			/* first failure, CVG_OK until then */
	size_t		offset;			/* of that failure */
} CvgScanner;

extern void cvg_scan_init(CvgScanner *s, CvgSlice text);

/* Fail at a place in the text; always returns false. */
extern bool cvg_scan_fail(CvgScanner *s, CvgStatus status, const char *at);

extern void cvg_scan_spaces(CvgScanner *s);
extern bool cvg_scan_at_end(CvgScanner *s);

/* Take this character, or this whole word, if it comes next. */
extern bool cvg_scan_char(CvgScanner *s, char c);
extern bool cvg_scan_word(CvgScanner *s, const char *word);

/* The same, but its absence is a syntax error. */
extern bool cvg_scan_expect(CvgScanner *s, char c);
extern bool cvg_scan_expect_word(CvgScanner *s, const char *word);

/* A bare replica id; points into the text. */
extern CvgSlice cvg_scan_id(CvgScanner *s);

/* Decimal integer with an optional sign. */
extern int64 cvg_scan_int64(CvgScanner *s);

/* A stamp: > 0.  With cvg_scan_at_stamp, after a '@'. */
extern CvgStamp cvg_scan_stamp(CvgScanner *s);
extern CvgStamp cvg_scan_at_stamp(CvgScanner *s);

/* The digits and the minus of such a sum as they stand, perhaps none. */
extern CvgSlice cvg_scan_number(CvgScanner *s);

/*
 * One JSON value, by its brackets and quotes only: the caller's caller knows
 * whether it is valid.  No spaces around it.
 */
extern CvgSlice cvg_scan_json(CvgScanner *s);

/*
 * Any text, with a backslash before a quote or a backslash in quotes, or bare
 * if it is made of nothing but letters, digits, what is beyond ASCII, and
 * signs that have no meaning in the forms of values.  Reading appends it.
 */
extern void cvg_scan_text(CvgScanner *s, CvgBuf *out);
extern void cvg_print_text(CvgBuf *out, CvgSlice text);

static inline bool
cvg_scan_ok(const CvgScanner *s)
{
	return s->status == CVG_OK;
}

extern void cvg_print_string(CvgBuf *out, const char *str);
extern void cvg_print_int64(CvgBuf *out, int64 value);

/* A sum that may be beyond int64, as merges of large counters can be. */
extern void cvg_print_int128(CvgBuf *out, int128 value);
extern void cvg_print_slice(CvgBuf *out, CvgSlice s);

/* id@stamp */
extern void cvg_print_dot(CvgBuf *out, CvgSlice id, CvgStamp stamp);

#endif							/* CVG_CORE_SCAN_H */
