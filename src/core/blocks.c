/*-------------------------------------------------------------------------
 *
 * blocks.c
 *	  Origins whose next entry has to wait.
 *
 *-------------------------------------------------------------------------
 */
#include "core/blocks.h"

static void
copy_id(char *dst, CvgSlice id)
{
	size_t		len = Min(id.len, CVG_MAX_REPLICA_ID);

	memcpy(dst, id.data, len);
	dst[len] = '\0';
}

CvgBlockKind
cvg_blocks_add(CvgBlocks *blocks, const CvgEntryHeader *header, CvgVerdict verdict,
			   const CvgClockEntry *missing, const CvgBlockRules *rules)
{
	CvgBlocked *b;

	if (blocks->n == CVG_MAX_BLOCKED)
		return CVG_BLOCK_QUIET;
	b = &blocks->items[blocks->n++];
	memset(b, 0, sizeof(*b));
	copy_id(b->origin, header->origin);
	b->seq = header->seq;
	b->why = verdict;
	if (verdict == CVG_WAIT_DEPS)
	{
		copy_id(b->missing, missing->id);
		b->missing_seq = missing->value;
		return CVG_BLOCK_QUIET;
	}
	if (verdict == CVG_WAIT_CLOCK)
	{
		b->until = header->stamp - rules->max_skew;
		return CVG_BLOCK_CLOCK;
	}
	if (verdict == CVG_WAIT_GAP && rules->ahead)
		return CVG_BLOCK_QUIET;
	b->until = rules->now + rules->broken_retry;
	return cvg_slice_eq(header->origin, rules->peer) ? CVG_BLOCK_END : CVG_BLOCK_BROKEN;
}

const CvgBlocked *
cvg_blocks_find(const CvgBlocks *blocks, CvgSlice origin)
{
	int			i;

	for (i = 0; i < blocks->n; i++)
	{
		if (cvg_slice_eq(cvg_slice_cstring(blocks->items[i].origin), origin))
			return &blocks->items[i];
	}
	return NULL;
}

bool
cvg_blocks_await(const CvgBlocks *blocks, CvgSlice origin)
{
	int			i;

	for (i = 0; i < blocks->n; i++)
	{
		if (blocks->items[i].why == CVG_WAIT_DEPS &&
			cvg_slice_eq(cvg_slice_cstring(blocks->items[i].missing), origin))
			return true;
	}
	return false;
}

int
cvg_blocks_awaiting(const CvgBlocks *blocks)
{
	int			n = 0;
	int			i;

	for (i = 0; i < blocks->n; i++)
		n += blocks->items[i].why == CVG_WAIT_DEPS ? 1 : 0;
	return n;
}

static bool
is_gone(const CvgBlocked *b, CvgProgressFn progress, void *arg, int64 now)
{
	if (b->why == CVG_WAIT_DEPS)
		return progress(cvg_slice_cstring(b->missing), arg) >= b->missing_seq;
	return now >= b->until;
}

bool
cvg_blocks_lift(CvgBlocks *blocks, CvgProgressFn progress, void *arg, int64 now)
{
	int			before = cvg_blocks_awaiting(blocks);
	int			kept = 0;
	int			i;

	for (i = 0; i < blocks->n; i++)
	{
		if (!is_gone(&blocks->items[i], progress, arg, now))
			blocks->items[kept++] = blocks->items[i];
	}
	blocks->n = kept;
	return cvg_blocks_awaiting(blocks) < before;
}
