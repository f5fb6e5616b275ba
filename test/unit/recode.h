/*
 * recode.h: one function per format that decodes bytes and, if they were
 * accepted, encodes the result again.  A canonical format gives back the
 * bytes it was given.  The unit tests use them on damaged samples, the fuzz
 * targets on anything.
 */
#ifndef CVG_RECODE_H
#define CVG_RECODE_H

#include "gen.h"

typedef CvgStatus (*RecodeFn) (CvgSlice in, CvgBuf *out);

static inline CvgStatus
recode_descriptor(CvgSlice in, CvgBuf *out)
{
	CvgDescriptor d;
	CvgError	err;
	CvgStatus	status = cvg_descriptor_decode(in, &d, &err);

	if (status != CVG_OK)
		return status;
	cvg_descriptor_encode(&d, out);
	pfree(d.columns);
	return CVG_OK;
}

#define RECODE_TABLES	3

/*
 * The tables that the changes of recode_body() are of: one with a key and
 * plain columns, one with a key of two columns in reverse order and a
 * generated column, one without a key.
 */
static inline const CvgDescriptor *const *
recode_tables(void)
{
	static CvgColumn columns[RECODE_TABLES][4];
	static CvgDescriptor tables[RECODE_TABLES];
	static const CvgDescriptor *pointers[RECODE_TABLES];
	static const char *const names[] = {"a", "b", "c", "d"};
	int			t;
	int			i;

	for (t = 0; t < RECODE_TABLES; t++)
	{
		tables[t].schema = cvg_slice_cstring("public");
		tables[t].table = cvg_slice_cstring(names[t]);
		tables[t].ncolumns = 4;
		tables[t].columns = columns[t];
		for (i = 0; i < 4; i++)
		{
			columns[t][i].name = cvg_slice_cstring(names[i]);
			columns[t][i].type_name = cvg_slice_cstring("integer");
			columns[t][i].unit = cvg_unit_id(columns[t][i].name);
		}
		pointers[t] = &tables[t];
	}
	tables[0].nkeys = 1;
	columns[0][0].keypos = 1;
	columns[0][0].unit = 0;
	tables[1].nkeys = 2;
	tables[1].keycols[0] = 2;
	columns[1][0].keypos = 2;
	columns[1][2].keypos = 1;
	columns[1][0].unit = columns[1][2].unit = 0;
	columns[1][3].flags = CVG_COL_GENERATED;
	columns[2][1].flags = CVG_COL_MERGED;
	tables[2].merges = true;
	tables[2].flags = CVG_DESC_KEYLESS;
	return pointers;
}

/* A body and all its changes, which are of recode_tables(). */
static inline CvgStatus
recode_body(CvgSlice in, CvgBuf *out)
{
	static CvgChange change;
	CvgBody		body;
	CvgBuf		changes;
	CvgReader	r;
	CvgError	err;
	uint64		n;
	CvgStatus	status = cvg_body_decode(in, &body, &err);

	if (status != CVG_OK)
		return status;
	cvg_buf_init(&changes);
	cvg_reader_init(&r, body.changes);
	for (n = 0; n < body.nchanges && body.nparts == 0; n++)
	{
		status = cvg_change_decode(&r, recode_tables(),
								   Min(body.ndescriptors, RECODE_TABLES),
								   &change, &err);
		if (status != CVG_OK)
			break;
		put_change(&changes, &change);
	}
	if (status == CVG_OK)
	{
		body.changes = cvg_buf_slice(&changes);
		cvg_body_encode(&body, NULL, out);
	}
	cvg_buf_free(&changes);
	return status;
}

static inline CvgStatus
recode_image(CvgSlice in, CvgBuf *out)
{
	static CvgImage image;
	CvgError	err;
	CvgStatus	status = cvg_image_decode(in, &image, &err);

	if (status == CVG_OK)
		put_image(out, &image);
	return status;
}

static inline CvgStatus
recode_hello(CvgSlice in, CvgBuf *out)
{
	CvgHello	hello;
	CvgError	err;
	CvgStatus	status = cvg_hello_decode(in, &hello, &err);

	if (status == CVG_OK)
		cvg_hello_encode(&hello, out);
	return status;
}

static inline CvgStatus
recode_request(CvgSlice in, CvgBuf *out)
{
	CvgRequest	req;
	CvgError	err;
	CvgStatus	status = cvg_request_decode(in, &req, &err);

	if (status != CVG_OK)
		return status;
	cvg_request_encode(&req, out);
	if (req.except != NULL)
		pfree(req.except);
	if (req.reports != NULL)
		pfree(req.reports);
	return CVG_OK;
}

static inline CvgStatus
recode_head(CvgSlice in, CvgBuf *out)
{
	CvgHead		head;
	CvgError	err;
	CvgStatus	status = cvg_head_decode(in, &head, &err);

	if (status != CVG_OK)
		return status;
	cvg_head_encode(&head, out);
	if (head.reports != NULL)
		pfree(head.reports);
	return CVG_OK;
}

#define RECODE_SEAL		4

/* The entry at the reader, whose head comes without its seal and gets it here. */
static inline CvgStatus
recode_entry(CvgReader *in, CvgBuf *out)
{
	size_t		start = in->pos;
	uint32		seal = 0;
	CvgBuf		sealed;
	CvgReader	r;
	CvgEntryHeader h;
	CvgSlice	body;

	(void) cvg_get_slice(in, in->len);
	(void) cvg_get_varint(in);
	(void) cvg_get_varint(in);
	(void) cvg_get_varint(in);
	if (!cvg_reader_ok(in))
		return in->status;
	cvg_buf_init(&sealed);
	cvg_put_bytes(&sealed, in->data + start, in->pos - start);
	cvg_seal(&sealed, 0, &seal);
	cvg_put_bytes(&sealed, in->data + in->pos, in->len - in->pos);
	cvg_reader_init(&r, cvg_buf_slice(&sealed));
	if (cvg_entries_next(&r, &h, &body))
	{
		cvg_entry_header_encode(&h, out);
		out->len -= RECODE_SEAL;
		cvg_put_slice(out, body);
	}
	in->pos = start + r.pos - RECODE_SEAL;
	cvg_buf_free(&sealed);
	return r.status;
}

/* What follows the 'E', with heads without seals, so that damage gets past them. */
static inline CvgStatus
recode_entries(CvgSlice in, CvgBuf *out)
{
	CvgReader	r;
	CvgStatus	status = CVG_OK;

	cvg_reader_init(&r, in);
	while (status == CVG_OK && !cvg_reader_at_end(&r))
		status = recode_entry(&r, out);
	return status;
}

static inline CvgStatus
recode_fetch_request(CvgSlice in, CvgBuf *out)
{
	CvgFetchRequest req;
	CvgError	err;
	CvgStatus	status = cvg_fetch_request_decode(in, &req, &err);

	if (status == CVG_OK)
		cvg_fetch_request_encode(&req, out);
	return status;
}

static inline CvgStatus
recode_fetch_answer(CvgSlice in, CvgBuf *out)
{
	CvgFetchAnswer ans;
	CvgError	err;
	CvgStatus	status = cvg_fetch_answer_decode(in, &ans, &err);

	if (status == CVG_OK)
		cvg_fetch_answer_encode(&ans, out);
	return status;
}

/* Refused, or the same bytes again. */
static inline bool
recode_holds(RecodeFn recode, CvgSlice in)
{
	CvgBuf		out;
	bool		holds;

	cvg_buf_init(&out);
	holds = recode(in, &out) != CVG_OK ||
		cvg_slice_eq(in, cvg_buf_slice(&out));
	cvg_buf_free(&out);
	return holds;
}

static inline CvgStatus
recode_status(RecodeFn recode, CvgSlice in)
{
	CvgBuf		out;
	CvgStatus	status;

	cvg_buf_init(&out);
	status = recode(in, &out);
	cvg_buf_free(&out);
	return status;
}

/*
 * A valid sample: it comes back as it is; every truncation, every flipped
 * bit and a byte more are refused or come back as they are.
 */
static inline void
check_damage(RecodeFn recode, CvgSlice sample, const char *what)
{
	size_t		i;
	int			bit;
	uint8	   *copy;

	CHECK(recode_status(recode, sample) == CVG_OK, "%s: sample", what);
	CHECK(recode_holds(recode, sample), "%s: sample again", what);
	for (i = 0; i < sample.len; i++)
	{
		/* a copy of its own: the byte behind it is out of bounds */
		copy = malloc(i + 1);
		memcpy(copy, sample.data, i);
		copy = realloc(copy, i ? i : 1);
		CHECK(recode_holds(recode, cvg_slice(copy, i)), "%s: cut at %zu", what, i);
		free(copy);
	}
	copy = malloc(sample.len + 1);
	memcpy(copy, sample.data, sample.len);
	for (i = 0; i < sample.len; i++)
	{
		for (bit = 0; bit < 8; bit++)
		{
			copy[i] ^= (uint8) (1 << bit);
			CHECK(recode_holds(recode, cvg_slice(copy, sample.len)),
				  "%s: bit %d of byte %zu", what, bit, i);
			copy[i] ^= (uint8) (1 << bit);
		}
	}
	copy[sample.len] = 0;
	CHECK(recode_holds(recode, cvg_slice(copy, sample.len + 1)), "%s: longer", what);
	free(copy);
}

/*
 * The largest allocation since it was last set to 0, as far as
 * AddressSanitizer's runtime is there to tell.
 */
static size_t alloc_largest = 0;

extern int	__sanitizer_install_malloc_and_free_hooks(void (*malloc_hook) (const volatile void *, size_t),
													  void (*free_hook) (const volatile void *)) __attribute__((weak));

static inline void
alloc_hook(const volatile void *p, size_t size)
{
	alloc_largest = Max(alloc_largest, size);
}

static inline void
free_hook(const volatile void *p)
{
}

static inline void
alloc_watch(void)
{
	if (__sanitizer_install_malloc_and_free_hooks != NULL)
		__sanitizer_install_malloc_and_free_hooks(alloc_hook, free_hook);
}

#endif
