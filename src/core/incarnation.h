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
 * It costs more when others depend on what has moved: the old entry must come
 * back from them first, and they may have cut it from their logs.  A note is
 * behind by about CVG_NOTE_LAG_US at most, and a log keeps what has come in for
 * one round but one turn (progress.h), which is longer.  So the entry is still
 * there for a standby that is promoted while it lags by less than the
 * difference.  Whoever comes later finds that the logs begin after what it
 * wants, as if it had been away too long, and has to join anew.  So it is, too,
 * when the node could not be reached by those who would have confirmed, and all
 * of them went round their logs meanwhile.
 *
 * One loss is not seen: a whole machine is set back to a moment between two such
 * commits, and nobody has anything that came after both.  To its peers it looks
 * like one that has all that they have, and it lacks entry n.
 *
 * What goes on under a new number may have been taken under the old one.  Were
 * it merged again, a row that all have deleted since, and whose tombstone
 * all have forgotten, would come back.  So such an entry names its former
 * numbers ("moved" in its body), and whoever has applied it under one of them
 * does nothing; the commit stamp tells it from another entry of the same
 * number.  The reverse is harmless.  Who applies it under the new number first
 * has not reported any horizon of the former self that covers its writes, for
 * that takes progress of the former number; so nobody forgets a tombstone of
 * them before the old entry has come, too.  Only the node itself has, in its
 * former life: it looks for what comes back of that among what it has moved,
 * by seq and commit stamp, which entries keep.  When a past was lost without its
 * being noticed, the numbers since stand for other entries at the peers, and
 * are not named.
 *
 * A member that was removed may come back under a new id only without entries
 * that nobody else has: it wrote them without what was forgotten since.  They
 * do not show in its progress of its former self any more once they have
 * moved, so it tells up to which seq it brings what that self wrote ("past" in
 * the greeting); all there are, and unknown ones, if a past was lost.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_INCARNATION_H
#define CVG_CORE_INCARNATION_H

#include "core/entry.h"

/* After so long what peers have confirmed is noted. */
#define CVG_NOTE_LAG_US		INT64CONST(10000000)

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

/* What is told as brought along: last is the last entry, which has moved. */
static inline int64
cvg_past_brought(int64 last, bool claimed)
{
	return claimed ? PG_INT64_MAX : last;
}

/* Has the entry of this number and commit stamp been applied here? */
typedef bool (*CvgHasEntryFn) (CvgSlice origin, int64 seq, CvgStamp stamp, void *arg);

/* Has an entry been applied here under one of its former numbers? */
extern bool cvg_moved_is_known(const CvgBody *body, CvgStamp stamp, CvgHasEntryFn has, void *arg);

#endif							/* CVG_CORE_INCARNATION_H */
