/*-------------------------------------------------------------------------
 *
 * xactlog.c
 *	  From captured changes to a log entry.
 *
 * Changes are appended to memory, and beyond CVG_SPILL_BYTES to a temporary
 * file, so memory is bounded for any transaction.  A subtransaction notes
 * the length at its first change and cuts back to it when it aborts.
 *
 * At PRE_COMMIT, in this order:
 *	 1. descriptors that the log does not have yet are stored;
 *	 2. changes of a spilled transaction are copied to the log as parts, under
 *	    a key made from its first stamp, for the seq is not known;
 *	 3. under commit_lock: seq, commit stamp, horizon and a place in the log
 *	    (ownlog.c) are taken, and the seq is entered in our in-flight slot;
 *	 4. the entry is inserted there, and the transaction goes on to commit.
 * Late assignment keeps the time between 3 and the end of the commit short,
 * for during it the watermark, and so delivery of all later seqs, waits.
 *
 * In the COMMIT callback the transaction is visible to others already; the seq
 * leaves the in-flight slot, and whoever waits for entries is woken.  In ABORT
 * the seq leaves too, and is a hole for ever.
 *
 * Crash: before the commit record is flushed nothing of it is ever told to
 * anyone (the watermark flushes), so the seq may be taken again; after it,
 * recovery restores rows and entry together.  Parts without an entry are
 * never looked at and go with their segment.
 *
 * Dependencies and the stable clock go into the entry only while no
 * committed entry has said them: *_logged are versions known to be in a
 * committed entry.  We read them before our seq is taken, so that entry has a
 * smaller seq than ours and is applied before ours everywhere.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "core/horizon.h"
#include "storage/buffile.h"
#include "storage/proc.h"
#include "store/capture.h"
#include "store/changelog.h"
#include "store/meta.h"
#include "store/ownlog.h"
#include "store/xactlog.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* Changes held in memory before they go to a file. */
#define CVG_SPILL_BYTES		(1024 * 1024)

/* Size of a part in the log: what fits a page without TOAST. */
#define CVG_PART_BYTES		(7 * 1024)

/* A part that must hold one larger change grows up to this. */
#define CVG_PART_MAX_BYTES	(64 * 1024 * 1024)

typedef struct SubxactMark
{
	SubTransactionId subid;
	int64		bytes;			/* total length when it began to capture */
	int64		nchanges;
	bool		announced;
} SubxactMark;

typedef struct XactDescriptor
{
	uint64		hash;
	CvgSlice	bytes;			/* copied into the transaction's context */
} XactDescriptor;

typedef struct XactLog
{
	CvgDb	   *db;				/* NULL: nothing drawn yet */
	int32		origin;			/* own origin when the first stamp was drawn */
	CvgStamp	first_stamp;
	CvgStamp	last_stamp;
	bool		deletes;		/* counted in db->deleters */
	bool		looked;			/* deleters_seen is set */
	uint64		deleters_seen;	/* db->deleters at the first look for a tombstone */
	MemoryContext mcxt;			/* all below; child of TopTransactionContext */
	CvgBuf		tail;			/* changes after file_bytes */
	size_t		change_start;
	BufFile    *file;
	int64		file_bytes;
	int64		nchanges;
	bool		announced;		/* make an entry, even of no changes */
	int			ndescriptors;
	int			max_descriptors;
	XactDescriptor *descriptors;
	int			nmarks;
	int			max_marks;
	SubxactMark *marks;
	/* between taking the seq and the end */
	int64		seq;
	char		replica_id[CVG_NAME_LEN];
	uint64		deps_version;	/* said by this entry; 0 = not said */
	uint64		stable_version;
} XactLog;

static XactLog xl;				/* of the current transaction */

bool		cvg_applying = false;

/* ----------------------------------------------------------------
 *		Stamps
 * ----------------------------------------------------------------
 */

static void
start_xactlog(CvgDb *db)
{
	CvgInflight *slot = cvg_my_inflight();

	/*
	 * Publish before drawing.  The bound is at most the stamp that comes: hlc
	 * only grows.
	 */
	slot->db = db - cvg_shared->db;
	slot->seq = 0;
	pg_write_barrier();
	pg_atomic_write_u64(&slot->first_stamp, pg_atomic_read_u64(&db->hlc) + 1);
	pg_memory_barrier();
	xl.db = db;
	xl.origin = db->origin;
	xl.first_stamp = (CvgStamp) pg_atomic_read_u64(&slot->first_stamp);
}

CvgStamp
cvg_xactlog_stamps(CvgDb *db, int n)
{
	CvgStamp	first;

	if (xl.db == NULL)
		start_xactlog(db);
	first = cvg_stamps_draw(db, n);
	xl.last_stamp = first + n - 1;
	return first;
}

CvgStamp
cvg_capture_stamp(void)
{
	return cvg_xactlog_stamp(cvg_db());
}

bool
cvg_xactlog_is_own(CvgStamp stamp)
{
	return xl.db != NULL && stamp >= xl.first_stamp && stamp <= xl.last_stamp;
}

void
cvg_xactlog_note_delete(CvgDb *db)
{
	if (xl.deletes)
		return;
	Assert(xl.db != NULL);
	pg_atomic_fetch_add_u64(&db->deleters, 1);
	xl.deletes = true;
}

void
cvg_xactlog_note_lookup(CvgDb *db)
{
	if (xl.looked)
		return;
	xl.deleters_seen = pg_atomic_read_u64(&db->deleters);
	xl.looked = true;
	pg_memory_barrier();
}

bool
cvg_xactlog_delete_possible(CvgDb *db)
{
	uint64		now;

	pg_memory_barrier();
	now = pg_atomic_read_u64(&db->deleters);
	return !xl.looked || now != xl.deleters_seen || (uint32) now != 0;
}

/* ----------------------------------------------------------------
 *		The buffer
 * ----------------------------------------------------------------
 */

static int64
total_bytes(void)
{
	return xl.file_bytes + (int64) xl.tail.len;
}

static void
start_buffer(void)
{
	MemoryContext old;

	xl.mcxt = AllocSetContextCreate(TopTransactionContext,
									"pg_converge captured changes",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(xl.mcxt);
	cvg_buf_init(&xl.tail);
	xl.max_descriptors = 8;
	xl.descriptors = palloc(sizeof(XactDescriptor) * xl.max_descriptors);
	xl.max_marks = 8;
	xl.marks = palloc(sizeof(SubxactMark) * xl.max_marks);
	MemoryContextSwitchTo(old);
}

/* Remember where this subtransaction began, at its first change. */
static void
mark_subxact(void)
{
	SubTransactionId subid = GetCurrentSubTransactionId();

	if (subid == TopSubTransactionId ||
		(xl.nmarks > 0 && xl.marks[xl.nmarks - 1].subid >= subid))
		return;
	if (xl.nmarks == xl.max_marks)
	{
		xl.max_marks *= 2;
		xl.marks = repalloc(xl.marks, sizeof(SubxactMark) * xl.max_marks);
	}
	xl.marks[xl.nmarks].subid = subid;
	xl.marks[xl.nmarks].bytes = total_bytes();
	xl.marks[xl.nmarks].nchanges = xl.nchanges;
	xl.marks[xl.nmarks].announced = xl.announced;
	xl.nmarks++;
}

/* Index of a table's descriptor in this transaction. */
static int
descriptor_index(CvgRel *rel)
{
	uint64		hash = rel->desc->hash;
	MemoryContext old;
	uint8	   *copy;
	int			i;

	for (i = xl.ndescriptors - 1; i >= 0; i--)
	{
		if (xl.descriptors[i].hash == hash)
			return i;
	}
	if (xl.ndescriptors == CVG_MAX_DESCRIPTORS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("transaction changes more than %d replicated tables",
						CVG_MAX_DESCRIPTORS)));
	old = MemoryContextSwitchTo(xl.mcxt);
	if (xl.ndescriptors == xl.max_descriptors)
	{
		xl.max_descriptors *= 2;
		xl.descriptors = repalloc(xl.descriptors,
								  sizeof(XactDescriptor) * xl.max_descriptors);
	}
	copy = palloc(rel->desc_bytes.len);
	memcpy(copy, rel->desc_bytes.data, rel->desc_bytes.len);
	xl.descriptors[xl.ndescriptors].hash = hash;
	xl.descriptors[xl.ndescriptors].bytes = cvg_slice(copy, rel->desc_bytes.len);
	MemoryContextSwitchTo(old);
	return xl.ndescriptors++;
}

/*
 * Move the tail to the file.  It belongs to the whole transaction, since a
 * subtransaction must not close it: an abort closes it with all else that
 * the transaction has.  Not we, for closing writes what is still in memory,
 * and an error in the middle of an abort (the disk is full, which may be why)
 * brings the server down.
 */
static void
spill(void)
{
	if (xl.file == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(xl.mcxt);
		ResourceOwner oldowner = CurrentResourceOwner;

		CurrentResourceOwner = TopTransactionResourceOwner;
		xl.file = BufFileCreateTemp(false);
		CurrentResourceOwner = oldowner;
		MemoryContextSwitchTo(old);
	}
	/* after a subtransaction's abort the position is not the file's end */
	if (BufFileSeek(xl.file, 0, xl.file_bytes, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not seek in temporary file of captured changes: %m")));
	BufFileWrite(xl.file, xl.tail.data, xl.tail.len);
	xl.file_bytes += xl.tail.len;
	if (xl.tail.size > 4 * CVG_SPILL_BYTES)
	{
		/* one huge row made it large: do not keep that */
		MemoryContext old = MemoryContextSwitchTo(xl.mcxt);

		cvg_buf_free(&xl.tail);
		cvg_buf_init(&xl.tail);
		MemoryContextSwitchTo(old);
	}
	cvg_buf_reset(&xl.tail);
}

CvgBuf *
cvg_xactlog_begin(CvgRel *rel, CvgOp op, CvgSlice state)
{
	Assert(xl.db != NULL);
	if (xl.mcxt == NULL)
		start_buffer();
	mark_subxact();
	xl.change_start = cvg_change_start(&xl.tail, op, descriptor_index(rel), state);
	return &xl.tail;
}

/* A stamp has been drawn. */
void
cvg_xactlog_announce(CvgRel *rel)
{
	Assert(xl.db != NULL);
	if (xl.mcxt == NULL)
		start_buffer();
	mark_subxact();
	(void) descriptor_index(rel);
	xl.announced = true;
}

void
cvg_xactlog_end(void)
{
	cvg_change_finish(&xl.tail, xl.change_start);
	xl.nchanges++;
	if (xl.tail.len > CVG_SPILL_BYTES)
		spill();
}

/* ----------------------------------------------------------------
 *		Commit
 * ----------------------------------------------------------------
 */

static void
store_descriptors(void)
{
	int			i;

	for (i = 0; i < xl.ndescriptors; i++)
		cvg_descriptor_store(xl.descriptors[i].bytes);
}

/* Fill buf with at least "need" bytes if the file has them. */
static void
read_spilled(CvgBuf *buf, int64 *left, size_t need)
{
	while (buf->len < need && *left > 0)
	{
		size_t		n = Min((int64) Max(need - buf->len, CVG_PART_BYTES), *left);

		cvg_buf_grow(buf, n);
		if (BufFileRead(xl.file, buf->data + buf->len, n) != n)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read temporary file of captured changes: %m")));
		buf->len += n;
		*left -= n;
	}
}

/* Bytes of whole changes to put into the next part; grows buf as needed. */
static size_t
next_part(CvgBuf *buf, int64 *left)
{
	size_t		used = 0;

	read_spilled(buf, left, CVG_PART_BYTES);
	while (used < buf->len)
	{
		size_t		size;

		read_spilled(buf, left, used + CVG_MAX_CHANGE_HEADER);
		size = cvg_change_size(cvg_slice(buf->data + used, buf->len - used));
		if (used > 0 && used + size > CVG_PART_BYTES)
			break;
		read_spilled(buf, left, used + size);
		used += size;
	}
	return used;
}

/* Copy the changes to the log in parts; returns how many, and the last seal. */
static int64
insert_parts(int64 spill_key, uint32 *seal)
{
	MemoryContext old = MemoryContextSwitchTo(xl.mcxt);
	CvgBuf		buf;
	CvgBuf		sealed;
	int64		left;
	int64		part = 0;

	if (xl.tail.len > 0)
		spill();
	left = xl.file_bytes;
	if (BufFileSeek(xl.file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not seek in temporary file of captured changes: %m")));
	cvg_buf_init(&buf);
	cvg_buf_init(&sealed);
	*seal = 0;
	for (;;)
	{
		size_t		used = next_part(&buf, &left);
		size_t		sent = 0;

		if (used == 0)
			break;
		CHECK_FOR_INTERRUPTS();
		/* one change alone may be larger than a row of the log should be */
		while (sent < used)
		{
			size_t		n = Min(used - sent, CVG_PART_MAX_BYTES);

			part++;
			cvg_buf_reset(&sealed);
			cvg_put_bytes(&sealed, buf.data + sent, n);
			cvg_seal(&sealed, 0, seal);
			cvg_log_insert(xl.db, xl.db->origin, -spill_key, (int) part, 0,
						   xl.last_stamp, 0, cvg_buf_slice(&sealed));
			sent += n;
		}
		memmove(buf.data, buf.data + used, buf.len - used);
		buf.len -= used;
	}
	cvg_buf_free(&buf);
	cvg_buf_free(&sealed);
	MemoryContextSwitchTo(old);
	return part;
}

/* Own stamps at or below this are in this entry or an earlier one. */
static CvgStamp
entry_horizon(CvgDb *db)
{
	int			dbno = db - cvg_shared->db;
	CvgHorizon	horizon;
	int			i;

	cvg_horizon_begin(&horizon, (CvgStamp) pg_atomic_read_u64(&db->hlc));
	pg_memory_barrier();
	for (i = 0; i < cvg_shared->ninflight; i++)
	{
		CvgInflight *slot = &cvg_shared->inflight[i];
		uint64		first = pg_atomic_read_u64(&slot->first_stamp);

		/* those with a seq have a smaller one than ours */
		if (first != 0 && slot->db == dbno)
			cvg_horizon_add(&horizon, (CvgStamp) first, slot->seq);
	}
	return horizon.stamp;
}

/* What this transaction may depend on: everything applied here by now. */
static CvgSlice
dependencies(CvgDb *db)
{
	CvgClockEntry entries[CVG_MAX_ORIGINS];
	CvgOriginSlot slots[CVG_MAX_ORIGINS];
	CvgBuf		out;
	int			norigins;
	int			n = 0;
	int			i;

	LWLockAcquire(&db->lock, LW_SHARED);
	norigins = db->norigins;
	memcpy(slots, db->origins, norigins * sizeof(CvgOriginSlot));
	LWLockRelease(&db->lock);
	for (i = 0; i < norigins; i++)
	{
		if (slots[i].id == db->origin)
			continue;
		entries[n].id = cvg_slice_cstring(pstrdup(slots[i].replica_id));
		entries[n].value = Max(slots[i].seq, slots[i].pending_seq);
		n++;
	}
	cvg_buf_init(&out);
	if (cvg_vclock_from_entries(entries, n, &out) != CVG_OK)
		elog(ERROR, "could not form the dependencies of a transaction");
	return cvg_buf_slice(&out);
}

/*
 * Say dependencies and the stable clock unless a committed entry has said
 * them.  That is looked at without commit_lock: *_logged only grow, and an
 * entry that made them grow has a smaller seq than we shall get.  The versions
 * are read before the clocks.
 */
static void
add_clocks(CvgDb *db, CvgBody *body)
{
	uint64		deps_version = pg_atomic_read_u64(&db->progress_version);
	uint64		stable_version = pg_atomic_read_u64(&db->stable_version);

	pg_memory_barrier();
	if (db->deps_logged < deps_version)
	{
		body->deps = dependencies(db);
		xl.deps_version = deps_version;
	}
	if (db->stable_logged < stable_version)
	{
		body->stable = cvg_stable_clock(db);
		xl.stable_version = stable_version;
	}
}

/*
 * Take seq, commit stamp, horizon and a place in the log; see the header of
 * this file.  The body is complete but for the horizon and the seal.
 */
static void
take_seq(CvgDb *db, CvgBuf *body, bool spilled, CvgOwnPlace *place, CvgEntryHeader *header)
{
	CvgInflight *slot = cvg_my_inflight();
	int64		lag;

	for (;;)
	{
		cvg_ownlog_open(db, place);
		LWLockAcquire(&db->commit_lock, LW_EXCLUSIVE);
		if (!db->ready || db->origin != xl.origin)
		{
			LWLockRelease(&db->commit_lock);
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("this node has got another replica id since the transaction began"),
					 errhint("Retry the transaction.")));
		}
		slot->seq = db->last_seq + 1;
		lag = -entry_horizon(db);
		header->stamp = cvg_stamp_draw(db);
		lag += header->stamp;
		if (cvg_ownlog_reserve(db, place, cvg_sealed_body_size(body, lag), spilled))
			break;
		slot->seq = 0;
		LWLockRelease(&db->commit_lock);
		cvg_ownlog_close(place);
	}
	xl.seq = ++db->last_seq;
	strlcpy(xl.replica_id, db->replica_id, CVG_NAME_LEN);
	LWLockRelease(&db->commit_lock);
	header->seq = xl.seq;
	header->origin = cvg_slice_cstring(xl.replica_id);
	cvg_body_set_lag(body, lag);
	cvg_body_seal(body, header);
}

/* While an error does no harm yet; the file may hold what was rolled back. */
static void
close_file(void)
{
	BufFile    *file = xl.file;

	xl.file = NULL;
	if (file != NULL)
		BufFileClose(file);
}

static void
log_transaction(void)
{
	CvgDb	   *db = xl.db;
	MemoryContext old = MemoryContextSwitchTo(xl.mcxt);
	CvgBody		body = {0};
	CvgBuf		bytes;
	CvgOwnPlace place;
	uint64	   *hashes;
	int64		spill_key = 0;
	CvgEntryHeader header;
	int			i;

	store_descriptors();
	body.nchanges = xl.nchanges;
	if (xl.file != NULL)
	{
		spill_key = xl.first_stamp;
		body.flags |= CVG_BODY_SPILLED;
		body.nparts = insert_parts(spill_key, &body.parts_seal);
		body.total_bytes = xl.file_bytes;
		close_file();
	}
	else
		body.changes = cvg_buf_slice(&xl.tail);
	hashes = palloc(sizeof(uint64) * Max(xl.ndescriptors, 1));
	for (i = 0; i < xl.ndescriptors; i++)
		hashes[i] = xl.descriptors[i].hash;
	body.ndescriptors = xl.ndescriptors;
	add_clocks(db, &body);
	cvg_buf_init(&bytes);
	cvg_body_encode(&body, hashes, &bytes);

	/* whatever can wait or fail cheaply has; from here it is short */
	take_seq(db, &bytes, spill_key != 0, &place, &header);
	cvg_ownlog_insert(db, &place, header.seq, header.stamp, spill_key, cvg_buf_slice(&bytes));
	cvg_ownlog_close(&place);
	MemoryContextSwitchTo(old);
}

/* After the end of the transaction: no-fail code only. */
static void
end_xactlog(bool commit)
{
	CvgDb	   *db = xl.db;
	CvgInflight *slot = cvg_my_inflight();
	bool		wake = xl.seq != 0;

	if (xl.seq != 0)
	{
		LWLockAcquire(&db->commit_lock, LW_EXCLUSIVE);
		slot->seq = 0;
		if (commit)
		{
			db->last_committed_seq = Max(db->last_committed_seq, xl.seq);
			db->last_commit_lsn = Max(db->last_commit_lsn, XactLastCommitEnd);
			db->deps_logged = Max(db->deps_logged, xl.deps_version);
			db->stable_logged = Max(db->stable_logged, xl.stable_version);
		}
		LWLockRelease(&db->commit_lock);
	}
	pg_atomic_write_u64(&slot->first_stamp, 0);
	if (xl.deletes)
		pg_atomic_fetch_add_u64(&db->deleters, (UINT64CONST(1) << 32) - 1);
	memset(&xl, 0, sizeof(xl));
	if (wake)
		ConditionVariableBroadcast(&db->changed);
}

static void
xactlog_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			/* DROP EXTENSION in this very transaction: nobody will ask */
			if (cvg_xactlog_pending() && cvg_extension_exists())
				log_transaction();
			close_file();
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (cvg_xactlog_pending())
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot PREPARE a transaction that has changed replicated tables"),
						 errhint("Use COMMIT, or leave replicated tables out of two-phase transactions.")));
			close_file();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			cvg_applying = false;
			if (xl.db != NULL)
				end_xactlog(event == XACT_EVENT_COMMIT);
			xl.looked = false;
			break;
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			break;
	}
}

static void
abort_marks(SubTransactionId subid)
{
	while (xl.nmarks > 0 && xl.marks[xl.nmarks - 1].subid >= subid)
	{
		SubxactMark *mark = &xl.marks[--xl.nmarks];

		if (mark->bytes >= xl.file_bytes)
			xl.tail.len = mark->bytes - xl.file_bytes;
		else
		{
			xl.file_bytes = mark->bytes;
			xl.tail.len = 0;
		}
		xl.nchanges = mark->nchanges;
		xl.announced = mark->announced;
	}
}

static void
commit_marks(SubTransactionId subid, SubTransactionId parent)
{
	while (xl.nmarks > 0 && xl.marks[xl.nmarks - 1].subid >= subid)
	{
		bool		below = xl.nmarks > 1 && xl.marks[xl.nmarks - 2].subid >= parent;

		/* the parent has a mark of its own, or needs none: forget this one */
		if (parent == TopSubTransactionId || below)
			xl.nmarks--;
		else
		{
			xl.marks[xl.nmarks - 1].subid = parent;
			break;
		}
	}
}

static void
xactlog_subxact_callback(SubXactEvent event, SubTransactionId mySubid,
						 SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		abort_marks(mySubid);
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
		commit_marks(mySubid, parentSubid);
}

bool
cvg_xactlog_pending(void)
{
	return xl.nchanges > 0 || xl.announced;
}

void
cvg_xactlog_init(void)
{
	RegisterXactCallback(xactlog_callback, NULL);
	RegisterSubXactCallback(xactlog_subxact_callback, NULL);
}

void
cvg_capture_init(void)
{
	cvg_xactlog_init();
}
