/*-------------------------------------------------------------------------
 *
 * causality.c
 *	  May this entry be applied now?
 *
 * The entries of one origin form a chain by prev_seq; progress is the last
 * link applied here.  An entry is admitted when it is the next link and
 * progress covers all it depends on.
 *
 * When several reasons apply, the verdict is the one whose remedy comes
 * first:
 *	  COVERED    whatever else is wrong with it, it is of no use any more
 *	  FORKED     an operator is needed; no waiting mends it
 *	  WAIT_GAP   the missing entry comes before this one anyway
 *	  WAIT_CLOCK only time mends it, and an operator wants to know; the
 *				 dependencies arrive meanwhile by their own links
 *	  WAIT_DEPS  names what to ask for
 *
 *-------------------------------------------------------------------------
 */
#include "core/causality.h"

#include "common/int.h"

/* Is the stamp more than max_skew ahead of now? */
static bool
too_far_ahead(CvgStamp stamp, CvgStamp now, int64 max_skew)
{
	int64		limit;

	/* a sum beyond the range is a limit that no stamp exceeds */
	if (pg_add_s64_overflow(now, max_skew, &limit))
		return false;
	return stamp > limit;
}

/*
 * First dependency that progress does not cover.  The chain speaks for the
 * entry's own origin, and our own writes are here by definition.
 */
static bool
dependency_missing(CvgSlice deps, CvgSlice origin, CvgSlice self,
				   CvgProgressFn progress, void *arg, CvgClockEntry *missing)
{
	CvgClockIter it;
	CvgClockEntry dep;

	cvg_vclock_iter(&it, deps);
	while (cvg_vclock_next(&it, &dep))
	{
		if (cvg_slice_eq(dep.id, self) || cvg_slice_eq(dep.id, origin))
			continue;
		if (progress(dep.id, arg) < dep.value)
		{
			if (missing != NULL)
				*missing = dep;
			return true;
		}
	}
	return false;
}

CvgVerdict
cvg_admit(CvgSlice origin, int64 seq, int64 prev_seq, CvgStamp stamp,
		  CvgSlice deps, CvgSlice self, CvgProgressFn progress, void *arg,
		  CvgStamp now, int64 max_skew, CvgClockEntry *missing)
{
	int64		applied = progress(origin, arg);

	if (seq <= applied)
		return CVG_COVERED;
	if (prev_seq < applied)
		return CVG_FORKED;
	if (prev_seq > applied)
		return CVG_WAIT_GAP;
	if (too_far_ahead(stamp, now, max_skew))
		return CVG_WAIT_CLOCK;
	if (dependency_missing(deps, origin, self, progress, arg, missing))
		return CVG_WAIT_DEPS;
	return CVG_ADMIT;
}
