/*-------------------------------------------------------------------------
 *
 * buf.c
 *	  Growable writer and bounds-checked reader.
 *
 *-------------------------------------------------------------------------
 */
#include "core/buf.h"

/* what the backend's allocator gives at most in one piece */
#define CVG_BUF_MAX_SIZE	((size_t) 0x3fffffff)

#define CVG_BUF_FIRST_SIZE	64

void
cvg_buf_init(CvgBuf *buf)
{
	buf->data = palloc(CVG_BUF_FIRST_SIZE);
	buf->len = 0;
	buf->size = CVG_BUF_FIRST_SIZE;
}

void
cvg_buf_reset(CvgBuf *buf)
{
	buf->len = 0;
}

void
cvg_buf_free(CvgBuf *buf)
{
	if (buf->data != NULL)
		pfree(buf->data);
	buf->data = NULL;
	buf->len = buf->size = 0;
}

/*
 * Make room for "more" bytes.  Doubles, so that appending is amortised O(1);
 * the allocator raises its own error beyond 1 GiB.
 */
void
cvg_buf_grow(CvgBuf *buf, size_t more)
{
	size_t		need = buf->len + more;
	size_t		size = buf->size;

	if (need <= size)
		return;
	if (size < CVG_BUF_FIRST_SIZE)
		size = CVG_BUF_FIRST_SIZE;
	while (size < need)
		size = size * 2;
#ifndef FRONTEND
	/* values of up to 1 GiB - 1 must fit: do not let doubling refuse them */
	if (size > CVG_BUF_MAX_SIZE && need <= CVG_BUF_MAX_SIZE)
		size = CVG_BUF_MAX_SIZE;
#endif
	buf->data = repalloc(buf->data, size);
	buf->size = size;
}

void
cvg_put_varint(CvgBuf *buf, uint64 v)
{
	uint8	   *p;

	if (buf->len + 10 > buf->size)
		cvg_buf_grow(buf, 10);
	p = buf->data + buf->len;
	while (v >= 0x80)
	{
		*p++ = (uint8) (v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8) v;
	buf->len = p - buf->data;
}

void
cvg_put_bytes(CvgBuf *buf, const void *data, size_t len)
{
	if (len == 0)
		return;
	if (buf->len + len > buf->size)
		cvg_buf_grow(buf, len);
	memcpy(buf->data + buf->len, data, len);
	buf->len += len;
}

void
cvg_put_slice(CvgBuf *buf, CvgSlice s)
{
	cvg_put_varint(buf, s.len);
	cvg_put_bytes(buf, s.data, s.len);
}

void
cvg_put_u32(CvgBuf *buf, uint32 v)
{
	uint8		b[4];

	b[0] = (uint8) (v >> 24);
	b[1] = (uint8) (v >> 16);
	b[2] = (uint8) (v >> 8);
	b[3] = (uint8) v;
	cvg_put_bytes(buf, b, 4);
}

void
cvg_put_u64(CvgBuf *buf, uint64 v)
{
	cvg_put_u32(buf, (uint32) (v >> 32));
	cvg_put_u32(buf, (uint32) v);
}

/* Is there room for n more bytes?  If not, fail the reader. */
static bool
reader_need(CvgReader *r, size_t n)
{
	if (r->status != CVG_OK)
		return false;
	if (r->len - r->pos < n)
	{
		r->status = CVG_E_TRUNCATED;
		return false;
	}
	return true;
}

uint8
cvg_get_u8(CvgReader *r)
{
	if (!reader_need(r, 1))
		return 0;
	return r->data[r->pos++];
}

uint32
cvg_get_u32(CvgReader *r)
{
	const uint8 *p;

	if (!reader_need(r, 4))
		return 0;
	p = r->data + r->pos;
	r->pos += 4;
	return ((uint32) p[0] << 24) | ((uint32) p[1] << 16) |
		((uint32) p[2] << 8) | (uint32) p[3];
}

uint64
cvg_get_u64(CvgReader *r)
{
	uint64		hi = cvg_get_u32(r);

	return (hi << 32) | cvg_get_u32(r);
}

/* The reader stands behind the last byte looked at, also on failure. */
uint64
cvg_get_varint(CvgReader *r)
{
	uint64		v = 0;
	int			shift;

	if (r->status != CVG_OK)
		return 0;
	for (shift = 0; r->pos < r->len; shift += 7)
	{
		uint8		b = r->data[r->pos++];

		if (shift == 63 && b > 1)
		{
			r->status = CVG_E_MALFORMED;	/* beyond 64 bits */
			return 0;
		}
		v |= (uint64) (b & 0x7f) << shift;
		if ((b & 0x80) == 0)
		{
			if (b == 0 && shift > 0)
			{
				r->status = CVG_E_NOT_CANONICAL;	/* overlong */
				return 0;
			}
			return v;
		}
	}
	r->status = CVG_E_TRUNCATED;
	return 0;
}

uint64
cvg_get_varint_max(CvgReader *r, uint64 max)
{
	uint64		v = cvg_get_varint(r);

	if (r->status == CVG_OK && v > max)
	{
		r->status = CVG_E_LIMIT;
		return 0;
	}
	return v;
}

CvgSlice
cvg_get_bytes(CvgReader *r, size_t len)
{
	CvgSlice	s = {NULL, 0};

	if (!reader_need(r, len))
		return s;
	s.data = r->data + r->pos;
	s.len = len;
	r->pos += len;
	return s;
}

CvgSlice
cvg_get_slice(CvgReader *r, size_t max)
{
	uint64		len = cvg_get_varint_max(r, max);

	return cvg_get_bytes(r, (size_t) len);
}

CvgSlice
cvg_get_replica_id(CvgReader *r)
{
	CvgSlice	s = cvg_get_slice(r, CVG_MAX_REPLICA_ID);

	if (r->status == CVG_OK && !cvg_replica_id_valid(s))
		r->status = CVG_E_BAD_ID;
	return s;
}

CvgStatus
cvg_reader_finish(CvgReader *r, CvgError *err)
{
	if (r->status == CVG_OK && r->pos != r->len)
		r->status = CVG_E_TRAILING;
	if (r->status != CVG_OK)
		return cvg_fail(err, r->status, r->pos);
	return CVG_OK;
}
