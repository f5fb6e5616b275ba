/*-------------------------------------------------------------------------
 *
 * leaves.h
 *	  Merging of nested documents path by path (strategy jsonb_merge).
 *
 * A document is a list of leaves: values that are no objects, and empty
 * objects, each with the path of keys that leads there.  A document that is
 * no object is one leaf with the empty path.  Values are opaque.
 *
 * The row state says when each part was written.  A write of the whole
 * document (an insert, or one that is too large to be taken apart) gives its
 * dot to the unit of the column.  An update gives it to these units, whose
 * ids are hashes of column and path:
 *	 value(p)	the leaf p was set, changed or removed
 *	 empty(p)	the object p was left empty
 *	 below(p)	something below p has changed, or the object p was made or
 *				left empty, or is so no longer: p was an object before or after
 *
 * What a document is made of follows from the dots and from the values of
 * the latest writes, so it does not matter in which order writes meet:
 *	 - A leaf has the dot of value(p) or of the column, the larger, and is as
 *	   that write left it: there, or not.  It is hidden if value() of an object
 *	   that it is in, or below(p), is larger: later, somebody made something
 *	   else of what it is in, or of it.
 *	 - An empty object has the dot of empty(p), and is hidden by value() of
 *	   itself and what it is in, and by below(p).  It is shown if nothing is
 *	   below it.
 * What is hidden stays hidden, since marks only grow: so a document need not
 * keep it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_LEAVES_H
#define CVG_CORE_LEAVES_H

#include "core/rowstate.h"

typedef struct CvgLeaf
{
	CvgSlice	path;			/* keys as slices, one after the other */
	bool		empty;			/* an object without members, not a value */
	CvgSlice	value;
} CvgLeaf;

/* Order of leaves in a document: by path. */
extern int	cvg_leaf_cmp(const void *a, const void *b);

/*
 * Ids of the units that an update of a document from old to new gives its
 * dot to, ascending, palloc'ed.  Both are objects, with their leaves in
 * order.
 */
extern uint32 *cvg_leaves_changed(CvgSlice column, const CvgLeaf *old, int nold,
								  const CvgLeaf *new, int nnew, int *nids);

/* A version of a document, its leaves in order, and the state of its row. */
typedef struct CvgLeafSide
{
	CvgSlice	state;
	const CvgLeaf *leaves;
	int			n;
} CvgLeafSide;

/* Merge two concurrent versions; unit is the column's.  palloc'ed, in order. */
extern CvgLeaf *cvg_leaves_merge(CvgSlice column, uint32 unit, const CvgLeafSide *a,
								 const CvgLeafSide *b, int *n);

#endif							/* CVG_CORE_LEAVES_H */
