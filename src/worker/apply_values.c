/*-------------------------------------------------------------------------
 *
 * apply_values.c
 *	  Merging the states of a row, and collecting its values.
 *
 * The merge folds the inputs into the local state one after the other and
 * remembers for each unit who had the larger dot.  A unit whose winner does
 * not carry its value is FROM_NOWHERE; a unit that the sender's table does
 * not have stays with the local row, or takes its default.
 *
 * Key columns have no unit.  Equal keys may be spelled differently (1.0 and
 * 1.00): the insert with the larger dot, the birth, decides.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "executor/executor.h"
#include "store/conflictlog.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "worker/apply_values.h"

#define ATTR_BIT(attnum)	((attnum) - FirstLowInvalidHeapAttributeNumber)

/* Which units do these columns carry? */
static bool *
units_carried(CvgMap *map, int ncolumns, const int *cols)
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
	w->stable = ap->stable;
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
	in->carries = units_carried(map, change->ncolumns, change->cols);
	in->has_keys = change->op == CVG_OP_INSERT;
	in->whole = change->op == CVG_OP_INSERT;
	w->ninputs = 1;
}

/* Decode an image and find its map; NULL when it is empty. */
static CvgImage *
open_image(CvgApply *ap, CvgStore *store, CvgSlice bytes, CvgMap **map)
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
	image = open_image(w->ap, w->map->store, bytes, &in->map);
	if (image != NULL)
	{
		in->ncolumns = image->ncolumns;
		in->cols = image->cols;
		in->values = image->values;
	}
	else
		in->map = w->map;
	in->carries = units_carried(in->map, in->ncolumns, in->cols);
	in->has_keys = image != NULL;
	in->whole = true;
	w->inputs[w->ninputs++] = change;
}

/* Units of a shelved row whose values its image lacks. */
static void
note_local_gaps(RowWork *w)
{
	CvgRel	   *rel = w->map->store->info;
	bool	   *carried;
	int			i;

	w->local_image = NULL;
	w->local_map = NULL;
	if (w->place != ROW_TOMBSTONE && w->place != ROW_QUARANTINED)
		return;
	w->local_image = open_image(w->ap, w->map->store, w->shelved.image, &w->local_map);
	if (w->local_image == NULL)
	{
		for (i = 0; i < rel->nunits; i++)
			w->source[i] = FROM_NOWHERE;
		return;
	}
	carried = units_carried(w->local_map, w->local_image->ncolumns, w->local_image->cols);
	for (i = 0; i < rel->nunits; i++)
	{
		if (w->local_map->has_unit[i] && !carried[i])
			w->source[i] = FROM_NOWHERE;
	}
}

/* ----------------------------------------------------------------
 *		Columns that merge by their type
 *
 * Their values are lattices of their own: whole values are merged whatever
 * the order of the row clocks.  A delta is not a whole value: it may be merged
 * only into one that has its base, or else the row would claim with its
 * clock what the value lacks.  A value that is less than the row's clock says
 * is "not known", like that of a unit which nobody carried.
 * ----------------------------------------------------------------
 */

/* Column of ours that merges by its type, among the columns of an input. */
static int
merged_column(RowWork *w, CvgMap *map, int col)
{
	int			at = map->local[col];

	return at >= 0 && w->map->store->info->columns[at].crdt != NULL ? at : -1;
}

/* A value that came as bytes; checked, as it may have come from anywhere. */
static CvgCrdtValue
wire_value(RowWork *w, int at, CvgValue value)
{
	CvgRel	   *rel = w->map->store->info;
	bool		isnull;
	Datum		datum;
	struct varlena *v;

	if (value.kind == CVG_VALUE_NULL)
		return cvg_slice(NULL, 0);
	datum = cvg_codec_get(&rel->columns[at].codec, value, &isnull);
	v = (struct varlena *) DatumGetPointer(datum);
	return cvg_slice(VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v));
}

/* Values of an image or insert, by our columns; not known where it has none. */
static void
whole_values(RowWork *w, CvgMap *map, int ncolumns, const int *cols,
			 const CvgValue *values, RowMerged *out)
{
	CvgRel	   *rel = w->map->store->info;
	int			i;

	/* a column that is not there has the bottom value there */
	for (i = 0; i < rel->desc->ncolumns; i++)
		out[i].known = true;
	for (i = 0; i < map->desc->ncolumns; i++)
	{
		if (merged_column(w, map, i) >= 0)
			out[map->local[i]].known = false;
	}
	for (i = 0; i < ncolumns; i++)
	{
		int			at = merged_column(w, map, cols[i]);

		if (at < 0)
			continue;
		out[at].value = wire_value(w, at, values[i]);
		out[at].known = true;
	}
}

/* What the row has here before anything is folded in. */
static void
begin_merged(RowWork *w)
{
	CvgRel	   *rel = w->map->store->info;
	int			n = rel->desc->ncolumns;
	int			i;

	w->merged = NULL;
	w->merged_unknown = false;
	if (!rel->desc->merges)
		return;
	w->merged = palloc0(n * sizeof(RowMerged));
	for (i = 0; i < n; i++)
	{
		w->merged[i].known = w->place == ROW_LIVE || w->place == ROW_ABSENT;
		if (w->place == ROW_LIVE && rel->columns[i].crdt != NULL)
			w->merged[i].value = cvg_crdt_slot_value(&w->target->info->columns[i],
													 w->target->found);
	}
	if (w->local_image != NULL)
		whole_values(w, w->local_map, w->local_image->ncolumns, w->local_image->cols,
					 w->local_image->values, w->merged);
}

static void
set_merged(RowMerged *m, CvgCrdtValue value)
{
	m->changed |= !cvg_slice_eq(m->value, value);
	m->value = value;
	m->known = true;
}

/* Fold a whole row into the values; order: of the row's clock and its. */
static void
fold_whole(RowWork *w, RowInput *in, CvgOrder order)
{
	CvgRel	   *rel = w->map->store->info;
	RowMerged  *theirs = palloc0(rel->desc->ncolumns * sizeof(RowMerged));
	int			i;

	whole_values(w, in->map, in->ncolumns, in->cols, in->values, theirs);
	for (i = 0; i < rel->desc->ncolumns; i++)
	{
		RowMerged  *m = &w->merged[i];

		if (rel->columns[i].crdt == NULL)
			continue;
		if (m->known && theirs[i].known)
			set_merged(m, cvg_crdt_merge_values(m->value, theirs[i].value));
		else if (theirs[i].known && (order == CVG_BEFORE || order == CVG_EQUAL))
			set_merged(m, theirs[i].value);
		else if (!(m->known && (order == CVG_AFTER || order == CVG_EQUAL)))
			m->known = false;
	}
}

/* Fold the deltas of a change; before: the row's state so far. */
static void
fold_deltas(RowWork *w, RowInput *in, CvgSlice before, CvgOrder order)
{
	CvgRel	   *rel = w->map->store->info;
	int			i;

	if (order == CVG_AFTER || order == CVG_EQUAL)
		return;
	if (!cvg_rowstate_has_base(before, in->state, w->ap->header.origin, w->change->back))
	{
		for (i = 0; i < rel->desc->ncolumns; i++)
			w->merged[i].known = false;
		return;
	}
	for (i = 0; i < in->ncolumns; i++)
	{
		int			at = merged_column(w, in->map, in->cols[i]);

		if (at >= 0 && w->merged[at].known)
			set_merged(&w->merged[at],
					   cvg_crdt_merge_values(w->merged[at].value,
											 wire_value(w, at, in->values[i])));
	}
}

static void
fold_merged(RowWork *w, RowInput *in, CvgSlice before, CvgOrder order)
{
	if (w->merged == NULL)
		return;
	if (in->whole)
		fold_whole(w, in, order);
	else
		fold_deltas(w, in, before, order);
}

static void
end_merged(RowWork *w)
{
	CvgRel	   *rel = w->map->store->info;
	int			i;

	for (i = 0; w->merged != NULL && i < rel->desc->ncolumns; i++)
	{
		if (rel->columns[i].crdt == NULL)
			continue;
		w->merged_unknown |= !w->merged[i].known;
		w->any_remote |= w->merged[i].changed;
	}
	w->incomplete |= w->merged_unknown;
}

/* Fold one input into *state. */
static void
merge_input(RowWork *w, int number, CvgSlice *state)
{
	CvgRel	   *rel = w->map->store->info;
	RowInput   *in = &w->inputs[number];
	CvgBuf		out;
	int			i;

	cvg_buf_init(&out);
	out.len = VARHDRSZ;
	if (cvg_rowstate_merge(*state, in->state, rel->units, rel->nunits,
						   w->sides, &w->order, &out) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("metadata of the row is damaged")));
	fold_merged(w, in, *state, w->order);
	for (i = 0; i < rel->nunits; i++)
	{
		if (w->sides[i] != CVG_SIDE_B)
			continue;
		if (in->carries[i])
			w->source[i] = number;
		else if (in->map->has_unit[i])
			w->source[i] = FROM_NOWHERE;
	}
	if (in->has_keys)
	{
		CvgDot		before = cvg_rowstate_birth(*state);
		CvgDot		here = cvg_rowstate_birth(in->state);

		if (cvg_dot_cmp(here.stamp, here.replica, before.stamp, before.replica) > 0)
			w->key_from = number;
	}
	SET_VARSIZE(out.data, out.len);
	w->state_datum = PointerGetDatum(out.data);
	w->state = cvg_slice(out.data + VARHDRSZ, out.len - VARHDRSZ);
	*state = w->state;
}

void
cvg_values_merge(RowWork *w)
{
	CvgRel	   *rel = w->map->store->info;
	CvgSlice	state = w->local_state;
	int			i;

	for (i = 0; i < rel->nunits; i++)
		w->source[i] = FROM_LOCAL;
	w->key_from = FROM_LOCAL;
	note_local_gaps(w);
	begin_merged(w);
	for (i = 0; i < w->ninputs; i++)
		merge_input(w, i, &state);

	w->alive = cvg_rowstate_alive(state, rel->desc->on_delete);
	w->incomplete = false;
	w->any_remote = w->key_from != FROM_LOCAL;
	for (i = 0; i < rel->nunits; i++)
	{
		w->incomplete |= w->source[i] == FROM_NOWHERE;
		w->any_remote |= w->source[i] >= 0;
	}
	end_merged(w);
}

/* ----------------------------------------------------------------
 *		Filling a row
 * ----------------------------------------------------------------
 */

/* Put the merged values of columns that merge by their type into the row. */
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

bool
cvg_row_from_image(CvgApply *ap, CvgStore *store, CvgSlice key, CvgSlice state,
				   CvgSlice bytes, CvgTarget **target)
{
	CvgRel	   *rel = store->info;
	CvgMap	   *map;
	CvgImage   *image = open_image(ap, store, bytes, &map);
	RowContents c;
	CvgBuf		buf;
	int			i;

	if (image == NULL)
		return false;
	contents_init(&c, rel->desc->ncolumns);
	for (i = 0; i < image->ncolumns; i++)
	{
		int			at = map->local[image->cols[i]];

		if (at >= 0)
			contents_set(&c, rel, at, image->values[i]);
	}
	if (rel->desc->nkeys > 0)
	{
		Datum		keys[CVG_MAX_KEY_COLUMNS];

		cvg_rel_decode_key(rel, key, keys);
		*target = cvg_store_route_key(store, keys);
	}
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
