/*-------------------------------------------------------------------------
 *
 * leaves.h
 *	  Merging of nested documents path by path (strategy jsonb_merge).
 *
 * A document is a list of leaves: values that are no objects, and empty
 * objects, each with the path of keys that leads there.  A document that is
 * no object is one leaf with the empty path.  Values are opaque.
 *
 * Meaning.  A write gives its dot to marks of paths:
 *	 value(p)	the leaf p was set, changed or removed
 *	 empty(p)	the object p was left empty
 *	 below(p)	something below p has changed, or the object p was made or
 *				left empty, or is so no longer: p was an object before or after
 * An update marks what differs between the documents before and after it; an
 * insert marks all of its document, and what was in the row that was deleted
 * before it (as far as it knows one) and is not in it.  Or a write is *whole*:
 * one made under another strategy, from or to what is no object, or of too many
 * paths.  Each mark is the latest dot that it was given, as is the dot of the
 * latest whole write, and a whole write sets all that is older.  So this is a
 * maximum at every point, a lattice whatever the writes have seen.  What the
 * document is made of follows from it and from the values of the latest writes:
 *	 - A leaf has the dot of value(p) or of the whole write, the larger, and is
 *	   as that write left it: there, or not.  It is hidden if value() of an object
 *	   that it is in, or below(p), is larger: later, somebody made something
 *	   else of what it is in, or of it.
 *	 - An empty object has the dot of empty(p), and is hidden by value() of
 *	   itself and what it is in, and by below(p).  It is shown if nothing is
 *	   below it.
 * What is hidden stays hidden, since marks only grow: so a document need not
 * keep it.
 *
 * What is stored.  The marks that the document itself would be given by an
 * insert are *derived* from it: they have the unit's dot (that of the birth or
 * of a later whole write) unless they are stored with another.  A row that was
 * born once and not changed stores none, and an update stores what it writes:
 * each derived mark that it takes away with a leaf is either one that it writes,
 * or empty(p) of an object that it fills or removes.  That is below its below(p)
 * then and of no effect, and such a one is not stored.  Where two births meet
 * that do not know of each other, both documents are at hand, the marks of both
 * are joined, and those that are not derived from the merged document are
 * stored: the other birth's, for one.  Nothing depends on when or where they
 * meet: what is stored is a function of the marks, of the unit's dot and of the
 * document, and they are functions of the set of writes.  So a third birth may
 * come to a node that has only the merged row, and equal clocks mean equal bytes.
 *
 * Ids of marks are hashes of paths.  Two paths of a document with one id move
 * as one: they share their dots.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_LEAVES_H
#define CVG_CORE_LEAVES_H

#include "core/buf.h"

typedef struct CvgLeaf
{
	CvgSlice	path;			/* keys as slices, one after the other */
	bool		empty;			/* an object without members, not a value */
	CvgSlice	value;
} CvgLeaf;

typedef enum CvgMarkKind
{
	CVG_MARK_VALUE,
	CVG_MARK_BELOW,
	CVG_MARK_EMPTY
} CvgMarkKind;

typedef struct CvgMark
{
	uint32		id;				/* of the path */
	uint8		kind;
	bool		derived;		/* of a write: the document after it says so */
	CvgDot		dot;			/* none in what a write marks: its own */
} CvgMark;

/* Order of leaves in a document: by path. */
extern int	cvg_leaf_cmp(const void *a, const void *b);

/* Order of marks: by id and kind. */
extern int	cvg_mark_cmp(const void *a, const void *b);

/*
 * What an update of a document from old to new marks, or an insert of new over
 * a row that had old, in order and palloc'ed.  Both are objects, with their
 * leaves in order.
 */
extern CvgMark *cvg_leaves_changed(const CvgLeaf *old, int nold, const CvgLeaf *new,
								   int nnew, bool insert, int *nmarks);

/*
 * Put marks that were written with a dot into those that are stored; out has
 * room for both.  Returns how many are to be stored now.
 */
extern int	cvg_marks_write(const CvgMark *stored, int nstored, const CvgMark *written,
							int nwritten, CvgDot dot, CvgDot whole, CvgMark *out);

/* Drop what has no effect: older than the whole write, or empty(p) than below(p). */
extern int	cvg_marks_prune(CvgMark *marks, int n, CvgDot whole);

/* A version of a document, and what is stored of its marks. */
typedef struct CvgLeafSide
{
	CvgDot		unit;			/* of derived marks */
	CvgDot		whole;			/* the latest whole write, or none */
	int			nmarks;
	CvgMark    *marks;
	int			n;
	CvgLeaf    *leaves;			/* in order */
} CvgLeafSide;

/* Merge two versions.  Leaves and marks are palloc'ed. */
extern void cvg_leaves_merge(const CvgLeafSide *a, const CvgLeafSide *b, CvgLeafSide *out);

#endif							/* CVG_CORE_LEAVES_H */
