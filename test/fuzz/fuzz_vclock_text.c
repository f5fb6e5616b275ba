/*
 * Text form of a clock: what parses is a valid clock, and its printed form
 * gives the same one.
 */
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = fuzz_cstring(data, size);
	CvgBuf		clock;
	CvgBuf		printed;
	CvgBuf		again;
	CvgError	err = {CVG_OK, 0};

	cvg_buf_init(&clock);
	cvg_buf_init(&printed);
	cvg_buf_init(&again);
	if (cvg_vclock_parse(text, &clock, &err) == CVG_OK)
	{
		REQUIRE(cvg_vclock_validate(cvg_buf_slice(&clock), &err) == CVG_OK);
		cvg_vclock_print(cvg_buf_slice(&clock), &printed);
		cvg_put_u8(&printed, '\0');
		REQUIRE(cvg_vclock_parse((char *) printed.data, &again, &err) == CVG_OK);
		REQUIRE(cvg_slice_eq(cvg_buf_slice(&clock), cvg_buf_slice(&again)));
	}
	else
	{
		REQUIRE(err.status != CVG_OK);
		REQUIRE(err.offset <= strlen(text));
	}
	cvg_buf_free(&clock);
	cvg_buf_free(&printed);
	cvg_buf_free(&again);
	gen_reset();
	return 0;
}
