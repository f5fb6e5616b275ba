/*-------------------------------------------------------------------------
 *
 * keyindex.h
 *	  The index that identifies the rows of a replicated table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_KEYINDEX_H
#define CVG_STORE_KEYINDEX_H

#include "compat.h"

#include "utils/array.h"

/* Attribute numbers of an index's key columns, int2[]; palloc'ed. */
extern ArrayType *cvg_key_columns(Oid index);

/*
 * Is this registered index the one on converge.birth(_converge), of a table
 * without a key?
 */
extern bool cvg_is_birth_index(Oid indexid);

/*
 * The index on these columns that is good now: the recorded one, or what
 * REINDEX CONCURRENTLY has put in its place.  The recorded one again if there
 * is none.  Locks the table for reading.
 */
extern Oid	cvg_key_index_now(Oid relid, Oid recorded, ArrayType *columns);

#endif							/* CVG_STORE_KEYINDEX_H */
