/*-------------------------------------------------------------------------
 *
 * intake.c
 *	  From the messages of one response to local transactions.
 *
 * A response holds entries of several origins, each origin's in its order.
 * They are applied in as few local transactions as the settings allow.  An
 * entry that has to wait blocks the rest of its origin, and nothing else;
 * when others have been applied, or a moment later, it is tried again.  What
 * is still blocked at the end is dropped and asked for again: the receiver
 * leaves the origin out of its requests until the block has gone.
 *
 * Retries.  A transaction that ends in a deadlock, a serialization failure or
 * a lock timeout is repeated here, with the entries that went well before the
 * one that failed; that one then comes first in a transaction of its own.  We
 * always are the one to give way: a wait for a lock looks for a deadlock much
 * more often than a user's backend does.  For a large entry lock_timeout
 * doubles with each retry, so that it gets through in the end.  Any other
 * error is the caller's.  After a restart because of an error the first
 * transactions hold one entry each ("careful"), so that only the bad one
 * stays unapplied.
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
#include "core/backoff.h"
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

/* An entry of more rows waits longer for locks with each retry. */
#define LARGE_ENTRY_ROWS	1000

/*
 * How long a local transaction waits for a lock: of several entries, of one,
 * of a large one that was retried.
 */
#define LOCK_TIMEOUT_SEVERAL_MS	50
#define LOCK_TIMEOUT_ONE_MS	500
#define LOCK_TIMEOUT_MAX_MS 60000

/* The first retry is at once. */
#define RETRY_BASE_MS		2
#define RETRY_MAX_MS		1000

/* A careful start ends when a batch of this many entries has succeeded. */
#define CAREFUL_LIMIT		1024

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
	it->max_entries = careful ? 1 : 0;
	it->lock_timeout_ms = LOCK_TIMEOUT_ONE_MS;
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

static bool
name_is(const char *name, CvgSlice slice)
{
	return strlen(name) == slice.len && memcmp(name, slice.data, slice.len) == 0;
}

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
	int			i;

	for (i = 0; i < it->nblocked; i++)
	{
		if (name_is(it->blocked[i].origin, origin))
			return true;
	}
	return false;
}

static int64
progress_of(CvgDb *db, const char *replica_id)
{
	CvgOriginSlot *slot;
	int64		seq;

	LWLockAcquire(&db->lock, LW_SHARED);
	slot = cvg_origin_slot_by_name(db, cvg_slice_cstring(replica_id));
	seq = slot != NULL ? slot->seq : 0;
	LWLockRelease(&db->lock);
	return seq;
}

static bool
block_gone(CvgIntake *it, const CvgBlocked *b, TimestampTz now)
{
	if (b->why == CVG_WAIT_DEPS)
		return progress_of(it->db, b->missing) >= b->missing_seq;
	return now >= b->until;
}

bool
cvg_intake_unblock(CvgIntake *it)
{
	TimestampTz now = GetCurrentTimestamp();
	CvgPeerSlot *slot = &it->db->peers[it->peer];
	CvgOriginSlot *origin = NULL;
	int			kept = 0;
	int			i;

	for (i = 0; i < it->nblocked; i++)
	{
		if (!block_gone(it, &it->blocked[i], now))
			it->blocked[kept++] = it->blocked[i];
	}
	it->nblocked = kept;

	LWLockAcquire(&it->db->lock, LW_EXCLUSIVE);
	if (kept > 0)
		origin = cvg_origin_slot_by_name(it->db, cvg_slice_cstring(it->blocked[0].origin));
	slot->waiting_origin = origin != NULL ? origin->id : 0;
	LWLockRelease(&it->db->lock);
	return kept > 0;
}

/* Say it where the DBA looks, without ending the exchange. */
static void
note_problem(CvgIntake *it, const char *text)
{
	CvgPeerSlot *slot = &it->db->peers[it->peer];

	LWLockAcquire(&it->db->lock, LW_EXCLUSIVE);
	strlcpy(slot->last_error, text, CVG_ERROR_LEN);
	slot->last_error_at = GetCurrentTimestamp();
	LWLockRelease(&it->db->lock);
}

/*
 * An entry does not follow what we have.  From the origin itself that is the
 * end of the exchange; from somebody else, only of that origin's entries.
 */
static void
handle_broken_history(CvgIntake *it, const CvgUnit *u, CvgVerdict verdict, CvgBlocked *b)
{
	CvgSlice	origin = u->header.origin;
	const char *what = verdict == CVG_FORKED ?
		"has a history of replica id \"%.*s\" that differs from ours at entry " INT64_FORMAT :
		"has no longer all entries of replica id \"%.*s\" before entry " INT64_FORMAT;
	char	   *text;

	b->until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), BROKEN_RETRY_MS);
	text = psprintf(what, (int) origin.len, (const char *) origin.data, u->header.seq);
	if (name_is(it->peer_replica_id, origin))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("peer \"%s\" %s", it->peer_name, text),
				 errdetail("Its entry follows " INT64_FORMAT ", we have " INT64_FORMAT ".",
						   u->header.prev_seq, progress_of(it->db, it->peer_replica_id))));
	note_problem(it, text);
	ereport(WARNING,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("peer \"%s\" %s", it->peer_name, text)));
}

static void
handle_fast_clock(CvgIntake *it, const CvgUnit *u, CvgBlocked *b)
{
	TimestampTz now = GetCurrentTimestamp();
	char	   *text = psprintf("changes of replica id \"%.*s\" are stamped %.3f s in the future",
								(int) u->header.origin.len, (const char *) u->header.origin.data,
								(double) (u->header.stamp - now) / USECS_PER_SEC);

	b->until = u->header.stamp - (int64) cvg_max_clock_skew_ms * 1000;
	note_problem(it, text);
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
	CvgBlocked *b;

	if (it->nblocked == CVG_MAX_ORIGINS)
		return;
	b = &it->blocked[it->nblocked];
	memset(b, 0, sizeof(*b));
	copy_slice(b->origin, u->header.origin);
	b->why = verdict;
	if (verdict == CVG_WAIT_DEPS)
	{
		copy_slice(b->missing, missing->id);
		b->missing_seq = missing->value;
	}
	else if (verdict == CVG_WAIT_CLOCK)
		handle_fast_clock(it, u, b);
	else if (verdict == CVG_WAIT_GAP && it->ahead)
		b->until = 0;			/* it follows what was blocked before */
	else
		handle_broken_history(it, u, verdict, b);
	it->nblocked++;
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
	char		origin[CVG_NAME_LEN];

	copy_slice(origin, u->header.origin);
	return progress_of(it->db, origin) >= u->header.prev_seq;
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
			(it->max_entries > 0 && it->nentries >= it->max_entries) ||
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
	set_tried(it, start, it->nunits, UNIT_NEW);
	it->nblocked = nblocked;
	it->retries++;
	if (it->max_entries == 1 && it->units[start].nchanges > LARGE_ENTRY_ROWS)
		it->lock_timeout_ms = Min(it->lock_timeout_ms * 2, LOCK_TIMEOUT_MAX_MS);
	it->max_entries = Max(it->nentries, 1); /* what went well */
	if (it->before_retry != NULL)
		it->before_retry(it->arg);
	LWLockAcquire(&it->db->lock, LW_EXCLUSIVE);
	it->db->peers[it->peer].retries++;
	LWLockRelease(&it->db->lock);
	if (it->retries > 1)
		cvg_worker_wait(cvg_backoff_ms(it->retries - 1, RETRY_BASE_MS, RETRY_MAX_MS,
									   pg_prng_uint32(&pg_global_prng_state)),
						CVG_WAIT_RECEIVER_BACKOFF);
}

static void
after_success(CvgIntake *it)
{
	it->retries = 0;
	it->lock_timeout_ms = LOCK_TIMEOUT_ONE_MS;
	if (it->max_entries > 0)
		it->max_entries *= 2;
	if (it->max_entries > CAREFUL_LIMIT)
		it->max_entries = 0;
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
	int			nblocked = it->nblocked;
	int			applied = 0;

	for (;;)
	{
		set_lock_timeout(it->max_entries == 1 ? it->lock_timeout_ms : LOCK_TIMEOUT_SEVERAL_MS);
		if (try_batch(it, start, end, &applied))
			break;
		prepare_retry(it, nblocked, start);
	}
	if (applied > 0)
		after_success(it);
	return applied;
}

/* ----------------------------------------------------------------
 *		All of a response
 * ----------------------------------------------------------------
 */

static int
dependencies_awaited(CvgIntake *it)
{
	int			n = 0;
	int			i;

	for (i = 0; i < it->nblocked; i++)
		n += it->blocked[i].why == CVG_WAIT_DEPS ? 1 : 0;
	return n;
}

/* Has any dependency arrived by now?  Then it blocks no more. */
static bool
dependency_arrived(CvgIntake *it)
{
	int			before = dependencies_awaited(it);

	(void) cvg_intake_unblock(it);
	return dependencies_awaited(it) < before;
}

/* Another link may bring what is missing any moment. */
static bool
await_dependency(CvgIntake *it)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   DEPENDENCY_WAIT_MS);
	bool		arrived = false;

	ConditionVariablePrepareToSleep(&it->db->changed);
	while (!(arrived = dependency_arrived(it)))
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
	} while (dependencies_awaited(it) > 0 && await_dependency(it));
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

	(void) cvg_get_u64(r);		/* its hash; computed anew when stored */
	u->is_descriptor = true;
	u->bytes = cvg_get_bytes(r, r->len - r->pos);
	if (!cvg_reader_ok(r))
		report_bad_message(it, "table description", r->status);
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

		if (cvg_sealed_body_decode(bytes, &body, &err) != CVG_OK)
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

	set_lock_timeout(LOCK_TIMEOUT_MAX_MS);
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
		after_success(it);
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
	CvgClockEntry entries[CVG_MAX_ORIGINS];
	CvgBuf		out;
	int			n = 0;
	int			i;
	int			j;

	for (i = 0; i < it->nunits; i++)
	{
		CvgUnit    *u = &it->units[i];

		if (u->is_descriptor)
			continue;
		for (j = 0; j < n && !cvg_slice_eq(entries[j].id, u->header.origin); j++)
			 /* search */ ;
		if (j == CVG_MAX_ORIGINS)
			continue;
		entries[j].id = u->header.origin;
		entries[j].value = u->header.seq;
		n = Max(n, j + 1);
	}
	cvg_buf_init(&out);
	if (cvg_vclock_from_entries(entries, n, &out) != CVG_OK)
		report_bad_message(it, "answer", CVG_E_MALFORMED);
	return cvg_buf_slice(&out);
}
