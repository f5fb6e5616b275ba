/*-------------------------------------------------------------------------
 *
 * rowstate_codec.h
 *	  A row state taken apart, for rowstate*.c only.
 *
 * Parts live on the caller's stack with room for the usual row; only a row
 * with many writers or many separately written units allocates.  Replica ids
 * are borrowed from the bytes that were parsed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_ROWSTATE_CODEC_H
#define CVG_CORE_ROWSTATE_CODEC_H

#include "core/rowstate.h"

#define CVG_ROW_INLINE_REPLICAS 16
#define CVG_ROW_INLINE_UNITS	16

/* A dot inside one state; replicas are in id order, so indexes order as ids. */
typedef struct CvgRowDot
{
	CvgStamp	stamp;			/* 0 in the null dot */
	int			replica;
} CvgRowDot;

/* One replica's entry in every clock of the state; 0 where absent. */
typedef struct CvgRowReplica
{
	CvgSlice	id;
	CvgStamp	vc;
	CvgStamp	w;				/* = vc while the row was never deleted */
	CvgStamp	d;
	CvgStamp	o;
	CvgStamp	e;
	int			to;				/* merge: index in the merged state */
} CvgRowReplica;

typedef struct CvgRowUnit
{
	uint32		id;
	CvgRowDot	dot;			/* always larger than the birth */
} CvgRowUnit;

/* A unit's cell: rowcell.h. */
typedef struct CvgRowCell
{
	uint32		unit;
	CvgSlice	body;
	uint8	   *owned;			/* body's memory, if it is not that of the bytes */
} CvgRowCell;

typedef struct CvgRowParts
{
	bool		deleted;		/* ever deleted: d is not empty */
	int			ncells;
	CvgRowCell *cells;			/* by ascending unit; NULL if there are none */
	int			nreplicas;
	int			nunits;
	int			max_replicas;
	int			max_units;
	CvgRowDot	birth;
	CvgRowReplica *replicas;
	CvgRowUnit *units;
	CvgRowReplica inline_replicas[CVG_ROW_INLINE_REPLICAS];
	CvgRowUnit	inline_units[CVG_ROW_INLINE_UNITS];
} CvgRowParts;

extern void cvg_row_init(CvgRowParts *parts);
extern void cvg_row_free(CvgRowParts *parts);

/* Index of a unit's cell, or where it belongs. */
extern int	cvg_row_find_cell(const CvgRowParts *parts, uint32 unit, bool *found);

/* Index of a unit with a dot of its own, or where it belongs. */
extern int	cvg_row_find_unit(const CvgRowParts *parts, uint32 unit, bool *found);

/* Does the row clock cover a dot? */
extern bool cvg_row_covers(const CvgRowParts *parts, CvgDot dot);

/* Put a cell with this body, whose memory becomes the parts'; NULL takes it away. */
extern void cvg_row_set_cell(CvgRowParts *parts, uint32 unit, CvgBuf *body);
extern void cvg_row_reserve(CvgRowParts *parts, int nreplicas, int nunits);

/* All of it, checked; nothing to free on failure. */
extern CvgStatus cvg_row_parse(CvgSlice bytes, CvgRowParts *parts,
							   CvgError *err);

/* The same where an empty slice stands for "no row": parts without a dot. */
extern CvgStatus cvg_row_load(CvgSlice state, CvgRowParts *parts);

/* Flag and row clock only; false, with no replicas, if empty or garbage. */
extern bool cvg_row_load_clock(CvgSlice state, CvgRowParts *parts);
extern bool cvg_row_flag_deleted(CvgSlice state);
extern CvgRowDot cvg_row_max_dot(const CvgRowParts *parts, size_t field);
extern void cvg_row_encode(const CvgRowParts *parts, CvgBuf *out);

/* One of the clocks of a replica, by offsetof(CvgRowReplica, ...). */
static inline CvgStamp
cvg_row_clock_entry(const CvgRowReplica *rep, size_t field)
{
	return *(const CvgStamp *) ((const char *) rep + field);
}

/* Relation of two clocks of which each may have something the other lacks. */
static inline CvgOrder
cvg_row_order(bool a_more, bool b_more)
{
	if (a_more)
		return b_more ? CVG_CONCURRENT : CVG_AFTER;
	return b_more ? CVG_BEFORE : CVG_EQUAL;
}

static inline int
cvg_row_dot_cmp(CvgRowDot a, CvgRowDot b)
{
	if (a.stamp != b.stamp)
		return a.stamp < b.stamp ? -1 : 1;
	return a.replica < b.replica ? -1 : (a.replica > b.replica ? 1 : 0);
}

#endif							/* CVG_CORE_ROWSTATE_CODEC_H */
