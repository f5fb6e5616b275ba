/*-------------------------------------------------------------------------
 *
 * document_merge.c
 *	  Collaborative text: merge and difference of two states.
 *
 * Either is a walk over the writes of both sides in their common order.
 * What is under one dot is joined as document.h says: a total order of
 * structures first, then the union of what is deleted, then the text.
 *
 *-------------------------------------------------------------------------
 */
#include "core/document_state.h"

/* Two documents, with what their replicas are called in a common table. */
typedef struct Pair
{
	const CvgDoc *doc[2];
	int		   *number[2];
} Pair;

static void
pair_begin(Pair *pair, const CvgDoc *a, const CvgDoc *b, CvgDoc *out)
{
	int			i = 0;
	int			j = 0;

	cvg_doc_init(out);
	out->writes = cvg_doc_reserve(out->writes, 0, &out->max_writes,
								  (uint64) a->nwrites + b->nwrites, sizeof(CvgDocWrite));
	out->hunks = cvg_doc_reserve(out->hunks, 0, &out->max_hunks,
								 (uint64) a->nhunks + b->nhunks, sizeof(CvgDocHunk));
	out->ids = cvg_doc_alloc((size_t) a->nids + b->nids, sizeof(CvgSlice));
	pair->doc[0] = a;
	pair->doc[1] = b;
	pair->number[0] = cvg_doc_alloc(a->nids, sizeof(int));
	pair->number[1] = cvg_doc_alloc(b->nids, sizeof(int));
	while (i < a->nids || j < b->nids)
	{
		int			c = i >= a->nids ? 1 : (j >= b->nids ? -1 :
											cvg_slice_cmp(a->ids[i], b->ids[j]));

		out->ids[out->nids] = c <= 0 ? a->ids[i] : b->ids[j];
		if (c <= 0)
			pair->number[0][i++] = out->nids;
		if (c >= 0)
			pair->number[1][j++] = out->nids;
		out->nids++;
	}
}

static void
pair_end(Pair *pair)
{
	pfree(pair->number[0]);
	pfree(pair->number[1]);
}

/* Order of writes: by replica, then stamp. */
static int
dot_order(const Pair *pair, const CvgDocWrite *a, const CvgDocWrite *b)
{
	int			ra = pair->number[0][a->replica];
	int			rb = pair->number[1][b->replica];

	if (ra != rb)
		return ra < rb ? -1 : 1;
	return a->stamp < b->stamp ? -1 : (a->stamp > b->stamp ? 1 : 0);
}

/* The total order of structures; that of no hunks is the least. */
static int
structure_order(const Pair *pair, const CvgDocWrite *a, const CvgDocWrite *b)
{
	int			i;

	if (a->nhunks != b->nhunks)
		return a->nhunks < b->nhunks ? -1 : 1;
	for (i = 0; i < a->nhunks; i++)
	{
		const CvgDocHunk *x = &pair->doc[0]->hunks[a->hunk + i];
		const CvgDocHunk *y = &pair->doc[1]->hunks[b->hunk + i];
		int			rx;
		int			ry;

		if (x->len != y->len)
			return x->len < y->len ? -1 : 1;
		if (x->place != y->place)
			return x->place < y->place ? -1 : 1;
		if (x->place == CVG_DOC_START)
			continue;
		if (x->stamp != y->stamp)
			return x->stamp < y->stamp ? -1 : 1;
		if (x->offset != y->offset)
			return x->offset < y->offset ? -1 : 1;
		rx = pair->number[0][x->replica];
		ry = pair->number[1][y->replica];
		if (rx != ry)
			return rx < ry ? -1 : 1;
	}
	return 0;
}

/* Begin a write of the result with the structure of this one. */
static void
put_structure(CvgDoc *out, const CvgDoc *doc, const int *number,
			  const CvgDocWrite *w)
{
	int			i;

	cvg_doc_begin_write(out, number[w->replica], w->stamp);
	for (i = w->hunk; i < w->hunk + w->nhunks; i++)
	{
		CvgDocHunk	hunk = doc->hunks[i];

		if (hunk.place != CVG_DOC_START)
			hunk.replica = number[hunk.replica];
		cvg_doc_add_hunk(out, &hunk);
	}
}

/* All of a write that only one side has. */
static void
put_copy(CvgDoc *out, const CvgDoc *doc, const int *number,
		 const CvgDocWrite *w)
{
	int			i;

	put_structure(out, doc, number, w);
	for (i = w->dead; i < w->dead + w->ndead; i++)
		cvg_doc_add_dead(out, doc->dead[i].from, doc->dead[i].to);
	out->writes[out->nwrites - 1].text = w->text;
}

static void
put_dead_union(CvgDoc *out, const CvgDoc *a, const CvgDocWrite *wa,
			   const CvgDoc *b, const CvgDocWrite *wb)
{
	const CvgDocRange *x = a->dead + wa->dead;
	const CvgDocRange *xend = x + wa->ndead;
	const CvgDocRange *y = b->dead + wb->dead;
	const CvgDocRange *yend = y + wb->ndead;

	while (x < xend || y < yend)
	{
		const CvgDocRange *next = y >= yend || (x < xend && x->from <= y->from) ? x++ : y++;

		cvg_doc_add_dead(out, next->from, next->to);
	}
}

/* What is deleted in b and not in a; false if nothing. */
static bool
put_dead_minus(CvgDoc *out, const CvgDoc *a, const CvgDocWrite *wa,
			   const CvgDoc *b, const CvgDocWrite *wb)
{
	const CvgDocRange *x = a->dead + wa->dead;
	const CvgDocRange *xend = x + wa->ndead;
	int			before = out->ndead;
	int			i;

	for (i = wb->dead; i < wb->dead + wb->ndead; i++)
	{
		CvgDocRange left = b->dead[i];

		while (x < xend && x->to <= left.from)
			x++;
		while (x < xend && x->from < left.to && left.from < left.to)
		{
			if (x->from > left.from)
				cvg_doc_add_dead(out, left.from, x->from);
			left.from = Min(x->to, left.to);
			if (x->to <= left.to)
				x++;
		}
		if (left.from < left.to)
			cvg_doc_add_dead(out, left.from, left.to);
	}
	return out->ndead > before;
}

/* The text of w without what is deleted in the result, where more is. */
static void
live_text(const CvgDoc *doc, const CvgDocWrite *w, const CvgDocRange *dead,
		  int ndead, CvgBuf *text)
{
	const CvgDocRange *own = doc->dead + w->dead;
	const CvgDocRange *own_end = own + w->ndead;
	bool		ascii = w->text.len == cvg_doc_live(doc, w);
	const uint8 *p = w->text.data;
	uint32		at = 0;
	int			i = 0;

	if (w->text.len == 0)
		return;
	while (at < w->len)
	{
		uint32		to = i < ndead ? Min(dead[i].from, w->len) : w->len;
		uint32		gone = 0;
		const uint8 *end = ascii ? p + (to - at) : cvg_utf8_skip(p, to - at);

		cvg_put_bytes(text, p, end - p);
		p = end;
		at = to;
		if (at >= w->len)
			break;
		/* some of what is deleted in the result is so already */
		to = Min(dead[i].to, w->len);
		i++;
		for (; own < own_end && own->from < to; own++)
			gone += Min(own->to, to) - own->from;
		p = ascii ? p + (to - at - gone) : cvg_utf8_skip(p, to - at - gone);
		at = to;
	}
}

/* Of two texts of one length, each character the larger. */
static void
larger_text(CvgBuf *a, const CvgBuf *b)
{
	CvgBuf		out;
	const uint8 *p = a->data;
	const uint8 *q = b->data;

	cvg_buf_init(&out);
	while (p < a->data + a->len && q < b->data + b->len)
	{
		int			m = cvg_utf8_len(*p);
		int			n = cvg_utf8_len(*q);

		if (cvg_slice_cmp(cvg_slice(p, m), cvg_slice(q, n)) >= 0)
			cvg_put_bytes(&out, p, m);
		else
			cvg_put_bytes(&out, q, n);
		p += m;
		q += n;
	}
	cvg_buf_free(a);
	*a = out;
}

static bool
same_dead(const CvgDoc *a, const CvgDocWrite *wa, const CvgDoc *b,
		  const CvgDocWrite *wb)
{
	return wa->ndead == wb->ndead &&
		(wa->ndead == 0 ||
		 memcmp(a->dead + wa->dead, b->dead + wb->dead,
				sizeof(CvgDocRange) * wa->ndead) == 0);
}

/*
 * Give the write begun last, whose structure and deletions are there, its
 * text: of the side with that structure, or of both.
 */
static void
put_text(CvgDoc *out, const Pair *pair, const CvgDocWrite *const side[2],
		 int structure)
{
	CvgDocWrite *w = &out->writes[out->nwrites - 1];
	int			from = structure >= 0 ? 0 : 1;
	CvgBuf	   *text;

	if (w->nhunks == 0)
		return;
	if (same_dead(out, w, pair->doc[from], side[from]) &&
		(structure != 0 ||
		 (same_dead(out, w, pair->doc[1], side[1]) &&
		  cvg_slice_eq(side[0]->text, side[1]->text))))
	{
		w->text = side[from]->text;
		return;
	}
	text = cvg_doc_add_text(out);
	live_text(pair->doc[from], side[from], out->dead + w->dead, w->ndead, text);
	if (structure == 0)
	{
		CvgBuf		other;

		cvg_buf_init(&other);
		live_text(pair->doc[1], side[1], out->dead + w->dead, w->ndead, &other);
		if (!cvg_slice_eq(cvg_buf_slice(text), cvg_buf_slice(&other)))
			larger_text(text, &other);
		cvg_buf_free(&other);
	}
	w->text = cvg_buf_slice(text);
}

/* One dot that both sides have. */
static void
put_join(CvgDoc *out, const Pair *pair, const CvgDocWrite *const side[2])
{
	int			structure = structure_order(pair, side[0], side[1]);
	int			from = structure >= 0 ? 0 : 1;

	put_structure(out, pair->doc[from], pair->number[from], side[from]);
	put_dead_union(out, pair->doc[0], side[0], pair->doc[1], side[1]);
	put_text(out, pair, side, structure);
}

void
cvg_doc_merge(const CvgDoc *a, const CvgDoc *b, CvgDoc *out)
{
	Pair		pair;
	int			i = 0;
	int			j = 0;

	pair_begin(&pair, a, b, out);
	while (i < a->nwrites || j < b->nwrites)
	{
		const CvgDocWrite *const side[2] = {&a->writes[i], &b->writes[j]};
		int			c = i >= a->nwrites ? 1 : (j >= b->nwrites ? -1 :
											   dot_order(&pair, side[0], side[1]));

		if (c < 0)
			put_copy(out, a, pair.number[0], side[0]);
		else if (c > 0)
			put_copy(out, b, pair.number[1], side[1]);
		else
			put_join(out, &pair, side);
		if (c <= 0)
			i++;
		if (c >= 0)
			j++;
	}
	pair_end(&pair);
}

/*
 * What the new side of a dot has beyond the old: deletions, mostly; all of it
 * if its structure or a character is larger.
 */
static void
put_difference(CvgDoc *out, const Pair *pair,
			   const CvgDocWrite *const side[2])
{
	const CvgDoc *old = pair->doc[0];
	const CvgDoc *new = pair->doc[1];
	int			structure = structure_order(pair, side[0], side[1]);
	bool		larger = structure < 0;

	if (structure == 0 && same_dead(old, side[0], new, side[1]) &&
		cvg_slice_eq(side[0]->text, side[1]->text))
		return;
	if (structure == 0)
	{
		CvgDoc		joined;
		CvgBuf		mine;
		CvgDocWrite *w;

		cvg_doc_init(&joined);
		put_join(&joined, pair, side);
		w = &joined.writes[0];
		cvg_buf_init(&mine);
		live_text(old, side[0], joined.dead, w->ndead, &mine);
		larger = !cvg_slice_eq(w->text, cvg_buf_slice(&mine));
		cvg_buf_free(&mine);
		cvg_doc_free(&joined);
	}
	if (larger)
	{
		put_copy(out, new, pair->number[1], side[1]);
		return;
	}
	cvg_doc_begin_write(out, pair->number[1][side[1]->replica], side[1]->stamp);
	if (!put_dead_minus(out, old, side[0], new, side[1]))
		out->nwrites--;
}

void
cvg_doc_delta(const CvgDoc *old, const CvgDoc *new, CvgDoc *delta)
{
	Pair		pair;
	int			i = 0;
	int			j;

	pair_begin(&pair, old, new, delta);
	for (j = 0; j < new->nwrites; j++)
	{
		const CvgDocWrite *side[2] = {old->writes, &new->writes[j]};
		int			c = 1;

		for (; i < old->nwrites; i++)
		{
			side[0] = &old->writes[i];
			c = dot_order(&pair, side[0], side[1]);
			if (c >= 0)
				break;
		}
		if (c == 0)
			put_difference(delta, &pair, side);
		else
			put_copy(delta, new, pair.number[1], side[1]);
	}
	pair_end(&pair);
}
