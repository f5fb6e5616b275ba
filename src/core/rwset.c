/*-------------------------------------------------------------------------
 *
 * rwset.c
 *	  Set in which removing wins.
 *
 *-------------------------------------------------------------------------
 */
#include "core/rwset.h"

#include "core/causal_set.h"

static void
rwset_check(CvgReader *r)
{
	cvg_cset_check(r, true);
}

static void
rwset_parse(CvgScanner *s, CvgBuf *out)
{
	cvg_cset_parse(s, true, out);
}

static void
rwset_change(CvgSlice set, CvgDot dot, const CvgSetChange *changes, int n,
			 CvgBuf *out)
{
	cvg_cset_change(set, dot, changes, n, true, out);
}

static CvgStatus
rwset_parse_plain(CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	return cvg_set_parse_plain(&cvg_rwset, s, dots, out);
}

const CvgCrdtOps cvg_rwset_ops = {
	.tag = CVG_CRDT_RWSET,
	.name = "rwset",
	.assign = cvg_set_assign,
	.parse_plain = rwset_parse_plain,
	.check = rwset_check,
	.bottom = cvg_cset_bottom,
	.merge = cvg_cset_merge,
	.delta = cvg_cset_delta,
	.latest = cvg_cset_latest,
	.reset = cvg_cset_reset,
	.print = cvg_cset_print,
	.parse = rwset_parse,
};

const CvgSetOps cvg_rwset = {
	.crdt = &cvg_rwset_ops,
	.add_has_dot = true,
	.remove_has_dot = true,
	.can_remove = true,
	.begin = cvg_cset_begin,
	.next = cvg_cset_next,
	.change = rwset_change,
};
