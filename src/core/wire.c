/*-------------------------------------------------------------------------
 *
 * wire.c
 *	  Codec of the messages between two nodes.
 *
 * Formats not given in wire.h ("clock" is a slice holding a vclock, the empty
 * one included; stamps of wall clocks are u64 in two's complement, as a clock
 * may be set before 2000):
 *
 * hello:     u32 protocol | slice node name | slice replica id | u64 boot id |
 *			  u64 now | varint last_seq | clock progress | clock past |
 *			  slice version
 * request:   u32 protocol | slice replica id | u64 boot id | u8 want |
 *			  varint nexcept | slice replica id * | varint max_bytes |
 *			  varint wait_ms | clock progress | clock position |
 *			  clock parts | varint anchor_stamp | varint nreports | report *
 * head:	  'H' | u64 now | u8 more | clock progress | varint nreports |
 *			  report *
 * report:	  slice node name | slice replica id | varint generation |
 *			  varint last_seq | clock progress | clock horizon |
 *			  u64 obituaries | u8 flags
 * entry header: slice origin | varint seq | varint seq - prev_seq |
 *			  varint stamp | u32 seal: the XXH32 of all that
 *
 * The protocol version comes first, and a decoder that meets another one
 * stores it before it returns CVG_E_VERSION, so that the error can name it.
 *
 * Decoders check every clock, state and name, so that what they return may be
 * used without another look; the bytes of bodies, images and descriptors have
 * decoders of their own (entry.h).  Arrays are allocated only after the bytes
 * that are left have been found to have room for that many elements, and are
 * freed again on failure.
 *
 *-------------------------------------------------------------------------
 */
#include "core/wire.h"

#include "core/entry.h"
#include "core/rowstate.h"

#define FETCH_VERSION		1

/* Longest version text of a peer that is shown. */
#define MAX_VERSION_TEXT	64

/* a length and a byte */
#define MIN_ID_SIZE			2

/* two ids, two varints, two empty clocks with their length, hash, flags */
#define MIN_REPORT_SIZE		(2 * MIN_ID_SIZE + 2 + 2 * 3 + 8 + 1)

#define REPORT_KNOWN_FLAGS	(CVG_REPORT_FORGOTTEN | CVG_REPORT_PARTIAL)

#define FOUND_ABSENT		0
#define FOUND_TOMBSTONE		2

/* ----------
 * Fields that several messages have
 * ----------
 */

/* An empty slice is the empty clock, which has one form on the wire. */
static void
put_clock(CvgBuf *out, CvgSlice clock)
{
	static const uint8 empty[2] = {CVG_VCLOCK_VERSION, 0};

	if (clock.len == 0)
		clock = cvg_slice(empty, sizeof(empty));
	cvg_put_slice(out, clock);
}

static CvgSlice
get_clock(CvgReader *r)
{
	CvgSlice	clock = cvg_get_slice(r, r->len);
	CvgError	err;

	if (!cvg_reader_ok(r))
		return clock;
	if (clock.len == 0)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	else if (cvg_vclock_validate(clock, &err) != CVG_OK)
	{
		cvg_reader_fail(r, err.status);
		r->pos = r->pos - clock.len + err.offset;
	}
	return clock;
}

/* A count or number that fits a non-negative int64. */
static int64
get_int64(CvgReader *r)
{
	return (int64) cvg_get_varint_max(r, PG_INT64_MAX);
}

/* A count of elements that take at least "size" bytes each. */
static int
get_count(CvgReader *r, size_t size, int max)
{
	uint64		n = cvg_get_varint_max(r, (uint64) max);

	if (cvg_reader_ok(r) && n > (r->len - r->pos) / size)
		cvg_reader_fail(r, CVG_E_TRUNCATED);
	return cvg_reader_ok(r) ? (int) n : 0;
}

/* A node name is a replica id without the mark of an incarnation. */
static CvgSlice
get_node_name(CvgReader *r)
{
	CvgSlice	name = cvg_get_replica_id(r);

	if (cvg_reader_ok(r) && memchr(name.data, '~', name.len) != NULL)
		cvg_reader_fail(r, CVG_E_BAD_ID);
	return name;
}

/* A schema or table name: fit to become a C string. */
static CvgSlice
get_name(CvgReader *r)
{
	CvgSlice	name = cvg_get_slice(r, CVG_MAX_NAME);

	if (cvg_reader_ok(r) &&
		(name.len == 0 || memchr(name.data, '\0', name.len) != NULL))
		cvg_reader_fail(r, CVG_E_MALFORMED);
	return name;
}

/* The peer's version, shown to people: printable ASCII. */
static CvgSlice
get_version_text(CvgReader *r)
{
	CvgSlice	text = cvg_get_slice(r, MAX_VERSION_TEXT);
	size_t		i;

	for (i = 0; i < text.len; i++)
	{
		if (text.data[i] < ' ' || text.data[i] > '~')
			cvg_reader_fail(r, CVG_E_MALFORMED);
	}
	return text;
}

static uint32
get_protocol(CvgReader *r)
{
	uint32		protocol = cvg_get_u32(r);

	if (cvg_reader_ok(r) && protocol != CVG_PROTOCOL_VERSION)
		cvg_reader_fail(r, CVG_E_VERSION);
	return protocol;
}

/* ----------
 * Reports
 * ----------
 */

void
cvg_report_encode(const CvgReport *report, CvgBuf *out)
{
	Assert(report->generation >= 0 && report->last_seq >= 0);
	cvg_put_slice(out, report->node_name);
	cvg_put_slice(out, report->replica_id);
	cvg_put_varint(out, (uint64) report->generation);
	cvg_put_varint(out, (uint64) report->last_seq);
	put_clock(out, report->progress);
	put_clock(out, report->horizon);
	cvg_put_u64(out, report->obituaries);
	cvg_put_u8(out, report->flags);
}

CvgStatus
cvg_report_decode(CvgReader *r, CvgReport *report)
{
	report->node_name = get_node_name(r);
	report->replica_id = cvg_get_replica_id(r);
	report->generation = get_int64(r);
	report->last_seq = get_int64(r);
	report->progress = get_clock(r);
	report->horizon = get_clock(r);
	report->obituaries = cvg_get_u64(r);
	report->flags = cvg_get_u8(r);
	if (cvg_reader_ok(r) && (report->flags & ~REPORT_KNOWN_FLAGS) != 0)
		cvg_reader_fail(r, CVG_E_VERSION);
	return r->status;
}

static void
put_reports(CvgBuf *out, const CvgReport *reports, int nreports)
{
	int			i;

	cvg_put_varint(out, (uint64) nreports);
	for (i = 0; i < nreports; i++)
		cvg_report_encode(&reports[i], out);
}

/*
 * The reports that end a message.  On failure nothing stays allocated; the
 * result is NULL then, and when there are none.
 */
static CvgReport *
get_reports(CvgReader *r, int *nreports)
{
	int			n = get_count(r, MIN_REPORT_SIZE, CVG_MAX_REPORTS);
	CvgReport  *reports;
	int			i;

	*nreports = 0;
	if (n == 0)
		return NULL;
	reports = palloc0(sizeof(CvgReport) * n);
	for (i = 0; i < n; i++)
	{
		if (cvg_report_decode(r, &reports[i]) != CVG_OK)
		{
			pfree(reports);
			return NULL;
		}
	}
	*nreports = n;
	return reports;
}

/* ----------
 * hello
 * ----------
 */

void
cvg_hello_encode(const CvgHello *hello, CvgBuf *out)
{
	Assert(hello->last_seq >= 0);
	Assert(hello->version.len <= MAX_VERSION_TEXT);
	cvg_put_u32(out, hello->protocol);
	cvg_put_slice(out, hello->node_name);
	cvg_put_slice(out, hello->replica_id);
	cvg_put_u64(out, hello->boot_id);
	cvg_put_u64(out, (uint64) hello->now);
	cvg_put_varint(out, (uint64) hello->last_seq);
	put_clock(out, hello->progress);
	put_clock(out, hello->past);
	cvg_put_slice(out, hello->version);
}

CvgStatus
cvg_hello_decode(CvgSlice bytes, CvgHello *hello, CvgError *err)
{
	CvgReader	r;

	cvg_reader_init(&r, bytes);
	hello->protocol = get_protocol(&r);
	hello->node_name = get_node_name(&r);
	hello->replica_id = cvg_get_replica_id(&r);
	hello->boot_id = cvg_get_u64(&r);
	hello->now = (CvgStamp) cvg_get_u64(&r);
	hello->last_seq = get_int64(&r);
	hello->progress = get_clock(&r);
	hello->past = get_clock(&r);
	hello->version = get_version_text(&r);
	return cvg_reader_finish(&r, err);
}

/* ----------
 * pull: the request
 * ----------
 */

void
cvg_request_encode(const CvgRequest *req, CvgBuf *out)
{
	int			i;

	Assert(req->max_bytes >= 0 && req->wait_ms >= 0 && req->anchor_stamp >= 0);
	Assert(req->want != CVG_WANT_OWN || req->nexcept == 0);
	cvg_put_u32(out, req->protocol);
	cvg_put_slice(out, req->replica_id);
	cvg_put_u64(out, req->boot_id);
	cvg_put_u8(out, (uint8) req->want);
	cvg_put_varint(out, (uint64) req->nexcept);
	for (i = 0; i < req->nexcept; i++)
		cvg_put_slice(out, req->except[i]);
	cvg_put_varint(out, (uint64) req->max_bytes);
	cvg_put_varint(out, (uint64) req->wait_ms);
	put_clock(out, req->progress);
	put_clock(out, req->position);
	put_clock(out, req->parts);
	cvg_put_varint(out, (uint64) req->anchor_stamp);
	put_reports(out, req->reports, req->nreports);
}

/* What is wanted, and for "except" the list of replica ids. */
static void
get_want(CvgReader *r, CvgRequest *req)
{
	uint8		want = cvg_get_u8(r);
	int			n = get_count(r, MIN_ID_SIZE, CVG_MAX_CLOCK);
	int			i;

	if (cvg_reader_ok(r) &&
		(want > CVG_WANT_EXCEPT || (want == CVG_WANT_OWN && n > 0)))
		cvg_reader_fail(r, CVG_E_MALFORMED);
	if (!cvg_reader_ok(r))
		return;
	req->want = (CvgWant) want;
	if (n == 0)
		return;
	req->except = palloc(sizeof(CvgSlice) * n);
	req->nexcept = n;
	for (i = 0; i < n; i++)
		req->except[i] = cvg_get_replica_id(r);
}

/* The arrays are the caller's to free. */
CvgStatus
cvg_request_decode(CvgSlice bytes, CvgRequest *req, CvgError *err)
{
	CvgReader	r;
	CvgStatus	status;

	memset(req, 0, sizeof(*req));
	cvg_reader_init(&r, bytes);
	req->protocol = get_protocol(&r);
	req->replica_id = cvg_get_replica_id(&r);
	req->boot_id = cvg_get_u64(&r);
	get_want(&r, req);
	req->max_bytes = get_int64(&r);
	req->wait_ms = (int) cvg_get_varint_max(&r, PG_INT32_MAX);
	req->progress = get_clock(&r);
	req->position = get_clock(&r);
	req->parts = get_clock(&r);
	req->anchor_stamp = get_int64(&r);
	req->reports = get_reports(&r, &req->nreports);
	status = cvg_reader_finish(&r, err);
	if (status != CVG_OK)
	{
		if (req->except != NULL)
			pfree(req->except);
		if (req->reports != NULL)
			pfree(req->reports);
		req->except = NULL;
		req->reports = NULL;
		req->nexcept = req->nreports = 0;
	}
	return status;
}

/* ----------
 * pull: the answer
 * ----------
 */

void
cvg_head_encode(const CvgHead *head, CvgBuf *out)
{
	cvg_put_u8(out, 'H');
	cvg_put_u64(out, (uint64) head->now);
	cvg_put_u8(out, head->more ? 1 : 0);
	put_clock(out, head->progress);
	put_reports(out, head->reports, head->nreports);
}

/* bytes begin with the 'H'.  The reports are the caller's to free. */
CvgStatus
cvg_head_decode(CvgSlice bytes, CvgHead *head, CvgError *err)
{
	CvgReader	r;
	CvgStatus	status;
	uint8		tag;
	uint8		more;

	memset(head, 0, sizeof(*head));
	cvg_reader_init(&r, bytes);
	tag = cvg_get_u8(&r);
	head->now = (CvgStamp) cvg_get_u64(&r);
	more = cvg_get_u8(&r);
	if (cvg_reader_ok(&r) && (tag != 'H' || more > 1))
		cvg_reader_fail(&r, CVG_E_MALFORMED);
	head->more = more != 0;
	head->progress = get_clock(&r);
	head->reports = get_reports(&r, &head->nreports);
	status = cvg_reader_finish(&r, err);
	if (status != CVG_OK && head->reports != NULL)
	{
		pfree(head->reports);
		head->reports = NULL;
		head->nreports = 0;
	}
	return status;
}

void
cvg_entry_header_encode(const CvgEntryHeader *h, CvgBuf *out)
{
	size_t		start = out->len;
	uint32		seal = 0;

	Assert(h->prev_seq >= 0 && h->seq > h->prev_seq && h->stamp > 0);
	cvg_put_slice(out, h->origin);
	cvg_put_varint(out, (uint64) h->seq);
	cvg_put_varint(out, (uint64) (h->seq - h->prev_seq));
	cvg_put_varint(out, (uint64) h->stamp);
	cvg_seal(out, start, &seal);
}

CvgStatus
cvg_entry_header_decode(CvgReader *r, CvgEntryHeader *h)
{
	size_t		start = r->pos;
	uint32		seal = 0;
	CvgSlice	bytes;
	CvgError	err;
	int64		step;

	h->origin = cvg_get_replica_id(r);
	h->seq = get_int64(r);
	step = get_int64(r);
	h->prev_seq = h->seq - step;
	h->stamp = get_int64(r);
	(void) cvg_get_u32(r);
	if (!cvg_reader_ok(r))
		return r->status;
	bytes = cvg_slice(r->data + start, r->pos - start);
	if (step < 1 || step > h->seq || h->stamp < 1)
		cvg_reader_fail(r, CVG_E_MALFORMED);
	else if (cvg_unseal(&bytes, &seal, &err) != CVG_OK)
		cvg_reader_fail(r, err.status);
	return r->status;
}

bool
cvg_entries_next(CvgReader *r, CvgEntryHeader *h, CvgSlice *body)
{
	if (cvg_reader_at_end(r))
		return false;
	if (cvg_entry_header_decode(r, h) != CVG_OK)
		return false;
	*body = cvg_get_slice(r, CVG_MAX_BODY);
	return cvg_reader_ok(r);
}

/* ----------
 * fetch
 * ----------
 */

static void
get_fetch_version(CvgReader *r)
{
	uint8		version = cvg_get_u8(r);

	if (cvg_reader_ok(r) && version != FETCH_VERSION)
		cvg_reader_fail(r, CVG_E_VERSION);
}

void
cvg_fetch_request_encode(const CvgFetchRequest *req, CvgBuf *out)
{
	cvg_put_u8(out, FETCH_VERSION);
	cvg_put_slice(out, req->schema);
	cvg_put_slice(out, req->table);
	cvg_put_slice(out, req->key);
}

CvgStatus
cvg_fetch_request_decode(CvgSlice bytes, CvgFetchRequest *req, CvgError *err)
{
	CvgReader	r;

	cvg_reader_init(&r, bytes);
	get_fetch_version(&r);
	req->schema = get_name(&r);
	req->table = get_name(&r);
	req->key = cvg_get_slice(&r, CVG_MAX_BODY);
	if (cvg_reader_ok(&r) && req->key.len == 0)
		cvg_reader_fail(&r, CVG_E_MALFORMED);
	return cvg_reader_finish(&r, err);
}

/* Of an absent row there is nothing to say but that. */
void
cvg_fetch_answer_encode(const CvgFetchAnswer *ans, CvgBuf *out)
{
	CvgSlice	none = {NULL, 0};
	bool		absent = ans->found == FOUND_ABSENT;

	cvg_put_u8(out, FETCH_VERSION);
	cvg_put_u8(out, (uint8) ans->found);
	cvg_put_slice(out, absent ? none : ans->state);
	cvg_put_slice(out, absent ? none : ans->image);
	cvg_put_slice(out, absent ? none : ans->descriptor);
	put_clock(out, ans->stable);
}

/* The state of a row that was found is valid; the rest is for its decoders. */
CvgStatus
cvg_fetch_answer_decode(CvgSlice bytes, CvgFetchAnswer *ans, CvgError *err)
{
	CvgReader	r;
	CvgError	state_err;

	cvg_reader_init(&r, bytes);
	get_fetch_version(&r);
	ans->found = cvg_get_u8(&r);
	if (cvg_reader_ok(&r) && ans->found > FOUND_TOMBSTONE)
		cvg_reader_fail(&r, CVG_E_MALFORMED);
	ans->state = cvg_get_slice(&r, CVG_MAX_BODY);
	if (cvg_reader_ok(&r) &&
		(ans->found == FOUND_ABSENT) != (ans->state.len == 0))
		cvg_reader_fail(&r, CVG_E_MALFORMED);
	if (cvg_reader_ok(&r) && ans->state.len > 0 &&
		cvg_rowstate_validate(ans->state, &state_err) != CVG_OK)
	{
		cvg_reader_fail(&r, state_err.status);
		r.pos = r.pos - ans->state.len + state_err.offset;
	}
	ans->image = cvg_get_slice(&r, CVG_MAX_BODY);
	ans->descriptor = cvg_get_slice(&r, CVG_MAX_BODY);
	if (cvg_reader_ok(&r) && ans->found == FOUND_ABSENT &&
		ans->image.len + ans->descriptor.len > 0)
		cvg_reader_fail(&r, CVG_E_MALFORMED);
	ans->stable = get_clock(&r);
	return cvg_reader_finish(&r, err);
}
