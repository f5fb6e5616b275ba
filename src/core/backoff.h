/*-------------------------------------------------------------------------
 *
 * backoff.h
 *	  How long to wait before the next attempt: exponential with full jitter.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_BACKOFF_H
#define CVG_CORE_BACKOFF_H

#include "core/base.h"

/*
 * Milliseconds to wait after "failures" failures in a row (1 = the first),
 * between base_ms/2 and max_ms.  random is any 32 random bits.
 */
static inline int64
cvg_backoff_ms(int failures, int64 base_ms, int64 max_ms, uint32 random)
{
	int64		ceiling = base_ms;

	while (failures-- > 1 && ceiling < max_ms)
		ceiling *= 2;
	if (ceiling > max_ms)
		ceiling = max_ms;
	return ceiling / 2 + (int64) (random % (uint32) (ceiling - ceiling / 2 + 1));
}

#endif							/* CVG_CORE_BACKOFF_H */
