/*-------------------------------------------------------------------------
 *
 * janitor.h
 *	  The manager's housekeeping.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_WORKER_JANITOR_H
#define CVG_WORKER_JANITOR_H

#include "compat.h"

#include "shmem.h"

/* Do what is due.  Outside of a transaction; errors are logged, not raised. */
extern void cvg_janitor_run(CvgDb *db);

#endif							/* CVG_WORKER_JANITOR_H */
