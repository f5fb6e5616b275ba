/*
 * Where the certain past of a former self ends, and what is made of the rest.
 */
#include "recode.h"
#include "core/entry.h"
#include "core/incarnation.h"

static void
test_certain(void)
{
	CHECK(cvg_past_certain(0, 0, 9, false) == 0, "nobody has had anything");
	CHECK(cvg_past_certain(0, 4, 9, false) == 4, "whoever has 4 has what there is below");
	CHECK(cvg_past_certain(5, 4, 9, false) == 5, "the log was cut, everybody has 5");
	CHECK(cvg_past_certain(0, 4, 9, true) == 4, "5 was written after nobody knows when");
	CHECK(cvg_past_certain(0, 12, 9, true) == 9, "what was confirmed in this life is of this life");
	CHECK(cvg_past_certain(10, 4, 9, true) == 10, "what is cut is gone");
}

static void
test_claims(void)
{
	CHECK(!cvg_past_is_claimed(5, 5, 0), "as much as we have");
	CHECK(cvg_past_is_claimed(6, 5, 0), "more than we have");
	CHECK(cvg_past_is_claimed(6, 9, 6), "and it stays so when we write more");
}

/* A body that depends on one more entry, and is otherwise as it was. */
static void
test_added_dependency(void)
{
	CvgBody		body = {0};
	CvgBody		after;
	CvgBuf		sealed;
	CvgBuf		out;
	CvgSlice	b = cvg_slice_cstring("b");
	CvgSlice	c = cvg_slice_cstring("c");

	cvg_buf_init(&sealed);
	cvg_buf_init(&out);
	body.horizon_lag = 77;
	cvg_body_encode(&body, NULL, &sealed);
	cvg_seal(&sealed, 0);
	CHECK(cvg_sealed_body_add_dep(cvg_buf_slice(&sealed), b, 7, &out) == CVG_OK);
	CHECK(cvg_sealed_body_decode(cvg_buf_slice(&out), &after, NULL) == CVG_OK);
	CHECK(cvg_vclock_get(after.deps, b) == 7 && cvg_vclock_count(after.deps) == 1);
	CHECK(after.horizon_lag == 77 && after.nchanges == 0);

	cvg_buf_reset(&sealed);
	CHECK(cvg_sealed_body_add_dep(cvg_buf_slice(&out), c, 2, &sealed) == CVG_OK);
	CHECK(cvg_sealed_body_decode(cvg_buf_slice(&sealed), &after, NULL) == CVG_OK);
	CHECK(cvg_vclock_get(after.deps, b) == 7 && cvg_vclock_get(after.deps, c) == 2, "joined");

	sealed.data[0] ^= 1;
	cvg_buf_reset(&out);
	CHECK(cvg_sealed_body_add_dep(cvg_buf_slice(&sealed), b, 9, &out) != CVG_OK, "damage is noticed");
	CHECK(out.len == 0);
	cvg_buf_free(&sealed);
	cvg_buf_free(&out);
}

int
main(void)
{
	unit_start(unit_env_seed());
	test_certain();
	test_claims();
	test_added_dependency();
	return unit_done();
}
