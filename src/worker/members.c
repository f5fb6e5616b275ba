/*-------------------------------------------------------------------------
 *
 * members.c
 *	  What we know of the other nodes.
 *
 * A member is a node by name: it is one from when it is configured as a peer,
 * says hello, or is reported by another member, and it stays one, through all
 * its incarnations, until forget_peer().  Members are what the stable clock
 * and the cutting of the log wait for.  Their latest reports live in shared
 * memory only; after a restart a member without a report holds everything
 * back until it is heard of, which errs on the safe side.
 *
 * Membership must not be forgotten by a crash once it has been counted with:
 * the manager saves new members before it advances the stable clock
 * (janitor.c calls in that order, with members that come in between counted
 * only in the next round, as they hold everything back anyway).
 *
 * Forgetting.  A forgotten member's obituary is a report that all members
 * pass on; nobody exchanges entries with it any more, but its entries that
 * anybody has are spread like any others.  It stops counting for the log at
 * once.  For the stable clock it goes on counting, with its last report,
 * until all others know of the same obituaries and have the same of its
 * entries as we do: until then a write of it may still be on its way that is
 * concurrent to what would be forgotten.  Which obituaries a member knows is
 * told as a sum of hashes, which is equal when the sets are.  It is told from
 * when nothing comes from that node any more: our own receiver may have a
 * connection to it that others do not have, and ends with the next response.
 * So what a report says of obituaries is read before its progress is.
 *
 * Coming back.  The forgotten one is turned away, and so is a later
 * incarnation that brings entries of the forgotten one which nobody else has:
 * they were written without knowing of what has been forgotten since.  The same
 * goes for entries of another forgotten one: the two may have gone on together.
 * Without such entries it is somebody new.  Nothing is lost: what it has
 * stays where it is.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xlog.h"
#include "common/hashfn.h"
#include "guc.h"
#include "storage/condition_variable.h"
#include "store/sql.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "worker/members.h"

/* The reports of others are passed on over a connection no more often. */
#define PASS_ON_MS		200

static bool
name_is(const char *name, CvgSlice slice)
{
	return strlen(name) == slice.len && memcmp(name, slice.data, slice.len) == 0;
}

/* Decoders have checked that a name fits. */
static void
set_name(char *dst, CvgSlice name)
{
	Assert(name.len < CVG_NAME_LEN);
	memcpy(dst, name.data, name.len);
	dst[name.len] = '\0';
}

CvgMemberSlot *
cvg_member_slot(CvgDb *db, CvgSlice node_name)
{
	int			i;

	for (i = 0; i < CVG_MAX_MEMBERS; i++)
	{
		if (db->members[i].in_use && name_is(db->members[i].node_name, node_name))
			return &db->members[i];
	}
	return NULL;
}

/* Slot of a node, made if need be; NULL when all are taken. */
static CvgMemberSlot *
make_slot(CvgDb *db, CvgSlice node_name)
{
	CvgMemberSlot *slot = cvg_member_slot(db, node_name);
	int			i;

	for (i = 0; i < CVG_MAX_MEMBERS && slot == NULL; i++)
	{
		if (!db->members[i].in_use)
		{
			slot = &db->members[i];
			memset(slot, 0, sizeof(CvgMemberSlot));
			slot->in_use = true;
			set_name(slot->node_name, node_name);
			/* until we know better; also what a first incarnation has */
			set_name(slot->replica_id, node_name);
		}
	}
	return slot;
}

/* ----------------------------------------------------------------
 *		Taking in reports
 * ----------------------------------------------------------------
 */

static bool
is_forgotten(const CvgMemberSlot *slot)
{
	return (slot->flags & CVG_REPORT_FORGOTTEN) != 0;
}

/* A CvgKnownFn; under db->lock. */
static bool
is_known(CvgSlice origin, void *arg)
{
	return cvg_origin_slot_by_name((CvgDb *) arg, origin) != NULL;
}

/* Clocks in a slot have room for the origins that are known here, only. */
static void
copy_clocks(CvgDb *db, CvgMemberSlot *slot, const CvgReport *report)
{
	int			i;

	for (i = 0; i < db->norigins; i++)
	{
		CvgSlice	id = cvg_slice_cstring(db->origins[i].replica_id);

		slot->progress[i] = cvg_vclock_get(report->progress, id);
		slot->horizon[i] = cvg_vclock_get(report->horizon, id);
	}
	if (cvg_report_is_partial(report, is_known, db))
		slot->flags |= CVG_REPORT_PARTIAL;
}

/*
 * The reporter's writes stamped up to its own horizon are in its entries up
 * to last_seq; if we have those, the horizon is ours too.
 */
static void
advance_horizon(CvgDb *db, const CvgReport *report)
{
	CvgOriginSlot *origin = cvg_origin_slot_by_name(db, report->replica_id);
	CvgStamp	horizon = cvg_vclock_get(report->horizon, report->replica_id);

	if (origin != NULL && origin->id != db->origin &&
		cvg_horizon_is_ours(origin->seq, report->last_seq) && horizon > origin->horizon)
		origin->horizon = horizon;
}

/* What we have of an origin; under db->lock. */
static int64
progress_of(CvgDb *db, CvgSlice origin)
{
	CvgOriginSlot *slot = cvg_origin_slot_by_name(db, origin);

	return slot != NULL ? slot->seq : 0;
}

void
cvg_member_absorb(CvgDb *db, const CvgReport *report, uint64 fresh_kick)
{
	CvgMemberSlot *slot;
	bool		wake = false;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	if (name_is(db->node_name, report->node_name))
	{
		LWLockRelease(&db->lock);
		return;
	}
	slot = make_slot(db, report->node_name);
	if (slot != NULL &&
		cvg_report_supersedes(report, cvg_slice_cstring(slot->replica_id),
							  slot->generation, slot->flags))
	{
		set_name(slot->replica_id, report->replica_id);
		slot->generation = report->generation;
		slot->last_seq = report->last_seq;
		slot->flags = report->flags;
		slot->obituaries = report->obituaries;
		slot->received_at = GetCurrentTimestamp();
		copy_clocks(db, slot, report);
	}
	if (slot != NULL && !is_forgotten(slot))
	{
		advance_horizon(db, report);
		if (fresh_kick > slot->kick_answered)
		{
			slot->kick_answered = fresh_kick;
			wake = true;
		}
	}
	LWLockRelease(&db->lock);

	/* for wait_for_sync() */
	if (wake)
		ConditionVariableBroadcast(&db->changed);
}

typedef struct Newcomer
{
	CvgDb	   *db;
	CvgSlice	name;
} Newcomer;

/* A CvgUnheardFn; under db->lock. */
static bool
is_unheard(CvgSlice origin, int64 seq, void *arg)
{
	Newcomer   *newcomer = arg;
	CvgDb	   *db = newcomer->db;
	int			i;

	if (progress_of(db, origin) >= seq)
		return false;
	for (i = 0; i < CVG_MAX_MEMBERS; i++)
	{
		CvgMemberSlot *slot = &db->members[i];

		if (slot->in_use && is_forgotten(slot) && !name_is(slot->node_name, newcomer->name) &&
			cvg_is_incarnation(origin, cvg_slice_cstring(slot->node_name)))
			return true;
	}
	return false;
}

void
cvg_member_admit(CvgDb *db, CvgSlice node_name, CvgSlice replica_id,
				 CvgSlice progress, CvgSlice past, CvgPeerSlot *link)
{
	Newcomer	newcomer = {db, node_name};
	CvgMemberSlot *slot;
	CvgAdmission admission = CVG_WELCOME;
	char		dead[CVG_NAME_LEN] = "";

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	slot = make_slot(db, node_name);
	if (slot != NULL)
	{
		CvgSlice	id = cvg_slice_cstring(slot->replica_id);

		admission = cvg_member_admission(id, slot->flags, replica_id, progress, past,
										 progress_of(db, id), is_unheard, &newcomer);
		strlcpy(dead, slot->replica_id, CVG_NAME_LEN);
	}
	if (slot != NULL && admission == CVG_WELCOME && link != NULL)
		link->admitted = true;
	LWLockRelease(&db->lock);

	if (slot == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many members"),
				 errdetail("A node can know at most %d others.", CVG_MAX_MEMBERS)));
	if (admission != CVG_WELCOME)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("node \"%.*s\" was removed by converge.forget_peer()",
						(int) node_name.len, (const char *) node_name.data),
				 admission == CVG_REMOVED ? 0 : admission == CVG_REMOVED_OTHERS ?
				 errdetail("It brings changes of another node that was removed.") :
				 errdetail("It brings changes of its earlier replica id \"%s\" that no other node has.", dead),
				 errhint("To join again, it needs an empty database and another converge.node_name.")));
}

void
cvg_member_keep_past(CvgSlice *kept, CvgSlice past)
{
	void	   *copy = MemoryContextAlloc(TopMemoryContext, past.len);

	memcpy(copy, past.data, past.len);
	if (kept->data != NULL)
		pfree((void *) kept->data);
	*kept = cvg_slice(copy, past.len);
}

/* ----------------------------------------------------------------
 *		Reporting
 * ----------------------------------------------------------------
 */

static uint64
hash_name(const char *name)
{
	return DatumGetUInt64(hash_any_extended((const unsigned char *) name,
											(int) strlen(name), 0));
}

/* May our receiver still apply what comes from the node?  Under db->lock. */
static bool
takes_from(CvgDb *db, const CvgMemberSlot *slot)
{
	bool		found = false;
	int			i;

	for (i = 0; i < CVG_MAX_PEERS && !found; i++)
		found = db->peers[i].admitted && strcmp(db->peers[i].name, slot->node_name) == 0;
	return found;
}

/* The obituaries that we know and act on; under db->lock. */
static uint64
obituary_sum(CvgDb *db)
{
	uint64		sum = 0;
	int			i;

	for (i = 0; i < CVG_MAX_MEMBERS; i++)
	{
		CvgMemberSlot *slot = &db->members[i];

		if (slot->in_use)
			sum += cvg_obituary(cvg_slice_cstring(slot->replica_id), slot->flags,
								takes_from(db, slot));
	}
	return sum;
}

void
cvg_member_own_report(CvgDb *db, CvgReport *report)
{
	XLogRecPtr	lsn;

	memset(report, 0, sizeof(*report));
	report->generation = cvg_stamp_draw(db);
	LWLockAcquire(&db->lock, LW_SHARED);
	report->obituaries = obituary_sum(db);
	LWLockRelease(&db->lock);
	report->horizon = cvg_horizon_clock(db, &report->last_seq);
	report->progress = cvg_progress_clock(db);

	/* the clocks were read before the positions, which cover them */
	LWLockAcquire(&db->commit_lock, LW_SHARED);
	lsn = db->last_commit_lsn;
	LWLockRelease(&db->commit_lock);
	LWLockAcquire(&db->lock, LW_SHARED);
	lsn = Max(lsn, db->apply_lsn);
	report->node_name = cvg_slice_cstring(pstrdup(db->node_name));
	report->replica_id = cvg_slice_cstring(pstrdup(db->replica_id));
	LWLockRelease(&db->lock);
	if (!XLogRecPtrIsInvalid(lsn))
		XLogFlush(lsn);
}

/* Clock of one value per origin; palloc'ed. */
static CvgSlice
clock_of(CvgDb *db, const int64 *values)
{
	CvgClockEntry entries[CVG_MAX_ORIGINS];
	CvgBuf		out;
	int			i;

	for (i = 0; i < db->norigins; i++)
	{
		entries[i].id = cvg_slice_cstring(db->origins[i].replica_id);
		entries[i].value = values[i];
	}
	cvg_buf_init(&out);
	if (cvg_vclock_from_entries(entries, db->norigins, &out) != CVG_OK)
		cvg_vclock_empty(&out);
	return cvg_buf_slice(&out);
}

/* A member's report as we have it; under db->lock, out of reserved memory. */
static void
report_of(CvgDb *db, const CvgMemberSlot *slot, CvgReport *report)
{
	report->node_name = cvg_slice_cstring(pstrdup(slot->node_name));
	report->replica_id = cvg_slice_cstring(pstrdup(slot->replica_id));
	report->generation = slot->generation;
	report->last_seq = slot->last_seq;
	report->progress = clock_of(db, slot->progress);
	report->horizon = clock_of(db, slot->horizon);
	report->obituaries = slot->obituaries;
	report->flags = slot->flags;
}

/*
 * A private copy of what the clocks need, so that nothing that may fail is
 * done under the lock.
 */
static CvgDb *
copy_db(CvgDb *db)
{
	CvgDb	   *copy = palloc(sizeof(CvgDb));

	LWLockAcquire(&db->lock, LW_SHARED);
	memcpy(copy, db, sizeof(CvgDb));
	LWLockRelease(&db->lock);
	return copy;
}

CvgReport *
cvg_member_reports(CvgDb *db, CvgPassedOn *passed, int *nreports)
{
	CvgReport  *reports = palloc0(sizeof(CvgReport) * (CVG_MAX_MEMBERS + 1));
	TimestampTz now = GetCurrentTimestamp();
	CvgDb	   *copy;
	int			n = 1;
	int			i;

	cvg_member_own_report(db, &reports[0]);
	*nreports = n;
	if (!TimestampDifferenceExceeds(passed->at, now, PASS_ON_MS))
		return reports;
	passed->at = now;
	copy = copy_db(db);
	for (i = 0; i < CVG_MAX_MEMBERS; i++)
	{
		CvgMemberSlot *slot = &copy->members[i];

		/* one that never reported is passed on too: it is a member */
		if (!slot->in_use || slot->generation < passed->generation[i])
			continue;
		report_of(copy, slot, &reports[n++]);
		passed->generation[i] = slot->generation + 1;
	}
	*nreports = n;
	return reports;
}

/* ----------------------------------------------------------------
 *		Membership on disk
 * ----------------------------------------------------------------
 */

/* One row of converge.members. */
static void
load_member(CvgDb *db, const char *node_name, const char *replica_id, bool forgotten)
{
	CvgStamp	generation = cvg_stamp_draw(db);
	CvgMemberSlot *slot;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	slot = cvg_member_slot(db, cvg_slice_cstring(node_name));
	if (slot == NULL && strlen(node_name) < CVG_NAME_LEN &&
		strlen(replica_id) < CVG_NAME_LEN && strcmp(node_name, db->node_name) != 0)
	{
		slot = make_slot(db, cvg_slice_cstring(node_name));
		if (slot != NULL)
			set_name(slot->replica_id, cvg_slice_cstring(replica_id));
	}

	/* forget_peer() was called: the slot becomes the obituary */
	if (slot != NULL && forgotten && !is_forgotten(slot) &&
		strcmp(slot->replica_id, replica_id) == 0)
	{
		slot->flags |= CVG_REPORT_FORGOTTEN;
		slot->generation = Max(generation, slot->generation + 1);
	}
	LWLockRelease(&db->lock);
}

void
cvg_members_load(CvgDb *db)
{
	uint64		n = cvg_sql("SELECT node_name, replica_id, forgotten "
							"FROM converge.members", "");
	uint64		i;

	for (i = 0; i < n; i++)
		load_member(db, cvg_sql_text(i, 1), cvg_sql_text(i, 2), cvg_sql_bool(i, 3));
}

uint64
cvg_members_hash(CvgDb *db)
{
	uint64		hash = 1;
	int			i;

	LWLockAcquire(&db->lock, LW_SHARED);
	for (i = 0; i < CVG_MAX_MEMBERS; i++)
	{
		CvgMemberSlot *slot = &db->members[i];

		if (!slot->in_use)
			continue;
		hash = hash_combine64(hash, hash_name(slot->node_name));
		hash = hash_combine64(hash, hash_name(slot->replica_id) + is_forgotten(slot));
	}
	LWLockRelease(&db->lock);
	return hash;
}

void
cvg_members_save(CvgDb *db)
{
	CvgDb	   *copy = copy_db(db);
	int			i;

	for (i = 0; i < CVG_MAX_MEMBERS; i++)
	{
		CvgMemberSlot *slot = &copy->members[i];

		if (!slot->in_use)
			continue;
		cvg_sql("INSERT INTO converge.members AS m (node_name, replica_id, forgotten) "
				"VALUES ($1, $2, $3) ON CONFLICT (node_name) DO UPDATE SET "
				"replica_id = excluded.replica_id, forgotten = excluded.forgotten "
				"WHERE m.replica_id <> excluded.replica_id "
				"OR (excluded.forgotten AND NOT m.forgotten)",
				"ssb", slot->node_name, slot->replica_id, is_forgotten(slot));
	}
	pfree(copy);
}

void
cvg_member_expect(CvgDb *db, const char *node_name)
{
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	(void) make_slot(db, cvg_slice_cstring(node_name));
	LWLockRelease(&db->lock);
}

/* ----------------------------------------------------------------
 *		What all members have
 * ----------------------------------------------------------------
 */

CvgMember *
cvg_members_known(CvgDb *db, int *nmembers)
{
	CvgMember  *members = palloc0(sizeof(CvgMember) * CVG_MAX_MEMBERS);
	CvgDb	   *copy = copy_db(db);
	int			n = 0;
	int			i;

	for (i = 0; i < CVG_MAX_MEMBERS; i++)
	{
		CvgMemberSlot *slot = &copy->members[i];

		if (!slot->in_use)
			continue;
		report_of(copy, slot, &members[n].report);
		members[n++].taking = takes_from(copy, slot);
	}
	pfree(copy);
	*nmembers = n;
	return members;
}

bool
cvg_members_stable(CvgDb *db, CvgStamp limit, CvgSlice *stable)
{
	CvgSlice	old = cvg_stable_clock(db);
	CvgSlice	horizon = cvg_horizon_clock(db, NULL);
	int			nmembers;
	CvgMember  *members = cvg_members_known(db, &nmembers);
	char		node_name[CVG_NAME_LEN];
	CvgBuf		out;
	bool		grew;

	LWLockAcquire(&db->lock, LW_SHARED);
	strlcpy(node_name, db->node_name, CVG_NAME_LEN);
	LWLockRelease(&db->lock);

	/* progress read after the reports is progress that they may rely on */
	cvg_buf_init(&out);
	if (cvg_members_advance(old, horizon, cvg_slice_cstring(node_name), members, nmembers,
							cvg_progress_clock(db), limit, &grew, &out) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the stable clock has too many entries")));
	*stable = cvg_buf_slice(&out);
	return grew;
}
