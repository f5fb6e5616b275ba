/*-------------------------------------------------------------------------
 *
 * dotset.h
 *	  Causal context: which dots a value has seen and no longer contains.
 *
 * A value of a type with a causal context is a pair (live dots with what
 * they stand for, dotset of dead dots).  A dot is born live and dies once,
 * when an update that has seen it supersedes or removes it.  Merge: a dot
 * live on one side stays unless it is dead on the other; the dead are
 * united.  Live dots are never in the dotset, so it holds nothing for what
 * was only ever added.
 *
 * The dead are kept as ranges of stamps per replica, and a new one is a range
 * of its own.  An update joins neighbouring ranges, the oldest first, when a
 * replica has more than CVG_CRDT_RECENT, but never across a live dot.  What
 * lies in the gap is then taken for dead.  With one line of history
 * (crdt.h) that is simply true: whatever this replica wrote between two dots
 * that are known here is known here, and is not live.  In a branch of a
 * copied value, which may have dots of its own in the gap, it is why more
 * than CVG_CRDT_RECENT updates in one branch can cost the other some.
 *
 * As ranges are only sets of dots, written shorter, union and difference are
 * exact, merge is a lattice join for any two values, and a delta names only
 * the dots that died.  There are at most CVG_CRDT_RECENT ranges more than
 * live dots (and, just after merging branches, what both sides had).
 *
 * Bytes: per replica with dead dots, ascending: varint id length, id; ranges
 * ascending: varint (first - last of the range before, or - 0) * 2 + more?,
 * if more: varint last - first; varint 0.  Then a 0 as the length of no id.
 * Ranges neither touch nor overlap.  The empty set is one byte.
 *
 * Text: {a 5 7-9, b 3}
 *
 * Almeida, Shoker, Baquero 2018, section 7 (causal context); Preguica et
 * al. 2012.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_DOTSET_H
#define CVG_CORE_DOTSET_H

#include "core/crdt.h"

/* Dots (id, lo) .. (id, hi) */
typedef struct CvgDotRange
{
	CvgSlice	id;
	CvgStamp	lo;
	CvgStamp	hi;
} CvgDotRange;

/* Reads ranges in order; initialize with cvg_dotset_iter(). */
typedef struct CvgDotIter
{
	CvgReader	reader;
	CvgSlice	id;				/* of the current replica, empty before it */
	CvgStamp	last;			/* end of the range before */
	bool		first;			/* the range given is the replica's first */
} CvgDotIter;

static inline void
cvg_dotset_iter(CvgDotIter *it, CvgReader set)
{
	memset(it, 0, sizeof(*it));
	it->reader = set;
}

/* False at the end, when it->reader stands behind the set, or on failure. */
extern bool cvg_dotset_next(CvgDotIter *it, CvgDotRange *range);

/* Read a set and check all of it; the reader ends behind it. */
extern void cvg_dotset_check(CvgReader *r);

/* Skip a set; returns its bytes. */
extern CvgSlice cvg_dotset_skip(CvgReader *r);

extern void cvg_dotset_empty(CvgBuf *out);
extern CvgStamp cvg_dotset_latest(CvgReader set);
extern void cvg_dotset_union(CvgReader a, CvgReader b, CvgBuf *out);

/* Dots of a that are not in b. */
extern void cvg_dotset_minus(CvgReader a, CvgReader b, CvgBuf *out);

/*
 * For updates: the set with some dots that have just died, sorted by id, then
 * stamp.  live has all live dots after the update, in any order.
 */
extern void cvg_dotset_add(CvgReader set, const CvgDot *dead, int ndead,
						   const CvgDot *live, int nlive, CvgBuf *out);

/*
 * All ranges in an array, in order, to be freed with pfree; for many
 * look-ups.  Ids are borrowed.
 */
extern CvgDotRange *cvg_dotset_load(CvgReader set, int *n);
extern bool cvg_dots_contain(const CvgDotRange *ranges, int n, CvgDot dot);

/* One look-up, in time linear in the set. */
extern bool cvg_dotset_contains(CvgReader set, CvgDot dot);

extern void cvg_dotset_print(CvgReader set, CvgBuf *out);
extern void cvg_dotset_scan(CvgScanner *s, CvgBuf *out);

/* Order of dots inside values: by id, then stamp (not that of cvg_dot_cmp). */
static inline int
cvg_dot_id_cmp(CvgDot a, CvgDot b)
{
	int			c = cvg_slice_cmp(a.replica, b.replica);

	if (c != 0)
		return c;
	return a.stamp < b.stamp ? -1 : (a.stamp > b.stamp ? 1 : 0);
}

#endif							/* CVG_CORE_DOTSET_H */
