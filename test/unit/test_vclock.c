/*
 * test_vclock.c: the laws of vector clocks, against a model that is an array.
 *
 * Clocks are drawn over a small set of ids and mostly small values, so that
 * equal, ordered and concurrent pairs are all frequent; ids differ in length
 * and share prefixes, and values take every varint size.
 */
#include "unit.h"
#include "core/vclock.h"

#define NIDS	9

static CvgSlice ids[NIDS];		/* ascending */
static char long_id[CVG_MAX_REPLICA_ID + 2];

typedef struct Model
{
	int64		v[NIDS];
} Model;

static void
make_ids(void)
{
	memset(long_id, 'm', CVG_MAX_REPLICA_ID + 1);
	ids[0] = cvg_slice_cstring("-");
	ids[1] = cvg_slice_cstring("Z.9");
	ids[2] = cvg_slice_cstring("a");
	ids[3] = cvg_slice_cstring("aa");
	ids[4] = cvg_slice_cstring("ab");
	ids[5] = cvg_slice(long_id, CVG_MAX_REPLICA_ID);
	ids[6] = cvg_slice_cstring("paris");
	ids[7] = cvg_slice_cstring("paris~1f");
	ids[8] = cvg_slice_cstring("\xc3\xa9t\xc3\xa9");
}

static Model
random_model(void)
{
	Model		m = {{0}};
	int			density = 1 + unit_below(4);

	for (int i = 0; i < NIDS; i++)
	{
		if (unit_below(4) >= density)
			continue;
		if (unit_below(8) == 0)
			m.v[i] = (int64) (unit_rand() >> (1 + unit_below(63)));
		else
			m.v[i] = unit_below(4);
		if (unit_below(200) == 0)
			m.v[i] = PG_INT64_MAX;
	}
	return m;
}

/* A model near another one: often comparable with it. */
static Model
random_neighbour(Model m)
{
	int			steps = unit_below(4);

	while (steps-- > 0)
	{
		int			i = unit_below(NIDS);

		if (unit_below(2) == 0)
			m.v[i] = m.v[i] < PG_INT64_MAX ? m.v[i] + 1 : m.v[i];
		else
			m.v[i] = m.v[i] / 2;
	}
	return m;
}

static CvgBuf
to_clock(const Model *m)
{
	CvgClockEntry e[NIDS];
	int			order[NIDS];
	CvgBuf		buf;
	int			n = 0;

	for (int i = 0; i < NIDS; i++)
	{
		int			j = unit_below(i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (int i = 0; i < NIDS; i++)
	{
		if (m->v[order[i]] == 0 && unit_below(2) == 0)
			continue;			/* a zero may be given or left out */
		e[n].id = ids[order[i]];
		e[n++].value = m->v[order[i]];
	}
	cvg_buf_init(&buf);
	CHECK(cvg_vclock_from_entries(e, n, &buf) == CVG_OK, "from_entries");
	CHECK(cvg_vclock_validate(cvg_buf_slice(&buf), NULL) == CVG_OK, "validate");
	return buf;
}

static bool
is_model(const CvgBuf *buf, const Model *m)
{
	CvgClockIter it;
	CvgClockEntry e;
	int			i = 0;
	int			n = 0;

	cvg_vclock_iter(&it, cvg_buf_slice(buf));
	while (cvg_vclock_next(&it, &e))
	{
		while (i < NIDS && m->v[i] == 0)
			i++;
		if (i >= NIDS || !cvg_slice_eq(e.id, ids[i]) || e.value != m->v[i])
			return false;
		i++;
		n++;
	}
	while (i < NIDS && m->v[i] == 0)
		i++;
	return i == NIDS && n == cvg_vclock_count(cvg_buf_slice(buf)) &&
		cvg_reader_at_end(&it.reader);
}

static bool
same(const CvgBuf *a, const CvgBuf *b)
{
	return cvg_slice_eq(cvg_buf_slice(a), cvg_buf_slice(b));
}

static CvgBuf
join(const CvgBuf *a, const CvgBuf *b)
{
	CvgBuf		out;

	cvg_buf_init(&out);
	CHECK(cvg_vclock_join(cvg_buf_slice(a), cvg_buf_slice(b), &out) == CVG_OK, "join");
	return out;
}

static CvgBuf
meet(const CvgBuf *a, const CvgBuf *b)
{
	CvgBuf		out;

	cvg_buf_init(&out);
	CHECK(cvg_vclock_meet(cvg_buf_slice(a), cvg_buf_slice(b), &out) == CVG_OK, "meet");
	return out;
}

static CvgOrder
model_compare(const Model *a, const Model *b)
{
	bool		less = false;
	bool		more = false;

	for (int i = 0; i < NIDS; i++)
	{
		less = less || a->v[i] < b->v[i];
		more = more || a->v[i] > b->v[i];
	}
	if (less && more)
		return CVG_CONCURRENT;
	return less ? CVG_BEFORE : (more ? CVG_AFTER : CVG_EQUAL);
}

/* The order that a btree sees: entries (id, value), shorter first. */
static int
model_cmp_total(const Model *a, const Model *b)
{
	int			i = 0;
	int			j = 0;

	for (;; i++, j++)
	{
		while (i < NIDS && a->v[i] == 0)
			i++;
		while (j < NIDS && b->v[j] == 0)
			j++;
		if (i == NIDS || j == NIDS)
			return (j == NIDS) - (i == NIDS);
		if (i != j)
			return i < j ? -1 : 1;
		if (a->v[i] != b->v[j])
			return a->v[i] < b->v[j] ? -1 : 1;
	}
}

static int
sign(int x)
{
	return (x > 0) - (x < 0);
}

/* join and meet: laws, agreement with the model, absorption. */
static void
check_lattice(const Model m[3], const CvgBuf c[3])
{
	CvgBuf		ab = join(&c[0], &c[1]);
	CvgBuf		ba = join(&c[1], &c[0]);
	CvgBuf		bc = join(&c[1], &c[2]);
	CvgBuf		ab_c = join(&ab, &c[2]);
	CvgBuf		a_bc = join(&c[0], &bc);
	CvgBuf		aa = join(&c[0], &c[0]);
	CvgBuf		low = meet(&c[0], &c[1]);
	CvgBuf		low2 = meet(&c[1], &c[0]);
	CvgBuf		absorbed = join(&c[0], &low);
	CvgBuf		absorbed2 = meet(&c[0], &ab);
	Model		max;
	Model		min;

	for (int i = 0; i < NIDS; i++)
	{
		max.v[i] = Max(m[0].v[i], m[1].v[i]);
		min.v[i] = Min(m[0].v[i], m[1].v[i]);
	}
	CHECK(is_model(&ab, &max), "join is the maximum");
	CHECK(is_model(&low, &min), "meet is the minimum");
	CHECK(same(&ab, &ba), "join commutes");
	CHECK(same(&low, &low2), "meet commutes");
	CHECK(same(&ab_c, &a_bc), "join is associative");
	CHECK(same(&aa, &c[0]), "join is idempotent");
	CHECK(same(&absorbed, &c[0]) && same(&absorbed2, &c[0]), "absorption");
	CHECK(cvg_vclock_validate(cvg_buf_slice(&ab), NULL) == CVG_OK, "join is canonical");
	CHECK(cvg_vclock_validate(cvg_buf_slice(&low), NULL) == CVG_OK, "meet is canonical");
	CHECK(cvg_vclock_covered(cvg_buf_slice(&c[0]), cvg_buf_slice(&ab)) &&
		  cvg_vclock_covered(cvg_buf_slice(&low), cvg_buf_slice(&c[0])), "bounds");

	cvg_buf_free(&ab);
	cvg_buf_free(&ba);
	cvg_buf_free(&bc);
	cvg_buf_free(&ab_c);
	cvg_buf_free(&a_bc);
	cvg_buf_free(&aa);
	cvg_buf_free(&low);
	cvg_buf_free(&low2);
	cvg_buf_free(&absorbed);
	cvg_buf_free(&absorbed2);
}

/* Both orders: the causal one, and the total one of btree. */
static void
check_order(const Model m[3], const CvgBuf c[3])
{
	CvgSlice	a = cvg_buf_slice(&c[0]);
	CvgSlice	b = cvg_buf_slice(&c[1]);
	CvgSlice	d = cvg_buf_slice(&c[2]);
	CvgOrder	o = cvg_vclock_compare(a, b);
	CvgOrder	back = cvg_vclock_compare(b, a);
	int			t = cvg_vclock_cmp_total(a, b);

	CHECK(o == model_compare(&m[0], &m[1]), "compare %d", o);
	CHECK(back == (o == CVG_BEFORE ? CVG_AFTER : o == CVG_AFTER ? CVG_BEFORE : o), "antisymmetry");
	CHECK((o == CVG_EQUAL) == cvg_slice_eq(a, b), "equal clocks, equal bytes");
	CHECK(cvg_vclock_covered(a, b) == (o == CVG_EQUAL || o == CVG_BEFORE), "covered");
	CHECK(cvg_vclock_covered(b, a) == (o == CVG_EQUAL || o == CVG_AFTER), "covered back");
	CHECK(cvg_vclock_compare(a, a) == CVG_EQUAL && cvg_vclock_covered(a, a), "reflexive");
	if (cvg_vclock_covered(a, b) && cvg_vclock_covered(b, d))
		CHECK(cvg_vclock_covered(a, d), "covered is transitive");

	CHECK(t == model_cmp_total(&m[0], &m[1]), "total order %d", t);
	CHECK(sign(t) == -sign(cvg_vclock_cmp_total(b, a)), "total antisymmetry");
	CHECK((t == 0) == (o == CVG_EQUAL), "total equality");
	if (t <= 0 && cvg_vclock_cmp_total(b, d) <= 0)
		CHECK(cvg_vclock_cmp_total(a, d) <= 0, "total order is transitive");
}

/* get, set and increment of one entry. */
static void
check_entry(const Model *m, const CvgBuf *c)
{
	int			i = unit_below(NIDS);
	int64		value = unit_below(3) == 0 ? 0 : (int64) (unit_rand() >> (1 + unit_below(63)));
	CvgSlice	clock = cvg_buf_slice(c);
	CvgBuf		out;
	Model		want = *m;
	CvgStatus	status;

	CHECK(cvg_vclock_get(clock, ids[i]) == m->v[i], "get");
	CHECK(cvg_vclock_get(clock, cvg_slice_cstring("nowhere")) == 0, "absent");

	cvg_buf_init(&out);
	cvg_put_u32(&out, 0xdeadbeef);	/* what stands before is not touched */
	CHECK(cvg_vclock_set(clock, ids[i], value, &out) == CVG_OK, "set");
	CHECK(memcmp(out.data, "\xde\xad\xbe\xef", 4) == 0, "bytes before");
	memmove(out.data, out.data + 4, out.len - 4);
	out.len -= 4;
	want.v[i] = value;
	CHECK(is_model(&out, &want), "set %" PRId64, value);
	CHECK(cvg_vclock_validate(cvg_buf_slice(&out), NULL) == CVG_OK, "set is canonical");

	cvg_buf_reset(&out);
	status = cvg_vclock_increment(clock, ids[i], value, &out);
	if (m->v[i] > PG_INT64_MAX - value)
		CHECK(status == CVG_E_OVERFLOW && out.len == 0, "overflow");
	else
	{
		want.v[i] = m->v[i] + value;
		CHECK(status == CVG_OK && is_model(&out, &want), "increment");
		CHECK(cvg_vclock_compare(clock, cvg_buf_slice(&out)) ==
			  (value > 0 ? CVG_BEFORE : CVG_EQUAL), "increment goes up");
	}
	cvg_buf_free(&out);
}

/* Text out and in again, as printed and with noise. */
static void
check_text(const Model *m, const CvgBuf *c)
{
	CvgBuf		text;
	CvgBuf		back;
	CvgError	err;
	char		noisy[2048];
	int			n = 0;

	cvg_buf_init(&text);
	cvg_buf_init(&back);
	cvg_vclock_print(cvg_buf_slice(c), &text);
	cvg_put_u8(&text, '\0');
	CHECK(cvg_vclock_parse((char *) text.data, &back, &err) == CVG_OK && same(c, &back),
		  "text %s", (char *) text.data);

	n += sprintf(noisy, " { ");
	for (int i = NIDS - 1, first = 1; i >= 0; i--)
	{
		const char *quote = unit_below(2) ? "\"" : "";

		if (m->v[i] == 0 && unit_below(2))
			continue;
		n += sprintf(noisy + n, "%s%s%.*s%s\t: %s%" PRId64 " ", first ? "" : ",\n",
					 quote, (int) ids[i].len, (const char *) ids[i].data, quote,
					 unit_below(2) ? "00" : "", m->v[i]);
		first = 0;
	}
	sprintf(noisy + n, "}\r");
	cvg_buf_reset(&back);
	CHECK(cvg_vclock_parse(noisy, &back, &err) == CVG_OK && same(c, &back), "noisy %s", noisy);
	cvg_buf_free(&text);
	cvg_buf_free(&back);
}

static void
random_triples(int cases)
{
	for (int i = 0; i < cases; i++)
	{
		Model		m[3];
		CvgBuf		c[3];

		m[0] = random_model();
		m[1] = unit_below(2) ? random_model() : random_neighbour(m[0]);
		m[2] = unit_below(2) ? random_model() : random_neighbour(m[1]);
		for (int k = 0; k < 3; k++)
			c[k] = to_clock(&m[k]);
		CHECK(is_model(&c[0], &m[0]), "round trip");
		check_lattice(m, c);
		check_order(m, c);
		check_entry(&m[0], &c[0]);
		check_text(&m[1], &c[1]);
		for (int k = 0; k < 3; k++)
			cvg_buf_free(&c[k]);
	}
}

/* All clocks of three ids with values 0 .. 2: every pair. */
static void
exhaustive_pairs(void)
{
	for (int x = 0; x < 27 * 27; x++)
	{
		Model		m[3] = {{{0}}};
		CvgBuf		c[3];

		for (int i = 0, a = x % 27, b = x / 27; i < 3; i++, a /= 3, b /= 3)
		{
			m[0].v[2 + i] = a % 3;
			m[1].v[2 + i] = b % 3;
		}
		for (int k = 0; k < 3; k++)
			c[k] = to_clock(&m[k]);
		check_lattice(m, c);
		check_order(m, c);
		for (int k = 0; k < 3; k++)
			cvg_buf_free(&c[k]);
	}
}

/* Valid bytes have one meaning: encoding their entries gives them back. */
static void
check_reencode(CvgSlice bytes)
{
	CvgClockEntry e[64];
	CvgClockIter it;
	CvgBuf		out;
	int			n = 0;

	cvg_vclock_iter(&it, bytes);
	while (n < 64 && cvg_vclock_next(&it, &e[n]))
		n++;
	cvg_buf_init(&out);
	CHECK(cvg_vclock_from_entries(e, n, &out) == CVG_OK, "entries of a valid clock");
	CHECK(cvg_slice_eq(cvg_buf_slice(&out), bytes), "second form of the same clock");
	cvg_buf_free(&out);
}

/* Invalid bytes: any answer, but no read out of bounds and no endless loop. */
static void
use_anyway(CvgSlice bad, CvgSlice good)
{
	CvgClockIter it;
	CvgClockEntry e;
	CvgBuf		out;
	int			n = 0;

	cvg_vclock_iter(&it, bad);
	while (cvg_vclock_next(&it, &e))
		n++;
	CHECK(n <= cvg_vclock_count(bad), "no more entries than counted");
	cvg_buf_init(&out);
	(void) cvg_vclock_join(bad, good, &out);
	(void) cvg_vclock_join(good, bad, &out);
	(void) cvg_vclock_meet(bad, good, &out);
	(void) cvg_vclock_set(bad, ids[4], 5, &out);
	(void) cvg_vclock_increment(bad, ids[4], 5, &out);
	(void) cvg_vclock_compare(bad, good);
	(void) cvg_vclock_covered(bad, good);
	(void) cvg_vclock_covered(good, bad);
	(void) cvg_vclock_cmp_total(bad, good);
	cvg_vclock_print(bad, &out);
	cvg_buf_free(&out);
}

static void
random_damage(int cases)
{
	for (int i = 0; i < cases; i++)
	{
		Model		m = random_model();
		Model		other = random_model();
		CvgBuf		c = to_clock(&m);
		CvgBuf		good = to_clock(&other);
		size_t		len = c.len;
		uint8	   *bad;
		CvgError	err = {CVG_OK, 0};
		int			kind = unit_below(3);

		if (kind == 0)
			len = unit_below((int) len);	/* cut */
		bad = malloc(len + 1);
		memcpy(bad, c.data, len);
		if (kind == 1)
			bad[unit_below((int) len)] ^= (uint8) (1 << unit_below(8));
		if (kind == 2)
			for (int k = unit_below(4); k >= 0; k--)
				bad[unit_below((int) len)] = (uint8) unit_rand();
		bad = realloc(bad, Max(len, 1));	/* exact size for the sanitizer */

		if (cvg_vclock_validate(cvg_slice(bad, len), &err) != CVG_OK)
		{
			CHECK(err.status != CVG_OK && err.offset <= len, "error filled");
			use_anyway(cvg_slice(bad, len), cvg_buf_slice(&good));
		}
		else if (len > 0)
		{
			CHECK(kind != 0, "a cut clock was accepted");
			check_reencode(cvg_slice(bad, len));
		}
		free(bad);
		cvg_buf_free(&c);
		cvg_buf_free(&good);
	}
}

/* Text with random damage is refused inside its bounds or means one clock. */
static void
random_text(int cases)
{
	static const char alphabet[] = "{}:,\" ab19-x\n/";

	for (int i = 0; i < cases; i++)
	{
		char		text[24];
		int			len = unit_below((int) sizeof(text) - 1);
		char	   *exact;
		CvgBuf		out;
		CvgError	err = {CVG_OK, 0};

		for (int k = 0; k < len; k++)
			text[k] = alphabet[unit_below((int) sizeof(alphabet) - 1)];
		if (unit_below(2) && len >= 4)
			memcpy(text, "{a:", 3);
		text[len] = '\0';
		exact = strdup(text);
		cvg_buf_init(&out);
		if (cvg_vclock_parse(exact, &out, &err) == CVG_OK)
			CHECK(cvg_vclock_validate(cvg_buf_slice(&out), NULL) == CVG_OK, "%s", text);
		else
			CHECK(err.status != CVG_OK && err.offset <= (size_t) len && out.len == 0, "%s", text);
		free(exact);
		cvg_buf_free(&out);
	}
}

static void
expect_text(const char *text, CvgStatus status, size_t offset)
{
	CvgBuf		out;
	CvgError	err = {CVG_OK, 0};
	CvgStatus	got;

	cvg_buf_init(&out);
	got = cvg_vclock_parse(text, &out, &err);
	CHECK(got == status && err.offset == offset && err.status == got,
		  "%s: status %d at %zu", text, got, err.offset);
	cvg_buf_free(&out);
}

static void
test_text_errors(void)
{
	expect_text("", CVG_E_SYNTAX, 0);
	expect_text("  x", CVG_E_SYNTAX, 2);
	expect_text("{", CVG_E_SYNTAX, 1);
	expect_text("{a", CVG_E_SYNTAX, 2);
	expect_text("{a:", CVG_E_SYNTAX, 3);
	expect_text("{a:1", CVG_E_SYNTAX, 4);
	expect_text("{a:1,", CVG_E_SYNTAX, 5);
	expect_text("{a:1,}", CVG_E_SYNTAX, 5);
	expect_text("{,}", CVG_E_SYNTAX, 1);
	expect_text("{a:1 b:2}", CVG_E_SYNTAX, 5);
	expect_text("{a:1}x", CVG_E_SYNTAX, 5);
	expect_text("{a:1}{b:2}", CVG_E_SYNTAX, 5);
	expect_text("{a:x}", CVG_E_SYNTAX, 3);
	expect_text("{a:+1}", CVG_E_SYNTAX, 3);
	expect_text("{a:- 1}", CVG_E_SYNTAX, 4);
	expect_text("{a:1.5}", CVG_E_SYNTAX, 4);
	expect_text("{a/b:1}", CVG_E_SYNTAX, 2);
	expect_text("{\"a:1}", CVG_E_SYNTAX, 6);
	expect_text("{\"\":1}", CVG_E_BAD_ID, 2);
	expect_text("{\"a b\":1}", CVG_E_BAD_ID, 2);
	expect_text("{a:1,b:2,a:3}", CVG_E_DUPLICATE, 9);
	expect_text("{a:0,\"a\":0}", CVG_E_DUPLICATE, 6);
	expect_text("{b:1,b:2,a:1,a:2}", CVG_E_DUPLICATE, 5);
	expect_text("{a:-1}", CVG_E_OVERFLOW, 3);
	expect_text("{a:9223372036854775808}", CVG_E_OVERFLOW, 3);
	expect_text("{a: 99999999999999999999999}", CVG_E_OVERFLOW, 4);
}

static void
expect_bytes(const char *bytes, size_t len, CvgStatus status, size_t offset)
{
	CvgError	err = {CVG_OK, 0};
	CvgStatus	got = cvg_vclock_validate(cvg_slice(bytes, len), &err);

	CHECK(got == status && err.offset == offset, "status %d at %zu", got, err.offset);
}

static void
test_binary_errors(void)
{
	expect_bytes("", 0, CVG_OK, 0);
	expect_bytes("\1\0", 2, CVG_OK, 0);
	expect_bytes("\1\1\1a\5", 5, CVG_OK, 0);
	expect_bytes("\0\0", 2, CVG_E_VERSION, 0);
	expect_bytes("\2\0", 2, CVG_E_VERSION, 0);
	expect_bytes("\1", 1, CVG_E_TRUNCATED, 1);
	expect_bytes("\1\1", 2, CVG_E_TRUNCATED, 2);
	expect_bytes("\1\1\2a", 4, CVG_E_TRUNCATED, 2);
	expect_bytes("\1\1\1a", 4, CVG_E_TRUNCATED, 4);
	expect_bytes("\1\0\0", 3, CVG_E_TRAILING, 2);
	expect_bytes("\1\x80\0", 3, CVG_E_NOT_CANONICAL, 1);
	expect_bytes("\1\1\1a\0", 5, CVG_E_NOT_CANONICAL, 4);
	expect_bytes("\1\1\1a\x85\0", 6, CVG_E_NOT_CANONICAL, 4);
	expect_bytes("\1\2\1a\1\1a\1", 8, CVG_E_NOT_CANONICAL, 5);
	expect_bytes("\1\2\1b\1\1a\1", 8, CVG_E_NOT_CANONICAL, 5);
	expect_bytes("\1\1\0\1", 4, CVG_E_BAD_ID, 2);
	expect_bytes("\1\1\1 \1", 5, CVG_E_BAD_ID, 2);
	expect_bytes("\1\1\x40", 3, CVG_E_LIMIT, 2);
	expect_bytes("\1\x91\x4e", 3, CVG_E_LIMIT, 1);	/* 10001 */
	expect_bytes("\1\1\1a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 13, CVG_OK, 0);
	expect_bytes("\1\1\1a\x80\x80\x80\x80\x80\x80\x80\x80\x80\1", 14, CVG_E_OVERFLOW, 4);
}

static void
test_ids(void)
{
	CvgSlice	ok = cvg_slice(long_id, CVG_MAX_REPLICA_ID);
	CvgSlice	too_long = cvg_slice(long_id, CVG_MAX_REPLICA_ID + 1);
	CvgClockEntry e;
	CvgBuf		out;
	CvgBuf		text;
	CvgError	err;

	cvg_buf_init(&out);
	cvg_buf_init(&text);
	CHECK(cvg_vclock_set(cvg_slice(NULL, 0), ok, 1, &out) == CVG_OK, "63 bytes");
	CHECK(cvg_vclock_validate(cvg_buf_slice(&out), NULL) == CVG_OK, "63 bytes");
	CHECK(cvg_vclock_get(cvg_buf_slice(&out), ok) == 1, "63 bytes");
	CHECK(cvg_vclock_get(cvg_buf_slice(&out), too_long) == 0, "64 bytes");
	cvg_buf_reset(&out);
	CHECK(cvg_vclock_set(cvg_slice(NULL, 0), too_long, 1, &out) == CVG_E_BAD_ID, "64 bytes");
	CHECK(cvg_vclock_increment(cvg_slice(NULL, 0), too_long, 1, &out) == CVG_E_BAD_ID, "64 bytes");
	CHECK(cvg_vclock_set(cvg_slice(NULL, 0), cvg_slice(NULL, 0), 1, &out) == CVG_E_BAD_ID, "empty");
	e.id = too_long;
	e.value = 1;
	CHECK(cvg_vclock_from_entries(&e, 1, &out) == CVG_E_BAD_ID, "64 bytes");
	e.id = ok;
	e.value = -1;
	CHECK(cvg_vclock_from_entries(&e, 1, &out) == CVG_E_OVERFLOW, "negative");
	CHECK(cvg_vclock_set(cvg_slice(NULL, 0), ok, -1, &out) == CVG_E_OVERFLOW, "negative");
	CHECK(cvg_vclock_increment(cvg_slice(NULL, 0), ok, -1, &out) == CVG_E_FORBIDDEN, "backwards");
	CHECK(out.len == 0, "nothing written on failure");

	cvg_put_u8(&text, '{');
	cvg_put_bytes(&text, too_long.data, too_long.len);
	cvg_put_bytes(&text, ":1}", 4);
	CHECK(cvg_vclock_parse((char *) text.data, &out, &err) == CVG_E_BAD_ID && err.offset == 1, "64 bytes");
	cvg_buf_free(&out);
	cvg_buf_free(&text);
}

/* Empty bytes stand for the empty clock, and are never produced. */
static void
test_empty(void)
{
	CvgSlice	nothing = cvg_slice(NULL, 0);
	CvgSlice	empty = cvg_slice("\1\0", 2);
	CvgSlice	one = cvg_slice("\1\1\1a\5", 5);
	CvgClockIter it;
	CvgClockEntry e;
	CvgBuf		out;

	cvg_buf_init(&out);
	cvg_vclock_empty(&out);
	CHECK(cvg_slice_eq(cvg_buf_slice(&out), empty), "empty clock");
	cvg_buf_reset(&out);
	CHECK(cvg_vclock_join(nothing, nothing, &out) == CVG_OK &&
		  cvg_slice_eq(cvg_buf_slice(&out), empty), "join of nothing");
	cvg_buf_reset(&out);
	CHECK(cvg_vclock_meet(nothing, one, &out) == CVG_OK &&
		  cvg_slice_eq(cvg_buf_slice(&out), empty), "meet with nothing");
	cvg_buf_reset(&out);
	CHECK(cvg_vclock_join(one, nothing, &out) == CVG_OK &&
		  cvg_slice_eq(cvg_buf_slice(&out), one), "join with nothing");
	cvg_buf_reset(&out);
	CHECK(cvg_vclock_set(one, cvg_slice_cstring("a"), 0, &out) == CVG_OK &&
		  cvg_slice_eq(cvg_buf_slice(&out), empty), "last entry removed");
	cvg_buf_reset(&out);
	cvg_vclock_print(nothing, &out);
	CHECK(cvg_slice_eq(cvg_buf_slice(&out), cvg_slice_cstring("{}")), "text");
	cvg_buf_reset(&out);
	CHECK(cvg_vclock_from_entries(NULL, 0, &out) == CVG_OK &&
		  cvg_slice_eq(cvg_buf_slice(&out), empty), "no entries");
	CHECK(cvg_vclock_compare(nothing, empty) == CVG_EQUAL, "same clock");
	CHECK(cvg_vclock_cmp_total(nothing, empty) == 0, "same place");
	CHECK(cvg_vclock_compare(nothing, one) == CVG_BEFORE, "before");
	CHECK(cvg_vclock_covered(nothing, one) && !cvg_vclock_covered(one, nothing), "covered");
	CHECK(cvg_vclock_count(nothing) == 0 && cvg_vclock_get(nothing, one) == 0, "no entry");
	cvg_vclock_iter(&it, nothing);
	CHECK(!cvg_vclock_next(&it, &e), "no entry");
	cvg_buf_free(&out);
}

/* Entries first, first + step, ...: n of them. */
static CvgBuf
big_clock(int n, int first, int step, CvgStatus want)
{
	CvgClockEntry *e = palloc(n * sizeof(CvgClockEntry));
	char	   *names = palloc(n * 16);
	CvgBuf		out;

	for (int i = 0; i < n; i++)
	{
		sprintf(names + i * 16, "n%d", first + i * step);
		e[i].id = cvg_slice_cstring(names + i * 16);
		e[i].value = i + 1;
	}
	cvg_buf_init(&out);
	CHECK(cvg_vclock_from_entries(e, n, &out) == want, "%d entries", n);
	pfree(e);
	pfree(names);
	return out;
}

static void
test_size_limit(void)
{
	CvgBuf		full = big_clock(CVG_MAX_CLOCK, 0, 1, CVG_OK);
	CvgBuf		over = big_clock(CVG_MAX_CLOCK + 1, 0, 1, CVG_E_LIMIT);
	CvgBuf		even = big_clock(CVG_MAX_CLOCK / 2, 0, 2, CVG_OK);
	CvgBuf		odd = big_clock(CVG_MAX_CLOCK / 2, 1, 2, CVG_OK);
	CvgBuf		all = join(&even, &odd);
	CvgBuf		out;
	CvgError	err;

	CHECK(cvg_vclock_validate(cvg_buf_slice(&full), NULL) == CVG_OK, "full");
	CHECK(cvg_vclock_count(cvg_buf_slice(&full)) == CVG_MAX_CLOCK, "full");
	CHECK(over.len == 0, "nothing written");
	CHECK(cvg_vclock_count(cvg_buf_slice(&all)) == CVG_MAX_CLOCK, "joined to the limit");

	cvg_buf_init(&out);
	CHECK(cvg_vclock_set(cvg_buf_slice(&full), cvg_slice_cstring("x"), 1, &out) == CVG_E_LIMIT &&
		  out.len == 0, "one too many");
	CHECK(cvg_vclock_set(cvg_buf_slice(&full), cvg_slice_cstring("x"), 0, &out) == CVG_OK &&
		  same(&out, &full), "nothing to remove");
	cvg_buf_reset(&out);
	CHECK(cvg_vclock_increment(cvg_buf_slice(&full), cvg_slice_cstring("n77"), 5, &out) == CVG_OK &&
		  cvg_vclock_get(cvg_buf_slice(&out), cvg_slice_cstring("n77")) == 83, "at the limit");
	cvg_buf_reset(&out);
	CHECK(cvg_vclock_join(cvg_buf_slice(&full), cvg_slice("\1\1\1x\1", 5), &out) == CVG_E_LIMIT &&
		  out.len == 0, "join beyond the limit");

	cvg_vclock_print(cvg_buf_slice(&full), &out);
	cvg_put_u8(&out, '\0');
	cvg_buf_reset(&all);
	CHECK(cvg_vclock_parse((char *) out.data, &all, &err) == CVG_OK && same(&all, &full), "text of a full clock");
	out.len -= 2;
	cvg_put_bytes(&out, ",x:1}", 6);
	cvg_buf_reset(&all);
	CHECK(cvg_vclock_parse((char *) out.data, &all, &err) == CVG_E_LIMIT &&
		  err.offset == out.len - 5 && all.len == 0, "text with one too many");

	cvg_buf_free(&full);
	cvg_buf_free(&over);
	cvg_buf_free(&even);
	cvg_buf_free(&odd);
	cvg_buf_free(&all);
	cvg_buf_free(&out);
}

/* The count takes one byte up to 127 entries: sizes around that, both ways. */
static void
test_count_width(void)
{
	for (int n = 120; n < 135; n++)
	{
		CvgBuf		a = big_clock(n, 0, 1, CVG_OK);
		CvgBuf		b = big_clock(n, 0, 1, CVG_OK);
		CvgBuf		joined = join(&a, &b);
		CvgBuf		met = meet(&a, &b);
		CvgBuf		less;

		CHECK(same(&joined, &a) && same(&met, &a), "%d entries", n);
		cvg_buf_init(&less);
		CHECK(cvg_vclock_set(cvg_buf_slice(&a), cvg_slice_cstring("n7"), 0, &less) == CVG_OK &&
			  cvg_vclock_validate(cvg_buf_slice(&less), NULL) == CVG_OK &&
			  cvg_vclock_count(cvg_buf_slice(&less)) == n - 1, "%d entries less one", n);
		cvg_buf_free(&a);
		cvg_buf_free(&b);
		cvg_buf_free(&joined);
		cvg_buf_free(&met);
		cvg_buf_free(&less);
	}
}

int
main(void)
{
	int			cases = unit_env_cases(100000);

	unit_start(unit_env_seed());
	make_ids();
	for (int i = 1; i < NIDS; i++)
		CHECK(cvg_slice_cmp(ids[i - 1], ids[i]) < 0, "ids ascend at %d", i);
	exhaustive_pairs();
	random_triples(cases);
	random_damage(cases);
	random_text(cases);
	test_text_errors();
	test_binary_errors();
	test_ids();
	test_empty();
	test_size_limit();
	test_count_width();
	return unit_done();
}
