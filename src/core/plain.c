/*-------------------------------------------------------------------------
 *
 * plain.c
 *	  What CRDT values read as: plain JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "core/plain.h"

#include "core/cart.h"
#include "core/extremum.h"
#include "core/flag.h"
#include "core/json.h"
#include "core/lwwreg.h"
#include "core/mvreg.h"

/* The text form begins with the value, which may be beyond int64. */
static void
plain_counter(CvgSlice value, CvgBuf *out)
{
	size_t		start = out->len;
	size_t		i;

	cvg_crdt_print(value, out);
	for (i = start; i < out->len && out->data[i] != ' '; i++)
		 /* to the end of the number */ ;
	out->len = i;
}

static void
plain_extremum(CvgSlice value, CvgBuf *out)
{
	CvgExtremum e = cvg_extremum_get(value);
	CvgBuf		text;
	bool		number = e.kind == CVG_EXTREMUM_NUMBER &&
		e.number.data[e.number.len - 1] <= '9';

	if (e.kind == CVG_EXTREMUM_EMPTY)
	{
		cvg_print_string(out, "null");
		return;
	}
	if (number)
	{
		cvg_print_slice(out, e.number);
		return;
	}
	cvg_buf_init(&text);
	cvg_crdt_print(value, &text);
	cvg_json_print_string(out, cvg_buf_slice(&text));
	cvg_buf_free(&text);
}

static void
plain_register(CvgSlice value, CvgBuf *out)
{
	CvgDotted	item;
	bool		written = value.data[1] == CVG_CRDT_LWWREG ?
		cvg_lwwreg_get(value, &item) : cvg_mvreg_latest(value, &item);

	if (written)
		cvg_print_slice(out, item.payload);
	else
		cvg_print_string(out, "null");
}

static void
plain_map(CvgSlice value, CvgBuf *out)
{
	CvgReader	r = cvg_map_begin(value);
	CvgMapEntry next = {{NULL, 0}};
	const char *separator = "";
	CvgMapEntry e;
	CvgBuf		scratch;

	cvg_buf_init(&scratch);
	cvg_put_u8(out, '{');
	while (cvg_map_next_visible(&r, &next, &e))
	{
		cvg_print_string(out, separator);
		cvg_json_print_string(out, e.key);
		cvg_print_string(out, ": ");
		cvg_crdt_plain(cvg_map_entry_value(&e, &scratch), out);
		separator = ", ";
	}
	cvg_put_u8(out, '}');
	cvg_buf_free(&scratch);
}

static void
plain_cart(CvgSlice value, CvgBuf *out)
{
	CvgReader	r = cvg_map_begin(value);
	const char *separator = "";
	CvgSlice	sku;
	int64		quantity;

	cvg_put_u8(out, '{');
	while (cvg_cart_next(&r, &sku, &quantity))
	{
		cvg_print_string(out, separator);
		cvg_json_print_string(out, sku);
		cvg_print_string(out, ": ");
		cvg_print_int64(out, quantity);
		separator = ", ";
	}
	cvg_put_u8(out, '}');
}

void
cvg_crdt_plain(CvgSlice value, CvgBuf *out)
{
	switch (value.data[1])
	{
		case CVG_CRDT_GCOUNTER:
		case CVG_CRDT_PNCOUNTER:
		case CVG_CRDT_BCOUNTER:
			plain_counter(value, out);
			break;
		case CVG_CRDT_MAXREG:
		case CVG_CRDT_MINREG:
			plain_extremum(value, out);
			break;
		case CVG_CRDT_LWWREG:
		case CVG_CRDT_MVREG:
			plain_register(value, out);
			break;
		case CVG_CRDT_EWFLAG:
		case CVG_CRDT_DWFLAG:
			cvg_print_string(out, cvg_flag_value(value) ? "true" : "false");
			break;
		case CVG_CRDT_ORMAP:
			plain_map(value, out);
			break;
		case CVG_CRDT_CART:
			plain_cart(value, out);
			break;
		default:
			Assert(false);
	}
}
