/*-------------------------------------------------------------------------
 *
 * document.c
 *	  Collaborative text: the state and its bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "core/document_state.h"

#define PLACE_TYPED		3

void *
cvg_doc_alloc(size_t n, size_t width)
{
	return palloc_extended(width * (n + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

void *
cvg_doc_grow(void *array, int used, int *max, size_t width)
{
	int			size = Max(16, used * 2);
	void	   *grown = palloc_extended(width * size, MCXT_ALLOC_HUGE);

	if (used > 0)
		memcpy(grown, array, width * used);
	if (array != NULL)
		pfree(array);
	*max = size;
	return grown;
}

void *
cvg_doc_reserve(void *array, int used, int *max, uint64 more, size_t width)
{
	void	   *larger;

	if (used + more <= *max)
		return array;
	*max = (int) (used + more);
	larger = palloc_extended(width * *max, MCXT_ALLOC_HUGE);
	memcpy(larger, array, width * used);
	pfree(array);
	return larger;
}

/* The arrays are there from the beginning: they can be pointed into. */
void
cvg_doc_init(CvgDoc *doc)
{
	memset(doc, 0, sizeof(*doc));
	doc->writes = cvg_doc_grow(NULL, 0, &doc->max_writes, sizeof(CvgDocWrite));
	doc->hunks = cvg_doc_grow(NULL, 0, &doc->max_hunks, sizeof(CvgDocHunk));
	doc->dead = cvg_doc_grow(NULL, 0, &doc->max_dead, sizeof(CvgDocRange));
}

void
cvg_doc_free(CvgDoc *doc)
{
	int			i;

	for (i = 0; i < doc->ntexts; i++)
		cvg_buf_free(&doc->texts[i]);
	if (doc->texts != NULL)
		pfree(doc->texts);
	if (doc->ids != NULL)
		pfree(doc->ids);
	pfree(doc->writes);
	pfree(doc->hunks);
	pfree(doc->dead);
	memset(doc, 0, sizeof(*doc));
}

void
cvg_doc_begin_write(CvgDoc *doc, int replica, CvgStamp stamp)
{
	CvgDocWrite *w = CVG_DOC_PUSH(doc->writes, doc->nwrites, doc->max_writes);

	w->stamp = stamp;
	w->replica = replica;
	w->len = 0;
	w->hunk = doc->nhunks;
	w->nhunks = 0;
	w->dead = doc->ndead;
	w->ndead = 0;
	w->text = cvg_slice(NULL, 0);
}

void
cvg_doc_add_hunk(CvgDoc *doc, const CvgDocHunk *hunk)
{
	CvgDocWrite *w = &doc->writes[doc->nwrites - 1];
	CvgDocHunk *added = CVG_DOC_PUSH(doc->hunks, doc->nhunks, doc->max_hunks);

	*added = *hunk;
	w->nhunks++;
	w->len += hunk->len;
}

void
cvg_doc_add_dead(CvgDoc *doc, uint32 from, uint32 to)
{
	CvgDocWrite *w = &doc->writes[doc->nwrites - 1];
	CvgDocRange *added;

	if (w->ndead > 0 && doc->dead[doc->ndead - 1].to >= from)
	{
		added = &doc->dead[doc->ndead - 1];
		added->to = Max(added->to, to);
		return;
	}
	added = CVG_DOC_PUSH(doc->dead, doc->ndead, doc->max_dead);
	added->from = from;
	added->to = to;
	w->ndead++;
}

CvgBuf *
cvg_doc_add_text(CvgDoc *doc)
{
	CvgBuf	   *buf = CVG_DOC_PUSH(doc->texts, doc->ntexts, doc->max_texts);

	cvg_buf_init(buf);
	return buf;
}

/* Length of the well-formed character at p, 0 if there is none. */
static int
utf8_char(const uint8 *p, const uint8 *end)
{
	int			len = cvg_utf8_len(*p);
	int			i;

	if (*p < 0x80)
		return *p == 0 ? 0 : 1;
	if (*p < 0xc2 || *p > 0xf4 || end - p < len)
		return 0;
	for (i = 1; i < len; i++)
	{
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
		(*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

int64
cvg_utf8_count(CvgSlice s)
{
	const uint8 *p = s.data;
	const uint8 *end = p + s.len;
	int64		n = 0;

	while (p < end)
	{
		int			len = utf8_char(p, end);

		if (len == 0)
			return -1;
		p += len;
		n++;
	}
	return n;
}

int
cvg_doc_find(const CvgDoc *doc, int replica, CvgStamp stamp)
{
	int			low = 0;
	int			n = doc->nwrites;

	while (n > 0)
	{
		const CvgDocWrite *w = &doc->writes[low + n / 2];

		if (w->replica == replica && w->stamp == stamp)
			return low + n / 2;
		if (w->replica < replica ||
			(w->replica == replica && w->stamp < stamp))
		{
			low += n / 2 + 1;
			n -= n / 2 + 1;
		}
		else
			n /= 2;
	}
	return -1;
}

bool
cvg_doc_hunk_follows(const CvgDoc *doc, int write, const CvgDocHunk *hunk)
{
	const CvgDocWrite *before;

	if (write == 0 || hunk->place != CVG_DOC_AFTER)
		return false;
	before = &doc->writes[write - 1];
	return before->nhunks > 0 &&
		before->replica == doc->writes[write].replica &&
		before->replica == hunk->replica && before->stamp == hunk->stamp &&
		before->len - 1 == hunk->offset;
}

uint32
cvg_doc_live(const CvgDoc *doc, const CvgDocWrite *w)
{
	uint32		live = w->len;
	int			i;

	for (i = w->dead; i < w->dead + w->ndead; i++)
	{
		const CvgDocRange *d = &doc->dead[i];

		if (d->from < w->len)
			live -= Min(d->to, w->len) - d->from;
	}
	return live;
}

/* --- bytes ----------------------------------------------------------------- */

static void
read_ids(CvgReader *r, CvgDoc *doc)
{
	uint64		n = cvg_get_varint(r);
	int			max = 0;

	while (n-- > 0 && cvg_reader_ok(r))
	{
		CvgSlice	id = cvg_get_replica_id(r);

		if (doc->nids > 0 && cvg_slice_cmp(doc->ids[doc->nids - 1], id) >= 0)
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
		*CVG_DOC_PUSH(doc->ids, doc->nids, max) = id;
	}
}

/* Where the write that is being read hangs if it is typed, else false. */
static bool
typed_place(const CvgDoc *doc, CvgDocHunk *hunk)
{
	const CvgDocWrite *w = &doc->writes[doc->nwrites - 1];
	const CvgDocWrite *before = w - 1;

	if (doc->nwrites < 2 || before->replica != w->replica ||
		before->nhunks == 0)
		return false;
	hunk->place = CVG_DOC_AFTER;
	hunk->replica = before->replica;
	hunk->stamp = before->stamp;
	hunk->offset = before->len - 1;
	return true;
}

static void
read_typed(CvgReader *r, CvgDoc *doc)
{
	CvgDocWrite *w = &doc->writes[doc->nwrites - 1];
	CvgDocHunk	hunk = {.len = 1};
	const uint8 *p = r->data + r->pos;

	if (cvg_reader_at_end(r))
		cvg_reader_fail(r, CVG_E_TRUNCATED);
	else if (!typed_place(doc, &hunk))
		cvg_reader_fail(r, CVG_E_MALFORMED);
	if (!cvg_reader_ok(r))
		return;
	cvg_doc_add_hunk(doc, &hunk);
	if (*p == 0)
	{
		r->pos++;
		cvg_doc_add_dead(doc, 0, 1);
	}
	else
	{
		w->text = cvg_get_bytes(r, utf8_char(p, r->data + r->len));
		if (w->text.len == 0)
			cvg_reader_fail(r, CVG_E_MALFORMED);
	}
}

static void
read_hunk(CvgReader *r, CvgDoc *doc)
{
	const CvgDocWrite *w = &doc->writes[doc->nwrites - 1];
	uint64		code = cvg_get_varint(r);
	CvgDocHunk	hunk = {.place = (CvgDocPlace) (code & 3)};

	if (code >> 2 < 1 || code >> 2 > CVG_DOC_MAX_CHARS - w->len)
	{
		cvg_reader_fail(r, CVG_E_LIMIT);
		return;
	}
	hunk.len = (uint32) (code >> 2);
	if ((code & 3) == PLACE_TYPED)
	{
		if (!typed_place(doc, &hunk))
			cvg_reader_fail(r, CVG_E_MALFORMED);
	}
	else if (hunk.place != CVG_DOC_START)
	{
		hunk.replica = (int) cvg_get_varint_max(r, doc->nids - 1);
		hunk.stamp = w->stamp - cvg_get_stamp(r);
		hunk.offset = (uint32) cvg_get_varint_max(r, CVG_DOC_MAX_CHARS - 1);
		if (hunk.stamp >= w->stamp || hunk.stamp < 1)
			cvg_reader_fail(r, CVG_E_MALFORMED);
		if (cvg_doc_hunk_follows(doc, doc->nwrites - 1, &hunk))
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	}
	if (cvg_reader_ok(r))
		cvg_doc_add_hunk(doc, &hunk);
}

static void
read_dead(CvgReader *r, CvgDoc *doc)
{
	uint64		n = cvg_get_varint(r);
	uint32		at = 0;
	bool		first = true;

	if (n == 0)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	while (n-- > 0 && cvg_reader_ok(r))
	{
		uint32		gap = (uint32) cvg_get_varint_max(r, CVG_DOC_MAX_CHARS - at);
		uint32		len = (uint32) cvg_get_varint_max(r, CVG_DOC_MAX_CHARS - at - gap);

		if (len == 0 || (gap == 0 && !first))
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
		if (!cvg_reader_ok(r))
			return;
		cvg_doc_add_dead(doc, at + gap, at + gap + len);
		at += gap + len;
		first = false;
	}
}

/* Would the write that was read last be written as a typed character? */
static bool
is_typed(const CvgDoc *doc, int write)
{
	const CvgDocWrite *w = &doc->writes[write];

	if (w->nhunks != 1 || w->len != 1 || w->ndead > 1)
		return false;
	if (w->ndead == 1 &&
		(doc->dead[w->dead].from != 0 || doc->dead[w->dead].to != 1))
		return false;
	return cvg_doc_hunk_follows(doc, write, &doc->hunks[w->hunk]);
}

static void
read_general(CvgReader *r, CvgDoc *doc)
{
	CvgDocWrite *w = &doc->writes[doc->nwrites - 1];
	uint64		code = cvg_get_varint(r);
	uint64		n;
	uint32		live;

	if (code == 0)
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	for (n = code >> 1; n > 0 && cvg_reader_ok(r); n--)
		read_hunk(r, doc);
	if ((code & 1) && cvg_reader_ok(r))
		read_dead(r, doc);
	if (!cvg_reader_ok(r))
		return;
	live = cvg_doc_live(doc, w);
	if (live > 0)
	{
		w->text = cvg_get_slice(r, CVG_CRDT_MAX_BYTES);
		if (cvg_reader_ok(r) && cvg_utf8_count(w->text) != live)
			cvg_reader_fail(r, CVG_E_MALFORMED);
	}
	if (is_typed(doc, doc->nwrites - 1))
		cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
}

static void
check_ids_used(CvgReader *r, const CvgDoc *doc)
{
	bool	   *used = cvg_doc_alloc(doc->nids, sizeof(bool));
	int			i;

	for (i = 0; i < doc->nwrites; i++)
		used[doc->writes[i].replica] = true;
	for (i = 0; i < doc->nhunks; i++)
	{
		if (doc->hunks[i].place != CVG_DOC_START)
			used[doc->hunks[i].replica] = true;
	}
	for (i = 0; i < doc->nids; i++)
	{
		if (!used[i])
			cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
	}
	pfree(used);
}

void
cvg_doc_read(CvgReader *r, CvgDoc *doc)
{
	int			replica;

	cvg_doc_init(doc);
	read_ids(r, doc);
	for (replica = 0; replica < doc->nids && cvg_reader_ok(r); replica++)
	{
		uint64		n = cvg_get_varint_max(r, (r->len - r->pos) / 2);
		CvgStamp	stamp = 0;

		doc->writes = cvg_doc_reserve(doc->writes, doc->nwrites, &doc->max_writes,
									  n, sizeof(CvgDocWrite));
		doc->hunks = cvg_doc_reserve(doc->hunks, doc->nhunks, &doc->max_hunks,
									 n, sizeof(CvgDocHunk));
		while (n-- > 0 && cvg_reader_ok(r))
		{
			uint64		code = cvg_get_varint(r);

			if (code >> 1 == 0)
				cvg_reader_fail(r, CVG_E_NOT_CANONICAL);
			if (code >> 1 > (uint64) (PG_INT64_MAX - stamp))
				cvg_reader_fail(r, CVG_E_OVERFLOW);
			if (!cvg_reader_ok(r))
				break;
			stamp += (CvgStamp) (code >> 1);
			cvg_doc_begin_write(doc, replica, stamp);
			if (code & 1)
				read_typed(r, doc);
			else
				read_general(r, doc);
		}
	}
	if (cvg_reader_ok(r))
		check_ids_used(r, doc);
}

static void
write_general(const CvgDoc *doc, int write, const int *renumber, CvgBuf *out)
{
	const CvgDocWrite *w = &doc->writes[write];
	uint32		at = 0;
	int			i;

	cvg_put_varint(out, (uint64) w->nhunks * 2 + (w->ndead > 0));
	for (i = w->hunk; i < w->hunk + w->nhunks; i++)
	{
		const CvgDocHunk *h = &doc->hunks[i];
		bool		typed = cvg_doc_hunk_follows(doc, write, h);

		cvg_put_varint(out, (uint64) h->len * 4 + (typed ? PLACE_TYPED : h->place));
		if (typed || h->place == CVG_DOC_START)
			continue;
		cvg_put_varint(out, renumber[h->replica]);
		cvg_put_varint(out, (uint64) (w->stamp - h->stamp));
		cvg_put_varint(out, h->offset);
	}
	if (w->ndead > 0)
		cvg_put_varint(out, w->ndead);
	for (i = w->dead; i < w->dead + w->ndead; i++)
	{
		cvg_put_varint(out, doc->dead[i].from - at);
		cvg_put_varint(out, doc->dead[i].to - doc->dead[i].from);
		at = doc->dead[i].to;
	}
	if (w->text.len > 0)
		cvg_put_slice(out, w->text);
}

/* The table of those ids that are used; how they are numbered in it. */
static int *
write_ids(const CvgDoc *doc, CvgBuf *out)
{
	int		   *number = cvg_doc_alloc(doc->nids, sizeof(int));
	int			n = 0;
	int			i;

	for (i = 0; i < doc->nwrites; i++)
		number[doc->writes[i].replica] = 1;
	for (i = 0; i < doc->nhunks; i++)
	{
		if (doc->hunks[i].place != CVG_DOC_START)
			number[doc->hunks[i].replica] = 1;
	}
	for (i = 0; i < doc->nids; i++)
		number[i] = number[i] ? n++ : -1;
	cvg_put_varint(out, n);
	for (i = 0; i < doc->nids; i++)
	{
		if (number[i] >= 0)
			cvg_put_slice(out, doc->ids[i]);
	}
	return number;
}

void
cvg_doc_write(const CvgDoc *doc, CvgBuf *out)
{
	int		   *number = write_ids(doc, out);
	int			i = 0;
	int			replica;

	for (replica = 0; replica < doc->nids; replica++)
	{
		CvgStamp	stamp = 0;
		int			end = i;

		if (number[replica] < 0)
			continue;
		while (end < doc->nwrites && doc->writes[end].replica == replica)
			end++;
		cvg_put_varint(out, end - i);
		for (; i < end; i++)
		{
			const CvgDocWrite *w = &doc->writes[i];
			bool		typed = is_typed(doc, i);

			cvg_put_varint(out, (uint64) (w->stamp - stamp) * 2 + typed);
			stamp = w->stamp;
			if (!typed)
				write_general(doc, i, number, out);
			else if (w->ndead > 0)
				cvg_put_u8(out, 0);
			else
				cvg_put_bytes(out, w->text.data, w->text.len);
		}
	}
	pfree(number);
}

/* --- the functions of CvgCrdtOps --------------------------------------------- */

static void
document_check(CvgReader *r)
{
	CvgDoc		doc;

	cvg_doc_read(r, &doc);
	cvg_doc_free(&doc);
}

static void
document_bottom(CvgBuf *out)
{
	cvg_put_varint(out, 0);
}

static void
document_merge(CvgReader a, CvgReader b, CvgBuf *out)
{
	CvgDoc		da;
	CvgDoc		db;
	CvgDoc		merged;

	cvg_doc_read(&a, &da);
	cvg_doc_read(&b, &db);
	cvg_doc_merge(&da, &db, &merged);
	cvg_doc_write(&merged, out);
	cvg_doc_free(&merged);
	cvg_doc_free(&da);
	cvg_doc_free(&db);
}

static void
document_delta(CvgReader old, CvgReader new, CvgBuf *out)
{
	CvgDoc		a;
	CvgDoc		b;
	CvgDoc		delta;

	cvg_doc_read(&old, &a);
	cvg_doc_read(&new, &b);
	cvg_doc_delta(&a, &b, &delta);
	cvg_doc_write(&delta, out);
	cvg_doc_free(&delta);
	cvg_doc_free(&a);
	cvg_doc_free(&b);
}

static CvgStamp
document_latest(CvgReader r)
{
	CvgDoc		doc;
	CvgStamp	latest = 0;
	int			i;

	cvg_doc_read(&r, &doc);
	for (i = 0; i < doc.nwrites; i++)
		latest = Max(latest, doc.writes[i].stamp);
	cvg_doc_free(&doc);
	return latest;
}

/* All that is written here is deleted, visible or not. */
static void
document_reset(CvgReader r, CvgBuf *out)
{
	CvgDoc		doc;
	CvgDoc		reset;
	int			i;
	int			j;

	cvg_doc_read(&r, &doc);
	cvg_doc_init(&reset);
	reset.ids = cvg_doc_alloc(doc.nids, sizeof(CvgSlice));
	for (i = 0; i < doc.nids; i++)
		reset.ids[reset.nids++] = doc.ids[i];
	for (i = 0; i < doc.nwrites; i++)
	{
		const CvgDocWrite *w = &doc.writes[i];

		cvg_doc_begin_write(&reset, w->replica, w->stamp);
		for (j = 0; j < w->nhunks; j++)
			cvg_doc_add_hunk(&reset, &doc.hunks[w->hunk + j]);
		if (w->len > 0)
			cvg_doc_add_dead(&reset, 0, w->len);
		for (j = w->dead; j < w->dead + w->ndead; j++)
			cvg_doc_add_dead(&reset, doc.dead[j].from, doc.dead[j].to);
	}
	cvg_doc_write(&reset, out);
	cvg_doc_free(&reset);
	cvg_doc_free(&doc);
}

const CvgCrdtOps cvg_document_ops = {
	.tag = CVG_CRDT_DOCUMENT,
	.name = "document",
	.check = document_check,
	.bottom = document_bottom,
	.merge = document_merge,
	.delta = document_delta,
	.latest = document_latest,
	.reset = document_reset,
	.print = cvg_doc_print,
	.parse = cvg_doc_parse,
	.assign = cvg_doc_assign,
	.parse_plain = cvg_doc_parse_plain,
};
