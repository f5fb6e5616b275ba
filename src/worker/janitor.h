/*-------------------------------------------------------------------------
 *
 * janitor.h
 *	  What the manager does now and then: the stable clock, tombstones, the
 *	  log ring, the conflict log, set-aside rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_WORKER_JANITOR_H
#define CVG_WORKER_JANITOR_H

#include "compat.h"

#include "shmem.h"

/*
 * Do what is due.  Call outside a transaction, in the manager, about once a
 * heartbeat; each task keeps its own pace.  An ERROR ends the manager as any
 * other; every task is a transaction of its own and may be repeated.
 */
extern void cvg_janitor_run(CvgDb *db);

#endif							/* CVG_WORKER_JANITOR_H */
