/*-------------------------------------------------------------------------
 *
 * row_function.h
 *	  Merging concurrent versions of a whole row by a function.
 *
 * Strategy "row_function:schema.fn", of tables that are replicated by row: the
 * unit is the whole row then, and each of the values that are kept of it is a
 * version of the row, complete.  Of a table that is replicated by column no
 * complete versions are kept: what other columns were when a value was written is
 * not in the state, and a result that depends on it would differ from node to
 * node.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_ROW_FUNCTION_H
#define CVG_STORE_ROW_FUNCTION_H

#include "compat.h"

#include "core/rowstate.h"
#include "store/relinfo.h"

/*
 * The function fn(t, t, jsonb) returns t of that name, t being the row type of
 * the table; ERROR if there is none, or it will not do, or the table is
 * replicated by column.
 */
extern Oid	cvg_row_function(CvgRel *rel, const char *name);

/* Is there one that takes such arguments?  InvalidOid if not. */
extern Oid	cvg_row_function_lookup(CvgRel *rel, const char *name);

/*
 * What it makes of all versions: values by the descriptor's columns; those
 * of no unit are as they were passed.  keys in key order.
 */
extern void cvg_row_function_fold(CvgRel *rel, const char *name, const CvgCellView *view,
								  const Datum *keys, Datum *values, bool *nulls);

#endif							/* CVG_STORE_ROW_FUNCTION_H */
