/*-------------------------------------------------------------------------
 *
 * dot.c
 *	  Where the updates of CRDT values get their dots from.
 *
 * The types know neither the node's identity nor its clock: whoever does
 * sets cvg_dot_source when the library is loaded.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "types/dot.h"

CvgDotSource cvg_dot_source = NULL;

CvgDot
cvg_draw_dots(CvgSlice value, int n)
{
	CvgDot		dot;

	if (cvg_dot_source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pg_converge must be loaded via shared_preload_libraries"),
				 errdetail("An update of a replicated data type needs the identity and the clock of this node."),
				 errhint("Add pg_converge to shared_preload_libraries and restart the server.")));
	cvg_dot_source(cvg_crdt_latest(value), n, &dot);
	return dot;
}
