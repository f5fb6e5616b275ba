/*-------------------------------------------------------------------------
 *
 * cart_type.c
 *	  Type converge.cart.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "core/cart.h"
#include "types/crdt_type.h"
#include "types/map.h"

CVG_CRDT_TYPE(cart, &cvg_cart_ops, NULL);

static int64
get_number(int64 n)
{
	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("quantity must not be negative")));
	return n;
}

/* Nothing put in or taken out is no update. */
CVG_FUNCTION(cart_add)
{
	CvgSlice	cart = PG_GETARG_CVG_SLICE(0);
	CvgSlice	sku = PG_GETARG_CVG_SLICE(1);
	int64		n = get_number(PG_GETARG_INT64(2));
	CvgBuf		buf;

	cvg_check_map_key(sku);
	if (n == 0)
		PG_RETURN_DATUM(cvg_crdt_unchanged(cart));
	cvg_varlena_begin(&buf);
	cvg_crdt_check_status(cvg_cart_add(cart, sku, n, cvg_draw_dot(cart), &buf), cart);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

CVG_FUNCTION(cart_remove)
{
	CvgSlice	cart = PG_GETARG_CVG_SLICE(0);
	CvgSlice	sku = PG_GETARG_CVG_SLICE(1);
	int64		n = get_number(PG_GETARG_INT64(2));
	CvgBuf		buf;

	cvg_check_map_key(sku);
	if (n == 0)
		PG_RETURN_DATUM(cvg_crdt_unchanged(cart));
	cvg_varlena_begin(&buf);
	cvg_crdt_check_status(cvg_cart_remove(cart, sku, n, cvg_draw_dot(cart), &buf), cart);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

CVG_FUNCTION(cart_remove_all)
{
	CvgSlice	cart = PG_GETARG_CVG_SLICE(0);
	CvgSlice	sku = PG_GETARG_CVG_SLICE(1);
	CvgBuf		buf;

	cvg_check_map_key(sku);
	cvg_varlena_begin(&buf);
	cvg_crdt_check_status(cvg_cart_remove_all(cart, sku, &buf), cart);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

CVG_FUNCTION(cart_reset)
{
	return cvg_crdt_reset_arg(fcinfo);
}

CVG_FUNCTION(cart_from_jsonb)
{
	return cvg_map_from_jsonb(&cvg_cart_ops, PG_GETARG_JSONB_P(0));
}

CVG_FUNCTION(cart_assign)
{
	return cvg_map_assign_jsonb(PG_GETARG_CVG_SLICE(0), PG_GETARG_JSONB_P(1));
}

CVG_FUNCTION(cart_to_jsonb)
{
	return cvg_value_jsonb(PG_GETARG_CVG_SLICE(0));
}

CVG_FUNCTION(cart_quantity)
{
	PG_RETURN_INT64(cvg_cart_quantity(PG_GETARG_CVG_SLICE(0), PG_GETARG_CVG_SLICE(1)));
}

CVG_FUNCTION(cart_items)
{
	CvgReader	r = cvg_map_begin(PG_GETARG_CVG_SLICE(0));
	ReturnSetInfo *rsi = cvg_srf_begin(fcinfo);
	CvgSlice	sku;
	int64		quantity;

	while (cvg_cart_next(&r, &sku, &quantity))
	{
		Datum		values[2];

		values[0] = cvg_id_text(sku);
		values[1] = Int64GetDatum(quantity);
		cvg_srf_put(rsi, values, NULL);
	}
	return (Datum) 0;
}
