/*-------------------------------------------------------------------------
 *
 * causal_items.c
 *	  A causal set in arrays, to be worked on.
 *
 *-------------------------------------------------------------------------
 */
#include "core/causal_items.h"

#include "common/int.h"

void
cvg_items_alloc(CvgItems *set, size_t nitems, size_t nmarks)
{
	set->items = cvg_items_array(nitems, sizeof(CvgItem));
	set->marks = cvg_items_array(nmarks, sizeof(CvgMark));
	set->nitems = set->nmarks = 0;
}

void
cvg_items_free(CvgItems *set)
{
	pfree(set->items);
	pfree(set->marks);
}

void
cvg_items_head(CvgReader *r, CvgItemsHead *head)
{
	int			i;

	head->dead = cvg_dotset_skip(r);
	head->nnames = 0;
	head->names = *r;
	head->base = 0;
	if (!cvg_reader_ok(r) || cvg_reader_at_end(r))
		return;

	/* each takes at least two bytes */
	head->nnames = (int) cvg_get_varint_max(r, (r->len - r->pos) / 2);
	head->names = *r;
	for (i = 0; i < head->nnames; i++)
		(void) cvg_get_replica_id(r);
	head->base = cvg_get_stamp(r);
}

/* One dot; returns whether another follows. */
bool
cvg_mark_read(CvgReader *r, CvgStamp base, CvgMark *mark)
{
	uint64		code = cvg_get_varint(r);
	CvgStamp	more = cvg_get_stamp(r);

	mark->replica = (uint32) Min(code / CVG_MARK_REPLICA, PG_UINT32_MAX);
	mark->remove = (code & CVG_MARK_REMOVE) != 0;
	mark->stamp = 0;
	if (pg_add_s64_overflow(base, more, &mark->stamp))
		cvg_reader_fail(r, CVG_E_OVERFLOW);
	return cvg_reader_ok(r) && (code & CVG_MARK_MORE) != 0;
}

bool
cvg_item_read(CvgReader *r, CvgSlice *element)
{
	if (!cvg_reader_ok(r) || cvg_reader_at_end(r))
		return false;
	*element = cvg_get_slice(r, CVG_CRDT_MAX_BYTES);
	return cvg_reader_ok(r);
}

/* The ids of two heads (the second may be NULL) and one more. */
void
cvg_names_join(CvgItemsHead *a, CvgItemsHead *b, CvgSlice extra, CvgNames *names)
{
	CvgSlice	ida = {NULL, 0};
	CvgSlice	idb = {NULL, 0};
	int			na = a->nnames;
	int			nb = b != NULL ? b->nnames : 0;
	CvgReader	ra = a->names;
	CvgReader	rb = b != NULL ? b->names : a->names;

	names->ids = cvg_items_array((size_t) na + nb + 1, sizeof(CvgSlice));
	names->n = 0;
	while (na > 0 || nb > 0 || extra.len > 0)
	{
		CvgSlice	least = extra;

		if (na > 0 && ida.len == 0)
			ida = cvg_get_replica_id(&ra);
		if (nb > 0 && idb.len == 0)
			idb = cvg_get_replica_id(&rb);
		if (na > 0 && (least.len == 0 || cvg_slice_cmp(ida, least) < 0))
			least = ida;
		if (nb > 0 && (least.len == 0 || cvg_slice_cmp(idb, least) < 0))
			least = idb;
		names->ids[names->n++] = least;
		if (na > 0 && cvg_slice_eq(ida, least))
		{
			ida.len = 0;
			na--;
		}
		if (nb > 0 && cvg_slice_eq(idb, least))
		{
			idb.len = 0;
			nb--;
		}
		if (cvg_slice_eq(extra, least))
			extra.len = 0;
	}
}

uint32
cvg_names_find(const CvgNames *names, CvgSlice id)
{
	int			low = 0;
	int			high = names->n;

	while (low < high)
	{
		int			mid = low + (high - low) / 2;

		if (cvg_slice_cmp(names->ids[mid], id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return (uint32) low;
}

/* All entries; r stands behind the head. */
void
cvg_items_load(CvgReader r, CvgItemsHead *head, const CvgNames *names, CvgItems *set)
{
	CvgReader	count = r;
	CvgReader	ids = head->names;
	uint32	   *places = cvg_items_array(head->nnames, sizeof(uint32));
	size_t		nitems = 0;
	size_t		nmarks = 0;
	CvgMark		mark;
	CvgSlice	text;
	int			i;

	for (i = 0; i < head->nnames; i++)
		places[i] = cvg_names_find(names, cvg_get_replica_id(&ids));
	for (; cvg_item_read(&count, &text); nitems++)
	{
		for (nmarks++; cvg_mark_read(&count, head->base, &mark); nmarks++)
			 /* all of them */ ;
	}
	cvg_items_alloc(set, nitems, nmarks);
	while (cvg_item_read(&r, &text))
	{
		CvgItem	   *item = &set->items[set->nitems++];
		bool		more;

		item->text = text;
		item->first = set->nmarks;
		do
		{
			more = cvg_mark_read(&r, head->base, &mark);
			mark.replica = places[mark.replica];
			set->marks[set->nmarks++] = mark;
		} while (more);
		item->count = set->nmarks - item->first;
	}
	pfree(places);
}

/* Everything behind the dotset. */
void
cvg_items_put(const CvgItems *set, const CvgNames *names, CvgBuf *out)
{
	uint32	   *places = cvg_items_array(names->n, sizeof(uint32));
	CvgStamp	smallest = PG_INT64_MAX;
	uint32		n = 0;
	size_t		i;
	size_t		j;

	if (set->nitems == 0)
	{
		pfree(places);
		return;
	}
	memset(places, 0, sizeof(uint32) * names->n);
	for (i = 0; i < set->nmarks; i++)
	{
		smallest = Min(smallest, set->marks[i].stamp);
		places[set->marks[i].replica] = 1;
	}
	for (i = 0; i < names->n; i++)
		n += places[i];
	cvg_put_varint(out, n);
	for (n = 0, i = 0; i < names->n; i++)
	{
		if (places[i] == 0)
			continue;
		places[i] = n++;
		cvg_put_slice(out, names->ids[i]);
	}
	cvg_put_varint(out, (uint64) smallest);
	for (i = 0; i < set->nitems; i++)
	{
		const CvgItem *item = &set->items[i];

		cvg_put_slice(out, item->text);
		for (j = 0; j < item->count; j++)
		{
			const CvgMark *mark = &set->marks[item->first + j];

			cvg_put_varint(out, (uint64) places[mark->replica] * CVG_MARK_REPLICA +
						   (mark->remove ? CVG_MARK_REMOVE : 0) +
						   (j + 1 < item->count ? CVG_MARK_MORE : 0));
			cvg_put_varint(out, (uint64) (mark->stamp - smallest));
		}
	}
	pfree(places);
}
