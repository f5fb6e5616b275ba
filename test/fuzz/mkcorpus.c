/*
 * Seeds for the fuzz targets: a few valid inputs of every format.
 *
 *	  mkcorpus DIR	 writes DIR/<target>/<number>
 */
#include "../unit/recode.h"
#include "core/crdt.h"

#include <sys/stat.h>

#define SEEDS	12

static const char *corpus_dir;

/* Write one seed; "tag" (-1: none) goes in front of it. */
static void
write_seed(const char *target, int number, int tag, CvgSlice bytes)
{
	char		path[1024];
	FILE	   *f;

	snprintf(path, sizeof(path), "%s/%s", corpus_dir, target);
	(void) mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/%d-%d", corpus_dir, target, tag + 1, number);
	f = fopen(path, "wb");
	if (f == NULL)
	{
		perror(path);
		exit(1);
	}
	if (tag >= 0)
		fputc(tag, f);
	if (fwrite(bytes.data, 1, bytes.len, f) != bytes.len || fclose(f) != 0)
	{
		perror(path);
		exit(1);
	}
}

/* Two inputs in one, as fuzz_split() reads them. */
static void
write_pair(const char *target, int number, CvgSlice a, CvgSlice b)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_put_u8(&buf, (uint8) (a.len >> 8));
	cvg_put_u8(&buf, (uint8) a.len);
	cvg_put_bytes(&buf, a.data, a.len);
	cvg_put_bytes(&buf, b.data, b.len);
	write_seed(target, number, -1, cvg_buf_slice(&buf));
	cvg_buf_free(&buf);
}

static void
write_clocks(int number)
{
	CvgBuf		text;

	write_pair("vclock", number, gen_clock(4), gen_clock(4));
	cvg_buf_init(&text);
	cvg_vclock_print(gen_clock(4), &text);
	write_seed("vclock_text", number, -1, cvg_buf_slice(&text));
	cvg_buf_free(&text);
}

static void
write_entry(int number)
{
	static CvgChange change;
	static const uint64 hashes[RECODE_TABLES] = {1, 2, 3};
	CvgDescriptor d;
	CvgBody		body;
	CvgImage	image;
	CvgBuf		buf;
	CvgBuf		changes;
	int			i;

	cvg_buf_init(&buf);
	gen_descriptor(&d, unit_below(5));
	cvg_descriptor_encode(&d, &buf);
	write_seed("descriptor", number, -1, cvg_buf_slice(&buf));

	memset(&body, 0, sizeof(body));
	cvg_buf_init(&changes);
	body.horizon_lag = gen_int64();
	body.deps = gen_clock(2);
	body.stable = gen_clock(2);
	body.moved = number % 3 == 0 ? gen_clock(1) : cvg_slice(NULL, 0);
	body.ndescriptors = RECODE_TABLES;
	body.nchanges = number % 4;
	for (i = 0; i < number % 4; i++)
	{
		gen_change(recode_tables()[i], i, &change);
		put_change(&changes, &change);
	}
	body.changes = cvg_buf_slice(&changes);
	cvg_buf_reset(&buf);
	cvg_body_encode(&body, hashes, &buf);
	write_seed("entry", number, 0, cvg_buf_slice(&buf));
	body.flags = CVG_BODY_SPILLED;
	body.nchanges = body.nparts = 1;
	body.total_bytes = 5;
	body.parts_seal = 77;
	cvg_buf_reset(&buf);
	cvg_body_encode(&body, hashes, &buf);
	write_seed("entry", SEEDS + number, 0, cvg_buf_slice(&buf));
	cvg_buf_free(&changes);

	image.hash = 1;
	image.ncolumns = 2;
	image.cols[0] = 0;
	image.cols[1] = 5;
	image.values[0] = gen_value(true);
	image.values[1] = gen_value(true);
	cvg_buf_reset(&buf);
	put_image(&buf, &image);
	write_seed("entry", number, 1, cvg_buf_slice(&buf));
	cvg_buf_free(&buf);
}

static void
write_pull(int number)
{
	CvgReport	report = {gen_node_name(), gen_id(), 5, 6, gen_clock(2), gen_clock(2), 0};
	CvgSlice	except[2] = {gen_id(), gen_id()};
	CvgRequest	req = {CVG_PROTOCOL_VERSION, gen_id(), 1, (CvgWant) (number % 2),
	number % 2 ? 2 : 0, except, gen_int64(), 1000, gen_clock(2), gen_clock(2), gen_clock(1), 0,
	number % 2, &report};
	CvgHead		head = {1, number % 2, gen_clock(2), 1, &report};
	CvgEntryHeader h = {gen_id(), 7, 6, 1000};
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_request_encode(&req, &buf);
	write_seed("wire", number, 1, cvg_buf_slice(&buf));
	cvg_buf_reset(&buf);
	cvg_head_encode(&head, &buf);
	write_seed("wire", number, 2, cvg_buf_slice(&buf));
	cvg_buf_reset(&buf);
	cvg_entry_header_encode(&h, &buf);
	buf.len -= RECODE_SEAL;
	cvg_put_slice(&buf, gen_bytes(10));
	write_seed("wire", number, 3, cvg_buf_slice(&buf));
	cvg_buf_free(&buf);
}

static void
write_other_messages(int number)
{
	CvgHello	hello = {CVG_PROTOCOL_VERSION, gen_node_name(), gen_id(), 1, 2, 3,
	gen_clock(3), gen_clock(2), cvg_slice_cstring("0.1.0")};
	CvgFetchRequest fetch = {gen_name(), gen_name(), gen_bytes(8)};
	CvgFetchAnswer ans = {number % 3, gen_state(), gen_bytes(9), gen_bytes(9), gen_clock(2)};
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_hello_encode(&hello, &buf);
	write_seed("wire", number, 0, cvg_buf_slice(&buf));
	cvg_buf_reset(&buf);
	cvg_fetch_request_encode(&fetch, &buf);
	write_seed("wire", number, 4, cvg_buf_slice(&buf));
	cvg_buf_reset(&buf);
	cvg_fetch_answer_encode(&ans, &buf);
	write_seed("wire", number, 5, cvg_buf_slice(&buf));
	cvg_buf_free(&buf);
}

static void
write_peers(void)
{
	static const char *const lists[] = {
		"a=host=x port=5433, b='",
		"a = \"postgresql://h1,h2/db\" ,\n b=options='-c x=1,2' host = y",
		"london=postgres://u@h/db?sslmode=require,paris=service=p",
		"a=options=x\\,y\\ , b=\"user=\"\"o'neil\"\"\""
	};
	int			i;

	for (i = 0; i < (int) lengthof(lists); i++)
		write_seed("peers", i, -1, cvg_slice_cstring(lists[i]));
}

/* Texts of values, in pairs of one type; each is a seed, and the bytes too. */
static void
write_crdts(void)
{
	static const struct
	{
		const char *type;
		const char *a;
		const char *b;
	}			values[] = {
		{"gcounter", "8 {a 5@1 3@4}", "5 {a 5@1, b sum 3@9 reset 3@9}"},
		{"pncounter", "2 {a 5@1 -3@2}", "-1 {a sum 4@3 reset 4@3 -1@9, b 7@5!}"},
		{"bcounter", "6 >= 0 {a total +10 -4 >b 2 >c 1 @9 >b 1@12, b -1@13 +1@14}", "3 >= 1 {a +5@1 -3@2}"},
		{"maxreg", "-12.5", "2024-02-29T12:00:00.5Z"},
		{"minreg", "Infinity", "0.001"},
		{"lwwreg", "a@5 {\"a\": [1]}", "b@6 \"x\""},
		{"mvreg", "[a@5 {\"a\": [1]}, b@6 2] seen {a 1-4}", "[a@7 null] seen {a 5, b 6}"},
		{"ewflag", "true [a@5, b@6] seen {a 1-4 7}", "false [] seen {a 5}"},
		{"dwflag", "false [a@5, b@6 -]", "true [a@7] seen {a 5, b 6}"},
		{"gset", "{a, \"b, \\\"c\"}", "{\"\", a, d}"},
		{"twopset", "{a} removed {b}", "{a, b, c} removed {}"},
		{"orset", "{a a@5, \"b c\" a@6 b@7} seen {a 1-4}", "{a a@9 b@3, d b@8} seen {a 5-6}"},
		{"rwset", "{a a@5} removed {b a@6 b@7 -} seen {a 1-4}", "{b b@9} removed {c b@8 -} seen {b 7}"},
		{"document", "document \"axb\" {a@5 start \"ab\", a@6 after a@5:1 -1, b@7 before a@5:1 \"x\"}",
		"document \"\\n\" {a@5 start -1 \"\\n\" -2 deleted 9, b@7 before a@5:1 -1, c@8 after b@6:0 \"\xc3\xa9\"}"},
		{"ormap", "{\"a\": pncounter 3 {a 3@7} at [a@7], \"m\": ormap {\"x\": orset {e a@9} at [a@9]} at [a@9]} seen {a 1-4}",
		"{\"a\": lwwreg [b@6 \"x\" at b@6, c@8 2 at c@8], \"m\": ormap {\"x\": mvreg [] seen {b 3}} seen {b 3}} seen {a 7}"},
		{"cart", "{\"apple\": 3 {a 3@7} at [a@7]}", "{\"apple\": 1 {b 1@8} at [b@8], \"pear\": 0 {a reset 1@2 1@2!}} seen {a 2}"}
	};
	CvgBuf		a;
	CvgBuf		b;
	CvgError	err;
	int			i;

	cvg_buf_init(&a);
	cvg_buf_init(&b);
	for (i = 0; i < (int) lengthof(values); i++)
	{
		const CvgCrdtOps *ops = cvg_crdt_ops_by_name(cvg_slice_cstring(values[i].type));

		cvg_buf_reset(&a);
		cvg_buf_reset(&b);
		if (cvg_crdt_parse(ops, cvg_slice_cstring(values[i].a), &a, &err) != CVG_OK ||
			cvg_crdt_parse(ops, cvg_slice_cstring(values[i].b), &b, &err) != CVG_OK)
		{
			fprintf(stderr, "seed %d is no value\n", i);
			exit(1);
		}
		write_pair("crdt", i, cvg_buf_slice(&a), cvg_buf_slice(&b));
		write_seed("crdt_text", 2 * i, ops->tag, cvg_slice_cstring(values[i].a));
		write_seed("crdt_text", 2 * i + 1, ops->tag, cvg_slice_cstring(values[i].b));
	}
	cvg_buf_free(&a);
	cvg_buf_free(&b);
}

int
main(int argc, char **argv)
{
	int			i;

	if (argc != 2)
	{
		fprintf(stderr, "usage: %s DIR\n", argv[0]);
		return 2;
	}
	corpus_dir = argv[1];
	(void) mkdir(corpus_dir, 0777);
	unit_start(1);
	for (i = 0; i < SEEDS; i++)
	{
		write_clocks(i);
		write_pair("rowstate", i, gen_state(), gen_state());
		write_entry(i);
		write_pull(i);
		write_other_messages(i);
		gen_reset();
	}
	write_peers();
	write_crdts();
	return 0;
}
