/*-------------------------------------------------------------------------
 *
 * rowstate_query.c
 *	  What can be asked of row states, and their text form.
 *
 *-------------------------------------------------------------------------
 */
#include "core/rowcell.h"

static CvgDot
public_dot(const CvgRowParts *parts, CvgRowDot dot)
{
	CvgDot		result = {{NULL, 0}, 0};

	if (dot.stamp != 0)
	{
		result.replica = parts->replicas[dot.replica].id;
		result.stamp = dot.stamp;
	}
	return result;
}

bool
cvg_rowstate_ever_deleted(CvgSlice state)
{
	return cvg_row_flag_deleted(state);
}

bool
cvg_rowstate_alive(CvgSlice state, CvgOnDelete policy)
{
	CvgRowParts parts;
	bool		alive = false;
	bool		written = false;
	int			i;

	if (!cvg_row_flag_deleted(state))
		return state.len > 0;	/* every write is later than no delete */
	if (cvg_row_load(state, &parts) != CVG_OK)
		return false;
	switch (policy)
	{
		case CVG_ON_DELETE_LWW:
			alive = cvg_row_dot_cmp(cvg_row_max_dot(&parts, offsetof(CvgRowReplica, w)),
									cvg_row_max_dot(&parts, offsetof(CvgRowReplica, d))) > 0;
			break;
		case CVG_ON_DELETE_UPDATE_WINS:
			for (i = 0; i < parts.nreplicas; i++)
				alive |= parts.replicas[i].w > parts.replicas[i].o;
			break;
		case CVG_ON_DELETE_DELETE_WINS:
			alive = true;
			for (i = 0; i < parts.nreplicas; i++)
			{
				alive &= parts.replicas[i].d <= parts.replicas[i].e;
				written |= parts.replicas[i].w != 0;
			}
			alive &= written;
			break;
	}
	cvg_row_free(&parts);
	return alive;
}

void
cvg_rowstate_clock(CvgSlice state, CvgBuf *out)
{
	CvgRowParts parts;
	int			i;

	if (!cvg_row_load_clock(state, &parts))
	{
		cvg_vclock_empty(out);
		return;
	}
	cvg_put_u8(out, CVG_VCLOCK_VERSION);
	cvg_put_varint(out, (uint64) parts.nreplicas);
	for (i = 0; i < parts.nreplicas; i++)
	{
		cvg_put_slice(out, parts.replicas[i].id);
		cvg_put_varint(out, (uint64) parts.replicas[i].vc);
	}
	cvg_row_free(&parts);
}

CvgStamp
cvg_rowstate_latest(CvgSlice state, CvgSlice replica)
{
	CvgRowParts parts;
	CvgStamp	stamp = 0;
	int			i;

	if (!cvg_row_load_clock(state, &parts))
		return 0;
	for (i = 0; i < parts.nreplicas && stamp == 0; i++)
	{
		if (cvg_slice_eq(parts.replicas[i].id, replica))
			stamp = parts.replicas[i].vc;
	}
	cvg_row_free(&parts);
	return stamp;
}

/* Both are in id order: one walk over both. */
bool
cvg_rowstate_covered(CvgSlice state, CvgSlice clock)
{
	CvgRowParts parts;
	CvgClockIter it;
	CvgClockEntry entry;
	bool		covered = true;
	bool		more;
	int			i;

	if (!cvg_row_load_clock(state, &parts))
		return true;
	cvg_vclock_iter(&it, clock);
	more = cvg_vclock_next(&it, &entry);
	for (i = 0; i < parts.nreplicas && covered; i++)
	{
		const CvgRowReplica *rep = &parts.replicas[i];

		while (more && cvg_slice_cmp(entry.id, rep->id) < 0)
			more = cvg_vclock_next(&it, &entry);
		covered = more && cvg_slice_eq(entry.id, rep->id) &&
			rep->vc <= entry.value;
	}
	cvg_row_free(&parts);
	return covered;
}

CvgDot
cvg_rowstate_last_dot(CvgSlice state)
{
	CvgRowParts parts;
	CvgDot		dot = {{NULL, 0}, 0};

	if (!cvg_row_load_clock(state, &parts))
		return dot;
	dot = public_dot(&parts, cvg_row_max_dot(&parts, offsetof(CvgRowReplica, vc)));
	cvg_row_free(&parts);
	return dot;
}

CvgDot
cvg_rowstate_birth(CvgSlice state)
{
	CvgRowParts parts;
	CvgDot		dot = {{NULL, 0}, 0};

	if (cvg_row_load(state, &parts) != CVG_OK)
		return dot;
	dot = public_dot(&parts, parts.birth);
	cvg_row_free(&parts);
	return dot;
}

CvgDot
cvg_rowstate_unit_dot(CvgSlice state, uint32 unit)
{
	CvgRowParts parts;
	bool		found;
	int			at;
	CvgDot		dot = {{NULL, 0}, 0};

	if (cvg_row_load(state, &parts) != CVG_OK)
		return dot;
	at = cvg_row_find_unit(&parts, unit, &found);
	dot = public_dot(&parts, found ? parts.units[at].dot : parts.birth);
	cvg_row_free(&parts);
	return dot;
}

int
cvg_rowstate_mark_count(CvgSlice state, uint32 unit, const CvgMark *marks, int nmarks)
{
	CvgRowParts parts;
	CvgCell		cell;
	CvgMark    *all;
	CvgDot		none = {{NULL, 0}, 0};
	bool		found;
	int			at;
	int			n;

	if (cvg_row_load(state, &parts) != CVG_OK)
		return -1;
	at = cvg_row_find_cell(&parts, unit, &found);
	if (found)
		cvg_cell_load(parts.cells[at].body, &cell, 0);
	else
		cvg_cell_init(&cell, 0, 0);
	all = palloc(sizeof(CvgMark) * (cell.nmarks + nmarks + 1));
	n = cell.multi || cell.nshares > 0 ? -1 :
		cvg_marks_write(cell.marks, cell.nmarks, marks, nmarks, none, none, all);
	pfree(all);
	cvg_cell_free(&cell);
	cvg_row_free(&parts);
	return n;
}

void
cvg_rowstate_birth_bytes(CvgSlice state, CvgBuf *out)
{
	CvgDot		dot = cvg_rowstate_birth(state);

	cvg_put_slice(out, dot.replica);
	cvg_put_u64(out, (uint64) dot.stamp);
}

CvgSlice
cvg_rowstate_writer(CvgSlice state, CvgSlice origin)
{
	return cvg_rowstate_latest(state, origin) != 0 ? origin : cvg_rowstate_last_dot(state).replica;
}

/* Both are in id order: one walk over both. */
bool
cvg_rowstate_has_base(CvgSlice here, CvgSlice write, CvgSlice writer,
					  CvgStamp back)
{
	CvgRowParts ph;
	CvgRowParts pw;
	bool		covered = true;
	int			i;
	int			j = 0;

	cvg_row_load_clock(here, &ph);
	cvg_row_load_clock(write, &pw);
	for (i = 0; i < pw.nreplicas && covered; i++)
	{
		const CvgRowReplica *rep = &pw.replicas[i];
		CvgStamp	stamp = rep->vc;

		if (cvg_slice_eq(rep->id, writer))
			stamp = back == 0 ? 0 : stamp - back;
		while (j < ph.nreplicas && cvg_slice_cmp(ph.replicas[j].id, rep->id) < 0)
			j++;
		covered = stamp <= 0 ||
			(j < ph.nreplicas && cvg_slice_eq(ph.replicas[j].id, rep->id) &&
			 stamp <= ph.replicas[j].vc);
	}
	cvg_row_free(&ph);
	cvg_row_free(&pw);
	return covered;
}

static void
view_pairs(const CvgCell *cell, CvgCellView *view)
{
	int			i;

	view->npairs = cell->npairs;
	view->dots = palloc(sizeof(CvgDot) * (cell->npairs + 1));
	view->values = palloc(sizeof(CvgSlice) * (cell->npairs + 1));
	for (i = 0; i < cell->npairs; i++)
	{
		view->dots[i] = cell->pairs[i].dot;
		view->values[i] = cell->pairs[i].value;
	}
}

bool
cvg_rowstate_cell(CvgSlice state, uint32 unit, CvgCellView *view)
{
	CvgRowParts parts;
	CvgCell		cell;
	bool		found;
	int			at;
	int			i;

	memset(view, 0, sizeof(*view));
	if (!cvg_rowstate_has_cells(state) || cvg_row_load(state, &parts) != CVG_OK)
		return false;
	at = cvg_row_find_cell(&parts, unit, &found);
	if (found)
	{
		cvg_cell_load(parts.cells[at].body, &cell, 0);
		view->multi = cell.multi;
		view->nmarks = cell.nmarks;
		view->by_path = cell.by_path;
		for (i = 0; i < cell.nmarks; i++)
		{
			CvgDot		dot = cell.marks[i].dot;

			if (cvg_dot_cmp(dot.stamp, dot.replica, view->latest_mark.stamp,
							view->latest_mark.replica) > 0)
				view->latest_mark = dot;
		}
		view_pairs(&cell, view);
		view->counted = cell.nshares > 0;
		view->nshares = cell.nshares;
		view->replicas = palloc(sizeof(CvgSlice) * (cell.nshares + 1));
		view->amounts = palloc(sizeof(CvgSlice) * (cell.nshares + 1));
		view->floors = palloc0(sizeof(CvgSlice) * (cell.nshares + 1));
		for (i = 0; i < cell.nshares; i++)
		{
			const CvgCellShare *share = &cell.shares[i];

			view->replicas[i] = share->id;
			view->amounts[i] = share->amount;
			if (share->last != 0 && share->fc >= share->start)
				view->floors[i] = share->floor;
		}
		cvg_cell_free(&cell);
	}
	cvg_row_free(&parts);
	return found;
}

CvgOrder
cvg_rowstate_compare(CvgSlice a, CvgSlice b)
{
	CvgRowParts pa;
	CvgRowParts pb;
	bool		a_more = false;
	bool		b_more = false;
	int			i = 0;
	int			j = 0;

	cvg_row_load_clock(a, &pa);
	cvg_row_load_clock(b, &pb);
	while (i < pa.nreplicas || j < pb.nreplicas)
	{
		int			c;

		c = i == pa.nreplicas ? 1 : j == pb.nreplicas ? -1 :
			cvg_slice_cmp(pa.replicas[i].id, pb.replicas[j].id);
		a_more |= c < 0 || (c == 0 && pa.replicas[i].vc > pb.replicas[j].vc);
		b_more |= c > 0 || (c == 0 && pb.replicas[j].vc > pa.replicas[i].vc);
		i += c <= 0;
		j += c >= 0;
	}
	cvg_row_free(&pa);
	cvg_row_free(&pb);
	return cvg_row_order(a_more, b_more);
}

/* --- text --- */

static void
put_text(CvgBuf *out, const char *text)
{
	cvg_put_bytes(out, text, strlen(text));
}

static void
put_text_dot(CvgBuf *out, CvgSlice id, CvgStamp stamp)
{
	char		number[32];

	snprintf(number, sizeof(number), ":" INT64_FORMAT, stamp);
	cvg_put_bytes(out, id.data, id.len);
	put_text(out, number);
}

static void
put_text_clock(CvgBuf *out, const char *label, const CvgRowParts *parts,
			   size_t field)
{
	const char *separator = "";
	int			i;

	put_text(out, label);
	put_text(out, "{");
	for (i = 0; i < parts->nreplicas; i++)
	{
		CvgStamp	stamp = cvg_row_clock_entry(&parts->replicas[i], field);

		if (stamp == 0)
			continue;
		put_text(out, separator);
		put_text_dot(out, parts->replicas[i].id, stamp);
		separator = ",";
	}
	put_text(out, "}");
}

/* A cell by its dots: values are opaque here. */
static void
put_text_cell(CvgBuf *out, const CvgRowCell *from)
{
	CvgCell		cell;
	char		text[64];
	int			i;

	cvg_cell_load(from->body, &cell, 0);
	snprintf(text, sizeof(text), " cell %08x%s%s", from->unit,
			 cell.multi ? " several" : "", cell.by_path ? " by path" : "");
	put_text(out, text);
	if (cell.whole.stamp != 0)
	{
		put_text(out, " whole ");
		put_text_dot(out, cell.whole.replica, cell.whole.stamp);
	}
	for (i = 0; i < cell.nmarks; i++)
	{
		static const char *const kinds[] = {"", "below ", "empty "};

		snprintf(text, sizeof(text), "%s%s%08x=", i == 0 ? " paths " : ",",
				 kinds[cell.marks[i].kind], cell.marks[i].id);
		put_text(out, text);
		put_text_dot(out, cell.marks[i].dot.replica, cell.marks[i].dot.stamp);
	}
	for (i = 0; i < cell.npairs; i++)
	{
		put_text(out, i == 0 ? " values " : ",");
		put_text_dot(out, cell.pairs[i].dot.replica, cell.pairs[i].dot.stamp);
	}
	for (i = 0; i < cell.nshares; i++)
	{
		put_text(out, i == 0 ? " counts " : ",");
		put_text_dot(out, cell.shares[i].id, cell.shares[i].last);
		if (cell.shares[i].fc != 0)
		{
			snprintf(text, sizeof(text), " reset " INT64_FORMAT, cell.shares[i].fc);
			put_text(out, text);
		}
	}
	cvg_cell_free(&cell);
}

void
cvg_rowstate_print(CvgSlice state, CvgBuf *out)
{
	CvgRowParts parts;
	char		unit[32];
	int			i;

	if (cvg_row_load(state, &parts) != CVG_OK)
	{
		put_text(out, "(invalid)");
		return;
	}
	put_text_clock(out, "", &parts, offsetof(CvgRowReplica, vc));
	if (parts.nreplicas > 0)
	{
		put_text(out, " birth ");
		put_text_dot(out, parts.replicas[parts.birth.replica].id,
					 parts.birth.stamp);
	}
	for (i = 0; i < parts.nunits; i++)
	{
		const CvgRowDot *dot = &parts.units[i].dot;

		snprintf(unit, sizeof(unit), "%s %08x=", i == 0 ? " units" : "",
				 parts.units[i].id);
		put_text(out, unit);
		put_text_dot(out, parts.replicas[dot->replica].id, dot->stamp);
	}
	if (parts.deleted)
	{
		put_text_clock(out, " w ", &parts, offsetof(CvgRowReplica, w));
		put_text_clock(out, " d ", &parts, offsetof(CvgRowReplica, d));
		put_text_clock(out, " o ", &parts, offsetof(CvgRowReplica, o));
		put_text_clock(out, " e ", &parts, offsetof(CvgRowReplica, e));
	}
	for (i = 0; i < parts.ncells; i++)
		put_text_cell(out, &parts.cells[i]);
	cvg_row_free(&parts);
}
