/*-------------------------------------------------------------------------
 *
 * meta.h
 *	  Our own catalog: OIDs of tables in schema converge, and small typed
 *	  accessors for them.
 *
 * OIDs are looked up through the extension's schema once per backend and
 * dropped by a relcache callback, so DROP EXTENSION is seen.  Access is by
 * heap and index functions, without SPI and without permission checks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_META_H
#define CVG_STORE_META_H

#include "compat.h"

#include "core/entry.h"
#include "shmem.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#define CVG_SCHEMA			"converge"
#define CVG_LOG_SEGMENTS	8

/* tables of schema converge that C code touches */
typedef enum CvgTable
{
	CVG_T_NODE,
	CVG_T_ORIGINS,
	CVG_T_PROGRESS,
	CVG_T_DESCRIPTORS,
	CVG_T_TOMBSTONES,
	CVG_T_QUARANTINE,
	CVG_T_REPLICATED,
	CVG_T_REPLICATED_COLUMNS,
	CVG_T_COLUMN_STRATEGIES,
	CVG_T_PEER_STATE,
	CVG_T_CONFLICT_LOG,
	CVG_T_LOG_0,				/* .. CVG_T_LOG_0 + CVG_LOG_SEGMENTS - 1 */
	CVG_T_OWN_0 = CVG_T_LOG_0 + CVG_LOG_SEGMENTS,
	CVG_NUM_TABLES = CVG_T_OWN_0 + CVG_LOG_SEGMENTS
} CvgTable;

/* Is the extension installed in this database (as the transaction sees it)? */
extern bool cvg_extension_exists(void);

/* OID of a table and of its only index; ERROR if the extension is gone. */
extern Oid	cvg_table_oid(CvgTable table);
extern Oid	cvg_index_oid(CvgTable table);

/* The type converge.row_state. */
extern Oid	cvg_row_state_oid(void);

/*
 * Insert one row into one of our tables, index entries included.  Uses the
 * current command id; the caller does CommandCounterIncrement if it needs to
 * see it.
 */
extern void cvg_meta_insert(Relation rel, Oid index, Datum *values, bool *nulls);
extern void cvg_meta_insert_tuple(Relation rel, Oid index, HeapTuple tuple);

/*
 * origins.id of a replica id, made when new (inside the caller's
 * transaction; the shared slot is made too).  ERROR 54000 when
 * CVG_MAX_ORIGINS are in use.
 */
extern int32 cvg_origin_id(CvgDb *db, CvgSlice replica_id);

/*
 * Descriptors.  Lookup returns a decoded descriptor that lives as long as
 * the backend, or NULL when this node has not seen the hash.  Store is a
 * no-op when it is known; ERROR 08P01 when the bytes do not decode.
 */
extern const CvgDescriptor *cvg_descriptor_lookup(uint64 hash);
extern CvgSlice cvg_descriptor_bytes(uint64 hash);
extern void cvg_descriptor_store(CvgSlice bytes);

#endif							/* CVG_STORE_META_H */
