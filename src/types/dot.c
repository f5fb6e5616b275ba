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

static CvgDot
draw_dots(CvgStamp after, int n)
{
	CvgDot		dot;

	if (cvg_dot_source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pg_converge must be loaded via shared_preload_libraries"),
				 errdetail("An update of a replicated data type needs the identity and the clock of this node."),
				 errhint("Add pg_converge to shared_preload_libraries and restart the server.")));
	cvg_dot_source(after, n, &dot);
	return dot;
}

CvgDot
cvg_draw_dots(CvgSlice value, int n)
{
	return draw_dots(cvg_crdt_latest(value), n);
}

static CvgDot
next_dots(CvgDotSupply *supply, int n)
{
	return draw_dots(supply->after, n);
}

CvgDotSupply
cvg_dot_supply(CvgStamp after)
{
	CvgDotSupply supply = {next_dots, after};

	return supply;
}
