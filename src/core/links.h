/*-------------------------------------------------------------------------
 *
 * links.h
 *	  Whom a node asks for what, and how it notices that somebody does not
 *	  bring what he was asked for.
 *
 * A node has a link to each of its peers.  An origin that has a link of its
 * own, and one that works, is asked of nobody else: else everything would come
 * as often as there are peers.  All other origins are asked of everybody: who
 * has them is not known.  Two exceptions.  An origin whose next entry has to
 * wait is not asked for (core/blocks.h).  And the origin that it waits for is
 * asked of the same peer, whatever its own link is like: who has applied the
 * entry has what it depends on, while a link that works may bring nothing for
 * as long as it is called healthy.
 *
 * So an origin can be missed in two ways.  Its own link was the only one to
 * be asked, and fails: then the link is no longer healthy after a while, and
 * the others are asked.  Or nobody's log has its next entries any more: then
 * each peer says that it has them, is asked for them, and does not send them.
 * That is a CvgLack, and nothing mends it but a DBA.
 *
 * The next request may be sent before the answer at hand is applied, if the
 * peer has said that there is more.  Its position is what has been received,
 * so what is dropped of that answer comes only once a request without a
 * position follows.  That is at once where nothing more is to come; but a peer
 * that always has more would hide it for ever.  So nothing is asked for ahead
 * while an origin waits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_LINKS_H
#define CVG_CORE_LINKS_H

#include "core/blocks.h"

/* One link, as it is now. */
typedef struct CvgLink
{
	CvgSlice	replica_id;		/* of the peer; empty: not known yet */
	bool		streaming;		/* connected, and it has brought something */
	int64		last_contact;	/* the last complete answer */
} CvgLink;

/* All of them, as the receiver of one sees them; times in microseconds. */
typedef struct CvgLinks
{
	const CvgLink *items;
	int			n;
	int			asked;			/* index of the receiver's own */
	int64		now;
	int64		healthy;		/* a link is healthy if it has brought an answer within that */
} CvgLinks;

/*
 * Origins that a request leaves out.  except has room for one per link and
 * one per block; what is in it points into these.  Returns how many.
 */
extern int	cvg_links_except(const CvgLinks *links, const CvgBlocks *blocks, CvgSlice *except);

/* Does a request leave out this one? */
extern bool cvg_links_leave_out(const CvgLinks *links, const CvgBlocks *blocks, CvgSlice origin);

/* ---- the request ahead ---- */

/*
 * May the next request go out before an answer of so many entries is applied?
 * ends_large: the last one comes without its parts, which are asked for first.
 */
static inline bool
cvg_may_ask_ahead(const CvgBlocks *blocks, bool more, int nentries, bool ends_large)
{
	return more && nentries > 0 && blocks->n == 0 && !ends_large;
}

/* What has been received, by origin. */
typedef struct CvgPosition
{
	int			n;
	CvgClockEntry entries[CVG_MAX_BLOCKED];
} CvgPosition;

/* An entry has been received; each origin's come in their order. */
extern void cvg_position_note(CvgPosition *position, const CvgEntryHeader *header);

/* As the clock that a request has.  CVG_E_BAD_ID if a replica id is none. */
extern CvgStatus cvg_position_clock(CvgPosition *position, CvgBuf *out);

/* A request while an origin waits is not left with the peer for long. */
#define CVG_BLOCKED_POLL_MS	100

/* How long the peer may wait for news before it answers. */
static inline int
cvg_request_wait_ms(const CvgBlocks *blocks, int heartbeat_ms)
{
	return blocks->n > 0 ? Min(CVG_BLOCKED_POLL_MS, heartbeat_ms) : heartbeat_ms;
}

/* ---- what does not come ---- */

/* Entries of an origin that the peer does not send though it was asked to. */
typedef struct CvgLack
{
	char		origin[CVG_MAX_REPLICA_ID + 1]; /* "": nothing is lacking */
	int64		here;			/* its entries are applied up to this */
	int64		there;			/* the peer says it has them up to this */
	int64		needed;			/* up to this at least they are waited for ... */
	char		waiter[CVG_MAX_REPLICA_ID + 1]; /* ... by an entry of this origin, "": none */
	int64		waiter_seq;
	int64		since;
	bool		said;			/* the caller's: the DBA was told */
} CvgLack;

/*
 * Look at what is lacking after an answer to a request without a position,
 * with which the peer had nothing more to send.  theirs: its progress; self:
 * our replica id, whose entries are ours to begin with; progress: ours.  First
 * comes what an entry waits for, then anything else that the peer has.
 * Returns whether nothing of it has come for so long.
 */
extern bool cvg_lack_look(CvgLack *lack, const CvgLinks *links, const CvgBlocks *blocks,
						  CvgSlice theirs, CvgSlice self,
						  CvgProgressFn progress, void *arg, int64 limit);

#endif							/* CVG_CORE_LINKS_H */
