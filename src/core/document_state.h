/*-------------------------------------------------------------------------
 *
 * document_state.h
 *	  A document (document.h) taken apart: what its files share.
 *
 *	  document.c		state and bytes
 *	  document_merge.c	merge, delta
 *	  document_order.c	order of the text
 *	  document_edit.c	reads, updates
 *	  document_text.c	text form
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_DOCUMENT_STATE_H
#define CVG_CORE_DOCUMENT_STATE_H

#include "core/document.h"

/* Characters of one write: no more than bytes in a value. */
#define CVG_DOC_MAX_CHARS	((uint32) CVG_CRDT_MAX_BYTES)

typedef enum CvgDocPlace
{
	CVG_DOC_START = 0,			/* stored, as is 3 for "typed" */
	CVG_DOC_AFTER = 1,
	CVG_DOC_BEFORE = 2
} CvgDocPlace;

/* Characters inserted side by side, and the one that the first hangs on. */
typedef struct CvgDocHunk
{
	CvgStamp	stamp;			/* parent; 0 at the start */
	uint32		offset;
	int			replica;
	uint32		len;
	CvgDocPlace place;
} CvgDocHunk;

/* Offsets from .. to - 1 of a write. */
typedef struct CvgDocRange
{
	uint32		from;
	uint32		to;
} CvgDocRange;

/* What one update inserted, and which of it is deleted. */
typedef struct CvgDocWrite
{
	CvgStamp	stamp;
	int			replica;		/* index into ids */
	uint32		len;			/* of all hunks */
	int			hunk;			/* first of nhunks; none: not in the value */
	int			nhunks;
	int			dead;			/* first of ndead, which may be beyond len */
	int			ndead;
	CvgSlice	text;			/* of what is not deleted; borrowed */
} CvgDocWrite;

typedef struct CvgDoc
{
	CvgSlice   *ids;			/* ascending; borrowed */
	int			nids;
	CvgDocWrite *writes;		/* ascending by replica, stamp */
	int			nwrites;
	int			max_writes;
	CvgDocHunk *hunks;
	int			nhunks;
	int			max_hunks;
	CvgDocRange *dead;
	int			ndead;
	int			max_dead;
	CvgBuf	   *texts;			/* buffers that texts point into */
	int			ntexts;
	int			max_texts;
} CvgDoc;

extern void cvg_doc_init(CvgDoc *doc);
extern void cvg_doc_free(CvgDoc *doc);

/*
 * Add to the write that was begun last.  Hunks come before ranges; ranges
 * ascend, those that touch become one.
 */
extern void cvg_doc_begin_write(CvgDoc *doc, int replica, CvgStamp stamp);
extern void cvg_doc_add_hunk(CvgDoc *doc, const CvgDocHunk *hunk);
extern void cvg_doc_add_dead(CvgDoc *doc, uint32 from, uint32 to);

/* A buffer for texts that lives as long as the document; begin empty. */
extern CvgBuf *cvg_doc_add_text(CvgDoc *doc);

/* Read a body; what is wrong goes into the reader's status. */
extern void cvg_doc_read(CvgReader *r, CvgDoc *doc);
extern void cvg_doc_write(const CvgDoc *doc, CvgBuf *out);
extern void cvg_doc_merge(const CvgDoc *a, const CvgDoc *b, CvgDoc *out);
extern void cvg_doc_delta(const CvgDoc *old, const CvgDoc *new, CvgDoc *delta);

/* Index of a write, -1 if there is none. */
extern int	cvg_doc_find(const CvgDoc *doc, int replica, CvgStamp stamp);

/* Does the first hunk of a write hang on the end of the one before it? */
extern bool cvg_doc_hunk_follows(const CvgDoc *doc, int write,
								 const CvgDocHunk *hunk);

/* Characters of a write that are not deleted. */
extern uint32 cvg_doc_live(const CvgDoc *doc, const CvgDocWrite *w);

/* The text of a valid body as in the SQL cast. */
extern void cvg_doc_plain(const CvgDoc *doc, CvgBuf *out);

/* Text form (CvgCrdtOps). */
extern void cvg_doc_print(CvgReader r, CvgBuf *out);
extern void cvg_doc_parse(CvgScanner *s, CvgBuf *out);

/* Does a text begin with document "..." { or an end within that? */
extern bool cvg_doc_looks_like_state(CvgSlice text);

/* Plain assignment and plain form (CvgCrdtOps). */
extern CvgStatus cvg_doc_assign(CvgSlice old, CvgSlice new,
								CvgDotSupply *dots, CvgBuf *out);
extern CvgStatus cvg_doc_parse_plain(CvgScanner *s, CvgDotSupply *dots,
									 CvgBuf *out);

/* Arrays that may pass 1 GB, as a value of many small writes needs. */
extern void *cvg_doc_alloc(size_t n, size_t width);	/* one more, zeroed */
extern void *cvg_doc_reserve(void *array, int used, int *max, uint64 more,
							 size_t width);
extern void *cvg_doc_grow(void *array, int used, int *max, size_t width);

#define CVG_DOC_PUSH(array, n, max) \
	((n) < (max) ? &(array)[(n)++] : \
	 (((array) = cvg_doc_grow((array), (n), &(max), sizeof(*(array)))), \
	  &(array)[(n)++]))

/* Bytes of the UTF-8 character that begins with this byte. */
static inline int
cvg_utf8_len(uint8 lead)
{
	return lead < 0x80 ? 1 : (lead < 0xe0 ? 2 : (lead < 0xf0 ? 3 : 4));
}

/* Number of characters, -1 if it is not UTF-8 or contains a NUL. */
extern int64 cvg_utf8_count(CvgSlice s);

/* Past so many characters of valid text. */
static inline const uint8 *
cvg_utf8_skip(const uint8 *p, uint32 chars)
{
	while (chars-- > 0)
		p += cvg_utf8_len(*p);
	return p;
}

#endif							/* CVG_CORE_DOCUMENT_STATE_H */
