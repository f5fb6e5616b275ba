/*-------------------------------------------------------------------------
 *
 * rowstate.c
 *	  Local writes to and merge of row states.
 *
 * The merge is a join in every component: vc, w, d, o, e by the larger stamp
 * per replica, the birth and each unit's dot by the larger dot.  A unit that
 * is not stored has the birth as its dot; since a unit is stored only when
 * its dot is larger, "birth and units" is a function from all unit ids to
 * dots, and merging takes the larger value at each point.  A join of joins is
 * commutative, associative and idempotent for all states, reachable or not:
 * nothing is decided by comparing the two clocks, so that even a corrupt
 * state leads to the same result on all nodes.
 *
 * Whether a row is alive is computed from the merged clocks, never merged:
 * deciding it by comparing two row clocks is not associative (two deletes
 * that together saw every write, a re-insert that saw one of two deletes).
 *
 * Documents that are written by paths are the exception: their marks are partly
 * in the documents, so that merging them needs these.  They are often not needed,
 * since a side all of whose writes to the document the other side's clock covers
 * has nothing to add; that is what is decided by a clock here, and holds for
 * states reached by writes and merges.  Where a document is needed and not to be
 * had, the caller hears of it (missing), and must get the row whole.
 *
 * An update or delete of a tombstone is accepted: policy is the caller's, and
 * a row that is dead under one policy is alive under another.
 *
 * An empty slice stands for "no row" in every function but validate: a merge
 * with it is the other side, it is not alive, its clock is empty.
 *
 *-------------------------------------------------------------------------
 */
#include "core/rowcell.h"

/* --- local writes --- */

/* Index of the replica; a new one gets an entry without dots. */
static int
enter_replica(CvgRowParts *parts, CvgSlice id)
{
	CvgRowReplica *rep;
	int			at = 0;
	int			c = 1;
	int			i;

	while (at < parts->nreplicas &&
		   (c = cvg_slice_cmp(parts->replicas[at].id, id)) < 0)
		at++;
	if (at < parts->nreplicas && c == 0)
		return at;

	cvg_row_reserve(parts, parts->nreplicas + 1, 0);
	rep = &parts->replicas[at];
	memmove(rep + 1, rep, sizeof(CvgRowReplica) * (parts->nreplicas - at));
	memset(rep, 0, sizeof(CvgRowReplica));
	rep->id = id;
	parts->nreplicas++;
	if (parts->birth.stamp != 0 && parts->birth.replica >= at)
		parts->birth.replica++;
	for (i = 0; i < parts->nunits; i++)
	{
		if (parts->units[i].dot.replica >= at)
			parts->units[i].dot.replica++;
	}
	return at;
}

/*
 * What every local write begins with: the old state, and the writer's entry
 * in it.  The row clock is not moved yet.
 */
static CvgStatus
begin_write(CvgSlice old, CvgSlice replica, CvgStamp stamp,
			CvgRowParts *parts, CvgRowDot *dot)
{
	CvgStatus	status;

	if (!cvg_replica_id_valid(replica))
		return CVG_E_BAD_ID;
	status = cvg_row_load(old, parts);
	if (status != CVG_OK)
		return status;
	if (stamp <= cvg_row_max_dot(parts, offsetof(CvgRowReplica, vc)).stamp)
		status = CVG_E_FORBIDDEN;
	else
	{
		dot->stamp = stamp;
		dot->replica = enter_replica(parts, replica);
		if (parts->nreplicas > CVG_MAX_CLOCK)
			status = CVG_E_LIMIT;
	}
	if (status != CVG_OK)
		cvg_row_free(parts);
	return status;
}

static void
end_write(CvgRowParts *parts, CvgBuf *out)
{
	cvg_row_encode(parts, out);
	cvg_row_free(parts);
}

/* Put a cell back, or take it away when nothing of it has to be stored. */
static void
store_cell(CvgRowParts *parts, uint32 unit, CvgCell *cell)
{
	CvgBuf		body;

	if (!cvg_cell_needed(cell))
	{
		cvg_row_set_cell(parts, unit, NULL);
		return;
	}
	cvg_buf_init(&body);
	cvg_cell_put(cell, &body);
	cvg_row_set_cell(parts, unit, &body);
}

/* Take a unit's cell apart, with room for what a write can add. */
static void
open_cell(const CvgRowParts *parts, uint32 unit, CvgCell *cell)
{
	bool		found;
	int			at = cvg_row_find_cell(parts, unit, &found);

	if (found)
		cvg_cell_load(parts->cells[at].body, cell, parts->nreplicas + 1);
	else
		cvg_cell_init(cell, 1, parts->nreplicas + 1);
}

/* Where the unit's value is not in the row, as it is counted on top of. */
static void
set_base(CvgCell *cell, CvgDot dot, CvgSlice value)
{
	cell->npairs = 0;
	if (value.len == 0 || cell->nshares == 0)
		return;
	memset(&cell->pairs[0], 0, sizeof(CvgCellPair));
	cell->pairs[0].dot = dot;
	cell->pairs[0].value = value;
	cell->npairs = 1;
}

static CvgDot
dot_of(const CvgRowParts *parts, CvgRowDot dot)
{
	CvgDot		result = {{NULL, 0}, dot.stamp};

	if (dot.stamp != 0)
		result.replica = parts->replicas[dot.replica].id;
	return result;
}

static CvgDot
unit_dot(const CvgRowParts *parts, uint32 unit)
{
	bool		found;
	int			at = cvg_row_find_unit(parts, unit, &found);

	return dot_of(parts, found ? parts->units[at].dot : parts->birth);
}

/* When a document was last written as a whole; none: never. */
static CvgDot
whole_dot(const CvgRowParts *parts, uint32 unit, const CvgCell *cell)
{
	return cell->by_path ? cell->whole : unit_dot(parts, unit);
}

/*
 * A new value of a unit: alone, and what was counted is taken back.  seen is
 * the clock before the write.
 */
static void
write_cell(CvgRowParts *parts, const CvgRowParts *seen, CvgDot dot,
		   const CvgCellWrite *write)
{
	CvgCell		cell;

	open_cell(parts, write->unit, &cell);
	cvg_cell_drop_paths(&cell);
	cell.multi |= write->multi;
	if (cell.nshares > 0)
		cvg_cell_floor(&cell, seen);
	set_base(&cell, dot, write->value);
	store_cell(parts, write->unit, &cell);
	cvg_cell_free(&cell);
}

/* Contributions of the writer; old_dot is the unit's, of what is in the row. */
static void
count_cell(CvgRowParts *parts, CvgDot dot, CvgDot old_dot,
		   const CvgCellWrite *write)
{
	CvgCell		cell;
	CvgCellShare *share;
	bool		counted;

	open_cell(parts, write->unit, &cell);
	cvg_cell_drop_paths(&cell);
	counted = cell.nshares > 0;
	share = cvg_cell_share(&cell, dot.replica);
	if (share->last == 0)
		share->start = dot.stamp;
	share->last = dot.stamp;
	share->amount = write->amount;
	if (!counted && cell.npairs == 0)
		set_base(&cell, old_dot, write->value);
	store_cell(parts, write->unit, &cell);
	cvg_cell_free(&cell);
}

/*
 * Marks of a document, on top of those that the row has.  insert: what follows
 * from the document has the new birth for its dot.
 */
static void
mark_cell(CvgRowParts *parts, const CvgRowParts *seen, CvgDot dot, bool insert,
		  const CvgCellWrite *write)
{
	CvgCell		cell;
	CvgMark    *marks;

	open_cell(seen, write->unit, &cell);
	Assert(!cell.multi && cell.nshares == 0);
	marks = palloc(sizeof(CvgMark) * (cell.nmarks + write->nmarks + 1));
	cell.whole = whole_dot(seen, write->unit, &cell);
	cell.nmarks = cvg_marks_write(cell.marks, cell.nmarks, write->marks, write->nmarks,
								  dot, cell.whole, marks);
	if (cell.marks != NULL)
		pfree(cell.marks);
	cell.marks = marks;
	cell.by_path |= insert;
	if (!cell.by_path)
		cell.whole.stamp = 0;
	store_cell(parts, write->unit, &cell);
	cvg_cell_free(&cell);
}

/* A write to a unit that has a cell, or may get one. */
static void
write_any_cell(CvgRowParts *parts, const CvgRowParts *seen, CvgDot dot, bool insert,
			   const CvgCellWrite *write)
{
	if (write->count)
		count_cell(parts, dot, insert ? dot : unit_dot(seen, write->unit), write);
	else if (write->paths)
		mark_cell(parts, seen, dot, insert, write);
	else
		write_cell(parts, seen, dot, write);
}

/* A re-insert: every cell begins anew, over what the tombstone knew. */
static void
renew_cells(CvgRowParts *parts, const CvgRowParts *seen)
{
	int			i = 0;

	while (i < parts->ncells)
	{
		int			before = parts->ncells;
		uint32		unit = parts->cells[i].unit;
		CvgCell		cell;

		open_cell(parts, unit, &cell);
		if (cell.nshares > 0)
			cvg_cell_floor(&cell, seen);
		cvg_cell_drop_paths(&cell);
		cell.npairs = 0;
		store_cell(parts, unit, &cell);
		cvg_cell_free(&cell);
		i += parts->ncells == before;
	}
}

CvgStatus
cvg_rowstate_insert_cells(CvgSlice old, CvgSlice replica, CvgStamp stamp,
						  const CvgCellWrite *cells, int ncells, CvgBuf *out)
{
	CvgRowParts parts;
	CvgRowParts seen;
	CvgRowDot	dot;
	CvgStatus	status = begin_write(old, replica, stamp, &parts, &dot);
	CvgDot		own = {replica, stamp};
	int			i;

	if (status != CVG_OK)
		return status;
	(void) cvg_row_load(old, &seen);
	for (i = 0; i < parts.nreplicas; i++)
		parts.replicas[i].e = parts.replicas[i].d;
	parts.replicas[dot.replica].vc = stamp;
	parts.replicas[dot.replica].w = stamp;
	parts.birth = dot;
	parts.nunits = 0;			/* all of them are older than the birth */
	renew_cells(&parts, &seen);
	for (i = 0; i < ncells; i++)
		write_any_cell(&parts, &seen, own, true, &cells[i]);
	cvg_row_free(&seen);
	end_write(&parts, out);
	return CVG_OK;
}

CvgStatus
cvg_rowstate_insert(CvgSlice old, CvgSlice replica, CvgStamp stamp, CvgBuf *out)
{
	return cvg_rowstate_insert_cells(old, replica, stamp, NULL, 0, out);
}

/* Documents that were written as a whole have no paths. */
static void
drop_paths(CvgRowParts *parts, const uint32 *units, int nunits)
{
	int			i;

	for (i = 0; i < nunits && parts->ncells > 0; i++)
	{
		CvgCell		cell;
		bool		found;

		(void) cvg_row_find_cell(parts, units[i], &found);
		if (!found)
			continue;
		open_cell(parts, units[i], &cell);
		cvg_cell_drop_paths(&cell);
		store_cell(parts, units[i], &cell);
		cvg_cell_free(&cell);
	}
}

/* The units that an update writes get its dot. */
static CvgStatus
write_units(CvgRowParts *parts, CvgRowDot dot, const uint32 *units, int nunits)
{
	int			i;

	for (i = 0; i < nunits; i++)
	{
		bool		found;
		int			at = cvg_row_find_unit(parts, units[i], &found);

		if (units[i] == 0 || (!found && parts->nunits >= CVG_MAX_UNITS))
			return units[i] == 0 ? CVG_E_FORBIDDEN : CVG_E_LIMIT;
		if (!found)
		{
			/* the caller's remaining units are room enough */
			cvg_row_reserve(parts, 0, parts->nunits + nunits - i);
			memmove(&parts->units[at + 1], &parts->units[at],
					sizeof(CvgRowUnit) * (parts->nunits - at));
			parts->units[at].id = units[i];
			parts->nunits++;
		}
		parts->units[at].dot = dot;
	}
	return CVG_OK;
}

CvgStatus
cvg_rowstate_update_cells(CvgSlice old, CvgSlice replica, CvgStamp stamp,
						  const uint32 *units, int nunits,
						  const CvgCellWrite *cells, int ncells, CvgBuf *out)
{
	CvgRowParts parts;
	CvgRowParts seen;
	CvgRowDot	dot;
	CvgStatus	status;
	CvgDot		own = {replica, stamp};
	int			i;

	if (old.len == 0)
		return CVG_E_FORBIDDEN;
	status = begin_write(old, replica, stamp, &parts, &dot);
	if (status != CVG_OK)
		return status;
	parts.replicas[dot.replica].vc = stamp;
	parts.replicas[dot.replica].w = stamp;
	status = write_units(&parts, dot, units, nunits);
	if (status == CVG_OK)
		drop_paths(&parts, units, nunits);
	if (status == CVG_OK && ncells > 0)
	{
		(void) cvg_row_load(old, &seen);
		for (i = 0; i < ncells; i++)
			write_any_cell(&parts, &seen, own, false, &cells[i]);
		cvg_row_free(&seen);
	}
	if (status == CVG_OK)
		cvg_row_encode(&parts, out);
	cvg_row_free(&parts);
	return status;
}

CvgStatus
cvg_rowstate_update(CvgSlice old, CvgSlice replica, CvgStamp stamp,
					const uint32 *units, int nunits, CvgBuf *out)
{
	return cvg_rowstate_update_cells(old, replica, stamp, units, nunits, NULL, 0, out);
}

CvgStatus
cvg_rowstate_delete(CvgSlice old, CvgSlice replica, CvgStamp stamp, CvgBuf *out)
{
	CvgRowParts parts;
	CvgRowDot	dot;
	CvgStatus	status;
	int			i;

	if (old.len == 0)
		return CVG_E_FORBIDDEN;
	status = begin_write(old, replica, stamp, &parts, &dot);
	if (status != CVG_OK)
		return status;
	for (i = 0; i < parts.nreplicas; i++)
		parts.replicas[i].o = parts.replicas[i].vc;
	parts.replicas[dot.replica].vc = stamp;
	parts.replicas[dot.replica].d = stamp;
	parts.deleted = true;
	end_write(&parts, out);
	return CVG_OK;
}

/* --- merge --- */

/* Join all clocks into out, and note in each side where its replicas went. */
static CvgOrder
join_replicas(CvgRowParts *a, CvgRowParts *b, CvgRowParts *out)
{
	bool		a_more = false;
	bool		b_more = false;
	int			i = 0;
	int			j = 0;

	cvg_row_reserve(out, a->nreplicas + b->nreplicas, 0);
	while (i < a->nreplicas || j < b->nreplicas)
	{
		CvgRowReplica *ra = &a->replicas[i];
		CvgRowReplica *rb = &b->replicas[j];
		CvgRowReplica *to = &out->replicas[out->nreplicas];
		int			c;

		c = i == a->nreplicas ? 1 :
			j == b->nreplicas ? -1 : cvg_slice_cmp(ra->id, rb->id);
		*to = c <= 0 ? *ra : *rb;
		if (c == 0)
		{
			a_more |= ra->vc > rb->vc;
			b_more |= rb->vc > ra->vc;
			to->vc = Max(ra->vc, rb->vc);
			to->w = Max(ra->w, rb->w);
			to->d = Max(ra->d, rb->d);
			to->o = Max(ra->o, rb->o);
			to->e = Max(ra->e, rb->e);
		}
		a_more |= c < 0;
		b_more |= c > 0;
		if (c <= 0)
		{
			ra->to = out->nreplicas;
			i++;
		}
		if (c >= 0)
		{
			rb->to = out->nreplicas;
			j++;
		}
		out->nreplicas++;
	}
	out->deleted = a->deleted || b->deleted;
	return cvg_row_order(a_more, b_more);
}

/* Make a side's dots comparable with the other's: indexes into the union. */
static void
renumber(CvgRowParts *side)
{
	int			i;

	if (side->nreplicas == 0)
		return;
	side->birth.replica = side->replicas[side->birth.replica].to;
	for (i = 0; i < side->nunits; i++)
	{
		CvgRowDot  *dot = &side->units[i].dot;

		dot->replica = side->replicas[dot->replica].to;
	}
}

/* Larger birth; larger dot per unit, where that is larger than the birth. */
static void
join_units(const CvgRowParts *a, const CvgRowParts *b, CvgRowParts *out)
{
	int			i = 0;
	int			j = 0;

	out->birth = cvg_row_dot_cmp(a->birth, b->birth) >= 0 ?
		a->birth : b->birth;
	cvg_row_reserve(out, 0, a->nunits + b->nunits);
	while (i < a->nunits || j < b->nunits)
	{
		const CvgRowUnit *unit;

		if (j == b->nunits ||
			(i < a->nunits && a->units[i].id < b->units[j].id))
			unit = &a->units[i++];
		else if (i == a->nunits || b->units[j].id < a->units[i].id)
			unit = &b->units[j++];
		else
		{
			unit = cvg_row_dot_cmp(a->units[i].dot, b->units[j].dot) >= 0 ?
				&a->units[i] : &b->units[j];
			i++;
			j++;
		}
		if (cvg_row_dot_cmp(unit->dot, out->birth) > 0)
			out->units[out->nunits++] = *unit;
	}
}

/* Dot of a unit while walking ascending ids; *at moves along. */
static CvgRowDot
walk_unit(const CvgRowParts *side, int *at, uint32 id)
{
	while (*at < side->nunits && side->units[*at].id < id)
		(*at)++;
	if (*at < side->nunits && side->units[*at].id == id)
		return side->units[*at].dot;
	return side->birth;
}

static void
choose_sides(const CvgRowParts *a, const CvgRowParts *b,
			 const uint32 *units, int nunits, CvgSide *sides)
{
	int			i = 0;
	int			j = 0;
	int			k;

	for (k = 0; k < nunits; k++)
	{
		CvgRowDot	da = walk_unit(a, &i, units[k]);
		CvgRowDot	db = walk_unit(b, &j, units[k]);

		sides[k] = cvg_row_dot_cmp(da, db) >= 0 ? CVG_SIDE_A : CVG_SIDE_B;
	}
}

/* --- cells --- */

/* A unit's place in the caller's list, -1 if it is none of the caller's. */
static int
listed_unit(const CvgRowMerge *merge, uint32 unit)
{
	int			i;

	for (i = 0; i < merge->nunits; i++)
	{
		if (merge->units[i] == unit)
			return i;
	}
	return -1;
}

/* What a unit amounts to on one side: its cell, or its value in the row. */
static void
open_side(const CvgRowParts *parts, uint32 unit, CvgSide side, CvgCellSide *out)
{
	CvgCell    *cell = &out->cell;

	open_cell(parts, unit, cell);
	out->clock = parts;
	if (cell->npairs > 0)
		return;
	memset(&cell->pairs[0], 0, sizeof(CvgCellPair));
	cell->pairs[0].dot = unit_dot(parts, unit);
	cell->pairs[0].in_row = cell->nshares == 0;
	cell->pairs[0].side = side;
	cell->npairs = parts->nreplicas > 0 ? 1 : 0;
}

/* Fetch the value of a pair that is to be stored in the state. */
static void
take_value(CvgRowMerge *merge, int at, CvgCellPair *pair)
{
	if (!pair->in_row)
		return;
	pair->in_row = false;
	if (at >= 0 && merge->value != NULL &&
		merge->value(merge->arg, pair->side, at, &pair->value))
		return;
	pair->value = cvg_slice(NULL, 0);
	if (at >= 0 && merge->missing != NULL)
		merge->missing[at] = true;
}

/*
 * What of a merged cell is stored, and where the value is found: one value
 * that the unit's dot names stands in the row; any other is stored.
 */
static void
place_values(CvgRowMerge *merge, int at, CvgDot dot, CvgCell *cell)
{
	CvgCellPair *pair = &cell->pairs[0];
	CvgSide		side = CVG_SIDE_FOLD;
	bool		by_unit = cell->npairs == 1 &&
		cvg_dot_cmp(pair->dot.stamp, pair->dot.replica, dot.stamp, dot.replica) == 0;
	int			i;

	if (by_unit && cell->nshares == 0)
	{
		side = pair->in_row ? pair->side : CVG_SIDE_VALUE;
		if (at >= 0 && side == CVG_SIDE_VALUE && merge->values != NULL)
			merge->values[at] = pair->value;
		cell->npairs = 0;
	}
	for (i = 0; i < cell->npairs; i++)
		take_value(merge, at, &cell->pairs[i]);
	if (by_unit && cell->nshares > 0 && pair->value.len == 0)
		cell->npairs = 0;		/* counted on top of nothing */
	if (at >= 0 && merge->sides != NULL)
		merge->sides[at] = side;
}

/* A document is as one side has it. */
static void
place_side(CvgRowParts *out, const CvgCell *from, uint32 unit, CvgRowMerge *merge,
		   int at, CvgSide side)
{
	CvgCell		cell = *from;

	cell.npairs = 0;			/* what open_side() made of the row */
	store_cell(out, unit, &cell);
	if (at >= 0 && merge->sides != NULL)
		merge->sides[at] = side;
}

/* Does a clock cover all writes to a side's document? */
static bool
is_within(const CvgCellSide *side, CvgDot unit, const CvgRowParts *clock)
{
	int			i;

	if (!cvg_row_covers(clock, unit) ||
		(side->cell.whole.stamp != 0 && !cvg_row_covers(clock, side->cell.whole)))
		return false;
	for (i = 0; i < side->cell.nmarks; i++)
	{
		if (!cvg_row_covers(clock, side->cell.marks[i].dot))
			return false;
	}
	return true;
}

/* A side for leaves.c; false if its document is not to be had. */
static bool
open_document(const CvgCellSide *side, uint32 unit, CvgRowMerge *merge, int at,
			  CvgSide which, CvgLeafSide *out)
{
	CvgLeaves	leaves = {0};
	bool		known = at >= 0 && merge->leaves != NULL &&
		merge->leaves(merge->arg, which, at, &leaves);

	out->unit = unit_dot(side->clock, unit);
	out->whole = whole_dot(side->clock, unit, &side->cell);
	out->nmarks = side->cell.nmarks;
	out->marks = side->cell.marks;
	out->n = leaves.n;
	out->leaves = leaves.leaves;
	return known;
}

/* Merge two documents neither of which contains the other. */
static void
merge_documents(const CvgCellSide *sa, const CvgCellSide *sb, uint32 unit,
				CvgRowMerge *merge, int at, CvgCell *cell)
{
	CvgLeafSide a;
	CvgLeafSide b;
	CvgLeafSide out;
	bool		known = open_document(sa, unit, merge, at, CVG_SIDE_A, &a);

	known &= open_document(sb, unit, merge, at, CVG_SIDE_B, &b);
	cvg_leaves_merge(&a, &b, &out);
	cell->by_path = cvg_dot_cmp(out.whole.stamp, out.whole.replica,
								out.unit.stamp, out.unit.replica) != 0;
	if (cell->by_path)
		cell->whole = out.whole;
	cell->marks = out.marks;
	cell->nmarks = out.nmarks;
	merge->too_many |= cell->nmarks > CVG_MAX_MARKS;
	if (known)
		merge->documents[at] = (CvgLeaves) {out.n, out.leaves};
	else
		pfree(out.leaves);
	if (at < 0)
		return;
	if (merge->sides != NULL)
		merge->sides[at] = known ? CVG_SIDE_DOCUMENT : CVG_SIDE_FOLD;
	if (!known && merge->missing != NULL)
		merge->missing[at] = true;
}

static bool
same_cells(const CvgCell *a, const CvgCell *b)
{
	CvgBuf		bytes_a;
	CvgBuf		bytes_b;
	bool		same;

	cvg_buf_init(&bytes_a);
	cvg_buf_init(&bytes_b);
	cvg_cell_put(a, &bytes_a);
	cvg_cell_put(b, &bytes_b);
	same = cvg_slice_eq(cvg_buf_slice(&bytes_a), cvg_buf_slice(&bytes_b));
	cvg_buf_free(&bytes_a);
	cvg_buf_free(&bytes_b);
	return same;
}

/*
 * A document with paths.  Where one side has nothing that the other has not
 * seen, it is as the other side has it; the document is needed of neither.
 * Damaged states only can each seem to contain the other, and differ.
 */
static void
merge_paths(CvgRowParts *out, const CvgCellSide *sa, const CvgCellSide *sb, uint32 unit,
			CvgRowMerge *merge)
{
	int			at = listed_unit(merge, unit);
	bool		b_in_a = is_within(sb, unit_dot(sb->clock, unit), sa->clock);
	bool		a_in_b = is_within(sa, unit_dot(sa->clock, unit), sb->clock);
	CvgCell		cell;

	if (a_in_b && b_in_a)
		a_in_b = b_in_a = same_cells(&sa->cell, &sb->cell);
	if (a_in_b || b_in_a)
	{
		place_side(out, b_in_a ? &sa->cell : &sb->cell, unit, merge, at,
				   b_in_a ? CVG_SIDE_A : CVG_SIDE_B);
		return;
	}
	cvg_cell_init(&cell, 0, 0);
	merge_documents(sa, sb, unit, merge, at, &cell);
	store_cell(out, unit, &cell);
	cvg_cell_free(&cell);
}

/*
 * Values and counts are the stronger way of recording: then there are no
 * paths.
 */
static bool
both_by_paths(CvgCellSide *sa, CvgCellSide *sb)
{
	const CvgCell *a = &sa->cell;
	const CvgCell *b = &sb->cell;

	if (!a->multi && a->npairs <= 1 && a->nshares == 0 &&
		!b->multi && b->npairs <= 1 && b->nshares == 0)
		return true;
	cvg_cell_drop_paths(&sa->cell);
	cvg_cell_drop_paths(&sb->cell);
	return false;
}

static void
merge_cell(CvgRowParts *a, CvgRowParts *b, CvgRowParts *out, uint32 unit,
		   CvgRowMerge *merge)
{
	CvgCellSide sa;
	CvgCellSide sb;
	CvgCell		cell;

	open_side(a, unit, CVG_SIDE_A, &sa);
	open_side(b, unit, CVG_SIDE_B, &sb);
	if (a->nreplicas == 0 || b->nreplicas == 0)
	{
		/* there is but one side */
		cell = a->nreplicas == 0 ? sb.cell : sa.cell;
		place_values(merge, listed_unit(merge, unit), unit_dot(out, unit), &cell);
		store_cell(out, unit, &cell);
	}
	else if (both_by_paths(&sa, &sb))
		merge_paths(out, &sa, &sb, unit, merge);
	else
	{
		cvg_cell_merge(&sa, &sb, &cell);
		place_values(merge, listed_unit(merge, unit), unit_dot(out, unit), &cell);
		store_cell(out, unit, &cell);
		cvg_cell_free(&cell);
	}
	cvg_cell_free(&sa.cell);
	cvg_cell_free(&sb.cell);
}

static void
join_cells(CvgRowParts *a, CvgRowParts *b, CvgRowParts *out, CvgRowMerge *merge)
{
	int			i = 0;
	int			j = 0;

	while (i < a->ncells || j < b->ncells)
	{
		uint32		unit = i == a->ncells ? b->cells[j].unit :
			j == b->ncells ? a->cells[i].unit :
			Min(a->cells[i].unit, b->cells[j].unit);

		merge_cell(a, b, out, unit, merge);
		i += i < a->ncells && a->cells[i].unit == unit;
		j += j < b->ncells && b->cells[j].unit == unit;
	}
}

/*
 * The dots of a and b are renumbered by then, but cells name replicas by id:
 * the dots of their units are looked up in copies that are as parsed.
 */
static CvgStatus
merge_all_cells(CvgSlice a, CvgSlice b, CvgRowParts *out, CvgRowMerge *merge)
{
	CvgRowParts pa;
	CvgRowParts pb;

	(void) cvg_row_load(a, &pa);
	(void) cvg_row_load(b, &pb);
	join_cells(&pa, &pb, out, merge);
	cvg_row_free(&pa);
	cvg_row_free(&pb);
	return out->ncells > CVG_MAX_UNITS || merge->too_many ? CVG_E_LIMIT : CVG_OK;
}

CvgStatus
cvg_rowstate_merge_cells(CvgSlice a, CvgSlice b, CvgRowMerge *merge, CvgBuf *out)
{
	CvgRowParts pa;
	CvgRowParts pb;
	CvgRowParts merged;
	CvgStatus	status;
	bool		cells;

	status = cvg_row_load(a, &pa);
	if (status != CVG_OK)
		return status;
	status = cvg_row_load(b, &pb);
	if (status != CVG_OK)
	{
		cvg_row_free(&pa);
		return status;
	}
	cvg_row_init(&merged);
	cells = pa.ncells > 0 || pb.ncells > 0;
	merge->too_many = false;
	merge->order = join_replicas(&pa, &pb, &merged);
	renumber(&pa);
	renumber(&pb);
	join_units(&pa, &pb, &merged);
	choose_sides(&pa, &pb, merge->units, merge->nunits, merge->sides);
	if (cells)
		status = merge_all_cells(a, b, &merged, merge);
	if (merged.nreplicas > CVG_MAX_CLOCK || merged.nunits > CVG_MAX_UNITS)
		status = CVG_E_LIMIT;
	else if (status == CVG_OK && merged.nreplicas > 0)
		cvg_row_encode(&merged, out);
	cvg_row_free(&pa);
	cvg_row_free(&pb);
	cvg_row_free(&merged);
	return status;
}

CvgStatus
cvg_rowstate_merge(CvgSlice a, CvgSlice b, const uint32 *units, int nunits,
				   CvgSide *sides, CvgOrder *order, CvgBuf *out)
{
	CvgRowMerge merge = {units, nunits, sides};
	CvgStatus	status = cvg_rowstate_merge_cells(a, b, &merge, out);

	if (order != NULL)
		*order = merge.order;
	return status;
}
