/*
 * server.c: converge.hello() and converge.pull(): serve.c and pull.c; and the
 * network between receivers and them.
 */
#include "sim.h"

/* Entries of one origin that are still to be sent. */
typedef struct Range
{
	int			id;
	int64		position;
	int64		until;
} Range;

typedef struct Server
{
	Proc		proc;
	Conn	   *conn;
	CvgRequest	req;
	CvgHello	hello;
	ReportJob	job;
	int64		deadline;
	int64		watermark;
	int64		lsn;
	int			nranges;
	Range		ranges[MAX_IDS];
	CvgBuf		out;
	int			nsent;
	bool		more;
	bool		may_wait;
} Server;

enum
{
	PC_HELLO, PC_REQUEST, PC_LOOK, PC_RANGES, PC_READ, PC_HEAD
};

/* ---- the network ---- */

bool
can_reach(int from, int to)
{
	return !w.cut[from][to] && !w.exiled[from][to];
}

/* A message on its way: it may be lost, late, or come twice. */
void
deliver(int from, int to, void (*fn) (void *arg), void *arg)
{
	int64		delay = 20 + around(w.latency);

	if (!can_reach(from, to) || below(1000) < w.loss)
	{
		COUNT(lost_messages);
		return;
	}
	if ((w.cfg.faults & (1u << F_DELAY)) && !w.quiet && chance(0.02))
		delay += around(300 * MS);
	at(delay, fn, arg);
	if (below(1000) < w.doubles)
	{
		COUNT(doubled_messages);
		at(delay + around(50 * MS), fn, arg);
	}
}

typedef struct Reply
{
	Conn	   *conn;
	CvgSlice	body;
	CvgSlice	head;
	const char *error;
} Reply;

static void
reply_arrives(void *arg)
{
	Reply	   *reply = arg;

	receiver_hears(reply->conn, reply->body, reply->head, reply->error);
}

static void
reply(Conn *conn, CvgSlice body, CvgSlice head, const char *error)
{
	Reply	   *m = sim_alloc(sizeof(Reply));

	m->conn = conn;
	m->body = body;
	m->head = head;
	m->error = error;
	deliver(conn->to, conn->from, reply_arrives, m);
}

/* What a crash ends is not freed: the model's memory, not the server's. */
static void
free_server(Server *s)
{
	cvg_buf_free(&s->out);
	if (s->req.except != NULL)
		pfree(s->req.except);
	if (s->req.reports != NULL)
		pfree(s->req.reports);
	s->req.except = NULL;
	s->req.reports = NULL;
	s->proc.dead = true;
}

/* Until it has a new id, a node whose past was lost tells nobody anything. */
static bool
is_serving(const Node *node)
{
	return node->shm.ready && node->shm.claimed_seq == 0;
}

static void
refuse(Server *s, const char *why)
{
	CvgSlice	none = {NULL, 0};

	reply(s->conn, none, none, why);
	free_server(s);
}

/* It is told so, for ever, and has to join anew. */
static void
refuse_removed(Server *s)
{
	COUNT(cut_refused);
	refuse(s, "entries were removed from the peer's log");
}

static void
turn_away(Server *s, const char *why)
{
	turned_away(&w.nodes[s->conn->from], s->proc.node->name);
	refuse(s, why);
}

/* ---- claims ---- */

/* Is the requester's last entry of ours in our history? */
static bool
same_history(Server *s, int64 progress)
{
	Node	   *node = s->proc.node;
	LogRow	   *row;

	if (progress == 0 || progress == node->shm.floor[node->mem.self] ||
		(progress == s->conn->verified_seq && node->mem.self == s->conn->verified_id))
		return true;
	row = log_find(&node->mem.log[node->mem.self], progress);
	if (row == NULL || (s->req.anchor_stamp != 0 && s->req.anchor_stamp != row->entry->stamp))
		return false;
	s->conn->verified_id = node->mem.self;
	s->conn->verified_seq = progress;
	if (s->req.anchor_stamp != 0)
		node->shm.confirmed_seq = Max(node->shm.confirmed_seq, progress);
	return true;
}

/* ---- hello ---- */

static void
answer_hello(Server *s)
{
	Node	   *node = s->proc.node;
	CvgSlice	none = {NULL, 0};
	CvgReport	self;
	CvgHello	hello = {0};
	const char *why;
	int64		delay;

	if (s->job.pc == 0)
	{
		if (!is_serving(node))
			return refuse(s, "the peer is getting a new replica id");
		if (is_claimed(node, s->hello.progress))
			return refuse(s, "the peer does not have its own entries");
		why = admit_member(node, s->hello.replica_id, s->hello.progress, s->hello.past);
		if (why != NULL)
			return turn_away(s, why);
		s->conn->client_id = id_by_name(s->hello.replica_id);
		s->conn->client_past = s->hello.past;
		s->conn->greeted = true;
	}
	if (!report_step(node, &s->job, &delay))
	{
		schedule(&s->proc, delay);
		return;
	}
	self = report_message(node, &s->job);
	hello.protocol = CVG_PROTOCOL_VERSION;
	hello.node_name = self.node_name;
	hello.replica_id = self.replica_id;
	hello.boot_id = node->shm.boot_id;
	hello.now = wall_clock(node);
	hello.last_seq = self.last_seq;
	hello.progress = self.progress;
	hello.past = past_clock(node);
	hello.version = cvg_slice_cstring("sim");
	cvg_hello_encode(&hello, &s->out);
	reply(s->conn, sim_keep(cvg_buf_slice(&s->out)), none, NULL);
	free_server(s);
}

/* ---- pull ---- */

static void
take_request(Server *s)
{
	Node	   *node = s->proc.node;
	int64		progress = cvg_vclock_get(s->req.progress, w.ids[node->mem.self].slice);
	const char *why;
	int			i;

	if (!is_serving(node))
		return refuse(s, "the peer is getting a new replica id");
	if (!s->conn->greeted || id_by_name(s->req.replica_id) != s->conn->client_id)
		return refuse(s, "not who greeted");
	why = admit_member(node, s->req.replica_id, s->req.progress, s->conn->client_past);
	if (why != NULL)
		return turn_away(s, why);
	if (is_claimed(node, s->req.progress))
		return refuse(s, "the peer does not have its own entries");
	if (!cvg_floor_serves(node->shm.floor[node->mem.self], progress))
		return refuse_removed(s);
	if (!same_history(s, progress))
	{
		COUNT(history_differs);
		return refuse(s, "the peer's history differs");
	}
	for (i = 0; i < s->req.nreports; i++)
		absorb_report(node, &s->req.reports[i]);
	s->deadline = w.now + s->req.wait_ms * MS;
	s->may_wait = true;
	s->proc.pc = PC_LOOK;
	schedule(&s->proc, 1 + below(30));
}

static bool
is_excepted(const CvgRequest *req, int id)
{
	int			i;

	if (id == id_by_name(req->replica_id))
		return true;
	for (i = 0; i < req->nexcept; i++)
	{
		if (id == id_by_name(req->except[i]))
			return true;
	}
	return false;
}

static void
add_range(Server *s, int id, int64 position, int64 until)
{
	if (position >= until)
		return;
	s->ranges[s->nranges].id = id;
	s->ranges[s->nranges].position = position;
	s->ranges[s->nranges++].until = until;
}

static void
find_ranges(Server *s)
{
	Node	   *node = s->proc.node;
	int			i;

	s->nranges = 0;
	s->lsn = 0;
	for (i = 0; i < w.nids; i++)
	{
		int64		position = Max(cvg_vclock_get(s->req.progress, w.ids[i].slice),
								   cvg_vclock_get(s->req.position, w.ids[i].slice));

		if (!node->mem.known[i] || is_excepted(&s->req, i))
			continue;
		if (i == node->mem.self)
			add_range(s, i, position, s->watermark);
		else if (cvg_floor_serves(node->shm.floor[i], position))
		{
			add_range(s, i, position, node->shm.seq[i]);
			s->lsn = node->shm.apply_lsn;
		}
	}
}

static void
send_entry(Server *s, int id, const LogRow *row, int64 prev)
{
	CvgEntryHeader header;

	header.origin = w.ids[id].slice;
	header.seq = row->seq;
	header.prev_seq = prev;
	header.stamp = row->entry->stamp;
	if (s->out.len == 0)
		cvg_put_u8(&s->out, 'E');
	cvg_entry_header_encode(&header, &s->out);
	cvg_put_slice(&s->out, row->entry->body);
	row->entry->told = true;
	s->nsent++;
}

/* Ranges below which the log was cut go; false if that is the one of own entries. */
static bool
drop_cut_ranges(Server *s)
{
	Node	   *node = s->proc.node;
	int			kept = 0;
	int			i;

	for (i = 0; i < s->nranges && !MUTANT(M_FLOOR_ONCE); i++)
	{
		if (cvg_floor_serves(node->shm.floor[s->ranges[i].id], s->ranges[i].position))
			s->ranges[kept++] = s->ranges[i];
		else if (s->ranges[i].id == node->mem.self)
			return false;
	}
	if (!MUTANT(M_FLOOR_ONCE))
		s->nranges = kept;
	return true;
}

/* The next entry of a range, NULL: there is none. */
static const LogRow *
next_row(Server *s, const Range *range)
{
	const Log  *log = &s->proc.node->mem.log[range->id];
	int			i;

	for (i = 0; i < log->n; i++)
	{
		if (log->rows[i].seq > range->position && log->rows[i].seq <= range->until)
			return &log->rows[i];
	}
	return NULL;
}

/* Of all ranges the entry with the smallest stamp: causes come first. */
static const LogRow *
earliest_row(Server *s, Range **from)
{
	const LogRow *earliest = NULL;
	int			i;

	for (i = 0; i < s->nranges; i++)
	{
		const LogRow *row = next_row(s, &s->ranges[i]);

		if (row == NULL || (earliest != NULL && earliest->entry->stamp <= row->entry->stamp))
			continue;
		earliest = row;
		*from = &s->ranges[i];
	}
	return earliest;
}

static void
send_entries(Server *s)
{
	const LogRow *row;
	Range	   *range;

	while ((row = earliest_row(s, &range)) != NULL)
	{
		bool		unchained = range->id == s->proc.node->mem.self ||
			(row->prev == 0 && !MUTANT(M_OLD_CHAIN));

		if (s->nsent >= w.cfg.max_units)
		{
			s->more = true;
			return;
		}
		send_entry(s, range->id, row, unchained ? range->position : row->prev);
		range->position = row->seq;
	}
}

static void
wait_for_news(Server *s)
{
	Node	   *node = s->proc.node;

	if (w.now >= s->deadline)
	{
		s->proc.pc = PC_HEAD;
		schedule(&s->proc, 1);
		return;
	}
	s->proc.pc = PC_LOOK;
	if (node->nwaiting < (int) lengthof(node->waiting))
		node->waiting[node->nwaiting++] = &s->proc;
	schedule(&s->proc, s->deadline - w.now);
}

static void
read_entries(Server *s)
{
	s->nsent = 0;
	s->more = false;
	if (!drop_cut_ranges(s))
		return refuse_removed(s);
	send_entries(s);
	if (s->nsent == 0)
	{
		wait_for_news(s);
		return;
	}
	s->proc.pc = PC_HEAD;
	schedule(&s->proc, 1 + below(60));
}

static void
send_head(Server *s)
{
	Node	   *node = s->proc.node;
	CvgReport	reports[MAX_NODES + 1];
	CvgHead		head = {0};
	CvgBuf		buf;
	int64		delay;

	if (!report_step(node, &s->job, &delay))
	{
		schedule(&s->proc, delay);
		return;
	}
	reports[0] = report_message(node, &s->job);
	head.now = wall_clock(node);
	head.more = s->more;
	head.reports = reports;
	head.nreports = 1 + passed_reports(node, s->conn->passed, &s->conn->passed_at, reports + 1);
	head.progress = reports[0].progress;
	cvg_buf_init(&buf);
	cvg_head_encode(&head, &buf);
	/* the receiver has looked at the tag when it decodes */
	reply(s->conn, sim_keep(cvg_buf_slice(&s->out)), sim_keep(cvg_buf_slice(&buf)), NULL);
	cvg_buf_free(&buf);
	free_server(s);
}

static void
server_step(Proc *p)
{
	Server	   *s = (Server *) p;
	int64		delay;

	if (!is_serving(p->node) && p->pc != PC_HELLO)
	{
		refuse(s, "the peer is getting a new replica id");
		return;
	}
	switch (p->pc)
	{
		case PC_HELLO:
			answer_hello(s);
			break;
		case PC_REQUEST:
			take_request(s);
			break;
		case PC_LOOK:
			s->watermark = own_watermark(p->node, &s->lsn);
			p->pc = PC_RANGES;
			schedule(p, 1 + below(30));
			break;
		case PC_RANGES:
			if (!MUTANT(M_SERVE_BEFORE_FLUSH) && !flush_wait(p->node, s->lsn, &delay))
			{
				schedule(p, delay);
				break;
			}
			find_ranges(s);
			p->pc = PC_READ;
			/* reading takes a while, now and then */
			schedule(p, 1 + below(30) + (chance(0.03) ? around(20 * MS) : 0));
			break;
		case PC_READ:
			if (!MUTANT(M_SERVE_BEFORE_FLUSH) && !flush_wait(p->node, s->lsn, &delay))
				schedule(p, delay);
			else
				read_entries(s);
			break;
		default:
			send_head(s);
			break;
	}
}

static void
reset_client(Conn *conn)
{
	CvgSlice	none = {NULL, 0};

	reply(conn, none, none, "connection refused");
}

/* A request arrives; perhaps of a connection that the client has given up. */
void
server_hears(Conn *conn, CvgSlice bytes, bool hello)
{
	Node	   *node = &w.nodes[conn->to];
	CvgError	err;
	CvgStatus	status;
	Server	   *s;

	if (!node->running || conn->epoch_to != node->epoch || !w.peers[conn->from][conn->to])
	{
		reset_client(conn);
		return;
	}
	s = (Server *) new_proc(node, sizeof(Server), server_step);
	s->conn = conn;
	cvg_buf_init(&s->out);
	if (hello)
		status = cvg_hello_decode(bytes, &s->hello, &err);
	else
		status = cvg_request_decode(bytes, &s->req, &err);
	if (status != CVG_OK)
	{
		fail(-1, "a request is not readable: %s", cvg_status_message(status));
		return;
	}
	s->proc.pc = hello ? PC_HELLO : PC_REQUEST;
	schedule(&s->proc, 1 + below(50));
}
