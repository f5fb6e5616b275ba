/*
 * Change log codec: descriptors, values, changes, bodies, images.
 */
#include "recode.h"

static bool
value_eq(CvgValue a, CvgValue b)
{
	return a.kind == b.kind && cvg_slice_eq(a.bytes, b.bytes);
}

/* ---- random data comes back ---- */

static void
test_values(void)
{
	int			cases = unit_env_cases(100000);

	while (cases-- > 0)
	{
		CvgValue	v = gen_value(true);
		CvgBuf		buf;
		CvgReader	r;

		cvg_buf_init(&buf);
		cvg_put_value(&buf, v.kind, v.bytes.data, v.bytes.len);
		cvg_reader_init(&r, gen_take(&buf));
		CHECK(value_eq(cvg_get_value(&r), v));
		CHECK(r.status == CVG_OK && cvg_reader_at_end(&r));
		gen_reset();
	}
}

static void
test_descriptors(void)
{
	int			cases = unit_env_cases(100000) / 5;
	int			i;

	while (cases-- > 0)
	{
		CvgDescriptor d;
		CvgDescriptor got;
		CvgError	err;
		CvgBuf		buf;
		CvgSlice	bytes;

		gen_descriptor(&d, gen_chance(1) && gen_chance(2) ? CVG_MAX_COLUMNS : unit_below(12));
		cvg_buf_init(&buf);
		cvg_descriptor_encode(&d, &buf);
		bytes = gen_take(&buf);
		CHECK(cvg_descriptor_decode(bytes, &got, &err) == CVG_OK);
		CHECK(got.hash == cvg_descriptor_hash(bytes));
		CHECK(got.on_delete == d.on_delete && got.granularity == d.granularity &&
			  got.flags == d.flags && got.merges == d.merges && got.ncolumns == d.ncolumns && got.nkeys == d.nkeys);
		CHECK(cvg_slice_eq(got.schema, d.schema) && cvg_slice_eq(got.table, d.table));
		for (i = 0; i < got.nkeys; i++)
			CHECK(got.keycols[i] == d.keycols[i]);
		for (i = 0; i < got.ncolumns; i++)
			CHECK(cvg_slice_eq(got.columns[i].name, d.columns[i].name) &&
				  cvg_slice_eq(got.columns[i].type_name, d.columns[i].type_name) &&
				  got.columns[i].unit == d.columns[i].unit &&
				  got.columns[i].keypos == d.columns[i].keypos &&
				  got.columns[i].flags == d.columns[i].flags);
		pfree(got.columns);
		gen_reset();
	}
}

static void
check_change_eq(const CvgChange *a, const CvgChange *b)
{
	int			i;

	CHECK(a->op == b->op && a->descriptor == b->descriptor &&
		  a->nkeys == b->nkeys && a->has_back == b->has_back && a->back == b->back && a->ncolumns == b->ncolumns &&
		  cvg_slice_eq(a->state, b->state));
	for (i = 0; i < a->nkeys; i++)
		CHECK(value_eq(a->keys[i], b->keys[i]));
	for (i = 0; i < a->ncolumns; i++)
		CHECK(a->cols[i] == b->cols[i] && value_eq(a->values[i], b->values[i]));
}

/* A few changes of a few tables one behind the other, read with one CvgChange. */
static void
test_changes(void)
{
	int			cases = unit_env_cases(100000) / 3;
	static CvgChange sent[3];
	static CvgChange got;

	while (cases-- > 0)
	{
		CvgDescriptor d[2];
		const CvgDescriptor *descs[2] = {&d[0], &d[1]};
		CvgSlice	bytes;
		CvgBuf		buf;
		CvgReader	r;
		CvgError	err;
		int			i;

		gen_descriptor(&d[0], unit_below(8));
		gen_descriptor(&d[1], 1 + unit_below(8));
		cvg_buf_init(&buf);
		for (i = 0; i < 3; i++)
		{
			int			which = unit_below(2);

			gen_change(&d[which], which, &sent[i]);
			put_change(&buf, &sent[i]);
		}
		bytes = gen_take(&buf);
		cvg_reader_init(&r, bytes);
		for (i = 0; i < 3; i++)
		{
			CvgSlice	left = cvg_slice(bytes.data + r.pos, bytes.len - r.pos);
			size_t		next = r.pos + cvg_change_size(left);

			CHECK(cvg_change_decode(&r, descs, 2, &got, &err) == CVG_OK);
			CHECK(r.pos == next);
			check_change_eq(&got, &sent[i]);
		}
		CHECK(cvg_reader_at_end(&r));
		gen_reset();
	}
}

/* A body over recode_tables(), its hashes into *hashes. */
static void
gen_body(CvgBody *body, uint64 *hashes)
{
	static CvgChange change;
	CvgBuf		buf;
	uint64		i;

	memset(body, 0, sizeof(*body));
	body->horizon_lag = gen_int64();
	body->deps = gen_clock(3);
	body->stable = gen_chance(30) ? gen_clock(3) : cvg_slice(NULL, 0);
	body->moved = gen_chance(10) ? gen_clock(1) : cvg_slice(NULL, 0);
	body->ndescriptors = RECODE_TABLES;
	for (i = 0; i < RECODE_TABLES; i++)
		hashes[i] = unit_rand();
	if (gen_chance(20))
	{
		body->flags = CVG_BODY_SPILLED;
		body->nparts = 1 + unit_below(1000);
		body->total_bytes = body->nparts * 1024 * 1024;
		body->parts_seal = (uint32) unit_rand();
		body->nchanges = 1 + unit_below(1000000);
		body->nchanges = Min(body->nchanges, (uint64) body->total_bytes / 4);
		return;
	}
	body->nchanges = unit_below(4);
	cvg_buf_init(&buf);
	for (i = 0; i < body->nchanges; i++)
	{
		int			table = unit_below(RECODE_TABLES);

		gen_change(recode_tables()[table], table, &change);
		put_change(&buf, &change);
	}
	body->changes = gen_take(&buf);
}

static bool
clock_eq(CvgSlice sent, CvgSlice got)
{
	return sent.len <= 2 ? got.len == 0 : cvg_slice_eq(sent, got);
}

/* A body that gets its lag later is the same, and as long as was said. */
static void
check_lag(const CvgBody *body, const uint64 *hashes, CvgSlice want)
{
	CvgBody		first = *body;
	CvgEntryHeader header = gen_entry_header();
	CvgBuf		buf;
	size_t		size;

	cvg_buf_init(&buf);
	first.horizon_lag = 0;
	cvg_body_encode(&first, hashes, &buf);
	size = cvg_sealed_body_size(&buf, body->horizon_lag);
	cvg_body_set_lag(&buf, body->horizon_lag);
	CHECK(cvg_slice_eq(cvg_buf_slice(&buf), want));
	cvg_body_seal(&buf, &header);
	CHECK(buf.len == size);
	cvg_buf_free(&buf);
}

static void
test_bodies(void)
{
	int			cases = unit_env_cases(100000) / 3;

	while (cases-- > 0)
	{
		CvgBody		body;
		CvgBody		got;
		uint64		hashes[RECODE_TABLES];
		CvgBuf		buf;
		CvgError	err;
		CvgSlice	bytes;
		int			i;

		gen_body(&body, hashes);
		cvg_buf_init(&buf);
		cvg_body_encode(&body, hashes, &buf);
		bytes = gen_take(&buf);
		CHECK(cvg_body_decode(bytes, &got, &err) == CVG_OK, "status %d at %zu", err.status, err.offset);
		CHECK(got.horizon_lag == body.horizon_lag && got.nchanges == body.nchanges &&
			  got.nparts == body.nparts && got.total_bytes == body.total_bytes &&
			  got.parts_seal == body.parts_seal &&
			  got.ndescriptors == body.ndescriptors);
		check_lag(&body, hashes, bytes);
		CHECK(clock_eq(body.deps, got.deps) && clock_eq(body.stable, got.stable) &&
			  clock_eq(body.moved, got.moved));
		CHECK(cvg_slice_eq(got.changes, body.changes));
		for (i = 0; i < got.ndescriptors; i++)
			CHECK(cvg_body_hash(&got, i) == hashes[i]);
		CHECK(recode_status(recode_body, bytes) == CVG_OK);
		CHECK(recode_holds(recode_body, bytes));
		gen_reset();
	}
}

static void
gen_image(CvgImage *image)
{
	int			col = -1;

	image->hash = unit_rand();
	image->ncolumns = 0;
	while ((col += 1 + unit_below(gen_chance(5) ? 900 : 3)) < CVG_MAX_COLUMNS &&
		   image->ncolumns < 12)
	{
		image->cols[image->ncolumns] = col;
		image->values[image->ncolumns++] = gen_value(true);
	}
}

static void
test_images(void)
{
	int			cases = unit_env_cases(100000) / 3;
	static CvgImage image;
	static CvgImage got;

	while (cases-- > 0)
	{
		CvgBuf		buf;
		CvgError	err;
		int			i;

		gen_image(&image);
		cvg_buf_init(&buf);
		put_image(&buf, &image);
		CHECK(cvg_image_decode(gen_take(&buf), &got, &err) == CVG_OK);
		CHECK(got.hash == image.hash && got.ncolumns == image.ncolumns);
		for (i = 0; i < got.ncolumns; i++)
			CHECK(got.cols[i] == image.cols[i] && value_eq(got.values[i], image.values[i]));
		gen_reset();
	}
}

/* ---- damaged samples ---- */

static void
test_damage(void)
{
	int			rounds = 20;

	while (rounds-- > 0)
	{
		CvgDescriptor d;
		CvgBody		body;
		uint64		hashes[RECODE_TABLES];
		static CvgImage image;
		CvgBuf		buf;

		gen_descriptor(&d, unit_below(5));
		cvg_buf_init(&buf);
		cvg_descriptor_encode(&d, &buf);
		check_damage(recode_descriptor, gen_take(&buf), "descriptor");
		gen_body(&body, hashes);
		cvg_buf_init(&buf);
		cvg_body_encode(&body, hashes, &buf);
		check_damage(recode_body, gen_take(&buf), "body");
		gen_image(&image);
		cvg_buf_init(&buf);
		put_image(&buf, &image);
		check_damage(recode_image, gen_take(&buf), "image");
		gen_reset();
	}
}

/* ---- seals ---- */

/* Would a receiver take these bytes for an entry? */
static bool
is_entry(CvgSlice bytes)
{
	CvgEntryHeader header;
	CvgSlice	body;
	CvgBody		decoded;
	CvgReader	r;

	cvg_reader_init(&r, bytes);
	return cvg_entries_next(&r, &header, &body) && cvg_reader_at_end(&r) &&
		cvg_sealed_body_decode(&header, body, &decoded, NULL) == CVG_OK;
}

/* An entry as it is sent: damage anywhere is noticed, in its head too. */
static void
check_sent(const CvgEntryHeader *header, CvgSlice sealed)
{
	CvgBuf		buf;
	size_t		i;
	int			bit;

	cvg_buf_init(&buf);
	cvg_entry_header_encode(header, &buf);
	cvg_put_slice(&buf, sealed);
	CHECK(is_entry(cvg_buf_slice(&buf)));
	for (i = 0; i < buf.len; i++)
	{
		CHECK(!is_entry(cvg_slice(buf.data, i)), "cut at %zu", i);
		for (bit = 0; bit < 8; bit++)
		{
			buf.data[i] ^= (uint8) (1 << bit);
			CHECK(!is_entry(cvg_buf_slice(&buf)), "bit %d of byte %zu of %zu", bit, i, buf.len);
			buf.data[i] ^= (uint8) (1 << bit);
		}
	}
	cvg_buf_free(&buf);
}

/* An entry as it is in the log: its body under another head is none. */
static void
check_stored(const CvgEntryHeader *header, CvgSlice sealed)
{
	CvgEntryHeader other = *header;
	CvgSlice	origin = gen_copy(header->origin);
	CvgBody		body;

	other.prev_seq = unit_below(10);
	CHECK(cvg_sealed_body_decode(&other, sealed, &body, NULL) == CVG_OK, "made when it is served");
	other.seq ^= INT64CONST(1) << unit_below(62);
	CHECK(cvg_sealed_body_decode(&other, sealed, &body, NULL) == CVG_E_CHECKSUM, "seq");
	other.seq = header->seq;
	other.stamp ^= INT64CONST(1) << unit_below(62);
	CHECK(cvg_sealed_body_decode(&other, sealed, &body, NULL) == CVG_E_CHECKSUM, "stamp");
	other.seq = header->stamp;
	other.stamp = header->seq;
	CHECK(cvg_sealed_body_decode(&other, sealed, &body, NULL) == CVG_E_CHECKSUM, "both exchanged");
	other = *header;
	((uint8 *) origin.data)[unit_below(origin.len)] ^= 1;
	other.origin = origin;
	CHECK(cvg_sealed_body_decode(&other, sealed, &body, NULL) == CVG_E_CHECKSUM, "origin");
	CHECK(cvg_sealed_body_decode(header, cvg_slice(sealed.data, 3), &body, NULL) == CVG_E_TRUNCATED);
}

static void
test_sealed_entries(void)
{
	int			rounds = 20;

	while (rounds-- > 0)
	{
		CvgEntryHeader header = gen_entry_header();
		CvgBody		body;
		uint64		hashes[RECODE_TABLES];
		CvgBuf		buf;
		CvgSlice	sealed;

		gen_body(&body, hashes);
		cvg_buf_init(&buf);
		cvg_body_encode(&body, hashes, &buf);
		cvg_body_seal(&buf, &header);
		sealed = gen_take(&buf);
		check_sent(&header, sealed);
		check_stored(&header, sealed);
		gen_reset();
	}
}

#define PARTS	4

/* The seal of the last of these parts, in this order; 0 if one is refused. */
static uint32
unseal_parts(const CvgSlice *parts, const int *order, int n)
{
	uint32		chain = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		CvgSlice	part = parts[order[i]];

		if (cvg_unseal(&part, &chain, NULL) != CVG_OK)
			return 0;
		CHECK(part.len == parts[order[i]].len - 4);
	}
	return chain;
}

static void
test_parts(void)
{
	static const int order[] = {0, 1, 2, 3};
	static const int wrong[][PARTS] = {{1, 2, 3, 0}, {0, 2, 1, 3}, {0, 0, 1, 2}, {0, 2, 3, 1}, {0, 1, 3, 2}};
	CvgSlice	parts[PARTS];
	uint32		chain = 0;
	size_t		i;
	int			p;

	for (p = 0; p < PARTS; p++)
	{
		CvgSlice	bytes = gen_bytes(1 + unit_below(100));
		CvgBuf		buf;

		cvg_buf_init(&buf);
		cvg_put_bytes(&buf, bytes.data, bytes.len);
		cvg_seal(&buf, 0, &chain);
		parts[p] = gen_take(&buf);
	}
	CHECK(unseal_parts(parts, order, PARTS) == chain);
	CHECK(unseal_parts(parts, order, PARTS - 1) != chain, "the last is missing");
	for (p = 0; p < (int) lengthof(wrong); p++)
		CHECK(unseal_parts(parts, wrong[p], PARTS) == 0, "another order");
	for (i = 0; i < parts[2].len * 8; i++)
	{
		((uint8 *) parts[2].data)[i / 8] ^= (uint8) (1 << i % 8);
		CHECK(unseal_parts(parts, order, PARTS) == 0, "bit %zu", i);
		((uint8 *) parts[2].data)[i / 8] ^= (uint8) (1 << i % 8);
	}
	gen_reset();
}

/* ---- the format never changes unnoticed ---- */

static void
test_golden(void)
{
	static const uint8 body_bytes[] = {
		0x10, 5, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0
	};
	CvgEntryHeader header = {cvg_slice_cstring("a"), 300, 299, 7};
	CvgBody		body;
	CvgError	err;
	CvgBuf		buf;

	/* the published values of XXH3-64 and XXH32 for no input */
	CHECK(cvg_descriptor_hash(cvg_slice("", 0)) == UINT64CONST(0x2D06800538D394C2));
	CHECK(cvg_unit_id(cvg_slice("", 0)) == 0x02CC5D05);
	CHECK(cvg_unit_id(cvg_slice_cstring("abc")) == 0x32D153FF);
	CHECK(cvg_body_decode(cvg_slice(body_bytes, sizeof(body_bytes)), &body, &err) == CVG_OK);
	CHECK(body.horizon_lag == 5 && body.nchanges == 0);
	CHECK(cvg_body_horizon(&body, 7) == 2 && cvg_body_horizon(&body, 4) == 0);
	CHECK(cvg_body_hash(&body, 0) == UINT64CONST(0x0102030405060708));
	cvg_buf_init(&buf);
	cvg_put_bytes(&buf, body_bytes, sizeof(body_bytes));
	cvg_body_seal(&buf, &header);
	CHECK(cvg_slice_eq(cvg_slice(buf.data + sizeof(body_bytes), buf.len - sizeof(body_bytes)),
					   cvg_slice("\x92\x95\xe7\xe2", 4)));
	cvg_buf_free(&buf);
	cvg_buf_init(&buf);
	cvg_put_value(&buf, CVG_VALUE_NULL, NULL, 0);
	cvg_put_value(&buf, CVG_VALUE_BINARY, "ab", 2);
	cvg_put_value(&buf, CVG_VALUE_TEXT, "", 0);
	CHECK(cvg_slice_eq(cvg_buf_slice(&buf), cvg_slice("\0\x09""ab\2", 5)));
	cvg_buf_free(&buf);
}

/* ---- hostile counts ---- */

#define HUGE_COUNT	UINT64CONST(0x8000000000000000)

static void
check_refused(RecodeFn recode, CvgBuf *buf, const char *what)
{
	CvgSlice	bytes = gen_take(buf);

	alloc_largest = 0;
	CHECK(recode_status(recode, bytes) != CVG_OK, "%s", what);
	CHECK(alloc_largest <= 256, "%s allocates %zu", what, alloc_largest);
	cvg_buf_init(buf);
}

/* Every count and length of every format as 2^63, and as much as its limit. */
static void
test_hostile_counts(void)
{
	static const uint64 counts[] = {HUGE_COUNT, ~UINT64CONST(0), CVG_MAX_COLUMNS,
	CVG_MAX_DESCRIPTORS, CVG_MAX_NAME, PG_UINT32_MAX};
	CvgBuf		buf;
	int			i;

	cvg_buf_init(&buf);
	for (i = 0; i < (int) lengthof(counts); i++)
	{
		cvg_put_bytes(&buf, "\1\0\0\1\1s\1t", 8);
		cvg_put_varint(&buf, counts[i]);
		check_refused(recode_descriptor, &buf, "columns of a descriptor");
		cvg_put_bytes(&buf, "\1\0\0\1", 4);
		cvg_put_varint(&buf, counts[i]);
		check_refused(recode_descriptor, &buf, "schema of a descriptor");
		cvg_put_bytes(&buf, "\x10\0", 2);
		cvg_put_varint(&buf, counts[i]);
		check_refused(recode_body, &buf, "descriptors of a body");
		cvg_put_bytes(&buf, "\x10\0\0", 3);
		cvg_put_varint(&buf, counts[i]);
		check_refused(recode_body, &buf, "changes of a body");
		cvg_put_bytes(&buf, "\x12\0", 2);
		cvg_put_varint(&buf, counts[i]);
		check_refused(recode_body, &buf, "dependencies of a body");
		cvg_put_bytes(&buf, "\x10\0\0\1", 4);
		cvg_put_varint(&buf, counts[i]);
		cvg_put_u64(&buf, 0);
		check_refused(recode_body, &buf, "length of a change");
		cvg_put_u64(&buf, 1);
		cvg_put_varint(&buf, counts[i]);
		check_refused(recode_image, &buf, "columns of an image");
		cvg_put_u64(&buf, 1);
		cvg_put_bytes(&buf, "\1\0", 2);
		cvg_put_varint(&buf, (counts[i] & ~UINT64CONST(3)) | CVG_VALUE_BINARY);
		check_refused(recode_image, &buf, "length of a value");
	}
	cvg_buf_free(&buf);
	gen_reset();
}

/* ---- boundaries of descriptors ---- */

static CvgDescriptor edge;
static CvgColumn edge_columns[CVG_MAX_COLUMNS + 1];

/* t(k integer primary key, v integer) */
static void
edge_reset(void)
{
	memset(&edge, 0, sizeof(edge));
	memset(edge_columns, 0, sizeof(edge_columns));
	edge.schema = cvg_slice_cstring("public");
	edge.table = cvg_slice_cstring("t");
	edge.ncolumns = 2;
	edge.columns = edge_columns;
	edge_columns[0].name = cvg_slice_cstring("k");
	edge_columns[0].type_name = cvg_slice_cstring("integer");
	edge_columns[0].keypos = 1;
	edge_columns[1].name = cvg_slice_cstring("v");
	edge_columns[1].type_name = cvg_slice_cstring("integer");
	edge_columns[1].unit = 7;
}

static CvgStatus
edge_status(void)
{
	CvgBuf		buf;
	CvgStatus	status;

	cvg_buf_init(&buf);
	cvg_descriptor_encode(&edge, &buf);
	status = recode_status(recode_descriptor, gen_take(&buf));
	edge_reset();
	return status;
}

/* n columns with names of their own, none in the key */
static void
edge_wide(int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		char		name[32];

		snprintf(name, sizeof(name), "c%d", i);
		edge_columns[i].name = gen_copy(cvg_slice_cstring(name));
		edge_columns[i].type_name = cvg_slice_cstring("integer");
		edge_columns[i].unit = 7;
		edge_columns[i].keypos = 0;
	}
	edge.ncolumns = n;
	edge.flags = CVG_DESC_KEYLESS;
}

static void
edge_keys(int n)
{
	int			i;

	edge_wide(n);
	edge.flags = 0;
	for (i = 0; i < n; i++)
	{
		edge_columns[i].keypos = n - i;
		edge_columns[i].unit = 0;
	}
}

static void
test_descriptor_edges(void)
{
	edge_reset();
	CHECK(edge_status() == CVG_OK, "a plain table");
	edge_wide(0);
	CHECK(edge_status() == CVG_OK, "no columns");
	edge_wide(CVG_MAX_COLUMNS);
	CHECK(edge_status() == CVG_OK, "1600 columns");
	edge_wide(CVG_MAX_COLUMNS + 1);
	CHECK(edge_status() == CVG_E_LIMIT, "1601 columns");
	edge_keys(CVG_MAX_KEY_COLUMNS);
	CHECK(edge_status() == CVG_OK, "32 key columns");
	edge_keys(CVG_MAX_KEY_COLUMNS + 1);
	CHECK(edge_status() == CVG_E_LIMIT, "33 key columns");
	edge.schema = gen_text(CVG_MAX_NAME);
	CHECK(edge_status() == CVG_OK, "longest name");
	edge.schema = gen_text(CVG_MAX_NAME + 1);
	CHECK(edge_status() == CVG_E_LIMIT, "name too long");
	edge.table = cvg_slice(NULL, 0);
	CHECK(edge_status() == CVG_E_MALFORMED, "empty name");
	edge_columns[1].type_name = cvg_slice("i\0t", 3);
	CHECK(edge_status() == CVG_E_MALFORMED, "NUL in a name");
	edge_columns[1].name = edge_columns[0].name;
	CHECK(edge_status() == CVG_E_DUPLICATE, "two columns of one name");
	edge_columns[0].keypos = 2;
	CHECK(edge_status() == CVG_E_MALFORMED, "key begins at its second place");
	edge_keys(2);
	edge_columns[0].keypos = edge_columns[1].keypos;
	CHECK(edge_status() == CVG_E_DUPLICATE, "two columns at one place of the key");
	edge.flags = CVG_DESC_KEYLESS;
	CHECK(edge_status() == CVG_E_MALFORMED, "keyless with a key");
	edge_wide(1);
	edge.flags = 0;
	CHECK(edge_status() == CVG_E_MALFORMED, "no key and not keyless");
	edge_columns[0].unit = 5;
	CHECK(edge_status() == CVG_E_MALFORMED, "key column in a unit");
	edge_columns[1].unit = 0;
	CHECK(edge_status() == CVG_E_MALFORMED, "column without a unit");
	edge_columns[1].unit = 0;
	edge_columns[1].flags = CVG_COL_GENERATED;
	CHECK(edge_status() == CVG_OK, "generated column without a unit");
	edge_columns[1].flags = CVG_COL_MERGED;
	CHECK(edge_status() == CVG_OK, "merged column");
	edge_columns[1].flags = CVG_COL_MERGED | CVG_COL_GENERATED;
	CHECK(edge_status() == CVG_E_MALFORMED, "merged and generated");
	edge_columns[0].flags = CVG_COL_MERGED;
	CHECK(edge_status() == CVG_E_MALFORMED, "merged key column");
	edge_columns[1].flags = 0x80;
	CHECK(edge_status() == CVG_E_VERSION, "unknown column flag");
	edge.flags = 0x80;
	CHECK(edge_status() == CVG_E_VERSION, "unknown table flag");
	edge.on_delete = (CvgOnDelete) 3;
	CHECK(edge_status() == CVG_E_MALFORMED, "unknown policy");
	edge.granularity = (CvgGranularity) 2;
	CHECK(edge_status() == CVG_E_MALFORMED, "unknown granularity");
	gen_reset();
}

/* ---- boundaries of changes ---- */

static CvgChange one;

/* An INSERT (1, 2) into t(k, v). */
static void
one_reset(void)
{
	CvgBuf		state;

	cvg_buf_init(&state);
	if (cvg_rowstate_insert(cvg_slice(NULL, 0), gen_member(), 5, &state) != CVG_OK)
		abort();
	memset(&one, 0, sizeof(one));
	one.op = CVG_OP_INSERT;
	one.state = gen_take(&state);
	one.nkeys = 1;
	one.keys[0].kind = CVG_VALUE_BINARY;
	one.keys[0].bytes = cvg_slice("\0\0\0\1", 4);
	one.ncolumns = 2;
	one.cols[0] = 0;
	one.values[0] = one.keys[0];
	one.cols[1] = 1;
	one.values[1].kind = CVG_VALUE_BINARY;
	one.values[1].bytes = cvg_slice("\0\0\0\2", 4);
}

/* Decode the change "one" with "more" bytes added inside of it. */
static CvgStatus
one_status_longer(int more)
{
	static CvgChange got;
	const CvgDescriptor *descs[1] = {&edge};
	CvgBuf		buf;
	CvgReader	r;
	CvgError	err;
	CvgStatus	status;

	cvg_buf_init(&buf);
	put_change(&buf, &one);
	while (more-- > 0)
		cvg_put_u8(&buf, 0);
	cvg_change_finish(&buf, 0);
	cvg_reader_init(&r, gen_take(&buf));
	status = cvg_change_decode(&r, descs, 1, &got, &err);
	CHECK(r.status == status);
	CHECK(status == CVG_OK || (err.status == status && err.offset <= r.len));
	one_reset();
	return status;
}

static CvgStatus
one_status(void)
{
	return one_status_longer(0);
}

static void
test_change_edges(void)
{
	edge_reset();
	edge.nkeys = 1;
	one_reset();
	CHECK(one_status() == CVG_OK, "a plain insert");
	one.op = CVG_OP_UPDATE;
	CHECK(one_status() == CVG_E_MALFORMED, "update of a key column");
	one.op = CVG_OP_UPDATE;
	one.ncolumns = 0;
	CHECK(one_status() == CVG_OK, "update of nothing");
	one.op = CVG_OP_DELETE;
	CHECK(one_status() == CVG_E_MALFORMED, "delete with columns");
	one.op = CVG_OP_DELETE;
	one.ncolumns = 0;
	CHECK(one_status() == CVG_OK, "delete");
	one.op = (CvgOp) 'T';
	CHECK(one_status() == CVG_E_MALFORMED, "unknown operation");
	one.descriptor = 1;
	CHECK(one_status() == CVG_E_MALFORMED, "descriptor beyond the last");
	one.state = cvg_slice(NULL, 0);
	CHECK(one_status() == CVG_E_MALFORMED, "no state");
	one.state.len--;
	CHECK(one_status() != CVG_OK, "state cut");
	one.op = CVG_OP_DELETE;
	one.ncolumns = 0;
	one.keys[0].kind = CVG_VALUE_NULL;
	CHECK(one_status() == CVG_E_MALFORMED, "null in the key");
	one.keys[0].bytes = cvg_slice("\0\0\0\3", 4);
	CHECK(one_status() == CVG_E_MALFORMED, "insert of another key than its own");
	one.values[0].kind = CVG_VALUE_TEXT;
	one.values[0].bytes = cvg_slice_cstring("1");
	CHECK(one_status() == CVG_E_MALFORMED, "key in two forms");
	one.cols[1] = 2;
	CHECK(one_status() == CVG_E_LIMIT, "column beyond the last");
	one.cols[1] = 0;
	CHECK(one_status() == CVG_E_NOT_CANONICAL, "a column twice");
	one.cols[0] = 1;
	one.cols[1] = 0;
	CHECK(one_status() == CVG_E_NOT_CANONICAL, "columns in descending order");
	one.values[1].kind = (CvgValueKind) 3;
	CHECK(one_status() == CVG_E_MALFORMED, "unknown kind of value");
	one.values[1].kind = CVG_VALUE_TEXT;
	CHECK(one_status() == CVG_E_MALFORMED, "NUL in a text value");
	edge_columns[1].flags = CVG_COL_GENERATED;
	CHECK(one_status() == CVG_E_MALFORMED, "generated column");
	edge_columns[1].flags = 0;
	CHECK(one_status_longer(1) == CVG_E_TRAILING, "a byte after the columns");
	CHECK(cvg_change_size(cvg_slice("", 0)) == 0);
	CHECK(cvg_change_size(cvg_slice("\x82", 1)) == 0);
	CHECK(cvg_change_size(cvg_slice("\x82\2", 2)) == 2 + 258);
	CHECK(cvg_change_size(cvg_slice("\x82\0", 2)) == SIZE_MAX);
	gen_reset();
}

/* ---- boundaries of bodies ---- */

static CvgStatus
body_status(const char *bytes, size_t len)
{
	return recode_status(recode_body, gen_copy(cvg_slice(bytes, len)));
}

static void
test_body_edges(void)
{
	CHECK(body_status("", 0) == CVG_E_TRUNCATED, "nothing");
	CHECK(body_status("\x10\0\0\0", 4) == CVG_OK, "empty entry");
	CHECK(body_status("\x10\0\0\0x", 5) == CVG_E_TRAILING, "more changes than said");
	CHECK(body_status("\x10\0\0\1", 4) == CVG_E_TRUNCATED, "fewer changes than said");
	CHECK(body_status("\x20\0\0\0", 4) == CVG_E_VERSION, "another version");
	CHECK(body_status("\x18\0\0\0\0", 5) == CVG_E_NOT_CANONICAL, "flag for no former number");
	CHECK(body_status("\x12\0\0\0\0", 5) == CVG_E_NOT_CANONICAL, "flag for no dependencies");
	CHECK(body_status("\x14\0\2\1\0\0\0", 7) == CVG_E_NOT_CANONICAL, "flag for an empty stable clock");
	CHECK(body_status("\x10\200\0\0\0", 5) == CVG_E_NOT_CANONICAL, "overlong horizon");
	CHECK(body_status("\x10\0\0\1\2\0\0", 7) == CVG_E_MALFORMED, "change shorter than any");
	CHECK(body_status("\x10\0\0\1\3\0\0\0", 8) == CVG_E_MALFORMED, "change without a descriptor");
	CHECK(body_status("\x10\0\0\1\x83\0\0\0\0", 9) == CVG_E_TRUNCATED, "overlong length of a change");
	CHECK(body_status("\x11\0\0\1\1\4seal", 10) == CVG_OK, "one part with one change");
	CHECK(body_status("\x11\0\0\1\1\4sea", 9) == CVG_E_TRUNCATED, "no seal of the last part");
	CHECK(body_status("\x11\0\0\1\0\4seal", 10) == CVG_E_MALFORMED, "spilled into no part");
	CHECK(body_status("\x11\0\0\1\5\4seal", 10) == CVG_E_MALFORMED, "empty parts");
	CHECK(body_status("\x11\0\0\2\1\4seal", 10) == CVG_E_MALFORMED, "changes shorter than any");
	CHECK(body_status("\x11\0\0\0\1\4seal", 10) == CVG_E_MALFORMED, "spilled without a change");
	gen_reset();
}

int
main(void)
{
	unit_start(unit_env_seed());
	alloc_watch();
	test_golden();
	test_hostile_counts();
	test_descriptor_edges();
	test_change_edges();
	test_body_edges();
	test_values();
	test_descriptors();
	test_changes();
	test_bodies();
	test_images();
	test_damage();
	test_sealed_entries();
	test_parts();
	return unit_done();
}
