/*
 * sim.h: the world of the simulator.
 *
 * Nodes, each with a model of PostgreSQL (transactions, row locks, a log that
 * is flushed late, shared memory that a crash empties) and the processes of
 * pg_converge as state machines over it: client backends, receivers, servers
 * of converge.pull(), the manager.  What these decide, they decide by calling
 * src/core; what they store and send is in its formats.
 *
 * Time is virtual and everything random comes from one seed, so a seed is a
 * history.  A process does one thing that others can come between per event.
 *
 *	sim.h, world.c	ids, clocks, random numbers, the event queue, traces
 *	store.c			rows, transactions, locks, commit, flush, crash
 *	local.c			client transactions: capture and the log
 *	rows.c			applying one change
 *	aside.c			rows that exclude each other
 *	receiver.c		requests, admission, apply transactions
 *	server.c		answers, reports
 *	manager.c		start, identity, stable clock, cutting the log
 *	fault.c			what goes wrong
 *	leave.c			members that leave and come back
 *	check.c			what must hold: writes, entries, crashes
 *	check_row.c		rows
 *	check_aside.c	rows that exclude each other
 *	check_stable.c	horizons, reports, the stable clock
 *	check_fork.c	two histories of one id
 *	check_end.c		the end
 *	shrink.c		a short history that fails
 *	scale.c			dissemination among many nodes
 *	sim.c			seeds, mutants, the summary
 */
#ifndef CVG_SIM_H
#define CVG_SIM_H

#include "postgres_fe.h"
#include <inttypes.h>

#include "core/causality.h"
#include "core/counter.h"
#include "core/entry.h"
#include "core/incarnation.h"
#include "core/progress.h"
#include "core/rowstate.h"
#include "core/stability.h"
#include "core/vclock.h"
#include "core/wire.h"

#define MAX_NODES	10
#define MAX_IDS		48			/* replica ids of one run */
#define MAX_LIVES	16			/* of them of one node */
#define MAX_KEYS	8
#define NCOLS		3
#define MAX_OPS		256			/* writes to one key */
#define MAX_LOG		400			/* entries of one replica id */
#define MAX_CHANGES	6			/* of one transaction */
#define MAX_CLIENTS	3
#define MAX_UNITS	48			/* entries in a response */

#define MS			INT64CONST(1000)
#define SECOND		INT64CONST(1000000)

/* What can go wrong; bits of Config.faults. */
typedef enum Fault
{
	F_CRASH, F_SLOW_DISK, F_CUT, F_CUT_ONE_WAY, F_RESET, F_LOSS, F_DOUBLE, F_DELAY,
	F_CLOCK_JUMP, F_CLOCK_RATE, F_LONG_XACT, F_ASYNC, F_ABORT, F_RESTORE, F_SNAPSHOT,
	F_PROMOTE, F_CLONE, F_LEAVE, F_RETURN, F_CUT_LOG, F_OLD_HINTS,
	NFAULTS
} Fault;

/* Rules left out on purpose: the checks must notice each of them. */
typedef enum Mutant
{
	M_NONE,
	M_STALE_STABLE,				/* S read once per apply transaction */
	M_REPORT_ORDER,				/* own last seq read before the horizons */
	M_NO_S_IN_ENTRY,
	M_NO_FIFO,					/* a report counts before its reporter's log */
	M_NO_INFLIGHT,				/* own horizon blind to open transactions */
	M_WATERMARK,				/* own entries served beyond the watermark */
	M_ACK_BEFORE_FLUSH,
	M_SERVE_BEFORE_FLUSH,
	M_NO_CEILING,				/* stamps after a crash start at the wall clock */
	M_NO_DEPS,
	M_CUT_EARLY,				/* the log is cut unacknowledged */
	M_NO_SECOND_LOOK,			/* an insert looks for a tombstone only once */
	M_LOSE_CLAIM,				/* a lost past goes unnoticed */
	M_FORGET_AT_ONCE,			/* a forgotten member stops counting for S at once */
	M_STREAM_ON,				/* the connection to a forgotten member goes on */
	M_OBITUARY_EARLY,			/* an obituary is told while it does */
	M_HEIR,						/* a later incarnation of one that was forgotten is let in */
	M_HEIR_OF_OTHERS,			/* ... that brings what another one had who was forgotten */
	M_STRANGER,					/* S moves on while there are entries of an unknown member */
	M_OLD_CHAIN,				/* entries of an earlier incarnation have no chain */
	M_LOOK_ONCE,				/* absent after one look each */
	M_COUNTER_ANEW,				/* an insert ignores the counter of the deleted row */
	M_GAP,						/* a former self's last entry is its progress */
	M_MOVED_DEPS,				/* entries of a former self that were moved depend on nothing */
	M_MOVED_TWICE,				/* they are applied where they were applied before */
	M_MOVED_PAST,				/* nobody is told that they were moved */
	M_BOOT_CUT,					/* what was written before this start is common history */
	M_PARTIAL,					/* a report that is known in part counts like any other */
	M_QUIET_STABLE,				/* S that an entry brought is not kept */
	M_ENTRY_HORIZON,			/* an entry's own stamp is taken for its horizon */
	M_NEW_BIRTH,				/* an update of a row without a key gives it a new birth */
	M_LAST_DOT,					/* a row without a key is looked for by its latest dot */
	M_KEYLESS_GRAVE,			/* ... and not looked for among the dead once it has come back */
	M_TURN_AT_ONCE,				/* segments of the log are left as soon as they are full */
	M_FLOOR_ONCE,				/* the floor is not looked at again when the log has been read */
	M_SIDE,						/* concurrent writes: the incoming one wins */
	M_BLOCK,					/* a dependency that has arrived goes on blocking */
	M_LAST_CLAIM,				/* of rows that exclude each other the last one is visible */
	M_RANK_OF_BIRTH,			/* a claim by an update counts as old as the row */
	M_NOT_SETTLED,				/* a key that is set aside and used again stays in two places */
	M_ASIDE_HORIZON,			/* the own horizon moves on while rows are set aside */
	M_NO_RECHECK,				/* which rows are visible is not decided before a commit */
	M_NO_SWEEP,					/* nor after local writes */
	M_ASIDE_CACHED,				/* whether rows are set aside is looked at once per transaction */
	M_ASIDE_TWICE,				/* a row is set aside without looking whether it is there already */
	M_ASIDE_GRAVE,				/* ... nor for its tombstone */
	M_ASIDE_BESIDE,				/* ... nor whether it is back in the table */
	M_NEW_TWIN,					/* a visible row is set aside whose key is set aside */
	M_RELEASE_GRAVE,			/* a row becomes visible again: nobody looks for a tombstone */
	M_BLIND_INSERT,				/* an insert does not look whether a row with its key is set aside */
	NMUTANTS
} Mutant;

typedef struct Bits
{
	uint64		w[MAX_OPS / 64];
} Bits;

typedef struct Node Node;
typedef struct Txn Txn;
typedef struct Proc Proc;
typedef struct Entry Entry;

/* Of an id that has two histories: see check_fork.c. */
typedef enum Twin
{
	TWIN_NONE, TWIN_FORMER, TWIN_GHOST
} Twin;

/* One write to one key, as the checks see it. */
typedef struct Op
{
	char		kind;			/* I, U, D */
	bool		committed;		/* its commit record was written */
	bool		lost;			/* by a crash, or it was rolled back */
	int			key;
	int			index;			/* among the key's */
	int			id;				/* replica id */
	Twin		twin;
	int64		stamp;
	int			columns;		/* written, as bits */
	int			values[NCOLS];
	int			amount;			/* added to the counter */
	Bits		context;		/* writes to the key that it had seen */
	Entry	   *entry;
} Op;

/* A row, a tombstone with its image, or neither. */
typedef struct Row
{
	bool		present;
	uint8		known;			/* columns whose value is known, as bits */
	CvgSlice	state;
	int			values[NCOLS];
	bool		n_known;
	CvgSlice	n;				/* a pncounter, empty: NULL */
	int			version;		/* of the tuple: changes with every write */
	Bits		over;			/* writes of a row set aside that it was written over */
} Row;

/* A row that is alive and not visible. */
typedef struct Aside
{
	Row			row;
	Bits		writes;			/* that are in it */
	Bits		past;			/* of those, what the key had seen when it was in no place */
} Aside;

typedef struct Recheck Recheck;

struct Entry
{
	int			id;				/* origin */
	int64		seq;
	CvgStamp	stamp;
	CvgSlice	body;
	int			nops;
	Op		   *ops[MAX_CHANGES];
	int64		needs[MAX_IDS]; /* what was visible when it was made */
	int			moved_from;		/* replica id of its dots, if another; else -1 */
	bool		told;			/* served to somebody */
	Twin		twin;
};

/* An entry in a node's log. */
typedef struct LogRow
{
	Entry	   *entry;
	int64		seq;
	int64		prev;			/* as received; own: computed when served */
	int			segment;
} LogRow;

typedef struct Log
{
	int			n;
	int			max;
	LogRow	   *rows;
} Log;

#define NSEGMENTS	4

/*
 * The ceiling is moved ahead by one or five leads; the log keeps what has come
 * in for at least NSEGMENTS - 1 turns.
 */
#define LEAD_IDLE	5
#define LOG_TURN_LEADS	2
StaticAssertDecl((NSEGMENTS - 1) * LOG_TURN_LEADS > LEAD_IDLE, "confirmed is noted before that");

/* What is in tables: survives a crash as far as it was flushed. */
typedef struct Db
{
	Row			live[MAX_KEYS];
	Row			tomb[MAX_KEYS];
	Aside		aside[MAX_KEYS];
	Bits		seen[MAX_KEYS]; /* writes applied here: for the checks */
	int			self;			/* replica id */
	bool		known[MAX_IDS]; /* converge.origins */
	int64		moved[MAX_IDS]; /* converge.origins.moved_seq */
	int64		seq[MAX_IDS];	/* converge.progress */
	CvgStamp	stamp[MAX_IDS];
	CvgStamp	horizon[MAX_IDS];
	int64		floor[MAX_IDS];
	int64		named[MAX_IDS]; /* own seq that entries of this origin depend on */
	CvgStamp	stable[MAX_IDS];
	CvgStamp	ceiling;
	int64		confirmed;
	int64		noted_at;		/* that */
	int			segment;
	int64		fingerprint;
	bool		member[MAX_NODES];
	bool		forgotten[MAX_NODES];
	int			member_id[MAX_NODES];
	Log			log[MAX_IDS];
} Db;

/* Latest report of another node. */
typedef struct Member
{
	bool		in_use;
	int			id;
	int64		generation;
	int64		last_seq;
	uint8		flags;
	uint64		obituaries;
	int64		progress[MAX_IDS];
	CvgStamp	horizon[MAX_IDS];
} Member;

/* What is in shared memory: gone with a crash. */
typedef struct Shm
{
	bool		ready;
	bool		renewing;
	uint64		boot_id;
	int64		boot_seq;
	int64		claimed_seq;
	int64		confirmed_seq;
	CvgStamp	hlc;
	CvgStamp	ceiling;
	int64		last_seq;
	int64		last_committed_seq;
	int64		last_commit_lsn;
	int64		apply_lsn;
	uint64		stable_version;
	uint64		stable_logged;
	uint64		progress_version;
	uint64		deps_logged;
	uint32		deleters;		/* going on */
	uint32		deleted;		/* ended */
	uint64		aside;			/* rows may be set aside */
	CvgStamp	told_horizon;
	int64		seq[MAX_IDS];
	int64		pending[MAX_IDS];
	CvgStamp	stamp[MAX_IDS];
	CvgStamp	horizon[MAX_IDS];
	int64		floor[MAX_IDS];
	CvgStamp	stable[MAX_IDS];
	Member		members[MAX_NODES];
} Shm;

/* A commit record. */
typedef struct Record
{
	int64		lsn;
	struct Record *next;
	uint32		live_set;
	uint32		tomb_set;
	Row			live[MAX_KEYS];
	Row			tomb[MAX_KEYS];
	Bits		seen[MAX_KEYS];
	bool		seen_set;
	uint32		aside_set;
	Aside	   *aside;
	int64		rivals_seen;	/* Node.rivals_changed when it was decided who is visible; -1: not */
	int			nentries;
	Entry	   *entries[MAX_UNITS + 1];
	int64		prevs[MAX_UNITS + 1];
	int			log_segment;	/* where they are */
	int			nprogress;
	struct
	{
		int			id;
		CvgReached	reached;
	}			progress[MAX_UNITS];
	bool		stable_set;
	CvgStamp	stable[MAX_IDS];
	CvgStamp	ceiling;		/* 0: not written */
	int64		confirmed;		/* with it */
	int64		noted_at;
	int			members_set;	/* as bits */
	int			forgotten_set;
	int			member_id[MAX_NODES];
	int			empty_segment;	/* -1: none */
	int64		floor[MAX_IDS];
	int			segment;		/* -1: as it was */
	struct Renewal *renewal;
} Record;

/* A new incarnation, in one commit. */
typedef struct Renewal
{
	int			old_id;
	int			new_id;
	int64		certain;		/* entries after it go to the new id */
	int64		moved_seq;
	int64		fingerprint;
	CvgStamp	ceiling;
	int			nmoved;
	Entry	   *moved[MAX_LOG];
} Renewal;

/* A transaction in progress. */
struct Txn
{
	Node	   *node;
	Txn		   *next;			/* of the node */
	bool		apply;
	bool		sync;
	int			stage;			/* of its commit */
	Record	   *record;
	Txn		   *waits_for;
	int64		waiting_since;
	uint32		row_locks;
	uint32		shelf_locks;
	uint64		origin_locks;
	uint32		live_set;
	uint32		tomb_set;
	Row			live[MAX_KEYS];
	Row			tomb[MAX_KEYS];
	Bits		seen[MAX_KEYS];
	bool		over_grave;		/* the insert that goes on began with a tombstone, */
	Bits		saw;			/* and saw this */
	/* rows set aside */
	uint32		aside_set;
	Aside	   *aside;			/* by key; made when needed */
	bool		recheck;
	Recheck    *rc;
	bool		aside_known;
	bool		has_aside;
	int64		rivals_seen;
	/* the transaction's part of xactlog.c, with its in-flight slot */
	CvgStamp	first_stamp;
	CvgStamp	last_stamp;
	int64		seq;
	bool		deletes;
	bool		looked;
	uint32		deleters_seen;
	uint32		deleted_seen;
	uint64		deps_version;
	uint64		stable_version;
	int			id;				/* own replica id when it began */
	int			nchanges;
	Op		   *ops[MAX_CHANGES];
	CvgBuf		changes;
	Entry	   *entry;
	/* the transaction's part of apply_progress.c */
	CvgStamp	stable[MAX_IDS];
	bool		stable_grew;
	bool		pending_set;
	int			norigins;
	struct
	{
		int			id;
		CvgReached	reached;
	}			origins[MAX_UNITS];
	int			nentries;
	Entry	   *entries[MAX_UNITS];
	int64		prevs[MAX_UNITS];
};

typedef void (*StepFn) (Proc *p);

/* A process: step() does the next thing and says when to go on. */
struct Proc
{
	Node	   *node;
	uint32		epoch;			/* of the node; it dies with it */
	bool		dead;
	int			pc;
	uint32		wakeups;		/* only the latest scheduled event counts */
	StepFn		step;
};

/* A report in the making. */
typedef struct ReportJob
{
	int			pc;
	int64		generation;
	int64		last_seq;
	CvgStamp	own;
	int64		lsn;
	int64		progress[MAX_IDS];
	CvgStamp	horizon[MAX_IDS];
	uint64		obituaries;
	int			id;
} ReportJob;

/* One side of a connection: what was passed on over it. */
typedef struct Conn
{
	int			from;			/* client */
	int			to;
	uint32		epoch_from;
	uint32		epoch_to;
	bool		open;
	bool		greeted;
	int			client_id;
	int64		passed[MAX_NODES];	/* by the server */
	int64		passed_at;
	int64		asked[MAX_NODES];	/* by the client */
	int64		asked_at;
	CvgSlice	client_past;	/* as it greeted */
	CvgSlice	server_past;
	int			verified_id;	/* of the server, with ... */
	int64		verified_seq;
} Conn;

typedef struct Receiver Receiver;

/* A report of this node, as it was made. */
#define NTOLD	32

typedef struct Told
{
	int64		generation;
	int			id;
	int64		progress[MAX_IDS];
} Told;

struct Node
{
	int			index;
	char		name[4];
	bool		exists;			/* takes part in the run at all */
	bool		running;
	bool		left;			/* removed, or about to be */
	bool		cut_off;		/* it left running, for some */
	int			left_id;		/* replica id that it left as */
	bool		refused;		/* it came back, and somebody refused it */
	bool		set_back;		/* to a snapshot, once */
	bool		past_lost;		/* its disk was replaced, or it was away */
	int			ghost_id;		/* it was set back, and does not know it; -1 */
	uint32		epoch;
	int			incarnation;
	Db			mem;			/* committed and visible */
	Db			disk;			/* flushed */
	Shm			shm;
	Txn		   *txns;
	Txn		   *row_owner[MAX_KEYS];
	Txn		   *shelf_owner[MAX_KEYS];
	Txn		   *origin_owner[MAX_IDS];
	Txn		   *aside_owner;
	int64		rivals_changed; /* commits that wrote rows which exclude each other */
	int64		lsn;			/* inserted */
	int64		flushed;
	int64		flushing_to;	/* 0: no flush goes on */
	int64		flush_done_at;
	Record	   *unflushed;		/* oldest first */
	Record	  **unflushed_end;
	int64		disk_latency;
	int64		clock_offset;
	int64		clock_base;		/* when the rate was last changed */
	int			clock_rate;		/* ten times in ten */
	Proc	   *waiting[64];	/* servers in a long poll */
	int			nwaiting;
	Receiver   *receivers[MAX_NODES];	/* by peer, NULL: not configured */
	Proc	   *manager;
	int			version;		/* source of Row.version */
	/* what it has told: for the checks */
	int64		told_progress[MAX_IDS];
	Told		told[NTOLD];
	Bits		stable_checked[MAX_KEYS];
	Db		   *backup;
	int			backup_boot;
	Db		   *copying;		/* a copy of the disk is wanted, */
	int64		copy_until;		/* a bad one if there is one till then */
	void		(*copied) (void *arg);
	void	   *copied_arg;
};

/* What a seed stands for; the shrinker makes it smaller. */
typedef struct Config
{
	uint64		seed;
	int			nnodes;
	int			nspare;			/* for clones and newcomers */
	int			topology;		/* 0 mesh, 1 ring, 2 star, 3 random tree */
	int			nkeys;
	int			nxacts;			/* of clients, in all */
	int			nclients;		/* per node */
	int64		think;			/* mean time between two transactions */
	int64		faults_every;	/* mean time between two faults */
	int64		active;			/* how long clients and faults go on */
	uint32		faults;
	int			max_units;		/* entries in a response */
	int64		max_skew;
	int64		disk;			/* mean time of a flush */
	int64		retention;		/* converge.tombstone_retention */
	int64		turn;			/* of the managers */
	int			apply_pause;	/* mean time between two steps of apply */
	bool		redundant;		/* every origin is asked of every peer, always */
	bool		hot;			/* mostly deletes and inserts */
	bool		forget;			/* converge.forget_tombstones */
	Mutant		mutant;
	CvgOnDelete policy[MAX_KEYS];
	CvgGranularity granularity[MAX_KEYS];
	bool		counter[MAX_KEYS];	/* the table has a column that merges by its type */
	int			keyless;		/* from this row on: of one table without a key */
	uint32		rivals;			/* rows that exclude each other, as bits */
	int			claims;			/* so many values for them */
	int			check_node;		/* has a CHECK that the others do not have; -1: none */
} Config;

typedef struct World
{
	Config		cfg;
	int64		now;
	int			nnodes;			/* existing */
	Node		nodes[MAX_NODES];
	bool		cut[MAX_NODES][MAX_NODES];
	bool		exiled[MAX_NODES][MAX_NODES];	/* not to be healed */
	bool		peers[MAX_NODES][MAX_NODES];	/* configured */
	int			loss;			/* in a thousand messages */
	int			doubles;
	int64		latency;
	int64		lead;			/* of the ceiling, with which what is confirmed is noted */
	int64		log_turn;		/* a segment of the log is left after no less */
	int64		hint_age;		/* converge.max_hint_age, 0: as long as it takes */
	bool		quiet;			/* no more faults, no more writes */
	int64		quiet_since;
	int			nids;
	struct
	{
		char		name[8];
		CvgSlice	slice;
		int			node;
	}			ids[MAX_IDS];
	int			id_of[MAX_NODES][MAX_LIVES];	/* by incarnation */
	CvgDescriptor descs[MAX_KEYS];
	bool		taken[MAX_KEYS];	/* rows without a key: somebody inserts it */
	CvgSlice	births[MAX_KEYS];	/* what such a row is known by */
	int			nops[MAX_KEYS];
	Op		   *ops[MAX_KEYS][MAX_OPS];
	Bits		valid[MAX_KEYS];	/* committed and not lost */
	uint64		lost_ids;		/* of nodes that lost their past or left, as bits */
	Log			history[MAX_IDS];	/* every entry that was durable somewhere */
	int			xacts_left;
	int			next_value;
	const char *failure;
	char		failure_text[512];
	int			failed_key;		/* -1: none in particular */
	int64		claim_horizon[MAX_IDS][MAX_LOG + 1];	/* told, by last seq */
	int64		converged_at;
	bool		any_lost;		/* a past was lost: acknowledged may be gone */
	bool		set_back;		/* without the node knowing: histories may fork */
	uint64		former_ids;		/* of set back nodes, that have told what they do not know */
	uint64		forked_ids;		/* of them, those that have two histories */
} World;

extern World w;

/* For its seal; prev_seq is made when it is served. */
static inline CvgEntryHeader
entry_header(const Entry *e)
{
	CvgEntryHeader header = {w.ids[e->id].slice, e->seq, 0, e->stamp};

	return header;
}
extern bool tracing;

/* How often something happened: is the test awake? */
#define COUNTERS(X) \
	X(events) X(xacts) X(commits) X(aborts) X(conflicting) X(inserts) X(updates) X(deletes) \
	X(keyless_changes) X(born_again) X(over_tombstone) X(restamped) X(deadlocks) X(lock_timeouts) \
	X(entries_applied) X(forwarded) X(covered) X(waited_gap) X(waited_deps) X(waited_clock) \
	X(retried) X(concurrent) X(rows_resurrected) X(fetched) X(fetched_nothing) X(gave_up) X(deltas) X(unknown_bases) \
	X(tombstones_dropped) X(treated_absent) X(stable_grew) X(stable_by_entry) X(stable_late) \
	X(crashes) X(records_lost) X(slow_disks) X(cuts) X(one_way_cuts) X(resets) X(lost_messages) \
	X(doubled_messages) X(late_messages) X(clock_jumps) X(clock_rates) X(long_xacts) \
	X(restores) X(snapshots) X(promotions) X(clones) X(forgotten_members) X(returns) X(turned_away) \
	X(renewals) X(moved_entries) X(moved_known) X(claims) X(log_cuts) X(cut_refused) X(history_differs) \
	X(gaps_copied) X(confused_rows) X(split_by_forks) X(left_behind) X(reports_old) X(partial_reports) \
	X(set_aside) X(over_aside) X(displaced) X(released) X(settled) X(rechecks) X(recollected) X(sweeps) X(refused) X(decided) \
	X(checks)

typedef struct Counters
{
#define X(name) int64 name;
	COUNTERS(X)
#undef X
} Counters;

extern Counters counters;
extern int64 fault_counts[NFAULTS];

#define COUNT(name)	(counters.name++)

/* ---- world.c ---- */
extern void *sim_alloc(size_t size);	/* zeroed; all freed with the run */
extern CvgSlice sim_keep(CvgSlice bytes);
extern void sim_free_all(void);
extern uint64 rnd(void);
extern int	below(int n);
extern bool chance(double p);
extern int64 around(int64 mean);	/* exponential, at least 1 */
extern void rnd_seed(uint64 seed);
extern void schedule(Proc *p, int64 delay);
extern void at(int64 delay, void (*fn) (void *arg), void *arg);
extern void run_until(int64 end);
extern void events_reset(void);
extern Proc *new_proc(Node *node, size_t size, StepFn step);
extern int	id_by_name(CvgSlice name);
extern int	new_id(int node);
extern bool may_get_new_id(const Node *node);
extern void put_clock(CvgBuf *out, const int64 *values);
extern void get_clock(CvgSlice clock, int64 *values);
extern CvgSlice clock_bytes(const int64 *values);	/* kept until the run ends */
extern CvgStamp wall_clock(Node *node);
extern void fail(int key, const char *fmt,...) pg_attribute_printf(2, 3);
extern void trace(const char *fmt,...) pg_attribute_printf(1, 2);
extern const char *show_row(int key, const Row *row);
extern const char *show_clock(const int64 *values);

extern CvgSlice birth_of(CvgSlice state);

#define TRACE(...)	do { if (unlikely(tracing)) trace(__VA_ARGS__); } while (0)
#define MUTANT(m)	(w.cfg.mutant == (m))
#define KEYLESS(key)	((key) >= w.cfg.keyless)
#define RIVAL(key)		((w.cfg.rivals & (1u << (key))) != 0)

static inline bool
bit_test(const Bits *b, int i)
{
	return (b->w[i / 64] >> (i % 64)) & 1;
}

static inline void
bit_set(Bits *b, int i)
{
	b->w[i / 64] |= UINT64CONST(1) << (i % 64);
}

static inline void
bits_join(Bits *to, const Bits *from)
{
	int			i;

	for (i = 0; i < MAX_OPS / 64; i++)
		to->w[i] |= from->w[i];
}

static inline void
bits_remove(Bits *from, const Bits *what)
{
	int			i;

	for (i = 0; i < MAX_OPS / 64; i++)
		from->w[i] &= ~what->w[i];
}

/* ---- store.c ---- */
extern Txn *txn_begin(Node *node, bool apply);
extern void txn_abort(Txn *t);

/* Write the commit record.  Then txn_commit_step() until it says true. */
extern void txn_commit_begin(Txn *t, bool sync);
extern bool txn_commit_step(Txn *t, int64 *delay);
extern bool txn_rows_visible(const Txn *t);
extern const Row *txn_live(Txn *t, int key);
extern const Row *txn_tomb(Txn *t, int key);
extern void txn_set_live(Txn *t, int key, const Row *row);
extern void txn_set_tomb(Txn *t, int key, const Row *row);
extern Bits txn_seen(Txn *t, int key);

typedef enum LockResult
{
	LOCKED,
	LOCK_WAIT,					/* try again */
	LOCK_FAILED					/* deadlock, or apply waited too long */
} LockResult;

/* Wait for whoever has it; "take" makes it ours. */
extern LockResult lock_row(Txn *t, int key, bool take);
extern LockResult lock_shelf(Txn *t, int key, bool take);
extern LockResult lock_origin(Txn *t, int id, bool wait);
extern LockResult lock_any(Txn *t, Txn **lock, bool take);
extern void txn_note_delete(Txn *t);
extern bool flush_wait(Node *node, int64 lsn, int64 *delay);
extern Record *new_record(Node *node);
extern void append_record(Node *node, Record *r);
extern void apply_record(Db *db, const Record *r);
extern void db_copy(Db *to, const Db *from);
extern void make_visible(Node *node, const Record *r);
extern void crash(Node *node);
extern void log_add(Log *log, Entry *e, int64 prev, int segment);
extern LogRow *log_find(Log *log, int64 seq);

/* ---- shared memory: policy of the workers ---- */
extern CvgStamp stamp_draw(Node *node);
extern void stamp_observe(Node *node, CvgStamp seen);
extern int64 own_watermark(Node *node, int64 *lsn);
extern void own_horizon(Node *node, CvgStamp *own, int64 *last);
extern CvgStamp entry_horizon(Node *node);
extern void progress_clock(Node *node, int64 *values);
extern void horizon_clock(Node *node, CvgStamp *values);
extern bool state_stable(CvgSlice state, const CvgStamp *stable);
extern void broadcast(Node *node);
extern int64 confirmed_on_disk(const Db *db);
extern int64 certain_on_disk(const Db *db);
extern bool is_claimed(Node *node, CvgSlice progress);
extern bool report_step(Node *node, ReportJob *job, int64 *delay);
extern CvgReport report_message(Node *node, const ReportJob *job);
extern int	passed_reports(Node *node, int64 *passed, int64 *passed_at, CvgReport *out);
extern void absorb_report(Node *node, const CvgReport *report);
extern bool members_stable(Node *node, CvgStamp *result);
extern int64 members_acknowledged(Node *node, int id);
extern CvgSlice past_clock(const Node *node);
extern const char *admit_member(Node *node, CvgSlice replica_id, CvgSlice progress, CvgSlice past);

/* ---- processes ---- */
extern void start_clients(Node *node);
extern void start_node(Node *node);
extern void start_receiver(Node *node, int peer);
extern void stop_receiver(Node *node, int peer);
extern void stop_receivers(Node *node);
extern void reset_receiver(Receiver *r);
extern bool is_connected(Node *node, int peer);
extern bool takes_from(const Node *node, int peer);
extern void send_request(Conn *conn, CvgSlice bytes);
extern void receiver_hears(Conn *conn, CvgSlice body, CvgSlice head, const char *error);
extern void server_hears(Conn *conn, CvgSlice bytes, bool hello);
extern void deliver(int from, int to, void (*fn) (void *arg), void *arg);
extern bool can_reach(int from, int to);

/* apply one change of the current entry: see rows.c */
typedef struct RowWork RowWork;
typedef enum RowResult
{
	ROW_DONE,
	ROW_AGAIN,					/* call again after *delay */
	ROW_FETCH,					/* the row is wanted from the peer first */
	ROW_FAILED					/* give up the transaction and retry */
} RowResult;

typedef struct Fetched
{
	int			found;			/* 0 absent, 1 live, 2 tombstone */
	Row			row;
	Bits		seen;
	CvgStamp	stable[MAX_IDS];
} Fetched;

extern RowWork *row_begin(Txn *t, const CvgChange *change, int key, int id, Op *op);
extern RowResult row_step(RowWork *w, int64 *delay);
extern int	row_key(const RowWork *w);
extern void row_fetched(RowWork *w, const Fetched *answer);
extern void fetch_answer(Node *node, int key, Fetched *answer);

/* merge a row set aside with what a local transaction made of its key */
extern RowWork *row_begin_settle(Txn *t, int key);
extern bool row_settled(const RowWork *w);

/* merge a tombstone, whose shelf the caller has locked, with the live row beside it */
extern RowWork *row_begin_bury(Txn *t, int key);

/* either may be empty */
extern CvgSlice merge_counters(CvgSlice a, CvgSlice b);

/* ---- aside.c ---- */
extern const Aside *txn_aside(Txn *t, int key);
extern void txn_set_aside(Txn *t, int key, const Row *row, const Bits *writes, const Bits *past);
extern void txn_take_aside(Txn *t, int key);
extern LockResult lock_aside(Txn *t);
extern bool any_aside(Txn *t);
extern Bits table_seen(const Db *db, int key);
extern Bits txn_table_seen(Txn *t, int key);
extern Bits local_seen(Txn *t, int key, char kind);
extern bool fails_check(const Node *node, int key, const Row *row);
extern LockResult rival_of(Txn *t, int key, int x, uint32 except, int *rival);

/* Must the row not be visible?  old: the version that it replaces, or NULL. */
extern LockResult violates(Txn *t, int key, const Row *row, const Row *old, bool *result);
extern RowResult recheck_step(Txn *t, int64 *delay);
extern Txn *begin_sweep(Node *node);
extern bool nothing_aside(Node *node);

/* ---- fault.c ---- */
extern void start_faults(void);
extern void heal(void);
extern void restart(void *arg);
extern Node *some_node(void);
extern void lose_past(Node *node);
extern void connect_to_all(Node *node);

/* ---- leave.c ---- */
extern void leave(Node *node);
extern void turned_away(Node *node, const char *by);
extern void end_absence(Node *node);
extern bool may_write(const Node *node);
extern void look_for_gap(Node *node);

/* ---- check.c ---- */
extern bool bits_subset(const Bits *a, const Bits *b);
extern int	bits_first_missing(const Bits *a, const Bits *b);
extern const char *show_op(const Op *op);
extern void lose_entry(Entry *e);
extern void check_reset(void);
extern Op  *check_new_op(Txn *t, char kind, int key, int64 stamp, int columns, const Row *row,
						 int amount);
extern void check_committed(Node *node, Txn *t);
extern void check_rolled_back(Txn *t);
extern void check_visible(Node *node, uint32 keys);
extern void check_flushed(Node *node, const Record *r);
extern void check_crash(Node *node);
extern void check_stable(Node *node);
extern void check_claim(int id, CvgStamp horizon, int64 seq, const char *who);
extern void check_told_progress(Node *node, const ReportJob *job);
extern void check_note_report(Node *node, const ReportJob *job);
extern void check_reports_count(Node *node);
extern void check_record(Node *node, const Record *r);
extern bool check_has_stable(const Node *node, const Node *other, int key);
extern void check_row(Node *node, int key);
extern void check_durable_row(Node *node, int key);

/* ---- check_fork.c ---- */
extern void check_replaced(Node *node, Db *with, bool noticed);
extern void note_ghost(Node *node, Entry *e);
extern bool is_doubtful(const Op *op);
extern bool is_confused(int key, const Bits *set);
extern bool is_redrawn(const Op *op);
extern bool has_redrawn_dot(int key, const Bits *set);

/* ---- check_end.c ---- */
extern bool check_converged(void);
extern void check_differences(int rounds);
extern void check_end(bool converged);

/* What a row must be after these writes; false: dead or absent.  claim: who wrote its first column. */
extern bool oracle(int key, const Bits *set, int *values, Op **last, Op **claim);

/* ---- check_aside.c ---- */
extern void check_rivals(Node *node, const Record *r);
extern void check_visible_set(Node *node);
extern bool aside_anywhere(void);

/* The row, visible or not. */
extern const Row *whole_row(const Db *db, int key);

/* ---- sim.c ---- */
extern void config_from_seed(Config *cfg, uint64 seed);
extern const char *run_one(const Config *cfg);

/* ---- shrink.c, scale.c ---- */
extern void shrink(const Config *cfg);
extern int	scale(const char *svg);

#endif
