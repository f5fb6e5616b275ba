/*-------------------------------------------------------------------------
 *
 * crdt_column.h
 *	  Columns of CRDT types in replicated tables: what a write makes of the
 *	  values assigned to them, and their deltas.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_CRDT_COLUMN_H
#define CVG_STORE_CRDT_COLUMN_H

#include "compat.h"

#include "core/crdt.h"
#include "store/relinfo.h"

/* The operations of a column type, NULL if it is none of ours; a catalog lookup. */
extern const CvgCrdtOps *cvg_crdt_of_type(Oid type);

/*
 * A value of a CRDT column; no bytes for NULL, which is the bottom: less than
 * the empty value of the type, and gone once there was another.
 */
typedef CvgSlice CvgCrdtValue;

extern CvgCrdtValue cvg_crdt_slot_value(const CvgRelColumn *col, TupleTableSlot *slot);
extern Datum cvg_crdt_datum(CvgCrdtValue value, bool *isnull);

/* Merge; allocates in the current context unless one of them is the result. */
extern CvgCrdtValue cvg_crdt_merge_values(CvgCrdtValue a, CvgCrdtValue b);

/* Columns of a row that is being written whose values are to be others. */
typedef struct CvgReplaced
{
	int			n;
	int		   *attnums;
	Datum	   *values;
	bool	   *nulls;
} CvgReplaced;

/* None yet; with room for all that a write to such a row replaces, and the state. */
extern void cvg_replaced_init(CvgReplaced *replaced, CvgRel *rel);
extern void cvg_replaced_add(CvgReplaced *replaced, AttrNumber attnum, Datum value,
							 bool isnull);

/*
 * A row is inserted.  old_image: of the tombstone or row set aside that it is
 * written over, empty if there is none.  again: the row is in the table, and
 * was written over another one before.
 */
extern void cvg_crdt_insert_columns(CvgRel *rel, TupleTableSlot *slot,
									CvgSlice old_image, bool again, CvgReplaced *out);

/* A row is updated. */
extern void cvg_crdt_update_columns(CvgRel *rel, TupleTableSlot *oldslot,
									TupleTableSlot *newslot, CvgReplaced *out);

/* Append the delta from old to new as a value in a change. */
extern void cvg_crdt_put_delta(CvgCrdtValue old, CvgCrdtValue new, CvgBuf *out);

#endif							/* CVG_STORE_CRDT_COLUMN_H */
