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
gset_parse(CvgScanner *s, CvgBuf *out)
{
	cvg_mset_parse(s, false, out);
}

const CvgCrdtOps cvg_gset_ops = {
	.tag = CVG_CRDT_GSET,
	.name = "gset",
	.check = gset_check,
	.merge = cvg_mset_merge,
	.delta = cvg_mset_delta,
	.latest = cvg_mset_latest,
	.print = cvg_mset_print,
	.parse = gset_parse,
};

const CvgSetOps cvg_gset = {
	.crdt = &cvg_gset_ops,
	.next = cvg_mset_next,
	.change = cvg_mset_change,
};
