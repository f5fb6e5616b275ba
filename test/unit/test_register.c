/*
 * test_register.c: lwwreg, mvreg, maxreg and minreg against a log of
 * operations; decimal numbers and times.
 */
#include "crdt.h"
#include "recode.h"
#include "core/extremum.h"
#include "core/lwwreg.h"
#include "core/mvreg.h"

/* JSON texts with everything that could lead a scanner astray. */
static const char *const payloads[] = {"1", "null", "\"\"", "\"a, b] }\"", "[]", "{}", "-1.5e10",
	"[1, [2, \"]\"], {\"a\": \"}\"}]", "{\"a\": {\"b\": [true]}}", "\"\\\"\\\\\"", "false"};

enum
{
	WRITE,
	CLEAR
};

static CvgStatus
apply_mvreg(CvgSlice value, Op *op, CvgBuf *out)
{
	op->arg = cvg_slice_cstring(payloads[unit_below(lengthof(payloads))]);
	if (op->kind == CLEAR)
		return gen_chance(30) ? cvg_crdt_reset(value, out) : CVG_E_FORBIDDEN;
	return cvg_dotted_write(value, op->dot, op->arg, out);
}

/* Exactly the writes that nothing later has seen. */
static bool
is_mvreg(CvgSlice value, const World *w, const OpSet *ops)
{
	int			n = 0;
	int			i;

	for (i = 0; i < w->nops; i++)
	{
		CvgReader	items = cvg_dotted_begin(value);
		CvgDotted	item;
		bool		found = false;

		if (!opset_has(ops, i) || w->log[i].kind != WRITE || op_seen_by(w, ops, i, -1))
			continue;
		while (cvg_dotted_next(&items, &item))
		{
			if (cvg_dot_id_cmp(item.dot, w->log[i].dot) == 0 && same(item.payload, w->log[i].arg))
				found = true;
		}
		if (!found)
			return false;
		n++;
	}
	return n == cvg_mvreg_count(value);
}

static CvgStatus
apply_lwwreg(CvgSlice value, Op *op, CvgBuf *out)
{
	op->arg = cvg_slice_cstring(payloads[unit_below(lengthof(payloads))]);
	return cvg_lwwreg_set(value, op->dot, op->arg, out);
}

static bool
is_lwwreg(CvgSlice value, const World *w, const OpSet *ops)
{
	const Op   *last = NULL;
	CvgDotted	item;
	int			i;

	for (i = 0; i < w->nops; i++)
	{
		const Op   *op = &w->log[i];

		if (opset_has(ops, i) &&
			(last == NULL || cvg_dot_cmp(op->dot.stamp, op->dot.replica,
										 last->dot.stamp, last->dot.replica) > 0))
			last = op;
	}
	if (!cvg_lwwreg_get(value, &item))
		return last == NULL;
	return last != NULL && cvg_dot_id_cmp(item.dot, last->dot) == 0 && same(item.payload, last->arg);
}

/* n thousandths, written in one of many ways */
static void
thousandths(int64 n, char *text, size_t size)
{
	int64		abs = n < 0 ? -n : n;

	snprintf(text, size, "%s%s%lld.%03lld%s", n < 0 ? "-" : (gen_chance(20) ? "+" : ""),
			 gen_chance(20) ? "00" : "", (long long) abs / 1000, (long long) abs % 1000,
			 gen_chance(50) ? "000" : "");
	if (abs % 1000 == 0 && gen_chance(50))
		*strchr(text, '.') = '\0';
}

static CvgStatus
apply_number(CvgSlice value, Op *op, CvgBuf *out)
{
	char		text[64];

	op->n = gen_chance(20) ? gen_int64() / 40 : unit_below(20000) - 10000;
	if (gen_chance(20))
		op->n = -op->n * 10;
	thousandths(op->n, text, sizeof(text));
	return cvg_extremum_see_number(value, cvg_slice_cstring(text), out);
}

/* What a world of numbers or times made: the furthest, or nothing. */
static bool
model_extremum(const World *w, const OpSet *ops, bool up, int64 *n)
{
	bool		any = false;
	int			i;

	for (i = 0; i < w->nops; i++)
	{
		if (!opset_has(ops, i))
			continue;
		if (!any || (up ? w->log[i].n > *n : w->log[i].n < *n))
			*n = w->log[i].n;
		any = true;
	}
	return any;
}

static bool
is_number(CvgSlice value, const World *w, const OpSet *ops)
{
	int64		n = 0;
	bool		any = model_extremum(w, ops, value.data[1] == CVG_CRDT_MAXREG, &n);
	CvgExtremum e = cvg_extremum_get(value);
	char		text[64];
	CvgBuf		canonical;
	bool		equal;

	if (!any)
		return e.kind == CVG_EXTREMUM_EMPTY;
	thousandths(n, text, sizeof(text));
	cvg_buf_init(&canonical);
	CHECK(cvg_decimal_canonical(cvg_slice_cstring(text), &canonical));
	equal = e.kind == CVG_EXTREMUM_NUMBER && same(e.number, cvg_buf_slice(&canonical));
	cvg_buf_free(&canonical);
	return equal;
}

static CvgStatus
apply_time(CvgSlice value, Op *op, CvgBuf *out)
{
	if (gen_chance(50))
		op->n = (int64) (unit_rand() % UINT64CONST(9223371331200000000));
	else
		op->n = -(int64) (unit_rand() % UINT64CONST(211813488000000001));
	if (gen_chance(50))
		op->n -= op->n % INT64CONST(1000000);
	if (gen_chance(5))
		op->n = gen_chance(50) ? PG_INT64_MAX : PG_INT64_MIN;
	return cvg_extremum_see_time(value, op->n, out);
}

static bool
is_time(CvgSlice value, const World *w, const OpSet *ops)
{
	int64		n = 0;
	bool		any = model_extremum(w, ops, value.data[1] == CVG_CRDT_MAXREG, &n);
	CvgExtremum e = cvg_extremum_get(value);

	return any ? e.kind == CVG_EXTREMUM_TIME && e.time == n : e.kind == CVG_EXTREMUM_EMPTY;
}

static const CrdtType mvreg = {&cvg_mvreg_ops, 2, apply_mvreg, is_mvreg};
static const CrdtType lwwreg = {&cvg_lwwreg_ops, 1, apply_lwwreg, is_lwwreg};
static const CrdtType max_number = {&cvg_maxreg_ops, 1, apply_number, is_number};
static const CrdtType min_number = {&cvg_minreg_ops, 1, apply_number, is_number};
static const CrdtType max_time = {&cvg_maxreg_ops, 1, apply_time, is_time};
static const CrdtType min_time = {&cvg_minreg_ops, 1, apply_time, is_time};

static CvgSlice
number(const CvgCrdtOps *ops, const char *text)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(cvg_extremum_see_number(crdt_bottom(ops), cvg_slice_cstring(text), &buf) == CVG_OK, "%s", text);
	return gen_take(&buf);
}

static void
test_numbers(void)
{
	/* ascending */
	static const char *const order[] = {"-Infinity", "-100000000000000000000.5", "-100000000000000000000",
		"-10", "-9.99", "-9.9", "-1", "-0.1", "-0.01", "0", "0.001", "0.01", "0.1", "0.11", "0.2", "1", "1.5",
	"2", "10", "99", "100", "100.000000000000000000001", "99999999999999999999999", "Infinity", "NaN"};
	static const char *const bad[] = {"", "-", ".", "1.", ".5", "1e5", "1 ", " 1", "--1", "0x1", "nan",
	"infinity", "1,5", "1.5.5", "+", "Inf"};
	CvgBuf		buf;
	int			i;
	int			j;

	for (i = 0; i < lengthof(order); i++)
	{
		for (j = 0; j < lengthof(order); j++)
		{
			CvgSlice	a = number(&cvg_maxreg_ops, order[i]);
			CvgSlice	b = number(&cvg_maxreg_ops, order[j]);

			CHECK(same(crdt_merge(a, b), i > j ? a : b), "max of %s and %s", order[i], order[j]);
			a = number(&cvg_minreg_ops, order[i]);
			b = number(&cvg_minreg_ops, order[j]);
			CHECK(same(crdt_merge(a, b), i < j ? a : b), "min of %s and %s", order[i], order[j]);
		}
	}
	CHECK(same(number(&cvg_maxreg_ops, "-0.000"), number(&cvg_maxreg_ops, "0")));
	CHECK(same(number(&cvg_maxreg_ops, "+0010.500"), number(&cvg_maxreg_ops, "10.5")));
	cvg_buf_init(&buf);
	for (i = 0; i < lengthof(bad); i++)
		CHECK(cvg_extremum_see_number(crdt_bottom(&cvg_maxreg_ops), cvg_slice_cstring(bad[i]), &buf) == CVG_E_SYNTAX,
			  "%s", bad[i]);
	CHECK(cvg_extremum_see_time(number(&cvg_maxreg_ops, "1"), 0, &buf) == CVG_E_FORBIDDEN);
	CHECK(cvg_extremum_see_time(crdt_bottom(&cvg_maxreg_ops), INT64CONST(9223371331200000000), &buf) == CVG_E_OVERFLOW);
	CHECK(buf.len == 0);
	cvg_buf_free(&buf);
	gen_reset();
}

static void
test_times(void)
{
	static const struct
	{
		const char *text;
		int64		time;
	}			good[] = {
		{"2000-01-01T00:00:00Z", 0}, {"1999-12-31T23:59:59.999999Z", -1},
		{"2000-02-29T12:00:00.5Z", INT64CONST(5140800500000)},
		{"1970-01-01T00:00:00Z", INT64CONST(-946684800000000)},
		{"2100-03-01T00:00:00Z", INT64CONST(3160857600000000)},
		{"0001-01-01T00:00:00Z", INT64CONST(-63082281600000000)},
		{"0000-12-31T00:00:00Z", INT64CONST(-63082368000000000)},
		{"-4713-11-24T00:00:00Z", INT64CONST(-211813488000000000)},
		{"294276-12-31T23:59:59.999999Z", INT64CONST(9223371331199999999)},
		{"infinity", PG_INT64_MAX}, {"-infinity", PG_INT64_MIN},
	};
	static const char *const bad[] = {"2000-01-01", "2000-01-01T00:00:00", "2000-02-30T00:00:00Z",
		"2000-13-01T00:00:00Z", "2000-00-01T00:00:00Z", "2000-01-01T24:00:00Z", "2000-01-01T00:60:00Z",
		"2000-01-01T00:00:60Z", "2000-01-00T00:00:00Z", "2100-02-29T00:00:00Z", "200-01-01T00:00:00Z",
		"-0000-01-01T00:00:00Z", "294277-01-01T00:00:00Z", "-4713-11-23T00:00:00Z", "2000-01-01T00:00:00.Z",
	"2000-01-01T00:00:00.1234567Z", "02000-01-01T00:00:00Z", "2000-01-01 00:00:00Z", "999999-01-01T00:00:00Z"};
	CvgError	err;
	int			i;

	for (i = 0; i < lengthof(good); i++)
	{
		CvgSlice	v = crdt_parse(&cvg_minreg_ops, good[i].text, &err);

		CHECK(v.len > 0 && cvg_extremum_get(v).time == good[i].time, "%s: %lld", good[i].text,
			  v.len > 0 ? (long long) cvg_extremum_get(v).time : 0);
		CHECK(v.len > 0 && strcmp(crdt_text(v), good[i].text) == 0);
	}
	for (i = 0; i < lengthof(bad); i++)
		CHECK(crdt_parse(&cvg_minreg_ops, bad[i], &err).len == 0, "%s", bad[i]);
	gen_reset();
}

static CvgSlice
write_value(const CvgCrdtOps *ops, CvgSlice r, const char *replica, CvgStamp stamp, const char *text)
{
	CvgDot		d = {cvg_slice_cstring(replica), stamp};
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK((ops == &cvg_mvreg_ops ? cvg_dotted_write : cvg_lwwreg_set) (r, d, cvg_slice_cstring(text), &buf) == CVG_OK);
	return gen_take(&buf);
}

/*
 * Preguica et al. 2012, section 2: with one vector per value, two writes
 * through one server either look ordered or keep false siblings.
 */
static void
test_siblings(void)
{
	CvgSlice	r = write_value(&cvg_mvreg_ops, crdt_bottom(&cvg_mvreg_ops), "a", 1, "\"v1\"");
	CvgSlice	old = r;
	CvgSlice	x = write_value(&cvg_mvreg_ops, r, "a", 2, "\"v2\"");
	CvgSlice	y = write_value(&cvg_mvreg_ops, old, "a", 3, "\"v3\"");
	CvgSlice	m = crdt_merge(x, y);
	CvgDotted	item;

	CHECK(cvg_mvreg_count(m) == 2, "both, and not the one they replaced");
	CHECK(cvg_mvreg_latest(m, &item) && item.dot.stamp == 3);
	CHECK(cvg_mvreg_count(write_value(&cvg_mvreg_ops, m, "b", 4, "4")) == 1);
	CHECK(cvg_mvreg_count(crdt_merge(write_value(&cvg_mvreg_ops, x, "a", 4, "4"), y)) == 2,
		  "a write supersedes what it has seen and nothing else");
	gen_reset();
}

static void
test_damage(void)
{
	CvgSlice	r = write_value(&cvg_mvreg_ops, crdt_bottom(&cvg_mvreg_ops), "a", 300, "1");

	r = crdt_merge(write_value(&cvg_mvreg_ops, r, "b", 301, "{\"a\": 1}"), write_value(&cvg_mvreg_ops, r, "a", 302, "3"));
	check_damage(recode_crdt, r, "mvreg");
	check_damage(recode_crdt, write_value(&cvg_lwwreg_ops, crdt_bottom(&cvg_lwwreg_ops), "a", 300, "[1]"), "lwwreg");
	check_damage(recode_crdt, number(&cvg_maxreg_ops, "-10.25"), "maxreg");
	gen_reset();
}

static void
test_text(void)
{
	static const char *const good[] = {"unset", " a@5 {\"a\": 1} ", "a@5 1", "unset@5 \"x\""};
	static const char *const bad[] = {"", "a", "a@5", "a@0 1", "@5 1", "a@5 [1", "a@5 \"x", "a@5 1 2", "unset 1",
	"a@5 ]", "a@5 \"\\"};
	CvgError	err;
	int			i;

	for (i = 0; i < lengthof(good); i++)
		CHECK(crdt_parse(&cvg_lwwreg_ops, good[i], &err).len > 0, "%s", good[i]);
	for (i = 0; i < lengthof(bad); i++)
		CHECK(crdt_parse(&cvg_lwwreg_ops, bad[i], &err).len == 0, "%s", bad[i]);
	gen_reset();
}

int
main(void)
{
	check_type(&mvreg);
	check_type(&lwwreg);
	check_type(&max_number);
	check_type(&min_number);
	check_type(&max_time);
	check_type(&min_time);
	unit_start(1);
	test_numbers();
	test_times();
	test_siblings();
	test_damage();
	test_text();
	return unit_done();
}
