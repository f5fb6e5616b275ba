/*
 * The list in converge.peers: what was read, written again with every
 * conninfo in double quotes, is read as the same list.
 */
#include "fuzz.h"
#include "core/peers.h"

static void
write_list(CvgBuf *out, const CvgPeerSpec *peers, int npeers)
{
	int			i;

	for (i = 0; i < npeers; i++)
	{
		const char *p;

		cvg_put_bytes(out, peers[i].name, strlen(peers[i].name));
		cvg_put_bytes(out, "=\"", 2);
		for (p = peers[i].conninfo; *p; p++)
		{
			if (*p == '"')
				cvg_put_u8(out, '"');
			cvg_put_u8(out, (uint8) *p);
		}
		cvg_put_bytes(out, "\",", i < npeers - 1 ? 2 : 1);
	}
	cvg_put_u8(out, '\0');
}

static void
require_same_again(const CvgPeerSpec *peers, int npeers)
{
	CvgPeerSpec *again;
	int			n;
	CvgBuf		text;
	CvgError	err;
	int			i;

	cvg_buf_init(&text);
	write_list(&text, peers, npeers);
	REQUIRE(cvg_peers_parse((char *) text.data, &again, &n, &err) == CVG_OK);
	REQUIRE(n == npeers);
	for (i = 0; i < n; i++)
	{
		REQUIRE(strcmp(again[i].name, peers[i].name) == 0);
		REQUIRE(strcmp(again[i].conninfo, peers[i].conninfo) == 0);
	}
	cvg_peers_free(again, n);
	cvg_buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = fuzz_cstring(data, size);
	CvgPeerSpec *peers;
	int			npeers;
	CvgError	err = {CVG_OK, 0};

	if (cvg_peers_parse(text, &peers, &npeers, &err) == CVG_OK)
	{
		require_same_again(peers, npeers);
		cvg_peers_free(peers, npeers);
	}
	else
	{
		REQUIRE(peers == NULL && npeers == 0);
		REQUIRE(err.status != CVG_OK && err.offset <= strlen(text));
	}
	gen_reset();
	return 0;
}
