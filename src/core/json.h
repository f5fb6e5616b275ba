/*-------------------------------------------------------------------------
 *
 * json.h
 *	  The little of JSON that core needs: strings, and the parts of a text.
 *
 * Texts come from the server, as it writes a jsonb, or from the text form of
 * a value.  A string is any text here, in the encoding of the database; an
 * escape \uXXXX is read for ASCII only, which is all that the server and the
 * functions below write.  Numbers, words and what else is inside arrays are
 * not looked at.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_JSON_H
#define CVG_CORE_JSON_H

#include "core/scan.h"

typedef enum CvgJsonKind
{
	CVG_JSON_NULL,
	CVG_JSON_BOOLEAN,
	CVG_JSON_NUMBER,
	CVG_JSON_STRING,
	CVG_JSON_ARRAY,
	CVG_JSON_OBJECT
} CvgJsonKind;

/* By its first character; the text has no spaces around it. */
extern CvgJsonKind cvg_json_kind(CvgSlice json);

/* Value of a hex digit, -1 if it is none. */
extern int	cvg_hex_digit(char c);

/* In quotes, with escapes. */
extern void cvg_json_print_string(CvgBuf *out, CvgSlice text);

/* A quoted string; its content is appended.  Failures go into the scanner. */
extern void cvg_json_scan_string(CvgScanner *s, CvgBuf *out);

/* Member of an object, or element of an array (then name is empty). */
typedef struct CvgJsonMember
{
	CvgSlice	name;
	CvgSlice	value;			/* JSON text, in place */
} CvgJsonMember;

/*
 * Members of an object in byte order of their names, or elements of an
 * array as they stand.  One palloc, with the names in names, which the caller
 * has initialized and frees.  CVG_E_SYNTAX; CVG_E_DUPLICATE for a name that
 * is there twice.
 */
extern CvgStatus cvg_json_members(CvgSlice json, CvgBuf *names,
								  CvgJsonMember **members, int *n);

#endif							/* CVG_CORE_JSON_H */
