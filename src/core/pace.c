/*-------------------------------------------------------------------------
 *
 * pace.c
 *	  How much a receiver tries at once, and how often it asks.
 *
 *-------------------------------------------------------------------------
 */
#include "core/pace.h"

#include "core/backoff.h"

/* An entry of more rows waits longer for locks with each retry. */
#define LARGE_ENTRY_ROWS	1000

/* How long a local transaction waits for a lock: of several entries, of one. */
#define LOCK_TIMEOUT_SEVERAL_MS	50
#define LOCK_TIMEOUT_ONE_MS	500

/* The first retry is at once. */
#define RETRY_BASE_MS		2
#define RETRY_MAX_MS		1000

/* A careful start ends when a batch of this many entries has succeeded. */
#define CAREFUL_LIMIT		1024

/* So many answers in a row may bring nothing new, then there are pauses. */
#define BARREN_FREE			8
#define BARREN_PAUSE_MAX_MS	100

void
cvg_batch_init(CvgBatch *batch, bool careful)
{
	batch->max_entries = careful ? 1 : 0;
	batch->retries = 0;
	batch->lock_timeout_ms = LOCK_TIMEOUT_ONE_MS;
}

void
cvg_batch_failed(CvgBatch *batch, int nentries, int64 rows)
{
	if (batch->max_entries == 1 && rows > LARGE_ENTRY_ROWS)
		batch->lock_timeout_ms = Min(batch->lock_timeout_ms * 2, CVG_LOCK_TIMEOUT_MAX_MS);
	batch->max_entries = Max(nentries, 1);
	batch->retries++;
}

void
cvg_batch_succeeded(CvgBatch *batch)
{
	batch->retries = 0;
	batch->lock_timeout_ms = LOCK_TIMEOUT_ONE_MS;
	batch->max_entries *= 2;
	if (batch->max_entries > CAREFUL_LIMIT)
		batch->max_entries = 0;
}

int
cvg_batch_lock_timeout_ms(const CvgBatch *batch)
{
	return batch->max_entries == 1 ? batch->lock_timeout_ms : LOCK_TIMEOUT_SEVERAL_MS;
}

int64
cvg_batch_pause_ms(const CvgBatch *batch, uint32 random)
{
	if (batch->retries < 2)
		return 0;
	return cvg_backoff_ms(batch->retries - 1, RETRY_BASE_MS, RETRY_MAX_MS, random);
}

int
cvg_pace_ms(int *barren, bool empty, int64 applied, int heartbeat_ms)
{
	int			max_ms = empty ? BARREN_PAUSE_MAX_MS : Max(heartbeat_ms, BARREN_PAUSE_MAX_MS);

	if (applied > 0)
		*barren = 0;
	else if (*barren < PG_INT32_MAX)
		(*barren)++;
	if (*barren <= BARREN_FREE)
		return 0;
	return Min(1 << Min(*barren - BARREN_FREE, 16), max_ms);
}
