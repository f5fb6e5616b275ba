/*-------------------------------------------------------------------------
 *
 * peers.c
 *	  Parser of the list in converge.peers.
 *
 *	  list     = [ item { "," item } ]
 *	  item     = name "=" conninfo
 *	  conninfo = '"' anything, with "" for one quote '"'
 *			   | URI up to a comma
 *			   | keyword=value pairs up to a comma outside of a value
 *
 * White space, line breaks included, may stand around every token.  Values
 * of pairs are delimited as libpq does it: a value that begins with a single
 * quote ends at the next one, any other at white space, and a backslash takes
 * the next byte literally in both.  A single quote elsewhere is an ordinary
 * byte.  Quotes and backslashes of values stay in the result, as libpq reads
 * them; of the double quotes round a conninfo nothing stays.
 *
 * No item may be empty, so that a comma too many is an error and not a peer
 * that nobody meant.
 *
 *-------------------------------------------------------------------------
 */
#include "core/peers.h"

/* Cursor over the text; the terminating NUL stops every scan. */
typedef struct Parser
{
	const char *text;
	size_t		pos;
} Parser;

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
skip_space(Parser *p)
{
	while (is_space(p->text[p->pos]))
		p->pos++;
}

/* Step over a byte and, if it is a backslash, over what it escapes. */
static void
skip_escaped(Parser *p)
{
	if (p->text[p->pos] == '\\' && p->text[p->pos + 1] != '\0')
		p->pos++;
	p->pos++;
}

static char *
copy_range(const char *text, size_t start, size_t end)
{
	char	   *copy = palloc(end - start + 1);

	memcpy(copy, text + start, end - start);
	copy[end - start] = '\0';
	return copy;
}

static CvgStatus
parse_name(Parser *p, char **name, CvgError *err)
{
	size_t		start = p->pos;
	CvgSlice	id;

	while (p->text[p->pos] != '\0' && p->text[p->pos] != '=' &&
		   p->text[p->pos] != ',' && !is_space(p->text[p->pos]))
		p->pos++;
	if (p->pos == start)
		return cvg_fail(err, CVG_E_SYNTAX, start);
	id = cvg_slice(p->text + start, p->pos - start);
	if (!cvg_replica_id_valid(id) || memchr(id.data, '~', id.len) != NULL)
		return cvg_fail(err, CVG_E_BAD_ID, start);
	*name = copy_range(p->text, start, p->pos);
	return CVG_OK;
}

/* A whole conninfo in double quotes; white space at its ends is dropped. */
static CvgStatus
parse_double_quoted(Parser *p, char **conninfo, CvgError *err)
{
	size_t		open = p->pos++;
	char	   *copy = palloc(strlen(p->text + open));
	size_t		len = 0;

	for (;;)
	{
		char		c = p->text[p->pos];

		if (c == '\0')
		{
			pfree(copy);
			return cvg_fail(err, CVG_E_SYNTAX, open);
		}
		p->pos++;
		if (c == '"')
		{
			if (p->text[p->pos] != '"')
				break;
			p->pos++;
		}
		if (len > 0 || !is_space(c))
			copy[len++] = c;
	}
	while (len > 0 && is_space(copy[len - 1]) &&
		   !(len > 1 && copy[len - 2] == '\\'))
		len--;
	copy[len] = '\0';
	if (len == 0)
	{
		pfree(copy);
		return cvg_fail(err, CVG_E_SYNTAX, open);
	}
	*conninfo = copy;
	return CVG_OK;
}

/* A URI: up to the comma, where nothing quotes anything. */
static void
scan_uri(Parser *p, size_t *end)
{
	while (p->text[p->pos] != '\0' && p->text[p->pos] != ',')
	{
		if (!is_space(p->text[p->pos]))
			*end = p->pos + 1;
		p->pos++;
	}
}

/* One value; the reader stands behind the "=" and white space. */
static CvgStatus
scan_value(Parser *p, CvgError *err)
{
	size_t		start = p->pos;

	if (p->text[p->pos] != '\'')
	{
		while (p->text[p->pos] != '\0' && p->text[p->pos] != ',' &&
			   !is_space(p->text[p->pos]))
			skip_escaped(p);
		return CVG_OK;
	}
	p->pos++;
	while (p->text[p->pos] != '\'')
	{
		if (p->text[p->pos] == '\0')
			return cvg_fail(err, CVG_E_SYNTAX, start);
		skip_escaped(p);
	}
	p->pos++;
	return CVG_OK;
}

/*
 * keyword=value pairs up to a comma or the end.  What is no pair is passed
 * on as it is: libpq has the better error message.  *end is behind the last
 * token, which may be an escaped space.
 */
static CvgStatus
scan_pairs(Parser *p, size_t *end, CvgError *err)
{
	while (p->text[p->pos] != '\0' && p->text[p->pos] != ',')
	{
		bool		value = p->text[p->pos] == '=';

		p->pos++;
		*end = p->pos;
		skip_space(p);
		if (value)
		{
			size_t		start = p->pos;
			CvgStatus	status = scan_value(p, err);

			if (status != CVG_OK)
				return status;
			if (p->pos > start)
				*end = p->pos;
			skip_space(p);
		}
	}
	return CVG_OK;
}

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static CvgStatus
parse_conninfo(Parser *p, char **conninfo, CvgError *err)
{
	size_t		start = p->pos;
	size_t		end = start;
	CvgStatus	status = CVG_OK;

	if (p->text[start] == '"')
		return parse_double_quoted(p, conninfo, err);
	if (has_prefix(p->text + start, "postgresql://") ||
		has_prefix(p->text + start, "postgres://"))
		scan_uri(p, &end);
	else
		status = scan_pairs(p, &end, err);
	if (status != CVG_OK)
		return status;
	if (end == start)
		return cvg_fail(err, CVG_E_SYNTAX, start);
	*conninfo = copy_range(p->text, start, end);
	return CVG_OK;
}

/* One item; what it allocated stays in *peer even if it fails. */
static CvgStatus
parse_item(Parser *p, CvgPeerSpec *peer, CvgError *err)
{
	CvgStatus	status;

	skip_space(p);
	status = parse_name(p, &peer->name, err);
	if (status != CVG_OK)
		return status;
	skip_space(p);
	if (p->text[p->pos] != '=')
		return cvg_fail(err, CVG_E_SYNTAX, p->pos);
	p->pos++;
	skip_space(p);
	status = parse_conninfo(p, &peer->conninfo, err);
	if (status != CVG_OK)
		return status;
	skip_space(p);
	if (p->text[p->pos] != ',' && p->text[p->pos] != '\0')
		return cvg_fail(err, CVG_E_SYNTAX, p->pos);
	return CVG_OK;
}

/* Is the last name one of those before it? */
static bool
last_is_duplicate(const CvgPeerSpec *peers, int n)
{
	int			i;

	for (i = 0; i < n - 1; i++)
	{
		if (strcmp(peers[i].name, peers[n - 1].name) == 0)
			return true;
	}
	return false;
}

/* Items up to the end of a text that is not blank. */
static CvgStatus
parse_items(Parser *p, CvgPeerSpec **peers, int *npeers, CvgError *err)
{
	int			size = 8;

	*peers = palloc(sizeof(CvgPeerSpec) * size);
	for (;;)
	{
		CvgPeerSpec *peer;
		CvgStatus	status;
		size_t		start;

		if (*npeers == size)
		{
			size *= 2;
			*peers = repalloc(*peers, sizeof(CvgPeerSpec) * size);
		}
		peer = &(*peers)[(*npeers)++];
		peer->name = peer->conninfo = NULL;
		skip_space(p);
		start = p->pos;
		status = parse_item(p, peer, err);
		if (status != CVG_OK)
			return status;
		if (last_is_duplicate(*peers, *npeers))
			return cvg_fail(err, CVG_E_DUPLICATE, start);
		if (p->text[p->pos] == '\0')
			return CVG_OK;
		p->pos++;
	}
}

CvgStatus
cvg_peers_parse(const char *text, CvgPeerSpec **peers, int *npeers,
				CvgError *err)
{
	Parser		p = {text, 0};
	CvgStatus	status;

	*peers = NULL;
	*npeers = 0;
	skip_space(&p);
	if (text[p.pos] == '\0')
		return CVG_OK;
	status = parse_items(&p, peers, npeers, err);
	if (status != CVG_OK)
	{
		cvg_peers_free(*peers, *npeers);
		*peers = NULL;
		*npeers = 0;
	}
	return status;
}

void
cvg_peers_free(CvgPeerSpec *peers, int npeers)
{
	int			i;

	if (peers == NULL)
		return;
	for (i = 0; i < npeers; i++)
	{
		if (peers[i].name != NULL)
			pfree(peers[i].name);
		if (peers[i].conninfo != NULL)
			pfree(peers[i].conninfo);
	}
	pfree(peers);
}
