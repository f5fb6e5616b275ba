/*-------------------------------------------------------------------------
 *
 * node.c
 *	  node_info(), wait_for_sync(), peer_pause(), peer_resume(),
 *	  forget_peer().
 *
 * wait_for_sync() bumps CvgDb.kick, whereupon every long poll that peers have
 * open here is answered at once; their next requests carry fresh reports: how
 * much they have of ours (the acknowledgement) and their own last seq.  When
 * each report made after the kick covers what we had committed, and we have
 * what it announced, both directions are done.
 *
 * peer_pause() and peer_resume() write converge.peer_state; the change takes
 * effect in shared memory when the transaction commits.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "core/peers.h"
#include "core/wire.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "guc.h"
#include "lib/stringinfo.h"
#include "shmem.h"
#include "store/changelog.h"
#include "store/xactlog.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "wait_event.h"

#define NODE_INFO_COLUMNS	8

/* ----------------------------------------------------------------
 *		node_info
 * ----------------------------------------------------------------
 */

static Datum
clock_datum(CvgSlice clock)
{
	bytea	   *v = palloc(VARHDRSZ + clock.len);

	SET_VARSIZE(v, VARHDRSZ + clock.len);
	memcpy(VARDATA(v), clock.data, clock.len);
	return PointerGetDatum(v);
}

CVG_FUNCTION(node_info)
{
	CvgDb	   *db = cvg_db();
	TupleDesc	tupdesc;
	Datum		values[NODE_INFO_COLUMNS];
	bool		nulls[NODE_INFO_COLUMNS] = {false};
	int64		last_seq;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	LWLockAcquire(&db->commit_lock, LW_SHARED);
	last_seq = db->last_committed_seq;
	LWLockRelease(&db->commit_lock);
	values[0] = CStringGetTextDatum(db->node_name);
	values[1] = CStringGetTextDatum(db->replica_id);
	values[2] = Int64GetDatum(last_seq);
	values[3] = clock_datum(cvg_progress_clock(db));
	values[4] = clock_datum(cvg_horizon_clock(db, NULL));
	values[5] = clock_datum(cvg_stable_clock(db));
	values[6] = TimestampTzGetDatum((TimestampTz) pg_atomic_read_u64(&db->hlc));
	values[7] = CStringGetTextDatum(CVG_VERSION);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

/* ----------------------------------------------------------------
 *		wait_for_sync
 * ----------------------------------------------------------------
 */

typedef struct SyncTarget
{
	int64		own_seq;		/* peers must have this of ours */
	uint64		kick;			/* reports must be made after this */
	TimestampTz since;			/* answers to us must be newer than this */
} SyncTarget;

typedef struct SyncState
{
	int			reachable;
	int			behind;
	StringInfoData who;			/* for the error's detail */
} SyncState;

/* What we have of a replica; the caller holds db->lock. */
static int64
progress_of(CvgDb *db, const char *replica_id)
{
	CvgOriginSlot *slot = cvg_origin_slot_by_name(db, cvg_slice_cstring(replica_id));

	return slot ? slot->seq : 0;
}

static int
own_index(CvgDb *db)
{
	int			i;

	for (i = 0; i < db->norigins; i++)
	{
		if (db->origins[i].id == db->origin)
			return i;
	}
	return -1;
}

static CvgMemberSlot *
member_by_replica(CvgDb *db, const char *replica_id)
{
	int			i;

	for (i = 0; i < CVG_MAX_MEMBERS; i++)
	{
		if (db->members[i].in_use && strcmp(db->members[i].replica_id, replica_id) == 0)
			return &db->members[i];
	}
	return NULL;
}

static void
note_behind(SyncState *state, const char *name, const char *what)
{
	if (state->behind++ > 0)
		appendStringInfoString(&state->who, ", ");
	appendStringInfo(&state->who, "\"%s\" (%s)", name, what);
}

/* Members that pull from us: do they have ours, and we theirs? */
static void
look_at_members(CvgDb *db, const SyncTarget *target, SyncState *state)
{
	int			own = own_index(db);
	int			i;

	for (i = 0; i < CVG_MAX_MEMBERS; i++)
	{
		CvgMemberSlot *m = &db->members[i];

		if (!m->in_use || m->server_pid == 0)
			continue;
		state->reachable++;
		if (m->kick_answered < target->kick)
			note_behind(state, m->node_name, "has not answered yet");
		else if (own >= 0 && m->progress[own] < target->own_seq)
			note_behind(state, m->node_name, "has not taken everything from here");
		else if (progress_of(db, m->replica_id) < m->last_seq)
			note_behind(state, m->node_name, "has more than is applied here");
	}
}

/* Peers that we pull from and that do not pull from us. */
static void
look_at_peers(CvgDb *db, const SyncTarget *target, SyncState *state)
{
	int			i;

	for (i = 0; i < CVG_MAX_PEERS; i++)
	{
		CvgPeerSlot *p = &db->peers[i];
		CvgMemberSlot *m;

		if (!p->in_use || p->paused || p->state != CVG_PEER_STREAMING)
			continue;
		m = member_by_replica(db, p->replica_id);
		if (m != NULL && m->server_pid != 0)
			continue;			/* looked at above */
		state->reachable++;
		if (p->last_contact < target->since)
			note_behind(state, p->name, "has not answered yet");
		else if (progress_of(db, p->replica_id) < p->head_seq)
			note_behind(state, p->name, "has more than is applied here");
	}
}

/* Tell about configured peers that were not waited for. */
static void
report_unreachable(CvgDb *db)
{
	char		names[CVG_MAX_PEERS][CVG_NAME_LEN];
	bool		paused[CVG_MAX_PEERS];
	int			n = 0;
	int			i;

	LWLockAcquire(&db->lock, LW_SHARED);
	for (i = 0; i < CVG_MAX_PEERS; i++)
	{
		CvgPeerSlot *p = &db->peers[i];
		CvgMemberSlot *m;

		if (!p->in_use)
			continue;
		m = p->replica_id[0] ? member_by_replica(db, p->replica_id) : NULL;
		if (!p->paused && (p->state == CVG_PEER_STREAMING || (m && m->server_pid != 0)))
			continue;
		strlcpy(names[n], p->name, CVG_NAME_LEN);
		paused[n++] = p->paused;
	}
	LWLockRelease(&db->lock);
	for (i = 0; i < n; i++)
	{
		if (paused[i])
			ereport(NOTICE, (errmsg("peer \"%s\" is paused", names[i])));
		else
			ereport(NOTICE, (errmsg("peer \"%s\" is not reachable", names[i])));
	}
}

static void
look_around(CvgDb *db, const SyncTarget *target, SyncState *state)
{
	MemoryContext old = CurrentMemoryContext;

	state->reachable = state->behind = 0;
	resetStringInfo(&state->who);
	/* room for everything that may be appended: no allocation under the lock */
	enlargeStringInfo(&state->who, (CVG_MAX_MEMBERS + CVG_MAX_PEERS) * (CVG_NAME_LEN + 64));
	LWLockAcquire(&db->lock, LW_SHARED);
	look_at_members(db, target, state);
	look_at_peers(db, target, state);
	LWLockRelease(&db->lock);
	Assert(old == CurrentMemoryContext);
	(void) old;
}

static SyncTarget
begin_sync(CvgDb *db)
{
	SyncTarget	target;

	LWLockAcquire(&db->commit_lock, LW_SHARED);
	target.own_seq = db->last_committed_seq;
	LWLockRelease(&db->commit_lock);
	target.since = GetCurrentTimestamp();
	target.kick = pg_atomic_add_fetch_u64(&db->kick, 1);
	ConditionVariableBroadcast(&db->changed);
	return target;
}

CVG_FUNCTION(wait_for_sync)
{
	Interval   *timeout = PG_GETARG_INTERVAL_P(0);
	CvgDb	   *db = cvg_db();
	TimestampTz deadline;
	SyncTarget	target;
	SyncState	state;

	if (cvg_xactlog_pending())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot wait for peers in a transaction that has changed replicated tables"),
				 errhint("Its changes are sent when it commits: call converge.wait_for_sync() after that.")));
	deadline = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
													   TimestampTzGetDatum(GetCurrentTimestamp()),
													   IntervalPGetDatum(timeout)));
	initStringInfo(&state.who);
	target = begin_sync(db);
	ConditionVariablePrepareToSleep(&db->changed);
	for (;;)
	{
		long		left;

		look_around(db, &target, &state);
		if (state.behind == 0)
			break;
		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
		if (left <= 0)
			break;
		ConditionVariableTimedSleep(&db->changed, Min(left, 100),
									cvg_wait_event(CVG_WAIT_SYNC));
	}
	ConditionVariableCancelSleep();
	if (state.behind > 0)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("timeout while waiting for peers"),
				 errdetail("Still waiting for %s.", state.who.data),
				 errhint("See converge.stat_peers.")));
	report_unreachable(db);
	PG_RETURN_BOOL(state.reachable > 0);
}

/* ----------------------------------------------------------------
 *		peer_pause, peer_resume, forget_peer
 * ----------------------------------------------------------------
 */

/* Changes of this transaction that commit makes effective. */
static int	npending = 0;
static struct
{
	char		name[CVG_NAME_LEN];
	bool		paused;
}			pending[CVG_MAX_PEERS];
static bool wake_manager = false;
static bool callback_registered = false;

static void
node_xact_callback(XactEvent event, void *arg)
{
	CvgDb	   *db;
	int			i;
	int			j;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	if (event == XACT_EVENT_COMMIT && (npending > 0 || wake_manager) &&
		(db = cvg_db_find(MyDatabaseId)) != NULL)
	{
		LWLockAcquire(&db->lock, LW_EXCLUSIVE);
		for (i = 0; i < npending; i++)
		{
			for (j = 0; j < CVG_MAX_PEERS; j++)
			{
				if (db->peers[j].in_use && strcmp(db->peers[j].name, pending[i].name) == 0)
					db->peers[j].paused = pending[i].paused;
			}
		}
		LWLockRelease(&db->lock);
		ConditionVariableBroadcast(&db->changed);
		cvg_wake_manager(db);
	}
	npending = 0;
	wake_manager = false;
}

static void
register_callback(void)
{
	if (!callback_registered)
		RegisterXactCallback(node_xact_callback, NULL);
	callback_registered = true;
}

/* Run a statement on our tables, as superuser, with one or two text arguments. */
static uint64
run_as_superuser(const char *sql, const char *name, bool flag, bool with_flag)
{
	Oid			types[2] = {TEXTOID, BOOLOID};
	Datum		values[2];
	Oid			save_user;
	int			save_context;
	uint64		processed;

	values[0] = CStringGetTextDatum(name);
	values[1] = BoolGetDatum(flag);
	GetUserIdAndSecContext(&save_user, &save_context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   save_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	SPI_connect();
	if (SPI_execute_with_args(sql, with_flag ? 2 : 1, types, values, NULL, false, 0) < 0)
		elog(ERROR, "could not run a statement on the tables of pg_converge");
	processed = SPI_processed;
	SPI_finish();
	SetUserIdAndSecContext(save_user, save_context);
	return processed;
}

/* ERROR unless converge.peers has an entry of that name. */
static void
check_peer_name(const char *name)
{
	CvgPeerSpec *peers = NULL;
	int			npeers = 0;
	bool		found = false;
	int			i;

	if (cvg_peers != NULL && cvg_peers_parse(cvg_peers, &peers, &npeers, NULL) == CVG_OK)
	{
		for (i = 0; i < npeers; i++)
			found = found || strcmp(peers[i].name, name) == 0;
		cvg_peers_free(peers, npeers);
	}
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no peer \"%s\"", name),
				 errhint("The names are those in converge.peers; see converge.stat_peers.")));
}

static void
set_paused(const char *name, bool paused)
{
	cvg_db();
	check_peer_name(name);
	register_callback();
	if (npending >= CVG_MAX_PEERS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many peers paused or resumed in one transaction")));
	run_as_superuser("INSERT INTO converge.peer_state AS p (name, paused) VALUES ($1, $2) "
					 "ON CONFLICT (name) DO UPDATE SET paused = EXCLUDED.paused",
					 name, paused, true);
	strlcpy(pending[npending].name, name, CVG_NAME_LEN);
	pending[npending++].paused = paused;
}

CVG_FUNCTION(peer_pause)
{
	set_paused(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);
	PG_RETURN_VOID();
}

CVG_FUNCTION(peer_resume)
{
	set_paused(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	PG_RETURN_VOID();
}

/* Is a member of that node name in touch with us, either way? */
static bool
member_is_connected(CvgDb *db, const char *node_name)
{
	bool		connected = false;
	int			i;
	int			j;

	LWLockAcquire(&db->lock, LW_SHARED);
	for (i = 0; i < CVG_MAX_MEMBERS; i++)
	{
		CvgMemberSlot *m = &db->members[i];

		if (!m->in_use || strcmp(m->node_name, node_name) != 0)
			continue;
		connected = connected || m->server_pid != 0;
		for (j = 0; j < CVG_MAX_PEERS; j++)
			connected = connected ||
				(db->peers[j].in_use && db->peers[j].state == CVG_PEER_STREAMING &&
				 strcmp(db->peers[j].replica_id, m->replica_id) == 0);
	}
	LWLockRelease(&db->lock);
	return connected;
}

/*
 * The manager reads converge.members, marks the member's slot forgotten, and
 * gossip spreads the obituary.
 */
CVG_FUNCTION(forget_peer)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	CvgDb	   *db = cvg_db();

	if (strcmp(name, db->node_name) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a node cannot forget itself")));
	if (member_is_connected(db, name))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("node \"%s\" is connected", name),
				 errhint("Remove it from converge.peers everywhere and stop it first.")));
	register_callback();
	if (run_as_superuser("UPDATE converge.members SET forgotten = true WHERE node_name OPERATOR(pg_catalog.=) $1",
						 name, false, false) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no node \"%s\" is known", name),
				 errhint("See converge.hints for the nodes heard of.")));
	wake_manager = true;
	PG_RETURN_VOID();
}
