/*-------------------------------------------------------------------------
 *
 * tombstone.h
 *	  Deleted rows that somebody may still write to: key, state, and the row
 *	  as it was.  Table converge.tombstones (relid oid, keyhash int8, key
 *	  bytea, state row_state, image bytea), index (relid, keyhash); relid is
 *	  the root's.  converge.quarantine has the same leading columns, so both
 *	  share these functions ("shelf" = one of the two tables).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_TOMBSTONE_H
#define CVG_STORE_TOMBSTONE_H

#include "compat.h"

#include "access/htup.h"
#include "storage/itemptr.h"
#include "store/meta.h"
#include "store/relinfo.h"

typedef struct CvgShelved
{
	ItemPointerData tid;		/* of the shelf row */
	CvgSlice	key;
	CvgSlice	state;
	CvgSlice	image;			/* may be empty: row contents unknown */
} CvgShelved;

/* A row of a shelf that a scan has found, copied into the current context. */
extern void cvg_shelf_row(HeapTuple tuple, TupleDesc desc, CvgShelved *out);

/*
 * Find the row of a key on a shelf; copies into the current context.
 * keyvals are the key's datums (ignored for keyless tables), key its bytes.
 * snapshot NULL = the answer about finished transactions and our own: waits
 * for the one that is just inserting or deleting the row of this key.
 */
extern bool cvg_shelf_find(CvgTable shelf, CvgRel *rel, Datum *keyvals,
						   CvgSlice key, Snapshot snapshot, CvgShelved *out);

/*
 * Remember where a tombstone was found, and look there again, once and in the
 * same order; within a transaction.  False: look for it.
 */
extern void cvg_tombstone_remember(CvgRel *rel, Datum *keyvals, CvgSlice key,
								   ItemPointer tid);
extern bool cvg_tombstone_recall(CvgRel *rel, Datum *keyvals, CvgSlice key,
								 CvgShelved *out);

/* Does the shelf's table have no page?  False says nothing. */
extern bool cvg_shelf_is_empty(CvgTable shelf);

/* Is there any row, one that is not committed yet or not gone for good included? */
extern bool cvg_shelf_any(CvgTable shelf);

/*
 * May rows of a table be set aside, uncommitted ones of others included?
 * *none remembers the value of CvgDb.aside with which there were none; 0 at first.
 */
extern bool cvg_shelf_any_aside(Oid relid, uint64 *none);

/*
 * Delete a row that a find returned; waits for others.  False when another
 * transaction (or this one) has deleted it since: look again.
 */
extern bool cvg_shelf_delete(CvgTable shelf, ItemPointer tid);

/* reason/detail only for the quarantine, NULL for tombstones */
extern void cvg_shelf_insert(CvgTable shelf, CvgRel *rel, Datum *keyvals,
							 CvgSlice key, CvgSlice state, CvgSlice image,
							 const char *reason, const char *detail);

/* A tombstone that S covers counts as absent for everything. */
extern bool cvg_tombstone_forgotten(CvgDb *db, CvgSlice state);

#endif							/* CVG_STORE_TOMBSTONE_H */
