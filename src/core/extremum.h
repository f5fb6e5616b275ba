/*-------------------------------------------------------------------------
 *
 * extremum.h
 *	  Registers that keep the largest or the smallest value seen.
 *
 * A value is a number or a time.  Both orders are the server's: a number is
 * a numeric (-Infinity < ... < Infinity < NaN), compared exactly; a time is
 * a timestamptz.  An update with the other kind is refused; where a merge
 * meets both all the same, any time counts as larger than any number.
 *
 * Numbers are compared as decimal texts, which core can do without the
 * server.  Zeros at the end of a fraction are not kept: 1.50 and 1.5 are
 * the same number, and equal states must be equal bytes.
 *
 * Body: nothing while empty; else a kind byte, then
 *	  1		the number's canonical text: optional minus, digits without leading
 *			zeros, optional point and digits not ending in zero; or NaN,
 *			Infinity, -Infinity
 *	  2		the time as 8 bytes, big-endian, microseconds since 2000-01-01
 *
 * Text: the number's; a time as 2024-02-29T12:00:00.5Z, infinity or
 * -infinity; or empty.  Years before 1 are 0, -1, ...: 0 is 1 BC.
 *
 * There is nothing to count or to order here, so no dots are needed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_EXTREMUM_H
#define CVG_CORE_EXTREMUM_H

#include "core/crdt.h"

extern const CvgCrdtOps cvg_maxreg_ops;
extern const CvgCrdtOps cvg_minreg_ops;

typedef enum CvgExtremumKind
{
	CVG_EXTREMUM_EMPTY = 0,
	CVG_EXTREMUM_NUMBER = 1,
	CVG_EXTREMUM_TIME = 2
} CvgExtremumKind;

typedef struct CvgExtremum
{
	CvgExtremumKind kind;
	CvgSlice	number;			/* canonical text, borrowed */
	int64		time;
} CvgExtremum;

extern CvgExtremum cvg_extremum_get(CvgSlice reg);

/*
 * The register after having seen one more number or time.  CVG_E_SYNTAX for
 * a text that is no decimal number, CVG_E_OVERFLOW for no time,
 * CVG_E_FORBIDDEN if the register holds the other kind.
 */
extern CvgStatus cvg_extremum_see_number(CvgSlice reg, CvgSlice text, CvgBuf *out);
extern CvgStatus cvg_extremum_see_time(CvgSlice reg, int64 time, CvgBuf *out);

/* Order of two canonical numbers. */
extern int	cvg_decimal_cmp(CvgSlice a, CvgSlice b);

/* Append the canonical form of a number; false if it is none. */
extern bool cvg_decimal_canonical(CvgSlice text, CvgBuf *out);

#endif							/* CVG_CORE_EXTREMUM_H */
