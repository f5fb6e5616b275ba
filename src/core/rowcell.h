/*-------------------------------------------------------------------------
 *
 * rowcell.h
 *	  Cells: what a row state knows of a unit beyond the dot of its latest
 *	  write.  For rowstate*.c; what others may ask is in rowstate.h.
 *
 * Most units have none: their value is in the row and their dot says whose
 * it is.  A unit has a cell if
 *	 - it was written as one of *several values* (multi): concurrent values
 *	   of it are all kept, until a write that has seen them.  While there is
 *	   one, it is the value in the row, and only the mark is stored.
 *	 - it was *counted* in: per replica the total of its contributions.
 *	 - it is a document that was written *by paths*: marks say when each path
 *	   was written (leaves.h); the document is the one in the row.
 * What is in the row of the first two is computed from the cell by the column's
 * strategy.  Merging does not depend on the strategy, only on how the
 * writes were recorded; so a strategy can change while nodes do not yet agree
 * about it.
 *
 * Values.  A pair is (dot, value).  Merging keeps a pair that both sides have
 * or that the other side's row clock does not cover.  A value recorded as one
 * of several beats one that was not (its writer had not heard of the strategy
 * yet), and whoever has seen a mark writes with the mark: so the rule is a
 * total order over ways of recording, and among unmarked values the larger
 * dot wins as ever.
 *
 * Shares.  Per replica (last, start, amount; fc, floor): the stamps of its
 * last and first contribution, the total; and up to which of its stamps fc a
 * reset has taken back "floor".  Of two shares the one with the larger last
 * holds more of that replica's contributions; of two floors the one with the
 * larger fc is the later.  The sum over replicas of amount - (fc >= start ?
 * floor : 0), on top of the unit's value, is what the column shows.  A floor
 * is never subtracted in place: totals go on, so that a concurrent
 * contribution keeps its meaning, and two concurrent resets are one.  start
 * guards against a replica that had forgotten the row and began anew: a floor
 * set before that does not concern it.
 *
 * Paths.  The latest whole write of a document is that of the unit's dot, unless
 * by_path is set: then the row's birth, whose dot it is, was recorded by paths,
 * and "whole" is the latest whole write before or beside it, if there is one.
 * So an insert says by this flag how it is recorded, as a writer of several
 * values does by its mark.  A unit that ever was one of several values, or was
 * counted in, has no paths: whichever way of recording is the stronger for one
 * write is so for the unit.
 *
 * Bytes: u8 flags (1 multi, 2 by_path, 4 whole, 8 marks) |
 *	  without 2 and 8: varint npairs | pair*, by ascending dot: slice id |
 *		varint stamp | slice value |
 *		varint nshares | share*, by ascending id: slice id |
 *		varint last | [last: varint last - start | slice amount] |
 *		varint fc | [fc: slice floor]
 *	  [4] slice id | varint stamp
 *	  [8] varint nids | slice id*, ascending, each of some mark | varint least stamp |
 *		varint nmarks | mark*, by ascending id and kind: u32 id |
 *		varint index of replica id * 4 + kind | varint stamp - least stamp
 *
 * Values and amounts are opaque here.
 *
 * Preguica et al. 2012 (dotted version vector sets); Almeida and Baquero
 * 2019 (counters with reset).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_ROWCELL_H
#define CVG_CORE_ROWCELL_H

#include "core/leaves.h"
#include "core/rowstate_codec.h"

/* So many marks a document can have: more than all nodes of a group can make. */
#define CVG_MAX_MARKS	(1 << 17)

typedef struct CvgCellPair
{
	CvgDot		dot;
	CvgSlice	value;			/* empty: nothing to build on, or not known */
	bool		in_row;			/* it stands in the row itself, of side "side" */
	CvgSide		side;
} CvgCellPair;

typedef struct CvgCellShare
{
	CvgSlice	id;
	CvgStamp	last;
	CvgStamp	start;
	CvgSlice	amount;
	CvgStamp	fc;
	CvgSlice	floor;
} CvgCellShare;

/* A cell taken apart; the arrays have room for as many more entries as was asked for. */
typedef struct CvgCell
{
	bool		multi;
	int			npairs;
	CvgCellPair *pairs;
	int			nshares;
	CvgCellShare *shares;
	bool		by_path;
	CvgDot		whole;			/* if by_path; none if there is none */
	int			nmarks;
	CvgMark    *marks;			/* NULL, or palloc'ed */
} CvgCell;

/* Reads the whole body; the arrays are palloc'ed even on failure. */
extern void cvg_cell_get(CvgReader *r, CvgCell *cell, int room);
extern void cvg_cell_load(CvgSlice body, CvgCell *cell, int room);
extern void cvg_cell_init(CvgCell *cell, int npairs, int nshares);
extern void cvg_cell_free(CvgCell *cell);
extern void cvg_cell_put(const CvgCell *cell, CvgBuf *out);

/* Is there anything in it that has to be stored? */
extern bool cvg_cell_needed(const CvgCell *cell);

/* Is it a document that was written by paths? */
static inline bool
cvg_cell_has_paths(const CvgCell *cell)
{
	return cell->by_path || cell->nmarks > 0;
}

/* Forget the paths: the document was written as a whole. */
extern void cvg_cell_drop_paths(CvgCell *cell);

/* Set the floors of all shares: clock is what the reset has seen. */
extern void cvg_cell_floor(CvgCell *cell, const CvgRowParts *clock);

/* The writer's share; a new one is put in its place. */
extern CvgCellShare *cvg_cell_share(CvgCell *cell, CvgSlice id);

/*
 * One side of a merge: its cell (or what it amounts to without one), dot and
 * clock.
 */
typedef struct CvgCellSide
{
	CvgCell		cell;
	const CvgRowParts *clock;
} CvgCellSide;

/* Merge; out's arrays have room for what is in both. */
extern void cvg_cell_merge(const CvgCellSide *a, const CvgCellSide *b, CvgCell *out);

#endif							/* CVG_CORE_ROWCELL_H */
