/*-------------------------------------------------------------------------
 *
 * wait_event.c
 *	  Names for what our processes wait for.
 *
 * The number of a name is asked for once per process: the server keeps the
 * names in shared memory, so all processes get the same one.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "wait_event.h"

#ifdef CVG_NAMED_WAIT_EVENTS
#include "utils/wait_event.h"

static const char *const names[] = {
	[CVG_WAIT_LAUNCHER_MAIN] = "ConvergeLauncherMain",
	[CVG_WAIT_MANAGER_MAIN] = "ConvergeManagerMain",
	[CVG_WAIT_RECEIVER_MAIN] = "ConvergeReceiverMain",
	[CVG_WAIT_RECEIVER_BACKOFF] = "ConvergeReceiverBackoff",
	[CVG_WAIT_PULL] = "ConvergePull",
	[CVG_WAIT_SYNC] = "ConvergeSync",
	[CVG_WAIT_ATTACH] = "ConvergeAttach",
	[CVG_WAIT_CONNECT] = "ConvergeConnect",
};

StaticAssertDecl(lengthof(names) == CVG_NUM_WAIT_EVENTS, "a name per event");

uint32
cvg_wait_event(CvgWaitEvent event)
{
	static uint32 numbers[CVG_NUM_WAIT_EVENTS];

	if (numbers[event] == 0)
		numbers[event] = WaitEventExtensionNew(names[event]);
	return numbers[event];
}

#else
#include "utils/wait_event.h"

uint32
cvg_wait_event(CvgWaitEvent event)
{
	return PG_WAIT_EXTENSION;
}

#endif
