/*-------------------------------------------------------------------------
 *
 * apply_values.h
 *	  The contents of the row that a change is applied to: merging states,
 *	  and collecting each column's value from where it is current.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_WORKER_APPLY_VALUES_H
#define CVG_WORKER_APPLY_VALUES_H

#include "compat.h"

#include "store/crdt_column.h"
#include "store/tombstone.h"
#include "worker/apply_int.h"

typedef enum RowPlace
{
	ROW_ABSENT,
	ROW_LIVE,
	ROW_TOMBSTONE,
	ROW_QUARANTINED
} RowPlace;

/* Where the current value of a unit comes from; else the number of an input. */
#define FROM_LOCAL		(-1)
#define FROM_NOWHERE	(-2)
#define FROM_STATE		(-3)	/* it was kept in the state of one side, or merged by paths */
#define FROM_FOLD		(-4)	/* of several values, or counts, in the merged state */

#define MAX_INPUTS		8

/* A state with some or all values: the change, or a whole row. */
typedef struct RowInput
{
	CvgSlice	state;
	CvgMap	   *map;
	int			ncolumns;
	const int  *cols;
	const CvgValue *values;
	bool	   *carries;		/* by unit */
	bool		has_keys;		/* key columns are among the columns */
	bool		whole;			/* values of merged columns are whole, not deltas */
} RowInput;

/* What a column shows whose value comes from the state. */
typedef struct RowShown
{
	bool		set;
	bool		isnull;
	Datum		value;
} RowShown;

/* The value of a column that merges by its type, while inputs are folded in. */
typedef struct RowMerged
{
	bool		known;			/* value is what the row's clock says */
	bool		changed;		/* not what the row has here */
	CvgCrdtValue value;
} RowMerged;

/* One change being applied.  All memory is the row context's. */
typedef struct RowWork
{
	CvgApply   *ap;
	CvgMap	   *map;
	const CvgChange *change;
	bool		keyless;
	CvgStamp	dot;			/* the change's, 0 if not of the entry's origin */
	int			looks;			/* in vain, for where the row is */
	CvgSlice	key;			/* bytes: key values, or birth */
	CvgSlice	stable;			/* a tombstone that it covers counts as absent */
	Datum		keys[CVG_MAX_KEY_COLUMNS];

	/* where it is here */
	RowPlace	place;
	CvgTarget  *target;			/* NULL: keyless and not found */
	CvgSlice	local_state;
	CvgShelved	shelved;

	/* what goes in: whole rows first, the change last */
	int			ninputs;
	RowInput	inputs[MAX_INPUTS];
	bool		twin_taken;
	bool		fetched;
	bool		dug_up;			/* a tombstone met the row that we inserted */
	uint64		deleters;		/* before we looked */

	/* what comes out */
	Datum		state_datum;
	CvgSlice	state;			/* its content */
	CvgOrder	order;			/* of the local state and the change */
	bool		alive;
	bool		incomplete;		/* the value of some unit is not known */
	int			key_from;		/* whose spelling of the key counts */
	bool		any_remote;		/* some unit comes from an input */
	Bitmapset  *changed;
	int			source[CVG_MAX_UNITS];
	CvgSide		sides[CVG_MAX_UNITS];
	CvgSlice	kept[CVG_MAX_UNITS];	/* values that are FROM_STATE */
	int			merging;		/* the input that is being merged */
	bool		paths_merged;	/* some unit is a document made of both sides' */
	RowMerged  *merged;			/* by our columns; NULL if none merges by type */
	bool		merged_unknown; /* the value of some such column is not known */
	bool		any_shown;		/* some unit is FROM_STATE or FROM_FOLD */
	RowShown   *shown;			/* by our columns, if any_shown */

	/* contents of a row that is not live, by our descriptor's columns */
	CvgImage   *local_image;
	CvgMap	   *local_map;
} RowWork;

extern void cvg_values_begin(RowWork *w, CvgApply *ap, CvgMap *map, const CvgChange *change);

/* A further input: a whole row (or tombstone) from elsewhere. */
extern void cvg_values_add_image(RowWork *w, CvgSlice state, CvgSlice image);

/* Decode an image and find its map; NULL when it is empty. */
extern CvgImage *cvg_values_open_image(CvgApply *ap, CvgStore *store, CvgSlice bytes,
									   CvgMap **map);

/* Which units do these columns carry? */
extern bool *cvg_values_units_carried(CvgMap *map, int ncolumns, const int *cols);

/* Fold all inputs into the local state; apply_merge.c. */
extern void cvg_values_merge(RowWork *w);

/* target->fresh for a row that is live, or is not yet (then sets target). */
extern void cvg_values_fill_live(RowWork *w);
extern void cvg_values_fill_absent(RowWork *w);

/* Image of the merged row as far as its values are known; may be empty. */
extern CvgSlice cvg_values_dead_image(RowWork *w);

extern void cvg_values_log_conflict(RowWork *w, const char *type, const char *decision);

#endif							/* CVG_WORKER_APPLY_VALUES_H */
