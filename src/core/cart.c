/*-------------------------------------------------------------------------
 *
 * cart.c
 *	  Shopping cart: how many of what.
 *
 *-------------------------------------------------------------------------
 */
#include "core/cart.h"

#include "core/counter.h"

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
};
