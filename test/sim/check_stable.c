/*
 * check_stable.c: horizons, reports, and what the stable clock may cover.
 */
#include "sim.h"

/* It was told that all writes of id up to horizon are in entries up to seq. */
void
check_claim(int id, CvgStamp horizon, int64 seq, const char *who)
{
	Log		   *log = &w.history[id];
	int			i;
	int			j;

	for (i = log->n - 1; i >= 0 && log->rows[i].seq > seq; i--)
	{
		const Entry *e = log->rows[i].entry;

		for (j = 0; j < e->nops; j++)
		{
			if (e->ops[j]->id == id && e->ops[j]->stamp <= horizon && e->twin == TWIN_NONE)
				fail(e->ops[j]->key, "%s tells a horizon of %s that covers %s, and has entries up to "
					 INT64_FORMAT " only, not " INT64_FORMAT, who, w.ids[id].name,
					 show_op(e->ops[j]), seq, e->seq);
		}
	}
	/* before it finds that it was set back, a node may promise too much */
	if (seq <= MAX_LOG && (w.former_ids & (UINT64CONST(1) << id)) == 0)
		w.claim_horizon[id][seq] = Max(w.claim_horizon[id][seq], horizon);
}

void
check_told_progress(Node *node, const ReportJob *job)
{
	int			i;

	for (i = 0; i < w.nids; i++)
	{
		/* two reports in the making may overtake each other, and a new id both */
		if (i != job->id && i != node->mem.self)
			node->told_progress[i] = Max(node->told_progress[i], job->progress[i]);
	}
}

void
check_note_report(Node *node, const ReportJob *job)
{
	Told	   *told = &node->told[(uint64) job->generation % NTOLD];

	told->generation = job->generation;
	told->id = job->id;
	memcpy(told->progress, job->progress, sizeof(told->progress));
}

/*
 * S moves on by the reports of all members: of each the node must have all seqs
 * that the reporter had taken, and what it had of its own in its earlier lives,
 * whatever of the report was kept.
 */
void
check_reports_count(Node *node)
{
	int			i;
	int			id;

	/* a machine that was set back makes two reports of one generation */
	for (i = 0; i < MAX_NODES; i++)
	{
		const Member *m = &node->shm.members[i];
		const Told *told = &w.nodes[i].told[(uint64) m->generation % NTOLD];

		if (!m->in_use || (m->flags & CVG_REPORT_FORGOTTEN) || w.nodes[i].set_back ||
			told->generation != m->generation || told->id != m->id)
			continue;
		for (id = 0; id < w.nids; id++)
		{
			int64		needed = id == m->id ? m->last_seq : told->progress[id];

			if (w.ids[id].node == i && needed > node->shm.seq[id])
				fail(-1, "S of %s moves on, by a report of %s, which had %s up to " INT64_FORMAT
					 " of its own, and that is not all there", node->name, w.nodes[i].name,
					 w.ids[id].name, needed);
		}
	}
}

/*
 * Gone, perhaps: its node has left, and nobody who stayed has it.  Whether it
 * comes all the same is looked at when it does (check_too_late).
 */
static bool
is_gone(const Op *op)
{
	int			author = w.ids[op->id].node;
	int			i;

	if (w.nodes[author].left_id < 0)
		return false;
	for (i = 0; i < MAX_NODES; i++)
	{
		if (w.nodes[i].exists && !w.nodes[i].left && i != author &&
			bit_test(&w.nodes[i].mem.seen[op->key], op->index))
			return false;
	}
	return true;
}

/* S of the node now covers this write: nothing concurrent may be on its way. */
static void
check_covered(Node *node, const Op *op)
{
	int			key = op->key;
	int			i;

	if (!bit_test(&node->mem.seen[key], op->index))
		fail(key, "S of %s covers %s of row %d, which is not applied there", node->name,
			 show_op(op), key);
	for (i = 0; i < w.nops[key]; i++)
	{
		const Op   *other = w.ops[key][i];

		if (!bit_test(&w.valid[key], i) || bit_test(&node->mem.seen[key], i) || other == op ||
			bit_test(&op->context, i) || bit_test(&other->context, op->index) ||
			is_gone(other) || is_doubtful(other))
			continue;
		fail(key, "S of %s covers %s of row %d, and %s is concurrent to that and still on its way",
			 node->name, show_op(op), key, show_op(other));
	}
}

void
check_stable(Node *node)
{
	int			k;
	int			i;

	for (k = 0; k < w.cfg.nkeys && w.failure == NULL; k++)
	{
		for (i = 0; i < w.nops[k]; i++)
		{
			const Op   *op = w.ops[k][i];

			if (!bit_test(&w.valid[k], i) || bit_test(&node->stable_checked[k], i) ||
				op->stamp > node->shm.stable[op->id] || is_doubtful(op))
				continue;
			check_covered(node, op);
			bit_set(&node->stable_checked[k], i);
		}
	}
}
