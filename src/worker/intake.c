/*-------------------------------------------------------------------------
 *
 * intake.c
 *	  From the messages of one response to local transactions.
 *
 * A response holds entries of several origins, each origin's in its order.
 * They are applied in as few local transactions as the settings allow.  An
 * entry that has to wait blocks the rest of its origin, and nothing else
 * (core/blocks.h); when others have been applied, or a moment later, it is
 * tried again.  What is still blocked at the end is dropped and asked for
 * again once the block has gone.
 *
 * Retries.  A transaction that ends in a deadlock, a serialization failure or
 * a lock timeout is repeated here; core/pace.h says with how much in it, and
 * how long it may wait for locks.  We always are the one to give way: a wait
 * for a lock looks for a deadlock much more often than a user's backend does.
 * Any other error is the caller's.
 *
 * Rows that many write.  Users wait for the rows of our open transaction, and
 * it waits for theirs.  So it ends after the entry at hand when somebody waits
 * for it, and does not wait itself with complete entries in it (give_way() in
 * apply.c): both sides then hold what they hold for one transaction's time.
 *
 * A spilled entry comes without its parts first; they are asked for when it can
 * be applied.  It is never held in memory: its parts go to apply as they come
 * in, in a transaction that is open meanwhile.  It cannot be repeated here;
 * its errors are all the caller's.
 *
 * Nothing here survives a crash or needs to: what was not committed is not
 * covered by progress and comes again.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "access/xact.h"
#include "common/pg_prng.h"
#include "core/entry.h"
#include "guc.h"
#include "pgstat.h"
#include "storage/condition_variable.h"
#include "store/meta.h"
#include "store/strategy.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/apply.h"
#include "worker/intake.h"
#include "worker/worker_main.h"

/* How long to wait here for a dependency that another link may bring. */
#define DEPENDENCY_WAIT_MS	200

/* An origin with a broken history is asked for again so often. */
#define BROKEN_RETRY_MS		60000

#define CLOCK_WARNING_MS	60000

/* Weight of the newest measurement in the rate that is shown. */
#define RATE_WINDOW_S		5.0

typedef enum UnitState
{
	UNIT_NEW,
	UNIT_TRIED,					/* done if the open transaction commits */
	UNIT_DONE
} UnitState;

/* A descriptor or an entry of the response. */
struct CvgUnit
{
	UnitState	state;
	bool		is_descriptor;
	CvgSlice	bytes;			/* the descriptor, or the entry's body */
	CvgEntryHeader header;
	int64		nchanges;
	int64		nparts;			/* 0 unless spilled */
};

void
cvg_intake_init(CvgIntake *it, CvgDb *db, int peer, const char *peer_name,
				const char *peer_replica_id, bool careful)
{
	memset(it, 0, sizeof(*it));
	it->db = db;
	it->peer = peer;
	it->peer_name = peer_name;
	it->peer_replica_id = peer_replica_id;
	cvg_batch_init(&it->batch, careful);
	it->mcxt = AllocSetContextCreate(TopMemoryContext, "pg_converge response",
									 ALLOCSET_DEFAULT_SIZES);
	it->row_mcxt = AllocSetContextCreate(TopMemoryContext, "pg_converge part",
										 ALLOCSET_DEFAULT_SIZES);
}

void
cvg_intake_reset(CvgIntake *it, bool ahead)
{
	MemoryContextReset(it->mcxt);
	MemoryContextReset(it->row_mcxt);
	it->units = NULL;
	it->nunits = it->max_units = 0;
	it->bytes = 0;
	it->applied = 0;
	it->stream = NULL;
	it->ahead = ahead;
}

MemoryContext
cvg_intake_context(CvgIntake *it)
{
	if (it->stream == NULL)
		return it->mcxt;
	MemoryContextReset(it->row_mcxt);
	return it->row_mcxt;
}

/* ----------------------------------------------------------------
 *		Blocks
 * ----------------------------------------------------------------
 */

StaticAssertDecl(CVG_MAX_BLOCKED >= CVG_MAX_ORIGINS, "every origin can wait");

static void
copy_slice(char *dst, CvgSlice name)
{
	Assert(name.len < CVG_NAME_LEN);
	memcpy(dst, name.data, name.len);
	dst[name.len] = '\0';
}

static bool
is_blocked(CvgIntake *it, CvgSlice origin)
{
	return cvg_blocks_find(&it->blocks, origin) != NULL;
}

int64
cvg_intake_progress(CvgSlice origin, void *db)
{
	CvgDb	   *d = db;
	CvgOriginSlot *slot;
	int64		seq;

	LWLockAcquire(&d->lock, LW_SHARED);
	slot = cvg_origin_slot_by_name(d, origin);
	seq = slot != NULL ? slot->seq : 0;
	LWLockRelease(&d->lock);
	return seq;
}

bool
cvg_intake_unblock(CvgIntake *it)
{
	bool		arrived = cvg_blocks_lift(&it->blocks, cvg_intake_progress, it->db,
										  GetCurrentTimestamp());
	CvgPeerSlot *slot = &it->db->peers[it->peer];
	CvgOriginSlot *origin = NULL;

	LWLockAcquire(&it->db->lock, LW_EXCLUSIVE);
	if (it->blocks.n > 0)
		origin = cvg_origin_slot_by_name(it->db, cvg_slice_cstring(it->blocks.items[0].origin));
	slot->waiting_origin = origin != NULL ? origin->id : 0;
	LWLockRelease(&it->db->lock);
	return arrived;
}

void
cvg_intake_note_problem(CvgIntake *it, const char *text)
{
	CvgPeerSlot *slot = &it->db->peers[it->peer];

	LWLockAcquire(&it->db->lock, LW_EXCLUSIVE);
	strlcpy(slot->last_error, text, CVG_ERROR_LEN);
	slot->last_error_at = GetCurrentTimestamp();
	LWLockRelease(&it->db->lock);
}

/* An entry does not follow what we have; end: with this peer there is no way on. */
static void
report_broken_history(CvgIntake *it, const CvgUnit *u, CvgVerdict verdict, bool end)
{
	CvgSlice	origin = u->header.origin;
	const char *what = verdict == CVG_FORKED ?
		"has a history of replica id \"%.*s\" that differs from ours at entry " INT64_FORMAT :
		"has no longer all entries of replica id \"%.*s\" before entry " INT64_FORMAT;
	char	   *text = psprintf(what, (int) origin.len, (const char *) origin.data, u->header.seq);

	if (!end)
		cvg_intake_note_problem(it, text);
	ereport(end ? ERROR : WARNING,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("peer \"%s\" %s", it->peer_name, text),
			 errdetail("Its entry follows " INT64_FORMAT ", we have " INT64_FORMAT ".",
					   u->header.prev_seq, cvg_intake_progress(origin, it->db))));
}

static void
report_fast_clock(CvgIntake *it, const CvgUnit *u)
{
	TimestampTz now = GetCurrentTimestamp();
	char	   *text = psprintf("changes of replica id \"%.*s\" are stamped %.3f s in the future",
								(int) u->header.origin.len, (const char *) u->header.origin.data,
								(double) (u->header.stamp - now) / USECS_PER_SEC);

	cvg_intake_note_problem(it, text);
	if (!TimestampDifferenceExceeds(it->clock_warned_at, now, CLOCK_WARNING_MS))
		return;
	it->clock_warned_at = now;
	ereport(WARNING,
			(errmsg("%s", text),
			 errdetail("They came from peer \"%s\" and wait until they are no more than %d ms ahead.",
					   it->peer_name, cvg_max_clock_skew_ms),
			 errhint("Check the clocks of both servers; see converge.max_clock_skew.")));
}

/* The entry has to wait, and with it the rest of its origin. */
static void
block_origin(CvgIntake *it, const CvgUnit *u, CvgVerdict verdict, const CvgClockEntry *missing)
{
	CvgBlockRules rules = {cvg_slice_cstring(it->peer_replica_id), it->ahead,
		GetCurrentTimestamp(), cvg_max_clock_skew_ms * INT64CONST(1000),
	BROKEN_RETRY_MS * INT64CONST(1000)};
	CvgBlockKind kind = cvg_blocks_add(&it->blocks, &u->header, verdict, missing, &rules);

	if (kind == CVG_BLOCK_CLOCK)
		report_fast_clock(it, u);
	else if (kind != CVG_BLOCK_QUIET)
		report_broken_history(it, u, verdict, kind == CVG_BLOCK_END);
}

/* ----------------------------------------------------------------
 *		One local transaction
 * ----------------------------------------------------------------
 */

static void
count_commit(CvgIntake *it, const CvgApplyCounts *counts)
{
	CvgPeerSlot *slot = &it->db->peers[it->peer];
	TimestampTz now = GetCurrentTimestamp();
	double		elapsed;
	double		keep;

	LWLockAcquire(&it->db->lock, LW_EXCLUSIVE);
	slot->entries += counts->entries;
	slot->rows += counts->rows;
	slot->conflicts += counts->conflicts;
	slot->fetches += counts->fetches;
	slot->transactions++;
	slot->bytes += it->bytes;
	it->bytes = 0;
	elapsed = Max((double) (now - slot->rate_at) / USECS_PER_SEC, 0.000001);
	keep = exp(-elapsed / RATE_WINDOW_S);
	slot->apply_rate = slot->apply_rate * keep + counts->rows / elapsed * (1.0 - keep);
	slot->rate_at = now;
	LWLockRelease(&it->db->lock);
}

/* What came and was not counted with a commit. */
static void
count_bytes(CvgIntake *it)
{
	if (it->bytes == 0)
		return;
	LWLockAcquire(&it->db->lock, LW_EXCLUSIVE);
	it->db->peers[it->peer].bytes += it->bytes;
	LWLockRelease(&it->db->lock);
	it->bytes = 0;
}

/* converge.apply_rate_limit: pause for as long as these rows may take. */
static void
limit_rate(int64 rows)
{
	TimestampTz until;

	if (cvg_apply_rate_limit <= 0 || rows <= 0)
		return;
	until = GetCurrentTimestamp() + rows * USECS_PER_SEC / cvg_apply_rate_limit;
	for (;;)
	{
		long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);

		if (left <= 0)
			return;
		cvg_worker_wait(left, CVG_WAIT_RECEIVER_BACKOFF);
	}
}

static void
set_tried(CvgIntake *it, int start, int end, UnitState state)
{
	int			i;

	for (i = start; i < end; i++)
	{
		if (it->units[i].state == UNIT_TRIED)
			it->units[i].state = state;
	}
}

static void
set_lock_timeout(int ms)
{
	static int	current = 0;
	char		value[16];

	if (ms == current)
		return;
	current = ms;
	snprintf(value, sizeof(value), "%d", ms);
	cvg_worker_set("lock_timeout", value);
}

/*
 * Is there no gap before this entry?  Apply says so too when another receiver
 * has the origin and ours, which has others, must not wait for it.
 */
static bool
origin_is_busy(CvgIntake *it, const CvgUnit *u)
{
	return cvg_intake_progress(u->header.origin, it->db) >= u->header.prev_seq;
}

typedef enum TryResult
{
	TRY_NOTHING,				/* no entry, or not needed, or it has to wait */
	TRY_APPLIED,
	TRY_BUSY					/* commit first, then try again */
} TryResult;

/* Try one unit in the open transaction. */
static TryResult
try_unit(CvgIntake *it, CvgUnit *u, bool first)
{
	CvgClockEntry missing;
	CvgVerdict	verdict;

	if (u->is_descriptor)
	{
		cvg_descriptor_store(u->bytes);
		if (cvg_strategies_news(u->bytes))
		{
			if (!first)
				return TRY_BUSY;	/* tables are open as they were */
			cvg_strategies_adopt(u->bytes);
		}
		u->state = UNIT_TRIED;
		return TRY_NOTHING;
	}
	if (is_blocked(it, u->header.origin))
		return TRY_NOTHING;
	verdict = cvg_apply_entry(&u->header, u->bytes, &missing);
	if (verdict == CVG_ADMIT || verdict == CVG_COVERED)
		u->state = UNIT_TRIED;
	else if (verdict == CVG_WAIT_GAP && !first && origin_is_busy(it, u))
		return TRY_BUSY;
	else
		block_origin(it, u, verdict, &missing);
	return verdict == CVG_ADMIT ? TRY_APPLIED : TRY_NOTHING;
}

/*
 * Apply units from start on until a limit is reached; *end is the first that
 * was not looked at.  Returns how many entries were applied.
 */
static int
apply_batch(CvgIntake *it, int start, int *end)
{
	CvgApplyCounts counts;
	int64		rows = 0;
	int			i;

	it->nentries = 0;
	cvg_worker_watch_locks(true);
	cvg_apply_begin();
	for (i = start; i < it->nunits; i++)
	{
		CvgUnit    *u = &it->units[i];
		TryResult	result = TRY_NOTHING;

		if (u->state == UNIT_NEW && u->nparts == 0)
			result = try_unit(it, u, it->nentries == 0);
		if (result == TRY_BUSY)
			break;
		*end = i + 1;
		if (result != TRY_APPLIED)
			continue;
		it->nentries++;
		rows += u->nchanges;
		if (rows >= cvg_apply_batch_rows ||
			(it->batch.max_entries > 0 && it->nentries >= it->batch.max_entries) ||
			cvg_apply_is_awaited())
			break;
	}
	counts = cvg_apply_commit();
	cvg_worker_watch_locks(false);
	set_tried(it, start, *end, UNIT_DONE);
	if (it->nentries > 0)
		count_commit(it, &counts);
	it->applied += it->nentries;
	limit_rate(counts.rows);
	return it->nentries;
}

static bool
is_retryable(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
}

/* After a failure: count it, ask for less, give way for a moment. */
static void
prepare_retry(CvgIntake *it, int nblocked, int start)
{
	int64		pause_ms;

	set_tried(it, start, it->nunits, UNIT_NEW);
	it->blocks.n = nblocked;
	cvg_batch_failed(&it->batch, it->nentries, it->units[start].nchanges);
	if (it->before_retry != NULL)
		it->before_retry(it->arg);
	LWLockAcquire(&it->db->lock, LW_EXCLUSIVE);
	it->db->peers[it->peer].retries++;
	LWLockRelease(&it->db->lock);
	pause_ms = cvg_batch_pause_ms(&it->batch, pg_prng_uint32(&pg_global_prng_state));
	if (pause_ms > 0)
		cvg_worker_wait(pause_ms, CVG_WAIT_RECEIVER_BACKOFF);
}

/*
 * The one place where the receiver goes on after an error: abort, and tell
 * the caller to repeat.  What is not retryable is thrown on.
 */
static bool
try_batch(CvgIntake *it, int start, int *end, int *applied)
{
	volatile bool ok = false;

	PG_TRY();
	{
		*applied = apply_batch(it, start, end);
		ok = true;
	}
	PG_CATCH();
	{
		if (!is_retryable(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(it->mcxt);
		FlushErrorState();
		AbortOutOfAnyTransaction();
		cvg_worker_watch_locks(false);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(it->mcxt);
	return ok;
}

/* Apply a batch, however often it takes; returns as apply_batch(). */
static int
run_batch(CvgIntake *it, int start, int *end)
{
	int			nblocked = it->blocks.n;
	int			applied = 0;

	for (;;)
	{
		set_lock_timeout(cvg_batch_lock_timeout_ms(&it->batch));
		if (try_batch(it, start, end, &applied))
			break;
		prepare_retry(it, nblocked, start);
	}
	if (applied > 0)
		cvg_batch_succeeded(&it->batch);
	return applied;
}

/* ----------------------------------------------------------------
 *		All of a response
 * ----------------------------------------------------------------
 */

/* Another link may bring what is missing any moment. */
static bool
await_dependency(CvgIntake *it)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   DEPENDENCY_WAIT_MS);
	bool		arrived = false;

	ConditionVariablePrepareToSleep(&it->db->changed);
	while (!(arrived = cvg_intake_unblock(it)))
	{
		long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);

		if (left <= 0)
			break;
		(void) ConditionVariableTimedSleep(&it->db->changed, left,
										   cvg_wait_event(CVG_WAIT_RECEIVER_MAIN));
	}
	ConditionVariableCancelSleep();
	return arrived;
}

/*
 * A response ends with a spilled entry without its parts.  Ask for them next
 * time if it could be applied now.
 */
static void
look_at_large(CvgIntake *it)
{
	CvgUnit    *u = &it->units[it->nunits - 1];
	CvgClockEntry missing;
	CvgVerdict	verdict;

	if (!cvg_intake_ends_large(it) || is_blocked(it, u->header.origin))
		return;
	verdict = cvg_apply_look(&u->header, u->bytes, &missing);
	if (verdict == CVG_ADMIT)
	{
		copy_slice(it->parts_origin, u->header.origin);
		it->parts_seq = u->header.seq;
	}
	else if (verdict != CVG_COVERED)
		block_origin(it, u, verdict, &missing);
}

/* Once through all units that are left. */
static void
apply_pass(CvgIntake *it)
{
	int			start = 0;

	while (start < it->nunits)
	{
		int			end = start + 1;

		if (it->units[start].state == UNIT_NEW && it->units[start].nparts == 0)
			(void) run_batch(it, start, &end);
		start = end;
	}
}

static void
apply_units(CvgIntake *it)
{
	MemoryContextSwitchTo(it->mcxt);
	do
	{
		apply_pass(it);
		if (it->stream == NULL)
			look_at_large(it);
	} while (cvg_blocks_awaiting(&it->blocks) > 0 && await_dependency(it));
}

void
cvg_intake_apply(CvgIntake *it)
{
	if (it->stream != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("peer \"%s\" sent an invalid answer", it->peer_name),
				 errdetail("Parts of a large transaction are missing.")));
	apply_units(it);
	count_bytes(it);
}

/* ----------------------------------------------------------------
 *		Taking in messages
 * ----------------------------------------------------------------
 */

static void
report_bad_message(CvgIntake *it, const char *what, CvgStatus status)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROTOCOL_VIOLATION),
			 errmsg("peer \"%s\" sent an invalid %s", it->peer_name, what),
			 errdetail("Reason: %s.", cvg_status_message(status))));
}

static CvgUnit *
new_unit(CvgIntake *it)
{
	CvgUnit    *u;

	if (it->nunits == it->max_units)
	{
		it->max_units = Max(it->max_units * 2, 64);
		if (it->units == NULL)
			it->units = MemoryContextAlloc(it->mcxt, sizeof(CvgUnit) * it->max_units);
		else
			it->units = repalloc(it->units, sizeof(CvgUnit) * it->max_units);
	}
	u = &it->units[it->nunits++];
	memset(u, 0, sizeof(CvgUnit));
	return u;
}

static void
add_descriptor(CvgIntake *it, CvgReader *r)
{
	CvgUnit    *u = new_unit(it);
	uint32		seal = 0;
	CvgError	err;

	u->is_descriptor = true;
	u->bytes = cvg_get_bytes(r, r->len - r->pos);
	if (cvg_unseal(&u->bytes, &seal, &err) != CVG_OK)
		report_bad_message(it, "table description", err.status);
}

static void
add_entries(CvgIntake *it, CvgReader *r)
{
	CvgEntryHeader header;
	CvgSlice	bytes;

	while (cvg_entries_next(r, &header, &bytes))
	{
		CvgUnit    *u = new_unit(it);
		CvgBody		body;
		CvgError	err;

		if (cvg_sealed_body_decode(&header, bytes, &body, &err) != CVG_OK)
			report_bad_message(it, "entry", err.status);
		u->header = header;
		u->bytes = bytes;
		u->nchanges = (int64) body.nchanges;
		u->nparts = body.nparts;
	}
	if (!cvg_reader_ok(r))
		report_bad_message(it, "entry", r->status);
}

/* The parts of the last entry begin: bring everything up to it. */
static void
begin_stream(CvgIntake *it, const CvgEntryHeader *header)
{
	CvgUnit    *u = it->nunits > 0 ? &it->units[it->nunits - 1] : NULL;
	CvgClockEntry missing;
	CvgVerdict	verdict;

	if (u == NULL || u->nparts == 0 || u->state != UNIT_NEW ||
		u->header.seq != header->seq || !cvg_slice_eq(u->header.origin, header->origin))
		report_bad_message(it, "part of a transaction", CVG_E_MALFORMED);
	it->stream = u;
	apply_units(it);
	it->next_part = 1;
	it->stream_skip = is_blocked(it, u->header.origin);
	if (it->stream_skip)
		return;

	set_lock_timeout(CVG_LOCK_TIMEOUT_MAX_MS);
	cvg_worker_watch_locks(true);
	cvg_apply_begin();
	verdict = cvg_apply_entry(&u->header, u->bytes, &missing);
	if (verdict == CVG_ADMIT)
		return;
	(void) cvg_apply_commit();
	cvg_worker_watch_locks(false);
	it->stream_skip = true;
	if (verdict != CVG_COVERED)
		block_origin(it, u, verdict, &missing);
}

static void
end_stream(CvgIntake *it)
{
	if (!it->stream_skip)
	{
		CvgApplyCounts counts = cvg_apply_commit();

		cvg_worker_watch_locks(false);
		count_commit(it, &counts);
		it->applied++;
		cvg_batch_succeeded(&it->batch);
		limit_rate(counts.rows);
	}
	it->stream->state = UNIT_DONE;
	it->stream = NULL;
}

static void
add_part(CvgIntake *it, CvgReader *r)
{
	CvgEntryHeader header;
	int			part;
	CvgSlice	bytes;

	if (cvg_entry_header_decode(r, &header) != CVG_OK)
		report_bad_message(it, "part of a transaction", r->status);
	part = (int) cvg_get_varint_max(r, PG_INT32_MAX);
	bytes = cvg_get_bytes(r, r->len - r->pos);
	if (!cvg_reader_ok(r))
		report_bad_message(it, "part of a transaction", r->status);
	if (it->stream == NULL)
		begin_stream(it, &header);
	if (header.seq != it->stream->header.seq || part != it->next_part)
		report_bad_message(it, "part of a transaction", CVG_E_MALFORMED);
	if (!it->stream_skip)
		cvg_apply_part(part, bytes);
	it->next_part++;
	if (part >= it->stream->nparts)
		end_stream(it);
}

void
cvg_intake_add(CvgIntake *it, CvgSlice message)
{
	CvgReader	r;

	it->bytes += message.len;
	cvg_reader_init(&r, message);
	switch (cvg_get_u8(&r))
	{
		case 'D':
			add_descriptor(it, &r);
			break;
		case 'E':
			add_entries(it, &r);
			break;
		case 'P':
			add_part(it, &r);
			break;
		default:
			report_bad_message(it, "message", CVG_E_MALFORMED);
	}
}

bool
cvg_intake_ends_large(const CvgIntake *it)
{
	const CvgUnit *u = it->nunits > 0 ? &it->units[it->nunits - 1] : NULL;

	return u != NULL && u->nparts > 0 && u->state == UNIT_NEW;
}

CvgSlice
cvg_intake_parts(CvgIntake *it)
{
	CvgClockEntry entry = {cvg_slice_cstring(it->parts_origin), it->parts_seq};
	CvgBuf		out;

	cvg_buf_init(&out);
	if (cvg_vclock_from_entries(&entry, it->parts_seq > 0 ? 1 : 0, &out) != CVG_OK)
		elog(ERROR, "no clock can be made of one entry");
	return cvg_buf_slice(&out);
}

CvgSlice
cvg_intake_position(CvgIntake *it)
{
	CvgPosition position = {0};
	CvgBuf		out;
	int			i;

	for (i = 0; i < it->nunits; i++)
	{
		if (!it->units[i].is_descriptor)
			cvg_position_note(&position, &it->units[i].header);
	}
	cvg_buf_init(&out);
	if (cvg_position_clock(&position, &out) != CVG_OK)
		report_bad_message(it, "answer", CVG_E_MALFORMED);
	return cvg_buf_slice(&out);
}
