/*-------------------------------------------------------------------------
 *
 * launcher.h
 *	  The process that keeps a manager in each database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_WORKER_LAUNCHER_H
#define CVG_WORKER_LAUNCHER_H

#include "compat.h"

extern void cvg_launcher_register(void);	/* from _PG_init */

#endif							/* CVG_WORKER_LAUNCHER_H */
