/*
 * check.c: what must hold after each step, and at the end.
 *
 * Every write knows the set of writes to its key that it had seen, exactly,
 * whatever was forgotten since; every node knows the set of writes to a key
 * that it has applied.  What a row must be is a function of that set alone,
 * computed here by the definitions, from no row state: so each row of each
 * node is compared with the oracle whenever it changes.
 */
#include "sim.h"

/* ---- sets ---- */

bool
bits_subset(const Bits *a, const Bits *b)
{
	int			i;

	for (i = 0; i < MAX_OPS / 64; i++)
	{
		if (a->w[i] & ~b->w[i])
			return false;
	}
	return true;
}

int
bits_first_missing(const Bits *a, const Bits *b)
{
	int			i;

	for (i = 0; i < MAX_OPS; i++)
	{
		if (bit_test(a, i) && !bit_test(b, i))
			return i;
	}
	return -1;
}

const char *
show_op(const Op *op)
{
	static char bufs[4][64];
	static int	next = 0;
	char	   *buf = bufs[next++ % 4];
	int64		clock[MAX_IDS] = {0};

	clock[op->id] = op->stamp;
	snprintf(buf, 64, "%s {%s}", op->kind == 'I' ? "insert" : op->kind == 'U' ? "update" : "delete",
			 show_clock(clock));
	return buf;
}

/* ---- writes ---- */

Op *
check_new_op(Txn *t, char kind, int key, int64 stamp, int columns, const Row *row, int amount)
{
	Op		   *op = sim_alloc(sizeof(Op));

	op->kind = kind;
	op->key = key;
	op->id = t->id;
	op->stamp = stamp;
	op->columns = columns;
	op->context = local_seen(t, key, kind);
	memcpy(op->values, row->values, sizeof(op->values));
	op->amount = amount;
	if (w.nops[key] == MAX_OPS)
	{
		fail(key, "the model has no room for more writes of row %d", key);
		return op;
	}
	op->index = w.nops[key]++;
	w.ops[key][op->index] = op;
	bit_set(&t->seen[key], op->index);
	return op;
}

void
check_rolled_back(Txn *t)
{
	int			i;

	for (i = 0; i < t->nchanges; i++)
		t->ops[i]->lost = true;
}

static Bits
without_doubtful(int key, const Bits *set)
{
	Bits		result = *set;
	int			i;

	for (i = 0; w.forked_ids != 0 && i < w.nops[key]; i++)
	{
		if (is_doubtful(w.ops[key][i]))
			result.w[i / 64] &= ~(UINT64CONST(1) << (i % 64));
	}
	return result;
}

/* No node may have forgotten what this write did not see. */
static void
check_not_covered(const Op *op)
{
	int			n;
	int			i;

	for (n = 0; n < MAX_NODES; n++)
	{
		Node	   *node = &w.nodes[n];
		Bits		covered = without_doubtful(op->key, &node->stable_checked[op->key]);

		if (!node->running || node->left)
			continue;
		for (i = 0; i < MAX_OPS / 64; i++)
			covered.w[i] &= w.valid[op->key].w[i];
		i = bits_first_missing(&covered, &op->context);
		if (i >= 0 && i != op->index)
			fail(op->key, "S of %s covers %s of row %d, and %s did not see that", node->name,
				 show_op(w.ops[op->key][i]), op->key, show_op(op));
	}
}

static void
check_unused(const Entry *e)
{
	LogRow	   *same = log_find(&w.history[e->id], e->seq);
	int			i;

	/* a node that was set back and does not know it yet cannot help it */
	if (same != NULL && (e->twin != TWIN_GHOST || same->entry->twin == TWIN_NONE))
		fail(-1, "seq " INT64_FORMAT " of %s is used twice", e->seq, w.ids[e->id].name);
	for (i = 0; i < e->nops; i++)
	{
		const Op   *op = e->ops[i];
		int			j;

		for (j = 0; j < w.nops[op->key]; j++)
		{
			const Op   *other = w.ops[op->key][j];

			if (other != op && bit_test(&w.valid[op->key], j) && other->id == op->id &&
				other->stamp == op->stamp &&
				(op->twin != TWIN_GHOST || other->twin == TWIN_NONE))
				fail(op->key, "dot {%s} is used twice", show_op(op));
		}
	}
}

/*
 * No horizon that was told covers what comes later.  After a start stamps are
 * ahead of the wall clock: who is set back to then promised more in its lost past.
 */
static void
check_promises(Node *node, const Entry *e)
{
	int			i;
	int64		seq;

	for (i = 0; i < e->nops; i++)
	{
		if (e->twin == TWIN_GHOST && e->ops[i]->stamp > wall_clock(node))
			continue;
		for (seq = 0; seq < e->seq && seq <= MAX_LOG; seq++)
		{
			if (w.claim_horizon[e->id][seq] >= e->ops[i]->stamp)
				fail(e->ops[i]->key, "a horizon told with seq " INT64_FORMAT " covers %s, which is in entry "
					 INT64_FORMAT, seq, show_op(e->ops[i]), e->seq);
		}
	}
}

/* The commit record is written. */
void
check_committed(Node *node, Txn *t)
{
	Entry	   *e = t->entry;
	int			i;

	if (e == NULL)
		return;
	note_ghost(node, e);
	check_unused(e);
	check_promises(node, e);
	for (i = 0; i < e->nops; i++)
	{
		e->ops[i]->committed = true;
		bit_set(&w.valid[e->ops[i]->key], e->ops[i]->index);
	}
	for (i = 0; i < e->nops && !node->left; i++)
		check_not_covered(e->ops[i]);
	log_add(&w.history[e->id], e, 0, 0);
}

/* Is the write in an entry?  An entry that has moved shares its writes with its former self. */
static bool
is_in_history(const Op *op)
{
	int			id;
	int			i;
	int			j;

	for (id = 0; id < w.nids; id++)
	{
		for (i = 0; i < w.history[id].n; i++)
		{
			const Entry *e = w.history[id].rows[i].entry;

			for (j = 0; j < e->nops; j++)
			{
				if (e->ops[j] == op)
					return true;
			}
		}
	}
	return false;
}

void
lose_entry(Entry *e)
{
	Log		   *log = &w.history[e->id];
	int			i;
	int			kept = 0;

	for (i = 0; i < log->n; i++)
	{
		if (log->rows[i].entry != e)
			log->rows[kept++] = log->rows[i];
	}
	log->n = kept;
	for (i = 0; i < e->nops; i++)
	{
		Op		   *op = e->ops[i];

		if (is_in_history(op))
			continue;
		op->lost = true;
		w.valid[op->key].w[op->index / 64] &= ~(UINT64CONST(1) << (op->index % 64));
	}
}

/* Before a crash takes effect: what is lost must not have been told. */
void
check_crash(Node *node)
{
	Record	   *r;
	Txn		   *t;
	int			i;

	for (r = node->unflushed; r != NULL; r = r->next)
	{
		for (i = 0; i < r->nentries; i++)
		{
			/* what others had of an earlier incarnation, they still have */
			if (r->entries[i]->id != node->mem.self)
				continue;
			if (r->entries[i]->told)
				fail(-1, "%s served entry %s#" INT64_FORMAT " and loses it in a crash", node->name,
					 w.ids[r->entries[i]->id].name, r->entries[i]->seq);
			lose_entry(r->entries[i]);
		}
	}
	for (t = node->txns; t != NULL; t = t->next)
	{
		if (t->stage == 0)
			check_rolled_back(t);
	}
	for (i = 0; i < w.nids; i++)
	{
		if (node->disk.seq[i] < node->told_progress[i] && i != node->disk.self)
			fail(-1, "%s told progress " INT64_FORMAT " of %s and has " INT64_FORMAT " after a crash",
				 node->name, node->told_progress[i], w.ids[i].name, node->disk.seq[i]);
	}
}

/* ---- entries ---- */

/* Entries come whole, and after what they depend on. */
static void
check_entry(Node *node, const Entry *e)
{
	int			i;

	for (i = 0; i < e->nops; i++)
	{
		const Op   *op = e->ops[i];
		Bits		needed = without_doubtful(op->key, &op->context);

		if (!bit_test(&node->mem.seen[op->key], op->index) && !is_redrawn(op))
			fail(op->key, "%s: entry %s#" INT64_FORMAT " is there in part", node->name,
				 w.ids[e->id].name, e->seq);
		if (!bits_subset(&needed, &node->mem.seen[op->key]))
			fail(op->key, "%s: %s is there before what it had seen, %s", node->name, show_op(op),
				 show_op(w.ops[op->key][bits_first_missing(&needed, &node->mem.seen[op->key])]));
	}
	for (i = 0; i < w.nids; i++)
	{
		if (w.ids[i].node != node->index && e->needs[i] > node->mem.seq[i])
			fail(-1, "%s: entry %s#" INT64_FORMAT " is there before %s#" INT64_FORMAT, node->name,
				 w.ids[e->id].name, e->seq, w.ids[i].name, e->needs[i]);
	}
}

/* Has a node applied all that S of the other one covers? */
bool
check_has_stable(const Node *node, const Node *other, int key)
{
	Bits		covered = other->stable_checked[key];
	int			i;

	for (i = 0; i < MAX_OPS / 64; i++)
		covered.w[i] &= w.valid[key].w[i];
	return bits_subset(&covered, &node->mem.seen[key]);
}

/* What a node wrote that was forgotten is gone, or it comes before that counts. */
static void
check_too_late(Node *node, const Entry *e)
{
	int			n;
	int			i;
	int			j;

	if (node->left || w.nodes[w.ids[e->id].node].left_id < 0)
		return;
	for (n = 0; n < MAX_NODES; n++)
	{
		const Node *other = &w.nodes[n];

		for (i = 0; i < e->nops && other->running && !other->left; i++)
		{
			const Op   *op = e->ops[i];

			for (j = 0; j < w.nops[op->key]; j++)
			{
				if (bit_test(&other->stable_checked[op->key], j) &&
					bit_test(&w.valid[op->key], j) && j != op->index &&
					!bit_test(&other->mem.seen[op->key], op->index) &&
					!bit_test(&op->context, j) &&
					!bit_test(&w.ops[op->key][j]->context, op->index))
					fail(op->key, "%s takes %s of row %d from one that was forgotten, and S of %s covers %s",
						 node->name, show_op(op), op->key, other->name, show_op(w.ops[op->key][j]));
			}
		}
	}
}

/* A commit has become visible. */
void
check_record(Node *node, const Record *r)
{
	int			i;

	for (i = 0; i < r->nentries; i++)
	{
		check_entry(node, r->entries[i]);
		check_too_late(node, r->entries[i]);
	}
	for (i = 0; i < w.cfg.nkeys; i++)
	{
		if ((r->live_set | r->tomb_set | r->aside_set) & (1u << i))
			check_row(node, i);
	}
	if (w.cfg.rivals != 0)
		check_rivals(node, r);
}

void
check_flushed(Node *node, const Record *r)
{
	int			i;

	for (i = 0; i < r->nprogress; i++)
	{
		if (node->disk.seq[r->progress[i].id] != r->progress[i].reached.seq)
			fail(-1, "%s: progress on disk is not what was committed", node->name);
	}
	for (i = 0; i < w.cfg.nkeys; i++)
	{
		if ((r->live_set | r->tomb_set) & (1u << i))
			check_durable_row(node, i);
	}
}
