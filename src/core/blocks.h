/*-------------------------------------------------------------------------
 *
 * blocks.h
 *	  Origins whose next entry has to wait: why, until when, and what that
 *	  means for the exchange.
 *
 * A receiver has one list for its peer.  While an origin is in it, none of
 * its entries is applied from this peer and none is asked for: without the
 * one that waits they are of no use.  All others go on.  What an origin waits
 * for decides when it is taken out again:
 *
 *	 a dependency	when it has been applied here, whoever brought it
 *	 the clock		when the entry is no longer too far ahead
 *	 a gap, though the entry was asked for ahead: it follows what was blocked
 *					in the answer before and dropped; at the next request,
 *					which asks for all that is not applied
 *	 a gap or a fork else
 *					after a while: this peer's log lacks something, which
 *					another may have.  The origin itself must have it all;
 *					if the peer is it, that is the end of the exchange
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_BLOCKS_H
#define CVG_CORE_BLOCKS_H

#include "core/causality.h"
#include "core/wire.h"

/* Beyond that, an origin is not noted, and tried with every answer. */
#define CVG_MAX_BLOCKED	64

/* An origin whose next entry cannot be applied yet. */
typedef struct CvgBlocked
{
	char		origin[CVG_MAX_REPLICA_ID + 1];
	int64		seq;			/* of that entry */
	CvgVerdict	why;
	char		missing[CVG_MAX_REPLICA_ID + 1];	/* CVG_WAIT_DEPS: whose entry ... */
	int64		missing_seq;	/* ... up to which seq */
	int64		until;			/* otherwise: not to be asked for before */
} CvgBlocked;

typedef struct CvgBlocks
{
	int			n;
	CvgBlocked	items[CVG_MAX_BLOCKED];
} CvgBlocks;

/* What the caller knows when it blocks an origin; times in microseconds. */
typedef struct CvgBlockRules
{
	CvgSlice	peer;			/* replica id of who sent the entry */
	bool		ahead;			/* it was asked for before the answer before was applied */
	int64		now;
	int64		max_skew;
	int64		broken_retry;	/* a broken history is asked for again so often */
} CvgBlockRules;

/* What the caller has to do about it. */
typedef enum CvgBlockKind
{
	CVG_BLOCK_QUIET = 0,		/* nothing: that happens */
	CVG_BLOCK_CLOCK,			/* somebody's clock is wrong: say so */
	CVG_BLOCK_BROKEN,			/* this peer cannot bring the origin: say so */
	CVG_BLOCK_END				/* the peer cannot bring its own entries: end the exchange */
} CvgBlockKind;

/* The entry is not applied for this reason; missing: of CVG_WAIT_DEPS. */
extern CvgBlockKind cvg_blocks_add(CvgBlocks *blocks, const CvgEntryHeader *header,
								   CvgVerdict verdict, const CvgClockEntry *missing,
								   const CvgBlockRules *rules);

/* The block of an origin, NULL if there is none. */
extern const CvgBlocked *cvg_blocks_find(const CvgBlocks *blocks, CvgSlice origin);

/* Does an origin wait for entries of this one? */
extern bool cvg_blocks_await(const CvgBlocks *blocks, CvgSlice origin);

/* How many wait for a dependency? */
extern int	cvg_blocks_awaiting(const CvgBlocks *blocks);

/*
 * Take out what need not wait any more; progress: committed here.  Returns
 * whether a dependency has arrived.
 */
extern bool cvg_blocks_lift(CvgBlocks *blocks, CvgProgressFn progress, void *arg, int64 now);

#endif							/* CVG_CORE_BLOCKS_H */
