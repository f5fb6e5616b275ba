/*-------------------------------------------------------------------------
 *
 * shmem.h
 *	  Everything pg_converge keeps in shared memory, and which lock covers
 *	  what.
 *
 * One CvgDb per database that has the extension.  All of it is a cache of
 * tables (node, origins, progress, log) plus statistics: it is rebuilt after
 * a restart by identity.c, and nothing here is needed for recovery.
 *
 * Locks of a CvgDb, to be taken in this order, never around I/O, SPI, or
 * anything that can raise an error:
 *	 commit_lock  last_seq, last_committed_seq, last_commit_lsn, *_logged,
 *	              own_*, and the seq fields of this database's in-flight
 *	              slots.
 *	              Taken by every commit that captured something.
 *	 lock         all the rest: identity, origins, peers, members.
 * hlc is atomic.  The in-flight slots' first_stamp is atomic and written by
 * its owner only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_SHMEM_H
#define CVG_SHMEM_H

#include "compat.h"

#include "access/xlogdefs.h"
#include "core/base.h"
#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#define CVG_MAX_DATABASES	16	/* databases of one server with the extension */
#define CVG_MAX_ORIGINS		64	/* replica ids known to one database */
#define CVG_MAX_PEERS		32	/* entries in converge.peers of one database */
#define CVG_MAX_MEMBERS		64
#define CVG_ERROR_LEN		512
#define CVG_NAME_LEN		(CVG_MAX_REPLICA_ID + 1)

/* A replica id whose entries we have or know of; slot number is not stable. */
typedef struct CvgOriginSlot
{
	int32		id;				/* converge.origins.id; 0 = slot unused */
	char		replica_id[CVG_NAME_LEN];
	pid_t		uncommitted;	/* its origins row is not committed yet: pid of who inserts it */
	int64		seq;			/* applied here and committed (own: unused) */
	int64		pending_seq;	/* as seq, but set before the commit: for deps */
	CvgStamp	stamp;			/* commit stamp of entry seq */
	CvgStamp	horizon;		/* its writes stamped <= this are applied here */
	int64		floor;			/* entries <= floor are no longer in the log */
	int64		moved_seq;		/* was ours: entries up to this go on under another id */
} CvgOriginSlot;

typedef enum CvgPeerState
{
	CVG_PEER_OFF = 0,			/* no worker runs: back-off, or not started yet */
	CVG_PEER_CONNECTING,
	CVG_PEER_STREAMING,			/* connected and pulling */
	CVG_PEER_PAUSED,
	CVG_PEER_FAILED				/* stopped by an error; retried */
} CvgPeerState;

/* One entry of converge.peers; owned by manager (config) and receiver (rest). */
typedef struct CvgPeerSlot
{
	bool		in_use;
	char		name[CVG_NAME_LEN];
	uint64		conninfo_hash;	/* the manager restarts the receiver when it changes */
	bool		paused;
	CvgPeerState state;
	pid_t		pid;			/* receiver, 0 if none */
	bool		admitted;		/* it may apply what comes; see members.c */
	int			failures;		/* in a row */
	TimestampTz retry_at;		/* not before */
	char		replica_id[CVG_NAME_LEN];	/* as the peer said, "" if unknown */
	TimestampTz connected_at;
	TimestampTz last_contact;	/* last complete response */
	int64		head_seq;		/* peer's own last seq, as last told */
	CvgStamp	head_now;		/* peer's wall clock at that time */
	int			skew_ms;		/* its clock less ours, as hello() found it */
	int64		waiting_origin; /* origins.id whose entry waits for deps; 0 none */
	/* counters since the slot was made */
	int64		entries;
	int64		rows;
	int64		bytes;
	int64		transactions;	/* local commits that applied them */
	int64		conflicts;
	int64		fetches;
	int64		retries;		/* deadlock and serialization failures */
	double		apply_rate;		/* rows/s, decaying average */
	TimestampTz rate_at;
	TimestampTz last_error_at;
	char		last_error[CVG_ERROR_LEN];
} CvgPeerSlot;

/* Latest report of a member (possibly via others); see core/wire.h. */
typedef struct CvgMemberSlot
{
	bool		in_use;
	char		node_name[CVG_NAME_LEN];
	char		replica_id[CVG_NAME_LEN];
	int64		generation;
	int64		last_seq;
	uint8		flags;
	TimestampTz received_at;
	TimestampTz pulled_at;		/* its last direct request to us; 0 = never */
	uint64		boot_id;		/* as of that request; 0 unknown */
	pid_t		server_pid;		/* backend that serves it here, 0 if none */
	uint64		obituaries;		/* which members it knows to be forgotten */
	uint64		kick_answered;	/* the report was made after this CvgDb.kick */
	/* by origin, indexed like CvgDb.origins */
	int64		progress[CVG_MAX_ORIGINS];
	CvgStamp	horizon[CVG_MAX_ORIGINS];
} CvgMemberSlot;

typedef struct CvgDb
{
	Oid			dboid;			/* InvalidOid = free; under CvgShared.lock */
	LWLock		commit_lock;
	LWLock		lock;

	/* identity: set once by identity.c before ready is set, then constant
	 * until incarnation changes (which takes both locks) */
	bool		ready;
	int32		origin;			/* own origins.id */
	char		replica_id[CVG_NAME_LEN];
	char		node_name[CVG_NAME_LEN];
	uint64		boot_id;
	bool		renewing;		/* the manager is making a new incarnation */
	int32		log_segment;	/* where inserts go */
	int64		boot_seq;		/* own last seq when this server started */

	pg_atomic_uint64 hlc;		/* last stamp drawn or seen */
	pg_atomic_uint64 stamp_ceiling; /* durable: no horizon above it is told */

	/* under commit_lock */
	int64		last_seq;		/* taken */
	int64		last_committed_seq;
	XLogRecPtr	last_commit_lsn;	/* flush to here before telling anyone */
	uint64		stable_logged;	/* stable_version known to be in a committed entry */
	uint64		deps_logged;	/* progress_version likewise */

	/* where the next own entry goes; see store/ownlog.c */
	Oid			own_file;		/* file number of the table, 0 = begin anew */
	uint32		own_block;		/* block that is being filled */
	uint32		own_blocks;		/* so many blocks exist */
	uint32		own_room;		/* bytes that are left in own_block */

	pg_atomic_uint64 progress_version;	/* bumped when any pending_seq moves */
	pg_atomic_uint64 stable_version;	/* bumped when stable grows */
	pg_atomic_uint64 kick;		/* bumped to make long polls answer at once */

	/*
	 * Deletes of keyed rows, so that an insert knows cheaply whether one may
	 * have happened since it looked for a tombstone: low 32 bits are
	 * transactions that have deleted and not ended, high 32 bits those that
	 * have ended.
	 */
	pg_atomic_uint64 deleters;

	/*
	 * Rows set aside.  A local transaction may write to the key of such a row
	 * while others change it there; the two are merged here later, and by the
	 * others at once.  Until then the tombstone of such a key must not be forgotten.  So
	 * while there are rows aside no own stamp is told to be in the past that
	 * was not before: told_horizon is the last one told while there were none.
	 * aside is another number with every row that is set aside, from before the
	 * commit that does so on, and never 0.  none_aside is its value when the
	 * manager has found none left; not so after a start, until it has looked.
	 */
	pg_atomic_uint64 aside;
	pg_atomic_uint64 none_aside;
	pg_atomic_uint64 told_horizon;

	/* signalled when a seq commits, progress moves, kick, or config changes */
	ConditionVariable changed;

	/* under lock */
	int64		claimed_seq;	/* largest own seq that a peer says it has, 0 if we have it */
	int64		confirmed_seq;	/* an own entry that a peer has, and all before it */
	pid_t		manager_pid;
	bool		manager_wanted; /* cleared while DROP DATABASE etc. wants it gone */
	Latch	   *manager_latch;	/* valid while manager_pid <> 0 */
	TimestampTz manager_retry_at;
	int			norigins;
	CvgOriginSlot origins[CVG_MAX_ORIGINS];
	XLogRecPtr	apply_lsn;		/* flush to here before acknowledging progress */
	CvgStamp	stable[CVG_MAX_ORIGINS];	/* the stable clock S, durable */
	CvgPeerSlot peers[CVG_MAX_PEERS];
	CvgMemberSlot members[CVG_MAX_MEMBERS];
} CvgDb;

/* One per backend.  seq is under the database's commit_lock. */
typedef struct CvgInflight
{
	pg_atomic_uint64 first_stamp;	/* lower bound of its stamps, 0 = none drawn */
	int			db;				/* index of its CvgDb; valid if first_stamp <> 0 */
	int64		seq;			/* taken, not yet committed or aborted; 0 none */
} CvgInflight;

typedef struct CvgShared
{
	LWLock		lock;			/* dboid of all slots, launcher fields */
	pid_t		launcher_pid;
	Latch	   *launcher_latch;
	uint32		probe_requests; /* bumped to have all databases looked at */
	CvgDb		db[CVG_MAX_DATABASES];
	int			ninflight;
	CvgInflight inflight[FLEXIBLE_ARRAY_MEMBER];
} CvgShared;

extern CvgShared *cvg_shared;	/* NULL when not preloaded */

extern void cvg_shmem_init(void);	/* from _PG_init: installs the hooks */

/* ereport(ERROR) unless the library was preloaded. */
extern void cvg_require_preload(void);

/*
 * This database's slot, attached and ready; ERROR with hint when preloading,
 * extension, node name or the manager is missing.  Cached in the backend.
 */
extern CvgDb *cvg_db(void);

/* The slot if there is one (ready or not), else NULL.  Never an error. */
extern CvgDb *cvg_db_find(Oid dboid);

/* Find or make the slot (not ready).  ERROR when all are taken. */
extern CvgDb *cvg_db_acquire(Oid dboid);
extern void cvg_db_release(Oid dboid);

/* Wake the launcher: a database may have something for it. */
extern void cvg_wake_launcher(void);
extern void cvg_wake_manager(CvgDb *db);

/* My in-flight slot. */
extern CvgInflight *cvg_my_inflight(void);

/* Stamps.  All of them bump hlc; never an error. */
extern CvgStamp cvg_stamps_draw(CvgDb *db, int n);	/* the first of n */
extern void cvg_stamp_observe(CvgDb *db, CvgStamp seen);

/* The largest stamp of others that is to be believed now: converge.max_clock_skew ahead. */
extern CvgStamp cvg_latest_stamp(void);

static inline CvgStamp
cvg_stamp_draw(CvgDb *db)
{
	return cvg_stamps_draw(db, 1);
}

/*
 * Origin slots: caller holds db->lock.  Slots are appended only, so an index
 * stays good.  By name, a slot that another process has not committed yet
 * does not exist.
 */
extern CvgOriginSlot *cvg_origin_slot(CvgDb *db, int32 id);
extern CvgOriginSlot *cvg_origin_slot_by_name(CvgDb *db, CvgSlice replica_id);

/*
 * Clocks of the node, palloc'ed vclock bytes; they take db->lock (and
 * commit_lock for the own origin) themselves.
 */
extern CvgSlice cvg_progress_clock(CvgDb *db);	/* with own last committed seq */
extern CvgSlice cvg_horizon_clock(CvgDb *db, int64 *own_last_seq);
extern CvgSlice cvg_stable_clock(CvgDb *db);

/* What we bring along of our former selves (core/incarnation.h). */
extern CvgSlice cvg_past_clock(CvgDb *db);

#endif							/* CVG_SHMEM_H */
