/*
 * leave.c: members that leave, are forgotten, and come back.
 *
 * A node leaves by a crash, or goes on running and writing, cut off from all
 * or from some only: forget_peer() is called where nobody is connected with
 * it, and that need not be everywhere.  It comes back, to all, with the
 * database that it had: as the one that was forgotten, or from another
 * machine, and then under a new replica id.
 */
#include "sim.h"

static void come_back(void *arg);

/* The manager of the node has it marked. */
static void
mark_forgotten(Node *node, Node *gone)
{
	Record	   *r = new_record(node);

	COUNT(forgotten_members);
	TRACE("%s: forget_peer(%s)", node->name, gone->name);
	r->members_set = r->forgotten_set = 1 << gone->index;
	r->member_id[gone->index] = node->mem.member_id[gone->index];
	append_record(node, r);
	make_visible(node, r);
}

/* forget_peer() is called somewhere, until it is not refused. */
static void
forget(void *arg)
{
	Node	   *gone = arg;
	Node	   *node = some_node();

	if (!gone->left)
		return;
	if (node == NULL || !node->mem.member[gone->index] ||
		is_connected(node, gone->index))
	{
		at(300 * MS, forget, arg);
		return;
	}
	mark_forgotten(node, gone);
	if ((w.cfg.faults & (1u << F_RETURN)) && !w.quiet)
		at(around(chance(0.5) ? 100 * MS : 1500 * MS), come_back, gone);
}

static void
come_back(void *arg)
{
	Node	   *node = arg;
	int			i;

	if (w.quiet)
		return;
	COUNT(returns);
	node->cut_off = false;
	for (i = 0; i < MAX_NODES; i++)
		w.exiled[i][node->index] = w.exiled[node->index][i] = false;
	connect_to_all(node);
	if (chance(0.5) && may_get_new_id(node))
	{
		if (node->running)
			crash(node);
		node->backup_boot = 1;	/* another machine */
	}
	TRACE("%s comes back%s", node->name, node->backup_boot ? " on another machine" : "");
	if (!node->running)
		start_node(node);
}

/* Cut off from whoever will forget it, and perhaps from the others too. */
static void
cut_off(Node *node)
{
	bool		all = chance(0.5);
	int			i;

	node->cut_off = true;
	for (i = 0; i < MAX_NODES; i++)
	{
		if (i != node->index && (all || chance(0.5)))
			w.exiled[i][node->index] = w.exiled[node->index][i] = true;
	}
}

void
leave(Node *node)
{
	int			left = 0;
	int			i;

	for (i = 0; i < MAX_NODES; i++)
		left += w.nodes[i].exists && !w.nodes[i].left;
	/* a node that holds the others together cannot go */
	if (left <= 2 || w.cfg.topology != 0)
		return;
	node->left = true;
	node->left_id = node->mem.self;
	lose_past(node);
	if ((w.cfg.faults & (1u << F_RETURN)) && node->running && chance(0.5))
	{
		TRACE("%s is cut off", node->name);
		cut_off(node);
	}
	else
	{
		crash(node);
		for (i = 0; i < MAX_NODES; i++)
			w.peers[i][node->index] = w.peers[node->index][i] = false;
	}
	at(around(300 * MS), forget, node);
}

/*
 * Who comes back under a new replica id is not to be written to before it has
 * what the others have, as after wait_for_sync() with all of them.
 */
bool
may_write(const Node *node)
{
	int			i;
	int			k;

	if (node->left_id < 0 || node->mem.self == node->left_id)
		return true;
	for (i = 0; i < MAX_NODES; i++)
	{
		const Node *other = &w.nodes[i];
		const Member *m = &other->shm.members[node->index];

		if (!other->exists || other->left || other == node)
			continue;
		if (!other->running || !m->in_use || m->id != node->mem.self)
			return false;
		for (k = 0; k < w.cfg.nkeys; k++)
		{
			if (!check_has_stable(node, other, k))
				return false;
		}
	}
	return true;
}

/* A node turns this one away, and will do so for ever. */
void
turned_away(Node *node, const char *by)
{
	if (node->left_id < 0)
	{
		fail(-1, "%s is turned away by %s, and was never away", node->name, by);
		return;
	}
	if (!node->refused)
		COUNT(turned_away);
	node->refused = node->left = true;
	lose_past(node);
}

/* Does anybody who stayed know that the node was forgotten as what it is? */
static bool
is_forgotten(const Node *gone)
{
	int			i;

	for (i = 0; i < MAX_NODES; i++)
	{
		const Node *node = &w.nodes[i];

		if (node->exists && !node->left && node->mem.forgotten[gone->index] &&
			node->mem.member_id[gone->index] == gone->mem.self)
			return true;
	}
	return false;
}

/*
 * All is well: who is cut off stops, as it should have at once.  Whoever was
 * told to forget it may have left too.  Who came back is a member like any
 * other from now on, unless somebody turns it away.
 */
void
end_absence(Node *node)
{
	if (node->cut_off && node->running)
		crash(node);
	if (node->running && !node->refused && !is_forgotten(node))
		node->left = false;
	else
		at(500 * MS, forget, node);
}
