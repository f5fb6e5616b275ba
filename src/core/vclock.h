/*-------------------------------------------------------------------------
 *
 * vclock.h
 *	  Version vector: replica id -> positive int64, sorted by id.
 *
 * Used for row clocks (values are stamps), progress (values are seqs),
 * horizons (stamps) and session tokens (seqs).
 *
 * Bytes: version (1), varint count, then per entry in strictly ascending id
 * order: varint id length, id, varint value (1 .. 2^63-1).  There are no zero
 * entries, so equal clocks are equal bytes.  The empty clock is two bytes
 * (version, 0); an empty slice is accepted as the empty clock by every
 * function below but never produced.
 *
 * All functions but cvg_vclock_validate() expect valid bytes (validate once
 * where bytes come in); given invalid ones they return nonsense but read
 * nothing out of bounds.
 *
 * Lamport 1978; Fidge 1988; Mattern 1989.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_VCLOCK_H
#define CVG_CORE_VCLOCK_H

#include "core/buf.h"

#define CVG_VCLOCK_VERSION	1

/* One entry, borrowed from the clock's bytes. */
typedef struct CvgClockEntry
{
	CvgSlice	id;
	int64		value;
} CvgClockEntry;

/* Iterator over entries in id order. */
typedef struct CvgClockIter
{
	CvgReader	reader;
	uint64		left;
} CvgClockIter;

extern CvgStatus cvg_vclock_validate(CvgSlice clock, CvgError *err);
extern void cvg_vclock_iter(CvgClockIter *it, CvgSlice clock);
extern bool cvg_vclock_next(CvgClockIter *it, CvgClockEntry *entry);
extern int	cvg_vclock_count(CvgSlice clock);

/* Value of one id, 0 when absent. */
extern int64 cvg_vclock_get(CvgSlice clock, CvgSlice id);

extern CvgOrder cvg_vclock_compare(CvgSlice a, CvgSlice b);

/* a <= b: every entry of a is covered by b. */
extern bool cvg_vclock_covered(CvgSlice a, CvgSlice b);

/* Total order for btree: entry by entry (id, value), shorter first. */
extern int	cvg_vclock_cmp_total(CvgSlice a, CvgSlice b);

/* Each appends a whole clock to out.  out must not alias the inputs. */
extern void cvg_vclock_empty(CvgBuf *out);
extern CvgStatus cvg_vclock_join(CvgSlice a, CvgSlice b, CvgBuf *out);	/* CVG_E_LIMIT */
extern CvgStatus cvg_vclock_meet(CvgSlice a, CvgSlice b, CvgBuf *out);	/* per-id minimum */
extern CvgStatus cvg_vclock_set(CvgSlice a, CvgSlice id, int64 value, CvgBuf *out);
extern CvgStatus cvg_vclock_increment(CvgSlice a, CvgSlice id, int64 by, CvgBuf *out);

/*
 * From entries in any order; sorted in place, zeros dropped, duplicates are
 * CVG_E_DUPLICATE, bad ids CVG_E_BAD_ID, negative values CVG_E_OVERFLOW.
 */
extern CvgStatus cvg_vclock_from_entries(CvgClockEntry *entries, int n, CvgBuf *out);

/*
 * Text form {london:5,paris:3}; spaces around tokens are allowed on input, an
 * id may be double-quoted.  Parse reports the byte offset of what it could
 * not read.
 */
extern CvgStatus cvg_vclock_parse(const char *text, CvgBuf *out, CvgError *err);
extern void cvg_vclock_print(CvgSlice clock, CvgBuf *out);	/* no trailing NUL */

#endif							/* CVG_CORE_VCLOCK_H */
