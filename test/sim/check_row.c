/*
 * check_row.c: what a row must be.
 */
#include "sim.h"

bool
oracle(int key, const Bits *set, int *values, Op **last, Op **claim)
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
	*claim = best[0];
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
		if (!bit_test(set, i) || w.ops[key][i]->kind != 'I')
			continue;
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
	Bits		seen = table_seen(&node->mem, key);
	int64		expected = counter_oracle(key, &seen);
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

void
check_row(Node *node, int key)
{
	const Row  *live = &node->mem.live[key];
	const Row  *tomb = &node->mem.tomb[key];
	Bits		seen = table_seen(&node->mem, key);
	int			values[NCOLS];
	bool		alive;
	Op		   *last;
	Op		   *claim;

	if (is_confused(key, &node->mem.seen[key]))
	{
		COUNT(confused_rows);
		return;
	}
	COUNT(checks);
	alive = oracle(key, &seen, values, &last, &claim);
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

/* A row that is durable: what is only visible yet may be lost, dot and all. */
void
check_durable_row(Node *node, int key)
{
	static CvgBuf clock;
	const Row  *live = &node->disk.live[key];
	Bits		seen = table_seen(&node->disk, key);
	uint64		content;
	uint64		cause;

	if (!live->present || is_confused(key, &node->disk.seen[key]) ||
		has_redrawn_dot(key, &node->disk.seen[key]))
		return;
	content = hash_bytes(1, live->state.data, live->state.len);
	cause = hash_bytes(key + 2, &seen, sizeof(Bits)) | 1;
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
