/*
 * CRDT values of any type: two of them, as bytes.  Valid ones come back from
 * their text and keep the laws of a lattice with deltas, whatever history
 * they claim; invalid ones are refused with a place inside them.
 */
#include "fuzz.h"
#include "core/document.h"
#include "core/lwwreg.h"
#include "core/mvreg.h"
#include "core/ormap.h"
#include "core/plain.h"

static CvgSlice
merged(CvgSlice a, CvgSlice b)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	REQUIRE(cvg_crdt_merge(a, b, &buf) == CVG_OK);
	REQUIRE(cvg_crdt_validate(NULL, cvg_buf_slice(&buf), NULL) == CVG_OK);
	return gen_take(&buf);
}

/* The same register with JSON in it. */
static void
write_json(CvgSlice reg, void *arg, CvgBuf *out)
{
	bool		several = reg.data[1] == CVG_CRDT_MVREG;
	CvgReader	items = several ? cvg_dotted_begin(reg) : cvg_crdt_body(reg);
	CvgDotted	item;

	cvg_put_bytes(out, reg.data, several ? items.pos : CVG_CRDT_HEADER);
	while (cvg_dotted_next(&items, &item))
	{
		item.payload = cvg_slice_cstring("[1, {\"a\": null}]");
		cvg_dotted_put(out, &item);
	}
}

static CvgDot
next_dots(CvgDotSupply *supply, int n)
{
	CvgDot		dot = {cvg_slice_cstring("zz"), supply->after + 1};

	supply->after += n;
	return dot;
}

/* A value assigned to another; and a map made of what another reads as. */
static void
require_assignable(CvgSlice a, CvgSlice b)
{
	CvgStamp	latest = Max(cvg_crdt_latest(a), cvg_crdt_latest(b));
	CvgDotSupply dots = {next_dots, latest};
	CvgBuf		buf;
	CvgBuf		json;

	if (latest > PG_INT64_MAX / 2)
		return;
	cvg_buf_init(&buf);
	cvg_buf_init(&json);
	if (cvg_crdt_assign(a, b, true, &dots, &buf) == CVG_OK)
	{
		REQUIRE(cvg_crdt_validate(NULL, cvg_buf_slice(&buf), NULL) == CVG_OK);
		REQUIRE(cvg_crdt_eq(merged(a, cvg_buf_slice(&buf)), cvg_buf_slice(&buf)));
	}
	if (b.data[1] == CVG_CRDT_ORMAP || b.data[1] == CVG_CRDT_CART)
	{
		cvg_crdt_print_plain(b, &json);
		cvg_buf_reset(&buf);
		if (cvg_crdt_from_json(cvg_crdt_ops(b.data[1]), cvg_buf_slice(&json), &dots, &buf) == CVG_OK)
			REQUIRE(cvg_crdt_validate(NULL, cvg_buf_slice(&buf), NULL) == CVG_OK);
	}
	cvg_buf_free(&json);
	cvg_buf_free(&buf);
}

static void
require_same_from_text(CvgSlice a)
{
	CvgBuf		text;
	CvgBuf		out;
	CvgError	err;

	cvg_buf_init(&text);
	cvg_buf_init(&out);
	cvg_crdt_print(a, &text);

	/* an opaque payload need not be JSON here, and then has no text form */
	if (cvg_crdt_parse(cvg_crdt_ops(a.data[1]), cvg_buf_slice(&text), &out, &err) == CVG_OK)
		REQUIRE(cvg_crdt_validate(NULL, cvg_buf_slice(&out), &err) == CVG_OK);
	else
		out.len = 0;
	if (a.data[1] != CVG_CRDT_LWWREG && a.data[1] != CVG_CRDT_MVREG)
		REQUIRE(out.len > 0 && cvg_crdt_eq(a, cvg_buf_slice(&out)));
	cvg_buf_free(&text);
	cvg_buf_free(&out);
}

static void
require_reset_grows(CvgSlice a)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	if (cvg_crdt_reset(a, &buf) == CVG_OK)
	{
		REQUIRE(cvg_crdt_validate(NULL, cvg_buf_slice(&buf), NULL) == CVG_OK);
		REQUIRE(cvg_slice_eq(merged(a, cvg_buf_slice(&buf)), cvg_buf_slice(&buf)));
	}
	cvg_buf_free(&buf);
}

static void
require_laws(CvgSlice a, CvgSlice b)
{
	CvgSlice	ab = merged(a, b);
	CvgOrder	order = cvg_crdt_compare(a, b);
	CvgBuf		delta;

	REQUIRE(cvg_crdt_eq(ab, merged(b, a)));
	REQUIRE(cvg_crdt_eq(ab, merged(a, ab)));
	REQUIRE(cvg_crdt_eq(ab, merged(ab, b)));
	REQUIRE(cvg_crdt_eq(a, merged(a, a)));
	REQUIRE((order == CVG_EQUAL) == cvg_crdt_eq(a, b));
	REQUIRE((order == CVG_BEFORE || order == CVG_EQUAL) == cvg_crdt_eq(ab, b));
	cvg_buf_init(&delta);
	REQUIRE(cvg_crdt_delta(a, b, &delta) == CVG_OK);
	REQUIRE(cvg_crdt_validate(NULL, cvg_buf_slice(&delta), NULL) == CVG_OK);
	REQUIRE(cvg_crdt_eq(ab, merged(a, cvg_buf_slice(&delta))));
	cvg_buf_free(&delta);
}

/* Any document can be edited to the text of any other, whatever both claim. */
static void
require_edit(CvgSlice a, CvgSlice b)
{
	CvgDotSupply dots = {next_dots, Max(cvg_crdt_latest(a), cvg_crdt_latest(b))};
	CvgBuf		edited;
	CvgBuf		text;
	CvgBuf		wanted;

	if (a.data[1] != CVG_CRDT_DOCUMENT || dots.after == PG_INT64_MAX)
		return;
	cvg_buf_init(&edited);
	cvg_buf_init(&text);
	cvg_buf_init(&wanted);
	REQUIRE(cvg_crdt_assign(a, b, true, &dots, &edited) == CVG_OK);
	REQUIRE(cvg_crdt_validate(NULL, cvg_buf_slice(&edited), NULL) == CVG_OK);
	REQUIRE(cvg_crdt_eq(merged(a, cvg_buf_slice(&edited)), cvg_buf_slice(&edited)));
	cvg_document_text(cvg_buf_slice(&edited), &text);
	cvg_document_text(b, &wanted);
	REQUIRE(cvg_slice_eq(cvg_buf_slice(&text), cvg_buf_slice(&wanted)));
	cvg_buf_free(&edited);
	cvg_buf_free(&text);
	cvg_buf_free(&wanted);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CvgSlice	a;
	CvgSlice	b;
	CvgError	err = {CVG_OK, 0};

	if (fuzz_split(data, size, &a, &b))
	{
		if (cvg_crdt_validate(NULL, a, &err) == CVG_OK)
		{
			if (a.data[1] == CVG_CRDT_ORMAP)
			{
				CvgBuf		buf;

				cvg_buf_init(&buf);
				cvg_map_rewrite_registers(a, write_json, NULL, &buf);
				a = gen_take(&buf);
			}
			require_same_from_text(a);
			require_reset_grows(a);
			if (cvg_crdt_validate(cvg_crdt_ops(a.data[1]), b, &err) == CVG_OK)
			{
				require_laws(a, b);
				require_edit(a, b);
				require_assignable(a, b);
			}
		}
		else
			REQUIRE(err.offset <= a.len);
	}
	gen_reset();
	return 0;
}
