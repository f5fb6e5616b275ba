/*-------------------------------------------------------------------------
 *
 * rowcell.c
 *	  Cells of row states: several values of a unit, shares of a counter.
 *
 *-------------------------------------------------------------------------
 */
#include "core/rowcell.h"

#define FLAG_MULTI		0x01
#define FLAG_BY_PATH	0x02
#define FLAG_WHOLE		0x04
#define FLAG_MARKS		0x08
#define FLAGS_KNOWN		0x0f

/* Fewest bytes of a pair, a share, a replica id, a mark. */
#define MIN_PAIR_BYTES	4
#define MIN_SHARE_BYTES 4
#define MIN_ID_BYTES	2
#define MIN_MARK_BYTES	6

/* Kinds of marks have two bits. */
#define KIND_BITS		2
#define KIND_MASK		3

#define MAX_VALUE_BYTES ((size_t) 1 << 30)

void
cvg_cell_init(CvgCell *cell, int npairs, int nshares)
{
	memset(cell, 0, sizeof(*cell));
	cell->pairs = palloc(sizeof(CvgCellPair) * (npairs + 1));
	cell->shares = palloc(sizeof(CvgCellShare) * (nshares + 1));
}

void
cvg_cell_free(CvgCell *cell)
{
	pfree(cell->pairs);
	pfree(cell->shares);
	if (cell->marks != NULL)
		pfree(cell->marks);
}

void
cvg_cell_drop_paths(CvgCell *cell)
{
	cell->by_path = false;
	cell->whole = (CvgDot) {{NULL, 0}, 0};
	cell->nmarks = 0;
}

static int
dot_cmp(CvgDot a, CvgDot b)
{
	return cvg_dot_cmp(a.stamp, a.replica, b.stamp, b.replica);
}

static int
get_count_max(CvgReader *r, size_t bytes, uint64 max)
{
	uint64		n = cvg_get_varint_max(r, max);

	if (cvg_reader_ok(r) && n > (r->len - r->pos) / bytes)
		cvg_reader_fail(r, CVG_E_TRUNCATED);
	return cvg_reader_ok(r) ? (int) n : 0;
}

static int
get_count(CvgReader *r, size_t bytes)
{
	return get_count_max(r, bytes, CVG_MAX_CLOCK);
}

static CvgStamp
get_cell_stamp(CvgReader *r)
{
	return (CvgStamp) cvg_get_varint_max(r, PG_INT64_MAX);
}

static void
get_pair(CvgReader *r, CvgCell *cell)
{
	CvgCellPair *pair = &cell->pairs[cell->npairs];

	memset(pair, 0, sizeof(*pair));
	pair->dot.replica = cvg_get_replica_id(r);
	pair->dot.stamp = get_cell_stamp(r);
	pair->value = cvg_get_slice(r, MAX_VALUE_BYTES);
	if (!cvg_reader_ok(r))
		return;
	if (pair->dot.stamp == 0)
		cvg_reader_fail(r, CVG_E_MALFORMED);
	else if (cell->npairs > 0 && dot_cmp(pair[-1].dot, pair->dot) >= 0)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	cell->npairs++;
}

static void
get_share(CvgReader *r, CvgCell *cell)
{
	CvgCellShare *share = &cell->shares[cell->nshares];
	uint64		back;

	memset(share, 0, sizeof(*share));
	share->id = cvg_get_replica_id(r);
	share->last = get_cell_stamp(r);
	if (share->last != 0)
	{
		back = cvg_get_varint(r);
		if (back >= (uint64) share->last)
			cvg_reader_fail(r, CVG_E_MALFORMED);
		else
			share->start = share->last - (CvgStamp) back;
		share->amount = cvg_get_slice(r, MAX_VALUE_BYTES);
	}
	share->fc = get_cell_stamp(r);
	if (share->fc != 0)
		share->floor = cvg_get_slice(r, MAX_VALUE_BYTES);
	if (!cvg_reader_ok(r))
		return;
	if ((share->last == 0 && share->fc == 0) ||
		(cell->nshares > 0 && cvg_slice_cmp(share[-1].id, share->id) >= 0))
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	cell->nshares++;
}

/* The replica ids that marks refer to. */
static CvgSlice *
get_mark_ids(CvgReader *r, int *nids)
{
	int			n = get_count(r, MIN_ID_BYTES);
	CvgSlice   *ids = palloc(sizeof(CvgSlice) * (n + 1));
	int			i;

	for (i = 0; i < n && cvg_reader_ok(r); i++)
	{
		ids[i] = cvg_get_replica_id(r);
		if (cvg_reader_ok(r) && i > 0 && cvg_slice_cmp(ids[i - 1], ids[i]) >= 0)
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	}
	*nids = n;
	return ids;
}

static void
get_mark(CvgReader *r, CvgStamp least, const CvgSlice *ids, int nids, bool *used,
		 CvgMark *mark)
{
	uint64		ref;
	uint64		more;

	memset(mark, 0, sizeof(*mark));
	mark->id = cvg_get_u32(r);
	ref = cvg_get_varint(r);
	more = cvg_get_varint_max(r, PG_INT64_MAX);
	if (!cvg_reader_ok(r))
		return;
	mark->kind = ref & KIND_MASK;
	if (mark->kind > CVG_MARK_EMPTY || (ref >> KIND_BITS) >= (uint64) nids ||
		more > (uint64) (PG_INT64_MAX - least))
	{
		cvg_reader_fail(r, CVG_E_MALFORMED);
		return;
	}
	mark->dot.replica = ids[ref >> KIND_BITS];
	mark->dot.stamp = least + (CvgStamp) more;
	used[ref >> KIND_BITS] = true;
}

/* In order, and nothing said twice or without effect. */
static bool
marks_canonical(const CvgCell *cell, CvgStamp least, const bool *used, int nids)
{
	CvgMark    *copy = palloc(sizeof(CvgMark) * (cell->nmarks + 1));
	bool		lowest = false;
	bool		ok;
	int			i;

	memcpy(copy, cell->marks, sizeof(CvgMark) * cell->nmarks);
	ok = cell->nmarks > 0 &&
		cvg_marks_prune(copy, cell->nmarks, cell->whole) == cell->nmarks;
	for (i = 0; i < cell->nmarks && ok; i++)
	{
		lowest |= cell->marks[i].dot.stamp == least;
		ok = i == 0 || cvg_mark_cmp(&cell->marks[i - 1], &cell->marks[i]) < 0;
	}
	for (i = 0; i < nids && ok; i++)
		ok = used[i];
	pfree(copy);
	return ok && lowest;
}

static void
get_marks(CvgReader *r, CvgCell *cell)
{
	int			nids;
	CvgSlice   *ids = get_mark_ids(r, &nids);
	bool	   *used = palloc0(sizeof(bool) * (nids + 1));
	CvgStamp	least = get_cell_stamp(r);
	int			n = get_count_max(r, MIN_MARK_BYTES, CVG_MAX_MARKS);

	cell->marks = palloc(sizeof(CvgMark) * (n + 1));
	if (cvg_reader_ok(r) && least == 0)
		cvg_reader_fail(r, CVG_E_MALFORMED);
	while (cell->nmarks < n && cvg_reader_ok(r))
		get_mark(r, least, ids, nids, used, &cell->marks[cell->nmarks++]);
	if (cvg_reader_ok(r) && !marks_canonical(cell, least, used, nids))
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	pfree(ids);
	pfree(used);
}

static void
get_paths(CvgReader *r, uint8 flags, CvgCell *cell)
{
	cell->by_path = (flags & FLAG_BY_PATH) != 0;
	if (flags & FLAG_WHOLE)
	{
		cell->whole.replica = cvg_get_replica_id(r);
		cell->whole.stamp = get_cell_stamp(r);
		if (cvg_reader_ok(r) && cell->whole.stamp == 0)
			cvg_reader_fail(r, CVG_E_MALFORMED);
	}
	if (flags & FLAG_MARKS)
		get_marks(r, cell);
}

static void
get_values(CvgReader *r, CvgCell *cell, int room)
{
	int			n = get_count(r, MIN_PAIR_BYTES);
	int			i;

	pfree(cell->pairs);
	cell->pairs = palloc(sizeof(CvgCellPair) * (n + room + 1));
	for (i = 0; i < n && cvg_reader_ok(r); i++)
		get_pair(r, cell);
	n = get_count(r, MIN_SHARE_BYTES);
	pfree(cell->shares);
	cell->shares = palloc(sizeof(CvgCellShare) * (n + room + 1));
	for (i = 0; i < n && cvg_reader_ok(r); i++)
		get_share(r, cell);
}

void
cvg_cell_get(CvgReader *r, CvgCell *cell, int room)
{
	uint8		flags = cvg_get_u8(r);

	cvg_cell_init(cell, room, room);
	if (cvg_reader_ok(r) && (flags & ~FLAGS_KNOWN) != 0)
		cvg_reader_fail(r, CVG_E_VERSION);
	if (cvg_reader_ok(r) &&
		(((flags & FLAG_MULTI) && (flags & ~FLAG_MULTI)) ||
		 ((flags & FLAG_WHOLE) && !(flags & FLAG_BY_PATH))))
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	if (!cvg_reader_ok(r))
		return;
	cell->multi = (flags & FLAG_MULTI) != 0;
	if (flags & (FLAG_BY_PATH | FLAG_MARKS))
		get_paths(r, flags, cell);
	else
		get_values(r, cell, room);
	if (cvg_reader_ok(r) && !cvg_cell_needed(cell))
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
}

/* Of a valid state. */
void
cvg_cell_load(CvgSlice body, CvgCell *cell, int room)
{
	CvgReader	r;

	cvg_reader_init(&r, body);
	cvg_cell_get(&r, cell, room);
	Assert(cvg_reader_ok(&r));
}

bool
cvg_cell_needed(const CvgCell *cell)
{
	return cell->multi || cell->npairs > 1 || cell->nshares > 0 ||
		cvg_cell_has_paths(cell);
}

static int
id_cmp(const void *a, const void *b)
{
	return cvg_slice_cmp(*(const CvgSlice *) a, *(const CvgSlice *) b);
}

/* The replica ids of all marks, each once, in order; palloc'ed. */
static CvgSlice *
mark_ids(const CvgCell *cell, int *nids)
{
	CvgSlice   *ids = palloc(sizeof(CvgSlice) * (cell->nmarks + 1));
	int			n = 0;
	int			i;

	for (i = 0; i < cell->nmarks; i++)
	{
		if (i == 0 || !cvg_slice_eq(cell->marks[i - 1].dot.replica, cell->marks[i].dot.replica))
			ids[n++] = cell->marks[i].dot.replica;
	}
	qsort(ids, n, sizeof(CvgSlice), id_cmp);
	*nids = 0;
	for (i = 0; i < n; i++)
	{
		if (*nids == 0 || !cvg_slice_eq(ids[*nids - 1], ids[i]))
			ids[(*nids)++] = ids[i];
	}
	return ids;
}

static void
put_marks(const CvgCell *cell, CvgBuf *out)
{
	int			nids;
	CvgSlice   *ids = mark_ids(cell, &nids);
	CvgStamp	least = cell->marks[0].dot.stamp;
	int			i;

	for (i = 1; i < cell->nmarks; i++)
		least = Min(least, cell->marks[i].dot.stamp);
	cvg_put_varint(out, (uint64) nids);
	for (i = 0; i < nids; i++)
		cvg_put_slice(out, ids[i]);
	cvg_put_varint(out, (uint64) least);
	cvg_put_varint(out, (uint64) cell->nmarks);
	for (i = 0; i < cell->nmarks; i++)
	{
		const CvgMark *mark = &cell->marks[i];
		const CvgSlice *id = bsearch(&mark->dot.replica, ids, nids, sizeof(CvgSlice), id_cmp);

		cvg_put_u32(out, mark->id);
		cvg_put_varint(out, (uint64) (id - ids) << KIND_BITS | mark->kind);
		cvg_put_varint(out, (uint64) (mark->dot.stamp - least));
	}
	pfree(ids);
}

static void
put_paths(const CvgCell *cell, CvgBuf *out)
{
	cvg_put_u8(out, (cell->by_path ? FLAG_BY_PATH : 0) |
			   (cell->whole.stamp != 0 ? FLAG_WHOLE : 0) |
			   (cell->nmarks > 0 ? FLAG_MARKS : 0));
	if (cell->whole.stamp != 0)
	{
		cvg_put_slice(out, cell->whole.replica);
		cvg_put_varint(out, (uint64) cell->whole.stamp);
	}
	if (cell->nmarks > 0)
		put_marks(cell, out);
}

void
cvg_cell_put(const CvgCell *cell, CvgBuf *out)
{
	int			i;

	if (cvg_cell_has_paths(cell))
	{
		Assert(!cell->multi && cell->nshares == 0);
		put_paths(cell, out);
		return;
	}
	cvg_put_u8(out, cell->multi ? FLAG_MULTI : 0);
	cvg_put_varint(out, (uint64) cell->npairs);
	for (i = 0; i < cell->npairs; i++)
	{
		cvg_put_slice(out, cell->pairs[i].dot.replica);
		cvg_put_varint(out, (uint64) cell->pairs[i].dot.stamp);
		cvg_put_slice(out, cell->pairs[i].value);
	}
	cvg_put_varint(out, (uint64) cell->nshares);
	for (i = 0; i < cell->nshares; i++)
	{
		const CvgCellShare *share = &cell->shares[i];

		cvg_put_slice(out, share->id);
		cvg_put_varint(out, (uint64) share->last);
		if (share->last != 0)
		{
			cvg_put_varint(out, (uint64) (share->last - share->start));
			cvg_put_slice(out, share->amount);
		}
		cvg_put_varint(out, (uint64) share->fc);
		if (share->fc != 0)
			cvg_put_slice(out, share->floor);
	}
}

/* --- writes --- */

CvgCellShare *
cvg_cell_share(CvgCell *cell, CvgSlice id)
{
	int			at = 0;
	int			c = 1;

	while (at < cell->nshares &&
		   (c = cvg_slice_cmp(cell->shares[at].id, id)) < 0)
		at++;
	if (at < cell->nshares && c == 0)
		return &cell->shares[at];
	memmove(&cell->shares[at + 1], &cell->shares[at],
			sizeof(CvgCellShare) * (cell->nshares - at));
	memset(&cell->shares[at], 0, sizeof(CvgCellShare));
	cell->shares[at].id = id;
	cell->nshares++;
	return &cell->shares[at];
}

/* Room for as many shares as the clock has replicas is the caller's affair. */
void
cvg_cell_floor(CvgCell *cell, const CvgRowParts *clock)
{
	int			i;

	for (i = 0; i < clock->nreplicas; i++)
	{
		CvgCellShare *share;

		if (clock->replicas[i].vc == 0)
			continue;
		share = cvg_cell_share(cell, clock->replicas[i].id);
		share->fc = clock->replicas[i].vc;
		share->floor = share->amount;
	}
}

/* --- merge --- */

/*
 * Under one dot there is one value; should there be two, the bytes decide.
 * One in a row may not be at hand.
 */
static const CvgCellPair *
better_pair(const CvgCellPair *a, const CvgCellPair *b)
{
	if (a->in_row && b->in_row)
		return a;
	if (a->in_row)
		return b->value.len > 0 ? b : a;
	if (b->in_row)
		return a->value.len > 0 ? a : b;
	return cvg_slice_cmp(a->value, b->value) >= 0 ? a : b;
}

/* Pairs of both sides that nobody has overwritten. */
static void
merge_pairs(const CvgCellSide *a, const CvgCellSide *b, CvgCell *out)
{
	int			i = 0;
	int			j = 0;

	while (i < a->cell.npairs || j < b->cell.npairs)
	{
		const CvgCellPair *pa = &a->cell.pairs[i];
		const CvgCellPair *pb = &b->cell.pairs[j];
		int			c;

		c = i == a->cell.npairs ? 1 : j == b->cell.npairs ? -1 :
			dot_cmp(pa->dot, pb->dot);
		if (c == 0)
			out->pairs[out->npairs++] = *better_pair(pa, pb);
		else if (c < 0 && !cvg_row_covers(b->clock, pa->dot))
			out->pairs[out->npairs++] = *pa;
		else if (c > 0 && !cvg_row_covers(a->clock, pb->dot))
			out->pairs[out->npairs++] = *pb;
		i += c <= 0;
		j += c >= 0;
	}
}

static void
merge_values(const CvgCellSide *a, const CvgCellSide *b, CvgCell *out)
{
	const CvgCellPair *la = &a->cell.pairs[a->cell.npairs - 1];
	const CvgCellPair *lb = &b->cell.pairs[b->cell.npairs - 1];
	int			c;
	int			i;

	out->multi = a->cell.multi || b->cell.multi;
	if (a->cell.multi != b->cell.multi)
	{
		const CvgCell *marked = a->cell.multi ? &a->cell : &b->cell;

		for (i = 0; i < marked->npairs; i++)
			out->pairs[out->npairs++] = marked->pairs[i];
		return;
	}
	if (out->multi)
		merge_pairs(a, b, out);
	if (out->npairs > 0)
		return;
	/* unmarked; or each has overwritten all of the other, which cannot be */
	c = dot_cmp(la->dot, lb->dot);
	out->pairs[out->npairs++] = c == 0 ? *better_pair(la, lb) : c > 0 ? *la : *lb;
}

/* The fuller one of two shares of a replica, and the later floor. */
static void
merge_share(const CvgCellShare *a, const CvgCellShare *b, CvgCellShare *out)
{
	bool		of_a = a->last != b->last ? a->last > b->last :
		a->start != b->start ? a->start < b->start :
		cvg_slice_cmp(a->amount, b->amount) >= 0;
	bool		floor_a = a->fc != b->fc ? a->fc > b->fc :
		cvg_slice_cmp(a->floor, b->floor) >= 0;

	*out = of_a ? *a : *b;
	out->fc = floor_a ? a->fc : b->fc;
	out->floor = floor_a ? a->floor : b->floor;
}

static void
merge_shares(const CvgCell *a, const CvgCell *b, CvgCell *out)
{
	int			i = 0;
	int			j = 0;

	while (i < a->nshares || j < b->nshares)
	{
		int			c;

		c = i == a->nshares ? 1 : j == b->nshares ? -1 :
			cvg_slice_cmp(a->shares[i].id, b->shares[j].id);
		if (c == 0)
			merge_share(&a->shares[i], &b->shares[j], &out->shares[out->nshares]);
		else
			out->shares[out->nshares] = c < 0 ? a->shares[i] : b->shares[j];
		out->nshares++;
		i += c <= 0;
		j += c >= 0;
	}
}

void
cvg_cell_merge(const CvgCellSide *a, const CvgCellSide *b, CvgCell *out)
{
	cvg_cell_init(out, a->cell.npairs + b->cell.npairs,
				  a->cell.nshares + b->cell.nshares);
	merge_values(a, b, out);
	merge_shares(&a->cell, &b->cell, out);
}
