/*-------------------------------------------------------------------------
 *
 * cart.c
 *	  Shopping cart: how many of what.
 *
 *-------------------------------------------------------------------------
 */
#include "core/cart.h"

#include "core/counter.h"
#include "core/plain.h"

static void
cart_check(CvgReader *r)
{
	cvg_map_check_body(r, &cvg_pncounter_ops);
}

/* What a counter of the cart stands for. */
static int64
quantity_of(CvgSlice counter)
{
	int64		n;

	/* clamped, where merges went beyond bigint */
	(void) cvg_counter_value(counter, &n);
	return Max(n, 0);
}

/* Add n, not 0; arg points to it.  A debt is forgiven first. */
static CvgStatus
count(CvgSlice counter, CvgDot dot, void *arg, CvgBuf *out)
{
	int64		n = *(const int64 *) arg;
	int64		value;
	CvgStatus	status = cvg_counter_value(counter, &value);
	CvgBuf		forgiven;

	if (value >= 0)
		return status != CVG_OK ? status :
			cvg_counter_add(counter, dot.replica, dot.stamp, n, out);
	cvg_buf_init(&forgiven);
	status = cvg_crdt_reset(counter, &forgiven);
	if (status == CVG_OK)
		status = cvg_counter_add(cvg_buf_slice(&forgiven), dot.replica,
								 dot.stamp, n, out);
	cvg_buf_free(&forgiven);
	return status;
}

CvgStatus
cvg_cart_add(CvgSlice cart, CvgSlice sku, int64 n, CvgDot dot, CvgBuf *out)
{
	Assert(n > 0);
	return cvg_map_update(cart, &sku, 1, &cvg_pncounter_ops, dot, count, &n, out);
}

CvgStatus
cvg_cart_remove(CvgSlice cart, CvgSlice sku, int64 n, CvgDot dot, CvgBuf *out)
{
	int64		less = -n;

	Assert(n > 0);
	if (n >= cvg_cart_quantity(cart, sku))
		return cvg_cart_remove_all(cart, sku, out);
	return cvg_map_update(cart, &sku, 1, &cvg_pncounter_ops, dot, count, &less, out);
}

CvgStatus
cvg_cart_remove_all(CvgSlice cart, CvgSlice sku, CvgBuf *out)
{
	return cvg_map_remove(cart, &sku, 1, NULL, out);
}

int64
cvg_cart_quantity(CvgSlice cart, CvgSlice sku)
{
	CvgMapEntry e;

	if (!cvg_map_find(cart, &sku, 1, &cvg_pncounter_ops, &e))
		return 0;
	return quantity_of(e.value);
}

bool
cvg_cart_next(CvgReader *r, CvgSlice *sku, int64 *quantity)
{
	CvgMapEntry e;

	while (cvg_map_next(r, &e))
	{
		*sku = e.key;
		*quantity = e.ndots > 0 ? quantity_of(e.value) : 0;
		if (*quantity > 0)
			return true;
	}
	return false;
}

/* The entry of an article in the old cart, which is to read as quantity. */
static CvgStatus
assign_article(const CvgMapEntry *old, CvgSlice sku, int64 quantity,
			   CvgDotSupply *dots, CvgMapWriter *w)
{
	int64		is = old != NULL && old->ndots > 0 ? quantity_of(old->value) : 0;
	int64		n = quantity;
	CvgBuf		value;
	CvgDot		dot;
	CvgStatus	status;

	if (is == quantity || (quantity == 0 && old->ndots == 0))
	{
		if (old != NULL)
			cvg_map_writer_keep(w, old);
		return CVG_OK;
	}
	if (quantity == 0)
	{
		cvg_map_writer_remove(w, old);
		return CVG_OK;
	}
	if (is > 0)
		n -= is;
	cvg_buf_init(&value);
	dot = cvg_next_dot(dots);
	if (old == NULL)
	{
		CvgBuf		bottom;

		cvg_buf_init(&bottom);
		cvg_crdt_bottom(&cvg_pncounter_ops, &bottom);
		status = count(cvg_buf_slice(&bottom), dot, &n, &value);
		cvg_buf_free(&bottom);
	}
	else
		status = count(old->value, dot, &n, &value);
	if (status == CVG_OK)
		cvg_map_writer_put(w, sku, &cvg_pncounter_ops, old, dot,
						   cvg_buf_slice(&value));
	cvg_buf_free(&value);
	return status;
}

/* By the difference of the quantities. */
static CvgStatus
cart_assign(CvgSlice old, CvgSlice new, CvgDotSupply *dots, CvgBuf *out)
{
	CvgReader	body = cvg_crdt_body(old);
	CvgReader	ro = cvg_map_begin(old);
	CvgReader	rn = cvg_map_begin(new);
	CvgMapWriter w;
	CvgMapEntry e;
	CvgSlice	sku = {NULL, 0};
	int64		quantity = 0;
	bool		has_old = cvg_map_next(&ro, &e);
	bool		has_new = cvg_cart_next(&rn, &sku, &quantity);
	CvgStatus	status = CVG_OK;

	cvg_map_writer_init(&w);
	while (status == CVG_OK && (has_old || has_new))
	{
		int			c = !has_old ? 1 : (!has_new ? -1 : cvg_slice_cmp(e.key, sku));

		status = assign_article(c <= 0 ? &e : NULL, c >= 0 ? sku : e.key,
								c >= 0 ? quantity : 0, dots, &w);
		if (c <= 0)
			has_old = cvg_map_next(&ro, &e);
		if (c >= 0)
			has_new = cvg_cart_next(&rn, &sku, &quantity);
	}
	cvg_crdt_put_header(&cvg_cart_ops, out);
	cvg_map_writer_finish(&w, &body, out);
	return status;
}

/* A JSON object of quantities. */
static CvgStatus
cart_parse_plain(CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	CvgSlice	json = cvg_scan_json(s);

	return cvg_scan_ok(s) ?
		cvg_crdt_from_json(&cvg_cart_ops, json, dots, out) : s->status;
}

static void
cart_print(CvgReader r, CvgBuf *out)
{
	cvg_map_print_body(r, &cvg_pncounter_ops, out);
}

static void
cart_parse(CvgScanner *s, CvgBuf *out)
{
	cvg_map_parse_body(s, &cvg_pncounter_ops, out);
}

const CvgCrdtOps cvg_cart_ops = {
	.tag = CVG_CRDT_CART,
	.name = "cart",
	.check = cart_check,
	.bottom = cvg_dotset_empty,
	.merge = cvg_map_merge_body,
	.delta = cvg_map_delta_body,
	.latest = cvg_map_latest_body,
	.reset = cvg_map_reset_body,
	.print = cart_print,
	.parse = cart_parse,
	.assign = cart_assign,
	.parse_plain = cart_parse_plain,
};
