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

/* Has everything arrived here that the reporter wrote before it reported? */
static bool
report_counts(const CvgReport *report, CvgProgressFn progress, void *arg)
{
	return progress(report->replica_id, arg) >= report->last_seq;
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

/*
 * Minimum of own_horizon and the reports' horizons, into *low (initialised
 * by the caller).
 */
static CvgStatus
lowest_horizon(CvgSlice own_horizon, const CvgReport *reports, int nreports,
			   CvgBuf *low)
{
	CvgBuf		next;
	CvgStatus	status = CVG_OK;
	int			i;

	cvg_buf_init(&next);
	append_clock(own_horizon, low);
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
				   CvgProgressFn progress, void *arg,
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
	status = lowest_horizon(own_horizon, reports, nreports, &low);
	if (status == CVG_OK)
		status = cvg_vclock_join(old_stable, cvg_buf_slice(&low), out);
	if (status == CVG_OK)
		*grew = !cvg_vclock_covered(cvg_buf_slice(&low), old_stable);
	else
		out->len = start;
	cvg_buf_free(&low);
	return status;
}
