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

#include "core/wire.h"
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

/* A node is talking to us: it is a member from now on.  ERROR if it was forgotten. */
extern void cvg_member_admit(CvgDb *db, CvgSlice node_name, CvgSlice replica_id);

/*
 * Our own report, in palloc'ed memory; flushes what it tells, so that it is
 * durable.
 */
extern void cvg_member_own_report(CvgDb *db, CvgReport *report);

/*
 * Reports to send: our own first, then those newer than what sent[] says was
 * sent on this connection (one generation per member slot; updated).
 */
extern CvgReport *cvg_member_reports(CvgDb *db, int64 *sent, int *nreports);

/* Manager: slots from converge.members, and rows for what is new.  In a transaction. */
extern void cvg_members_load(CvgDb *db);
extern void cvg_members_save(CvgDb *db);

/* Manager: make a configured peer a member before it was ever heard of. */
extern void cvg_member_expect(CvgDb *db, const char *node_name);

/* forget_peer(): from now on the node holds nothing back.  ERROR if connected or unknown. */
extern void cvg_member_forget(CvgDb *db, const char *node_name);

/*
 * The stable clock that the reports prove, joined into what is known;
 * returns whether it grew.  palloc'ed.
 */
extern bool cvg_members_stable(CvgDb *db, CvgSlice *stable);

/*
 * Smallest seq of an origin (index of its slot) that every member but the
 * forgotten ones has; PG_INT64_MAX if there is no member.
 */
extern int64 cvg_members_acknowledged(CvgDb *db, int origin_index);

#endif							/* CVG_WORKER_MEMBERS_H */
