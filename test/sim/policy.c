/*
 * policy.c: what the server keeps in shared memory, and decides from it:
 * stamps, horizons, reports, members, the stable clock.
 */
#include "sim.h"

#include "core/hlc.h"
#include "core/horizon.h"
#include "core/members.h"

#define PASS_ON		(200 * MS)

/* ---- stamps ---- */

CvgStamp
stamp_draw(Node *node)
{
	return node->shm.hlc = cvg_hlc_next(node->shm.hlc, wall_clock(node));
}

void
stamp_observe(Node *node, CvgStamp seen)
{
	node->shm.hlc = cvg_hlc_observe(node->shm.hlc, seen);
}

/* ---- in-flight slots ---- */

static void
look_at_transactions(Node *node, CvgHorizon *h)
{
	Txn		   *t;

	cvg_horizon_begin(h, node->shm.hlc);
	for (t = node->txns; t != NULL; t = t->next)
	{
		if (t->first_stamp != 0 && (t->seq != 0 || !MUTANT(M_NO_INFLIGHT)))
			cvg_horizon_add(h, t->first_stamp, t->seq);
	}
}

int64
own_watermark(Node *node, int64 *lsn)
{
	CvgHorizon	h;

	*lsn = node->shm.last_commit_lsn;
	look_at_transactions(node, &h);
	return MUTANT(M_WATERMARK) ? node->shm.last_seq :
		cvg_horizon_watermark(&h, node->shm.last_seq);
}

/* Every own write stamped up to *own is in an entry up to *last. */
void
own_horizon(Node *node, CvgStamp *own, int64 *last)
{
	CvgHorizon	h;

	stamp_observe(node, wall_clock(node));
	look_at_transactions(node, &h);
	*last = cvg_horizon_last_seq(&h, node->shm.last_seq, node->shm.last_committed_seq);
	if (!MUTANT(M_NO_CEILING))
		cvg_horizon_cap(&h, node->shm.ceiling);
	cvg_horizon_hold(&h, node->shm.aside != 0 && !MUTANT(M_ASIDE_HORIZON), &node->shm.told_horizon);
	*own = h.stamp;
}

CvgStamp
entry_horizon(Node *node)
{
	CvgHorizon	h;

	look_at_transactions(node, &h);
	return h.stamp;
}

void
progress_clock(Node *node, int64 *values)
{
	memcpy(values, node->shm.seq, sizeof(node->shm.seq));
	values[node->mem.self] = node->shm.last_committed_seq;
}

void
horizon_clock(Node *node, CvgStamp *values)
{
	int64		last;

	memcpy(values, node->shm.horizon, sizeof(node->shm.horizon));
	own_horizon(node, &values[node->mem.self], &last);
}

bool
state_stable(CvgSlice state, const CvgStamp *stable)
{
	static CvgBuf buf;

	cvg_buf_reset(&buf);
	put_clock(&buf, stable);
	return cvg_rowstate_covered(state, cvg_buf_slice(&buf));
}

void
broadcast(Node *node)
{
	int			i;

	for (i = 0; i < node->nwaiting; i++)
	{
		if (node->waiting[i]->epoch == node->epoch)
			schedule(node->waiting[i], 1 + below(100));
	}
	node->nwaiting = 0;
}

/* ---- what peers know of us ---- */

/* By their requests, and by what their entries depend on. */
int64
confirmed_on_disk(const Db *db)
{
	int64		result = db->confirmed;
	int			i;

	for (i = 0; i < w.nids; i++)
		result = Max(result, db->named[i]);
	return result;
}

/* Up to where the log keeps its numbers if it goes on under another id. */
int64
certain_on_disk(const Db *db)
{
	return cvg_past_certain(db->floor[db->self], confirmed_on_disk(db), 0, false);
}

/* Does the peer have entries of ours that we do not have? */
bool
is_claimed(Node *node, CvgSlice progress)
{
	int64		claimed = cvg_vclock_get(progress, w.ids[node->mem.self].slice);

	if (!cvg_past_is_claimed(claimed, node->shm.last_seq, node->shm.claimed_seq) ||
		MUTANT(M_LOSE_CLAIM))
		return false;
	COUNT(claims);
	node->shm.claimed_seq = Max(node->shm.claimed_seq, claimed);
	return true;
}

/* ---- reports ---- */

/* Nothing comes any more of those whose obituary is told. */
static uint64
obituary_sum(Node *node)
{
	uint64		sum = 0;
	int			i;

	for (i = 0; i < MAX_NODES; i++)
	{
		const Member *m = &node->shm.members[i];

		if (m->in_use)
			sum += cvg_obituary(w.ids[m->id].slice, m->flags,
								takes_from(node, i) && !MUTANT(M_OBITUARY_EARLY));
	}
	return sum;
}

static void
read_others(Node *node, ReportJob *job)
{
	CvgStamp	own = job->horizon[node->mem.self];

	memcpy(job->horizon, node->shm.horizon, sizeof(job->horizon));
	job->horizon[node->mem.self] = own;
}

static void
read_own(Node *node, ReportJob *job)
{
	own_horizon(node, &job->horizon[node->mem.self], &job->last_seq);
}

static void
check_report(Node *node, ReportJob *job)
{
	int			i;

	check_told_progress(node, job);
	check_note_report(node, job);
	for (i = 0; i < w.nids; i++)
	{
		if (job->horizon[i] != 0)
			check_claim(i, job->horizon[i],
						i == job->id ? job->last_seq : node->disk.seq[i],
						node->name);
	}
}

/* True when the report is complete and may be told; else again after *delay. */
bool
report_step(Node *node, ReportJob *job, int64 *delay)
{
	/* now and then the server does not run this process for a while */
	*delay = 1 + below(3) * below(40) + (chance(0.05) ? around(10 * MS) : 0);
	switch (job->pc++)
	{
		case 0:
			job->id = node->mem.self;
			job->generation = stamp_draw(node);
			job->obituaries = obituary_sum(node);
			return false;
		case 1:
			if (MUTANT(M_REPORT_ORDER))
				read_own(node, job);
			else
				read_others(node, job);
			return false;
		case 2:
			if (MUTANT(M_REPORT_ORDER))
				read_others(node, job);
			else
				read_own(node, job);
			return false;
		case 3:
			progress_clock(node, job->progress);
			return false;
		case 4:
			job->lsn = Max(node->shm.last_commit_lsn, node->shm.apply_lsn);
			return false;
		default:
			if (!MUTANT(M_ACK_BEFORE_FLUSH) && !flush_wait(node, job->lsn, delay))
				return false;
			check_report(node, job);
			return true;
	}
}

CvgReport
report_message(Node *node, const ReportJob *job)
{
	CvgReport	r = {0};

	r.node_name = cvg_slice_cstring(node->name);
	r.replica_id = w.ids[job->id].slice;
	r.generation = job->generation;
	r.last_seq = job->last_seq;
	r.progress = clock_bytes(job->progress);
	r.horizon = clock_bytes(job->horizon);
	r.obituaries = job->obituaries;
	return r;
}

static void
report_of(int node, const Member *m, CvgReport *r)
{
	memset(r, 0, sizeof(*r));
	r->node_name = cvg_slice_cstring(w.nodes[node].name);
	r->replica_id = w.ids[m->id].slice;
	r->generation = m->generation;
	r->last_seq = m->last_seq;
	r->progress = clock_bytes(m->progress);
	r->horizon = clock_bytes(m->horizon);
	r->obituaries = m->obituaries;
	r->flags = m->flags;
}

/* Reports of others that this connection has not seen yet. */
int
passed_reports(Node *node, int64 *passed, int64 *passed_at, CvgReport *out)
{
	int			n = 0;
	int			i;

	if (*passed_at != 0 && w.now - *passed_at < PASS_ON)
		return 0;
	*passed_at = w.now;
	for (i = 0; i < MAX_NODES; i++)
	{
		Member	   *m = &node->shm.members[i];

		if (!m->in_use || m->generation < passed[i])
			continue;
		report_of(i, m, &out[n++]);
		passed[i] = m->generation + 1;
	}
	return n;
}

static int
node_by_name(CvgSlice name)
{
	return name.data[0] - 'a';
}

static Member *
make_member(Node *node, int index)
{
	Member	   *m = &node->shm.members[index];

	if (!m->in_use)
	{
		memset(m, 0, sizeof(Member));
		m->in_use = true;
		m->id = w.id_of[index][0];
	}
	return m;
}

static bool
supersedes(const CvgReport *report, const Member *m)
{
	return cvg_report_supersedes(report, w.ids[m->id].slice, m->generation, m->flags);
}

static bool
is_known(CvgSlice origin, void *arg)
{
	Node	   *node = arg;

	return node->mem.known[id_by_name(origin)];
}

/* There is room for origins that are known here, only. */
static void
keep_known(Node *node, int64 *values)
{
	int			i;

	for (i = 0; i < w.nids; i++)
	{
		if (!node->mem.known[i])
			values[i] = 0;
	}
}

void
absorb_report(Node *node, const CvgReport *report)
{
	int			index = node_by_name(report->node_name);
	int			id = id_by_name(report->replica_id);
	CvgStamp	horizon = cvg_vclock_get(report->horizon, report->replica_id);
	Member	   *m;

	if (index == node->index)
		return;
	m = make_member(node, index);
	if (supersedes(report, m))
	{
		m->id = id;
		m->generation = report->generation;
		m->last_seq = report->last_seq;
		m->flags = report->flags;
		m->obituaries = report->obituaries;
		get_clock(report->progress, m->progress);
		get_clock(report->horizon, m->horizon);
		keep_known(node, m->progress);
		keep_known(node, m->horizon);
		if (cvg_report_is_partial(report, is_known, node))
		{
			COUNT(partial_reports);
			m->flags |= CVG_REPORT_PARTIAL;
		}
		if (MUTANT(M_PARTIAL))
			m->flags &= ~CVG_REPORT_PARTIAL;
	}
	else
		COUNT(reports_old);
	if ((m->flags & CVG_REPORT_FORGOTTEN) == 0 && id != node->mem.self &&
		node->mem.known[id] && cvg_horizon_is_ours(node->shm.seq[id], report->last_seq))
		node->shm.horizon[id] = Max(node->shm.horizon[id], horizon);
}

/* What we carry on of our former selves. */
CvgSlice
past_clock(const Node *node)
{
	static const int64 none[MAX_IDS] = {0};

	return clock_bytes(MUTANT(M_MOVED_PAST) ? none : node->mem.moved);
}

typedef struct Newcomer
{
	Node	   *node;
	int			index;
} Newcomer;

static bool
is_unheard(CvgSlice origin, int64 seq, void *arg)
{
	Newcomer   *newcomer = arg;
	Node	   *node = newcomer->node;
	int			id = id_by_name(origin);
	const Member *dead = &node->shm.members[w.ids[id].node];

	return id != node->mem.self && w.ids[id].node != newcomer->index && dead->in_use &&
		(dead->flags & CVG_REPORT_FORGOTTEN) != 0 && node->shm.seq[id] < seq;
}

/* Why it may not talk to us; NULL if it may. */
const char *
admit_member(Node *node, CvgSlice replica_id, CvgSlice progress, CvgSlice past)
{
	Newcomer	newcomer = {node, w.ids[id_by_name(replica_id)].node};
	Member	   *m = make_member(node, newcomer.index);

	switch (cvg_member_admission(w.ids[m->id].slice, m->flags, replica_id, progress, past,
								 node->shm.seq[m->id], is_unheard, &newcomer))
	{
		case CVG_WELCOME:
			return NULL;
		case CVG_REMOVED:
			return "it was removed";
		case CVG_REMOVED_OTHERS:
			return MUTANT(M_HEIR_OF_OTHERS) ? NULL : "it brings what others had who were removed";
		default:
			return MUTANT(M_HEIR) ? NULL : "it was removed, in an earlier life";
	}
}

/* ---- the stable clock ---- */

static int
list_members(Node *node, CvgMember *members)
{
	int			n = 0;
	int			i;

	for (i = 0; i < MAX_NODES; i++)
	{
		Member	   *m = &node->shm.members[i];

		if (!m->in_use)
			continue;
		report_of(i, m, &members[n].report);
		members[n++].taking = takes_from(node, i);
	}
	return n;
}

/* What is believed to be here when reports are looked at. */
static CvgSlice
believed_progress(Node *node)
{
	int64		values[MAX_IDS];
	int			i;

	progress_clock(node, values);
	for (i = 0; i < w.nids && MUTANT(M_NO_FIFO); i++)
		values[i] = PG_INT64_MAX;
	for (i = 0; i < w.nids && MUTANT(M_STRANGER); i++)
	{
		if (w.ids[i].node != node->index && !node->shm.members[w.ids[i].node].in_use)
			values[i] = 0;
	}
	return clock_bytes(values);
}

/* What the reports prove, joined into S; did it grow? */
bool
members_stable(Node *node, CvgStamp *result)
{
	static CvgBuf out;
	CvgMember	members[MAX_NODES];
	CvgStamp	own[MAX_IDS];
	bool		grew = false;
	int			n;
	int			i;

	horizon_clock(node, own);
	n = list_members(node, members);
	if (MUTANT(M_FORGET_AT_ONCE))
	{
		/* nothing to wait for */
		for (i = 0; i < n; i++)
		{
			if ((members[i].report.flags & CVG_REPORT_FORGOTTEN) == 0)
				continue;
			members[i].report.flags = 0;
			members[i].report.last_seq = 0;
			members[i].report.progress = cvg_slice(NULL, 0);
			members[i].report.horizon = clock_bytes(own);
		}
	}
	cvg_buf_reset(&out);
	if (cvg_members_advance(clock_bytes(node->shm.stable), clock_bytes(own),
							cvg_slice_cstring(node->name), members, n, believed_progress(node), wall_clock(node) - w.cfg.retention,
							&grew, &out) != CVG_OK)
		fail(-1, "the stable clock cannot be formed");
	get_clock(cvg_buf_slice(&out), result);
	if (grew)
		check_reports_count(node);
	return grew;
}

int64
members_acknowledged(Node *node, int id)
{
	CvgMember	members[MAX_NODES];

	return cvg_members_acknowledged(members, list_members(node, members), w.ids[id].slice);
}
