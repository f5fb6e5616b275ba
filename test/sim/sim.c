/*
 * sim.c: seeds, mutants, the summary.
 *
 *	sim -n SEEDS -s FIRST	so many seeds from this one on
 *		-m MUTANT			with a rule left out
 *		-f FAULTS -F FAULTS	no faults but these (hexadecimal); all of these too
 *		-x 1 -N NODES		narrow runs; so many nodes, each connected with all
 *		-t 1				tell the whole history of each seed
 *		-v N -q 1			show so many failures; do not shorten the first
 *	sim -M 1 | -M 2			try the mutants, or also those that take long
 *	sim -S FILE				dissemination among many nodes; the SVG goes to FILE
 */
#include "sim.h"

#include <time.h>

static const char *const fault_names[NFAULTS] = {
	"crash", "slow disk", "cut", "one-way cut", "reset", "loss", "doubling", "delay",
	"clock jump", "clock rate", "long transaction", "asynchronous commit", "rollback",
	"restored backup", "machine snapshot", "promoted standby", "clone", "leaving member",
	"returning member", "cut log", "old hints"
};

/* How a mutant is tried: with these faults, in narrow runs or not. */
static const struct
{
	const char *name;
	uint32		faults;
	bool		narrow;
	bool		rare;			/* takes thousands of seeds */
}			mutants[NMUTANTS] =
{
	{"none", 0, false},
	{"stale-stable", 1u << F_RESET, true, true},
	{"report-order", 1u << F_SLOW_DISK, true},
	{"no-s-in-entry", ~0u, false},
	{"no-fifo", ~0u, false},
	{"no-inflight", ~0u, false},
	{"watermark", (1u << F_ASYNC) | (1u << F_SLOW_DISK), true},
	{"ack-before-flush", 1u << F_CRASH, false},
	{"serve-before-flush", (1u << F_CRASH) | (1u << F_ASYNC) | (1u << F_SLOW_DISK), true},
	{"no-ceiling", (1u << F_CRASH) | (1u << F_CLOCK_JUMP) | (1u << F_ASYNC), false},
	{"no-deps", ~0u, false},
	{"cut-early", (1u << F_SLOW_DISK) | (1u << F_CUT_LOG), true},
	{"no-second-look", ~0u, false},
	{"lose-claim", (1u << F_SNAPSHOT), false},
	{"forget-at-once", (1u << F_LEAVE) | (1u << F_CUT), true, true},
	{"stream-on", (1u << F_LEAVE) | (1u << F_RETURN) | (1u << F_CUT), true},
	{"obituary-early", (1u << F_LEAVE) | (1u << F_RETURN) | (1u << F_CUT), true, true},
	{"heir", (1u << F_LEAVE) | (1u << F_RETURN), true},
	{"heir-of-others", (1u << F_LEAVE) | (1u << F_RETURN), true, true},
	{"stranger", (1u << F_CRASH) | (1u << F_CUT) | (1u << F_SLOW_DISK), false, true},
	{"old-chain", (1u << F_RESTORE) | (1u << F_PROMOTE), false},
	{"look-once", 1u << F_RESET, true},
	{"counter-anew", ~0u, false},
	{"gap", (1u << F_PROMOTE) | (1u << F_RESTORE), true},
	{"moved-deps", (1u << F_PROMOTE) | (1u << F_RESTORE) | (1u << F_SNAPSHOT), false, true},
	{"moved-twice", (1u << F_LEAVE) | (1u << F_RETURN), true},
	{"moved-past", (1u << F_LEAVE) | (1u << F_RETURN), true},
	{"boot-cut", (1u << F_CRASH) | (1u << F_SNAPSHOT), false},
	{"partial", (1u << F_RESTORE) | (1u << F_PROMOTE), true},
	{"quiet-stable", ~0u, false},
	{"entry-horizon", ~0u, false},
	{"new-birth", ~0u, false},
	{"last-dot", ~0u, false},
	{"keyless-grave", ~0u, false},
	{"turn-at-once", (1u << F_PROMOTE) | (1u << F_CUT_LOG), true},
	{"floor-once", (1u << F_SLOW_DISK) | (1u << F_CUT) | (1u << F_CUT_LOG) | (1u << F_OLD_HINTS), true, true},
	{"side", ~0u, false},
	{"block-never-lifted", ~0u, false},
	{"last-claim", ~0u, false},
	{"rank-of-birth", ~0u, false},
	{"not-settled", ~0u, false},
	{"aside-horizon", ~0u, true, true},
	{"no-recheck", ~0u, false},
	{"no-sweep", ~0u, false},
	{"aside-cached", ~0u, true},
	{"aside-twice", ~0u, true, true},
	{"aside-grave", ~0u, false, true},
	{"aside-beside", ~0u, false, true},
	{"new-twin", ~0u, true, true},
	{"release-grave", ~0u, true},
	{"blind-insert", ~0u, true},
};

#define ROUND	(1 * SECOND)	/* heartbeat, back-off and latency */

/* ---- set-up ---- */

static int
log2_up(int n)
{
	int			result = 0;

	while ((1 << result) < n)
		result++;
	return result;
}

/*
 * What comes back from the past must do so before its tombstones are
 * forgotten: the setting is for that.
 */
#define FROM_THE_PAST \
	((1u << F_RESTORE) | (1u << F_SNAPSHOT) | (1u << F_PROMOTE) | (1u << F_CLONE))

static void
respect_premise(Config *cfg)
{
	if ((cfg->faults & FROM_THE_PAST) == 0)
		return;
	cfg->retention = 60 * SECOND;
	cfg->faults &= ~((1u << F_CLOCK_JUMP) | (1u << F_CLOCK_RATE));
}

/* A table without a key beside the others: all rows of it that there will ever be. */
static void
add_keyless(Config *cfg)
{
	int			i;

	cfg->keyless = Min(cfg->nkeys, MAX_KEYS - 4);
	cfg->nkeys = MAX_KEYS;
	for (i = cfg->keyless + 1; i < MAX_KEYS; i++)
	{
		cfg->policy[i] = cfg->policy[cfg->keyless];
		cfg->granularity[i] = cfg->granularity[cfg->keyless];
		cfg->counter[i] = cfg->counter[cfg->keyless];
	}
}

/* Rows that exclude each other: those with a key, or those of the table without one. */
static void
add_rivals(Config *cfg)
{
	int			i;

	if (cfg->keyless == MAX_KEYS)
		cfg->nkeys = Max(cfg->nkeys, 2 + below(4));
	for (i = 0; i < cfg->nkeys; i++)
		cfg->rivals |= 1u << i;
	if (cfg->keyless < MAX_KEYS)
		cfg->rivals &= ~((1u << cfg->keyless) - 1);
	cfg->claims = 1 + below(cfg->nkeys);
	if (chance(0.3))
		cfg->check_node = below(cfg->nnodes);
}

void
config_from_seed(Config *cfg, uint64 seed)
{
	int			i;

	memset(cfg, 0, sizeof(*cfg));
	rnd_seed(seed);
	cfg->seed = seed;
	cfg->nnodes = chance(0.5) ? 3 : 2 + below(8);
	cfg->topology = chance(0.6) ? 0 : below(4);
	cfg->nkeys = 1 + below(4) * below(3);
	cfg->nclients = 1 + below(MAX_CLIENTS);
	cfg->nxacts = 20 + below(120);
	cfg->think = (chance(0.3) ? 2 : 5 + below(100)) * MS;
	cfg->disk = chance(0.6) ? 500 : 100 + below(8000);
	cfg->faults_every = (100 + below(800)) * MS;
	cfg->active = (2 + below(6)) * SECOND;
	cfg->faults = (uint32) rnd() & ((1u << NFAULTS) - 1);
	/* most runs have few kinds of fault, and the rare ones are rare */
	if (chance(0.7))
		cfg->faults &= (uint32) rnd();
	if (chance(0.75))
		cfg->faults &= ~((1u << F_RESTORE) | (1u << F_SNAPSHOT) | (1u << F_PROMOTE) |
						 (1u << F_CLONE) | (1u << F_LEAVE) | (1u << F_RETURN) | (1u << F_OLD_HINTS));
	if (cfg->faults & (1u << F_RETURN))
		cfg->faults |= 1u << F_LEAVE;
	if (cfg->faults & (1u << F_OLD_HINTS))
		cfg->faults |= 1u << F_CUT_LOG;

	if (chance(0.2))
		cfg->retention = below(1000) * MS;
	respect_premise(cfg);
	cfg->nspare = cfg->faults & (1u << F_CLONE) ? 1 : 0;
	cfg->max_units = 6 + below(MAX_UNITS - 6);
	cfg->max_skew = chance(0.5) ? 2 * 3600 * SECOND : 1 * SECOND;
	cfg->turn = chance(0.5) ? 60 * MS : (10 + below(1000)) * MS;
	cfg->apply_pause = chance(0.6) ? 50 : 50 + below(3000);
	cfg->redundant = chance(0.4);
	cfg->hot = chance(0.5);
	if (cfg->hot)
		cfg->nkeys = 1 + below(2);
	cfg->forget = chance(0.9);
	for (i = 0; i < MAX_KEYS; i++)
	{
		cfg->policy[i] = (CvgOnDelete) below(3);
		cfg->granularity[i] = below(3) == 0 ? CVG_GRANULARITY_ROW : CVG_GRANULARITY_COLUMN;
	}
	for (i = 0; i < MAX_KEYS; i++)
		cfg->counter[i] = chance(0.4);
	cfg->keyless = MAX_KEYS;
	if (chance(0.25))
		add_keyless(cfg);
	cfg->check_node = -1;
	if (chance(0.3))
		add_rivals(cfg);
}

static void
make_descriptor(int at)
{
	int			key = Min(at, w.cfg.keyless);
	static const char *const columns[NCOLS + 2] = {"k", "x", "y", "z", "n"};
	CvgDescriptor d = {0};
	CvgColumn	cols[NCOLS + 2] = {{{0}}};
	char		table[16];
	CvgBuf		buf;
	int			i;

	snprintf(table, sizeof(table), "t%d", key);
	d.on_delete = w.cfg.policy[key];
	d.granularity = w.cfg.granularity[key];
	d.schema = cvg_slice_cstring("public");
	d.table = cvg_slice_cstring(table);
	d.ncolumns = NCOLS + 1 + w.cfg.counter[key];
	d.columns = cols;
	d.flags = KEYLESS(key) ? CVG_DESC_KEYLESS : 0;
	for (i = 0; i <= NCOLS; i++)
	{
		cols[i].name = cvg_slice_cstring(columns[i]);
		cols[i].type_name = cvg_slice_cstring("integer");
		cols[i].keypos = i == 0 && !KEYLESS(key);
		if (!cols[i].keypos)
			cols[i].unit = cvg_unit_id(cvg_slice_cstring(columns[d.granularity == CVG_GRANULARITY_ROW ? 1 : i]));
	}
	cols[i].name = cvg_slice_cstring(columns[i]);
	cols[i].type_name = cvg_slice_cstring("converge.pncounter");
	cols[i].unit = cvg_unit_id(cols[i].name);
	cols[i].flags = CVG_COL_MERGED;
	cvg_buf_init(&buf);
	cvg_descriptor_encode(&d, &buf);
	if (cvg_descriptor_decode(sim_keep(cvg_buf_slice(&buf)), &w.descs[at], NULL) != CVG_OK)
		fail(key, "a table description is not readable");
	cvg_buf_free(&buf);
}

static void
connect_pair(int a, int b)
{
	w.peers[a][b] = w.peers[b][a] = true;
}

static void
connect_nodes(void)
{
	int			n = w.cfg.nnodes;
	int			i;
	int			j;

	for (i = 0; i < n; i++)
	{
		switch (w.cfg.topology)
		{
			case 0:
				for (j = 0; j < i; j++)
					connect_pair(i, j);
				break;
			case 1:
				connect_pair(i, (i + 1) % n);
				break;
			case 2:
				if (i > 0)
					connect_pair(i, 0);
				break;
			default:
				if (i > 0)
					connect_pair(i, below(i));
				break;
		}
	}
	for (i = 0; i < n; i++)
		w.peers[i][i] = false;
}

/*
 * When something comes back from the past, time is short: the log is to be cut
 * in a run, and yet later than what it cuts was noted as confirmed.
 */
static void
set_leads(void)
{
	bool		past = (w.cfg.faults & FROM_THE_PAST) != 0;

	w.lead = past ? w.cfg.turn + 20 * MS : 2 * SECOND;
	w.log_turn = past && !MUTANT(M_TURN_AT_ONCE) ? w.lead * LOG_TURN_LEADS : 0;
}

static void
make_world(const Config *cfg)
{
	int			i;

	for (i = 0; i < MAX_KEYS; i++)
	{
		if (w.descs[i].columns != NULL)
			pfree(w.descs[i].columns);
	}
	memset(&w, 0, sizeof(w));
	sim_free_all();
	events_reset();
	check_reset();
	w.cfg = *cfg;
	w.latency = 300;
	w.failed_key = -1;
	w.xacts_left = cfg->nxacts;
	set_leads();
	w.hint_age = cfg->faults & (1u << F_OLD_HINTS) ? 500 * MS : 0;
	rnd_seed(cfg->seed ^ UINT64CONST(0x5eed));
	for (i = 0; i < cfg->nkeys; i++)
		make_descriptor(i);
	for (i = 0; i < MAX_NODES; i++)
	{
		Node	   *node = &w.nodes[i];

		node->index = i;
		snprintf(node->name, sizeof(node->name), "%c", 'a' + i);
		node->unflushed_end = &node->unflushed;
		node->clock_rate = 10;
		node->disk_latency = cfg->disk;
		node->mem.self = node->disk.self = node->left_id = node->ghost_id = -1;
	}
	connect_nodes();
	for (i = 0; i < cfg->nnodes + cfg->nspare; i++)
	{
		Node	   *node = &w.nodes[i];
		int			id = new_id(i);

		node->mem.self = id;
		node->mem.known[id] = true;
		db_copy(&node->disk, &node->mem);
		node->exists = i < cfg->nnodes;
	}
	for (i = 0; i < cfg->nnodes; i++)
		start_node(&w.nodes[i]);
}

/* ---- one run ---- */

/* Entries stamped in the future must wait for it first. */
static void
wait_for_clocks(void)
{
	CvgStamp	latest = 0;
	int			i;

	for (i = 0; i < MAX_NODES; i++)
	{
		if (w.nodes[i].running)
			latest = Max(latest, w.nodes[i].shm.hlc - w.cfg.max_skew - wall_clock(&w.nodes[i]));
	}
	if (latest > 0)
		run_until(w.now + latest);
}

const char *
run_one(const Config *cfg)
{
	int64		bound;
	int64		quiet;
	bool		converged;

	make_world(cfg);
	start_faults();
	run_until(cfg->active);
	heal();
	/* open transactions and back-offs come to their end */
	run_until(w.now + 4 * SECOND);
	wait_for_clocks();
	bound = (log2_up(cfg->nnodes + cfg->nspare) + 6) * ROUND;
	quiet = w.now;
	while (w.failure == NULL && !check_converged() && w.now < quiet + bound)
		run_until(w.now + ROUND / 4);
	converged = check_converged();
	if (w.failure == NULL && !converged)
		check_differences((int) (bound / ROUND));
	w.converged_at = w.now - quiet;
	if (w.failure == NULL)
		run_until(w.now + bound);
	if (w.failure == NULL)
		check_end(converged);
	return w.failure;
}

/* Few nodes and rows, many deletes and inserts, every origin by two ways. */
static void
make_narrow(Config *cfg)
{
	cfg->nnodes = 3;
	cfg->nspare = 0;
	cfg->topology = 0;
	cfg->redundant = cfg->hot = cfg->forget = true;
	cfg->nkeys = 2 + cfg->seed % 3;
	cfg->keyless = MAX_KEYS;
	if (cfg->rivals != 0)
		cfg->rivals = (1u << cfg->nkeys) - 1;
	cfg->nclients = 1 + cfg->seed % 2;
	cfg->think = 4 * MS;
	cfg->apply_pause = 50 + 1000 * (cfg->seed / 2 % 2);
	cfg->nxacts = 120;
	cfg->active = 1 * SECOND;
	cfg->faults_every = 100 * MS;
	cfg->turn = (20 + cfg->seed % 60) * MS;
	cfg->retention = 0;
	respect_premise(cfg);
}

#define MUTANT_SEEDS	20000

/* Each rule left out must be noticed; returns how many were not. */
static int
try_mutants(bool rare)
{
	int			tried = 0;
	int			missed = 0;
	int			m;

	for (m = 1; m < NMUTANTS; m++)
	{
		const char *why = NULL;
		uint64		seed;

		if (mutants[m].rare && !rare)
			continue;
		tried++;
		for (seed = 1; seed <= MUTANT_SEEDS && why == NULL; seed++)
		{
			Config		cfg;

			config_from_seed(&cfg, seed);
			cfg.mutant = (Mutant) m;
			if (mutants[m].faults != ~0u)
				cfg.faults = mutants[m].faults;
			if (m >= M_LAST_CLAIM && m <= M_BLIND_INSERT && cfg.rivals == 0)
				add_rivals(&cfg);
			if (mutants[m].narrow)
				make_narrow(&cfg);
			respect_premise(&cfg);
			why = run_one(&cfg);
		}
		missed += why == NULL;
		printf("%-20s %5d seeds: %s\n", mutants[m].name, (int) seed - 1, why ? why : "NOT NOTICED");
	}
	printf("%d passed, %d failed\n", tried - missed, missed);
	return missed;
}

/* ---- main ---- */

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void
summary(int64 runs, double t)
{
	int			i;
	int			n = 0;

	printf("%d seeds, %.0f seeds/s\n", (int) runs, runs / Max(t, 0.001));
#define X(name) printf("%s%s " INT64_FORMAT, n++ % 6 == 0 ? "\n  " : ", ", #name, counters.name);
	COUNTERS(X)
#undef X
	printf("\n  faults:");
	for (i = 0; i < NFAULTS; i++)
	{
		if (fault_counts[i] > 0)
			printf(" %s " INT64_FORMAT, fault_names[i], fault_counts[i]);
	}
	printf("\n");
}

int
main(int argc, char **argv)
{
	uint64		first = 1;
	int64		n = 1000;
	int64		failed = 0;
	Mutant		mutant = M_NONE;
	uint32		only = 0xffffffff;
	uint32		more = 0;
	int			show = 3;
	int			nnodes = 0;
	bool		narrow = false;
	bool		shorten = true;
	double		start;
	uint64		seed;
	int			i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 1; i + 1 < argc; i += 2)
	{
		if (strcmp(argv[i], "-n") == 0)
			n = atoll(argv[i + 1]);
		else if (strcmp(argv[i], "-s") == 0)
			first = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "-f") == 0)
			only = strtoul(argv[i + 1], NULL, 16);
		else if (strcmp(argv[i], "-F") == 0)
			more = strtoul(argv[i + 1], NULL, 16);
		else if (strcmp(argv[i], "-M") == 0)
			return try_mutants(atoi(argv[i + 1]) > 1) > 0;
		else if (strcmp(argv[i], "-S") == 0)
			return scale(argv[i + 1]);
		else if (strcmp(argv[i], "-q") == 0)
			shorten = atoi(argv[i + 1]) == 0;
		else if (strcmp(argv[i], "-x") == 0)
			narrow = atoi(argv[i + 1]) != 0;
		else if (strcmp(argv[i], "-N") == 0)
			nnodes = atoi(argv[i + 1]);
		else if (strcmp(argv[i], "-t") == 0)
			tracing = atoi(argv[i + 1]) != 0;
		else if (strcmp(argv[i], "-v") == 0)
			show = atoi(argv[i + 1]);
		else if (strcmp(argv[i], "-m") == 0)
		{
			for (mutant = 0; mutant < NMUTANTS; mutant++)
			{
				if (strcmp(argv[i + 1], mutants[mutant].name) == 0)
					break;
			}
		}
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	start = seconds();
	for (seed = first; seed < first + n; seed++)
	{
		Config		cfg;
		const char *why;

		config_from_seed(&cfg, seed);
		cfg.mutant = mutant;
		cfg.faults = (cfg.faults & only) | more;
		if (narrow)
			make_narrow(&cfg);
		respect_premise(&cfg);
		if (nnodes > 0)
		{
			cfg.nnodes = nnodes;
			cfg.topology = 0;
		}
		why = run_one(&cfg);
		if (why != NULL)
		{
			failed++;
			if (failed <= show)
				printf("seed " UINT64_FORMAT ": %s\n", seed, why);
			if (failed == 1 && shorten)
				shrink(&cfg);
		}
	}
	summary(n, seconds() - start);
	printf("%d passed, %d failed\n", (int) (n - failed), (int) failed);
	return failed > 0;
}
