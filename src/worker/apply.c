/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  Apply other origins' entries: the transaction and the entry.
 *
 * Atomicity.  All changes of an entry, its log row and its progress are in
 * one local transaction, which holds one or more entries.  An error leaves
 * nothing behind; a crash repeats whole transactions, and what is repeated
 * is covered by progress, or change by change by the rows' own clocks.
 *
 * Rights.  Whatever may run code of users (input functions of domains,
 * defaults, CHECKs, triggers) runs as the owner of the table, in a security-
 * restricted operation with settings rolled back afterwards; queued triggers
 * are fired before we are ourselves again.  A deferred trigger cannot be
 * fired there, and is an error: at commit it would run as superuser.
 *
 * Concurrency.  See apply_progress.c for origins, apply_row.c for rows.  The
 * transaction is READ COMMITTED whatever the database's default is.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "core/incarnation.h"
#include "port/pg_bswap.h"
#include "storage/lock.h"
#include "store/capture.h"
#include "store/changelog.h"
#include "store/meta.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "worker/apply_int.h"

/* As much of a key is shown in an error. */
#define KEY_TEXT_LEN	200

/* Applying as many rows again takes less than a wait with a look for a deadlock. */
#define CHEAP_ROWS		100

static CvgApply apply;

/* For the error context. */
static const CvgChange *context_change = NULL;
static CvgMap *context_map = NULL;
static bool context_triggers = false;

/* ----------------------------------------------------------------
 *		Giving way
 * ----------------------------------------------------------------
 */

bool
cvg_apply_is_awaited(void)
{
	TransactionId xid = GetTopTransactionIdIfAny();
	LOCKTAG		tag;

	if (!TransactionIdIsValid(xid))
		return false;
	SET_LOCKTAG_TRANSACTION(tag, xid);
	return LockHasWaiters(&tag, ExclusiveLock, false);
}

/*
 * An entry has to wait for a row of a local transaction, and entries before
 * it are complete.  If somebody waits for those, perhaps the very one who has
 * the row, or will in a moment (where many write a few rows, waits in one
 * direction soon meet waits in the other), it is better to commit them first.
 * That costs applying them again.
 */
static void
give_way(void)
{
	/* before the commit the last one is complete too, and has nobody to go with */
	if (apply.counts.entries > (apply.committing ? 1 : 0) &&
		(apply.counts.rows <= CHEAP_ROWS || cvg_apply_is_awaited()))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("changes of a peer gave way to a local transaction")));
}

/* ----------------------------------------------------------------
 *		Set-up
 * ----------------------------------------------------------------
 */

static void
set_override(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

void
cvg_apply_init(CvgFetchFn fetch, void *fetch_arg)
{
	static bool done = false;

	cvg_before_row_wait = give_way;
	apply.fetch = fetch;
	apply.fetch_arg = fetch_arg;
	if (done)
		return;
	done = true;

	/* as cvg_codec_enter() wants it, so that it has nothing to do */
	set_override("search_path", "pg_catalog, pg_temp");
	set_override("datestyle", "ISO");
	set_override("intervalstyle", "postgres");
	set_override("extra_float_digits", "1");
	set_override("bytea_output", "hex");
	set_override("quote_all_identifiers", "off");
	set_override("array_nulls", "on");
	set_override("xmloption", "content");
	set_override("lc_monetary", "C");
	set_override("timezone", "UTC");
	set_override("client_encoding", "UTF8");
}

/* ----------------------------------------------------------------
 *		Error context
 * ----------------------------------------------------------------
 */

/* One key value for people, without calling any function of its type. */
static void
append_key_value(StringInfo out, const CvgValue *value, Oid type)
{
	const uint8 *p = value->bytes.data;
	size_t		len = value->bytes.len;
	size_t		i;

	if (value->kind == CVG_VALUE_TEXT || type == TEXTOID || type == VARCHAROID ||
		type == BPCHAROID)
	{
		appendBinaryStringInfo(out, (const char *) p, Min(len, KEY_TEXT_LEN));
		return;
	}
	if (type == INT2OID && len == 2)
		appendStringInfo(out, "%d", (int16) ((p[0] << 8) | p[1]));
	else if ((type == INT4OID || type == INT8OID) && (len == 4 || len == 8))
	{
		int64		v = (int8) p[0];

		for (i = 1; i < len; i++)
			v = (int64) (((uint64) v << 8) | p[i]);
		appendStringInfo(out, INT64_FORMAT, v);
	}
	else
	{
		appendStringInfoString(out, "\\x");
		for (i = 0; i < len && i < KEY_TEXT_LEN; i++)
			appendStringInfo(out, "%02x", p[i]);
	}
}

static char *
key_text(const CvgChange *change, CvgRel *rel)
{
	StringInfoData out;
	int			i;

	initStringInfo(&out);
	for (i = 0; i < change->nkeys; i++)
	{
		if (i > 0)
			appendStringInfoString(&out, ", ");
		append_key_value(&out, &change->keys[i],
						 rel->columns[rel->desc->keycols[i]].codec.base);
	}
	return out.data;
}

static const char *
op_name(CvgOp op)
{
	switch (op)
	{
		case CVG_OP_INSERT:
			return "INSERT";
		case CVG_OP_UPDATE:
			return "UPDATE";
		case CVG_OP_DELETE:
			return "DELETE";
	}
	return "change";
}

static void
apply_error_context(void *arg)
{
	CvgApply   *ap = arg;
	const CvgDescriptor *desc;

	if (context_triggers && geterrcode() == ERRCODE_INSUFFICIENT_PRIVILEGE)
		errhint("A deferred trigger that fires for replicated changes (ENABLE ALWAYS or REPLICA) cannot be run with the rights of the table's owner. Make it not deferrable, or let it fire for local changes only.");
	if (context_change == NULL || context_map == NULL)
	{
		errcontext("applying entry " INT64_FORMAT " of origin \"%.*s\"",
				   ap->header.seq, (int) ap->header.origin.len,
				   (const char *) ap->header.origin.data);
		return;
	}
	desc = context_map->desc;
	if (desc->flags & CVG_DESC_KEYLESS)
		errcontext("applying entry " INT64_FORMAT " of origin \"%.*s\": %s of table \"%.*s.%.*s\"",
				   ap->header.seq, (int) ap->header.origin.len,
				   (const char *) ap->header.origin.data, op_name(context_change->op),
				   (int) desc->schema.len, (const char *) desc->schema.data,
				   (int) desc->table.len, (const char *) desc->table.data);
	else
		errcontext("applying entry " INT64_FORMAT " of origin \"%.*s\": %s of table \"%.*s.%.*s\", key (%s)",
				   ap->header.seq, (int) ap->header.origin.len,
				   (const char *) ap->header.origin.data, op_name(context_change->op),
				   (int) desc->schema.len, (const char *) desc->schema.data,
				   (int) desc->table.len, (const char *) desc->table.data,
				   key_text(context_change, context_map->store->info));
}

/* ----------------------------------------------------------------
 *		The table's owner
 * ----------------------------------------------------------------
 */

static void
become_owner(CvgApply *ap)
{
	SetUserIdAndSecContext(ap->owner_of->info->owner,
						   ap->saved_sec | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
}

void
cvg_owner_enter(CvgApply *ap, CvgStore *store)
{
	if (ap->owner_of == store)
		return;
	cvg_owner_leave(ap);
	GetUserIdAndSecContext(&ap->saved_user, &ap->saved_sec);
	ap->owner_of = store;
	become_owner(ap);
	ap->saved_nest = NewGUCNestLevel();
	AfterTriggerBeginQuery();
}

void
cvg_owner_leave(CvgApply *ap)
{
	if (ap->owner_of == NULL)
		return;
	context_triggers = true;
	AfterTriggerEndQuery(ap->owner_of->estate);
	context_triggers = false;
	AtEOXact_GUC(false, ap->saved_nest);
	SetUserIdAndSecContext(ap->saved_user, ap->saved_sec);
	ap->owner_of = NULL;
}

void
cvg_owner_pause(CvgApply *ap)
{
	SetUserIdAndSecContext(ap->saved_user, ap->saved_sec);
}

void
cvg_owner_resume(CvgApply *ap)
{
	become_owner(ap);
}

/* ----------------------------------------------------------------
 *		Entries
 * ----------------------------------------------------------------
 */

void
cvg_apply_begin(void)
{
	CvgApply   *ap = &apply;

	StartTransactionCommand();
	XactIsoLevel = XACT_READ_COMMITTED;
	XactReadOnly = false;
	ap->db = cvg_db();
	ap->xact_mcxt = AllocSetContextCreate(TopTransactionContext, "pg_converge apply",
										  ALLOCSET_DEFAULT_SIZES);
	ap->row_mcxt = AllocSetContextCreate(ap->xact_mcxt, "pg_converge apply row",
										 ALLOCSET_DEFAULT_SIZES);
	memset(&ap->counts, 0, sizeof(ap->counts));
	ap->maps = NULL;
	ap->incomplete = false;
	ap->committing = false;
	ap->owner_of = NULL;
	cvg_apply_context(NULL, NULL);
	context_triggers = false;
	cvg_progress_begin(ap);
	cvg_bulk_begin(ap);
	cvg_applying = true;
}

/* Everything the entry refers to by hash must be known by now. */
static void
look_up_descriptors(CvgApply *ap)
{
	int			n = Max(ap->body.ndescriptors, 1);
	int			i;

	ap->descs = MemoryContextAlloc(ap->xact_mcxt, sizeof(CvgDescriptor *) * n);
	ap->entry_maps = MemoryContextAllocZero(ap->xact_mcxt, sizeof(CvgMap *) * n);
	for (i = 0; i < ap->body.ndescriptors; i++)
	{
		uint64		hash = cvg_body_hash(&ap->body, i);

		ap->descs[i] = cvg_descriptor_lookup(hash);
		if (ap->descs[i] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_PROTOCOL_VIOLATION),
					 errmsg("peer did not send table description %016llx",
							(unsigned long long) hash)));
	}
}

void
cvg_apply_context(const CvgChange *change, CvgMap *map)
{
	context_change = change;
	context_map = map;
}

/*
 * The entry's own stamp is the largest in it; admission has looked at that.
 * Were others believed that are in the future, they would win for ever, and
 * who writes to such a row would have to go beyond them.
 */
static void
check_stamps(CvgApply *ap)
{
	CvgStamp	stamp = cvg_rowstate_last_dot(ap->change.state).stamp;

	if (stamp > ap->latest)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("row in a peer's entry is stamped in the future"),
				 errdetail("Its stamp is %s, further ahead than converge.max_clock_skew allows.",
						   timestamptz_to_str(stamp))));
}

static void
apply_next_change(CvgApply *ap, CvgReader *reader, CvgSlice bytes)
{
	CvgError	err;
	CvgMap	  **map;

	if (cvg_change_decode(reader, ap->descs, ap->body.ndescriptors, &ap->change, &err) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("invalid change in a peer's entry: %s",
						cvg_status_message(err.status))));
	check_stamps(ap);
	ap->changes_done++;
	if (ap->known)
		return;
	map = &ap->entry_maps[ap->change.descriptor];
	if (*map == NULL)
		*map = cvg_map(ap, ap->descs[ap->change.descriptor]);
	cvg_apply_context(&ap->change, *map);
	if (!cvg_bulk_add(ap, *map, &ap->change, bytes))
	{
		cvg_apply_context(&ap->change, *map);
		cvg_apply_change(ap, *map, &ap->change);
		UpdateActiveSnapshotCommandId();
	}
	cvg_apply_context(NULL, NULL);
}

/* All whole changes in these bytes; returns how many bytes they are. */
static size_t
apply_changes(CvgApply *ap, CvgSlice bytes)
{
	CvgReader	reader;

	cvg_reader_init(&reader, bytes);
	while (!cvg_reader_at_end(&reader))
	{
		CvgSlice	left = cvg_slice(bytes.data + reader.pos, bytes.len - reader.pos);
		size_t		size = cvg_change_size(left);

		if (size == 0 || size > left.len)
			break;
		apply_next_change(ap, &reader, cvg_slice(left.data, size));
	}
	cvg_bulk_flush(ap);
	cvg_owner_leave(ap);
	return reader.pos;
}

static void
begin_context(ErrorContextCallback *callback)
{
	callback->callback = apply_error_context;
	callback->arg = &apply;
	callback->previous = error_context_stack;
	error_context_stack = callback;
}

/* The entry is applied: its progress counts within this transaction. */
static void
finish_entry(CvgApply *ap)
{
	CvgApplyOrigin *origin = NULL;
	int			i;

	if (ap->changes_done != ap->body.nchanges || ap->rest.len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("a peer's entry has " UINT64_FORMAT " changes instead of " UINT64_FORMAT,
						ap->changes_done, ap->body.nchanges)));
	if (ap->parts_seal != ap->body.parts_seal)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("the parts of a peer's entry are those of another one")));
	for (i = 0; i < ap->norigins && origin == NULL; i++)
	{
		if (cvg_slice_eq(ap->origins[i].replica_id, ap->header.origin))
			origin = &ap->origins[i];
	}
	cvg_reached_entry(&origin->reached, &ap->header, &ap->body,
					  cvg_slice_cstring(ap->db->replica_id));
	ap->counts.entries++;
	ap->incomplete = false;
}

/* A copy that lives as long as the transaction: parts come later. */
static CvgSlice
keep_bytes(CvgApply *ap, CvgSlice bytes)
{
	uint8	   *copy = MemoryContextAlloc(ap->xact_mcxt, Max(bytes.len, 1));

	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	return cvg_slice(copy, bytes.len);
}

static void
decode_body(const CvgEntryHeader *header, CvgSlice bytes, CvgBody *body)
{
	CvgError	err;

	if (cvg_sealed_body_decode(header, bytes, body, &err) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("invalid entry from a peer: %s", cvg_status_message(err.status)),
				 errdetail("The error is at byte %zu.", err.offset)));
}

/* What is not in the log any more, all have acknowledged. */
static bool
has_entry(CvgSlice origin, int64 seq, CvgStamp stamp, void *arg)
{
	CvgDb	   *db = arg;
	CvgOriginSlot *slot;
	CvgStamp	here;
	int32		id = 0;
	int64		floor = 0;

	LWLockAcquire(&db->lock, LW_SHARED);
	slot = cvg_origin_slot_by_name(db, origin);
	if (slot != NULL)
	{
		id = slot->id;
		floor = slot->floor;
	}
	LWLockRelease(&db->lock);
	if (id == 0)
		return false;
	return cvg_log_find(id, seq, &here) ? here == stamp : seq <= floor;
}

/* Is it one of a former self of ours that goes on under another number? */
static bool
came_back(CvgDb *db, const CvgEntryHeader *header)
{
	int32		ids[CVG_MAX_ORIGINS];
	CvgOriginSlot *former;
	CvgStamp	stamp;
	bool		found = false;
	int			n = 0;
	int			i;

	LWLockAcquire(&db->lock, LW_SHARED);
	former = cvg_origin_slot_by_name(db, header->origin);
	for (i = 0; former != NULL && header->seq <= former->moved_seq && i < db->norigins; i++)
	{
		CvgOriginSlot *slot = &db->origins[i];

		if (slot != former && (slot->id == db->origin || slot->moved_seq > 0))
			ids[n++] = slot->id;
	}
	LWLockRelease(&db->lock);
	for (i = 0; i < n && !found; i++)
		found = cvg_log_find(ids[i], header->seq, &stamp) && stamp == header->stamp;
	return found;
}

static void
apply_admitted(CvgApply *ap, CvgApplyOrigin *origin, CvgSlice bytes)
{
	cvg_stamp_observe(ap->db, ap->header.stamp);
	/* our clock may have been set back since the entry was admitted */
	ap->latest = Max(ap->header.stamp, cvg_latest_stamp());
	cvg_check_stable(ap->body.stable, ap->latest);
	cvg_progress_join_stable(ap, ap->body.stable);
	cvg_log_insert(ap->db, origin->id, ap->header.seq, 0, ap->header.prev_seq,
				   ap->header.stamp, 0, bytes);
	look_up_descriptors(ap);
	ap->known = cvg_moved_is_known(&ap->body, ap->header.stamp, has_entry, ap->db) ||
		came_back(ap->db, &ap->header);
	ap->changes_done = 0;
	ap->parts_done = 0;
	ap->parts_seal = 0;
	ap->rest.len = 0;
	if (ap->body.flags & CVG_BODY_SPILLED)
	{
		MemoryContext old = MemoryContextSwitchTo(ap->xact_mcxt);

		ap->header.origin = origin->replica_id;
		decode_body(&ap->header, keep_bytes(ap, bytes), &ap->body);
		cvg_buf_init(&ap->rest);
		ap->incomplete = true;
		MemoryContextSwitchTo(old);
		if (ap->body.nparts > 0)
			return;
	}
	if (apply_changes(ap, ap->body.changes) != ap->body.changes.len)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("a peer's entry ends in the middle of a change")));
	finish_entry(ap);
}

CvgVerdict
cvg_apply_entry(const CvgEntryHeader *header, CvgSlice body, CvgClockEntry *missing)
{
	CvgApply   *ap = &apply;
	ErrorContextCallback callback;
	CvgApplyOrigin *origin;
	CvgVerdict	verdict;

	if (ap->incomplete)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("peer did not send all parts of an entry")));
	ap->header = *header;
	begin_context(&callback);
	decode_body(header, body, &ap->body);
	verdict = cvg_progress_admit(ap, header, &ap->body, missing, &origin);
	if (verdict == CVG_ADMIT)
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		apply_admitted(ap, origin, body);
		PopActiveSnapshot();
	}
	error_context_stack = callback.previous;
	return verdict;
}

CvgVerdict
cvg_apply_look(const CvgEntryHeader *header, CvgSlice body, CvgClockEntry *missing)
{
	CvgBody		decoded;

	apply.db = cvg_db();
	apply.norigins = 0;
	decode_body(header, body, &decoded);
	return cvg_progress_look(&apply, header, &decoded, missing);
}

void
cvg_apply_part(int part, CvgSlice bytes)
{
	CvgApply   *ap = &apply;
	ErrorContextCallback callback;
	CvgSlice	input;
	CvgError	err;
	size_t		used;

	begin_context(&callback);
	if (!ap->incomplete || part != ap->parts_done + 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("part %d of a peer's entry came out of order", part)));
	PushActiveSnapshot(GetTransactionSnapshot());
	cvg_log_insert(ap->db, cvg_origin_id(ap->db, ap->header.origin), ap->header.seq, part,
				   ap->header.prev_seq, ap->header.stamp, 0, bytes);
	if (cvg_unseal(&bytes, &ap->parts_seal, &err) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("invalid part of a peer's entry: %s", cvg_status_message(err.status))));
	input = bytes;
	if (ap->rest.len > 0)
	{
		cvg_put_bytes(&ap->rest, bytes.data, bytes.len);
		input = cvg_buf_slice(&ap->rest);
	}
	used = apply_changes(ap, input);
	if (ap->rest.len > 0)
	{
		memmove(ap->rest.data, ap->rest.data + used, ap->rest.len - used);
		ap->rest.len -= used;
	}
	else
		cvg_put_bytes(&ap->rest, bytes.data + used, bytes.len - used);
	ap->parts_done = part;
	PopActiveSnapshot();
	if (part == ap->body.nparts)
		finish_entry(ap);
	error_context_stack = callback.previous;
}

CvgApplyCounts
cvg_apply_commit(void)
{
	CvgApply   *ap = &apply;

	if (ap->incomplete)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("peer did not send all parts of entry " INT64_FORMAT " of origin \"%.*s\"",
						ap->header.seq, (int) ap->header.origin.len,
						(const char *) ap->header.origin.data)));
	ap->committing = true;
	PushActiveSnapshot(GetTransactionSnapshot());
	cvg_quarantine_recheck(ap);
	cvg_stores_close();
	cvg_progress_write(ap);
	PopActiveSnapshot();
	CommitTransactionCommand();
	cvg_applying = false;
	return ap->counts;
}
