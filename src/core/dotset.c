/*-------------------------------------------------------------------------
 *
 * dotset.c
 *	  Causal context: which dots a value has seen and no longer contains.
 *
 *-------------------------------------------------------------------------
 */
#include "core/dotset.h"

#include "common/int.h"

/* The next range of the current replica; false behind the last. */
static bool
next_range(CvgDotIter *it, CvgDotRange *range)
{
	CvgReader  *r = &it->reader;
	uint64		code = cvg_get_varint(r);
	int64		more = 0;

	if (code == 0 || !cvg_reader_ok(r))
		return false;
	if (code & 1)
	{
		more = cvg_get_stamp(r);
		if (more == 0)
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	}
	range->id = it->id;
	range->hi = 0;
	if (pg_add_s64_overflow(it->last, (int64) (code >> 1), &range->lo) ||
		pg_add_s64_overflow(range->lo, more, &range->hi))
		cvg_reader_fail(r, CVG_E_OVERFLOW);
	it->last = range->hi;
	return cvg_reader_ok(r);
}

bool
cvg_dotset_next(CvgDotIter *it, CvgDotRange *range)
{
	CvgReader  *r = &it->reader;

	if (!cvg_reader_ok(r))
		return false;
	it->first = false;
	if (it->id.len > 0 && next_range(it, range))
		return true;
	it->id.len = 0;
	it->last = 0;
	if (!cvg_reader_ok(r))
		return false;
	if (r->pos < r->len && r->data[r->pos] == 0)
	{
		r->pos++;
		return false;
	}
	it->id = cvg_get_replica_id(r);
	it->first = true;
	if (next_range(it, range))
		return true;
	cvg_reader_fail(r, CVG_E_NOT_CANONICAL);	/* a replica without ranges */
	return false;
}

/* What cvg_dotset_next() does not mind: order, ranges that touch. */
void
cvg_dotset_check(CvgReader *r)
{
	CvgDotIter	it;
	CvgDotRange range;
	CvgDotRange previous = {{NULL, 0}, 0, 0};

	cvg_dotset_iter(&it, *r);
	while (cvg_dotset_next(&it, &range))
	{
		int			c = cvg_slice_cmp(previous.id, range.id);

		if (c > 0 || range.lo < 1 || (c == 0 && range.lo - previous.hi < 2))
			cvg_reader_fail(&it.reader, CVG_E_NOT_CANONICAL);
		if (c == 0 && it.first)
			cvg_reader_fail(&it.reader, CVG_E_NOT_CANONICAL);
		previous = range;
	}
	*r = it.reader;
}

CvgSlice
cvg_dotset_skip(CvgReader *r)
{
	size_t		start = r->pos;
	CvgDotIter	it;
	CvgDotRange range;

	cvg_dotset_iter(&it, *r);
	while (cvg_dotset_next(&it, &range))
		 /* nothing */ ;
	*r = it.reader;
	return cvg_slice(r->data + start, r->pos - start);
}

/* A set being written; ranges come in order of (id, lo) and may overlap. */
typedef struct Writer
{
	CvgBuf	   *out;
	CvgDotRange open;			/* not written yet; id empty: none */
	CvgSlice	id;				/* replica that is being written */
	CvgStamp	last;
} Writer;

static void
writer_flush(Writer *w)
{
	CvgDotRange *o = &w->open;
	bool		more = o->hi > o->lo;

	if (o->id.len == 0)
		return;
	if (w->id.len == 0 || !cvg_slice_eq(w->id, o->id))
	{
		if (w->id.len > 0)
			cvg_put_varint(w->out, 0);
		cvg_put_slice(w->out, o->id);
		w->id = o->id;
		w->last = 0;
	}
	cvg_put_varint(w->out, (uint64) (o->lo - w->last) << 1 | (more ? 1 : 0));
	if (more)
		cvg_put_varint(w->out, (uint64) (o->hi - o->lo));
	w->last = o->hi;
	o->id.len = 0;
}

static void
writer_put(Writer *w, const CvgDotRange *range)
{
	CvgDotRange *o = &w->open;

	if (o->id.len > 0 && cvg_slice_eq(o->id, range->id) &&
		range->lo - 1 <= o->hi)
	{
		o->hi = Max(o->hi, range->hi);
		return;
	}
	writer_flush(w);
	*o = *range;
}

static void
writer_finish(Writer *w)
{
	writer_flush(w);
	if (w->id.len > 0)
		cvg_put_varint(w->out, 0);
	cvg_put_u8(w->out, 0);
}

void
cvg_dotset_empty(CvgBuf *out)
{
	cvg_put_u8(out, 0);
}

CvgStamp
cvg_dotset_latest(CvgReader set)
{
	CvgStamp	latest = 0;
	CvgDotIter	it;
	CvgDotRange range;

	cvg_dotset_iter(&it, set);
	while (cvg_dotset_next(&it, &range))
		latest = Max(latest, range.hi);
	return latest;
}

static int
range_cmp(const CvgDotRange *a, const CvgDotRange *b)
{
	int			c = cvg_slice_cmp(a->id, b->id);

	if (c != 0)
		return c;
	return a->lo < b->lo ? -1 : (a->lo > b->lo ? 1 : 0);
}

void
cvg_dotset_union(CvgReader a, CvgReader b, CvgBuf *out)
{
	CvgDotIter	ia;
	CvgDotIter	ib;
	CvgDotRange ra;
	CvgDotRange rb;
	bool		has_a;
	bool		has_b;
	Writer		w = {out};

	cvg_dotset_iter(&ia, a);
	cvg_dotset_iter(&ib, b);
	has_a = cvg_dotset_next(&ia, &ra);
	has_b = cvg_dotset_next(&ib, &rb);
	while (has_a || has_b)
	{
		if (has_a && (!has_b || range_cmp(&ra, &rb) <= 0))
		{
			writer_put(&w, &ra);
			has_a = cvg_dotset_next(&ia, &ra);
		}
		else
		{
			writer_put(&w, &rb);
			has_b = cvg_dotset_next(&ib, &rb);
		}
	}
	writer_finish(&w);
}

void
cvg_dotset_minus(CvgReader a, CvgReader b, CvgBuf *out)
{
	CvgDotIter	ia;
	CvgDotIter	ib;
	CvgDotRange ra;
	CvgDotRange rb;
	bool		has_b;
	Writer		w = {out};

	cvg_dotset_iter(&ia, a);
	cvg_dotset_iter(&ib, b);
	has_b = cvg_dotset_next(&ib, &rb);
	while (cvg_dotset_next(&ia, &ra))
	{
		bool		left = true;	/* is there something left of ra? */

		while (has_b && left)
		{
			int			c = cvg_slice_cmp(rb.id, ra.id);
			CvgDotRange before = ra;

			if (c > 0 || (c == 0 && rb.lo > ra.hi))
				break;
			if (c == 0 && rb.hi >= ra.lo)
			{
				before.hi = rb.lo - 1;
				if (before.hi >= before.lo)
					writer_put(&w, &before);
				left = rb.hi < ra.hi;
				if (left)
					ra.lo = rb.hi + 1;
			}
			/* the same range of b may reach into the next one of a */
			if (left)
				has_b = cvg_dotset_next(&ib, &rb);
		}
		if (left)
			writer_put(&w, &ra);
	}
	writer_finish(&w);
}

CvgDotRange *
cvg_dotset_load(CvgReader set, int *n)
{
	CvgDotIter	it;
	CvgDotRange range;
	CvgDotRange *ranges;

	*n = 0;
	cvg_dotset_iter(&it, set);
	while (cvg_dotset_next(&it, &range))
		(*n)++;
	ranges = palloc_extended(sizeof(CvgDotRange) * ((size_t) *n + 1),
							 MCXT_ALLOC_HUGE);
	*n = 0;
	cvg_dotset_iter(&it, set);
	while (cvg_dotset_next(&it, &range))
		ranges[(*n)++] = range;
	return ranges;
}

bool
cvg_dots_contain(const CvgDotRange *ranges, int n, CvgDot dot)
{
	int			low = 0;

	while (n > 0)
	{
		const CvgDotRange *r = &ranges[low + n / 2];
		int			c = cvg_slice_cmp(dot.replica, r->id);

		if (c == 0 && dot.stamp >= r->lo && dot.stamp <= r->hi)
			return true;
		if (c < 0 || (c == 0 && dot.stamp < r->lo))
			n /= 2;
		else
		{
			low += n / 2 + 1;
			n -= n / 2 + 1;
		}
	}
	return false;
}

bool
cvg_dotset_contains(CvgReader set, CvgDot dot)
{
	CvgDotIter	it;
	CvgDotRange range;

	cvg_dotset_iter(&it, set);
	while (cvg_dotset_next(&it, &range))
	{
		int			c = cvg_slice_cmp(range.id, dot.replica);

		if (c > 0 || (c == 0 && range.lo > dot.stamp))
			return false;
		if (c == 0 && range.hi >= dot.stamp)
			return true;
	}
	return false;
}

/*
 * For each range, whether a live dot lies between it and the next one of its
 * replica.
 */
static bool *
find_live_gaps(const CvgDotRange *ranges, int n, const CvgDot *live, int nlive)
{
	bool	   *gaps = palloc0(n + 1);
	int			i;

	for (i = 0; i < nlive; i++)
	{
		CvgDotRange dot = {live[i].replica, live[i].stamp, live[i].stamp};
		int			low = 0;
		int			high = n;

		/* the first range that begins behind it */
		while (low < high)
		{
			int			mid = low + (high - low) / 2;

			if (range_cmp(&ranges[mid], &dot) <= 0)
				low = mid + 1;
			else
				high = mid;
		}
		if (low > 0 && cvg_slice_eq(ranges[low - 1].id, dot.id))
			gaps[low - 1] = true;
	}
	return gaps;
}

/* Join the oldest ranges of one replica until few enough are left. */
static void
write_joined(Writer *w, const CvgDotRange *ranges, const bool *gaps, int n)
{
	int			excess = n - CVG_CRDT_RECENT;
	int			i = 0;

	while (i < n)
	{
		CvgDotRange joined = ranges[i++];

		while (i < n && excess > 0 && !gaps[i - 1])
		{
			joined.hi = ranges[i++].hi;
			excess--;
		}
		writer_put(w, &joined);
	}
}

/* Dots that have just died, as a set. */
static void
dead_set(const CvgDot *dead, int ndead, CvgBuf *out)
{
	Writer		w = {out};
	int			i;

	for (i = 0; i < ndead; i++)
	{
		CvgDotRange r = {dead[i].replica, dead[i].stamp, dead[i].stamp};

		writer_put(&w, &r);
	}
	writer_finish(&w);
}

void
cvg_dotset_add(CvgReader set, const CvgDot *dead, int ndead,
			   const CvgDot *live, int nlive, CvgBuf *out)
{
	CvgBuf		added;
	CvgBuf		all;
	CvgReader	r;
	Writer		w = {out};
	CvgDotRange *ranges;
	bool	   *gaps;
	int			n;
	int			i;
	int			start;

	cvg_buf_init(&added);
	dead_set(dead, ndead, &added);
	cvg_buf_init(&all);
	cvg_reader_init(&r, cvg_buf_slice(&added));
	cvg_dotset_union(set, r, &all);

	cvg_reader_init(&r, cvg_buf_slice(&all));
	ranges = cvg_dotset_load(r, &n);

	/* few ranges are not joined, whatever lies between them */
	gaps = find_live_gaps(ranges, n, live, n > CVG_CRDT_RECENT ? nlive : 0);
	for (start = 0; start < n; start = i)
	{
		for (i = start + 1; i < n && cvg_slice_eq(ranges[i].id, ranges[start].id); i++)
			 /* to the end of this replica */ ;
		write_joined(&w, ranges + start, gaps + start, i - start);
	}
	writer_finish(&w);
	pfree(gaps);
	pfree(ranges);
	cvg_buf_free(&all);
	cvg_buf_free(&added);
}

void
cvg_dotset_print(CvgReader set, CvgBuf *out)
{
	CvgDotIter	it;
	CvgDotRange range;
	CvgSlice	id = {NULL, 0};

	cvg_put_u8(out, '{');
	cvg_dotset_iter(&it, set);
	while (cvg_dotset_next(&it, &range))
	{
		if (id.len == 0 || !cvg_slice_eq(id, range.id))
		{
			if (id.len > 0)
				cvg_print_string(out, ", ");
			cvg_print_slice(out, range.id);
			id = range.id;
		}
		cvg_put_u8(out, ' ');
		cvg_print_int64(out, range.lo);
		if (range.hi > range.lo)
		{
			cvg_put_u8(out, '-');
			cvg_print_int64(out, range.hi);
		}
	}
	cvg_put_u8(out, '}');
}

/* In order, as it is printed; anything else fails. */
void
cvg_dotset_scan(CvgScanner *s, CvgBuf *out)
{
	CvgSlice	previous = {NULL, 0};
	Writer		w = {out};

	if (!cvg_scan_expect(s, '{'))
		return;
	if (cvg_scan_char(s, '}'))
	{
		writer_finish(&w);
		return;
	}
	do
	{
		CvgDotRange range = {cvg_scan_id(s), 0, 0};
		CvgStamp	last = 0;

		if (cvg_scan_ok(s) && previous.len > 0 &&
			cvg_slice_cmp(previous, range.id) >= 0)
			(void) cvg_scan_fail(s, CVG_E_NOT_CANONICAL,
								 (const char *) range.id.data);
		previous = range.id;
		do
		{
			const char *at = (cvg_scan_spaces(s), s->p);

			range.lo = range.hi = cvg_scan_stamp(s);
			if (cvg_scan_char(s, '-'))
				range.hi = cvg_scan_stamp(s);
			if (cvg_scan_ok(s) && (range.lo <= last || range.hi < range.lo))
				(void) cvg_scan_fail(s, CVG_E_NOT_CANONICAL, at);
			if (cvg_scan_ok(s))
				writer_put(&w, &range);
			last = range.hi;
		} while (cvg_scan_ok(s) && !cvg_scan_at_end(s) && *s->p != ',' && *s->p != '}');
	} while (cvg_scan_char(s, ','));
	(void) cvg_scan_expect(s, '}');
	writer_finish(&w);
}
