/*-------------------------------------------------------------------------
 *
 * vclock.c
 *	  Version vectors over their canonical bytes.
 *
 * Nothing is decoded into an array: comparing, joining and looking up walk
 * the bytes of one or two clocks once, in id order, and allocate nothing but
 * what the output buffer needs.  An entry that is taken over unchanged is
 * copied as it stands, so a join is a merge of two sorted lists of byte runs.
 *
 * The readers here are private and inline: a clock is walked for every row
 * that is written or applied, and a call per byte would show.  They check
 * every bound all the same, since bytes may come from a damaged page.
 *
 *-------------------------------------------------------------------------
 */
#include "core/vclock.h"

#include "common/int.h"

/* Longest text of an int64, and the longest varint. */
#define MAX_INT64_DIGITS	19
#define MAX_VARINT_BYTES	10

/* Position in a clock: the entry there, and where its bytes are. */
typedef struct Cursor
{
	CvgClockEntry entry;
	const uint8 *start;			/* first byte of the entry */
	const uint8 *next;			/* first byte after it */
	const uint8 *end;
	uint64		left;			/* entries after this one */
	bool		valid;			/* false when past the last one */
} Cursor;

/* Varint at p, or NULL when it runs past the end or past 64 bits. */
static inline const uint8 *
read_varint(const uint8 *p, const uint8 *end, uint64 *value)
{
	uint64		v = 0;
	int			shift;

	for (shift = 0; shift < 64 && p < end; shift += 7)
	{
		uint8		b = *p++;

		v |= (uint64) (b & 0x7f) << shift;
		if ((b & 0x80) == 0)
		{
			*value = v;
			return p;
		}
	}
	return NULL;
}

/* Entry at p, or NULL when there is none that can be read. */
static inline const uint8 *
read_entry(const uint8 *p, const uint8 *end, CvgClockEntry *entry)
{
	uint64		value;
	size_t		len;

	if (p >= end)
		return NULL;
	len = *p++;					/* an id length is always one byte */
	if (len > (size_t) (end - p))
		return NULL;
	entry->id.data = p;
	entry->id.len = len;
	p = read_varint(p + len, end, &value);
	if (p != NULL)
		entry->value = (int64) value;
	return p;
}

/*
 * First entry's position and the number of entries; a header that cannot be
 * right counts as the empty clock.
 */
static inline const uint8 *
read_header(CvgSlice clock, uint64 *count)
{
	const uint8 *end = clock.data + clock.len;
	const uint8 *p;

	*count = 0;
	if (clock.len < 2 || clock.data[0] != CVG_VCLOCK_VERSION)
		return end;
	p = read_varint(clock.data + 1, end, count);
	if (p == NULL || *count > CVG_MAX_CLOCK)
	{
		*count = 0;
		return end;
	}
	return p;
}

static inline void
cursor_next(Cursor *c)
{
	const uint8 *p = NULL;

	c->start = c->next;
	if (c->left > 0)
		p = read_entry(c->start, c->end, &c->entry);
	c->valid = p != NULL;
	if (c->valid)
	{
		c->next = p;
		c->left--;
	}
}

static inline void
cursor_init(Cursor *c, CvgSlice clock)
{
	memset(c, 0, sizeof(*c));
	if (clock.len == 0)
		return;
	c->end = clock.data + clock.len;
	c->next = read_header(clock, &c->left);
	cursor_next(c);
}

/* Which cursor is at the smaller id; one past the end counts as largest. */
static inline int
cursor_cmp(const Cursor *a, const Cursor *b)
{
	if (!a->valid || !b->valid)
		return (a->valid ? -1 : 0) + (b->valid ? 1 : 0);
	return cvg_slice_cmp(a->entry.id, b->entry.id);
}

static inline int
varint_size(uint64 v)
{
	int			n = 1;

	while (v >= 0x80)
	{
		v >>= 7;
		n++;
	}
	return n;
}

/*
 * A clock being written.  The count is known last but stands first: room is
 * left for the largest possible one, and the entries move down when the real
 * one is shorter, which takes a clock near 128 or 16384 entries.
 */
typedef struct Writer
{
	CvgBuf	   *out;
	size_t		start;			/* out->len before the clock */
	int			reserved;		/* bytes left for the count */
	uint64		count;
} Writer;

static void
writer_init(Writer *w, CvgBuf *out, uint64 max_count, size_t bytes)
{
	w->out = out;
	w->start = out->len;
	w->reserved = varint_size(max_count);
	w->count = 0;
	cvg_buf_grow(out, 1 + w->reserved + bytes);
	cvg_put_u8(out, CVG_VCLOCK_VERSION);
	out->len += w->reserved;
}

/* The cursor's entry, unchanged. */
static inline void
writer_copy(Writer *w, const Cursor *c)
{
	cvg_put_bytes(w->out, c->start, c->next - c->start);
	w->count++;
}

/* The cursor's entry and all after it. */
static inline void
writer_copy_rest(Writer *w, const Cursor *c)
{
	if (!c->valid)
		return;
	cvg_put_bytes(w->out, c->start, c->end - c->start);
	w->count += c->left + 1;
}

static inline void
writer_put(Writer *w, CvgSlice id, int64 value)
{
	cvg_put_slice(w->out, id);
	cvg_put_varint(w->out, (uint64) value);
	w->count++;
}

/* Fill in the count; takes the clock back when it has become too large. */
static CvgStatus
writer_finish(Writer *w)
{
	CvgBuf	   *out = w->out;
	size_t		end = out->len;
	size_t		body = w->start + 1 + w->reserved;
	int			size = varint_size(w->count);

	if (w->count > CVG_MAX_CLOCK)
	{
		out->len = w->start;
		return CVG_E_LIMIT;
	}
	out->len = w->start + 1;
	if (size < w->reserved)
	{
		memmove(out->data + out->len + size, out->data + body, end - body);
		end -= w->reserved - size;
	}

	/* not cvg_put_varint: it may want room that an exact fit does not have */
	while (w->count >= 0x80)
	{
		out->data[out->len++] = (uint8) (w->count | 0x80);
		w->count >>= 7;
	}
	out->data[out->len++] = (uint8) w->count;
	out->len = end;
	return CVG_OK;
}

/*
 * Are these the bytes of a clock?  Everything that another function here
 * relies on is checked: version, bounds, order, ranges, nothing after the end.
 * The offset in *err is that of the field that is wrong.
 */
CvgStatus
cvg_vclock_validate(CvgSlice clock, CvgError *err)
{
	CvgReader	r;
	CvgSlice	previous = {NULL, 0};
	uint64		count;
	uint64		i;

	if (clock.len == 0)
		return CVG_OK;
	cvg_reader_init(&r, clock);
	if (cvg_get_u8(&r) != CVG_VCLOCK_VERSION)
		return cvg_fail(err, CVG_E_VERSION, 0);
	count = cvg_get_varint_max(&r, CVG_MAX_CLOCK);
	if (!cvg_reader_ok(&r))
		return cvg_fail(err, r.status, 1);

	for (i = 0; i < count; i++)
	{
		size_t		at = r.pos;
		CvgSlice	id = cvg_get_replica_id(&r);
		uint64		value;

		if (!cvg_reader_ok(&r))
			return cvg_fail(err, r.status, at);
		if (i > 0 && cvg_slice_cmp(previous, id) >= 0)
			return cvg_fail(err, CVG_E_NOT_CANONICAL, at);
		previous = id;

		at = r.pos;
		value = cvg_get_varint(&r);
		if (!cvg_reader_ok(&r))
			return cvg_fail(err, r.status, at);
		if (value == 0)
			return cvg_fail(err, CVG_E_NOT_CANONICAL, at);
		if (value > (uint64) PG_INT64_MAX)
			return cvg_fail(err, CVG_E_OVERFLOW, at);
	}
	return cvg_reader_finish(&r, err);
}

void
cvg_vclock_iter(CvgClockIter *it, CvgSlice clock)
{
	cvg_reader_init(&it->reader, clock);
	it->left = 0;
	if (clock.len > 0)
		it->reader.pos = read_header(clock, &it->left) - clock.data;
}

bool
cvg_vclock_next(CvgClockIter *it, CvgClockEntry *entry)
{
	CvgReader  *r = &it->reader;
	const uint8 *p;

	if (it->left == 0)
		return false;
	p = read_entry(r->data + r->pos, r->data + r->len, entry);
	if (p == NULL)
	{
		it->left = 0;
		cvg_reader_fail(r, CVG_E_TRUNCATED);
		return false;
	}
	r->pos = p - r->data;
	it->left--;
	return true;
}

/* Number of entries that the iterator gives, at most. */
int
cvg_vclock_count(CvgSlice clock)
{
	uint64		count = 0;

	if (clock.len > 0)
		(void) read_header(clock, &count);
	return (int) count;
}

int64
cvg_vclock_get(CvgSlice clock, CvgSlice id)
{
	Cursor		c;

	for (cursor_init(&c, clock); c.valid; cursor_next(&c))
	{
		int			cmp = cvg_slice_cmp(c.entry.id, id);

		if (cmp == 0)
			return c.entry.value;
		if (cmp > 0)
			break;
	}
	return 0;
}

CvgOrder
cvg_vclock_compare(CvgSlice a, CvgSlice b)
{
	Cursor		ca;
	Cursor		cb;
	bool		a_ahead = false;
	bool		b_ahead = false;

	if (cvg_slice_eq(a, b))
		return CVG_EQUAL;
	cursor_init(&ca, a);
	cursor_init(&cb, b);
	while ((ca.valid || cb.valid) && !(a_ahead && b_ahead))
	{
		int			cmp = cursor_cmp(&ca, &cb);

		if (cmp < 0 || (cmp == 0 && ca.entry.value > cb.entry.value))
			a_ahead = true;
		else if (cmp > 0 || ca.entry.value < cb.entry.value)
			b_ahead = true;
		if (cmp <= 0)
			cursor_next(&ca);
		if (cmp >= 0)
			cursor_next(&cb);
	}
	if (a_ahead && b_ahead)
		return CVG_CONCURRENT;
	if (a_ahead)
		return CVG_AFTER;
	return b_ahead ? CVG_BEFORE : CVG_EQUAL;
}

bool
cvg_vclock_covered(CvgSlice a, CvgSlice b)
{
	Cursor		ca;
	Cursor		cb;

	cursor_init(&ca, a);
	cursor_init(&cb, b);
	while (ca.valid)
	{
		int			cmp = cursor_cmp(&ca, &cb);

		if (cmp < 0 || (cmp == 0 && ca.entry.value > cb.entry.value))
			return false;
		if (cmp == 0)
			cursor_next(&ca);
		cursor_next(&cb);
	}
	return true;
}

int
cvg_vclock_cmp_total(CvgSlice a, CvgSlice b)
{
	Cursor		ca;
	Cursor		cb;

	cursor_init(&ca, a);
	cursor_init(&cb, b);
	while (ca.valid && cb.valid)
	{
		int			cmp = cvg_slice_cmp(ca.entry.id, cb.entry.id);

		if (cmp != 0)
			return cmp < 0 ? -1 : 1;
		if (ca.entry.value != cb.entry.value)
			return ca.entry.value < cb.entry.value ? -1 : 1;
		cursor_next(&ca);
		cursor_next(&cb);
	}
	return (ca.valid ? 1 : 0) - (cb.valid ? 1 : 0);
}

void
cvg_vclock_empty(CvgBuf *out)
{
	cvg_put_u8(out, CVG_VCLOCK_VERSION);
	cvg_put_u8(out, 0);
}

/* Per-id maximum: what is known on either side. */
CvgStatus
cvg_vclock_join(CvgSlice a, CvgSlice b, CvgBuf *out)
{
	Cursor		ca;
	Cursor		cb;
	Writer		w;

	writer_init(&w, out, cvg_vclock_count(a) + cvg_vclock_count(b),
				a.len + b.len);
	cursor_init(&ca, a);
	cursor_init(&cb, b);
	while (ca.valid && cb.valid)
	{
		int			cmp = cvg_slice_cmp(ca.entry.id, cb.entry.id);

		if (cmp < 0 || (cmp == 0 && ca.entry.value >= cb.entry.value))
			writer_copy(&w, &ca);
		else
			writer_copy(&w, &cb);
		if (cmp <= 0)
			cursor_next(&ca);
		if (cmp >= 0)
			cursor_next(&cb);
	}
	writer_copy_rest(&w, &ca);
	writer_copy_rest(&w, &cb);
	return writer_finish(&w);
}

/* Per-id minimum: what is known on both sides. */
CvgStatus
cvg_vclock_meet(CvgSlice a, CvgSlice b, CvgBuf *out)
{
	Cursor		ca;
	Cursor		cb;
	Writer		w;

	writer_init(&w, out, Min(cvg_vclock_count(a), cvg_vclock_count(b)),
				Min(a.len, b.len));
	cursor_init(&ca, a);
	cursor_init(&cb, b);
	while (ca.valid && cb.valid)
	{
		int			cmp = cvg_slice_cmp(ca.entry.id, cb.entry.id);

		if (cmp == 0)
			writer_copy(&w, ca.entry.value <= cb.entry.value ? &ca : &cb);
		if (cmp <= 0)
			cursor_next(&ca);
		if (cmp >= 0)
			cursor_next(&cb);
	}
	return writer_finish(&w);
}

/*
 * The clock with one entry replaced; 0 removes it.  CVG_E_BAD_ID,
 * CVG_E_OVERFLOW for a negative value, CVG_E_LIMIT.
 */
CvgStatus
cvg_vclock_set(CvgSlice a, CvgSlice id, int64 value, CvgBuf *out)
{
	Cursor		c;
	Writer		w;

	if (!cvg_replica_id_valid(id))
		return CVG_E_BAD_ID;
	if (value < 0)
		return CVG_E_OVERFLOW;

	writer_init(&w, out, cvg_vclock_count(a) + 1,
				a.len + 1 + id.len + MAX_VARINT_BYTES);
	cursor_init(&c, a);
	while (c.valid && cvg_slice_cmp(c.entry.id, id) < 0)
	{
		writer_copy(&w, &c);
		cursor_next(&c);
	}
	if (value > 0)
		writer_put(&w, id, value);
	if (c.valid && cvg_slice_eq(c.entry.id, id))
		cursor_next(&c);
	writer_copy_rest(&w, &c);
	return writer_finish(&w);
}

/*
 * The clock with "by" added to one entry.  A clock never goes back, so a
 * negative "by" is CVG_E_FORBIDDEN.
 */
CvgStatus
cvg_vclock_increment(CvgSlice a, CvgSlice id, int64 by, CvgBuf *out)
{
	int64		value;

	if (!cvg_replica_id_valid(id))
		return CVG_E_BAD_ID;
	if (by < 0)
		return CVG_E_FORBIDDEN;
	if (pg_add_s64_overflow(cvg_vclock_get(a, id), by, &value))
		return CVG_E_OVERFLOW;
	return cvg_vclock_set(a, id, value, out);
}

static int
entry_cmp(const void *a, const void *b)
{
	return cvg_slice_cmp(((const CvgClockEntry *) a)->id,
						 ((const CvgClockEntry *) b)->id);
}

CvgStatus
cvg_vclock_from_entries(CvgClockEntry *entries, int n, CvgBuf *out)
{
	Writer		w;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (!cvg_replica_id_valid(entries[i].id))
			return CVG_E_BAD_ID;
		if (entries[i].value < 0)
			return CVG_E_OVERFLOW;
	}
	if (n > 1)
		qsort(entries, n, sizeof(CvgClockEntry), entry_cmp);
	for (i = 1; i < n; i++)
	{
		if (cvg_slice_eq(entries[i - 1].id, entries[i].id))
			return CVG_E_DUPLICATE;
	}

	writer_init(&w, out, n, 0);
	for (i = 0; i < n; i++)
	{
		if (entries[i].value > 0)
			writer_put(&w, entries[i].id, entries[i].value);
	}
	return writer_finish(&w);
}

/* Text being read; p is at the first byte not read yet. */
typedef struct Scanner
{
	const char *text;
	const char *p;
	CvgError   *err;
} Scanner;

static CvgStatus
scan_fail(Scanner *s, CvgStatus status, const void *at)
{
	return cvg_fail(s->err, status, (const char *) at - s->text);
}

static void
skip_spaces(Scanner *s)
{
	while (*s->p == ' ' || (*s->p >= '\t' && *s->p <= '\r'))
		s->p++;
}

/* Skip spaces, then take this character if it is there. */
static bool
accept_char(Scanner *s, char c)
{
	skip_spaces(s);
	if (*s->p != c)
		return false;
	s->p++;
	return true;
}

/* Replica id, bare or in double quotes; the slice points into the text. */
static CvgStatus
scan_id(Scanner *s, CvgSlice *id)
{
	const char *start;

	if (accept_char(s, '"'))
	{
		start = s->p;
		while (*s->p != '"')
		{
			if (*s->p == '\0')
				return scan_fail(s, CVG_E_SYNTAX, s->p);
			s->p++;
		}
		*id = cvg_slice(start, s->p - start);
		s->p++;
	}
	else
	{
		start = s->p;
		while (cvg_replica_id_valid(cvg_slice(s->p, 1)))
			s->p++;
		if (s->p == start)
			return scan_fail(s, CVG_E_SYNTAX, start);
		*id = cvg_slice(start, s->p - start);
	}
	if (!cvg_replica_id_valid(*id))
		return scan_fail(s, CVG_E_BAD_ID, start);
	return CVG_OK;
}

/* Decimal integer, 0 .. 2^63-1. */
static CvgStatus
scan_value(Scanner *s, int64 *value)
{
	const char *start;
	bool		negative;
	int64		v = 0;

	skip_spaces(s);
	start = s->p;
	negative = accept_char(s, '-');
	if (*s->p < '0' || *s->p > '9')
		return scan_fail(s, CVG_E_SYNTAX, s->p);
	for (; *s->p >= '0' && *s->p <= '9'; s->p++)
	{
		if (pg_mul_s64_overflow(v, 10, &v) ||
			pg_add_s64_overflow(v, *s->p - '0', &v))
			return scan_fail(s, CVG_E_OVERFLOW, start);
	}
	if (negative && v != 0)
		return scan_fail(s, CVG_E_OVERFLOW, start);
	*value = v;
	return CVG_OK;
}

/* Entries up to and with the closing brace, into a growing array. */
static CvgStatus
scan_entries(Scanner *s, CvgClockEntry **entries, int *n)
{
	int			size = 8;

	*entries = palloc(size * sizeof(CvgClockEntry));
	*n = 0;
	if (accept_char(s, '}'))
		return CVG_OK;
	for (;;)
	{
		CvgClockEntry e;
		CvgStatus	status = scan_id(s, &e.id);

		if (status == CVG_OK && !accept_char(s, ':'))
			status = scan_fail(s, CVG_E_SYNTAX, s->p);
		if (status == CVG_OK)
			status = scan_value(s, &e.value);
		if (status != CVG_OK)
			return status;
		if (*n >= CVG_MAX_CLOCK)
			return scan_fail(s, CVG_E_LIMIT, e.id.data);
		if (*n >= size)
		{
			size *= 2;
			*entries = repalloc(*entries, size * sizeof(CvgClockEntry));
		}
		(*entries)[(*n)++] = e;

		if (accept_char(s, '}'))
			return CVG_OK;
		if (!accept_char(s, ','))
			return scan_fail(s, CVG_E_SYNTAX, s->p);
	}
}

/* Where the second of two entries with the same id stands in the text. */
static const uint8 *
find_duplicate(const CvgClockEntry *sorted, int n)
{
	const uint8 *at = NULL;
	int			i;

	for (i = 1; i < n; i++)
	{
		const uint8 *later = Max(sorted[i - 1].id.data, sorted[i].id.data);

		if (cvg_slice_eq(sorted[i - 1].id, sorted[i].id) &&
			(at == NULL || later < at))
			at = later;
	}
	return at;
}

CvgStatus
cvg_vclock_parse(const char *text, CvgBuf *out, CvgError *err)
{
	Scanner		s;
	CvgClockEntry *entries = NULL;
	int			n = 0;
	CvgStatus	status;

	s.text = s.p = text;
	s.err = err;
	if (!accept_char(&s, '{'))
		return scan_fail(&s, CVG_E_SYNTAX, s.p);
	status = scan_entries(&s, &entries, &n);
	if (status == CVG_OK)
	{
		skip_spaces(&s);
		if (*s.p != '\0')
			status = scan_fail(&s, CVG_E_SYNTAX, s.p);
	}
	if (status == CVG_OK)
	{
		status = cvg_vclock_from_entries(entries, n, out);
		if (status != CVG_OK)	/* all else was seen while scanning */
			status = scan_fail(&s, status, find_duplicate(entries, n));
	}
	pfree(entries);
	return status;
}

static void
print_int64(CvgBuf *out, int64 value)
{
	char		digits[MAX_INT64_DIGITS];
	int			i = MAX_INT64_DIGITS;
	uint64		v = (uint64) value & PG_INT64_MAX;

	do
	{
		digits[--i] = (char) ('0' + v % 10);
		v /= 10;
	} while (v > 0);
	cvg_put_bytes(out, digits + i, MAX_INT64_DIGITS - i);
}

void
cvg_vclock_print(CvgSlice clock, CvgBuf *out)
{
	Cursor		c;
	char		before = '{';

	for (cursor_init(&c, clock); c.valid; cursor_next(&c))
	{
		cvg_put_u8(out, before);
		cvg_put_bytes(out, c.entry.id.data, c.entry.id.len);
		cvg_put_u8(out, ':');
		print_int64(out, c.entry.value);
		before = ',';
	}
	if (before == '{')
		cvg_put_u8(out, '{');
	cvg_put_u8(out, '}');
}
