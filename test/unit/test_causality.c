/*
 * Admission of entries and the stable clock.
 */
#include "recode.h"
#include "core/causality.h"
#include "core/hlc.h"
#include "core/horizon.h"
#include "core/stability.h"

/* The progress that the callbacks answer from; calls are counted. */
static CvgSlice progress_clock;
static int	progress_calls;

static int64
progress_of(CvgSlice origin, void *arg)
{
	progress_calls++;
	return cvg_vclock_get(*(CvgSlice *) arg, origin);
}

/* A clock from its text form. */
static CvgSlice
clock_of(const char *text)
{
	CvgBuf		buf;
	CvgError	err;

	cvg_buf_init(&buf);
	if (cvg_vclock_parse(text, &buf, &err) != CVG_OK)
		abort();
	return gen_take(&buf);
}

/* ---- admission ---- */

#define NOW			INT64CONST(1000000)
#define MAX_SKEW	INT64CONST(500)

static CvgClockEntry missing;

/* Entry of origin "b" at node "a" */
static CvgVerdict
admit(const char *progress, int64 seq, int64 prev_seq, CvgStamp stamp, const char *deps)
{
	progress_clock = clock_of(progress);
	memset(&missing, 0, sizeof(missing));
	return cvg_admit(cvg_slice_cstring("b"), seq, prev_seq, stamp, clock_of(deps),
					 cvg_slice_cstring("a"), progress_of, &progress_clock,
					 NOW, MAX_SKEW, &missing);
}

static void
test_admit_rules(void)
{
	CHECK(admit("{}", 1, 0, NOW, "{}") == CVG_ADMIT, "first entry");
	CHECK(admit("{b:4}", 7, 4, NOW, "{}") == CVG_ADMIT, "next link, seqs with a hole");
	CHECK(admit("{b:7}", 7, 4, NOW, "{}") == CVG_COVERED, "the last one again");
	CHECK(admit("{b:9}", 7, 4, NOW, "{}") == CVG_COVERED, "an old one");
	CHECK(admit("{b:3}", 7, 4, NOW, "{}") == CVG_WAIT_GAP, "entry 4 is missing");
	CHECK(admit("{}", 7, 4, NOW, "{}") == CVG_WAIT_GAP, "origin unknown here");
	CHECK(admit("{b:5}", 7, 4, NOW, "{}") == CVG_FORKED, "entry 5 is not in its history");
	CHECK(admit("{b:4}", 7, 4, NOW + MAX_SKEW, "{}") == CVG_ADMIT, "as far ahead as allowed");
	CHECK(admit("{b:4}", 7, 4, NOW + MAX_SKEW + 1, "{}") == CVG_WAIT_CLOCK, "one beyond");
	CHECK(admit("{b:4}", 7, 4, NOW, "{c:2}") == CVG_WAIT_DEPS, "nothing of c");
	CHECK(cvg_slice_eq(missing.id, cvg_slice_cstring("c")) && missing.value == 2);
	CHECK(admit("{b:4,c:1}", 7, 4, NOW, "{c:2,d:1}") == CVG_WAIT_DEPS, "c too old");
	CHECK(cvg_slice_eq(missing.id, cvg_slice_cstring("c")), "the first one is named");
	CHECK(admit("{b:4,c:2}", 7, 4, NOW, "{c:2}") == CVG_ADMIT, "c just new enough");
	CHECK(admit("{b:4}", 7, 4, NOW, "{a:99}") == CVG_ADMIT, "our own writes are here");
	CHECK(admit("{b:4}", 7, 4, NOW, "{b:6}") == CVG_ADMIT, "the chain speaks for the origin");
	gen_reset();
}

static void
test_admit_order(void)
{
	CvgStamp	late = NOW + MAX_SKEW + 1;
	CvgSlice	none = {NULL, 0};
	CvgSlice	b = cvg_slice_cstring("b");

	CHECK(admit("{b:9}", 7, 10, late, "{c:1}") == CVG_COVERED);
	CHECK(admit("{b:5}", 7, 4, late, "{c:1}") == CVG_FORKED);
	CHECK(admit("{b:3}", 7, 4, late, "{c:1}") == CVG_WAIT_GAP);
	CHECK(admit("{b:4}", 7, 4, late, "{c:1}") == CVG_WAIT_CLOCK);
	CHECK(missing.value == 0, "nothing is missing when the clock is the reason");
	/* extremes of the clock do not wrap; deps may be no clock at all */
	progress_clock = none;
	CHECK(cvg_admit(b, 1, 0, PG_INT64_MAX, none, none, progress_of, &progress_clock,
					PG_INT64_MAX - 1, PG_INT64_MAX, NULL) == CVG_ADMIT);
	CHECK(cvg_admit(b, 1, 0, 1, none, none, progress_of, &progress_clock,
					PG_INT64_MIN, 0, NULL) == CVG_WAIT_CLOCK);
	CHECK(cvg_admit(b, 1, 0, 1, clock_of("{c:1}"), none, progress_of, &progress_clock,
					NOW, 0, NULL) == CVG_WAIT_DEPS, "missing may be NULL");
	gen_reset();
}

/* Each verdict is as the rules say, one by one and in their order. */
static void
test_admit_random(void)
{
	int			cases = unit_env_cases(100000);

	while (cases-- > 0)
	{
		CvgSlice	origin = gen_member();
		CvgSlice	self = gen_member();
		CvgSlice	deps = gen_clock(4);
		int64		applied;
		int64		seq = 1 + unit_below(6);
		int64		prev = unit_below((int) seq);
		CvgStamp	stamp = 1 + unit_below(10);
		CvgStamp	now = unit_below(10);
		bool		deps_met = true;
		CvgClockIter it;
		CvgClockEntry dep;
		CvgVerdict	want;
		CvgBuf		buf;

		cvg_buf_init(&buf);
		if (cvg_vclock_set(gen_clock(4), origin, 1 + unit_below(5), &buf) != CVG_OK)
			abort();
		progress_clock = gen_take(&buf);
		applied = cvg_vclock_get(progress_clock, origin);
		cvg_vclock_iter(&it, deps);
		while (cvg_vclock_next(&it, &dep))
		{
			if (!cvg_slice_eq(dep.id, self) && !cvg_slice_eq(dep.id, origin) &&
				cvg_vclock_get(progress_clock, dep.id) < dep.value)
				deps_met = false;
		}
		want = seq <= applied ? CVG_COVERED : prev < applied ? CVG_FORKED :
			prev > applied ? CVG_WAIT_GAP : stamp > now + 3 ? CVG_WAIT_CLOCK :
			!deps_met ? CVG_WAIT_DEPS : CVG_ADMIT;
		CHECK(cvg_admit(origin, seq, prev, stamp, deps, self, progress_of,
						&progress_clock, now, 3, NULL) == want);
		gen_reset();
	}
}

/* ---- the stable clock ---- */

static CvgReport
report_of(const char *replica_id, int64 last_seq, const char *horizon, uint8 flags)
{
	CvgReport	r;

	memset(&r, 0, sizeof(r));
	r.node_name = r.replica_id = cvg_slice_cstring(replica_id);
	r.last_seq = last_seq;
	r.horizon = clock_of(horizon);
	r.flags = flags;
	return r;
}

/* Is S, from {old} and what is known, {want}?  Growth must be told truly. */
static void
check_stable(const char *old, const char *own, const CvgReport *reports, int n,
			 const char *progress, const char *want, const char *what)
{
	CvgBuf		out;
	bool		grew;

	cvg_buf_init(&out);
	cvg_put_bytes(&out, "xx", 2);
	progress_clock = clock_of(progress);
	CHECK(cvg_stable_advance(clock_of(old), clock_of(own), reports, n,
							 progress_of, &progress_clock,
								 PG_INT64_MAX, &grew, &out) == CVG_OK, "%s", what);
	CHECK(cvg_slice_eq(clock_of(want), cvg_slice(out.data + 2, out.len - 2)), "%s", what);
	CHECK(memcmp(out.data, "xx", 2) == 0, "%s: appended", what);
	CHECK(grew == !cvg_slice_eq(clock_of(old), clock_of(want)), "%s: grew", what);
	cvg_buf_free(&out);
}

static void
test_stable_rules(void)
{
	CvgReport	r[2];

	check_stable("{}", "{a:5}", NULL, 0, "{}", "{a:5}", "alone, all of it is stable");
	r[0] = report_of("b", 3, "{a:4,b:9}", 0);
	r[1] = report_of("c", 2, "{a:6,b:7,c:8}", 0);
	check_stable("{}", "{a:5,b:8,c:7}", r, 2, "{b:3,c:2}", "{a:4,b:7}", "minimum; c is unknown to b");
	check_stable("{a:5}", "{a:5,b:8,c:7}", r, 2, "{b:3,c:2}", "{a:5,b:7}", "S never shrinks");
	check_stable("{a:9,b:9,c:9}", "{a:5,b:8,c:7}", r, 2, "{b:3,c:2}", "{a:9,b:9,c:9}", "nothing new");
	check_stable("{a:1}", "{a:5,b:8,c:7}", r, 2, "{b:2,c:2}", "{a:1}", "a write of b is on its way");
	check_stable("{a:1}", "{a:5,b:8,c:7}", r, 2, "{b:9}", "{a:1}", "of c nothing is here");
	r[1].flags = CVG_REPORT_FORGOTTEN;
	check_stable("{a:1}", "{a:5,b:8,c:7}", r, 2, "{b:3}", "{a:4,b:8}", "c was forgotten");
	r[0].flags = CVG_REPORT_FORGOTTEN;
	check_stable("{}", "{a:5,b:8}", r, 2, "{}", "{a:5,b:8}", "all were forgotten");
	r[0] = report_of("b", 0, "{}", 0);
	check_stable("{a:1}", "{a:5}", r, 1, "{}", "{a:1}", "a member without a horizon");

	/* a node's earlier lives count, those of others with a longer name do not */
	r[0] = report_of("b", 3, "{a:4,b:9,b~new:7}", 0);
	r[0].replica_id = cvg_slice_cstring("b~new");
	r[0].progress = clock_of("{a:90,b:5,b~new:3,bb:90}");
	check_stable("{}", "{a:5,b:8,b~new:7}", r, 1, "{b:4,b~new:3}", "{}", "an old life's entry is on its way");
	check_stable("{}", "{a:5,b:8,b~new:7}", r, 1, "{b:5,b~new:3}", "{a:4,b:8,b~new:7}", "it is here");
	gen_reset();
}

/*
 * Finding of the model: B1 inserts, B2 deletes, A3 inserts concurrently.  A
 * reports a horizon that covers B2 in a pull, before B has pulled A3.  B must
 * not take B2 for stable until it has A's entry.
 */
static void
test_stable_report_overtakes_write(void)
{
	CvgReport	a = report_of("a", 1, "{a:3,b:2}", 0);

	check_stable("{}", "{b:2}", &a, 1, "{b:2}", "{}", "the report overtook the write");
	check_stable("{}", "{a:3,b:2}", &a, 1, "{a:1,b:2}", "{a:3,b:2}", "the write is here");
	gen_reset();
}

/* A report of which something is left out may be about what is missing here. */
static void
test_stable_partial_report(void)
{
	CvgReport	r = report_of("b", 0, "{a:5,b:9}", CVG_REPORT_PARTIAL);

	check_stable("{}", "{a:5,b:9}", &r, 1, "{b:9}", "{}", "a report known in part");
	r.flags |= CVG_REPORT_FORGOTTEN;
	check_stable("{}", "{a:5,b:9}", &r, 1, "{b:9}", "{a:5,b:9}", "of one who does not count any more");
	gen_reset();
}

/* Stamps of one node ascend, whatever its clock says. */
static void
test_hlc(void)
{
	CvgStamp	last = 1000;
	int			i;

	CHECK(cvg_hlc_next(1000, 999) == 1001 && cvg_hlc_next(1000, 1000) == 1001, "a clock that stands or goes back");
	CHECK(cvg_hlc_next(1000, 1001) == 1001 && cvg_hlc_next(1000, 5000) == 5000, "a clock that goes on");
	CHECK(cvg_hlc_observe(1000, 999) == 1000 && cvg_hlc_observe(1000, 1001) == 1001, "a stamp seen");
	for (i = 0; i < 1000; i++)
	{
		CvgStamp	seen = 500 + unit_below(1000) + i;
		CvgStamp	next;

		if (gen_chance(30))
			last = cvg_hlc_observe(last, seen);
		next = cvg_hlc_next(last, 500 + unit_below(1000) + i);
		CHECK(next > last);
		last = next;
	}
}

/* What follows from the transactions in progress. */
static void
test_horizon(void)
{
	CvgHorizon	h;

	cvg_horizon_begin(&h, 100);
	CHECK(h.stamp == 100 && cvg_horizon_watermark(&h, 7) == 7, "nobody is busy");
	CHECK(cvg_horizon_last_seq(&h, 7, 6) == 6, "7 has ended, and not committed");
	cvg_horizon_add(&h, 90, 0);
	cvg_horizon_add(&h, 95, 0);
	CHECK(h.stamp == 89 && cvg_horizon_watermark(&h, 7) == 7, "writers hold the horizon back");
	cvg_horizon_add(&h, 10, 7);
	CHECK(h.stamp == 89 && cvg_horizon_watermark(&h, 7) == 6, "those that commit, the watermark");
	cvg_horizon_add(&h, 10, 5);
	cvg_horizon_add(&h, 10, 6);
	CHECK(cvg_horizon_watermark(&h, 7) == 4, "the first of them");
	CHECK(cvg_horizon_last_seq(&h, 7, 4) == 7, "each may still commit");
	cvg_horizon_cap(&h, 200);
	CHECK(h.stamp == 89);
	cvg_horizon_cap(&h, 50);
	CHECK(h.stamp == 50, "not above what holds after a crash");
	CHECK(cvg_ceiling_holds(30, 30, 19, 10) && !cvg_ceiling_holds(30, 30, 20, 10) &&
		  !cvg_ceiling_holds(30, 31, 19, 10), "moved in time");
	CHECK(cvg_next_ceiling(5, 20, 10) == 30 && cvg_next_ceiling(40, 20, 10) == 40, "ahead of the clock, not of stamps");
}

/* What is above the limit stays remembered; what was stable stays stable. */
static void
test_stable_limit(void)
{
	CvgReport	r = report_of("b", 0, "{a:8,b:9}", 0);
	CvgSlice	progress = clock_of("{}");
	CvgStamp	limits[] = {PG_INT64_MIN, 0, 5, 9};
	const char *wants[] = {"{b:7}", "{b:7}", "{a:5,b:7}", "{a:6,b:9}"};
	int			i;

	for (i = 0; i < lengthof(limits); i++)
	{
		CvgBuf		out;
		bool		grew;

		cvg_buf_init(&out);
		CHECK(cvg_stable_advance(clock_of("{b:7}"), clock_of("{a:6,b:9}"), &r, 1, progress_of,
								 &progress, limits[i], &grew, &out) == CVG_OK);
		CHECK(cvg_slice_eq(cvg_buf_slice(&out), clock_of(wants[i])), "limit %d", i);
		CHECK(grew == (i > 1), "limit %d: grew", i);
		cvg_buf_free(&out);
	}
	gen_reset();
}

static void
test_stable_null_inputs(void)
{
	CvgSlice	none = {NULL, 0};
	CvgReport	r = report_of("b", 1, "{}", 0);
	CvgBuf		out;
	bool		grew;

	cvg_buf_init(&out);
	CHECK(cvg_stable_advance(none, none, NULL, 0, progress_of, &none,
							 PG_INT64_MAX, &grew, &out) == CVG_OK);
	CHECK(!grew && cvg_slice_eq(cvg_buf_slice(&out), clock_of("{}")), "no clocks at all");
	cvg_buf_reset(&out);
	CHECK(cvg_stable_advance(none, none, &r, 1, progress_of, &none,
							 PG_INT64_MAX, &grew, &out) == CVG_OK);
	CHECK(!grew && cvg_slice_eq(cvg_buf_slice(&out), clock_of("{}")), "unchanged is a clock, too");
	cvg_buf_free(&out);
	gen_reset();
}

/* Id by id against the definition. */
static void
test_stable_random(void)
{
	int			cases = unit_env_cases(100000) / 4;

	while (cases-- > 0)
	{
		CvgSlice	old = gen_clock(3);
		CvgSlice	low = gen_clock(5);
		CvgSlice	own = low;
		CvgReport	reports[3];
		int			n = unit_below(4);
		bool		counts = true;
		CvgStamp	limit = gen_chance(70) ? PG_INT64_MAX : gen_int64();
		bool		grew;
		CvgBuf		out;
		CvgClockIter it;
		CvgClockEntry e;
		CvgSlice	ids[16];
		int			nids = 0;
		int			i;
		int			k;

		progress_clock = gen_clock(5);
		for (i = 0; i < n; i++)
		{
			reports[i] = report_of("b", 0, "{}", gen_chance(20) ? CVG_REPORT_FORGOTTEN : 0);
			reports[i].replica_id = gen_member();
			reports[i].last_seq = gen_chance(70) ? 0 : gen_int64();
			reports[i].horizon = gen_chance(70) ? gen_clock(5) : own;
			if (reports[i].flags == 0 &&
				cvg_vclock_get(progress_clock, reports[i].replica_id) < reports[i].last_seq)
				counts = false;
		}
		cvg_buf_init(&out);
		CHECK(cvg_stable_advance(old, own, reports, n, progress_of, &progress_clock,
								 limit, &grew, &out) == CVG_OK);
		CHECK(cvg_vclock_validate(cvg_buf_slice(&out), NULL) == CVG_OK);
		CHECK(grew == !cvg_slice_eq(cvg_buf_slice(&out), old));
		cvg_vclock_iter(&it, own);
		while (cvg_vclock_next(&it, &e))
			ids[nids++] = e.id;
		cvg_vclock_iter(&it, cvg_buf_slice(&out));
		while (cvg_vclock_next(&it, &e))
			ids[nids++] = e.id;
		for (k = 0; k < nids; k++)
		{
			int64		min = cvg_vclock_get(own, ids[k]);

			for (i = 0; i < n; i++)
			{
				if (reports[i].flags == 0)
					min = Min(min, cvg_vclock_get(reports[i].horizon, ids[k]));
			}
			min = Max(Min(min, limit), 0);
			min = Max(counts ? min : 0, cvg_vclock_get(old, ids[k]));
			CHECK(cvg_vclock_get(cvg_buf_slice(&out), ids[k]) == min);
		}
		cvg_buf_free(&out);
		gen_reset();
	}
}

/* ---- which report counts ---- */

static bool
supersedes(const char *id, int64 generation, uint8 flags, const char *have_id,
		   int64 have_generation, uint8 have_flags)
{
	CvgReport	r = {0};

	r.replica_id = cvg_slice_cstring(id);
	r.generation = generation;
	r.flags = flags;
	return cvg_report_supersedes(&r, cvg_slice_cstring(have_id), have_generation, have_flags);
}

static void
test_supersedes(void)
{
	uint8		gone = CVG_REPORT_FORGOTTEN;

	CHECK(supersedes("b", 6, 0, "b", 5, 0), "newer");
	CHECK(!supersedes("b", 5, 0, "b", 5, 0), "the same");
	CHECK(!supersedes("b", 4, 0, "b", 5, 0), "older");
	CHECK(supersedes("b~x", 6, 0, "b", 5, 0), "a later life");
	CHECK(!supersedes("b", 4, 0, "b~x", 5, 0), "an earlier life");
	CHECK(supersedes("b", 4, gone, "b", 5, 0), "an obituary is the last word");
	CHECK(!supersedes("b", 9, 0, "b", 5, gone), "whatever it says later");
	CHECK(!supersedes("b", 9, gone, "b", 5, gone), "once is enough");
	CHECK(supersedes("b~x", 6, 0, "b", 5, gone), "somebody new of that name");
	CHECK(!supersedes("b~x", 4, 0, "b", 5, gone), "somebody of that name who was before");
	CHECK(!supersedes("b", 4, gone, "b~x", 5, 0), "an obituary of who was before is no news");
}

int
main(void)
{
	unit_start(unit_env_seed());
	test_supersedes();
	test_admit_rules();
	test_admit_order();
	test_admit_random();
	test_stable_rules();
	test_stable_report_overtakes_write();
	test_stable_partial_report();
	test_hlc();
	test_horizon();
	test_stable_limit();
	test_stable_null_inputs();
	test_stable_random();
	return unit_done();
}
