/*-------------------------------------------------------------------------
 *
 * buf.h
 *	  Growable writer and bounds-checked reader for every binary format.
 *
 * Integers are big-endian; varints are unsigned LEB128 and must be minimal.
 * A reader never reads past its end: the first failure sticks in its status,
 * later calls return zeros, so that a decoder may check once at the end of a
 * group of fields (but before it trusts a count or a length).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_BUF_H
#define CVG_CORE_BUF_H

#include "core/base.h"

/* Growable byte buffer; data is palloc'ed in the context current at init. */
typedef struct CvgBuf
{
	uint8	   *data;
	size_t		len;
	size_t		size;
} CvgBuf;

/* Cursor over borrowed bytes. */
typedef struct CvgReader
{
	const uint8 *data;
	size_t		len;
	size_t		pos;
	CvgStatus	status;			/* first failure, CVG_OK until then */
} CvgReader;

extern void cvg_buf_init(CvgBuf *buf);
extern void cvg_buf_reset(CvgBuf *buf);
extern void cvg_buf_free(CvgBuf *buf);
extern void cvg_buf_grow(CvgBuf *buf, size_t more);
extern void cvg_put_varint(CvgBuf *buf, uint64 v);
extern void cvg_put_bytes(CvgBuf *buf, const void *data, size_t len);

/* varint length, then the bytes */
extern void cvg_put_slice(CvgBuf *buf, CvgSlice s);
extern void cvg_put_u32(CvgBuf *buf, uint32 v);
extern void cvg_put_u64(CvgBuf *buf, uint64 v);

extern uint8 cvg_get_u8(CvgReader *r);
extern uint32 cvg_get_u32(CvgReader *r);
extern uint64 cvg_get_u64(CvgReader *r);
extern uint64 cvg_get_varint(CvgReader *r);

/* A varint that must fit 0..max; larger sets CVG_E_LIMIT and returns 0. */
extern uint64 cvg_get_varint_max(CvgReader *r, uint64 max);

/* len bytes in place; NULL data on failure. */
extern CvgSlice cvg_get_bytes(CvgReader *r, size_t len);

/* varint length and that many bytes, length at most max. */
extern CvgSlice cvg_get_slice(CvgReader *r, size_t max);

/* A replica id: length-prefixed slice that passes cvg_replica_id_valid(). */
extern CvgSlice cvg_get_replica_id(CvgReader *r);

/* Sets CVG_E_TRAILING unless everything was read; returns the status. */
extern CvgStatus cvg_reader_finish(CvgReader *r, CvgError *err);

static inline void
cvg_reader_init(CvgReader *r, CvgSlice s)
{
	r->data = s.data;
	r->len = s.len;
	r->pos = 0;
	r->status = CVG_OK;
}

static inline bool
cvg_reader_ok(const CvgReader *r)
{
	return r->status == CVG_OK;
}

static inline bool
cvg_reader_at_end(const CvgReader *r)
{
	return r->pos >= r->len;
}

static inline void
cvg_reader_fail(CvgReader *r, CvgStatus status)
{
	if (r->status == CVG_OK)
		r->status = status;
}

static inline void
cvg_put_u8(CvgBuf *buf, uint8 v)
{
	if (buf->len + 1 > buf->size)
		cvg_buf_grow(buf, 1);
	buf->data[buf->len++] = v;
}

static inline CvgSlice
cvg_buf_slice(const CvgBuf *buf)
{
	return cvg_slice(buf->data, buf->len);
}

#endif							/* CVG_CORE_BUF_H */
