/*-------------------------------------------------------------------------
 *
 * restamp.h
 *	  Give rows of a table a new state, and change nothing else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_RESTAMP_H
#define CVG_STORE_RESTAMP_H

#include "compat.h"

#include "access/attnum.h"
#include "core/base.h"
#include "store/crdt_column.h"
#include "executor/tuptable.h"
#include "utils/relcache.h"

typedef struct CvgRestamp CvgRestamp;

/*
 * Begin and end enclose any number of rows of one relation, which the caller
 * has locked.  state_attnum is the place of _converge in it.
 */
extern CvgRestamp *cvg_restamp_begin(Relation rel, AttrNumber state_attnum);

/*
 * slot holds the row as it is in the table (tts_tid); the row is ours to
 * write: locked, or inserted by this transaction.  Makes a new command id.
 * replaced: columns that get new values besides; it may be NULL, and is used up.
 */
extern void cvg_restamp_row(CvgRestamp *restamp, TupleTableSlot *slot, CvgSlice state,
							CvgReplaced *replaced);
extern void cvg_restamp_end(CvgRestamp *restamp);

/* The same; returns the last row's new version, in the current context. */
extern TupleTableSlot *cvg_restamp_end_with(CvgRestamp *restamp);

#endif							/* CVG_STORE_RESTAMP_H */
