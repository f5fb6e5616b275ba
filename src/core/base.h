/*-------------------------------------------------------------------------
 *
 * base.h
 *	  What every core file stands on: the backend/frontend switch, status
 *	  codes, byte slices, limits.
 *
 * Core is the part of pg_converge that a simulator, a fuzzer and a unit test
 * can run: it reads no clock, no GUC, no catalog, raises no error and knows
 * no Datum.  Time, randomness, node names and policy come in as arguments;
 * failures go out as a CvgStatus.  The same files are compiled twice: into
 * the extension, and with -DFRONTEND for the programs below test/.
 *
 * Memory: core allocates with palloc/pfree, which exist on both sides.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_BASE_H
#define CVG_CORE_BASE_H

#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

/* A replica id is 1..CVG_MAX_REPLICA_ID bytes of valid UTF-8 or ASCII. */
#define CVG_MAX_REPLICA_ID	63

/* Upper bound of entries in one vector clock. */
#define CVG_MAX_CLOCK		10000

/*
 * Microseconds since 2000-01-01 of a hybrid logical clock; always > 0 in a
 * dot.  The same epoch and unit as timestamptz.
 */
typedef int64 CvgStamp;

/*
 * Outcome of a core function that can fail.  cvg_status_message() has the
 * text; the SQL layer maps it to an SQLSTATE (src/errors.h).
 */
typedef enum CvgStatus
{
	CVG_OK = 0,
	CVG_E_TRUNCATED,			/* input ends too early */
	CVG_E_TRAILING,				/* bytes after the end */
	CVG_E_VERSION,				/* version byte not known here */
	CVG_E_MALFORMED,			/* a length, tag or flag is impossible */
	CVG_E_NOT_CANONICAL,		/* not sorted, duplicate, zero, overlong */
	CVG_E_LIMIT,				/* more than the format allows */
	CVG_E_OVERFLOW,				/* arithmetic left the int64 range */
	CVG_E_BAD_ID,				/* replica id empty, too long, bad bytes */
	CVG_E_SYNTAX,				/* text form is not readable */
	CVG_E_DUPLICATE,			/* the same name twice in a text form */
	CVG_E_FORBIDDEN,			/* understood, but not allowed */
	CVG_E_CHECKSUM				/* bytes are not what was written */
} CvgStatus;

/* Where and why decoding stopped.  offset is in bytes from the start. */
typedef struct CvgError
{
	CvgStatus	status;
	size_t		offset;
} CvgError;

/* Borrowed bytes; the owner is whoever made them.  data may be NULL if len is 0. */
typedef struct CvgSlice
{
	const uint8 *data;
	size_t		len;
} CvgSlice;

/* Borrowed identity of one write. */
typedef struct CvgDot
{
	CvgSlice	replica;		/* empty in the null dot */
	CvgStamp	stamp;			/* 0 in the null dot */
} CvgDot;

/* Relation of two clocks. */
typedef enum CvgOrder
{
	CVG_EQUAL = 0,
	CVG_BEFORE,					/* a happens before b: a < b */
	CVG_AFTER,					/* a > b */
	CVG_CONCURRENT
} CvgOrder;

extern const char *cvg_status_message(CvgStatus status);
extern const char *cvg_order_name(CvgOrder order);

/* True when the bytes may serve as a replica id (see base.c for the rule). */
extern bool cvg_replica_id_valid(CvgSlice id);

static inline CvgSlice
cvg_slice(const void *data, size_t len)
{
	CvgSlice	s;

	s.data = (const uint8 *) data;
	s.len = len;
	return s;
}

static inline CvgSlice
cvg_slice_cstring(const char *str)
{
	return cvg_slice(str, strlen(str));
}

/* Byte order, shorter first on a tie: the order of ids in every format. */
static inline int
cvg_slice_cmp(CvgSlice a, CvgSlice b)
{
	size_t		n = a.len < b.len ? a.len : b.len;
	int			c = n > 0 ? memcmp(a.data, b.data, n) : 0;

	if (c != 0)
		return c;
	return a.len < b.len ? -1 : (a.len > b.len ? 1 : 0);
}

static inline bool
cvg_slice_eq(CvgSlice a, CvgSlice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Order of dots: stamp first, then replica id.  The tie-break of every merge. */
static inline int
cvg_dot_cmp(CvgStamp astamp, CvgSlice aid, CvgStamp bstamp, CvgSlice bid)
{
	if (astamp != bstamp)
		return astamp < bstamp ? -1 : 1;
	return cvg_slice_cmp(aid, bid);
}

/* Fill *err (may be NULL) and return the status, for "return cvg_fail(...)". */
static inline CvgStatus
cvg_fail(CvgError *err, CvgStatus status, size_t offset)
{
	if (err != NULL)
	{
		err->status = status;
		err->offset = offset;
	}
	return status;
}

#endif							/* CVG_CORE_BASE_H */
