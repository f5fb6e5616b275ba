/*
 * test_cart.c: the shopping cart against a log of operations; what shops
 * have seen go wrong.
 */
#include "crdt.h"
#include "recode.h"
#include "core/cart.h"
#include "core/counter.h"
#include "core/plain.h"

enum
{
	ADD,
	REMOVE_SOME,
	REMOVE_ALL,
	KINDS
};

static const char *const skus[] = {"apple", "pear", ""};

/* What the counter says, below zero too. */
static int64
raw_count(CvgSlice cart, CvgSlice sku)
{
	CvgMapEntry e;
	int64		n = 0;

	if (cvg_map_find(cart, &sku, 1, &cvg_pncounter_ops, &e))
		(void) cvg_counter_value(e.value, &n);
	return n;
}

/*
 * Op.n is what is added; Op.arg the article, with a '!' in front if the
 * operation also takes back all that it has seen of the article.
 */
static CvgStatus
apply_to(CvgSlice cart, Op *op, int which, int64 n, CvgBuf *out)
{
	static const char *const resets[] = {"!apple", "!pear", "!"};
	CvgSlice	sku = cvg_slice_cstring(skus[which]);
	bool		reset = op->kind == REMOVE_ALL || (op->kind == REMOVE_SOME && n >= raw_count(cart, sku)) ||
		(op->kind == ADD && raw_count(cart, sku) < 0);

	op->arg = reset ? cvg_slice_cstring(resets[which]) : sku;
	op->n = op->kind == ADD ? n : (reset ? 0 : -n);
	if (op->kind == ADD)
		return cvg_cart_add(cart, sku, n, op->dot, out);
	if (op->kind == REMOVE_SOME)
		return cvg_cart_remove(cart, sku, n, op->dot, out);
	return cvg_cart_remove_all(cart, sku, out);
}

static CvgStatus
apply_random(CvgSlice cart, Op *op, CvgBuf *out)
{
	return apply_to(cart, op, unit_below(lengthof(skus)), 1 + unit_below(5), out);
}

static CvgStatus
apply_one(CvgSlice cart, Op *op, CvgBuf *out)
{
	return apply_to(cart, op, 0, op->kind == ADD ? 2 : 1, out);
}

static bool
is_reset(const Op *op)
{
	return op->arg.len > 0 && op->arg.data[0] == '!';
}

static CvgSlice
sku_of(const Op *op)
{
	return is_reset(op) ? cvg_slice(op->arg.data + 1, op->arg.len - 1) : op->arg;
}

/* The sum of what nobody took back, but never below nothing. */
static bool
is_model(CvgSlice cart, const World *w, const OpSet *ops)
{
	int			s;
	int			i;
	int			r;

	for (s = 0; s < lengthof(skus); s++)
	{
		CvgSlice	sku = cvg_slice_cstring(skus[s]);
		int64		sum = 0;

		for (i = 0; i < w->nops; i++)
		{
			bool		back = false;

			if (!opset_has(ops, i) || !same(sku_of(&w->log[i]), sku))
				continue;
			for (r = i + 1; r < w->nops; r++)
				if (opset_has(ops, r) && is_reset(&w->log[r]) && same(sku_of(&w->log[r]), sku) &&
					opset_has(&w->log[r].seen, i))
					back = true;
			if (!back)
				sum += w->log[i].n;
		}
		if (cvg_cart_quantity(cart, sku) != Max(sum, 0))
			return false;
	}
	return true;
}

static const CrdtType random_cart = {&cvg_cart_ops, KINDS, apply_random, is_model};
static const CrdtType one_article = {&cvg_cart_ops, KINDS, apply_one, is_model};

static CvgStamp story_stamp;

/* Replica takes n in, or -n out; 0: all out. */
static CvgSlice
put(CvgSlice cart, const char *replica, const char *article, int64 n)
{
	CvgDot		dot = {cvg_slice_cstring(replica), ++story_stamp};
	CvgSlice	sku = cvg_slice_cstring(article);
	CvgBuf		buf;
	CvgStatus	status;

	cvg_buf_init(&buf);
	if (n > 0)
		status = cvg_cart_add(cart, sku, n, dot, &buf);
	else if (n < 0)
		status = cvg_cart_remove(cart, sku, -n, dot, &buf);
	else
		status = cvg_cart_remove_all(cart, sku, &buf);
	CHECK(status == CVG_OK);
	return gen_take(&buf);
}

static void
check_cart(CvgSlice cart, const char *json)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_crdt_print_plain(cart, &buf);
	CHECK(same(cvg_buf_slice(&buf), cvg_slice_cstring(json)), "%.*s, not %s: %s", (int) buf.len, (char *) buf.data, json,
		  crdt_text(cart));
	cvg_buf_free(&buf);
}

/*
 * DeCandia et al. 2007, 4.4 and 6.1 (Dynamo): carts that are merged by union
 * bring back what was taken out of one of them.
 */
static void
test_resurrecting_item(void)
{
	CvgSlice	base = put(put(crdt_bottom(&cvg_cart_ops), "a", "book", 1), "a", "pen", 1);
	CvgSlice	a = put(base, "a", "book", 0);
	CvgSlice	b = put(base, "b", "milk", 1);

	check_cart(crdt_merge(a, b), "{\"milk\": 1, \"pen\": 1}");
	/* unless somebody put it in again meanwhile, and then that only */
	b = put(b, "b", "book", 2);
	check_cart(crdt_merge(a, b), "{\"book\": 2, \"milk\": 1, \"pen\": 1}");
	/* two who take the last one out take nothing of what a third puts in */
	check_cart(crdt_merge(crdt_merge(put(base, "a", "book", -1), put(base, "b", "book", -1)), put(base, "c", "book", 1)),
			   "{\"book\": 1, \"pen\": 1}");
	/* both take it out, once */
	check_cart(crdt_merge(crdt_merge(a, put(base, "b", "book", 0)), put(base, "c", "book", -1)), "{\"pen\": 1}");
	gen_reset();
}

static void
test_concurrent_adds(void)
{
	CvgSlice	base = put(crdt_bottom(&cvg_cart_ops), "a", "apple", 1);
	CvgSlice	a = put(base, "a", "apple", 2);
	CvgSlice	b = put(base, "b", "apple", 4);

	check_cart(crdt_merge(a, b), "{\"apple\": 7}");
	check_cart(put(crdt_merge(a, b), "c", "apple", -3), "{\"apple\": 4}");
	gen_reset();
}

/* Two take more out of a few than there are: nothing is left, and no debt. */
static void
test_no_debt(void)
{
	CvgSlice	base = put(crdt_bottom(&cvg_cart_ops), "a", "apple", 3);
	CvgSlice	a = put(base, "a", "apple", -2);
	CvgSlice	b = put(base, "b", "apple", -2);
	CvgSlice	m = crdt_merge(a, b);
	CvgReader	r = cvg_map_begin(m);
	CvgSlice	sku;
	int64		n;

	check_cart(a, "{\"apple\": 1}");
	check_cart(m, "{}");
	CHECK(cvg_cart_quantity(m, cvg_slice_cstring("apple")) == 0);
	CHECK(!cvg_cart_next(&r, &sku, &n));
	check_cart(put(m, "a", "apple", 2), "{\"apple\": 2}");
	check_cart(crdt_merge(put(m, "a", "apple", 2), put(m, "b", "apple", 3)), "{\"apple\": 5}");
	check_cart(put(m, "a", "apple", -7), "{}");
	gen_reset();
}

static void
test_assign(void)
{
	CvgDotSupply dots = {gen_next_dots, 1000000};
	CvgSlice	base = put(put(crdt_bottom(&cvg_cart_ops), "a", "apple", 3), "a", "pear", 2);
	CvgSlice	other = put(put(base, "b", "apple", 1), "b", "pear", 4);
	CvgSlice	debt = crdt_merge(put(base, "a", "pear", -1), put(put(base, "b", "pear", -1), "b", "pear", 1));
	CvgBuf		plain;
	CvgBuf		buf;

	cvg_buf_init(&plain);
	cvg_buf_init(&buf);
	CHECK(cvg_crdt_parse_plain(&cvg_cart_ops, cvg_slice_cstring("{\"fig\": 1, \"apple\": 5, \"x\": 0}"), &dots, &plain, NULL) == CVG_OK);
	check_cart(cvg_buf_slice(&plain), "{\"apple\": 5, \"fig\": 1}");
	CHECK(cvg_crdt_assign(base, cvg_buf_slice(&plain), false, &dots, &buf) == CVG_OK);
	check_cart(cvg_buf_slice(&buf), "{\"apple\": 5, \"fig\": 1}");
	check_cart(crdt_merge(cvg_buf_slice(&buf), other), "{\"apple\": 6, \"fig\": 1, \"pear\": 4}");
	cvg_buf_reset(&buf);
	CHECK(cvg_crdt_assign(debt, cvg_buf_slice(&plain), false, &dots, &buf) == CVG_OK);
	check_cart(cvg_buf_slice(&buf), "{\"apple\": 5, \"fig\": 1}");
	cvg_buf_free(&plain);
	cvg_buf_free(&buf);
	gen_reset();
}

static void
test_refused(void)
{
	CvgSlice	base = put(crdt_bottom(&cvg_cart_ops), "a", "apple", PG_INT64_MAX);
	CvgDot		dot = {cvg_slice_cstring("a"), 1};
	CvgBuf		buf;

	cvg_buf_init(&buf);
	CHECK(cvg_cart_add(base, cvg_slice_cstring("apple"), 1, dot, &buf) == CVG_E_FORBIDDEN);
	dot.stamp = 1000000;
	CHECK(cvg_cart_add(base, cvg_slice_cstring("apple"), 1, dot, &buf) == CVG_E_OVERFLOW);
	dot.replica = cvg_slice_cstring("");
	CHECK(cvg_cart_add(base, cvg_slice_cstring("pear"), 1, dot, &buf) == CVG_E_BAD_ID);
	CHECK(buf.len == 0);
	cvg_buf_free(&buf);
	/* merged beyond bigint, it is the largest */
	CHECK(cvg_cart_quantity(crdt_merge(base, put(crdt_bottom(&cvg_cart_ops), "b", "apple", 5)),
							cvg_slice_cstring("apple")) == PG_INT64_MAX);
	gen_reset();
}

static void
test_text(void)
{
	static const char *const bad[] = {"", "{\"a\": pncounter 1 {a 1@2} at [a@2]}", "{\"a\": 1}", "{\"a\": 1 {a 1@2} at []}",
	"{\"a\": 0 {}}", "{\"a\": 1 {a 1@2}} seen {a}"};
	CvgError	err;
	int			i;

	for (i = 0; i < lengthof(bad); i++)
		CHECK(crdt_parse(&cvg_cart_ops, bad[i], &err).len == 0, "%s", bad[i]);
	check_codec(&random_cart, crdt_parse(&cvg_cart_ops, " {\"a\" : 1 {a 1@2} at [ a@2 ] , \"b\": 0 {a reset 5@9 5@9!}} seen {a 3-4}", &err));
	gen_reset();
}

static void
test_damage(void)
{
	CvgSlice	c = put(put(put(crdt_bottom(&cvg_cart_ops), "a", "x", 2), "b", "y", 1), "a", "x", 0);

	check_damage(recode_crdt, c, "cart");
	gen_reset();
}

int
main(void)
{
	check_small(&one_article);
	check_random(&random_cart, unit_env_cases(10000));
	check_long_branches(&random_cart, Max(unit_env_cases(10000) / 3000, 3));
	unit_start(1);
	test_resurrecting_item();
	test_concurrent_adds();
	test_no_debt();
	test_assign();
	test_refused();
	test_text();
	test_damage();
	return unit_done();
}
