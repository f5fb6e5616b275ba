/*-------------------------------------------------------------------------
 *
 * receiver.c
 *	  The process that gets a peer's entries and applies them.
 *
 * One turn: request, response, apply.  When the peer has more than fits a
 * response, the next request is sent before the response at hand is applied;
 * its position says where to go on, its progress acknowledges only what is
 * applied and flushed here.  When there is nothing more, the next request
 * follows the application, so that the acknowledgement is prompt; the peer
 * then answers when it has something, at the latest after the heartbeat
 * interval.
 *
 * Whom to ask for what, when to ask ahead, and what does not come though it
 * was asked for: core/links.h.  How often to ask: core/pace.h.
 *
 * Durability.  Commits here are asynchronous.  Every report, and the progress
 * in a request is one, is preceded by a flush of all commits it speaks of
 * (cvg_member_own_report).  A crash before loses commits that nobody was
 * told of; they come again.
 *
 * Errors.  All but the retryable ones (intake.c) end the process: noted in
 * the peer's slot, logged, and the manager starts another after a pause that
 * grows with failures in a row.  So nothing has to be cleaned up by hand,
 * and a leak ends too.  A response that was applied to the end ends the row
 * of failures.  The peer's slot is ours from when we enter our pid until we
 * clear it at exit.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "core/backoff.h"
#include "core/peers.h"
#include "core/wire.h"
#include "guc.h"
#include "mb/pg_wchar.h"
#include "peer/conn.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/apply.h"
#include "worker/intake.h"
#include "worker/members.h"
#include "worker/serve.h"
#include "worker/worker_main.h"

#define RETRY_BASE_MS		200

/* Beyond the long poll, a peer that is alive says something within this. */
#define ANSWER_MS			10000

/* An answer may be longer than what was asked for by one entry. */
#define RESPONSE_SLACK_KB	(16 * 1024)

/* A link is healthy if it brought a response within the heartbeat and this. */
#define HEALTHY_MS			5000

/*
 * So many heartbeats, a minute by default, something may be lacking before the
 * DBA is told.
 */
#define LACK_HEARTBEATS		60

/* The same error again is logged once in so many times. */
#define LOG_EVERY			20

typedef struct Receiver
{
	CvgDb	   *db;
	Oid			dboid;
	int			index;			/* of our slot */
	CvgPeerSlot *slot;
	char		name[CVG_NAME_LEN];
	char	   *conninfo;
	char	   *application_name;
	char		replica_id[CVG_NAME_LEN];	/* the peer's */
	CvgSlice	past;			/* what it brings along, as it greeted */
	CvgConn    *conn;
	CvgConn    *fetch;			/* second connection, once it is needed */
	bool		fetching;		/* a call on it was begun */
	CvgIntake	intake;
	CvgPassedOn passed;
	MemoryContext request_mcxt; /* one request */
	uint64		kick;			/* as of the last request */
	instr_time	asked_at;		/* the last request */
	int			barren;			/* answers in a row with nothing new */
	CvgLack		lack;			/* what the peer should send and does not */
	CvgHead		head;			/* of the response at hand, in the intake's memory */
} Receiver;

static Receiver receiver;		/* for the exit callback too */

/* ----------------------------------------------------------------
 *		The peer's slot
 * ----------------------------------------------------------------
 */

static void
receiver_exit(int code, Datum arg)
{
	Receiver   *r = &receiver;

	if (r->db->dboid != r->dboid)
		return;
	LWLockAcquire(&r->db->lock, LW_EXCLUSIVE);
	if (r->slot->pid == MyProcPid)
	{
		r->slot->pid = 0;
		r->slot->admitted = false;
		r->slot->waiting_origin = 0;
		if (r->slot->state != CVG_PEER_FAILED)
			r->slot->state = CVG_PEER_OFF;
	}
	LWLockRelease(&r->db->lock);
}

/*
 * Is the slot still this peer's, and somebody there who started us?  The
 * caller has CvgDb.lock.
 */
static bool
slot_wants(Receiver *r)
{
	return r->db->dboid == r->dboid && r->db->ready &&
		r->db->manager_pid != 0 && r->slot->in_use && !r->slot->paused &&
		strcmp(r->slot->name, r->name) == 0;
}

static bool
is_wanted(Receiver *r)
{
	bool		wanted;

	LWLockAcquire(&r->db->lock, LW_SHARED);
	wanted = slot_wants(r);
	LWLockRelease(&r->db->lock);
	return wanted;
}

static bool
take_slot(Receiver *r)
{
	bool		taken = false;

	if (r->db == NULL)
		return false;
	LWLockAcquire(&r->db->lock, LW_EXCLUSIVE);
	if (slot_wants(r) && r->slot->pid == 0)
	{
		r->slot->pid = MyProcPid;
		r->slot->state = CVG_PEER_CONNECTING;
		taken = true;
	}
	LWLockRelease(&r->db->lock);
	if (taken)
		before_shmem_exit(receiver_exit, (Datum) 0);
	return taken;
}

/* A response is applied to its end: all is well. */
static void
note_success(Receiver *r)
{
	CvgHead    *head = &r->head;

	LWLockAcquire(&r->db->lock, LW_EXCLUSIVE);
	r->slot->failures = 0;
	r->slot->state = CVG_PEER_STREAMING;
	r->slot->last_contact = GetCurrentTimestamp();
	r->slot->head_now = head->now;
	r->slot->head_seq = cvg_vclock_get(head->progress, cvg_slice_cstring(r->replica_id));
	LWLockRelease(&r->db->lock);
}

/*
 * What the DBA reads of an error: the message, its detail, and what we were at,
 * which names the row.  That is the outermost line of the context; it is there
 * whole, however long the rest is.
 */
static void
error_text(const ErrorData *edata, char *text)
{
	const char *what = edata->context != NULL ? strrchr(edata->context, '\n') : NULL;
	size_t		room = CVG_ERROR_LEN - 1;
	char	   *said = psprintf("%s%s%s", edata->message, edata->detail != NULL ? ": " : "",
								edata->detail != NULL ? edata->detail : "");
	size_t		len = strlen(said);

	what = what != NULL ? what + 1 : edata->context;
	if (what != NULL && strlen(what) + 3 < room / 2)
		room -= strlen(what) + 3;
	else
		what = NULL;
	if (len > room)
		len = pg_mbcliplen(said, (int) len, (int) room);
	if (what != NULL)
		snprintf(text, CVG_ERROR_LEN, "%.*s (%s)", (int) len, said, what);
	else
		snprintf(text, CVG_ERROR_LEN, "%.*s", (int) len, said);
	pfree(said);
}

/*
 * Note an error in the slot, and say whether it should be logged too: what
 * repeats itself, as when a peer is down for days, is logged now and then.
 */
static bool
note_failure(Receiver *r, ErrorData *edata)
{
	char		text[CVG_ERROR_LEN];
	TimestampTz now = GetCurrentTimestamp();
	bool		news;

	error_text(edata, text);
	LWLockAcquire(&r->db->lock, LW_EXCLUSIVE);
	news = strcmp(r->slot->last_error, text) != 0 ||
		r->slot->failures % LOG_EVERY == 0;
	strlcpy(r->slot->last_error, text, CVG_ERROR_LEN);
	r->slot->last_error_at = now;
	r->slot->state = CVG_PEER_FAILED;
	r->slot->failures++;
	r->slot->retry_at = TimestampTzPlusMilliseconds(now,
													cvg_backoff_ms(r->slot->failures, RETRY_BASE_MS,
																   Max(cvg_max_retry_interval_ms, RETRY_BASE_MS),
																   pg_prng_uint32(&pg_global_prng_state)));
	LWLockRelease(&r->db->lock);
	return news;
}

/* ----------------------------------------------------------------
 *		Connecting
 * ----------------------------------------------------------------
 */

/* The conninfo from our own copy of the setting. */
static char *
find_conninfo(const char *name)
{
	CvgPeerSpec *specs;
	int			nspecs;
	CvgError	err;
	char	   *result = NULL;
	int			i;

	if (cvg_peers == NULL || cvg_peers_parse(cvg_peers, &specs, &nspecs, &err) != CVG_OK)
		return NULL;
	for (i = 0; i < nspecs; i++)
	{
		if (strcmp(specs[i].name, name) == 0)
			result = MemoryContextStrdup(TopMemoryContext, specs[i].conninfo);
	}
	cvg_peers_free(specs, nspecs);
	return result;
}

/* How long a call that waits wait_ms at the peer may take to say something. */
static int
answer_timeout(int wait_ms)
{
	return wait_ms + ANSWER_MS;
}

static CvgConn *
open_connection(Receiver *r)
{
	return cvg_conn_open(r->name, r->conninfo, r->application_name,
						 cvg_connect_timeout_s * 1000);
}

/*
 * The peer knows more entries of ours than we do: we come from a backup.  The
 * manager ends us and goes on under another replica id.
 */
static void
check_claim(Receiver *r, CvgSlice progress)
{
	int64		claimed;
	int64		last_seq;

	if (!cvg_note_claim(r->db, progress, &claimed, &last_seq))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("peer \"%s\" has entries of this node that this node does not have", r->name),
			 errdetail("It has them up to " INT64_FORMAT ", we only up to " INT64_FORMAT "; this database was restored from an older state.",
					   claimed, last_seq),
			 errhint("The node goes on with a new replica id by itself.")));
}

/* ERROR if the replica id is ours, or that of a peer that is connected. */
static void
check_duplicate(Receiver *r, const CvgHello *hello)
{
	char		other[CVG_NAME_LEN] = "";
	int			i;

	if (cvg_slice_eq(hello->replica_id, cvg_slice_cstring(r->db->replica_id)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("peer \"%s\" has the same replica id as this node", r->name),
				 errhint("Give each node its own converge.node_name.")));
	LWLockAcquire(&r->db->lock, LW_SHARED);
	for (i = 0; i < CVG_MAX_PEERS; i++)
	{
		CvgPeerSlot *p = &r->db->peers[i];

		if (i != r->index && p->in_use && p->state == CVG_PEER_STREAMING &&
			cvg_slice_eq(hello->replica_id, cvg_slice_cstring(p->replica_id)))
			strlcpy(other, p->name, CVG_NAME_LEN);
	}
	LWLockRelease(&r->db->lock);
	if (other[0] != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("replica id \"%.*s\" of peer \"%s\" is in use by peer \"%s\"",
						(int) hello->replica_id.len, (const char *) hello->replica_id.data,
						r->name, other),
				 errhint("Give each node its own converge.node_name, and each an entry in converge.peers of its own.")));
}

/*
 * Names, identities and text inside of values that merge travel as they are
 * stored, so characters must be the same bytes here and there.
 */
static void
check_encoding(Receiver *r)
{
	const char *theirs = cvg_conn_encoding(r->conn);

	if (theirs != NULL && strcmp(theirs, GetDatabaseEncodingName()) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the database of peer \"%s\" has encoding %s, and this one has %s",
						r->name, theirs, GetDatabaseEncodingName()),
				 errhint("All nodes must have the same encoding; create the database of one of them anew.")));
}

static void
check_hello(Receiver *r, const CvgHello *hello)
{
	int64		skew_us = hello->now - GetCurrentTimestamp();

	check_encoding(r);
	check_duplicate(r, hello);
	if (hello->node_name.len != strlen(r->name) ||
		memcmp(hello->node_name.data, r->name, hello->node_name.len) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("peer \"%s\" is a node with the name \"%.*s\"", r->name,
						(int) hello->node_name.len, (const char *) hello->node_name.data),
				 errhint("Use its converge.node_name in converge.peers, or correct the connection string.")));
	if (Max(skew_us, -skew_us) > (int64) cvg_max_clock_skew_ms * 1000)
		ereport(WARNING,
				(errmsg("the clock of peer \"%s\" is %.3f s %s ours", r->name,
						(double) Max(skew_us, -skew_us) / USECS_PER_SEC,
						skew_us > 0 ? "ahead of" : "behind"),
				 errhint("Check the clocks of both servers; see converge.max_clock_skew.")));
	check_claim(r, hello->progress);
}

static void
say_hello(Receiver *r)
{
	CvgReport	self;
	CvgHello	hello = {0};
	CvgBuf		buf;
	CvgError	err;
	CvgSlice	answer;

	cvg_member_own_report(r->db, &self);
	hello.protocol = CVG_PROTOCOL_VERSION;
	hello.node_name = self.node_name;
	hello.replica_id = self.replica_id;
	hello.boot_id = r->db->boot_id;
	hello.now = GetCurrentTimestamp();
	hello.last_seq = self.last_seq;
	hello.progress = self.progress;
	hello.past = cvg_past_clock(r->db);
	hello.version = cvg_slice_cstring(CVG_VERSION);
	cvg_buf_init(&buf);
	cvg_hello_encode(&hello, &buf);
	cvg_conn_prepare(r->conn, "converge.hello", ANSWER_MS);
	answer = cvg_conn_call(r->conn, "converge.hello", cvg_buf_slice(&buf), ANSWER_MS);
	if (cvg_hello_decode(answer, &hello, &err) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("peer \"%s\" sent an invalid greeting", r->name),
				 err.status == CVG_E_VERSION ?
				 errdetail("It speaks protocol %u, we speak protocol %u.",
						   hello.protocol, CVG_PROTOCOL_VERSION) :
				 errdetail("Reason: %s.", cvg_status_message(err.status))));
	check_hello(r, &hello);
	cvg_member_admit(r->db, hello.node_name, hello.replica_id, hello.progress,
					 hello.past, r->slot);
	cvg_member_keep_past(&r->past, hello.past);

	LWLockAcquire(&r->db->lock, LW_EXCLUSIVE);
	memcpy(r->replica_id, hello.replica_id.data, hello.replica_id.len);
	r->replica_id[hello.replica_id.len] = '\0';
	strlcpy(r->slot->replica_id, r->replica_id, CVG_NAME_LEN);
	r->slot->connected_at = GetCurrentTimestamp();
	r->slot->skew_ms = (int) Min(Max((hello.now - r->slot->connected_at) / 1000, -PG_INT32_MAX), PG_INT32_MAX);
	LWLockRelease(&r->db->lock);
}

static void
connect_to_peer(Receiver *r, bool again)
{
	MemoryContext old = MemoryContextSwitchTo(r->request_mcxt);

	r->conn = open_connection(r);
	say_hello(r);
	cvg_conn_prepare(r->conn, "converge.pull", ANSWER_MS);
	MemoryContextSwitchTo(old);
	MemoryContextReset(r->request_mcxt);

	/* in a row of failures the error is what matters */
	ereport(again ? DEBUG1 : LOG,
			(errmsg("connected to peer \"%s\", replica id \"%s\"", r->name, r->replica_id)));
}

/* ----------------------------------------------------------------
 *		Fetching single rows, for apply
 * ----------------------------------------------------------------
 */

static CvgSlice
fetch_row(const CvgFetchRequest *req, void *arg)
{
	Receiver   *r = arg;
	CvgBuf		buf;
	CvgSlice	answer;

	r->fetching = true;
	if (r->fetch == NULL)
	{
		r->fetch = open_connection(r);
		cvg_conn_prepare(r->fetch, "converge.fetch", ANSWER_MS);
	}
	cvg_buf_init(&buf);
	cvg_fetch_request_encode(req, &buf);
	answer = cvg_conn_call(r->fetch, "converge.fetch", cvg_buf_slice(&buf), ANSWER_MS);
	r->fetching = false;
	return answer;
}

/* If a call was cut off by the error, start over. */
static void
drop_fetch_connection(void *arg)
{
	Receiver   *r = arg;
	CvgConn    *conn = r->fetch;

	if (!r->fetching)
		return;
	r->fetching = false;
	r->fetch = NULL;
	cvg_conn_close(conn);
}

/* ----------------------------------------------------------------
 *		Requests
 * ----------------------------------------------------------------
 */

/* The links of this node as they are now; palloc'ed. */
static CvgLinks
current_links(Receiver *r)
{
	CvgPeerSlot *peers = palloc(sizeof(r->db->peers));
	CvgLink    *items = palloc(sizeof(CvgLink) * CVG_MAX_PEERS);
	CvgLinks	links = {items, CVG_MAX_PEERS, r->index, GetCurrentTimestamp(),
	(cvg_heartbeat_interval_ms + HEALTHY_MS) * INT64CONST(1000)};
	int			i;

	LWLockAcquire(&r->db->lock, LW_SHARED);
	memcpy(peers, r->db->peers, sizeof(r->db->peers));
	LWLockRelease(&r->db->lock);
	for (i = 0; i < CVG_MAX_PEERS; i++)
	{
		items[i].replica_id = cvg_slice_cstring(peers[i].replica_id);
		items[i].streaming = peers[i].in_use && peers[i].state == CVG_PEER_STREAMING;
		items[i].last_contact = peers[i].last_contact;
	}
	return links;
}

static void
list_exceptions(Receiver *r, CvgRequest *req)
{
	CvgLinks	links = current_links(r);

	req->want = CVG_WANT_EXCEPT;
	req->except = palloc(sizeof(CvgSlice) * (CVG_MAX_PEERS + CVG_MAX_BLOCKED));
	req->nexcept = cvg_links_except(&links, &r->intake.blocks, req->except);
}

/* Stamp of the peer's own entry at this progress, if it is the latest here. */
static CvgStamp
anchor_stamp(Receiver *r, CvgSlice progress)
{
	CvgSlice	id = cvg_slice_cstring(r->replica_id);
	CvgOriginSlot *slot;
	CvgStamp	stamp = 0;

	LWLockAcquire(&r->db->lock, LW_SHARED);
	slot = cvg_origin_slot_by_name(r->db, id);
	if (slot != NULL && slot->seq == cvg_vclock_get(progress, id))
		stamp = slot->stamp;
	LWLockRelease(&r->db->lock);
	return stamp;
}

/* position: what has been received beyond what is applied, or empty. */
static void
send_request(Receiver *r, CvgSlice position)
{
	MemoryContext old = MemoryContextSwitchTo(r->request_mcxt);
	CvgRequest	req = {0};
	CvgBuf		buf;

	(void) cvg_intake_unblock(&r->intake);
	r->kick = pg_atomic_read_u64(&r->db->kick);
	INSTR_TIME_SET_CURRENT(r->asked_at);
	req.protocol = CVG_PROTOCOL_VERSION;
	req.boot_id = r->db->boot_id;
	req.max_bytes = (int64) cvg_pull_size_kb * 1024;
	req.wait_ms = cvg_request_wait_ms(&r->intake.blocks, cvg_heartbeat_interval_ms);
	req.reports = cvg_member_reports(r->db, &r->passed, &req.nreports);
	req.replica_id = req.reports[0].replica_id;
	req.progress = req.reports[0].progress;
	req.position = position;
	req.parts = cvg_intake_parts(&r->intake);
	req.anchor_stamp = anchor_stamp(r, req.progress);
	list_exceptions(r, &req);
	cvg_buf_init(&buf);
	cvg_request_encode(&req, &buf);
	cvg_conn_send(r->conn, "converge.pull", cvg_buf_slice(&buf),
				  answer_timeout(0));
	MemoryContextSwitchTo(old);
	MemoryContextReset(r->request_mcxt);
}

/* ----------------------------------------------------------------
 *		Responses
 * ----------------------------------------------------------------
 */

static void
decode_head(Receiver *r, CvgSlice bytes)
{
	CvgError	err;

	if (cvg_head_decode(bytes, &r->head, &err) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("peer \"%s\" sent an invalid answer", r->name),
				 errdetail("Reason: %s.", cvg_status_message(err.status))));
	if (r->head.nreports < 1 ||
		!cvg_slice_eq(r->head.reports[0].replica_id, cvg_slice_cstring(r->replica_id)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("peer \"%s\" has got another replica id", r->name)));
	check_claim(r, r->head.progress);
	/* it may have been forgotten since it greeted */
	cvg_member_admit(r->db, cvg_slice_cstring(r->name), r->head.reports[0].replica_id,
					 r->head.progress, r->past, NULL);
}

/*
 * What is kept of a response until it is applied: a peer that goes on and on must
 * not fill our memory.  Parts of spilled entries are not kept.
 */
static void
check_length(Receiver *r, int64 kept)
{
	if (kept > ((int64) cvg_pull_size_kb * 2 + RESPONSE_SLACK_KB) * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("peer \"%s\" sent an invalid answer", r->name),
				 errdetail("It is much longer than the %d kB that were asked for.",
						   cvg_pull_size_kb)));
}

/* Read a response to its head; spilled entries are applied on the way. */
static void
receive_response(Receiver *r, bool ahead)
{
	int			timeout_ms = answer_timeout(cvg_heartbeat_interval_ms);
	bool		have_head = false;
	int64		kept = 0;

	cvg_intake_reset(&r->intake, ahead);
	for (;;)
	{
		CvgSlice	row;

		MemoryContextSwitchTo(cvg_intake_context(&r->intake));
		if (!cvg_conn_recv(r->conn, timeout_ms, &row))
			break;
		if (have_head || row.len == 0)
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("peer \"%s\" sent an invalid answer", r->name)));
		if (row.data[0] == 'H')
		{
			decode_head(r, row);
			have_head = true;
		}
		else
		{
			kept += row.data[0] == 'P' ? 0 : row.len;
			check_length(r, kept);
			cvg_intake_add(&r->intake, row);
		}
	}
	if (!have_head)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("peer \"%s\" sent an incomplete answer", r->name)));
	MemoryContextSwitchTo(r->intake.mcxt);
}

/* Say once, in the log, what does not come, and why that matters. */
static void
warn_of_lack(Receiver *r, const CvgLack *lack, const char *text)
{
	char	   *age = psprintf("%d s", (int) (LACK_HEARTBEATS * cvg_heartbeat_interval_ms / 1000));
	bool		has = lack->there > lack->here;

	ereport(WARNING,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("peer \"%s\": %s", r->name, text),
			 has ? errdetail("It has applied them up to " INT64_FORMAT ", and has sent none for %s.",
							 lack->there, age) :
			 errdetail("It does not have them either, and none has come for %s.", age),
			 errhint("They come by themselves if another node that has them in its log is connected. If there is none, this node was away for longer than converge.max_hint_age or converge.max_log_size allow: join it again with an empty database.")));
}

/*
 * The peer has nothing more to send.  Is something lacking?  It may have cut
 * its log, or what an entry of its depends on may be lost.
 */
static void
check_lack(Receiver *r)
{
	CvgLinks	links = current_links(r);
	CvgLack    *lack = &r->lack;
	int64		limit = LACK_HEARTBEATS * cvg_heartbeat_interval_ms * INT64CONST(1000);
	char		text[CVG_ERROR_LEN];

	if (!cvg_lack_look(lack, &links, &r->intake.blocks, r->head.progress,
					   cvg_slice_cstring(r->db->replica_id), cvg_intake_progress, r->db, limit))
		return;
	if (lack->waiter[0] != '\0')
		snprintf(text, sizeof(text),
				 "entry " INT64_FORMAT " of replica id \"%s\" waits for entries of replica id \"%s\" after " INT64_FORMAT " up to " INT64_FORMAT ", which do not come",
				 lack->waiter_seq, lack->waiter, lack->origin, lack->here, lack->needed);
	else
		snprintf(text, sizeof(text),
				 "entries of replica id \"%s\" after " INT64_FORMAT " are no longer in its log",
				 lack->origin, lack->here);
	cvg_intake_note_problem(&r->intake, text);
	if (!lack->said)
		warn_of_lack(r, lack, text);
	lack->said = true;
}

/* Apply a response and learn what its head says. */
static void
take_response(Receiver *r)
{
	int			i;

	pgstat_report_activity(STATE_RUNNING, "applying");
	cvg_intake_apply(&r->intake);
	MemoryContextSwitchTo(r->intake.mcxt);
	for (i = 0; i < r->head.nreports; i++)
		cvg_member_absorb(r->db, &r->head.reports[i], i == 0 ? r->kick : 0);
	note_success(r);
	pgstat_report_activity(STATE_IDLE, NULL);
	pgstat_report_stat(false);
}

/* The more answers bring nothing, the fewer a second. */
static void
keep_pace(Receiver *r)
{
	int			pause_ms = cvg_pace_ms(&r->barren, r->intake.nunits == 0, r->intake.applied,
									   cvg_heartbeat_interval_ms);

	while (pause_ms > 0)
	{
		instr_time	since;
		double		left;

		INSTR_TIME_SET_CURRENT(since);
		INSTR_TIME_SUBTRACT(since, r->asked_at);
		left = pause_ms - INSTR_TIME_GET_MILLISEC(since);
		if (left < 1)
			return;
		(void) cvg_worker_wait((long) left, CVG_WAIT_RECEIVER_BACKOFF);
	}
}

static void
exchange(Receiver *r)
{
	CvgSlice	nothing = {NULL, 0};
	bool		ahead = false;

	send_request(r, nothing);
	for (;;)
	{
		bool		asked;

		CHECK_FOR_INTERRUPTS();
		receive_response(r, ahead);
		asked = cvg_may_ask_ahead(&r->intake.blocks, r->head.more, r->intake.nunits,
								  cvg_intake_ends_large(&r->intake));
		if (asked)
			send_request(r, cvg_intake_position(&r->intake));
		take_response(r);
		keep_pace(r);
		if (!asked)
		{
			if (!ahead && !r->head.more)
				check_lack(r);
			(void) cvg_worker_reload();
			if (!is_wanted(r))
				return;
			send_request(r, nothing);
		}
		ahead = asked;
	}
}

/* ----------------------------------------------------------------
 *		Main
 * ----------------------------------------------------------------
 */

static void
run(Receiver *r)
{
	bool		careful;

	LWLockAcquire(&r->db->lock, LW_SHARED);
	careful = r->slot->failures > 0;
	LWLockRelease(&r->db->lock);
	connect_to_peer(r, careful);
	cvg_intake_init(&r->intake, r->db, r->index, r->name, r->replica_id, careful);
	r->intake.before_retry = drop_fetch_connection;
	r->intake.arg = r;
	cvg_apply_init(fetch_row, r);
	exchange(r);
}

/* Note the error and end; the manager starts another. */
static void
end_with_error(Receiver *r)
{
	ErrorData  *edata;

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(TopMemoryContext);
	edata = CopyErrorData();
	if (note_failure(r, edata))
		EmitErrorReport();
	FlushErrorState();
	AbortOutOfAnyTransaction();
	RESUME_INTERRUPTS();
	proc_exit(0);
}

void
cvg_receiver_main(Datum arg)
{
	Receiver   *r = &receiver;
	CvgReceiverArg ra;

	r->dboid = DatumGetObjectId(arg);
	memcpy(&ra, MyBgworkerEntry->bgw_extra, sizeof(ra));
	cvg_worker_start(r->dboid);
	cvg_worker_session(true);
	r->db = cvg_db_find(r->dboid);
	r->index = ra.slot;
	strlcpy(r->name, ra.name, CVG_NAME_LEN);
	if (r->db != NULL)
		r->slot = &r->db->peers[r->index];
	r->conninfo = find_conninfo(r->name);
	if (r->conninfo == NULL || !take_slot(r))
		proc_exit(0);
	r->application_name = psprintf("pg_converge receiver %s", r->db->node_name);
	r->request_mcxt = AllocSetContextCreate(TopMemoryContext, "pg_converge request",
											ALLOCSET_DEFAULT_SIZES);
	PG_TRY();
	{
		run(r);
	}
	PG_CATCH();
	{
		end_with_error(r);
	}
	PG_END_TRY();
	proc_exit(0);
}
