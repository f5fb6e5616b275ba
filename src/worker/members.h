/*-------------------------------------------------------------------------
 *
 * members.h
 *	  What we know of the other nodes: their latest reports.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_WORKER_MEMBERS_H
#define CVG_WORKER_MEMBERS_H

#include "compat.h"

#include "core/members.h"
#include "shmem.h"

/*
 * Slot of a node; the caller holds db->lock.  NULL if there is none.
 */
extern CvgMemberSlot *cvg_member_slot(CvgDb *db, CvgSlice node_name);

/*
 * Take in a report, from its node or passed on.  fresh_kick is the value of
 * db->kick that the report is known to be younger than, 0 if unknown.
 */
extern void cvg_member_absorb(CvgDb *db, const CvgReport *report, uint64 fresh_kick);

/*
 * A node is talking to us: it is a member from now on.  ERROR if it was
 * forgotten.  progress is what it has, past what it brings along of its former
 * selves, as it greeted; link is the slot of our receiver for
 * it, which may apply what comes from then on, or NULL.
 */
extern void cvg_member_admit(CvgDb *db, CvgSlice node_name, CvgSlice replica_id,
							 CvgSlice progress, CvgSlice past, CvgPeerSlot *link);

/* Keep such a past while the process lives, instead of the one of an earlier greeting. */
extern void cvg_member_keep_past(CvgSlice *kept, CvgSlice past);

/*
 * Our own report, in palloc'ed memory; flushes what it tells, so that it is
 * durable.
 */
extern void cvg_member_own_report(CvgDb *db, CvgReport *report);

/* What of others has been passed on over one connection; zero at its start. */
typedef struct CvgPassedOn
{
	TimestampTz at;
	int64		generation[CVG_MAX_MEMBERS];	/* by member slot, plus 1 */
} CvgPassedOn;

/*
 * Reports to send: our own first, then, but not with every message, those of
 * others that are newer than what was passed on; palloc'ed.
 */
extern CvgReport *cvg_member_reports(CvgDb *db, CvgPassedOn *passed, int *nreports);

/*
 * Manager, in a transaction: slots from converge.members, where forget_peer()
 * leaves its mark, and rows for what is new.
 */
extern void cvg_members_load(CvgDb *db);
extern void cvg_members_save(CvgDb *db);

/* Changes when there is something to save. */
extern uint64 cvg_members_hash(CvgDb *db);

/* Manager: make a configured peer a member before it was ever heard of. */
extern void cvg_member_expect(CvgDb *db, const char *node_name);

/*
 * The stable clock that the reports prove, joined into what is known;
 * returns whether it grew.  palloc'ed.
 */
extern bool cvg_members_stable(CvgDb *db, CvgStamp limit, CvgSlice *stable);

/* All members with their latest reports; palloc'ed. */
extern CvgMember *cvg_members_known(CvgDb *db, int *nmembers);

#endif							/* CVG_WORKER_MEMBERS_H */
