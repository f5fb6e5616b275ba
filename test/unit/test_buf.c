/*
 * test_buf.c: the writer grows and keeps bytes, the reader never leaves its
 * slice, varints are minimal and the first failure sticks.
 */
#include "unit.h"
#include "core/buf.h"

/* A value whose bit length is uniform, so that every varint size occurs. */
static uint64
random_u64(void)
{
	return unit_rand() >> unit_below(64);
}

static void
test_round_trip(int cases)
{
	for (int i = 0; i < cases; i++)
	{
		CvgBuf		buf;
		CvgReader	r;
		uint64		v = random_u64();
		uint64		w = unit_rand();
		uint32		x = (uint32) unit_rand();
		uint8		y = (uint8) unit_rand();
		char		bytes[200];
		size_t		len = unit_below(sizeof(bytes));
		CvgSlice	s;

		memset(bytes, (int) y, sizeof(bytes));
		cvg_buf_init(&buf);
		cvg_put_varint(&buf, v);
		cvg_put_u64(&buf, w);
		cvg_put_slice(&buf, cvg_slice(bytes, len));
		cvg_put_u32(&buf, x);
		cvg_put_u8(&buf, y);

		cvg_reader_init(&r, cvg_buf_slice(&buf));
		CHECK(cvg_get_varint(&r) == v, "varint %" PRIu64, v);
		CHECK(cvg_get_u64(&r) == w, "u64");
		s = cvg_get_slice(&r, sizeof(bytes));
		CHECK(cvg_slice_eq(s, cvg_slice(bytes, len)), "slice of %zu", len);
		CHECK(cvg_get_u32(&r) == x, "u32");
		CHECK(cvg_get_u8(&r) == y, "u8");
		CHECK(cvg_reader_at_end(&r) && cvg_reader_finish(&r, NULL) == CVG_OK, "end");
		cvg_buf_free(&buf);
	}
}

/* Every proper prefix is reported as too short, at the point where it ends. */
static void
test_truncation(int cases)
{
	for (int i = 0; i < cases; i++)
	{
		CvgBuf		buf;
		CvgReader	r;
		size_t		cut;
		uint8	   *copy;

		cvg_buf_init(&buf);
		cvg_put_u32(&buf, 7);
		cvg_put_varint(&buf, random_u64());
		cvg_put_slice(&buf, cvg_slice("abcdefgh", 8));
		cvg_put_u64(&buf, unit_rand());
		cut = unit_below((int) buf.len);

		/* a copy of exactly that size: the sanitizer sees a read beyond it */
		copy = malloc(cut + (cut == 0));
		memcpy(copy, buf.data, cut);
		cvg_reader_init(&r, cvg_slice(copy, cut));
		(void) cvg_get_u32(&r);
		(void) cvg_get_varint(&r);
		(void) cvg_get_slice(&r, 100);
		(void) cvg_get_u64(&r);
		CHECK(r.status == CVG_E_TRUNCATED, "cut at %zu: %d", cut, r.status);
		CHECK(r.pos <= cut, "position");
		CHECK(cvg_get_u8(&r) == 0 && cvg_get_varint(&r) == 0 &&
			  cvg_get_u32(&r) == 0 && cvg_get_bytes(&r, 1).data == NULL,
			  "a failed reader gives zeros");
		free(copy);
		cvg_buf_free(&buf);
	}
}

/* What decodes is what would be encoded: no second form of a varint. */
static void
test_varint_canonical(int cases)
{
	for (int i = 0; i < cases; i++)
	{
		uint8		in[11];
		size_t		len = 1 + unit_below(sizeof(in));
		CvgReader	r;
		uint64		v;

		for (size_t k = 0; k < len; k++)
			in[k] = (uint8) unit_rand() | (unit_below(8) ? 0x80 : 0);
		if (unit_below(3) == 0)
			in[len - 1] = 0;
		cvg_reader_init(&r, cvg_slice(in, len));
		v = cvg_get_varint(&r);
		if (cvg_reader_ok(&r))
		{
			CvgBuf		buf;

			cvg_buf_init(&buf);
			cvg_put_varint(&buf, v);
			CHECK(cvg_slice_eq(cvg_buf_slice(&buf), cvg_slice(in, r.pos)), "second form of %" PRIu64, v);
			cvg_buf_free(&buf);
		}
		else
			CHECK(v == 0, "failure gives zero");
	}
}

static CvgStatus
varint_status(const char *bytes, size_t len)
{
	CvgReader	r;

	cvg_reader_init(&r, cvg_slice(bytes, len));
	(void) cvg_get_varint(&r);
	return r.status;
}

static void
test_varint_edges(void)
{
	CHECK(varint_status("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10) == CVG_OK, "2^64-1");
	CHECK(varint_status("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10) == CVG_E_MALFORMED, "2^65");
	CHECK(varint_status("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11) == CVG_E_MALFORMED, "11 bytes");
	CHECK(varint_status("\x80\x00", 2) == CVG_E_NOT_CANONICAL, "overlong zero");
	CHECK(varint_status("\x81\x80\x00", 3) == CVG_E_NOT_CANONICAL, "overlong one");
	CHECK(varint_status("\x80", 1) == CVG_E_TRUNCATED, "no last byte");
	CHECK(varint_status("", 0) == CVG_E_TRUNCATED, "no byte");
}

static void
test_limits(void)
{
	CvgBuf		buf;
	CvgReader	r;
	CvgError	err;
	char		id[CVG_MAX_REPLICA_ID + 1];

	cvg_buf_init(&buf);
	cvg_put_varint(&buf, 100);
	cvg_reader_init(&r, cvg_buf_slice(&buf));
	CHECK(cvg_get_varint_max(&r, 100) == 100, "at the limit");
	cvg_reader_init(&r, cvg_buf_slice(&buf));
	CHECK(cvg_get_varint_max(&r, 99) == 0 && r.status == CVG_E_LIMIT, "above the limit");

	/* a length that no input can have must not wrap */
	cvg_buf_reset(&buf);
	cvg_put_varint(&buf, UINT64CONST(0xffffffffffffffff));
	cvg_reader_init(&r, cvg_buf_slice(&buf));
	CHECK(cvg_get_slice(&r, SIZE_MAX).data == NULL && r.status == CVG_E_TRUNCATED, "huge length");

	memset(id, 'x', sizeof(id));
	cvg_buf_reset(&buf);
	cvg_put_slice(&buf, cvg_slice(id, CVG_MAX_REPLICA_ID));
	cvg_put_u8(&buf, 1);
	cvg_reader_init(&r, cvg_buf_slice(&buf));
	CHECK(cvg_get_replica_id(&r).len == CVG_MAX_REPLICA_ID, "63 bytes");
	CHECK(cvg_reader_finish(&r, &err) == CVG_E_TRAILING && err.offset == 64, "trailing byte");

	cvg_buf_reset(&buf);
	cvg_put_slice(&buf, cvg_slice(id, CVG_MAX_REPLICA_ID + 1));
	cvg_reader_init(&r, cvg_buf_slice(&buf));
	(void) cvg_get_replica_id(&r);
	CHECK(r.status == CVG_E_LIMIT, "64 bytes");

	cvg_buf_reset(&buf);
	cvg_put_slice(&buf, cvg_slice("a b", 3));
	cvg_reader_init(&r, cvg_buf_slice(&buf));
	(void) cvg_get_replica_id(&r);
	CHECK(r.status == CVG_E_BAD_ID, "space in an id");

	/* the first failure stays */
	cvg_reader_fail(&r, CVG_E_LIMIT);
	CHECK(r.status == CVG_E_BAD_ID, "first failure");
	cvg_buf_free(&buf);
	CHECK(buf.data == NULL && buf.len == 0, "freed");
	cvg_buf_free(&buf);
}

static void
test_growth(void)
{
	CvgBuf		buf;
	bool		same = true;

	cvg_buf_init(&buf);
	for (int i = 0; i < 100000; i++)
		cvg_put_u8(&buf, (uint8) (i % 251));
	for (int i = 0; i < 100000; i++)
		same = same && buf.data[i] == i % 251;
	CHECK(same && buf.len == 100000, "bytes survive growth");
	cvg_buf_grow(&buf, 1000000);
	CHECK(buf.size >= 1100000 && buf.len == 100000, "room asked for");
	cvg_put_bytes(&buf, NULL, 0);
	CHECK(buf.len == 100000, "nothing appended");
	cvg_buf_free(&buf);
}

/* Ids: order, and which bytes may stand in one. */
static void
test_base(void)
{
	for (int c = 0; c < 256; c++)
	{
		uint8		b = (uint8) c;
		bool		ok = c >= 0x80 || (c != 0 && strchr("_-.~0123456789"
														"abcdefghijklmnopqrstuvwxyz"
														"ABCDEFGHIJKLMNOPQRSTUVWXYZ", c) != NULL);

		CHECK(cvg_replica_id_valid(cvg_slice(&b, 1)) == ok, "byte %d", c);
	}
	CHECK(!cvg_replica_id_valid(cvg_slice(NULL, 0)), "empty id");
	CHECK(cvg_slice_cmp(cvg_slice_cstring("a"), cvg_slice_cstring("ab")) < 0, "prefix first");
	CHECK(cvg_slice_cmp(cvg_slice_cstring("b"), cvg_slice_cstring("ab")) > 0, "byte order");
	CHECK(cvg_slice_cmp(cvg_slice_cstring("\xc3"), cvg_slice_cstring("z")) > 0, "unsigned bytes");
	CHECK(cvg_slice_cmp(cvg_slice(NULL, 0), cvg_slice(NULL, 0)) == 0, "both empty");
	CHECK(cvg_dot_cmp(1, cvg_slice_cstring("z"), 2, cvg_slice_cstring("a")) < 0, "stamp first");
	CHECK(cvg_dot_cmp(2, cvg_slice_cstring("z"), 2, cvg_slice_cstring("a")) > 0, "then the id");
	for (int s = CVG_OK; s <= CVG_E_FORBIDDEN; s++)
		CHECK(strcmp(cvg_status_message((CvgStatus) s), "unknown status") != 0, "status %d", s);
	for (int o = CVG_EQUAL; o <= CVG_CONCURRENT; o++)
		CHECK(strcmp(cvg_order_name((CvgOrder) o), "unknown") != 0, "order %d", o);
}

int
main(void)
{
	int			cases = unit_env_cases(100000);

	unit_start(unit_env_seed());
	test_round_trip(cases);
	test_truncation(cases);
	test_varint_canonical(cases);
	test_varint_edges();
	test_limits();
	test_growth();
	test_base();
	return unit_done();
}
