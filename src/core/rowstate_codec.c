/*-------------------------------------------------------------------------
 *
 * rowstate_codec.c
 *	  Bytes of a row state: parse, check, write.
 *
 * Version 1:
 *
 *	  u8 version | u8 flags |
 *	  varint nreplicas | replica* : slice id | stamp |
 *	  dot birth |
 *	  [UNITS]   varint nunits | unit* : u32 id | dot |
 *	  [DELETED] clock w | clock d | clock o | clock e
 *
 * replicas are those of the row clock in strictly ascending id order.  The
 * first stamp is a varint, each following one a zigzag varint: its difference
 * to the one before, which is short when writers are close in time.
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

#define FLAG_UNITS		0x01
#define FLAG_DELETED	0x02
#define FLAGS_KNOWN		(FLAG_UNITS | FLAG_DELETED)

/* Fewest bytes of a replica, a unit: bound counts before allocating. */
#define MIN_REPLICA_BYTES	3
#define MIN_UNIT_BYTES		5

void
cvg_row_init(CvgRowParts *parts)
{
	parts->deleted = false;
	parts->nreplicas = 0;
	parts->nunits = 0;
	parts->max_replicas = CVG_ROW_INLINE_REPLICAS;
	parts->max_units = CVG_ROW_INLINE_UNITS;
	parts->birth.stamp = 0;
	parts->birth.replica = 0;
	parts->replicas = parts->inline_replicas;
	parts->units = parts->inline_units;
}

void
cvg_row_free(CvgRowParts *parts)
{
	if (parts->replicas != parts->inline_replicas)
		pfree(parts->replicas);
	if (parts->units != parts->inline_units)
		pfree(parts->units);
	cvg_row_init(parts);
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

/* A count of things of at least "bytes" each: 1..max, and they can be there. */
static int
get_count(CvgReader *r, int max, int bytes)
{
	uint64		n = cvg_get_varint_max(r, max);

	if (cvg_reader_ok(r) && n == 0)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	if (cvg_reader_ok(r) && n > (r->len - r->pos) / bytes)
		cvg_reader_fail(r, CVG_E_TRUNCATED);
	return cvg_reader_ok(r) ? (int) n : 0;
}

/* A stamp, as difference to the previous one; prev is 0 for the first. */
static CvgStamp
get_stamp(CvgReader *r, CvgStamp prev)
{
	uint64		raw = cvg_get_varint(r);
	int64		stamp;

	if (!cvg_reader_ok(r))
		return 0;
	if (prev == 0)
	{
		if (raw < 1 || raw > PG_INT64_MAX)
			cvg_reader_fail(r, CVG_E_MALFORMED);
		return (CvgStamp) raw;
	}
	if (pg_add_s64_overflow(prev,
							(int64) (raw >> 1) ^ -(int64) (raw & 1),
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

/* Version, flags, row clock. */
static uint8
get_head(CvgReader *r, CvgRowParts *parts)
{
	uint8		version = cvg_get_u8(r);
	uint8		flags = cvg_get_u8(r);
	CvgStamp	prev = 0;
	int			n;
	int			i;

	if (cvg_reader_ok(r) && (version != CVG_ROWSTATE_VERSION ||
							 (flags & ~FLAGS_KNOWN) != 0))
		cvg_reader_fail(r, CVG_E_VERSION);
	n = get_count(r, CVG_MAX_CLOCK, MIN_REPLICA_BYTES);
	cvg_row_reserve(parts, n, 0);
	for (i = 0; i < n; i++)
	{
		CvgRowReplica *rep = &parts->replicas[i];

		rep->id = cvg_get_replica_id(r);
		prev = get_stamp(r, prev);
		if (!cvg_reader_ok(r))
			return 0;
		if (i > 0 && cvg_slice_cmp(rep[-1].id, rep->id) >= 0)
		{
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
			return 0;
		}
		rep->vc = rep->w = prev;
		rep->d = rep->o = rep->e = 0;
		parts->nreplicas++;
	}
	parts->deleted = (flags & FLAG_DELETED) != 0;
	return flags;
}

static void
get_units(CvgReader *r, CvgRowParts *parts)
{
	int			n = get_count(r, CVG_MAX_UNITS, MIN_UNIT_BYTES);
	uint32		prev = 0;
	int			i;

	cvg_row_reserve(parts, 0, n);
	for (i = 0; i < n; i++)
	{
		CvgRowUnit *unit = &parts->units[i];

		unit->id = cvg_get_u32(r);
		unit->dot = get_dot(r, parts);
		if (cvg_reader_ok(r) &&
			(unit->id <= prev || cvg_row_dot_cmp(unit->dot, parts->birth) <= 0))
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
		if (!cvg_reader_ok(r))
			return;
		prev = unit->id;
		parts->nunits++;
	}
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

CvgStatus
cvg_row_parse(CvgSlice bytes, CvgRowParts *parts, CvgError *err)
{
	CvgReader	r;
	CvgStatus	status;
	uint8		flags;

	cvg_row_init(parts);
	cvg_reader_init(&r, bytes);
	flags = get_head(&r, parts);
	parts->birth = get_dot(&r, parts);
	if (flags & FLAG_UNITS)
		get_units(&r, parts);
	if (flags & FLAG_DELETED)
		get_deleted(&r, parts);
	if (cvg_reader_ok(&r) && (flags & FLAG_DELETED) &&
		!parts_consistent(parts))
		cvg_reader_fail(&r, CVG_E_MALFORMED);
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

	cvg_row_init(parts);
	if (state.len == 0)
		return false;
	cvg_reader_init(&r, state);
	get_head(&r, parts);
	if (cvg_reader_ok(&r))
		return true;
	cvg_row_free(parts);
	return false;
}

/* Was the row ever deleted?  By the flag alone. */
bool
cvg_row_flag_deleted(CvgSlice state)
{
	return state.len > 1 && (state.data[1] & FLAG_DELETED) != 0;
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
put_stamp(CvgBuf *out, CvgStamp prev, CvgStamp stamp)
{
	int64		diff = stamp - prev;	/* both positive: no overflow */

	if (prev == 0)
		cvg_put_varint(out, (uint64) stamp);
	else
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
	CvgStamp	prev = 0;
	int			i;

	cvg_put_u8(out, CVG_ROWSTATE_VERSION);
	cvg_put_u8(out, (parts->nunits > 0 ? FLAG_UNITS : 0) |
			   (parts->deleted ? FLAG_DELETED : 0));
	cvg_put_varint(out, (uint64) parts->nreplicas);
	for (i = 0; i < parts->nreplicas; i++)
	{
		cvg_put_slice(out, parts->replicas[i].id);
		put_stamp(out, prev, parts->replicas[i].vc);
		prev = parts->replicas[i].vc;
	}
	put_dot(out, parts, parts->birth.replica, parts->birth.stamp);
	if (parts->nunits > 0)
	{
		cvg_put_varint(out, (uint64) parts->nunits);
		for (i = 0; i < parts->nunits; i++)
		{
			const CvgRowUnit *unit = &parts->units[i];

			cvg_put_u32(out, unit->id);
			put_dot(out, parts, unit->dot.replica, unit->dot.stamp);
		}
	}
	if (parts->deleted)
	{
		put_clock(out, parts, offsetof(CvgRowReplica, w));
		put_clock(out, parts, offsetof(CvgRowReplica, d));
		put_clock(out, parts, offsetof(CvgRowReplica, o));
		put_clock(out, parts, offsetof(CvgRowReplica, e));
	}
}
