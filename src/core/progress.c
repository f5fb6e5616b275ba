/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  How far origins are applied, S of a transaction, the end of the log.
 *
 *-------------------------------------------------------------------------
 */
#include "core/progress.h"

void
cvg_reached_entry(CvgReached *r, const CvgEntryHeader *header, const CvgBody *body,
				  CvgSlice self)
{
	r->seq = header->seq;
	r->stamp = header->stamp;
	r->horizon = Max(r->horizon, cvg_body_horizon(body, header->stamp));
	r->own_seq = Max(r->own_seq, cvg_vclock_get(body->deps, self));
}

void
cvg_reached_publish(CvgReached *to, const CvgReached *from)
{
	to->seq = from->seq;
	to->stamp = from->stamp;
	to->horizon = Max(to->horizon, from->horizon);
	to->own_seq = Max(to->own_seq, from->own_seq);
}

CvgStatus
cvg_stable_adopt(CvgStableView *view, CvgSlice clock, bool from_entry, CvgBuf *out)
{
	CvgStatus	status;

	if (clock.len == 0 || cvg_vclock_covered(clock, view->clock))
		return CVG_OK;
	status = cvg_vclock_join(view->clock, clock, out);
	if (status != CVG_OK)
		return status;
	view->clock = cvg_buf_slice(out);
	view->grew |= from_entry;
	return CVG_OK;
}

bool
cvg_log_may_go(const CvgHeld *held, int n, CvgStamp oldest, bool too_large)
{
	bool		acknowledged = true;
	bool		old = true;
	int			i;

	for (i = 0; i < n; i++)
	{
		acknowledged &= held[i].last <= held[i].acknowledged;
		old &= held[i].stamp < oldest;
	}
	return acknowledged || old || too_large;
}
