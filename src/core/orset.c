/*-------------------------------------------------------------------------
 *
 * orset.c
 *	  Observed-remove set without tombstones: adding wins.
 *
 *-------------------------------------------------------------------------
 */
#include "core/orset.h"

#include "core/causal_set.h"

static void
orset_check(CvgReader *r)
{
	cvg_cset_check(r, false);
}

static void
orset_parse(CvgScanner *s, CvgBuf *out)
{
	cvg_cset_parse(s, false, out);
}

static void
orset_change(CvgSlice set, CvgDot dot, const CvgSetChange *changes, int n,
			 CvgBuf *out)
{
	cvg_cset_change(set, dot, changes, n, false, out);
}

static CvgStatus
orset_parse_plain(CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	return cvg_set_parse_plain(&cvg_orset, s, dots, out);
}

const CvgCrdtOps cvg_orset_ops = {
	.tag = CVG_CRDT_ORSET,
	.name = "orset",
	.assign = cvg_set_assign,
	.parse_plain = orset_parse_plain,
	.check = orset_check,
	.bottom = cvg_cset_bottom,
	.merge = cvg_cset_merge,
	.delta = cvg_cset_delta,
	.latest = cvg_cset_latest,
	.reset = cvg_cset_reset,
	.print = cvg_cset_print,
	.parse = orset_parse,
};

const CvgSetOps cvg_orset = {
	.crdt = &cvg_orset_ops,
	.add_has_dot = true,
	.can_remove = true,
	.begin = cvg_cset_begin,
	.next = cvg_cset_next,
	.change = orset_change,
};
