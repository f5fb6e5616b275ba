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

static bool
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

static int
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

static const char *
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
	op->context = txn_seen(t, key);
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

/* No node may have forgotten what this write did not see. */
static void
check_not_covered(const Op *op)
{
	int			n;
	int			i;

	if (w.forked_keys & (1u << op->key))
		return;
	for (n = 0; n < MAX_NODES; n++)
	{
		Node	   *node = &w.nodes[n];
		Bits		covered = node->stable_checked[op->key];

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
	Log		   *log = &w.history[e->id];
	int			i;

	/* a node that was set back and does not know it yet cannot help it */
	if (w.set_back && (w.lost_ids & (UINT64CONST(1) << e->id)))
		return;
	if (log_find(log, e->seq) != NULL)
		fail(-1, "seq " INT64_FORMAT " of %s is used twice", e->seq, w.ids[e->id].name);
	for (i = 0; i < e->nops; i++)
	{
		const Op   *op = e->ops[i];
		int			j;

		for (j = 0; j < w.nops[op->key]; j++)
		{
			const Op   *other = w.ops[op->key][j];

			if (other != op && bit_test(&w.valid[op->key], j) && other->id == op->id &&
				other->stamp == op->stamp)
				fail(op->key, "dot {%s} is used twice", show_op(op));
		}
	}
}

static void
check_promises(const Entry *e)
{
	int			i;
	int64		seq;

	for (i = 0; i < e->nops; i++)
	{
		for (seq = 0; seq < e->seq && seq <= MAX_LOG; seq++)
		{
			if (w.claim_horizon[e->id][seq] >= e->ops[i]->stamp)
				fail(e->ops[i]->key, "a horizon told with seq " INT64_FORMAT " covers %s, which is in entry "
					 INT64_FORMAT, seq, show_op(e->ops[i]), e->seq);
		}
	}
}

/*
 * A node that was set back and does not know it may write a row without what
 * it had written to it before: the row then has two histories under one id,
 * and no clock can tell what is in it.  That all nodes have both, or that
 * somebody says that they cannot, is all that is asked for.
 */
static void
note_forked(const Op *op)
{
	int			i;

	if (!w.set_back || (w.lost_ids & (UINT64CONST(1) << op->id)) == 0)
		return;
	for (i = 0; i < w.nops[op->key]; i++)
	{
		const Op   *other = w.ops[op->key][i];

		if (other == op || other->id != op->id || !bit_test(&w.valid[op->key], i) ||
			bit_test(&op->context, i))
			continue;
		w.forked_keys |= 1u << op->key;
	}
}

static bool
is_forked(int key)
{
	return (w.forked_keys & (1u << key)) != 0;
}

/* The commit record is written. */
void
check_committed(Node *node, Txn *t)
{
	Entry	   *e = t->entry;
	int			i;

	if (e == NULL)
		return;
	check_unused(e);
	check_promises(e);
	for (i = 0; i < e->nops; i++)
	{
		e->ops[i]->committed = true;
		bit_set(&w.valid[e->ops[i]->key], e->ops[i]->index);
	}
	for (i = 0; i < e->nops; i++)
		note_forked(e->ops[i]);
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

static void
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

static bool
log_has(Log *log, const Entry *e)
{
	int			i;

	for (i = 0; i < log->n; i++)
	{
		if (log->rows[i].entry == e)
			return true;
	}
	return false;
}

/* An entry is back that was lost with a disk of which this is a copy. */
static void
regain_entry(Entry *e)
{
	int			i;

	log_add(&w.history[e->id], e, 0, 0);
	for (i = 0; i < e->nops; i++)
	{
		e->ops[i]->lost = false;
		bit_set(&w.valid[e->ops[i]->key], e->ops[i]->index);
	}
}

/* The disk is a copy from now on: what was never told and is not in it is gone. */
void
check_replaced(Node *node, Db *with)
{
	int			id;
	int			i;

	for (id = 0; id < w.nids; id++)
	{
		if (w.ids[id].node != node->index)
			continue;
		for (i = 0; i < with->log[id].n; i++)
		{
			if (!log_has(&w.history[id], with->log[id].rows[i].entry))
				regain_entry(with->log[id].rows[i].entry);
		}
		for (i = w.history[id].n - 1; i >= 0; i--)
		{
			Entry	   *e = w.history[id].rows[i].entry;

			if (!e->told && e->seq > with->floor[id] && !log_has(&with->log[id], e))
				lose_entry(e);
		}
	}
}

/* ---- rows ---- */

/* What a row must be after these writes; false: dead or absent. */
static bool
oracle(int key, const Bits *set, int *values, Op **last)
{
	Op		   *write = NULL;
	Op		   *delete = NULL;
	Op		   *best[NCOLS] = {NULL};
	Bits		answered = {{0}};
	Bits		observed = {{0}};
	bool		unseen = false;
	bool		all_answered = true;
	int			i;
	int			c;

#define LATER(a, b) ((b) == NULL || cvg_dot_cmp((a)->stamp, w.ids[(a)->id].slice, \
												(b)->stamp, w.ids[(b)->id].slice) > 0)
	for (i = 0; i < w.nops[key]; i++)
	{
		Op		   *op = w.ops[key][i];

		if (!bit_test(set, i))
			continue;
		if (op->kind == 'D')
		{
			bits_join(&observed, &op->context);
			if (LATER(op, delete))
				delete = op;
			continue;
		}
		if (op->kind == 'I')
			bits_join(&answered, &op->context);
		if (LATER(op, write))
			write = op;
		for (c = 0; c < NCOLS; c++)
		{
			if ((op->columns & (1 << c)) && LATER(op, best[c]))
				best[c] = op;
		}
	}
	for (i = 0; i < w.nops[key]; i++)
	{
		if (!bit_test(set, i))
			continue;
		if (w.ops[key][i]->kind == 'D')
			all_answered &= bit_test(&answered, i);
		else
			unseen |= !bit_test(&observed, i);
	}
	for (c = 0; c < NCOLS; c++)
		values[c] = best[c] ? best[c]->values[c] : 0;
	*last = write;
	if (write == NULL)
		return false;
	switch (w.cfg.policy[key])
	{
		case CVG_ON_DELETE_LWW:
			return delete == NULL || LATER(write, delete);
		case CVG_ON_DELETE_UPDATE_WINS:
			return unseen;
		default:
			return all_answered;
	}
}

/* What was added, less what an insert saw: the row begins anew with it. */
static int64
counter_oracle(int key, const Bits *set)
{
	Bits		undone = {{0}};
	int64		sum = 0;
	int			i;

	for (i = 0; i < w.nops[key]; i++)
	{
		if (bit_test(set, i) && w.ops[key][i]->kind == 'I')
			bits_join(&undone, &w.ops[key][i]->context);
	}
	for (i = 0; i < w.nops[key]; i++)
	{
		if (bit_test(set, i) && !bit_test(&undone, i))
			sum += w.ops[key][i]->amount;
	}
	return sum;
}

static void
check_counter(Node *node, int key)
{
	const Row  *row = &node->mem.live[key];
	int64		expected = counter_oracle(key, &node->mem.seen[key]);
	int64		value = 0;

	if (!row->n_known || (row->n.len > 0 && cvg_crdt_validate(&cvg_pncounter_ops, row->n, NULL) != CVG_OK))
		fail(key, "%s: the counter of row %d is not one", node->name, key);
	else if (row->n.len > 0 && cvg_counter_value(row->n, &value) != CVG_OK)
		fail(key, "%s: the counter of row %d is too large", node->name, key);
	else if (value != expected)
		fail(key, "%s: the counter of row %d is " INT64_FORMAT ", and should be " INT64_FORMAT ": %s",
			 node->name, key, value, expected, show_row(key, row));
}

/* What follows from a set of writes, or from a row clock: the same everywhere. */
typedef struct Fact
{
	uint64		cause;
	uint64		effect;
} Fact;

#define NFACTS	4096

static Fact facts[NFACTS];

void
check_reset(void)
{
	memset(facts, 0, sizeof(facts));
}

static uint64
hash_bytes(uint64 h, const void *data, size_t len)
{
	const uint8 *p = data;

	h = (h + 1) * UINT64CONST(0x9e3779b97f4a7c15);
	while (len-- > 0)
		h = (h ^ *p++) * UINT64CONST(0x100000001b3);
	h = (h ^ (h >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return h ^ (h >> 31);
}

static bool
check_fact(uint64 cause, uint64 effect)
{
	int			i = cause % NFACTS;
	int			tries;

	for (tries = 0; tries < 64; tries++, i = (i + 1) % NFACTS)
	{
		if (facts[i].cause == cause)
			return facts[i].effect == effect;
		if (facts[i].cause == 0)
		{
			facts[i].cause = cause;
			facts[i].effect = effect;
			return true;
		}
	}
	return true;				/* no room */
}

static void
check_row(Node *node, int key)
{
	const Row  *live = &node->mem.live[key];
	const Row  *tomb = &node->mem.tomb[key];
	const Bits *seen = &node->mem.seen[key];
	int			values[NCOLS];
	bool		alive;
	Op		   *last;

	if (is_forked(key))
		return;
	COUNT(checks);
	alive = oracle(key, seen, values, &last);
	if (live->present && tomb->present)
		fail(key, "%s: row %d has a tombstone beside it: %s / %s", node->name, key,
			 show_row(key, live), show_row(key, tomb));
	if (alive != live->present)
		fail(key, "%s: row %d is %s, and should be %s", node->name, key, show_row(key, live),
			 alive ? "live" : "dead");
	if (!live->present || w.failure != NULL)
		return;
	if (cvg_rowstate_validate(live->state, NULL) != CVG_OK)
		fail(key, "%s: the state of row %d is invalid", node->name, key);
	if (memcmp(values, live->values, sizeof(values)) != 0)
		fail(key, "%s: row %d is %s, and should be x=%d y=%d z=%d", node->name, key,
			 show_row(key, live), values[0], values[1], values[2]);
	if (w.cfg.counter[key])
		check_counter(node, key);
}

/*
 * Of a node that was set back without knowing it: right after a start its
 * stamps are ahead of the wall clock, by the lead of the ceiling, and it
 * draws those of its lost past again.
 */
static bool
has_set_back_dot(const Row *row)
{
	int			i;

	for (i = 0; w.set_back && i < w.nids; i++)
	{
		if ((w.lost_ids & (UINT64CONST(1) << i)) &&
			cvg_rowstate_latest(row->state, w.ids[i].slice) != 0)
			return true;
	}
	return false;
}

/* A row that is durable: what is only visible yet may be lost, dot and all. */
static void
check_durable_row(Node *node, int key)
{
	static CvgBuf clock;
	const Row  *live = &node->disk.live[key];
	uint64		content;
	uint64		cause;

	if (!live->present || has_set_back_dot(live) || is_forked(key))
		return;
	content = hash_bytes(1, live->state.data, live->state.len);
	cause = hash_bytes(key + 2, &node->disk.seen[key], sizeof(Bits)) | 1;
	if (!check_fact(cause, content))
		fail(key, "%s: row %d is %s, elsewhere the same writes made another state", node->name, key,
			 show_row(key, live));
	cvg_buf_reset(&clock);
	cvg_rowstate_clock(live->state, &clock);
	cause = hash_bytes(key + 1000, clock.data, clock.len) & ~UINT64CONST(1);
	content = hash_bytes(content, live->values, sizeof(live->values));
	content = hash_bytes(content, live->n.data, live->n.len);
	if (cause != 0 && !check_fact(cause, content))
		fail(key, "%s: row %d is %s, and was different elsewhere with that clock", node->name, key,
			 show_row(key, live));
}

/* Entries come whole, and after what they depend on. */
static void
check_entry(Node *node, const Entry *e)
{
	int			i;

	for (i = 0; i < e->nops; i++)
	{
		const Op   *op = e->ops[i];

		if (is_forked(op->key))
			continue;
		if (!bit_test(&node->mem.seen[op->key], op->index))
			fail(op->key, "%s: entry %s#" INT64_FORMAT " is there in part", node->name,
				 w.ids[e->id].name, e->seq);
		if (!bits_subset(&op->context, &node->mem.seen[op->key]))
			fail(op->key, "%s: %s is there before what it had seen, %s", node->name, show_op(op),
				 show_op(w.ops[op->key][bits_first_missing(&op->context, &node->mem.seen[op->key])]));
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
		if ((r->live_set | r->tomb_set) & (1u << i))
			check_row(node, i);
	}
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

/* ---- horizons and S ---- */

/* It was told that all writes of id up to horizon are in entries up to seq. */
void
check_claim(int id, CvgStamp horizon, int64 seq, const char *who)
{
	Log		   *log = &w.history[id];
	int			i;
	int			j;

	if (w.lost_ids & (UINT64CONST(1) << id))
		return;
	for (i = log->n - 1; i >= 0 && log->rows[i].seq > seq; i--)
	{
		const Entry *e = log->rows[i].entry;

		for (j = 0; j < e->nops; j++)
		{
			if (e->ops[j]->id == id && e->ops[j]->stamp <= horizon)
				fail(e->ops[j]->key, "%s tells a horizon of %s that covers %s, and has entries up to "
					 INT64_FORMAT " only, not " INT64_FORMAT, who, w.ids[id].name,
					 show_op(e->ops[j]), seq, e->seq);
		}
	}
	/* before it finds that it was set back, a node may promise too much */
	if (seq <= MAX_LOG && (w.lost_ids & (UINT64CONST(1) << id)) == 0)
		w.claim_horizon[id][seq] = Max(w.claim_horizon[id][seq], horizon);
}

void
check_told_progress(Node *node, const int64 *progress)
{
	int			i;

	for (i = 0; i < w.nids; i++)
	{
		/* two reports in the making may overtake each other */
		if (i != node->mem.self)
			node->told_progress[i] = Max(node->told_progress[i], progress[i]);
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
	for (i = 0; i < MAX_NODES && !w.set_back; i++)
	{
		const Member *m = &node->shm.members[i];
		const Told *told = &w.nodes[i].told[(uint64) m->generation % NTOLD];

		if (!m->in_use || (m->flags & CVG_REPORT_FORGOTTEN) ||
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
			is_gone(other))
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
		for (i = 0; i < w.nops[k] && !is_forked(k); i++)
		{
			const Op   *op = w.ops[k][i];

			if (!bit_test(&w.valid[k], i) || bit_test(&node->stable_checked[k], i) ||
				op->stamp > node->shm.stable[op->id])
				continue;
			check_covered(node, op);
			bit_set(&node->stable_checked[k], i);
		}
	}
}

/* ---- the end ---- */

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

static Node *
first_node(void)
{
	int			i;

	for (i = 0; i < MAX_NODES; i++)
	{
		if (w.nodes[i].exists && !w.nodes[i].left)
			return &w.nodes[i];
	}
	return NULL;
}

/* Who lacks what, when all should be equal. */
void
fail_not_converged(int rounds)
{
	int			i;
	int			j;
	int			k;

	for (i = 0; i < MAX_NODES; i++)
	{
		Node	   *node = &w.nodes[i];

		if (!node->exists || node->left)
			continue;
		if (!node->running || !node->shm.ready)
			fail(-1, "%s is not up %d rounds after the last fault", node->name, rounds);
		for (j = 0; j < w.nids; j++)
		{
			for (k = 0; k < MAX_NODES; k++)
			{
				if (w.nodes[k].running && !w.nodes[k].left && w.ids[j].node != i &&
					node->mem.seq[j] < w.nodes[k].mem.seq[j])
					fail(-1, "%s has entries of %s up to " INT64_FORMAT ", %s up to " INT64_FORMAT
						 ", %d rounds after the last fault", node->name, w.ids[j].name,
						 node->mem.seq[j], w.nodes[k].name, w.nodes[k].mem.seq[j], rounds);
			}
		}
	}
	for (k = 0; k < w.cfg.nkeys; k++)
	{
		for (i = 0; i < MAX_NODES; i++)
		{
			Node	   *a = first_node();
			Node	   *b = &w.nodes[i];

			j = b->exists && !b->left ? bits_first_missing(&a->mem.seen[k], &b->mem.seen[k]) : -1;
			if (j >= 0)
				fail(k, "%s has %s of row %d, entry " INT64_FORMAT ", and %s does not, %d rounds after the last fault",
					 a->name, show_op(w.ops[k][j]), k, w.ops[k][j]->entry->seq, b->name, rounds);
			j = b->exists && !b->left ? bits_first_missing(&b->mem.seen[k], &a->mem.seen[k]) : -1;
			if (j >= 0)
				fail(k, "%s has %s of row %d, entry " INT64_FORMAT ", and %s does not, %d rounds after the last fault",
					 b->name, show_op(w.ops[k][j]), k, w.ops[k][j]->entry->seq, a->name, rounds);
		}
	}
	fail(-1, "not converged %d rounds after the last fault", rounds);
}

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

		if (!node->exists || node->left)
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
		const Row  *x = &a->mem.live[k];
		const Row  *y = &b->mem.live[k];

		if (is_forked(k))
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
check_nothing_lost(Node *node)
{
	int			k;
	int			i;

	for (k = 0; k < w.cfg.nkeys; k++)
	{
		for (i = 0; i < w.nops[k]; i++)
		{
			const Op   *op = w.ops[k][i];

			if (bit_test(&w.valid[k], i) && !bit_test(&node->mem.seen[k], i) &&
				(w.lost_ids & (UINT64CONST(1) << op->id)) == 0)
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
		if (node->mem.tomb[k].present && (has_dead_dot(&node->mem.tomb[k]) || is_forked(k)))
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
check_end(void)
{
	Node	   *first = first_node();
	int			i;

	for (i = 0; i < MAX_NODES && w.failure == NULL; i++)
	{
		Node	   *node = &w.nodes[i];

		if (!node->exists || node->left)
			continue;
		check_equal(first, node);
		check_nothing_lost(node);
		if (w.cfg.forget)
			check_forgotten(node);
	}
}

/*
 * Was a machine set back to a moment between two commits that are not in the
 * order of their seqs?  Then it lacks an entry before its last one, and whoever
 * has both sees no difference.
 */
bool
check_lost_in_gap(void)
{
	int			n;
	int			i;

	for (n = 0; n < MAX_NODES; n++)
	{
		const Node *node = &w.nodes[n];
		int			id = node->mem.self;

		if (!node->running || (w.lost_ids & (UINT64CONST(1) << id)) == 0)
			continue;
		for (i = 0; i < w.history[id].n; i++)
		{
			const LogRow *row = &w.history[id].rows[i];

			if (row->entry->told && row->seq > node->mem.floor[id] && row->seq < node->shm.last_seq &&
				log_find((Log *) &node->mem.log[id], row->seq) == NULL)
				return true;
		}
	}
	return false;
}

/* Were two entries told under one number? */
bool
check_told_twice(void)
{
	int			id;
	int			i;

	for (id = 0; id < w.nids; id++)
	{
		const Log  *log = &w.history[id];

		for (i = 1; i < log->n; i++)
		{
			if (log->rows[i].seq == log->rows[i - 1].seq && log->rows[i].entry->told &&
				log->rows[i - 1].entry->told)
				return true;
		}
	}
	return false;
}
