/*-------------------------------------------------------------------------
 *
 * plain.c
 *	  What CRDT values read as: plain JSON, and values made of it.
 *
 *-------------------------------------------------------------------------
 */
#include "core/plain.h"

#include "core/bcounter.h"
#include "core/cart.h"
#include "core/counter.h"
#include "core/document.h"
#include "core/extremum.h"
#include "core/flag.h"
#include "core/json.h"
#include "core/lwwreg.h"
#include "core/mvreg.h"
#include "core/set.h"

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
plain_set(CvgSlice value, CvgBuf *out)
{
	CvgSetIter	it = cvg_set_iter(value);
	const char *separator = "";
	CvgSlice	element;

	cvg_put_u8(out, '[');
	while (cvg_set_next(&it, &element))
	{
		cvg_print_string(out, separator);
		cvg_json_print_string(out, element);
		separator = ", ";
	}
	cvg_put_u8(out, ']');
}

static void
plain_document(CvgSlice value, CvgBuf *out)
{
	CvgBuf		text;

	cvg_buf_init(&text);
	cvg_document_text(value, &text);
	cvg_json_print_string(out, cvg_buf_slice(&text));
	cvg_buf_free(&text);
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
		cvg_crdt_print_plain(cvg_map_entry_value(&e, &scratch), out);
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
cvg_crdt_print_plain(CvgSlice value, CvgBuf *out)
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
		case CVG_CRDT_GSET:
		case CVG_CRDT_TWOPSET:
		case CVG_CRDT_ORSET:
		case CVG_CRDT_RWSET:
			plain_set(value, out);
			break;
		case CVG_CRDT_ORMAP:
			plain_map(value, out);
			break;
		case CVG_CRDT_CART:
			plain_cart(value, out);
			break;
		case CVG_CRDT_DOCUMENT:
			plain_document(value, out);
			break;
	}
}

/* The type's own plain form. */
static CvgStatus
from_plain(const CvgCrdtOps *ops, CvgSlice text, CvgDotSupply *dots, CvgBuf *out)
{
	size_t		start = out->len;
	CvgStatus	status = cvg_crdt_parse_plain(ops, text, dots, out, NULL);

	if (status == CVG_OK)
		out->data[start + 2] = 0;
	return status == CVG_E_SYNTAX ? CVG_E_MALFORMED : status;
}

/* An integer, perhaps with a fraction of zeros. */
static bool
json_integer(CvgSlice json, int64 *n)
{
	CvgScanner	s;

	if (cvg_json_kind(json) != CVG_JSON_NUMBER)
		return false;
	cvg_scan_init(&s, json);
	*n = cvg_scan_int64(&s);
	if (cvg_scan_ok(&s) && s.p < s.end && *s.p == '.')
	{
		while (++s.p < s.end && *s.p == '0')
			 /* to the end of the zeros */ ;
	}
	return cvg_scan_ok(&s) && s.p == s.end;
}

static CvgStatus
counter_from_json(const CvgCrdtOps *ops, CvgSlice json, CvgDotSupply *dots,
				  CvgBuf *out)
{
	CvgBuf		text;
	CvgStatus	status;
	int64		n;

	if (!json_integer(json, &n))
		return CVG_E_MALFORMED;
	if (ops->tag == CVG_CRDT_BCOUNTER)
		return cvg_bcounter_new(n, out);
	cvg_buf_init(&text);
	cvg_print_int64(&text, n);
	status = from_plain(ops, cvg_buf_slice(&text), dots, out);
	cvg_buf_free(&text);
	return status == CVG_E_FORBIDDEN ? CVG_E_MALFORMED : status;
}

/* A number as it stands, or a string with one of the text forms. */
static CvgStatus
extremum_from_json(const CvgCrdtOps *ops, CvgSlice json, CvgBuf *out)
{
	CvgScanner	s;
	CvgBuf		text;
	CvgStatus	status;

	if (cvg_json_kind(json) == CVG_JSON_NUMBER)
		status = cvg_crdt_parse(ops, json, out, NULL);
	else
	{
		cvg_buf_init(&text);
		cvg_scan_init(&s, json);
		cvg_json_scan_string(&s, &text);
		status = !cvg_scan_ok(&s) ? s.status :
			cvg_crdt_parse(ops, cvg_buf_slice(&text), out, NULL);
		cvg_buf_free(&text);
	}
	return status == CVG_OK ? status : CVG_E_MALFORMED;
}

static CvgStatus
document_from_json(const CvgCrdtOps *ops, CvgSlice json, CvgDotSupply *dots,
				   CvgBuf *out)
{
	CvgDot		dot = {{NULL, 0}, 0};
	CvgScanner	s;
	CvgBuf		text;
	CvgBuf		bottom;
	CvgStatus	status;

	cvg_buf_init(&text);
	cvg_buf_init(&bottom);
	cvg_scan_init(&s, json);
	cvg_json_scan_string(&s, &text);
	status = s.status;
	if (status == CVG_OK)
	{
		if (text.len > 0)
			dot = cvg_next_dot(dots);
		cvg_crdt_bottom(ops, &bottom);
		status = cvg_document_insert(cvg_buf_slice(&bottom), dot, 0,
									 cvg_buf_slice(&text), out);
	}
	cvg_buf_free(&bottom);
	cvg_buf_free(&text);
	return status == CVG_E_SYNTAX ? CVG_E_MALFORMED : status;
}

static CvgStatus
set_from_json(const CvgCrdtOps *ops, CvgSlice json, CvgDotSupply *dots,
			  CvgBuf *out)
{
	CvgDot		dot = {{NULL, 0}, 0};
	CvgJsonMember *members = NULL;
	CvgSlice   *elements = NULL;
	CvgBuf		texts;
	CvgBuf		bottom;
	CvgStatus	status;
	int			n;
	int			i;

	if (cvg_json_kind(json) != CVG_JSON_ARRAY)
		return CVG_E_MALFORMED;
	cvg_buf_init(&texts);
	cvg_buf_init(&bottom);
	status = cvg_json_members(json, &texts, &members, &n);
	elements = palloc(sizeof(CvgSlice) * (n + 1));
	for (i = 0; i < n && status == CVG_OK; i++)
	{
		CvgScanner	s;
		size_t		start = texts.len;

		cvg_scan_init(&s, members[i].value);
		cvg_json_scan_string(&s, &texts);
		if (!cvg_scan_ok(&s))
			status = CVG_E_MALFORMED;
		elements[i].len = texts.len - start;
	}
	if (status == CVG_OK)
	{
		size_t		offset = 0;

		for (i = 0; i < n; offset += elements[i++].len)
			elements[i].data = texts.data + offset;
		n = cvg_elements_sort(elements, n);
		if (n > 0 && cvg_set_ops((uint8) ops->tag)->add_has_dot)
			dot = cvg_next_dots(dots, n);
		cvg_crdt_bottom(ops, &bottom);
		status = cvg_set_update(cvg_buf_slice(&bottom), dot, elements, n,
								false, out);
	}
	pfree(elements);
	pfree(members);
	cvg_buf_free(&bottom);
	cvg_buf_free(&texts);
	return status;
}

const CvgCrdtOps *
cvg_json_type(CvgSlice json)
{
	return cvg_json_kind(json) == CVG_JSON_OBJECT ?
		&cvg_ormap_ops : &cvg_lwwreg_ops;
}

static CvgStatus map_from_json(const CvgCrdtOps *map, CvgSlice json, int depth,
							   CvgDotSupply *dots, CvgBuf *out);

/*
 * A member of an object: append its value and say of which type it is.  In a
 * cart these are quantities, and nothing is appended for none.
 */
static CvgStatus
member_from_json(const CvgCrdtOps *map, CvgSlice json, int depth,
				 CvgDotSupply *dots, CvgBuf *out, const CvgCrdtOps **ops)
{
	int64		quantity;

	if (map != &cvg_cart_ops)
	{
		*ops = cvg_json_type(json);
		if (*ops != &cvg_ormap_ops)
			return cvg_crdt_from_json(*ops, json, dots, out);
		return map_from_json(*ops, json, depth, dots, out);
	}
	*ops = &cvg_pncounter_ops;
	if (!json_integer(json, &quantity) || quantity < 0)
		return CVG_E_MALFORMED;
	return quantity == 0 ? CVG_OK : counter_from_json(*ops, json, dots, out);
}

/* A map or a cart of an object. */
static CvgStatus
map_from_json(const CvgCrdtOps *map, CvgSlice json, int depth,
			  CvgDotSupply *dots, CvgBuf *out)
{
	CvgJsonMember *members = NULL;
	const CvgCrdtOps *ops;
	CvgMapWriter w;
	CvgBuf		names;
	CvgBuf		value;
	CvgStatus	status;
	int			n;
	int			i;

	if (depth > CVG_MAP_MAX_DEPTH)
		return CVG_E_LIMIT;
	if (cvg_json_kind(json) != CVG_JSON_OBJECT)
		return CVG_E_MALFORMED;
	cvg_buf_init(&names);
	cvg_buf_init(&value);
	cvg_map_writer_init(&w);
	cvg_crdt_put_header(map, out);
	status = cvg_json_members(json, &names, &members, &n);
	for (i = 0; i < n && status == CVG_OK; i++)
	{
		cvg_buf_reset(&value);
		status = cvg_map_key_valid(members[i].name) ?
			member_from_json(map, members[i].value, depth + 1, dots, &value, &ops) :
			CVG_E_LIMIT;
		if (status == CVG_OK && value.len > 0)
			cvg_map_writer_put(&w, members[i].name, ops, NULL,
							   cvg_next_dot(dots), cvg_buf_slice(&value));
	}
	cvg_map_writer_finish(&w, NULL, out);
	pfree(members);
	cvg_buf_free(&value);
	cvg_buf_free(&names);
	return status;
}

CvgStatus
cvg_crdt_from_json(const CvgCrdtOps *ops, CvgSlice json, CvgDotSupply *dots,
				   CvgBuf *out)
{
	size_t		start = out->len;
	CvgStatus	status = CVG_E_MALFORMED;

	switch (ops->tag)
	{
		case CVG_CRDT_GCOUNTER:
		case CVG_CRDT_PNCOUNTER:
		case CVG_CRDT_BCOUNTER:
			status = counter_from_json(ops, json, dots, out);
			break;
		case CVG_CRDT_MAXREG:
		case CVG_CRDT_MINREG:
			status = extremum_from_json(ops, json, out);
			break;
		case CVG_CRDT_LWWREG:
		case CVG_CRDT_MVREG:
			status = from_plain(ops, json, dots, out);
			break;
		case CVG_CRDT_EWFLAG:
		case CVG_CRDT_DWFLAG:
			status = cvg_json_kind(json) != CVG_JSON_BOOLEAN ? CVG_E_MALFORMED :
				from_plain(ops, json, dots, out);
			break;
		case CVG_CRDT_GSET:
		case CVG_CRDT_TWOPSET:
		case CVG_CRDT_ORSET:
		case CVG_CRDT_RWSET:
			status = set_from_json(ops, json, dots, out);
			break;
		case CVG_CRDT_ORMAP:
		case CVG_CRDT_CART:
			status = map_from_json(ops, json, 1, dots, out);
			break;
		case CVG_CRDT_DOCUMENT:
			status = document_from_json(ops, json, dots, out);
			break;
	}
	return cvg_crdt_finish(status, start, out);
}
