/*-------------------------------------------------------------------------
 *
 * serve.c
 *	  converge.hello(): a peer introduces itself.  Who may talk to us.
 *
 * The backend of a peer's connection keeps, in its own memory, who it
 * serves; hello() comes first and starts afresh.  In the member's slot stand
 * our pid and the peer's boot id for as long as the backend lives, which is
 * how a second node with the same replica id is noticed: two nodes that
 * differ in boot id cannot both be alive.  A peer that was restarted has
 * another boot id too, so the older connection only counts while it was used
 * in the last few seconds.
 *
 * A peer that has entries of ours which we do not have knows our future: this
 * database was restored from an older state.  We refuse it and have the
 * manager make a new incarnation; the peer finds the same and refuses us.
 * Until then nobody is served: a peer that does not know our future would take
 * what we write now for it.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "core/incarnation.h"
#include "guc.h"
#include "storage/ipc.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"
#include "wait_event.h"
#include "worker/serve.h"

/* A connection that was used within the heartbeat and this is alive. */
#define ALIVE_MS		2000

/* How long a connection without a client may take to notice that. */
#define DEAD_CLIENT_MS	1000

/* How long a peer waits for the manager's successor. */
#define MANAGER_WAIT_MS 3000

CvgServing	cvg_serving;

static CvgDb *serving_db = NULL;
static Oid	serving_dboid = InvalidOid;

void
cvg_report_bad_request(const char *what, CvgStatus status, uint32 protocol)
{
	if (status == CVG_E_VERSION && protocol != CVG_PROTOCOL_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("protocol version %u is not supported", protocol),
				 errdetail("This node speaks version %d.", CVG_PROTOCOL_VERSION),
				 errhint("Install the same major version of pg_converge on all nodes.")));
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("invalid %s", what),
			 errdetail("Reason: %s.", cvg_status_message(status))));
}

/* What of a database decides whether it serves peers. */
static void
look_at_manager(CvgDb *db, bool *wanted, bool *running)
{
	LWLockAcquire(&db->lock, LW_SHARED);
	*wanted = db->manager_wanted || db->dboid != MyDatabaseId;
	*running = db->manager_pid != 0 && db->dboid == MyDatabaseId;
	LWLockRelease(&db->lock);
}

/* A manager that ended because of changed settings is back in a moment. */
static void
await_manager(CvgDb *db, bool *wanted, bool *running)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   MANAGER_WAIT_MS);

	look_at_manager(db, wanted, running);
	while (*wanted && !*running && GetCurrentTimestamp() < deadline)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 20, cvg_wait_event(CVG_WAIT_ATTACH));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		look_at_manager(db, wanted, running);
	}
}

void
cvg_check_serving(CvgDb *db, bool await)
{
	bool		wanted;
	bool		running;

	if (await)
		await_manager(db, &wanted, &running);
	else
		look_at_manager(db, &wanted, &running);

	/* DROP DATABASE and its like wait for this session to go */
	if (!wanted)
		ereport(FATAL,
				(errcode(ERRCODE_ADMIN_SHUTDOWN),
				 errmsg("terminating connection of a peer because a command needs the database alone")));
	if (await && !running)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pg_converge does not run in this database at the moment"),
				 errhint("Look for messages of \"pg_converge manager\" in the server log.")));
	if (!db->ready || db->claimed_seq != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this node is getting a new replica id")));
}

/* The member's slot if it still is the one that we entered. */
static CvgMemberSlot *
my_member(CvgDb *db)
{
	CvgMemberSlot *slot = &db->members[cvg_serving.member];

	if (!slot->in_use || strcmp(slot->node_name, cvg_serving.node_name) != 0)
		return NULL;
	return slot;
}

static void
serving_exit(int code, Datum arg)
{
	CvgMemberSlot *slot;

	if (!cvg_serving.greeted || serving_db->dboid != serving_dboid)
		return;
	LWLockAcquire(&serving_db->lock, LW_EXCLUSIVE);
	slot = my_member(serving_db);
	if (slot != NULL && slot->server_pid == MyProcPid)
		slot->server_pid = 0;
	LWLockRelease(&serving_db->lock);
}

/* Does another backend serve somebody else of this replica id? */
static bool
served_elsewhere(CvgDb *db, const CvgHello *hello)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		other = false;
	int			i;

	LWLockAcquire(&db->lock, LW_SHARED);
	for (i = 0; i < CVG_MAX_MEMBERS && !other; i++)
	{
		CvgMemberSlot *m = &db->members[i];

		other = m->in_use && m->server_pid != 0 && m->server_pid != MyProcPid &&
			m->boot_id != 0 && m->boot_id != hello->boot_id &&
			cvg_slice_eq(hello->replica_id, cvg_slice_cstring(m->replica_id)) &&
			!TimestampDifferenceExceeds(m->pulled_at, now, cvg_heartbeat_interval_ms + ALIVE_MS);
	}
	LWLockRelease(&db->lock);
	return other;
}

/*
 * The same, but after a while in which a connection of which only our end is
 * left is found out: when its long poll is answered.
 */
static bool
served_elsewhere_still(CvgDb *db, const CvgHello *hello)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   DEAD_CLIENT_MS);

	if (!served_elsewhere(db, hello))
		return false;
	pg_atomic_fetch_add_u64(&db->kick, 1);
	ConditionVariableBroadcast(&db->changed);
	while (served_elsewhere(db, hello))
	{
		if (GetCurrentTimestamp() >= deadline)
			return true;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 10, cvg_wait_event(CVG_WAIT_PULL));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return false;
}

/* ERROR if somebody else is alive under this replica id. */
static void
check_duplicate(CvgDb *db, const CvgHello *hello)
{
	bool		self = cvg_slice_eq(hello->replica_id, cvg_slice_cstring(db->replica_id));

	if (!self && !served_elsewhere_still(db, hello))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("replica id \"%.*s\" is in use by %s",
					(int) hello->replica_id.len, (const char *) hello->replica_id.data,
					!self ? "another node" :
					hello->boot_id == db->boot_id ? "this very node" : "this node"),
			 self && hello->boot_id == db->boot_id ?
			 errhint("A node must not be its own peer under another name.") :
			 errhint("Give each node its own converge.node_name.")));
}

bool
cvg_note_claim(CvgDb *db, CvgSlice progress, int64 *claimed, int64 *last_seq)
{
	bool		result;

	LWLockAcquire(&db->commit_lock, LW_SHARED);
	*last_seq = db->last_seq;
	LWLockRelease(&db->commit_lock);
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	*claimed = cvg_vclock_get(progress, cvg_slice_cstring(db->replica_id));
	result = db->ready && cvg_past_is_claimed(*claimed, *last_seq, db->claimed_seq);
	if (result)
		*claimed = db->claimed_seq = Max(db->claimed_seq, *claimed);
	LWLockRelease(&db->lock);
	if (result)
		cvg_wake_manager(db);
	return result;
}

void
cvg_check_claim(CvgDb *db, CvgSlice progress)
{
	int64		last_seq;
	int64		claimed;

	if (!cvg_note_claim(db, progress, &claimed, &last_seq))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("node \"%s\" does not have its own entries up to " INT64_FORMAT,
					db->node_name, claimed),
			 errdetail("It has them up to " INT64_FORMAT " only; it was restored from an older state.",
					   last_seq),
			 errhint("It goes on with a new replica id by itself.")));
}

static void
warn_of_clock(const CvgHello *hello)
{
	int64		skew_us = hello->now - GetCurrentTimestamp();

	if (Max(skew_us, -skew_us) <= (int64) cvg_max_clock_skew_ms * 1000)
		return;
	ereport(LOG,
			(errmsg("the clock of node \"%.*s\" is %.3f s %s ours",
					(int) hello->node_name.len, (const char *) hello->node_name.data,
					(double) Max(skew_us, -skew_us) / USECS_PER_SEC,
					skew_us > 0 ? "ahead of" : "behind"),
			 errhint("Check the clocks of both servers; see converge.max_clock_skew.")));
}

/* Enter the peer into its member slot, and remember it. */
static void
begin_serving(CvgDb *db, const CvgHello *hello)
{
	CvgServing *s = &cvg_serving;
	CvgSlice	past;
	CvgMemberSlot *slot;
	static bool registered = false;

	if (!registered)
		before_shmem_exit(serving_exit, (Datum) 0);
	registered = true;
	serving_exit(0, (Datum) 0); /* whoever we served before */
	if (s->descriptors != NULL)
		hash_destroy(s->descriptors);
	past = s->past;
	memset(s, 0, sizeof(*s));
	s->past = past;
	cvg_member_keep_past(&s->past, hello->past);
	serving_db = db;
	serving_dboid = MyDatabaseId;
	memcpy(s->node_name, hello->node_name.data, hello->node_name.len);
	memcpy(s->replica_id, hello->replica_id.data, hello->replica_id.len);
	s->boot_id = hello->boot_id;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	slot = cvg_member_slot(db, hello->node_name);
	if (slot != NULL)
	{
		s->member = slot - db->members;
		slot->server_pid = MyProcPid;
		slot->boot_id = hello->boot_id;
		slot->pulled_at = GetCurrentTimestamp();
	}
	LWLockRelease(&db->lock);
	s->greeted = slot != NULL;
}

static CvgSlice
hello_argument(FunctionCallInfo fcinfo)
{
	bytea	   *arg = PG_GETARG_BYTEA_PP(0);

	return cvg_slice(VARDATA_ANY(arg), VARSIZE_ANY_EXHDR(arg));
}

static Datum
answer(CvgDb *db)
{
	CvgReport	self;
	CvgHello	hello = {0};
	CvgBuf		buf;
	bytea	   *result;

	cvg_member_own_report(db, &self);
	hello.protocol = CVG_PROTOCOL_VERSION;
	hello.node_name = self.node_name;
	hello.replica_id = self.replica_id;
	hello.boot_id = db->boot_id;
	hello.now = GetCurrentTimestamp();
	hello.last_seq = self.last_seq;
	hello.progress = self.progress;
	hello.past = cvg_past_clock(db);
	hello.version = cvg_slice_cstring(CVG_VERSION);
	cvg_buf_init(&buf);
	cvg_hello_encode(&hello, &buf);
	result = palloc(VARHDRSZ + buf.len);
	SET_VARSIZE(result, VARHDRSZ + buf.len);
	memcpy(VARDATA(result), buf.data, buf.len);
	return PointerGetDatum(result);
}

CVG_FUNCTION(hello)
{
	CvgDb	   *db = cvg_db();
	CvgHello	hello;
	CvgError	err;
	CvgStatus	status = cvg_hello_decode(hello_argument(fcinfo), &hello, &err);

	if (status != CVG_OK)
		cvg_report_bad_request("greeting", status, hello.protocol);
	cvg_check_serving(db, true);
	check_duplicate(db, &hello);
	cvg_check_claim(db, hello.progress);
	if (cvg_slice_eq(hello.node_name, cvg_slice_cstring(db->node_name)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("node name \"%s\" is in use by this node", db->node_name),
				 errhint("Give each node its own converge.node_name.")));
	warn_of_clock(&hello);
	cvg_member_admit(db, hello.node_name, hello.replica_id, hello.progress,
					 hello.past, NULL);
	begin_serving(db, &hello);
	return answer(db);
}
