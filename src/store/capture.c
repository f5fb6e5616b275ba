/*-------------------------------------------------------------------------
 *
 * capture.c
 *	  Triggers on replicated tables: stamp() before a row is written,
 *	  capture() after, capture_truncate() before TRUNCATE.
 *
 * Stamps of UPDATE and DELETE are drawn when the row is locked: the server
 * locks it before BEFORE ROW triggers run.  So the stamps of the writes to
 * one row ascend in the order in which they happen.  Most UPDATEs are stamped
 * without the trigger, and without that lock: see execstamp.c.
 *
 * INSERT is different: there is no row to lock yet.  BEFORE ROW looks for a
 * tombstone of the key and builds on it; then the insert may have to wait in
 * the unique index for a transaction that deletes the key.  When that
 * commits, there is a tombstone that the new row knows nothing of, and the
 * row's dot may even be smaller than the delete's.  So AFTER ROW looks again, with
 * a fresh snapshot, and when there is a tombstone that the row does not
 * cover, writes the row's state anew over it.  Nobody else can write to the
 * key in between: we hold it.  The second look is skipped when no delete has been
 * under way since the first (CvgDb.deleters): a deleting transaction is counted
 * before its first tombstone, and uncounted after its end is visible.
 *
 * A row of the key that is set aside (worker/quarantine.c) is in no index of the
 * table either.  The insert may have waited for the very transaction that set it
 * aside, and the row may have dots of this node that are larger than the new
 * one's.  So AFTER ROW looks there too, waits for who is just changing such a row,
 * and writes over what it finds.  Who sets the row aside, or changes it there,
 * after that look finds ours before it commits, and merges the two.
 *
 * Both triggers do nothing while an apply runs (it writes the state itself),
 * and do not fire at all under session_replication_role = replica.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "store/capture.h"
#include "store/crdt_column.h"
#include "store/meta.h"
#include "store/restamp.h"
#include "store/strategy.h"
#include "store/tombstone.h"
#include "store/xactlog.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

static CvgSlice
self_id(CvgDb *db)
{
	return cvg_slice_cstring(db->replica_id);
}

static bytea *
make_bytea(const CvgBuf *buf)
{
	bytea	   *result = palloc(VARHDRSZ + buf->len);

	SET_VARSIZE(result, VARHDRSZ + buf->len);
	memcpy(VARDATA(result), buf->data, buf->len);
	return result;
}

/* A core function refused our own row's state: its bytes are damaged. */
static void
check_state(CvgStatus status, CvgRel *rel)
{
	if (status == CVG_OK)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("column \"%s\" of a row of table \"%s\" is damaged: %s",
					CVG_STATE_COLUMN, get_rel_name(rel->relid),
					cvg_status_message(status))));
}

typedef CvgStatus (*StateFn) (CvgSlice old, CvgSlice replica, CvgStamp stamp,
							  const uint32 *units, int nunits, CvgBuf *out);

static CvgStatus
insert_fn(CvgSlice old, CvgSlice replica, CvgStamp stamp, const uint32 *units,
		  int nunits, CvgBuf *out)
{
	return cvg_rowstate_insert(old, replica, stamp, out);
}

static CvgStatus
delete_fn(CvgSlice old, CvgSlice replica, CvgStamp stamp, const uint32 *units,
		  int nunits, CvgBuf *out)
{
	return cvg_rowstate_delete(old, replica, stamp, out);
}

/*
 * State after a local write with a fresh stamp, which must be larger than
 * every stamp in the old state.  The clock has seen those of all rows that
 * came by the log; should a row have come another way, it sees them now.
 */
static void
write_state(CvgDb *db, CvgRel *rel, StateFn fn, CvgSlice old,
			const uint32 *units, int nunits, CvgBuf *out)
{
	CvgStatus	status = fn(old, self_id(db), cvg_xactlog_stamp(db), units, nunits, out);

	if (status == CVG_E_FORBIDDEN)
	{
		cvg_stamp_observe(db, cvg_rowstate_last_dot(old).stamp);
		status = fn(old, self_id(db), cvg_xactlog_stamp(db), units, nunits, out);
	}
	check_state(status, rel);
}

/*
 * The same for a row that is inserted (oldslot NULL; image is of the row that
 * was deleted before) or updated, in a table whose columns have strategies, or had: they say how the write is recorded,
 * and columns that are counted in may come out with another value.
 */
static void
write_recorded(CvgDb *db, CvgRel *rel, CvgSlice old, CvgSlice image,
			   TupleTableSlot *oldslot, TupleTableSlot *newslot, const uint32 *units, int nunits,
			   CvgBuf *out, CvgReplaced *replaced)
{
	int			nestlevel = rel->has_text ? cvg_codec_enter() : 0;
	CvgStatus	status = CVG_E_FORBIDDEN;
	CvgRecorded rec;

	cvg_strategy_record(rel, old, image, self_id(db), oldslot, newslot, units, nunits, &rec);
	for (int tries = 0; tries < 2 && status == CVG_E_FORBIDDEN; tries++)
	{
		CvgStamp	stamp = cvg_xactlog_stamp(db);

		if (oldslot == NULL)
			status = cvg_rowstate_insert_cells(old, self_id(db), stamp, rec.cells,
											   rec.ncells, out);
		else
			status = cvg_rowstate_update_cells(old, self_id(db), stamp, rec.units, rec.nunits,
											   rec.cells, rec.ncells, out);
		if (status == CVG_E_FORBIDDEN)
			cvg_stamp_observe(db, cvg_rowstate_last_dot(old).stamp);
	}
	check_state(status, rel);
	cvg_strategy_show_counts(rel, cvg_buf_slice(out), newslot, replaced);
	if (rel->has_text)
		cvg_codec_leave(nestlevel);
}

static void
write_insert(CvgDb *db, CvgRel *rel, CvgSlice old, CvgSlice image, TupleTableSlot *slot,
			 CvgBuf *out, CvgReplaced *replaced)
{
	if (rel->has_strategies)
		write_recorded(db, rel, old, image, NULL, slot, NULL, 0, out, replaced);
	else
		write_state(db, rel, insert_fn, old, NULL, 0, out);
}

static CvgRel *
replicated_rel(FunctionCallInfo fcinfo, const char *function)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	CvgRel	   *rel;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function converge.%s() can only be called as a trigger", function)));
	rel = cvg_rel(trigdata->tg_relation);
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not replicated",
						RelationGetRelationName(trigdata->tg_relation)),
				 errhint("Its converge triggers are left over: drop them, or call converge.replicate().")));
	return rel;
}

/* ----------------------------------------------------------------
 *		Tombstones of a key
 * ----------------------------------------------------------------
 */

/*
 * Find the tombstone of a row's key that still counts; drop one that does not.
 * The first look of an insert remembers it for the second.
 */
static bool
find_tombstone(CvgDb *db, CvgRel *rel, TupleTableSlot *slot, bool first, CvgShelved *out)
{
	Datum		keyvals[CVG_MAX_KEY_COLUMNS];
	CvgBuf		key;

	if (rel->desc->flags & CVG_DESC_KEYLESS)
		return false;			/* a new row has a new birth */
	cvg_rel_key_values(rel, slot, keyvals);
	cvg_buf_init(&key);
	cvg_rel_put_key(rel, slot, &key);
	if (!first && cvg_tombstone_recall(rel, keyvals, cvg_buf_slice(&key), out))
		return true;
	if (!cvg_shelf_find(CVG_T_TOMBSTONES, rel, keyvals, cvg_buf_slice(&key), NULL, out))
		return false;
	if (cvg_tombstone_forgotten(db, out->state))
	{
		cvg_shelf_delete(CVG_T_TOMBSTONES, &out->tid);
		return false;
	}
	if (first)
		cvg_tombstone_remember(rel, keyvals, cvg_buf_slice(&key), &out->tid);
	return true;
}

/*
 * Bury a row: tombstone with its image, and a DELETE change.  old_state is
 * the row's before.
 */
static void
bury(CvgDb *db, CvgRel *rel, TupleTableSlot *slot, CvgSlice old_state)
{
	Datum		keyvals[CVG_MAX_KEY_COLUMNS];
	CvgBuf		state;
	CvgBuf		key;
	CvgBuf		image;
	CvgBuf	   *change;

	cvg_buf_init(&state);
	write_state(db, rel, delete_fn, old_state, NULL, 0, &state);
	cvg_xactlog_note_delete(db);
	cvg_buf_init(&key);
	if (rel->desc->flags & CVG_DESC_KEYLESS)
		cvg_rowstate_birth_bytes(old_state, &key);
	else
	{
		cvg_rel_key_values(rel, slot, keyvals);
		cvg_rel_put_key(rel, slot, &key);
	}
	cvg_buf_init(&image);
	cvg_rel_put_image(rel, slot, &image);
	cvg_shelf_insert(CVG_T_TOMBSTONES, rel, keyvals, cvg_buf_slice(&key),
					 cvg_buf_slice(&state), cvg_buf_slice(&image), NULL, NULL);

	change = cvg_xactlog_begin(rel, CVG_OP_DELETE, cvg_buf_slice(&state));
	if (!(rel->desc->flags & CVG_DESC_KEYLESS))
		cvg_put_bytes(change, key.data, key.len);
	if (rel->desc->merges)
		cvg_change_back(change, cvg_rowstate_latest(cvg_buf_slice(&state), self_id(db)),
						cvg_rowstate_latest(old_state, self_id(db)));
	cvg_change_columns(change, 0);
	cvg_xactlog_end();
}

/* ----------------------------------------------------------------
 *		BEFORE ROW: stamp
 * ----------------------------------------------------------------
 */

static bool
same_value(TupleTableSlot *a, TupleTableSlot *b, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(a->tts_tupleDescriptor, attnum - 1);
	bool		anull;
	bool		bnull;
	Datum		av = slot_getattr(a, attnum, &anull);
	Datum		bv = slot_getattr(b, attnum, &bnull);

	if (anull || bnull)
		return anull == bnull;
	return datum_image_eq(av, bv, att->attbyval, att->attlen);
}

static bool
key_changed(CvgRel *rel, TupleTableSlot *oldslot, TupleTableSlot *newslot)
{
	int			i;

	for (i = 0; i < rel->desc->nkeys; i++)
	{
		if (!same_value(oldslot, newslot, rel->columns[rel->desc->keycols[i]].attnum))
			return true;
	}
	return false;
}

/* Units with a changed column, as ascending unit ids; returns how many. */
static int
changed_units(CvgRel *rel, TupleTableSlot *oldslot, TupleTableSlot *newslot,
			  uint32 *units)
{
	bool		changed[CVG_MAX_UNITS] = {false};
	int			n = 0;
	int			i;

	for (i = 0; i < rel->desc->ncolumns; i++)
	{
		CvgRelColumn *col = &rel->columns[i];

		if (col->unit >= 0 && !changed[col->unit] &&
			!same_value(oldslot, newslot, col->attnum))
			changed[col->unit] = true;
	}
	for (i = 0; i < rel->nunits; i++)
	{
		if (changed[i])
			units[n++] = rel->units[i];
	}
	return n;
}

/*
 * State of a new row: over the tombstone of its key if there is one.  Columns
 * that merge by their type go on from what they were there.
 */
static void
state_of_insert(CvgDb *db, CvgRel *rel, TupleTableSlot *slot, CvgBuf *out,
				CvgReplaced *replaced)
{
	CvgShelved	grave;
	CvgSlice	old = {NULL, 0};
	CvgSlice	image = {NULL, 0};

	cvg_xactlog_note_lookup(db);
	if (find_tombstone(db, rel, slot, true, &grave))
	{
		old = grave.state;
		image = grave.image;
	}
	if (rel->desc->merges)
		cvg_crdt_insert_columns(rel, slot, image, false, replaced);
	write_insert(db, rel, old, image, slot, out, replaced);
}

static void
state_of_update(CvgDb *db, CvgRel *rel, TupleTableSlot *oldslot,
				TupleTableSlot *newslot, CvgBuf *out, CvgReplaced *replaced)
{
	uint32		units[CVG_MAX_UNITS];
	CvgSlice	old = cvg_rel_state(rel, oldslot);
	int			n;

	if (key_changed(rel, oldslot, newslot))
	{
		state_of_insert(db, rel, newslot, out, replaced);
		return;
	}
	if (rel->desc->merges)
		cvg_crdt_update_columns(rel, oldslot, newslot, replaced);
	if (old.len == 0)
	{
		/* written while our triggers were off: it begins to exist now */
		write_insert(db, rel, old, cvg_slice(NULL, 0), newslot, out, replaced);
		return;
	}
	n = changed_units(rel, oldslot, newslot, units);
	if (rel->has_strategies)
	{
		n = cvg_strategy_add_kept(rel, old, units, n);
		write_recorded(db, rel, old, cvg_slice(NULL, 0), oldslot, newslot, units, n, out, replaced);
	}
	else
		write_state(db, rel, cvg_rowstate_update, old, units, n, out);
}

void
cvg_stamp_update(Relation relation, TupleTableSlot *oldslot, TupleTableSlot *newslot)
{
	CvgRel	   *rel = cvg_rel(relation);
	CvgReplaced replaced;
	CvgBuf		state;
	int			i;

	cvg_replaced_init(&replaced, rel);
	cvg_buf_init(&state);
	state_of_update(cvg_db(), rel, oldslot, newslot, &state, &replaced);
	cvg_replaced_add(&replaced, rel->state_attnum, PointerGetDatum(make_bytea(&state)), false);
	for (i = 0; i < replaced.n; i++)
	{
		newslot->tts_values[replaced.attnums[i] - 1] = replaced.values[i];
		newslot->tts_isnull[replaced.attnums[i] - 1] = replaced.nulls[i];
	}
}

CVG_FUNCTION(stamp)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	CvgRel	   *rel = replicated_rel(fcinfo, "stamp");
	bool		update = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event);
	HeapTuple	tuple = update ? trigdata->tg_newtuple : trigdata->tg_trigtuple;
	CvgReplaced replaced;
	CvgBuf		state;
	CvgDb	   *db;

	if (cvg_applying || TRIGGER_FIRED_BY_DELETE(trigdata->tg_event))
		return PointerGetDatum(tuple);
	db = cvg_db();
	cvg_replaced_init(&replaced, rel);
	cvg_buf_init(&state);
	if (update)
		state_of_update(db, rel, trigdata->tg_trigslot, trigdata->tg_newslot, &state, &replaced);
	else
		state_of_insert(db, rel, trigdata->tg_trigslot, &state, &replaced);
	cvg_replaced_add(&replaced, rel->state_attnum, PointerGetDatum(make_bytea(&state)), false);
	return PointerGetDatum(heap_modify_tuple_by_cols(tuple,
													 RelationGetDescr(trigdata->tg_relation),
													 replaced.n, replaced.attnums,
													 replaced.values, replaced.nulls));
}

/* ----------------------------------------------------------------
 *		AFTER ROW: capture
 * ----------------------------------------------------------------
 */

/* The state in a row just written must be the one that stamp() gave it. */
static CvgSlice
own_state(CvgDb *db, CvgRel *rel, TupleTableSlot *slot)
{
	CvgSlice	state = cvg_rel_state(rel, slot);

	if (state.len == 0 ||
		!cvg_xactlog_is_own(cvg_rowstate_latest(state, self_id(db))))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("column \"%s\" of table \"%s\" was not set by pg_converge",
						CVG_STATE_COLUMN, get_rel_name(rel->relid)),
				 errdetail("Another BEFORE trigger changed it, or the converge trigger did not fire."),
				 errhint("BEFORE ROW triggers must sort by name before \"~~converge_stamp\".")));
	return state;
}

/*
 * The columns of a change: of an insert (take_unit NULL) all, key columns
 * too; of an update those of the units that were written, and deltas of the
 * columns that merge by their type and differ from oldslot's.
 */
static bool
takes_column(CvgRel *rel, int i, TupleTableSlot *slot, TupleTableSlot *oldslot,
			 const bool *take_unit)
{
	CvgRelColumn *col = &rel->columns[i];

	if (rel->desc->columns[i].flags & CVG_COL_GENERATED)
		return false;
	if (take_unit == NULL)
		return true;
	if (col->crdt != NULL)
		return !same_value(slot, oldslot, col->attnum);
	if (col->strategy != NULL && col->strategy->kind == CVG_STRATEGY_JSONB_MERGE)
		return !same_value(slot, oldslot, col->attnum);
	return col->unit >= 0 && take_unit[col->unit];
}

static void
put_columns(CvgRel *rel, TupleTableSlot *slot, TupleTableSlot *oldslot, CvgBuf *out,
			const bool *take_unit)
{
	const CvgDescriptor *desc = rel->desc;
	int			n = 0;
	int			i;
	int			pass;

	for (pass = 0; pass < 2; pass++)
	{
		for (i = 0; i < desc->ncolumns; i++)
		{
			CvgRelColumn *col = &rel->columns[i];
			bool		isnull;
			Datum		value;

			if (!takes_column(rel, i, slot, oldslot, take_unit))
				continue;
			if (pass == 0)
			{
				n++;
				continue;
			}
			cvg_put_varint(out, i);
			if (take_unit != NULL && col->crdt != NULL)
			{
				cvg_crdt_put_delta(cvg_crdt_slot_value(col, oldslot),
								   cvg_crdt_slot_value(col, slot), out);
				continue;
			}
			value = slot_getattr(slot, col->attnum, &isnull);
			cvg_codec_put(&col->codec, value, isnull, out);
		}
		if (pass == 0)
			cvg_change_columns(out, n);
	}
}

static void
log_insert(CvgRel *rel, TupleTableSlot *slot, CvgSlice state)
{
	CvgBuf	   *out = cvg_xactlog_begin(rel, CVG_OP_INSERT, state);

	if (!(rel->desc->flags & CVG_DESC_KEYLESS))
		cvg_rel_put_key(rel, slot, out);
	put_columns(rel, slot, NULL, out, NULL);
	cvg_xactlog_end();
}

static void
log_update(CvgDb *db, CvgRel *rel, TupleTableSlot *oldslot, TupleTableSlot *slot,
		   CvgSlice state)
{
	bool		take[CVG_MAX_UNITS];
	CvgStamp	stamp = cvg_rowstate_latest(state, self_id(db));
	CvgBuf	   *out;
	int			i;

	for (i = 0; i < rel->nunits; i++)
	{
		CvgDot		dot = cvg_rowstate_unit_dot(state, rel->units[i]);

		take[i] = dot.stamp == stamp && cvg_slice_eq(dot.replica, self_id(db));
	}
	out = cvg_xactlog_begin(rel, CVG_OP_UPDATE, state);
	if (!(rel->desc->flags & CVG_DESC_KEYLESS))
		cvg_rel_put_key(rel, slot, out);
	if (rel->desc->merges)
		cvg_change_back(out, stamp,
						cvg_rowstate_latest(cvg_rel_state(rel, oldslot), self_id(db)));
	put_columns(rel, slot, oldslot, out, take);
	cvg_xactlog_end();
}

/* A row that is in is written anew over another state of its key; *slot is its new version. */
static CvgSlice
write_over(CvgDb *db, Relation relation, CvgRel *rel, CvgSlice old, CvgSlice image,
		   TupleTableSlot **slot)
{
	CvgReplaced replaced;
	CvgBuf		fresh;
	CvgRestamp *restamp;

	cvg_buf_init(&fresh);
	cvg_replaced_init(&replaced, rel);
	if (rel->desc->merges)
		cvg_crdt_insert_columns(rel, *slot, image, true, &replaced);
	write_insert(db, rel, old, image, *slot, &fresh, &replaced);
	restamp = cvg_restamp_begin(relation, rel->state_attnum);
	cvg_restamp_row(restamp, *slot, cvg_buf_slice(&fresh), &replaced);
	*slot = cvg_restamp_end_with(restamp);
	return cvg_buf_slice(&fresh);
}

/*
 * If the row was written over a tombstone, that goes; if there is one that
 * the row does not know, it is written anew over it.
 */
static CvgSlice
settle_tombstone(CvgDb *db, Relation relation, CvgRel *rel, CvgSlice state,
				 TupleTableSlot **slot)
{
	CvgShelved	grave;

	if (!cvg_rowstate_ever_deleted(state) && !cvg_xactlog_delete_possible(db))
		return state;
	do
	{
		if (!find_tombstone(db, rel, *slot, false, &grave))
			return state;
	} while (!cvg_shelf_delete(CVG_T_TOMBSTONES, &grave.tid));
	if (cvg_rowstate_compare(grave.state, state) == CVG_BEFORE)
		return state;
	return write_over(db, relation, rel, grave.state, grave.image, slot);
}

/*
 * A row of the same key may be set aside.  It is no row to the user, but it is
 * one to the other nodes: the new one is written over it, and over what it was
 * written over before.  Who has set it aside, or changes it there, goes on to
 * merge the two; so it is left where it is.
 */
static CvgSlice
settle_aside(CvgDb *db, Relation relation, CvgRel *rel, CvgSlice state,
			 TupleTableSlot **slot)
{
	Datum		keyvals[CVG_MAX_KEY_COLUMNS];
	CvgShelved	aside;
	CvgBuf		both;
	CvgBuf		key;

	if (!cvg_shelf_any_aside(rel->rootid, &rel->none_aside))
		return state;
	cvg_rel_key_values(rel, *slot, keyvals);
	cvg_buf_init(&key);
	cvg_rel_put_key(rel, *slot, &key);
	if (!cvg_shelf_find(CVG_T_QUARANTINE, rel, keyvals, cvg_buf_slice(&key), NULL, &aside))
		return state;
	cvg_buf_init(&both);
	check_state(cvg_rowstate_merge(state, aside.state, NULL, 0, NULL, NULL, &both), rel);
	return write_over(db, relation, rel, cvg_buf_slice(&both), aside.image, slot);
}

/* A row with a key is in: what it does not know of goes into it now. */
static CvgSlice
settle_insert(CvgDb *db, Relation relation, CvgRel *rel, CvgSlice state, TupleTableSlot **slot)
{
	state = settle_tombstone(db, relation, rel, state, slot);
	return settle_aside(db, relation, rel, state, slot);
}

static void
capture_insert(CvgDb *db, Relation relation, CvgRel *rel, TupleTableSlot *slot)
{
	CvgSlice	state = own_state(db, rel, slot);

	if (!(rel->desc->flags & CVG_DESC_KEYLESS))
		state = settle_insert(db, relation, rel, state, &slot);
	log_insert(rel, slot, state);
}

static void
capture_update(CvgDb *db, Relation relation, CvgRel *rel,
			   TupleTableSlot *oldslot, TupleTableSlot *newslot)
{
	CvgSlice	old = cvg_rel_state(rel, oldslot);

	if (key_changed(rel, oldslot, newslot))
	{
		CvgSlice	state = own_state(db, rel, newslot);

		if (old.len > 0)
			bury(db, rel, oldslot, old);
		state = settle_insert(db, relation, rel, state, &newslot);
		log_insert(rel, newslot, state);
	}
	else if (old.len == 0)
		log_insert(rel, newslot, own_state(db, rel, newslot));
	else
		log_update(db, rel, oldslot, newslot, own_state(db, rel, newslot));
}

/* What capturing one row allocates goes with it. */
static MemoryContext
row_context(void)
{
	static MemoryContext context = NULL;

	if (context == NULL)
		context = AllocSetContextCreate(CacheMemoryContext,
										"pg_converge captured row",
										ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(context);
	return context;
}

CVG_FUNCTION(capture)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	CvgRel	   *rel = replicated_rel(fcinfo, "capture");
	Relation	relation = trigdata->tg_relation;
	MemoryContext old;
	CvgDb	   *db;
	int			nestlevel = 0;

	if (cvg_applying)
		return PointerGetDatum(NULL);
	db = cvg_db();
	old = MemoryContextSwitchTo(row_context());
	if (rel->has_text)
		nestlevel = cvg_codec_enter();
	if (TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
		capture_insert(db, relation, rel, trigdata->tg_trigslot);
	else if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
		capture_update(db, relation, rel, trigdata->tg_trigslot, trigdata->tg_newslot);
	else
	{
		CvgSlice	state = cvg_rel_state(rel, trigdata->tg_trigslot);

		if (state.len > 0)
			bury(db, rel, trigdata->tg_trigslot, state);
	}
	if (rel->has_text)
		cvg_codec_leave(nestlevel);
	MemoryContextSwitchTo(old);
	return PointerGetDatum(NULL);
}

/* ----------------------------------------------------------------
 *		Whole tables
 * ----------------------------------------------------------------
 */

/* A row that is there already may have a state of another node, from a dump. */
static bool
capture_existing(CvgRel *rel, TupleTableSlot *slot, void *arg)
{
	CvgSlice	state = cvg_rel_state(rel, slot);

	check_state(cvg_rowstate_validate(state, NULL), rel);
	log_insert(rel, slot, state);
	return true;
}

void
cvg_capture_table(Relation relation)
{
	CvgRel	   *rel = cvg_rel(relation);

	Assert(rel != NULL);

	/* takes part in the log, even if none of the rows needed a stamp */
	(void) cvg_capture_stamp();
	(void) cvg_rel_each_row(rel, relation, capture_existing, NULL);
}

static bool
capture_truncated(CvgRel *rel, TupleTableSlot *slot, void *arg)
{
	CvgSlice	state = cvg_rel_state(rel, slot);

	if (state.len > 0)
		bury(cvg_db(), rel, slot, state);
	return true;
}

/*
 * TRUNCATE removes what is here, row by row as far as the log is concerned:
 * rows that others have written and we have not seen are none of its
 * business.  BEFORE STATEMENT, so the rows are still there; the server holds
 * an access exclusive lock, so no others come.
 */
CVG_FUNCTION(capture_truncate)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	CvgRel	   *rel = replicated_rel(fcinfo, "capture_truncate");

	if (!cvg_applying &&
		trigdata->tg_relation->rd_rel->relkind == RELKIND_RELATION)
		(void) cvg_rel_each_row(rel, trigdata->tg_relation, capture_truncated, NULL);
	return PointerGetDatum(NULL);
}
