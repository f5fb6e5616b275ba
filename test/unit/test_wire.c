/*
 * Wire codec: hello, request, head, entries, reports, fetch.
 */
#include "recode.h"

/* ---- random messages ---- */

static CvgReport
gen_report(void)
{
	CvgReport	r;

	r.node_name = gen_node_name();
	r.replica_id = gen_id();
	r.generation = gen_int64();
	r.last_seq = gen_int64();
	r.progress = gen_clock(3);
	r.horizon = gen_clock(3);
	r.obituaries = unit_rand();
	r.flags = gen_chance(10) ? CVG_REPORT_FORGOTTEN : gen_chance(10) ? CVG_REPORT_PARTIAL : 0;
	return r;
}

static CvgReport *
gen_reports(int *n)
{
	CvgReport  *reports;
	int			i;

	*n = unit_below(4);
	reports = gen_alloc(sizeof(CvgReport) * *n);
	for (i = 0; i < *n; i++)
		reports[i] = gen_report();
	return reports;
}

static CvgHello
gen_hello(void)
{
	CvgHello	h;

	h.protocol = CVG_PROTOCOL_VERSION;
	h.node_name = gen_node_name();
	h.replica_id = gen_id();
	h.boot_id = unit_rand();
	h.now = (CvgStamp) unit_rand();
	h.last_seq = gen_int64();
	h.progress = gen_clock(4);
	h.past = gen_clock(2);
	h.version = cvg_slice_cstring(gen_chance(50) ? "0.1.0" : "");
	return h;
}

static CvgRequest
gen_request(void)
{
	CvgRequest	r;
	int			i;

	memset(&r, 0, sizeof(r));
	r.protocol = CVG_PROTOCOL_VERSION;
	r.replica_id = gen_id();
	r.boot_id = unit_rand();
	r.want = (CvgWant) unit_below(2);
	if (r.want == CVG_WANT_EXCEPT)
		r.nexcept = unit_below(4);
	r.except = gen_alloc(sizeof(CvgSlice) * r.nexcept);
	for (i = 0; i < r.nexcept; i++)
		r.except[i] = gen_id();
	r.max_bytes = gen_int64();
	r.wait_ms = unit_below(PG_INT32_MAX);
	r.progress = gen_clock(4);
	r.position = gen_clock(4);
	r.parts = gen_clock(1);
	r.anchor_stamp = gen_int64();
	r.reports = gen_reports(&r.nreports);
	return r;
}

static CvgHead
gen_head(void)
{
	CvgHead		h;

	h.now = (CvgStamp) unit_rand();
	h.more = gen_chance(50);
	h.progress = gen_clock(4);
	h.reports = gen_reports(&h.nreports);
	return h;
}

static CvgFetchAnswer
gen_fetch_answer(void)
{
	CvgFetchAnswer a;

	memset(&a, 0, sizeof(a));
	a.found = unit_below(3);
	if (a.found != 0)
	{
		a.state = gen_state();
		a.image = gen_bytes(unit_below(20));
		a.descriptor = gen_bytes(unit_below(20));
	}
	a.stable = gen_clock(3);
	return a;
}

/* ---- they come back ---- */

static bool
report_eq(const CvgReport *a, const CvgReport *b)
{
	return cvg_slice_eq(a->node_name, b->node_name) &&
		cvg_slice_eq(a->replica_id, b->replica_id) &&
		a->generation == b->generation && a->last_seq == b->last_seq &&
		cvg_slice_eq(a->progress, b->progress) &&
		cvg_slice_eq(a->horizon, b->horizon) &&
		a->obituaries == b->obituaries && a->flags == b->flags;
}

static bool
reports_eq(const CvgReport *a, int na, const CvgReport *b, int nb)
{
	int			i;

	for (i = 0; i < na && na == nb; i++)
	{
		if (!report_eq(&a[i], &b[i]))
			return false;
	}
	return na == nb;
}

static void
test_hello(void)
{
	CvgHello	h = gen_hello();
	CvgHello	got;
	CvgBuf		buf;
	CvgError	err;

	cvg_buf_init(&buf);
	cvg_hello_encode(&h, &buf);
	CHECK(cvg_hello_decode(gen_take(&buf), &got, &err) == CVG_OK);
	CHECK(got.protocol == h.protocol && got.boot_id == h.boot_id &&
		  got.now == h.now && got.last_seq == h.last_seq &&
		  cvg_slice_eq(got.node_name, h.node_name) &&
		  cvg_slice_eq(got.replica_id, h.replica_id) &&
		  cvg_slice_eq(got.progress, h.progress) &&
		  cvg_slice_eq(got.past, h.past) &&
		  cvg_slice_eq(got.version, h.version));
}

static void
test_request(void)
{
	CvgRequest	r = gen_request();
	CvgRequest	got;
	CvgBuf		buf;
	CvgError	err;
	int			i;

	cvg_buf_init(&buf);
	cvg_request_encode(&r, &buf);
	CHECK(cvg_request_decode(gen_take(&buf), &got, &err) == CVG_OK);
	CHECK(got.protocol == r.protocol && got.boot_id == r.boot_id &&
		  got.want == r.want && got.nexcept == r.nexcept &&
		  got.max_bytes == r.max_bytes && got.wait_ms == r.wait_ms &&
		  cvg_slice_eq(got.replica_id, r.replica_id) &&
		  cvg_slice_eq(got.progress, r.progress) &&
		  cvg_slice_eq(got.position, r.position) &&
		  cvg_slice_eq(got.parts, r.parts) &&
		  got.anchor_stamp == r.anchor_stamp &&
		  reports_eq(got.reports, got.nreports, r.reports, r.nreports));
	for (i = 0; i < got.nexcept; i++)
		CHECK(cvg_slice_eq(got.except[i], r.except[i]));
	if (got.except != NULL)
		pfree(got.except);
	if (got.reports != NULL)
		pfree(got.reports);
}

static void
test_head(void)
{
	CvgHead		h = gen_head();
	CvgHead		got;
	CvgBuf		buf;
	CvgError	err;

	cvg_buf_init(&buf);
	cvg_head_encode(&h, &buf);
	CHECK(cvg_head_decode(gen_take(&buf), &got, &err) == CVG_OK);
	CHECK(got.now == h.now && got.more == h.more &&
		  cvg_slice_eq(got.progress, h.progress) &&
		  reports_eq(got.reports, got.nreports, h.reports, h.nreports));
	if (got.reports != NULL)
		pfree(got.reports);
}

static void
test_entries(void)
{
	CvgEntryHeader sent[4];
	CvgSlice	bodies[4];
	CvgEntryHeader h;
	CvgSlice	body;
	CvgBuf		buf;
	CvgReader	r;
	int			n = unit_below(5);
	int			i;

	cvg_buf_init(&buf);
	for (i = 0; i < n; i++)
	{
		sent[i] = gen_entry_header();
		bodies[i] = gen_bytes(unit_below(200));
		cvg_entry_header_encode(&sent[i], &buf);
		cvg_put_slice(&buf, bodies[i]);
	}
	cvg_reader_init(&r, gen_take(&buf));
	for (i = 0; i < n; i++)
	{
		CHECK(cvg_entries_next(&r, &h, &body));
		CHECK(cvg_slice_eq(h.origin, sent[i].origin) && h.seq == sent[i].seq &&
			  h.prev_seq == sent[i].prev_seq && h.stamp == sent[i].stamp &&
			  cvg_slice_eq(body, bodies[i]));
	}
	CHECK(!cvg_entries_next(&r, &h, &body));
	CHECK(cvg_reader_ok(&r));
}

static void
test_fetch(void)
{
	CvgFetchRequest req = {gen_name(), gen_name(), gen_bytes(1 + unit_below(20))};
	CvgFetchAnswer ans = gen_fetch_answer();
	CvgFetchRequest got_req;
	CvgFetchAnswer got_ans;
	CvgBuf		buf;
	CvgError	err;

	cvg_buf_init(&buf);
	cvg_fetch_request_encode(&req, &buf);
	CHECK(cvg_fetch_request_decode(gen_take(&buf), &got_req, &err) == CVG_OK);
	CHECK(cvg_slice_eq(req.schema, got_req.schema) &&
		  cvg_slice_eq(req.table, got_req.table) && cvg_slice_eq(req.key, got_req.key));
	cvg_buf_init(&buf);
	cvg_fetch_answer_encode(&ans, &buf);
	CHECK(cvg_fetch_answer_decode(gen_take(&buf), &got_ans, &err) == CVG_OK);
	CHECK(ans.found == got_ans.found && cvg_slice_eq(ans.state, got_ans.state) &&
		  cvg_slice_eq(ans.image, got_ans.image) &&
		  cvg_slice_eq(ans.descriptor, got_ans.descriptor));
}

static void
test_round_trips(void)
{
	int			cases = unit_env_cases(100000) / 5;

	while (cases-- > 0)
	{
		test_hello();
		test_request();
		test_head();
		test_entries();
		test_fetch();
		gen_reset();
	}
}

/* ---- damaged samples ---- */

static void
test_damage(void)
{
	int			rounds = 15;

	while (rounds-- > 0)
	{
		CvgHello	hello = gen_hello();
		CvgRequest	req = gen_request();
		CvgHead		head = gen_head();
		CvgEntryHeader h = gen_entry_header();
		CvgFetchRequest fetch = {gen_name(), gen_name(), gen_bytes(5)};
		CvgFetchAnswer ans = gen_fetch_answer();
		CvgBuf		buf;

		cvg_buf_init(&buf);
		cvg_hello_encode(&hello, &buf);
		check_damage(recode_hello, gen_take(&buf), "hello");
		cvg_buf_init(&buf);
		cvg_request_encode(&req, &buf);
		check_damage(recode_request, gen_take(&buf), "request");
		cvg_buf_init(&buf);
		cvg_head_encode(&head, &buf);
		check_damage(recode_head, gen_take(&buf), "head");
		cvg_buf_init(&buf);
		cvg_entry_header_encode(&h, &buf);
		buf.len -= RECODE_SEAL;
		cvg_put_slice(&buf, gen_bytes(20));
		check_damage(recode_entries, gen_take(&buf), "entries");
		cvg_buf_init(&buf);
		cvg_fetch_request_encode(&fetch, &buf);
		check_damage(recode_fetch_request, gen_take(&buf), "fetch request");
		cvg_buf_init(&buf);
		cvg_fetch_answer_encode(&ans, &buf);
		check_damage(recode_fetch_answer, gen_take(&buf), "fetch answer");
		gen_reset();
	}
}

/* ---- hostile counts ---- */

static void
check_refused(RecodeFn recode, CvgBuf *buf, uint64 count, const char *what)
{
	CvgSlice	bytes;

	cvg_put_varint(buf, count);
	bytes = gen_take(buf);
	alloc_largest = 0;
	CHECK(recode_status(recode, bytes) != CVG_OK, "%s", what);
	CHECK(alloc_largest <= 256, "%s allocates %zu", what, alloc_largest);
	cvg_buf_init(buf);
}

static void
put_request_start(CvgBuf *buf, int want)
{
	cvg_put_u32(buf, CVG_PROTOCOL_VERSION);
	cvg_put_slice(buf, cvg_slice_cstring("a"));
	cvg_put_u64(buf, 1);
	cvg_put_u8(buf, (uint8) want);
}

static void
test_hostile_counts(void)
{
	static const uint64 counts[] = {UINT64CONST(0x8000000000000000),
	~UINT64CONST(0), CVG_MAX_REPORTS, CVG_MAX_CLOCK, CVG_MAX_BODY, PG_UINT32_MAX};
	CvgBuf		buf;
	int			i;

	cvg_buf_init(&buf);
	for (i = 0; i < (int) lengthof(counts); i++)
	{
		put_request_start(&buf, CVG_WANT_EXCEPT);
		check_refused(recode_request, &buf, counts[i], "excepted origins");
		put_request_start(&buf, CVG_WANT_OWN);
		cvg_put_bytes(&buf, "\0\0\0\2\1\0\2\1\0\0", 10);
		check_refused(recode_request, &buf, counts[i], "reports of a request");
		cvg_put_bytes(&buf, "H\0\0\0\0\0\0\0\0\0\2\1\0", 13);
		check_refused(recode_head, &buf, counts[i], "reports of a head");
		cvg_put_bytes(&buf, "\1a\1\1\1", 5);
		check_refused(recode_entries, &buf, counts[i], "length of a body");
		cvg_put_bytes(&buf, "\1\1", 2);
		check_refused(recode_fetch_answer, &buf, counts[i], "length of a state");
		cvg_put_u32(&buf, CVG_PROTOCOL_VERSION);
		check_refused(recode_hello, &buf, counts[i], "length of a name");
	}
	cvg_buf_free(&buf);
	gen_reset();
}

/* ---- boundaries ---- */

static CvgStatus
hello_status(const CvgHello *h)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_hello_encode(h, &buf);
	return recode_status(recode_hello, gen_take(&buf));
}

static void
test_hello_edges(void)
{
	CvgHello	h = gen_hello();
	CvgHello	got;
	CvgError	err;
	CvgBuf		buf;

	h.protocol = CVG_PROTOCOL_VERSION + 1;
	cvg_buf_init(&buf);
	cvg_hello_encode(&h, &buf);
	CHECK(cvg_hello_decode(gen_take(&buf), &got, &err) == CVG_E_VERSION);
	CHECK(got.protocol == CVG_PROTOCOL_VERSION + 1, "the other protocol is told");
	h = gen_hello();
	h.node_name = cvg_slice_cstring("a~0001");
	CHECK(hello_status(&h) == CVG_E_BAD_ID, "node name with an incarnation");
	h = gen_hello();
	h.replica_id = cvg_slice_cstring("");
	CHECK(hello_status(&h) == CVG_E_BAD_ID, "no replica id");
	h.replica_id = gen_text(64);
	CHECK(hello_status(&h) == CVG_E_LIMIT, "replica id too long");
	h = gen_hello();
	h.now = PG_INT64_MIN;
	CHECK(hello_status(&h) == CVG_OK, "clock before 2000");
	h.version = cvg_slice_cstring("1.0\n");
	CHECK(hello_status(&h) == CVG_E_MALFORMED, "line break in the version");
	h = gen_hello();
	h.progress = cvg_slice(NULL, 0);
	CHECK(hello_status(&h) == CVG_OK, "no clock is sent as the empty one");
	CHECK(recode_status(recode_head, gen_copy(cvg_slice("H\0\0\0\0\0\0\0\0\0\0\0", 12))) == CVG_E_NOT_CANONICAL,
		  "no clock where one is due");
	h.progress = cvg_slice_cstring("\1\1");
	CHECK(hello_status(&h) == CVG_E_TRUNCATED, "invalid clock");
	gen_reset();
}

static CvgStatus
entries_status(const char *bytes, size_t len)
{
	return recode_status(recode_entries, gen_copy(cvg_slice(bytes, len)));
}

static void
test_entry_edges(void)
{
	CHECK(entries_status("", 0) == CVG_OK, "no entry");
	CHECK(entries_status("\1a\5\5\1\0", 6) == CVG_OK, "first entry of an origin");
	CHECK(entries_status("\1a\0\0\1\0", 6) == CVG_E_MALFORMED, "seq 0");
	CHECK(entries_status("\1a\5\0\1\0", 6) == CVG_E_MALFORMED, "its own predecessor");
	CHECK(entries_status("\1a\5\6\1\0", 6) == CVG_E_MALFORMED, "predecessor below 0");
	CHECK(entries_status("\1a\5\5\0\0", 6) == CVG_E_MALFORMED, "no stamp");
	CHECK(entries_status("\1 \5\5\1\0", 6) == CVG_E_BAD_ID, "origin with a space");
	CHECK(entries_status("\1a\5\5\1", 5) == CVG_E_TRUNCATED, "no body");
	gen_reset();
}

static void
test_other_edges(void)
{
	CvgRequest	req = gen_request();
	CvgRequest	got;
	CvgReport	report;
	CvgSlice	bytes;
	CvgError	err;
	CvgBuf		buf;
	CvgReader	r;

	req.protocol = 77;
	cvg_buf_init(&buf);
	cvg_request_encode(&req, &buf);
	CHECK(cvg_request_decode(gen_take(&buf), &got, &err) == CVG_E_VERSION);
	CHECK(got.protocol == 77 && got.except == NULL && got.reports == NULL);
	cvg_buf_init(&buf);
	put_request_start(&buf, CVG_WANT_OWN);
	cvg_put_bytes(&buf, "\1\1x\0\0\2\1\0\2\1\0\0\0", 13);
	CHECK(recode_status(recode_request, gen_take(&buf)) == CVG_E_MALFORMED, "exceptions from one origin");
	cvg_buf_init(&buf);
	put_request_start(&buf, 2);
	cvg_put_bytes(&buf, "\0\0\0\2\1\0\2\1\0\0\0", 11);
	CHECK(recode_status(recode_request, gen_take(&buf)) == CVG_E_MALFORMED, "unknown want");
	report = gen_report();
	report.flags = 0x40;
	cvg_buf_init(&buf);
	cvg_report_encode(&report, &buf);
	cvg_reader_init(&r, gen_take(&buf));
	CHECK(cvg_report_decode(&r, &report) == CVG_E_VERSION, "unknown flag of a report");
	bytes = gen_copy(cvg_slice("H\0\0\0\0\0\0\0\0\2\2\1\0\0", 14));
	CHECK(recode_status(recode_head, bytes) == CVG_E_MALFORMED, "a bool of 2");
	bytes = gen_copy(cvg_slice("\1\0\0\1x\0\2\1\0", 9));
	CHECK(recode_status(recode_fetch_answer, bytes) == CVG_E_MALFORMED, "image of an absent row");
	bytes = gen_copy(cvg_slice("\1\1\0\0\0", 5));
	CHECK(recode_status(recode_fetch_answer, bytes) == CVG_E_MALFORMED, "live row without a state");
	bytes = gen_copy(cvg_slice("\1\3\0\0\0", 5));
	CHECK(recode_status(recode_fetch_answer, bytes) == CVG_E_MALFORMED, "unknown finding");
	bytes = gen_copy(cvg_slice("\1\1s\1t\0", 6));
	CHECK(recode_status(recode_fetch_request, bytes) == CVG_E_MALFORMED, "no key");
	bytes = gen_copy(cvg_slice("\2\1s\1t\1k", 7));
	CHECK(recode_status(recode_fetch_request, bytes) == CVG_E_VERSION, "another version");
	gen_reset();
}

int
main(void)
{
	unit_start(unit_env_seed());
	alloc_watch();
	test_hostile_counts();
	test_hello_edges();
	test_entry_edges();
	test_other_edges();
	test_round_trips();
	test_damage();
	return unit_done();
}
