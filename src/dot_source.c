/*-------------------------------------------------------------------------
 *
 * dot_source.c
 *	  Dots for updates of CRDT values: this node's, at this moment.
 *
 * Stamps come from where those of row writes come from, so the transaction's
 * lower bound is published before the first is drawn.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "utils/timestamp.h"

#include "dot_source.h"
#include "shmem.h"
#include "store/xactlog.h"
#include "types/dot.h"

/*
 * A value can contain a stamp ahead of our clock: it came by another way
 * than replication, which has our clock follow.  Follow it here too, but no
 * farther than a peer's: a literal must not drag the node into the future.
 */
static void
follow_stamp(CvgDb *db, CvgStamp seen)
{
	if (seen > cvg_latest_stamp())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("value was updated in the future"),
				 errdetail("Its latest update is of %s, which is more than converge.max_clock_skew ahead of this node's clock.",
						   timestamptz_to_str(seen)),
				 errhint("Check the clocks of the nodes.")));
	cvg_stamp_observe(db, seen);
}

static void
draw_dots(CvgStamp after, int n, CvgDot *dot)
{
	CvgDb	   *db = cvg_db();

	dot->replica = cvg_slice_cstring(db->replica_id);
	dot->stamp = cvg_xactlog_stamps(db, n);
	if (dot->stamp > after)
		return;
	follow_stamp(db, after);
	dot->stamp = cvg_xactlog_stamps(db, n);
}

void
cvg_dot_source_init(void)
{
	cvg_dot_source = draw_dots;
}

static CvgDot
next_dots(CvgDotSupply *supply, int n)
{
	CvgDot		dot;

	draw_dots(supply->after, n, &dot);
	return dot;
}

CvgDotSupply
cvg_node_dots(CvgStamp after)
{
	CvgDotSupply supply = {next_dots, after};

	return supply;
}
