/*-------------------------------------------------------------------------
 *
 * quarantine.c
 *	  Rows that are alive but cannot be visible, because they violate a CHECK
 *	  or another row is in their way in a unique index or exclusion
 *	  constraint other than the key.
 *
 * Which rows are visible is decided by core/claims.h, from the states of all
 * rows of the table, set-aside ones included.  The rank of a row is the largest
 * dot among the units of the columns that its unique indexes depend on (its
 * birth if there are none).
 *
 * Rows in the way of none that is set aside cannot be touched by this, so
 * only set-aside rows and the visible ones in their way are looked at.  That
 * is done once per applied transaction, before it commits, for tables that
 * have rows set aside and were written to; and now and then by the manager,
 * after local writes.  Moving a row in or out is not a write of it: its state
 * stays.
 *
 * Concurrency.  Who sets aside rows of a table, or decides about them, holds
 * an advisory lock on it to the end of its transaction.  Whether there are such
 * rows is looked at whenever it matters, rows that are not committed included,
 * and what is found when the lock is there counts.  Local writers are
 * not held up: what they do between our look and our write makes us start
 * over, or fails the transaction, which is then retried.
 *
 * Crash.  Moves are part of the transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "core/claims.h"
#include "executor/executor.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "store/conflictlog.h"
#include "store/meta.h"
#include "store/tombstone.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "guc.h"
#include "worker/apply_int.h"

/* Comparing all with all must stay cheap. */
#define MAX_ROWS		4000

/* Concurrent local writes make us look again; not for ever. */
#define MAX_ATTEMPTS	10

/* So long the manager waits for a lock. */
#define SWEEP_LOCK_TIMEOUT	"500ms"

/* A row that takes part in the decision. */
typedef struct Claimant
{
	CvgClaim	claim;
	ItemPointerData tid;		/* in the quarantine, or in the table */
	CvgTarget  *target;
	HeapTuple	tuple;			/* as it is or would be in the table */
	CvgSlice	state;
	CvgRivalKey *rival_keys;
} Claimant;

typedef struct Claims
{
	CvgApply   *ap;
	CvgStore   *store;
	int			n;
	int			size;
	Claimant   *rows;
	bool		new_twin;		/* a key set aside was used again after settle_aside() */
} Claims;

/* ----------------------------------------------------------------
 *		What is set aside
 * ----------------------------------------------------------------
 */

void
cvg_quarantine_lock(CvgStore *store)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, CVG_LOCK_QUARANTINE, store->relid, CVG_LOCK_CLASS);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

/* Scan of the set-aside rows of a table, own changes included. */
typedef struct AsideScan
{
	Relation	rel;
	Snapshot	snapshot;
	SysScanDesc scan;
} AsideScan;

static void
begin_aside_scan(AsideScan *s, Oid relid)
{
	ScanKeyData key;

	s->rel = table_open(cvg_table_oid(CVG_T_QUARANTINE), AccessShareLock);
	s->snapshot = RegisterSnapshot(GetLatestSnapshot());
	s->snapshot->curcid = InvalidCommandId;
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	s->scan = systable_beginscan(s->rel, cvg_index_oid(CVG_T_QUARANTINE),
								 OidIsValid(relid), s->snapshot,
								 OidIsValid(relid) ? 1 : 0, &key);
}

static void
end_aside_scan(AsideScan *s)
{
	systable_endscan(s->scan);
	UnregisterSnapshot(s->snapshot);
	table_close(s->rel, AccessShareLock);
}

bool
cvg_quarantine_any(CvgStore *store)
{
	if (!store->has_quarantine)
		store->has_quarantine = cvg_shelf_any_aside(store->relid, &store->none_aside);
	return store->has_quarantine;
}

void
cvg_quarantine_put(CvgTarget *target, Datum *keys, CvgSlice key, CvgSlice state,
				   const CvgViolation *violation)
{
	CvgStore   *store = target->store;
	const char *reason = violation->check ? "check" : "unique";
	CvgBuf		image;

	store->has_quarantine = true;
	store->recheck = true;
	cvg_descriptor_store(store->info->desc_bytes);
	cvg_buf_init(&image);
	cvg_rel_put_image(target->info, target->fresh, &image);
	cvg_shelf_insert(CVG_T_QUARANTINE, store->info, keys, key, state,
					 cvg_buf_slice(&image), reason, violation->constraint);

	/* the row is in, and not committed: who looks now finds it */
	pg_atomic_fetch_add_u64(&cvg_db()->aside, 1);
}

/* ----------------------------------------------------------------
 *		Collecting who takes part
 * ----------------------------------------------------------------
 */

static CvgDot
rank_of(CvgTarget *target, CvgSlice state)
{
	CvgRel	   *rel = target->info;
	uint32		units[CVG_MAX_UNITS];
	int			nunits = 0;
	int			i;
	int			j;

	for (j = 0; j < rel->desc->ncolumns; j++)
	{
		bool		claims = false;

		for (i = 0; i < target->nrivals && rel->columns[j].unit >= 0; i++)
			claims |= bms_is_member(rel->columns[j].attnum - FirstLowInvalidHeapAttributeNumber,
									target->rival_attrs[i]);
		if (claims && nunits < CVG_MAX_UNITS)
			units[nunits++] = rel->desc->columns[j].unit;
	}
	return cvg_claim_rank(state, units, nunits);
}

static Claimant *
add_claimant(Claims *claims, CvgTarget *target, TupleTableSlot *slot, CvgSlice state)
{
	Claimant   *row;

	if (claims->n >= claims->size)
	{
		claims->size *= 2;
		claims->rows = repalloc(claims->rows, claims->size * sizeof(Claimant));
	}
	row = &claims->rows[claims->n++];
	memset(row, 0, sizeof(Claimant));
	row->target = target;
	row->tuple = ExecCopySlotHeapTuple(slot);
	row->state = state;
	row->claim.rank = rank_of(target, state);
	row->rival_keys = cvg_row_rival_keys(target, slot);
	return row;
}

/* One row of the quarantine. */
static void
add_aside(Claims *claims, CvgShelved *aside)
{
	CvgTarget  *target;
	Claimant   *row;

	ResetPerTupleExprContext(claims->store->estate);
	if (!cvg_row_from_image(claims->ap, claims->store, aside->key, aside->state,
							aside->image, &target))
		return;
	cvg_row_generate(target);
	row = add_claimant(claims, target, target->fresh, aside->state);
	row->tid = aside->tid;
	row->claim.aside = true;
	row->claim.key = aside->key;
	row->claim.fails_check = cvg_row_failed_check(target, target->fresh) != NULL;
}

/* A visible row in the way of one set aside; a CvgRivalFn. */
static void
add_visible(CvgTarget *target, TupleTableSlot *slot, void *arg)
{
	Claims	   *claims = arg;
	Claimant   *row;
	CvgSlice	state;
	CvgBuf		key;
	uint8	   *copy;
	int			i;

	for (i = 0; i < claims->n; i++)
	{
		if (!claims->rows[i].claim.aside && claims->rows[i].target == target &&
			ItemPointerEquals(&claims->rows[i].tid, &slot->tts_tid))
			return;
	}
	state = cvg_rel_state(target->info, slot);
	copy = palloc(Max(state.len, 1));
	memcpy(copy, state.data, state.len);
	row = add_claimant(claims, target, slot, cvg_slice(copy, state.len));
	row->tid = slot->tts_tid;
	cvg_buf_init(&key);
	if (target->keyless)
		cvg_rowstate_birth_bytes(row->state, &key);
	else
		cvg_rel_put_key(target->info, slot, &key);
	row->claim.key = cvg_buf_slice(&key);
	for (i = 0; i < claims->n - 1 && !target->keyless; i++)
		claims->new_twin |= claims->rows[i].claim.aside &&
			cvg_slice_eq(claims->rows[i].claim.key, row->claim.key);
}

/* Rows set aside, copied; MAX_ROWS at most.  Returns how many. */
static int
read_aside(CvgStore *store, CvgShelved **result)
{
	CvgShelved *rows = palloc(sizeof(CvgShelved) * MAX_ROWS);
	AsideScan	s;
	HeapTuple	tuple;
	int			n = 0;

	begin_aside_scan(&s, store->relid);
	while (n < MAX_ROWS && HeapTupleIsValid(tuple = systable_getnext(s.scan)))
		cvg_shelf_row(tuple, RelationGetDescr(s.rel), &rows[n++]);
	end_aside_scan(&s);
	*result = rows;
	return n;
}

/*
 * The same, after merging those whose key local transactions have used again:
 * a key is in one place.
 */
static int
settle_aside(Claims *claims, CvgShelved **shelf)
{
	for (;;)
	{
		int			n = read_aside(claims->store, shelf);
		bool		merged = false;
		int			i;

		if (claims->store->info->desc->nkeys == 0 || n >= MAX_ROWS)
			return n;
		for (i = 0; i < n; i++)
			merged |= cvg_row_merge_shelved(claims->ap, claims->store, CVG_T_QUARANTINE, &(*shelf)[i]);
		if (!merged)
			return n;
	}
}

/* Everybody; false when there are too many. */
static bool
collect_claimants(Claims *claims)
{
	CvgShelved *shelf;
	int			nshelf = settle_aside(claims, &shelf);
	int			aside;
	int			i;

	claims->n = 0;
	claims->new_twin = false;
	claims->size = 64;
	claims->rows = palloc(claims->size * sizeof(Claimant));
	if (nshelf >= MAX_ROWS)
		return false;
	for (i = 0; i < nshelf; i++)
		add_aside(claims, &shelf[i]);
	aside = claims->n;
	for (i = 0; i < aside && claims->n < MAX_ROWS; i++)
	{
		CvgTarget  *target = claims->rows[i].target;

		if (!cvg_claim_contends(&claims->rows[i].claim))
			continue;
		ResetPerTupleExprContext(claims->store->estate);
		ExecForceStoreHeapTuple(claims->rows[i].tuple, target->fresh, false);
		cvg_row_rivals(target, target->fresh, add_visible, claims);
	}
	return claims->n < MAX_ROWS;
}

/* ----------------------------------------------------------------
 *		Deciding
 * ----------------------------------------------------------------
 */

static bool
exclude(const CvgClaim *a, const CvgClaim *b, void *arg)
{
	const Claimant *before = a->row;
	const Claimant *row = b->row;

	CHECK_FOR_INTERRUPTS();
	return before->target == row->target &&
		cvg_row_rival_keys_conflict(row->target, before->rival_keys, row->rival_keys);
}

/* Who must move, in this order; returns how many. */
static int
decide(Claims *claims, CvgClaim ***moves)
{
	CvgClaim   *claim = palloc(sizeof(CvgClaim) * Max(claims->n, 1));
	int			i;

	for (i = 0; i < claims->n; i++)
	{
		claim[i] = claims->rows[i].claim;
		claim[i].row = &claims->rows[i];
	}
	ResetPerTupleExprContext(claims->store->estate);
	cvg_claims_decide(claim, claims->n, exclude, claims);
	*moves = palloc(sizeof(CvgClaim *) * Max(claims->n, 1));
	return cvg_claims_moves(claim, claims->n, *moves);
}

/* ----------------------------------------------------------------
 *		Moving
 * ----------------------------------------------------------------
 */

/* A local row disappears from its table: say so. */
static void
log_displaced(Claims *claims, Claimant *row)
{
	CvgTarget  *target = row->target;
	int			natts = RelationGetDescr(target->rel)->natts;
	bool	   *include = palloc0(sizeof(bool) * natts);
	CvgConflict conflict = {0};
	int			i;

	claims->ap->counts.conflicts++;
	if (!cvg_log_conflicts)
		return;
	conflict.relid = claims->store->relid;
	conflict.type = "multiple_unique_conflicts";
	conflict.decision = "set_aside";
	conflict.origin = row->claim.rank.replica;
	conflict.local_state = row->state;
	for (i = 0; i < target->info->desc->nkeys; i++)
		include[target->info->columns[target->info->desc->keycols[i]].attnum - 1] = true;
	conflict.key = cvg_conflict_row(target->rel, target->fresh, include);
	for (i = 0; i < target->info->desc->ncolumns; i++)
		include[target->info->columns[i].attnum - 1] = true;
	conflict.local_row = cvg_conflict_row(target->rel, target->fresh, include);
	cvg_owner_pause(claims->ap);
	cvg_conflict_log(&conflict);
	cvg_owner_resume(claims->ap);
}

/* Key datums of a claimant, NULL if keyless. */
static Datum *
claimant_keys(Claimant *row)
{
	Datum	   *keys;

	if (row->target->keyless)
		return NULL;
	keys = palloc(sizeof(Datum) * CVG_MAX_KEY_COLUMNS);
	cvg_rel_decode_key(row->target->info, row->claim.key, keys);
	return keys;
}

/* From the table to the quarantine; false when the row has changed. */
static bool
displace(Claims *claims, Claimant *row)
{
	CvgTarget  *target = row->target;
	Datum	   *keys = claimant_keys(row);
	CvgViolation violation = {NULL, false, 0};
	bool		found;

	if (target->keyless)
		found = cvg_row_find_birth(claims->store, row->claim.key) == target;
	else
		found = cvg_row_find(target, keys);
	if (!found || !ItemPointerEquals(&target->found->tts_tid, &row->tid))
		return false;
	switch (cvg_row_delete(target))
	{
		case CVG_WRITE_RETRY:
		case CVG_WRITE_VIOLATES:
			return false;
		case CVG_WRITE_SKIPPED:
			return true;
		case CVG_WRITE_OK:
			break;
	}
	ExecForceStoreHeapTuple(row->tuple, target->fresh, false);
	if (target->nrivals > 0)
		violation.constraint =
			RelationGetRelationName(target->rri->ri_IndexRelationDescs[target->rivals[0]]);
	cvg_progress_note_delete(claims->ap);
	cvg_quarantine_put(target, keys, row->claim.key, row->state, &violation);
	claims->ap->counts.quarantined++;
	log_displaced(claims, row);
	return true;
}

/* From the quarantine to the table; false when something has changed. */
static bool
release(Claims *claims, Claimant *row)
{
	Datum	   *keys = claimant_keys(row);
	CvgViolation violation;
	CvgShelved	grave;

	ExecForceStoreHeapTuple(row->tuple, row->target->fresh, false);
	if (!row->target->keyless && cvg_row_find(row->target, keys))
		return true;			/* a live row has its key: the next change merges them */
	switch (cvg_row_insert(row->target, &violation))
	{
		case CVG_WRITE_RETRY:
		case CVG_WRITE_VIOLATES:
			return false;
		case CVG_WRITE_SKIPPED:
			return true;
		case CVG_WRITE_OK:
			break;
	}
	if (!cvg_shelf_delete(CVG_T_QUARANTINE, &row->tid))
		elog(ERROR, "row set aside has disappeared under its lock");
	CommandCounterIncrement();

	/* the key is ours: a local transaction may have used it since we looked, and buried its row */
	if (row->target->keyless ||
		!cvg_shelf_find(CVG_T_TOMBSTONES, claims->store->info, keys, row->claim.key, NULL, &grave))
		return true;
	(void) cvg_row_merge_shelved(claims->ap, claims->store, CVG_T_TOMBSTONES, &grave);
	return false;
}

static bool
make_it_so(Claims *claims)
{
	CvgClaim  **moves;
	int			n = decide(claims, &moves);
	int			i;

	for (i = 0; i < n; i++)
	{
		if (!(moves[i]->aside ? release : displace) (claims, moves[i]->row))
			return false;
	}
	return true;
}

pg_noinline static void
report_too_many(CvgStore *store)
{
	ereport(WARNING,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("too many rows of table \"%s\" are set aside to decide which are visible",
					RelationGetRelationName(store->rel)),
			 errdetail("More than %d rows violate a constraint or are in the way of one that does.",
					   MAX_ROWS),
			 errhint("See converge.quarantine; the constraint may exist on this node only.")));
}

/* The visible set of one table. */
static void
recheck_store(CvgApply *ap, CvgStore *store)
{
	MemoryContext old = MemoryContextSwitchTo(ap->row_mcxt);
	Claims		claims = {ap, store};
	int			attempt;
	int			nest = 0;

	cvg_quarantine_lock(store);
	cvg_owner_enter(ap, store);
	if (store->info->has_text)
		nest = cvg_codec_enter();
	for (attempt = 0;; attempt++)
	{
		if (attempt >= MAX_ATTEMPTS)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not decide which rows of table \"%s\" are visible due to concurrent writes",
							RelationGetRelationName(store->rel))));
		if (!collect_claimants(&claims))
		{
			report_too_many(store);
			break;
		}
		if (!claims.new_twin && make_it_so(&claims))
			break;
	}
	if (store->info->has_text)
		cvg_codec_leave(nest);
	cvg_owner_leave(ap);
	store->recheck = false;
	MemoryContextSwitchTo(old);
	MemoryContextReset(ap->row_mcxt);
}

void
cvg_quarantine_recheck(CvgApply *ap)
{
	CvgStore   *store;

	/* whatever is reported now is our own doing */
	ap->header.origin = cvg_slice_cstring(ap->db->replica_id);
	for (store = cvg_stores_first(); store != NULL; store = store->next)
	{
		if (!store->recheck || !cvg_quarantine_any(store))
			continue;
		PushActiveSnapshot(GetTransactionSnapshot());
		recheck_store(ap, store);
		PopActiveSnapshot();
	}
}

/* ----------------------------------------------------------------
 *		Sweep
 * ----------------------------------------------------------------
 */

/* Tables with rows set aside, in the given context. */
static List *
tables_with_rows_aside(MemoryContext mcxt)
{
	List	   *result = NIL;
	AsideScan	s;
	HeapTuple	tuple;

	if (cvg_shelf_is_empty(CVG_T_QUARANTINE))
		return NIL;
	begin_aside_scan(&s, InvalidOid);
	while (HeapTupleIsValid(tuple = systable_getnext(s.scan)))
	{
		bool		isnull;
		Oid			relid = DatumGetObjectId(heap_getattr(tuple, 1, RelationGetDescr(s.rel), &isnull));
		MemoryContext old = MemoryContextSwitchTo(mcxt);

		result = list_append_unique_oid(result, relid);
		MemoryContextSwitchTo(old);
	}
	end_aside_scan(&s);
	return result;
}

/*
 * One table in a transaction of its own.  An error (a trigger of the user) must
 * not end the manager: it is logged, and the table's turn comes again.  So it does
 * when somebody is in the way, for the manager has other things to do.
 */
static void
sweep_table(Oid relid)
{
	MemoryContext mcxt = CurrentMemoryContext;

	PG_TRY();
	{
		cvg_apply_begin();
		(void) set_config_option("session_replication_role", "replica", PGC_SUSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
		(void) set_config_option("lock_timeout", SWEEP_LOCK_TIMEOUT, PGC_SUSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
		PushActiveSnapshot(GetTransactionSnapshot());
		if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)) &&
			cvg_rel_by_oid(relid) != NULL)
			cvg_store_open(relid)->recheck = true;
		PopActiveSnapshot();
		(void) cvg_apply_commit();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(mcxt);
		HOLD_INTERRUPTS();
		if (geterrcode() != ERRCODE_LOCK_NOT_AVAILABLE)
			EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(mcxt);
}

void
cvg_quarantine_sweep(void)
{
	MemoryContext mcxt = AllocSetContextCreate(TopMemoryContext,
											   "pg_converge quarantine sweep",
											   ALLOCSET_SMALL_SIZES);
	MemoryContext old = CurrentMemoryContext;
	List	   *tables;
	ListCell   *lc;

	StartTransactionCommand();
	tables = tables_with_rows_aside(mcxt);
	CommitTransactionCommand();
	MemoryContextSwitchTo(mcxt);
	foreach(lc, tables)
		sweep_table(lfirst_oid(lc));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(mcxt);
}
