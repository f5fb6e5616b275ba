/*-------------------------------------------------------------------------
 *
 * members.h
 *	  What a node decides from what it knows of the others: who may talk to
 *	  it, what a report is worth, when a forgotten member no longer counts,
 *	  up to where the log may be cut.
 *
 * A member is a node by name, with its latest report; worker/members.c says
 * who is one, and keeps them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_MEMBERS_H
#define CVG_CORE_MEMBERS_H

#include "core/stability.h"

typedef struct CvgMember
{
	CvgReport	report;			/* its latest; of one that was forgotten, its obituary */
	bool		taking;			/* our receiver may still apply what comes from it */
} CvgMember;

/* Have we anything of this origin? */
typedef bool (*CvgKnownFn) (CvgSlice origin, void *arg);

/*
 * Has the reporter entries of origins that are unknown here?  What is kept of
 * it is then less than it said (CVG_REPORT_PARTIAL).
 */
extern bool cvg_report_is_partial(const CvgReport *report, CvgKnownFn known, void *arg);

typedef enum CvgAdmission
{
	CVG_WELCOME = 0,
	CVG_REMOVED,				/* it was forgotten */
	CVG_REMOVED_BEFORE,			/* brings what only its forgotten former self had */
	CVG_REMOVED_OTHERS			/* brings what only others had who are forgotten */
} CvgAdmission;

/* Is there more, up to seq, of a forgotten member of another name than we have? */
typedef bool (*CvgUnheardFn)(CvgSlice origin, int64 seq, void *arg);

/*
 * May a node exchange entries with us?  member_id, flags: of the member of its
 * name, if there was one; replica_id, progress, past: what it says now, past
 * being up to where it has entries of former selves under other numbers; have:
 * progress of member_id here.
 */
extern CvgAdmission cvg_member_admission(CvgSlice member_id, uint8 flags, CvgSlice replica_id,
										 CvgSlice progress, CvgSlice past, int64 have,
										 CvgUnheardFn unheard, void *arg);

/*
 * What a member adds to the sum of obituaries in our report: sums are equal
 * when the sets are.  An obituary is told from when nothing comes from that
 * node any more.
 */
extern uint64 cvg_obituary(CvgSlice replica_id, uint8 flags, bool taking);

/*
 * Does a forgotten member no longer count for the stable clock?  Nothing comes
 * from it any more, and all who remain know of the same obituaries and have as
 * much as we of what it wrote in all its lives; progress: ours.
 */
extern bool cvg_member_settled(const CvgMember *dead, const CvgMember *members, int nmembers,
							   CvgSlice progress);

/*
 * The stable clock that the members' reports prove, joined into old_stable:
 * cvg_stable_advance() over those that count.  progress: ours, read after the
 * reports.  It stands still while we have entries of somebody who is not us,
 * node_name, and no member: a crash may have lost that we knew of it.
 */
extern CvgStatus cvg_members_advance(CvgSlice old_stable, CvgSlice own_horizon, CvgSlice node_name,
									 const CvgMember *members, int nmembers,
									 CvgSlice progress, CvgStamp limit,
									 bool *grew, CvgBuf *out);

/*
 * Smallest seq of an origin that every member has, but for the origin itself
 * and those forgotten; PG_INT64_MAX if there is no member.
 */
extern int64 cvg_members_acknowledged(const CvgMember *members, int nmembers, CvgSlice origin);

#endif							/* CVG_CORE_MEMBERS_H */
