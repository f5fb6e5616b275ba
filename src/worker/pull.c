/*-------------------------------------------------------------------------
 *
 * pull.c
 *	  converge.pull(): a peer acknowledges, and gets what it does not have.
 *
 * A set-returning function that makes its rows one by one, so that a
 * response of any size is never held in memory; each row is made from a scan
 * of its own with a fresh snapshot, so that no snapshot, lock or scan lives
 * between two rows (a slow reader must not hold back anything).
 *
 * What may be sent.
 *	 Own entries: up to the watermark, which is read, and flushed, before the
 *	 snapshot is taken; everything at or below it has then ended visibly.
 *	 Others' entries: up to the committed progress of their origin, after a
 *	 flush of the local commits that brought them (we commit them
 *	 asynchronously, and must not have given away what we may lose: our own
 *	 later entries would depend on it).
 *
 * prev_seq of an own entry is the one sent before it, or what the requester
 * has.  That must be an entry of our history: it is looked up, with its
 * stamp, once per connection and whenever it is not what we sent last.
 * Entries that we wrote as an earlier incarnation have none stored either (0),
 * and are served in the same way.
 *
 * Entries of several origins are sent in the order of their stamps, which is
 * one that causes come first in.  Sent origin by origin, they would make the
 * requester wait at the first entry whose dependency is behind all others of
 * its origin, perhaps in another response.
 *
 * The log may be cut while we read.  The janitor raises the floor before it
 * truncates, and we look at the floor after each scan: what a scan found is
 * complete if it began above the floor.  An own entry below the floor is an
 * error for the requester; of other origins we just have no more, and the
 * requester sees from our progress that something is withheld.
 *
 * Waiting.  With nothing to send we sleep on db->changed, holding no lock, and
 * return an empty response when the requester's time is over, or at once
 * when somebody has kicked since our last response.
 *
 * Pacing.  An answer, its application and the acknowledgement cost as much as
 * some ten transactions do.  While entries come one after the other, answers
 * are a millisecond apart, and what has committed meanwhile goes into one; who
 * commits then need not wake us either.  The first entry after a pause goes
 * out at once, and so does what has piled up.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xlog.h"
#include "core/progress.h"
#include "funcapi.h"
#include "guc.h"
#include "storage/latch.h"
#include "store/changelog.h"
#include "store/meta.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "wait_event.h"
#include "worker/serve.h"

/* Size at which a message with entries is closed. */
#define MESSAGE_BYTES	(64 * 1024)

/* Responses with fewer entries than this are kept so far apart. */
#define PACE_ENTRIES	64
#define PACE_MS			1

/* A requester cannot make us wait, or collect, more than this. */
#define MAX_WAIT_MS		3600000

/* Entries of one origin that are still to be sent. */
typedef struct Range
{
	int32		origin;
	char		replica_id[CVG_NAME_LEN];
	bool		own;
	int64		next;			/* seq to look from */
	int64		until;			/* last seq that may be sent */
	int64		prev;			/* own: entry before the next one */
	CvgStamp	stamp;			/* the next entry is not stamped below */
} Range;

/* A response in the making; lives in the function's multi-call memory. */
typedef struct Response
{
	CvgDb	   *db;
	CvgRequest	req;
	MemoryContext mcxt;
	int			nranges;
	Range		ranges[CVG_MAX_ORIGINS];
	int64		sent_bytes;
	bool		more;
	bool		finished;

	/* messages that are ready, in order */
	int			nready;
	int			next_ready;
	int			max_ready;
	bytea	  **ready;

	/* parts of a spilled entry that was just sent */
	CvgEntryHeader spilled;
	int32		spilled_origin;
	int64		spill_key;
	int64		nparts;
	int64		next_part;
} Response;

/* ----------------------------------------------------------------
 *		Messages
 * ----------------------------------------------------------------
 */

static bytea *
make_message(const CvgBuf *buf)
{
	bytea	   *v = palloc_extended(VARHDRSZ + buf->len, MCXT_ALLOC_HUGE);

	SET_VARSIZE(v, VARHDRSZ + buf->len);
	memcpy(VARDATA(v), buf->data, buf->len);
	return v;
}

/* Queue a message, copied into the response's memory. */
static void
queue_message(Response *rs, const CvgBuf *buf)
{
	MemoryContext old = MemoryContextSwitchTo(rs->mcxt);

	if (rs->nready == rs->max_ready)
	{
		rs->max_ready = Max(rs->max_ready * 2, 16);
		rs->ready = rs->ready == NULL ? palloc(sizeof(bytea *) * rs->max_ready) :
			repalloc(rs->ready, sizeof(bytea *) * rs->max_ready);
	}
	rs->ready[rs->nready++] = make_message(buf);
	rs->sent_bytes += buf->len;
	MemoryContextSwitchTo(old);
}

/* The next queued message, moved to the caller's memory; NULL if none. */
static bytea *
take_message(Response *rs)
{
	bytea	   *queued;
	bytea	   *copy;

	if (rs->next_ready == rs->nready)
	{
		rs->nready = rs->next_ready = 0;
		return NULL;
	}
	queued = rs->ready[rs->next_ready++];
	copy = palloc_extended(VARSIZE(queued), MCXT_ALLOC_HUGE);
	memcpy(copy, queued, VARSIZE(queued));
	pfree(queued);
	return copy;
}

/* Queue the descriptors of an entry that this connection has not been sent. */
static void
queue_descriptors(Response *rs, const CvgBody *body)
{
	CvgBuf		buf;
	int			i;

	for (i = 0; i < body->ndescriptors; i++)
	{
		uint64		hash = cvg_body_hash(body, i);
		CvgSlice	bytes;
		uint32		seal = 0;
		bool		found;

		(void) hash_search(cvg_serving.descriptors, &hash, HASH_ENTER, &found);
		if (found)
			continue;
		bytes = cvg_descriptor_bytes(hash);
		if (bytes.len == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("a table description that the log refers to is missing")));
		cvg_buf_init(&buf);
		cvg_put_u8(&buf, 'D');
		cvg_put_bytes(&buf, bytes.data, bytes.len);
		cvg_seal(&buf, 1, &seal);
		queue_message(rs, &buf);
		cvg_buf_free(&buf);
	}
}

/* ----------------------------------------------------------------
 *		What there is to send
 * ----------------------------------------------------------------
 */

static bool
is_excepted(const CvgRequest *req, CvgSlice id)
{
	int			i;

	if (cvg_slice_eq(id, req->replica_id))
		return true;
	for (i = 0; i < req->nexcept; i++)
	{
		if (cvg_slice_eq(id, req->except[i]))
			return true;
	}
	return false;
}

static int64
position_of(const CvgRequest *req, CvgSlice id)
{
	return Max(cvg_vclock_get(req->progress, id), cvg_vclock_get(req->position, id));
}

static void
add_range(Response *rs, const CvgOriginSlot *slot, bool own, int64 position,
		  int64 next, int64 until)
{
	Range	   *range;

	if (next > until)
		return;
	range = &rs->ranges[rs->nranges++];
	range->origin = slot->id;
	strlcpy(range->replica_id, slot->replica_id, CVG_NAME_LEN);
	range->own = own;
	range->next = next;
	range->until = until;
	range->prev = position;
	range->stamp = 0;
}

/* First own seq after a position that may have an entry. */
static int64
skip_holes(int64 position)
{
	if (position >= cvg_serving.holes_from && position < cvg_serving.holes_until)
		return cvg_serving.holes_until + 1;
	return position + 1;
}

/* Fill in the ranges; returns the position to flush to before they are sent. */
static XLogRecPtr
find_ranges(Response *rs, int64 watermark)
{
	CvgDb	   *db = rs->db;
	XLogRecPtr	lsn = InvalidXLogRecPtr;
	int			i;

	rs->nranges = 0;
	LWLockAcquire(&db->lock, LW_SHARED);
	for (i = 0; i < db->norigins; i++)
	{
		CvgOriginSlot *slot = &db->origins[i];
		CvgSlice	id = cvg_slice_cstring(slot->replica_id);
		int64		position = position_of(&rs->req, id);

		if (slot->uncommitted != 0 || is_excepted(&rs->req, id))
			continue;
		if (slot->id == db->origin)
			add_range(rs, slot, true, position, skip_holes(position), watermark);
		else if (rs->req.want != CVG_WANT_OWN && cvg_floor_serves(slot->floor, position))
		{
			add_range(rs, slot, false, position, position + 1, slot->seq);
			lsn = db->apply_lsn;
		}
	}
	LWLockRelease(&db->lock);
	return lsn;
}

static int64
floor_of(CvgDb *db, int32 origin)
{
	CvgOriginSlot *slot;
	int64		floor;

	LWLockAcquire(&db->lock, LW_SHARED);
	slot = cvg_origin_slot(db, origin);
	floor = slot != NULL ? slot->floor : 0;
	LWLockRelease(&db->lock);
	return floor;
}

static void
report_removed(CvgDb *db, int64 position)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("requested entries were removed from the log of node \"%s\"", db->node_name),
			 errdetail("The log begins after entry " INT64_FORMAT ", entries after " INT64_FORMAT " were requested.",
					   floor_of(db, db->origin), position),
			 errhint("The node was away for longer than converge.max_hint_age or converge.max_log_size allow: join it again with an empty database.")));
}

/*
 * The entry just added is spilled: its parts are next if they are wanted, else
 * the response ends.
 */
static void
begin_parts(Response *rs, Range *range, const CvgEntryHeader *header,
			const CvgLogRow *row, int64 nparts)
{
	if (cvg_vclock_get(rs->req.parts, header->origin) != header->seq)
	{
		rs->more = true;
		return;
	}
	rs->spilled = *header;
	rs->spilled_origin = range->origin;
	rs->spill_key = row->spill_key;
	rs->nparts = nparts;
	rs->next_part = 1;
}

/*
 * The range whose next entry may have the smallest stamp, NULL at the end; *limit
 * is how far it may go before another one's turn comes.
 */
static Range *
next_range(Response *rs, CvgStamp *limit)
{
	Range	   *best = NULL;
	int			i;

	*limit = PG_INT64_MAX;
	for (i = 0; i < rs->nranges; i++)
	{
		Range	   *range = &rs->ranges[i];

		if (range->next > range->until)
			continue;
		if (best == NULL)
			best = range;
		else if (range->stamp < best->stamp)
		{
			*limit = Min(*limit, best->stamp);
			best = range;
		}
		else
			*limit = Min(*limit, range->stamp);
	}
	return best;
}

/*
 * Add an entry of a range to a message; false if it should be the last one
 * there.
 */
static bool
add_entry(Response *rs, Range *range, const CvgLogRow *row, CvgBuf *out)
{
	CvgEntryHeader header = cvg_log_header(row, range->replica_id);
	CvgBody		body;
	CvgError	err;

	if (range->own || row->prev_seq == 0)
		header.prev_seq = range->prev;
	if (cvg_sealed_body_decode(&header, row->body, &body, &err) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("entry " INT64_FORMAT " of replica id \"%s\" in the log is damaged",
						row->seq, range->replica_id),
				 errdetail("Reason: %s.", cvg_status_message(err.status))));
	queue_descriptors(rs, &body);
	cvg_entry_header_encode(&header, out);
	cvg_put_slice(out, row->body);
	range->prev = row->seq;
	range->next = row->seq + 1;
	range->stamp = row->stamp + 1;
	if (body.nparts > 0)
		begin_parts(rs, range, &header, row, body.nparts);
	return out->len < MESSAGE_BYTES && body.nparts == 0;
}

/*
 * Add entries of a range to a message, up to the size of one, and up to a
 * stamp.  Nothing is added if the log was cut below us meanwhile.
 */
static void
fill_from_range(Response *rs, Range *range, CvgStamp limit, CvgBuf *out)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	CvgLogScan *scan = cvg_log_scan_begin(range->origin, range->next, range->until, snapshot);
	int64		begin = range->prev;
	size_t		start = out->len;
	CvgLogRow	row;
	bool		exhausted = true;

	while (exhausted && cvg_log_scan_next(scan, &row))
	{
		if (row.stamp <= limit)
			exhausted = add_entry(rs, range, &row, out);
		else
		{
			range->next = row.seq;
			range->stamp = row.stamp;
			exhausted = false;
		}
		pfree((char *) row.body.data - VARHDRSZ);
	}
	cvg_log_scan_end(scan);
	UnregisterSnapshot(snapshot);

	if (!cvg_floor_serves(floor_of(rs->db, range->origin), begin))
	{
		if (range->own)
			report_removed(rs->db, begin);
		out->len = start;
		rs->nparts = 0;
		rs->more = false;
		exhausted = true;
	}
	if (exhausted)
		range->next = range->until + 1;
}

/* Queue one message of entries, with the descriptors it needs before it. */
static bool
queue_entries(Response *rs)
{
	CvgBuf		buf;
	Range	   *range;
	CvgStamp	limit;
	bool		any = false;

	cvg_buf_init(&buf);
	cvg_put_u8(&buf, 'E');
	while (buf.len < MESSAGE_BYTES && rs->nparts == 0 && !rs->more &&
		   (range = next_range(rs, &limit)) != NULL)
		fill_from_range(rs, range, limit, &buf);
	if (buf.len > 1)
	{
		queue_message(rs, &buf);
		any = true;
	}
	cvg_buf_free(&buf);
	return any;
}

/* One part of the spilled entry that was sent last. */
static void
queue_part(Response *rs)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	CvgSlice	bytes;
	CvgBuf		buf;
	bool		found = cvg_log_read_part(rs->spilled_origin, rs->spill_key,
										  (int) rs->next_part, snapshot, &bytes);

	UnregisterSnapshot(snapshot);
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("part " INT64_FORMAT " of entry " INT64_FORMAT " is not in the log",
						rs->next_part, rs->spilled.seq),
				 errdetail("The log was cut while the entry was being sent.")));
	cvg_buf_init(&buf);
	cvg_put_u8(&buf, 'P');
	cvg_entry_header_encode(&rs->spilled, &buf);
	cvg_put_varint(&buf, (uint64) rs->next_part);
	cvg_put_bytes(&buf, bytes.data, bytes.len);
	queue_message(rs, &buf);
	cvg_buf_free(&buf);
	pfree((char *) bytes.data - VARHDRSZ);
	if (rs->next_part++ >= rs->nparts)
	{
		rs->nparts = 0;
		/* a response ends with a spilled entry: the requester is busy */
		rs->more = true;
	}
}

static void
queue_head(Response *rs)
{
	CvgHead		head = {0};
	CvgStamp	limit;
	CvgBuf		buf;

	cvg_serving.kick = pg_atomic_read_u64(&rs->db->kick);
	head.now = GetCurrentTimestamp();
	head.more = rs->more || next_range(rs, &limit) != NULL;
	head.reports = cvg_member_reports(rs->db, &cvg_serving.passed, &head.nreports);
	head.progress = head.reports[0].progress;
	cvg_buf_init(&buf);
	cvg_head_encode(&head, &buf);
	queue_message(rs, &buf);
	cvg_buf_free(&buf);
}

/* ----------------------------------------------------------------
 *		Taking the request
 * ----------------------------------------------------------------
 */

/* Is the requester's last entry of ours in our history? */
static void
verify_history(CvgDb *db, const CvgRequest *req, int64 progress)
{
	CvgStamp	stamp;
	bool		same;
	int64		floor = floor_of(db, db->origin);

	if (!cvg_floor_serves(floor, progress))
		report_removed(db, progress);
	if (progress == 0 || progress == floor ||
		(progress == cvg_serving.verified_seq && db->origin == cvg_serving.verified_origin))
		return;
	same = cvg_log_find(db->origin, progress, &stamp) &&
		(req->anchor_stamp == 0 || req->anchor_stamp == stamp);
	if (!same && floor_of(db, db->origin) <= progress)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("history differs: node \"%s\" has no entry " INT64_FORMAT " as the requester knows it",
						db->node_name, progress),
				 errhint("One of the two nodes was restored from a backup while both kept their replica ids.")));
	cvg_serving.verified_seq = req->anchor_stamp != 0 ? progress : 0;
	cvg_serving.verified_origin = db->origin;
}

static void
check_request(CvgDb *db, const CvgRequest *req)
{
	CvgServing *s = &cvg_serving;
	int64		progress = cvg_vclock_get(req->progress, cvg_slice_cstring(db->replica_id));

	if (!s->greeted)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("converge.pull() without converge.hello() before it")));
	if (!cvg_slice_eq(req->replica_id, cvg_slice_cstring(s->replica_id)) ||
		req->boot_id != s->boot_id || req->nreports < 1 ||
		!cvg_slice_eq(req->reports[0].replica_id, req->replica_id))
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the requester is not who greeted on this connection")));
	cvg_member_admit(db, cvg_slice_cstring(s->node_name), req->replica_id, req->progress,
					 s->past, NULL);
	cvg_check_claim(db, req->progress);
	verify_history(db, req, progress);
}

/* The acknowledgement, and what else the requester reports. */
static void
take_reports(CvgDb *db, const CvgRequest *req)
{
	CvgServing *s = &cvg_serving;
	CvgMemberSlot *slot;
	int			i;

	for (i = 0; i < req->nreports; i++)
		cvg_member_absorb(db, &req->reports[i], i == 0 ? s->kick : 0);
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	if (s->verified_origin == db->origin)
		db->confirmed_seq = Max(db->confirmed_seq, s->verified_seq);
	slot = &db->members[s->member];
	if (slot->in_use && strcmp(slot->node_name, s->node_name) == 0)
	{
		slot->pulled_at = GetCurrentTimestamp();
		slot->server_pid = MyProcPid;
		slot->boot_id = s->boot_id;
	}
	LWLockRelease(&db->lock);
}

/* Is there anything to send?  Then the first message is queued. */
static bool
begin_sending(Response *rs)
{
	int64		watermark = cvg_log_own_watermark(rs->db);
	XLogRecPtr	lsn = find_ranges(rs, watermark);

	if (rs->nranges == 0)
		return false;
	if (!XLogRecPtrIsInvalid(lsn))
		XLogFlush(lsn);
	if (queue_entries(rs))
		return true;

	/* all seqs that we looked at are holes: not to be looked at again */
	if (!is_excepted(&rs->req, cvg_slice_cstring(rs->db->replica_id)))
	{
		cvg_serving.holes_from = position_of(&rs->req, cvg_slice_cstring(rs->db->replica_id));
		cvg_serving.holes_until = Max(watermark, cvg_serving.holes_from);
	}
	rs->nranges = 0;
	return false;
}

/* Let some more entries gather; see the head of this file. */
static void
pace(Response *rs)
{
	CvgDb	   *db = rs->db;
	CvgSlice	self = cvg_slice_cstring(db->replica_id);

	if (TimestampDifferenceExceeds(cvg_serving.sent_at, GetCurrentTimestamp(), PACE_MS) ||
		pg_atomic_read_u64(&db->kick) != cvg_serving.kick ||
		cvg_log_own_watermark(db) - position_of(&rs->req, self) >= PACE_ENTRIES)
		return;
	if (WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, PACE_MS,
				  cvg_wait_event(CVG_WAIT_PULL)) & WL_LATCH_SET)
		ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Wait until there is something to say; see the head of this file. */
static void
wait_for_news(Response *rs)
{
	CvgDb	   *db = rs->db;
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   Min(rs->req.wait_ms, MAX_WAIT_MS));

	for (;;)
	{
		long		left;

		/* scans may use condition variables too, so prepare every time */
		ConditionVariablePrepareToSleep(&db->changed);
		cvg_check_serving(db, false);
		if (begin_sending(rs) ||
			pg_atomic_read_u64(&db->kick) != cvg_serving.kick)
			break;
		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
		if (left <= 0)
			break;
		(void) ConditionVariableTimedSleep(&db->changed, left,
										   cvg_wait_event(CVG_WAIT_PULL));
	}
	ConditionVariableCancelSleep();
}

/* Descriptors sent on this connection; none if a response was cut off. */
static void
prepare_descriptors(void)
{
	CvgServing *s = &cvg_serving;
	HASHCTL		ctl = {0};

	if (s->descriptors != NULL && s->responding)
	{
		hash_destroy(s->descriptors);
		s->descriptors = NULL;
	}
	if (s->descriptors == NULL)
	{
		ctl.keysize = sizeof(uint64);
		ctl.entrysize = sizeof(uint64);
		ctl.hcxt = TopMemoryContext;
		s->descriptors = hash_create("pg_converge descriptors sent", 64, &ctl,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	s->responding = true;
}

static Response *
begin_response(FuncCallContext *funcctx, bytea *arg)
{
	Response   *rs = palloc0(sizeof(Response));
	CvgDb	   *db = cvg_db();
	CvgError	err;
	CvgStatus	status;

	rs->db = db;
	rs->mcxt = funcctx->multi_call_memory_ctx;
	cvg_check_serving(db, true);
	status = cvg_request_decode(cvg_slice(VARDATA_ANY(arg), VARSIZE_ANY_EXHDR(arg)),
								&rs->req, &err);
	if (status != CVG_OK)
		cvg_report_bad_request("request", status, rs->req.protocol);
	check_request(db, &rs->req);
	take_reports(db, &rs->req);
	prepare_descriptors();
	pace(rs);
	wait_for_news(rs);
	return rs;
}

/* Queue what comes next; the head ends the response. */
static void
go_on(Response *rs)
{
	if (rs->nparts > 0)
		queue_part(rs);
	else if (!rs->more && rs->sent_bytes < rs->req.max_bytes && queue_entries(rs))
		 /* queued */ ;
	else
	{
		if (rs->sent_bytes > 0)
			cvg_serving.sent_at = GetCurrentTimestamp();
		queue_head(rs);
		rs->finished = true;
		cvg_serving.responding = false;
	}
}

CVG_FUNCTION(pull)
{
	FuncCallContext *funcctx;
	Response   *rs;
	bytea	   *message;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;

		funcctx = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(funcctx->multi_call_memory_ctx);
		funcctx->user_fctx = begin_response(funcctx, PG_GETARG_BYTEA_P_COPY(0));
		MemoryContextSwitchTo(old);
	}
	funcctx = SRF_PERCALL_SETUP();
	rs = funcctx->user_fctx;
	message = take_message(rs);
	if (message == NULL && !rs->finished)
	{
		go_on(rs);
		message = take_message(rs);
	}
	if (message == NULL)
		SRF_RETURN_DONE(funcctx);
	SRF_RETURN_NEXT(funcctx, PointerGetDatum(message));
}
