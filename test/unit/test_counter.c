/*
 * test_counter.c: gcounter and pncounter against a log of operations: the
 * value is the sum of all additions that no contained reset has seen.
 */
#include "crdt.h"
#include "recode.h"
#include "core/counter.h"

enum
{
	ADD,
	RESET
};

static CvgStatus
apply_counter(CvgSlice value, Op *op, CvgBuf *out, bool down)
{
	if (op->kind == RESET)
		return gen_chance(30) ? cvg_crdt_reset(value, out) : CVG_E_FORBIDDEN;
	op->n = 1 + unit_below(gen_chance(90) ? 100 : 1000000000);
	if (down && gen_chance(50))
		op->n = -op->n;
	return cvg_counter_add(value, op->dot.replica, op->dot.stamp, op->n, out);
}

static CvgStatus
apply_gcounter(CvgSlice value, Op *op, CvgBuf *out)
{
	return apply_counter(value, op, out, false);
}

static CvgStatus
apply_pncounter(CvgSlice value, Op *op, CvgBuf *out)
{
	return apply_counter(value, op, out, true);
}

static bool
is_model(CvgSlice value, const World *w, const OpSet *ops)
{
	int64		sum = 0;
	int64		found;
	int64		parts = 0;
	int64		amount;
	CvgReader	r = cvg_crdt_body(value);
	CvgSlice	id;
	int			i;

	for (i = 0; i < w->nops; i++)
	{
		if (opset_has(ops, i) && w->log[i].kind == ADD && !op_seen_by(w, ops, i, RESET))
			sum += w->log[i].n;
	}
	while (cvg_counter_next(&r, &id, &amount))
		parts += amount;
	return cvg_counter_value(value, &found) == CVG_OK && found == sum && parts == sum;
}

static const CrdtType gcounter = {&cvg_gcounter_ops, 2, apply_gcounter, is_model};
static const CrdtType pncounter = {&cvg_pncounter_ops, 2, apply_pncounter, is_model};

static CvgSlice
add(CvgSlice value, const char *replica, CvgStamp stamp, int64 n)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(cvg_counter_add(value, cvg_slice_cstring(replica), stamp, n, &buf) == CVG_OK);
	return gen_take(&buf);
}

static CvgStatus
add_status(CvgSlice value, const char *replica, CvgStamp stamp, int64 n)
{
	CvgBuf		buf;
	CvgStatus	status;

	cvg_buf_init(&buf);
	status = cvg_counter_add(value, cvg_slice_cstring(replica), stamp, n, &buf);
	CHECK(status == CVG_OK || buf.len == 0);
	cvg_buf_free(&buf);
	return status;
}

static CvgSlice
reset(CvgSlice value)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(cvg_crdt_reset(value, &buf) == CVG_OK);
	return gen_take(&buf);
}

static int64
value_of(CvgSlice counter)
{
	int64		v;

	CHECK(cvg_counter_value(counter, &v) == CVG_OK);
	return v;
}

/*
 * Concurrent resets (Almeida and Baquero 2019; a reset as "- value" counts
 * twice), and an addition that a reset did not see.
 */
static void
test_resets(void)
{
	CvgSlice	c = add(crdt_bottom(&cvg_pncounter_ops), "a", 1, 10);
	CvgSlice	x = reset(add(c, "a", 2, 1));
	CvgSlice	y = reset(c);
	CvgSlice	z = add(c, "b", 3, 5);

	CHECK(value_of(crdt_merge(x, y)) == 0, "two resets are one");
	CHECK(value_of(crdt_merge(z, crdt_merge(x, y))) == 5, "what no reset saw stays");
	CHECK(value_of(crdt_merge(y, add(c, "a", 4, 7))) == 7, "of the same replica too");
	CHECK(same(reset(x), x), "nothing left to reset");
	CHECK(value_of(add(x, "a", 5, 3)) == 3, "counting goes on");
	gen_reset();
}

/* A long line of history folds, and a reset of an old state still fits. */
static void
test_folding(void)
{
	CvgSlice	c = crdt_bottom(&cvg_pncounter_ops);
	CvgSlice	old = c;
	int			i;

	for (i = 1; i <= 1000; i++)
	{
		c = add(c, "a", i * 1000, i % 2 ? 3 : -1);
		if (i == 500)
			old = c;
	}
	CHECK(value_of(c) == 1000);
	CHECK(value_of(old) == 500);
	CHECK(c.len < CVG_CRDT_RECENT * 4 + 40, "%zu bytes", c.len);
	CHECK(value_of(crdt_merge(reset(old), c)) == 500, "the later half is left");
	CHECK(crdt_delta(old, add(old, "a", 500001, 1)).len < 40);
	gen_reset();
}

/* A value copied to another row, updated in both, and merged back. */
static void
test_copies(void)
{
	CvgSlice	c = add(crdt_bottom(&cvg_gcounter_ops), "a", 1, 5);
	CvgSlice	x = c;
	CvgSlice	y = c;
	int			i;

	for (i = 0; i < CVG_CRDT_RECENT / 2; i++)
	{
		x = add(x, "a", 10 + 2 * i, 1);
		y = add(y, "a", 11 + 2 * i, 100);
	}
	CHECK(value_of(crdt_merge(x, y)) == 5 + 101 * CVG_CRDT_RECENT / 2);
	CHECK(value_of(crdt_merge(reset(x), reset(y))) == 0);
	CHECK(value_of(crdt_merge(reset(x), y)) == 100 * CVG_CRDT_RECENT / 2);
	gen_reset();
}

static void
test_limits(void)
{
	CvgSlice	c = add(crdt_bottom(&cvg_pncounter_ops), "a", 1, PG_INT64_MAX);
	CvgSlice	g = crdt_bottom(&cvg_gcounter_ops);
	int64		v;
	int			i;

	CHECK(add_status(c, "b", 2, 1) == CVG_E_OVERFLOW);
	CHECK(add_status(c, "b", 2, PG_INT64_MIN) == CVG_OK);
	CHECK(add_status(c, "a", 1, -1) == CVG_E_FORBIDDEN, "a stamp is used once");
	CHECK(add_status(c, "", 2, -1) == CVG_E_BAD_ID);
	CHECK(add_status(c, "a b", 2, -1) == CVG_E_BAD_ID);
	CHECK(add_status(g, "a", 2, -1) == CVG_E_FORBIDDEN);
	CHECK(same(add(c, "b", 2, 0), c), "adding nothing changes nothing");
	g = crdt_merge(c, add(crdt_bottom(&cvg_pncounter_ops), "b", 1, PG_INT64_MAX));
	CHECK(cvg_counter_value(g, &v) == CVG_E_OVERFLOW);
	check_codec(&pncounter, g);
	CHECK(value_of(add(c, "a", 2, PG_INT64_MIN)) == -1);
	/* totals since ever may pass int64 while the value does not */
	for (i = 0; i < 300; i++)
		c = add(i % 2 ? reset(c) : c, "a", 10 + i, i % 2 ? PG_INT64_MAX : -1);
	CHECK(value_of(c) == PG_INT64_MAX);
	CHECK(value_of(reset(c)) == 0);
	gen_reset();
}

static void
test_damage(void)
{
	CvgSlice	c = add(add(add(crdt_bottom(&cvg_pncounter_ops), "a", 300, 5), "a", 70000, -1), "bc", 9, 2);
	int			i;

	check_damage(recode_crdt, c, "pncounter");
	check_damage(recode_crdt, add(reset(c), "a", 80000, 1), "reset pncounter");
	for (i = 0; i < 100; i++)
		c = add(c, "a", 80000 + i, 1);
	check_damage(recode_crdt, c, "folded pncounter");
	gen_reset();
}

static void
test_text(void)
{
	static const char *const good[] = {"0 {}", " 5 { a 5@1 } ", "-1 {a 2@1 -3@2}",
	"7 {a 5@1! 7@2, b sum 3@9 reset 3@9}", "0 {a reset 5@1}"};
	static const struct
	{
		const char *text;
		CvgStatus	status;
		size_t		offset;
	}			bad[] = {
		{"", CVG_E_SYNTAX, 0}, {"5", CVG_E_SYNTAX, 1}, {"{a 5@1}", CVG_E_MALFORMED, 0},
		{"6 {a 5@1}", CVG_E_MALFORMED, 0}, {"5 {a 5@1", CVG_E_SYNTAX, 8},
		{"5 {a 5@1} x", CVG_E_SYNTAX, 10}, {"5 {a 5@0}", CVG_E_OVERFLOW, 7},
		{"5 {a 5@-1}", CVG_E_OVERFLOW, 7}, {"0 {a}", CVG_E_NOT_CANONICAL, 0},
		{"0 {a 0@1}", CVG_E_NOT_CANONICAL, 0}, {"5 {a 2@2 3@1}", CVG_E_NOT_CANONICAL, 9},
		{"4 {b 2@2, a 2@1}", CVG_E_NOT_CANONICAL, 0}, {"5 {a 5}", CVG_E_SYNTAX, 6},
		{"4 {a 2@2, a 2@1}", CVG_E_NOT_CANONICAL, 0},
		{"5 {a 5@9223372036854775808}", CVG_E_OVERFLOW, 7}, {"5 {a 5@1,}", CVG_E_SYNTAX, 9},
	};
	CvgError	err;
	int			i;

	for (i = 0; i < lengthof(good); i++)
		CHECK(crdt_parse(&cvg_pncounter_ops, good[i], &err).len > 0, "%s", good[i]);
	for (i = 0; i < lengthof(bad); i++)
	{
		CHECK(crdt_parse(&cvg_pncounter_ops, bad[i].text, &err).len == 0, "%s", bad[i].text);
		CHECK(err.status == bad[i].status && err.offset == bad[i].offset,
			  "%s: %s at %zu", bad[i].text, cvg_status_message(err.status), err.offset);
	}
	CHECK(crdt_parse(&cvg_gcounter_ops, "-1 {a -1@1}", &err).len == 0);
	CHECK(err.status == CVG_E_MALFORMED);
	gen_reset();
}

int
main(void)
{
	check_type(&gcounter);
	check_type(&pncounter);
	unit_start(1);
	test_resets();
	test_folding();
	test_copies();
	test_limits();
	test_damage();
	test_text();
	return unit_done();
}
