/*-------------------------------------------------------------------------
 *
 * register_type.c
 *	  Types converge.lwwreg and converge.mvreg: registers of jsonb.
 *
 * A payload is the text of a jsonb as the server writes it.  That is a
 * function of the jsonb value, so one write gives the same bytes everywhere.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "core/lwwreg.h"
#include "core/mvreg.h"
#include "types/crdt_type.h"
#include "types/register.h"

CvgSlice
cvg_jsonb_text(Jsonb *json)
{
	StringInfoData text;

	initStringInfo(&text);
	(void) JsonbToCString(&text, &json->root, VARSIZE(json));
	return cvg_slice(text.data, text.len);
}

Datum
cvg_text_jsonb(CvgSlice json)
{
	char	   *text = pnstrdup((const char *) json.data, json.len);

	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
}

void
cvg_register_canonize(CvgSlice reg, bool from_text, CvgBuf *out)
{
	CvgReader	r = cvg_crdt_body(reg);
	CvgDotted	item;
	CvgError	err;

	cvg_print_slice(out, cvg_slice(reg.data, CVG_CRDT_HEADER));
	if (reg.data[1] == CVG_CRDT_MVREG)
		cvg_print_slice(out, cvg_dotset_skip(&r));
	while (cvg_dotted_next(&r, &item))
	{
		CvgSlice	canonical = cvg_jsonb_text(DatumGetJsonbP(cvg_text_jsonb(item.payload)));

		if (!from_text && !cvg_slice_eq(item.payload, canonical))
		{
			(void) cvg_fail(&err, CVG_E_NOT_CANONICAL,
							item.payload.data - reg.data);
			cvg_report_input_error(&err, cvg_crdt_type_name(reg), NULL, NULL);
		}
		item.payload = canonical;
		cvg_dotted_put(out, &item);
	}
}

/* Payloads of a value from outside. */
static void
canonize_register(CvgBuf *buf, const char *text)
{
	CvgSlice	value = cvg_slice(buf->data + VARHDRSZ, buf->len - VARHDRSZ);
	CvgBuf		out;

	cvg_varlena_begin(&out);
	cvg_register_canonize(value, text != NULL, &out);
	if (out.len - VARHDRSZ > CVG_CRDT_MAX_BYTES)
		cvg_crdt_check_status(CVG_E_LIMIT, value);
	*buf = out;
}

CVG_CRDT_TYPE(lwwreg, &cvg_lwwreg_ops, canonize_register);
CVG_CRDT_TYPE(mvreg, &cvg_mvreg_ops, canonize_register);

static Datum
lwwreg_write(CvgSlice reg, Jsonb *json)
{
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	cvg_crdt_check_status(cvg_lwwreg_set(reg, cvg_draw_dot(reg),
										 cvg_jsonb_text(json), &buf), reg);
	return cvg_varlena_finish(&buf);
}

static Datum
mvreg_write(CvgSlice reg, Jsonb *json)
{
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	cvg_crdt_check_status(cvg_dotted_write(reg, cvg_draw_dot(reg),
										   cvg_jsonb_text(json), &buf), reg);
	return cvg_varlena_finish(&buf);
}

CVG_FUNCTION(lwwreg_set)
{
	PG_RETURN_DATUM(lwwreg_write(PG_GETARG_CVG_SLICE(0), PG_GETARG_JSONB_P(1)));
}

CVG_FUNCTION(mvreg_set)
{
	PG_RETURN_DATUM(mvreg_write(PG_GETARG_CVG_SLICE(0), PG_GETARG_JSONB_P(1)));
}

CVG_FUNCTION(lwwreg_from_jsonb)
{
	return cvg_crdt_plain(lwwreg_write(cvg_crdt_empty_slice(&cvg_lwwreg_ops),
									   PG_GETARG_JSONB_P(0)));
}

CVG_FUNCTION(mvreg_from_jsonb)
{
	return cvg_crdt_plain(mvreg_write(cvg_crdt_empty_slice(&cvg_mvreg_ops),
									  PG_GETARG_JSONB_P(0)));
}

/* NULL while nothing has been written. */
CVG_FUNCTION(lwwreg_value)
{
	CvgDotted	item;

	if (!cvg_lwwreg_get(PG_GETARG_CVG_SLICE(0), &item))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(cvg_text_jsonb(item.payload));
}

/* Of concurrent values the one that an lwwreg would have. */
CVG_FUNCTION(mvreg_value)
{
	CvgDotted	item;

	if (!cvg_mvreg_latest(PG_GETARG_CVG_SLICE(0), &item))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(cvg_text_jsonb(item.payload));
}

/* One row per value, with who wrote it and when. */
static void
put_value(ReturnSetInfo *rsi, const CvgDotted *item)
{
	Datum		values[3];

	values[0] = cvg_text_jsonb(item->payload);
	values[1] = cvg_id_text(item->dot.replica);
	values[2] = Int64GetDatum(item->dot.stamp);
	cvg_srf_put(rsi, values, NULL);
}

CVG_FUNCTION(lwwreg_values)
{
	CvgSlice	reg = PG_GETARG_CVG_SLICE(0);
	ReturnSetInfo *rsi = cvg_srf_begin(fcinfo);
	CvgDotted	item;

	if (cvg_lwwreg_get(reg, &item))
		put_value(rsi, &item);
	return (Datum) 0;
}

CVG_FUNCTION(mvreg_values)
{
	CvgReader	items = cvg_dotted_begin(PG_GETARG_CVG_SLICE(0));
	ReturnSetInfo *rsi = cvg_srf_begin(fcinfo);
	CvgDotted	item;

	while (cvg_dotted_next(&items, &item))
		put_value(rsi, &item);
	return (Datum) 0;
}

CVG_FUNCTION(lwwreg_is_conflicted)
{
	PG_RETURN_BOOL(false);
}

CVG_FUNCTION(mvreg_is_conflicted)
{
	PG_RETURN_BOOL(cvg_mvreg_count(PG_GETARG_CVG_SLICE(0)) > 1);
}
