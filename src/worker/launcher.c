/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  The process that keeps a manager in each database that takes part.
 *
 * It is connected to no database, so that none is ever blocked by it, and
 * can read pg_database only.  Whether a database has the extension and a
 * node name is for a manager to see, which ends at once and gives the
 * database's slot back when not.  So a manager is started
 *	 - once in every database that is seen for the first time (templates and
 *	   databases that allow no connections excepted);
 *	 - once in every database without one when somebody asks: CREATE
 *	   EXTENSION, ALTER DATABASE SET and the like (utility_hook.c), SIGHUP, a
 *	   backend that finds no manager;
 *	 - again, with back-off, where one has ended and left its slot, which
 *	   means that there is work.
 * The slot in shared memory is taken before the manager starts, so DROP
 * DATABASE can hold the database's processes off by it.
 *
 * What the launcher knows is lost when it dies; the postmaster restarts it,
 * and it looks at all databases again.  Managers live on meanwhile.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "common/pg_prng.h"
#include "core/backoff.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker/launcher.h"
#include "worker/worker_main.h"

#define ROUND_MS			10000	/* databases are listed at least that often */
#define PROBE_GAP_MS		500		/* between two looks at all databases */
#define MAX_PROBES			4		/* managers starting at a time */
#define RETRY_BASE_MS		500
#define RETRY_MAX_MS		60000
#define STEADY_MS			60000	/* a manager that lived so long was no failure */
#define COMPLAIN_MS			60000

#define RESTART_S			5		/* of the launcher itself */

typedef struct Watched
{
	Oid			dboid;			/* key */
	bool		seen;			/* in this round's list */
	bool		probe_due;
	BackgroundWorkerHandle *handle; /* NULL if none runs that we started */
	TimestampTz started_at;
	TimestampTz retry_at;
	int			failures;
	char		name[NAMEDATALEN];
} Watched;

typedef struct Launcher
{
	HTAB	   *databases;
	uint32		probes_done;	/* of CvgShared.probe_requests */
	TimestampTz next_probe;
	TimestampTz complain_at;
	TimestampTz wake_at;		/* earliest of what has to be done later */
	int			starting;
	MemoryContext round;		/* reset after each round */
} Launcher;

void
cvg_launcher_register(void)
{
	BackgroundWorker worker;

	cvg_worker_init(&worker, "cvg_launcher_main", "pg_converge launcher",
					"pg_converge launcher", InvalidOid);
	worker.bgw_restart_time = RESTART_S;
	worker.bgw_notify_pid = 0;
	RegisterBackgroundWorker(&worker);
}

static void
launcher_exit(int code, Datum arg)
{
	LWLockAcquire(&cvg_shared->lock, LW_EXCLUSIVE);
	cvg_shared->launcher_pid = 0;
	cvg_shared->launcher_latch = NULL;
	LWLockRelease(&cvg_shared->lock);
}

/* ----------------------------------------------------------------
 *		Which databases there are
 * ----------------------------------------------------------------
 */

static bool
may_take_part(Form_pg_database form)
{
#ifdef DATCONNLIMIT_INVALID_DB
	if (form->datconnlimit == DATCONNLIMIT_INVALID_DB)
		return false;
#endif
	return form->datallowconn && !form->datistemplate;
}

static void
see_database(Launcher *l, Form_pg_database form)
{
	bool		found;
	Watched    *w = hash_search(l->databases, &form->oid, HASH_ENTER, &found);

	if (!found)
	{
		Oid			dboid = w->dboid;

		memset(w, 0, sizeof(Watched));
		w->dboid = dboid;
		w->probe_due = true;
	}
	w->seen = true;
	strlcpy(w->name, NameStr(form->datname), NAMEDATALEN);
}

static void
list_databases(Launcher *l)
{
	HASH_SEQ_STATUS seq;
	Watched    *w;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	hash_seq_init(&seq, l->databases);
	while ((w = hash_seq_search(&seq)) != NULL)
		w->seen = false;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		if (may_take_part(form))
			see_database(l, form);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(l->round);
}

/* ----------------------------------------------------------------
 *		Starting and watching managers
 * ----------------------------------------------------------------
 */

static void
do_later(Launcher *l, TimestampTz when)
{
	if (when < l->wake_at)
		l->wake_at = when;
}

/* Is a slot free for one more database? */
static bool
slot_available(void)
{
	return cvg_db_find(InvalidOid) != NULL;
}

static void
complain(Launcher *l, TimestampTz now, const char *what, const char *hint)
{
	if (now < l->complain_at)
		return;
	l->complain_at = TimestampTzPlusMilliseconds(now, COMPLAIN_MS);
	ereport(LOG,
			(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
			 errmsg("%s", what),
			 errhint("%s", hint)));
}

static void
start_manager(Launcher *l, Watched *w, TimestampTz now)
{
	BackgroundWorker worker;
	char		name[BGW_MAXLEN];
	MemoryContext old;

	if (cvg_db_find(w->dboid) == NULL && !slot_available())
	{
		/* most likely other databases are just being looked at */
		if (l->starting == 0)
		{
			w->probe_due = false;
			complain(l, now, "too many databases of this server use pg_converge",
					 "Drop the extension in databases that do not need it.");
		}
		return;
	}
	(void) cvg_db_acquire(w->dboid);
	snprintf(name, sizeof(name), "pg_converge manager %s", w->name);
	cvg_worker_init(&worker, "cvg_manager_main", "pg_converge manager", name, w->dboid);
	old = MemoryContextSwitchTo(TopMemoryContext);
	if (!RegisterDynamicBackgroundWorker(&worker, &w->handle))
	{
		w->handle = NULL;
		complain(l, now, "no background worker slot is free for pg_converge",
				 "Increase max_worker_processes.");
		w->retry_at = TimestampTzPlusMilliseconds(now, RETRY_BASE_MS * 10);
	}
	else
	{
		w->probe_due = false;
		w->started_at = now;
		l->starting++;
	}
	MemoryContextSwitchTo(old);
}

/* A manager has ended: decide when the next one starts, if at all. */
static void
manager_ended(Watched *w, TimestampTz now)
{
	CvgDb	   *db = cvg_db_find(w->dboid);
	bool		on_purpose;

	pfree(w->handle);
	w->handle = NULL;
	if (db == NULL)
	{
		/* nothing to do there */
		w->failures = 0;
		w->retry_at = 0;
		return;
	}
	LWLockAcquire(&db->lock, LW_SHARED);
	on_purpose = db->manager_retry_at >= w->started_at;
	LWLockRelease(&db->lock);
	if (on_purpose || TimestampDifferenceExceeds(w->started_at, now, STEADY_MS))
		w->failures = 0;
	if (on_purpose)
		w->retry_at = now;
	else
		w->retry_at = TimestampTzPlusMilliseconds(now,
												  cvg_backoff_ms(++w->failures, RETRY_BASE_MS, RETRY_MAX_MS,
																 pg_prng_uint32(&pg_global_prng_state)));
}

/* What runs, and what may run, in the slot of a database. */
static void
look_at_slot(CvgDb *db, bool *running, bool *wanted)
{
	LWLockAcquire(&db->lock, LW_SHARED);
	*running = db->manager_pid != 0;
	*wanted = db->manager_wanted;
	LWLockRelease(&db->lock);
}

static void
tend_database(Launcher *l, Watched *w, TimestampTz now)
{
	CvgDb	   *db;
	bool		running = false;
	bool		wanted = true;
	pid_t		pid;

	if (w->handle != NULL &&
		GetBackgroundWorkerPid(w->handle, &pid) == BGWH_STOPPED)
		manager_ended(w, now);
	db = cvg_db_find(w->dboid);
	if (db != NULL)
		look_at_slot(db, &running, &wanted);
	if (running)
		w->probe_due = false;
	if (w->handle != NULL)
	{
		if (!running)
			l->starting++;
		return;
	}
	if (running || !wanted || (db == NULL && !w->probe_due))
		return;
	if (now < w->retry_at)
		do_later(l, w->retry_at);
	else if (l->starting < MAX_PROBES)
		start_manager(l, w, now);
}

/* The database is gone; its manager could not stop that, or had ended. */
static void
forget_database(Launcher *l, Watched *w)
{
	CvgDb	   *db = cvg_db_find(w->dboid);
	bool		running = false;
	bool		wanted;

	if (db != NULL)
		look_at_slot(db, &running, &wanted);
	if (running)
		return;
	if (db != NULL)
		cvg_db_release(w->dboid);
	if (w->handle != NULL)
		pfree(w->handle);
	hash_search(l->databases, &w->dboid, HASH_REMOVE, NULL);
}

/* Take up requests to look everywhere, but not too often. */
static void
take_probe_requests(Launcher *l, bool reloaded, TimestampTz now)
{
	HASH_SEQ_STATUS seq;
	Watched    *w;
	uint32		requests;

	LWLockAcquire(&cvg_shared->lock, LW_SHARED);
	requests = cvg_shared->probe_requests;
	LWLockRelease(&cvg_shared->lock);
	if (requests == l->probes_done && !reloaded)
		return;
	if (now < l->next_probe && !reloaded)
	{
		do_later(l, l->next_probe);
		return;
	}
	l->probes_done = requests;
	l->next_probe = TimestampTzPlusMilliseconds(now, PROBE_GAP_MS);
	hash_seq_init(&seq, l->databases);
	while ((w = hash_seq_search(&seq)) != NULL)
	{
		w->probe_due = true;
		w->retry_at = 0;
	}
}

static void
launcher_round(Launcher *l, bool reloaded)
{
	TimestampTz now = GetCurrentTimestamp();
	HASH_SEQ_STATUS seq;
	Watched    *w;

	l->wake_at = TimestampTzPlusMilliseconds(now, ROUND_MS);
	l->starting = 0;
	list_databases(l);
	take_probe_requests(l, reloaded, now);
	hash_seq_init(&seq, l->databases);
	while ((w = hash_seq_search(&seq)) != NULL)
	{
		if (w->seen)
			tend_database(l, w, now);
		else
			forget_database(l, w);
	}
}

static Launcher *
make_launcher(void)
{
	Launcher   *l = MemoryContextAllocZero(TopMemoryContext, sizeof(Launcher));
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(Watched);
	l->databases = hash_create("pg_converge databases", 32, &ctl,
							   HASH_ELEM | HASH_BLOBS);
	l->round = AllocSetContextCreate(TopMemoryContext, "pg_converge launcher round",
									 ALLOCSET_DEFAULT_SIZES);
	return l;
}

void
cvg_launcher_main(Datum arg)
{
	Launcher   *l;
	bool		reloaded = false;

	cvg_worker_start(InvalidOid);
	before_shmem_exit(launcher_exit, (Datum) 0);
	LWLockAcquire(&cvg_shared->lock, LW_EXCLUSIVE);
	cvg_shared->launcher_pid = MyProcPid;
	cvg_shared->launcher_latch = MyLatch;
	LWLockRelease(&cvg_shared->lock);
	l = make_launcher();

	for (;;)
	{
		TimestampTz now;

		MemoryContextSwitchTo(l->round);
		launcher_round(l, reloaded);
		MemoryContextSwitchTo(TopMemoryContext);
		MemoryContextReset(l->round);
		pgstat_report_stat(true);

		now = GetCurrentTimestamp();
		cvg_worker_wait(Max(TimestampDifferenceMilliseconds(now, l->wake_at), 10),
						CVG_WAIT_LAUNCHER_MAIN);
		reloaded = cvg_worker_reload();
	}
}
