/*
 * model.h: the world of test_model.c: its nodes, and what they can do.
 *
 * One row, held by up to four nodes.  A step writes, applies an entry, repairs
 * or forgets; "setup" says by which rules.  Nothing is checked here.
 */
#ifndef CVG_MODEL_H
#define CVG_MODEL_H

#include "unit.h"
#include "cell.h"
#include "core/stability.h"

#define MAX_NODES	4
#define MAX_OPS		16
#define NCOLS		2
#define ALL_UNITS	0xff

typedef enum Mutation
{
	MUT_NONE = 0,
	MUT_NO_SKIP,				/* merge what is covered, too: harmless */
	MUT_FETCH_OFTEN,			/* fetch where the change would do: harmless */
	MUT_OVERWRITE,				/* take the newer state, do not merge */
	MUT_NO_FETCH,				/* do not care whether the value is there */
	MUT_NO_FIFO,				/* a report counts before its reporter's log */
	MUT_NO_S_IN_ENTRY,			/* forgetting does not travel with the log */
	MUT_S_IS_OWN_HORIZON,		/* forget what this node alone has applied */
	MUT_AE_ANYTIME,				/* anti-entropy ahead of the log, forgetting */
	MUT_NO_HORIZONS,			/* anti-entropy merges, whatever is covered */
	MUT_CLOCK_BLIND,			/* stamps of fetched, repaired rows not seen */
	MUT_POLICY_BY_CLOCKS,		/* alive decided by comparing row clocks */
	MUT_NO_IMAGE,				/* tombstones lose the values */
	MUT_SIDE_INCOMING,			/* concurrent: the applying node's peer wins */
	MUT_NO_CAUSALITY,			/* entries applied before what they depend on */
	MUT_VALUES_MERGED			/* m: the larger of the two values */
} Mutation;

typedef enum AntiEntropy
{
	AE_NONE,
	AE_ANYTIME,
	AE_LOG_FIRST
} AntiEntropy;

typedef struct Setup
{
	const char *name;
	CvgOnDelete policy;
	bool		by_row;			/* one unit for both columns */
	AntiEntropy ae;
	bool		forget;
	Mutation	mutation;
} Setup;

/* A column value is named by the write that made it. */
typedef struct Cell
{
	int			node;
	int64		stamp;
} Cell;

typedef struct Row
{
	bool		present;
	bool		dead;			/* for MUT_POLICY_BY_CLOCKS only */
	Cell		last_delete;	/* likewise */
	size_t		len;
	uint8		state[1024];
	Cell		cells[NCOLS];
	int64		n;				/* a counter */
	int64		m;				/* a column that shows the largest of its values */
} Row;

typedef struct Op
{
	char		kind;			/* I, U, D */
	int			origin;
	int			seq;
	int			columns;		/* written, as bits */
	int			carried;		/* units whose values the change has, as bits */
	int64		stamp;
	bool		had_base;
	int64		base[MAX_NODES];	/* row clock before */
	int64		horizon[MAX_NODES];
	int64		deps[MAX_NODES];
	int64		stable[MAX_NODES];
	int64		add;			/* to n */
	int64		set;			/* m, 0 if not written */
	Row			full;
} Op;

typedef struct Node
{
	Row			row;
	Row			checked;		/* row as it was when last checked */
	int64		progress[MAX_NODES];
	int64		horizon[MAX_NODES];
	int64		stable[MAX_NODES];
	uint32		held[MAX_NODES];	/* entries stored here, bit seq - 1 */
	int64		clock;
	int			nlog;
	Op		   *log[MAX_OPS];
	bool		reported[MAX_NODES];
	int64		report_horizon[MAX_NODES][MAX_NODES];
	int			report_seq[MAX_NODES];
} Node;

/* What the checker has seen: a row clock and all that must follow from it. */
typedef struct Seen
{
	uint64		clock;
	uint64		content;
} Seen;

#define MAX_SEEN	512

static const char *const names[MAX_NODES] = {"A", "Bb", "C", "D0"};
static CvgSlice ids[MAX_NODES];
#define N_UNIT		0x3000
#define M_UNIT		0x4000
static const uint32 column_units[NCOLS + 2] = {0x10, 0x2000, N_UNIT, M_UNIT};
static const uint32 row_unit[3] = {0x77, N_UNIT, M_UNIT};

/* The world: one at a time, reused from history to history. */
static const Setup *setup;
static Node nodes[MAX_NODES];
static Op	ops[MAX_OPS];
static Seen seen[MAX_SEEN];
static int	nnodes;
static int	nops;
static int	max_ops;
static int	nseen;
static int64 now;
static bool tracing;
static const char *failure;
static CvgBuf scratch;
static CvgBuf printed;

/* How often something happened, over all histories: is the test awake? */
static struct
{
	int64		histories,
				steps,
				covered,
				fetched,
				fetched_absent,
				concurrent,
				forwarded,
				forgotten,
				born_again,
				bulk,
				repaired;
}			stats;

/* The first reason is the one that counts. */
static void
fail(const char *why)
{
	if (failure == NULL)
		failure = why;
}

/* Units that the last write wins; then come those of n and m. */
static int
nlww(void)
{
	return setup->by_row ? 1 : NCOLS;
}

static int
nunits(void)
{
	return nlww() + 2;
}

static const uint32 *
units(void)
{
	return setup->by_row ? row_unit : column_units;
}

static bool
chance(double p)
{
	return (unit_rand() >> 11) * (1.0 / 9007199254740992.0) < p;
}

static CvgSlice
state_of(const Row *row)
{
	return cvg_slice(row->state, row->present ? row->len : 0);
}

static void
set_state(Row *row)
{
	if (scratch.len > sizeof(row->state))
		fail("state too long");
	else
	{
		memcpy(row->state, scratch.data, scratch.len);
		row->len = scratch.len;
		row->present = true;
	}
}

static bool
alive(const Row *row)
{
	if (!row->present)
		return false;
	if (setup->mutation == MUT_POLICY_BY_CLOCKS)
		return !row->dead;
	return cvg_rowstate_alive(state_of(row), setup->policy);
}

static void
join(int64 *to, const int64 *from)
{
	int			i;

	for (i = 0; i < nnodes; i++)
		to[i] = Max(to[i], from[i]);
}

static bool
covers(const int64 *a, const int64 *b)
{
	int			i;

	for (i = 0; i < nnodes; i++)
	{
		if (b[i] > a[i])
			return false;
	}
	return true;
}

/* A clock of the model as a vclock. */
static void
put_clock(CvgBuf *out, const int64 *clock)
{
	CvgClockEntry entries[MAX_NODES];
	int			i;

	for (i = 0; i < nnodes; i++)
	{
		entries[i].id = ids[i];
		entries[i].value = clock[i];
	}
	cvg_vclock_from_entries(entries, nnodes, out);
}

/* row clock <= clock, by way of the core's own function */
static bool
row_covered(const Row *row, const int64 *clock)
{
	cvg_buf_reset(&printed);
	put_clock(&printed, clock);
	return cvg_rowstate_covered(state_of(row), cvg_buf_slice(&printed));
}

static void
own_horizon(int n, int64 *horizon)
{
	memcpy(horizon, nodes[n].horizon, sizeof(nodes[n].horizon));
	horizon[n] = nodes[n].clock;
}

static const char *
show(const Row *row)
{
	static char buf[512];

	if (!row->present)
		return "absent";
	cvg_buf_reset(&printed);
	cvg_rowstate_print(state_of(row), &printed);
	snprintf(buf, sizeof(buf), "%s %.*s x=%s%d y=%s%d n=%d m=%d",
			 alive(row) ? "live" : "DEAD", (int) printed.len, printed.data,
			 names[row->cells[0].node], (int) row->cells[0].stamp,
			 names[row->cells[1].node], (int) row->cells[1].stamp,
			 (int) row->n, (int) row->m);
	return buf;
}

#define TRACE(...) \
	do { \
		if (tracing) \
		{ \
			printf("      " __VA_ARGS__); \
			printf("\n"); \
		} \
	} while (0)

/* Drop a tombstone that is stable: it counts as absent for everything. */
static Row *
current_row(int n)
{
	Row		   *row = &nodes[n].row;

	if (row->present && setup->forget && !alive(row) &&
		row_covered(row, nodes[n].stable))
	{
		row->present = false;
		stats.forgotten++;
		TRACE("%s forgets", names[n]);
	}
	return row;
}

/* --- merging --- */

/* The rule that is not a lattice: compare the clocks, keep or choose. */
static void
merge_dead(Row *a, const Row *b, CvgOrder order)
{
	const Row  *live = a->dead ? b : a;
	const Row  *dead = a->dead ? a : b;
	CvgDot		last;

	if (order == CVG_BEFORE || !a->present)
		a->dead = b->dead;
	else if (order == CVG_CONCURRENT && a->dead != b->dead)
	{
		last = cvg_rowstate_last_dot(state_of(live));
		if (setup->policy == CVG_ON_DELETE_LWW)
			a->dead = cvg_dot_cmp(dead->last_delete.stamp,
								  ids[dead->last_delete.node],
								  last.stamp, last.replica) > 0;
		else
			a->dead = setup->policy == CVG_ON_DELETE_DELETE_WINS;
	}
	if (cvg_dot_cmp(b->last_delete.stamp, ids[b->last_delete.node],
					a->last_delete.stamp, ids[a->last_delete.node]) > 0)
		a->last_delete = b->last_delete;
}

/* The rows that are being merged, for the core to ask for their values. */
typedef struct Merging
{
	const Row  *to;
	const Row  *from;
	int			carried;
	uint8		bytes[2][8];
} Merging;

static bool
row_value(void *arg, CvgSide side, int unit, CvgSlice *out)
{
	Merging    *merging = arg;

	if (unit != nlww() + 1 ||
		(side == CVG_SIDE_B && (merging->carried & (1 << unit)) == 0))
		return false;
	*out = number_slice(side == CVG_SIDE_A ? merging->to->m : merging->from->m,
						merging->bytes[side]);
	return true;
}

/*
 * Merge "from" into "to", of whose units only those in "carried" have values.
 * False, and nothing changed, when a value is missing.
 */
static bool
merge_row(Row *to, const Row *from, int carried)
{
	CvgSide		sides[NCOLS + 2];
	CvgSlice	values[NCOLS + 2];
	bool		missing[NCOLS + 2] = {false};
	Merging		merging = {to, from, carried};
	CvgRowMerge merge = {units(), nunits(), sides, values, missing, row_value, &merging};
	CvgOrder	order;
	CvgStatus	status;
	int64		m = to->m;
	Cell		cells[NCOLS];
	int			u;
	int			c;

	cvg_buf_reset(&scratch);
	status = cvg_rowstate_merge_cells(state_of(to), state_of(from), &merge, &scratch);
	order = merge.order;
	if (status != CVG_OK)
	{
		fail("merge fails");
		return true;
	}
	if (order == CVG_CONCURRENT)
		stats.concurrent++;
	memcpy(cells, to->cells, sizeof(cells));
	u = nlww() + 1;
	if (missing[u] || (sides[u] == CVG_SIDE_B && (carried & (1 << u)) == 0))
	{
		if (setup->mutation != MUT_NO_FETCH)
			return false;
	}
	if (sides[u] == CVG_SIDE_B)
		m = from->m;
	else if (sides[u] == CVG_SIDE_VALUE)
		m = number_of(values[u]);
	if (setup->mutation == MUT_VALUES_MERGED)
		m = Max(to->m, from->m);
	for (u = 0; u < nlww(); u++)
	{
		if (setup->mutation == MUT_SIDE_INCOMING &&
			order == CVG_CONCURRENT && (carried & (1 << u)))
			sides[u] = CVG_SIDE_B;
		if (sides[u] == CVG_SIDE_A)
			continue;
		if ((carried & (1 << u)) == 0)
		{
			if (setup->mutation != MUT_NO_FETCH)
				return false;
			continue;
		}
		for (c = 0; c < NCOLS; c++)
		{
			if (setup->by_row || c == u)
				cells[c] = from->cells[c];
		}
	}
	if (setup->mutation == MUT_OVERWRITE && order != CVG_AFTER)
	{
		cvg_buf_reset(&scratch);
		cvg_put_bytes(&scratch, from->state, from->len);
	}
	if (sides[nlww() + 1] == CVG_SIDE_FOLD && setup->mutation != MUT_VALUES_MERGED)
		m = largest_in(cvg_buf_slice(&scratch), M_UNIT);
	to->m = m;
	to->n = counted_in(cvg_buf_slice(&scratch), N_UNIT);
	merge_dead(to, from, order);
	memcpy(to->cells, cells, sizeof(cells));
	set_state(to);
	if (setup->mutation == MUT_NO_IMAGE && !alive(to))
	{
		memset(to->cells, 0, sizeof(to->cells));
		to->m = 0;
	}
	return true;
}

/* The hybrid clock sees every stamp that comes in, by whichever way. */
static void
see_stamps(int n, const Row *row)
{
	int			i;

	for (i = 0; i < nnodes && setup->mutation != MUT_CLOCK_BLIND; i++)
		nodes[n].clock = Max(nodes[n].clock,
							 cvg_rowstate_latest(state_of(row), ids[i]));
}

/* --- steps --- */

/* columns: x, y, n, m as bits */
static char
choose_kind(const Row *row, int *columns)
{
	*columns = 15;
	if (!alive(row))
		return 'I';
	if (chance(setup->forget ? 0.5 : 0.25))
		return 'D';
	*columns = 1 + unit_below(15);
	return 'U';
}

static void
write_cells(Row *row, int columns, Cell cell)
{
	int			c;

	for (c = 0; c < NCOLS; c++)
	{
		if (columns & (1 << c))
			row->cells[c] = cell;
	}
}

/* What the write does to n and m; returns how many of them it does. */
static int
choose_cells(int n, Op *op, CvgSlice old, CvgCellWrite *cells, uint8 bytes[2][8])
{
	int			ncells = 0;

	if (op->columns & 4)
	{
		op->add = op->kind == 'I' ? unit_below(9) + 1 : unit_below(11) - 5;
		cells[ncells] = (CvgCellWrite) {N_UNIT,.count = true};
		cells[ncells++].amount = number_slice(own_amount(old, N_UNIT, ids[n]) + op->add, bytes[0]);
	}
	if (op->columns & 8)
	{
		op->set = 1 + unit_below(99);
		cells[ncells++] = (CvgCellWrite) {M_UNIT,.multi = true};
		op->carried |= 1 << (nlww() + 1);
	}
	return ncells;
}

/* A local write, logged. */
static void
step_write(int n)
{
	Node	   *node = &nodes[n];
	Row		   *row = current_row(n);
	Op		   *op = &ops[nops];
	CvgSlice	old = state_of(row);
	CvgStatus	status;
	uint32		written[NCOLS + 2];
	CvgCellWrite cells[2];
	uint8		bytes[2][8];
	int			ncells = 0;
	int			nwritten = 0;
	int64		wall;
	Cell		cell;
	int			u;

	memset(op, 0, sizeof(*op));
	op->kind = choose_kind(row, &op->columns);
	op->had_base = row->present;
	for (u = 0; u < nnodes; u++)
		op->base[u] = cvg_rowstate_latest(old, ids[u]);
	now++;
	wall = chance(0.5) ? now : 0;
	node->clock = Max(node->clock + 1, wall);
	op->origin = cell.node = n;
	op->stamp = cell.stamp = node->clock;

	cvg_buf_reset(&scratch);
	for (u = 0; u < nlww(); u++)
	{
		if (op->kind == 'I' ||
			(op->kind == 'U' && (op->columns & (setup->by_row ? 3 : 1 << u)) != 0))
		{
			written[nwritten++] = units()[u];
			op->carried |= 1 << u;
		}
	}
	if (op->kind != 'D')
		ncells = choose_cells(n, op, old, cells, bytes);
	if (op->set != 0 && op->kind == 'U')
		written[nwritten++] = M_UNIT;
	if (op->kind == 'I')
		status = cvg_rowstate_insert_cells(old, ids[n], op->stamp, cells, ncells,
										   &scratch);
	else if (op->kind == 'U')
		status = cvg_rowstate_update_cells(old, ids[n], op->stamp, written,
										   nwritten, cells, ncells, &scratch);
	else
		status = cvg_rowstate_delete(old, ids[n], op->stamp, &scratch);
	if (status != CVG_OK)
		fail("write refused");
	if (op->kind == 'D')
		row->last_delete = cell;
	else
		write_cells(row, op->columns, cell);
	if (op->set != 0)
		row->m = op->set;
	row->dead = op->kind == 'D';
	if (op->kind == 'I')
	{
		bool		forgotten = false;

		if (!op->had_base)
			memset(&row->last_delete, 0, sizeof(Cell));
		for (u = 0; u < nops; u++)
			forgotten |= ops[u].kind == 'D' && !op->had_base &&
				ops[u].stamp <= node->stable[ops[u].origin];
		stats.born_again += forgotten;
	}
	set_state(row);
	row->n = counted_in(state_of(row), N_UNIT);

	op->seq = ++node->nlog;
	node->log[op->seq - 1] = op;
	node->held[n] |= (uint32) 1 << (op->seq - 1);
	memcpy(op->deps, node->progress, sizeof(op->deps));
	memcpy(op->stable, node->stable, sizeof(op->stable));
	own_horizon(n, op->horizon);
	op->full = *row;
	node->progress[n] = op->seq;
	nops++;
	if (setup->mutation == MUT_NO_IMAGE && !alive(row))
	{
		memset(row->cells, 0, sizeof(row->cells));
		row->m = 0;
	}
	TRACE("%s: %c -> %s", names[n], op->kind, show(row));
}

/* The sender's whole row, when a change alone is not enough. */
static void
fetch(int n, int via)
{
	Node	   *node = &nodes[n];
	Row		   *theirs = current_row(via);

	stats.fetched++;
	if (!theirs->present)
	{
		stats.fetched_absent++;
		return;
	}
	merge_row(&node->row, theirs, ALL_UNITS);
	see_stamps(n, theirs);
}

/* n applies the next entry of an origin, handed on by via.  False: nothing to do. */
static bool
step_deliver(int n, int origin, int via)
{
	Node	   *node = &nodes[n];
	int			next = (int) node->progress[origin];
	const char *how = "merged";
	Row		   *row;
	Op		   *op;
	int64		deps[MAX_NODES];

	if (origin == n || via == n || next >= nodes[origin].nlog ||
		(nodes[via].held[origin] & ((uint32) 1 << next)) == 0)
		return false;
	op = nodes[origin].log[next];
	memcpy(deps, op->deps, sizeof(deps));
	deps[n] = 0;
	if (setup->mutation != MUT_NO_CAUSALITY && !covers(node->progress, deps))
		return false;

	node->clock = Max(node->clock, op->stamp);
	if (setup->mutation != MUT_NO_S_IN_ENTRY)
		join(node->stable, op->stable);
	row = current_row(n);
	if (setup->mutation != MUT_NO_SKIP &&
		cvg_rowstate_latest(state_of(row), ids[origin]) >= op->stamp)
	{
		stats.covered++;
		how = "covered";
	}
	else if ((setup->mutation == MUT_FETCH_OFTEN && chance(0.3)) ||
			 !merge_row(row, &op->full, op->carried))
	{
		fetch(n, via);
		how = "fetched";
	}
	node->progress[origin] = next + 1;
	node->horizon[origin] = Max(node->horizon[origin], op->stamp);
	node->held[origin] |= (uint32) 1 << next;
	stats.forwarded += via != origin;
	TRACE("%s <- %s#%d via %s %c %s%d (%s) -> %s", names[n], names[origin],
		  next + 1, names[via], op->kind, names[origin], (int) op->stamp,
		  how, show(row));
	return true;
}

/* Rows at any moment, ahead of the log: sound only if nothing is forgotten. */
static void
repair_anytime(int n, int o)
{
	Row		   *theirs = current_row(o);
	Row		   *row = current_row(n);
	int64		here[MAX_NODES];
	int64		there[MAX_NODES];

	own_horizon(n, here);
	own_horizon(o, there);
	if (!theirs->present)
	{
		if (row->present && alive(row) && row_covered(row, there))
			row->present = false;
		return;
	}
	if (!row->present && row_covered(theirs, here))
		return;
	merge_row(row, theirs, ALL_UNITS);
	see_stamps(n, theirs);
	stats.repaired++;
	TRACE("%s repaired from %s -> %s", names[n], names[o], show(row));
}

/* The rule of design section 7; "bulk" is the return of a node. */
static void
repair_log_first(int n, int o, bool bulk)
{
	Node	   *node = &nodes[n];
	Node	   *peer = &nodes[o];
	Row		   *row;
	Row		   *theirs;
	int64		here[MAX_NODES];
	int64		there[MAX_NODES];
	int64		own = node->progress[n];
	int64		own_hor = node->horizon[n];
	int			i;

	if (!bulk && !covers(node->progress, peer->progress))
		return;
	own_horizon(n, here);
	own_horizon(o, there);
	join(node->stable, peer->stable);
	row = current_row(n);
	theirs = current_row(o);
	if (setup->mutation == MUT_NO_HORIZONS)
	{
		if (theirs->present)
			merge_row(row, theirs, ALL_UNITS);
	}
	else if (!theirs->present)
	{
		if (row->present && row_covered(row, there))
			row->present = false;
	}
	else if (!row->present)
	{
		if (!row_covered(theirs, here))
			*row = *theirs;
	}
	else if (row_covered(theirs, here) &&
			 cvg_rowstate_compare(state_of(row), state_of(theirs)) != CVG_BEFORE &&
			 cvg_rowstate_compare(state_of(row), state_of(theirs)) != CVG_EQUAL)
		;						/* ours is the newer one */
	else if (row_covered(row, there))
		*row = *theirs;
	else
		merge_row(row, theirs, ALL_UNITS);
	if (bulk)
	{
		join(node->progress, peer->progress);
		node->progress[n] = own;
		join(node->horizon, there);
		node->horizon[n] = own_hor;
		for (i = 0; i < nnodes; i++)
			node->clock = Max(node->clock, there[i]);
		stats.bulk++;
	}
	see_stamps(n, row);
	stats.repaired++;
	TRACE("%s %s from %s -> %s", names[n], bulk ? "in bulk" : "repaired",
		  names[o], show(row));
}

static void
step_repair(int n, int o)
{
	if (setup->ae == AE_ANYTIME || setup->mutation == MUT_AE_ANYTIME)
		repair_anytime(n, o);
	else if (setup->ae == AE_LOG_FIRST)
		repair_log_first(n, o, chance(0.5));
}

/* o learns what n says of itself, out of band. */
static void
step_report(int n, int o)
{
	nodes[o].reported[n] = true;
	own_horizon(n, nodes[o].report_horizon[n]);
	nodes[o].report_seq[n] = nodes[n].nlog;
}

static int64
progress_of(CvgSlice origin, void *arg)
{
	const Node *node = arg;
	int			i;

	for (i = 0; i < nnodes; i++)
	{
		if (cvg_slice_eq(ids[i], origin))
			return node->progress[i];
	}
	return 0;
}

/* Advance S by the reports that count, as the core does it. */
static void
step_stabilize(int n)
{
	Node	   *node = &nodes[n];
	CvgReport	reports[MAX_NODES];
	CvgBuf		clocks[MAX_NODES + 1];
	int64		own[MAX_NODES];
	int			nreports = 0;
	bool		grew;
	int			i;

	for (i = 0; i < nnodes; i++)
	{
		if (i != n && !node->reported[i])
			return;
	}
	memset(reports, 0, sizeof(reports));
	own_horizon(n, own);
	for (i = 0; i < nnodes; i++)
	{
		cvg_buf_init(&clocks[i]);
		put_clock(&clocks[i], i == n ? own : node->report_horizon[i]);
		if (i == n || setup->mutation == MUT_S_IS_OWN_HORIZON)
			continue;
		reports[nreports].node_name = reports[nreports].replica_id = ids[i];
		reports[nreports].horizon = cvg_buf_slice(&clocks[i]);
		if (setup->mutation != MUT_NO_FIFO)
			reports[nreports].last_seq = node->report_seq[i];
		nreports++;
	}
	cvg_buf_init(&clocks[nnodes]);
	put_clock(&clocks[nnodes], node->stable);
	cvg_buf_reset(&printed);
	if (cvg_stable_advance(cvg_buf_slice(&clocks[nnodes]),
						   cvg_buf_slice(&clocks[n]), reports, nreports,
						   progress_of, node, PG_INT64_MAX, &grew, &printed) != CVG_OK)
		fail("stability fails");
	for (i = 0; i < nnodes; i++)
		node->stable[i] = cvg_vclock_get(cvg_buf_slice(&printed), ids[i]);
	for (i = 0; i <= nnodes; i++)
		cvg_buf_free(&clocks[i]);
	current_row(n);
}

#endif
