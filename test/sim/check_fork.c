/*
 * check_fork.c: histories of which one replica id has two.
 *
 * A machine that is set back to a snapshot of itself does not know it, and may
 * write under its old id, with the old numbers and without what it had written
 * before, until a peer says that it has more.  Then there are two histories of
 * that id, and no clock tells them apart: a row that has writes of both, or is
 * built on both, need not be what the set of its writes makes of it, and an
 * entry may be taken for applied because of its number.
 *
 * So what was told of the lost past (TWIN_FORMER) and what is written before
 * the node has a new id (TWIN_GHOST) is marked, write by write.  They are
 * doubtful from when there are writes of both kinds, and other checks leave out
 * them, and rows in which two of them meet, and nothing else.
 */
#include "sim.h"

#define BIT(id)	(UINT64CONST(1) << (id))

static bool
log_has(const Log *log, const Entry *e)
{
	int			i;

	for (i = 0; i < log->n; i++)
	{
		if (log->rows[i].entry == e)
			return true;
	}
	return false;
}

/* ---- disks that are replaced ---- */

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

static void
mark(Entry *e, Twin twin)
{
	int			i;

	e->twin = twin;
	for (i = 0; i < e->nops; i++)
		e->ops[i]->twin = twin;
}

/* What was told and is not in the copy, the node will not know that it wrote. */
static void
mark_former(const Db *with)
{
	int			id = with->self;
	const Log  *own = &with->log[id];
	int64		last = own->n > 0 ? own->rows[own->n - 1].seq : with->floor[id];
	int			i;

	for (i = 0; i < w.history[id].n; i++)
	{
		Entry	   *e = w.history[id].rows[i].entry;

		if (e->seq <= with->floor[id] || log_has(own, e))
			continue;
		mark(e, TWIN_FORMER);
		w.former_ids |= BIT(id);
		/* whoever has what comes after it sees no difference */
		if (e->seq < last)
			w.forked_ids |= BIT(id);
	}
}

/* The disk is a copy from now on: what was never told and is not in it is gone. */
void
check_replaced(Node *node, Db *with, bool noticed)
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
	node->ghost_id = -1;
	if (noticed)
		return;
	node->ghost_id = with->self;
	mark_former(with);
}

/* The node writes an entry; perhaps it does not know that it was set back. */
void
note_ghost(Node *node, Entry *e)
{
	if (node->ghost_id != e->id)
		return;
	mark(e, TWIN_GHOST);
	w.forked_ids |= w.former_ids & BIT(e->id);
}

/* ---- what no clock tells apart ---- */

bool
is_doubtful(const Op *op)
{
	return op->twin != TWIN_NONE && (w.forked_ids & BIT(op->id)) != 0;
}

/* Two writes of one id, of which neither has seen the other. */
static bool
is_fork(const Op *a, const Op *b)
{
	return a != b && a->id == b->id && !bit_test(&a->context, b->index) &&
		!bit_test(&b->context, a->index);
}

/* These writes and what they had seen. */
static Bits
with_causes(int key, const Bits *set)
{
	Bits		all = *set;
	int			i;

	for (i = 0; i < w.nops[key]; i++)
	{
		if (bit_test(set, i))
			bits_join(&all, &w.ops[key][i]->context);
	}
	return all;
}

/* Do writes of both histories of an id meet in a row that these writes made? */
bool
is_confused(int key, const Bits *set)
{
	Bits		all;
	int			i;
	int			j;

	if (w.forked_ids == 0)
		return false;
	all = with_causes(key, set);
	for (i = 0; i < w.nops[key]; i++)
	{
		const Op   *op = w.ops[key][i];

		if (!bit_test(&all, i) || !is_doubtful(op))
			continue;
		if (!bit_test(set, i))
			return true;
		for (j = 0; j < i; j++)
		{
			if (bit_test(&all, j) && is_doubtful(w.ops[key][j]) && is_fork(op, w.ops[key][j]))
				return true;
		}
	}
	return false;
}

/*
 * Of a node that was set back without knowing it: right after a start its
 * stamps are ahead of the wall clock, by the lead of the ceiling, and it
 * draws those of its lost past again.
 */
bool
is_redrawn(const Op *op)
{
	int			i;

	for (i = 0; w.set_back && i < w.nops[op->key]; i++)
	{
		const Op   *other = w.ops[op->key][i];

		if (other != op && other->committed && other->id == op->id && other->stamp == op->stamp)
			return true;
	}
	return false;
}

bool
has_redrawn_dot(int key, const Bits *set)
{
	Bits		all;
	int			i;

	if (!w.set_back)
		return false;
	all = with_causes(key, set);
	for (i = 0; i < w.nops[key]; i++)
	{
		if (bit_test(&all, i) && is_redrawn(w.ops[key][i]))
			return true;
	}
	return false;
}
