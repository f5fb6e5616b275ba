/*-------------------------------------------------------------------------
 *
 * apply_values.c
 *	  Collecting the values of a row that a change is applied to, from where
 *	  the merge says that each is current.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "executor/executor.h"
#include "store/conflictlog.h"
#include "store/strategy.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "worker/apply_values.h"

#define ATTR_BIT(attnum)	((attnum) - FirstLowInvalidHeapAttributeNumber)

/* Which units do these columns carry? */
bool *
cvg_values_units_carried(CvgMap *map, int ncolumns, const int *cols)
{
	CvgRel	   *rel = map->store->info;
	bool	   *carries = palloc0(sizeof(bool) * Max(rel->nunits, 1));
	int			i;

	for (i = 0; i < ncolumns; i++)
	{
		int			at = map->local[cols[i]];

		if (at >= 0 && rel->columns[at].unit >= 0)
			carries[rel->columns[at].unit] = true;
	}
	return carries;
}

void
cvg_values_begin(RowWork *w, CvgApply *ap, CvgMap *map, const CvgChange *change)
{
	RowInput   *in = &w->inputs[0];

	w->ap = ap;
	w->map = map;
	w->change = change;
	w->keyless = (map->store->info->desc->flags & CVG_DESC_KEYLESS) != 0;
	w->twin_taken = false;
	w->fetched = false;
	w->dug_up = false;
	w->target = NULL;
	w->stable = ap->stable.clock;
	w->key = change->key;
	if (w->keyless)
	{
		CvgBuf		birth;

		cvg_buf_init(&birth);
		cvg_rowstate_birth_bytes(change->state, &birth);
		w->key = cvg_buf_slice(&birth);
	}
	else
		cvg_rel_decode_key(map->store->info, change->key, w->keys);

	in->state = change->state;
	in->map = map;
	in->ncolumns = change->ncolumns;
	in->cols = change->cols;
	in->values = change->values;
	in->carries = cvg_values_units_carried(map, change->ncolumns, change->cols);
	in->has_keys = change->op == CVG_OP_INSERT;
	in->whole = change->op == CVG_OP_INSERT;
	w->ninputs = 1;
}

/* Decode an image and find its map; NULL when it is empty. */
CvgImage *
cvg_values_open_image(CvgApply *ap, CvgStore *store, CvgSlice bytes, CvgMap **map)
{
	CvgImage   *image;
	const CvgDescriptor *desc;
	int			i;

	*map = NULL;
	if (bytes.len == 0)
		return NULL;
	image = palloc(sizeof(CvgImage));
	if (cvg_image_decode(bytes, image, NULL) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored row image is damaged")));
	desc = cvg_descriptor_lookup(image->hash);
	if (desc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored row image refers to table description %016llx, which is not known",
						(unsigned long long) image->hash)));
	for (i = 0; i < image->ncolumns; i++)
	{
		if (image->cols[i] >= desc->ncolumns)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("stored row image does not fit its table description")));
	}
	*map = cvg_map_loose(ap, desc, store);
	return image;
}

void
cvg_values_add_image(RowWork *w, CvgSlice state, CvgSlice bytes)
{
	RowInput	change = w->inputs[w->ninputs - 1];
	RowInput   *in = &w->inputs[w->ninputs - 1];
	CvgImage   *image;

	if (w->ninputs >= MAX_INPUTS)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("row is being changed by too many transactions at once")));
	in->state = state;
	in->ncolumns = 0;
	image = cvg_values_open_image(w->ap, w->map->store, bytes, &in->map);
	if (image != NULL)
	{
		in->ncolumns = image->ncolumns;
		in->cols = image->cols;
		in->values = image->values;
	}
	else
		in->map = w->map;
	in->carries = cvg_values_units_carried(in->map, in->ncolumns, in->cols);
	in->has_keys = image != NULL;
	in->whole = true;
	w->inputs[w->ninputs++] = change;
}

/* ----------------------------------------------------------------
 *		Filling a row
 * ----------------------------------------------------------------
 */

/* Put in the values of columns that merge by their type or come from the state. */
static void
fill_merged(RowWork *w, CvgRel *rel, TupleTableSlot *fresh)
{
	int			i;

	for (i = 0; w->merged != NULL && i < rel->desc->ncolumns; i++)
	{
		CvgRelColumn *col = &rel->columns[i];

		if (col->crdt == NULL || !w->merged[i].changed)
			continue;
		fresh->tts_values[col->attnum - 1] =
			cvg_crdt_datum(w->merged[i].value, &fresh->tts_isnull[col->attnum - 1]);
		if (w->target->rri->ri_TrigDesc != NULL)
			w->changed = bms_add_member(w->changed, ATTR_BIT(col->attnum));
	}
	for (i = 0; w->any_shown && i < rel->desc->ncolumns; i++)
	{
		CvgRelColumn *col = &rel->columns[i];

		if (!w->shown[i].set)
			continue;
		fresh->tts_values[col->attnum - 1] = w->shown[i].value;
		fresh->tts_isnull[col->attnum - 1] = w->shown[i].isnull;
		if (w->target->rri->ri_TrigDesc != NULL)
			w->changed = bms_add_member(w->changed, ATTR_BIT(col->attnum));
	}
}

/* Does this input supply column "at" of ours? */
static inline bool
supplies(RowWork *w, int number, int at)
{
	int			unit = w->map->store->info->columns[at].unit;

	if (unit >= 0)
		return w->source[unit] == number;
	if (w->map->store->info->columns[at].crdt != NULL)
		return false;
	return w->key_from == number &&
		w->map->store->info->desc->columns[at].keypos > 0;
}

void
cvg_values_fill_live(RowWork *w)
{
	CvgTarget  *target = w->target;
	CvgRel	   *rel = target->info;
	TupleTableSlot *fresh = target->fresh;
	int			natts = fresh->tts_tupleDescriptor->natts;
	int			i;
	int			j;

	slot_getallattrs(target->found);
	ExecClearTuple(fresh);
	memcpy(fresh->tts_values, target->found->tts_values, natts * sizeof(Datum));
	memcpy(fresh->tts_isnull, target->found->tts_isnull, natts * sizeof(bool));
	w->changed = NULL;
	for (i = 0; i < w->ninputs; i++)
	{
		RowInput   *in = &w->inputs[i];

		for (j = 0; j < in->ncolumns; j++)
		{
			int			at = in->map->local[in->cols[j]];
			CvgRelColumn *col;

			if (at < 0 || !supplies(w, i, at))
				continue;
			col = &rel->columns[at];
			fresh->tts_values[col->attnum - 1] =
				cvg_codec_get(&col->codec, in->values[j], &fresh->tts_isnull[col->attnum - 1]);
			if (target->rri->ri_TrigDesc != NULL)
				w->changed = bms_add_member(w->changed, ATTR_BIT(col->attnum));
		}
	}
	fill_merged(w, rel, fresh);
	fresh->tts_values[rel->state_attnum - 1] = w->state_datum;
	fresh->tts_isnull[rel->state_attnum - 1] = false;
	ExecStoreVirtualTuple(fresh);
}

/* Values by our descriptor's columns; known says which were found. */
typedef struct RowContents
{
	Datum	   *values;
	bool	   *nulls;
	bool	   *known;
} RowContents;

static void
contents_init(RowContents *c, int ncolumns)
{
	c->values = palloc0(sizeof(Datum) * Max(ncolumns, 1));
	c->nulls = palloc(sizeof(bool) * Max(ncolumns, 1));
	memset(c->nulls, true, Max(ncolumns, 1));
	c->known = palloc0(sizeof(bool) * Max(ncolumns, 1));
}

static void
contents_set(RowContents *c, CvgRel *rel, int at, CvgValue value)
{
	c->values[at] = cvg_codec_get(&rel->columns[at].codec, value, &c->nulls[at]);
	c->known[at] = true;
}

/* Everything known of a row that is not live. */
static void
collect_contents(RowWork *w, RowContents *c)
{
	CvgRel	   *rel = w->map->store->info;
	int			i;
	int			j;

	contents_init(c, rel->desc->ncolumns);
	for (i = 0; i < rel->desc->nkeys; i++)
	{
		int			at = rel->desc->keycols[i];

		c->values[at] = w->keys[i];
		c->nulls[at] = false;
		c->known[at] = true;
	}
	for (j = 0; w->local_image != NULL && j < w->local_image->ncolumns; j++)
	{
		int			at = w->local_map->local[w->local_image->cols[j]];

		if (at >= 0 && supplies(w, FROM_LOCAL, at))
			contents_set(c, rel, at, w->local_image->values[j]);
	}
	for (i = 0; i < w->ninputs; i++)
	{
		RowInput   *in = &w->inputs[i];

		for (j = 0; j < in->ncolumns; j++)
		{
			int			at = in->map->local[in->cols[j]];

			if (at >= 0 && supplies(w, i, at))
				contents_set(c, rel, at, in->values[j]);
		}
	}
	for (i = 0; w->merged != NULL && i < rel->desc->ncolumns; i++)
	{
		if (rel->columns[i].crdt == NULL || !w->merged[i].known)
			continue;
		c->values[i] = cvg_crdt_datum(w->merged[i].value, &c->nulls[i]);
		c->known[i] = true;
	}
	for (i = 0; w->any_shown && i < rel->desc->ncolumns; i++)
	{
		if (!w->shown[i].set)
			continue;
		c->values[i] = w->shown[i].value;
		c->nulls[i] = w->shown[i].isnull;
		c->known[i] = true;
	}
}

/* Lay contents out in the target's fresh slot; what is not known by default. */
static void
store_contents(CvgTarget *target, RowContents *c, Datum state)
{
	CvgRel	   *rel = target->info;
	TupleTableSlot *fresh = target->fresh;
	int			natts = fresh->tts_tupleDescriptor->natts;
	int			i;

	ExecClearTuple(fresh);
	memset(fresh->tts_values, 0, natts * sizeof(Datum));
	memset(fresh->tts_isnull, true, natts * sizeof(bool));
	for (i = 0; i < rel->desc->ncolumns; i++)
	{
		int			att = rel->columns[i].attnum - 1;

		if (c->known[i])
		{
			fresh->tts_values[att] = c->values[i];
			fresh->tts_isnull[att] = c->nulls[i];
		}
		else if (!(rel->desc->columns[i].flags & CVG_COL_GENERATED))
			fresh->tts_values[att] = cvg_row_default(target, att + 1, &fresh->tts_isnull[att]);
	}
	fresh->tts_values[rel->state_attnum - 1] = state;
	fresh->tts_isnull[rel->state_attnum - 1] = false;
	ExecStoreVirtualTuple(fresh);
}

void
cvg_values_fill_absent(RowWork *w)
{
	RowContents c;

	collect_contents(w, &c);
	if (w->target == NULL)
		w->target = cvg_store_route_row(w->map->store, c.values, c.nulls);
	store_contents(w->target, &c, w->state_datum);
}

/*
 * What columns show that are computed from the state: the strategy, or its
 * function, may have changed since the image was made.
 */
static void
fold_contents(CvgRel *rel, CvgSlice state, const Datum *keys, RowContents *c)
{
	CvgFold		fold = {.rel = rel,.state = state,.keys = keys};
	int			i;

	if (!cvg_rowstate_has_cells(state))
		return;
	for (i = 0; i < rel->desc->ncolumns; i++)
	{
		if (c->known[i] && cvg_strategy_folds(rel, i, state))
			c->values[i] = cvg_strategy_fold(&fold, i, &c->nulls[i]);
	}
}

bool
cvg_row_from_image(CvgApply *ap, CvgStore *store, CvgSlice key, CvgSlice state,
				   CvgSlice bytes, CvgTarget **target)
{
	CvgRel	   *rel = store->info;
	CvgMap	   *map;
	CvgImage   *image = cvg_values_open_image(ap, store, bytes, &map);
	RowContents c;
	Datum		keys[CVG_MAX_KEY_COLUMNS];
	CvgBuf		buf;
	int			i;

	if (image == NULL)
		return false;
	contents_init(&c, rel->desc->ncolumns);
	if (rel->desc->nkeys > 0)
		cvg_rel_decode_key(rel, key, keys);
	for (i = 0; i < image->ncolumns; i++)
	{
		int			at = map->local[image->cols[i]];

		if (at >= 0)
			contents_set(&c, rel, at, image->values[i]);
	}
	fold_contents(rel, state, keys, &c);
	if (rel->desc->nkeys > 0)
		*target = cvg_store_route_key(store, keys);
	else
		*target = cvg_store_route_row(store, c.values, c.nulls);

	cvg_buf_init(&buf);
	buf.len = VARHDRSZ;
	cvg_put_bytes(&buf, state.data, state.len);
	SET_VARSIZE(buf.data, buf.len);
	store_contents(*target, &c, PointerGetDatum(buf.data));
	return true;
}

/* ----------------------------------------------------------------
 *		Images of dead rows
 * ----------------------------------------------------------------
 */

/* Is the value of a column part of the image? */
static bool
in_image(RowWork *w, CvgRel *rel, int at)
{
	int			unit = rel->columns[at].unit;

	if (rel->desc->columns[at].flags & CVG_COL_GENERATED)
		return false;
	if (rel->columns[at].crdt != NULL)
		return w->merged[at].known;
	return unit < 0 || w->source[unit] != FROM_NOWHERE;
}

static CvgSlice
image_of_slot(RowWork *w, TupleTableSlot *slot)
{
	CvgRel	   *rel = w->target->info;
	CvgBuf		out;
	int			n = 0;
	int			i;

	cvg_buf_init(&out);
	for (i = 0; i < rel->desc->ncolumns; i++)
		n += in_image(w, rel, i);
	cvg_image_start(&out, rel->desc->hash, n);
	for (i = 0; i < rel->desc->ncolumns; i++)
	{
		bool		isnull;
		Datum		value;

		if (!in_image(w, rel, i))
			continue;
		value = slot_getattr(slot, rel->columns[i].attnum, &isnull);
		cvg_put_varint(&out, i);
		cvg_codec_put(&rel->columns[i].codec, value, isnull, &out);
	}
	return cvg_buf_slice(&out);
}

static CvgSlice
image_of_contents(RowWork *w, RowContents *c)
{
	CvgRel	   *rel = w->map->store->info;
	CvgBuf		out;
	int			n = 0;
	int			i;

	cvg_buf_init(&out);
	for (i = 0; i < rel->desc->ncolumns; i++)
		n += c->known[i] && in_image(w, rel, i);
	cvg_image_start(&out, rel->desc->hash, n);
	for (i = 0; i < rel->desc->ncolumns; i++)
	{
		if (!c->known[i] || !in_image(w, rel, i))
			continue;
		cvg_put_varint(&out, i);
		cvg_codec_put(&rel->columns[i].codec, c->values[i], c->nulls[i], &out);
	}
	return cvg_buf_slice(&out);
}

CvgSlice
cvg_values_dead_image(RowWork *w)
{
	RowContents c;

	/* our own images refer to our descriptor: it must be in the table */
	if (w->place == ROW_LIVE)
	{
		cvg_descriptor_store(w->target->info->desc_bytes);
		if (!w->any_remote)
			return image_of_slot(w, w->target->found);
		cvg_values_fill_live(w);
		return image_of_slot(w, w->target->fresh);
	}
	if (w->place == ROW_ABSENT && !w->any_remote)
		return cvg_slice(NULL, 0);
	if (!w->any_remote && !w->incomplete)
		return w->shelved.image;
	cvg_descriptor_store(w->map->store->info->desc_bytes);
	collect_contents(w, &c);
	return image_of_contents(w, &c);
}

/* ----------------------------------------------------------------
 *		Conflict log
 * ----------------------------------------------------------------
 */

/* The columns that the change carries, in the scratch slot. */
static TupleTableSlot *
remote_slot(RowWork *w, bool *include)
{
	CvgRel	   *rel = w->target->info;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(w->target->rel),
													&TTSOpsVirtual);
	RowInput   *in = &w->inputs[w->ninputs - 1];
	int			natts = slot->tts_tupleDescriptor->natts;
	int			i;

	memset(slot->tts_values, 0, natts * sizeof(Datum));
	memset(slot->tts_isnull, true, natts * sizeof(bool));
	memset(include, false, natts * sizeof(bool));
	for (i = 0; i < rel->desc->nkeys; i++)
	{
		int			att = rel->columns[rel->desc->keycols[i]].attnum - 1;

		slot->tts_values[att] = w->keys[i];
		slot->tts_isnull[att] = false;
		include[att] = true;
	}
	for (i = 0; i < in->ncolumns; i++)
	{
		int			at = in->map->local[in->cols[i]];
		CvgRelColumn *col = &rel->columns[at];

		if (rel->desc->columns[at].flags & CVG_COL_GENERATED)
			continue;
		slot->tts_values[col->attnum - 1] =
			cvg_codec_get(&col->codec, in->values[i], &slot->tts_isnull[col->attnum - 1]);
		include[col->attnum - 1] = true;
	}
	ExecStoreVirtualTuple(slot);
	return slot;
}

/* What the row was here, in a slot; NULL when it was absent. */
static TupleTableSlot *
local_slot(RowWork *w, bool *include)
{
	CvgRel	   *rel = w->target->info;
	TupleTableSlot *slot;
	int			natts = RelationGetDescr(w->target->rel)->natts;
	int			i;

	memset(include, false, natts * sizeof(bool));
	if (w->place == ROW_LIVE)
	{
		for (i = 0; i < rel->desc->ncolumns; i++)
			include[rel->columns[i].attnum - 1] = true;
		return w->target->found;
	}
	if (w->local_image == NULL)
		return NULL;
	slot = MakeSingleTupleTableSlot(RelationGetDescr(w->target->rel), &TTSOpsVirtual);
	memset(slot->tts_values, 0, natts * sizeof(Datum));
	memset(slot->tts_isnull, true, natts * sizeof(bool));
	for (i = 0; i < w->local_image->ncolumns; i++)
	{
		int			at = w->local_map->local[w->local_image->cols[i]];
		CvgRelColumn *col;

		if (at < 0)
			continue;
		col = &rel->columns[at];
		slot->tts_values[col->attnum - 1] =
			cvg_codec_get(&col->codec, w->local_image->values[i],
						  &slot->tts_isnull[col->attnum - 1]);
		include[col->attnum - 1] = true;
	}
	ExecStoreVirtualTuple(slot);
	return slot;
}

void
cvg_values_log_conflict(RowWork *w, const char *type, const char *decision)
{
	CvgRel	   *rel = w->target->info;
	int			natts = RelationGetDescr(w->target->rel)->natts;
	bool	   *include = palloc(sizeof(bool) * natts);
	CvgConflict conflict = {0};
	TupleTableSlot *slot;
	int			i;

	conflict.relid = rel->rootid;
	conflict.type = type;
	conflict.decision = decision;
	conflict.origin = w->ap->header.origin;
	conflict.local_state = w->local_state;
	conflict.remote_state = w->change->state;
	slot = remote_slot(w, include);
	if (w->change->op != CVG_OP_DELETE)
		conflict.remote_row = cvg_conflict_row(w->target->rel, slot, include);
	memset(include, false, natts * sizeof(bool));
	for (i = 0; i < rel->desc->nkeys; i++)
		include[rel->columns[rel->desc->keycols[i]].attnum - 1] = true;
	conflict.key = cvg_conflict_row(w->target->rel, slot, include);
	ExecDropSingleTupleTableSlot(slot);
	slot = local_slot(w, include);
	if (slot != NULL)
		conflict.local_row = cvg_conflict_row(w->target->rel, slot, include);
	if (slot != NULL && slot != w->target->found)
		ExecDropSingleTupleTableSlot(slot);

	cvg_owner_pause(w->ap);
	cvg_conflict_log(&conflict);
	cvg_owner_resume(w->ap);
}
