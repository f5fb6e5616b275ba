/*-------------------------------------------------------------------------
 *
 * document_order.c
 *	  Collaborative text: the tree, and the order of the text.
 *
 *-------------------------------------------------------------------------
 */
#include "core/document_order.h"

static int
child_cmp(const void *pa, const void *pb)
{
	const CvgDocChild *a = pa;
	const CvgDocChild *b = pb;

	if (a->hunk != b->hunk)
		return a->hunk < b->hunk ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	if (a->after != b->after)
		return a->after ? 1 : -1;
	if (a->stamp != b->stamp)
		return a->stamp < b->stamp ? -1 : 1;
	if (a->replica != b->replica)
		return a->replica < b->replica ? -1 : 1;
	return a->start < b->start ? -1 : (a->start > b->start ? 1 : 0);
}

/* The hunk of a write that has this offset. */
static int
hunk_at(const CvgDocOrder *o, const CvgDocWrite *w, uint32 offset)
{
	int			low = w->hunk;
	int			high = w->hunk + w->nhunks - 1;

	while (low < high)
	{
		int			middle = low + (high - low + 1) / 2;

		if (o->nodes[middle].start <= offset)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Begin the walk of the hunks of a write at the right places in it. */
static void
make_nodes(CvgDocOrder *o, int write)
{
	const CvgDoc *doc = o->doc;
	const CvgDocWrite *w = &doc->writes[write];
	CvgDocNode	node = {w->text.data, write, -1, 0, w->dead, 0, false};
	int			h;

	node.ascii = w->text.len == cvg_doc_live(doc, w);
	for (h = w->hunk; h < w->hunk + w->nhunks; h++)
	{
		uint32		end = node.start + doc->hunks[h].len;
		uint32		live = doc->hunks[h].len;

		o->nodes[h] = node;
		if (h == w->hunk + w->nhunks - 1)
			break;
		for (; node.dead < w->dead + w->ndead; node.dead++)
		{
			const CvgDocRange *d = &doc->dead[node.dead];

			if (d->from < end)
				live -= Min(d->to, end) - Max(d->from, node.start);
			if (d->to > end)
				break;
		}
		if (live > 0)
			node.text = node.ascii ? node.text + live : cvg_utf8_skip(node.text, live);
		node.start = end;
	}
}

/* Hang a hunk on its parent, if that is there. */
static void
make_child(CvgDocOrder *o, int write, int h)
{
	const CvgDoc *doc = o->doc;
	const CvgDocHunk *hunk = &doc->hunks[h];
	CvgDocChild *c;
	int			parent = -1;

	if (hunk->place != CVG_DOC_START)
	{
		int			w = cvg_doc_find(doc, hunk->replica, hunk->stamp);

		if (w < 0 || hunk->offset >= doc->writes[w].len)
			return;
		parent = hunk_at(o, &doc->writes[w], hunk->offset);
	}
	c = CVG_DOC_PUSH(o->children, o->nchildren, o->max_children);
	c->stamp = doc->writes[write].stamp;
	c->replica = doc->writes[write].replica;
	c->start = o->nodes[h].start;
	c->hunk = parent;
	c->offset = hunk->offset;
	c->after = hunk->place != CVG_DOC_BEFORE;
	c->child = h;
}

static void
make_tree(CvgDocOrder *o)
{
	const CvgDoc *doc = o->doc;
	int			i;
	int			h;

	o->nodes = palloc_extended(sizeof(CvgDocNode) * ((size_t) doc->nhunks + 1),
							   MCXT_ALLOC_HUGE);
	for (i = 0; i < doc->nwrites; i++)
		make_nodes(o, i);
	for (i = 0; i < doc->nwrites; i++)
	{
		const CvgDocWrite *w = &doc->writes[i];

		for (h = w->hunk; h < w->hunk + w->nhunks; h++)
		{
			int			before = w->hunk - 1;

			if (cvg_doc_hunk_follows(doc, i, &doc->hunks[h]) &&
				o->nodes[before].next < 0)
				o->nodes[before].next = h;
			else
				make_child(o, i, h);
		}
	}
	if (o->nchildren > 1)
		qsort(o->children, o->nchildren, sizeof(CvgDocChild), child_cmp);
	for (i = o->nchildren - 1; i >= 0; i--)
	{
		if (o->children[i].hunk >= 0)
			o->nodes[o->children[i].hunk].child = i;
	}
}

static void
add_span(CvgDocOrder *o, int write, uint32 from, uint32 len, const uint8 *text,
		 uint32 nbytes)
{
	CvgDocSpan *s = o->nspans > 0 ? &o->spans[o->nspans - 1] : NULL;

	if (len == 0)
		return;
	if (text != NULL)
		o->length += len;
	if (s == NULL || s->write != write || s->from + s->len != from ||
		(s->text == NULL) != (text == NULL))
	{
		s = CVG_DOC_PUSH(o->spans, o->nspans, o->max_spans);
		s->write = write;
		s->from = from;
		s->text = text;
		s->len = 0;
		s->nbytes = 0;
	}
	s->len += len;
	s->nbytes += nbytes;
}

/* These characters of a hunk come next in the text. */
static void
walk_chars(CvgDocOrder *o, int hunk, uint32 from, uint32 to)
{
	CvgDocNode *node = &o->nodes[hunk];
	const CvgDoc *doc = o->doc;
	const CvgDocWrite *w = &doc->writes[node->write];

	while (from < to)
	{
		const CvgDocRange *d = &doc->dead[node->dead];
		bool		dead = node->dead < w->dead + w->ndead;
		uint32		end;

		if (dead && d->to <= from)
		{
			node->dead++;
			continue;
		}
		if (dead && d->from <= from)
		{
			end = Min(d->to, to);
			add_span(o, node->write, from, end - from, NULL, 0);
		}
		else
		{
			const uint8 *p = node->text;

			end = dead ? Min(d->from, to) : to;
			node->text = node->ascii ? p + (end - from) : cvg_utf8_skip(p, end - from);
			add_span(o, node->write, from, end - from, p, node->text - p);
		}
		from = end;
	}
}

static inline void
push(CvgDocOrder *o, int hunk, uint32 from, bool single)
{
	CvgDocTask *t = CVG_DOC_PUSH(o->stack, o->depth, o->max_depth);

	t->hunk = hunk;
	t->from = from;
	t->single = single;
}

static inline bool
is_child(const CvgDocOrder *o, int c, int hunk)
{
	return c < o->nchildren && o->children[c].hunk == hunk;
}

/*
 * What to do at a character with children other than its continuation, last
 * first: left children, itself, right children with the continuation among
 * them.
 */
static void
push_char(CvgDocOrder *o, int hunk, uint32 at)
{
	CvgDocNode *node = &o->nodes[hunk];
	uint32		end = node->start + o->doc->hunks[hunk].len;
	const CvgDocWrite *w;
	CvgDocChild goes_on = {.hunk = hunk, .offset = at, .after = true, .child = -1};
	int			first = node->child;
	int			c = first;

	if (at + 1 < end || node->next >= 0)
	{
		goes_on.child = at + 1 < end ? hunk : node->next;
		goes_on.start = at + 1 < end ? at + 1 : o->nodes[node->next].start;
		w = &o->doc->writes[o->nodes[goes_on.child].write];
		goes_on.stamp = w->stamp;
		goes_on.replica = w->replica;
	}
	while (is_child(o, c, hunk) && o->children[c].offset == at)
		c++;
	node->child = c;
	while (--c >= first && o->children[c].after)
	{
		if (goes_on.child >= 0 && child_cmp(&o->children[c], &goes_on) < 0)
		{
			push(o, goes_on.child, goes_on.start, false);
			goes_on.child = -1;
		}
		push(o, o->children[c].child, o->children[c].start, false);
	}
	if (goes_on.child >= 0)
		push(o, goes_on.child, goes_on.start, false);
	push(o, hunk, at, true);
	for (; c >= first; c--)
		push(o, o->children[c].child, o->children[c].start, false);
}

/* A hunk up to the first character with children, and what continues it. */
static void
walk_hunk(CvgDocOrder *o, int hunk, uint32 from)
{
	while (!is_child(o, o->nodes[hunk].child, hunk))
	{
		walk_chars(o, hunk, from, o->nodes[hunk].start + o->doc->hunks[hunk].len);
		hunk = o->nodes[hunk].next;
		if (hunk < 0)
			return;
		from = o->nodes[hunk].start;
	}
	walk_chars(o, hunk, from, o->children[o->nodes[hunk].child].offset);
	push_char(o, hunk, o->children[o->nodes[hunk].child].offset);
}

void
cvg_doc_order(CvgDocOrder *o, const CvgDoc *doc)
{
	int			n = 0;

	memset(o, 0, sizeof(*o));
	o->doc = doc;
	o->children = cvg_doc_grow(NULL, 0, &o->max_children, sizeof(CvgDocChild));
	o->spans = cvg_doc_grow(NULL, 0, &o->max_spans, sizeof(CvgDocSpan));
	o->spans = cvg_doc_reserve(o->spans, 0, &o->max_spans, doc->nhunks,
							   sizeof(CvgDocSpan));
	make_tree(o);
	while (is_child(o, n, -1))
		n++;
	while (n-- > 0)
		push(o, o->children[n].child, o->children[n].start, false);
	while (o->depth > 0)
	{
		CvgDocTask	t = o->stack[--o->depth];

		if (t.single)
			walk_chars(o, t.hunk, t.from, t.from + 1);
		else
			walk_hunk(o, t.hunk, t.from);
	}
}

void
cvg_doc_order_free(CvgDocOrder *o)
{
	pfree(o->nodes);
	pfree(o->children);
	pfree(o->spans);
	if (o->stack != NULL)
		pfree(o->stack);
}

bool
cvg_doc_has_right_child(const CvgDocOrder *o, const CvgDocWrite *w, uint32 offset)
{
	int			hunk = hunk_at(o, w, offset);
	const CvgDocNode *node = &o->nodes[hunk];
	int			low = 0;
	int			n = o->nchildren;

	if (offset + 1 < node->start + o->doc->hunks[hunk].len || node->next >= 0)
		return true;
	/* the first child that is not before the right ones of this character */
	while (n > 0)
	{
		const CvgDocChild *c = &o->children[low + n / 2];

		if (c->hunk < hunk || (c->hunk == hunk &&
							   (c->offset < offset || (c->offset == offset && !c->after))))
		{
			low += n / 2 + 1;
			n -= n / 2 + 1;
		}
		else
			n /= 2;
	}
	return is_child(o, low, hunk) && o->children[low].offset == offset;
}

void
cvg_doc_order_text(const CvgDocOrder *o, CvgBuf *out)
{
	int			i;

	for (i = 0; i < o->nspans; i++)
	{
		if (o->spans[i].text != NULL)
			cvg_put_bytes(out, o->spans[i].text, o->spans[i].nbytes);
	}
}

void
cvg_doc_plain(const CvgDoc *doc, CvgBuf *out)
{
	CvgDocOrder o;

	cvg_doc_order(&o, doc);
	cvg_doc_order_text(&o, out);
	cvg_doc_order_free(&o);
}
