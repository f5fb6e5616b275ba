/*-------------------------------------------------------------------------
 *
 * members.c
 *	  Decisions from the members' reports.
 *
 * Everything here errs on the side of keeping: a report that is missing, old
 * or known in part holds back the stable clock and the log.
 *
 *-------------------------------------------------------------------------
 */
#include "core/members.h"

#include "common/hashfn.h"

static bool
is_forgotten(const CvgMember *m)
{
	return (m->report.flags & CVG_REPORT_FORGOTTEN) != 0;
}

bool
cvg_report_is_partial(const CvgReport *report, CvgKnownFn known, void *arg)
{
	CvgClockIter it;
	CvgClockEntry entry;

	/* whoever passed it on may have left out something already */
	if (report->flags & CVG_REPORT_PARTIAL)
		return true;
	cvg_vclock_iter(&it, report->progress);
	while (cvg_vclock_next(&it, &entry))
	{
		if (!known(entry.id, arg))
			return true;
	}
	return false;
}

/*
 * A later incarnation of a forgotten node is somebody new, unless it has
 * entries of its former self that are not here, under their own number or
 * another: they were written without knowing of what has been forgotten since.
 * So were those of others who are forgotten, which it may have from them.
 */
CvgAdmission
cvg_member_admission(CvgSlice member_id, uint8 flags, CvgSlice replica_id,
					 CvgSlice progress, CvgSlice past, int64 have,
					 CvgUnheardFn unheard, void *arg)
{
	CvgClockIter it;
	CvgClockEntry entry;

	if ((flags & CVG_REPORT_FORGOTTEN) == 0)
		return CVG_WELCOME;
	if (cvg_slice_eq(member_id, replica_id))
		return CVG_REMOVED;
	if (Max(cvg_vclock_get(progress, member_id), cvg_vclock_get(past, member_id)) > have)
		return CVG_REMOVED_BEFORE;
	cvg_vclock_iter(&it, progress);
	while (cvg_vclock_next(&it, &entry))
	{
		if (unheard(entry.id, entry.value, arg))
			return CVG_REMOVED_OTHERS;
	}
	return CVG_WELCOME;
}

uint64
cvg_obituary(CvgSlice replica_id, uint8 flags, bool taking)
{
	if ((flags & CVG_REPORT_FORGOTTEN) == 0 || taking)
		return 0;
	return hash_bytes_extended(replica_id.data, (int) replica_id.len, 0);
}

/* Does one clock say the same as the other of all lives of a node? */
static bool
same_lives(CvgSlice a, CvgSlice b, CvgSlice node_name)
{
	CvgClockIter it;
	CvgClockEntry entry;

	cvg_vclock_iter(&it, a);
	while (cvg_vclock_next(&it, &entry))
	{
		if (cvg_is_incarnation(entry.id, node_name) &&
			cvg_vclock_get(b, entry.id) != entry.value)
			return false;
	}
	return true;
}

bool
cvg_member_settled(const CvgMember *dead, const CvgMember *members, int nmembers,
				   CvgSlice progress)
{
	CvgSlice	name = dead->report.node_name;
	uint64		sum = 0;
	int			i;

	if (dead->taking)
		return false;
	for (i = 0; i < nmembers; i++)
		sum += cvg_obituary(members[i].report.replica_id, members[i].report.flags,
							members[i].taking);
	for (i = 0; i < nmembers; i++)
	{
		const CvgReport *r = &members[i].report;

		if (is_forgotten(&members[i]))
			continue;
		if (r->obituaries != sum)
			return false;
		/* it may have some of a life that we have never heard of */
		if (r->flags & CVG_REPORT_PARTIAL)
			return false;
		if (!same_lives(r->progress, progress, name) || !same_lives(progress, r->progress, name))
			return false;
	}
	return true;
}

static int64
clock_value(CvgSlice origin, void *arg)
{
	return cvg_vclock_get(*(CvgSlice *) arg, origin);
}

static bool
is_of_member(CvgSlice origin, const CvgMember *members, int nmembers)
{
	int			i;

	for (i = 0; i < nmembers; i++)
	{
		if (cvg_is_incarnation(origin, members[i].report.node_name))
			return true;
	}
	return false;
}

/* Have we entries of somebody who is neither us nor a member? */
static bool
has_stranger(CvgSlice progress, CvgSlice node_name, const CvgMember *members, int nmembers)
{
	CvgClockIter it;
	CvgClockEntry entry;

	cvg_vclock_iter(&it, progress);
	while (cvg_vclock_next(&it, &entry))
	{
		if (entry.value > 0 && !cvg_is_incarnation(entry.id, node_name) &&
			!is_of_member(entry.id, members, nmembers))
			return true;
	}
	return false;
}

CvgStatus
cvg_members_advance(CvgSlice old_stable, CvgSlice own_horizon, CvgSlice node_name,
					const CvgMember *members, int nmembers, CvgSlice progress, CvgStamp limit,
					bool *grew, CvgBuf *out)
{
	CvgReport  *reports = palloc(sizeof(CvgReport) * Max(nmembers, 1));
	CvgStatus	status;
	int			i;

	if (has_stranger(progress, node_name, members, nmembers))
		own_horizon = cvg_slice(NULL, 0);
	for (i = 0; i < nmembers; i++)
	{
		reports[i] = members[i].report;
		if (is_forgotten(&members[i]) &&
			!cvg_member_settled(&members[i], members, nmembers, progress))
			reports[i].flags &= ~CVG_REPORT_FORGOTTEN;
	}
	status = cvg_stable_advance(old_stable, own_horizon, reports, nmembers, clock_value,
								&progress, limit, grew, out);
	pfree(reports);
	return status;
}

int64
cvg_members_acknowledged(const CvgMember *members, int nmembers, CvgSlice origin)
{
	int64		lowest = PG_INT64_MAX;
	int			i;

	for (i = 0; i < nmembers; i++)
	{
		/* a node has its own entries */
		if (is_forgotten(&members[i]) || cvg_slice_eq(members[i].report.replica_id, origin))
			continue;
		lowest = Min(lowest, cvg_vclock_get(members[i].report.progress, origin));
	}
	return lowest;
}
