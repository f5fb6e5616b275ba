/*-------------------------------------------------------------------------
 *
 * manager.c
 *	  The process that runs pg_converge in one database.
 *
 * It makes sure of the node's identity, keeps the stamp ceiling ahead, starts
 * and watches one receiver per entry of converge.peers, and does the
 * housekeeping (janitor.c).
 *
 * Settings.  A session does not see a later ALTER DATABASE SET, so the
 * manager looks at pg_db_role_setting itself, at the latest every five
 * seconds, and ends when something of ours has changed there; the launcher
 * starts the next one at once.  At its start it applies these settings once
 * more, from the same snapshot that it remembers, so that no change falls
 * between.  postgresql.conf is reloaded in place; a changed list of peers
 * stops and starts just the receivers concerned.
 *
 * Receivers belong to the manager that started them: it stops them when it
 * ends, however that happens, and a new manager does not start a receiver
 * for a peer whose old one is still there.
 *
 * When the extension or the node name is missing the manager gives the
 * database's slot back and ends; somebody has to ask the launcher to have
 * another look (launcher.c).
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_db_role_setting.h"
#include "common/hashfn.h"
#include "core/peers.h"
#include "guc.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "store/identity.h"
#include "store/meta.h"
#include "store/sql.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker/janitor.h"
#include "worker/members.h"
#include "worker/worker_main.h"

#define TURN_MS				500		/* length of a turn when nothing happens */
#define CHECK_MS			5000	/* settings and extension are looked at so often */
#define CHECK_GAP_MS		200		/* but, when we are woken, not more often than this */
#define RESTART_GAP_MS		500		/* after a receiver that ended without an error */
#define NO_SLOT_RETRY_MS	5000

/* What the manager keeps of a peer besides its shared slot. */
typedef struct Receiver
{
	BackgroundWorkerHandle *handle; /* NULL if none runs */
	bool		configured;		/* in converge.peers */
} Receiver;

typedef struct Manager
{
	CvgDb	   *db;
	Oid			dboid;
	uint64		settings;		/* hash of ours in pg_db_role_setting */
	TimestampTz checked_at;
	bool		woken;			/* since then */
	TimestampTz wake_at;		/* next thing to do */
	Receiver	receivers[CVG_MAX_PEERS];
} Manager;

static Manager manager;			/* for the exit callback too */

/* ----------------------------------------------------------------
 *		Settings
 * ----------------------------------------------------------------
 */

/* Hash of our settings in one row of pg_db_role_setting. */
static uint64
hash_settings(Relation rel, HeapTuple tuple)
{
	uint64		hash = 0;
	bool		isnull;
	Datum		value = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig,
									 RelationGetDescr(rel), &isnull);
	Datum	   *elems;
	int			nelems;
	int			i;

	if (isnull)
		return 0;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT,
					  &elems, NULL, &nelems);
	for (i = 0; i < nelems; i++)
	{
		char	   *setting = TextDatumGetCString(elems[i]);

		if (pg_strncasecmp(setting, "converge.", 9) == 0)
			hash += DatumGetUInt64(hash_any_extended((unsigned char *) setting,
													 (int) strlen(setting), 0));
	}
	return hash;
}

/* Hash of all that apply to us: of this database or all, of our role or all. */
static uint64
look_at_settings(Relation rel, Snapshot snapshot)
{
	Oid			databases[2] = {MyDatabaseId, InvalidOid};
	Oid			roles[2] = {GetSessionUserId(), InvalidOid};
	uint64		hash = 0;
	int			i;

	for (i = 0; i < 4; i++)
	{
		ScanKeyData keys[2];
		SysScanDesc scan;
		HeapTuple	tuple;

		ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase,
					BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(databases[i / 2]));
		ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole,
					BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(roles[i % 2]));
		scan = systable_beginscan(rel, DbRoleSettingDatidRolidIndexId, true,
								  snapshot, 2, keys);
		while (HeapTupleIsValid(tuple = systable_getnext(scan)))
			hash = hash_combine64(hash, hash_settings(rel, tuple) + i + 1);
		systable_endscan(scan);
	}
	return hash;
}

/* Apply them, and remember what they were; in the order of their precedence. */
static void
take_settings(Manager *m)
{
	Relation	rel = table_open(DbRoleSettingRelationId, AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetCatalogSnapshot(DbRoleSettingRelationId));

	ApplySetting(snapshot, InvalidOid, InvalidOid, rel, PGC_S_GLOBAL);
	ApplySetting(snapshot, MyDatabaseId, InvalidOid, rel, PGC_S_DATABASE);
	ApplySetting(snapshot, InvalidOid, GetSessionUserId(), rel, PGC_S_USER);
	ApplySetting(snapshot, MyDatabaseId, GetSessionUserId(), rel, PGC_S_DATABASE_USER);
	m->settings = look_at_settings(rel, snapshot);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
}

static bool
settings_changed(Manager *m)
{
	Relation	rel = table_open(DbRoleSettingRelationId, AccessShareLock);
	uint64		now = look_at_settings(rel, NULL);

	table_close(rel, AccessShareLock);
	return now != m->settings;
}

static bool
has_node_name(void)
{
	return cvg_node_name != NULL && cvg_node_name[0] != '\0';
}

/* ----------------------------------------------------------------
 *		Beginning and end
 * ----------------------------------------------------------------
 */

static void
manager_exit(int code, Datum arg)
{
	Manager    *m = &manager;
	int			i;

	for (i = 0; i < CVG_MAX_PEERS; i++)
	{
		if (m->receivers[i].handle != NULL)
			TerminateBackgroundWorker(m->receivers[i].handle);
	}

	/* a slot that was given back may have another database by now */
	if (m->db->dboid != m->dboid)
		return;
	LWLockAcquire(&m->db->lock, LW_EXCLUSIVE);
	if (m->db->manager_pid == MyProcPid)
	{
		m->db->manager_pid = 0;
		m->db->manager_latch = NULL;
	}
	LWLockRelease(&m->db->lock);
	ConditionVariableBroadcast(&m->db->changed);
}

/* Become the manager; false if there is one, or none is wanted. */
static bool
take_office(Manager *m)
{
	CvgDb	   *db = cvg_db_acquire(m->dboid);
	bool		taken = false;

	m->db = db;
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	if (db->manager_pid == 0 && db->manager_wanted)
	{
		db->manager_pid = MyProcPid;
		db->manager_latch = MyLatch;
		taken = true;
	}
	LWLockRelease(&db->lock);
	if (taken)
		before_shmem_exit(manager_exit, (Datum) 0);
	return taken;
}

/* End because the next manager does better; the launcher shall not hesitate. */
static void
end_for_restart(Manager *m, const char *why)
{
	LWLockAcquire(&m->db->lock, LW_EXCLUSIVE);
	m->db->manager_retry_at = GetCurrentTimestamp();
	LWLockRelease(&m->db->lock);
	ereport(LOG,
			(errmsg("pg_converge manager ends because %s", why)));
	proc_exit(0);
}

/* End because there is nothing to do here. */
static void
end_for_good(Manager *m)
{
	CvgDb	   *db = cvg_db_find(m->dboid);
	int			i;

	/* receivers write to the slot until they are gone */
	for (i = 0; i < CVG_MAX_PEERS; i++)
	{
		if (m->receivers[i].handle != NULL)
		{
			TerminateBackgroundWorker(m->receivers[i].handle);
			(void) WaitForBackgroundWorkerShutdown(m->receivers[i].handle);
			m->receivers[i].handle = NULL;
		}
	}
	if (db != NULL)
	{
		cvg_db_release(m->dboid);
		ConditionVariableBroadcast(&db->changed);
	}
	proc_exit(0);
}

/* ----------------------------------------------------------------
 *		Peers
 * ----------------------------------------------------------------
 */

static uint64
hash_string(const char *s)
{
	return DatumGetUInt64(hash_any_extended((const unsigned char *) s, (int) strlen(s), 0));
}

/* Index of a peer's slot, a new one if it has none; -1 when all are taken. */
static int
peer_index(CvgDb *db, const char *name)
{
	int			vacant = -1;
	int			i;

	for (i = 0; i < CVG_MAX_PEERS; i++)
	{
		if (db->peers[i].in_use && strcmp(db->peers[i].name, name) == 0)
			return i;
		if (vacant < 0 && !db->peers[i].in_use && db->peers[i].pid == 0)
			vacant = i;
	}
	if (vacant >= 0)
	{
		memset(&db->peers[vacant], 0, sizeof(CvgPeerSlot));
		db->peers[vacant].in_use = true;
		strlcpy(db->peers[vacant].name, name, CVG_NAME_LEN);
	}
	return vacant;
}

static void
stop_receiver(Manager *m, int i)
{
	if (m->receivers[i].handle != NULL)
		TerminateBackgroundWorker(m->receivers[i].handle);
}

/* One entry of converge.peers. */
static void
configure_peer(Manager *m, const CvgPeerSpec *spec)
{
	CvgDb	   *db = m->db;
	uint64		hash = hash_string(spec->conninfo);
	bool		changed = false;
	int			i;

	if (strcmp(spec->name, cvg_node_name) == 0)
		return;
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	i = peer_index(db, spec->name);
	if (i >= 0)
	{
		changed = db->peers[i].conninfo_hash != hash;
		db->peers[i].conninfo_hash = hash;
		if (changed)
		{
			db->peers[i].retry_at = 0;
			db->peers[i].failures = 0;
		}
	}
	LWLockRelease(&db->lock);
	if (i < 0)
		return;					/* until an old slot's receiver has ended */
	m->receivers[i].configured = true;
	if (changed)
		stop_receiver(m, i);
	cvg_member_expect(db, spec->name);
}

static void
configure_peers(Manager *m)
{
	CvgPeerSpec *specs = NULL;
	int			nspecs = 0;
	CvgError	err;
	int			i;

	for (i = 0; i < CVG_MAX_PEERS; i++)
		m->receivers[i].configured = false;

	/* the check hook has seen it, so it parses */
	if (cvg_peers != NULL && cvg_peers_parse(cvg_peers, &specs, &nspecs, &err) == CVG_OK)
	{
		for (i = 0; i < nspecs; i++)
			configure_peer(m, &specs[i]);
		cvg_peers_free(specs, nspecs);
	}
	for (i = 0; i < CVG_MAX_PEERS; i++)
	{
		if (!m->receivers[i].configured)
			stop_receiver(m, i);
	}
}

/* What peer_pause(), peer_resume() and forget_peer() have left. */
static void
read_orders(Manager *m)
{
	CvgDb	   *db = m->db;
	bool		paused[CVG_MAX_PEERS] = {false};
	uint64		n;
	uint64		row;
	int			i;

	cvg_sql_begin();
	cvg_members_load(db);
	n = cvg_sql("SELECT name FROM converge.peer_state WHERE paused", "");
	for (row = 0; row < n; row++)
	{
		char	   *name = cvg_sql_text(row, 1);

		for (i = 0; i < CVG_MAX_PEERS; i++)
		{
			if (strcmp(db->peers[i].name, name) == 0)
				paused[i] = true;
		}
	}
	cvg_sql_end();

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	for (i = 0; i < CVG_MAX_PEERS; i++)
		db->peers[i].paused = paused[i];
	LWLockRelease(&db->lock);
}

static void
report_no_worker(CvgPeerSlot *slot, TimestampTz now)
{
	slot->state = CVG_PEER_FAILED;
	slot->last_error_at = now;
	slot->retry_at = TimestampTzPlusMilliseconds(now, NO_SLOT_RETRY_MS);
	strlcpy(slot->last_error,
			"no background worker slot is free; increase max_worker_processes",
			CVG_ERROR_LEN);
}

static void
start_receiver(Manager *m, int i)
{
	CvgPeerSlot *slot = &m->db->peers[i];
	TimestampTz now = GetCurrentTimestamp();
	BackgroundWorker worker;
	CvgReceiverArg arg;
	char		name[BGW_MAXLEN];
	MemoryContext old;
	bool		complain;

	memset(&arg, 0, sizeof(arg));
	arg.slot = i;
	strlcpy(arg.name, slot->name, CVG_NAME_LEN);
	snprintf(name, sizeof(name), "pg_converge receiver %s", slot->name);
	cvg_worker_init(&worker, "cvg_receiver_main", "pg_converge receiver", name, m->dboid);
	memcpy(worker.bgw_extra, &arg, sizeof(arg));
	old = MemoryContextSwitchTo(TopMemoryContext);
	if (RegisterDynamicBackgroundWorker(&worker, &m->receivers[i].handle))
	{
		MemoryContextSwitchTo(old);
		return;
	}
	MemoryContextSwitchTo(old);
	m->receivers[i].handle = NULL;
	LWLockAcquire(&m->db->lock, LW_EXCLUSIVE);
	complain = slot->state != CVG_PEER_FAILED;
	report_no_worker(slot, now);
	LWLockRelease(&m->db->lock);
	if (complain)
		ereport(LOG,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("no background worker slot is free to connect to peer \"%s\"",
						arg.name),
				 errhint("Increase max_worker_processes.")));
}

/* What is to be done about a peer. */
typedef enum PeerAction
{
	PEER_LEAVE,
	PEER_START,
	PEER_STOP
} PeerAction;

static PeerAction
decide_peer(Manager *m, int i, TimestampTz now)
{
	CvgPeerSlot *slot = &m->db->peers[i];
	Receiver   *r = &m->receivers[i];
	PeerAction	action = PEER_LEAVE;

	LWLockAcquire(&m->db->lock, LW_EXCLUSIVE);
	if (!slot->in_use)
		 /* nothing */ ;
	else if (!r->configured || slot->paused)
	{
		if (r->handle != NULL)
			action = PEER_STOP;
		else if (slot->pid == 0 && !r->configured)
			memset(slot, 0, sizeof(CvgPeerSlot));
		else if (slot->pid == 0)
			slot->state = CVG_PEER_PAUSED;
	}
	else
	{
		if (slot->state == CVG_PEER_PAUSED)
		{
			slot->state = CVG_PEER_OFF;
			slot->retry_at = 0;
		}
		if (r->handle == NULL && slot->pid == 0 && now >= slot->retry_at)
			action = PEER_START;
		else if (r->handle == NULL)
			m->wake_at = Min(m->wake_at, Max(slot->retry_at, now));
	}
	LWLockRelease(&m->db->lock);
	return action;
}

/* Has the receiver ended?  One that gave no reason is not restarted in haste. */
static void
reap_receiver(Manager *m, int i, TimestampTz now)
{
	Receiver   *r = &m->receivers[i];
	CvgPeerSlot *slot = &m->db->peers[i];
	pid_t		pid;

	if (r->handle == NULL || GetBackgroundWorkerPid(r->handle, &pid) != BGWH_STOPPED)
		return;
	pfree(r->handle);
	r->handle = NULL;
	LWLockAcquire(&m->db->lock, LW_EXCLUSIVE);
	slot->retry_at = Max(slot->retry_at, TimestampTzPlusMilliseconds(now, RESTART_GAP_MS));
	LWLockRelease(&m->db->lock);
}

static void
tend_peers(Manager *m)
{
	TimestampTz now = GetCurrentTimestamp();
	int			i;

	for (i = 0; i < CVG_MAX_PEERS; i++)
	{
		reap_receiver(m, i, now);
		switch (decide_peer(m, i, now))
		{
			case PEER_START:
				start_receiver(m, i);
				break;
			case PEER_STOP:
				stop_receiver(m, i);
				break;
			case PEER_LEAVE:
				break;
		}
	}
}

/* ----------------------------------------------------------------
 *		Main loop
 * ----------------------------------------------------------------
 */

/* Do the extension, our name and our settings stand as they did? */
static void
check_foundations(Manager *m)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		exists;
	bool		changed;

	if (!TimestampDifferenceExceeds(m->checked_at, now,
									m->woken ? CHECK_GAP_MS : CHECK_MS))
		return;
	m->checked_at = now;
	m->woken = false;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	exists = cvg_extension_exists();
	changed = settings_changed(m);
	CommitTransactionCommand();
	if (!exists)
		end_for_good(m);
	if (changed)
		end_for_restart(m, "settings were changed");
	read_orders(m);
}

/* A peer has entries of ours that we do not know: go on as somebody else. */
static void
check_claims(Manager *m)
{
	bool		past_lost;
	int			i;

	LWLockAcquire(&m->db->lock, LW_SHARED);
	past_lost = m->db->claimed_seq > 0;
	LWLockRelease(&m->db->lock);
	if (!past_lost)
		return;
	for (i = 0; i < CVG_MAX_PEERS; i++)
	{
		if (m->receivers[i].handle != NULL)
		{
			TerminateBackgroundWorker(m->receivers[i].handle);
			(void) WaitForBackgroundWorkerShutdown(m->receivers[i].handle);
		}
	}
	cvg_identity_renew(m->db, "a peer has entries of this node that this node has lost");
}

static void
reload(Manager *m)
{
	if (!has_node_name() || strcmp(cvg_node_name, m->db->node_name) != 0)
		end_for_restart(m, "converge.node_name was changed");
	configure_peers(m);
}

static void
turn(Manager *m, bool reloaded)
{
	bool		wanted;

	if (reloaded)
		reload(m);
	LWLockAcquire(&m->db->lock, LW_SHARED);
	wanted = m->db->manager_wanted;
	LWLockRelease(&m->db->lock);
	if (!wanted)
		end_for_restart(m, "somebody needs the database alone");
	check_foundations(m);
	cvg_identity_extend_ceiling(m->db);
	check_claims(m);
	tend_peers(m);
	cvg_janitor_run(m->db);
}

/* Is there anything to do in this database?  Takes its settings. */
static bool
look_around(Manager *m)
{
	bool		exists;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	take_settings(m);
	exists = cvg_extension_exists();
	CommitTransactionCommand();
	return exists && has_node_name();
}

static void
make_ready(Manager *m)
{
	bool		fits;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	fits = cvg_identity_load(m->db);
	CommitTransactionCommand();
	if (!fits)
		cvg_identity_renew(m->db, NULL);
	cvg_identity_extend_ceiling(m->db);
	configure_peers(m);
	read_orders(m);
	m->checked_at = GetCurrentTimestamp();
	ereport(LOG,
			(errmsg("pg_converge: node \"%s\" is ready", m->db->node_name)));
}

void
cvg_manager_main(Datum arg)
{
	Manager    *m = &manager;
	bool		reloaded = false;

	m->dboid = DatumGetObjectId(arg);
	cvg_worker_start(m->dboid);
	if (!look_around(m))
		end_for_good(m);
	cvg_worker_session(false);
	if (!take_office(m))
		proc_exit(0);
	make_ready(m);

	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();

		m->wake_at = TimestampTzPlusMilliseconds(now, TURN_MS);
		turn(m, reloaded);
		Assert(CurrentMemoryContext == TopMemoryContext);
		pgstat_report_stat(false);
		now = GetCurrentTimestamp();
		m->woken |= cvg_worker_wait(Max(TimestampDifferenceMilliseconds(now, m->wake_at), 1),
									CVG_WAIT_MANAGER_MAIN);
		reloaded = cvg_worker_reload();
	}
}
