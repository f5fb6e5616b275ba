/*-------------------------------------------------------------------------
 *
 * incarnation.c
 *	  Entries that go on under another number.
 *
 *-------------------------------------------------------------------------
 */
#include "core/incarnation.h"

bool
cvg_moved_is_known(const CvgBody *body, CvgStamp stamp, CvgHasEntryFn has, void *arg)
{
	CvgClockIter it;
	CvgClockEntry former;

	cvg_vclock_iter(&it, body->moved);
	while (cvg_vclock_next(&it, &former))
	{
		if (has(former.id, former.value, stamp, arg))
			return true;
	}
	return false;
}
