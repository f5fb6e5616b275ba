/*-------------------------------------------------------------------------
 *
 * identity.c
 *	  Who this node is: replica id and incarnation.
 *
 * The rule that all of this serves: no dot and no seq is ever used twice with
 * a meaning that somebody else may have seen.  A node that may have forgotten
 * some of its past therefore goes on under a new replica id (an
 * incarnation); what it remembers of the old one stays as it is, and what
 * only others know of it comes back from them as from any origin.
 *
 * How a lost past is noticed.  converge.node records where it was written:
 * system identifier, timeline, database, inode of global/pg_control (a
 * restored copy of the files has another one), node name.  What copies all of
 * these (the snapshot of a whole machine) is noticed by a peer that knows
 * more entries of ours than we do; the manager calls cvg_identity_renew()
 * then.
 *
 * Loading.  Any backend may do it, the first one that needs it does; it only
 * reads.  The result is published under both locks, by whoever comes first.
 *	 last_seq: the last own entry in the log, or the floor when the log was
 *	 cut.  A seq that was taken but never committed and flushed before a crash
 *	 was told to nobody and is taken again.
 *	 hlc: above every stamp we may have drawn or told.  Stamps of lost
 *	 transactions may be above the log's, but not above stamp_ceiling if any
 *	 horizon that was told covers them; that is what the ceiling is for, and
 *	 why new stamps start above it even if the wall clock went back an hour.
 *
 * Renewal.  The manager does it, with its receivers stopped.  "renewing" and
 * "not ready" keep everybody else from loading and from taking seqs; the
 * seqs in flight are awaited.  Then, in one transaction: new replica id and
 * origin; the old one becomes an ordinary origin whose progress is its last
 * entry in our log that is certain (below); the node row.  A crash before its
 * commit leaves the old identity, with the same finding at the next start.
 * Transactions that have stamped rows under the old id and not yet taken a
 * seq fail at commit (xactlog.c compares origins).
 *
 * What is certain of the past (core/incarnation.h).  The end of the log of a
 * promoted standby or a restored backup may have entry n + 1 and not n.  And
 * after a loss that went unnoticed, entries that no peer has confirmed carry
 * seqs that an unknown other entry has too.  Those above what is certain are
 * moved to the new origin in the same transaction: as many as no peer has had
 * yet, and those of the last seconds.  The first of them gets a dependency on
 * what stays, so that they come after it everywhere.  past.c does it.
 *
 * Confirmed is an own entry that a peer asked on from, or that an entry of
 * another origin depends on.  The first is noted with the ceiling, in
 * converge.node.confirmed_seq; the second in converge.progress.own_seq, in the
 * transaction that applies the entry.  So when the log has an entry that
 * depends on one of ours, all of ours up to that are certain, and stay where
 * they can be found under the number that it names.
 *
 * A row that was written under the old id since a loss nobody knew of keeps
 * its dot, which then covers dots of the lost past that are not in the row.
 * No clock can tell: such rows may differ in columns until they are written
 * again.  Therefore nobody is served once the loss is known, and a warning
 * names what had been taken from us before.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <sys/stat.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "core/horizon.h"
#include "core/incarnation.h"
#include "guc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "store/changelog.h"
#include "store/identity.h"
#include "store/meta.h"
#include "store/past.h"
#include "store/sql.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "wait_event.h"

/*
 * How far the durable ceiling is moved ahead of the wall clock at a time.
 * After a restart stamps may be that far ahead of it.  Farther on an idle
 * node, where moving it is the only commit there is; but well within what
 * peers take for a clock that is right.
 */
#define CEILING_LEAD_US		(2 * USECS_PER_SEC)
#define CEILING_LEAD_IDLE_US	(10 * USECS_PER_SEC)
#define CEILING_SKEW_PART	4

StaticAssertDecl(CEILING_LEAD_IDLE_US <= CVG_NOTE_LAG_US,
				 "what is confirmed is noted when the ceiling is moved");

#define SUFFIX_LEN			4

/* Where a node row was written. */
typedef struct Fingerprint
{
	int64		system_identifier;
	int32		timeline;
	Oid			database_oid;
	int64		file_id;
} Fingerprint;

/* The row of converge.node. */
typedef struct NodeRow
{
	char		replica_id[CVG_NAME_LEN];
	char		node_name[CVG_NAME_LEN];
	int32		origin;
	Fingerprint where;
	int64		stamp_ceiling;
	int32		log_segment;
	CvgSlice	stable;
	int64		confirmed_seq;
} NodeRow;

/* Everything that goes into shared memory. */
typedef struct Loaded
{
	NodeRow		node;
	int			norigins;
	CvgOriginSlot origins[CVG_MAX_ORIGINS];
	int64		last_seq;
	int64		confirmed_seq;	/* by what is in node and in progress */
	CvgStamp	hlc;
	uint64		boot_id;
} Loaded;

/* ----------------------------------------------------------------
 *		Reading
 * ----------------------------------------------------------------
 */

static void
get_fingerprint(Fingerprint *where)
{
	struct stat st;

	if (stat("global/pg_control", &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", "global/pg_control")));
	where->system_identifier = (int64) GetSystemIdentifier();
	where->timeline = (int32) GetWALInsertionTimeLine();
	where->database_oid = MyDatabaseId;
	where->file_id = (int64) st.st_ino;
}

/* Copy a text column; the caller's buffer has CVG_NAME_LEN bytes. */
static void
copy_name(char *dst, Datum value)
{
	strlcpy(dst, TextDatumGetCString(value), CVG_NAME_LEN);
}

static bool
read_node(Snapshot snapshot, NodeRow *node)
{
	Relation	rel = table_open(cvg_table_oid(CVG_T_NODE), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	tuple = systable_getnext(scan);
	bool		found = HeapTupleIsValid(tuple);

	if (found)
	{
		Datum		values[13];
		bool		nulls[13];
		struct varlena *stable;

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		copy_name(node->replica_id, values[1]);
		copy_name(node->node_name, values[2]);
		node->origin = DatumGetInt32(values[3]);
		node->where.system_identifier = DatumGetInt64(values[4]);
		node->where.timeline = DatumGetInt32(values[5]);
		node->where.database_oid = DatumGetObjectId(values[6]);
		node->where.file_id = DatumGetInt64(values[7]);
		node->stamp_ceiling = DatumGetInt64(values[8]);
		node->log_segment = DatumGetInt32(values[9]);
		stable = PG_DETOAST_DATUM_COPY(values[10]);
		node->stable = cvg_slice(VARDATA(stable), VARSIZE(stable) - VARHDRSZ);
		node->confirmed_seq = DatumGetInt64(values[12]);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* Does the row speak of this server, database and name? */
static bool
node_fits(const NodeRow *node)
{
	Fingerprint here;

	get_fingerprint(&here);
	return node->where.system_identifier == here.system_identifier &&
		node->where.timeline == here.timeline &&
		node->where.database_oid == here.database_oid &&
		node->where.file_id == here.file_id &&
		strcmp(node->node_name, cvg_node_name) == 0;
}

static CvgOriginSlot *
find_loaded(Loaded *l, int32 id)
{
	int			i;

	for (i = 0; i < l->norigins; i++)
	{
		if (l->origins[i].id == id)
			return &l->origins[i];
	}
	return NULL;
}

static void
read_origins(Snapshot snapshot, Loaded *l)
{
	Relation	rel = table_open(cvg_table_oid(CVG_T_ORIGINS), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	tuple;

	l->norigins = 0;
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		CvgOriginSlot *slot;
		Datum		values[3];
		bool		nulls[3];

		if (l->norigins >= CVG_MAX_ORIGINS)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("converge.origins has more than %d rows", CVG_MAX_ORIGINS)));
		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		slot = &l->origins[l->norigins++];
		memset(slot, 0, sizeof(CvgOriginSlot));
		slot->id = DatumGetInt32(values[0]);
		copy_name(slot->replica_id, values[1]);
		slot->moved_seq = DatumGetInt64(values[2]);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static void
read_progress(Snapshot snapshot, Loaded *l)
{
	Relation	rel = table_open(cvg_table_oid(CVG_T_PROGRESS), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	tuple;

	l->confirmed_seq = l->node.confirmed_seq;
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		CvgOriginSlot *slot;
		Datum		values[6];
		bool		nulls[6];

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		slot = find_loaded(l, DatumGetInt32(values[0]));
		if (slot == NULL)
			continue;
		slot->seq = slot->pending_seq = DatumGetInt64(values[1]);
		slot->stamp = DatumGetInt64(values[2]);
		slot->horizon = DatumGetInt64(values[3]);
		slot->floor = DatumGetInt64(values[4]);
		l->confirmed_seq = Max(l->confirmed_seq, DatumGetInt64(values[5]));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* Larger than every stamp that we may have drawn, seen or told. */
static CvgStamp
highest_stamp(Loaded *l, CvgStamp last_own)
{
	CvgStamp	highest = Max(l->node.stamp_ceiling, last_own);
	CvgClockIter it;
	CvgClockEntry entry;
	int			i;

	for (i = 0; i < l->norigins; i++)
	{
		highest = Max(highest, l->origins[i].stamp);
		highest = Max(highest, l->origins[i].horizon);
	}
	cvg_vclock_iter(&it, l->node.stable);
	while (cvg_vclock_next(&it, &entry))
		highest = Max(highest, entry.value);
	return highest;
}

/* All tables as one snapshot has them; false if the identity does not fit. */
static bool
read_all(Loaded *l)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	CvgOriginSlot *own;
	bool		fits;
	CvgStamp	last_stamp = 0;

	fits = read_node(snapshot, &l->node) && node_fits(&l->node);
	if (fits)
	{
		read_origins(snapshot, l);
		read_progress(snapshot, l);
		own = find_loaded(l, l->node.origin);
		if (own == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("converge.origins has no row for this node")));
		l->last_seq = cvg_log_last(l->node.origin, snapshot, &last_stamp);
		l->last_seq = Max(l->last_seq, own->floor);
		l->hlc = highest_stamp(l, last_stamp);
	}
	UnregisterSnapshot(snapshot);
	return fits;
}

/* ----------------------------------------------------------------
 *		Publishing
 * ----------------------------------------------------------------
 */

/*
 * Put an origin's slot where it belongs: where it is, if shared memory has
 * it (indexes must stay good), else at the end.  Under both locks.
 */
static void
publish_origin(CvgDb *db, const CvgOriginSlot *origin)
{
	CvgOriginSlot *slot = cvg_origin_slot(db, origin->id);

	if (slot == NULL)
	{
		Assert(db->norigins < CVG_MAX_ORIGINS);
		slot = &db->origins[db->norigins++];
	}
	*slot = *origin;
}

static void
publish_stable(CvgDb *db, CvgSlice stable)
{
	int			i;

	for (i = 0; i < db->norigins; i++)
		db->stable[i] = cvg_vclock_get(stable,
									   cvg_slice_cstring(db->origins[i].replica_id));
}

/* Returns whether the database is ready now, by us or by somebody else. */
static bool
publish(CvgDb *db, const Loaded *l)
{
	bool		ready;
	int			i;

	LWLockAcquire(&db->commit_lock, LW_EXCLUSIVE);
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	if (!db->ready && !db->renewing && db->dboid == MyDatabaseId)
	{
		for (i = 0; i < l->norigins; i++)
			publish_origin(db, &l->origins[i]);
		publish_stable(db, l->node.stable);
		strlcpy(db->replica_id, l->node.replica_id, CVG_NAME_LEN);
		strlcpy(db->node_name, l->node.node_name, CVG_NAME_LEN);
		db->origin = l->node.origin;
		db->boot_id = l->boot_id;
		db->boot_seq = l->last_seq;
		db->log_segment = l->node.log_segment;
		db->last_seq = db->last_committed_seq = l->last_seq;
		db->claimed_seq = 0;
		db->confirmed_seq = l->confirmed_seq;
		pg_atomic_write_u64(&db->stamp_ceiling, (uint64) l->node.stamp_ceiling);
		cvg_stamp_observe(db, l->hlc);
		/* whatever the log says of these may be of another incarnation */
		db->deps_logged = db->stable_logged = 0;
		pg_atomic_fetch_add_u64(&db->progress_version, 1);
		pg_atomic_fetch_add_u64(&db->stable_version, 1);
		db->ready = true;
	}
	ready = db->ready;
	LWLockRelease(&db->lock);
	LWLockRelease(&db->commit_lock);
	ConditionVariableBroadcast(&db->changed);
	return ready;
}

static bool
ready_under(CvgDb *db, const char *node_name)
{
	bool		ready;

	LWLockAcquire(&db->lock, LW_SHARED);
	ready = db->ready && strcmp(db->node_name, node_name) == 0;
	LWLockRelease(&db->lock);
	return ready;
}

bool
cvg_identity_load(CvgDb *db)
{
	MemoryContext mcxt;
	MemoryContext old;
	Loaded	   *l;
	bool		result;

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pg_converge is not active during recovery"),
				 errhint("A standby starts to take part when it is promoted.")));
	if (ready_under(db, cvg_node_name))
		return true;
	if (db->renewing)
		return false;

	mcxt = AllocSetContextCreate(CurrentMemoryContext, "pg_converge identity",
								 ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(mcxt);
	l = palloc0(sizeof(Loaded));
	if (!pg_strong_random(&l->boot_id, sizeof(l->boot_id)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	l->boot_id |= 1;			/* 0 means unknown */
	result = read_all(l) && publish(db, l);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(mcxt);
	return result && ready_under(db, cvg_node_name);
}

/* ----------------------------------------------------------------
 *		A new incarnation
 * ----------------------------------------------------------------
 */

static void
begin_renewal(CvgDb *db)
{
	LWLockAcquire(&db->commit_lock, LW_EXCLUSIVE);
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	db->renewing = true;
	db->ready = false;
	LWLockRelease(&db->lock);
	LWLockRelease(&db->commit_lock);
}

static void
end_renewal(CvgDb *db)
{
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	db->renewing = false;
	LWLockRelease(&db->lock);
}

static bool
seqs_in_flight(CvgDb *db)
{
	int			dbno = db - cvg_shared->db;
	bool		found = false;
	int			i;

	LWLockAcquire(&db->commit_lock, LW_SHARED);
	for (i = 0; i < cvg_shared->ninflight && !found; i++)
	{
		CvgInflight *slot = &cvg_shared->inflight[i];

		found = pg_atomic_read_u64(&slot->first_stamp) != 0 &&
			slot->db == dbno && slot->seq != 0;
	}
	LWLockRelease(&db->commit_lock);
	return found;
}

/* Commits that have their seq end by themselves; no new one gets one. */
static void
await_seqs_in_flight(CvgDb *db)
{
	ConditionVariablePrepareToSleep(&db->changed);
	while (seqs_in_flight(db))
		ConditionVariableTimedSleep(&db->changed, 1000,
									cvg_wait_event(CVG_WAIT_MANAGER_MAIN));
	ConditionVariableCancelSleep();
}

/* node_name, or node_name~xxxx when that has been somebody's id. */
static void
choose_replica_id(Loaded *l, char *id)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	bool		taken;
	int			i;

	strlcpy(id, cvg_node_name, CVG_NAME_LEN);
	for (;;)
	{
		uint8		random[SUFFIX_LEN];
		size_t		len = strlen(cvg_node_name);

		taken = false;
		for (i = 0; i < l->norigins && !taken; i++)
			taken = strcmp(l->origins[i].replica_id, id) == 0;
		if (!taken)
			return;
		if (!pg_strong_random(random, sizeof(random)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random values")));
		id[len] = '~';
		for (i = 0; i < SUFFIX_LEN; i++)
			id[len + 1 + i] = alphabet[random[i] % 32];
		id[len + 1 + SUFFIX_LEN] = '\0';
	}
}

static const char *
renewal_reason(const NodeRow *node, bool have_node)
{
	Fingerprint here;

	if (!have_node)
		return "first start";
	get_fingerprint(&here);
	if (node->where.system_identifier != here.system_identifier)
		return "the database cluster is another one";
	if (node->where.database_oid != here.database_oid)
		return "the database is a copy";
	if (node->where.timeline != here.timeline)
		return "the timeline is another one";
	if (node->where.file_id != here.file_id)
		return "the data directory was copied or restored";
	if (strcmp(node->node_name, cvg_node_name) != 0)
		return "converge.node_name was changed";
	return "the identity does not fit";
}

/* Write the new identity.  The caller commits. */
static void
write_identity(Loaded *l, bool have_node, const char *id, int32 origin)
{
	CvgStamp	ceiling = Max(highest_stamp(l, 0), GetCurrentTimestamp());
	Fingerprint here;

	get_fingerprint(&here);
	cvg_sql("INSERT INTO converge.progress VALUES ($1, 0, 0, 0, 0, 0)", "i", origin);
	if (have_node)
		cvg_sql("UPDATE converge.node SET replica_id = $1, node_name = $2, "
				"origin = $3, system_identifier = $4, timeline = $5, "
				"database_oid = $6, file_id = $7, stamp_ceiling = $8, "
				"since = pg_catalog.now(), confirmed_seq = 0",
				"ssilioll", id, cvg_node_name, origin, here.system_identifier,
				here.timeline, here.database_oid, here.file_id, ceiling);
	else
		cvg_sql("INSERT INTO converge.node VALUES "
				"(true, $1, $2, $3, $4, $5, $6, $7, $8, 0, '{}', pg_catalog.now(), 0)",
				"ssilioll", id, cvg_node_name, origin, here.system_identifier,
				here.timeline, here.database_oid, here.file_id, ceiling);
}

/* Shared memory must know the origins before one is added. */
static void
publish_origins(CvgDb *db, Loaded *l)
{
	int			i;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	for (i = 0; i < l->norigins; i++)
		publish_origin(db, &l->origins[i]);
	LWLockRelease(&db->lock);
}

/* The transaction of a renewal. */
static void
renew(CvgDb *db, CvgPast *past, const char *reason)
{
	Loaded	   *l;
	Snapshot	snapshot;
	char		id[CVG_NAME_LEN];
	bool		have_node;
	int32		origin;

	cvg_sql_begin();
	l = palloc0(sizeof(Loaded));
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	have_node = read_node(snapshot, &l->node);
	read_origins(snapshot, l);
	read_progress(snapshot, l);
	UnregisterSnapshot(snapshot);
	if (reason == NULL)
		reason = renewal_reason(&l->node, have_node);

	choose_replica_id(l, id);
	publish_origins(db, l);
	origin = cvg_origin_id(db, cvg_slice_cstring(id));
	CommandCounterIncrement();
	if (have_node)
	{
		CvgOriginSlot *own = find_loaded(l, l->node.origin);

		past->origin = l->node.origin;
		past->replica_id = l->node.replica_id;
		past->floor = own != NULL ? own->floor : 0;
		if (!past->lost)
			past->confirmed_seq = l->confirmed_seq;
		past->later = origin;
		past->later_id = id;
		cvg_past_divide(past, l->node.log_segment);
	}
	write_identity(l, have_node, id, origin);
	ereport(LOG,
			(errmsg("pg_converge: node \"%s\" goes on with replica id \"%s\"",
					cvg_node_name, id),
			 errdetail("Reason: %s.", reason)));
	cvg_sql_end();
}

void
cvg_identity_renew(CvgDb *db, const char *reason)
{
	CvgPast		past = {0};

	LWLockAcquire(&db->lock, LW_SHARED);
	past.boot_seq = db->boot_seq;
	past.confirmed_seq = db->confirmed_seq;
	past.lost = db->ready && db->claimed_seq > 0;
	LWLockRelease(&db->lock);

	begin_renewal(db);
	PG_TRY();
	{
		await_seqs_in_flight(db);
		renew(db, &past, reason);
	}
	PG_FINALLY();
	{
		end_renewal(db);
	}
	PG_END_TRY();

	StartTransactionCommand();
	if (!cvg_identity_load(db))
		elog(ERROR, "could not load the identity that was just made");
	CommitTransactionCommand();
}

/* By how much: farther when nothing was written since it was moved last. */
static int64
ceiling_lead_us(CvgDb *db)
{
	static int64 seq_before = 0;
	int64		limit = (int64) cvg_max_clock_skew_ms * 1000 / CEILING_SKEW_PART;
	int64		seq;
	bool		idle;

	LWLockAcquire(&db->commit_lock, LW_SHARED);
	seq = db->last_seq;
	LWLockRelease(&db->commit_lock);
	idle = seq == seq_before;
	seq_before = seq;
	return idle ? Max(Min(CEILING_LEAD_IDLE_US, limit), CEILING_LEAD_US) : CEILING_LEAD_US;
}

void
cvg_identity_extend_ceiling(CvgDb *db)
{
	CvgStamp	last = (CvgStamp) pg_atomic_read_u64(&db->hlc);
	CvgStamp	ceiling = (CvgStamp) pg_atomic_read_u64(&db->stamp_ceiling);
	TimestampTz now = GetCurrentTimestamp();
	int64		confirmed;

	if (cvg_ceiling_holds(ceiling, last, now, CEILING_LEAD_US / 2))
		return;
	ceiling = cvg_next_ceiling(last, now, ceiling_lead_us(db));
	LWLockAcquire(&db->lock, LW_SHARED);
	confirmed = db->confirmed_seq;
	LWLockRelease(&db->lock);
	cvg_sql_begin();
	cvg_sql("UPDATE converge.node SET stamp_ceiling = $1, confirmed_seq = $2", "ll",
			ceiling, confirmed);
	cvg_sql_end();

	/* only what is durable may be told */
	pg_atomic_write_u64(&db->stamp_ceiling, (uint64) ceiling);
}
