/*
 * local.c: clients and their transactions: capture.c and xactlog.c.
 *
 * A client writes some keys in one transaction, waits now and then in the
 * middle, commits or rolls back, and does the next.  UPDATE and DELETE lock
 * the row first and draw their stamps then.  INSERT looks for a tombstone,
 * draws its stamp, waits for the key, and looks again, each in a step of its
 * own.
 */
#include "sim.h"

typedef struct Client
{
	Proc		proc;
	Txn		   *txn;
	int			nstatements;
	int			statement;
	char		kind;			/* I insert, P upsert, U update, D delete */
	int			key;
	int			columns;
	CvgSlice	state;			/* of the row to be inserted */
	CvgSlice	grave_n;		/* counter of the tombstone that it is inserted over */
	CvgStamp	stamp;
	int			amount;			/* added by the insert */
	Row			fresh;			/* what is to be written */
	bool		made;			/* that */
	bool		sync;
	bool		rolls_back;
	CvgBody		body;
	int64		needs[MAX_IDS]; /* visible after the last statement */
} Client;

enum
{
	PC_IDLE, PC_BEGIN, PC_STATEMENT, PC_LOCK, PC_BEFORE_INSERT, PC_INSERT, PC_AFTER_INSERT,
	PC_END, PC_TAKE_SEQ, PC_TOOK_SEQ, PC_COMMIT
};

/* ---- stamps and states ---- */

static CvgStamp
draw(Txn *t)
{
	if (t->first_stamp == 0)
		t->first_stamp = t->node->shm.hlc + 1;
	t->last_stamp = stamp_draw(t->node);
	return t->last_stamp;
}

static CvgStatus
write_once(Txn *t, char kind, int key, CvgSlice old, int columns, CvgStamp stamp, CvgBuf *out)
{
	CvgSlice	self = w.ids[t->id].slice;
	CvgDescriptor *desc = &w.descs[key];
	uint32		units[NCOLS];
	int			n = 0;
	int			i;

	if (kind == 'I')
		return cvg_rowstate_insert(old, self, stamp, out);
	if (kind == 'D')
		return cvg_rowstate_delete(old, self, stamp, out);
	for (i = 0; i < NCOLS; i++)
	{
		uint32		unit = desc->columns[i + 1].unit;

		if ((columns & (1 << i)) != 0 && (n == 0 || units[n - 1] != unit))
			units[n++] = unit;
	}
	return cvg_rowstate_update(old, self, stamp, units, n, out);
}

/* The state after a local write with a fresh stamp. */
static CvgSlice
write_state(Txn *t, char kind, int key, CvgSlice old, int columns, CvgStamp *stamp)
{
	static CvgBuf out;
	CvgStatus	status;

	cvg_buf_reset(&out);
	*stamp = draw(t);
	status = write_once(t, kind, key, old, columns, *stamp, &out);
	if (status == CVG_E_FORBIDDEN)
	{
		stamp_observe(t->node, cvg_rowstate_last_dot(old).stamp);
		*stamp = draw(t);
		cvg_buf_reset(&out);
		status = write_once(t, kind, key, old, columns, *stamp, &out);
	}
	if (status != CVG_OK)
		fail(key, "%s: a local write is refused: %s", t->node->name, cvg_status_message(status));
	return sim_keep(cvg_buf_slice(&out));
}

/* ---- counters ---- */

/* What a counter comes to when something is added; anew: the row was deleted. */
static CvgSlice
add_to_counter(Txn *t, CvgSlice n, bool anew, int amount)
{
	CvgBuf		start;
	CvgBuf		out;
	CvgSlice	result;

	cvg_buf_init(&start);
	cvg_buf_init(&out);
	if (n.len == 0 || (anew && MUTANT(M_COUNTER_ANEW)))
		cvg_crdt_bottom(&cvg_pncounter_ops, &start);
	else if (!anew)
		cvg_put_bytes(&start, n.data, n.len);
	else if (cvg_crdt_reset(n, &start) != CVG_OK)
		fail(-1, "%s: a counter cannot be reset", t->node->name);
	if (n.len > 0)
		stamp_observe(t->node, cvg_crdt_latest(n));
	if (cvg_counter_add(cvg_buf_slice(&start), w.ids[t->id].slice, draw(t), amount, &out) != CVG_OK)
		fail(-1, "%s: nothing can be added to a counter", t->node->name);
	result = sim_keep(cvg_buf_slice(&out));
	cvg_buf_free(&start);
	cvg_buf_free(&out);
	return result;
}

/* ---- changes ---- */

static void
put_int(CvgBuf *out, int value)
{
	uint8		bytes[4] = {value >> 24, value >> 16, value >> 8, value};

	cvg_put_value(out, CVG_VALUE_BINARY, bytes, 4);
}

/* The whole value, or what was added to it. */
static void
put_counter(CvgBuf *out, char kind, const Row *old, const Row *row)
{
	CvgBuf		delta;

	cvg_put_varint(out, NCOLS + 1);
	if (kind == 'I' || old->n.len == 0)
	{
		cvg_put_value(out, CVG_VALUE_BINARY, row->n.data, row->n.len);
		return;
	}
	cvg_buf_init(&delta);
	if (cvg_crdt_delta(old->n, row->n, &delta) != CVG_OK)
		fail(-1, "a counter has no delta");
	cvg_put_value(out, CVG_VALUE_BINARY, delta.data, delta.len);
	cvg_buf_free(&delta);
	COUNT(deltas);
}

/* Append the change, and tell the checks. */
static void
capture(Txn *t, char kind, int key, const Row *old, const Row *row, CvgStamp stamp, int columns,
		int amount)
{
	CvgBuf	   *out = &t->changes;
	size_t		start;
	int			n = amount != 0;
	int			i;

	for (i = 0; i < NCOLS; i++)
		n += (columns >> i) & 1;
	start = cvg_change_start(out, kind, Min(key, w.cfg.keyless), row->state);
	if (!KEYLESS(key))
		put_int(out, key);
	else if (kind == 'I')
		w.births[key] = birth_of(row->state);
	counters.keyless_changes += KEYLESS(key);
	if (kind != 'I' && w.cfg.counter[key])
		cvg_change_back(out, stamp, cvg_rowstate_latest(old->state, w.ids[t->id].slice));
	cvg_change_columns(out, kind == 'I' ? n + 1 : n);
	if (kind == 'I')
	{
		cvg_put_varint(out, 0);
		put_int(out, key);
	}
	for (i = 0; i < NCOLS; i++)
	{
		if ((columns & (1 << i)) == 0)
			continue;
		cvg_put_varint(out, i + 1);
		put_int(out, row->values[i]);
	}
	if (amount != 0)
		put_counter(out, kind, old, row);
	cvg_change_finish(out, start);
	t->ops[t->nchanges++] = check_new_op(t, kind, key, stamp, columns, row, amount);
}

static void
new_values(Row *row, int key, int columns)
{
	int			i;

	for (i = 0; i < NCOLS; i++)
	{
		if (columns & (1 << i))
			row->values[i] = i == 0 && RIVAL(key) ? 1 + below(w.cfg.claims) : ++w.next_value;
	}
	row->known |= columns;
}

#define ALL_COLUMNS	((1 << NCOLS) - 1)

/* By row: all columns belong to one unit, so all of them travel. */
static int
columns_to_log(int key, int columns)
{
	return w.cfg.granularity[key] == CVG_GRANULARITY_ROW ? ALL_COLUMNS : columns;
}

/* ---- UPDATE and DELETE: the row is ours ---- */

static void
do_update(Client *c)
{
	Txn		   *t = c->txn;
	Row			old = *txn_live(t, c->key);
	Row			row = c->fresh;
	CvgStamp	stamp;
	int			amount = w.cfg.counter[c->key] && chance(0.6) ? 1 + below(9) : 0;

	if (amount != 0)
		row.n = add_to_counter(t, row.n, false, amount);
	row.state = write_state(t, KEYLESS(c->key) && MUTANT(M_NEW_BIRTH) ? 'I' : 'U', c->key, row.state,
							c->columns, &stamp);
	txn_set_live(t, c->key, &row);
	capture(t, 'U', c->key, &old, &row, stamp, columns_to_log(c->key, c->columns), amount);
	COUNT(updates);
	TRACE("%s: UPDATE %d -> %s", t->node->name, c->key, show_row(c->key, &row));
}

static void
do_delete(Client *c)
{
	Txn		   *t = c->txn;
	Row			old = *txn_live(t, c->key);
	Row			row = old;
	Row			none = {0};
	CvgStamp	stamp;

	row.state = write_state(t, 'D', c->key, row.state, 0, &stamp);
	txn_note_delete(t);
	txn_set_live(t, c->key, &none);
	if (txn_tomb(t, c->key)->present)
		fail(c->key, "%s: a live row has a tombstone beside it", t->node->name);
	txn_set_tomb(t, c->key, &row);
	capture(t, 'D', c->key, &old, &row, stamp, 0, 0);
	COUNT(deletes);
	TRACE("%s: DELETE %d -> %s", t->node->name, c->key, show_row(c->key, &row));
}

/* ---- INSERT ---- */

/* The tombstone that still counts; drops one that does not. */
static LockResult
find_tombstone(Txn *t, int key, CvgSlice *state, CvgSlice *counter)
{
	LockResult	lock = lock_shelf(t, key, false);
	const Row  *tomb = txn_tomb(t, key);
	Row			none = {0};

	*state = *counter = cvg_slice(NULL, 0);
	if (lock != LOCKED || !tomb->present)
		return lock;
	if (!state_stable(tomb->state, t->node->shm.stable))
	{
		*state = tomb->state;
		*counter = tomb->n;
		return LOCKED;
	}
	COUNT(treated_absent);
	TRACE("%s: finds the tombstone of %d forgotten", t->node->name, key);
	(void) lock_shelf(t, key, true);
	txn_set_tomb(t, key, &none);
	return LOCKED;
}

static LockResult
before_insert(Client *c)
{
	Txn		   *t = c->txn;
	CvgSlice	old;
	LockResult	lock;

	if (!t->looked)
	{
		t->deleters_seen = t->node->shm.deleters;
		t->deleted_seen = t->node->shm.deleted;
		t->looked = true;
	}
	old = c->grave_n = cvg_slice(NULL, 0);
	/* a new row has a new birth */
	lock = KEYLESS(c->key) ? LOCKED : find_tombstone(t, c->key, &old, &c->grave_n);
	if (lock != LOCKED)
		return lock;
	if (old.len > 0)
		COUNT(over_tombstone);
	t->over_grave = old.len > 0;
	t->saw = txn_table_seen(t, c->key);
	c->state = write_state(t, 'I', c->key, old, 0, &c->stamp);
	return LOCKED;
}

static bool
delete_possible(Txn *t)
{
	return t->node->shm.deleters != 0 || t->deleters_seen != 0 ||
		t->deleted_seen != t->node->shm.deleted;
}

/* See settle_aside() in capture.c: the row is in its table, and a row of its key set aside. */
static void
insert_over_aside(Client *c, Row *row)
{
	static CvgBuf both;
	Txn		   *t = c->txn;
	const Aside *aside = txn_aside(t, c->key);
	CvgOrder	order;

	cvg_buf_reset(&both);
	if (cvg_rowstate_merge(row->state, aside->row.state, NULL, 0, NULL, &order, &both) != CVG_OK)
		fail(c->key, "%s: states do not merge", t->node->name);
	if (c->amount != 0)
		row->n = add_to_counter(t, merge_counters(row->n, aside->row.n), true, c->amount);
	t->over_grave = true;
	t->saw = txn_seen(t, c->key);
	row->over = aside->writes;
	row->state = write_state(t, 'I', c->key, sim_keep(cvg_buf_slice(&both)), 0, &c->stamp);
	COUNT(over_aside);
}

/* Is another transaction setting this row aside, or changing it there? */
static bool
changes_aside(const Txn *owner, const Txn *t, int key)
{
	return owner != NULL && owner != t && (owner->aside_set & (1u << key)) != 0 &&
		!MUTANT(M_BLIND_INSERT);
}

/* The row is in: what it does not know of goes into it now. */
static LockResult
after_insert(Client *c)
{
	Txn		   *t = c->txn;
	Row			row = *txn_live(t, c->key);
	Row			none = {0};
	CvgSlice	grave;
	CvgSlice	counter;

	if ((cvg_rowstate_ever_deleted(row.state) || delete_possible(t)) &&
		!MUTANT(M_NO_SECOND_LOOK) && !KEYLESS(c->key))
	{
		LockResult	lock = find_tombstone(t, c->key, &grave, &counter);

		if (lock != LOCKED)
			return lock;
		if (grave.len > 0)
		{
			if (lock_shelf(t, c->key, true) != LOCKED)
				return LOCK_WAIT;
			txn_set_tomb(t, c->key, &none);
			if (cvg_rowstate_compare(grave, row.state) != CVG_BEFORE)
			{
				COUNT(restamped);
				if (c->amount != 0)
					row.n = add_to_counter(t, counter, true, c->amount);
				t->over_grave = true;
				t->saw = txn_table_seen(t, c->key);
				row.state = write_state(t, 'I', c->key, grave, 0, &c->stamp);
				txn_set_live(t, c->key, &row);
			}
		}
	}
	if (!KEYLESS(c->key) && changes_aside(t->node->aside_owner, t, c->key))
		return lock_any(t, &t->node->aside_owner, false);
	if (!KEYLESS(c->key) && any_aside(t) && txn_aside(t, c->key)->row.present && !MUTANT(M_BLIND_INSERT))
	{
		insert_over_aside(c, &row);
		txn_set_live(t, c->key, &row);
	}
	capture(t, 'I', c->key, NULL, &row, c->stamp, ALL_COLUMNS, c->amount);
	COUNT(inserts);
	TRACE("%s: INSERT %d -> %s", t->node->name, c->key, show_row(c->key, &row));
	return LOCKED;
}

/* ---- the transaction ---- */

static void
end_client_xact(Client *c, int64 delay)
{
	c->txn = NULL;
	c->proc.pc = PC_IDLE;
	schedule(&c->proc, delay + around(w.cfg.think));
}

static void
roll_back(Client *c)
{
	TRACE("%s: rolls back", c->txn->node->name);
	txn_abort(c->txn);
	end_client_xact(c, 1);
}

static void
begin_xact(Client *c)
{
	Node	   *node = c->proc.node;

	if (w.quiet || w.xacts_left <= 0)
	{
		c->proc.dead = true;
		return;
	}
	if (!node->shm.ready || !may_write(node))
	{
		schedule(&c->proc, around(50 * MS));
		return;
	}
	w.xacts_left--;
	COUNT(xacts);
	c->txn = txn_begin(node, false);
	c->nstatements = 1 + below(3) * below(2);
	c->statement = 0;
	c->sync = !(w.cfg.faults & (1u << F_ASYNC)) || chance(0.7);
	c->rolls_back = (w.cfg.faults & (1u << F_ABORT)) && chance(0.1);
	c->proc.pc = PC_STATEMENT;
	schedule(&c->proc, 1 + below(50));
}

/* Rows of a table without a key are all different: the next one, or none is left. */
static void
choose_keyless(Client *c)
{
	int			i;

	if (!KEYLESS(c->key) || (c->kind != 'I' && c->kind != 'P'))
		return;
	for (i = w.cfg.keyless; i < w.cfg.nkeys && w.taken[i];)
		i++;
	c->kind = i < w.cfg.nkeys ? 'I' : 'U';
	if (c->kind == 'U')
		return;
	c->key = i;
	w.taken[i] = true;
}

static void
begin_statement(Client *c)
{
	int64		delay = 1 + below(100);

	if (c->statement == c->nstatements)
	{
		c->proc.pc = PC_END;
		schedule(&c->proc, delay);
		return;
	}
	if (c->statement > 0 && (w.cfg.faults & (1u << F_LONG_XACT)) && chance(0.1))
	{
		delay = Min(around(1 * SECOND), 3 * SECOND);
		COUNT(long_xacts);
	}
	c->statement++;
	c->key = below(w.cfg.nkeys);
	c->kind = w.cfg.hot ? "IPPPUDDD"[below(8)] : "IPPUUUDDD"[below(9)];
	c->columns = 1 + below(ALL_COLUMNS);
	c->made = false;
	choose_keyless(c);
	c->proc.pc = c->kind == 'I' || c->kind == 'P' ? PC_BEFORE_INSERT : PC_LOCK;
	schedule(&c->proc, delay);
}

/* What to do after a lock; true if we have it. */
static bool
have_lock(Client *c, LockResult lock)
{
	if (lock == LOCKED)
		return true;
	if (lock == LOCK_WAIT)
		schedule(&c->proc, 100 + below(400));
	else
		roll_back(c);
	return false;
}

static void
next_statement(Client *c)
{
	c->proc.pc = PC_STATEMENT;
	schedule(&c->proc, 1 + below(80));
}

/*
 * The row's values are chosen; may it be visible with them?  If not, the
 * statement or the whole transaction fails.
 */
static bool
is_admitted(Client *c, const Row *old)
{
	bool		refused;

	if (!have_lock(c, violates(c->txn, c->key, &c->fresh, old, &refused)))
		return false;
	c->made = false;
	if (!refused)
		return true;
	COUNT(refused);
	if (chance(0.3))
		roll_back(c);
	else
		next_statement(c);
	return false;
}

static void
lock_and_write(Client *c)
{
	Txn		   *t = c->txn;

	if (!have_lock(c, lock_row(t, c->key, false)))
		return;
	if (c->kind != 'D' && txn_live(t, c->key)->present)
	{
		(void) lock_row(t, c->key, true);
		if (!c->made)
		{
			c->fresh = *txn_live(t, c->key);
			new_values(&c->fresh, c->key, c->columns);
			c->made = true;
		}
		if (!is_admitted(c, txn_live(t, c->key)))
			return;
	}
	if (txn_live(t, c->key)->present)
	{
		/* the shelf has no lock of its own against inserts into it */
		if (c->kind == 'D' && !have_lock(c, lock_shelf(t, c->key, true)))
			return;
		(void) lock_row(t, c->key, true);
		if (c->kind == 'D')
			do_delete(c);
		else
			do_update(c);
	}
	next_statement(c);
}

static void
insert_row(Client *c)
{
	Txn		   *t = c->txn;
	Row			row;

	if (!have_lock(c, lock_row(t, c->key, false)))
		return;
	if (txn_live(t, c->key)->present)
	{
		/* the key is there */
		c->made = false;
		if (c->kind == 'P')
		{
			c->kind = 'U';
			c->proc.pc = PC_LOCK;
			lock_and_write(c);
		}
		else
			roll_back(c);
		return;
	}
	(void) lock_row(t, c->key, true);
	if (!c->made)
	{
		c->fresh = (Row) {.present = true, .state = c->state, .n_known = true};
		new_values(&c->fresh, c->key, ALL_COLUMNS);
		c->made = true;
	}
	if (!is_admitted(c, NULL))
		return;
	row = c->fresh;
	c->amount = w.cfg.counter[c->key] ? 1 + below(9) : 0;
	if (c->amount != 0)
		row.n = add_to_counter(t, c->grave_n, c->grave_n.len > 0, c->amount);
	txn_set_live(t, c->key, &row);
	c->proc.pc = PC_AFTER_INSERT;
	schedule(&c->proc, 1 + below(60));
}

/* ---- PRE_COMMIT ---- */

static void
take_seq(Client *c)
{
	Txn		   *t = c->txn;
	Node	   *node = t->node;
	Shm		   *shm = &node->shm;
	Entry	   *e = sim_alloc(sizeof(Entry));
	CvgStamp	horizon;

	if (!shm->ready || node->mem.self != t->id)
	{
		roll_back(c);
		return;
	}
	t->seq = ++shm->last_seq;
	if (shm->deps_logged >= t->deps_version)
		t->deps_version = 0;
	if (shm->stable_logged >= t->stable_version)
		t->stable_version = 0;
	memset(&c->body, 0, sizeof(c->body));
	horizon = entry_horizon(node);
	e->id = t->id;
	e->seq = t->seq;
	e->stamp = stamp_draw(node);
	c->body.horizon_lag = e->stamp - horizon;
	e->moved_from = -1;
	t->entry = e;
	c->proc.pc = PC_TOOK_SEQ;
	/* others may overtake it */
	schedule(&c->proc, 1 + below(100) + (chance(0.03) ? around(5 * MS) : 0));
}

static CvgSlice
dependencies(Node *node)
{
	int64		deps[MAX_IDS] = {0};
	int			i;

	for (i = 0; i < w.nids; i++)
	{
		if (i != node->mem.self)
			deps[i] = Max(node->shm.seq[i], node->shm.pending[i]);
	}
	return clock_bytes(deps);
}

static void
log_transaction(Client *c)
{
	Txn		   *t = c->txn;
	Entry	   *e = t->entry;
	uint64		hashes[MAX_KEYS];
	CvgEntryHeader header = entry_header(e);
	CvgBuf		bytes;
	int			i;

	if (t->deps_version != 0 && !MUTANT(M_NO_DEPS))
	{
		c->body.flags |= CVG_BODY_DEPS;
		c->body.deps = dependencies(t->node);
	}
	if (t->stable_version != 0 && !MUTANT(M_NO_S_IN_ENTRY))
	{
		c->body.flags |= CVG_BODY_STABLE;
		c->body.stable = clock_bytes(t->node->shm.stable);
	}
	for (i = 0; i < w.cfg.nkeys; i++)
		hashes[i] = w.descs[i].hash;
	c->body.ndescriptors = w.cfg.nkeys;
	c->body.nchanges = t->nchanges;
	c->body.changes = cvg_buf_slice(&t->changes);
	cvg_buf_init(&bytes);
	cvg_body_encode(&c->body, hashes, &bytes);
	cvg_body_seal(&bytes, &header);
	e->body = sim_keep(cvg_buf_slice(&bytes));
	cvg_buf_free(&bytes);
	e->nops = t->nchanges;
	for (i = 0; i < t->nchanges; i++)
	{
		e->ops[i] = t->ops[i];
		t->ops[i]->entry = e;
	}
	memcpy(e->needs, c->needs, sizeof(e->needs));
	e->needs[e->id] = 0;
	TRACE("%s: commits entry %s#" INT64_FORMAT "%s", t->node->name, w.ids[e->id].name, e->seq,
		  c->body.flags & CVG_BODY_STABLE ? " with S" : "");
	txn_commit_begin(t, c->sync);
	c->proc.pc = PC_COMMIT;
	schedule(&c->proc, 1 + below(60));
}

static void
end_xact(Client *c)
{
	if (c->rolls_back && chance(0.5))
		roll_back(c);
	else if (c->txn->nchanges == 0)
	{
		/* a read, or a look at a tombstone that was forgotten */
		txn_commit_begin(c->txn, false);
		c->proc.pc = PC_COMMIT;
		schedule(&c->proc, 1);
	}
	else
	{
		c->txn->deps_version = c->proc.node->shm.progress_version;
		c->txn->stable_version = c->proc.node->shm.stable_version;
		memcpy(c->needs, c->proc.node->mem.seq, sizeof(c->needs));
		c->proc.pc = PC_TAKE_SEQ;
		schedule(&c->proc, 1 + below(30));
	}
}

static void
client_step(Proc *p)
{
	Client	   *c = (Client *) p;
	int64		delay;

	switch (p->pc)
	{
		case PC_IDLE:
			begin_xact(c);
			break;
		case PC_STATEMENT:
			begin_statement(c);
			break;
		case PC_LOCK:
			lock_and_write(c);
			break;
		case PC_BEFORE_INSERT:
			if (have_lock(c, before_insert(c)))
			{
				p->pc = PC_INSERT;
				schedule(p, 1 + below(200));
			}
			break;
		case PC_INSERT:
			insert_row(c);
			break;
		case PC_AFTER_INSERT:
			if (have_lock(c, after_insert(c)))
				next_statement(c);
			break;
		case PC_END:
			end_xact(c);
			break;
		case PC_TAKE_SEQ:
			take_seq(c);
			break;
		case PC_TOOK_SEQ:
			/* it may fail here too: the seq is a hole */
			if (c->rolls_back)
				roll_back(c);
			else
				log_transaction(c);
			break;
		case PC_COMMIT:
			if (txn_commit_step(c->txn, &delay))
				end_client_xact(c, delay);
			else
				schedule(p, delay);
			break;
	}
}

void
start_clients(Node *node)
{
	int			i;

	for (i = 0; i < w.cfg.nclients; i++)
		schedule(new_proc(node, sizeof(Client), client_step), around(w.cfg.think));
}
