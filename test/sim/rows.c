/*
 * rows.c: applying one change to one row, as apply_row.c does it: where is
 * the row, merge, put it where it belongs; start over when it has moved.
 */
#include "sim.h"

#define MAX_INPUTS	8
#define MAX_LOOKS	3
#define FROM_LOCAL		(-1)
#define FROM_NOWHERE	(-2)

typedef enum Place
{
	ROW_ABSENT, ROW_LIVE, ROW_TOMBSTONE, ROW_ASIDE
} Place;

typedef struct Input
{
	CvgSlice	state;
	int			carries;		/* columns, as bits */
	int			values[NCOLS];
	bool		whole;			/* the counter is whole, not a delta */
	bool		has_n;
	CvgSlice	n;
} Input;

enum
{
	PC_LOOK_ROW, PC_LOOK_SHELF, PC_LOOK_ASIDE, PC_MERGE, PC_MOVE, PC_SET_ASIDE, PC_LIVE_APPEARED, PC_BURIED
};

struct RowWork
{
	Txn		   *txn;
	int			pc;
	int			key;
	int			id;				/* origin of the entry */
	CvgStamp	dot;
	Op		   *op;
	CvgOp		kind;
	CvgStamp	back;
	int			ninputs;
	Input		inputs[MAX_INPUTS]; /* the change is the last */
	int			looks;
	bool		fetched;
	bool		dug_up;
	CvgStamp	forgotten[MAX_IDS]; /* S of whom the row was fetched from */
	uint32		deleters;
	uint32		deleted;
	Place		place;
	Row			local;
	bool		settling;		/* no change: what is set aside and what is in the table are one */
	bool		twin_taken;		/* what is set aside, or the tombstone to settle with, is among the inputs */
	Bits		taken;			/* writes in inputs other than the change */
	/* result of the merge */
	Row			merged;
	bool		alive;
	bool		incomplete;
	bool		n_unknown;
	CvgOrder	order;
};

static int
int_value(CvgValue v)
{
	return (int) (((uint32) v.bytes.data[0] << 24) | (v.bytes.data[1] << 16) |
				  (v.bytes.data[2] << 8) | v.bytes.data[3]);
}

CvgSlice
birth_of(CvgSlice state)
{
	static CvgBuf out;
	CvgDot		last;

	cvg_buf_reset(&out);
	if (!MUTANT(M_LAST_DOT))
	{
		cvg_rowstate_birth_bytes(state, &out);
		return sim_keep(cvg_buf_slice(&out));
	}
	last = cvg_rowstate_last_dot(state);
	cvg_put_slice(&out, last.replica);
	cvg_put_u64(&out, (uint64) last.stamp);
	return sim_keep(cvg_buf_slice(&out));
}

RowWork *
row_begin(Txn *t, const CvgChange *change, int key, int id, Op *op)
{
	RowWork    *rw = sim_alloc(sizeof(RowWork));
	Input	   *in = &rw->inputs[0];
	int			i;

	rw->txn = t;
	rw->key = key;
	rw->id = id;
	rw->op = op;
	rw->kind = change->op;
	rw->back = change->back;
	rw->dot = cvg_rowstate_latest(change->state, w.ids[id].slice);
	in->state = sim_keep(change->state);
	for (i = 0; i < change->ncolumns; i++)
	{
		if (change->cols[i] == 0)
			continue;
		if (change->cols[i] == NCOLS + 1)
		{
			in->has_n = true;
			in->n = sim_keep(change->values[i].bytes);
			continue;
		}
		in->carries |= 1 << (change->cols[i] - 1);
		in->values[change->cols[i] - 1] = int_value(change->values[i]);
	}
	in->whole = change->op == CVG_OP_INSERT;
	rw->ninputs = 1;
	return rw;
}

/* A change that writes nothing: what is to be merged comes in as an image. */
static RowWork *
begin_image(Txn *t, int key, CvgSlice state)
{
	RowWork    *rw = sim_alloc(sizeof(RowWork));

	rw->txn = t;
	rw->key = key;
	rw->id = t->id;
	rw->kind = CVG_OP_UPDATE;
	rw->inputs[0].state = state;
	rw->ninputs = 1;
	rw->settling = true;
	return rw;
}

RowWork *
row_begin_settle(Txn *t, int key)
{
	return begin_image(t, key, txn_aside(t, key)->row.state);
}

bool
row_settled(const RowWork *rw)
{
	return rw->twin_taken;
}

int
row_key(const RowWork *rw)
{
	return rw->key;
}

/* A further state of the row: merged before the change. */
static void
add_image(RowWork *rw, const Row *row)
{
	Input		change = rw->inputs[rw->ninputs - 1];
	Input	   *in = &rw->inputs[rw->ninputs - 1];

	if (rw->ninputs >= MAX_INPUTS)
	{
		fail(rw->key, "%s: a row is changed by too many at once", rw->txn->node->name);
		return;
	}
	in->state = row->state;
	in->carries = row->known;
	memcpy(in->values, row->values, sizeof(in->values));
	in->whole = true;
	in->has_n = row->n_known;
	in->n = row->n;
	rw->inputs[rw->ninputs++] = change;
}

RowWork *
row_begin_bury(Txn *t, int key)
{
	Row			none = {0};
	Row			grave = *txn_tomb(t, key);
	RowWork    *rw = begin_image(t, key, grave.state);

	add_image(rw, &grave);
	rw->twin_taken = true;
	txn_set_tomb(t, key, &none);
	return rw;
}

void
row_fetched(RowWork *rw, const Fetched *answer)
{
	int			i;

	rw->fetched = true;
	COUNT(fetched);
	for (i = 0; i < w.nids; i++)
		rw->forgotten[i] = Max(rw->forgotten[i], answer->stable[i]);
	if (answer->found == 0)
	{
		COUNT(fetched_nothing);
		return;
	}
	stamp_observe(rw->txn->node, cvg_rowstate_last_dot(answer->row.state).stamp);
	add_image(rw, &answer->row);
	bits_join(&rw->txn->seen[rw->key], &answer->seen);
	bits_join(&rw->taken, &answer->seen);
	rw->pc = PC_LOOK_ROW;
}

void
fetch_answer(Node *node, int key, Fetched *answer)
{
	memset(answer, 0, sizeof(*answer));
	memcpy(answer->stable, node->shm.stable, sizeof(answer->stable));
	if (node->mem.live[key].present)
	{
		answer->found = 1;
		answer->row = node->mem.live[key];
	}
	else if (node->mem.tomb[key].present &&
			 !state_stable(node->mem.tomb[key].state, node->shm.stable))
	{
		answer->found = 2;
		answer->row = node->mem.tomb[key];
	}
	else if (node->mem.aside[key].row.present)
	{
		answer->found = 1;
		answer->row = node->mem.aside[key].row;
		answer->seen = node->mem.aside[key].writes;
		return;
	}
	if (answer->found != 0)
		answer->seen = table_seen(&node->mem, key);
}

/* ---- where is it ---- */

static bool
is_forgotten(RowWork *rw, CvgSlice state)
{
	CvgStamp	stable[MAX_IDS];
	int			i;

	for (i = 0; i < w.nids; i++)
		stable[i] = Max(rw->txn->stable[i], rw->forgotten[i]);
	return state_stable(state, stable);
}

static RowResult
wait_result(LockResult lock, int64 *delay)
{
	*delay = 100 + below(300);
	return lock == LOCK_WAIT ? ROW_AGAIN : ROW_FAILED;
}

static RowResult
look_row(RowWork *rw, int64 *delay)
{
	Txn		   *t = rw->txn;
	LockResult	lock;

	rw->deleters = t->node->shm.deleters;
	rw->deleted = t->node->shm.deleted;
	lock = lock_row(t, rw->key, false);
	if (lock != LOCKED)
		return wait_result(lock, delay);
	rw->local = *txn_live(t, rw->key);
	rw->place = rw->local.present ? ROW_LIVE : ROW_ABSENT;
	rw->pc = rw->local.present ? PC_MERGE : PC_LOOK_SHELF;
	return ROW_AGAIN;
}

static RowResult
look_shelf(RowWork *rw, int64 *delay)
{
	Txn		   *t = rw->txn;
	LockResult	lock = lock_shelf(t, rw->key, false);
	const Row  *tomb = txn_tomb(t, rw->key);
	Row			none = {0};

	if (lock != LOCKED)
		return wait_result(lock, delay);
	rw->pc = RIVAL(rw->key) ? PC_LOOK_ASIDE : PC_MERGE;
	if (!tomb->present)
		return ROW_AGAIN;
	if (is_forgotten(rw, tomb->state))
	{
		(void) lock_shelf(t, rw->key, true);
		txn_set_tomb(t, rw->key, &none);
		COUNT(treated_absent);
		return ROW_AGAIN;
	}
	rw->pc = PC_MERGE;
	rw->place = ROW_TOMBSTONE;
	rw->local = *tomb;
	return ROW_AGAIN;
}

static RowResult
look_aside(RowWork *rw, int64 *delay)
{
	Txn		   *t = rw->txn;
	LockResult	lock = LOCKED;

	if (any_aside(t))
		lock = lock_aside(t);
	if (lock != LOCKED)
		return wait_result(lock, delay);
	rw->pc = PC_MERGE;
	if (any_aside(t) && txn_aside(t, rw->key)->row.present)
	{
		rw->place = ROW_ASIDE;
		rw->local = txn_aside(t, rw->key)->row;
	}
	return ROW_AGAIN;
}

/* A key that is set aside and is in the table again: one goes into the other. */
static LockResult
take_twin(RowWork *rw)
{
	Txn		   *t = rw->txn;
	LockResult	lock;

	if ((rw->place != ROW_LIVE && rw->place != ROW_TOMBSTONE) || rw->twin_taken || !any_aside(t))
		return LOCKED;
	lock = lock_aside(t);
	if (lock != LOCKED || !txn_aside(t, rw->key)->row.present)
		return lock;
	bits_join(&rw->taken, &txn_aside(t, rw->key)->writes);
	add_image(rw, &txn_aside(t, rw->key)->row);
	txn_take_aside(t, rw->key);
	rw->twin_taken = true;
	COUNT(settled);
	return LOCKED;
}

/* ---- merging ---- */

static void
merge_input(RowWork *rw, int number, CvgSlice *state, int *source)
{
	static CvgBuf out;
	Input	   *in = &rw->inputs[number];
	CvgDescriptor *desc = &w.descs[rw->key];
	bool		by_row = w.cfg.granularity[rw->key] == CVG_GRANULARITY_ROW;
	uint32		units[NCOLS];
	int			column[NCOLS];
	CvgSide		sides[NCOLS];
	int			n = by_row ? 1 : NCOLS;
	int			i;
	int			j;

	/* unit ids ascend */
	for (i = 0; i < n; i++)
	{
		for (j = i; j > 0 && units[j - 1] > desc->columns[i + 1].unit; j--)
		{
			units[j] = units[j - 1];
			column[j] = column[j - 1];
		}
		units[j] = desc->columns[i + 1].unit;
		column[j] = i;
	}
	cvg_buf_reset(&out);
	if (cvg_rowstate_merge(*state, in->state, units, n, sides, &rw->order, &out) != CVG_OK)
		fail(rw->key, "%s: states do not merge", rw->txn->node->name);
	for (i = 0; i < n; i++)
	{
		if (MUTANT(M_SIDE) && rw->order == CVG_CONCURRENT && (in->carries & (1 << column[i])))
			sides[i] = CVG_SIDE_B;
		if (sides[i] != CVG_SIDE_B)
			continue;
		for (j = by_row ? 0 : column[i]; j < (by_row ? NCOLS : column[i] + 1); j++)
			source[j] = in->carries & (1 << j) ? number : FROM_NOWHERE;
	}
	*state = sim_keep(cvg_buf_slice(&out));
}

CvgSlice
merge_counters(CvgSlice a, CvgSlice b)
{
	static CvgBuf out;

	if (a.len == 0 || b.len == 0)
		return a.len == 0 ? b : a;
	cvg_buf_reset(&out);
	if (cvg_crdt_merge(a, b, &out) != CVG_OK)
		fail(-1, "counters do not merge");
	return sim_keep(cvg_buf_slice(&out));
}

/* An input was merged into a row of this state. */
static void
fold_counter(RowWork *rw, const Input *in, CvgSlice before)
{
	Row		   *m = &rw->merged;
	bool		ahead = rw->order == CVG_AFTER || rw->order == CVG_EQUAL;

	if (in->whole)
	{
		if (m->n_known && in->has_n)
			m->n = merge_counters(m->n, in->n);
		else if (in->has_n && (rw->order == CVG_BEFORE || rw->order == CVG_EQUAL))
		{
			m->n = in->n;
			m->n_known = true;
		}
		else if (!(m->n_known && ahead))
			m->n_known = false;
		return;
	}
	if (ahead)
		return;
	if (!cvg_rowstate_has_base(before, in->state,
							   cvg_rowstate_writer(in->state, w.ids[rw->id].slice), rw->back))
	{
		COUNT(unknown_bases);
		m->n_known = false;
	}
	else if (in->has_n && m->n_known)
		m->n = merge_counters(m->n, in->n);
}

static void
merge(RowWork *rw)
{
	CvgSlice	state = rw->place == ROW_ABSENT ? cvg_slice(NULL, 0) : rw->local.state;
	int			source[NCOLS];
	int			i;

	for (i = 0; i < NCOLS; i++)
		source[i] = rw->place == ROW_ABSENT || (rw->local.known & (1 << i)) ? FROM_LOCAL : FROM_NOWHERE;
	memset(&rw->merged, 0, sizeof(Row));
	rw->merged.present = true;
	rw->merged.n_known = rw->place != ROW_TOMBSTONE || rw->local.n_known;
	rw->merged.n = rw->place != ROW_ABSENT ? rw->local.n : cvg_slice(NULL, 0);
	for (i = 0; i < rw->ninputs; i++)
	{
		CvgSlice	before = state;

		merge_input(rw, i, &state, source);
		if (w.cfg.counter[rw->key])
			fold_counter(rw, &rw->inputs[i], before);
	}
	if (rw->order == CVG_CONCURRENT)
		COUNT(concurrent);
	rw->merged.state = state;
	rw->n_unknown = w.cfg.counter[rw->key] && !rw->merged.n_known;
	rw->incomplete = rw->n_unknown;
	for (i = 0; i < NCOLS; i++)
	{
		if (source[i] == FROM_NOWHERE)
		{
			rw->incomplete = true;
			continue;
		}
		if (source[i] == FROM_LOCAL && rw->place == ROW_ABSENT)
			continue;
		rw->merged.known |= 1 << i;
		rw->merged.values[i] = source[i] == FROM_LOCAL ? rw->local.values[i] :
			rw->inputs[source[i]].values[i];
	}
	rw->alive = cvg_rowstate_alive(state, w.cfg.policy[rw->key]);
}

static RowResult
start_over(RowWork *rw)
{
	COUNT(retried);
	rw->pc = PC_LOOK_ROW;
	return ROW_AGAIN;
}

/* Entries that were moved have no dot of their origin. */
static bool
is_covered(RowWork *rw)
{
	CvgOrder	order;

	if (rw->dot != 0)
		return cvg_rowstate_latest(rw->local.state, w.ids[rw->id].slice) >= rw->dot;
	order = cvg_rowstate_compare(rw->inputs[rw->ninputs - 1].state, rw->local.state);
	return order == CVG_EQUAL || order == CVG_BEFORE;
}

static RowResult
merge_step(RowWork *rw, int64 *delay)
{
	LockResult	lock;

	if (rw->place != ROW_ABSENT && !rw->dug_up && !rw->settling && is_covered(rw))
	{
		COUNT(covered);
		return ROW_DONE;
	}
	lock = take_twin(rw);
	if (lock != LOCKED)
		return wait_result(lock, delay);
	if (rw->settling && !rw->twin_taken)
		return ROW_DONE;
	merge(rw);
	/* whoever inserts over a dead row goes on from its counter */
	if (rw->incomplete && (rw->alive || rw->n_unknown) && !rw->settling)
	{
		/* it may have moved from the shelf between our two looks */
		if (rw->place != ROW_LIVE && !rw->fetched && rw->looks++ < MAX_LOOKS && !MUTANT(M_LOOK_ONCE))
			return start_over(rw);
		if (!rw->fetched)
			return ROW_FETCH;
		if (rw->alive && rw->place != ROW_LIVE)
		{
			COUNT(gave_up);
			TRACE("%s: gives up on a change of %d", rw->txn->node->name, rw->key);
			return ROW_DONE;
		}
	}
	rw->pc = PC_MOVE;
	return ROW_AGAIN;
}

/* ---- moving ---- */

/* Writes that are in the merged row. */
static Bits
merged_writes(RowWork *rw)
{
	Bits		writes = rw->place == ROW_ASIDE ? txn_aside(rw->txn, rw->key)->writes :
		txn_table_seen(rw->txn, rw->key);

	bits_join(&writes, &rw->taken);
	if (rw->op != NULL)
		bit_set(&writes, rw->op->index);
	return writes;
}

/* Whoever had the lock may have set the row aside too, brought it back, or buried it. */
static bool
moved_meanwhile(RowWork *rw)
{
	const Row  *live = txn_live(rw->txn, rw->key);
	const Row  *tomb = txn_tomb(rw->txn, rw->key);

	if (txn_aside(rw->txn, rw->key)->row.present && !MUTANT(M_ASIDE_TWICE))
		return true;
	if (rw->place == ROW_LIVE)
		return !live->present || live->version != rw->local.version;
	if (live->present)
		return !MUTANT(M_ASIDE_BESIDE);
	if (rw->place == ROW_TOMBSTONE)
		return !MUTANT(M_ASIDE_GRAVE) && (!tomb->present || tomb->version != rw->local.version);
	return !MUTANT(M_ASIDE_GRAVE) && tomb->present;
}

static RowResult
set_aside(RowWork *rw, int64 *delay)
{
	Txn		   *t = rw->txn;
	Row			none = {0};
	Bits		writes;
	Bits		past = {{0}};
	LockResult	lock = lock_aside(t);

	if (lock == LOCKED)
		lock = lock_row(t, rw->key, false);
	if (lock == LOCKED)
		lock = lock_shelf(t, rw->key, false);
	if (lock != LOCKED)
		return wait_result(lock, delay);
	if (moved_meanwhile(rw))
		return start_over(rw);
	if (txn_aside(t, rw->key)->row.present)
		fail(rw->key, "%s: row %d is set aside twice", t->node->name, rw->key);
	txn_note_delete(t);
	writes = merged_writes(rw);
	if (rw->place == ROW_ABSENT)
	{
		past = txn_table_seen(t, rw->key);
		bits_remove(&past, &rw->taken);
	}
	if (rw->place == ROW_LIVE)
	{
		(void) lock_row(t, rw->key, true);
		txn_set_live(t, rw->key, &none);
	}
	if (rw->place == ROW_TOMBSTONE && txn_tomb(t, rw->key)->present &&
		txn_tomb(t, rw->key)->version == rw->local.version)
	{
		(void) lock_shelf(t, rw->key, true);
		txn_set_tomb(t, rw->key, &none);
	}
	txn_set_aside(t, rw->key, &rw->merged, &writes, &past);
	return ROW_DONE;
}

/* May the merged row be visible?  If not, it is set aside. */
static bool
is_refused(RowWork *rw, RowResult *result, int64 *delay)
{
	bool		refused;
	LockResult	lock = violates(rw->txn, rw->key, &rw->merged,
								rw->place == ROW_LIVE ? &rw->local : NULL, &refused);

	if (lock != LOCKED)
		*result = wait_result(lock, delay);
	else if (refused)
	{
		*result = ROW_AGAIN;
		rw->pc = PC_SET_ASIDE;
	}
	return lock != LOCKED || refused;
}

static RowResult
move_live(RowWork *rw, int64 *delay)
{
	Txn		   *t = rw->txn;
	Row			none = {0};
	LockResult	lock = lock_row(t, rw->key, false);
	RowResult	result;

	if (!rw->alive)
		txn_note_delete(t);
	if (lock != LOCKED)
		return wait_result(lock, delay);
	if (!txn_live(t, rw->key)->present ||
		txn_live(t, rw->key)->version != rw->local.version)
		return start_over(rw);
	if (rw->alive)
	{
		if (is_refused(rw, &result, delay))
			return result;
		(void) lock_row(t, rw->key, true);
		txn_set_live(t, rw->key, &rw->merged);
		return ROW_DONE;
	}
	lock = lock_shelf(t, rw->key, true);
	if (lock != LOCKED)
		return wait_result(lock, delay);
	(void) lock_row(t, rw->key, true);
	txn_set_live(t, rw->key, &none);
	txn_set_tomb(t, rw->key, &rw->merged);
	return ROW_DONE;
}

/* Dead, and of no live row that we know. */
static RowResult
shelve(RowWork *rw, int64 *delay)
{
	Txn		   *t = rw->txn;
	LockResult	lock;
	const Row  *tomb;

	txn_note_delete(t);
	lock = lock_shelf(t, rw->key, true);
	if (lock != LOCKED)
		return wait_result(lock, delay);
	tomb = txn_tomb(t, rw->key);
	if (rw->place == ROW_TOMBSTONE && (!tomb->present || tomb->version != rw->local.version))
		return start_over(rw);
	if (rw->place != ROW_TOMBSTONE && tomb->present)
		return start_over(rw);
	if (rw->place == ROW_ASIDE)
	{
		bits_join(&rw->taken, &txn_aside(t, rw->key)->writes);
		txn_take_aside(t, rw->key);
		t->recheck = true;
	}
	txn_set_tomb(t, rw->key, &rw->merged);
	rw->pc = PC_LIVE_APPEARED;
	return ROW_AGAIN;
}

static RowResult
live_appeared(RowWork *rw, int64 *delay)
{
	Txn		   *t = rw->txn;
	Row			none = {0};
	Row			mine;
	LockResult	lock = lock_row(t, rw->key, false);

	if (lock != LOCKED)
		return wait_result(lock, delay);
	if (!txn_live(t, rw->key)->present)
		return ROW_DONE;
	mine = *txn_tomb(t, rw->key);
	txn_set_tomb(t, rw->key, &none);
	add_image(rw, &mine);
	return start_over(rw);
}

static RowResult
bring_in(RowWork *rw, int64 *delay)
{
	Txn		   *t = rw->txn;
	Row			none = {0};
	LockResult	lock = lock_row(t, rw->key, false);
	RowResult	result;

	if (lock != LOCKED)
		return wait_result(lock, delay);
	if (txn_live(t, rw->key)->present)
		return start_over(rw);
	if (is_refused(rw, &result, delay))
		return result;
	if (rw->place == ROW_TOMBSTONE)
	{
		lock = lock_shelf(t, rw->key, true);
		if (lock != LOCKED)
			return wait_result(lock, delay);
		if (txn_tomb(t, rw->key)->present &&
			txn_tomb(t, rw->key)->version == rw->local.version)
			txn_set_tomb(t, rw->key, &none);
		COUNT(rows_resurrected);
	}
	(void) lock_row(t, rw->key, true);
	txn_set_live(t, rw->key, &rw->merged);
	rw->pc = PC_BURIED;
	return ROW_AGAIN;
}

static RowResult
buried(RowWork *rw, int64 *delay)
{
	Txn		   *t = rw->txn;
	Row			none = {0};
	Row			grave;
	LockResult	lock;

	if (KEYLESS(rw->key) && MUTANT(M_KEYLESS_GRAVE))
		return ROW_DONE;
	if (t->node->shm.deleted == rw->deleted &&
		t->node->shm.deleters <= (t->deletes ? 1 : 0))
		return ROW_DONE;
	lock = lock_shelf(t, rw->key, false);
	if (lock != LOCKED)
		return wait_result(lock, delay);
	grave = *txn_tomb(t, rw->key);
	if (!grave.present)
		return ROW_DONE;
	(void) lock_shelf(t, rw->key, true);
	txn_set_tomb(t, rw->key, &none);
	add_image(rw, &grave);
	rw->dug_up = true;
	return start_over(rw);
}

static RowResult
move_row(RowWork *rw, int64 *delay)
{
	Bits		writes;
	Bits		past;

	if (RIVAL(rw->key))
		rw->txn->recheck = true;
	if (rw->place == ROW_LIVE)
		return move_live(rw, delay);
	if (!rw->alive)
		return shelve(rw, delay);
	if (rw->place != ROW_ASIDE)
		return bring_in(rw, delay);
	/* it stays there until it is decided which rows are visible */
	writes = merged_writes(rw);
	past = txn_aside(rw->txn, rw->key)->past;
	txn_set_aside(rw->txn, rw->key, &rw->merged, &writes, &past);
	return ROW_DONE;
}

static RowResult
do_step(RowWork *rw, int64 *delay)
{
	*delay = 1 + below(2) * below(w.cfg.apply_pause);
	switch (rw->pc)
	{
		case PC_LOOK_ROW:
			return look_row(rw, delay);
		case PC_LOOK_SHELF:
			return look_shelf(rw, delay);
		case PC_MERGE:
			return merge_step(rw, delay);
		case PC_LOOK_ASIDE:
			return look_aside(rw, delay);
		case PC_MOVE:
			return move_row(rw, delay);
		case PC_SET_ASIDE:
			return set_aside(rw, delay);
		case PC_LIVE_APPEARED:
			return live_appeared(rw, delay);
		default:
			return buried(rw, delay);
	}
}

RowResult
row_step(RowWork *rw, int64 *delay)
{
	RowResult	result = do_step(rw, delay);

	if (result == ROW_DONE && rw->op != NULL)
		bit_set(&rw->txn->seen[rw->key], rw->op->index);
	return result;
}
