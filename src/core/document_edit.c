/*-------------------------------------------------------------------------
 *
 * document_edit.c
 *	  Collaborative text: reads and updates.
 *
 * An update makes the difference as a document of its own, and merges it.
 *
 *-------------------------------------------------------------------------
 */
#include "core/document.h"

#include "core/diff.h"
#include "core/document_order.h"

/* --- reads ------------------------------------------------------------------- */

static void
read_document(CvgSlice document, CvgDoc *doc)
{
	CvgReader	r = cvg_crdt_body(document);

	cvg_doc_read(&r, doc);
}

void
cvg_document_text(CvgSlice document, CvgBuf *out)
{
	CvgDoc		doc;

	read_document(document, &doc);
	cvg_doc_plain(&doc, out);
	cvg_doc_free(&doc);
}

int64
cvg_document_length(CvgSlice document)
{
	CvgDoc		doc;
	CvgDocOrder o;
	int64		length;

	read_document(document, &doc);
	cvg_doc_order(&o, &doc);
	length = o.length;
	cvg_doc_order_free(&o);
	cvg_doc_free(&doc);
	return length;
}

CvgDocumentRun *
cvg_document_authors(CvgSlice document, int *n, CvgBuf *text)
{
	CvgDocumentRun *runs = NULL;
	CvgDocumentRun *run = NULL;
	CvgDoc		doc;
	CvgDocOrder o;
	int64		position = 0;
	int			max = 0;
	int			i;

	*n = 0;
	read_document(document, &doc);
	cvg_doc_order(&o, &doc);
	for (i = 0; i < o.nspans; i++)
	{
		const CvgDocSpan *s = &o.spans[i];
		const CvgDocWrite *w = &doc.writes[s->write];
		CvgSlice	id = doc.ids[w->replica];

		if (s->text == NULL)
			continue;
		if (run == NULL || !cvg_slice_eq(run->replica, id))
		{
			run = CVG_DOC_PUSH(runs, *n, max);
			memset(run, 0, sizeof(*run));
			run->replica = id;
			run->position = position;
			run->byte = text->len;
		}
		run->stamp = Max(run->stamp, w->stamp);
		run->len += s->len;
		run->nbytes += s->nbytes;
		position += s->len;
		cvg_put_bytes(text, s->text, s->nbytes);
	}
	cvg_doc_order_free(&o);
	cvg_doc_free(&doc);
	return runs;
}

/* --- updates ------------------------------------------------------------------ */

/* A place in the text: before the character at an index, in a span. */
typedef struct Cursor
{
	int			span;
	uint32		in_span;
	int64		index;
} Cursor;

/* A deletion that an update makes. */
typedef struct Deletion
{
	int			write;
	CvgDocRange range;
} Deletion;

typedef struct Update
{
	CvgDoc		base;
	CvgDocOrder order;
	Cursor		cursor;			/* only moves forward */
	CvgDot		dot;
	CvgDocHunk *hunks;			/* to insert */
	int			nhunks;
	int			max_hunks;
	CvgBuf		text;			/* of these */
	Deletion   *deletions;
	int			ndeletions;
	int			max_deletions;
} Update;

static void
update_begin(Update *u, CvgSlice document, CvgDot dot)
{
	memset(u, 0, sizeof(*u));
	read_document(document, &u->base);
	cvg_doc_order(&u->order, &u->base);
	cvg_buf_init(&u->text);
	u->dot = dot;
}

/* Move forward to the gap before the character at index, or to the end. */
static void
seek(Update *u, int64 index)
{
	const CvgDocOrder *o = &u->order;
	Cursor	   *c = &u->cursor;

	while (c->span < o->nspans && c->index < index)
	{
		const CvgDocSpan *s = &o->spans[c->span];
		uint32		left = s->text == NULL ? 0 : s->len - c->in_span;

		if (left > index - c->index)
		{
			c->in_span += (uint32) (index - c->index);
			c->index = index;
			return;
		}
		c->index += left;
		c->span++;
		c->in_span = 0;
	}
}

static void
hang_on(CvgDocHunk *hunk, CvgDocPlace place, const CvgDocWrite *w,
		uint32 offset)
{
	hunk->place = place;
	hunk->replica = w->replica;
	hunk->stamp = w->stamp;
	hunk->offset = offset;
}

/*
 * Where what is inserted before the character at index hangs: on the
 * character before it, or, if that has right children, on what follows that
 * one, deleted or not.
 */
static CvgDocHunk
place_at(Update *u, int64 index)
{
	const CvgDocOrder *o = &u->order;
	CvgDocHunk	hunk = {.place = CVG_DOC_START};
	const CvgDocSpan *s = o->spans;
	uint32		offset;

	if (index > 0)
	{
		const CvgDocWrite *w;

		seek(u, index - 1);
		/* behind what is deleted: at the character itself */
		while (o->spans[u->cursor.span].text == NULL)
			u->cursor.span++;
		s = &o->spans[u->cursor.span];
		w = &u->base.writes[s->write];
		offset = s->from + u->cursor.in_span;
		if (!cvg_doc_has_right_child(o, w, offset))
		{
			hang_on(&hunk, CVG_DOC_AFTER, w, offset);
			return hunk;
		}
		if (u->cursor.in_span + 1 < s->len)
		{
			hang_on(&hunk, CVG_DOC_BEFORE, w, offset + 1);
			return hunk;
		}
		s++;
	}
	if (o->nspans > 0)
		hang_on(&hunk, CVG_DOC_BEFORE, &u->base.writes[s->write], s->from);
	return hunk;
}

static void
insert_at(Update *u, int64 index, CvgSlice text, uint32 len)
{
	CvgDocHunk	hunk = place_at(u, index);

	hunk.len = len;
	*CVG_DOC_PUSH(u->hunks, u->nhunks, u->max_hunks) = hunk;
	cvg_put_bytes(&u->text, text.data, text.len);
}

static void
delete_at(Update *u, int64 index, int64 len)
{
	const CvgDocOrder *o = &u->order;

	while (len > 0)
	{
		const CvgDocSpan *s;
		Deletion   *d;
		int64		n;

		seek(u, index);
		while (o->spans[u->cursor.span].text == NULL)
			u->cursor.span++;
		s = &o->spans[u->cursor.span];
		n = Min(len, (int64) s->len - u->cursor.in_span);
		d = CVG_DOC_PUSH(u->deletions, u->ndeletions, u->max_deletions);
		d->write = s->write;
		d->range.from = s->from + u->cursor.in_span;
		d->range.to = d->range.from + (uint32) n;
		index += n;
		len -= n;
	}
}

static int
deletion_cmp(const void *pa, const void *pb)
{
	const Deletion *a = pa;
	const Deletion *b = pb;

	if (a->write != b->write)
		return a->write < b->write ? -1 : 1;
	return a->range.from < b->range.from ? -1 : 1;
}

/* The new write, if there is one. */
static void
put_insertion(Update *u, CvgDoc *delta, int self, bool new_id)
{
	int			i;

	if (u->nhunks == 0)
		return;
	cvg_doc_begin_write(delta, self, u->dot.stamp);
	for (i = 0; i < u->nhunks; i++)
	{
		CvgDocHunk	hunk = u->hunks[i];

		if (new_id && hunk.place != CVG_DOC_START && hunk.replica >= self)
			hunk.replica++;
		cvg_doc_add_hunk(delta, &hunk);
	}
	delta->writes[delta->nwrites - 1].text = cvg_buf_slice(&u->text);
}

/* The difference that the update makes, as a document. */
static void
make_delta(Update *u, CvgDoc *delta)
{
	const CvgDoc *base = &u->base;
	int			self = 0;
	bool		new_id;
	bool		inserted = false;
	int			i;

	cvg_doc_init(delta);
	while (self < base->nids && cvg_slice_cmp(base->ids[self], u->dot.replica) < 0)
		self++;
	new_id = u->nhunks > 0 && (self == base->nids ||
							   !cvg_slice_eq(base->ids[self], u->dot.replica));
	delta->ids = cvg_doc_alloc(base->nids + 1, sizeof(CvgSlice));
	for (i = 0; i < base->nids; i++)
		delta->ids[new_id && i >= self ? i + 1 : i] = base->ids[i];
	delta->nids = base->nids + new_id;
	if (new_id)
		delta->ids[self] = u->dot.replica;

	if (u->ndeletions > 1)
		qsort(u->deletions, u->ndeletions, sizeof(Deletion), deletion_cmp);
	for (i = 0; i < u->ndeletions; i++)
	{
		const Deletion *d = &u->deletions[i];
		const CvgDocWrite *w = &base->writes[d->write];
		int			replica = new_id && w->replica >= self ? w->replica + 1 : w->replica;

		/* the new write is the latest of its replica */
		if (!inserted && replica > self)
		{
			put_insertion(u, delta, self, new_id);
			inserted = true;
		}
		if (i == 0 || d[-1].write != d->write)
			cvg_doc_begin_write(delta, replica, w->stamp);
		cvg_doc_add_dead(delta, d->range.from, d->range.to);
	}
	if (!inserted)
		put_insertion(u, delta, self, new_id);
}

static CvgStatus
update_end(Update *u, CvgStatus status, CvgBuf *out)
{
	size_t		start = out->len;
	int			i;

	if (status == CVG_OK && u->nhunks > 0)
	{
		if (!cvg_replica_id_valid(u->dot.replica))
			status = CVG_E_BAD_ID;
		else if (u->text.len > CVG_CRDT_MAX_BYTES)
			status = CVG_E_LIMIT;
		for (i = 0; i < u->base.nwrites; i++)
		{
			if (u->base.writes[i].stamp >= u->dot.stamp && status == CVG_OK)
				status = CVG_E_FORBIDDEN;
		}
	}
	if (status == CVG_OK)
	{
		CvgDoc		delta;
		CvgDoc		new;

		make_delta(u, &delta);
		cvg_doc_merge(&u->base, &delta, &new);
		cvg_crdt_put_header(&cvg_document_ops, out);
		cvg_doc_write(&new, out);
		status = cvg_crdt_finish(CVG_OK, start, out);
		cvg_doc_free(&new);
		cvg_doc_free(&delta);
	}
	if (u->hunks != NULL)
		pfree(u->hunks);
	if (u->deletions != NULL)
		pfree(u->deletions);
	cvg_buf_free(&u->text);
	cvg_doc_order_free(&u->order);
	cvg_doc_free(&u->base);
	return status;
}

CvgStatus
cvg_document_insert(CvgSlice document, CvgDot dot, int64 position,
					CvgSlice text, CvgBuf *out)
{
	int64		len = cvg_utf8_count(text);
	CvgStatus	status = CVG_OK;
	Update		u;

	if (len < 0)
		return CVG_E_SYNTAX;
	update_begin(&u, document, dot);
	if (position < 0 || position > u.order.length)
		status = CVG_E_OVERFLOW;
	else if (text.len > CVG_CRDT_MAX_BYTES)
		status = CVG_E_LIMIT;
	else if (len > 0)
		insert_at(&u, position, text, (uint32) len);
	return update_end(&u, status, out);
}

CvgStatus
cvg_document_delete(CvgSlice document, int64 position, int64 len, CvgBuf *out)
{
	CvgDot		none = {{NULL, 0}, 0};
	CvgStatus	status = CVG_OK;
	Update		u;

	update_begin(&u, document, none);
	if (position < 0 || position > u.order.length || len < 0)
		status = CVG_E_OVERFLOW;
	else
		delete_at(&u, position, Min(len, u.order.length - position));
	return update_end(&u, status, out);
}

/* The characters of a text as numbers, to be compared. */
static uint32 *
code_points(CvgSlice text, int64 n)
{
	uint32	   *points = cvg_doc_alloc((size_t) n, sizeof(uint32));
	const uint8 *p = text.data;
	int64		i;

	for (i = 0; i < n; i++)
	{
		int			len = cvg_utf8_len(*p);

		points[i] = *p++;
		while (--len > 0)
			points[i] = points[i] << 8 | *p++;
	}
	return points;
}

CvgStatus
cvg_document_edit(CvgSlice document, CvgDot dot, CvgSlice text, CvgBuf *out)
{
	int64		len = cvg_utf8_count(text);
	const uint8 *p = text.data;
	uint32	   *old;
	uint32	   *new;
	int			at = 0;
	CvgDiff    *script;
	CvgBuf		plain;
	Update		u;
	int			n;
	int			i;

	if (len < 0)
		return CVG_E_SYNTAX;
	if (text.len > CVG_CRDT_MAX_BYTES)
		return CVG_E_LIMIT;
	update_begin(&u, document, dot);
	cvg_buf_init(&plain);
	cvg_doc_order_text(&u.order, &plain);
	old = code_points(cvg_buf_slice(&plain), u.order.length);
	new = code_points(text, len);
	n = cvg_diff(old, (int) u.order.length, new, (int) len, &script);
	for (i = 0; i < n; i++)
	{
		const CvgDiff *d = &script[i];

		if (d->blen > 0)
		{
			const uint8 *from = cvg_utf8_skip(p, d->b - at);

			at = d->b + d->blen;
			p = cvg_utf8_skip(from, d->blen);
			insert_at(&u, d->a, cvg_slice(from, p - from), d->blen);
		}
		delete_at(&u, d->a, d->alen);
	}
	pfree(script);
	pfree(old);
	pfree(new);
	cvg_buf_free(&plain);
	return update_end(&u, CVG_OK, out);
}

/* --- plain texts -------------------------------------------------------------- */

CvgStatus
cvg_doc_assign(CvgSlice old, CvgSlice new, CvgDotSupply *dots, CvgBuf *out)
{
	CvgStatus	status;
	CvgBuf		is;
	CvgBuf		wanted;

	cvg_buf_init(&is);
	cvg_buf_init(&wanted);
	cvg_document_text(old, &is);
	cvg_document_text(new, &wanted);
	if (cvg_slice_eq(cvg_buf_slice(&is), cvg_buf_slice(&wanted)))
	{
		cvg_print_slice(out, old);
		status = CVG_OK;
	}
	else
		status = cvg_document_edit(old, cvg_next_dot(dots),
								   cvg_buf_slice(&wanted), out);
	cvg_buf_free(&is);
	cvg_buf_free(&wanted);
	return status;
}

/*
 * Any text is a plain form, but for one that begins as a state does: if that
 * is damaged, it is an error and not the new content.
 */
CvgStatus
cvg_doc_parse_plain(CvgScanner *s, CvgDotSupply *dots, CvgBuf *out)
{
	CvgSlice	text = cvg_slice(s->p, s->end - s->p);
	CvgDot		none = {{NULL, 0}, 0};
	CvgStatus	status;
	CvgBuf		bottom;

	if (cvg_doc_looks_like_state(text))
		return CVG_E_SYNTAX;
	s->p = s->end;
	cvg_buf_init(&bottom);
	cvg_crdt_bottom(&cvg_document_ops, &bottom);
	status = cvg_document_insert(cvg_buf_slice(&bottom),
								 text.len > 0 ? cvg_next_dot(dots) : none, 0,
								 text, out);
	cvg_buf_free(&bottom);
	return status;
}
