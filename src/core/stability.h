/*-------------------------------------------------------------------------
 *
 * stability.h
 *	  The stable clock S: stamps at or below which no concurrent write can
 *	  still arrive at any member, so that tombstones they cover may be
 *	  forgotten.
 *
 * S is the per-origin minimum of the horizons reported by all members (this
 * node included), over reports that *count*.  A report counts only when
 * progress here covers the reporter's own last seq at the time it was made,
 * and what it had of its earlier incarnations: otherwise a write of the
 * reporter's that precedes the report is still on its way, and it may be
 * concurrent with what the report lets us forget.  A report that is known in
 * part only (CVG_REPORT_PARTIAL) does not count either: what is left out may be
 * such an earlier incarnation.  If one member's latest report does not count,
 * S does not move.
 *
 * Sound because delivery is causal and every entry carries its origin's S
 * when that has grown (design: entries that were written with a tombstone
 * already forgotten bring along the permission to forget it).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_STABILITY_H
#define CVG_CORE_STABILITY_H

#include "core/causality.h"
#include "core/wire.h"

/* Is this the id of some incarnation of the node: its name, or name~xxxx? */
extern bool cvg_is_incarnation(CvgSlice replica_id, CvgSlice node_name);

/*
 * Is the report newer than the one that is here (its replica id, generation
 * and flags)?  An obituary is the last word on its replica id; a later
 * incarnation of that node is somebody new.
 */
extern bool cvg_report_supersedes(const CvgReport *report, CvgSlice replica_id,
								  int64 generation, uint8 flags);

/*
 * The reporter's writes stamped up to its own horizon are in its entries up
 * to last_seq: with progress of that, the horizon is ours too.
 */
static inline bool
cvg_horizon_is_ours(int64 progress, int64 last_seq)
{
	return progress >= last_seq;
}

/*
 * Join into old_stable what the reports prove; appends the new S to out and
 * sets *grew.  reports holds the latest of each member but self and must
 * name every member (the caller knows the membership); own_horizon is this
 * node's own.  Nothing stamped above limit becomes stable: whoever wants to
 * keep tombstones for some time after they could be forgotten, so that a
 * node restored from a backup of that age still meets them, gives a limit in
 * the past.  CVG_E_LIMIT if a clock would exceed its limit.
 */
extern CvgStatus cvg_stable_advance(CvgSlice old_stable, CvgSlice own_horizon,
									const CvgReport *reports, int nreports,
									CvgProgressFn progress, void *arg,
									CvgStamp limit, bool *grew, CvgBuf *out);

#endif							/* CVG_CORE_STABILITY_H */
