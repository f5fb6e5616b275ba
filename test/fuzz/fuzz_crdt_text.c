/*
 * Text forms of CRDT values; the first byte says of which type.  What parses
 * is a valid value, and its printed form gives the same one.  The same for
 * plain forms.
 */
#include "fuzz.h"
#include "core/crdt.h"

static CvgDot
next_dots(CvgDotSupply *supply, int n)
{
	CvgDot		dot = {cvg_slice_cstring("zz"), supply->after + 1};

	supply->after += n;
	return dot;
}

static void
try_plain(const CvgCrdtOps *ops, CvgSlice text)
{
	CvgDotSupply dots = {next_dots, 0};
	CvgError	err = {CVG_OK, 0};
	CvgBuf		value;

	cvg_buf_init(&value);
	if (cvg_crdt_parse_plain(ops, text, &dots, &value, &err) == CVG_OK)
		REQUIRE(cvg_crdt_validate(ops, cvg_buf_slice(&value), &err) == CVG_OK);
	else
		REQUIRE(value.len == 0 && err.offset <= text.len);
	cvg_buf_free(&value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const CvgCrdtOps *ops = size > 0 ? cvg_crdt_ops(data[0]) : NULL;
	CvgBuf		value;
	CvgBuf		printed;
	CvgBuf		again;
	CvgError	err = {CVG_OK, 0};

	if (ops == NULL)
		return 0;
	cvg_buf_init(&value);
	cvg_buf_init(&printed);
	cvg_buf_init(&again);
	if (cvg_crdt_parse(ops, gen_copy(cvg_slice(data + 1, size - 1)), &value, &err) == CVG_OK)
	{
		REQUIRE(cvg_crdt_validate(ops, cvg_buf_slice(&value), &err) == CVG_OK);
		cvg_crdt_print(cvg_buf_slice(&value), &printed);
		REQUIRE(cvg_crdt_parse(ops, cvg_buf_slice(&printed), &again, &err) == CVG_OK);
		REQUIRE(cvg_slice_eq(cvg_buf_slice(&value), cvg_buf_slice(&again)));
	}
	else
	{
		REQUIRE(value.len == 0);
		REQUIRE(err.status != CVG_OK);
		REQUIRE(err.offset <= size - 1);
	}
	try_plain(ops, gen_copy(cvg_slice(data + 1, size - 1)));
	cvg_buf_free(&value);
	cvg_buf_free(&printed);
	cvg_buf_free(&again);
	gen_reset();
	return 0;
}
