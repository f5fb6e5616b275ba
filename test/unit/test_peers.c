/*
 * The list in converge.peers.
 */
#include "recode.h"
#include "core/peers.h"

static CvgPeerSpec *peers = NULL;
static int	npeers = 0;

static CvgStatus
parse(const char *text, CvgError *err)
{
	cvg_peers_free(peers, npeers);
	return cvg_peers_parse(text, &peers, &npeers, err);
}

/* One peer "a" whose conninfo comes out as given. */
static void
check_one(const char *text, const char *conninfo)
{
	CvgError	err;
	CvgStatus	status = parse(text, &err);

	CHECK(status == CVG_OK, "%s: status %d", text, status);
	if (status != CVG_OK)
		return;
	CHECK(npeers == 1 && strcmp(peers[0].name, "a") == 0, "%s", text);
	CHECK(npeers == 1 && strcmp(peers[0].conninfo, conninfo) == 0,
		  "%s gives %s", text, peers[0].conninfo);
}

/* A list of n peers, of which the last is checked. */
static void
check_last(const char *text, int n, const char *name, const char *conninfo)
{
	CvgError	err;
	CvgStatus	status = parse(text, &err);

	CHECK(status == CVG_OK && npeers == n, "%s: status %d, %d peers", text, status, npeers);
	if (status != CVG_OK || npeers != n)
		return;
	CHECK(strcmp(peers[n - 1].name, name) == 0, "%s gives %s", text, peers[n - 1].name);
	CHECK(strcmp(peers[n - 1].conninfo, conninfo) == 0,
		  "%s gives %s", text, peers[n - 1].conninfo);
}

static void
check_error(const char *text, CvgStatus want, size_t offset)
{
	CvgError	err = {CVG_OK, 0};
	CvgStatus	status = parse(text, &err);

	CHECK(status == want && err.status == want, "%s: status %d", text, status);
	CHECK(err.offset == offset, "%s: offset %zu", text, err.offset);
	CHECK(peers == NULL && npeers == 0);
}

/* ---- what is accepted ---- */

static void
test_accepted(void)
{
	CvgError	err;

	CHECK(parse("", &err) == CVG_OK && npeers == 0 && peers == NULL, "empty");
	CHECK(parse(" \n\t ", &err) == CVG_OK && npeers == 0, "blank");
	check_one("a=host=x", "host=x");
	check_one("  a  =  host=x port=5433  ", "host=x port=5433");
	check_one("\na\n=\nhost = x\n\tport = 5433\n", "host = x\n\tport = 5433");
	check_one("a=host=", "host=");
	check_one("a=dbname", "dbname");
	check_one("a=postgresql://u@h/db?application_name='x", "postgresql://u@h/db?application_name='x");
	check_last("a=host=x,b=host=y", 2, "b", "host=y");
	check_last("a=host=x\n,\nb=host=y\n,\nlondon-2.eu = postgres://h/db ", 3, "london-2.eu", "postgres://h/db");
	check_last("a=postgres://h/db,b=host=y", 2, "b", "host=y");
	check_last("\xc3\xa9=host=x", 1, "\xc3\xa9", "host=x");
}

/* ---- quotes and escapes ---- */

static void
test_single_quotes(void)
{
	check_one("a=host=x options='-c a=1,2'", "host=x options='-c a=1,2'");
	check_one("a=options = 'a,b' host=x", "options = 'a,b' host=x");
	check_one("a=options='it\\'s, so' host=x", "options='it\\'s, so' host=x");
	check_one("a=options='x\\\\'", "options='x\\\\'");
	check_one("a=options=x\\,y", "options=x\\,y");
	check_one("a=options=x\\ ", "options=x\\ ");
	check_one("a=options=x\\", "options=x\\");
	check_one("a=options=''", "options=''");
	check_last("a=options='x',b=host=y", 2, "b", "host=y");
	check_last("a=options='x\\\\',b=host=y", 2, "b", "host=y");
	/* a quote inside of a value is an ordinary byte, as for libpq */
	check_last("a=user=o'neil,b=host=y", 2, "b", "host=y");
	check_last("a=user=o'neil host=',',b=host=y", 2, "b", "host=y");
	/* nor does one in front of a keyword begin anything */
	check_last("a='x,b=host=y", 2, "b", "host=y");
	/* the second "=" of a value begins none */
	check_last("a=options=x='1,b=host=y", 2, "b", "host=y");
	check_last("a=host=,b=host=y", 2, "b", "host=y");
}

static void
test_double_quotes(void)
{
	check_one("a=\"host=x\"", "host=x");
	check_one("a = \"  host=x, y \" ", "host=x, y");
	check_one("a=\"postgresql://h1,h2/db\"", "postgresql://h1,h2/db");
	check_one("a=\"options='say \"\"hi\"\"'\"", "options='say \"hi\"'");
	check_one("a=\"\"\"\"", "\"");
	check_one("a=\"user=o'neil\"", "user=o'neil");
	check_one("a=\"options=x\\ \"", "options=x\\ ");
	check_last("a=\"h,i\",b=\"j,k\"", 2, "b", "j,k");
	/* only round the whole of it */
	check_one("a=user=\"x\"", "user=\"x\"");
	check_last("a=user=\"x,b=host=y", 2, "b", "host=y");
}

/* ---- errors and where they are ---- */

static void
test_errors(void)
{
	char		name[80];
	char		text[100];

	check_error(",", CVG_E_SYNTAX, 0);
	check_error("a", CVG_E_SYNTAX, 1);
	check_error("a b=host=x", CVG_E_SYNTAX, 2);
	check_error("=host=x", CVG_E_SYNTAX, 0);
	check_error("  =host=x", CVG_E_SYNTAX, 2);
	check_error("a=", CVG_E_SYNTAX, 2);
	check_error("a=  ", CVG_E_SYNTAX, 4);
	check_error("a=,b=host=x", CVG_E_SYNTAX, 2);
	check_error("a=host=x,", CVG_E_SYNTAX, 9);
	check_error("a=host=x, ", CVG_E_SYNTAX, 10);
	check_error("a=host=x,,b=host=y", CVG_E_SYNTAX, 9);
	check_error("a=host='x, b=host=y", CVG_E_SYNTAX, 7);
	check_error("a=host='x\\'", CVG_E_SYNTAX, 7);
	check_error("a=host='x\\", CVG_E_SYNTAX, 7);
	check_error("a=\"host=x", CVG_E_SYNTAX, 2);
	check_error("a=\"host=x\"\"", CVG_E_SYNTAX, 2);
	check_error("a=\"\"", CVG_E_SYNTAX, 2);
	check_error("a=\" \"", CVG_E_SYNTAX, 2);
	check_error("a=\"host=x\" port=1", CVG_E_SYNTAX, 11);
	check_error("a~1=host=x", CVG_E_BAD_ID, 0);
	check_error("a=host=x, b:=host=y", CVG_E_BAD_ID, 10);
	check_error("a=host=x, a=host=y", CVG_E_DUPLICATE, 10);
	check_error("a=host=x,b=host=y,\n b=host=z", CVG_E_DUPLICATE, 20);
	memset(name, 'n', sizeof(name));
	name[CVG_MAX_REPLICA_ID] = '\0';
	snprintf(text, sizeof(text), "%s=host=x", name);
	check_last(text, 1, name, "host=x");
	name[CVG_MAX_REPLICA_ID] = 'n';
	name[CVG_MAX_REPLICA_ID + 1] = '\0';
	snprintf(text, sizeof(text), "%s=host=x", name);
	check_error(text, CVG_E_BAD_ID, 0);
}

/* ---- random lists, written in random ways ---- */

static void
put_space(CvgBuf *buf)
{
	while (gen_chance(30))
		cvg_put_u8(buf, (uint8) " \n\t"[unit_below(3)]);
}

/* keyword=value pairs whose values hold anything, as libpq quotes them */
static CvgSlice
gen_pairs(void)
{
	static const char chars[] = "ab,'\\\" =\n\xc3";
	CvgBuf		buf;
	int			n = 1 + unit_below(3);

	cvg_buf_init(&buf);
	while (n-- > 0)
	{
		int			len = unit_below(6);

		cvg_put_bytes(&buf, "kw", 2);
		put_space(&buf);
		cvg_put_u8(&buf, '=');
		put_space(&buf);
		cvg_put_u8(&buf, '\'');
		while (len-- > 0)
		{
			char		c = chars[unit_below(sizeof(chars) - 1)];

			if (c == '\'' || c == '\\')
				cvg_put_u8(&buf, '\\');
			cvg_put_u8(&buf, (uint8) c);
		}
		cvg_put_u8(&buf, '\'');
		if (n > 0)
			cvg_put_u8(&buf, ' ');
	}
	cvg_put_u8(&buf, '\0');
	return gen_take(&buf);
}

static void
put_quoted(CvgBuf *buf, const char *conninfo)
{
	cvg_put_u8(buf, '"');
	put_space(buf);
	for (; *conninfo; conninfo++)
	{
		if (*conninfo == '"')
			cvg_put_u8(buf, '"');
		cvg_put_u8(buf, (uint8) *conninfo);
	}
	put_space(buf);
	cvg_put_u8(buf, '"');
}

static void
test_random(void)
{
	int			cases = unit_env_cases(100000);

	while (cases-- > 0)
	{
		const char *conninfo[20];
		char		name[16];
		int			n = 1 + unit_below(gen_chance(2) ? 20 : 3);
		CvgBuf		buf;
		CvgError	err;
		int			i;

		cvg_buf_init(&buf);
		for (i = 0; i < n; i++)
		{
			conninfo[i] = (const char *) gen_pairs().data;
			snprintf(name, sizeof(name), "n%d", i);
			if (i > 0)
				cvg_put_u8(&buf, ',');
			put_space(&buf);
			cvg_put_bytes(&buf, name, strlen(name));
			put_space(&buf);
			cvg_put_u8(&buf, '=');
			put_space(&buf);
			if (gen_chance(50))
				put_quoted(&buf, conninfo[i]);
			else
				cvg_put_bytes(&buf, conninfo[i], strlen(conninfo[i]));
			put_space(&buf);
		}
		cvg_put_u8(&buf, '\0');
		CHECK(parse((const char *) gen_take(&buf).data, &err) == CVG_OK);
		CHECK(npeers == n);
		for (i = 0; i < npeers; i++)
		{
			snprintf(name, sizeof(name), "n%d", i);
			CHECK(strcmp(peers[i].name, name) == 0);
			CHECK(strcmp(peers[i].conninfo, conninfo[i]) == 0,
				  "%s is not %s", peers[i].conninfo, conninfo[i]);
		}
		gen_reset();
	}
}

/* Anything of the characters that mean something: no crash, offsets inside. */
static void
test_noise(void)
{
	static const char chars[] = "ab=,'\"\\ \n~";
	int			cases = unit_env_cases(100000);

	while (cases-- > 0)
	{
		int			len = unit_below(16);
		char	   *text = gen_alloc(len + 1);
		CvgError	err = {CVG_OK, 0};
		int			i;

		for (i = 0; i < len; i++)
			text[i] = chars[unit_below(sizeof(chars) - 1)];
		text[len] = '\0';
		if (parse(text, &err) == CVG_OK)
		{
			for (i = 0; i < npeers; i++)
				CHECK(peers[i].name[0] != '\0' && peers[i].conninfo[0] != '\0', "%s", text);
		}
		else
			CHECK(err.offset <= (size_t) len, "%s", text);
		gen_reset();
	}
}

int
main(void)
{
	unit_start(unit_env_seed());
	test_accepted();
	test_single_quotes();
	test_double_quotes();
	test_errors();
	test_random();
	test_noise();
	cvg_peers_free(peers, npeers);
	return unit_done();
}
