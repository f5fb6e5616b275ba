/*
 * aside.c: rows that are alive and cannot be visible: quarantine.c, and the
 * manager's sweep.
 *
 * In some runs a few rows exclude each other: no two of them may have the same
 * x, as if they were in one table with a unique index; and on one node some y
 * violate a CHECK.  A local write that would violate that fails, as it does in
 * the server; a row that comes from elsewhere is set aside.  What is set aside
 * is seen by apply only: a local transaction may use the key again.
 */
#include "sim.h"

#include "core/claims.h"

/* Concurrent local writes make us look again; not for ever. */
#define MAX_ATTEMPTS	10

typedef struct Claimant
{
	int			key;
	int			x;
	int			version;
} Claimant;

struct Recheck
{
	int			pc;
	int			attempt;
	int			settling;		/* key */
	bool		settled;
	RowWork    *row;
	int			n;
	CvgClaim	claims[MAX_KEYS * 2];
	Claimant	rows[MAX_KEYS * 2];
	int			nmoves;
	int			at;
	CvgClaim   *moves[MAX_KEYS * 2];
};

enum
{
	PC_ANY, PC_SETTLE, PC_COLLECT, PC_DECIDE, PC_MOVE, PC_BURIED
};

/* ---- what is set aside ---- */

const Aside *
txn_aside(Txn *t, int key)
{
	return t->aside_set & (1u << key) ? &t->aside[key] : &t->node->mem.aside[key];
}

static void
write_aside(Txn *t, int key, const Aside *row)
{
	if (t->node->aside_owner != t)
		fail(key, "%s: a row is set aside without the lock", t->node->name);
	if (t->aside == NULL)
		t->aside = sim_alloc(sizeof(Aside) * MAX_KEYS);
	t->aside[key] = *row;
	t->aside[key].row.version = ++t->node->version;
	t->aside_set |= 1u << key;
}

void
txn_set_aside(Txn *t, int key, const Row *row, const Bits *writes, const Bits *past)
{
	Aside		aside = {*row, *writes, *past};

	aside.row.present = true;
	write_aside(t, key, &aside);
	bits_join(&t->seen[key], writes);
	t->recheck = true;
	t->node->shm.aside++;
	COUNT(set_aside);
	TRACE("%s: sets aside %d: %s", t->node->name, key, show_row(key, row));
}

void
txn_take_aside(Txn *t, int key)
{
	Aside		none = {{0}};

	write_aside(t, key, &none);
}

LockResult
lock_aside(Txn *t)
{
	return lock_any(t, &t->node->aside_owner, true);
}

static bool
any_in_flight(Node *node)
{
	const Txn  *t;
	int			k;

	for (t = node->txns; t != NULL; t = t->next)
	{
		for (k = 0; t->aside_set != 0 && k < w.cfg.nkeys; k++)
		{
			if ((t->aside_set & (1u << k)) && t->aside[k].row.present)
				return true;
		}
	}
	return false;
}

static bool
any_committed(Node *node)
{
	int			k;

	for (k = 0; k < w.cfg.nkeys; k++)
	{
		if (node->mem.aside[k].row.present)
			return true;
	}
	return false;
}

/* May rows be set aside?  Who then takes the lock finds them. */
bool
any_aside(Txn *t)
{
	Node	   *node = t->node;

	if (w.cfg.rivals == 0)
		return false;
	if (!MUTANT(M_ASIDE_CACHED))
		return node->shm.aside != 0 && (any_committed(node) || any_in_flight(node));
	if (!t->aside_known)
		t->has_aside = any_committed(node);
	t->aside_known = true;
	return t->has_aside || t->aside_set != 0;
}

/* ---- the writes in each place ---- */

/* Of the writes applied here those that are not only in a row set aside. */
static Bits
seen_in_table(Bits seen, const Aside *aside, const Row *live, const Row *tomb)
{
	Bits		elsewhere = aside->writes;

	if (!aside->row.present)
		return seen;
	bits_remove(&elsewhere, &aside->past);
	if (live->present)
		bits_remove(&elsewhere, &live->over);
	if (tomb->present)
		bits_remove(&elsewhere, &tomb->over);
	bits_remove(&seen, &elsewhere);
	return seen;
}

Bits
table_seen(const Db *db, int key)
{
	return seen_in_table(db->seen[key], &db->aside[key], &db->live[key], &db->tomb[key]);
}

Bits
txn_table_seen(Txn *t, int key)
{
	return seen_in_table(txn_seen(t, key), txn_aside(t, key), txn_live(t, key), txn_tomb(t, key));
}

/*
 * What a local write has seen: not a row that is set aside, unless it is an
 * insert over it.
 */
Bits
local_seen(Txn *t, int key, char kind)
{
	const Aside *aside = txn_aside(t, key);
	Bits		seen = kind == 'I' && RIVAL(key) && t->over_grave ? t->saw : txn_table_seen(t, key);
	int			i;

	for (i = 0; i < w.nops[key] && aside->row.present; i++)
	{
		if (bit_test(&aside->writes, i) && !bit_test(&seen, i) && w.ops[key][i]->id == t->id)
			fail(key, "%s: a write of row %d does not see %s, which is set aside and of its own replica",
				 t->node->name, key, show_op(w.ops[key][i]));
	}
	return seen;
}

/* ---- who is in the way ---- */

bool
fails_check(const Node *node, int key, const Row *row)
{
	return RIVAL(key) && node->index == w.cfg.check_node && row->values[1] % 4 == 0;
}

/*
 * Is a visible row in the way of this one?  Waits for who writes such a row.
 * except: keys that do not count, as bits.
 */
LockResult
rival_of(Txn *t, int key, int x, uint32 except, int *rival)
{
	Node	   *node = t->node;
	int			k;

	*rival = -1;
	for (k = 0; k < w.cfg.nkeys; k++)
	{
		const Row  *row = txn_live(t, k);
		const Txn  *owner = node->row_owner[k];

		if (!RIVAL(k) || k == key || (except & (1u << k)))
			continue;
		if (owner != NULL && owner != t && (owner->live_set & (1u << k)) &&
			((row->present && row->values[0] == x) ||
			 (owner->live[k].present && owner->live[k].values[0] == x)))
		{
			LockResult	lock = lock_row(t, k, false);

			if (lock != LOCKED)
				return lock;
		}
		if (row->present && row->values[0] == x)
		{
			*rival = k;
			return LOCKED;
		}
	}
	return LOCKED;
}

/* Must the row not be visible? */
LockResult
violates(Txn *t, int key, const Row *row, const Row *old, bool *result)
{
	LockResult	lock;
	int			rival;

	*result = false;
	if (!RIVAL(key))
		return LOCKED;
	if (fails_check(t->node, key, row))
	{
		*result = true;
		return LOCKED;
	}
	if (old != NULL && old->values[0] == row->values[0])
		return LOCKED;
	lock = rival_of(t, key, row->values[0], 0, &rival);
	*result = rival >= 0;
	return lock;
}

/* ---- before commit: which rows are visible ---- */

static RowResult
wait_result(LockResult lock, int64 *delay)
{
	*delay = 100 + below(300);
	return lock == LOCK_WAIT ? ROW_AGAIN : ROW_FAILED;
}

static void
add_claim(Recheck *rc, Txn *t, int key, const Row *row, bool aside)
{
	CvgClaim   *claim = &rc->claims[rc->n];
	Claimant   *c = &rc->rows[rc->n++];
	uint32		unit = w.descs[key].columns[1].unit;

	memset(claim, 0, sizeof(*claim));
	c->key = key;
	c->x = row->values[0];
	c->version = row->version;
	claim->rank = MUTANT(M_RANK_OF_BIRTH) ? cvg_rowstate_birth(row->state) :
		cvg_claim_rank(row->state, &unit, 1);
	if (MUTANT(M_LAST_CLAIM))
		claim->rank.stamp = PG_INT64_MAX - claim->rank.stamp;
	claim->key = cvg_slice((const uint8 *) w.ids[key].name, 1);
	claim->aside = aside;
	claim->fails_check = fails_check(t->node, key, row);
	claim->row = c;
}

static RowResult again(Recheck *rc);

static RowResult
collect(Recheck *rc, Txn *t, int64 *delay)
{
	int			naside;
	int			i;
	int			k;
	uint32		found = 0;

	rc->n = 0;
	for (k = 0; k < w.cfg.nkeys; k++)
	{
		if (txn_aside(t, k)->row.present)
			add_claim(rc, t, k, &txn_aside(t, k)->row, true);
	}
	naside = rc->n;
	for (i = 0; i < naside; i++)
	{
		while (cvg_claim_contends(&rc->claims[i]))
		{
			int			rival;
			LockResult	lock = rival_of(t, -1, rc->rows[i].x, found, &rival);

			if (lock != LOCKED)
				return wait_result(lock, delay);
			if (rival < 0)
				break;
			if (!KEYLESS(rival) && txn_aside(t, rival)->row.present && !MUTANT(M_NEW_TWIN))
				return again(rc);	/* it has come since we looked */
			found |= 1u << rival;
			add_claim(rc, t, rival, txn_live(t, rival), false);
		}
	}
	rc->pc = PC_DECIDE;
	return ROW_AGAIN;
}

static bool
exclude(const CvgClaim *a, const CvgClaim *b, void *arg)
{
	return ((const Claimant *) a->row)->x == ((const Claimant *) b->row)->x;
}

static RowResult
again(Recheck *rc)
{
	COUNT(recollected);
	if (++rc->attempt >= MAX_ATTEMPTS)
		return ROW_FAILED;
	rc->pc = PC_SETTLE;
	rc->settling = 0;
	rc->settled = false;
	return ROW_AGAIN;
}

/* A key that was set aside, and used again by a local transaction. */
static RowResult
settle(Recheck *rc, Txn *t, int64 *delay)
{
	RowResult	result;

	if (rc->settling == 0 && rc->row == NULL)
		t->rivals_seen = t->node->rivals_changed;
	while (rc->row == NULL && rc->settling < w.cfg.nkeys &&
		   (KEYLESS(rc->settling) || !txn_aside(t, rc->settling)->row.present))
		rc->settling++;
	if (rc->settling == w.cfg.nkeys || MUTANT(M_NOT_SETTLED))
	{
		rc->settling = 0;
		rc->pc = rc->settled ? PC_SETTLE : PC_COLLECT;
		rc->settled = false;
		return ROW_AGAIN;
	}
	if (rc->row == NULL)
		rc->row = row_begin_settle(t, rc->settling);
	result = row_step(rc->row, delay);
	if (result != ROW_DONE)
		return result;
	rc->settled |= row_settled(rc->row);
	rc->row = NULL;
	rc->settling++;
	return ROW_AGAIN;
}

static RowResult
displace(Recheck *rc, Txn *t, const Claimant *c, int64 *delay)
{
	LockResult	lock = lock_row(t, c->key, false);
	Row			row = *txn_live(t, c->key);
	Row			none = {0};
	Bits		writes;
	Bits		past = {{0}};

	if (lock != LOCKED)
		return wait_result(lock, delay);
	if (!row.present || row.version != c->version)
		return again(rc);
	(void) lock_row(t, c->key, true);
	if (txn_aside(t, c->key)->row.present)
		fail(c->key, "%s: row %d is set aside twice", t->node->name, c->key);
	writes = txn_table_seen(t, c->key);
	txn_set_live(t, c->key, &none);
	txn_note_delete(t);
	txn_set_aside(t, c->key, &row, &writes, &past);
	COUNT(displaced);
	return ROW_DONE;
}

static RowResult
release(Recheck *rc, Txn *t, const Claimant *c, int64 *delay)
{
	LockResult	lock = lock_row(t, c->key, false);
	const Aside *aside = txn_aside(t, c->key);
	int			rival;

	if (lock == LOCKED && !txn_live(t, c->key)->present)
		lock = rival_of(t, c->key, c->x, 0, &rival);
	if (lock != LOCKED)
		return wait_result(lock, delay);
	if (txn_live(t, c->key)->present)
		return ROW_DONE;		/* the next change merges them */
	if (rival >= 0)
		return again(rc);
	(void) lock_row(t, c->key, true);
	txn_set_live(t, c->key, &aside->row);
	txn_take_aside(t, c->key);
	COUNT(released);
	TRACE("%s: makes visible %d: %s", t->node->name, c->key, show_row(c->key, txn_live(t, c->key)));
	rc->pc = PC_BURIED;
	return ROW_AGAIN;
}

/* The key is ours.  Has a local transaction used it, and buried the row, since it was settled? */
static RowResult
buried(Recheck *rc, Txn *t, int64 *delay)
{
	int			key = ((const Claimant *) rc->moves[rc->at]->row)->key;
	RowResult	result;

	if (rc->row == NULL)
	{
		LockResult	lock = lock_shelf(t, key, false);

		if (lock != LOCKED)
			return wait_result(lock, delay);
		if (KEYLESS(key) || !txn_tomb(t, key)->present || MUTANT(M_RELEASE_GRAVE))
		{
			rc->pc = PC_MOVE;
			rc->at++;
			return ROW_AGAIN;
		}
		(void) lock_shelf(t, key, true);
		rc->row = row_begin_bury(t, key);
	}
	result = row_step(rc->row, delay);
	if (result != ROW_DONE)
		return result;
	rc->row = NULL;
	return again(rc);
}

static RowResult
move(Recheck *rc, Txn *t, int64 *delay)
{
	RowResult	result;
	const CvgClaim *claim;

	if (rc->at == rc->nmoves)
	{
		t->recheck = false;
		return ROW_DONE;
	}
	claim = rc->moves[rc->at];
	result = (claim->aside ? release : displace) (rc, t, claim->row, delay);
	if (result != ROW_DONE)
		return result;
	rc->at++;
	return ROW_AGAIN;
}

RowResult
recheck_step(Txn *t, int64 *delay)
{
	Recheck    *rc = t->rc;
	LockResult	lock;

	*delay = 1 + below(100);
	if (rc == NULL)
	{
		t->rivals_seen = t->node->rivals_changed;
		if (!t->recheck || MUTANT(M_NO_RECHECK) || !any_aside(t))
			return ROW_DONE;
		rc = t->rc = sim_alloc(sizeof(Recheck));
		COUNT(rechecks);
	}
	switch (rc->pc)
	{
		case PC_ANY:
			lock = lock_aside(t);
			if (lock != LOCKED)
				return wait_result(lock, delay);
			rc->pc = PC_SETTLE;
			return ROW_AGAIN;
		case PC_SETTLE:
			return settle(rc, t, delay);
		case PC_COLLECT:
			return collect(rc, t, delay);
		case PC_DECIDE:
			cvg_claims_decide(rc->claims, rc->n, exclude, NULL);
			rc->nmoves = cvg_claims_moves(rc->claims, rc->n, rc->moves);
			rc->at = 0;
			rc->pc = PC_MOVE;
			return ROW_AGAIN;
		case PC_BURIED:
			return buried(rc, t, delay);
		default:
			return move(rc, t, delay);
	}
}

/* ---- the manager ---- */

/* A transaction that decides about what is set aside; NULL: nothing is. */
Txn *
begin_sweep(Node *node)
{
	Txn		   *t;

	if (w.cfg.rivals == 0 || MUTANT(M_NO_SWEEP) || !any_committed(node))
		return NULL;
	t = txn_begin(node, true);
	t->recheck = true;
	COUNT(sweeps);
	return t;
}

/* Read the number before looking: a row set aside meanwhile changes it. */
bool
nothing_aside(Node *node)
{
	return !any_committed(node) && !any_in_flight(node);
}
