/*-------------------------------------------------------------------------
 *
 * incarnation.h
 *	  What a node that goes on under a new replica id knows of its former self.
 *
 * Its log may end in a way that the log of a living node never does.  Commit
 * records are not in the order of seqs: where the end of the WAL was lost (a
 * promoted standby, a restored backup) entry n + 1 can be here, and n with
 * some peer only.  Progress of n + 1 would say that n is here too, and it
 * would never come back.  Or the node was set back without noticing, and wrote
 * other entries under the numbers of those it had lost.
 *
 * So the history of the former self ends at the last seq that is certain, and
 * what is here above it goes on as entries of the new incarnation, after it.
 * Peers that have these already merge them to nothing; what comes back from
 * them of the former self is merged to nothing where it is here.
 *
 * Certain is what a peer is known to have had of us ("confirmed"): an entry is
 * told only after all before it have ended and were flushed, and the note that
 * it was confirmed is later in the WAL than all of that.  A note that is
 * behind costs some entries more under the new id.  When a peer has shown that
 * it knows more of us than we do, only what was confirmed before this start is
 * certain: since then others may have confirmed what was written instead.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_INCARNATION_H
#define CVG_CORE_INCARNATION_H

#include "core/base.h"

/*
 * floor: seq up to which the log was cut, because everybody has that;
 * boot_seq: the last own entry when this life began.
 */
static inline int64
cvg_past_certain(int64 floor, int64 confirmed, int64 boot_seq, bool claimed)
{
	return Max(floor, claimed ? Min(confirmed, boot_seq) : confirmed);
}

/*
 * Does a peer that has our entries up to "progress" have some that we lack?
 * claimed: the largest such progress that was seen in this life, 0 if none.
 * The claim stands until the node has another id, however many entries it
 * writes meanwhile: they are not the ones.
 */
static inline bool
cvg_past_is_claimed(int64 progress, int64 last_seq, int64 claimed)
{
	return progress > last_seq || claimed != 0;
}

#endif							/* CVG_CORE_INCARNATION_H */
