/*-------------------------------------------------------------------------
 *
 * rowstate.h
 *	  Metadata of one row (the value of its _converge column) as a lattice.
 *
 * A state is
 *	  vc     row clock: latest dot of every replica whose writes it contains
 *	  birth  largest insert dot; also the default dot of every unit
 *	  units  (unit id, dot) for units written after the birth
 *	  w,d,o,e  only once the row was ever deleted: clock of non-delete
 *	         writes, of delete dots, of what the deletes had observed, of d
 *	         as the (re-)inserts saw it.  For a never-deleted row w = vc and
 *	         the rest is empty, and none of them is stored.
 *
 * A *unit* is what last-write-wins moves as one: usually one column, a column
 * group, or the whole row.  Unit ids are stable 32-bit hashes of names, given
 * by the caller.  Key columns belong to no unit.
 *
 * merge(a, b) is commutative, associative and idempotent; equal clocks mean
 * equal bytes for states reached by the operations below.  Whether the row is
 * alive is computed from w, d, o, e and the table's policy, so each policy is
 * a lattice.  Nothing here touches column values: a merge only says, unit by
 * unit, which side's value to take.
 *
 * A unit whose concurrent values are all kept, or that is counted in, or that is
 * a document written by its paths, has a *cell* in the state besides: see
 * rowcell.h.  How a write records what it
 * does is decided by the column's strategy when it is made; merging does not
 * know of strategies.
 *
 * Bytes (version 1), canonical: see rowstate_codec.c.  Flag bits not known to
 * this version make a state CVG_E_VERSION.
 *
 * After Shapiro et al. 2011 (state-based CRDTs, section 2), Bieniusa et al.
 * 2012 (observed remove without tombstones).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_ROWSTATE_H
#define CVG_CORE_ROWSTATE_H

#include "core/buf.h"
#include "core/leaves.h"
#include "core/vclock.h"

#define CVG_ROWSTATE_VERSION	1

/* No more units than PostgreSQL has columns. */
#define CVG_MAX_UNITS		1600

/* A deleted row against concurrent writes; per table, the same on all nodes. */
typedef enum CvgOnDelete
{
	CVG_ON_DELETE_LWW = 0,		/* the latest dot decides */
	CVG_ON_DELETE_DELETE_WINS = 1,	/* a delete beats what it did not see */
	CVG_ON_DELETE_UPDATE_WINS = 2	/* an unseen write beats the delete */
} CvgOnDelete;

/* Where a unit's value is after a merge. */
typedef enum CvgSide
{
	CVG_SIDE_A = 0,				/* in a's row; also when both have the same dot */
	CVG_SIDE_B = 1,
	CVG_SIDE_VALUE,				/* it was stored in one of the states */
	CVG_SIDE_FOLD,				/* to be computed from the merged state's cell */
	CVG_SIDE_DOCUMENT			/* a document that was merged by its paths */
} CvgSide;

extern CvgStatus cvg_rowstate_validate(CvgSlice state, CvgError *err);

/*
 * Local writes.  "old" is the state before (for insert: of the tombstone, or
 * empty).  stamp must be larger than every stamp in old: the hybrid clock
 * sees to it; CVG_E_FORBIDDEN otherwise.  Each appends a state to out.
 */
extern CvgStatus cvg_rowstate_insert(CvgSlice old, CvgSlice replica,
									 CvgStamp stamp, CvgBuf *out);
extern CvgStatus cvg_rowstate_update(CvgSlice old, CvgSlice replica,
									 CvgStamp stamp, const uint32 *units,
									 int nunits, CvgBuf *out);
extern CvgStatus cvg_rowstate_delete(CvgSlice old, CvgSlice replica,
									 CvgStamp stamp, CvgBuf *out);

/*
 * Merge.  Appends the merged state to out.  For each of the nunits unit ids
 * of the table (ascending), sides[i] says whose value is current.
 * *order (may be NULL) receives the relation of the two row clocks.
 */
extern CvgStatus cvg_rowstate_merge(CvgSlice a, CvgSlice b,
									const uint32 *units, int nunits,
									CvgSide *sides, CvgOrder *order,
									CvgBuf *out);

/*
 * What a write does to a unit that has a cell, or gets one.  Values and
 * amounts are opaque bytes, not empty.
 *	 write  the unit has a new value; "value" is needed if it was ever counted
 *			in.  multi: record it as one of several values.
 *	 count  the writer's contributions add up to "amount" now; the unit's dot
 *			does not move.  "value" is what the row has, and what is counted
 *			on top of; empty in an insert, where nothing is.
 *	 paths	the unit is a document, and these marks of paths were written
 *			(cvg_leaves_changed()); the unit's dot does not move in an update.
 *			For a unit that is neither multi nor counted.
 * Units of an update that are not mentioned must have no values or counts.
 */
typedef struct CvgCellWrite
{
	uint32		unit;
	bool		count;
	bool		multi;
	bool		paths;
	CvgSlice	amount;
	CvgSlice	value;
	const CvgMark *marks;		/* of paths */
	int			nmarks;
} CvgCellWrite;

extern CvgStatus cvg_rowstate_insert_cells(CvgSlice old, CvgSlice replica,
										   CvgStamp stamp, const CvgCellWrite *cells,
										   int ncells, CvgBuf *out);
extern CvgStatus cvg_rowstate_update_cells(CvgSlice old, CvgSlice replica,
										   CvgStamp stamp, const uint32 *units,
										   int nunits, const CvgCellWrite *cells,
										   int ncells, CvgBuf *out);

/* A document as its leaves. */
typedef struct CvgLeaves
{
	int			n;
	CvgLeaf    *leaves;
} CvgLeaves;

/*
 * A merge that can look at the values in the two rows: value returns false
 * when a side does not have that of units[unit], and so does leaves for one
 * that is a document, in order.
 */
typedef struct CvgRowMerge
{
	const uint32 *units;
	int			nunits;
	CvgSide    *sides;
	CvgSlice   *values;			/* by unit, set if its side is CVG_SIDE_VALUE */
	bool	   *missing;		/* by unit: set if a value was not to be had */
	bool		(*value) (void *arg, CvgSide side, int unit, CvgSlice *out);
	void	   *arg;
	bool		(*leaves) (void *arg, CvgSide side, int unit, CvgLeaves *out);
	CvgLeaves  *documents;		/* by unit, set (palloc'ed) if CVG_SIDE_DOCUMENT */
	CvgOrder	order;
	bool		too_many;		/* marks of a document */
} CvgRowMerge;

extern CvgStatus cvg_rowstate_merge_cells(CvgSlice a, CvgSlice b,
										  CvgRowMerge *merge, CvgBuf *out);

/*
 * How many marks are stored of a document once these have been written to it;
 * -1 if the unit has values or counts, and so no marks.
 */
extern int	cvg_rowstate_mark_count(CvgSlice state, uint32 unit, const CvgMark *marks,
									int nmarks);

/* Cells of a state: does a unit have one, and what is in it? */
extern bool cvg_rowstate_has_cells(CvgSlice state);

typedef struct CvgCellView
{
	bool		multi;
	int			npairs;			/* 0: the value is in the row, or there is none */
	CvgDot	   *dots;
	CvgSlice   *values;			/* empty: none, or not known */
	bool		counted;
	int			nshares;
	CvgSlice   *replicas;
	CvgSlice   *amounts;		/* empty: none */
	CvgSlice   *floors;			/* to be taken away from it; empty: none */
	int			nmarks;			/* of paths of a document, with dots of their own */
	CvgDot		latest_mark;	/* the largest of these */
	bool		by_path;		/* the row's birth wrote it by its paths */
} CvgCellView;

/* False if the unit has none; palloc'ed, for the caller's context to free. */
extern bool cvg_rowstate_cell(CvgSlice state, uint32 unit, CvgCellView *view);

extern CvgOrder cvg_rowstate_compare(CvgSlice a, CvgSlice b);
extern bool cvg_rowstate_alive(CvgSlice state, CvgOnDelete policy);
extern bool cvg_rowstate_ever_deleted(CvgSlice state);

/* The row clock, appended as a vclock. */
extern void cvg_rowstate_clock(CvgSlice state, CvgBuf *out);

/* Entry of one replica in the row clock, 0 when absent. */
extern CvgStamp cvg_rowstate_latest(CvgSlice state, CvgSlice replica);

/*
 * Who made the write that left this state, in an entry of "origin": one of its
 * former selves if the entry has moved.  A write's stamp is larger than all
 * that it saw.
 */
extern CvgSlice cvg_rowstate_writer(CvgSlice state, CvgSlice origin);

/*
 * Does the state "here" contain all that a write was based on: the clock of
 * the state after the write, with the writer's entry set back by "back" (to
 * nothing if that is 0)?
 */
extern bool cvg_rowstate_has_base(CvgSlice here, CvgSlice write,
								  CvgSlice writer, CvgStamp back);

/* vc <= clock */
extern bool cvg_rowstate_covered(CvgSlice state, CvgSlice clock);

/* Largest dot of the row clock: the last writer, and when. */
extern CvgDot cvg_rowstate_last_dot(CvgSlice state);
extern CvgDot cvg_rowstate_birth(CvgSlice state);

/* Dot of a unit: its own or the birth. */
extern CvgDot cvg_rowstate_unit_dot(CvgSlice state, uint32 unit);

/*
 * Canonical bytes naming the birth dot: varint id length, id, stamp as u64.
 * The identity of a row in a table without a key.
 */
extern void cvg_rowstate_birth_bytes(CvgSlice state, CvgBuf *out);

/* Text for people: {london:5,paris:3} birth paris:1 units 9f3a11c2=london:5 ... */
extern void cvg_rowstate_print(CvgSlice state, CvgBuf *out);

#endif							/* CVG_CORE_ROWSTATE_H */
