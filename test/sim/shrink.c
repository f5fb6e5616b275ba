/*
 * shrink.c: from a failing seed to a short history that fails.
 *
 * Everything in a run follows from its configuration and its random numbers,
 * so a smaller run is another history: each reduction is tried with a few
 * seeds, and kept when one of them fails too, for whatever reason.
 */
#include "sim.h"

#define TRIES	12

static int
cost(const Config *cfg)
{
	int			faults = 0;
	int			i;

	for (i = 0; i < NFAULTS; i++)
		faults += (cfg->faults >> i) & 1;
	return faults * 20 + cfg->nnodes * 10 + cfg->nkeys * 5 + cfg->nclients * 5 + cfg->nxacts;
}

/* Does the smaller run fail?  Then it is what we go on with. */
static bool
try_smaller(Config *best, Config smaller)
{
	uint64		seed = smaller.seed;
	int			i;

	if (cost(&smaller) >= cost(best))
		return false;
	for (i = 0; i < TRIES; i++)
	{
		smaller.seed = seed + i * 1000003;
		if (run_one(&smaller) != NULL)
		{
			*best = smaller;
			return true;
		}
	}
	return false;
}

static bool
shrink_once(Config *best)
{
	bool		shrunk = false;
	Config		c;
	int			i;

	for (i = 0; i < NFAULTS; i++)
	{
		c = *best;
		c.faults &= ~(1u << i);
		shrunk |= try_smaller(best, c);
	}
	c = *best;
	c.nxacts = Max(c.nxacts / 2, 2);
	shrunk |= try_smaller(best, c);
	c = *best;
	c.nxacts = Max(c.nxacts * 4 / 5, 2);
	shrunk |= try_smaller(best, c);
	c = *best;
	c.nnodes = Max(c.nnodes - 1, 2);
	shrunk |= try_smaller(best, c);
	c = *best;
	c.nkeys = Max(c.nkeys - 1, 1);
	shrunk |= try_smaller(best, c);
	c = *best;
	c.nclients = 1;
	shrunk |= try_smaller(best, c);
	return shrunk;
}

void
shrink(const Config *cfg)
{
	Config		best = *cfg;

	while (shrink_once(&best))
		 /* again */ ;
	printf("   as short as it gets (%d nodes, %d rows, %d transactions, faults %x):\n",
		   best.nnodes, best.nkeys, best.nxacts, best.faults);
	tracing = true;
	run_one(&best);
	tracing = false;
}
