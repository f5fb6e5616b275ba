/*-------------------------------------------------------------------------
 *
 * wire.h
 *	  Messages between two nodes.  They travel as bytea arguments and result
 *	  rows of converge.hello(), converge.pull() and converge.fetch(), in
 *	  libpq's binary format.
 *
 * hello:     both sides say who they are; see CvgHello.
 * pull:      request (CvgRequest) -> rows, each one message:
 *	  'D' descriptor   bytes | u32 seal: their XXH32
 *	  'E' entries      (entry header | slice body)*
 *	  'P' part         entry header | varint part | bytes: of the spilled entry
 *	                   that is the last of the 'E' before it, in order; only
 *	                   if the request wants them
 *	  'H' head         CvgHead; always the last row, and the only row with it
 * A response may stop anywhere between entries; the next request tells the
 * server where to go on, so nothing is remembered between pulls but which
 * descriptors and reports this connection has been sent.
 *
 * A spilled entry ends a response.  First it comes without its parts, so that
 * they are not sent for nothing when the requester cannot apply it yet.
 *
 * What arrives damaged is refused: entries, their heads, parts and descriptors
 * by their seals.  Greetings, requests, heads of answers and fetched rows have
 * none; what they say is checked for form, and for the rest relies on the
 * connection.
 *
 * A request acknowledges: what its progress covers is durable at the sender.
 * Its position may be ahead of that, so that a requester can ask for more
 * while it still applies what it has; position acknowledges nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_WIRE_H
#define CVG_CORE_WIRE_H

#include "core/buf.h"
#include "core/entry.h"
#include "core/vclock.h"

#define CVG_PROTOCOL_VERSION	1

/* Sizes refused by decoders: a hostile count must not become an allocation. */
#define CVG_MAX_REPORTS			1024
#define CVG_MAX_BODY			(1024 * 1024 * 1024 - 4096)

/* Who is speaking, and about what. */
typedef struct CvgHello
{
	uint32		protocol;
	CvgSlice	node_name;
	CvgSlice	replica_id;
	uint64		boot_id;		/* random per server start and database */
	CvgStamp	now;			/* wall clock of the sender */
	int64		last_seq;		/* of its own origin, 0 if none */
	CvgSlice	progress;		/* vclock of seqs */
	CvgSlice	past;			/* vclock of seqs: of its former selves, it brings what they
								 * wrote up to here; see core/incarnation.h */
	CvgSlice	version;		/* extension version, for people */
} CvgHello;

/*
 * What one member said of itself: how far it is, and up to where its own
 * writes are complete.  Reports are gossiped: any node passes on the latest
 * one (largest generation) that it has of each member.
 */
typedef struct CvgReport
{
	CvgSlice	node_name;
	CvgSlice	replica_id;
	int64		generation;		/* stamp at which it was made; orders reports */
	int64		last_seq;		/* own seqs taken so far, committed or not */
	CvgSlice	progress;		/* durable: vclock of seqs */
	CvgSlice	horizon;		/* durable: vclock of stamps, own origin included */
	uint64		obituaries;		/* sum of hashes of the obituaries it knows */
	uint8		flags;
} CvgReport;

#define CVG_REPORT_FORGOTTEN	0x01	/* member was removed; the report is its obituary */
#define CVG_REPORT_PARTIAL		0x02	/* its progress names more origins than whoever passes it on knows */

typedef enum CvgWant
{
	CVG_WANT_OWN = 0,			/* the server's own origin only */
	CVG_WANT_EXCEPT = 1			/* all origins but those listed and the requester's own */
} CvgWant;

typedef struct CvgRequest
{
	uint32		protocol;
	CvgSlice	replica_id;		/* of the requester */
	uint64		boot_id;
	CvgWant		want;
	int			nexcept;
	CvgSlice   *except;			/* replica ids; palloc'ed by decode */
	int64		max_bytes;		/* soft limit of one response */
	int			wait_ms;		/* long poll at most that long */
	CvgSlice	progress;		/* vclock of seqs; durable */
	CvgSlice	position;		/* vclock of seqs received; where it exceeds progress, go on after it */
	CvgSlice	parts;			/* vclock of seqs: of these spilled entries the parts are wanted */
	CvgStamp	anchor_stamp;	/* of the server's own entry at progress, 0 unknown: same history? */
	int			nreports;
	CvgReport  *reports;		/* the requester's own first; palloc'ed by decode */
} CvgRequest;

typedef struct CvgHead
{
	CvgStamp	now;
	bool		more;			/* stopped at a limit: ask again at once */
	CvgSlice	progress;		/* what the server has, own origin included */
	int			nreports;
	CvgReport  *reports;		/* the server's own first */
} CvgHead;

extern void cvg_hello_encode(const CvgHello *hello, CvgBuf *out);
extern CvgStatus cvg_hello_decode(CvgSlice bytes, CvgHello *hello, CvgError *err);

extern void cvg_request_encode(const CvgRequest *req, CvgBuf *out);
extern CvgStatus cvg_request_decode(CvgSlice bytes, CvgRequest *req, CvgError *err);

extern void cvg_head_encode(const CvgHead *head, CvgBuf *out);	/* with its 'H' */
extern CvgStatus cvg_head_decode(CvgSlice bytes, CvgHead *head, CvgError *err);

extern void cvg_entry_header_encode(const CvgEntryHeader *h, CvgBuf *out);
extern CvgStatus cvg_entry_header_decode(CvgReader *r, CvgEntryHeader *h);

/* Next entry of an 'E' message (reader past the tag).  false at the end or on error. */
extern bool cvg_entries_next(CvgReader *r, CvgEntryHeader *h, CvgSlice *body);

extern void cvg_report_encode(const CvgReport *report, CvgBuf *out);
extern CvgStatus cvg_report_decode(CvgReader *r, CvgReport *report);

/*
 * fetch: the whole state of one row.  Request: u8 version | slice schema |
 * slice table | slice key bytes.  Answer: u8 version | u8 found (0 absent,
 * 1 live, 2 tombstone) | slice state | slice image | slice descriptor |
 * slice stable.  What the peer's stable clock covers counts as absent there,
 * so the answer may be without a tombstone that the asker still has.
 */
typedef struct CvgFetchRequest
{
	CvgSlice	schema;
	CvgSlice	table;
	CvgSlice	key;			/* key values as in a change; birth bytes if keyless */
} CvgFetchRequest;

typedef struct CvgFetchAnswer
{
	int			found;
	CvgSlice	state;
	CvgSlice	image;
	CvgSlice	descriptor;
	CvgSlice	stable;			/* vclock of stamps */
} CvgFetchAnswer;

extern void cvg_fetch_request_encode(const CvgFetchRequest *req, CvgBuf *out);
extern CvgStatus cvg_fetch_request_decode(CvgSlice bytes, CvgFetchRequest *req, CvgError *err);
extern void cvg_fetch_answer_encode(const CvgFetchAnswer *ans, CvgBuf *out);
extern CvgStatus cvg_fetch_answer_decode(CvgSlice bytes, CvgFetchAnswer *ans, CvgError *err);

#endif							/* CVG_CORE_WIRE_H */
