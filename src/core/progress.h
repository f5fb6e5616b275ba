/*-------------------------------------------------------------------------
 *
 * progress.h
 *	  How far an origin is applied here, what S a transaction works with, and
 *	  what of the log may go.
 *
 * Progress of an origin is moved by one transaction at a time; its row, its
 * place in shared memory and the transaction that moves it each have a
 * CvgReached.  A transaction that applies entries takes S as it is published,
 * again before each entry, and joins what the entry says.  What others have
 * published is in their transactions; what an entry brought goes with ours.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_PROGRESS_H
#define CVG_CORE_PROGRESS_H

#include "core/causality.h"
#include "core/entry.h"
#include "core/wire.h"

/* How far one origin is applied. */
typedef struct CvgReached
{
	int64		seq;
	CvgStamp	stamp;			/* of that entry */
	CvgStamp	horizon;
	int64		own_seq;		/* of our entries, what it is known to have had */
} CvgReached;

/* An entry of the origin has been applied; self: our replica id. */
extern void cvg_reached_entry(CvgReached *r, const CvgEntryHeader *header,
							  const CvgBody *body, CvgSlice self);

/*
 * What a transaction came to, where others look: heartbeats may have moved the
 * horizon further meanwhile.
 */
extern void cvg_reached_publish(CvgReached *to, const CvgReached *from);

/* An entry of our own comes back: known, or of a life that we do not remember. */
static inline CvgVerdict
cvg_admit_own(int64 seq, int64 last_seq)
{
	return seq <= last_seq ? CVG_COVERED : CVG_FORKED;
}

/* ---- S in a transaction that applies ---- */

typedef struct CvgStableView
{
	CvgSlice	clock;			/* S as this transaction has it */
	bool		grew;			/* by what entries brought: to be published */
} CvgStableView;

/*
 * Join a clock into the view, whose clock is then the contents of out if that
 * changes anything.  from_entry: an entry says it, else others have published
 * it.  CVG_E_LIMIT if it has too many entries.
 */
extern CvgStatus cvg_stable_adopt(CvgStableView *view, CvgSlice clock, bool from_entry,
								  CvgBuf *out);

/* ---- the log ---- */

/*
 * Floor: the largest seq of an origin that may no longer be in the log.  Entries
 * after "position" are all there, as far as they were ever, only if:
 */
static inline bool
cvg_floor_serves(int64 floor, int64 position)
{
	return position >= floor;
}

/* What a part of the log holds of one origin. */
typedef struct CvgHeld
{
	int64		last;			/* largest seq, 0: nothing */
	CvgStamp	stamp;			/* of that */
	int64		acknowledged;	/* every member has entries up to it */
} CvgHeld;

/*
 * May that part go?  When everybody has it; or all of it is from before
 * "oldest"; or the log takes too much room.
 */
extern bool cvg_log_may_go(const CvgHeld *held, int n, CvgStamp oldest, bool too_large);

/*
 * The log is a ring of segments: whatever is full or too large, the current one
 * is left for the next, which is emptied for that, no sooner than so long
 * after the last time.  So nothing goes that has come in less than one round
 * but one turn ago; core/incarnation.h says who relies on that.
 */
#define CVG_LOG_TURN_US		INT64CONST(2000000)

/* turned_at: when it was left last, by this process; 0 right after its start. */
static inline bool
cvg_log_may_turn(CvgStamp *turned_at, CvgStamp now, int64 turn)
{
	if (*turned_at == 0 || *turned_at > now)
		*turned_at = now;
	return now - *turned_at >= turn;
}

#endif							/* CVG_CORE_PROGRESS_H */
