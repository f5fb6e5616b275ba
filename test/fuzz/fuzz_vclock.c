/*
 * Clock bytes: two clocks.  Valid ones keep the laws of a lattice and come
 * back from their entries and from their text; of others nothing is asked but
 * that reading them stays inside.
 */
#include "fuzz.h"

static void
use_any(CvgSlice a, CvgSlice b)
{
	CvgClockIter it;
	CvgClockEntry e;
	CvgBuf		out;

	cvg_vclock_iter(&it, a);
	while (cvg_vclock_next(&it, &e))
		(void) cvg_vclock_get(b, e.id);
	(void) cvg_vclock_count(a);
	(void) cvg_vclock_compare(a, b);
	(void) cvg_vclock_covered(a, b);
	(void) cvg_vclock_cmp_total(a, b);
	cvg_buf_init(&out);
	(void) cvg_vclock_join(a, b, &out);
	(void) cvg_vclock_meet(a, b, &out);
	(void) cvg_vclock_set(a, cvg_slice_cstring("id"), 7, &out);
	cvg_vclock_print(a, &out);
	cvg_buf_free(&out);
}

static void
require_same_from_entries(CvgSlice a)
{
	CvgClockEntry *entries = gen_alloc(sizeof(CvgClockEntry) * cvg_vclock_count(a));
	CvgClockIter it;
	CvgBuf		out;
	int			n = 0;

	cvg_vclock_iter(&it, a);
	while (n < cvg_vclock_count(a) && cvg_vclock_next(&it, &entries[n]))
		n++;
	REQUIRE(n == cvg_vclock_count(a));
	cvg_buf_init(&out);
	REQUIRE(cvg_vclock_from_entries(entries, n, &out) == CVG_OK);
	REQUIRE(a.len == 0 || cvg_slice_eq(a, cvg_buf_slice(&out)));
	cvg_buf_free(&out);
}

static void
require_same_from_text(CvgSlice a)
{
	CvgBuf		text;
	CvgBuf		out;
	CvgError	err;

	cvg_buf_init(&text);
	cvg_buf_init(&out);
	cvg_vclock_print(a, &text);
	cvg_put_u8(&text, '\0');
	REQUIRE(cvg_vclock_parse((char *) text.data, &out, &err) == CVG_OK);
	REQUIRE(a.len == 0 || cvg_slice_eq(a, cvg_buf_slice(&out)));
	cvg_buf_free(&text);
	cvg_buf_free(&out);
}

/* join is an upper bound, meet a lower bound, and both commute */
static void
require_laws(CvgSlice a, CvgSlice b)
{
	CvgBuf		ab;
	CvgBuf		ba;

	cvg_buf_init(&ab);
	cvg_buf_init(&ba);
	REQUIRE(cvg_vclock_join(a, b, &ab) == cvg_vclock_join(b, a, &ba));
	REQUIRE(cvg_slice_eq(cvg_buf_slice(&ab), cvg_buf_slice(&ba)));
	REQUIRE(cvg_vclock_validate(cvg_buf_slice(&ab), NULL) == CVG_OK);
	REQUIRE(cvg_vclock_covered(a, cvg_buf_slice(&ab)));
	cvg_buf_reset(&ab);
	cvg_buf_reset(&ba);
	REQUIRE(cvg_vclock_meet(a, b, &ab) == CVG_OK);
	REQUIRE(cvg_vclock_meet(b, a, &ba) == CVG_OK);
	REQUIRE(cvg_slice_eq(cvg_buf_slice(&ab), cvg_buf_slice(&ba)));
	REQUIRE(cvg_vclock_validate(cvg_buf_slice(&ab), NULL) == CVG_OK);
	REQUIRE(cvg_vclock_covered(cvg_buf_slice(&ab), a));
	REQUIRE((cvg_vclock_compare(a, b) == CVG_EQUAL) == (cvg_vclock_cmp_total(a, b) == 0));
	cvg_buf_free(&ab);
	cvg_buf_free(&ba);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CvgSlice	a;
	CvgSlice	b;
	CvgError	err;

	if (fuzz_split(data, size, &a, &b))
	{
		use_any(a, b);
		if (cvg_vclock_validate(a, &err) == CVG_OK)
		{
			require_same_from_entries(a);
			require_same_from_text(a);
			if (cvg_vclock_validate(b, &err) == CVG_OK)
				require_laws(a, b);
		}
		else
			REQUIRE(err.offset <= a.len);
	}
	gen_reset();
	return 0;
}
