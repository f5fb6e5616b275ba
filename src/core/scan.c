/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Reading and writing the text forms of CRDT values.
 *
 *-------------------------------------------------------------------------
 */
#include "core/scan.h"

#include "common/int.h"

/* Longest text of an int64, sign included. */
#define MAX_INT64_CHARS		20

void
cvg_scan_init(CvgScanner *s, CvgSlice text)
{
	s->start = s->p = (const char *) text.data;
	s->end = s->start + text.len;
	s->status = CVG_OK;
	s->offset = 0;
}

bool
cvg_scan_fail(CvgScanner *s, CvgStatus status, const char *at)
{
	if (s->status == CVG_OK)
	{
		s->status = status;
		s->offset = at - s->start;
	}
	return false;
}

static inline bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

void
cvg_scan_spaces(CvgScanner *s)
{
	while (s->p < s->end && is_space(*s->p))
		s->p++;
}

bool
cvg_scan_at_end(CvgScanner *s)
{
	cvg_scan_spaces(s);
	return s->p >= s->end;
}

bool
cvg_scan_char(CvgScanner *s, char c)
{
	if (s->status != CVG_OK || cvg_scan_at_end(s) || *s->p != c)
		return false;
	s->p++;
	return true;
}

/* A word ends where a replica id would. */
bool
cvg_scan_word(CvgScanner *s, const char *word)
{
	size_t		len = strlen(word);

	if (s->status != CVG_OK || cvg_scan_at_end(s) ||
		(size_t) (s->end - s->p) < len || memcmp(s->p, word, len) != 0)
		return false;
	if (s->p + len < s->end && cvg_replica_id_valid(cvg_slice(s->p + len, 1)))
		return false;
	s->p += len;
	return true;
}

bool
cvg_scan_expect(CvgScanner *s, char c)
{
	return cvg_scan_char(s, c) || cvg_scan_fail(s, CVG_E_SYNTAX, s->p);
}

bool
cvg_scan_expect_word(CvgScanner *s, const char *word)
{
	return cvg_scan_word(s, word) || cvg_scan_fail(s, CVG_E_SYNTAX, s->p);
}

CvgSlice
cvg_scan_id(CvgScanner *s)
{
	CvgSlice	id = {NULL, 0};
	const char *start;

	cvg_scan_spaces(s);
	start = s->p;
	while (s->p < s->end && cvg_replica_id_valid(cvg_slice(s->p, 1)))
		s->p++;
	if (s->p == start)
	{
		(void) cvg_scan_fail(s, CVG_E_SYNTAX, start);
		return id;
	}
	id = cvg_slice(start, s->p - start);
	if (!cvg_replica_id_valid(id))
		(void) cvg_scan_fail(s, CVG_E_BAD_ID, start);
	return id;
}

int64
cvg_scan_int64(CvgScanner *s)
{
	const char *start;
	bool		negative;
	int64		v = 0;

	cvg_scan_spaces(s);
	start = s->p;
	negative = cvg_scan_char(s, '-');
	if (!negative)
		(void) cvg_scan_char(s, '+');
	if (s->p >= s->end || !is_digit(*s->p))
	{
		(void) cvg_scan_fail(s, CVG_E_SYNTAX, s->p);
		return 0;
	}
	for (; s->p < s->end && is_digit(*s->p); s->p++)
	{
		/* downwards, since the smallest one has no opposite */
		if (pg_mul_s64_overflow(v, 10, &v) ||
			pg_sub_s64_overflow(v, *s->p - '0', &v))
		{
			(void) cvg_scan_fail(s, CVG_E_OVERFLOW, start);
			return 0;
		}
	}
	if (!negative && pg_sub_s64_overflow(0, v, &v))
	{
		(void) cvg_scan_fail(s, CVG_E_OVERFLOW, start);
		return 0;
	}
	return v;
}

CvgStamp
cvg_scan_stamp(CvgScanner *s)
{
	const char *start;
	int64		v;

	cvg_scan_spaces(s);
	start = s->p;
	v = cvg_scan_int64(s);
	if (v <= 0)
		(void) cvg_scan_fail(s, CVG_E_OVERFLOW, start);
	return v;
}

CvgStamp
cvg_scan_at_stamp(CvgScanner *s)
{
	if (!cvg_scan_expect(s, '@'))
		return 0;
	return cvg_scan_stamp(s);
}

CvgSlice
cvg_scan_number(CvgScanner *s)
{
	const char *start;

	cvg_scan_spaces(s);
	start = s->p;
	(void) cvg_scan_char(s, '-');
	while (s->p < s->end && is_digit(*s->p))
		s->p++;
	return cvg_slice(start, s->p - start);
}

/* Past the closing quote of a string that begins here. */
static bool
scan_json_string(CvgScanner *s)
{
	const char *start = s->p++;

	while (s->p < s->end && *s->p != '"')
	{
		if (*s->p == '\\')
			s->p++;
		s->p++;
	}
	if (s->p >= s->end)
	{
		s->p = s->end;
		return cvg_scan_fail(s, CVG_E_SYNTAX, start);
	}
	s->p++;
	return true;
}

CvgSlice
cvg_scan_json(CvgScanner *s)
{
	const char *start;
	int			depth = 0;

	cvg_scan_spaces(s);
	start = s->p;
	while (s->p < s->end && s->status == CVG_OK)
	{
		char		c = *s->p;

		if (c == '"')
		{
			(void) scan_json_string(s);
			if (depth == 0)
				break;
			continue;
		}
		/* a bare word or number ends at anything that cannot be in one */
		if (depth == 0 && s->p > start &&
			(c == ',' || c == ']' || c == '}' || is_space(c)))
			break;
		if (c == '[' || c == '{')
			depth++;
		else if ((c == ']' || c == '}') && --depth < 0)
			break;
		s->p++;
		if (depth == 0 && (c == ']' || c == '}'))
			break;
	}
	if (s->p == start || depth != 0)
		(void) cvg_scan_fail(s, CVG_E_SYNTAX, start);
	return cvg_slice(start, s->p - start);
}

/* Can it stand in a text without quotes? */
static inline bool
is_bare(char c)
{
	return (uint8) c > ' ' && c != 0x7f && strchr("{}[]()<>,:;=@\"\\", c) == NULL;
}

void
cvg_scan_text(CvgScanner *s, CvgBuf *out)
{
	const char *start;

	if (cvg_scan_char(s, '"'))
	{
		for (;;)
		{
			start = s->p;
			while (s->p < s->end && *s->p != '"' && *s->p != '\\')
				s->p++;
			cvg_put_bytes(out, start, s->p - start);
			if (s->p < s->end && *s->p++ == '"')
				return;
			if (s->p >= s->end)
			{
				(void) cvg_scan_fail(s, CVG_E_SYNTAX, s->end);
				return;
			}
			cvg_put_u8(out, (uint8) *s->p++);	/* behind a backslash */
		}
	}
	if (!cvg_scan_ok(s))
		return;
	start = s->p;
	while (s->p < s->end && is_bare(*s->p))
		s->p++;
	if (s->p == start)
		(void) cvg_scan_fail(s, CVG_E_SYNTAX, start);
	cvg_put_bytes(out, start, s->p - start);
}

void
cvg_print_text(CvgBuf *out, CvgSlice text)
{
	size_t		start = 0;
	size_t		i;

	for (i = 0; i < text.len && is_bare((char) text.data[i]); i++)
		 /* to the first that cannot */ ;
	if (i == text.len && text.len > 0)
	{
		cvg_put_bytes(out, text.data, text.len);
		return;
	}
	cvg_put_u8(out, '"');
	for (i = 0; i < text.len; i++)
	{
		if (text.data[i] != '"' && text.data[i] != '\\')
			continue;
		cvg_put_bytes(out, text.data + start, i - start);
		cvg_put_u8(out, '\\');
		start = i;
	}
	cvg_put_bytes(out, text.data + start, text.len - start);
	cvg_put_u8(out, '"');
}

void
cvg_print_string(CvgBuf *out, const char *str)
{
	cvg_put_bytes(out, str, strlen(str));
}

void
cvg_print_slice(CvgBuf *out, CvgSlice s)
{
	cvg_put_bytes(out, s.data, s.len);
}

void
cvg_print_int64(CvgBuf *out, int64 value)
{
	char		digits[MAX_INT64_CHARS];
	int			i = MAX_INT64_CHARS;
	uint64		v = value < 0 ? (uint64) 0 - (uint64) value : (uint64) value;

	do
	{
		digits[--i] = (char) ('0' + v % 10);
		v /= 10;
	} while (v > 0);
	if (value < 0)
		digits[--i] = '-';
	cvg_put_bytes(out, digits + i, MAX_INT64_CHARS - i);
}

void
cvg_print_int128(CvgBuf *out, int128 value)
{
	char		digits[40];
	int			i = sizeof(digits);
	uint128		v = value < 0 ? (uint128) 0 - (uint128) value : (uint128) value;

	do
	{
		digits[--i] = (char) ('0' + (int) (v % 10));
		v /= 10;
	} while (v > 0);
	if (value < 0)
		digits[--i] = '-';
	cvg_put_bytes(out, digits + i, sizeof(digits) - i);
}

void
cvg_print_dot(CvgBuf *out, CvgSlice id, CvgStamp stamp)
{
	cvg_print_slice(out, id);
	cvg_put_u8(out, '@');
	cvg_print_int64(out, stamp);
}
