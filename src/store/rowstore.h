/*-------------------------------------------------------------------------
 *
 * rowstore.h
 *	  One row of a replicated table: find it by its key, insert, update,
 *	  delete it, through table AM and executor functions, without SPI.
 *
 * A table is opened once per transaction (CvgStore); each of its partitions,
 * or the table itself, is a CvgTarget with its executor state, open indexes
 * and slots.  All of it lives until cvg_stores_close() or the end of the
 * transaction.
 *
 * The caller has switched to the table's owner and has an active snapshot.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_ROWSTORE_H
#define CVG_STORE_ROWSTORE_H

#include "compat.h"

#include "access/genam.h"
#include "nodes/execnodes.h"
#include "store/relinfo.h"
#include "utils/snapshot.h"

typedef struct CvgStore CvgStore;

/* CvgTarget.fires */
#define CVG_FIRES_BEFORE_UPDATE 0
#define CVG_FIRES_BEFORE_DELETE 1
#define CVG_FIRES_BEFORE_INSERT 2
#define CVG_FIRES_AFTER			3

/* A plain table or a leaf partition, open for writing. */
typedef struct CvgTarget
{
	CvgStore   *store;
	Relation	rel;
	CvgRel	   *info;			/* of this relation */
	ResultRelInfo *rri;
	EState	   *estate;
	TupleTableSlot *found;		/* the row that the last find found */
	TupleTableSlot *fresh;		/* virtual: the row to write */
	TupleTableSlot *other;		/* scratch: a row in the way */

	/* other than the key: see rowcheck.c */
	bool		has_checks;
	int			nrivals;		/* unique and exclusion indexes, key excluded */
	int		   *rivals;			/* their places in rri */
	Bitmapset **rival_attrs;	/* columns each depends on */

	/* private to rowstore.c and rowcheck.c */
	bool		keyless;
	bool		has_generated;
	bool		has_not_null;
	bool		identity_checked;	/* replica identity allows update, delete */
	bool		fires[4];		/* row triggers of the user: CVG_FIRES_* */
	bool		has_unique;
	SnapshotData dirty;
	IndexScanDesc scan;
	int			nkeys;
	ScanKeyData *keys;
	ExprState **checks;
	ExprState **defaults;
} CvgTarget;

struct CvgStore
{
	Oid			relid;			/* of the root */
	Relation	rel;
	CvgRel	   *info;			/* of the root */
	EState	   *estate;
	MemoryContext mcxt;
	CvgTarget  *plain;			/* unless partitioned */
	List	   *targets;		/* of CvgTarget */
	CvgStore   *next;

	/* for apply; 0 when the store is opened */
	bool		has_quarantine; /* rows of this table are set aside */
	uint64		none_aside;		/* none were when CvgDb.aside was this */
	bool		recheck;		/* and the visible set may have changed */

	/* partitioned only */
	ModifyTableState *mtstate;
	ResultRelInfo *root_rri;
	struct PartitionTupleRouting *routing;
	TupleTableSlot *root_slot;
	CvgTarget  *last_target;
};

typedef enum CvgWrite
{
	CVG_WRITE_OK,
	CVG_WRITE_RETRY,			/* somebody changed the row, or made one: find again */
	CVG_WRITE_SKIPPED,			/* a trigger of the user suppressed it */
	CVG_WRITE_VIOLATES			/* see the violation; nothing was written */
} CvgWrite;

/* What a row must not be visible for. */
typedef struct CvgViolation
{
	const char *constraint;		/* name of CHECK, or of the first index in the way */
	bool		check;			/* a CHECK; else other rows are in the way */
	int			nindexes;		/* how many indexes have a row in the way */
} CvgViolation;

/*
 * Open a replicated table for the rest of the transaction; the same store
 * when called again.  ERROR when it is not replicated (any more).
 */
extern CvgStore *cvg_store_open(Oid relid);

/* Before commit.  An abort needs nothing. */
extern void cvg_stores_close(void);
extern CvgStore *cvg_stores_first(void);

/* The target where a key belongs; ERROR when no partition takes it. */
extern CvgTarget *cvg_store_route_key(CvgStore *store, Datum *keys);

/*
 * The target for a whole row given by the root's descriptor columns (values
 * and nulls have desc->ncolumns elements).
 */
extern CvgTarget *cvg_store_route_row(CvgStore *store, Datum *values, bool *nulls);

/* All leaf targets, opened. */
extern List *cvg_store_targets(CvgStore *store);

/* Called before a find waits for another transaction; may raise an error. */
extern void (*cvg_before_row_wait) (void);

/*
 * Find the live row of a key; it is in target->found.  Waits for others who
 * are writing it.  "False" is about rows that were there when it was called:
 * only an insert proves absence.
 */
extern bool cvg_row_find(CvgTarget *target, Datum *keys);

/* The same in a table without a key, by birth; the target, or NULL. */
extern CvgTarget *cvg_row_find_birth(CvgStore *store, CvgSlice birth);

/*
 * Read the row of a key from a plain table or leaf that is not open as a
 * target, as the snapshot has it.
 */
extern bool cvg_row_read(Relation rel, CvgRel *info, Datum *keys, CvgSlice birth,
						 Snapshot snapshot, TupleTableSlot *slot);

/*
 * Write target->fresh.  update and delete are of the row in target->found.
 * changed: attribute numbers (offset as in RTEs) for column triggers.
 */
extern CvgWrite cvg_row_insert(CvgTarget *target, CvgViolation *violation);
extern CvgWrite cvg_row_update(CvgTarget *target, Bitmapset *changed,
							   CvgViolation *violation);
extern CvgWrite cvg_row_delete(CvgTarget *target);

/*
 * Many new rows at once, without looking for them first.  False when a row
 * is in the way of one of them, or one violates a CHECK: none is left
 * inserted then.  Only for targets that say so.
 */
extern bool cvg_target_takes_bulk(CvgTarget *target);
extern bool cvg_rows_insert(CvgTarget *target, TupleTableSlot **slots, int n);

/* Delete rows that cvg_rows_insert() has inserted. */
extern void cvg_rows_take_back(CvgTarget *target, TupleTableSlot **slots, int n);

/* Compute the generated columns of target->fresh; the writes above do. */
extern void cvg_row_generate(CvgTarget *target);

/* Default value of a column. */
extern Datum cvg_row_default(CvgTarget *target, AttrNumber attnum, bool *isnull);

/* --- rowcheck.c: constraints other than the key --- */

extern void cvg_rowcheck_init(CvgTarget *target);

/*
 * Does fresh violate a CHECK, or is another visible row in its way in a
 * unique index or exclusion constraint?  self: the version it replaces, or
 * NULL; then only indexes with changed columns are looked at.
 */
extern bool cvg_row_violates(CvgTarget *target, TupleTableSlot *self,
							 CvgViolation *violation);

/* The CHECKs alone; name of the first that fails, or NULL. */
extern const char *cvg_row_failed_check(CvgTarget *target, TupleTableSlot *slot);

/*
 * Call fn for every visible row that is in the way of slot's in any rival
 * index (maybe more than once).  Waits for writers in progress.
 */
typedef void (*CvgRivalFn) (CvgTarget *target, TupleTableSlot *rival, void *arg);
extern void cvg_row_rivals(CvgTarget *target, TupleTableSlot *slot,
						   CvgRivalFn fn, void *arg);

/* Index values of a slot, to compare rows that are not in the table. */
typedef struct CvgRivalKey
{
	bool		in_index;		/* false: NULL in it, or outside of the predicate */
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];	/* only with NULLS NOT DISTINCT */
} CvgRivalKey;

/* One per rival index, copied to the current context. */
extern CvgRivalKey *cvg_row_rival_keys(CvgTarget *target, TupleTableSlot *slot);
extern bool cvg_row_rival_keys_conflict(CvgTarget *target, CvgRivalKey *a,
										CvgRivalKey *b);

#endif							/* CVG_STORE_ROWSTORE_H */
