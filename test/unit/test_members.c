/*
 * What a node decides from the reports of the others, and about its log:
 * core/members.h, core/progress.h.
 */
#include "recode.h"
#include "core/members.h"
#include "core/progress.h"

static CvgBuf clocks[100];
static int	nclocks = 0;

/* A clock from text, kept until the program ends. */
static CvgSlice
clock_of(const char *text)
{
	CvgBuf	   *buf = &clocks[nclocks++];

	cvg_buf_init(buf);
	if (nclocks == lengthof(clocks) || cvg_vclock_parse(text, buf, NULL) != CVG_OK)
		abort();
	return cvg_buf_slice(buf);
}

static CvgMember
member(const char *name, const char *progress, uint8 flags)
{
	CvgMember	m = {{{0}}};

	m.report.node_name = cvg_slice_cstring(name);
	m.report.replica_id = cvg_slice_cstring(name);
	m.report.generation = 1;
	m.report.progress = clock_of(progress);
	m.report.horizon = clock_of("{a:50,b:50,c:50}");
	m.report.flags = flags;
	return m;
}

static bool
knows_ab(CvgSlice origin, void *arg)
{
	return origin.data[0] == 'a' || origin.data[0] == 'b';
}

static void
test_partial(void)
{
	CvgMember	m = member("b", "{a:1,b:2}", 0);

	CHECK(!cvg_report_is_partial(&m.report, knows_ab, NULL));
	m = member("b", "{a:1,b:2,c:3}", 0);
	CHECK(cvg_report_is_partial(&m.report, knows_ab, NULL), "c is unknown here");
	m = member("b", "{a:1}", CVG_REPORT_PARTIAL);
	CHECK(cvg_report_is_partial(&m.report, knows_ab, NULL), "less came than was said");
}

/* c was forgotten too */
static bool
unheard(CvgSlice origin, int64 seq, void *arg)
{
	return origin.data[0] == 'c' && seq > *(int64 *) arg;
}

static void
test_admission(void)
{
	int64		c_seq = 2;
	CvgSlice	b = cvg_slice_cstring("b");
	CvgSlice	later = cvg_slice_cstring("b~1");
	CvgSlice	none = clock_of("{}");
	CvgSlice	one = clock_of("{b:1}");
	CvgSlice	two = clock_of("{b:2}");

	CHECK(cvg_member_admission(b, 0, b, two, none, 0, unheard, &c_seq) == CVG_WELCOME);
	CHECK(cvg_member_admission(b, CVG_REPORT_FORGOTTEN, b, one, none, 1, unheard, &c_seq) == CVG_REMOVED);
	CHECK(cvg_member_admission(b, CVG_REPORT_FORGOTTEN, later, one, none, 1, unheard, &c_seq) == CVG_WELCOME,
		  "somebody new, who has what we have");
	CHECK(cvg_member_admission(b, CVG_REPORT_FORGOTTEN, later, two, none, 1, unheard, &c_seq) == CVG_REMOVED_BEFORE,
		  "it wrote what nobody else has");
	CHECK(cvg_member_admission(b, CVG_REPORT_FORGOTTEN, later, one, two, 1, unheard, &c_seq) == CVG_REMOVED_BEFORE,
		  "and has it under another number now");
	CHECK(cvg_member_admission(b, CVG_REPORT_FORGOTTEN, later, clock_of("{b:1,c:3}"), none, 1, unheard, &c_seq) == CVG_REMOVED_OTHERS,
		  "it brings what c wrote");
	CHECK(cvg_member_admission(b, CVG_REPORT_FORGOTTEN, later, clock_of("{b:1,c:2}"), none, 1, unheard, &c_seq) == CVG_WELCOME,
		  "no more than is here");
	CHECK(cvg_member_admission(b, 0, b, clock_of("{b:1,c:3}"), none, 1, unheard, &c_seq) == CVG_WELCOME,
		  "a member passes on what it has");
}

static void
test_obituaries(void)
{
	CvgSlice	b = cvg_slice_cstring("b");

	CHECK(cvg_obituary(b, 0, false) == 0, "who lives has none");
	CHECK(cvg_obituary(b, CVG_REPORT_FORGOTTEN, true) == 0, "not told while something may come");
	CHECK(cvg_obituary(b, CVG_REPORT_FORGOTTEN, false) != 0);
	CHECK(cvg_obituary(b, CVG_REPORT_FORGOTTEN, false) !=
		  cvg_obituary(cvg_slice_cstring("b~1"), CVG_REPORT_FORGOTTEN, false));
}

/* a is we, d is forgotten, b and c remain. */
static void
test_settled(void)
{
	uint64		sum = cvg_obituary(cvg_slice_cstring("d"), CVG_REPORT_FORGOTTEN, false);
	CvgSlice	ours = clock_of("{a:5,b:3,d:4,d~1:2}");
	CvgMember	m[3];

	m[0] = member("b", "{a:1,b:3,d:4,d~1:2}", 0);
	m[1] = member("c", "{d:4,d~1:2}", 0);
	m[2] = member("d", "{d:9}", CVG_REPORT_FORGOTTEN);
	m[0].report.obituaries = m[1].report.obituaries = sum;
	CHECK(cvg_member_settled(&m[2], m, 3, ours));

	m[2].taking = true;
	CHECK(!cvg_member_settled(&m[2], m, 3, ours), "something may still come");
	m[2].taking = false;
	m[1].report.obituaries = 0;
	CHECK(!cvg_member_settled(&m[2], m, 3, ours), "c does not know");
	m[1].report.obituaries = sum;
	m[1].report.progress = clock_of("{d:4}");
	CHECK(!cvg_member_settled(&m[2], m, 3, ours), "c lacks what d wrote in a later life");
	m[1].report.progress = clock_of("{d:5,d~1:2}");
	CHECK(!cvg_member_settled(&m[2], m, 3, ours), "c has more than we");
	m[1].report.progress = clock_of("{d:4,d~1:2,d~2:1}");
	CHECK(!cvg_member_settled(&m[2], m, 3, ours), "c has some of a life unknown here");
	m[1].report.progress = clock_of("{d:4,d~1:2}");
	m[1].report.flags = CVG_REPORT_PARTIAL;
	CHECK(!cvg_member_settled(&m[2], m, 3, ours), "c may have some of a life unknown here");
	m[1].report.flags = CVG_REPORT_FORGOTTEN;
	m[1].report.progress = clock_of("{}");
	m[0].report.obituaries = sum + cvg_obituary(cvg_slice_cstring("c"), CVG_REPORT_FORGOTTEN, false);
	CHECK(cvg_member_settled(&m[2], m, 3, ours), "who was forgotten too need not have it");
}

static void
test_advance(void)
{
	CvgSlice	ours = clock_of("{a:5,b:3,d:4}");
	CvgSlice	a = cvg_slice_cstring("a");
	CvgMember	m[2];
	CvgBuf		out;
	bool		grew;

	cvg_buf_init(&out);
	m[0] = member("b", "{b:3,d:4}", 0);
	m[1] = member("d", "{d:4}", CVG_REPORT_FORGOTTEN);
	m[1].report.horizon = clock_of("{a:10,b:10}");
	CHECK(cvg_members_advance(clock_of("{}"), clock_of("{a:40,b:40}"), a, m, 2, ours, 1000, &grew, &out) == CVG_OK);
	CHECK(grew && cvg_slice_eq(cvg_buf_slice(&out), clock_of("{a:10,b:10}")),
		  "whom not all know to be forgotten counts");
	cvg_buf_reset(&out);
	m[0].report.obituaries = cvg_obituary(cvg_slice_cstring("d"), CVG_REPORT_FORGOTTEN, false);
	CHECK(cvg_members_advance(clock_of("{}"), clock_of("{a:40,b:40}"), a, m, 2, ours, 1000, &grew, &out) == CVG_OK);
	CHECK(grew && cvg_slice_eq(cvg_buf_slice(&out), clock_of("{a:40,b:40}")), "and then no longer");
	cvg_buf_reset(&out);
	CHECK(cvg_members_advance(clock_of("{a:7}"), clock_of("{a:40,b:40}"), a, m, 2, clock_of("{a~1:2,a:5,b:3,c:1,d:4}"),
							  1000, &grew, &out) == CVG_OK);
	CHECK(!grew && cvg_slice_eq(cvg_buf_slice(&out), clock_of("{a:7}")), "c has written, and is no member");
	cvg_buf_reset(&out);
	CHECK(cvg_members_advance(clock_of("{a:7}"), clock_of("{a:40,b:40}"), a, m, 2, clock_of("{a~1:2,a:5,b:3,d:4,d~1:1}"),
							  1000, &grew, &out) == CVG_OK);
	CHECK(grew, "other lives of members, and our own");
	cvg_buf_free(&out);
}

static void
test_acknowledged(void)
{
	CvgMember	m[3];
	CvgSlice	a = cvg_slice_cstring("a");

	m[0] = member("b", "{a:4,b:3}", 0);
	m[1] = member("c", "{a:2}", 0);
	m[2] = member("d", "{}", CVG_REPORT_FORGOTTEN);
	CHECK(cvg_members_acknowledged(m, 3, a) == 2);
	CHECK(cvg_members_acknowledged(m, 3, cvg_slice_cstring("c")) == 0, "c need not be asked for its own");
	CHECK(cvg_members_acknowledged(m, 1, cvg_slice_cstring("b")) == PG_INT64_MAX);
	CHECK(cvg_members_acknowledged(m, 0, a) == PG_INT64_MAX);
}

static void
test_log(void)
{
	CvgHeld		held[2] = {{5, 100, 5}, {7, 200, 9}};
	CvgStamp	turned_at = 0;

	CHECK(cvg_log_may_go(held, 2, 0, false), "everybody has it");
	held[0].acknowledged = 4;
	CHECK(!cvg_log_may_go(held, 2, 0, false), "one lacks an entry");
	CHECK(!cvg_log_may_go(held, 2, 200, false), "not all of it is old");
	CHECK(cvg_log_may_go(held, 2, 201, false));
	CHECK(cvg_log_may_go(held, 2, 0, true));
	CHECK(cvg_log_may_go(held, 0, 0, false));
	CHECK(!cvg_log_may_turn(&turned_at, 500, 200) && turned_at == 500, "not right after the start");
	CHECK(!cvg_log_may_turn(&turned_at, 699, 200) && cvg_log_may_turn(&turned_at, 700, 200));
	CHECK(!cvg_log_may_turn(&turned_at, 300, 200) && turned_at == 300, "a clock that was set back");
	CHECK(cvg_floor_serves(4, 4) && cvg_floor_serves(4, 5) && !cvg_floor_serves(4, 3));
	CHECK(cvg_admit_own(4, 4) == CVG_COVERED && cvg_admit_own(5, 4) == CVG_FORKED);
}

static void
test_reached(void)
{
	CvgReached	r = {3, 30, 25, 2};
	CvgReached	to = {3, 30, 90, 7};
	CvgEntryHeader header = {{0}, 4, 3, 40};
	CvgBody		body = {0};

	body.horizon_lag = 20;
	body.deps = clock_of("{me:1,b:8}");
	cvg_reached_entry(&r, &header, &body, cvg_slice_cstring("me"));
	CHECK(r.seq == 4 && r.stamp == 40, "it moves on");
	CHECK(r.horizon == 25 && r.own_seq == 2, "an older horizon and dependency take nothing back");
	body.horizon_lag = 1;
	body.deps = clock_of("{me:5}");
	header.seq = 5;
	cvg_reached_entry(&r, &header, &body, cvg_slice_cstring("me"));
	CHECK(r.horizon == 39 && r.own_seq == 5);
	cvg_reached_publish(&to, &r);
	CHECK(to.seq == 5 && to.stamp == 40 && to.horizon == 90 && to.own_seq == 7);
}

static void
test_adopt(void)
{
	CvgStableView view = {clock_of("{a:5}"), false};
	CvgBuf		one;
	CvgBuf		two;

	cvg_buf_init(&one);
	cvg_buf_init(&two);
	CHECK(cvg_stable_adopt(&view, clock_of("{a:5}"), true, &one) == CVG_OK);
	CHECK(!view.grew && one.len == 0, "nothing new");
	CHECK(cvg_stable_adopt(&view, clock_of("{b:2}"), false, &one) == CVG_OK);
	CHECK(!view.grew && cvg_slice_eq(view.clock, clock_of("{a:5,b:2}")), "others have published it");
	CHECK(cvg_stable_adopt(&view, clock_of("{a:4,b:3}"), true, &two) == CVG_OK);
	CHECK(view.grew && cvg_slice_eq(view.clock, clock_of("{a:5,b:3}")), "an entry says it");
	cvg_buf_free(&one);
	cvg_buf_free(&two);
}

int
main(void)
{
	unit_start(1);
	test_partial();
	test_admission();
	test_obituaries();
	test_settled();
	test_advance();
	test_acknowledged();
	test_log();
	test_reached();
	test_adopt();
	while (nclocks > 0)
		cvg_buf_free(&clocks[--nclocks]);
	return unit_done();
}
