/*-------------------------------------------------------------------------
 *
 * janitor.c
 *	  The manager's housekeeping: members, stable clock, tombstones, log,
 *	  conflicts, quarantine.
 *
 * Every task is a transaction of its own and can be cut off by a crash
 * anywhere.  A task that fails is logged and tried again later, with
 * back-off; this is the one place where the manager goes on after an error,
 * because a bad row in one table must not end the exchange with all peers.
 *
 * The log is a ring of segments.  The current one is left for the next when
 * it has grown over converge.log_segment_size, and the next may be emptied:
 * all members have acknowledged what is in it, or it is all older than
 * converge.max_hint_age, or the log is larger than converge.max_log_size.
 * Otherwise the current one grows on, and so it does for a while after each
 * change, and after the start of the manager (cvg_log_may_turn()).
 *	 - Nobody writes to the segment that is emptied, for it was left seven
 *	   changes ago; a straggler who read the segment's number then and
 *	   inserts now is waited for by our lock, and what it inserted is looked
 *	   at under the lock.  Nobody waits for us long: lock_timeout.
 *	 - A spilled own transaction has its parts in the segment that was current
 *	   when it committed; its entry may be in the next one, after a change in
 *	   between.  The entry decides for the parts.
 *	 - Readers must not take what is gone for what never was.  The floors in
 *	   shared memory are raised before TRUNCATE, and readers look at the floor
 *	   after they have read.  If the truncation fails, floors stay raised in
 *	   memory until the next start: that only refuses what is still there.
 *	 - Floors and TRUNCATE are one transaction.
 *
 * The stable clock is committed before it is published, but asynchronously:
 * what relies on it comes later in the WAL, so it cannot survive a crash that
 * the clock does not.  New members are saved before it is computed.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "core/backoff.h"
#include "core/incarnation.h"
#include "core/progress.h"
#include "common/pg_prng.h"
#include "guc.h"
#include "store/changelog.h"
#include "store/keyindex.h"
#include "store/meta.h"
#include "store/sql.h"
#include "store/tombstone.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker/apply.h"
#include "worker/janitor.h"
#include "worker/members.h"

#define TOMBSTONE_BATCH		2000
#define TOMBSTONE_BUDGET_MS 300
#define CONFLICT_BATCH		5000

/*
 * The stable clock moves as time goes by.  It is advanced, which is a commit,
 * so often within the time that tombstones are kept, and at least so often.
 */
#define STABLE_STEPS		100
#define STABLE_INTERVAL_MAX_S	60

#define RETRY_BASE_MS		1000
#define RETRY_MAX_MS		300000

#define SEGMENT_LOCK_TIMEOUT	"200ms"

StaticAssertDecl((CVG_LOG_SEGMENTS - 1) * CVG_LOG_TURN_US > CVG_NOTE_LAG_US,
				 "the log keeps what is not noted as confirmed");

typedef struct Task
{
	const char *what;			/* "could not ..." */
	void		(*run) (CvgDb *db);
	int			interval_ms;
	TimestampTz due;
	int			failures;
} Task;

/* Where the sweep over tombstones stands. */
static struct
{
	uint64		version;		/* of the stable clock that it is about */
	bool		done;
	Oid			relid;
	int64		keyhash;
}			sweep;

/* ----------------------------------------------------------------
 *		Stable clock
 * ----------------------------------------------------------------
 */

static void
save_members(CvgDb *db)
{
	static uint64 saved = 0;
	uint64		now = cvg_members_hash(db);

	if (now == saved)
		return;
	cvg_sql_begin();
	cvg_members_save(db);
	cvg_sql_end();
	saved = now;
}

/* Join into the slots; they may have grown meanwhile by what entries said. */
static void
publish_stable(CvgDb *db, CvgSlice stable)
{
	bool		grew = false;
	int			i;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	for (i = 0; i < db->norigins; i++)
	{
		CvgStamp	value = cvg_vclock_get(stable,
										   cvg_slice_cstring(db->origins[i].replica_id));

		if (value > db->stable[i])
		{
			db->stable[i] = value;
			grew = true;
		}
	}
	/* before the lock goes: who decides by the new S must say it in its entry */
	if (grew)
		pg_atomic_fetch_add_u64(&db->stable_version, 1);
	LWLockRelease(&db->lock);
}

static void
advance_stable(CvgDb *db)
{
	static uint64 saved_version = 0;
	static TimestampTz advanced_at = 0;
	uint64		version = pg_atomic_read_u64(&db->stable_version);
	TimestampTz now = GetCurrentTimestamp();
	CvgSlice	stable;
	CvgStamp	limit;
	CvgBuf		text;

	if (cvg_tombstone_retention_s < 0 ||
		!TimestampDifferenceExceeds(advanced_at, now,
									Min(cvg_tombstone_retention_s / STABLE_STEPS,
										STABLE_INTERVAL_MAX_S) * 1000))
		return;
	advanced_at = now;
	limit = now - (int64) cvg_tombstone_retention_s * USECS_PER_SEC;
	/* it may also have grown by what entries said */
	if (!cvg_members_stable(db, limit, &stable) && version == saved_version)
		return;
	cvg_buf_init(&text);
	cvg_vclock_print(stable, &text);
	cvg_put_u8(&text, 0);
	cvg_sql_begin();
	cvg_sql("SET LOCAL synchronous_commit = off", "");
	/* receivers write it too: join, do not replace */
	cvg_sql("UPDATE converge.node SET stable = converge.merge(stable, $1::converge.vclock)",
			"s", (char *) text.data);
	cvg_sql_end();
	publish_stable(db, stable);
	saved_version = version;
}

/* ----------------------------------------------------------------
 *		Tombstones
 * ----------------------------------------------------------------
 */

static CvgSlice
column_bytes(uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
									  column, &isnull);
	struct varlena *v = PG_DETOAST_DATUM_COPY(value);

	return cvg_slice(VARDATA(v), VARSIZE(v) - VARHDRSZ);
}

/*
 * One batch from where the last one stopped; returns how many were dropped.
 * Rows that share their key hash with the last row of a batch may be missed;
 * the next sweep has them.
 */
static int
drop_tombstone_batch(CvgDb *db)
{
	SPITupleTable *rows;
	int			dropped = 0;
	bool		isnull;
	uint64		n;
	uint64		i;

	cvg_sql_begin();
	n = cvg_sql("SELECT ctid, state, relid, keyhash FROM converge.tombstones "
				"WHERE (relid, keyhash) > ($1, $2) ORDER BY relid, keyhash LIMIT "
				CppAsString2(TOMBSTONE_BATCH),
				"ol", sweep.relid, sweep.relid == InvalidOid ? PG_INT64_MIN : sweep.keyhash);
	rows = SPI_tuptable;
	for (i = 0; i < n; i++)
	{
		Datum		tid = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull);

		if (cvg_tombstone_forgotten(db, column_bytes(i, 2)) &&
			cvg_shelf_delete(CVG_T_TOMBSTONES, (ItemPointer) DatumGetPointer(tid)))
			dropped++;
	}
	sweep.done = n < TOMBSTONE_BATCH;
	if (!sweep.done)
	{
		sweep.relid = DatumGetObjectId(SPI_getbinval(rows->vals[n - 1], rows->tupdesc, 3, &isnull));
		sweep.keyhash = DatumGetInt64(SPI_getbinval(rows->vals[n - 1], rows->tupdesc, 4, &isnull));
	}
	cvg_sql_end();
	return dropped;
}

/*
 * Go on with the sweep: one batch, and more for a while as long as that is
 * worth it.  A sweep ends and another begins when the stable clock has grown.
 */
static void
drop_tombstones(CvgDb *db)
{
	uint64		version = pg_atomic_read_u64(&db->stable_version);
	TimestampTz enough = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), TOMBSTONE_BUDGET_MS);

	if (sweep.done && sweep.version == version)
		return;
	if (sweep.done || sweep.relid == InvalidOid)
	{
		memset(&sweep, 0, sizeof(sweep));
		sweep.version = version;
	}
	while (drop_tombstone_batch(db) > TOMBSTONE_BATCH / 2 && !sweep.done &&
		   GetCurrentTimestamp() < enough)
		CHECK_FOR_INTERRUPTS();
}

/* ----------------------------------------------------------------
 *		The log
 * ----------------------------------------------------------------
 */

static int64
segment_size(int segment)
{
	cvg_sql(psprintf("SELECT pg_catalog.pg_total_relation_size('converge.log_%d') + "
					 "pg_catalog.pg_total_relation_size('converge.own_%d')", segment, segment), "");
	return cvg_sql_int64(0, 1);
}

static bool
segment_is_empty(int segment)
{
	cvg_sql(psprintf("SELECT 1 FROM converge.log_%d UNION ALL SELECT 1 FROM converge.own_%d LIMIT 1",
					 segment, segment), "");
	return SPI_processed == 0;
}

static int64
log_size(void)
{
	int64		total = 0;
	int			i;

	for (i = 0; i < CVG_LOG_SEGMENTS; i++)
		total += segment_size(i);
	return total;
}

/* What a segment holds of one origin. */
typedef struct Held
{
	int			index;			/* of its slot */
	int32		origin;
	CvgHeld		held;
} Held;

/*
 * Own entries elsewhere whose parts are in this segment.  A scan of the whole
 * log, but only when large transactions were written here.
 */
static void
look_at_parts(int segment, int32 own, CvgHeld *held)
{
	cvg_sql(psprintf("SELECT 1 FROM converge.log_%d WHERE origin = $1 AND seq < 0 LIMIT 1",
					 segment), "i", own);
	if (SPI_processed == 0)
		return;
	cvg_sql(psprintf("SELECT seq, stamp FROM converge.log "
					 "WHERE origin = $1 AND -spill IN "
					 "(SELECT seq FROM converge.log_%d WHERE origin = $1 AND seq < 0) "
					 "ORDER BY seq DESC LIMIT 1", segment), "i", own);
	if (SPI_processed > 0 && cvg_sql_int64(0, 1) > held->last)
	{
		held->last = cvg_sql_int64(0, 1);
		held->stamp = cvg_sql_int64(0, 2);
	}
}

/* Fill held[] for all origins that a segment has anything of. */
static int
look_at_segment(CvgDb *db, int segment, Held *held)
{
	int			norigins;
	int32		ids[CVG_MAX_ORIGINS];
	Snapshot	snapshot;
	int			n = 0;
	int			i;

	LWLockAcquire(&db->lock, LW_SHARED);
	norigins = db->norigins;
	for (i = 0; i < norigins; i++)
		ids[i] = db->origins[i].id;
	LWLockRelease(&db->lock);

	for (i = 0; i < norigins; i++)
	{
		Held	   *h = &held[n];

		memset(h, 0, sizeof(Held));
		h->index = i;
		h->origin = ids[i];
		snapshot = RegisterSnapshot(GetLatestSnapshot());
		h->held.last = cvg_log_segment_last(segment, ids[i], snapshot, &h->held.stamp);
		UnregisterSnapshot(snapshot);
		if (ids[i] == db->origin)
			look_at_parts(segment, ids[i], &h->held);
		if (h->held.last > 0)
			n++;
	}
	return n;
}

/* Has everybody what the segment holds, or must it go all the same? */
static bool
may_empty(CvgDb *db, const Held *held, int n, bool too_large)
{
	TimestampTz oldest = GetCurrentTimestamp() - (int64) cvg_max_hint_age_s * USECS_PER_SEC;
	CvgHeld    *parts = palloc(sizeof(CvgHeld) * Max(n, 1));
	int			nmembers;
	CvgMember  *members = cvg_members_known(db, &nmembers);
	int			i;

	for (i = 0; i < n; i++)
	{
		CvgSlice	id = cvg_slice_cstring(db->origins[held[i].index].replica_id);

		parts[i] = held[i].held;
		parts[i].acknowledged = cvg_members_acknowledged(members, nmembers, id);
	}
	return cvg_log_may_go(parts, n, oldest, too_large);
}

static void
raise_floors(CvgDb *db, const Held *held, int n)
{
	int			i;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	for (i = 0; i < n; i++)
	{
		CvgOriginSlot *slot = &db->origins[held[i].index];

		slot->floor = Max(slot->floor, held[i].held.last);
	}
	LWLockRelease(&db->lock);
	for (i = 0; i < n; i++)
		cvg_sql("UPDATE converge.progress SET floor = GREATEST(floor, $2) WHERE origin = $1",
				"il", held[i].origin, held[i].held.last);
}

/* Empty a segment under its lock, if it still may be. */
static bool
empty_segment(CvgDb *db, int segment, bool too_large)
{
	Held	   *held = palloc(sizeof(Held) * CVG_MAX_ORIGINS);
	int			n;

	cvg_sql("SET LOCAL lock_timeout = '" SEGMENT_LOCK_TIMEOUT "'", "");
	cvg_sql(psprintf("LOCK TABLE converge.log_%d, converge.own_%d IN ACCESS EXCLUSIVE MODE",
					 segment, segment), "");
	n = look_at_segment(db, segment, held);
	if (!may_empty(db, held, n, too_large))
		return false;
	raise_floors(db, held, n);
	cvg_sql(psprintf("TRUNCATE converge.log_%d, converge.own_%d", segment, segment), "");
	return true;
}

/*
 * Go on in the next segment when it is time.  First a look without the lock,
 * so that readers are not bothered in vain.
 */
static void
rotate_log(CvgDb *db)
{
	static TimestampTz turned_at = 0;
	int			current = db->log_segment;
	int			next = (current + 1) % CVG_LOG_SEGMENTS;
	bool		too_large;
	bool		ready = true;

	if (!cvg_log_may_turn(&turned_at, GetCurrentTimestamp(), CVG_LOG_TURN_US))
		return;
	cvg_sql_begin();
	if (segment_size(current) >= (int64) cvg_log_segment_size_mb * 1024 * 1024)
	{
		too_large = log_size() > (int64) cvg_max_log_size_mb * 1024 * 1024;
		if (!segment_is_empty(next))
		{
			Held	   *held = palloc(sizeof(Held) * CVG_MAX_ORIGINS);
			int			n = look_at_segment(db, next, held);

			ready = may_empty(db, held, n, too_large) &&
				empty_segment(db, next, too_large);
		}
		if (ready)
			cvg_sql("UPDATE converge.node SET log_segment = $1", "i", next);
	}
	else
		ready = false;
	cvg_sql_end();
	if (ready)
	{
		LWLockAcquire(&db->lock, LW_EXCLUSIVE);
		db->log_segment = next;
		LWLockRelease(&db->lock);
		turned_at = GetCurrentTimestamp();
	}
}

/* ----------------------------------------------------------------
 *		Conflicts and quarantine
 * ----------------------------------------------------------------
 */

static void
trim_conflicts(CvgDb *db)
{
	TimestampTz oldest = GetCurrentTimestamp() - (int64) cvg_conflict_retention_s * USECS_PER_SEC;

	cvg_sql_begin();
	cvg_sql("DELETE FROM converge.conflict_log WHERE id IN "
			"(SELECT id FROM converge.conflict_log ORDER BY id LIMIT "
			CppAsString2(CONFLICT_BATCH) ") AND at < $1", "t", oldest);
	cvg_sql("DELETE FROM converge.conflict_log WHERE id IN "
			"(SELECT id FROM converge.conflict_log WHERE id <= "
			"(SELECT pg_catalog.max(id) FROM converge.conflict_log) - $1 "
			"ORDER BY id LIMIT " CppAsString2(CONFLICT_BATCH) ")",
			"l", (int64) cvg_conflict_limit);
	cvg_sql_end();
}

/* Record the indexes that took the place of key indexes; see keyindex.c. */
static void
note_key_indexes(CvgDb *db)
{
	SPITupleTable *rows;
	bool		isnull;
	uint64		n;
	uint64		i;

	cvg_sql_begin();
	n = cvg_sql("SELECT relid, key_index, key_columns FROM converge.replicated r WHERE NOT EXISTS "
				"(SELECT FROM pg_catalog.pg_index x WHERE x.indexrelid = r.key_index AND x.indisvalid)", "");
	rows = SPI_tuptable;
	for (i = 0; i < n; i++)
	{
		HeapTuple	row = rows->vals[i];
		Oid			relid = DatumGetObjectId(SPI_getbinval(row, rows->tupdesc, 1, &isnull));
		Oid			recorded = DatumGetObjectId(SPI_getbinval(row, rows->tupdesc, 2, &isnull));
		ArrayType  *columns = DatumGetArrayTypeP(SPI_getbinval(row, rows->tupdesc, 3, &isnull));
		Oid			now = cvg_key_index_now(relid, recorded, columns);

		if (now != recorded)
			cvg_sql("UPDATE converge.replicated SET key_index = $2 WHERE relid = $1", "oo", relid, now);
	}
	cvg_sql_end();
}

static void
sweep_quarantine(CvgDb *db)
{
	cvg_quarantine_sweep();		/* makes its own transactions */
}

/* Are there still rows set aside?  See CvgDb.aside. */
static void
look_for_rows_aside(CvgDb *db)
{
	uint64		aside = pg_atomic_read_u64(&db->aside);
	bool		empty;

	if (aside == pg_atomic_read_u64(&db->none_aside))
		return;
	pg_memory_barrier();
	StartTransactionCommand();
	empty = !cvg_shelf_any(CVG_T_QUARANTINE);
	CommitTransactionCommand();
	if (empty)
		pg_atomic_write_u64(&db->none_aside, aside);
}

/* ----------------------------------------------------------------
 *		Tasks
 * ----------------------------------------------------------------
 */

static Task tasks[] = {
	{"save the list of members", save_members, 1000},
	{"advance the stable clock", advance_stable, 1000},
	{"drop old tombstones", drop_tombstones, 1000},
	{"go on in the next log segment", rotate_log, 2000},
	{"trim the log of conflicts", trim_conflicts, 60000},
	{"look for rows set aside", look_for_rows_aside, 1000},
	{"note new key indexes", note_key_indexes, 5000},
	{"look again at quarantined rows", sweep_quarantine, 5000},
};

/*
 * Run a task, turning an error into a log message and a later retry.  An
 * interrupt is not an error (FATAL does not come here).
 */
static void
run_task(CvgDb *db, Task *task, MemoryContext mcxt)
{
	MemoryContextSwitchTo(mcxt);
	PG_TRY();
	{
		task->run(db);
		task->failures = 0;
		task->due = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), task->interval_ms);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(mcxt);
		edata = CopyErrorData();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		task->failures++;
		task->due = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												cvg_backoff_ms(task->failures, RETRY_BASE_MS, RETRY_MAX_MS,
															   pg_prng_uint32(&pg_global_prng_state)));
		/* readers that hold the segment for a moment are nothing to report */
		ereport(edata->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ? DEBUG1 : WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("could not %s: %s", task->what, edata->message),
				 edata->detail != NULL ? errdetail_internal("%s", edata->detail) : 0));
	}
	PG_END_TRY();
}

void
cvg_janitor_run(CvgDb *db)
{
	MemoryContext mcxt = AllocSetContextCreate(TopMemoryContext, "pg_converge janitor",
											   ALLOCSET_DEFAULT_SIZES);
	int			i;

	for (i = 0; i < lengthof(tasks); i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (GetCurrentTimestamp() >= tasks[i].due)
			run_task(db, &tasks[i], mcxt);
		MemoryContextReset(mcxt);
	}
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(mcxt);
}
