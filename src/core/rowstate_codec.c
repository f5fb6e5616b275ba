/*-------------------------------------------------------------------------
 *
 * rowstate_codec.c
 *	  Bytes of a row state: parse, check, write.
 *
 * Version 1:
 *
 *	  u8 version * 32 + flags | shape |
 *	  stamp* (of replicas) | [varint replica of the birth] | dot* (of units) |
 *	  varint birth | u32* (ids of units) | slice* (ids of replicas) |
 *	  [DELETED] clock w | clock d | clock o | clock e |
 *	  [CELLS] varint n | cell*: u32 unit | slice body (rowcell.h)
 *
 * Order and form are chosen for what an UPDATE logs.  The server's record
 * holds a new row version from the first byte that differs from the old one
 * to the last, and the state is at the end of the row.  So what a write
 * changes comes first, the low bytes of the stamp before its high ones, and
 * what stays the same, the birth and the ids, is the tail that is not logged.
 *
 * shape is varint (units * 8 + min(replicas - 1, 7)) and, from eight replicas
 * on, varint (replicas - 8).  replicas are those of the row clock in strictly
 * ascending id order.  stamp is the zigzag varint of a replica's entry in the
 * row clock less the birth's stamp, which is short for the writers of about
 * one time.  The replica of the birth is said if there are several.
 *
 * dot is varint (index of the replica * 2 + older) and, if older is set, the
 * varint (>= 1) by which the dot lies below that replica's entry of the row
 * clock.  Every dot of a state is covered by its clock, so nothing else can
 * be written down, and the usual "the latest write of its replica" is one
 * byte.  clock is varint n and n dots of strictly ascending replicas.  Units
 * are in strictly ascending order, their ids are not 0.
 *
 * Canonical, by what parse() insists on: an absent part is an absent flag;
 * a unit is there only if its dot is larger than the birth; dots and births
 * are writes (<= w); vc is the join of w and d; e <= d.  All of this is
 * preserved by merging, whatever the two sides are, so that merging valid
 * states yields a valid state even where one of them is corrupt.
 *
 * A flag bit that is not known here is CVG_E_VERSION: a later version of the
 * extension wrote a part that must not be dropped.
 *
 * An empty slice is not a state; rowstate.c lets it stand for "no row".
 *
 *-------------------------------------------------------------------------
 */
#include "core/rowstate_codec.h"

#include "common/int.h"
#include "core/rowcell.h"

/* The first byte: version above, flags below. */
#define VERSION_SHIFT	5
#define FLAG_DELETED	0x01
#define FLAGS_MASK		0x1f
#define FLAG_CELLS		0x02
#define FLAGS_KNOWN		(FLAG_DELETED | FLAG_CELLS)

/* Replicas that the shape can count. */
#define SHAPE_REPLICAS	7

/* Fewest bytes of a replica, a unit: bound counts before allocating. */
#define MIN_REPLICA_BYTES	3
#define MIN_UNIT_BYTES		5
#define MIN_CELL_BYTES		6

void
cvg_row_init(CvgRowParts *parts)
{
	parts->deleted = false;
	parts->ncells = 0;
	parts->cells = NULL;
	parts->nreplicas = 0;
	parts->nunits = 0;
	parts->max_replicas = CVG_ROW_INLINE_REPLICAS;
	parts->max_units = CVG_ROW_INLINE_UNITS;
	parts->birth.stamp = 0;
	parts->birth.replica = 0;
	parts->replicas = parts->inline_replicas;
	parts->units = parts->inline_units;
}

/* Also of parts that were being read from bytes in disorder. */
void
cvg_row_free(CvgRowParts *parts)
{
	int			i;

	if (parts->replicas != parts->inline_replicas)
		pfree(parts->replicas);
	if (parts->units != parts->inline_units)
		pfree(parts->units);
	for (i = 0; i < parts->ncells; i++)
	{
		if (parts->cells[i].owned != NULL)
			pfree(parts->cells[i].owned);
	}
	if (parts->cells != NULL)
		pfree(parts->cells);
	cvg_row_init(parts);
}

int
cvg_row_find_cell(const CvgRowParts *parts, uint32 unit, bool *found)
{
	int			at = 0;

	while (at < parts->ncells && parts->cells[at].unit < unit)
		at++;
	*found = at < parts->ncells && parts->cells[at].unit == unit;
	return at;
}

int
cvg_row_find_unit(const CvgRowParts *parts, uint32 id, bool *found)
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

bool
cvg_row_covers(const CvgRowParts *parts, CvgDot dot)
{
	int			i;

	for (i = 0; i < parts->nreplicas; i++)
	{
		if (cvg_slice_eq(parts->replicas[i].id, dot.replica))
			return dot.stamp <= parts->replicas[i].vc;
	}
	return false;
}

void
cvg_row_set_cell(CvgRowParts *parts, uint32 unit, CvgBuf *body)
{
	bool		found;
	int			at = cvg_row_find_cell(parts, unit, &found);
	CvgRowCell *cells;

	if (found)
	{
		if (parts->cells[at].owned != NULL)
			pfree(parts->cells[at].owned);
		if (body == NULL)
		{
			parts->ncells--;
			memmove(&parts->cells[at], &parts->cells[at + 1],
					sizeof(CvgRowCell) * (parts->ncells - at));
		}
	}
	else if (body != NULL)
	{
		cells = palloc(sizeof(CvgRowCell) * (parts->ncells + 1));
		if (at > 0)
			memcpy(cells, parts->cells, sizeof(CvgRowCell) * at);
		if (at < parts->ncells)
			memcpy(&cells[at + 1], &parts->cells[at],
				   sizeof(CvgRowCell) * (parts->ncells - at));
		if (parts->cells != NULL)
			pfree(parts->cells);
		parts->cells = cells;
		parts->ncells++;
	}
	if (body != NULL)
	{
		parts->cells[at].unit = unit;
		parts->cells[at].body = cvg_buf_slice(body);
		parts->cells[at].owned = body->data;
	}
}

/* Room for so many replicas and units in all; keeps what is there. */
void
cvg_row_reserve(CvgRowParts *parts, int nreplicas, int nunits)
{
	if (nreplicas > parts->max_replicas)
	{
		CvgRowReplica *wide = palloc(sizeof(CvgRowReplica) * nreplicas);

		memcpy(wide, parts->replicas,
			   sizeof(CvgRowReplica) * parts->nreplicas);
		if (parts->replicas != parts->inline_replicas)
			pfree(parts->replicas);
		parts->replicas = wide;
		parts->max_replicas = nreplicas;
	}
	if (nunits > parts->max_units)
	{
		CvgRowUnit *wide = palloc(sizeof(CvgRowUnit) * nunits);

		memcpy(wide, parts->units, sizeof(CvgRowUnit) * parts->nunits);
		if (parts->units != parts->inline_units)
			pfree(parts->units);
		parts->units = wide;
		parts->max_units = nunits;
	}
}

/* base + a zigzag varint, which must be a stamp. */
static CvgStamp
get_stamp(CvgReader *r, CvgStamp base)
{
	uint64		raw = cvg_get_varint(r);
	int64		stamp;

	if (!cvg_reader_ok(r))
		return 0;
	if (pg_add_s64_overflow(base, (int64) (raw >> 1) ^ -(int64) (raw & 1),
							&stamp) || stamp < 1)
	{
		cvg_reader_fail(r, CVG_E_MALFORMED);
		return 0;
	}
	return stamp;
}

static CvgRowDot
get_dot(CvgReader *r, const CvgRowParts *parts)
{
	uint64		ref = cvg_get_varint(r);
	CvgRowDot	dot = {0, 0};
	uint64		below = 0;

	if (cvg_reader_ok(r) && ref >= (uint64) parts->nreplicas * 2)
		cvg_reader_fail(r, CVG_E_MALFORMED);
	if (!cvg_reader_ok(r))
		return dot;
	dot.replica = (int) (ref >> 1);
	dot.stamp = parts->replicas[dot.replica].vc;
	if (ref & 1)
	{
		below = cvg_get_varint(r);
		if (cvg_reader_ok(r) && below == 0)
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
		else if (below >= (uint64) dot.stamp)
			cvg_reader_fail(r, CVG_E_MALFORMED);
		else
			dot.stamp -= (CvgStamp) below;
	}
	return dot;
}

/* How many replicas and units there are, and that they can be. */
static void
get_shape(CvgReader *r, int *nreplicas, int *nunits)
{
	uint64		shape = cvg_get_varint_max(r, CVG_MAX_UNITS * 8 + SHAPE_REPLICAS);
	uint64		n = (shape & 7) + 1;

	if ((shape & 7) == SHAPE_REPLICAS)
		n += cvg_get_varint_max(r, CVG_MAX_CLOCK - n);
	if (cvg_reader_ok(r) && n * MIN_REPLICA_BYTES + (shape >> 3) * MIN_UNIT_BYTES >
		r->len - r->pos)
		cvg_reader_fail(r, CVG_E_TRUNCATED);
	*nreplicas = cvg_reader_ok(r) ? (int) n : 0;
	*nunits = cvg_reader_ok(r) ? (int) (shape >> 3) : 0;
}

/* Step over a varint. */
static void
skip_varint(CvgReader *r)
{
	if (!cvg_reader_ok(r))
		return;
	while (r->pos < r->len && (r->data[r->pos] & 0x80))
		r->pos++;
	if (r->pos >= r->len)
		cvg_reader_fail(r, CVG_E_TRUNCATED);
	else
		r->pos++;
}

/*
 * What comes before the birth's stamp is relative to it, directly or through
 * the stamps of the replicas: find the birth first, then go back.
 */
static CvgStamp
find_birth(CvgReader *r, int nreplicas, int nunits)
{
	size_t		start = r->pos;
	CvgStamp	birth;
	int			i;

	for (i = 0; i < nreplicas + (nreplicas > 1 ? 1 : 0); i++)
		skip_varint(r);
	for (i = 0; i < nunits; i++)
	{
		if (cvg_get_varint(r) & 1)
			skip_varint(r);
	}
	birth = (CvgStamp) cvg_get_varint_max(r, PG_INT64_MAX);
	if (cvg_reader_ok(r) && birth == 0)
		cvg_reader_fail(r, CVG_E_MALFORMED);
	if (cvg_reader_ok(r))
		r->pos = start;
	return birth;
}

static void
get_replica_stamps(CvgReader *r, CvgRowParts *parts, int n)
{
	int			i;

	cvg_row_reserve(parts, n, 0);
	for (i = 0; i < n; i++)
	{
		CvgRowReplica *rep = &parts->replicas[i];

		rep->vc = rep->w = get_stamp(r, parts->birth.stamp);
		rep->d = rep->o = rep->e = 0;
	}
	parts->nreplicas = n;
	if (n > 1)
		parts->birth.replica = (int) cvg_get_varint_max(r, n - 1);
	if (cvg_reader_ok(r) &&
		parts->birth.stamp > parts->replicas[parts->birth.replica].vc)
		cvg_reader_fail(r, CVG_E_MALFORMED);
}

static void
get_unit_dots(CvgReader *r, CvgRowParts *parts, int n)
{
	int			i;

	cvg_row_reserve(parts, 0, n);
	for (i = 0; i < n && cvg_reader_ok(r); i++)
	{
		CvgRowUnit *unit = &parts->units[i];

		unit->dot = get_dot(r, parts);
		if (cvg_reader_ok(r) && cvg_row_dot_cmp(unit->dot, parts->birth) <= 0)
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	}
	parts->nunits = n;
}

static void
get_ids(CvgReader *r, CvgRowParts *parts)
{
	uint32		prev = 0;
	int			i;

	for (i = 0; i < parts->nunits && cvg_reader_ok(r); i++)
	{
		parts->units[i].id = cvg_get_u32(r);
		if (cvg_reader_ok(r) && parts->units[i].id <= prev)
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
		prev = parts->units[i].id;
	}
	for (i = 0; i < parts->nreplicas && cvg_reader_ok(r); i++)
	{
		CvgRowReplica *rep = &parts->replicas[i];

		rep->id = cvg_get_replica_id(r);
		if (cvg_reader_ok(r) && i > 0 && cvg_slice_cmp(rep[-1].id, rep->id) >= 0)
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	}
}

/* All but the clocks of a deleted row; nothing to free on failure. */
static void
get_head(CvgReader *r, CvgRowParts *parts, bool *cells)
{
	uint8		head = cvg_get_u8(r);
	int			nreplicas;
	int			nunits;

	if (cvg_reader_ok(r) && (head >> VERSION_SHIFT != CVG_ROWSTATE_VERSION ||
							 (head & FLAGS_MASK & ~FLAGS_KNOWN) != 0))
		cvg_reader_fail(r, CVG_E_VERSION);
	get_shape(r, &nreplicas, &nunits);
	if (!cvg_reader_ok(r))
		return;
	parts->deleted = (head & FLAG_DELETED) != 0;
	*cells = (head & FLAG_CELLS) != 0;
	parts->birth.stamp = find_birth(r, nreplicas, nunits);
	if (cvg_reader_ok(r))
		get_replica_stamps(r, parts, nreplicas);
	if (cvg_reader_ok(r))
		get_unit_dots(r, parts, nunits);
	skip_varint(r);				/* the birth */
	if (cvg_reader_ok(r))
		get_ids(r, parts);
	if (!cvg_reader_ok(r))
		cvg_row_free(parts);
}

/* One of w, d, o, e; "field" is its offset in CvgRowReplica. */
static int
get_clock(CvgReader *r, CvgRowParts *parts, size_t field)
{
	int			n = (int) cvg_get_varint_max(r, parts->nreplicas);
	int			prev = -1;
	int			i;

	for (i = 0; i < n; i++)
	{
		CvgRowDot	dot = get_dot(r, parts);

		if (cvg_reader_ok(r) && dot.replica <= prev)
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
		if (!cvg_reader_ok(r))
			return 0;
		prev = dot.replica;
		*(CvgStamp *) ((char *) &parts->replicas[prev] + field) = dot.stamp;
	}
	return n;
}

static void
get_deleted(CvgReader *r, CvgRowParts *parts)
{
	int			i;

	for (i = 0; i < parts->nreplicas; i++)
		parts->replicas[i].w = 0;
	get_clock(r, parts, offsetof(CvgRowReplica, w));
	if (get_clock(r, parts, offsetof(CvgRowReplica, d)) == 0)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	get_clock(r, parts, offsetof(CvgRowReplica, o));
	get_clock(r, parts, offsetof(CvgRowReplica, e));
}

/* What holds between the parts of every state; see the file header. */
static bool
parts_consistent(const CvgRowParts *parts)
{
	int			i;

	for (i = 0; i < parts->nreplicas; i++)
	{
		const CvgRowReplica *rep = &parts->replicas[i];

		if (rep->vc != Max(rep->w, rep->d) || rep->e > rep->d)
			return false;
	}
	if (parts->birth.stamp > parts->replicas[parts->birth.replica].w)
		return false;
	for (i = 0; i < parts->nunits; i++)
	{
		const CvgRowDot *dot = &parts->units[i].dot;

		if (dot->stamp > parts->replicas[dot->replica].w)
			return false;
	}
	return true;
}

/* No stamp of a cell may lie beyond the row's clock. */
static bool
cell_covered(const CvgRowParts *parts, const CvgCell *cell)
{
	int			i;

	for (i = 0; i < cell->npairs; i++)
	{
		if (!cvg_row_covers(parts, cell->pairs[i].dot))
			return false;
	}
	for (i = 0; i < cell->nshares; i++)
	{
		CvgDot		latest = {cell->shares[i].id, Max(cell->shares[i].last, cell->shares[i].fc)};

		if (!cvg_row_covers(parts, latest))
			return false;
	}
	for (i = 0; i < cell->nmarks; i++)
	{
		if (!cvg_row_covers(parts, cell->marks[i].dot))
			return false;
	}
	return cell->whole.stamp == 0 || cvg_row_covers(parts, cell->whole);
}

static void
get_cell(CvgReader *r, CvgRowParts *parts)
{
	CvgRowCell *to = &parts->cells[parts->ncells];
	CvgReader	body;
	CvgCell		cell;

	to->owned = NULL;
	to->unit = cvg_get_u32(r);
	to->body = cvg_get_slice(r, r->len);
	if (!cvg_reader_ok(r))
		return;
	parts->ncells++;
	if (to->unit == 0 || (parts->ncells > 1 && to[-1].unit >= to->unit))
	{
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
		return;
	}
	cvg_reader_init(&body, to->body);
	cvg_cell_get(&body, &cell, 0);
	if (cvg_reader_ok(&body) && !cell_covered(parts, &cell))
		cvg_reader_fail(&body, CVG_E_MALFORMED);
	cvg_cell_free(&cell);
	if (cvg_reader_finish(&body, NULL) != CVG_OK)
	{
		r->pos = r->pos - to->body.len + body.pos;
		cvg_reader_fail(r, body.status);
	}
}

static void
get_cells(CvgReader *r, CvgRowParts *parts)
{
	int			n = (int) cvg_get_varint_max(r, CVG_MAX_UNITS);
	int			i;

	if (cvg_reader_ok(r) && n == 0)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	if (cvg_reader_ok(r) && n > (r->len - r->pos) / MIN_CELL_BYTES)
		cvg_reader_fail(r, CVG_E_TRUNCATED);
	if (!cvg_reader_ok(r))
		return;
	parts->cells = palloc(sizeof(CvgRowCell) * n);
	for (i = 0; i < n && cvg_reader_ok(r); i++)
		get_cell(r, parts);
}

CvgStatus
cvg_row_parse(CvgSlice bytes, CvgRowParts *parts, CvgError *err)
{
	CvgReader	r;
	CvgStatus	status;
	bool		cells = false;

	cvg_row_init(parts);
	cvg_reader_init(&r, bytes);
	get_head(&r, parts, &cells);
	if (cvg_reader_ok(&r) && parts->deleted)
	{
		get_deleted(&r, parts);
		if (cvg_reader_ok(&r) && !parts_consistent(parts))
			cvg_reader_fail(&r, CVG_E_MALFORMED);
	}
	if (cvg_reader_ok(&r) && cells)
		get_cells(&r, parts);
	status = cvg_reader_finish(&r, err);
	if (status != CVG_OK)
		cvg_row_free(parts);
	return status;
}

/* Parse, with the empty slice as the state without any dot. */
CvgStatus
cvg_row_load(CvgSlice state, CvgRowParts *parts)
{
	if (state.len == 0)
	{
		cvg_row_init(parts);
		return CVG_OK;
	}
	return cvg_row_parse(state, parts, NULL);
}

bool
cvg_row_load_clock(CvgSlice state, CvgRowParts *parts)
{
	CvgReader	r;
	bool		cells;

	cvg_row_init(parts);
	if (state.len == 0)
		return false;
	cvg_reader_init(&r, state);
	get_head(&r, parts, &cells);
	return cvg_reader_ok(&r);
}

/* Was the row ever deleted?  By the flag alone. */
bool
cvg_row_flag_deleted(CvgSlice state)
{
	return state.len > 0 && (state.data[0] & FLAG_DELETED) != 0;
}

bool
cvg_rowstate_has_cells(CvgSlice state)
{
	return state.len > 0 && (state.data[0] & FLAG_CELLS) != 0;
}

CvgStatus
cvg_rowstate_validate(CvgSlice state, CvgError *err)
{
	CvgRowParts parts;
	CvgStatus	status = cvg_row_parse(state, &parts, err);

	if (status == CVG_OK)
		cvg_row_free(&parts);
	return status;
}

/* Largest dot of one clock; "field" is its offset in CvgRowReplica. */
CvgRowDot
cvg_row_max_dot(const CvgRowParts *parts, size_t field)
{
	CvgRowDot	max = {0, 0};
	int			i;

	for (i = 0; i < parts->nreplicas; i++)
	{
		CvgStamp	stamp = cvg_row_clock_entry(&parts->replicas[i], field);

		/* ids ascend: of equal stamps the last one is the largest dot */
		if (stamp != 0 && stamp >= max.stamp)
		{
			max.stamp = stamp;
			max.replica = i;
		}
	}
	return max;
}

static void
put_stamp(CvgBuf *out, CvgStamp base, CvgStamp stamp)
{
	int64		diff = stamp - base;	/* both positive: no overflow */

	cvg_put_varint(out, ((uint64) diff << 1) ^ (uint64) (diff < 0 ? -1 : 0));
}

static void
put_dot(CvgBuf *out, const CvgRowParts *parts, int replica, CvgStamp stamp)
{
	CvgStamp	latest = parts->replicas[replica].vc;

	Assert(stamp > 0 && stamp <= latest);
	cvg_put_varint(out, (uint64) replica * 2 + (stamp < latest ? 1 : 0));
	if (stamp < latest)
		cvg_put_varint(out, (uint64) (latest - stamp));
}

static void
put_clock(CvgBuf *out, const CvgRowParts *parts, size_t field)
{
	int			n = 0;
	int			i;

	for (i = 0; i < parts->nreplicas; i++)
		n += cvg_row_clock_entry(&parts->replicas[i], field) != 0;
	cvg_put_varint(out, (uint64) n);
	for (i = 0; i < parts->nreplicas; i++)
	{
		CvgStamp	stamp = cvg_row_clock_entry(&parts->replicas[i], field);

		if (stamp != 0)
			put_dot(out, parts, i, stamp);
	}
}

/* Append the bytes.  Units not larger than the birth must be gone already. */
void
cvg_row_encode(const CvgRowParts *parts, CvgBuf *out)
{
	int			n = parts->nreplicas;
	int			i;

	Assert(n > 0);
	cvg_put_u8(out, CVG_ROWSTATE_VERSION << VERSION_SHIFT |
			   (parts->deleted ? FLAG_DELETED : 0) |
			   (parts->ncells > 0 ? FLAG_CELLS : 0));
	cvg_put_varint(out, (uint64) parts->nunits * 8 + Min(n - 1, SHAPE_REPLICAS));
	if (n > SHAPE_REPLICAS)
		cvg_put_varint(out, (uint64) (n - SHAPE_REPLICAS - 1));
	for (i = 0; i < n; i++)
		put_stamp(out, parts->birth.stamp, parts->replicas[i].vc);
	if (n > 1)
		cvg_put_varint(out, (uint64) parts->birth.replica);
	for (i = 0; i < parts->nunits; i++)
		put_dot(out, parts, parts->units[i].dot.replica, parts->units[i].dot.stamp);
	cvg_put_varint(out, (uint64) parts->birth.stamp);
	for (i = 0; i < parts->nunits; i++)
		cvg_put_u32(out, parts->units[i].id);
	for (i = 0; i < n; i++)
		cvg_put_slice(out, parts->replicas[i].id);
	if (parts->deleted)
	{
		put_clock(out, parts, offsetof(CvgRowReplica, w));
		put_clock(out, parts, offsetof(CvgRowReplica, d));
		put_clock(out, parts, offsetof(CvgRowReplica, o));
		put_clock(out, parts, offsetof(CvgRowReplica, e));
	}
	if (parts->ncells > 0)
	{
		cvg_put_varint(out, (uint64) parts->ncells);
		for (i = 0; i < parts->ncells; i++)
		{
			cvg_put_u32(out, parts->cells[i].unit);
			cvg_put_slice(out, parts->cells[i].body);
		}
	}
}
