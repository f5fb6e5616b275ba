/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  Shared memory: layout, attachment, stamps, clocks of the node.
 *
 * Stamps and the own horizon.  The own horizon h promises that every write
 * of ours stamped <= h is in an entry already taken.  A backend therefore
 * publishes a lower bound of its stamps in its in-flight slot *before* it
 * draws the first one, and a reader of the horizon reads hlc *before* it scans
 * the slots, with full barriers in between on both sides:
 *	 - the backend published before the scan: the bound is seen;
 *	 - it published after the scan: its draw comes later still, so its stamp
 *	   is larger than the hlc value the reader started from.
 * The slot is cleared only after the commit is visible (and an entry is told
 * to anybody only after it is flushed).
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "core/hlc.h"
#include "core/horizon.h"
#include "core/vclock.h"
#include "guc.h"
#include "shmem.h"
#include "store/identity.h"
#include "store/meta.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "wait_event.h"

/* How long a backend waits for the manager to make the node's identity. */
#define CVG_ATTACH_TIMEOUT_MS	30000

CvgShared  *cvg_shared = NULL;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

/* This backend's database, once attached. */
static CvgDb *my_db = NULL;

static Size
shmem_size(void)
{
	return add_size(offsetof(CvgShared, inflight),
					mul_size(MaxBackends, sizeof(CvgInflight)));
}

static void
shmem_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(shmem_size());
	RequestNamedLWLockTranche("pg_converge", 1);
}

static void
init_db(CvgDb *db, int tranche)
{
	memset(db, 0, sizeof(CvgDb));
	LWLockInitialize(&db->commit_lock, tranche);
	LWLockInitialize(&db->lock, tranche);
	pg_atomic_init_u64(&db->hlc, 0);
	pg_atomic_init_u64(&db->stamp_ceiling, 0);
	pg_atomic_init_u64(&db->progress_version, 0);
	pg_atomic_init_u64(&db->stable_version, 0);
	pg_atomic_init_u64(&db->kick, 0);
	pg_atomic_init_u64(&db->deleters, 0);
	pg_atomic_init_u64(&db->aside, 1);
	pg_atomic_init_u64(&db->none_aside, 0);
	pg_atomic_init_u64(&db->told_horizon, 0);
	ConditionVariableInit(&db->changed);
}

static void
shmem_startup(void)
{
	bool		found;
	int			i;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	cvg_shared = NULL;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	cvg_shared = ShmemInitStruct("pg_converge", shmem_size(), &found);
	if (!found)
	{
		int			tranche = GetNamedLWLockTranche("pg_converge")->lock.tranche;

		memset(cvg_shared, 0, shmem_size());
		LWLockInitialize(&cvg_shared->lock, tranche);
		for (i = 0; i < CVG_MAX_DATABASES; i++)
			init_db(&cvg_shared->db[i], tranche);
		cvg_shared->ninflight = MaxBackends;
		for (i = 0; i < MaxBackends; i++)
			pg_atomic_init_u64(&cvg_shared->inflight[i].first_stamp, 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
cvg_shmem_init(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}

void
cvg_require_preload(void)
{
	if (cvg_shared == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pg_converge must be loaded via shared_preload_libraries"),
				 errhint("Add pg_converge to shared_preload_libraries and restart the server.")));
}

CvgDb *
cvg_db_find(Oid dboid)
{
	CvgDb	   *result = NULL;
	int			i;

	if (cvg_shared == NULL)
		return NULL;
	LWLockAcquire(&cvg_shared->lock, LW_SHARED);
	for (i = 0; i < CVG_MAX_DATABASES && result == NULL; i++)
	{
		if (cvg_shared->db[i].dboid == dboid)
			result = &cvg_shared->db[i];
	}
	LWLockRelease(&cvg_shared->lock);
	return result;
}

/* Forget what a slot knew, but keep its locks: somebody may be waiting. */
static void
reset_db(CvgDb *db)
{
	db->ready = false;
	db->origin = 0;
	db->replica_id[0] = db->node_name[0] = '\0';
	db->boot_id = 0;
	db->renewing = false;
	db->claimed_seq = db->confirmed_seq = 0;
	db->log_segment = 0;
	db->boot_seq = 0;
	pg_atomic_write_u64(&db->hlc, 0);
	pg_atomic_write_u64(&db->stamp_ceiling, 0);
	db->last_seq = db->last_committed_seq = 0;
	db->last_commit_lsn = db->apply_lsn = InvalidXLogRecPtr;
	db->stable_logged = db->deps_logged = 0;
	db->own_file = InvalidOid;
	/* versions start above the *_logged ones: say everything once */
	pg_atomic_write_u64(&db->aside, 1);
	pg_atomic_write_u64(&db->none_aside, 0);
	pg_atomic_write_u64(&db->told_horizon, 0);
	pg_atomic_write_u64(&db->progress_version, 1);
	pg_atomic_write_u64(&db->stable_version, 1);
	db->manager_pid = 0;
	db->manager_wanted = true;
	db->manager_latch = NULL;
	db->manager_retry_at = 0;
	db->norigins = 0;
	memset(db->origins, 0, sizeof(db->origins));
	memset(db->stable, 0, sizeof(db->stable));
	memset(db->peers, 0, sizeof(db->peers));
	memset(db->members, 0, sizeof(db->members));
}

CvgDb *
cvg_db_acquire(Oid dboid)
{
	CvgDb	   *result = NULL;
	int			i;

	cvg_require_preload();
	LWLockAcquire(&cvg_shared->lock, LW_EXCLUSIVE);
	for (i = 0; i < CVG_MAX_DATABASES; i++)
	{
		if (cvg_shared->db[i].dboid == dboid)
		{
			result = &cvg_shared->db[i];
			break;
		}
		if (result == NULL && !OidIsValid(cvg_shared->db[i].dboid))
			result = &cvg_shared->db[i];
	}
	if (result != NULL && result->dboid != dboid)
	{
		reset_db(result);
		result->dboid = dboid;
	}
	LWLockRelease(&cvg_shared->lock);

	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many databases of this server use pg_converge"),
				 errdetail("At most %d databases can.", CVG_MAX_DATABASES)));
	return result;
}

void
cvg_db_release(Oid dboid)
{
	int			i;

	LWLockAcquire(&cvg_shared->lock, LW_EXCLUSIVE);
	for (i = 0; i < CVG_MAX_DATABASES; i++)
	{
		if (cvg_shared->db[i].dboid == dboid)
		{
			reset_db(&cvg_shared->db[i]);
			cvg_shared->db[i].dboid = InvalidOid;
		}
	}
	LWLockRelease(&cvg_shared->lock);
}

void
cvg_wake_launcher(void)
{
	if (cvg_shared == NULL)
		return;
	LWLockAcquire(&cvg_shared->lock, LW_EXCLUSIVE);
	cvg_shared->probe_requests++;
	if (cvg_shared->launcher_pid != 0 && cvg_shared->launcher_latch != NULL)
		SetLatch(cvg_shared->launcher_latch);
	LWLockRelease(&cvg_shared->lock);
}

void
cvg_wake_manager(CvgDb *db)
{
	LWLockAcquire(&db->lock, LW_SHARED);
	if (db->manager_pid != 0 && db->manager_latch != NULL)
		SetLatch(db->manager_latch);
	LWLockRelease(&db->lock);
}

/* Wait until the manager has made this database's identity. */
static void
wait_until_ready(CvgDb *db)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   CVG_ATTACH_TIMEOUT_MS);

	cvg_wake_launcher();
	ConditionVariablePrepareToSleep(&db->changed);
	while (!db->ready)
	{
		long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
														   deadline);

		if (left <= 0)
			break;
		ConditionVariableTimedSleep(&db->changed, Min(left, 1000),
									cvg_wait_event(CVG_WAIT_ATTACH));
	}
	ConditionVariableCancelSleep();
	if (!db->ready)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pg_converge has not started in this database yet"),
				 errdetail("The manager process has not made the node's identity within %d seconds.",
						   CVG_ATTACH_TIMEOUT_MS / 1000),
				 errhint("Look for messages of \"pg_converge manager\" in the server log; "
						 "max_worker_processes may be too low.")));
}

CvgDb *
cvg_db(void)
{
	CvgDb	   *db;

	if (likely(my_db != NULL && my_db->ready && my_db->dboid == MyDatabaseId))
		return my_db;

	cvg_require_preload();
	if (cvg_node_name == NULL || cvg_node_name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("converge.node_name is not set"),
				 errhint("Use ALTER DATABASE ... SET converge.node_name = '...', then reconnect.")));
	db = cvg_db_acquire(MyDatabaseId);
	if (!db->ready && !cvg_identity_load(db))
		wait_until_ready(db);
	my_db = db;
	return db;
}

CvgInflight *
cvg_my_inflight(void)
{
	return &cvg_shared->inflight[CVG_MY_SLOT()];
}

/* ----------------------------------------------------------------
 *		Stamps
 * ----------------------------------------------------------------
 */

CvgStamp
cvg_stamps_draw(CvgDb *db, int n)
{
	CvgStamp	now = GetCurrentTimestamp();
	uint64		last = pg_atomic_read_u64(&db->hlc);

	for (;;)
	{
		CvgStamp	next = cvg_hlc_next((CvgStamp) last, now);

		if (pg_atomic_compare_exchange_u64(&db->hlc, &last,
										   (uint64) (next + n - 1)))
			return next;
	}
}

void
cvg_stamp_observe(CvgDb *db, CvgStamp seen)
{
	uint64		last = pg_atomic_read_u64(&db->hlc);

	while (cvg_hlc_observe((CvgStamp) last, seen) != (CvgStamp) last)
	{
		if (pg_atomic_compare_exchange_u64(&db->hlc, &last, (uint64) seen))
			return;
	}
}

CvgStamp
cvg_latest_stamp(void)
{
	return GetCurrentTimestamp() + cvg_max_clock_skew_ms * INT64CONST(1000);
}

/* ----------------------------------------------------------------
 *		Origins and clocks
 * ----------------------------------------------------------------
 */

CvgOriginSlot *
cvg_origin_slot(CvgDb *db, int32 id)
{
	int			i;

	for (i = 0; i < db->norigins; i++)
	{
		if (db->origins[i].id == id)
			return &db->origins[i];
	}
	return NULL;
}

CvgOriginSlot *
cvg_origin_slot_by_name(CvgDb *db, CvgSlice replica_id)
{
	int			i;

	for (i = 0; i < db->norigins; i++)
	{
		pid_t		owner = db->origins[i].uncommitted;

		if ((owner == 0 || owner == MyProcPid) &&
			strlen(db->origins[i].replica_id) == replica_id.len &&
			memcmp(db->origins[i].replica_id, replica_id.data, replica_id.len) == 0)
			return &db->origins[i];
	}
	return NULL;
}

/* Clock of n entries made from the slots; the id array is on the stack. */
static CvgSlice
make_clock(CvgClockEntry *entries, int n)
{
	CvgBuf		out;

	cvg_buf_init(&out);
	if (cvg_vclock_from_entries(entries, n, &out) != CVG_OK)
		elog(ERROR, "could not form a clock of the node");
	return cvg_buf_slice(&out);
}

/* A slot's id, copied: the slot may be reused once the lock is gone. */
static CvgSlice
slot_id(const CvgOriginSlot *slot)
{
	return cvg_slice_cstring(pstrdup(slot->replica_id));
}

CvgSlice
cvg_progress_clock(CvgDb *db)
{
	CvgClockEntry entries[CVG_MAX_ORIGINS];
	int64		own;
	int			n = 0;
	int			i;
	CvgOriginSlot slots[CVG_MAX_ORIGINS];
	int			norigins;

	LWLockAcquire(&db->commit_lock, LW_SHARED);
	own = db->last_committed_seq;
	LWLockRelease(&db->commit_lock);
	LWLockAcquire(&db->lock, LW_SHARED);
	norigins = db->norigins;
	memcpy(slots, db->origins, norigins * sizeof(CvgOriginSlot));
	LWLockRelease(&db->lock);

	for (i = 0; i < norigins; i++)
	{
		entries[n].id = slot_id(&slots[i]);
		entries[n].value = slots[i].id == db->origin ? own : slots[i].seq;
		n++;
	}
	return make_clock(entries, n);
}

/*
 * Not beyond what was told before rows were set aside, see CvgDb.aside.  The
 * horizon was computed before we look: a row set aside after that is met by
 * writes with larger stamps only.
 */
static void
hold_horizon(CvgDb *db, CvgHorizon *own)
{
	uint64		told = pg_atomic_read_u64(&db->told_horizon);
	CvgStamp	now = (CvgStamp) told;

	pg_memory_barrier();
	cvg_horizon_hold(own, pg_atomic_read_u64(&db->aside) != pg_atomic_read_u64(&db->none_aside), &now);
	while ((CvgStamp) told < now &&
		   !pg_atomic_compare_exchange_u64(&db->told_horizon, &told, (uint64) now))
		;
}

CvgSlice
cvg_horizon_clock(CvgDb *db, int64 *own_last_seq)
{
	CvgClockEntry entries[CVG_MAX_ORIGINS];
	CvgOriginSlot slots[CVG_MAX_ORIGINS];
	CvgStamp	ceiling = (CvgStamp) pg_atomic_read_u64(&db->stamp_ceiling);
	CvgHorizon	own;
	int			norigins;
	int			dbno = db - cvg_shared->db;
	int			n = 0;
	int			i;

	/*
	 * The horizons of others first, the own last seq after: a local write
	 * that did not see what these horizons cover had its row before that was
	 * applied, so it has its seq by now, and last_seq must not be older.
	 */
	LWLockAcquire(&db->lock, LW_SHARED);
	norigins = db->norigins;
	memcpy(slots, db->origins, norigins * sizeof(CvgOriginSlot));
	LWLockRelease(&db->lock);

	/*
	 * Without a write the clock does not move: bring it to now, so that an
	 * idle node's horizon advances.
	 */
	cvg_stamp_observe(db, GetCurrentTimestamp());

	LWLockAcquire(&db->commit_lock, LW_SHARED);
	cvg_horizon_begin(&own, (CvgStamp) pg_atomic_read_u64(&db->hlc));
	pg_memory_barrier();
	for (i = 0; i < cvg_shared->ninflight; i++)
	{
		CvgInflight *slot = &cvg_shared->inflight[i];
		uint64		first = pg_atomic_read_u64(&slot->first_stamp);

		if (first != 0 && slot->db == dbno)
			cvg_horizon_add(&own, (CvgStamp) first, slot->seq);
	}
	if (own_last_seq != NULL)
		*own_last_seq = cvg_horizon_last_seq(&own, db->last_seq, db->last_committed_seq);
	LWLockRelease(&db->commit_lock);
	cvg_horizon_cap(&own, ceiling);
	hold_horizon(db, &own);

	for (i = 0; i < norigins; i++)
	{
		entries[n].id = slot_id(&slots[i]);
		entries[n].value = slots[i].id == db->origin ? own.stamp : slots[i].horizon;
		n++;
	}
	return make_clock(entries, n);
}

CvgSlice
cvg_past_clock(CvgDb *db)
{
	CvgClockEntry entries[CVG_MAX_ORIGINS];
	int			n = 0;
	int			i;

	LWLockAcquire(&db->lock, LW_SHARED);
	for (i = 0; i < db->norigins; i++)
	{
		if (db->origins[i].moved_seq == 0)
			continue;
		entries[n].id = slot_id(&db->origins[i]);
		entries[n++].value = db->origins[i].moved_seq;
	}
	LWLockRelease(&db->lock);
	return make_clock(entries, n);
}

CvgSlice
cvg_stable_clock(CvgDb *db)
{
	CvgClockEntry entries[CVG_MAX_ORIGINS];
	CvgOriginSlot slots[CVG_MAX_ORIGINS];
	CvgStamp	stable[CVG_MAX_ORIGINS];
	int			norigins;
	int			i;

	LWLockAcquire(&db->lock, LW_SHARED);
	norigins = db->norigins;
	memcpy(slots, db->origins, norigins * sizeof(CvgOriginSlot));
	memcpy(stable, db->stable, norigins * sizeof(CvgStamp));
	LWLockRelease(&db->lock);
	for (i = 0; i < norigins; i++)
	{
		entries[i].id = slot_id(&slots[i]);
		entries[i].value = stable[i];
	}
	return make_clock(entries, norigins);
}
