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
 * An update or delete of a tombstone is accepted: policy is the caller's, and
 * a row that is dead under one policy is alive under another.
 *
 * An empty slice stands for "no row" in every function but validate: a merge
 * with it is the other side, it is not alive, its clock is empty.
 *
 *-------------------------------------------------------------------------
 */
#include "core/rowstate_codec.h"

/* Index of a unit, or where it belongs; *found says which. */
static int
find_unit(const CvgRowParts *parts, uint32 id, bool *found)
{
	int			low = 0;
	int			high = parts->nunits;

	while (low < high)
	{
		int			mid = (low + high) / 2;

		if (parts->units[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	*found = low < parts->nunits && parts->units[low].id == id;
	return low;
}

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

CvgStatus
cvg_rowstate_insert(CvgSlice old, CvgSlice replica, CvgStamp stamp, CvgBuf *out)
{
	CvgRowParts parts;
	CvgRowDot	dot;
	CvgStatus	status = begin_write(old, replica, stamp, &parts, &dot);
	int			i;

	if (status != CVG_OK)
		return status;
	for (i = 0; i < parts.nreplicas; i++)
		parts.replicas[i].e = parts.replicas[i].d;
	parts.replicas[dot.replica].vc = stamp;
	parts.replicas[dot.replica].w = stamp;
	parts.birth = dot;
	parts.nunits = 0;			/* all of them are older than the birth */
	end_write(&parts, out);
	return CVG_OK;
}

CvgStatus
cvg_rowstate_update(CvgSlice old, CvgSlice replica, CvgStamp stamp,
					const uint32 *units, int nunits, CvgBuf *out)
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
	parts.replicas[dot.replica].vc = stamp;
	parts.replicas[dot.replica].w = stamp;
	for (i = 0; i < nunits; i++)
	{
		bool		found;
		int			at = find_unit(&parts, units[i], &found);

		if (units[i] == 0 || (!found && parts.nunits >= CVG_MAX_UNITS))
		{
			status = units[i] == 0 ? CVG_E_FORBIDDEN : CVG_E_LIMIT;
			break;
		}
		if (!found)
		{
			/* the caller's remaining units are room enough */
			cvg_row_reserve(&parts, 0, parts.nunits + nunits - i);
			memmove(&parts.units[at + 1], &parts.units[at],
					sizeof(CvgRowUnit) * (parts.nunits - at));
			parts.units[at].id = units[i];
			parts.nunits++;
		}
		parts.units[at].dot = dot;
	}
	if (status == CVG_OK)
		cvg_row_encode(&parts, out);
	cvg_row_free(&parts);
	return status;
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

CvgStatus
cvg_rowstate_merge(CvgSlice a, CvgSlice b, const uint32 *units, int nunits,
				   CvgSide *sides, CvgOrder *order, CvgBuf *out)
{
	CvgRowParts pa;
	CvgRowParts pb;
	CvgRowParts merged;
	CvgOrder	relation;
	CvgStatus	status;

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
	relation = join_replicas(&pa, &pb, &merged);
	if (order != NULL)
		*order = relation;
	renumber(&pa);
	renumber(&pb);
	join_units(&pa, &pb, &merged);
	choose_sides(&pa, &pb, units, nunits, sides);
	if (merged.nreplicas > CVG_MAX_CLOCK || merged.nunits > CVG_MAX_UNITS)
		status = CVG_E_LIMIT;
	else if (merged.nreplicas > 0)
		cvg_row_encode(&merged, out);
	cvg_row_free(&pa);
	cvg_row_free(&pb);
	cvg_row_free(&merged);
	return status;
}
