/*
 * check_end.c: what must hold when all has been well for a while.
 */
#include "sim.h"

static bool
same_rows(const Node *a, const Node *b)
{
	int			k;

	for (k = 0; k < w.cfg.nkeys; k++)
	{
		if (!bits_subset(&a->mem.seen[k], &b->mem.seen[k]) ||
			!bits_subset(&b->mem.seen[k], &a->mem.seen[k]))
			return false;
	}
	return true;
}

static bool
is_there(const Node *node)
{
	return node->exists && !node->left;
}

static Node *
first_node(void)
{
	int			i;

	for (i = 0; i < MAX_NODES; i++)
	{
		if (is_there(&w.nodes[i]))
			return &w.nodes[i];
	}
	return NULL;
}

/* ---- what nodes lack, and why ---- */

static bool
is_forked_id(int id)
{
	return (w.forked_ids & (UINT64CONST(1) << id)) != 0;
}

static int64
entries_up_to(const Node *node, int id)
{
	return id == node->mem.self ? node->shm.last_committed_seq : node->mem.seq[id];
}

/* The first entry that a node has after another's last one; NULL: none any more. */
static const LogRow *
next_entry(const Node *node, int id, int64 after)
{
	const Log  *log = &node->mem.log[id];
	int			i;

	for (i = 0; i < log->n; i++)
	{
		if (log->rows[i].seq > after)
			return &log->rows[i];
	}
	return NULL;
}

/* Did somebody remove entries that the node has not got?  Only then may that be. */
static bool
may_be_left_behind(const Node *node)
{
	return node->past_lost || (w.cfg.faults & (1u << F_OLD_HINTS)) != 0;
}

/* The peer refuses to send anything: the node is behind its log, or knows another history. */
static bool
is_link_refused(const Node *node, const Node *peer)
{
	int			id = peer->mem.self;
	int64		has = node->mem.seq[id];
	LogRow	   *row = log_find((Log *) &peer->mem.log[id], has);

	if (peer->mem.floor[id] > has)
		return may_be_left_behind(node);
	return is_forked_id(id) && has > peer->mem.floor[id] &&
		(row == NULL || row->entry->stamp != node->mem.stamp[id]);
}

/* What the entry depends on is not there: which is looked at by itself. */
static bool
waits_for_others(const Node *node, const Entry *e)
{
	CvgEntryHeader header = entry_header(e);
	CvgBody		body;
	int			i;

	if (cvg_sealed_body_decode(&header, e->body, &body, NULL) != CVG_OK)
		return false;
	for (i = 0; i < w.nids; i++)
	{
		if (i != node->mem.self && i != e->id &&
			cvg_vclock_get(body.deps, w.ids[i].slice) > node->mem.seq[i])
			return true;
	}
	return false;
}

/* Why does the peer not bring the node what it has of an id? */
static bool
is_explained(const Node *node, const Node *peer, int id)
{
	int64		has = node->mem.seq[id];
	const LogRow *next = next_entry(peer, id, has);

	if (is_link_refused(node, peer))
		return true;
	if (peer->mem.floor[id] > has)
		return may_be_left_behind(node);
	if (next == NULL)
		return false;
	if (id != peer->mem.self && next->prev != 0 && next->prev != has)
		return is_forked_id(id);
	return waits_for_others(node, next->entry);
}

static void
check_links_of(const Node *node, int rounds)
{
	int			i;
	int			id;

	for (i = 0; i < MAX_NODES; i++)
	{
		const Node *peer = &w.nodes[i];

		if (!is_there(peer) || !w.peers[node->index][i])
			continue;
		for (id = 0; id < w.nids; id++)
		{
			if (id != node->mem.self && node->mem.seq[id] < entries_up_to(peer, id) &&
				!is_explained(node, peer, id))
				fail(-1, "%s has entries of %s up to " INT64_FORMAT ", %s up to " INT64_FORMAT
					 ", %d rounds after the last fault", node->name, w.ids[id].name,
					 node->mem.seq[id], peer->name, entries_up_to(peer, id), rounds);
		}
	}
}

/* A write that one node has and another not: in an entry that this one has not got either. */
static void
check_missing(const Node *a, const Node *b, int rounds)
{
	int			k;
	int			i;

	for (k = 0; k < w.cfg.nkeys; k++)
	{
		for (i = 0; i < w.nops[k]; i++)
		{
			const Op   *op = w.ops[k][i];

			if (!bit_test(&a->mem.seen[k], i) || bit_test(&b->mem.seen[k], i) || is_doubtful(op) ||
				entries_up_to(b, op->entry->id) < op->entry->seq)
				continue;
			fail(k, "%s has %s of row %d, entry " INT64_FORMAT ", and %s does not, %d rounds after the last fault",
				 a->name, show_op(op), k, op->entry->seq, b->name, rounds);
		}
	}
}

/*
 * The nodes are not equal in time.  That is allowed for what cannot be told
 * apart (check_fork.c), and to whom the logs have left behind: what each node
 * lacks of its peers must have such a reason.
 */
void
check_differences(int rounds)
{
	int			i;
	int			j;

	for (i = 0; i < MAX_NODES; i++)
	{
		Node	   *node = &w.nodes[i];

		if (!is_there(node))
			continue;
		if (!node->running || !node->shm.ready)
			fail(-1, "%s is not up %d rounds after the last fault", node->name, rounds);
		check_links_of(node, rounds);
	}
	for (i = 0; i < MAX_NODES; i++)
	{
		for (j = 0; j < MAX_NODES; j++)
		{
			if (i != j && is_there(&w.nodes[i]) && is_there(&w.nodes[j]))
				check_missing(&w.nodes[i], &w.nodes[j], rounds);
		}
	}
	if (w.forked_ids != 0)
		COUNT(split_by_forks);
	else
		COUNT(left_behind);
}

/* ---- the end ---- */

/* Does everybody have all that anybody has? */
bool
check_converged(void)
{
	Node	   *first = first_node();
	int			i;
	int			k;

	for (i = 0; i < MAX_NODES; i++)
	{
		Node	   *node = &w.nodes[i];

		if (!is_there(node))
			continue;
		if (!node->running || !node->shm.ready || !same_rows(first, node))
			return false;
	}
	for (k = 0; k < w.cfg.nkeys && !w.any_lost; k++)
	{
		if (!bits_subset(&w.valid[k], &first->mem.seen[k]))
			return false;
	}
	return true;
}

static void
check_equal(Node *a, Node *b)
{
	int			k;

	for (k = 0; k < w.cfg.nkeys; k++)
	{
		const Row  *x = whole_row(&a->mem, k);
		const Row  *y = whole_row(&b->mem, k);

		if (memcmp(&a->mem.seen[k], &b->mem.seen[k], sizeof(Bits)) != 0 ||
			is_confused(k, &a->mem.seen[k]) || has_redrawn_dot(k, &a->mem.seen[k]))
			continue;
		if (x->present != y->present ||
			(x->present && memcmp(x->values, y->values, sizeof(x->values)) != 0))
			fail(k, "row %d differs at the end: %s %s, %s %s", k, a->name, show_row(k, x), b->name,
				 show_row(k, y));
		else if (x->present && !cvg_slice_eq(x->n, y->n))
			fail(k, "the counters of row %d differ at the end: %s, %s", k, a->name, b->name);
		else if (x->present && !cvg_slice_eq(x->state, y->state))
			fail(k, "the clocks of row %d differ at the end: %s %s, %s %s", k, a->name,
				 show_row(k, x), b->name, show_row(k, y));
	}
}

/* Told to somebody who is still there, and yet nowhere? */
static void
check_nothing_lost(void)
{
	int			k;
	int			i;
	int			n;

	for (k = 0; k < w.cfg.nkeys; k++)
	{
		for (i = 0; i < w.nops[k]; i++)
		{
			const Op   *op = w.ops[k][i];
			bool		found = !bit_test(&w.valid[k], i) ||
				(w.lost_ids & (UINT64CONST(1) << op->id)) != 0;

			for (n = 0; n < MAX_NODES; n++)
				found |= is_there(&w.nodes[n]) && bit_test(&w.nodes[n].mem.seen[k], i);
			if (!found)
				fail(k, "%s of row %d is lost", show_op(op), k);
		}
	}
}

/* Nothing moves the horizon of an id that nobody writes under any more. */
static bool
has_dead_dot(const Row *row)
{
	int			i;

	for (i = 0; i < w.nids; i++)
	{
		const Node *node = &w.nodes[w.ids[i].node];

		if ((node->left || node->mem.self != i) &&
			cvg_rowstate_latest(row->state, w.ids[i].slice) != 0)
			return true;
	}
	return false;
}

/*
 * A report by a clock that was ahead is the latest one until then, also when
 * its node has lost that in a crash.
 */
static bool
has_report_of_the_future(Node *node)
{
	int			i;

	for (i = 0; i < MAX_NODES; i++)
	{
		if (node->shm.members[i].in_use &&
			node->shm.members[i].generation > wall_clock(node))
			return true;
	}
	return false;
}

static void
check_forgotten(Node *node)
{
	int			k;

	if (has_report_of_the_future(node))
		return;
	for (k = 0; k < w.cfg.nkeys; k++)
	{
		if (node->mem.tomb[k].present && (has_dead_dot(&node->mem.tomb[k]) || is_confused(k, &node->mem.seen[k])))
			continue;
		/* a clock that was ahead leaves stamps for whose time it must wait */
		if (node->mem.tomb[k].present &&
			cvg_rowstate_last_dot(node->mem.tomb[k].state).stamp <
			wall_clock(node) - w.cfg.retention)
			fail(k, "%s still has a tombstone of row %d: %s, S {%s}", node->name, k,
				 show_row(k, &node->mem.tomb[k]), show_clock(node->shm.stable));
	}
}

void
check_end(bool converged)
{
	int			i;
	int			j;

	for (i = 0; i < MAX_NODES && w.failure == NULL; i++)
	{
		for (j = 0; j < i && is_there(&w.nodes[i]); j++)
		{
			if (is_there(&w.nodes[j]))
				check_equal(&w.nodes[j], &w.nodes[i]);
		}
		if (is_there(&w.nodes[i]))
			check_visible_set(&w.nodes[i]);
		if (converged && w.cfg.forget && is_there(&w.nodes[i]) && !aside_anywhere())
			check_forgotten(&w.nodes[i]);
	}
	check_nothing_lost();
}
