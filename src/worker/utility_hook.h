/*-------------------------------------------------------------------------
 *
 * utility_hook.h
 *	  Commands that our processes must make way for, or hear of.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_WORKER_UTILITY_HOOK_H
#define CVG_WORKER_UTILITY_HOOK_H

#include "compat.h"

extern void cvg_utility_hook_init(void);	/* from _PG_init */

#endif							/* CVG_WORKER_UTILITY_HOOK_H */
