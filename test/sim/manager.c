/*
 * manager.c: start of a node, its identity, and the housekeeping:
 * identity.c, manager.c, janitor.c.
 */
#include "sim.h"

#include "core/horizon.h"
#include "core/progress.h"

#define SEGMENT_ENTRIES	12

typedef struct Manager
{
	Proc		proc;
	Record	   *record;
	bool		sync;
	bool		appended;
	int			then;
	CvgStamp	stable[MAX_IDS];
	CvgStamp	own[MAX_IDS];
	Txn		   *txn;
	uint32		saved_members;
	uint32		saved_forgotten;
	uint64		saved_version;
	CvgStamp	turned_at;		/* the log went on in the next segment */
	uint64		aside;			/* Shm.aside before it looked */
	bool		started;
} Manager;

enum
{
	PC_LOAD, PC_COMMIT, PC_CEILING, PC_CEILING_DONE, PC_MEMBERS, PC_MEMBERS_DONE, PC_STABLE,
	PC_STABLE_DONE, PC_TOMBSTONES, PC_TOMBSTONES_COMMIT, PC_ASIDE, PC_ASIDE_DONE,
	PC_SWEEP, PC_SWEEP_COMMIT, PC_LOG, PC_LOG_DONE, PC_CLAIMS,
	PC_RENEW, PC_RENEWED, PC_SLEEP
};

static void
go(Manager *m, int pc, int64 delay)
{
	m->proc.pc = pc;
	schedule(&m->proc, delay);
}

/* Commit a record of our own, then go on at "then". */
static void
commit(Manager *m, Record *r, bool sync, int then)
{
	m->record = r;
	m->sync = sync;
	m->then = then;
	append_record(m->proc.node, r);
	go(m, PC_COMMIT, 1 + below(50));
}

static void
commit_step(Manager *m)
{
	int64		delay;

	if (m->sync && !flush_wait(m->proc.node, m->record->lsn, &delay))
	{
		schedule(&m->proc, delay);
		return;
	}
	make_visible(m->proc.node, m->record);
	go(m, m->then, 1 + below(50));
}

/* ---- identity ---- */

static CvgStamp
highest_stamp(const Db *db, CvgStamp last_own)
{
	CvgStamp	highest = MUTANT(M_NO_CEILING) ? last_own : Max(db->ceiling, last_own);
	int			i;

	for (i = 0; i < w.nids && !MUTANT(M_NO_CEILING); i++)
	{
		highest = Max(highest, db->stamp[i]);
		highest = Max(highest, db->horizon[i]);
		highest = Max(highest, db->stable[i]);
	}
	return highest;
}

static void
load_members(Node *node)
{
	int			i;

	for (i = 0; i < MAX_NODES; i++)
	{
		Member	   *m = &node->shm.members[i];

		if (w.peers[node->index][i] && !m->in_use)
		{
			m->in_use = true;
			m->id = w.id_of[i][0];
		}
		if (!node->mem.member[i])
			continue;
		if (!m->in_use)
		{
			m->in_use = true;
			m->id = node->mem.member_id[i];
		}
		if (node->mem.forgotten[i] && (m->flags & CVG_REPORT_FORGOTTEN) == 0 &&
			m->id == node->mem.member_id[i])
		{
			m->flags |= CVG_REPORT_FORGOTTEN;
			m->generation = Max(stamp_draw(node), m->generation + 1);
		}
	}
}

static void
publish_load(Node *node)
{
	Shm		   *shm = &node->shm;
	Db		   *db = &node->mem;
	Log		   *own = &db->log[db->self];
	CvgStamp	last_stamp = 0;

	shm->last_seq = db->floor[db->self];
	if (own->n > 0)
	{
		shm->last_seq = Max(shm->last_seq, own->rows[own->n - 1].seq);
		last_stamp = own->rows[own->n - 1].entry->stamp;
	}
	shm->last_committed_seq = shm->boot_seq = shm->last_seq;
	shm->claimed_seq = 0;
	shm->confirmed_seq = confirmed_on_disk(db);
	shm->boot_id = rnd() | 1;
	memcpy(shm->seq, db->seq, sizeof(shm->seq));
	memcpy(shm->pending, db->seq, sizeof(shm->pending));
	memcpy(shm->stamp, db->stamp, sizeof(shm->stamp));
	memcpy(shm->horizon, db->horizon, sizeof(shm->horizon));
	memcpy(shm->floor, db->floor, sizeof(shm->floor));
	memcpy(shm->stable, db->stable, sizeof(shm->stable));
	shm->ceiling = db->ceiling;
	stamp_observe(node, highest_stamp(db, last_stamp));
	shm->deps_logged = shm->stable_logged = 0;
	shm->progress_version++;
	shm->stable_version++;
	shm->ready = true;
	shm->renewing = false;
	shm->aside = w.cfg.rivals != 0;
}

static void
load(Manager *m)
{
	Node	   *node = m->proc.node;

	if (node->backup_boot != 0)
	{
		go(m, PC_RENEW, 1);
		return;
	}
	publish_load(node);
	check_stable(node);
	if (!m->started)
		start_clients(node);
	m->started = true;
	go(m, PC_CEILING, 1 + below(50));
}

/* ---- a new incarnation ---- */

static bool
any_receiver(Node *node)
{
	int			i;

	for (i = 0; i < MAX_NODES; i++)
	{
		if (node->receivers[i] != NULL)
			return true;
	}
	return false;
}

static bool
quiet_enough(Node *node)
{
	Txn		   *t;

	for (t = node->txns; t != NULL; t = t->next)
	{
		if (t->seq != 0 || t->apply)
			return false;
	}
	return true;
}

/* Up to where the log of the old incarnation is what others know. */
static int64
certain_seq(Node *node, bool past_lost)
{
	Db		   *db = &node->mem;
	Shm		   *shm = &node->shm;
	int64		confirmed = past_lost ? shm->confirmed_seq : confirmed_on_disk(db);

	if (past_lost ? MUTANT(M_BOOT_CUT) : MUTANT(M_GAP))
		confirmed = MAX_LOG;
	return cvg_past_certain(db->floor[db->self], confirmed, shm->boot_seq, past_lost);
}

/* An entry of the former self as one of the new; kept: the last that stays. */
static Entry *
move_entry(const Entry *old, int new_id, int64 kept, bool first, bool past_lost)
{
	static CvgBuf body;
	CvgEntryHeader header = entry_header(old);
	Entry	   *e = sim_alloc(sizeof(Entry));
	int			i;

	*e = *old;
	e->id = new_id;
	e->told = false;
	e->moved_from = old->moved_from >= 0 ? old->moved_from : old->id;
	e->needs[old->id] = kept;
	for (i = 0; i < e->nops; i++)
		e->ops[i]->entry = e;
	cvg_buf_reset(&body);
	if (cvg_sealed_body_move(&header, old->body, w.ids[new_id].slice, !past_lost,
							 first && !MUTANT(M_MOVED_DEPS) ? kept : 0, &body) != CVG_OK)
		fail(-1, "an entry cannot be moved");
	e->body = sim_keep(cvg_buf_slice(&body));
	COUNT(moved_entries);
	return e;
}

static void
fill_renewal(Node *node, Renewal *rn, bool past_lost)
{
	Log		   *log = &node->mem.log[node->mem.self];
	int64		kept = node->mem.floor[node->mem.self];
	int			i;

	rn->old_id = node->mem.self;
	rn->new_id = new_id(node->index);
	rn->certain = certain_seq(node, past_lost);
	rn->fingerprint = node->mem.fingerprint;
	rn->ceiling = Max(highest_stamp(&node->mem, 0), wall_clock(node));
	for (i = 0; i < log->n; i++)
	{
		Entry	   *e;

		if (log->rows[i].seq <= rn->certain)
		{
			kept = Max(kept, log->rows[i].seq);
			continue;
		}
		e = move_entry(log->rows[i].entry, rn->new_id, kept, rn->nmoved == 0, past_lost);
		rn->moved_seq = cvg_past_brought(e->seq, past_lost);
		rn->moved[rn->nmoved++] = e;
		log_add(&w.history[rn->new_id], e, 0, 0);
	}
}

static void
renew(Manager *m)
{
	Node	   *node = m->proc.node;
	bool		past_lost = node->shm.claimed_seq > 0;
	Record	   *r;

	node->shm.renewing = true;
	node->shm.ready = false;
	stop_receivers(node);
	if (!quiet_enough(node) || any_receiver(node))
	{
		schedule(&m->proc, 1 * MS);
		return;
	}
	COUNT(renewals);
	r = new_record(node);
	r->renewal = sim_alloc(sizeof(Renewal));
	fill_renewal(node, r->renewal, past_lost);
	TRACE("%s: goes on as %s", node->name, w.ids[r->renewal->new_id].name);
	commit(m, r, true, PC_RENEWED);
}

static void
renewed(Manager *m)
{
	Node	   *node = m->proc.node;

	node->backup_boot = 0;
	memset(node->told_progress, 0, sizeof(node->told_progress));
	go(m, PC_LOAD, 1);
}

/* ---- housekeeping ---- */

static void
extend_ceiling(Manager *m)
{
	Node	   *node = m->proc.node;
	CvgStamp	now = wall_clock(node);
	Record	   *r;

	load_members(node);
	if (cvg_ceiling_holds(node->shm.ceiling, node->shm.hlc, now, w.lead / 2))
	{
		go(m, PC_MEMBERS, 1);
		return;
	}
	r = new_record(node);
	r->confirmed = node->shm.confirmed_seq;
	r->noted_at = w.now;
	r->ceiling = cvg_next_ceiling(node->shm.hlc, now, w.lead * (below(2) ? LEAD_IDLE : 1));
	commit(m, r, true, PC_CEILING_DONE);
}

static void
tend_receivers(Node *node)
{
	int			i;

	for (i = 0; i < MAX_NODES; i++)
	{
		bool		wanted = w.peers[node->index][i];

		if (wanted && node->receivers[i] == NULL)
			start_receiver(node, i);
		else if (!wanted && node->receivers[i] != NULL)
			stop_receiver(node, i);
	}
}

static void
save_members(Manager *m)
{
	Node	   *node = m->proc.node;
	Record	   *r = new_record(node);
	uint32		forgotten = 0;
	int			i;

	tend_receivers(node);
	for (i = 0; i < MAX_NODES; i++)
	{
		Member	   *member = &node->shm.members[i];

		if (!member->in_use)
			continue;
		r->members_set |= 1 << i;
		r->member_id[i] = member->id;
		if (member->flags & CVG_REPORT_FORGOTTEN)
			r->forgotten_set |= 1 << i;
		forgotten += (member->id + 1) << 8;
	}
	forgotten += r->forgotten_set;
	if ((uint32) r->members_set == m->saved_members && forgotten == m->saved_forgotten)
	{
		go(m, PC_STABLE, 1);
		return;
	}
	m->saved_members = r->members_set;
	m->saved_forgotten = forgotten;
	commit(m, r, true, PC_STABLE);
}

static void
advance_stable(Manager *m)
{
	Node	   *node = m->proc.node;
	uint64		version = node->shm.stable_version;
	Record	   *r;

	if (!w.cfg.forget ||
		(!members_stable(node, m->stable) && version == m->saved_version))
	{
		go(m, PC_TOMBSTONES, 1);
		return;
	}
	r = new_record(node);
	r->stable_set = true;
	memcpy(r->stable, m->stable, sizeof(r->stable));
	m->saved_version = version;
	commit(m, r, false, PC_STABLE_DONE);
}

static void
publish_stable(Manager *m)
{
	Shm		   *shm = &m->proc.node->shm;
	bool		grew = false;
	int			i;

	for (i = 0; i < w.nids; i++)
	{
		grew |= m->stable[i] > shm->stable[i];
		shm->stable[i] = Max(shm->stable[i], m->stable[i]);
	}
	if (grew)
	{
		shm->stable_version++;
		COUNT(stable_grew);
		TRACE("%s: S = {%s}", m->proc.node->name, show_clock(shm->stable));
		check_stable(m->proc.node);
	}
	go(m, PC_TOMBSTONES, 1);
}

static void
drop_tombstones(Manager *m)
{
	Node	   *node = m->proc.node;
	Row			none = {0};
	int			k;

	m->txn = NULL;
	for (k = 0; k < w.cfg.nkeys; k++)
	{
		if (!node->mem.tomb[k].present || node->shelf_owner[k] != NULL ||
			!state_stable(node->mem.tomb[k].state, node->shm.stable))
			continue;
		if (m->txn == NULL)
			m->txn = txn_begin(node, false);
		(void) lock_shelf(m->txn, k, true);
		txn_set_tomb(m->txn, k, &none);
		COUNT(tombstones_dropped);
		TRACE("%s: drops the tombstone of %d", node->name, k);
	}
	if (m->txn == NULL)
	{
		go(m, w.cfg.rivals != 0 ? PC_ASIDE : PC_LOG, 1);
		return;
	}
	txn_commit_begin(m->txn, false);
	go(m, PC_TOMBSTONES_COMMIT, 1 + below(100));
}

/* Are there still rows set aside?  Not if another has been set aside meanwhile. */
static void
look_for_rows_aside(Manager *m)
{
	m->aside = m->proc.node->shm.aside;
	go(m, m->aside != 0 && nothing_aside(m->proc.node) ? PC_ASIDE_DONE : PC_SWEEP, 1 + below(50));
}

static void
sweep(Manager *m)
{
	m->txn = begin_sweep(m->proc.node);
	go(m, m->txn != NULL ? PC_SWEEP_COMMIT : PC_LOG, 1);
}

/* It gives way to who writes, and comes again. */
static void
sweep_step(Manager *m)
{
	RowResult	result = ROW_DONE;
	int64		delay;

	if (m->txn->stage == 0)
		result = recheck_step(m->txn, &delay);
	if (result == ROW_FAILED)
	{
		txn_abort(m->txn);
		go(m, PC_LOG, 1);
	}
	else if (result != ROW_DONE)
		schedule(&m->proc, delay);
	else if (m->txn->stage == 0)
	{
		txn_commit_begin(m->txn, false);
		schedule(&m->proc, 1 + below(60));
	}
	else if (txn_commit_step(m->txn, &delay))
		go(m, PC_LOG, 1);
	else
		schedule(&m->proc, delay);
}

/* What the next segment holds, per origin; has everybody all of it? */
static bool
may_empty(Node *node, int segment, CvgHeld *held)
{
	int			i;
	int			j;

	memset(held, 0, sizeof(CvgHeld) * MAX_IDS);
	for (i = 0; i < w.nids; i++)
	{
		Log		   *log = &node->mem.log[i];

		for (j = 0; j < log->n; j++)
		{
			if (log->rows[j].segment != segment)
				continue;
			held[i].last = log->rows[j].seq;
			held[i].stamp = log->rows[j].entry->stamp;
		}
		held[i].acknowledged = MUTANT(M_CUT_EARLY) ? PG_INT64_MAX : members_acknowledged(node, i);
	}
	/* whoever has not fetched it for so long has to join anew */
	return cvg_log_may_go(held, w.nids, w.hint_age > 0 ? wall_clock(node) - w.hint_age : 0, false);
}

/* Whoever still writes to the segment is waited for. */
static bool
is_written_to(Node *node, int segment)
{
	Txn		   *t;

	for (t = node->txns; t != NULL; t = t->next)
	{
		if (t->stage > 0 && !txn_rows_visible(t) && t->record->log_segment == segment)
			return true;
	}
	return false;
}

static bool
is_full(Node *node, int segment)
{
	int			n = 0;
	int			i;
	int			j;

	for (i = 0; i < w.nids; i++)
	{
		for (j = 0; j < node->mem.log[i].n; j++)
			n += node->mem.log[i].rows[j].segment == segment;
	}
	return n >= SEGMENT_ENTRIES;
}

static bool
may_turn(Manager *m)
{
	Node	   *node = m->proc.node;

	return (w.cfg.faults & (1u << F_CUT_LOG)) != 0 &&
		cvg_log_may_turn(&m->turned_at, wall_clock(node), w.log_turn) &&
		is_full(node, node->mem.segment);
}

static void
rotate_log(Manager *m)
{
	Node	   *node = m->proc.node;
	int			next = (node->mem.segment + 1) % NSEGMENTS;
	CvgHeld		held[MAX_IDS];
	Record	   *r;
	int			i;

	if (!may_turn(m) || is_written_to(node, next) || !may_empty(node, next, held))
	{
		go(m, PC_CLAIMS, 1);
		return;
	}
	r = new_record(node);
	r->empty_segment = r->segment = next;
	for (i = 0; i < w.nids; i++)
	{
		node->shm.floor[i] = Max(node->shm.floor[i], held[i].last);
		r->floor[i] = held[i].last;
	}
	COUNT(log_cuts);
	m->turned_at = wall_clock(node);
	commit(m, r, true, PC_CLAIMS);
}

static void
manager_step(Proc *p)
{
	Manager    *m = (Manager *) p;
	Node	   *node = p->node;
	int64		delay;

	switch (p->pc)
	{
		case PC_LOAD:
			load(m);
			break;
		case PC_COMMIT:
			commit_step(m);
			break;
		case PC_CEILING:
			extend_ceiling(m);
			break;
		case PC_CEILING_DONE:
			node->shm.ceiling = m->record->ceiling;
			go(m, PC_MEMBERS, 1);
			break;
		case PC_MEMBERS:
			save_members(m);
			break;
		case PC_STABLE:
			advance_stable(m);
			break;
		case PC_STABLE_DONE:
			publish_stable(m);
			break;
		case PC_TOMBSTONES:
			drop_tombstones(m);
			break;
		case PC_TOMBSTONES_COMMIT:
			if (txn_commit_step(m->txn, &delay))
				go(m, w.cfg.rivals != 0 ? PC_ASIDE : PC_LOG, 1);
			else
				schedule(p, delay);
			break;
		case PC_ASIDE:
			look_for_rows_aside(m);
			break;
		case PC_ASIDE_DONE:
			if (node->shm.aside == m->aside)
				node->shm.aside = 0;
			go(m, PC_SWEEP, 1);
			break;
		case PC_SWEEP:
			sweep(m);
			break;
		case PC_SWEEP_COMMIT:
			sweep_step(m);
			break;
		case PC_LOG:
			rotate_log(m);
			break;
		case PC_CLAIMS:
			if (node->shm.claimed_seq > 0)
				go(m, PC_RENEW, 1);
			else
				go(m, PC_CEILING, w.cfg.turn / 2 + around(w.cfg.turn / 2));
			break;
		case PC_RENEW:
			renew(m);
			break;
		case PC_RENEWED:
			renewed(m);
			break;
	}
}

void
start_node(Node *node)
{
	node->running = true;
	memset(&node->shm, 0, sizeof(Shm));
	memset(node->stable_checked, 0, sizeof(node->stable_checked));
	node->manager = new_proc(node, sizeof(Manager), manager_step);
	TRACE("%s starts", node->name);
	schedule(node->manager, 1);
}
