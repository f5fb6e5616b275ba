/*
 * fault.c: what goes wrong, when and for how long.
 */
#include "sim.h"

Node *
some_node(void)
{
	int			i;
	int			tries;

	for (tries = 0; tries < 50; tries++)
	{
		i = below(MAX_NODES);
		if (w.nodes[i].exists && !w.nodes[i].left && w.nodes[i].running)
			return &w.nodes[i];
	}
	return NULL;
}

void
restart(void *arg)
{
	Node	   *node = arg;

	if (!node->running && !node->left && node->exists)
		start_node(node);
}

static void
do_crash(Node *node)
{
	crash(node);
	at(around(300 * MS), restart, node);
}

/* ---- disks and clocks ---- */

static void
disk_recovers(void *arg)
{
	((Node *) arg)->disk_latency = w.cfg.disk;
}

static void
do_slow_disk(Node *node)
{
	COUNT(slow_disks);
	TRACE("the disk of %s is slow", node->name);
	node->disk_latency = around(200 * MS);
	at(around(1 * SECOND), disk_recovers, node);
}

static void
set_rate(Node *node, int rate)
{
	node->clock_offset += (w.now - node->clock_base) * (node->clock_rate - 10) / 10;
	node->clock_base = w.now;
	node->clock_rate = rate;
}

static void
rate_recovers(void *arg)
{
	set_rate(arg, 10);
}

static void
do_clock_rate(Node *node)
{
	COUNT(clock_rates);
	TRACE("the clock of %s runs ten times too fast", node->name);
	set_rate(node, 100);
	at(around(300 * MS), rate_recovers, node);
}

static void
jump_back(void *arg)
{
	((Node *) arg)->clock_offset = 0;
}

static void
do_clock_jump(Node *node)
{
	/* as far as the others put up with, or an hour and all wait for it */
	int64		size = w.cfg.max_skew > 3600 * SECOND ? 3600 * SECOND : around(w.cfg.max_skew);
	int64		by = chance(0.5) ? size : -size;

	COUNT(clock_jumps);
	/* hours of waiting show nothing that seconds do not */
	if (Abs(node->clock_offset + by) > w.cfg.max_skew + 10 * SECOND)
		by = -by;
	node->clock_offset += by;
	TRACE("the clock of %s jumps", node->name);
	if (chance(0.7))
		at(around(1 * SECOND), jump_back, node);
}

/* ---- the network ---- */

typedef struct Cut
{
	int			a;
	int			b;
} Cut;

static void
mend_cut(void *arg)
{
	Cut		   *c = arg;

	w.cut[c->a][c->b] = w.cut[c->b][c->a] = false;
}

static void
do_cut(Node *node, bool one_way)
{
	Cut		   *c;
	int			i;

	for (i = 0; i < MAX_NODES; i++)
	{
		if (i == node->index || !w.nodes[i].exists || chance(0.4))
			continue;
		w.cut[node->index][i] = true;
		if (!one_way)
			w.cut[i][node->index] = true;
		c = sim_alloc(sizeof(Cut));
		c->a = node->index;
		c->b = i;
		at(around(1500 * MS), mend_cut, c);
	}
	if (one_way)
		COUNT(one_way_cuts);
	else
		COUNT(cuts);
	TRACE("%s is cut off from some", node->name);
}

static void
do_reset(Node *node)
{
	int			i;

	for (i = 0; i < MAX_NODES; i++)
	{
		if (node->receivers[i] != NULL && chance(0.7))
			reset_receiver(node->receivers[i]);
	}
	COUNT(resets);
}

static void
loss_ends(void *arg)
{
	w.loss = 0;
}

/* ---- lost pasts ---- */

/* What only this node had may be gone. */
void
lose_past(Node *node)
{
	int			i;

	w.any_lost = node->past_lost = true;
	for (i = 0; i < w.nids; i++)
	{
		if (w.ids[i].node == node->index)
			w.lost_ids |= UINT64CONST(1) << i;
	}
}

/*
 * Of its own entries it will want those again that have not been noted as
 * confirmed, and nobody may have removed them since unless that was long ago,
 * or those who had them could not say so.
 */
static void
check_turns(const Db *db)
{
	uint32		harmless = (1u << F_PROMOTE) | (1u << F_RESTORE) | (1u << F_CUT_LOG) |
		(1u << F_ASYNC) | (1u << F_ABORT) | (1u << F_DOUBLE);

	if ((w.cfg.faults & ~harmless) == 0 && !w.any_lost &&
		db->noted_at > w.now - (NSEGMENTS - 2) * w.lead * LOG_TURN_LEADS)
		fail(-1, "a copy of a disk is behind the logs, and noted what was confirmed "
			 INT64_FORMAT " ms ago", (w.now - db->noted_at) / MS);
}

/* Has somebody removed from its log what the database has not got yet? */
static bool
is_behind_logs(const Db *db)
{
	int			i;
	int			n;

	for (n = 0; n < MAX_NODES; n++)
	{
		for (i = 0; i < w.nids && w.nodes[n].exists; i++)
		{
			const Log  *log = &db->log[i];
			int64		last = log->n > 0 ? log->rows[log->n - 1].seq : db->floor[i];
			int64		has = i != db->self ? db->seq[i] : certain_on_disk(db);

			if (w.nodes[n].mem.floor[i] <= has)
				continue;
			if (i == db->self && w.nodes[n].mem.floor[i] <= last)
				check_turns(db);
			return true;
		}
	}
	return false;
}

static void
replace_disk(Node *node, Db *with, bool noticed)
{
	/* it would be told so, for ever */
	if (is_behind_logs(with) || !may_get_new_id(node))
		return;
	crash(node);
	check_replaced(node, with, noticed);
	db_copy(&node->disk, with);
	db_copy(&node->mem, with);
	node->backup_boot = noticed;
	memset(node->told_progress, 0, sizeof(node->told_progress));
	lose_past(node);
	w.set_back |= !noticed;
	node->set_back |= !noticed;
	at(around(200 * MS), restart, node);
}

/*
 * Copies of the disk.  Commit records are not in the order of seqs, so one may
 * have an entry and lack the one before, which commits later.  Most copies
 * wait for such a moment, a while.
 */

static bool
has_gap(Node *node)
{
	Log		   *own = &node->disk.log[node->disk.self];
	Record	   *r;
	Txn		   *t;
	int64		last = own->n > 0 ? own->rows[own->n - 1].seq : 0;

	for (t = node->txns; t != NULL; t = t->next)
	{
		if (t->seq != 0 && t->seq < last && t->stage == 0)
			return true;
	}
	for (r = node->unflushed; r != NULL; r = r->next)
	{
		if (r->nentries > 0 && r->lsn > node->flushed &&
			r->entries[0]->id == node->disk.self && r->entries[0]->seq < last &&
			log_find(own, r->entries[0]->seq) == NULL)
			return true;
	}
	return false;
}

static void
end_copy(Node *node)
{
	Db		   *to = node->copying;

	node->copying = NULL;
	db_copy(to, &node->disk);
	if (node->copied != NULL)
		at(around(100 * MS), node->copied, node->copied_arg);
}

void
look_for_gap(Node *node)
{
	bool		gap = has_gap(node);

	if (!gap && w.now < node->copy_until)
		return;
	counters.gaps_copied += gap;
	end_copy(node);
}

static void
copy_disk(Node *node, Db *to, void (*then) (void *arg), void *arg)
{
	if (node->copying != NULL)
		return;
	node->copying = to;
	node->copied = then;
	node->copied_arg = arg;
	node->copy_until = w.now + (chance(0.7) ? around(300 * MS) : 0);
	if (node->copy_until == w.now)
		end_copy(node);
}

static void
take_backup(Node *node)
{
	node->backup = sim_alloc(sizeof(Db));
	db_copy(node->backup, &node->disk);
	copy_disk(node, node->backup, NULL, NULL);
}

static void
do_restore(Node *node)
{
	if (node->backup == NULL)
	{
		take_backup(node);
		return;
	}
	COUNT(restores);
	TRACE("%s is restored from a backup", node->name);
	replace_disk(node, node->backup, true);
	node->backup = NULL;
}

static void
do_snapshot(Node *node)
{
	if (node->backup == NULL)
	{
		take_backup(node);
		return;
	}
	COUNT(snapshots);
	TRACE("%s is set back to a snapshot of its machine", node->name);
	replace_disk(node, node->backup, false);
	node->backup = NULL;
}

typedef struct Standby
{
	Node	   *node;
	Db			db;
} Standby;

static void
promote(void *arg)
{
	Standby    *s = arg;

	if (!s->node->running || s->node->left)
		return;
	COUNT(promotions);
	TRACE("the standby of %s is promoted", s->node->name);
	replace_disk(s->node, &s->db, true);
}

static void
do_promote(Node *node)
{
	Standby    *s = sim_alloc(sizeof(Standby));

	s->node = node;
	copy_disk(node, &s->db, promote, s);
}

/* ---- members ---- */

static Node *
spare_node(void)
{
	int			i;

	for (i = 0; i < w.cfg.nnodes + w.cfg.nspare; i++)
	{
		if (!w.nodes[i].exists)
			return &w.nodes[i];
	}
	return NULL;
}

void
connect_to_all(Node *node)
{
	int			i;

	for (i = 0; i < MAX_NODES; i++)
	{
		if (i != node->index && w.nodes[i].exists && !w.nodes[i].left)
			w.peers[i][node->index] = w.peers[node->index][i] = true;
	}
}

static void
do_clone(Node *node)
{
	Node	   *clone = spare_node();

	if (clone == NULL || !may_get_new_id(clone))
		return;
	COUNT(clones);
	clone->exists = true;
	db_copy(&clone->disk, &node->disk);
	db_copy(&clone->mem, &node->disk);
	clone->backup_boot = 1;
	TRACE("%s becomes a copy of %s", clone->name, node->name);
	connect_to_all(clone);
	start_node(clone);
}

/* ---- all of it ---- */

static void
do_fault(Fault f, Node *node)
{
	fault_counts[f]++;
	switch (f)
	{
		case F_CRASH:
			do_crash(node);
			break;
		case F_SLOW_DISK:
			do_slow_disk(node);
			break;
		case F_CUT:
			do_cut(node, false);
			break;
		case F_CUT_ONE_WAY:
			do_cut(node, true);
			break;
		case F_RESET:
			do_reset(node);
			break;
		case F_LOSS:
			w.loss = 10 + below(200);
			at(around(1 * SECOND), loss_ends, NULL);
			break;
		case F_CLOCK_JUMP:
			do_clock_jump(node);
			break;
		case F_CLOCK_RATE:
			do_clock_rate(node);
			break;
		case F_RESTORE:
			do_restore(node);
			break;
		case F_SNAPSHOT:
			do_snapshot(node);
			break;
		case F_PROMOTE:
			do_promote(node);
			break;
		case F_CLONE:
			do_clone(node);
			break;
		case F_LEAVE:
			leave(node);
			break;
		default:
			break;
	}
}

#define EVENT_FAULTS \
	((1u << F_CRASH) | (1u << F_RESET) | (1u << F_SLOW_DISK) | (1u << F_CUT) | (1u << F_CUT_ONE_WAY) | \
	 (1u << F_LOSS) | (1u << F_CLOCK_JUMP) | (1u << F_CLOCK_RATE) | (1u << F_RESTORE) | \
	 (1u << F_SNAPSHOT) | (1u << F_PROMOTE) | (1u << F_CLONE) | (1u << F_LEAVE))

static void
nemesis(void *arg)
{
	uint32		possible = w.cfg.faults & EVENT_FAULTS;
	Node	   *node = some_node();
	int			f;

	if (w.quiet || possible == 0)
		return;
	do
		f = below(NFAULTS);
	while ((possible & (1u << f)) == 0);
	if (node != NULL)
		do_fault((Fault) f, node);
	at(around(w.cfg.faults_every), nemesis, NULL);
}

void
start_faults(void)
{
	w.doubles = w.cfg.faults & (1u << F_DOUBLE) ? 30 : 0;
	at(around(w.cfg.faults_every), nemesis, NULL);
}

/* All is well from now on. */
void
heal(void)
{
	int			i;

	w.quiet = true;
	w.quiet_since = w.now;
	w.loss = w.doubles = 0;
	memset(w.cut, 0, sizeof(w.cut));
	TRACE("all is well from here on");
	for (i = 0; i < MAX_NODES; i++)
	{
		Node	   *node = &w.nodes[i];

		if (node->left)
			end_absence(node);
		if (!node->exists || node->left)
			continue;
		node->disk_latency = w.cfg.disk;
		set_rate(node, 10);
		node->clock_offset = 0;
		if (!node->running)
			start_node(node);
	}
}
