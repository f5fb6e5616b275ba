/*
 * test_bcounter.c: bounded counter against a log of operations.  Value and
 * rights are what the operations add up to, and while each replica has one
 * line of history no right is negative: the bound holds.
 */
#include "crdt.h"
#include "recode.h"
#include "core/bcounter.h"

enum
{
	ADD,
	TAKE,
	TRANSFER
};

static CvgStatus
apply(CvgSlice value, Op *op, CvgBuf *out)
{
	op->n = 1 + unit_below(10);
	op->arg = world_replica(unit_below(3));
	switch (op->kind)
	{
		case ADD:
			return cvg_bcounter_add(value, op->dot, op->n, out);
		case TAKE:
			return cvg_bcounter_take(value, op->dot, op->n, out);
		default:
			return cvg_bcounter_transfer(value, op->dot, op->arg, op->n, out);
	}
}

static bool
is_model(CvgSlice value, const World *w, const OpSet *ops)
{
	int64		held[3] = {0, 0, 0};
	int			last[3] = {-1, -1, -1};
	bool		one_line = true;
	int64		sum = 0;
	int64		found;
	int			i;
	int			r;

	for (i = 0; i < w->nops; i++)
	{
		const Op   *op = &w->log[i];
		int64		n = op->kind == TAKE ? -op->n : op->n;

		if (!opset_has(ops, i))
			continue;
		if (op->kind != TRANSFER)
			sum += n;
		for (r = 0; r < 3; r++)
		{
			if (same(op->dot.replica, world_replica(r)))
			{
				held[r] += op->kind == TRANSFER ? -n : n;
				if (last[r] >= 0 && !opset_has(&op->seen, last[r]))
					one_line = false;
				last[r] = i;
			}
			if (op->kind == TRANSFER && same(op->arg, world_replica(r)))
				held[r] += n;
		}
	}
	for (r = 0; r < 3; r++)
	{
		if (cvg_bcounter_held(value, world_replica(r)) != held[r] ||
			(one_line && held[r] < 0))
			return false;
	}
	return cvg_bcounter_value(value, &found) == CVG_OK && found == sum &&
		(!one_line || sum >= 0);
}

static const CrdtType bcounter = {&cvg_bcounter_ops, 3, apply, is_model};

static CvgDot
dot(const char *replica, CvgStamp stamp)
{
	CvgDot		d = {cvg_slice_cstring(replica), stamp};

	return d;
}

static CvgSlice
new(int64 bound)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(cvg_bcounter_new(bound, &buf) == CVG_OK);
	return gen_take(&buf);
}

typedef CvgStatus (*UpdateFn) (CvgSlice counter, CvgDot dot, int64 n, CvgBuf *out);

static CvgSlice
update(UpdateFn fn, CvgSlice c, const char *replica, CvgStamp stamp, int64 n)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(fn(c, dot(replica, stamp), n, &buf) == CVG_OK);
	return gen_take(&buf);
}

static CvgStatus
update_status(UpdateFn fn, CvgSlice c, const char *replica, CvgStamp stamp, int64 n)
{
	CvgBuf		buf;
	CvgStatus	status;

	cvg_buf_init(&buf);
	status = fn(c, dot(replica, stamp), n, &buf);
	CHECK(status == CVG_OK || buf.len == 0);
	cvg_buf_free(&buf);
	return status;
}

static CvgSlice
transfer(CvgSlice c, const char *replica, CvgStamp stamp, const char *to, int64 n)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(cvg_bcounter_transfer(c, dot(replica, stamp), cvg_slice_cstring(to), n, &buf) == CVG_OK);
	return gen_take(&buf);
}

static int64
value_of(CvgSlice c)
{
	int64		v;

	CHECK(cvg_bcounter_value(c, &v) == CVG_OK);
	return v;
}

/* Over-selling (Balegas et al. 2015, figure 1): ten seats, two sellers. */
static void
test_overselling(void)
{
	CvgSlice	c = update(cvg_bcounter_add, new(0), "a", 1, 10);
	CvgSlice	a;
	CvgSlice	b;

	CHECK(update_status(cvg_bcounter_take, c, "b", 2, 1) == CVG_E_FORBIDDEN,
		  "b holds nothing yet");
	c = transfer(c, "a", 2, "b", 4);
	a = update(cvg_bcounter_take, c, "a", 3, 6);
	CHECK(update_status(cvg_bcounter_take, a, "a", 4, 1) == CVG_E_FORBIDDEN);
	b = update(cvg_bcounter_take, c, "b", 3, 4);
	CHECK(update_status(cvg_bcounter_take, b, "b", 4, 1) == CVG_E_FORBIDDEN);
	CHECK(value_of(a) == 4 && value_of(b) == 6);
	CHECK(value_of(crdt_merge(a, b)) == 0, "sold out, not oversold");
	gen_reset();
}

static void
test_limits(void)
{
	CvgSlice	c = update(cvg_bcounter_add, new(-5), "a", 1, 10);
	CvgSlice	m;
	CvgBuf		buf;
	int			i;

	CHECK(value_of(c) == 5 && cvg_bcounter_bound(c) == -5);
	CHECK(value_of(update(cvg_bcounter_take, c, "a", 2, 10)) == -5);
	CHECK(update_status(cvg_bcounter_take, c, "a", 2, 11) == CVG_E_FORBIDDEN);
	CHECK(update_status(cvg_bcounter_take, c, "a", 2, 0) == CVG_E_FORBIDDEN);
	CHECK(update_status(cvg_bcounter_add, c, "a", 2, -1) == CVG_E_FORBIDDEN);
	CHECK(update_status(cvg_bcounter_add, c, "a", 1, 1) == CVG_E_FORBIDDEN, "a stamp is used once");
	CHECK(update_status(cvg_bcounter_add, c, "", 2, 1) == CVG_E_BAD_ID);
	CHECK(update_status(cvg_bcounter_add, c, "a", 2, PG_INT64_MAX) == CVG_E_OVERFLOW);
	cvg_buf_init(&buf);
	CHECK(cvg_bcounter_transfer(c, dot("a", 2), cvg_slice_cstring("a"), 1, &buf) == CVG_E_FORBIDDEN);
	CHECK(cvg_bcounter_transfer(c, dot("a", 2), cvg_slice_cstring("?"), 1, &buf) == CVG_E_BAD_ID);
	cvg_buf_free(&buf);
	m = crdt_merge(new(3), c);
	CHECK(cvg_bcounter_bound(m) == 3, "of two bounds the higher");
	m = crdt_merge(crdt_bottom(&cvg_bcounter_ops), c);
	CHECK(cvg_bcounter_bound(m) == -5, "an empty counter has none");

	/* totals overflow: nothing is folded, nothing refused */
	c = update(cvg_bcounter_add, new(0), "a", 1, PG_INT64_MAX);
	for (i = 0; i < 200; i++)
		c = update(i % 2 ? cvg_bcounter_add : cvg_bcounter_take, c, "a", 2 + i, PG_INT64_MAX);
	CHECK(value_of(c) == PG_INT64_MAX);
	check_codec(&bcounter, c);
	gen_reset();
}

static void
test_damage(void)
{
	CvgSlice	c = update(cvg_bcounter_add, new(2), "a", 300, 10);
	int			i;

	c = transfer(transfer(c, "a", 70000, "b", 4), "b", 5, "c", 2);
	check_damage(recode_crdt, c, "bcounter");
	for (i = 0; i < 2 * CVG_CRDT_RECENT; i++)
		c = transfer(update(cvg_bcounter_add, c, "a", 80000 + 2 * i, 3), "a", 80001 + 2 * i, "b", 1);
	check_damage(recode_crdt, c, "folded bcounter");
	CHECK(cvg_bcounter_held(c, cvg_slice_cstring("b")) == 2 + 2 * CVG_CRDT_RECENT);
	gen_reset();
}

static void
test_text(void)
{
	static const char *const good[] = {"0 {}", "5 >= 5 {}", "-7 >= -7{}", "3 >= 0 { a +5@1 -2 @ 2 > b 1@3 }",
	"6 >= 0 {a total +10 -4 >b 2 >c 1 @9 >b 1@12, b -1@3 +1@4}"};
	static const char *const bad[] = {"", "5", "{}", "1 {}", "0 >= {}", "0 > 0 {}", "0 {a}", "5 {a 5@1}",
		"5 {a +5}", "5 {a +5@0}", "5 {a +0@1}", "-5 {a --5@1}", "0 {a >a 1@1}", "0 {a >1@1}",
		"0 {b >a 1@1, a >b 1@1}", "0 {a total +0 -0 >c 1 >b 1@1}", "5 {a +5@4611686018427387904}",
	"5 {a +5@1} x"};
	CvgError	err;
	int			i;

	for (i = 0; i < lengthof(good); i++)
		CHECK(crdt_parse(&cvg_bcounter_ops, good[i], &err).len > 0, "%s (%s at %zu)", good[i],
			  cvg_status_message(err.status), err.offset);
	for (i = 0; i < lengthof(bad); i++)
		CHECK(crdt_parse(&cvg_bcounter_ops, bad[i], &err).len == 0, "%s", bad[i]);
	gen_reset();
}

int
main(void)
{
	check_type(&bcounter);
	unit_start(1);
	test_overselling();
	test_limits();
	test_damage();
	test_text();
	return unit_done();
}
