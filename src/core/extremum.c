/*-------------------------------------------------------------------------
 *
 * extremum.c
 *	  Registers that keep the largest or the smallest value seen.
 *
 *-------------------------------------------------------------------------
 */
#include "core/extremum.h"

/* What a timestamptz can be: 4714-11-24 BC up to, but not with, 294277. */
#define TIME_MIN		INT64CONST(-211813488000000000)
#define TIME_END		INT64CONST(9223371331200000000)
#define TIME_INFINITY	PG_INT64_MAX
#define TIME_MINUS_INFINITY PG_INT64_MIN

#define USECS_PER_SEC_	INT64CONST(1000000)
#define USECS_PER_DAY_	(INT64CONST(86400) * USECS_PER_SEC_)

/* Days from 0000-03-01 to 2000-01-01. */
#define DAYS_TO_2000	730425

static bool
is_digit(uint8 c)
{
	return c >= '0' && c <= '9';
}

/* ----------------------------------------------------------------
 *		Decimal numbers
 * ----------------------------------------------------------------
 */

/* NaN, Infinity, -Infinity as 2, 1, -1; 0 if it is none of them. */
static int
special_number(CvgSlice text)
{
	if (cvg_slice_eq(text, cvg_slice_cstring("NaN")))
		return 2;
	if (cvg_slice_eq(text, cvg_slice_cstring("Infinity")))
		return 1;
	if (cvg_slice_eq(text, cvg_slice_cstring("-Infinity")))
		return -1;
	return 0;
}

bool
cvg_decimal_canonical(CvgSlice text, CvgBuf *out)
{
	const uint8 *p = text.data;
	const uint8 *end = p + text.len;
	const uint8 *whole;
	const uint8 *point;
	bool		negative;

	if (special_number(text) != 0)
	{
		cvg_print_slice(out, text);
		return true;
	}
	negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	whole = p;
	while (p < end && is_digit(*p))
		p++;
	point = p;
	if (point == whole)
		return false;
	if (p < end && *p == '.')
	{
		p++;
		while (p < end && is_digit(*p))
			p++;
		if (p == point + 1)
			return false;
	}
	if (p != end)
		return false;

	while (whole < point - 1 && *whole == '0')
		whole++;
	if (end > point)
	{
		while (end[-1] == '0')
			end--;
		if (end[-1] == '.')
			end--;
	}
	if (negative && !(end == whole + 1 && *whole == '0'))
		cvg_put_u8(out, '-');
	cvg_put_bytes(out, whole, end - whole);
	return true;
}

/* Digits before the point. */
static size_t
whole_digits(CvgSlice abs)
{
	size_t		n = 0;

	while (n < abs.len && abs.data[n] != '.')
		n++;
	return n;
}

int
cvg_decimal_cmp(CvgSlice a, CvgSlice b)
{
	int			sa = special_number(a);
	int			sb = special_number(b);
	bool		minus;
	size_t		wa;
	size_t		wb;
	int			c;

	if (sa != 0 || sb != 0)
		return sa < sb ? -1 : (sa > sb ? 1 : 0);
	minus = a.data[0] == '-';
	if (minus != (b.data[0] == '-'))
		return minus ? -1 : 1;
	if (minus)
	{
		a = cvg_slice(a.data + 1, a.len - 1);
		b = cvg_slice(b.data + 1, b.len - 1);
	}
	wa = whole_digits(a);
	wb = whole_digits(b);

	/* with as many digits before the point, byte order is order */
	c = wa != wb ? (wa < wb ? -1 : 1) : cvg_slice_cmp(a, b);
	return minus ? -c : c;
}

/* ----------------------------------------------------------------
 *		Times
 * ----------------------------------------------------------------
 */

static bool
time_valid(int64 t)
{
	return t == TIME_INFINITY || t == TIME_MINUS_INFINITY ||
		(t >= TIME_MIN && t < TIME_END);
}

/* A number with at least so many digits. */
static void
print_padded(CvgBuf *out, int64 v, int digits)
{
	char		text[32];

	snprintf(text, sizeof(text), "%0*lld", digits, (long long) v);
	cvg_print_string(out, text);
}

/*
 * Proleptic Gregorian calendar in years that begin in March, so that the
 * leap day comes last: the day of the year of month m is (153 m + 2) / 5.
 */
static void
print_date(CvgBuf *out, int64 days)
{
	int64		d = days + DAYS_TO_2000;
	int64		era = (d >= 0 ? d : d - 146096) / 146097;
	int64		doe = d - era * 146097;
	int64		yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64		doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64		m = (5 * doy + 2) / 153;
	int64		year = yoe + era * 400 + (m >= 10 ? 1 : 0);

	if (year < 0)
		cvg_put_u8(out, '-');
	print_padded(out, year < 0 ? -year : year, 4);
	cvg_put_u8(out, '-');
	print_padded(out, m < 10 ? m + 3 : m - 9, 2);
	cvg_put_u8(out, '-');
	print_padded(out, doy - (153 * m + 2) / 5 + 1, 2);
}

static void
print_time(CvgBuf *out, int64 t)
{
	int64		days = t / USECS_PER_DAY_;
	int64		rest = t % USECS_PER_DAY_;
	int64		usecs;

	if (t == TIME_INFINITY || t == TIME_MINUS_INFINITY)
	{
		cvg_print_string(out, t > 0 ? "infinity" : "-infinity");
		return;
	}
	if (rest < 0)
	{
		rest += USECS_PER_DAY_;
		days--;
	}
	print_date(out, days);
	cvg_put_u8(out, 'T');
	print_padded(out, rest / (3600 * USECS_PER_SEC_), 2);
	cvg_put_u8(out, ':');
	print_padded(out, rest / (60 * USECS_PER_SEC_) % 60, 2);
	cvg_put_u8(out, ':');
	print_padded(out, rest / USECS_PER_SEC_ % 60, 2);
	usecs = rest % USECS_PER_SEC_;
	if (usecs > 0)
	{
		cvg_put_u8(out, '.');
		print_padded(out, usecs, 6);
		while (out->data[out->len - 1] == '0')
			out->len--;
	}
	cvg_put_u8(out, 'Z');
}

static int64
days_of_date(int64 year, int64 month, int64 day)
{
	int64		y = month > 2 ? year : year - 1;
	int64		m = month > 2 ? month - 3 : month + 9;
	int64		era = (y >= 0 ? y : y - 399) / 400;
	int64		yoe = y - era * 400;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 +
		(153 * m + 2) / 5 + day - 1 - DAYS_TO_2000;
}

/* Digits, at least "min" and at most "max" of them. */
static int64
scan_digits(CvgScanner *s, int min, int max)
{
	const char *start = s->p;
	int64		v = 0;

	while (s->p < s->end && s->p - start < max && is_digit((uint8) *s->p))
		v = v * 10 + (*s->p++ - '0');
	if (s->p - start < min)
		(void) cvg_scan_fail(s, CVG_E_SYNTAX, s->p);
	return v;
}

/* No spaces are allowed inside a time. */
static void
expect_char(CvgScanner *s, char c)
{
	if (s->p < s->end && *s->p == c)
		s->p++;
	else
		(void) cvg_scan_fail(s, CVG_E_SYNTAX, s->p);
}

/* As print_time() writes it; a wrong day or hour is out of range. */
static int64
scan_time(CvgScanner *s)
{
	const char *start = s->p;
	bool		bc = cvg_scan_char(s, '-');
	int64		year = scan_digits(s, 4, 6);
	int64		month = (expect_char(s, '-'), scan_digits(s, 2, 2));
	int64		day = (expect_char(s, '-'), scan_digits(s, 2, 2));
	int64		hour = (expect_char(s, 'T'), scan_digits(s, 2, 2));
	int64		min = (expect_char(s, ':'), scan_digits(s, 2, 2));
	int64		sec = (expect_char(s, ':'), scan_digits(s, 2, 2));
	int64		usecs = 0;
	int64		t;
	CvgBuf		again;

	if (s->p < s->end && *s->p == '.')
	{
		const char *fraction = ++s->p;

		usecs = scan_digits(s, 1, 6);
		for (int i = (int) (s->p - fraction); i < 6; i++)
			usecs *= 10;
	}
	expect_char(s, 'Z');
	if (!cvg_scan_ok(s))
		return 0;
	if (month < 1 || month > 12 || year > 300000)
	{
		(void) cvg_scan_fail(s, CVG_E_OVERFLOW, start);
		return 0;
	}
	t = days_of_date(bc ? -year : year, month, day);
	if (t < TIME_MIN / USECS_PER_DAY_ - 1 || t > TIME_END / USECS_PER_DAY_ - 1)
	{
		(void) cvg_scan_fail(s, CVG_E_OVERFLOW, start);
		return 0;
	}
	t = t * USECS_PER_DAY_ + ((hour * 60 + min) * 60 + sec) * USECS_PER_SEC_ + usecs;

	/* the 30th of February, second 60 and -0000 come out otherwise */
	cvg_buf_init(&again);
	print_time(&again, t);
	if (!time_valid(t) || again.len < 19 || (size_t) (s->p - start) < 19 ||
		memcmp(again.data, start, 19) != 0)
		(void) cvg_scan_fail(s, CVG_E_OVERFLOW, start);
	cvg_buf_free(&again);
	return t;
}

/* ----------------------------------------------------------------
 *		Registers
 * ----------------------------------------------------------------
 */

static CvgExtremum
read_body(CvgReader *r)
{
	CvgExtremum e = {CVG_EXTREMUM_EMPTY};

	if (cvg_reader_at_end(r))
		return e;
	e.kind = (CvgExtremumKind) cvg_get_u8(r);
	if (e.kind == CVG_EXTREMUM_NUMBER)
		e.number = cvg_get_bytes(r, r->len - r->pos);
	else if (e.kind == CVG_EXTREMUM_TIME)
		e.time = (int64) cvg_get_u64(r);
	return e;
}

static void
put_body(CvgBuf *out, CvgExtremum e)
{
	if (e.kind == CVG_EXTREMUM_EMPTY)
		return;
	cvg_put_u8(out, (uint8) e.kind);
	if (e.kind == CVG_EXTREMUM_NUMBER)
		cvg_print_slice(out, e.number);
	else
		cvg_put_u64(out, (uint64) e.time);
}

static void
extremum_check(CvgReader *r)
{
	bool		empty = cvg_reader_at_end(r);
	CvgExtremum e = read_body(r);
	CvgBuf		canonical;

	if (empty || !cvg_reader_ok(r))
		return;
	if (e.kind == CVG_EXTREMUM_TIME)
	{
		if (!time_valid(e.time))
			cvg_reader_fail(r, CVG_E_OVERFLOW);
		return;
	}
	if (e.kind != CVG_EXTREMUM_NUMBER)
	{
		cvg_reader_fail(r, CVG_E_MALFORMED);
		return;
	}
	cvg_buf_init(&canonical);
	if (!cvg_decimal_canonical(e.number, &canonical))
		cvg_reader_fail(r, CVG_E_MALFORMED);
	else if (!cvg_slice_eq(e.number, cvg_buf_slice(&canonical)))
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	cvg_buf_free(&canonical);
}

/* Order of values; both not empty. */
static int
extremum_cmp(CvgExtremum a, CvgExtremum b)
{
	if (a.kind != b.kind)
		return a.kind < b.kind ? -1 : 1;
	if (a.kind == CVG_EXTREMUM_NUMBER)
		return cvg_decimal_cmp(a.number, b.number);
	return a.time < b.time ? -1 : (a.time > b.time ? 1 : 0);
}

/* Is b further than a, upwards or downwards? */
static bool
is_further(CvgExtremum a, CvgExtremum b, bool up)
{
	int			c;

	if (a.kind == CVG_EXTREMUM_EMPTY || b.kind == CVG_EXTREMUM_EMPTY)
		return b.kind != CVG_EXTREMUM_EMPTY;
	c = extremum_cmp(a, b);
	return up ? c < 0 : c > 0;
}

static void
merge_extremum(CvgReader ra, CvgReader rb, bool up, CvgBuf *out)
{
	CvgExtremum a = read_body(&ra);
	CvgExtremum b = read_body(&rb);

	put_body(out, is_further(a, b, up) ? b : a);
}

static void
delta_extremum(CvgReader ro, CvgReader rn, bool up, CvgBuf *out)
{
	CvgExtremum old = read_body(&ro);
	CvgExtremum new = read_body(&rn);

	if (is_further(old, new, up))
		put_body(out, new);
}

static void
maxreg_merge(CvgReader a, CvgReader b, CvgBuf *out)
{
	merge_extremum(a, b, true, out);
}

static void
minreg_merge(CvgReader a, CvgReader b, CvgBuf *out)
{
	merge_extremum(a, b, false, out);
}

static void
maxreg_delta(CvgReader old, CvgReader new, CvgBuf *out)
{
	delta_extremum(old, new, true, out);
}

static void
minreg_delta(CvgReader old, CvgReader new, CvgBuf *out)
{
	delta_extremum(old, new, false, out);
}

static CvgStamp
extremum_latest(CvgReader r)
{
	return 0;
}

CvgExtremum
cvg_extremum_get(CvgSlice reg)
{
	CvgReader	r = cvg_crdt_body(reg);

	return read_body(&r);
}

static CvgStatus
see(CvgSlice reg, CvgExtremum seen, CvgBuf *out)
{
	CvgExtremum old = cvg_extremum_get(reg);
	bool		up = reg.data[1] == CVG_CRDT_MAXREG;
	size_t		start = out->len;

	if (old.kind != CVG_EXTREMUM_EMPTY && old.kind != seen.kind)
		return CVG_E_FORBIDDEN;
	cvg_crdt_put_header_of(reg, out);
	put_body(out, is_further(old, seen, up) ? seen : old);
	return cvg_crdt_finish(CVG_OK, start, out);
}

CvgStatus
cvg_extremum_see_number(CvgSlice reg, CvgSlice text, CvgBuf *out)
{
	CvgExtremum seen = {CVG_EXTREMUM_NUMBER};
	CvgStatus	status = CVG_E_SYNTAX;
	CvgBuf		canonical;

	cvg_buf_init(&canonical);
	if (cvg_decimal_canonical(text, &canonical))
	{
		seen.number = cvg_buf_slice(&canonical);
		status = see(reg, seen, out);
	}
	cvg_buf_free(&canonical);
	return status;
}

CvgStatus
cvg_extremum_see_time(CvgSlice reg, int64 time, CvgBuf *out)
{
	CvgExtremum seen = {CVG_EXTREMUM_TIME};

	if (!time_valid(time))
		return CVG_E_OVERFLOW;
	seen.time = time;
	return see(reg, seen, out);
}

static void
extremum_print(CvgReader r, CvgBuf *out)
{
	CvgExtremum e = read_body(&r);

	if (e.kind == CVG_EXTREMUM_EMPTY)
		cvg_print_string(out, "empty");
	else if (e.kind == CVG_EXTREMUM_NUMBER)
		cvg_print_slice(out, e.number);
	else
		print_time(out, e.time);
}

/* The bytes of a number, so far as they may belong to one. */
static CvgSlice
scan_number(CvgScanner *s)
{
	const char *start = s->p;

	while (s->p < s->end &&
		   (is_digit((uint8) *s->p) || strchr("+-.", *s->p) != NULL) && *s->p)
		s->p++;
	return cvg_slice(start, s->p - start);
}

/* Is this a time?  A number has no minus behind its first digits. */
static bool
looks_like_time(const CvgScanner *s)
{
	const char *p = s->p;

	if (p < s->end && *p == '-')
		p++;
	while (p < s->end && is_digit((uint8) *p))
		p++;
	return p < s->end && *p == '-';
}

static void
extremum_parse(CvgScanner *s, CvgBuf *out)
{
	static const char *const specials[] = {"NaN", "Infinity", "-Infinity"};
	CvgExtremum e = {CVG_EXTREMUM_TIME};
	const char *at = s->p;
	int			i;

	if (cvg_scan_word(s, "empty"))
		return;
	for (i = 0; i < lengthof(specials); i++)
	{
		if (cvg_scan_word(s, specials[i]))
		{
			e.kind = CVG_EXTREMUM_NUMBER;
			e.number = cvg_slice_cstring(specials[i]);
			put_body(out, e);
			return;
		}
	}
	if (cvg_scan_word(s, "infinity"))
		e.time = TIME_INFINITY;
	else if (cvg_scan_word(s, "-infinity"))
		e.time = TIME_MINUS_INFINITY;
	else if (looks_like_time(s))
		e.time = scan_time(s);
	else
	{
		cvg_put_u8(out, CVG_EXTREMUM_NUMBER);
		if (!cvg_decimal_canonical(scan_number(s), out))
			(void) cvg_scan_fail(s, CVG_E_SYNTAX, at);
		return;
	}
	put_body(out, e);
}

const CvgCrdtOps cvg_maxreg_ops = {
	.tag = CVG_CRDT_MAXREG,
	.name = "maxreg",
	.check = extremum_check,
	.merge = maxreg_merge,
	.delta = maxreg_delta,
	.latest = extremum_latest,
	.print = extremum_print,
	.parse = extremum_parse,
};

const CvgCrdtOps cvg_minreg_ops = {
	.tag = CVG_CRDT_MINREG,
	.name = "minreg",
	.check = extremum_check,
	.merge = minreg_merge,
	.delta = minreg_delta,
	.latest = extremum_latest,
	.print = extremum_print,
	.parse = extremum_parse,
};
