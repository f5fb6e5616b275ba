/*-------------------------------------------------------------------------
 *
 * entry.c
 *	  Codec of the change log: values, changes, entry bodies, row images.
 *	  Table descriptors are in descriptor.c.
 *
 * The writers here run for every row that a user changes, the readers for
 * every row that a peer sends.  So a writer reserves space once per value or
 * change header and then stores without further checks, and a reader takes
 * the one-byte varint, by far the most frequent one, without a call.
 *
 * A decoder trusts nothing: a count only says how often to read, and reading
 * stops with the bytes; a change is read through a reader of its own that ends
 * where its length word says; no decoder here allocates.  What is accepted
 * re-encodes to the same bytes.
 *
 * Two checks concern meaning and not form.  An INSERT repeats the key columns
 * among its columns, and they must be the same bytes as its key: otherwise a
 * receiver would lock one row and write another.  An UPDATE carries no key
 * column: a change of key is a DELETE and an INSERT.
 *
 *-------------------------------------------------------------------------
 */
#include "core/entry.h"

#include <xxhash.h>

/* length, op, empty state, no key, no columns */
#define MIN_CHANGE_SIZE		4

/* No varint is longer. */
#define MAX_VARINT_SIZE		10

/* Where the first byte of a body has its version, flags below. */
#define VERSION_SHIFT		4
#define FLAGS_MASK			0x0f

#define BODY_KNOWN_FLAGS \
	(CVG_BODY_SPILLED | CVG_BODY_DEPS | CVG_BODY_STABLE | CVG_BODY_MOVED)

/* The lag follows the first byte. */
#define LAG_OFFSET			1

#define SEAL_SIZE			4

/* The empty clock is two bytes (or none), any other is longer. */
#define EMPTY_CLOCK_SIZE	2

static inline void
reserve(CvgBuf *buf, size_t more)
{
	if (unlikely(buf->size - buf->len < more))
		cvg_buf_grow(buf, more);
}

/* Store a varint where space is reserved; returns the byte after it. */
static inline uint8 *
store_varint(uint8 *p, uint64 v)
{
	while (v >= 0x80)
	{
		*p++ = (uint8) (v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8) v;
	return p;
}

/* cvg_get_varint() with a short way for one byte. */
static inline uint64
get_varint(CvgReader *r)
{
	if (likely(r->status == CVG_OK && r->pos < r->len &&
			   r->data[r->pos] < 0x80))
		return r->data[r->pos++];
	return cvg_get_varint(r);
}

/* cvg_get_slice() of any length that is there, likewise. */
static inline CvgSlice
get_slice(CvgReader *r)
{
	uint64		len = get_varint(r);
	CvgSlice	s = {NULL, 0};

	if (unlikely(r->status != CVG_OK))
		return s;
	if (unlikely(len > r->len - r->pos))
	{
		r->status = CVG_E_TRUNCATED;
		return s;
	}
	s.data = r->data + r->pos;
	s.len = (size_t) len;
	r->pos += s.len;
	return s;
}

/* ----------
 * Values
 * ----------
 */

void
cvg_put_value(CvgBuf *out, CvgValueKind kind, const void *data, size_t len)
{
	uint8	   *p;

	if (kind == CVG_VALUE_NULL)
	{
		cvg_put_u8(out, CVG_VALUE_NULL);
		return;
	}
	reserve(out, MAX_VARINT_SIZE + len);
	p = store_varint(out->data + out->len, (uint64) len << 2 | kind);
	if (len > 0)
		memcpy(p, data, len);
	out->len = (size_t) (p - out->data) + len;
}

/*
 * The text form ends at the first NUL byte wherever it is used, so it must
 * not hold one.
 */
static inline CvgValue
get_value(CvgReader *r)
{
	CvgValue	value = {CVG_VALUE_NULL, {NULL, 0}};
	uint64		head = get_varint(r);
	uint64		len = head >> 2;
	uint8		kind = head & 3;

	if (unlikely(r->status != CVG_OK) || head == CVG_VALUE_NULL)
		return value;
	if (unlikely(kind == CVG_VALUE_NULL || kind > CVG_VALUE_TEXT))
	{
		r->status = CVG_E_MALFORMED;
		return value;
	}
	value.bytes = cvg_get_bytes(r, len);
	if (unlikely(r->status != CVG_OK))
		return value;
	if (kind == CVG_VALUE_TEXT && value.bytes.len > 0 &&
		memchr(value.bytes.data, '\0', value.bytes.len) != NULL)
		r->status = CVG_E_MALFORMED;
	value.kind = (CvgValueKind) kind;
	return value;
}

/* On failure the reader has it and the value is null. */
CvgValue
cvg_get_value(CvgReader *r)
{
	return get_value(r);
}

/* ----------
 * Changes
 * ----------
 */

/* How operations are numbered beside the descriptor. */
static const char op_codes[4] = {CVG_OP_INSERT, CVG_OP_UPDATE, CVG_OP_DELETE, 0};

static int
op_code(CvgOp op)
{
	int			code = 0;

	while (code < 3 && op_codes[code] != (char) op)
		code++;
	return code;
}

/*
 * Begin a change.  Returns its place in out, which cvg_change_finish() needs
 * to fill in the length.
 */
size_t
cvg_change_start(CvgBuf *out, CvgOp op, int descriptor, CvgSlice state)
{
	size_t		start = out->len;
	uint8	   *p;

	Assert(descriptor >= 0 && descriptor < CVG_MAX_DESCRIPTORS);
	reserve(out, 1 + 2 * MAX_VARINT_SIZE + state.len);
	p = out->data + start;
	*p++ = 0;					/* the length, if it is short */
	p = store_varint(p, (uint64) descriptor << 2 | op_code(op));
	p = store_varint(p, state.len);
	if (state.len > 0)
		memcpy(p, state.data, state.len);
	out->len = (size_t) (p - out->data) + state.len;
	return start;
}

void
cvg_change_back(CvgBuf *out, CvgStamp stamp, CvgStamp previous)
{
	Assert(stamp > previous);
	cvg_put_varint(out, previous == 0 ? 0 : (uint64) (stamp - previous));
}

void
cvg_change_columns(CvgBuf *out, int ncolumns)
{
	cvg_put_varint(out, (uint64) ncolumns);
}

/* There is one byte for the length; a longer one moves the change. */
void
cvg_change_finish(CvgBuf *out, size_t start)
{
	size_t		len = out->len - start - 1;
	uint8		length[MAX_VARINT_SIZE];
	size_t		n;

	if (likely(len < 0x80))
	{
		out->data[start] = (uint8) len;
		return;
	}
	n = (size_t) (store_varint(length, len) - length);
	reserve(out, n - 1);
	memmove(out->data + start + n, out->data + start + 1, len);
	memcpy(out->data + start, length, n);
	out->len += n - 1;
}

size_t
cvg_change_size(CvgSlice bytes)
{
	CvgReader	r;
	uint64		len;

	cvg_reader_init(&r, bytes);
	len = get_varint(&r);
	if (!cvg_reader_ok(&r) && r.status == CVG_E_TRUNCATED)
		return 0;
	/* not a length: larger than anything that is there */
	if (!cvg_reader_ok(&r) || len > SIZE_MAX / 2)
		return SIZE_MAX;
	return r.pos + (size_t) len;
}

/* The row state: whole, valid, never missing. */
static void
get_state(CvgReader *r, CvgChange *change)
{
	CvgError	err;

	change->state = get_slice(r);
	if (r->status != CVG_OK)
		return;
	if (change->state.len == 0)
		r->status = CVG_E_MALFORMED;
	else if (cvg_rowstate_validate(change->state, &err) != CVG_OK)
	{
		r->status = err.status;
		r->pos = r->pos - change->state.len + err.offset;
	}
}

/* The key values, of which none can be null. */
static void
get_key(CvgReader *r, const CvgDescriptor *desc, CvgChange *change)
{
	size_t		start = r->pos;
	int			i;

	change->nkeys = desc->nkeys;
	for (i = 0; i < desc->nkeys; i++)
	{
		change->keys[i] = get_value(r);
		if (r->status != CVG_OK)
			return;
		if (change->keys[i].kind == CVG_VALUE_NULL)
		{
			r->status = CVG_E_MALFORMED;
			return;
		}
	}
	change->key = cvg_slice(r->data + start, r->pos - start);
}

/*
 * (index, value) pairs in strictly ascending order of index, all below
 * "limit".  Returns how many; the arrays have room for CVG_MAX_COLUMNS.
 */
static int
get_columns(CvgReader *r, int limit, int *cols, CvgValue *values)
{
	int			n = (int) cvg_get_varint_max(r, (uint64) limit);
	int			last = -1;
	int			i;

	for (i = 0; i < n; i++)
	{
		uint64		col = get_varint(r);

		if (unlikely(r->status != CVG_OK))
			return 0;
		if (unlikely(col >= (uint64) limit))
		{
			r->status = CVG_E_LIMIT;
			return 0;
		}
		if (unlikely((int) col <= last))
		{
			r->status = CVG_E_NOT_CANONICAL;
			return 0;
		}
		last = cols[i] = (int) col;
		values[i] = get_value(r);
	}
	return r->status == CVG_OK ? n : 0;
}

/*
 * May the columns of a change be there?  Generated ones never; key columns
 * only in an INSERT, and only with the value they have in the key.
 */
static bool
columns_allowed(const CvgDescriptor *desc, const CvgChange *change)
{
	int			i;

	if (change->op == CVG_OP_DELETE)
		return change->ncolumns == 0;
	for (i = 0; i < change->ncolumns; i++)
	{
		const CvgColumn *col = &desc->columns[change->cols[i]];
		const CvgValue *key;

		if (col->flags & CVG_COL_GENERATED)
			return false;
		if (col->keypos == 0)
			continue;
		if (change->op != CVG_OP_INSERT)
			return false;
		key = &change->keys[col->keypos - 1];
		if (key->kind != change->values[i].kind ||
			!cvg_slice_eq(key->bytes, change->values[i].bytes))
			return false;
	}
	return true;
}

/* What follows the length; the reader ends where the change does. */
static void
get_change(CvgReader *r, const CvgDescriptor *const *descs, int ndescs,
		   CvgChange *change)
{
	uint64		head = get_varint(r);
	uint64		index = head >> 2;
	char		op = op_codes[head & 3];
	const CvgDescriptor *desc;

	if (r->status != CVG_OK)
		return;
	if (op == 0 || index >= (uint64) ndescs)
	{
		r->status = CVG_E_MALFORMED;
		return;
	}
	desc = descs[index];
	change->op = (CvgOp) op;
	change->descriptor = (int) index;
	get_state(r, change);
	if (r->status == CVG_OK)
		get_key(r, desc, change);
	change->back = 0;
	change->has_back = desc->merges && op != CVG_OP_INSERT;
	if (r->status == CVG_OK && change->has_back)
	{
		uint64		back = get_varint(r);

		if (back > PG_INT64_MAX)
			r->status = CVG_E_MALFORMED;
		change->back = (CvgStamp) back;
	}
	if (r->status == CVG_OK)
		change->ncolumns = get_columns(r, desc->ncolumns, change->cols,
									   change->values);
	if (r->status == CVG_OK && r->pos != r->len)
		r->status = CVG_E_TRAILING;
	if (r->status == CVG_OK && !columns_allowed(desc, change))
		r->status = CVG_E_MALFORMED;
}

/*
 * On failure the reader has failed as well, at the offending byte, and the
 * change holds nothing of use.
 */
CvgStatus
cvg_change_decode(CvgReader *r, const CvgDescriptor *const *descs,
				  int ndescs, CvgChange *change, CvgError *err)
{
	CvgSlice	rest = get_slice(r);
	CvgReader	inner;

	change->ncolumns = change->nkeys = 0;
	change->back = 0;
	change->has_back = false;
	change->key = cvg_slice(NULL, 0);
	if (r->status != CVG_OK)
		return cvg_fail(err, r->status, r->pos);
	cvg_reader_init(&inner, rest);
	get_change(&inner, descs, ndescs, change);
	if (inner.status != CVG_OK)
	{
		r->pos = r->pos - rest.len + inner.pos;
		r->status = inner.status;
		return cvg_fail(err, r->status, r->pos);
	}
	return CVG_OK;
}

/* ----------
 * Bodies
 * ----------
 */

/*
 * Which optional parts are there follows from the clocks; of body->flags only
 * CVG_BODY_SPILLED is looked at.  hashes may be NULL if body->hashes is set,
 * as in a decoded body.
 */
void
cvg_body_encode(const CvgBody *body, const uint64 *hashes, CvgBuf *out)
{
	bool		deps = body->deps.len > EMPTY_CLOCK_SIZE;
	bool		stable = body->stable.len > EMPTY_CLOCK_SIZE;
	bool		moved = body->moved.len > EMPTY_CLOCK_SIZE;
	bool		spilled = (body->flags & CVG_BODY_SPILLED) != 0;
	int			i;

	reserve(out, 2 + 8 * MAX_VARINT_SIZE + body->deps.len + body->stable.len + body->moved.len +
			(size_t) body->ndescriptors * 8 + body->changes.len);
	cvg_put_u8(out, CVG_BODY_VERSION << VERSION_SHIFT |
			   (spilled ? CVG_BODY_SPILLED : 0) |
			   (deps ? CVG_BODY_DEPS : 0) | (stable ? CVG_BODY_STABLE : 0) |
			   (moved ? CVG_BODY_MOVED : 0));
	cvg_put_varint(out, (uint64) body->horizon_lag);
	if (deps)
		cvg_put_slice(out, body->deps);
	if (stable)
		cvg_put_slice(out, body->stable);
	if (moved)
		cvg_put_slice(out, body->moved);
	cvg_put_varint(out, (uint64) body->ndescriptors);
	for (i = 0; i < body->ndescriptors; i++)
		cvg_put_u64(out, hashes != NULL ? hashes[i] : cvg_body_hash(body, i));
	cvg_put_varint(out, body->nchanges);
	if (spilled)
	{
		cvg_put_varint(out, (uint64) body->nparts);
		cvg_put_varint(out, (uint64) body->total_bytes);
		cvg_put_u32(out, body->parts_seal);
	}
	else
		cvg_put_bytes(out, body->changes.data, body->changes.len);
}

void
cvg_body_set_lag(CvgBuf *body, int64 lag)
{
	uint8		bytes[MAX_VARINT_SIZE];
	size_t		n = (size_t) (store_varint(bytes, (uint64) lag) - bytes);

	Assert(body->len > LAG_OFFSET && body->data[LAG_OFFSET] == 0);
	reserve(body, n - 1);
	memmove(body->data + LAG_OFFSET + n, body->data + LAG_OFFSET + 1,
			body->len - LAG_OFFSET - 1);
	memcpy(body->data + LAG_OFFSET, bytes, n);
	body->len += n - 1;
}

size_t
cvg_sealed_body_size(const CvgBuf *body, int64 lag)
{
	uint8		bytes[MAX_VARINT_SIZE];

	return body->len - 1 + (size_t) (store_varint(bytes, (uint64) lag) - bytes) +
		SEAL_SIZE;
}

/* A clock that is only there when it has entries. */
static CvgSlice
get_clock(CvgReader *r)
{
	CvgSlice	clock = get_slice(r);
	CvgError	err;

	if (r->status != CVG_OK)
		return clock;
	if (clock.len <= EMPTY_CLOCK_SIZE)
		r->status = CVG_E_NOT_CANONICAL;
	else if (cvg_vclock_validate(clock, &err) != CVG_OK)
	{
		r->status = err.status;
		r->pos = r->pos - clock.len + err.offset;
	}
	return clock;
}

/*
 * The changes of a body that is not spilled, up to its end: as many as it
 * says, judged by their lengths.
 */
static void
get_changes(CvgReader *r, CvgBody *body)
{
	CvgSlice	left = cvg_slice(r->data + r->pos, r->len - r->pos);
	uint64		n = body->nchanges;

	body->changes = left;
	for (; n > 0; n--)
	{
		size_t		size = cvg_change_size(left);

		if (size == 0 || size > left.len)
		{
			cvg_reader_fail(r, CVG_E_TRUNCATED);
			return;
		}
		if (size < MIN_CHANGE_SIZE)
		{
			cvg_reader_fail(r, CVG_E_MALFORMED);
			return;
		}
		left.data += size;
		left.len -= size;
		r->pos += size;
	}
	/* bytes after the last change are for the caller to find */
}

/* Number, size and seal of the parts of a spilled body; none of them is empty. */
static void
get_parts(CvgReader *r, CvgBody *body)
{
	body->nparts = (int64) cvg_get_varint_max(r, PG_INT64_MAX);
	body->total_bytes = (int64) cvg_get_varint_max(r, PG_INT64_MAX);
	body->parts_seal = cvg_get_u32(r);
	if (r->status != CVG_OK)
		return;
	if (body->nparts < 1 || body->nparts > body->total_bytes ||
		body->nchanges < 1 ||
		body->nchanges > (uint64) body->total_bytes / MIN_CHANGE_SIZE)
		r->status = CVG_E_MALFORMED;
}

/*
 * The changes themselves are checked one by one by cvg_change_decode(), which
 * needs the descriptors.
 */
CvgStatus
cvg_body_decode(CvgSlice bytes, CvgBody *body, CvgError *err)
{
	CvgReader	r;
	uint8		head;

	memset(body, 0, sizeof(*body));
	cvg_reader_init(&r, bytes);
	head = cvg_get_u8(&r);
	body->flags = head & FLAGS_MASK;
	if (r.status == CVG_OK && (head >> VERSION_SHIFT != CVG_BODY_VERSION ||
							   (body->flags & ~BODY_KNOWN_FLAGS) != 0))
		r.status = CVG_E_VERSION;
	body->horizon_lag = (int64) cvg_get_varint_max(&r, PG_INT64_MAX);
	if (body->flags & CVG_BODY_DEPS)
		body->deps = get_clock(&r);
	if (body->flags & CVG_BODY_STABLE)
		body->stable = get_clock(&r);
	if (body->flags & CVG_BODY_MOVED)
		body->moved = get_clock(&r);
	body->ndescriptors = (int) cvg_get_varint_max(&r, CVG_MAX_DESCRIPTORS);
	body->hashes = cvg_get_bytes(&r, (size_t) body->ndescriptors * 8).data;
	body->nchanges = get_varint(&r);
	if (r.status == CVG_OK)
	{
		if (body->flags & CVG_BODY_SPILLED)
			get_parts(&r, body);
		else
			get_changes(&r, body);
	}
	return cvg_reader_finish(&r, err);
}

/* ----------
 * Seals
 * ----------
 */

/* Split off the seal. */
static CvgStatus
split_seal(CvgSlice *bytes, uint32 *seal, CvgError *err)
{
	CvgReader	r;

	if (bytes->len < SEAL_SIZE)
		return cvg_fail(err, CVG_E_TRUNCATED, bytes->len);
	bytes->len -= SEAL_SIZE;
	cvg_reader_init(&r, cvg_slice(bytes->data + bytes->len, SEAL_SIZE));
	*seal = cvg_get_u32(&r);
	return CVG_OK;
}

void
cvg_seal(CvgBuf *buf, size_t start, uint32 *chain)
{
	*chain = XXH32(buf->data + start, buf->len - start, *chain);
	cvg_put_u32(buf, *chain);
}

CvgStatus
cvg_unseal(CvgSlice *bytes, uint32 *chain, CvgError *err)
{
	uint32		seal;
	CvgStatus	status = split_seal(bytes, &seal, err);

	if (status != CVG_OK)
		return status;
	*chain = XXH32(bytes->data, bytes->len, *chain);
	return seal == *chain ? CVG_OK : cvg_fail(err, CVG_E_CHECKSUM, bytes->len);
}

static uint32
body_seal(const CvgEntryHeader *header, const uint8 *body, size_t len)
{
	uint8		head[2 * MAX_VARINT_SIZE + CVG_MAX_REPLICA_ID];
	uint8	   *p = store_varint(head, (uint64) header->seq);

	Assert(header->origin.len > 0 && header->origin.len <= CVG_MAX_REPLICA_ID);
	p = store_varint(p, (uint64) header->stamp);
	memcpy(p, header->origin.data, header->origin.len);
	return XXH32(head, (size_t) (p - head) + header->origin.len, XXH32(body, len, 0));
}

void
cvg_body_seal(CvgBuf *body, const CvgEntryHeader *header)
{
	cvg_put_u32(body, body_seal(header, body->data, body->len));
}

CvgStatus
cvg_sealed_body_decode(const CvgEntryHeader *header, CvgSlice bytes, CvgBody *body,
					   CvgError *err)
{
	uint32		seal;
	CvgStatus	status = split_seal(&bytes, &seal, err);

	memset(body, 0, sizeof(*body));
	if (status != CVG_OK)
		return status;
	if (seal != body_seal(header, bytes.data, bytes.len))
		return cvg_fail(err, CVG_E_CHECKSUM, bytes.len);
	return cvg_body_decode(bytes, body, err);
}

/* clock := clock joined with one entry; seq 0: as it is. */
static CvgStatus
join_one(CvgSlice *clock, CvgSlice id, int64 seq, CvgBuf *out)
{
	CvgClockEntry entry = {id, seq};
	CvgStatus	status = CVG_OK;
	CvgBuf		one;

	if (seq == 0)
		return CVG_OK;
	cvg_buf_init(&one);
	status = cvg_vclock_from_entries(&entry, 1, &one);
	if (status == CVG_OK)
		status = cvg_vclock_join(*clock, cvg_buf_slice(&one), out);
	if (status == CVG_OK)
		*clock = cvg_buf_slice(out);
	cvg_buf_free(&one);
	return status;
}

CvgStatus
cvg_sealed_body_move(const CvgEntryHeader *former, CvgSlice bytes, CvgSlice later, bool named,
					 int64 kept, CvgBuf *out)
{
	CvgEntryHeader header = *former;
	CvgBody		body;
	CvgBuf		deps;
	CvgBuf		moved;
	CvgStatus	status = cvg_sealed_body_decode(former, bytes, &body, NULL);

	cvg_buf_init(&deps);
	cvg_buf_init(&moved);
	if (status == CVG_OK)
		status = join_one(&body.deps, former->origin, kept, &deps);
	if (status == CVG_OK)
		status = join_one(&body.moved, former->origin, named ? former->seq : 0, &moved);
	if (status == CVG_OK)
	{
		header.origin = later;
		cvg_body_encode(&body, NULL, out);
		cvg_body_seal(out, &header);
	}
	cvg_buf_free(&deps);
	cvg_buf_free(&moved);
	return status;
}

/* Hash of the i-th descriptor of a decoded body. */
uint64
cvg_body_hash(const CvgBody *body, int i)
{
	CvgReader	r;

	Assert(i >= 0 && i < body->ndescriptors);
	cvg_reader_init(&r, cvg_slice(body->hashes + (size_t) i * 8, 8));
	return cvg_get_u64(&r);
}

/* ----------
 * Row images
 * ----------
 */

/* Begin an image; (varint index, value) per column follow. */
void
cvg_image_start(CvgBuf *out, uint64 hash, int ncolumns)
{
	cvg_put_u64(out, hash);
	cvg_put_varint(out, (uint64) ncolumns);
}

/* Whether the columns exist is known only with the descriptor. */
CvgStatus
cvg_image_decode(CvgSlice bytes, CvgImage *image, CvgError *err)
{
	CvgReader	r;

	cvg_reader_init(&r, bytes);
	image->hash = cvg_get_u64(&r);
	image->ncolumns = get_columns(&r, CVG_MAX_COLUMNS, image->cols,
								  image->values);
	return cvg_reader_finish(&r, err);
}
