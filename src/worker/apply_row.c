/*-------------------------------------------------------------------------
 *
 * apply_row.c
 *	  One change to one row.
 *
 * A row is in one of four places: live in its table, among the tombstones,
 * in the quarantine, or absent.  A change is applied by merging its state
 * into the row's, wherever that is; the merge says for each unit whose value
 * is current, and the merged state says whether the row is alive.  Then the
 * row is put where it belongs.  Nothing else is decided here: a change that
 * came before, or by another way, finds its dot covered and does nothing.
 *
 * Values.  A change carries the units that it wrote.  If the merge takes
 * another unit from it, the base of the change is missing here, and the whole
 * row is fetched from the peer and merged first.  A dead row need not have
 * values: units that are not known are left out of its image, and fetched
 * if it ever comes back.
 *
 * Concurrency.  Local transactions write the same rows.  Every step that
 * finds the row changed since it was looked at starts over (try_change
 * returns false); nothing has been written then, or what has been written is
 * taken along as a further input.  A shelf row written without holding a
 * live row is followed by another look for a live row, and an insert by
 * another look for a tombstone, if there can be one: see tombstone.c.
 *
 * Crash.  All of it is one transaction with the entry's progress.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "store/conflictlog.h"
#include "store/tombstone.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "guc.h"
#include "worker/apply_int.h"
#include "worker/apply_values.h"

/* So often a row is looked for that seems to be nowhere. */
#define MAX_LOOKS		3

/* Where the row is now. */
static void
locate_row(RowWork *w)
{
	CvgStore   *store = w->map->store;
	bool		live;

	w->local_state = cvg_slice(NULL, 0);
	w->place = ROW_ABSENT;
	w->deleters = cvg_progress_deleters(w->ap);
	if (w->keyless)
	{
		w->target = cvg_row_find_birth(store, w->key);
		live = w->target != NULL;
	}
	else
	{
		w->target = cvg_store_route_key(store, w->keys);
		live = cvg_row_find(w->target, w->keys);
	}
	if (live)
	{
		w->place = ROW_LIVE;
		w->local_state = cvg_rel_state(w->target->info, w->target->found);
	}
	else if (cvg_shelf_find(CVG_T_TOMBSTONES, store->info, w->keys, w->key, NULL, &w->shelved))
	{
		if (cvg_rowstate_covered(w->shelved.state, w->stable))
			(void) cvg_shelf_delete(CVG_T_TOMBSTONES, &w->shelved.tid);
		else
			w->place = ROW_TOMBSTONE;
	}
	else if (cvg_quarantine_any(store))
	{
		cvg_quarantine_lock(store);
		if (cvg_shelf_find(CVG_T_QUARANTINE, store->info, w->keys, w->key, NULL, &w->shelved))
			w->place = ROW_QUARANTINED;
	}
	if (w->place == ROW_TOMBSTONE || w->place == ROW_QUARANTINED)
		w->local_state = w->shelved.state;
}

/*
 * A local transaction may have inserted a key that is set aside, and perhaps
 * deleted it again: what is set aside goes into the live row or tombstone.
 */
static void
take_twin(RowWork *w)
{
	CvgShelved	twin;

	if ((w->place != ROW_LIVE && w->place != ROW_TOMBSTONE) ||
		w->twin_taken || !cvg_quarantine_any(w->map->store))
		return;
	cvg_quarantine_lock(w->map->store);
	if (!cvg_shelf_find(CVG_T_QUARANTINE, w->map->store->info, w->keys, w->key, NULL, &twin))
		return;
	if (cvg_shelf_delete(CVG_T_QUARANTINE, &twin.tid))
	{
		CommandCounterIncrement();
		cvg_values_add_image(w, twin.state, twin.image);
		w->twin_taken = true;
	}
}

/*
 * Is the change's dot in a state already?  An entry that was moved to a new
 * incarnation, and the rows of a loaded dump, have states without a dot of
 * the entry's origin: these are covered when all of their dots are.
 */
static bool
is_covered(RowWork *w, CvgSlice state)
{
	CvgOrder	order;

	if (w->dot != 0)
		return cvg_rowstate_latest(state, w->ap->header.origin) >= w->dot;
	order = cvg_rowstate_compare(w->change->state, state);
	return order == CVG_EQUAL || order == CVG_BEFORE;
}

/*
 * The peer may have forgotten a tombstone of the row that we still have, and
 * its answer is then without it, for good: we must forget it too, or the row
 * would have another clock here.  The peer had everything that was concurrent
 * to the tombstone when it forgot it, so all of that is in the answer.  S as
 * such must come by the log, and stays.
 */
static void
adopt_stable(RowWork *w, CvgSlice stable)
{
	CvgBuf		joined;

	cvg_buf_init(&joined);
	if (cvg_vclock_join(w->stable, stable, &joined) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("stable clock has too many entries")));
	w->stable = cvg_buf_slice(&joined);
}

/* Ask the peer for the whole row; false when it has none. */
static bool
fetch_row(RowWork *w)
{
	CvgApply   *ap = w->ap;
	const CvgDescriptor *desc = w->map->desc;
	CvgFetchRequest req = {desc->schema, desc->table, w->key};
	CvgFetchAnswer answer;
	CvgDot		last;
	CvgError	err;
	CvgSlice	bytes;

	w->fetched = true;
	ap->counts.fetches++;
	cvg_owner_pause(ap);
	bytes = ap->fetch(&req, ap->fetch_arg);
	if (cvg_fetch_answer_decode(bytes, &answer, &err) != CVG_OK ||
		(answer.found != 0 &&
		 cvg_rowstate_validate(answer.state, &err) != CVG_OK))
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("peer sent an invalid row: %s", cvg_status_message(err.status))));
	if (answer.found != 0 && answer.descriptor.len > 0)
		cvg_descriptor_store(answer.descriptor);
	cvg_owner_resume(ap);
	if (answer.found == 0)
		return false;

	last = cvg_rowstate_last_dot(answer.state);
	if (last.stamp > cvg_latest_stamp())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("row fetched from the peer is stamped in the future"),
				 errdetail("Its writer's clock is further ahead than converge.max_clock_skew allows."),
				 errhint("Correct the clocks; the row is asked for again.")));
	cvg_check_stable(answer.stable, cvg_latest_stamp());
	cvg_stamp_observe(ap->db, last.stamp);
	adopt_stable(w, answer.stable);
	cvg_values_add_image(w, answer.state, answer.image);
	return true;
}

/* ----------------------------------------------------------------
 *		Conflicts
 * ----------------------------------------------------------------
 */

/* The name of what happened, NULL if it is no conflict. */
static const char *
conflict_type(RowWork *w)
{
	bool		concurrent = w->order == CVG_CONCURRENT;

	switch (w->change->op)
	{
		case CVG_OP_INSERT:
			if (w->place == ROW_LIVE || w->place == ROW_QUARANTINED)
				return concurrent || w->local_state.len == 0 ? "insert_exists" : NULL;
			return concurrent && !w->alive ? "update_deleted" : NULL;
		case CVG_OP_UPDATE:
			if (w->place == ROW_ABSENT)
				return "update_missing";
			if (!concurrent)
				return NULL;
			return w->place == ROW_TOMBSTONE ? "update_deleted" : "update_origin_differs";
		case CVG_OP_DELETE:
			if (w->place == ROW_ABSENT)
				return "delete_missing";
			if (!concurrent)
				return NULL;
			return w->place == ROW_TOMBSTONE ? "delete_missing" : "delete_origin_differs";
	}
	return NULL;
}

/* Whose side the merge took. */
static const char *
conflict_decision(RowWork *w)
{
	bool		local = false;
	bool		remote = false;
	RowInput   *change = &w->inputs[w->ninputs - 1];
	int			i;

	if (w->change->op == CVG_OP_DELETE)
		return w->alive ? "keep_local" : "apply_remote";
	if (!w->alive)
		return "keep_local";
	if (w->place == ROW_ABSENT || w->place == ROW_TOMBSTONE)
		return "apply_remote";
	for (i = 0; i < w->map->store->info->nunits; i++)
	{
		if (w->source[i] == w->ninputs - 1)
			remote = true;
		else if (w->inputs[w->ninputs - 1].carries[i])
			local = true;		/* the change wrote it, and was not taken */
		if (w->source[i] == FROM_FOLD && w->order == CVG_CONCURRENT)
			return "merge";
	}
	for (i = 0; w->merged != NULL && i < change->ncolumns; i++)
	{
		int			at = change->map->local[change->cols[i]];

		if (at >= 0 && w->map->store->info->columns[at].crdt != NULL)
			return "merge";
	}
	if ((remote && local) || w->paths_merged)
		return "merge";
	return remote ? "apply_remote" : "keep_local";
}

/*
 * Report a conflict once the change is applied.  violation: the row was set
 * aside.
 */
static void
note_conflict(RowWork *w, const CvgViolation *violation)
{
	const char *type = conflict_type(w);
	const char *decision;

	if (violation != NULL)
	{
		decision = "set_aside";
		if (violation->nindexes > 1)
			type = "multiple_unique_conflicts";
		else
			type = w->change->op == CVG_OP_INSERT ? "insert_exists" : "update_exists";
	}
	else if (type == NULL)
		return;
	else
		decision = conflict_decision(w);
	w->ap->counts.conflicts++;
	if (!cvg_log_conflicts || w->target == NULL)
		return;
	cvg_values_log_conflict(w, type, decision);
}

/* ----------------------------------------------------------------
 *		Transitions.  Each returns false when the row must be found again.
 * ----------------------------------------------------------------
 */

/*
 * The row will be set aside.  Has another transaction moved it since we looked
 * for it: set it aside itself, brought it back, buried it?  It has, when it is
 * elsewhere once we have the lock.
 */
static bool
moved_meanwhile(RowWork *w)
{
	RowPlace	place = w->place;
	ItemPointerData tid = place == ROW_LIVE ? w->target->found->tts_tid : w->shelved.tid;
	CvgShelved	twin;

	cvg_quarantine_lock(w->map->store);
	locate_row(w);
	if (w->place != place)
		return true;
	if (place == ROW_ABSENT)
		return false;
	return !ItemPointerEquals(&tid, place == ROW_LIVE ? &w->target->found->tts_tid : &w->shelved.tid) ||
		cvg_shelf_find(CVG_T_QUARANTINE, w->map->store->info, w->keys, w->key, NULL, &twin);
}

/* Put the merged row aside: it is in target->fresh, and not in the table. */
static void
set_aside(RowWork *w, const CvgViolation *violation)
{
	cvg_progress_note_delete(w->ap);
	cvg_quarantine_put(w->target, w->keys, w->key, w->state, violation);
	w->ap->counts.quarantined++;
	note_conflict(w, violation);
}

static bool
live_to_live(RowWork *w)
{
	CvgViolation violation;

	cvg_values_fill_live(w);
	switch (cvg_row_update(w->target, w->changed, &violation))
	{
		case CVG_WRITE_RETRY:
			return false;
		case CVG_WRITE_VIOLATES:
			if (moved_meanwhile(w))
				return false;
			if (cvg_row_delete(w->target) == CVG_WRITE_RETRY)
				return false;
			set_aside(w, &violation);
			return true;
		case CVG_WRITE_SKIPPED:
			return true;
		case CVG_WRITE_OK:
			break;
	}
	note_conflict(w, NULL);
	return true;
}

/* Replace what may be left on the shelf from before the row came back. */
static void
drop_old_tombstone(RowWork *w)
{
	CvgShelved	old;

	while (cvg_shelf_find(CVG_T_TOMBSTONES, w->map->store->info, w->keys, w->key,
						  NULL, &old))
		(void) cvg_shelf_delete(CVG_T_TOMBSTONES, &old.tid);
}

static bool
live_to_dead(RowWork *w)
{
	CvgSlice	image = cvg_values_dead_image(w);
	CvgWrite	result;

	cvg_progress_note_delete(w->ap);
	result = cvg_row_delete(w->target);
	if (result != CVG_WRITE_OK)
		return result == CVG_WRITE_SKIPPED;
	drop_old_tombstone(w);
	cvg_shelf_insert(CVG_T_TOMBSTONES, w->map->store->info, w->keys, w->key,
					 w->state, image, NULL, NULL);
	note_conflict(w, NULL);
	return true;
}

/*
 * A tombstone was written for a key of which we hold no row.  If there is a
 * live one now, take the tombstone back and along.
 */
static bool
live_row_appeared(RowWork *w, CvgSlice image)
{
	CvgShelved	mine;
	bool		live;

	if (w->keyless)
		live = cvg_row_find_birth(w->map->store, w->key) != NULL;
	else
		live = cvg_row_find(w->target, w->keys);
	if (!live)
		return false;
	if (cvg_shelf_find(CVG_T_TOMBSTONES, w->map->store->info, w->keys, w->key, NULL, &mine))
		(void) cvg_shelf_delete(CVG_T_TOMBSTONES, &mine.tid);
	CommandCounterIncrement();
	cvg_values_add_image(w, w->state, image);
	return true;
}

/* Absent or shelved, and dead now. */
static bool
shelve(RowWork *w)
{
	CvgSlice	image = cvg_values_dead_image(w);

	cvg_progress_note_delete(w->ap);
	if (w->place == ROW_TOMBSTONE && !cvg_shelf_delete(CVG_T_TOMBSTONES, &w->shelved.tid))
		return false;
	if (w->place == ROW_QUARANTINED)
	{
		if (!cvg_shelf_delete(CVG_T_QUARANTINE, &w->shelved.tid))
			return false;
		w->map->store->recheck = true;
	}
	cvg_shelf_insert(CVG_T_TOMBSTONES, w->map->store->info, w->keys, w->key,
					 w->state, image, NULL, NULL);
	if (live_row_appeared(w, image))
		return false;
	note_conflict(w, NULL);
	return true;
}

/* Set aside before, alive still: stays there until the visible set is made. */
static bool
aside_to_aside(RowWork *w)
{
	CvgViolation violation;

	if (!cvg_shelf_delete(CVG_T_QUARANTINE, &w->shelved.tid))
		return false;
	cvg_values_fill_absent(w);
	cvg_row_generate(w->target);
	if (!cvg_row_violates(w->target, NULL, &violation))
	{
		violation.constraint = NULL;
		violation.check = false;
	}
	cvg_quarantine_put(w->target, w->keys, w->key, w->state, &violation);
	note_conflict(w, NULL);
	return true;
}

/*
 * The row is in, and the key is ours.  Has another transaction buried it
 * between our look for a tombstone and now?  Then that goes into the row.
 * That need not be who deleted the row: another delete, applied to the
 * tombstone that we have seen, puts a new one in its place.
 */
static bool
buried_meanwhile(RowWork *w)
{
	CvgShelved	grave;

	if (!cvg_progress_delete_possible(w->ap, w->deleters) ||
		!cvg_shelf_find(CVG_T_TOMBSTONES, w->map->store->info, w->keys, w->key, NULL, &grave))
		return false;
	if (cvg_shelf_delete(CVG_T_TOMBSTONES, &grave.tid))
		cvg_values_add_image(w, grave.state, grave.image);
	CommandCounterIncrement();
	w->dug_up = true;
	return true;
}

/* Absent or a tombstone, and alive now. */
static bool
bring_in(RowWork *w)
{
	CvgViolation violation;
	CvgWrite	result;

	cvg_values_fill_absent(w);
	result = cvg_row_insert(w->target, &violation);
	if (result == CVG_WRITE_RETRY)
		return false;
	if (result == CVG_WRITE_SKIPPED)
		return true;
	if (result == CVG_WRITE_VIOLATES && moved_meanwhile(w))
		return false;
	if (w->place == ROW_TOMBSTONE)
		(void) cvg_shelf_delete(CVG_T_TOMBSTONES, &w->shelved.tid);
	if (result == CVG_WRITE_VIOLATES)
	{
		set_aside(w, &violation);
		return true;
	}
	if (buried_meanwhile(w))
		return false;
	note_conflict(w, NULL);
	return true;
}

/* Peer and we know too little about the row: leave it as it is. */
static void
give_up(RowWork *w)
{
	w->alive = false;
	note_conflict(w, NULL);
}

/* Put the merged row where it belongs. */
static bool
move_row(RowWork *w)
{
	if (w->target != NULL && w->target->nrivals > 0)
		w->map->store->recheck = true;
	if (w->place == ROW_LIVE)
		return w->alive ? live_to_live(w) : live_to_dead(w);
	if (!w->alive)
		return shelve(w);
	return w->place == ROW_QUARANTINED ? aside_to_aside(w) : bring_in(w);
}

/*
 * The looks for a live row and on the shelf are not one: a row that a local
 * transaction moves from the shelf into the table in between is in neither.
 * Then its values only seem to be missing.  Fetched, the row would be ahead
 * of the log, and local writes would travel without what they depend on; so
 * look again before that.
 */
static bool
may_have_moved(RowWork *w)
{
	return w->place != ROW_LIVE && !w->fetched && w->looks++ < MAX_LOOKS;
}

/* One attempt; false to look at the row again. */
static bool
try_change(RowWork *w)
{
	locate_row(w);
	if (is_covered(w, w->local_state) && !w->dug_up)
		return true;
	take_twin(w);
	cvg_values_merge(w);

	/*
	 * A local transaction may insert over a tombstone, and goes on from the
	 * values of its merged columns: they are fetched for dead rows too.
	 */
	if (w->incomplete && (w->alive || w->merged_unknown))
	{
		if (may_have_moved(w))
			return false;
		if (!w->fetched && fetch_row(w))
			return false;
		/* the delete that took it from the peer is still to come */
		if (w->alive && w->place != ROW_LIVE)
		{
			give_up(w);
			return true;
		}
	}
	return move_row(w);
}

/*
 * A key is in two places, since a local transaction has inserted it, and perhaps
 * deleted it again: merge a row that is set aside with the live row or tombstone, or
 * a tombstone with the live row, as two inserts of one key are.  False when
 * there is no other.  Called in the row context, as the owner.
 */
bool
cvg_row_merge_shelved(CvgApply *ap, CvgStore *store, CvgTable shelf, CvgShelved *row)
{
	RowWork    *w = palloc(sizeof(RowWork));
	CvgChange  *change = palloc0(sizeof(CvgChange));
	bool		done = false;

	/* a change that writes nothing; the row comes in as an image */
	change->op = CVG_OP_UPDATE;
	change->state = row->state;
	change->key = row->key;
	cvg_values_begin(w, ap, cvg_map_loose(ap, store->info->desc, store), change);
	locate_row(w);
	if (w->place != ROW_LIVE && w->place != ROW_TOMBSTONE)
		return false;
	if (!cvg_shelf_delete(shelf, &row->tid))
		return true;
	CommandCounterIncrement();
	cvg_values_add_image(w, row->state, row->image);
	while (!done)
	{
		CHECK_FOR_INTERRUPTS();
		locate_row(w);
		cvg_values_merge(w);
		done = move_row(w);
	}
	return true;
}

void
cvg_apply_change(CvgApply *ap, CvgMap *map, const CvgChange *change)
{
	static RowWork work;		/* large, and one at a time */
	MemoryContext old = MemoryContextSwitchTo(ap->row_mcxt);
	RowWork    *w = &work;
	int			nest = 0;

	cvg_owner_enter(ap, map->store);
	if (map->store->info->has_text)
		nest = cvg_codec_enter();
	cvg_values_begin(w, ap, map, change);
	w->dot = cvg_rowstate_latest(change->state, ap->header.origin);
	w->looks = 0;
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (try_change(w))
			break;
	}
	if (map->store->info->has_text)
		cvg_codec_leave(nest);
	ap->counts.rows++;
	MemoryContextSwitchTo(old);
	MemoryContextReset(ap->row_mcxt);
}
