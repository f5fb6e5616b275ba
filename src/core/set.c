/*-------------------------------------------------------------------------
 *
 * set.c
 *	  What the four set types have in common.
 *
 *-------------------------------------------------------------------------
 */
#include "core/set.h"

#include "common/int.h"

#include "core/gset.h"
#include "core/orset.h"
#include "core/rwset.h"
#include "core/twopset.h"

const CvgSetOps *
cvg_set_ops(uint8 tag)
{
	switch (tag)
	{
		case CVG_CRDT_GSET:
			return &cvg_gset;
		case CVG_CRDT_TWOPSET:
			return &cvg_twopset;
		case CVG_CRDT_ORSET:
			return &cvg_orset;
		case CVG_CRDT_RWSET:
			return &cvg_rwset;
		default:
			return NULL;
	}
}

static const CvgSetOps *
ops_of(CvgSlice set)
{
	const CvgSetOps *ops = cvg_set_ops(set.data[1]);

	Assert(ops != NULL);
	return ops;
}

CvgSetIter
cvg_set_iter(CvgSlice set)
{
	CvgSetIter	it = {ops_of(set), cvg_crdt_body(set), NULL, 0};

	if (it.ops->begin != NULL)
		it.ops->begin(&it.reader);
	return it;
}

CvgSetIter
cvg_elements_iter(const CvgSlice *elements, int n)
{
	CvgSetIter	it;

	memset(&it, 0, sizeof(it));
	it.elements = elements;
	it.left = n;
	return it;
}

bool
cvg_set_next(CvgSetIter *it, CvgSlice *element)
{
	bool		present;

	if (it->ops == NULL)
	{
		if (it->left == 0)
			return false;
		it->left--;
		*element = *it->elements++;
		return true;
	}
	while (it->ops->next(&it->reader, element, &present))
	{
		if (present)
			return true;
	}
	return false;
}

int
cvg_set_cardinality(CvgSlice set)
{
	CvgSetIter	it = cvg_set_iter(set);
	CvgSlice	element;
	int			n = 0;

	while (cvg_set_next(&it, &element))
		n++;
	return n;
}

bool
cvg_set_has(CvgSlice set, CvgSlice element)
{
	return cvg_set_covers(cvg_set_iter(set), cvg_elements_iter(&element, 1));
}

bool
cvg_set_covers(CvgSetIter a, CvgSetIter b)
{
	CvgSlice	ea;
	CvgSlice	eb;

	while (cvg_set_next(&b, &eb))
	{
		int			c;

		do
		{
			if (!cvg_set_next(&a, &ea))
				return false;
			c = cvg_slice_cmp(ea, eb);
		} while (c < 0);
		if (c > 0)
			return false;
	}
	return true;
}

bool
cvg_set_overlaps(CvgSetIter a, CvgSetIter b)
{
	CvgSlice	ea;
	CvgSlice	eb;
	bool		has_a = cvg_set_next(&a, &ea);
	bool		has_b = cvg_set_next(&b, &eb);

	while (has_a && has_b)
	{
		int			c = cvg_slice_cmp(ea, eb);

		if (c == 0)
			return true;
		if (c < 0)
			has_a = cvg_set_next(&a, &ea);
		else
			has_b = cvg_set_next(&b, &eb);
	}
	return false;
}

static int
slice_qsort_cmp(const void *a, const void *b)
{
	return cvg_slice_cmp(*(const CvgSlice *) a, *(const CvgSlice *) b);
}

int
cvg_elements_sort(CvgSlice *elements, int n)
{
	int			kept = 0;
	int			i;

	if (n > 1)
		qsort(elements, n, sizeof(CvgSlice), slice_qsort_cmp);
	for (i = 0; i < n; i++)
	{
		if (kept == 0 || !cvg_slice_eq(elements[kept - 1], elements[i]))
			elements[kept++] = elements[i];
	}
	return kept;
}

/* --- changes ------------------------------------------------------------- */

bool
cvg_set_needs_dots(CvgSlice set, const CvgSetChange *changes, int n)
{
	const CvgSetOps *ops = ops_of(set);
	int			i;

	for (i = 0; i < n; i++)
	{
		if (changes[i].remove ? ops->remove_has_dot : ops->add_has_dot)
			return true;
	}
	return false;
}

CvgStatus
cvg_set_change(CvgSlice set, CvgDot dot, const CvgSetChange *changes, int n,
			   CvgBuf *out)
{
	const CvgSetOps *ops = ops_of(set);
	size_t		start = out->len;
	int			i;

	for (i = 0; i < n; i++)
	{
		CvgSlice	e = changes[i].element;

		Assert(i == 0 || cvg_slice_cmp(changes[i - 1].element, e) < 0);
		if (changes[i].remove && !ops->can_remove)
			return CVG_E_FORBIDDEN;
		if (e.len > 0 && memchr(e.data, '\0', e.len) != NULL)
			return CVG_E_MALFORMED;
	}
	if (cvg_set_needs_dots(set, changes, n))
	{
		int64		last;

		if (!cvg_replica_id_valid(dot.replica))
			return CVG_E_BAD_ID;
		if (dot.stamp <= cvg_crdt_latest(set))
			return CVG_E_FORBIDDEN;
		if (pg_add_s64_overflow(dot.stamp, n - 1, &last))
			return CVG_E_OVERFLOW;
	}
	cvg_crdt_put_header(ops->crdt, out);
	ops->change(set, dot, changes, n, out);
	return cvg_crdt_finish(CVG_OK, start, out);
}

CvgStatus
cvg_set_update(CvgSlice set, CvgDot dot, const CvgSlice *elements, int n,
			   bool remove, CvgBuf *out)
{
	CvgSetChange *changes = palloc(sizeof(CvgSetChange) * (n + 1));
	CvgStatus	status;
	int			i;

	for (i = 0; i < n; i++)
	{
		changes[i].element = elements[i];
		changes[i].remove = remove;
	}
	status = cvg_set_change(set, dot, changes, n, out);
	pfree(changes);
	return status;
}

/* What leads from a set to what is wanted, of which there are at most n. */
static CvgSetChange *
find_changes(CvgSlice set, CvgSetIter wanted, int n, int *nchanges)
{
	CvgSetChange *changes = palloc_extended(sizeof(CvgSetChange) *
											((size_t) cvg_set_cardinality(set) + n + 1),
											MCXT_ALLOC_HUGE);
	CvgSetIter	it = cvg_set_iter(set);
	CvgSlice	is;
	CvgSlice	want;
	bool		has_is = cvg_set_next(&it, &is);
	bool		has_want = cvg_set_next(&wanted, &want);

	*nchanges = 0;
	while (has_is || has_want)
	{
		int			c = !has_is ? 1 : !has_want ? -1 : cvg_slice_cmp(is, want);

		if (c != 0)
		{
			CvgSetChange *change = &changes[(*nchanges)++];

			change->element = c < 0 ? is : want;
			change->remove = c < 0;
		}
		if (c <= 0)
			has_is = cvg_set_next(&it, &is);
		if (c >= 0)
			has_want = cvg_set_next(&wanted, &want);
	}
	return changes;
}

CvgStatus
cvg_set_assign(CvgSlice old, CvgSlice new, CvgDotSupply *dots, CvgBuf *out)
{
	CvgDot		dot = {{NULL, 0}, 0};
	CvgSetChange *changes;
	CvgStatus	status;
	int			n;

	changes = find_changes(old, cvg_set_iter(new), cvg_set_cardinality(new), &n);
	if (cvg_set_needs_dots(old, changes, n))
		dot = cvg_next_dots(dots, n);
	status = cvg_set_change(old, dot, changes, n, out);
	pfree(changes);
	return status;
}

/* --- for the types --------------------------------------------------------- */

bool
cvg_set_check_element(CvgReader *r, CvgSlice bytes, CvgSlice *previous)
{
	if (!cvg_reader_ok(r))
		return false;
	if (bytes.len > 0 && memchr(bytes.data, '\0', bytes.len) != NULL)
		cvg_reader_fail(r, CVG_E_MALFORMED);

	/* the first has no predecessor, and may be the empty text */
	if (previous->data != NULL && cvg_slice_cmp(*previous, bytes) >= 0)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	*previous = bytes;
	return cvg_reader_ok(r);
}

/* Room for the element that comes next; its text goes into texts. */
static CvgScannedElement *
scanned_element(CvgScanner *s, CvgScannedSet *set, bool removed)
{
	CvgScannedElement *e;

	if (set->n == set->size)
	{
		set->size = Max(16, set->size * 2);
		set->elements = set->elements == NULL ?
			palloc(sizeof(CvgScannedElement) * set->size) :
			repalloc(set->elements, sizeof(CvgScannedElement) * set->size);
	}
	cvg_scan_spaces(s);
	e = &set->elements[set->n];
	e->removed = removed;
	e->index = set->n++;
	e->offset = set->texts.len;
	e->at = s->p;
	return e;
}

static void
scan_list(CvgScanner *s, CvgScannedSet *set, bool removed,
		  void (*more) (CvgScanner *s, void *arg), void *arg)
{
	if (!cvg_scan_expect(s, '{') || cvg_scan_char(s, '}'))
		return;
	do
	{
		CvgScannedElement *e = scanned_element(s, set, removed);

		cvg_scan_text(s, &set->texts);
		e->text.len = set->texts.len - e->offset;
		if (more != NULL && cvg_scan_ok(s))
			more(s, arg);
	} while (cvg_scan_char(s, ','));
	(void) cvg_scan_expect(s, '}');
}

static int
scanned_qsort_cmp(const void *a, const void *b)
{
	const CvgScannedElement *x = a;
	const CvgScannedElement *y = b;
	int			c = cvg_slice_cmp(x->text, y->text);

	return c != 0 ? c : (x->index < y->index ? -1 : 1);
}

bool
cvg_set_scan(CvgScanner *s, CvgScannedSet *set, bool can_remove,
			 void (*more) (CvgScanner *s, void *arg), void *arg)
{
	int			i;

	memset(set, 0, sizeof(*set));
	cvg_buf_init(&set->texts);
	scan_list(s, set, false, more, arg);
	if (can_remove && cvg_scan_word(s, "removed"))
	{
		scan_list(s, set, true, more, arg);
		set->has_removed = true;
	}
	if (!cvg_scan_ok(s))
		return false;
	for (i = 0; i < set->n; i++)
		set->elements[i].text.data = set->texts.data + set->elements[i].offset;
	if (set->n > 0)
		qsort(set->elements, set->n, sizeof(CvgScannedElement), scanned_qsort_cmp);
	for (i = 1; i < set->n; i++)
	{
		if (cvg_slice_eq(set->elements[i - 1].text, set->elements[i].text))
			return cvg_scan_fail(s, CVG_E_DUPLICATE, set->elements[i].at);
	}
	return true;
}

void
cvg_set_scan_free(CvgScannedSet *set)
{
	if (set->elements != NULL)
		pfree(set->elements);
	cvg_buf_free(&set->texts);
}

/* --- arrays ------------------------------------------------------------------ */

/*
 * An element without quotes; not NULL.  One with spaces in it wants quotes,
 * which the server writes anyway: so a damaged text of a state, with dots
 * behind its elements, is not taken for an array of odd ones.
 */
static void
scan_bare_element(CvgScanner *s, CvgBuf *out)
{
	const char *at = s->p;
	size_t		start = out->len;
	bool		escaped = false;

	while (s->p < s->end && strchr(",{}\" \t\n\v\f\r", *s->p) == NULL)
	{
		if (*s->p == '\\')
		{
			escaped = true;
			if (++s->p == s->end)
				break;
		}
		cvg_put_u8(out, (uint8) *s->p++);
	}
	if (out->len == start || (!escaped && out->len - start == 4 &&
							  pg_strncasecmp((char *) out->data + start, "null", 4) == 0))
		(void) cvg_scan_fail(s, CVG_E_SYNTAX, at);
}

static void
scan_array(CvgScanner *s, CvgScannedSet *set)
{
	if (!cvg_scan_expect(s, '{') || cvg_scan_char(s, '}'))
		return;
	do
	{
		CvgScannedElement *e = scanned_element(s, set, false);

		if (s->p < s->end && *s->p == '"')
			cvg_scan_text(s, &set->texts);
		else
			scan_bare_element(s, &set->texts);
		e->text.len = set->texts.len - e->offset;
	} while (cvg_scan_char(s, ','));
	(void) cvg_scan_expect(s, '}');
}

CvgStatus
cvg_set_parse_plain(const CvgSetOps *ops, CvgScanner *s, CvgDotSupply *dots,
					CvgBuf *out)
{
	CvgScannedSet set;
	CvgSlice   *elements = NULL;
	CvgDot		dot = {{NULL, 0}, 0};
	CvgBuf		bottom;
	int			i;
	int			n = 0;

	memset(&set, 0, sizeof(set));
	cvg_buf_init(&set.texts);
	scan_array(s, &set);
	if (cvg_scan_ok(s) && cvg_scan_at_end(s))
	{
		elements = palloc(sizeof(CvgSlice) * (set.n + 1));
		for (i = 0; i < set.n; i++)
			elements[i] = cvg_slice(set.texts.data + set.elements[i].offset,
									set.elements[i].text.len);
		n = cvg_elements_sort(elements, set.n);
		if (n > 0 && ops->add_has_dot)
			dot = cvg_next_dots(dots, n);
		cvg_buf_init(&bottom);
		cvg_crdt_bottom(ops->crdt, &bottom);
		s->status = cvg_set_update(cvg_buf_slice(&bottom), dot, elements, n,
								   false, out);
		cvg_buf_free(&bottom);
		pfree(elements);
	}
	else
		(void) cvg_scan_fail(s, CVG_E_SYNTAX, s->p);
	cvg_set_scan_free(&set);
	return s->status;
}
