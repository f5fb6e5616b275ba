/*-------------------------------------------------------------------------
 *
 * apply_merge.c
 *	  Merging the states of a row, and what follows for its values.
 *
 * The merge folds the inputs into the local state one after the other and
 * remembers for each unit who had the larger dot.  A unit whose winner does
 * not carry its value is FROM_NOWHERE; a unit that the sender's table does
 * not have stays with the local row, or takes its default.  Columns of CRDT
 * types, and units with a cell in the state, have sections of their own here.
 *
 * Key columns have no unit.  Equal keys may be spelled differently (1.0 and
 * 1.00): the insert with the larger dot, the birth, decides.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "store/json_paths.h"
#include "store/strategy.h"
#include "utils/memutils.h"

#include "worker/apply_values.h"

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
	w->local_image = cvg_values_open_image(w->ap, w->map->store, w->shelved.image, &w->local_map);
	if (w->local_image == NULL)
	{
		for (i = 0; i < rel->nunits; i++)
			w->source[i] = FROM_NOWHERE;
		return;
	}
	carried = cvg_values_units_carried(w->local_map, w->local_image->ncolumns, w->local_image->cols);
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
	if (!cvg_rowstate_has_base(before, in->state,
							   cvg_rowstate_writer(in->state, w->ap->header.origin), w->change->back))
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

/* ----------------------------------------------------------------
 *		Units with cells
 *
 * A unit of which several values are kept, or that is counted in, has a cell
 * in the state.  The merge of states may need values that stand in the rows,
 * to keep them; and what such a unit shows in the end comes from the state.
 * ----------------------------------------------------------------
 */

/* Bytes of a unit in an image or change; false if it is not there. */
static bool
value_in_columns(RowWork *w, CvgMap *map, int unit, int ncolumns, const int *cols,
				 const CvgValue *values, CvgSlice *out)
{
	CvgRel	   *rel = w->map->store->info;
	CvgValue   *mine = palloc(sizeof(CvgValue) * rel->desc->ncolumns);
	bool	   *known = palloc0(sizeof(bool) * rel->desc->ncolumns);
	bool		any = false;
	int			i;

	for (i = 0; i < ncolumns; i++)
	{
		int			at = map->local[cols[i]];

		if (at < 0 || rel->columns[at].unit != unit)
			continue;
		mine[at] = values[i];
		known[at] = any = true;
	}
	*out = any ? cvg_unit_value_of(rel, unit, mine, known) : cvg_slice(NULL, 0);
	return any;
}

/* CvgRowMerge.value: side A is what has been merged so far. */
static bool
unit_value(void *arg, CvgSide side, int unit, CvgSlice *out)
{
	RowWork    *w = arg;
	int			source = side == CVG_SIDE_B ? w->merging : w->source[unit];
	RowInput   *in;

	if (source == FROM_STATE)
	{
		*out = w->kept[unit];
		return true;
	}
	if (source == FROM_LOCAL && w->place == ROW_LIVE)
	{
		*out = cvg_unit_value(w->target->info, unit, w->target->found);
		return true;
	}
	if (source == FROM_LOCAL && w->local_image != NULL)
		return value_in_columns(w, w->local_map, unit, w->local_image->ncolumns,
								w->local_image->cols, w->local_image->values, out);
	if (source < 0)
		return false;
	in = &w->inputs[source];
	return value_in_columns(w, in->map, unit, in->ncolumns, in->cols, in->values, out);
}

/* The column that is all of a unit, and a document; -1: there is none such. */
static int
document_column(CvgRel *rel, int unit)
{
	int			column = -1;
	int			i;

	for (i = 0; i < rel->desc->ncolumns; i++)
	{
		if (rel->columns[i].unit != unit)
			continue;
		if (column >= 0 || rel->columns[i].codec.base != JSONBOID)
			return -1;			/* groups move as a whole */
		column = i;
	}
	return column;
}

/* CvgRowMerge.leaves */
static bool
unit_leaves(void *arg, CvgSide side, int unit, CvgLeaves *out)
{
	RowWork    *w = arg;
	CvgRel	   *rel = w->map->store->info;
	int			column = document_column(rel, unit);
	CvgSlice	value;
	CvgJson		json;

	if (column < 0 || !unit_value(w, side, unit, &value))
		return false;
	json.doc = cvg_unit_column(rel, column, value, &json.isnull);
	cvg_json_leaves(&json, out);
	return true;
}

/* A document that was merged by its paths is kept like a value of the state. */
static void
keep_document(RowWork *w, int unit, const CvgLeaves *leaves)
{
	CvgRel	   *rel = w->map->store->info;
	CvgJson		json = cvg_json_document(leaves);
	CvgBuf		out;

	cvg_buf_init(&out);
	cvg_codec_put(&rel->columns[document_column(rel, unit)].codec, json.doc, json.isnull, &out);
	w->source[unit] = FROM_STATE;
	w->kept[unit] = cvg_buf_slice(&out);
	w->paths_merged = true;
}

/* Whose value of each unit is current after an input was merged? */
static void
note_sources(RowWork *w, int number, const CvgRowMerge *merge)
{
	CvgRel	   *rel = w->map->store->info;
	RowInput   *in = &w->inputs[number];
	int			i;

	for (i = 0; i < rel->nunits; i++)
	{
		switch (w->sides[i])
		{
			case CVG_SIDE_A:
				break;
			case CVG_SIDE_B:
				if (in->carries[i])
					w->source[i] = number;
				else if (in->map->has_unit[i])
					w->source[i] = FROM_NOWHERE;
				break;
			case CVG_SIDE_VALUE:
				w->source[i] = FROM_STATE;
				w->kept[i] = merge->values[i];
				break;
			case CVG_SIDE_FOLD:
				w->source[i] = merge->missing[i] ? FROM_NOWHERE : FROM_FOLD;
				w->merged_unknown |= merge->missing[i];
				break;
			case CVG_SIDE_DOCUMENT:
				keep_document(w, i, &merge->documents[i]);
				break;
		}
	}
}

/* Key of the merged row, spelled as it will be there. */
static const Datum *
merged_key(RowWork *w)
{
	CvgRel	   *rel = w->map->store->info;
	Datum	   *keys = palloc(sizeof(Datum) * Max(rel->desc->nkeys, 1));
	int			ncolumns = 0;
	const int  *cols = NULL;
	const CvgValue *values = NULL;
	CvgMap	   *map = NULL;
	int			i;
	int			k;

	memcpy(keys, w->keys, sizeof(Datum) * rel->desc->nkeys);
	if (w->key_from >= 0)
	{
		RowInput   *in = &w->inputs[w->key_from];

		ncolumns = in->ncolumns;
		cols = in->cols;
		values = in->values;
		map = in->map;
	}
	else if (w->place == ROW_LIVE)
		cvg_rel_key_values(w->target->info, w->target->found, keys);
	else if (w->local_image != NULL)
	{
		ncolumns = w->local_image->ncolumns;
		cols = w->local_image->cols;
		values = w->local_image->values;
		map = w->local_map;
	}
	for (i = 0; i < ncolumns; i++)
	{
		for (k = 0; k < rel->desc->nkeys; k++)
		{
			int			at = rel->desc->keycols[k];
			bool		isnull;

			if (map->local[cols[i]] == at)
				keys[k] = cvg_codec_get(&rel->columns[at].codec, values[i], &isnull);
		}
	}
	return keys;
}

/* Compute what units show whose value comes from the state. */
static void
show_units(RowWork *w)
{
	CvgRel	   *rel = w->map->store->info;
	CvgFold		fold = {.rel = rel,.state = w->state};
	int			i;

	w->any_shown = false;
	w->shown = NULL;
	for (i = 0; i < rel->nunits; i++)
		w->any_shown |= w->source[i] == FROM_STATE || w->source[i] == FROM_FOLD;
	if (!w->any_shown)
		return;
	w->any_remote = true;
	fold.keys = merged_key(w);
	w->shown = palloc0(sizeof(RowShown) * rel->desc->ncolumns);
	for (i = 0; i < rel->desc->ncolumns; i++)
	{
		int			unit = rel->columns[i].unit;
		RowShown   *shown = &w->shown[i];

		if (unit < 0 || (w->source[unit] != FROM_STATE && w->source[unit] != FROM_FOLD))
			continue;
		shown->set = true;
		if (w->source[unit] == FROM_STATE)
			shown->value = cvg_unit_column(rel, i, w->kept[unit], &shown->isnull);
		else
			shown->value = cvg_strategy_fold(&fold, i, &shown->isnull);
	}
}

/* Fold one input into *state. */
static void
merge_input(RowWork *w, int number, CvgSlice *state)
{
	CvgRel	   *rel = w->map->store->info;
	RowInput   *in = &w->inputs[number];
	CvgBuf		out;
	static CvgSlice values[CVG_MAX_UNITS];
	static bool missing[CVG_MAX_UNITS];
	static CvgLeaves documents[CVG_MAX_UNITS];
	CvgRowMerge merge = {
		.units = rel->units,
		.nunits = rel->nunits,
		.sides = w->sides,
		.values = values,
		.missing = missing,
		.value = unit_value,
		.leaves = unit_leaves,
		.documents = documents,
		.arg = w,
	};

	memset(missing, false, rel->nunits);
	w->merging = number;
	cvg_buf_init(&out);
	out.len = VARHDRSZ;
	if (cvg_rowstate_merge_cells(*state, in->state, &merge, &out) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("metadata of the row is damaged")));
	w->order = merge.order;
	note_sources(w, number, &merge);
	fold_merged(w, in, *state, w->order);
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
	w->paths_merged = false;
	note_local_gaps(w);
	begin_merged(w);
	for (i = 0; i < w->ninputs; i++)
		merge_input(w, i, &state);

	w->alive = cvg_rowstate_alive(state, rel->desc->on_delete);
	w->incomplete = false;
	w->any_remote = w->key_from != FROM_LOCAL;
	w->any_shown = false;
	for (i = 0; i < rel->nunits; i++)
	{
		w->incomplete |= w->source[i] == FROM_NOWHERE;
		w->any_remote |= w->source[i] >= 0;
	}
	end_merged(w);
	if (!w->incomplete)
		show_units(w);
}
