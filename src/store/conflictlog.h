/*-------------------------------------------------------------------------
 *
 * conflictlog.h
 *	  History of conflicts: converge.conflict_log.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_CONFLICTLOG_H
#define CVG_STORE_CONFLICTLOG_H

#include "compat.h"

#include "core/base.h"
#include "executor/tuptable.h"
#include "utils/relcache.h"

typedef struct CvgConflict
{
	Oid			relid;			/* of the root */
	const char *type;
	const char *decision;
	CvgSlice	origin;
	Datum		key;			/* jsonb, 0 = none; made by cvg_conflict_row() */
	Datum		local_row;
	Datum		remote_row;
	CvgSlice	local_state;	/* empty: no row was here */
	CvgSlice	remote_state;
} CvgConflict;

/*
 * Some columns of a row as jsonb, in the current context; 0 if none are
 * included.  Runs the column types' casts: call as the table's owner.
 */
extern Datum cvg_conflict_row(Relation rel, TupleTableSlot *slot, const bool *include);

/* Insert the record: call as superuser. */
extern void cvg_conflict_log(const CvgConflict *conflict);

#endif							/* CVG_STORE_CONFLICTLOG_H */
