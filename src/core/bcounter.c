/*-------------------------------------------------------------------------
 *
 * bcounter.c
 *	  Bounded counter: never below its bound although nobody is asked.
 *
 *-------------------------------------------------------------------------
 */
#include "core/bcounter.h"

#include "common/int.h"

/* A step between stamps leaves two bits of a varint for the kind. */
#define MAX_STAMP	(PG_INT64_MAX >> 1)

typedef enum Kind
{
	ADDED = 0,
	TAKEN = 1,
	HANDED = 2
} Kind;

/* One recent update. */
typedef struct Update
{
	CvgStamp	stamp;
	Kind		kind;
	int64		amount;
	CvgSlice	to;				/* HANDED: to whom */
} Update;

/* One replica's part. */
typedef struct Entry
{
	CvgSlice	id;
	CvgStamp	base;			/* 0: no totals */
	int64		added;
	int64		taken;
	CvgReader	handed;			/* the totals handed on */
	CvgSlice	totals;			/* bytes of all totals */
	CvgReader	updates;
	int			nupdates;
	CvgStamp	latest;
	CvgSlice	bytes;			/* all of the entry */
} Entry;

typedef struct Head
{
	bool		bounded;
	int64		bound;
} Head;

static Head
get_head(CvgReader *r)
{
	Head		h = {false, 0};
	uint8		flag = cvg_get_u8(r);

	if (flag > 1)
		cvg_reader_fail(r, CVG_E_MALFORMED);
	h.bounded = flag == 1;
	if (h.bounded)
		h.bound = cvg_get_signed(r);
	return h;
}

static void
put_head(CvgBuf *out, Head h)
{
	cvg_put_u8(out, h.bounded ? 1 : 0);
	if (h.bounded)
		cvg_put_signed(out, h.bound);
}

static int64
get_amount(CvgReader *r, bool may_be_zero)
{
	int64		n = cvg_get_stamp(r);

	if (n == 0 && !may_be_zero)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	return n;
}

/* The next total handed on; false behind the last. */
static bool
next_handed(CvgReader *r, CvgSlice *to, int64 *amount)
{
	if (!cvg_reader_ok(r))
		return false;
	if (r->pos < r->len && r->data[r->pos] == 0)
	{
		r->pos++;
		return false;
	}
	*to = cvg_get_replica_id(r);
	*amount = get_amount(r, false);
	return cvg_reader_ok(r);
}

/* The next update; u holds the one before, or the base's stamp. */
static bool
next_update(CvgReader *r, Update *u)
{
	uint64		code = cvg_get_varint(r);

	if (code == 0 || !cvg_reader_ok(r))
		return false;
	u->kind = (Kind) (code & 3);
	u->amount = get_amount(r, false);
	u->to = u->kind == HANDED ? cvg_get_replica_id(r) : cvg_slice(NULL, 0);
	if (code >> 2 == 0)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	if (u->kind > HANDED)
		cvg_reader_fail(r, CVG_E_MALFORMED);
	if (pg_add_s64_overflow(u->stamp, (int64) (code >> 2), &u->stamp) ||
		u->stamp > MAX_STAMP)
		cvg_reader_fail(r, CVG_E_OVERFLOW);
	return cvg_reader_ok(r);
}

static void
put_update(CvgBuf *out, CvgStamp *last, const Update *u)
{
	cvg_put_varint(out, (uint64) (u->stamp - *last) << 2 | u->kind);
	cvg_put_varint(out, (uint64) u->amount);
	if (u->kind == HANDED)
		cvg_put_slice(out, u->to);
	*last = u->stamp;
}

static inline Update
before_updates(const Entry *e)
{
	Update		u = {e->base, ADDED, 0, {NULL, 0}};

	return u;
}

/* Totals, with their order checked. */
static void
read_totals(CvgReader *r, Entry *e)
{
	size_t		start = r->pos;
	CvgSlice	previous = {NULL, 0};
	CvgSlice	to;
	int64		amount;

	e->base = cvg_get_stamp(r);
	e->added = e->taken = 0;
	e->handed = *r;
	if (e->base > MAX_STAMP)
		cvg_reader_fail(r, CVG_E_OVERFLOW);
	if (e->base != 0)
	{
		e->added = get_amount(r, true);
		e->taken = get_amount(r, true);
		e->handed = *r;
		while (next_handed(r, &to, &amount))
		{
			if (cvg_slice_cmp(previous, to) >= 0 || cvg_slice_eq(to, e->id))
				cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
			previous = to;
		}
	}
	e->totals = cvg_slice(r->data + start, r->pos - start);
}

/* The next entry, with everything in it checked; false at the end. */
static bool
next_entry(CvgReader *r, Entry *e)
{
	size_t		start = r->pos;
	Update		u;

	if (!cvg_reader_ok(r) || cvg_reader_at_end(r))
		return false;
	e->id = cvg_get_replica_id(r);
	read_totals(r, e);
	e->updates = *r;
	e->nupdates = 0;
	u = before_updates(e);
	while (next_update(r, &u))
	{
		if (u.kind == HANDED && cvg_slice_eq(u.to, e->id))
			cvg_reader_fail(r, CVG_E_MALFORMED);
		e->nupdates++;
	}
	e->latest = u.stamp;
	if (e->base == 0 && e->nupdates == 0)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	e->bytes = cvg_slice(r->data + start, r->pos - start);
	return cvg_reader_ok(r);
}

static void
bcounter_check(CvgReader *r)
{
	CvgSlice	previous = {NULL, 0};
	Entry		e;

	(void) get_head(r);
	while (next_entry(r, &e))
	{
		if (cvg_slice_cmp(previous, e.id) >= 0)
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
		previous = e.id;
	}
}

static void
bcounter_bottom(CvgBuf *out)
{
	Head		none = {false, 0};

	put_head(out, none);
}

CvgStatus
cvg_bcounter_new(int64 bound, CvgBuf *out)
{
	Head		h = {true, bound};

	cvg_crdt_put_header(&cvg_bcounter_ops, out);
	put_head(out, h);
	return CVG_OK;
}

/* ----------------------------------------------------------------
 *		Reading
 * ----------------------------------------------------------------
 */

/* Rights being added up, ascending by id. */
typedef struct Ledger
{
	CvgRights  *rights;
	int			n;
	int			size;
} Ledger;

static void
ledger_add(Ledger *l, CvgSlice replica, int128 amount)
{
	int			low = 0;
	int			high = l->n;

	while (low < high)
	{
		int			mid = (low + high) / 2;

		if (cvg_slice_cmp(l->rights[mid].replica, replica) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == l->n || !cvg_slice_eq(l->rights[low].replica, replica))
	{
		if (l->n == l->size)
		{
			l->size *= 2;
			l->rights = repalloc(l->rights, l->size * sizeof(CvgRights));
		}
		memmove(&l->rights[low + 1], &l->rights[low],
				(l->n - low) * sizeof(CvgRights));
		l->rights[low].replica = replica;
		l->rights[low].held = 0;
		l->n++;
	}
	l->rights[low].held += amount;
}

static void
ledger_add_entry(Ledger *l, Entry *e)
{
	Update		u = before_updates(e);
	int128		own = (int128) e->added - e->taken;
	CvgSlice	to;
	int64		amount;

	while (e->base != 0 && next_handed(&e->handed, &to, &amount))
	{
		ledger_add(l, to, amount);
		own -= amount;
	}
	while (next_update(&e->updates, &u))
	{
		if (u.kind == HANDED)
			ledger_add(l, u.to, u.amount);
		own += u.kind == ADDED ? u.amount : -(int128) u.amount;
	}
	ledger_add(l, e->id, own);
}

CvgRights *
cvg_bcounter_rights(CvgSlice counter, int *n)
{
	CvgReader	r = cvg_crdt_body(counter);
	Ledger		l = {NULL, 0, 8};
	Entry		e;

	l.rights = palloc(l.size * sizeof(CvgRights));
	(void) get_head(&r);
	while (next_entry(&r, &e))
		ledger_add_entry(&l, &e);
	*n = l.n;
	return l.rights;
}

int128
cvg_bcounter_held(CvgSlice counter, CvgSlice replica)
{
	int			n;
	CvgRights  *rights = cvg_bcounter_rights(counter, &n);
	int128		held = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (cvg_slice_eq(rights[i].replica, replica))
			held = rights[i].held;
	}
	pfree(rights);
	return held;
}

int64
cvg_bcounter_bound(CvgSlice counter)
{
	CvgReader	r = cvg_crdt_body(counter);

	return get_head(&r).bound;
}

static int128
body_value(CvgReader r)
{
	int128		value = get_head(&r).bound;
	Entry		e;

	while (next_entry(&r, &e))
	{
		Update		u = before_updates(&e);

		value += (int128) e.added - e.taken;
		while (next_update(&e.updates, &u))
		{
			if (u.kind != HANDED)
				value += u.kind == ADDED ? u.amount : -(int128) u.amount;
		}
	}
	return value;
}

static inline bool
fits_int64(int128 v)
{
	return v >= PG_INT64_MIN && v <= PG_INT64_MAX;
}

CvgStatus
cvg_bcounter_value(CvgSlice counter, int64 *value)
{
	int128		v = body_value(cvg_crdt_body(counter));

	*value = fits_int64(v) ? (int64) v : 0;
	return fits_int64(v) ? CVG_OK : CVG_E_OVERFLOW;
}

static CvgStamp
bcounter_latest(CvgReader r)
{
	CvgStamp	latest = 0;
	Entry		e;

	(void) get_head(&r);
	while (next_entry(&r, &e))
		latest = Max(latest, e.latest);
	return latest;
}

/* ----------------------------------------------------------------
 *		Updates
 * ----------------------------------------------------------------
 */

/* Totals as they are while updates are folded into them. */
typedef struct Totals
{
	CvgStamp	base;
	int64		added;
	int64		taken;
	Ledger		handed;
} Totals;

static void
put_totals(CvgBuf *out, const Totals *t)
{
	int			i;

	cvg_put_varint(out, (uint64) t->base);
	if (t->base == 0)
		return;
	cvg_put_varint(out, (uint64) t->added);
	cvg_put_varint(out, (uint64) t->taken);
	for (i = 0; i < t->handed.n; i++)
	{
		cvg_put_slice(out, t->handed.rights[i].replica);
		cvg_put_varint(out, (uint64) t->handed.rights[i].held);
	}
	cvg_put_varint(out, 0);
}

/* Fold one update in; false, with nothing changed, if a total overflows. */
static bool
fold_update(Totals *t, const Update *u)
{
	int64		total = u->kind == TAKEN ? t->taken : t->added;
	int			i;

	if (u->kind != HANDED && pg_add_s64_overflow(total, u->amount, &total))
		return false;
	if (u->kind == ADDED)
		t->added = total;
	else if (u->kind == TAKEN)
		t->taken = total;
	else
	{
		ledger_add(&t->handed, u->to, u->amount);
		for (i = 0; i < t->handed.n; i++)
		{
			if (!fits_int64(t->handed.rights[i].held))
			{
				ledger_add(&t->handed, u->to, -(int128) u->amount);
				return false;
			}
		}
	}
	t->base = u->stamp;
	return true;
}

/* An entry with one more update and the oldest folded; e may be new. */
static void
put_added(CvgBuf *out, Entry *e, const Update *added)
{
	Totals		t = {e->base, e->added, e->taken, {NULL, 0, 8}};
	Update		u = before_updates(e);
	int			excess = e->nupdates + 1 - CVG_CRDT_RECENT;
	CvgReader	rest = e->updates;
	CvgStamp	last;
	CvgSlice	to;
	int64		amount;
	int			n = e->nupdates;

	t.handed.rights = palloc(t.handed.size * sizeof(CvgRights));
	while (e->base != 0 && next_handed(&e->handed, &to, &amount))
		ledger_add(&t.handed, to, amount);
	for (; excess > 0 && n > 0; excess--, n--)
	{
		CvgReader	before = rest;
		Update		last_u = u;

		if (next_update(&rest, &u) && fold_update(&t, &u))
			continue;
		rest = before;
		u = last_u;
		break;
	}
	cvg_put_slice(out, e->id);
	put_totals(out, &t);
	last = t.base;
	while (n-- > 0 && next_update(&rest, &u))
		put_update(out, &last, &u);
	put_update(out, &last, added);
	cvg_put_varint(out, 0);
	pfree(t.handed.rights);
}

static CvgStatus
append_update(CvgSlice counter, CvgSlice replica, const Update *added,
			  CvgBuf *out)
{
	CvgReader	r = cvg_crdt_body(counter);
	size_t		start = out->len;
	bool		done = false;
	Entry		e;

	if (added->stamp > MAX_STAMP)
		return CVG_E_OVERFLOW;
	cvg_crdt_put_header_of(counter, out);
	put_head(out, get_head(&r));
	while (next_entry(&r, &e))
	{
		int			cmp = cvg_slice_cmp(e.id, replica);

		if (cmp > 0 && !done)
		{
			Entry		new = {replica};

			put_added(out, &new, added);
			done = true;
		}
		if (cmp != 0)
		{
			cvg_print_slice(out, e.bytes);
			continue;
		}
		if (added->stamp <= e.latest)
			return cvg_crdt_finish(CVG_E_FORBIDDEN, start, out);
		put_added(out, &e, added);
		done = true;
	}
	if (!done)
	{
		Entry		new = {replica};

		put_added(out, &new, added);
	}
	return cvg_crdt_finish(CVG_OK, start, out);
}

CvgStatus
cvg_bcounter_add(CvgSlice counter, CvgDot dot, int64 n, CvgBuf *out)
{
	Update		u = {dot.stamp, ADDED, n, {NULL, 0}};

	if (!cvg_replica_id_valid(dot.replica))
		return CVG_E_BAD_ID;
	if (n <= 0)
		return CVG_E_FORBIDDEN;
	if (!fits_int64(body_value(cvg_crdt_body(counter)) + n) ||
		!fits_int64(cvg_bcounter_held(counter, dot.replica) + n))
		return CVG_E_OVERFLOW;
	return append_update(counter, dot.replica, &u, out);
}

CvgStatus
cvg_bcounter_take(CvgSlice counter, CvgDot dot, int64 n, CvgBuf *out)
{
	Update		u = {dot.stamp, TAKEN, n, {NULL, 0}};

	if (!cvg_replica_id_valid(dot.replica))
		return CVG_E_BAD_ID;
	if (n <= 0 || cvg_bcounter_held(counter, dot.replica) < n)
		return CVG_E_FORBIDDEN;
	return append_update(counter, dot.replica, &u, out);
}

CvgStatus
cvg_bcounter_transfer(CvgSlice counter, CvgDot dot, CvgSlice to, int64 n,
					  CvgBuf *out)
{
	Update		u = {dot.stamp, HANDED, n, to};

	if (!cvg_replica_id_valid(dot.replica) || !cvg_replica_id_valid(to))
		return CVG_E_BAD_ID;
	if (n <= 0 || cvg_slice_eq(dot.replica, to) ||
		cvg_bcounter_held(counter, dot.replica) < n)
		return CVG_E_FORBIDDEN;
	return append_update(counter, dot.replica, &u, out);
}

/* ----------------------------------------------------------------
 *		Merge, delta
 * ----------------------------------------------------------------
 */

static int
totals_cmp(const Entry *a, const Entry *b)
{
	if (a->base != b->base)
		return a->base < b->base ? -1 : 1;
	return cvg_slice_cmp(a->totals, b->totals);
}

/* Any order will do: only damaged values differ under the same stamp. */
static int
update_cmp(const Update *a, const Update *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->amount != b->amount)
		return a->amount < b->amount ? -1 : 1;
	return cvg_slice_cmp(a->to, b->to);
}

/* Two entries of one replica. */
static void
merge_entry(Entry *a, Entry *b, CvgBuf *out)
{
	Entry	   *base = totals_cmp(a, b) >= 0 ? a : b;
	CvgStamp	last = base->base;
	Update		ua = before_updates(a);
	Update		ub = before_updates(b);
	bool		has_a = next_update(&a->updates, &ua);
	bool		has_b = next_update(&b->updates, &ub);

	cvg_put_slice(out, a->id);
	cvg_print_slice(out, base->totals);
	while (has_a || has_b)
	{
		bool		take_a = has_a && (!has_b || ua.stamp <= ub.stamp);
		bool		take_b = has_b && (!has_a || ub.stamp <= ua.stamp);
		Update		u = take_a && (!take_b || update_cmp(&ua, &ub) >= 0) ? ua : ub;

		if (u.stamp > base->base)
			put_update(out, &last, &u);
		if (take_a)
			has_a = next_update(&a->updates, &ua);
		if (take_b)
			has_b = next_update(&b->updates, &ub);
	}
	cvg_put_varint(out, 0);
}

static void
bcounter_merge(CvgReader ra, CvgReader rb, CvgBuf *out)
{
	Head		ha = get_head(&ra);
	Head		hb = get_head(&rb);
	Entry		a;
	Entry		b;
	bool		has_a = next_entry(&ra, &a);
	bool		has_b = next_entry(&rb, &b);

	put_head(out, !hb.bounded || (ha.bounded && ha.bound >= hb.bound) ? ha : hb);
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
	bool		folded = totals_cmp(new, old) > 0;
	CvgStamp	last = folded ? new->base : 0;
	Update		uo = before_updates(old);
	Update		un = before_updates(new);
	bool		has_old = next_update(&old->updates, &uo);
	bool		any = folded;

	cvg_put_slice(out, new->id);
	if (folded)
		cvg_print_slice(out, new->totals);
	else
		cvg_put_varint(out, 0);
	while (next_update(&new->updates, &un))
	{
		while (has_old && uo.stamp < un.stamp)
			has_old = next_update(&old->updates, &uo);
		if (un.stamp <= old->base || (has_old && uo.stamp == un.stamp &&
									  update_cmp(&uo, &un) >= 0))
			continue;
		put_update(out, &last, &un);
		any = true;
	}
	cvg_put_varint(out, 0);
	if (!any)
		out->len = start;
}

static void
bcounter_delta(CvgReader ro, CvgReader rn, CvgBuf *out)
{
	Head		ho = get_head(&ro);
	Head		hn = get_head(&rn);
	Head		none = {false, 0};
	Entry		old;
	Entry		new;
	bool		has_old = next_entry(&ro, &old);

	put_head(out, ho.bounded && hn.bound <= ho.bound ? none : hn);
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

/* ----------------------------------------------------------------
 *		Text
 * ----------------------------------------------------------------
 */

static void
print_update(CvgBuf *out, Kind kind, CvgSlice to, int64 amount)
{
	cvg_put_u8(out, ' ');
	cvg_put_u8(out, "+->"[kind]);
	if (kind == HANDED)
	{
		cvg_print_slice(out, to);
		cvg_put_u8(out, ' ');
	}
	cvg_print_int64(out, amount);
}

static void
print_totals(CvgBuf *out, Entry *e)
{
	CvgSlice	none = {NULL, 0};
	CvgSlice	to;
	int64		amount;

	if (e->base == 0)
		return;
	cvg_print_string(out, " total");
	print_update(out, ADDED, none, e->added);
	print_update(out, TAKEN, none, e->taken);
	while (next_handed(&e->handed, &to, &amount))
		print_update(out, HANDED, to, amount);
	cvg_print_string(out, " @");
	cvg_print_int64(out, e->base);
}

static void
bcounter_print(CvgReader r, CvgBuf *out)
{
	const char *separator = "";
	Head		h;
	Entry		e;

	cvg_print_int128(out, body_value(r));
	h = get_head(&r);
	if (h.bounded)
	{
		cvg_print_string(out, " >= ");
		cvg_print_int64(out, h.bound);
	}
	cvg_print_string(out, " {");
	while (next_entry(&r, &e))
	{
		Update		u = before_updates(&e);

		cvg_print_string(out, separator);
		cvg_print_slice(out, e.id);
		print_totals(out, &e);
		while (next_update(&e.updates, &u))
		{
			print_update(out, u.kind, u.to, u.amount);
			cvg_put_u8(out, '@');
			cvg_print_int64(out, u.stamp);
		}
		separator = ", ";
	}
	cvg_put_u8(out, '}');
}

/* Kind, replica and amount of an update or a total. */
static void
scan_update(CvgScanner *s, Update *u)
{
	u->to = cvg_slice(NULL, 0);
	u->kind = cvg_scan_char(s, '+') ? ADDED :
		(cvg_scan_char(s, '-') ? TAKEN : HANDED);
	if (u->kind == HANDED && cvg_scan_expect(s, '>'))
		u->to = cvg_scan_id(s);
	u->amount = cvg_scan_int64(s);
	if (u->amount < 0)
		(void) cvg_scan_fail(s, CVG_E_OVERFLOW, s->p);
}

static void
scan_totals(CvgScanner *s, CvgBuf *out, CvgStamp *base)
{
	CvgBuf		handed;
	int64		amounts[2] = {0, 0};
	Update		u;

	*base = 0;
	if (!cvg_scan_word(s, "total"))
	{
		cvg_put_varint(out, 0);
		return;
	}
	cvg_buf_init(&handed);
	while (cvg_scan_ok(s) && !cvg_scan_char(s, '@'))
	{
		scan_update(s, &u);
		if (u.kind != HANDED)
			amounts[u.kind] = u.amount;
		else if (cvg_scan_ok(s))
		{
			cvg_put_slice(&handed, u.to);
			cvg_put_varint(&handed, (uint64) u.amount);
		}
	}
	if (cvg_scan_ok(s))
		*base = cvg_scan_stamp(s);
	cvg_put_varint(out, (uint64) *base);
	cvg_put_varint(out, (uint64) amounts[ADDED]);
	cvg_put_varint(out, (uint64) amounts[TAKEN]);
	cvg_put_bytes(out, handed.data, handed.len);
	cvg_put_varint(out, 0);
	cvg_buf_free(&handed);
}

static void
scan_entry(CvgScanner *s, CvgBuf *out)
{
	CvgStamp	last;
	Update		u;

	cvg_put_slice(out, cvg_scan_id(s));
	scan_totals(s, out, &last);
	while (cvg_scan_ok(s) && !cvg_scan_at_end(s) && *s->p != ',' && *s->p != '}')
	{
		const char *at = s->p;

		scan_update(s, &u);
		u.stamp = cvg_scan_at_stamp(s);
		if (cvg_scan_ok(s) && u.stamp <= last)
			(void) cvg_scan_fail(s, CVG_E_NOT_CANONICAL, at);
		if (cvg_scan_ok(s) && u.stamp > MAX_STAMP)
			(void) cvg_scan_fail(s, CVG_E_OVERFLOW, at);
		if (cvg_scan_ok(s))
			put_update(out, &last, &u);
	}
	cvg_put_varint(out, 0);
}

/* The value in front is what the rest adds up to, or the text is refused. */
static void
bcounter_parse(CvgScanner *s, CvgBuf *out)
{
	const char *at = (cvg_scan_spaces(s), s->p);
	size_t		start = out->len;
	CvgSlice	given = cvg_scan_number(s);
	Head		h = {false, 0};
	CvgBuf		sum;
	CvgReader	r;

	if (cvg_scan_char(s, '>'))
	{
		(void) cvg_scan_expect(s, '=');
		h.bounded = true;
		h.bound = cvg_scan_int64(s);
	}
	put_head(out, h);
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

const CvgCrdtOps cvg_bcounter_ops = {
	.tag = CVG_CRDT_BCOUNTER,
	.name = "bcounter",
	.assign = cvg_bcounter_assign,
	.parse_plain = cvg_bcounter_parse_plain,
	.check = bcounter_check,
	.bottom = bcounter_bottom,
	.merge = bcounter_merge,
	.delta = bcounter_delta,
	.latest = bcounter_latest,
	.print = bcounter_print,
	.parse = bcounter_parse,
};
