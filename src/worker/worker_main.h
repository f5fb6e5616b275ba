/*-------------------------------------------------------------------------
 *
 * worker_main.h
 *	  What our background processes have in common.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_WORKER_MAIN_H
#define CVG_WORKER_MAIN_H

#include "compat.h"

#include "postmaster/bgworker.h"
#include "shmem.h"
#include "wait_event.h"

/* Passed to a receiver in bgw_extra. */
typedef struct CvgReceiverArg
{
	int			slot;			/* index of its CvgPeerSlot */
	char		name[CVG_NAME_LEN];
} CvgReceiverArg;

StaticAssertDecl(sizeof(CvgReceiverArg) <= BGW_EXTRALEN, "argument must fit");

extern PGDLLEXPORT void cvg_launcher_main(Datum arg);
extern PGDLLEXPORT void cvg_manager_main(Datum arg);
extern PGDLLEXPORT void cvg_receiver_main(Datum arg);

/* Fill in what all dynamic workers share; name goes to ps and logs. */
extern void cvg_worker_init(BackgroundWorker *worker, const char *function,
							const char *type, const char *name, Oid dboid);

/* Signals, then the connection (InvalidOid: to no database). */
extern void cvg_worker_start(Oid dboid);

/*
 * Settings of our sessions in a database: nothing set for the database or
 * the role may end our waits or change what our statements mean.
 */
extern void cvg_worker_session(bool applies);

/* Set a setting for this process, above all other sources. */
extern void cvg_worker_set(const char *name, const char *value);

/*
 * Sleep until the latch is set or the time is over, then CHECK_FOR_INTERRUPTS.
 * Returns whether the latch was set.
 */
extern bool cvg_worker_wait(long timeout_ms, CvgWaitEvent event);

/*
 * While on, a wait for a lock looks for a deadlock again and again: the other
 * side may close the cycle long after our wait has begun.
 */
extern void cvg_worker_watch_locks(bool on);

/* Handle SIGHUP if it came; returns whether it had. */
extern bool cvg_worker_reload(void);

#endif							/* CVG_WORKER_MAIN_H */
