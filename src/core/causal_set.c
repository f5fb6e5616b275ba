/*-------------------------------------------------------------------------
 *
 * causal_set.c
 *	  Elements, each with the dots of the updates that it stands on.
 *
 * Everything is linear in the sets, up to a binary search per dot in the
 * other side's dead ones.  Reading elements goes through the bytes;
 * what makes a new set works on arrays (causal_items.h).
 *
 *-------------------------------------------------------------------------
 */
#include "core/causal_set.h"

#include "core/causal_items.h"

void
cvg_cset_begin(CvgReader *r)
{
	CvgItemsHead head;

	cvg_items_head(r, &head);
}

/* In an orset no dot is of a remove, so one rule does for both. */
bool
cvg_cset_next(CvgReader *r, CvgSlice *element, bool *present)
{
	uint64		code;

	if (!cvg_item_read(r, element))
		return false;
	*present = true;
	do
	{
		code = cvg_get_varint(r);
		(void) cvg_get_varint(r);
		if (code & CVG_MARK_REMOVE)
			*present = false;
	} while ((code & CVG_MARK_MORE) && cvg_reader_ok(r));
	return cvg_reader_ok(r);
}

/* --- checking --------------------------------------------------------------- */

/* The ids in front: how many, ascending, no more than that. */
static CvgSlice *
check_names(CvgReader *r, const CvgItemsHead *head)
{
	CvgReader	names = head->names;
	CvgSlice   *ids = cvg_items_array(head->nnames, sizeof(CvgSlice));
	int			i;

	if (head->nnames == 0)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	for (i = 0; i < head->nnames; i++)
	{
		ids[i] = cvg_get_replica_id(&names);
		if (i > 0 && cvg_slice_cmp(ids[i - 1], ids[i]) >= 0)
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	}
	return ids;
}

/* The dots of one entry; what is used is noted. */
static void
check_marks(CvgReader *r, const CvgItemsHead *head, const CvgNames *names,
			const CvgDead *dead, bool removes, bool *used, CvgStamp *smallest)
{
	CvgMark		previous = {0, 0, false};
	CvgMark		mark;
	bool		more;

	do
	{
		more = cvg_mark_read(r, head->base, &mark);
		if (!cvg_reader_ok(r))
			return;
		if (mark.replica >= (uint32) names->n || (mark.remove && !removes))
		{
			cvg_reader_fail(r, CVG_E_MALFORMED);
			return;
		}
		if (cvg_mark_cmp(&previous, &mark) >= 0 || cvg_mark_is_dead(dead, names, &mark))
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
		used[mark.replica] = true;
		*smallest = Min(*smallest, mark.stamp);
		previous = mark;
	} while (more && cvg_reader_ok(r));
}

void
cvg_cset_check(CvgReader *r, bool removes)
{
	CvgReader	set = *r;
	CvgItemsHead head;
	CvgNames	names;
	CvgDead		dead;
	bool	   *used;
	CvgSlice	previous = {NULL, 0};
	CvgSlice	element;
	CvgStamp	smallest = PG_INT64_MAX;
	int			i;

	cvg_dotset_check(r);
	if (!cvg_reader_ok(r) || cvg_reader_at_end(r))
		return;
	*r = set;
	cvg_items_head(r, &head);
	if (!cvg_reader_ok(r))
		return;
	names.ids = check_names(r, &head);
	names.n = head.nnames;
	dead.ranges = cvg_dotset_load(set, &dead.n);
	used = cvg_items_array(names.n, sizeof(bool));
	memset(used, 0, names.n);
	while (cvg_item_read(r, &element) &&
		   cvg_set_check_element(r, element, &previous))
		check_marks(r, &head, &names, &dead, removes, used, &smallest);
	for (i = 0; i < names.n; i++)
	{
		if (!used[i])
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	}
	if (head.base == 0 || smallest != head.base)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	pfree(used);
	pfree(dead.ranges);
	pfree(names.ids);
}

/* --- operations of the lattice -------------------------------------------------- */

void
cvg_cset_bottom(CvgBuf *out)
{
	cvg_dotset_empty(out);
}

/* Two sets with one list of names. */
typedef struct Pair
{
	CvgNames	names;
	CvgItems	a;
	CvgItems	b;
	CvgDead		dead_a;
	CvgDead		dead_b;
} Pair;

static void
load_pair(Pair *p, CvgReader a, CvgReader b)
{
	CvgItemsHead ha;
	CvgItemsHead hb;

	p->dead_a.ranges = cvg_dotset_load(a, &p->dead_a.n);
	p->dead_b.ranges = cvg_dotset_load(b, &p->dead_b.n);
	cvg_items_head(&a, &ha);
	cvg_items_head(&b, &hb);
	cvg_names_join(&ha, &hb, cvg_slice(NULL, 0), &p->names);
	cvg_items_load(a, &ha, &p->names, &p->a);
	cvg_items_load(b, &hb, &p->names, &p->b);
}

static void
free_pair(Pair *p)
{
	cvg_items_free(&p->a);
	cvg_items_free(&p->b);
	pfree(p->dead_a.ranges);
	pfree(p->dead_b.ranges);
	pfree(p->names.ids);
}

/* The dots of one element, of which one side may know nothing. */
static void
merge_item(const Pair *p, const CvgItem *ia, const CvgItem *ib, CvgItems *out)
{
	const CvgMark *a = ia != NULL ? &p->a.marks[ia->first] : NULL;
	const CvgMark *b = ib != NULL ? &p->b.marks[ib->first] : NULL;
	const CvgMark *end_a = ia != NULL ? a + ia->count : NULL;
	const CvgMark *end_b = ib != NULL ? b + ib->count : NULL;

	cvg_item_begin(out, ia != NULL ? ia->text : ib->text);
	while (a < end_a || b < end_b)
	{
		int			c = a == end_a ? 1 : b == end_b ? -1 : cvg_mark_cmp(a, b);

		if (c == 0 || (c < 0 && !cvg_mark_is_dead(&p->dead_b, &p->names, a)))
			cvg_item_add(out, a);
		else if (c > 0 && !cvg_mark_is_dead(&p->dead_a, &p->names, b))
			cvg_item_add(out, b);
		if (c <= 0)
			a++;
		if (c >= 0)
			b++;
	}
	cvg_item_end(out);
}

void
cvg_cset_merge(CvgReader a, CvgReader b, CvgBuf *out)
{
	Pair		p;
	CvgItems	merged;
	size_t		i = 0;
	size_t		j = 0;

	cvg_dotset_union(a, b, out);
	load_pair(&p, a, b);
	cvg_items_alloc(&merged, p.a.nitems + p.b.nitems, p.a.nmarks + p.b.nmarks);
	while (i < p.a.nitems || j < p.b.nitems)
	{
		const CvgItem *ia = i < p.a.nitems ? &p.a.items[i] : NULL;
		const CvgItem *ib = j < p.b.nitems ? &p.b.items[j] : NULL;
		int			c = ia == NULL ? 1 : ib == NULL ? -1 : cvg_slice_cmp(ia->text, ib->text);

		merge_item(&p, c <= 0 ? ia : NULL, c >= 0 ? ib : NULL, &merged);
		if (c <= 0)
			i++;
		if (c >= 0)
			j++;
	}
	cvg_items_put(&merged, &p.names, out);
	cvg_items_free(&merged);
	free_pair(&p);
}

/* Dots of an element of b that it does not have in a. */
static void
minus_item(const Pair *p, const CvgItem *ia, const CvgItem *ib, CvgItems *out)
{
	size_t		i = 0;
	size_t		j;

	cvg_item_begin(out, ib->text);
	for (j = 0; j < ib->count; j++)
	{
		const CvgMark *b = &p->b.marks[ib->first + j];

		while (ia != NULL && i < ia->count &&
			   cvg_mark_cmp(&p->a.marks[ia->first + i], b) < 0)
			i++;
		if (ia == NULL || i == ia->count ||
			cvg_mark_cmp(&p->a.marks[ia->first + i], b) != 0)
			cvg_item_add(out, b);
	}
	cvg_item_end(out);
}

void
cvg_cset_delta(CvgReader old, CvgReader new, CvgBuf *out)
{
	Pair		p;
	CvgItems	delta;
	size_t		i = 0;
	size_t		j;

	cvg_dotset_minus(new, old, out);
	load_pair(&p, old, new);
	cvg_items_alloc(&delta, p.b.nitems, p.b.nmarks);
	for (j = 0; j < p.b.nitems; j++)
	{
		const CvgItem *item = &p.b.items[j];
		int			c = -1;

		while (i < p.a.nitems &&
			   (c = cvg_slice_cmp(p.a.items[i].text, item->text)) < 0)
			i++;
		minus_item(&p, i < p.a.nitems && c == 0 ? &p.a.items[i] : NULL, item,
				   &delta);
	}
	cvg_items_put(&delta, &p.names, out);
	cvg_items_free(&delta);
	free_pair(&p);
}

CvgStamp
cvg_cset_latest(CvgReader r)
{
	CvgStamp	latest = cvg_dotset_latest(r);
	CvgItemsHead head;
	CvgSlice	element;
	CvgMark		mark;
	bool		more;

	cvg_items_head(&r, &head);
	while (cvg_item_read(&r, &element))
	{
		do
		{
			more = cvg_mark_read(&r, head.base, &mark);
			latest = Max(latest, mark.stamp);
		} while (more);
	}
	return latest;
}

/* --- updates ------------------------------------------------------------------ */

/* Whatever their kind. */
static int
dot_cmp(const void *a, const void *b)
{
	const CvgMark *x = a;
	const CvgMark *y = b;

	if (x->replica != y->replica)
		return x->replica < y->replica ? -1 : 1;
	return x->stamp < y->stamp ? -1 : x->stamp > y->stamp;
}

/* What an update starts from, and what it makes. */
typedef struct Update
{
	CvgNames	names;
	CvgItems	old;
	CvgItems	new;
	CvgMark	   *dead;
	size_t		ndead;
} Update;

static void
begin_update(Update *u, CvgReader r, CvgSlice replica, int nchanges)
{
	CvgItemsHead head;

	cvg_items_head(&r, &head);
	cvg_names_join(&head, NULL, replica, &u->names);
	cvg_items_load(r, &head, &u->names, &u->old);
	cvg_items_alloc(&u->new, u->old.nitems + nchanges, u->old.nmarks + nchanges);
	u->dead = cvg_items_array(u->old.nmarks, sizeof(CvgMark));
	u->ndead = 0;
}

static void
kill_item(Update *u, const CvgItem *item)
{
	size_t		i;

	for (i = 0; i < item->count; i++)
		u->dead[u->ndead++] = u->old.marks[item->first + i];
}

static void
keep_item(Update *u, const CvgItem *item)
{
	size_t		i;

	cvg_item_begin(&u->new, item->text);
	for (i = 0; i < item->count; i++)
		cvg_item_add(&u->new, &u->old.marks[item->first + i]);
	cvg_item_end(&u->new);
}

/*
 * A dot that died is nowhere alive.  No history puts one dot under two
 * elements, but a forged value can have that.
 */
static void
drop_dead(Update *u)
{
	CvgItems	kept = u->new;
	size_t		i;
	size_t		j;

	kept.nitems = kept.nmarks = 0;
	for (i = 0; i < u->new.nitems; i++)
	{
		CvgItem		item = u->new.items[i];

		cvg_item_begin(&kept, item.text);
		for (j = 0; j < item.count; j++)
		{
			const CvgMark *mark = &u->new.marks[item.first + j];

			if (bsearch(mark, u->dead, u->ndead, sizeof(CvgMark), dot_cmp) == NULL)
				cvg_item_add(&kept, mark);
		}
		cvg_item_end(&kept);
	}
	u->new = kept;
}

/* The dotset with what died. */
static void
put_dead(const Update *u, CvgReader set, CvgBuf *out)
{
	CvgDot	   *dead = cvg_items_array(u->ndead, sizeof(CvgDot));
	CvgDot	   *live = cvg_items_array(u->new.nmarks, sizeof(CvgDot));
	size_t		i;

	for (i = 0; i < u->ndead; i++)
		dead[i] = cvg_mark_dot(&u->names, &u->dead[i]);
	for (i = 0; i < u->new.nmarks; i++)
		live[i] = cvg_mark_dot(&u->names, &u->new.marks[i]);
	cvg_dotset_add(set, dead, (int) u->ndead, live, (int) u->new.nmarks, out);
	pfree(dead);
	pfree(live);
}

static void
finish_update(Update *u, CvgReader r, CvgBuf *out)
{
	if (u->ndead > 0)
	{
		qsort(u->dead, u->ndead, sizeof(CvgMark), dot_cmp);
		drop_dead(u);
		put_dead(u, r, out);
	}
	else
		cvg_print_slice(out, cvg_dotset_skip(&r));
	cvg_items_put(&u->new, &u->names, out);
	cvg_items_free(&u->old);
	cvg_items_free(&u->new);
	pfree(u->dead);
	pfree(u->names.ids);
}

void
cvg_cset_change(CvgSlice set, CvgDot dot, const CvgSetChange *changes, int n,
				bool removes, CvgBuf *out)
{
	CvgReader	r = cvg_crdt_body(set);
	bool		dots = cvg_set_needs_dots(set, changes, n);
	Update		u;
	CvgMark		mark = {0, 0, false};
	size_t		i = 0;
	int			k = 0;

	begin_update(&u, r, dots ? dot.replica : cvg_slice(NULL, 0), n);
	if (dots)
		mark.replica = cvg_names_find(&u.names, dot.replica);
	while (i < u.old.nitems || k < n)
	{
		const CvgItem *item = i < u.old.nitems ? &u.old.items[i] : NULL;
		int			c = item == NULL ? 1 : k >= n ? -1 :
		cvg_slice_cmp(item->text, changes[k].element);

		if (c < 0)
			keep_item(&u, item);
		else
		{
			if (c == 0)
				kill_item(&u, item);
			cvg_item_begin(&u.new, changes[k].element);
			mark.stamp = dot.stamp + k;
			mark.remove = changes[k].remove;
			if (!mark.remove || removes)
				cvg_item_add(&u.new, &mark);
			cvg_item_end(&u.new);
			k++;
		}
		if (c <= 0)
			i++;
	}
	finish_update(&u, r, out);
}

void
cvg_cset_reset(CvgReader r, CvgBuf *out)
{
	Update		u;
	size_t		i;

	begin_update(&u, r, cvg_slice(NULL, 0), 0);
	for (i = 0; i < u.old.nitems; i++)
		kill_item(&u, &u.old.items[i]);
	finish_update(&u, r, out);
}

/* --- text ----------------------------------------------------------------------- */

/* One of the two lists; returns whether the other has elements. */
static bool
print_list(const CvgItems *set, const CvgNames *names, bool wanted, CvgBuf *out)
{
	const char *separator = "";
	bool		others = false;
	size_t		i;
	size_t		j;

	cvg_put_u8(out, '{');
	for (i = 0; i < set->nitems; i++)
	{
		const CvgItem *item = &set->items[i];
		bool		present = true;

		for (j = 0; j < item->count; j++)
			present = present && !set->marks[item->first + j].remove;
		if (present != wanted)
		{
			others = true;
			continue;
		}
		cvg_print_string(out, separator);
		separator = ", ";
		cvg_print_text(out, item->text);
		for (j = 0; j < item->count; j++)
		{
			const CvgMark *mark = &set->marks[item->first + j];

			cvg_put_u8(out, ' ');
			cvg_print_dot(out, names->ids[mark->replica], mark->stamp);
			if (mark->remove)
				cvg_print_string(out, " -");
		}
	}
	cvg_put_u8(out, '}');
	return others;
}

void
cvg_cset_print(CvgReader r, CvgBuf *out)
{
	CvgReader	dead = r;
	CvgItemsHead head;
	CvgNames	names;
	CvgItems	set;

	cvg_items_head(&r, &head);
	cvg_names_join(&head, NULL, cvg_slice(NULL, 0), &names);
	cvg_items_load(r, &head, &names, &set);
	if (print_list(&set, &names, true, out))
	{
		cvg_print_string(out, " removed ");
		(void) print_list(&set, &names, false, out);
	}
	if (head.dead.len > 1 || set.nitems == 0)
	{
		cvg_print_string(out, " seen ");
		cvg_dotset_print(dead, out);
	}
	cvg_items_free(&set);
	pfree(names.ids);
}

/* A dot as it stands in a text. */
typedef struct ScannedDot
{
	CvgDot		dot;
	bool		remove;
	int			element;		/* index of the element it follows */
} ScannedDot;

typedef struct ScannedDots
{
	ScannedDot *dots;
	int			n;
	int			size;
	int			elements;
	bool		removes;
} ScannedDots;

/* The dots behind one element: one or more. */
static void
scan_dots(CvgScanner *s, void *arg)
{
	ScannedDots *scan = arg;

	do
	{
		ScannedDot *d;

		if (scan->n == scan->size)
		{
			scan->size *= 2;
			scan->dots = repalloc(scan->dots, sizeof(ScannedDot) * scan->size);
		}
		d = &scan->dots[scan->n++];
		d->dot.replica = cvg_scan_id(s);
		d->dot.stamp = cvg_scan_at_stamp(s);
		d->remove = scan->removes && cvg_scan_char(s, '-');
		d->element = scan->elements;
	} while (cvg_scan_ok(s) && !cvg_scan_at_end(s) && *s->p != ',' && *s->p != '}');
	scan->elements++;
}

/* The ids of all dots. */
static void
scanned_names(const ScannedDots *scan, CvgNames *names)
{
	int			i;

	names->ids = cvg_items_array(scan->n, sizeof(CvgSlice));
	for (i = 0; i < scan->n; i++)
		names->ids[i] = scan->dots[i].dot.replica;
	names->n = cvg_elements_sort(names->ids, scan->n);
}

static int
mark_qsort_cmp(const void *a, const void *b)
{
	return cvg_mark_cmp(a, b);
}

/*
 * The set of what was scanned.  An element must be in the list that its dots
 * say; anything else that is wrong is found by the check.
 */
static void
put_scanned(CvgScanner *s, const CvgScannedSet *elements,
			const ScannedDots *scan, CvgBuf *out)
{
	int		   *first = cvg_items_array(elements->n, sizeof(int));
	CvgNames	names;
	CvgItems	set;
	int			i;
	int			k;

	scanned_names(scan, &names);
	cvg_items_alloc(&set, elements->n, scan->n);
	for (k = scan->n - 1; k >= 0; k--)
		first[scan->dots[k].element] = k;
	for (i = 0; i < elements->n; i++)
	{
		const CvgScannedElement *e = &elements->elements[i];
		CvgItem	   *item = &set.items[i];
		bool		removed = false;

		cvg_item_begin(&set, e->text);
		for (k = first[e->index]; k < scan->n && scan->dots[k].element == e->index; k++)
		{
			CvgMark		mark = {scan->dots[k].dot.stamp,
			cvg_names_find(&names, scan->dots[k].dot.replica), scan->dots[k].remove};

			cvg_item_add(&set, &mark);
			removed = removed || mark.remove;
		}
		cvg_item_end(&set);
		qsort(&set.marks[item->first], item->count, sizeof(CvgMark), mark_qsort_cmp);
		if (removed != e->removed)
			(void) cvg_scan_fail(s, CVG_E_MALFORMED, e->at);
	}
	cvg_items_put(&set, &names, out);
	cvg_items_free(&set);
	pfree(names.ids);
	pfree(first);
}

void
cvg_cset_parse(CvgScanner *s, bool removes, CvgBuf *out)
{
	ScannedDots scan = {palloc(sizeof(ScannedDot) * 16), 0, 16, 0, removes};
	CvgScannedSet elements;

	if (cvg_set_scan(s, &elements, removes, scan_dots, &scan))
	{
		if (cvg_scan_word(s, "seen"))
			cvg_dotset_scan(s, out);
		else if (elements.n > 0)
			cvg_dotset_empty(out);
		else
			(void) cvg_scan_fail(s, CVG_E_SYNTAX, s->p);
		if (cvg_scan_ok(s))
			put_scanned(s, &elements, &scan, out);
	}
	cvg_set_scan_free(&elements);
	pfree(scan.dots);
}
