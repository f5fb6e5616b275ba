/*-------------------------------------------------------------------------
 *
 * apply_int.h
 *	  What the parts of apply share: apply.c (entries and the transaction),
 *	  apply_progress.c (origins, progress, the stable clock), apply_map.c
 *	  (tables here and there), apply_row.c (one change), quarantine.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_WORKER_APPLY_INT_H
#define CVG_WORKER_APPLY_INT_H

#include "compat.h"

#include "core/entry.h"
#include "core/progress.h"
#include "store/rowstore.h"
#include "store/tombstone.h"
#include "worker/apply.h"

/*
 * Advisory locks of ours: those of users have 1 or 2 in the last field.  By
 * origin, to apply its entries; by table, to decide which rows are set aside.
 */
#define CVG_LOCK_CLASS		3
#define CVG_LOCK_ORIGIN		1
#define CVG_LOCK_QUARANTINE	2

/* An origin of which this transaction has applied something. */
typedef struct CvgApplyOrigin
{
	int32		id;
	CvgSlice	replica_id;
	CvgReached	reached;
} CvgApplyOrigin;

/*
 * How rows described by a foreign descriptor fit the table here.  Columns are
 * numbered as in the two descriptors.
 */
typedef struct CvgMap
{
	uint64		hash;
	bool		strict;
	const CvgDescriptor *desc;	/* the foreign one */
	CvgStore   *store;
	int		   *local;			/* column there -> column here, or -1 */
	bool	   *has_unit;		/* by unit here: is it known there? */
	bool		complete;		/* no column here is missing there */
	struct CvgMap *next;
} CvgMap;

/* One process applies one transaction at a time; this is its state. */
typedef struct CvgApply
{
	CvgDb	   *db;
	MemoryContext xact_mcxt;	/* lives as long as the transaction */
	MemoryContext row_mcxt;		/* reset after each change */
	CvgFetchFn	fetch;
	void	   *fetch_arg;
	CvgApplyCounts counts;

	int			norigins;
	CvgApplyOrigin origins[CVG_MAX_ORIGINS];
	CvgStableView stable;		/* S, joined with what entries brought */
	uint64		stable_version; /* of the published one that is in it */
	bool		pending_set;	/* pending_seq is ahead in shared memory */
	bool		deleter;		/* counted in db->deleters */
	CvgMap	   *maps;
	bool		bulk_off;		/* an insert met a row: no more batches */

	/* the entry being applied */
	CvgEntryHeader header;
	CvgBody		body;
	CvgMap	  **entry_maps;		/* by descriptor index; made when first needed */
	const CvgDescriptor **descs;
	uint64		changes_done;
	bool		known;			/* the entry was applied under a former number */
	int			parts_done;
	uint32		parts_seal;		/* of the last of these */
	CvgStamp	latest;			/* no stamp in it may be larger */
	bool		incomplete;		/* its parts are still to come */
	bool		committing;		/* all entries are complete */
	CvgBuf		rest;			/* of a change that continues in the next part */
	CvgChange	change;

	/* the table whose owner we are at the moment */
	CvgStore   *owner_of;
	Oid			saved_user;
	int			saved_sec;
	int			saved_nest;
} CvgApply;

/* --- apply.c --- */

/* Work as the owner of a table, security-restricted, its triggers queued. */
extern void cvg_owner_enter(CvgApply *ap, CvgStore *store);

/* Fire what is queued, and be ourselves again.  No-op when we are. */
extern void cvg_owner_leave(CvgApply *ap);

/* Ourselves for a moment, with the queue left as it is, and back. */
extern void cvg_owner_pause(CvgApply *ap);
extern void cvg_owner_resume(CvgApply *ap);

/* What the error context says; NULL: nothing but the entry. */
extern void cvg_apply_context(const CvgChange *change, CvgMap *map);

/* --- apply_progress.c --- */
extern void cvg_progress_begin(CvgApply *ap);

/* The decision, and on CVG_ADMIT the origin's lock and its place in *origin. */
extern CvgVerdict cvg_progress_admit(CvgApply *ap, const CvgEntryHeader *header,
									 const CvgBody *body, CvgClockEntry *missing,
									 CvgApplyOrigin **origin);
extern CvgVerdict cvg_progress_look(CvgApply *ap, const CvgEntryHeader *header,
									const CvgBody *body, CvgClockEntry *missing);
extern void cvg_progress_join_stable(CvgApply *ap, CvgSlice stable);

/* ERROR if a stable clock of a peer says more than the latest stamp that is to be believed. */
extern void cvg_check_stable(CvgSlice stable, CvgStamp latest);

/* Before the commit: rows of progress and node, and pending_seq. */
extern void cvg_progress_write(CvgApply *ap);

/* A tombstone is about to be written: local inserts must look for it. */
extern void cvg_progress_note_delete(CvgApply *ap);

/*
 * Read before looking for a tombstone; later: may another transaction have
 * buried something since?  See CvgDb.deleters.
 */
extern uint64 cvg_progress_deleters(CvgApply *ap);
extern bool cvg_progress_delete_possible(CvgApply *ap, uint64 seen);

/* --- apply_map.c --- */

/*
 * The map for a descriptor, made once per transaction.  Strict: ERROR about
 * the first difference.  Otherwise columns that differ are left out.
 */
extern CvgMap *cvg_map(CvgApply *ap, const CvgDescriptor *desc);
extern CvgMap *cvg_map_loose(CvgApply *ap, const CvgDescriptor *desc, CvgStore *store);

/* --- apply_row.c --- */
extern void cvg_apply_change(CvgApply *ap, CvgMap *map, const CvgChange *change);

extern bool cvg_row_merge_shelved(CvgApply *ap, CvgStore *store, CvgTable shelf, CvgShelved *row);

/*
 * Fill target->fresh from a state and an image, complete with defaults.
 * *target may come in as NULL.  false when the image lacks columns.
 */
extern bool cvg_row_from_image(CvgApply *ap, CvgStore *store, CvgSlice key,
							   CvgSlice state, CvgSlice image, CvgTarget **target);

/* --- apply_bulk.c --- */
extern void cvg_bulk_begin(CvgApply *ap);

/*
 * Take a change into a batch of inserts.  False: apply it by itself, and now;
 * whatever came before it has been written.  bytes are the change's, and stay
 * until the batch is flushed.
 */
extern bool cvg_bulk_add(CvgApply *ap, CvgMap *map, const CvgChange *change, CvgSlice bytes);
extern void cvg_bulk_flush(CvgApply *ap);

/* --- quarantine.c --- */
extern bool cvg_quarantine_any(CvgStore *store);
extern void cvg_quarantine_lock(CvgStore *store);

/* Put target->fresh aside; the caller has removed it from the table. */
extern void cvg_quarantine_put(CvgTarget *target, Datum *keys, CvgSlice key,
							   CvgSlice state, const CvgViolation *violation);

/* Before commit: visible sets of tables that need it. */
extern void cvg_quarantine_recheck(CvgApply *ap);

#endif							/* CVG_WORKER_APPLY_INT_H */
