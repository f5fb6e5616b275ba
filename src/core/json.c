/*-------------------------------------------------------------------------
 *
 * json.c
 *	  The little of JSON that core needs: strings, and the parts of a text.
 *
 *-------------------------------------------------------------------------
 */
#include "core/json.h"

/* Characters with a short escape, and the letters of these. */
static const char escaped[] = "\"\\\b\f\n\r\t";
static const char letters[] = "\"\\bfnrt";

CvgJsonKind
cvg_json_kind(CvgSlice json)
{
	switch (json.len > 0 ? json.data[0] : 'n')
	{
		case '"':
			return CVG_JSON_STRING;
		case '[':
			return CVG_JSON_ARRAY;
		case '{':
			return CVG_JSON_OBJECT;
		case 't':
		case 'f':
			return CVG_JSON_BOOLEAN;
		case 'n':
			return CVG_JSON_NULL;
		default:
			return CVG_JSON_NUMBER;
	}
}

void
cvg_json_print_string(CvgBuf *out, CvgSlice text)
{
	static const char hex[] = "0123456789abcdef";
	size_t		i;

	cvg_put_u8(out, '"');
	for (i = 0; i < text.len; i++)
	{
		uint8		c = text.data[i];
		const char *e = c != '\0' ? strchr(escaped, c) : NULL;

		if (e != NULL)
		{
			cvg_put_u8(out, '\\');
			cvg_put_u8(out, (uint8) letters[e - escaped]);
		}
		else if (c < ' ')
		{
			cvg_print_string(out, "\\u00");
			cvg_put_u8(out, (uint8) hex[c >> 4]);
			cvg_put_u8(out, (uint8) hex[c & 15]);
		}
		else
			cvg_put_u8(out, c);
	}
	cvg_put_u8(out, '"');
}

int
cvg_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Behind the backslash; the character, or 0. */
static uint8
scan_escape(CvgScanner *s)
{
	const char *e;
	int			code = 0;
	int			i;

	if (s->p >= s->end)
		return 0;
	if (*s->p == '/')
		return (uint8) *s->p++;
	if (*s->p == 'u')
	{
		if (s->end - s->p < 5)
			return 0;
		for (i = 1; i < 5; i++)
		{
			int			digit = cvg_hex_digit(s->p[i]);

			if (digit < 0)
				return 0;
			code = code * 16 + digit;
		}
		s->p += 5;
		return code < 0x80 ? (uint8) code : 0;
	}
	e = *s->p != '\0' ? strchr(letters, *s->p) : NULL;
	if (e == NULL)
		return 0;
	s->p++;
	return (uint8) escaped[e - letters];
}

void
cvg_json_scan_string(CvgScanner *s, CvgBuf *out)
{
	const char *start;

	if (!cvg_scan_expect(s, '"'))
		return;
	start = s->p - 1;
	while (s->p < s->end && *s->p != '"')
	{
		const char *at = s->p;
		uint8		c = (uint8) *s->p++;

		if (c == '\\')
			c = scan_escape(s);
		else if (c < ' ')
			c = 0;
		if (c == 0)
		{
			(void) cvg_scan_fail(s, CVG_E_SYNTAX, at);
			return;
		}
		cvg_put_u8(out, c);
	}
	if (s->p >= s->end)
		(void) cvg_scan_fail(s, CVG_E_SYNTAX, start);
	else
		s->p++;
}

static int
member_cmp(const void *a, const void *b)
{
	return cvg_slice_cmp(((const CvgJsonMember *) a)->name,
						 ((const CvgJsonMember *) b)->name);
}

/*
 * Names lie one after the other, from an offset on; only when all are there
 * does their buffer no longer move.
 */
static CvgStatus
finish_members(CvgJsonMember *members, int n, const CvgBuf *names,
			   size_t offset)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		members[i].name.data = names->data + offset;
		offset += members[i].name.len;
	}
	if (n > 1)
		qsort(members, n, sizeof(CvgJsonMember), member_cmp);
	for (i = 1; i < n; i++)
	{
		if (member_cmp(&members[i - 1], &members[i]) == 0)
			return CVG_E_DUPLICATE;
	}
	return CVG_OK;
}

CvgStatus
cvg_json_members(CvgSlice json, CvgBuf *names, CvgJsonMember **members, int *n)
{
	bool		object = cvg_json_kind(json) == CVG_JSON_OBJECT;
	char		close = object ? '}' : ']';
	int			size = 16;
	size_t		first = names->len;
	CvgJsonMember *list = palloc(sizeof(CvgJsonMember) * size);
	CvgScanner	s;

	*members = list;
	*n = 0;
	cvg_scan_init(&s, json);
	(void) cvg_scan_expect(&s, object ? '{' : '[');
	if (!cvg_scan_char(&s, close))
	{
		do
		{
			CvgJsonMember m = {{NULL, 0}, {NULL, 0}};
			size_t		start = names->len;

			if (object)
			{
				cvg_json_scan_string(&s, names);
				(void) cvg_scan_expect(&s, ':');
			}
			m.name.len = names->len - start;
			m.value = cvg_scan_json(&s);
			if (*n == size)
			{
				size *= 2;
				list = *members = repalloc(list, sizeof(CvgJsonMember) * size);
			}
			list[(*n)++] = m;
		} while (cvg_scan_char(&s, ','));
		(void) cvg_scan_expect(&s, close);
	}
	if (cvg_scan_ok(&s) && !cvg_scan_at_end(&s))
		(void) cvg_scan_fail(&s, CVG_E_SYNTAX, s.p);
	if (cvg_scan_ok(&s) && object)
		return finish_members(list, *n, names, first);
	return s.status;
}
