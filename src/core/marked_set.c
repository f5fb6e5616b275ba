/*-------------------------------------------------------------------------
 *
 * marked_set.c
 *	  Elements, of which some are marked as removed.
 *
 *-------------------------------------------------------------------------
 */
#include "core/marked_set.h"

bool
cvg_mset_next(CvgReader *r, CvgSlice *element, bool *present)
{
	uint64		code;

	if (!cvg_reader_ok(r) || cvg_reader_at_end(r))
		return false;
	code = cvg_get_varint_max(r, (uint64) CVG_CRDT_MAX_BYTES * 2);
	*element = cvg_get_bytes(r, (size_t) (code >> 1));
	*present = (code & 1) == 0;
	return cvg_reader_ok(r);
}

static void
put_entry(CvgBuf *out, CvgSlice element, bool present)
{
	cvg_put_varint(out, (uint64) element.len << 1 | (present ? 0 : 1));
	cvg_print_slice(out, element);
}

void
cvg_mset_check(CvgReader *r, bool can_remove)
{
	CvgSlice	previous = {NULL, 0};
	CvgSlice	element;
	bool		present;

	while (cvg_mset_next(r, &element, &present))
	{
		if (!cvg_set_check_element(r, element, &previous))
			return;
		if (!present && !can_remove)
			cvg_reader_fail(r, CVG_E_MALFORMED);
	}
}

void
cvg_mset_merge(CvgReader a, CvgReader b, CvgBuf *out)
{
	CvgSlice	ea;
	CvgSlice	eb;
	bool		in_a = false;
	bool		in_b = false;
	bool		has_a = cvg_mset_next(&a, &ea, &in_a);
	bool		has_b = cvg_mset_next(&b, &eb, &in_b);

	while (has_a || has_b)
	{
		int			c = !has_a ? 1 : !has_b ? -1 : cvg_slice_cmp(ea, eb);

		if (c <= 0)
			put_entry(out, ea, in_a && (c < 0 || in_b));
		else
			put_entry(out, eb, in_b);
		if (c <= 0)
			has_a = cvg_mset_next(&a, &ea, &in_a);
		if (c >= 0)
			has_b = cvg_mset_next(&b, &eb, &in_b);
	}
}

void
cvg_mset_delta(CvgReader old, CvgReader new, CvgBuf *out)
{
	CvgSlice	eo;
	CvgSlice	en;
	bool		in_old;
	bool		in_new;
	bool		has_old = cvg_mset_next(&old, &eo, &in_old);

	while (cvg_mset_next(&new, &en, &in_new))
	{
		while (has_old && cvg_slice_cmp(eo, en) < 0)
			has_old = cvg_mset_next(&old, &eo, &in_old);
		if (!has_old || !cvg_slice_eq(eo, en) || (in_old && !in_new))
			put_entry(out, en, in_new);
	}
}

CvgStamp
cvg_mset_latest(CvgReader r)
{
	return 0;
}

/*
 * An element that is not present is not removed, and one that was removed
 * is not added.
 */
void
cvg_mset_change(CvgSlice set, CvgDot dot, const CvgSetChange *changes, int n,
				CvgBuf *out)
{
	CvgReader	r = cvg_crdt_body(set);
	CvgSlice	element;
	bool		present;
	bool		has = cvg_mset_next(&r, &element, &present);
	int			i = 0;

	while (has || i < n)
	{
		int			c = !has ? 1 : i >= n ? -1 : cvg_slice_cmp(element, changes[i].element);

		if (c <= 0)
			put_entry(out, element, present && (c < 0 || !changes[i].remove));
		else if (!changes[i].remove)
			put_entry(out, changes[i].element, true);
		if (c <= 0)
			has = cvg_mset_next(&r, &element, &present);
		if (c >= 0)
			i++;
	}
}

/* The elements that are present, or those that were removed. */
static void
print_list(CvgReader r, bool wanted, CvgBuf *out)
{
	const char *separator = "";
	CvgSlice	element;
	bool		present;

	cvg_put_u8(out, '{');
	while (cvg_mset_next(&r, &element, &present))
	{
		if (present != wanted)
			continue;
		cvg_print_string(out, separator);
		cvg_print_text(out, element);
		separator = ", ";
	}
	cvg_put_u8(out, '}');
}

void
cvg_mset_print(CvgReader r, bool can_remove, CvgBuf *out)
{
	print_list(r, true, out);
	if (can_remove)
	{
		cvg_print_string(out, " removed ");
		print_list(r, false, out);
	}
}

void
cvg_mset_parse(CvgScanner *s, bool can_remove, CvgBuf *out)
{
	CvgScannedSet set;
	int			i;

	if (cvg_set_scan(s, &set, can_remove, NULL, NULL))
	{
		if (can_remove && !set.has_removed)
			(void) cvg_scan_fail(s, CVG_E_SYNTAX, s->p);
		for (i = 0; i < set.n; i++)
			put_entry(out, set.elements[i].text, !set.elements[i].removed);
	}
	cvg_set_scan_free(&set);
}
