/*
 * test_flag.c: ewflag and dwflag against a log of operations, and the
 * dotset beneath them (and beneath mvreg) against a plain set of dots.
 */
#include "crdt.h"
#include "recode.h"
#include "core/flag.h"

enum
{
	ENABLE,
	DISABLE
};

static CvgStatus
apply(CvgSlice value, Op *op, CvgBuf *out)
{
	return cvg_flag_set(value, op->dot, op->kind == ENABLE, out);
}

/* Is there an operation of this kind that no later one has seen? */
static bool
unseen(const World *w, const OpSet *ops, int kind)
{
	int			i;

	for (i = 0; i < w->nops; i++)
	{
		if (opset_has(ops, i) && w->log[i].kind == kind && !op_seen_by(w, ops, i, -1))
			return true;
	}
	return false;
}

static bool
is_ewflag(CvgSlice value, const World *w, const OpSet *ops)
{
	return cvg_flag_value(value) == unseen(w, ops, ENABLE);
}

static bool
is_dwflag(CvgSlice value, const World *w, const OpSet *ops)
{
	return cvg_flag_value(value) == (unseen(w, ops, ENABLE) && !unseen(w, ops, DISABLE));
}

static const CrdtType ewflag = {&cvg_ewflag_ops, 2, apply, is_ewflag};
static const CrdtType dwflag = {&cvg_dwflag_ops, 2, apply, is_dwflag};

static CvgSlice
set(CvgSlice f, const char *replica, CvgStamp stamp, bool enable)
{
	CvgDot		d = {cvg_slice_cstring(replica), stamp};
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(cvg_flag_set(f, d, enable, &buf) == CVG_OK);
	return gen_take(&buf);
}

/* Who wins, and that a later update that has seen both ends it. */
static void
test_conflict(const CvgCrdtOps *ops, bool enable_wins)
{
	CvgSlice	f = set(crdt_bottom(ops), "a", 1, true);
	CvgSlice	m = crdt_merge(set(f, "a", 2, true), set(f, "b", 3, false));

	CHECK(!cvg_flag_value(crdt_bottom(ops)));
	CHECK(cvg_flag_value(f));
	CHECK(cvg_flag_value(m) == enable_wins);
	CHECK(cvg_flag_value(set(m, "c", 4, true)));
	CHECK(!cvg_flag_value(set(m, "c", 4, false)));
	CHECK(!cvg_flag_value(crdt_merge(f, set(f, "b", 3, false))), "an old copy changes nothing");
	gen_reset();
}

static void
test_size(void)
{
	CvgSlice	f = crdt_bottom(&cvg_ewflag_ops);
	CvgSlice	before = f;
	int			i;

	for (i = 0; i < 1000; i++)
	{
		before = f;
		f = set(f, "a", 1000000 * (i + 1), i % 2 == 0);
	}
	CHECK(f.len < CVG_CRDT_RECENT * 5 + 30, "%zu bytes", f.len);
	CHECK(crdt_delta(before, f).len < 40);
	gen_reset();
}

static void
test_damage(void)
{
	CvgSlice	f = set(set(set(crdt_bottom(&cvg_dwflag_ops), "a", 300, true), "bc", 70000, true), "a", 70001, false);

	f = crdt_merge(f, set(crdt_bottom(&cvg_dwflag_ops), "d", 1, true));
	check_damage(recode_crdt, f, "dwflag");
	check_damage(recode_crdt, set(set(crdt_bottom(&cvg_ewflag_ops), "a", 1, true), "a", 9, true), "ewflag");
	gen_reset();
}

static void
test_text(void)
{
	static const char *const good[] = {"false []", "true [a@5]", "false [a@5, b@3 -] seen {a 1-4, c 9}",
	"false [] seen {a 1 3 5-7}"};
	static const char *const bad[] = {"", "true", "true []", "false [a@5]", "true [a]", "true [a@0]",
		"true [b@1, a@1]", "true [a@1, a@1]", "true [a@1] seen {a 1}", "false [] seen {a}",
		"false [] seen {}x", "false [] seen {a 2 1}", "false [] seen {b 1, a 1}", "false [] seen {a 1, a 3}",
	"false [] seen {a 3-2}", "falsely []", "false [] seen {a 9223372036854775808}"};
	CvgError	err;
	int			i;

	for (i = 0; i < lengthof(good); i++)
		CHECK(crdt_parse(&cvg_dwflag_ops, good[i], &err).len > 0, "%s", good[i]);
	for (i = 0; i < lengthof(bad); i++)
		CHECK(crdt_parse(&cvg_dwflag_ops, bad[i], &err).len == 0, "%s", bad[i]);
	CHECK(crdt_parse(&cvg_ewflag_ops, "false [a@5 -]", &err).len == 0);
	/* ranges that touch are one */
	CHECK(same(crdt_parse(&cvg_ewflag_ops, "false [] seen {a 1 2 3-5}", &err),
			   crdt_parse(&cvg_ewflag_ops, "false [] seen {a 1-5}", &err)));
	gen_reset();
}

/* --- dotset against bits: two replicas, 64 stamps ------------------------- */

typedef struct Bits
{
	uint64		r[2];
} Bits;

static CvgSlice
bit_replica(int r)
{
	return cvg_slice_cstring(r ? "b" : "a");
}

static CvgReader
reader(CvgSlice s)
{
	CvgReader	r;

	cvg_reader_init(&r, s);
	return r;
}

static bool
is_bits(CvgSlice set, Bits b)
{
	CvgReader	r = reader(set);
	CvgDotRange *ranges;
	int			n;
	int			i;
	bool		same = true;

	cvg_dotset_check(&r);
	if (cvg_reader_finish(&r, NULL) != CVG_OK)
		return false;
	ranges = cvg_dotset_load(reader(set), &n);
	for (i = 0; i < 128; i++)
	{
		CvgDot		d = {bit_replica(i / 64), 1 + i % 64};
		bool		has = (b.r[i / 64] >> (i % 64)) & 1;

		if (cvg_dotset_contains(reader(set), d) != has || cvg_dots_contain(ranges, n, d) != has)
			same = false;
	}
	pfree(ranges);
	return same;
}

static CvgSlice
bits_set(Bits b)
{
	CvgDot		dots[128];
	CvgBuf		buf;
	CvgBuf		empty;
	int			n = 0;
	int			i;

	for (i = 0; i < 128; i++)
	{
		if ((b.r[i / 64] >> (i % 64)) & 1)
		{
			dots[n].replica = bit_replica(i / 64);
			dots[n++].stamp = 1 + i % 64;
		}
	}
	cvg_buf_init(&empty);
	cvg_dotset_empty(&empty);
	cvg_buf_init(&buf);
	cvg_dotset_add(reader(cvg_buf_slice(&empty)), dots, n, NULL, 0, &buf);
	cvg_buf_free(&empty);
	return gen_take(&buf);
}

/* Few enough ranges that none are joined. */
static Bits
random_bits(void)
{
	Bits		b;
	int			i;

	for (i = 0; i < 2; i++)
	{
		b.r[i] = unit_rand() & (unit_rand() | unit_rand());
		if (gen_chance(20))
			b.r[i] = gen_chance(50) ? 0 : PG_UINT64_MAX;
		/* runs of two: 32 ranges at most */
		b.r[i] |= (b.r[i] & UINT64CONST(0x5555555555555555)) << 1;
	}
	return b;
}

static void
test_dotset(int cases)
{
	int			n;

	for (n = 0; n < cases; n++)
	{
		Bits		x = random_bits();
		Bits		y = random_bits();
		Bits		both = {{x.r[0] | y.r[0], x.r[1] | y.r[1]}};
		Bits		diff = {{x.r[0] & ~y.r[0], x.r[1] & ~y.r[1]}};
		CvgSlice	a = bits_set(x);
		CvgSlice	b = bits_set(y);
		CvgBuf		buf;

		CHECK(is_bits(a, x));
		cvg_buf_init(&buf);
		cvg_dotset_union(reader(a), reader(b), &buf);
		CHECK(is_bits(cvg_buf_slice(&buf), both));
		cvg_buf_reset(&buf);
		cvg_dotset_minus(reader(a), reader(b), &buf);
		CHECK(is_bits(cvg_buf_slice(&buf), diff));
		cvg_buf_free(&buf);
		gen_reset();
	}
}

/* Joining keeps every live dot live. */
static void
test_joining(int cases)
{
	int			n;

	for (n = 0; n < cases; n++)
	{
		CvgDot		dead[300];
		CvgDot		live[300];
		int			ndead = 0;
		int			nlive = 0;
		CvgBuf		buf;
		CvgBuf		empty;
		int			i;
		int			count;

		for (i = 0; i < 300; i++)
		{
			CvgDot		d = {bit_replica(i / 200), 10 * i};

			if (gen_chance(20))
				live[nlive++] = d;
			else if (i > 0)
				dead[ndead++] = d;
		}
		cvg_buf_init(&empty);
		cvg_dotset_empty(&empty);
		cvg_buf_init(&buf);
		cvg_dotset_add(reader(cvg_buf_slice(&empty)), dead, ndead, live, nlive, &buf);
		for (i = 0; i < nlive; i++)
			CHECK(!cvg_dotset_contains(reader(cvg_buf_slice(&buf)), live[i]));
		for (i = 0; i < ndead; i++)
			CHECK(cvg_dotset_contains(reader(cvg_buf_slice(&buf)), dead[i]));
		pfree(cvg_dotset_load(reader(cvg_buf_slice(&buf)), &count));
		CHECK(count <= nlive + 2 * CVG_CRDT_RECENT + 2);
		cvg_buf_free(&buf);
		cvg_buf_free(&empty);
	}
}

int
main(void)
{
	check_type(&ewflag);
	check_type(&dwflag);
	unit_start(1);
	test_conflict(&cvg_ewflag_ops, true);
	test_conflict(&cvg_dwflag_ops, false);
	test_size();
	test_damage();
	test_text();
	test_dotset(unit_env_cases(10000));
	test_joining(100);
	return unit_done();
}
