/*-------------------------------------------------------------------------
 *
 * janitor.c
 *	  Housekeeping of one database.
 *
 * Stable clock.  S may grow only from reports of every member, so we need to
 * know all members: those in converge.members that are not forgotten, and the
 * configured peers that have never been heard of (they hold S where it is).
 * S is committed first and published in shared memory afterwards: a decision
 * ("this tombstone counts as absent") never rests on an S that a crash could
 * take back.  stable_version is bumped with it, and the next own entry
 * carries S to the others.
 *
 * Log ring.  Inserts go to the segment db->log_segment.  When it is large, the
 * next one becomes current if it is empty; if it is not, its entries are cut first
 * (all members have them, or they are too old, or the log is too large), else
 * the current one grows on.  A backend may have read the old number and
 * insert into a segment that is no longer current; so the cut takes an access
 * exclusive lock (if it is to be had at once: nobody queues behind us) before it
 * looks at what the segment holds: whoever inserted there has ended, and
 * whoever comes later finds the segment empty and is kept.  The floors ("entries up to
 * here are gone") are written in the transaction that truncates.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "core/peers.h"
#include "core/stability.h"
#include "guc.h"
#include "storage/lmgr.h"
#include "store/meta.h"
#include "store/sql.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "worker/apply.h"
#include "worker/janitor.h"

#define STABLE_INTERVAL_MS		5000
#define QUARANTINE_INTERVAL_MS	1000
#define LOG_INTERVAL_MS			5000
#define TRIM_INTERVAL_MS		60000
#define TOMBSTONE_INTERVAL_MS	10000

/* Blocks of converge.tombstones looked at in one go. */
#define TOMBSTONE_BLOCKS		1024

static TimestampTz next_stable = 0;
static TimestampTz next_quarantine = 0;
static TimestampTz next_log = 0;
static TimestampTz next_trim = 0;
static TimestampTz next_tombstones = 0;
static int64 tombstone_block = 0;
static uint64 tombstones_done_for = 0;	/* stable_version of the last whole pass */
static uint64 tombstone_pass = 0;	/* stable_version when this pass began */

/* Is it time?  If so, set when it is time again. */
static bool
due(TimestampTz *next, int64 interval_ms)
{
	TimestampTz now = GetCurrentTimestamp();

	/* a clock that was set back must not stop the work for an hour */
	if (now < *next && *next < TimestampTzPlusMilliseconds(now, interval_ms))
		return false;
	*next = TimestampTzPlusMilliseconds(now, interval_ms);
	return true;
}

/* ----------------------------------------------------------------
 *		Members
 * ----------------------------------------------------------------
 */

/* Write members heard of to the table. */
static void
save_members(CvgDb *db)
{
	char		names[CVG_MAX_MEMBERS][CVG_NAME_LEN];
	char		ids[CVG_MAX_MEMBERS][CVG_NAME_LEN];
	bool		forgotten[CVG_MAX_MEMBERS];
	int			n = 0;
	int			i;

	LWLockAcquire(&db->lock, LW_SHARED);
	for (i = 0; i < CVG_MAX_MEMBERS; i++)
	{
		if (!db->members[i].in_use)
			continue;
		strlcpy(names[n], db->members[i].node_name, CVG_NAME_LEN);
		strlcpy(ids[n], db->members[i].replica_id, CVG_NAME_LEN);
		forgotten[n++] = (db->members[i].flags & CVG_REPORT_FORGOTTEN) != 0;
	}
	LWLockRelease(&db->lock);
	for (i = 0; i < n; i++)
	{
		/* look first: an upsert would lock the row, and write WAL for that */
		if (cvg_sql("SELECT 1 FROM converge.members WHERE node_name = $1 "
					"AND replica_id = $2 AND (forgotten OR NOT $3)",
					"ssb", names[i], ids[i], forgotten[i]) > 0)
			continue;
		cvg_sql("INSERT INTO converge.members AS m (node_name, replica_id, forgotten) VALUES ($1, $2, $3) "
				"ON CONFLICT (node_name) DO UPDATE SET replica_id = excluded.replica_id, "
				"forgotten = m.forgotten OR excluded.forgotten "
				"WHERE m.replica_id <> excluded.replica_id OR (excluded.forgotten AND NOT m.forgotten)",
				"ssb", names[i], ids[i], forgotten[i]);
	}
}

/* Mark the slots of members that the table says are forgotten. */
static void
load_forgotten(CvgDb *db)
{
	uint64		n = cvg_sql("SELECT node_name FROM converge.members WHERE forgotten", "");
	uint64		i;
	int			j;

	for (i = 0; i < n; i++)
	{
		char	   *name = cvg_sql_text(i, 1);

		LWLockAcquire(&db->lock, LW_EXCLUSIVE);
		for (j = 0; j < CVG_MAX_MEMBERS; j++)
		{
			if (db->members[j].in_use && strcmp(db->members[j].node_name, name) == 0)
				db->members[j].flags |= CVG_REPORT_FORGOTTEN;
		}
		LWLockRelease(&db->lock);
	}
}

/*
 * Does somebody exist of whom we have no report: a member in the table, or a
 * configured peer that never spoke to us?
 */
static bool
somebody_is_silent(CvgDb *db)
{
	uint64		n = cvg_sql("SELECT node_name FROM converge.members WHERE NOT forgotten", "");
	bool		silent = false;
	uint64		i;
	int			j;

	for (i = 0; i < n && !silent; i++)
	{
		char	   *name = cvg_sql_text(i, 1);
		bool		found = strcmp(name, db->node_name) == 0;

		LWLockAcquire(&db->lock, LW_SHARED);
		for (j = 0; j < CVG_MAX_MEMBERS && !found; j++)
			found = db->members[j].in_use && strcmp(db->members[j].node_name, name) == 0;
		LWLockRelease(&db->lock);
		silent = !found;
	}
	LWLockAcquire(&db->lock, LW_SHARED);
	for (j = 0; j < CVG_MAX_PEERS; j++)
	{
		if (db->peers[j].in_use && db->peers[j].replica_id[0] == '\0')
			silent = true;
	}
	LWLockRelease(&db->lock);
	return silent;
}

/* ----------------------------------------------------------------
 *		Stable clock
 * ----------------------------------------------------------------
 */

static CvgSlice
clock_of(CvgDb *db, int norigins, const int64 *values)
{
	CvgClockEntry entries[CVG_MAX_ORIGINS];
	CvgBuf		out;
	int			i;

	for (i = 0; i < norigins; i++)
	{
		/* slots are appended only, and ids never change */
		entries[i].id = cvg_slice_cstring(db->origins[i].replica_id);
		entries[i].value = values[i];
	}
	cvg_buf_init(&out);
	if (cvg_vclock_from_entries(entries, norigins, &out) != CVG_OK)
		elog(ERROR, "could not form a member's clock");
	return cvg_buf_slice(&out);
}

/* Reports of all members that are not forgotten. */
static int
collect_reports(CvgDb *db, CvgReport *reports)
{
	int			n = 0;
	int			i;

	for (i = 0; i < CVG_MAX_MEMBERS; i++)
	{
		CvgMemberSlot *copy = palloc(sizeof(CvgMemberSlot));
		int			norigins;

		LWLockAcquire(&db->lock, LW_SHARED);
		*copy = db->members[i];
		norigins = db->norigins;
		LWLockRelease(&db->lock);
		if (!copy->in_use || (copy->flags & CVG_REPORT_FORGOTTEN))
			continue;
		memset(&reports[n], 0, sizeof(CvgReport));
		reports[n].node_name = cvg_slice_cstring(copy->node_name);
		reports[n].replica_id = cvg_slice_cstring(copy->replica_id);
		reports[n].generation = copy->generation;
		reports[n].last_seq = copy->last_seq;
		reports[n].horizon = clock_of(db, norigins, copy->horizon);
		n++;
	}
	return n;
}

static int64
progress_of_origin(CvgSlice origin, void *arg)
{
	CvgDb	   *db = arg;
	CvgOriginSlot *slot;
	int64		seq;

	LWLockAcquire(&db->lock, LW_SHARED);
	slot = cvg_origin_slot_by_name(db, origin);
	seq = slot ? slot->seq : 0;
	LWLockRelease(&db->lock);
	return seq;
}

static void
publish_stable(CvgDb *db, CvgSlice stable)
{
	int			i;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	for (i = 0; i < db->norigins; i++)
	{
		CvgStamp	stamp = cvg_vclock_get(stable, cvg_slice_cstring(db->origins[i].replica_id));

		db->stable[i] = Max(db->stable[i], stamp);
	}
	LWLockRelease(&db->lock);
	pg_atomic_fetch_add_u64(&db->stable_version, 1);
}

static void
write_stable(CvgSlice stable)
{
	Relation	rel = table_open(cvg_table_oid(CVG_T_NODE), RowExclusiveLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	tuple = systable_getnext(scan);
	bytea	   *value = palloc(VARHDRSZ + stable.len);
	int			attnum = get_attnum(RelationGetRelid(rel), "stable");
	Datum		datum = PointerGetDatum(value);
	bool		isnull = false;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "converge.node is empty");
	SET_VARSIZE(value, VARHDRSZ + stable.len);
	memcpy(VARDATA(value), stable.data, stable.len);
	simple_heap_update(rel, &tuple->t_self,
					   heap_modify_tuple_by_cols(tuple, RelationGetDescr(rel), 1,
												 &attnum, &datum, &isnull));
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
}

static void
advance_stable(CvgDb *db)
{
	CvgReport  *reports;
	CvgSlice	stable = {NULL, 0};
	CvgBuf		out;
	bool		grew = false;
	int			n;

	cvg_sql_begin();
	save_members(db);
	load_forgotten(db);
	/* S serves tombstones only; an idle node without them writes nothing */
	if (cvg_sql("SELECT 1 FROM converge.tombstones LIMIT 1", "") > 0 &&
		!somebody_is_silent(db))
	{
		reports = palloc(sizeof(CvgReport) * CVG_MAX_MEMBERS);
		n = collect_reports(db, reports);
		cvg_buf_init(&out);
		if (cvg_stable_advance(cvg_stable_clock(db), cvg_horizon_clock(db, NULL),
							   reports, n, progress_of_origin, db, &grew, &out) != CVG_OK)
			grew = false;
		if (grew)
		{
			uint8	   *copy = MemoryContextAlloc(TopMemoryContext, out.len);

			write_stable(cvg_buf_slice(&out));
			memcpy(copy, out.data, out.len);
			stable = cvg_slice(copy, out.len);
		}
	}
	cvg_sql_end();
	if (grew)
	{
		publish_stable(db, stable);
		pfree((void *) stable.data);
	}
}

/* ----------------------------------------------------------------
 *		Tombstones
 * ----------------------------------------------------------------
 */

/* Drop stable tombstones in the next blocks of the table. */
static void
drop_tombstones(CvgDb *db)
{
	uint64		version = pg_atomic_read_u64(&db->stable_version);
	CvgSlice	stable;
	int64		blocks;

	if (tombstone_block == 0)
		tombstone_pass = version;
	if (tombstone_pass == tombstones_done_for)
		return;					/* S has not grown since the last pass */
	cvg_sql_begin();
	(void) cvg_sql("SELECT pg_catalog.pg_relation_size('converge.tombstones') / "
				   "pg_catalog.current_setting('block_size')::int8", "");
	blocks = cvg_sql_int64(0, 1);
	stable = cvg_stable_clock(db);
	if (tombstone_block >= blocks)
	{
		tombstone_block = 0;
		tombstones_done_for = tombstone_pass;
	}
	else if (cvg_vclock_count(stable) > 0)
	{
		CvgBuf		text;

		cvg_buf_init(&text);
		cvg_vclock_print(stable, &text);
		cvg_put_u8(&text, 0);
		cvg_sql("DELETE FROM converge.tombstones "
				"WHERE ctid >= pg_catalog.format('(%s,0)', $1)::pg_catalog.tid "
				"AND ctid < pg_catalog.format('(%s,0)', $2)::pg_catalog.tid "
				"AND converge.clock(state) OPERATOR(converge.<=) $3::converge.vclock",
				"lls", tombstone_block, tombstone_block + TOMBSTONE_BLOCKS,
				(char *) text.data);
		tombstone_block += TOMBSTONE_BLOCKS;
	}
	else
		tombstones_done_for = tombstone_pass;
	cvg_sql_end();
}

/* ----------------------------------------------------------------
 *		Log ring
 * ----------------------------------------------------------------
 */

/* Last entry of each origin in one segment. */
typedef struct SegmentContent
{
	int			n;
	int32		origin[CVG_MAX_ORIGINS];
	int64		seq[CVG_MAX_ORIGINS];
	CvgStamp	stamp[CVG_MAX_ORIGINS];
} SegmentContent;

static void
read_segment(CvgDb *db, int segment, SegmentContent *content)
{
	int32		ids[CVG_MAX_ORIGINS];
	int			n;
	int			i;

	LWLockAcquire(&db->lock, LW_SHARED);
	n = db->norigins;
	for (i = 0; i < n; i++)
		ids[i] = db->origins[i].id;
	LWLockRelease(&db->lock);
	content->n = 0;
	for (i = 0; i < n; i++)
	{
		char	   *sql = psprintf("SELECT seq, stamp FROM converge.log_%d "
								   "WHERE origin = $1 AND seq > 0 ORDER BY seq DESC LIMIT 1",
								   segment);

		if (cvg_sql(sql, "i", ids[i]) == 0)
			continue;
		content->origin[content->n] = ids[i];
		content->seq[content->n] = cvg_sql_int64(0, 1);
		content->stamp[content->n] = cvg_sql_int64(0, 2);
		content->n++;
	}
}

/* Have all members acknowledged everything in the segment? */
static bool
all_have(CvgDb *db, const SegmentContent *content)
{
	bool		have = !somebody_is_silent(db);
	int			i;
	int			j;
	int			k;

	LWLockAcquire(&db->lock, LW_SHARED);
	for (i = 0; i < CVG_MAX_MEMBERS && have; i++)
	{
		CvgMemberSlot *m = &db->members[i];

		if (!m->in_use || (m->flags & CVG_REPORT_FORGOTTEN))
			continue;
		for (j = 0; j < content->n && have; j++)
		{
			for (k = 0; k < db->norigins; k++)
			{
				/* what a member wrote itself it has */
				if (db->origins[k].id == content->origin[j] &&
					strcmp(db->origins[k].replica_id, m->replica_id) != 0 &&
					m->progress[k] < content->seq[j])
					have = false;
			}
		}
	}
	LWLockRelease(&db->lock);
	return have;
}

static bool
all_old(const SegmentContent *content)
{
	CvgStamp	limit = GetCurrentTimestamp() - (int64) cvg_max_hint_age_s * USECS_PER_SEC;
	int			i;

	for (i = 0; i < content->n; i++)
	{
		if (content->stamp[i] > limit)
			return false;
	}
	return true;
}

static int64
segment_bytes(int segment)
{
	cvg_sql(psprintf("SELECT pg_catalog.pg_total_relation_size('converge.log_%d')", segment), "");
	return cvg_sql_int64(0, 1);
}

static int64
log_bytes(void)
{
	int64		sum = 0;
	int			i;

	for (i = 0; i < CVG_LOG_SEGMENTS; i++)
		sum += segment_bytes(i);
	return sum;
}

/* Has the segment been used since it was truncated? */
static bool
segment_is_empty(int segment)
{
	cvg_sql(psprintf("SELECT pg_catalog.pg_relation_size('converge.log_%d')", segment), "");
	return cvg_sql_int64(0, 1) == 0;
}

/* In the transaction that truncates: note what is gone. */
static void
write_floors(const SegmentContent *content)
{
	int			i;

	for (i = 0; i < content->n; i++)
		cvg_sql("INSERT INTO converge.progress AS p (origin, seq, stamp, horizon, floor) "
				"VALUES ($1, $2, $3, 0, $2) ON CONFLICT (origin) DO UPDATE SET "
				"floor = GREATEST(p.floor, excluded.floor)",
				"ill", content->origin[i], content->seq[i], content->stamp[i]);
}

static void
publish_floors(CvgDb *db, const SegmentContent *content)
{
	int			i;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	for (i = 0; i < content->n; i++)
	{
		CvgOriginSlot *slot = cvg_origin_slot(db, content->origin[i]);

		if (slot != NULL)
			slot->floor = Max(slot->floor, content->seq[i]);
	}
	LWLockRelease(&db->lock);
}

/* Cut a segment if nobody needs it, or it is time.  True when it is empty. */
static bool
cut_segment(CvgDb *db, int segment)
{
	SegmentContent *content = MemoryContextAlloc(TopMemoryContext, sizeof(SegmentContent));
	const char *why = NULL;
	bool		empty = false;

	cvg_sql_begin();
	if (segment_is_empty(segment))
		empty = true;
	else if (ConditionalLockRelationOid(cvg_table_oid(CVG_T_LOG_0 + segment),
										AccessExclusiveLock))
	{
		read_segment(db, segment, content);
		if (all_have(db, content))
			why = "every node has its entries";
		else if (all_old(content))
			why = "its entries are older than converge.max_hint_age";
		else if (log_bytes() > (int64) cvg_max_log_size_mb * 1024 * 1024)
			why = "the log is larger than converge.max_log_size";
		if (why != NULL)
		{
			write_floors(content);
			cvg_sql(psprintf("TRUNCATE converge.log_%d", segment), "");
			empty = true;
		}
	}
	cvg_sql_end();
	if (why != NULL)
	{
		publish_floors(db, content);
		ereport(LOG,
				(errmsg("change log segment %d was cut: %s", segment, why)));
	}
	pfree(content);
	return empty;
}

static void
rotate_log(CvgDb *db)
{
	int			current = db->log_segment;
	int			next = (current + 1) % CVG_LOG_SEGMENTS;
	bool		full;
	bool		over;
	bool		rotate;
	int			i;

	cvg_sql_begin();
	full = segment_bytes(current) > (int64) cvg_log_segment_size_mb * 1024 * 1024;
	over = log_bytes() > (int64) cvg_max_log_size_mb * 1024 * 1024;
	cvg_sql_end();

	/* oldest first; stop at the first that is still needed */
	for (i = 0; i < CVG_LOG_SEGMENTS - 1; i++)
	{
		if (!cut_segment(db, (next + i) % CVG_LOG_SEGMENTS))
			break;
	}
	if (!(full || over))
		return;
	cvg_sql_begin();
	rotate = segment_is_empty(next) && !segment_is_empty(current);
	if (rotate)
		cvg_sql("UPDATE converge.node SET log_segment = $1", "i", next);
	cvg_sql_end();
	if (rotate)
	{
		LWLockAcquire(&db->lock, LW_EXCLUSIVE);
		db->log_segment = next;
		LWLockRelease(&db->lock);
	}
}

/* ----------------------------------------------------------------
 *		The rest
 * ----------------------------------------------------------------
 */

static void
trim_conflict_log(void)
{
	cvg_sql_begin();
	cvg_sql("DELETE FROM converge.conflict_log WHERE at < pg_catalog.now() - "
			"pg_catalog.make_interval(secs => $1)", "i", cvg_conflict_retention_s);
	cvg_sql("DELETE FROM converge.conflict_log WHERE id <= "
			"(SELECT max(id) FROM converge.conflict_log) - $1::int8", "i",
			cvg_conflict_limit);
	cvg_sql_end();
}

static void
sweep_quarantine(void)
{
	bool		any;

	cvg_sql_begin();
	any = cvg_sql("SELECT 1 FROM converge.quarantine LIMIT 1", "") > 0;
	cvg_sql_end();
	if (any)
		cvg_quarantine_sweep();
}

void
cvg_janitor_run(CvgDb *db)
{
	if (due(&next_stable, STABLE_INTERVAL_MS))
		advance_stable(db);
	if (due(&next_quarantine, QUARANTINE_INTERVAL_MS))
		sweep_quarantine();
	if (due(&next_tombstones, TOMBSTONE_INTERVAL_MS))
		drop_tombstones(db);
	if (due(&next_log, LOG_INTERVAL_MS))
		rotate_log(db);
	if (due(&next_trim, TRIM_INTERVAL_MS))
		trim_conflict_log();
}
