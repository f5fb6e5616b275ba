/*
 * store.c: a model of PostgreSQL, as much of it as pg_converge stands on.
 *
 * A transaction sees what is committed and visible, and its own changes
 * above that (READ COMMITTED at every look; what runs under older snapshots
 * takes row locks anyway).  A key's row and its shelf row (tombstone) have a
 * lock each, held until the transaction's rows are visible.  A commit writes
 * its record, waits for the flush if it is synchronous, makes its rows
 * visible, runs the commit callbacks, and only then frees advisory locks:
 * each is an event of its own, so that others come between.  The order of
 * commit records and the order of visibility differ, as in the server.  A
 * crash keeps what was flushed: a prefix of the records.
 */
#include "sim.h"

/* Apply gives way after this long. */
#define APPLY_LOCK_TIMEOUT	(300 * MS)

/* ---- transactions ---- */

Txn *
txn_begin(Node *node, bool apply)
{
	Txn		   *t = sim_alloc(sizeof(Txn));

	t->node = node;
	t->apply = apply;
	t->next = node->txns;
	t->id = node->mem.self;
	memcpy(t->stable, node->shm.stable, sizeof(t->stable));
	node->txns = t;
	return t;
}

static void
unlink_txn(Txn *t)
{
	Txn		  **at = &t->node->txns;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	cvg_buf_free(&t->changes);
}

static void
release_rows(Txn *t)
{
	int			k;

	for (k = 0; k < w.cfg.nkeys; k++)
	{
		if (t->node->row_owner[k] == t)
			t->node->row_owner[k] = NULL;
		if (t->node->shelf_owner[k] == t)
			t->node->shelf_owner[k] = NULL;
	}
}

static void
release_origins(Txn *t)
{
	int			i;

	for (i = 0; i < w.nids; i++)
	{
		if (t->node->origin_owner[i] == t)
			t->node->origin_owner[i] = NULL;
	}
	if (t->node->aside_owner == t)
		t->node->aside_owner = NULL;
}

void
txn_note_delete(Txn *t)
{
	if (!t->deletes)
		t->node->shm.deleters++;
	t->deletes = true;
}

static void
end_deleter(Txn *t)
{
	if (!t->deletes)
		return;
	t->node->shm.deleters--;
	t->node->shm.deleted++;
	t->deletes = false;
}

void
txn_abort(Txn *t)
{
	Shm		   *shm = &t->node->shm;
	int			i;

	COUNT(aborts);
	check_rolled_back(t);
	t->seq = 0;
	if (t->pending_set)
	{
		for (i = 0; i < t->norigins; i++)
			shm->pending[t->origins[i].id] = shm->seq[t->origins[i].id];
		shm->progress_version++;
	}
	end_deleter(t);
	release_rows(t);
	release_origins(t);
	unlink_txn(t);
	broadcast(t->node);
}

const Row *
txn_live(Txn *t, int key)
{
	return t->live_set & (1u << key) ? &t->live[key] : &t->node->mem.live[key];
}

const Row *
txn_tomb(Txn *t, int key)
{
	return t->tomb_set & (1u << key) ? &t->tomb[key] : &t->node->mem.tomb[key];
}

void
txn_set_live(Txn *t, int key, const Row *row)
{
	if (t->node->row_owner[key] != t)
		fail(key, "%s: a row is written without its lock", t->node->name);
	t->live[key] = *row;
	t->live[key].version = ++t->node->version;
	t->live_set |= 1u << key;
}

void
txn_set_tomb(Txn *t, int key, const Row *row)
{
	if (t->node->shelf_owner[key] != t)
		fail(key, "%s: a tombstone is written without its lock", t->node->name);
	t->tomb[key] = *row;
	t->tomb[key].version = ++t->node->version;
	t->tomb_set |= 1u << key;
}

Bits
txn_seen(Txn *t, int key)
{
	Bits		seen = t->node->mem.seen[key];

	bits_join(&seen, &t->seen[key]);
	return seen;
}

/* ---- locks ---- */

static bool
is_cycle(Txn *t, Txn *owner)
{
	int			depth = 0;

	while (owner != NULL && depth++ < 100)
	{
		if (owner == t)
			return true;
		owner = owner->waits_for;
	}
	return false;
}

LockResult
lock_any(Txn *t, Txn **lock, bool take)
{
	if (*lock == NULL || *lock == t)
	{
		t->waits_for = NULL;
		t->waiting_since = 0;
		if (take)
			*lock = t;
		return LOCKED;
	}
	t->waits_for = *lock;
	if (t->waiting_since == 0)
		t->waiting_since = w.now;
	if (is_cycle(t, *lock))
	{
		/* apply gives way; of two clients, whoever comes last */
		if (t->apply || !(*lock)->apply)
		{
			COUNT(deadlocks);
			return LOCK_FAILED;
		}
	}
	if (t->apply && w.now - t->waiting_since > APPLY_LOCK_TIMEOUT)
	{
		COUNT(lock_timeouts);
		return LOCK_FAILED;
	}
	return LOCK_WAIT;
}

LockResult
lock_row(Txn *t, int key, bool take)
{
	return lock_any(t, &t->node->row_owner[key], take);
}

LockResult
lock_shelf(Txn *t, int key, bool take)
{
	return lock_any(t, &t->node->shelf_owner[key], take);
}

LockResult
lock_origin(Txn *t, int id, bool wait)
{
	Txn		   *owner = t->node->origin_owner[id];

	if (!wait && owner != NULL && owner != t)
		return LOCK_FAILED;
	return lock_any(t, &t->node->origin_owner[id], true);
}

/* ---- the log of commit records ---- */

Record *
new_record(Node *node)
{
	Record	   *r = sim_alloc(sizeof(Record));

	r->empty_segment = r->segment = -1;
	r->log_segment = node->mem.segment;
	return r;
}

void
append_record(Node *node, Record *r)
{
	r->lsn = ++node->lsn;
	*node->unflushed_end = r;
	node->unflushed_end = &r->next;
}

LogRow *
log_find(Log *log, int64 seq)
{
	int			i;

	for (i = log->n - 1; i >= 0 && log->rows[i].seq >= seq; i--)
	{
		if (log->rows[i].seq == seq)
			return &log->rows[i];
	}
	return NULL;
}

/* Entries may be committed out of order. */
void
log_add(Log *log, Entry *e, int64 prev, int segment)
{
	int			i = log->n++;

	if (log->n > log->max)
	{
		LogRow	   *grown = sim_alloc(sizeof(LogRow) * Max(16, log->max * 2));

		if (log->max > 0)
			memcpy(grown, log->rows, sizeof(LogRow) * log->max);
		log->rows = grown;
		log->max = Max(16, log->max * 2);
	}
	while (i > 0 && log->rows[i - 1].seq > e->seq)
	{
		log->rows[i] = log->rows[i - 1];
		i--;
	}
	log->rows[i].entry = e;
	log->rows[i].seq = e->seq;
	log->rows[i].prev = prev;
	log->rows[i].segment = segment;
}

void
db_copy(Db *to, const Db *from)
{
	int			i;

	*to = *from;
	for (i = 0; i < w.nids; i++)
	{
		Log		   *log = &to->log[i];

		log->rows = sim_alloc(sizeof(LogRow) * Max(log->n, 1));
		if (log->n > 0)
			memcpy(log->rows, from->log[i].rows, sizeof(LogRow) * log->n);
		log->max = Max(log->n, 1);
	}
}

static void
cut_segment(Db *db, const Record *r)
{
	int			i;
	int			j;

	for (i = 0; i < w.nids; i++)
	{
		Log		   *log = &db->log[i];
		int			kept = 0;

		db->floor[i] = Max(db->floor[i], r->floor[i]);
		for (j = 0; j < log->n; j++)
		{
			if (log->rows[j].segment != r->empty_segment)
				log->rows[kept++] = log->rows[j];
		}
		log->n = kept;
	}
}

static void
renew_db(Db *db, const Renewal *rn, int segment)
{
	Log		   *log = &db->log[rn->old_id];
	int			kept = 0;
	int			i;

	db->known[rn->new_id] = true;
	for (i = 0; i < log->n; i++)
	{
		if (log->rows[i].seq <= rn->certain)
			log->rows[kept++] = log->rows[i];
	}
	log->n = kept;
	for (i = 0; i < rn->nmoved; i++)
		log_add(&db->log[rn->new_id], rn->moved[i], 0, segment);

	/* the old one is an origin like any other */
	db->seq[rn->old_id] = db->floor[rn->old_id];
	if (kept > 0)
	{
		Entry	   *last = log->rows[kept - 1].entry;
		CvgEntryHeader header = entry_header(last);
		CvgBody		body;

		db->seq[rn->old_id] = Max(db->seq[rn->old_id], last->seq);
		db->stamp[rn->old_id] = last->stamp;
		if (cvg_sealed_body_decode(&header, last->body, &body, NULL) == CVG_OK)
			db->horizon[rn->old_id] = cvg_body_horizon(&body, last->stamp);
	}
	db->moved[rn->old_id] = Max(db->moved[rn->old_id], rn->moved_seq);
	db->self = rn->new_id;
	db->confirmed = 0;
	memset(db->named, 0, sizeof(db->named));
	db->ceiling = Max(db->ceiling, rn->ceiling);
	db->fingerprint = rn->fingerprint;
}

static void
apply_rows(Db *db, const Record *r)
{
	int			k;

	for (k = 0; k < w.cfg.nkeys; k++)
	{
		if (r->live_set & (1u << k))
			db->live[k] = r->live[k];
		if (r->tomb_set & (1u << k))
			db->tomb[k] = r->tomb[k];
		if (r->aside_set & (1u << k))
			db->aside[k] = r->aside[k];
		if (r->seen_set)
			bits_join(&db->seen[k], &r->seen[k]);
	}
}

void
apply_record(Db *db, const Record *r)
{
	int			i;

	apply_rows(db, r);
	for (i = 0; i < r->nentries; i++)
		log_add(&db->log[r->entries[i]->id], r->entries[i], r->prevs[i], r->log_segment);
	for (i = 0; i < r->nprogress; i++)
	{
		int			id = r->progress[i].id;

		CvgReached	now = {db->seq[id], db->stamp[id], db->horizon[id], db->named[id]};

		cvg_reached_publish(&now, &r->progress[i].reached);
		db->known[id] = true;
		db->seq[id] = now.seq;
		db->stamp[id] = now.stamp;
		db->horizon[id] = now.horizon;
		db->named[id] = now.own_seq;
	}
	for (i = 0; r->stable_set && i < w.nids; i++)
		db->stable[i] = Max(db->stable[i], r->stable[i]);
	if (r->ceiling != 0)
	{
		db->ceiling = r->ceiling;
		db->confirmed = r->confirmed;
		db->noted_at = r->noted_at;
	}
	for (i = 0; i < MAX_NODES; i++)
	{
		if (r->members_set & (1 << i))
		{
			/* a later incarnation is somebody new */
			if (db->member_id[i] != r->member_id[i])
				db->forgotten[i] = false;
			db->member[i] = true;
			db->member_id[i] = r->member_id[i];
			db->forgotten[i] |= (r->forgotten_set & (1 << i)) != 0;
		}
	}
	if (r->empty_segment >= 0)
		cut_segment(db, r);
	if (r->segment >= 0)
		db->segment = r->segment;
	if (r->renewal != NULL)
		renew_db(db, r->renewal, r->log_segment);
}

void
make_visible(Node *node, const Record *r)
{
	apply_record(&node->mem, r);
	check_record(node, r);
}

static void
end_flush(void *arg)
{
	Proc	   *p = arg;
	Node	   *node = p->node;

	if (p->epoch != node->epoch)
		return;					/* it crashed meanwhile */
	while (node->unflushed != NULL && node->unflushed->lsn <= node->flushing_to)
	{
		Record	   *r = node->unflushed;

		apply_record(&node->disk, r);
		node->unflushed = r->next;
		if (node->unflushed == NULL)
			node->unflushed_end = &node->unflushed;
		check_flushed(node, r);
		if (node->copying != NULL)
			look_for_gap(node);
	}
	node->flushed = node->flushing_to;
	node->flushing_to = 0;
}

/* Has the log been flushed to here?  If not, *delay is when to look again. */
bool
flush_wait(Node *node, int64 lsn, int64 *delay)
{
	if (node->flushed >= lsn)
		return true;
	if (node->flushing_to == 0)
	{
		Proc	   *p = new_proc(node, sizeof(Proc), NULL);
		int64		latency = around(node->disk_latency);

		/* what is written at once may end between any two records */
		node->flushing_to = chance(0.7) ? node->lsn :
			node->flushed + 1 + below((int) (node->lsn - node->flushed));
		node->flush_done_at = w.now + latency;
		at(latency, end_flush, p);
	}
	*delay = Max(node->flush_done_at - w.now, 0) + 1 + below(20);
	return false;
}

/* ---- commit ---- */

static void
fill_record(Txn *t, Record *r)
{
	int			i;

	r->live_set = t->live_set;
	r->tomb_set = t->tomb_set;
	memcpy(r->live, t->live, sizeof(r->live));
	memcpy(r->tomb, t->tomb, sizeof(r->tomb));
	memcpy(r->seen, t->seen, sizeof(r->seen));
	r->seen_set = true;
	r->aside_set = t->aside_set;
	r->aside = t->aside;
	r->rivals_seen = t->apply ? t->rivals_seen : -1;
	if (t->entry != NULL)
		r->entries[r->nentries++] = t->entry;
	for (i = 0; i < t->nentries; i++)
	{
		r->prevs[r->nentries] = t->prevs[i];
		r->entries[r->nentries++] = t->entries[i];
	}
	for (i = 0; i < t->norigins; i++)
	{
		r->progress[i].id = t->origins[i].id;
		r->progress[i].reached = t->origins[i].reached;
	}
	r->nprogress = t->norigins;
	if (t->stable_grew)
	{
		r->stable_set = true;
		memcpy(r->stable, t->stable, sizeof(r->stable));
	}
}

void
txn_commit_begin(Txn *t, bool sync)
{
	Record	   *r = new_record(t->node);

	t->sync = sync;
	t->stage = 1;
	t->record = r;
	fill_record(t, r);
	append_record(t->node, r);
	check_committed(t->node, t);
}

bool
txn_rows_visible(const Txn *t)
{
	return t->stage > 2;
}

/* The commit callbacks of xactlog.c and apply_progress.c. */
static void
publish(Txn *t)
{
	Shm		   *shm = &t->node->shm;
	int			i;

	if (t->entry != NULL)
	{
		shm->last_committed_seq = Max(shm->last_committed_seq, t->seq);
		shm->last_commit_lsn = Max(shm->last_commit_lsn, t->record->lsn);
		shm->deps_logged = Max(shm->deps_logged, t->deps_version);
		shm->stable_logged = Max(shm->stable_logged, t->stable_version);
		t->seq = 0;
	}
	if (t->apply)
	{
		for (i = 0; i < t->norigins; i++)
		{
			int			id = t->origins[i].id;

			CvgReached	now = {shm->seq[id], shm->stamp[id], shm->horizon[id], shm->confirmed_seq};

			cvg_reached_publish(&now, &t->origins[i].reached);
			if (now.seq < shm->seq[id])
				fail(-1, "%s: progress of %s goes back", t->node->name, w.ids[id].name);
			shm->seq[id] = shm->pending[id] = now.seq;
			shm->stamp[id] = now.stamp;
			shm->horizon[id] = now.horizon;
			shm->confirmed_seq = now.own_seq;
		}
		if (t->stable_grew)
		{
			for (i = 0; i < w.nids; i++)
				shm->stable[i] = Max(shm->stable[i], t->stable[i]);
			shm->stable_version++;
			COUNT(stable_by_entry);
			check_stable(t->node);
		}
		shm->apply_lsn = Max(shm->apply_lsn, t->record->lsn);
		shm->progress_version++;
	}
	t->first_stamp = 0;
	end_deleter(t);
	broadcast(t->node);
}

/* True when the transaction is over; else to be called again after *delay. */
bool
txn_commit_step(Txn *t, int64 *delay)
{
	*delay = 1 + below(60);
	switch (t->stage)
	{
		case 1:
			if (t->sync && !flush_wait(t->node, t->record->lsn, delay))
				return false;
			t->stage = 2;
			return false;
		case 2:
			make_visible(t->node, t->record);
			release_rows(t);
			t->stage = 3;
			return false;
		case 3:
			publish(t);
			t->stage = 4;
			return false;
		default:
			release_origins(t);
			unlink_txn(t);
			COUNT(commits);
			return true;
	}
}

/* ---- crash ---- */

void
crash(Node *node)
{
	Txn		   *t;
	Record	   *r;

	COUNT(crashes);
	for (r = node->unflushed; r != NULL; r = r->next)
		COUNT(records_lost);
	TRACE("%s CRASHES", node->name);
	check_crash(node);
	for (t = node->txns; t != NULL; t = t->next)
		cvg_buf_free(&t->changes);
	node->txns = NULL;
	node->epoch++;
	node->running = false;
	db_copy(&node->mem, &node->disk);
	node->lsn = node->flushed;
	node->flushing_to = 0;
	node->unflushed = NULL;
	node->unflushed_end = &node->unflushed;
	memset(node->row_owner, 0, sizeof(node->row_owner));
	memset(node->shelf_owner, 0, sizeof(node->shelf_owner));
	memset(node->origin_owner, 0, sizeof(node->origin_owner));
	node->aside_owner = NULL;
	memset(&node->shm, 0, sizeof(Shm));
	node->nwaiting = 0;
	node->manager = NULL;
	memset(node->receivers, 0, sizeof(node->receivers));
}
