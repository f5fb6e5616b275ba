/*-------------------------------------------------------------------------
 *
 * document_text.c
 *	  Collaborative text: the text form of a state (document.h).
 *
 *-------------------------------------------------------------------------
 */
#include "core/document_state.h"

static void
print_quoted(CvgBuf *out, const uint8 *p, const uint8 *end)
{
	static const char plain[] = "\"\\\n\r\t";
	static const char escaped[] = "\"\\nrt";

	cvg_put_u8(out, '"');
	for (; p < end; p++)
	{
		const char *special = *p != 0 ? strchr(plain, *p) : NULL;

		if (special != NULL)
		{
			cvg_put_u8(out, '\\');
			cvg_put_u8(out, (uint8) escaped[special - plain]);
		}
		else
			cvg_put_u8(out, *p);
	}
	cvg_put_u8(out, '"');
}

static void
print_place(const CvgDoc *doc, const CvgDocHunk *hunk, CvgBuf *out)
{
	if (hunk->place == CVG_DOC_START)
	{
		cvg_print_string(out, " start");
		return;
	}
	cvg_print_string(out, hunk->place == CVG_DOC_AFTER ? " after " : " before ");
	cvg_print_dot(out, doc->ids[hunk->replica], hunk->stamp);
	cvg_put_u8(out, ':');
	cvg_print_int64(out, hunk->offset);
}

/* The hunks of a write: what is there in quotes, what is deleted counted. */
static void
print_hunks(const CvgDoc *doc, const CvgDocWrite *w, CvgBuf *out)
{
	const uint8 *p = w->text.data;
	uint32		at = 0;
	int			d = w->dead;
	int			h;

	for (h = w->hunk; h < w->hunk + w->nhunks; h++)
	{
		uint32		end = at + doc->hunks[h].len;

		print_place(doc, &doc->hunks[h], out);
		while (at < end)
		{
			bool		more = d < w->dead + w->ndead;
			uint32		to = more ? Min(doc->dead[d].from, end) : end;

			cvg_put_u8(out, ' ');
			if (to > at)
			{
				const uint8 *from = p;

				p = cvg_utf8_skip(p, to - at);
				print_quoted(out, from, p);
			}
			else
			{
				to = Min(doc->dead[d].to, end);
				cvg_put_u8(out, '-');
				cvg_print_int64(out, to - at);
				if (doc->dead[d].to == to)
					d++;
			}
			at = to;
		}
	}
}

/* Deletions of what is not there. */
static void
print_beyond(const CvgDoc *doc, const CvgDocWrite *w, CvgBuf *out)
{
	bool		any = false;
	int			i;

	for (i = w->dead; i < w->dead + w->ndead; i++)
	{
		uint32		from = Max(doc->dead[i].from, w->len);
		uint32		to = doc->dead[i].to;

		if (to <= from)
			continue;
		if (!any)
			cvg_print_string(out, " deleted");
		any = true;
		cvg_put_u8(out, ' ');
		cvg_print_int64(out, from);
		if (to - 1 > from)
		{
			cvg_put_u8(out, '-');
			cvg_print_int64(out, to - 1);
		}
	}
}

void
cvg_doc_print(CvgReader r, CvgBuf *out)
{
	CvgDoc		doc;
	CvgBuf		plain;
	int			i;

	cvg_doc_read(&r, &doc);
	cvg_buf_init(&plain);
	cvg_doc_plain(&doc, &plain);
	cvg_print_string(out, "document ");
	print_quoted(out, plain.data, plain.data + plain.len);
	cvg_buf_free(&plain);
	cvg_print_string(out, " {");
	for (i = 0; i < doc.nwrites; i++)
	{
		const CvgDocWrite *w = &doc.writes[i];

		if (i > 0)
			cvg_print_string(out, ", ");
		cvg_print_dot(out, doc.ids[w->replica], w->stamp);
		print_hunks(&doc, w, out);
		print_beyond(&doc, w, out);
	}
	cvg_put_u8(out, '}');
	cvg_doc_free(&doc);
}

/*
 * What is being read: replicas are numbered as they come, and sorted when
 * all have been seen.
 */
typedef struct Parse
{
	CvgScanner *s;
	CvgDoc		doc;
	int			max_ids;
	CvgBuf	   *text;			/* of all writes, one behind the other */
	CvgDoc		ranges;			/* of one write */
} Parse;

static int
id_number(Parse *parse, CvgSlice id)
{
	CvgDoc	   *doc = &parse->doc;

	if (doc->nids > 0 && cvg_slice_eq(doc->ids[doc->nids - 1], id))
		return doc->nids - 1;
	*CVG_DOC_PUSH(doc->ids, doc->nids, parse->max_ids) = id;
	return doc->nids - 1;
}

/* What a character after a backslash stands for; 0: for nothing. */
static char
unescaped(char c)
{
	switch (c)
	{
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		case '"':
		case '\\':
			return c;
		default:
			return 0;
	}
}

/* Past a quoted string; its content is appended. */
static void
scan_quoted(CvgScanner *s, CvgBuf *text)
{
	const char *start = (cvg_scan_spaces(s), s->p);

	if (!cvg_scan_expect(s, '"'))
		return;
	while (s->p < s->end && *s->p != '"')
	{
		char		c = *s->p++;

		if (c == '\\')
		{
			c = unescaped(s->p < s->end ? *s->p++ : 0);
			if (c == 0)
			{
				(void) cvg_scan_fail(s, CVG_E_SYNTAX, s->p - 1);
				return;
			}
		}
		cvg_put_u8(text, (uint8) c);
	}
	if (s->p >= s->end)
		(void) cvg_scan_fail(s, CVG_E_SYNTAX, start);
	else
		s->p++;
}

/* A number of characters, or an offset. */
static uint32
scan_count(CvgScanner *s, uint32 least, uint32 most)
{
	const char *at = (cvg_scan_spaces(s), s->p);
	int64		n = cvg_scan_int64(s);

	if (cvg_scan_ok(s) && (n < least || n > most))
		(void) cvg_scan_fail(s, CVG_E_LIMIT, at);
	return cvg_scan_ok(s) ? (uint32) n : least;
}

static bool
scan_place(Parse *parse, CvgStamp stamp, CvgDocHunk *hunk)
{
	CvgScanner *s = parse->s;
	const char *at = (cvg_scan_spaces(s), s->p);

	memset(hunk, 0, sizeof(*hunk));
	if (cvg_scan_word(s, "start"))
		return true;
	if (cvg_scan_word(s, "after"))
		hunk->place = CVG_DOC_AFTER;
	else if (cvg_scan_word(s, "before"))
		hunk->place = CVG_DOC_BEFORE;
	else
		return false;
	hunk->replica = id_number(parse, cvg_scan_id(s));
	hunk->stamp = cvg_scan_at_stamp(s);
	(void) cvg_scan_expect(s, ':');
	hunk->offset = scan_count(s, 0, CVG_DOC_MAX_CHARS - 1);
	if (cvg_scan_ok(s) && hunk->stamp >= stamp)
		(void) cvg_scan_fail(s, CVG_E_MALFORMED, at);
	return true;
}

/* Pieces of a hunk; ranges are put aside, as hunks come first. */
static uint32
scan_pieces(CvgScanner *s, uint32 at, CvgBuf *text, CvgDoc *ranges)
{
	uint32		start = at;

	while (cvg_scan_ok(s) && !cvg_scan_at_end(s))
	{
		const char *place = s->p;

		if (*s->p == '"')
		{
			size_t		before = text->len;
			int64		n;

			scan_quoted(s, text);
			n = cvg_utf8_count(cvg_slice(text->data + before, text->len - before));
			if (n < 0 || n > CVG_DOC_MAX_CHARS - at)
				(void) cvg_scan_fail(s, n < 0 ? CVG_E_MALFORMED : CVG_E_LIMIT, place);
			else
				at += (uint32) n;
		}
		else if (cvg_scan_char(s, '-'))
		{
			uint32		n = scan_count(s, 1, CVG_DOC_MAX_CHARS - at);

			cvg_doc_add_dead(ranges, at, at + n);
			at += n;
		}
		else
			break;
	}
	if (cvg_scan_ok(s) && at == start)
		(void) cvg_scan_fail(s, CVG_E_SYNTAX, s->p);
	return at - start;
}

static void
scan_beyond(CvgScanner *s, uint32 len, CvgDoc *ranges)
{
	uint32		next = len;

	do
	{
		uint32		from = scan_count(s, next, CVG_DOC_MAX_CHARS - 1);
		uint32		to = from;

		if (cvg_scan_char(s, '-'))
			to = scan_count(s, from, CVG_DOC_MAX_CHARS - 1);
		if (cvg_scan_ok(s))
			cvg_doc_add_dead(ranges, from, to + 1);
		next = to + 1;
	} while (cvg_scan_ok(s) && !cvg_scan_at_end(s) && *s->p >= '0' && *s->p <= '9');
}

static void
scan_write(Parse *parse)
{
	CvgScanner *s = parse->s;
	CvgDoc	   *doc = &parse->doc;
	CvgDoc	   *ranges = &parse->ranges;
	CvgDocHunk	hunk;
	size_t		start = parse->text->len;
	uint32		len = 0;
	CvgStamp	stamp;
	int			replica = id_number(parse, cvg_scan_id(s));
	int			i;

	stamp = cvg_scan_at_stamp(s);
	if (!cvg_scan_ok(s))
		return;
	cvg_doc_begin_write(doc, replica, stamp);
	ranges->nwrites = ranges->ndead = 0;
	cvg_doc_begin_write(ranges, 0, stamp);
	while (cvg_scan_ok(s) && scan_place(parse, stamp, &hunk))
	{
		hunk.len = scan_pieces(s, len, parse->text, ranges);
		len += hunk.len;
		cvg_doc_add_hunk(doc, &hunk);
	}
	if (cvg_scan_word(s, "deleted"))
		scan_beyond(s, len, ranges);
	else if (len == 0)
		(void) cvg_scan_fail(s, CVG_E_SYNTAX, s->p);
	for (i = 0; i < ranges->ndead; i++)
		cvg_doc_add_dead(doc, ranges->dead[i].from, ranges->dead[i].to);
	doc->writes[doc->nwrites - 1].text.len = parse->text->len - start;
}

static int
id_cmp(const void *a, const void *b)
{
	return cvg_slice_cmp(*(const CvgSlice *) a, *(const CvgSlice *) b);
}

static int
sorted_number(const CvgDoc *doc, CvgSlice id)
{
	const CvgSlice *found = bsearch(&id, doc->ids, doc->nids, sizeof(CvgSlice), id_cmp);

	return (int) (found - doc->ids);
}

/* Number the replicas in order; false unless the writes are in order then. */
static bool
sort_ids(Parse *parse)
{
	CvgDoc	   *doc = &parse->doc;
	CvgSlice   *unsorted = cvg_doc_alloc(doc->nids, sizeof(CvgSlice));
	int			n = 0;
	int			i;

	for (i = 0; i < doc->nids; i++)
		unsorted[i] = doc->ids[i];
	if (doc->nids > 1)
		qsort(doc->ids, doc->nids, sizeof(CvgSlice), id_cmp);
	for (i = 0; i < doc->nids; i++)
	{
		if (n == 0 || !cvg_slice_eq(doc->ids[n - 1], doc->ids[i]))
			doc->ids[n++] = doc->ids[i];
	}
	doc->nids = n;
	for (i = 0; i < doc->nwrites; i++)
		doc->writes[i].replica = sorted_number(doc, unsorted[doc->writes[i].replica]);
	for (i = 0; i < doc->nhunks; i++)
	{
		if (doc->hunks[i].place != CVG_DOC_START)
			doc->hunks[i].replica = sorted_number(doc, unsorted[doc->hunks[i].replica]);
	}
	pfree(unsorted);
	for (i = 1; i < doc->nwrites; i++)
	{
		const CvgDocWrite *w = &doc->writes[i];

		if (w[-1].replica > w->replica ||
			(w[-1].replica == w->replica && w[-1].stamp >= w->stamp))
			return false;
	}
	return true;
}

/* The text in front is what the rest says, or the form is refused. */
static void
finish_parse(Parse *parse, const char *at, const CvgBuf *given, CvgBuf *out)
{
	CvgBuf		plain;
	const uint8 *p = parse->text->data;
	int			i;

	if (!cvg_scan_ok(parse->s))
		return;
	for (i = 0; i < parse->doc.nwrites; i++)
	{
		parse->doc.writes[i].text.data = p;
		p += parse->doc.writes[i].text.len;
	}
	if (!sort_ids(parse))
	{
		(void) cvg_scan_fail(parse->s, CVG_E_NOT_CANONICAL, at);
		return;
	}
	cvg_buf_init(&plain);
	cvg_doc_plain(&parse->doc, &plain);
	if (!cvg_slice_eq(cvg_buf_slice(&plain), cvg_buf_slice(given)))
		(void) cvg_scan_fail(parse->s, CVG_E_MALFORMED, at);
	cvg_buf_free(&plain);
	cvg_doc_write(&parse->doc, out);
}

void
cvg_doc_parse(CvgScanner *s, CvgBuf *out)
{
	const char *at = (cvg_scan_spaces(s), s->p);
	Parse		parse = {.s = s};
	CvgBuf		given;

	cvg_doc_init(&parse.doc);
	cvg_doc_init(&parse.ranges);
	parse.text = cvg_doc_add_text(&parse.doc);
	cvg_buf_init(&given);
	if (cvg_scan_expect_word(s, "document"))
		scan_quoted(s, &given);
	if (cvg_scan_ok(s) && cvg_scan_expect(s, '{') && !cvg_scan_char(s, '}'))
	{
		do
			scan_write(&parse);
		while (cvg_scan_ok(s) && cvg_scan_char(s, ','));
		(void) cvg_scan_expect(s, '}');
	}
	finish_parse(&parse, at, &given, out);
	cvg_buf_free(&given);
	cvg_doc_free(&parse.ranges);
	cvg_doc_free(&parse.doc);
}

bool
cvg_doc_looks_like_state(CvgSlice text)
{
	CvgScanner	s;
	CvgBuf		plain;

	cvg_scan_init(&s, text);
	if (!cvg_scan_word(&s, "document") || cvg_scan_at_end(&s) || *s.p != '"')
		return false;
	cvg_buf_init(&plain);
	scan_quoted(&s, &plain);
	cvg_buf_free(&plain);
	return !cvg_scan_ok(&s) || cvg_scan_at_end(&s) || *s.p == '{';
}
