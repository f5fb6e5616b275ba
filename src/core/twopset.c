/*-------------------------------------------------------------------------
 *
 * twopset.c
 *	  Two-phase set: what was removed never comes back.
 *
 *-------------------------------------------------------------------------
 */
#include "core/twopset.h"

#include "core/marked_set.h"

static void
twopset_check(CvgReader *r)
{
	cvg_mset_check(r, true);
}

static void
twopset_print(CvgReader r, CvgBuf *out)
{
	cvg_mset_print(r, true, out);
}

static void
twopset_parse(CvgScanner *s, CvgBuf *out)
{
	cvg_mset_parse(s, true, out);
}

static CvgStatus
twopset_parse_plain(CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	return cvg_set_parse_plain(&cvg_twopset, s, dots, out);
}

const CvgCrdtOps cvg_twopset_ops = {
	.tag = CVG_CRDT_TWOPSET,
	.name = "twopset",
	.assign = cvg_set_assign,
	.parse_plain = twopset_parse_plain,
	.check = twopset_check,
	.merge = cvg_mset_merge,
	.delta = cvg_mset_delta,
	.latest = cvg_mset_latest,
	.print = twopset_print,
	.parse = twopset_parse,
};

const CvgSetOps cvg_twopset = {
	.crdt = &cvg_twopset_ops,
	.can_remove = true,
	.next = cvg_mset_next,
	.change = cvg_mset_change,
};
