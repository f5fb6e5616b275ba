/*-------------------------------------------------------------------------
 *
 * wait_event.h
 *	  Names for what our processes wait for, as pg_stat_activity shows them
 *	  (17 and later; before, all extensions share the event "Extension").
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_WAIT_EVENT_H
#define CVG_WAIT_EVENT_H

#include "compat.h"

typedef enum CvgWaitEvent
{
	CVG_WAIT_LAUNCHER_MAIN,
	CVG_WAIT_MANAGER_MAIN,
	CVG_WAIT_RECEIVER_MAIN,		/* waits for the peer's answer */
	CVG_WAIT_RECEIVER_BACKOFF,
	CVG_WAIT_PULL,				/* a peer's long poll waits for entries */
	CVG_WAIT_SYNC,				/* wait_for_sync() */
	CVG_WAIT_ATTACH,			/* waits for the manager to start */
	CVG_WAIT_CONNECT,
	CVG_NUM_WAIT_EVENTS
} CvgWaitEvent;

extern uint32 cvg_wait_event(CvgWaitEvent event);

#endif							/* CVG_WAIT_EVENT_H */
