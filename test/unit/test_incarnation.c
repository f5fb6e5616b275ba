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

/* ---- entries that move ---- */

typedef struct Have
{
	const char *id;
	int64		seq;
	CvgStamp	stamp;
} Have;

static bool
has_entry(CvgSlice origin, int64 seq, CvgStamp stamp, void *arg)
{
	Have	   *have = arg;

	return cvg_slice_eq(origin, cvg_slice_cstring(have->id)) && seq == have->seq &&
		stamp == have->stamp;
}

static bool
is_known(const CvgEntryHeader *header, CvgSlice sealed, const char *id, int64 seq, CvgStamp of)
{
	Have		have = {id, seq, of};
	CvgBody		body;

	CHECK(cvg_sealed_body_decode(header, sealed, &body, NULL) == CVG_OK);
	return cvg_moved_is_known(&body, header->stamp, has_entry, &have);
}

/* A body that depends on one more entry, and is otherwise as it was. */
static void
test_moved_body(void)
{
	CvgBody		body = {0};
	CvgBody		after;
	CvgBuf		sealed;
	CvgBuf		out;
	CvgBuf		twice;
	CvgEntryHeader b = {cvg_slice_cstring("b"), 8, 6, 5};
	CvgEntryHeader b1 = {cvg_slice_cstring("b~1"), 8, 6, 5};
	CvgEntryHeader b2 = {cvg_slice_cstring("b~2"), 8, 6, 5};

	cvg_buf_init(&sealed);
	cvg_buf_init(&out);
	cvg_buf_init(&twice);
	body.horizon_lag = 77;
	cvg_body_encode(&body, NULL, &sealed);
	cvg_body_seal(&sealed, &b);
	CHECK(!is_known(&b, cvg_buf_slice(&sealed), "b", 8, 5), "it had no other number");

	CHECK(cvg_sealed_body_move(&b, cvg_buf_slice(&sealed), b1.origin, true, 7, &out) == CVG_OK);
	CHECK(cvg_sealed_body_decode(&b1, cvg_buf_slice(&out), &after, NULL) == CVG_OK);
	CHECK(cvg_vclock_get(after.deps, b.origin) == 7 && cvg_vclock_count(after.deps) == 1);
	CHECK(cvg_vclock_get(after.moved, b.origin) == 8 && cvg_vclock_count(after.moved) == 1);
	CHECK(after.horizon_lag == 77 && after.nchanges == 0);
	CHECK(is_known(&b1, cvg_buf_slice(&out), "b", 8, 5), "applied under its former number");
	CHECK(!is_known(&b1, cvg_buf_slice(&out), "b", 8, 6), "that was another entry");
	CHECK(!is_known(&b1, cvg_buf_slice(&out), "b", 7, 5), "that one came before it");
	CHECK(cvg_sealed_body_decode(&b, cvg_buf_slice(&out), &after, NULL) == CVG_E_CHECKSUM,
		  "it is not the former one's any more");

	CHECK(cvg_sealed_body_move(&b1, cvg_buf_slice(&out), b2.origin, true, 0, &twice) == CVG_OK);
	CHECK(cvg_sealed_body_decode(&b2, cvg_buf_slice(&twice), &after, NULL) == CVG_OK);
	CHECK(cvg_vclock_count(after.deps) == 1 && cvg_vclock_count(after.moved) == 2, "moved again");
	CHECK(is_known(&b2, cvg_buf_slice(&twice), "b", 8, 5) && is_known(&b2, cvg_buf_slice(&twice), "b~1", 8, 5));

	cvg_buf_reset(&twice);
	CHECK(cvg_sealed_body_move(&b, cvg_buf_slice(&sealed), b.origin, false, 0, &twice) == CVG_OK);
	CHECK(cvg_slice_eq(cvg_buf_slice(&twice), cvg_buf_slice(&sealed)), "neither");

	cvg_buf_reset(&out);
	b.stamp++;
	CHECK(cvg_sealed_body_move(&b, cvg_buf_slice(&sealed), b1.origin, true, 0, &out) != CVG_OK, "not its head");
	b.stamp--;
	sealed.data[0] ^= 1;
	CHECK(cvg_sealed_body_move(&b, cvg_buf_slice(&sealed), b1.origin, true, 0, &out) != CVG_OK, "damage is noticed");
	CHECK(out.len == 0);
	cvg_buf_free(&sealed);
	cvg_buf_free(&out);
	cvg_buf_free(&twice);
}

static void
test_brought(void)
{
	CHECK(cvg_past_brought(9, false) == 9);
	CHECK(cvg_past_brought(9, true) > 1000000, "nobody has what was written since");
}

int
main(void)
{
	unit_start(unit_env_seed());
	test_certain();
	test_claims();
	test_moved_body();
	test_brought();
	return unit_done();
}
