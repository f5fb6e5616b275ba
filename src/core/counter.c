/*-------------------------------------------------------------------------
 *
 * counter.c
 *	  Grow-only counter and up-and-down counter, with reset.
 *
 * Nothing is decoded into arrays: bodies are walked entry by entry, and an
 * entry that one side does not change is copied as it stands.
 *
 * Why the reset mark on recent updates, when the reset's stamp says up to
 * where it reached: where a value was copied and merged back, an update of
 * the other branch may have a smaller stamp than the reset that did not see
 * it.  The stamp decides about the base only.
 *
 *-------------------------------------------------------------------------
 */
#include "core/counter.h"

#include "common/int.h"

/* A prefix of a replica's updates: the last one's stamp, and the total. */
typedef struct Prefix
{
	CvgStamp	stamp;			/* 0: none */
	int64		total;
} Prefix;

/* One recent update. */
typedef struct Update
{
	CvgStamp	stamp;
	int64		amount;
	bool		reset;
} Update;

/* One replica's part; updates are read from the copy of the reader. */
typedef struct Entry
{
	CvgSlice	id;
	Prefix		base;
	Prefix		reset;
	CvgReader	updates;
	int			nupdates;
	CvgStamp	latest;			/* stamp of the last update, or the base's */
	CvgSlice	bytes;			/* all of the entry */
} Entry;

static inline int
prefix_cmp(Prefix a, Prefix b)
{
	if (a.stamp != b.stamp)
		return a.stamp < b.stamp ? -1 : 1;
	return a.total < b.total ? -1 : (a.total > b.total ? 1 : 0);
}

static inline Prefix
prefix_max(Prefix a, Prefix b)
{
	return prefix_cmp(a, b) >= 0 ? a : b;
}

static Prefix
get_prefix(CvgReader *r)
{
	Prefix		p = {0, 0};

	p.stamp = cvg_get_stamp(r);
	if (p.stamp != 0)
		p.total = cvg_get_signed(r);
	return p;
}

static void
put_prefix(CvgBuf *out, Prefix p)
{
	cvg_put_varint(out, (uint64) p.stamp);
	if (p.stamp != 0)
		cvg_put_signed(out, p.total);
}

/* The next update; u holds the one before, or the base's stamp. */
static bool
next_update(CvgReader *r, Update *u)
{
	uint64		code = cvg_get_varint(r);
	CvgStamp	step = (CvgStamp) (code >> 1);

	if (code == 0 || !cvg_reader_ok(r))
		return false;
	u->reset = (code & 1) != 0;
	u->amount = cvg_get_signed(r);
	if (step == 0 || u->amount == 0)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	if (pg_add_s64_overflow(u->stamp, step, &u->stamp))
		cvg_reader_fail(r, CVG_E_OVERFLOW);
	return cvg_reader_ok(r);
}

/* *last is the stamp that the step counts from, and becomes this one. */
static void
put_update(CvgBuf *out, CvgStamp *last, const Update *u)
{
	cvg_put_varint(out, (uint64) (u->stamp - *last) << 1 | (u->reset ? 1 : 0));
	cvg_put_signed(out, u->amount);
	*last = u->stamp;
}

/* First update of an entry, see next_update(). */
static inline Update
before_updates(const Entry *e)
{
	Update		u = {e->base.stamp, 0, false};

	return u;
}

/* The next entry, with everything in it checked; false at the end. */
static bool
next_entry(CvgReader *r, Entry *e)
{
	const uint8 *start = r->data + r->pos;
	Update		u;

	if (!cvg_reader_ok(r) || cvg_reader_at_end(r))
		return false;
	e->id = cvg_get_replica_id(r);
	e->base = get_prefix(r);
	e->reset = get_prefix(r);
	e->updates = *r;
	e->nupdates = 0;
	u = before_updates(e);
	while (next_update(r, &u))
		e->nupdates++;
	e->latest = u.stamp;
	if (e->base.stamp == 0 && e->reset.stamp == 0 && e->nupdates == 0)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	e->bytes = cvg_slice(start, r->data + r->pos - start);
	return cvg_reader_ok(r);
}

/* A gcounter has no negative amounts anywhere. */
static bool
entry_grows(const Entry *e)
{
	CvgReader	r = e->updates;
	Update		u = before_updates(e);

	while (next_update(&r, &u))
	{
		if (u.amount < 0)
			return false;
	}
	return e->base.total >= 0 && e->reset.total >= 0;
}

static void
check_counter(CvgReader *r, bool grow_only)
{
	CvgSlice	previous = {NULL, 0};
	Entry		e;

	while (next_entry(r, &e))
	{
		if (previous.len > 0 && cvg_slice_cmp(previous, e.id) >= 0)
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
		if (grow_only && !entry_grows(&e))
			cvg_reader_fail(r, CVG_E_MALFORMED);
		previous = e.id;
	}
}

static void
gcounter_check(CvgReader *r)
{
	check_counter(r, true);
}

static void
pncounter_check(CvgReader *r)
{
	check_counter(r, false);
}

/* What is left of a base after the reset. */
static int128
base_value(Prefix base, Prefix reset)
{
	if (base.stamp == 0 || reset.stamp > base.stamp)
		return 0;
	return (int128) base.total - reset.total;
}

/* Sum of the updates of an entry: all, or those not reset. */
static int128
updates_sum(const Entry *e, bool all)
{
	CvgReader	r = e->updates;
	Update		u = before_updates(e);
	int128		sum = 0;

	while (next_update(&r, &u))
	{
		if (all || !u.reset)
			sum += u.amount;
	}
	return sum;
}

static int128
entry_value(const Entry *e)
{
	return base_value(e->base, e->reset) + updates_sum(e, false);
}

static int128
body_value(CvgReader r)
{
	int128		sum = 0;
	Entry		e;

	while (next_entry(&r, &e))
		sum += entry_value(&e);
	return sum;
}

static inline bool
fits_int64(int128 v)
{
	return v >= PG_INT64_MIN && v <= PG_INT64_MAX;
}

static inline int64
clamp_int64(int128 v)
{
	return v < PG_INT64_MIN ? PG_INT64_MIN :
		(v > PG_INT64_MAX ? PG_INT64_MAX : (int64) v);
}

static void
put_entry_head(CvgBuf *out, CvgSlice id, Prefix base, Prefix reset)
{
	cvg_put_slice(out, id);
	put_prefix(out, base);
	put_prefix(out, reset);
}

/*
 * Fold the oldest updates of an entry into its base, so that at most "keep"
 * stay.  "updates" is left before the first that stays.
 *
 * What the base is worth must change by what the folded updates were worth.
 * It does as long as there was one line of history.  Otherwise an update
 * that the latest reset did not see may lie below it; then folding goes on
 * to beyond the reset, whose total is corrected.  Where that is not possible
 * (or a total would overflow) nothing is folded: that is always right.
 */
static void
fold_updates(Entry *e, int keep)
{
	Entry		f = *e;
	int128		worth = base_value(f.base, f.reset);
	Update		u = before_updates(e);

	while (f.nupdates > 0 && next_update(&f.updates, &u))
	{
		Prefix		fixed;

		f.base.stamp = u.stamp;
		if (pg_add_s64_overflow(f.base.total, u.amount, &f.base.total))
			return;
		if (!u.reset)
			worth += u.amount;
		if (--f.nupdates > keep)
			continue;
		if (base_value(f.base, f.reset) != worth)
		{
			fixed.stamp = f.base.stamp;
			if (!fits_int64((int128) f.base.total - worth))
				return;
			fixed.total = (int64) ((int128) f.base.total - worth);
			if (prefix_cmp(fixed, f.reset) < 0)
				continue;
			f.reset = fixed;
		}
		*e = f;
		return;
	}
}

/* An entry with one more update; e may be new, with nothing but its id. */
static void
put_added(CvgBuf *out, Entry *e, CvgStamp stamp, int64 n)
{
	Update		u;
	Update		added = {stamp, n, false};
	CvgStamp	last;
	CvgReader	r;

	if (e->nupdates >= CVG_CRDT_RECENT)
		fold_updates(e, CVG_CRDT_RECENT - 1);
	put_entry_head(out, e->id, e->base, e->reset);
	last = e->base.stamp;
	u = before_updates(e);
	r = e->updates;
	while (e->nupdates > 0 && next_update(&r, &u))
		put_update(out, &last, &u);
	put_update(out, &last, &added);
	cvg_put_varint(out, 0);
}

CvgStatus
cvg_counter_add(CvgSlice counter, CvgSlice replica, CvgStamp stamp, int64 n,
				CvgBuf *out)
{
	CvgReader	r = cvg_crdt_body(counter);
	size_t		start = out->len;
	bool		done = false;
	Entry		e;

	if (n == 0)
	{
		cvg_crdt_put_unflagged(counter, out);
		return CVG_OK;
	}
	if (!cvg_replica_id_valid(replica))
		return CVG_E_BAD_ID;
	if (n < 0 && counter.data[1] == CVG_CRDT_GCOUNTER)
		return CVG_E_FORBIDDEN;
	if (!fits_int64(body_value(r) + n))
		return CVG_E_OVERFLOW;

	cvg_crdt_put_header_of(counter, out);
	while (next_entry(&r, &e))
	{
		int			cmp = done ? 1 : cvg_slice_cmp(e.id, replica);

		if (cmp > 0 && !done)
		{
			Entry		new = {replica};

			put_added(out, &new, stamp, n);
			done = true;
		}
		if (cmp != 0)
		{
			cvg_print_slice(out, e.bytes);
			continue;
		}
		if (stamp <= Max(e.latest, e.reset.stamp))
			return cvg_crdt_finish(CVG_E_FORBIDDEN, start, out);
		put_added(out, &e, stamp, n);
		done = true;
	}
	if (!done)
	{
		Entry		new = {replica};

		put_added(out, &new, stamp, n);
	}
	return cvg_crdt_finish(CVG_OK, start, out);
}

/*
 * Reset.  Nothing is taken away: all that this state contains is marked, and
 * so is exactly what a concurrent update is not.
 */
static void
counter_reset(CvgReader r, CvgBuf *out)
{
	Entry		e;

	while (next_entry(&r, &e))
	{
		Update		u = before_updates(&e);
		CvgStamp	last = e.base.stamp;
		Prefix		seen;

		seen.stamp = e.latest;
		seen.total = clamp_int64((int128) e.base.total + updates_sum(&e, true));
		put_entry_head(out, e.id, e.base, prefix_max(e.reset, seen));
		while (next_update(&e.updates, &u))
		{
			u.reset = true;
			put_update(out, &last, &u);
		}
		cvg_put_varint(out, 0);
	}
}

CvgStatus
cvg_counter_value(CvgSlice counter, int64 *value)
{
	int128		sum = body_value(cvg_crdt_body(counter));

	*value = clamp_int64(sum);
	return fits_int64(sum) ? CVG_OK : CVG_E_OVERFLOW;
}

bool
cvg_counter_next(CvgReader *r, CvgSlice *replica, int64 *amount)
{
	Entry		e;
	int128		value;

	if (!next_entry(r, &e))
		return false;
	value = entry_value(&e);
	*replica = e.id;
	*amount = clamp_int64(value);
	if (!fits_int64(value))
		cvg_reader_fail(r, CVG_E_OVERFLOW);
	return cvg_reader_ok(r);
}

static CvgStamp
counter_latest(CvgReader r)
{
	CvgStamp	latest = 0;
	Entry		e;

	while (next_entry(&r, &e))
		latest = Max(latest, Max(e.latest, e.reset.stamp));
	return latest;
}

/* The same update on both sides; only damaged values differ in the amount. */
static Update
same_update(Update a, Update b)
{
	a.amount = Max(a.amount, b.amount);
	a.reset = a.reset || b.reset;
	return a;
}

/* Two entries of one replica. */
static void
merge_entry(Entry *a, Entry *b, CvgBuf *out)
{
	Prefix		base = prefix_max(a->base, b->base);
	CvgStamp	last = base.stamp;
	Update		ua = before_updates(a);
	Update		ub = before_updates(b);
	bool		has_a = next_update(&a->updates, &ua);
	bool		has_b = next_update(&b->updates, &ub);

	put_entry_head(out, a->id, base, prefix_max(a->reset, b->reset));
	while (has_a || has_b)
	{
		bool		take_a = has_a && (!has_b || ua.stamp <= ub.stamp);
		bool		take_b = has_b && (!has_a || ub.stamp <= ua.stamp);
		Update		u = take_a ? (take_b ? same_update(ua, ub) : ua) : ub;

		if (u.stamp > base.stamp)
			put_update(out, &last, &u);
		if (take_a)
			has_a = next_update(&a->updates, &ua);
		if (take_b)
			has_b = next_update(&b->updates, &ub);
	}
	cvg_put_varint(out, 0);
}

static void
counter_merge(CvgReader ra, CvgReader rb, CvgBuf *out)
{
	Entry		a;
	Entry		b;
	bool		has_a = next_entry(&ra, &a);
	bool		has_b = next_entry(&rb, &b);

	while (has_a || has_b)
	{
		int			cmp = !has_a ? 1 : (!has_b ? -1 : cvg_slice_cmp(a.id, b.id));

		if (cmp < 0)
			cvg_print_slice(out, a.bytes);
		else if (cmp > 0)
			cvg_print_slice(out, b.bytes);
		else
			merge_entry(&a, &b, out);
		if (cmp <= 0)
			has_a = next_entry(&ra, &a);
		if (cmp >= 0)
			has_b = next_entry(&rb, &b);
	}
}

/* What entry "new" has beyond "old"; appends nothing if that is nothing. */
static void
delta_entry(Entry *old, Entry *new, CvgBuf *out)
{
	size_t		start = out->len;
	Prefix		none = {0, 0};
	Prefix		base = prefix_cmp(new->base, old->base) > 0 ? new->base : none;
	Prefix		reset = prefix_cmp(new->reset, old->reset) > 0 ? new->reset : none;
	CvgStamp	last = base.stamp;
	Update		uo = before_updates(old);
	Update		un = before_updates(new);
	bool		has_old = next_update(&old->updates, &uo);
	bool		any = base.stamp != 0 || reset.stamp != 0;

	put_entry_head(out, new->id, base, reset);
	while (next_update(&new->updates, &un))
	{
		while (has_old && uo.stamp < un.stamp)
			has_old = next_update(&old->updates, &uo);
		if (un.stamp <= old->base.stamp)
			continue;
		if (has_old && uo.stamp == un.stamp && uo.amount >= un.amount &&
			uo.reset >= un.reset)
			continue;
		put_update(out, &last, &un);
		any = true;
	}
	cvg_put_varint(out, 0);
	if (!any)
		out->len = start;
}

static void
counter_delta(CvgReader ro, CvgReader rn, CvgBuf *out)
{
	Entry		old;
	Entry		new;
	bool		has_old = next_entry(&ro, &old);

	while (next_entry(&rn, &new))
	{
		while (has_old && cvg_slice_cmp(old.id, new.id) < 0)
			has_old = next_entry(&ro, &old);
		if (has_old && cvg_slice_eq(old.id, new.id))
		{
			if (!cvg_slice_eq(old.bytes, new.bytes))
				delta_entry(&old, &new, out);
		}
		else
			cvg_print_slice(out, new.bytes);
	}
}

static void
print_prefix(CvgBuf *out, const char *word, Prefix p)
{
	if (p.stamp == 0)
		return;
	cvg_print_string(out, word);
	cvg_print_int64(out, p.total);
	cvg_put_u8(out, '@');
	cvg_print_int64(out, p.stamp);
}

static void
counter_print(CvgReader r, CvgBuf *out)
{
	const char *separator = "";
	Entry		e;

	cvg_print_int128(out, body_value(r));
	cvg_print_string(out, " {");
	while (next_entry(&r, &e))
	{
		Update		u = before_updates(&e);

		cvg_print_string(out, separator);
		cvg_print_slice(out, e.id);
		print_prefix(out, " sum ", e.base);
		print_prefix(out, " reset ", e.reset);
		while (next_update(&e.updates, &u))
		{
			cvg_put_u8(out, ' ');
			cvg_print_int64(out, u.amount);
			cvg_put_u8(out, '@');
			cvg_print_int64(out, u.stamp);
			if (u.reset)
				cvg_put_u8(out, '!');
		}
		separator = ", ";
	}
	cvg_put_u8(out, '}');
}

static Prefix
scan_prefix(CvgScanner *s, const char *word)
{
	Prefix		p = {0, 0};

	if (cvg_scan_word(s, word))
	{
		p.total = cvg_scan_int64(s);
		p.stamp = cvg_scan_at_stamp(s);
	}
	return p;
}

static void
scan_entry(CvgScanner *s, CvgBuf *out)
{
	CvgSlice	id = cvg_scan_id(s);
	Prefix		base = scan_prefix(s, "sum");
	Prefix		reset = scan_prefix(s, "reset");
	CvgStamp	last = base.stamp;
	Update		u;

	put_entry_head(out, id, base, reset);
	while (cvg_scan_ok(s) && !cvg_scan_at_end(s) && *s->p != ',' && *s->p != '}')
	{
		const char *at = s->p;

		u.amount = cvg_scan_int64(s);
		u.stamp = cvg_scan_at_stamp(s);
		u.reset = cvg_scan_char(s, '!');
		if (cvg_scan_ok(s) && u.stamp <= last)
			(void) cvg_scan_fail(s, CVG_E_NOT_CANONICAL, at);
		if (cvg_scan_ok(s))
			put_update(out, &last, &u);
	}
	cvg_put_varint(out, 0);
}

/* The value in front is what the rest adds up to, or the text is refused. */
static void
counter_parse(CvgScanner *s, CvgBuf *out)
{
	const char *at = (cvg_scan_spaces(s), s->p);
	size_t		start = out->len;
	CvgSlice	given;
	CvgBuf		sum;
	CvgReader	r;

	given = cvg_scan_number(s);
	if (cvg_scan_expect(s, '{') && !cvg_scan_char(s, '}'))
	{
		do
			scan_entry(s, out);
		while (cvg_scan_char(s, ','));
		(void) cvg_scan_expect(s, '}');
	}
	if (!cvg_scan_ok(s))
		return;

	cvg_reader_init(&r, cvg_slice(out->data + start, out->len - start));
	cvg_buf_init(&sum);
	cvg_print_int128(&sum, body_value(r));
	if (!cvg_slice_eq(given, cvg_buf_slice(&sum)))
		(void) cvg_scan_fail(s, CVG_E_MALFORMED, at);
	cvg_buf_free(&sum);
}

/* By the difference of the values. */
static CvgStatus
counter_assign(CvgSlice old, CvgSlice new, CvgDotSupply *dots, CvgBuf *out)
{
	int128		n = body_value(cvg_crdt_body(new)) - body_value(cvg_crdt_body(old));
	CvgDot		dot;

	if (n == 0)
	{
		cvg_print_slice(out, old);
		return CVG_OK;
	}
	if (!fits_int64(n))
		return CVG_E_OVERFLOW;
	dot = cvg_next_dot(dots);
	return cvg_counter_add(old, dot.replica, dot.stamp, (int64) n, out);
}

/* A number alone. */
static CvgStatus
parse_number(const CvgCrdtOps *ops, CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	int64		n = cvg_scan_int64(s);
	CvgBuf		bottom;
	CvgStatus	status;
	CvgDot		dot = {{NULL, 0}, 0};

	if (!cvg_scan_ok(s) || (cvg_scan_spaces(s), !cvg_scan_at_end(s)))
		return CVG_E_SYNTAX;
	if (n != 0)
		dot = cvg_next_dot(dots);
	cvg_buf_init(&bottom);
	cvg_crdt_bottom(ops, &bottom);
	status = cvg_counter_add(cvg_buf_slice(&bottom), dot.replica, dot.stamp, n, out);
	cvg_buf_free(&bottom);
	return status;
}

static CvgStatus
gcounter_parse_plain(CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	return parse_number(&cvg_gcounter_ops, s, dots, out);
}

static CvgStatus
pncounter_parse_plain(CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	return parse_number(&cvg_pncounter_ops, s, dots, out);
}

const CvgCrdtOps cvg_gcounter_ops = {
	.tag = CVG_CRDT_GCOUNTER,
	.name = "gcounter",
	.assign = counter_assign,
	.parse_plain = gcounter_parse_plain,
	.check = gcounter_check,
	.merge = counter_merge,
	.delta = counter_delta,
	.latest = counter_latest,
	.reset = counter_reset,
	.print = counter_print,
	.parse = counter_parse,
};

const CvgCrdtOps cvg_pncounter_ops = {
	.tag = CVG_CRDT_PNCOUNTER,
	.name = "pncounter",
	.assign = counter_assign,
	.parse_plain = pncounter_parse_plain,
	.check = pncounter_check,
	.merge = counter_merge,
	.delta = counter_delta,
	.latest = counter_latest,
	.reset = counter_reset,
	.print = counter_print,
	.parse = counter_parse,
};
