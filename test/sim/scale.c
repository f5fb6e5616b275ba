/*
 * scale.c: how many rounds and bytes it takes until all of many nodes have
 * what each of them wrote.
 *
 * Rounds are synchronous here: in a round each node pulls once from each of
 * its peers, or from a few that it picks at random, and gets what these had
 * at the end of the round before.  What travels is what the server sends:
 * requests, entries and heads are encoded by src/core and measured, for a
 * sample of the pulls of each round.
 */
#include "sim.h"

#define MAX_SCALE	1024
#define SAMPLES		24
#define ENTRY_BYTES	120			/* body of a small transaction */

typedef enum Topology
{
	T_MESH, T_RING, T_STAR, T_RANDOM_1, T_RANDOM_2, T_RANDOM_3,
	NTOPOLOGIES
} Topology;

static const char *const topology_names[NTOPOLOGIES] = {
	"mesh", "ring", "star", "random 1", "random 2", "random 3"
};

typedef struct Result
{
	int			rounds;
	double		bytes;			/* per node and round */
} Result;

static uint64 have[MAX_SCALE][MAX_SCALE / 64];
static uint64 before[MAX_SCALE][MAX_SCALE / 64];
static char names[MAX_SCALE][8];

/* ---- bytes ---- */

static int
count(const uint64 *set)
{
	int			n = 0;
	int			i;

	for (i = 0; i < MAX_SCALE / 64; i++)
		n += __builtin_popcountll(set[i]);
	return n;
}

static CvgSlice
progress_of(const uint64 *set, int n, CvgBuf *out)
{
	static CvgClockEntry entries[MAX_SCALE];
	int			m = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (((set[i / 64] >> (i % 64)) & 1) == 0)
			continue;
		entries[m].id = cvg_slice_cstring(names[i]);
		entries[m++].value = 1000;
	}
	cvg_buf_reset(out);
	(void) cvg_vclock_from_entries(entries, m, out);
	return cvg_buf_slice(out);
}

/* Request and answer of one pull. */
static double
bytes_of(int n, int from, int to)
{
	static CvgBuf clock;
	static CvgBuf other;
	static CvgBuf buf;
	static const uint8 body[ENTRY_BYTES];
	CvgReport	report = {0};
	CvgRequest	req = {0};
	CvgHead		head = {0};
	CvgEntryHeader header = {.seq = 1000, .prev_seq = 999, .stamp = INT64CONST(800000000000000)};
	double		total;
	int			missing = 0;
	int			i;

	report.node_name = report.replica_id = cvg_slice_cstring(names[from]);
	report.generation = header.stamp;
	report.last_seq = 1000;
	report.progress = report.horizon = progress_of(before[from], n, &clock);
	req.protocol = CVG_PROTOCOL_VERSION;
	req.replica_id = report.replica_id;
	req.want = CVG_WANT_EXCEPT;
	req.progress = report.progress;
	req.nreports = 1;
	req.reports = &report;
	cvg_buf_reset(&buf);
	cvg_request_encode(&req, &buf);
	total = buf.len;

	report.node_name = report.replica_id = cvg_slice_cstring(names[to]);
	report.progress = report.horizon = progress_of(before[to], n, &other);
	head.progress = report.progress;
	head.nreports = 1;
	head.reports = &report;
	cvg_buf_reset(&buf);
	cvg_head_encode(&head, &buf);
	header.origin = report.replica_id;
	cvg_entry_header_encode(&header, &buf);
	total += buf.len;
	cvg_buf_reset(&buf);
	cvg_entry_header_encode(&header, &buf);
	cvg_put_slice(&buf, cvg_slice(body, ENTRY_BYTES));
	for (i = 0; i < MAX_SCALE / 64; i++)
		missing += __builtin_popcountll(before[to][i] & ~before[from][i]);
	return total + (double) missing * buf.len;
}

/* ---- rounds ---- */

static int
degree(Topology t, int n, int node)
{
	switch (t)
	{
		case T_MESH:
			return n - 1;
		case T_RING:
			return n > 2 ? 2 : 1;
		case T_STAR:
			return node == 0 ? n - 1 : 1;
		default:
			return t - T_RANDOM_1 + 1;
	}
}

static int
peer(Topology t, int n, int node, int i)
{
	switch (t)
	{
		case T_MESH:
			return i < node ? i : i + 1;
		case T_RING:
			return (node + (i == 0 ? 1 : n - 1)) % n;
		case T_STAR:
			return node == 0 ? i + 1 : 0;
		default:
			return (node + 1 + below(n - 1)) % n;
	}
}

static Result
spread(Topology t, int n)
{
	Result		r = {0, 0};
	double		sampled = 0;
	double		pulls = 0;
	int			nsampled = 0;
	int			complete = 0;
	int			i;
	int			j;
	int			k;

	memset(have, 0, sizeof(have));
	for (i = 0; i < n; i++)
		have[i][i / 64] |= UINT64CONST(1) << (i % 64);
	while (complete < n)
	{
		r.rounds++;
		memcpy(before, have, sizeof(have));
		complete = 0;
		for (i = 0; i < n; i++)
		{
			for (j = degree(t, n, i); j > 0; j--)
			{
				int			p = peer(t, n, i, j - 1);

				for (k = 0; k < MAX_SCALE / 64; k++)
					have[i][k] |= before[p][k];
				pulls++;
				if (below(Max(n / SAMPLES, 1)) == 0 && below(j) == 0)
				{
					sampled += bytes_of(n, i, p);
					nsampled++;
				}
			}
			complete += count(have[i]) == n;
		}
	}
	r.bytes = sampled / Max(nsampled, 1) * pulls / n / r.rounds;
	return r;
}

static Result
average(Topology t, int n)
{
	Result		sum = {0, 0};
	int			runs = t < T_RANDOM_1 ? 1 : 5;
	int			i;

	for (i = 0; i < runs; i++)
	{
		Result		r = spread(t, n);

		sum.rounds = Max(sum.rounds, r.rounds);
		sum.bytes += r.bytes / runs;
	}
	return sum;
}

static double
log_base(double x, double base)
{
	double		result = 0;

	for (; x >= base; x /= base)
		result++;
	return result + (x - 1) / (base - 1);
}

/* Rounds that theory asks for: at least. */
static double
theory(Topology t, int n)
{
	switch (t)
	{
		case T_MESH:
			return 1;
		case T_RING:
			return n / 2;
		case T_STAR:
			return n > 2 ? 2 : 1;
		default:
			return log_base(n, t - T_RANDOM_1 + 2);
	}
}

/* ---- the picture ---- */

static const int sizes[] = {3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024};

#define NSIZES	((int) lengthof(sizes))

static Result results[NTOPOLOGIES][NSIZES];

#define X_OF(n)	(60 + log_base(n, 2) * 58)
#define Y_OF(v)	(330 - log_base((v) < 1 ? 1 : (v), 2) * 30)

static void
line(FILE *f, Topology t, bool is_theory, const char *color)
{
	int			i;

	fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s points=\"", color,
			is_theory ? " stroke-dasharray=\"4 4\"" : "");
	for (i = 0; i < NSIZES; i++)
		fprintf(f, "%.1f,%.1f ", X_OF(sizes[i]),
				Y_OF(is_theory ? theory(t, sizes[i]) : results[t][i].rounds));
	fprintf(f, "\"/>\n");
}

static void
draw(const char *path)
{
	static const char *const colors[NTOPOLOGIES] = {
		"#1b6ca8", "#c0392b", "#7d3c98", "#d68910", "#1e8449", "#17202a"
	};
	FILE	   *f = fopen(path, "w");
	int			i;

	if (f == NULL)
	{
		perror(path);
		exit(1);
	}
	fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 780 390\" "
			"font-family=\"sans-serif\" font-size=\"13\">\n"
			"<rect width=\"780\" height=\"390\" fill=\"white\"/>\n"
			"<text x=\"60\" y=\"20\" font-size=\"15\">Rounds until all nodes have all writes "
			"(dashed: theory)</text>\n");
	for (i = 1; i <= 1024; i *= 2)
	{
		fprintf(f, "<line x1=\"%.1f\" y1=\"30\" x2=\"%.1f\" y2=\"330\" stroke=\"#eee\"/>"
				"<text x=\"%.1f\" y=\"348\" text-anchor=\"middle\">%d</text>\n",
				X_OF(i), X_OF(i), X_OF(i), i);
		if (i <= 512)
			fprintf(f, "<line x1=\"60\" y1=\"%.1f\" x2=\"640\" y2=\"%.1f\" stroke=\"#eee\"/>"
					"<text x=\"52\" y=\"%.1f\" text-anchor=\"end\">%d</text>\n",
					Y_OF(i), Y_OF(i), Y_OF(i) + 4, i);
	}
	fprintf(f, "<text x=\"350\" y=\"372\" text-anchor=\"middle\">nodes</text>\n");
	for (i = 0; i < NTOPOLOGIES; i++)
	{
		line(f, i, true, colors[i]);
		line(f, i, false, colors[i]);
		fprintf(f, "<text x=\"650\" y=\"%d\" fill=\"%s\">%s</text>\n", 60 + i * 20, colors[i],
				topology_names[i]);
	}
	fprintf(f, "</svg>\n");
	fclose(f);
}

static void
tables(void)
{
	int			t;
	int			i;

	printf("## Rounds\n\nMeasured, and in brackets what theory asks for at least: 1 for a mesh, N/2 for a ring, 2 for a\n"
		   "star, log to the base f + 1 of N for a random fan-out of f. Of random ones the slowest of five runs.\n\n");
	printf("| nodes |");
	for (t = 0; t < NTOPOLOGIES; t++)
		printf(" %s |", topology_names[t]);
	printf("\n| ---: |");
	for (t = 0; t < NTOPOLOGIES; t++)
		printf(" ---: |");
	for (i = 0; i < NSIZES; i++)
	{
		printf("\n| %d |", sizes[i]);
		for (t = 0; t < NTOPOLOGIES; t++)
			printf(" %d (%.1f) |", results[t][i].rounds, theory(t, sizes[i]));
	}
	printf("\n\n## Bytes\n\nPer node and round, requests and answers of its pulls together, in KiB.\n\n| nodes |");
	for (t = 0; t < NTOPOLOGIES; t++)
		printf(" %s |", topology_names[t]);
	printf("\n| ---: |");
	for (t = 0; t < NTOPOLOGIES; t++)
		printf(" ---: |");
	for (i = 0; i < NSIZES; i++)
	{
		printf("\n| %d |", sizes[i]);
		for (t = 0; t < NTOPOLOGIES; t++)
			printf(" %.1f |", results[t][i].bytes / 1024);
	}
	printf("\n");
}

/* Print the page, and draw its picture. */
int
scale(const char *svg)
{
	int			t;
	int			i;

	rnd_seed(1);
	for (i = 0; i < MAX_SCALE; i++)
		snprintf(names[i], sizeof(names[i]), "n%d", i);
	for (t = 0; t < NTOPOLOGIES; t++)
	{
		for (i = 0; i < NSIZES; i++)
			results[t][i] = average((Topology) t, sizes[i]);
	}
	draw(svg);
	printf("# How it spreads\n\n"
		   "Each of N nodes commits one small transaction; how many rounds and bytes until all have all of them? In a\n"
		   "round each node pulls once: from every peer (mesh, ring, star), or from f others that it picks anew\n"
		   "(random). Made by `make sim-scale` (test/sim/scale.c); requests, entries and heads are encoded by src/core.\n"
		   "A server knows at most 64 members and 32 peers; the larger sizes show where the protocol would go.\n\n"
		   "![Rounds by nodes](scale.svg)\n\n");
	tables();
	printf("\nA ring needs N/2 rounds whatever the protocol; every topology with short ways, and random peers with a fan-out\n"
		   "of two or three, stays near the logarithm. The bytes of a pull without news grow with the number of replica\n"
		   "ids, as its clocks name each of them; in a mesh every node asks every other, which is what a fan-out would save.\n");
	return 0;
}
