/*-------------------------------------------------------------------------
 *
 * stability.c
 *	  The stable clock S from the members' reports.
 *
 * S only grows: what it once covered was forgotten somewhere, so a smaller
 * minimum (a member joined, a report is missing) never takes it back.  An
 * origin that one member has no horizon for contributes nothing; the meet of
 * clocks drops it.
 *
 *-------------------------------------------------------------------------
 */
#include "core/stability.h"

bool
cvg_is_incarnation(CvgSlice replica_id, CvgSlice node_name)
{
	return replica_id.len >= node_name.len &&
		memcmp(replica_id.data, node_name.data, node_name.len) == 0 &&
		(replica_id.len == node_name.len || replica_id.data[node_name.len] == '~');
}

bool
cvg_report_supersedes(const CvgReport *report, CvgSlice replica_id,
					  int64 generation, uint8 flags)
{
	bool		same = cvg_slice_eq(report->replica_id, replica_id);

	if (flags & CVG_REPORT_FORGOTTEN)
		return !same && report->generation > generation;
	if (same && (report->flags & CVG_REPORT_FORGOTTEN) != 0)
		return true;
	return report->generation > generation;
}

/*
 * Has everything arrived here that the reporter wrote before it reported, in
 * this life and in those before?
 */
static bool
report_counts(const CvgReport *report, CvgProgressFn progress, void *arg)
{
	CvgClockIter it;
	CvgClockEntry entry;

	if (progress(report->replica_id, arg) < report->last_seq)
		return false;
	if (report->flags & CVG_REPORT_PARTIAL)
		return false;
	cvg_vclock_iter(&it, report->progress);
	while (cvg_vclock_next(&it, &entry))
	{
		if (!cvg_slice_eq(entry.id, report->replica_id) &&
			cvg_is_incarnation(entry.id, report->node_name) &&
			progress(entry.id, arg) < entry.value)
			return false;
	}
	return true;
}

/* Append the clock; an empty slice as the empty clock that it stands for. */
static void
append_clock(CvgSlice clock, CvgBuf *out)
{
	if (clock.len == 0)
		cvg_vclock_empty(out);
	else
		cvg_put_bytes(out, clock.data, clock.len);
}

/* Lower what is above the limit. */
static CvgStatus
cap_clock(CvgSlice clock, CvgStamp limit, CvgBuf *out)
{
	CvgClockEntry *entries = palloc(sizeof(CvgClockEntry) * Max(cvg_vclock_count(clock), 1));
	CvgClockIter it;
	CvgStatus	status;
	int			n = 0;

	cvg_vclock_iter(&it, clock);
	while (cvg_vclock_next(&it, &entries[n]))
	{
		entries[n].value = Max(Min(entries[n].value, limit), 0);
		n++;
	}
	status = cvg_vclock_from_entries(entries, n, out);
	pfree(entries);
	return status;
}

/*
 * Minimum of own_horizon, the reports' horizons and the limit, into *low
 * (initialised by the caller).
 */
static CvgStatus
lowest_horizon(CvgSlice own_horizon, const CvgReport *reports, int nreports,
			   CvgStamp limit, CvgBuf *low)
{
	CvgBuf		next;
	CvgStatus	status = CVG_OK;
	int			i;

	cvg_buf_init(&next);
	status = cap_clock(own_horizon, limit, low);
	for (i = 0; i < nreports && status == CVG_OK; i++)
	{
		CvgBuf		swap;

		if (reports[i].flags & CVG_REPORT_FORGOTTEN)
			continue;
		cvg_buf_reset(&next);
		status = cvg_vclock_meet(cvg_buf_slice(low), reports[i].horizon,
								 &next);
		swap = *low;
		*low = next;
		next = swap;
	}
	cvg_buf_free(&next);
	return status;
}

/* On failure out is as it was and *grew is false. */
CvgStatus
cvg_stable_advance(CvgSlice old_stable, CvgSlice own_horizon,
				   const CvgReport *reports, int nreports,
				   CvgProgressFn progress, void *arg, CvgStamp limit,
				   bool *grew, CvgBuf *out)
{
	size_t		start = out->len;
	CvgStatus	status;
	CvgBuf		low;
	int			i;

	*grew = false;
	for (i = 0; i < nreports; i++)
	{
		if ((reports[i].flags & CVG_REPORT_FORGOTTEN) == 0 &&
			!report_counts(&reports[i], progress, arg))
		{
			append_clock(old_stable, out);
			return CVG_OK;
		}
	}
	cvg_buf_init(&low);
	status = lowest_horizon(own_horizon, reports, nreports, limit, &low);
	if (status == CVG_OK)
		status = cvg_vclock_join(old_stable, cvg_buf_slice(&low), out);
	if (status == CVG_OK)
		*grew = !cvg_vclock_covered(cvg_buf_slice(&low), old_stable);
	else
		out->len = start;
	cvg_buf_free(&low);
	return status;
}
