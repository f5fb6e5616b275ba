/*-------------------------------------------------------------------------
 *
 * gset.c
 *	  Set that only grows.
 *
 *-------------------------------------------------------------------------
 */
#include "core/gset.h"

#include "core/marked_set.h"

static void
gset_check(CvgReader *r)
{
	cvg_mset_check(r, false);
}

static void
gset_print(CvgReader r, CvgBuf *out)
{
	cvg_mset_print(r, false, out);
}

static void
gset_parse(CvgScanner *s, CvgBuf *out)
{
	cvg_mset_parse(s, false, out);
}

static CvgStatus
gset_parse_plain(CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	return cvg_set_parse_plain(&cvg_gset, s, dots, out);
}

const CvgCrdtOps cvg_gset_ops = {
	.tag = CVG_CRDT_GSET,
	.name = "gset",
	.assign = cvg_set_assign,
	.parse_plain = gset_parse_plain,
	.check = gset_check,
	.merge = cvg_mset_merge,
	.delta = cvg_mset_delta,
	.latest = cvg_mset_latest,
	.print = gset_print,
	.parse = gset_parse,
};

const CvgSetOps cvg_gset = {
	.crdt = &cvg_gset_ops,
	.next = cvg_mset_next,
	.change = cvg_mset_change,
};
