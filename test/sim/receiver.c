/*
 * receiver.c: requests to a peer, admission of its entries, apply
 * transactions: receiver.c, intake.c, apply.c and apply_progress.c.
 */
#include "sim.h"

#include "core/backoff.h"
#include "core/links.h"
#include "core/pace.h"

#define HEARTBEAT		(500 * MS)
#define ANSWER			(1 * SECOND)
#define HEALTHY			(HEARTBEAT + 1 * SECOND)
#define DEPENDENCY_WAIT	(200 * MS)
#define BROKEN_RETRY	(2 * SECOND)

typedef enum UnitState
{
	UNIT_NEW, UNIT_TRIED, UNIT_DONE
} UnitState;

typedef struct Unit
{
	UnitState	state;
	CvgEntryHeader header;
	int			id;
	CvgSlice	bytes;
} Unit;

struct Receiver
{
	Proc		proc;
	int			peer;
	int			peer_id;
	Conn	   *conn;
	bool		streaming;
	bool		admitted;		/* what comes may be applied */
	int64		last_contact;
	int64		contact_clock;	/* the same, by the clock of the node */
	int			failures;
	ReportJob	job;
	int64		deadline;
	bool		heard;
	CvgSlice	body;
	CvgSlice	head_bytes;
	const char *error;
	CvgHead		head;
	bool		asked_ahead;	/* the answer to the next request may be here already */
	bool		ahead;
	int			nearly;
	CvgSlice	early_body[2];
	CvgSlice	early_head[2];
	CvgBlocks	blocks;
	int			nblocked_before;	/* the open transaction */
	int64		asked_at;
	int			barren;
	int			nunits;
	Unit		units[MAX_UNITS];
	/* apply */
	Txn		   *txn;
	int			at;
	int			applied;		/* in the open transaction */
	int			news;			/* of this response */
	CvgBatch	batch;
	int64		wait_until;
	CvgBody		change_body;
	CvgReader	reader;
	CvgChange	change;
	Entry	   *entry;
	int			nchange;
	RowWork    *row;
	bool		fetch_pending;
	bool		fetch_failed;
};

enum
{
	PC_START, PC_HELLO_REPORT, PC_HELLO, PC_REPORT, PC_WAIT, PC_DECODE, PC_PASS, PC_UNIT,
	PC_CHANGE, PC_FETCH, PC_END_BATCH, PC_COMMIT, PC_DEPENDENCY, PC_TAKE_HEAD
};

static Node *
node_of(Receiver *r)
{
	return r->proc.node;
}

static void
go(Receiver *r, int pc, int64 delay)
{
	r->proc.pc = pc;
	schedule(&r->proc, delay);
}

/* ---- errors ---- */

static void
end_with_error(Receiver *r, const char *why)
{
	TRACE("%s: receiver of %s ends: %s", node_of(r)->name, w.nodes[r->peer].name, why);
	if (r->txn != NULL)
		txn_abort(r->txn);
	r->txn = NULL;
	if (r->conn != NULL)
		r->conn->open = false;
	r->conn = NULL;
	r->streaming = r->admitted = false;
	r->failures++;
	r->blocks.n = 0;
	r->barren = 0;
	r->nearly = 0;
	r->asked_ahead = r->ahead = false;
	go(r, PC_START, cvg_backoff_ms(r->failures, 50, 1000, (uint32) rnd()) * MS);
}

/* ---- connecting ---- */

static void
begin(Receiver *r)
{
	Node	   *node = node_of(r);

	if (!node->shm.ready)
	{
		go(r, PC_START, 20 * MS);
		return;
	}
	r->conn = sim_alloc(sizeof(Conn));
	r->conn->from = node->index;
	r->conn->to = r->peer;
	r->conn->epoch_from = node->epoch;
	r->conn->epoch_to = w.nodes[r->peer].epoch;
	r->conn->open = true;
	memset(&r->job, 0, sizeof(r->job));
	cvg_batch_init(&r->batch, r->failures > 0);
	go(r, PC_HELLO_REPORT, 1);
}

typedef struct Message
{
	Conn	   *conn;
	CvgSlice	bytes;
	bool		hello;
} Message;

static void
arrive(void *arg)
{
	Message    *m = arg;

	server_hears(m->conn, m->bytes, m->hello);
}

static void
send(Receiver *r, CvgSlice bytes, bool hello)
{
	Message    *m = sim_alloc(sizeof(Message));

	m->conn = r->conn;
	m->bytes = bytes;
	m->hello = hello;
	r->deadline = w.now + HEARTBEAT + ANSWER;
	deliver(r->conn->from, r->conn->to, arrive, m);
}

static CvgHello
make_hello(Node *node, const CvgReport *self)
{
	CvgHello	hello = {0};

	hello.protocol = CVG_PROTOCOL_VERSION;
	hello.node_name = self->node_name;
	hello.replica_id = self->replica_id;
	hello.boot_id = node->shm.boot_id;
	hello.now = wall_clock(node);
	hello.last_seq = self->last_seq;
	hello.progress = self->progress;
	hello.past = past_clock(node);
	hello.version = cvg_slice_cstring("sim");
	return hello;
}

static void
say_hello(Receiver *r)
{
	CvgReport	self;
	CvgHello	hello;
	CvgBuf		buf;
	int64		delay;

	if (!report_step(node_of(r), &r->job, &delay))
	{
		schedule(&r->proc, delay);
		return;
	}
	self = report_message(node_of(r), &r->job);
	hello = make_hello(node_of(r), &self);
	cvg_buf_init(&buf);
	cvg_hello_encode(&hello, &buf);
	send(r, sim_keep(cvg_buf_slice(&buf)), true);
	cvg_buf_free(&buf);
	r->heard = false;
	go(r, PC_HELLO, HEARTBEAT + ANSWER);
}

static void
hear_hello(Receiver *r)
{
	Node	   *node = node_of(r);
	CvgHello	hello;
	CvgError	err;
	const char *why;

	if (!r->heard || r->error != NULL)
	{
		end_with_error(r, r->heard ? r->error : "no greeting");
		return;
	}
	if (cvg_hello_decode(r->body, &hello, &err) != CVG_OK)
	{
		fail(-1, "a greeting is not readable: %s", cvg_status_message(err.status));
		return;
	}
	if (is_claimed(node, hello.progress))
	{
		end_with_error(r, "the peer has entries of ours that we do not have");
		return;
	}
	r->conn->server_past = hello.past;
	why = admit_member(node, hello.replica_id, hello.progress, hello.past);
	if (why != NULL)
	{
		turned_away(&w.nodes[r->peer], node->name);
		end_with_error(r, why);
		return;
	}
	r->peer_id = id_by_name(hello.replica_id);
	r->admitted = true;
	memset(&r->job, 0, sizeof(r->job));
	go(r, PC_REPORT, 1);
}

/* ---- requests ---- */

/* What is committed here: a CvgProgressFn. */
static int64
committed(CvgSlice origin, void *arg)
{
	return ((Node *) arg)->shm.seq[id_by_name(origin)];
}

/* What a mutant takes for it: nothing ever arrives. */
static int64
nothing(CvgSlice origin, void *arg)
{
	return 0;
}

static CvgLinks
current_links(Receiver *r, CvgLink *items)
{
	Node	   *node = node_of(r);
	CvgLinks	links = {items, w.cfg.redundant ? 0 : MAX_NODES, r->peer, wall_clock(node),
	HEALTHY};
	int			i;

	memset(items, 0, sizeof(CvgLink) * MAX_NODES);
	for (i = 0; i < MAX_NODES; i++)
	{
		const Receiver *other = node->receivers[i];

		if (other == NULL || other->peer_id < 0)
			continue;
		items[i].replica_id = w.ids[other->peer_id].slice;
		items[i].streaming = other->streaming;
		items[i].last_contact = other->contact_clock;
	}
	return links;
}

static void
list_exceptions(Receiver *r, CvgRequest *req, CvgSlice *except)
{
	CvgLink		items[MAX_NODES];
	CvgLinks	links = current_links(r, items);

	req->want = CVG_WANT_EXCEPT;
	req->except = except;
	req->nexcept = cvg_links_except(&links, &r->blocks, except);
}

static bool
unblock(Receiver *r)
{
	return cvg_blocks_lift(&r->blocks, MUTANT(M_BLOCK) ? nothing : committed, node_of(r),
						   wall_clock(node_of(r)));
}

static CvgSlice
position(Receiver *r)
{
	CvgPosition position = {0};
	CvgSlice	result;
	CvgBuf		buf;
	int			i;

	for (i = 0; i < r->nunits; i++)
		cvg_position_note(&position, &r->units[i].header);
	cvg_buf_init(&buf);
	if (cvg_position_clock(&position, &buf) != CVG_OK)
		fail(-1, "a position is no clock");
	result = sim_keep(cvg_buf_slice(&buf));
	cvg_buf_free(&buf);
	return result;
}

/* The report is made; ahead: go on after what is not applied yet. */
static void
send_pull(Receiver *r, bool ahead)
{
	Node	   *node = node_of(r);
	CvgReport	reports[MAX_NODES + 1];
	CvgSlice	except[MAX_NODES + CVG_MAX_BLOCKED];
	CvgRequest	req = {0};
	CvgBuf		buf;

	(void) unblock(r);
	r->asked_at = w.now;
	req.protocol = CVG_PROTOCOL_VERSION;
	req.boot_id = node->shm.boot_id;
	req.max_bytes = 1024 * 1024;
	req.wait_ms = cvg_request_wait_ms(&r->blocks, HEARTBEAT / MS);
	reports[0] = report_message(node, &r->job);
	req.nreports = 1 + passed_reports(node, r->conn->asked, &r->conn->asked_at, reports + 1);
	req.reports = reports;
	req.replica_id = reports[0].replica_id;
	req.progress = reports[0].progress;
	if (ahead)
		req.position = position(r);
	if (node->shm.seq[r->peer_id] == r->job.progress[r->peer_id])
		req.anchor_stamp = node->shm.stamp[r->peer_id];
	list_exceptions(r, &req, except);
	cvg_buf_init(&buf);
	cvg_request_encode(&req, &buf);
	send(r, sim_keep(cvg_buf_slice(&buf)), false);
	cvg_buf_free(&buf);
}

static void
make_request(Receiver *r)
{
	int64		delay;

	if (!report_step(node_of(r), &r->job, &delay))
	{
		schedule(&r->proc, delay);
		return;
	}
	if (r->job.id != node_of(r)->mem.self)
	{
		end_with_error(r, "this node has got a new replica id");
		return;
	}
	if (r->asked_ahead)
	{
		send_pull(r, true);
		go(r, PC_PASS, 1);
		return;
	}
	send_pull(r, false);
	r->heard = false;
	go(r, PC_WAIT, HEARTBEAT + ANSWER);
}

/* A message of the server arrives. */
void
receiver_hears(Conn *conn, CvgSlice body, CvgSlice head, const char *error)
{
	Node	   *node = &w.nodes[conn->from];
	Receiver   *r = node->receivers[conn->to];

	if (conn->epoch_from != node->epoch || r == NULL || r->conn != conn || !conn->open)
	{
		COUNT(late_messages);
		return;
	}
	/* a greeting has no head; one that comes again is of no use */
	if (error == NULL && (r->proc.pc == PC_HELLO) != (head.len == 0))
		return;
	if ((r->proc.pc != PC_WAIT && r->proc.pc != PC_HELLO) || r->heard)
	{
		/* asked ahead, and still busy */
		if (r->nearly < 2 && r->asked_ahead && error == NULL)
		{
			r->early_body[r->nearly] = body;
			r->early_head[r->nearly++] = head;
		}
		return;
	}
	r->heard = true;
	r->body = body;
	r->head_bytes = head;
	r->error = error;
	schedule(&r->proc, 1);
}

/* ---- the response ---- */

static void
decode_units(Receiver *r)
{
	CvgReader	reader;
	CvgEntryHeader header;
	CvgSlice	bytes;

	r->nunits = 0;
	cvg_reader_init(&reader, r->body);
	if (r->body.len > 0)
		(void) cvg_get_u8(&reader);
	while (r->nunits < MAX_UNITS && cvg_entries_next(&reader, &header, &bytes))
	{
		Unit	   *u = &r->units[r->nunits++];

		u->state = UNIT_NEW;
		u->header = header;
		u->id = id_by_name(header.origin);
		u->bytes = bytes;
	}
	if (!cvg_reader_ok(&reader))
		fail(-1, "entries are not readable");
}

static void
decode(Receiver *r)
{
	const char *why;
	CvgError	err;

	if (!r->heard || r->error != NULL)
	{
		end_with_error(r, r->heard ? r->error : "no answer");
		return;
	}
	if (cvg_head_decode(cvg_slice(r->head_bytes.data, r->head_bytes.len), &r->head, &err) != CVG_OK)
	{
		fail(-1, "a head is not readable: %s", cvg_status_message(err.status));
		return;
	}
	if (id_by_name(r->head.reports[0].replica_id) != r->peer_id)
	{
		end_with_error(r, "the peer has got another replica id");
		return;
	}
	if (is_claimed(node_of(r), r->head.progress))
	{
		end_with_error(r, "the peer has entries of ours that we do not have");
		return;
	}
	why = MUTANT(M_STREAM_ON) ? NULL :
		admit_member(node_of(r), w.ids[r->peer_id].slice, r->head.progress, r->conn->server_past);
	if (why != NULL)
	{
		turned_away(&w.nodes[r->peer], node_of(r)->name);
		end_with_error(r, why);
		return;
	}
	decode_units(r);
	r->ahead = r->asked_ahead;
	r->news = 0;
	r->asked_ahead = cvg_may_ask_ahead(&r->blocks, r->head.more, r->nunits, false);
	if (r->asked_ahead)
	{
		memset(&r->job, 0, sizeof(r->job));
		go(r, PC_REPORT, 1);
	}
	else
		go(r, PC_PASS, 1);
}

/* ---- admission ---- */

static int64
progress_of(CvgSlice origin, void *arg)
{
	Txn		   *t = arg;
	int			id = id_by_name(origin);
	int			i;

	for (i = 0; i < t->norigins; i++)
	{
		if (t->origins[i].id == id)
			return t->origins[i].reached.seq;
	}
	return t->node->shm.seq[id];
}

static CvgVerdict
decide(Receiver *r, const Unit *u, CvgClockEntry *missing)
{
	Node	   *node = node_of(r);
	CvgSlice	deps = r->change_body.deps;

	if (u->id == node->mem.self)
		return cvg_admit_own(u->header.seq, node->shm.last_seq);
	if (MUTANT(M_NO_DEPS))
		deps.len = 0;
	return cvg_admit(u->header.origin, u->header.seq, u->header.prev_seq, u->header.stamp,
					 deps, w.ids[node->mem.self].slice, progress_of, r->txn,
					 wall_clock(node), w.cfg.max_skew, missing);
}

static bool
is_blocked(Receiver *r, int id)
{
	return cvg_blocks_find(&r->blocks, w.ids[id].slice) != NULL;
}

/* False if that is the end of the exchange. */
static bool
block_origin(Receiver *r, const Unit *u, CvgVerdict verdict, const CvgClockEntry *missing)
{
	CvgBlockRules rules = {w.ids[r->peer_id].slice, r->ahead, wall_clock(node_of(r)),
	w.cfg.max_skew, BROKEN_RETRY};

	TRACE("%s: entry %s#" INT64_FORMAT " has to wait (%s)", node_of(r)->name, w.ids[u->id].name,
		  u->header.seq, verdict == CVG_WAIT_DEPS ? "dependency" : verdict == CVG_WAIT_CLOCK ?
		  "clock" : verdict == CVG_WAIT_GAP ? "gap" : "forked");
	if (verdict == CVG_WAIT_DEPS)
	{
		COUNT(waited_deps);
		TRACE("%s: it depends on %s#" INT64_FORMAT, node_of(r)->name,
			  w.ids[id_by_name(missing->id)].name, missing->value);
	}
	else if (verdict == CVG_WAIT_CLOCK)
		COUNT(waited_clock);
	else if (verdict == CVG_WAIT_GAP)
		COUNT(waited_gap);
	else
		COUNT(history_differs);
	return cvg_blocks_add(&r->blocks, &u->header, verdict, missing, &rules) != CVG_BLOCK_END;
}

static void
enter_origin(Txn *t, int id)
{
	int			n = t->norigins++;

	t->origins[n].id = id;
	t->origins[n].reached = (CvgReached) {t->node->shm.seq[id], t->node->shm.stamp[id],
		t->node->shm.horizon[id], 0};
}

static bool
has_origin(Txn *t, int id)
{
	int			i;

	for (i = 0; i < t->norigins; i++)
	{
		if (t->origins[i].id == id)
			return true;
	}
	return false;
}

static void
adopt_stable(Txn *t, CvgSlice stable, bool from_entry)
{
	static CvgBuf joined;
	CvgStableView view = {clock_bytes(t->stable), t->stable_grew};

	cvg_buf_reset(&joined);
	if (cvg_stable_adopt(&view, stable, from_entry && !MUTANT(M_QUIET_STABLE), &joined) != CVG_OK)
		fail(-1, "%s: S cannot be adopted", t->node->name);
	if (joined.len > 0 && !from_entry)
		COUNT(stable_late);
	get_clock(view.clock, t->stable);
	t->stable_grew = view.grew;
}

static Entry *
find_entry(const Unit *u)
{
	Log		   *log = &w.history[u->id];
	int			i;

	for (i = 0; i < log->n; i++)
	{
		if (log->rows[i].seq == u->header.seq && log->rows[i].entry->stamp == u->header.stamp)
			return log->rows[i].entry;
	}
	fail(-1, "an entry comes that nobody wrote");
	return NULL;
}

/* What is not in the log any more, everybody has acknowledged. */
static bool
has_entry(CvgSlice origin, int64 seq, CvgStamp stamp, void *arg)
{
	Node	   *node = arg;
	int			id = id_by_name(origin);
	LogRow	   *row = log_find(&node->mem.log[id], seq);

	return row != NULL ? row->entry->stamp == stamp : seq <= node->shm.floor[id];
}

/* Is it one of a former self of ours that goes on under another number? */
static bool
came_back(Node *node, const Unit *u)
{
	int			i;

	for (i = 0; i < w.nids && u->header.seq <= node->mem.moved[u->id]; i++)
	{
		if (i != u->id && (i == node->mem.self || node->mem.moved[i] > 0) &&
			log_find(&node->mem.log[i], u->header.seq) != NULL &&
			log_find(&node->mem.log[i], u->header.seq)->entry->stamp == u->header.stamp)
			return true;
	}
	return false;
}

static void
begin_entry(Receiver *r, Unit *u)
{
	Txn		   *t = r->txn;

	/* others may have published S since this transaction began */
	if (!MUTANT(M_STALE_STABLE))
		adopt_stable(t, clock_bytes(t->node->shm.stable), false);
	stamp_observe(t->node, u->header.stamp);
	adopt_stable(t, r->change_body.stable, true);
	r->entry = find_entry(u);
	if (r->entry == NULL)
		return;
	t->prevs[t->nentries] = u->header.prev_seq;
	t->entries[t->nentries++] = r->entry;
	cvg_reader_init(&r->reader, r->change_body.changes);
	if ((cvg_moved_is_known(&r->change_body, u->header.stamp, has_entry, t->node) ||
		 came_back(t->node, u)) &&
		!MUTANT(M_MOVED_TWICE))
	{
		COUNT(moved_known);
		cvg_reader_init(&r->reader, cvg_slice(NULL, 0));
	}
	r->nchange = 0;
	r->row = NULL;
	r->fetch_pending = false;
	COUNT(entries_applied);
	if (u->id != r->peer_id)
		COUNT(forwarded);
	TRACE("%s: applies entry %s#" INT64_FORMAT " via %s", t->node->name, w.ids[u->id].name,
		  u->header.seq, w.nodes[r->peer].name);
	go(r, PC_CHANGE, 1 + below(w.cfg.apply_pause));
}

/* ---- one local transaction ---- */

static void
retry(Receiver *r)
{
	int			i;

	txn_abort(r->txn);
	r->txn = NULL;
	r->blocks.n = r->nblocked_before;
	for (i = 0; i < r->nunits; i++)
	{
		if (r->units[i].state == UNIT_TRIED)
			r->units[i].state = UNIT_NEW;
	}
	cvg_batch_failed(&r->batch, r->applied, 0);
	go(r, PC_PASS, 1 + cvg_batch_pause_ms(&r->batch, (uint32) rnd()) * MS);
}

static void
begin_pass(Receiver *r)
{
	r->txn = txn_begin(node_of(r), true);
	r->nblocked_before = r->blocks.n;
	r->applied = 0;
	r->at = 0;
	go(r, PC_UNIT, 1);
}

static void
try_unit(Receiver *r)
{
	Unit	   *u = &r->units[r->at];
	CvgClockEntry missing;
	CvgVerdict	verdict;
	LockResult	lock;

	if (r->at >= r->nunits || (r->batch.max_entries > 0 && r->applied >= r->batch.max_entries))
	{
		go(r, PC_END_BATCH, 1);
		return;
	}
	if (u->state != UNIT_NEW || is_blocked(r, u->id))
	{
		r->at++;
		go(r, PC_UNIT, 1);
		return;
	}
	if (cvg_sealed_body_decode(&u->header, u->bytes, &r->change_body, NULL) != CVG_OK)
	{
		fail(-1, "a body is not readable");
		return;
	}
	verdict = decide(r, u, &missing);
	if (verdict == CVG_ADMIT && !has_origin(r->txn, u->id))
	{
		lock = lock_origin(r->txn, u->id, r->txn->norigins == 0);
		if (lock == LOCK_WAIT)
		{
			schedule(&r->proc, 100 + below(300));
			return;
		}
		if (lock == LOCK_FAILED)
		{
			/* busy: commit what there is, then try again */
			if (r->applied > 0)
				go(r, PC_END_BATCH, 1);
			else
				retry(r);
			return;
		}
		verdict = decide(r, u, &missing);	/* under the lock */
		if (verdict == CVG_ADMIT)
			enter_origin(r->txn, u->id);
	}
	if (verdict == CVG_ADMIT)
	{
		begin_entry(r, u);
		return;
	}
	if (verdict == CVG_COVERED)
	{
		COUNT(covered);
		u->state = UNIT_TRIED;
	}
	else if (!block_origin(r, u, verdict, &missing))
	{
		end_with_error(r, "the peer's history differs");
		return;
	}
	r->at++;
	go(r, PC_UNIT, 1);
}

static void
end_entry(Receiver *r)
{
	Unit	   *u = &r->units[r->at];
	Txn		   *t = r->txn;
	int			i;

	for (i = 0; i < t->norigins; i++)
	{
		if (t->origins[i].id != u->id)
			continue;
		cvg_reached_entry(&t->origins[i].reached, &u->header, &r->change_body,
						  w.ids[t->node->mem.self].slice);
		if (MUTANT(M_ENTRY_HORIZON))
			t->origins[i].reached.horizon = u->header.stamp;
	}
	u->state = UNIT_TRIED;
	r->applied++;
	r->at++;
	go(r, PC_UNIT, 1 + below(w.cfg.apply_pause));
}

/*
 * Which row a change is about.  One of a table without a key is known by its
 * birth: whatever is stored here under it, or the first that comes of it.
 */
static int
key_of_change(Receiver *r)
{
	Node	   *node = node_of(r);
	CvgSlice	birth;
	int			k;

	if (!KEYLESS(r->change.descriptor))
		return r->change.descriptor;
	birth = birth_of(r->change.state);
	for (k = w.cfg.keyless; k < w.cfg.nkeys; k++)
	{
		const Row  *row = txn_live(r->txn, k)->present ? txn_live(r->txn, k) : txn_tomb(r->txn, k);

		if (!row->present)
			row = &txn_aside(r->txn, k)->row;

		if (row->present && cvg_slice_eq(birth_of(row->state), birth))
			return k;
	}
	for (k = w.cfg.keyless; k < w.cfg.nkeys; k++)
	{
		if (cvg_slice_eq(w.births[k], birth))
			return k;
	}
	fail(-1, "%s: a change is of a row that nobody has inserted", node->name);
	return w.cfg.keyless;
}

static void
next_change(Receiver *r)
{
	const CvgDescriptor *descs[MAX_KEYS];
	CvgError	err;
	int			i;

	if (cvg_reader_at_end(&r->reader))
	{
		end_entry(r);
		return;
	}
	for (i = 0; i < w.cfg.nkeys; i++)
		descs[i] = &w.descs[i];
	if (cvg_change_decode(&r->reader, descs, w.cfg.nkeys, &r->change, &err) != CVG_OK)
	{
		fail(-1, "a change is not readable: %s", cvg_status_message(err.status));
		return;
	}
	r->row = row_begin(r->txn, &r->change, key_of_change(r), r->entry->id,
					   r->nchange < r->entry->nops ? r->entry->ops[r->nchange] : NULL);
	r->nchange++;
}

static void start_fetch(Receiver *r);

static void
apply_change(Receiver *r)
{
	int64		delay;

	if (r->row == NULL)
		next_change(r);
	if (r->row == NULL || w.failure != NULL)
		return;
	switch (row_step(r->row, &delay))
	{
		case ROW_DONE:
			r->row = NULL;
			schedule(&r->proc, 1 + below(w.cfg.apply_pause));
			break;
		case ROW_AGAIN:
			schedule(&r->proc, delay);
			break;
		case ROW_FETCH:
			start_fetch(r);
			break;
		case ROW_FAILED:
			r->row = NULL;
			retry(r);
			break;
	}
}

/* ---- fetching a row: another connection ---- */

typedef struct Fetch
{
	Receiver   *r;
	Conn	   *conn;
	RowWork    *row;
	int			key;
	Fetched		answer;
} Fetch;

static void
fetch_back(void *arg)
{
	Fetch	   *f = arg;
	Receiver   *r = f->r;

	if (f->conn->epoch_from != w.nodes[f->conn->from].epoch || r->conn != f->conn ||
		r->proc.pc != PC_FETCH || r->row != f->row)
		return;
	row_fetched(f->row, &f->answer);
	TRACE("%s: fetched row %d from %s: %s", node_of(r)->name, f->key, w.nodes[r->peer].name,
		  f->answer.found ? show_row(f->key, &f->answer.row) : "nothing");
	go(r, PC_CHANGE, 1);
}

static void
fetch_there(void *arg)
{
	Fetch	   *f = arg;
	Node	   *peer = &w.nodes[f->conn->to];

	if (peer->epoch != f->conn->epoch_to || !peer->running)
		return;
	fetch_answer(peer, f->key, &f->answer);
	deliver(f->conn->to, f->conn->from, fetch_back, f);
}

static void
start_fetch(Receiver *r)
{
	Fetch	   *f = sim_alloc(sizeof(Fetch));

	f->r = r;
	f->conn = r->conn;
	f->row = r->row;
	f->key = row_key(r->row);
	deliver(r->conn->from, r->conn->to, fetch_there, f);
	go(r, PC_FETCH, ANSWER);
}

/* ---- the end of a transaction, of a pass, of a response ---- */

static void
end_batch(Receiver *r)
{
	Txn		   *t = r->txn;
	int64		delay;
	int			i;

	switch (recheck_step(t, &delay))
	{
		case ROW_DONE:
			break;
		case ROW_FAILED:
			retry(r);
			return;
		default:
			schedule(&r->proc, delay);
			return;
	}
	for (i = 0; i < t->norigins; i++)
		t->node->shm.pending[t->origins[i].id] = t->origins[i].reached.seq;
	t->pending_set = true;
	t->node->shm.progress_version++;
	txn_commit_begin(t, false);
	go(r, PC_COMMIT, 1 + below(60));
}

static void
after_commit(Receiver *r)
{
	bool		left = false;
	int			i;

	r->txn = NULL;
	for (i = 0; i < r->nunits; i++)
	{
		if (r->units[i].state == UNIT_TRIED)
			r->units[i].state = UNIT_DONE;
		left |= r->units[i].state == UNIT_NEW && !is_blocked(r, r->units[i].id);
	}
	if (r->applied > 0)
		cvg_batch_succeeded(&r->batch);
	r->news += r->applied;
	if (left)
		go(r, PC_PASS, 1);
	else
	{
		r->wait_until = w.now + DEPENDENCY_WAIT;
		go(r, PC_DEPENDENCY, 1);
	}
}

/* Another link may bring what an origin waits for. */
static void
await_dependency(Receiver *r)
{
	if (unblock(r))
		go(r, PC_PASS, 1);
	else if (cvg_blocks_awaiting(&r->blocks) > 0 && w.now < r->wait_until)
		schedule(&r->proc, 5 * MS);
	else
		go(r, PC_TAKE_HEAD, 1);
}

static void
take_head(Receiver *r)
{
	int64		pause;
	int			i;

	for (i = 0; i < r->head.nreports; i++)
		absorb_report(node_of(r), &r->head.reports[i]);
	if (r->head.reports != NULL)
		pfree(r->head.reports);
	r->head.reports = NULL;
	r->failures = 0;
	r->streaming = true;
	r->last_contact = w.now;
	r->contact_clock = wall_clock(node_of(r));
	pause = cvg_pace_ms(&r->barren, r->nunits == 0, r->news, HEARTBEAT / MS) * MS;
	pause = Max(r->asked_at + pause - w.now, 1);
	if (r->asked_ahead)
	{
		r->heard = r->nearly > 0;
		if (r->heard)
		{
			r->body = r->early_body[0];
			r->head_bytes = r->early_head[0];
			r->nearly = 0;
		}
		go(r, PC_WAIT, r->heard ? pause : HEARTBEAT + ANSWER);
		return;
	}
	r->nearly = 0;
	memset(&r->job, 0, sizeof(r->job));
	go(r, PC_REPORT, pause + below(100));
}

static void
receiver_step(Proc *p)
{
	Receiver   *r = (Receiver *) p;
	int64		delay;

	if (!node_of(r)->shm.ready && p->pc != PC_START && p->pc != PC_COMMIT)
	{
		end_with_error(r, "this node is getting a new replica id");
		return;
	}
	switch (p->pc)
	{
		case PC_START:
			begin(r);
			break;
		case PC_HELLO_REPORT:
			say_hello(r);
			break;
		case PC_HELLO:
			hear_hello(r);
			break;
		case PC_REPORT:
			make_request(r);
			break;
		case PC_WAIT:
			decode(r);
			break;
		case PC_PASS:
			begin_pass(r);
			break;
		case PC_UNIT:
			try_unit(r);
			break;
		case PC_CHANGE:
			apply_change(r);
			break;
		case PC_FETCH:
			end_with_error(r, "a row cannot be fetched");
			break;
		case PC_END_BATCH:
			end_batch(r);
			break;
		case PC_COMMIT:
			if (txn_commit_step(r->txn, &delay))
				after_commit(r);
			else
				schedule(p, delay);
			break;
		case PC_DEPENDENCY:
			await_dependency(r);
			break;
		case PC_TAKE_HEAD:
			take_head(r);
			break;
	}
}

void
start_receiver(Node *node, int peer)
{
	Receiver   *r = (Receiver *) new_proc(node, sizeof(Receiver), receiver_step);

	r->peer = peer;
	r->peer_id = -1;
	node->receivers[peer] = r;
	schedule(&r->proc, around(20 * MS));
}

/* One whose transaction is committing stays: to be called again. */
void
stop_receiver(Node *node, int peer)
{
	Receiver   *r = node->receivers[peer];

	if (r == NULL || (r->txn != NULL && r->txn->stage > 0))
		return;
	if (r->txn != NULL)
		txn_abort(r->txn);
	r->txn = NULL;
	r->proc.dead = true;
	if (r->conn != NULL)
		r->conn->open = false;
	node->receivers[peer] = NULL;
}

void
stop_receivers(Node *node)
{
	int			i;

	for (i = 0; i < MAX_NODES; i++)
		stop_receiver(node, i);
}

/* May entries still come from there? */
bool
takes_from(const Node *node, int peer)
{
	return node->receivers[peer] != NULL && node->receivers[peer]->admitted;
}

/* As forget_peer() sees it: either way. */
bool
is_connected(Node *node, int peer)
{
	const Receiver *ours = node->receivers[peer];
	const Receiver *theirs = w.nodes[peer].receivers[node->index];

	return (ours != NULL && ours->streaming && w.now - ours->last_contact < HEALTHY) ||
		(theirs != NULL && theirs->streaming && w.now - theirs->last_contact < HEALTHY);
}

/* The connection is cut off. */
void
reset_receiver(Receiver *r)
{
	if (r->conn == NULL)
		return;
	r->conn->open = false;
	if (r->proc.pc == PC_WAIT || r->proc.pc == PC_HELLO)
		schedule(&r->proc, 1);
}
