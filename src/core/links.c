/*-------------------------------------------------------------------------
 *
 * links.c
 *	  Whom a node asks for what, and what does not come.
 *
 *-------------------------------------------------------------------------
 */
#include "core/links.h"

/* ----------------------------------------------------------------
 *		Whom to ask
 * ----------------------------------------------------------------
 */

/* Is what this link brings not to be asked of the peer at hand? */
static bool
brings_itself(const CvgLinks *links, int i, const CvgBlocks *blocks)
{
	const CvgLink *link = &links->items[i];

	return i != links->asked && link->streaming && link->replica_id.len > 0 &&
		links->now - link->last_contact < links->healthy &&
		!cvg_blocks_await(blocks, link->replica_id);
}

int
cvg_links_except(const CvgLinks *links, const CvgBlocks *blocks, CvgSlice *except)
{
	int			n = 0;
	int			i;

	for (i = 0; i < links->n; i++)
	{
		if (brings_itself(links, i, blocks))
			except[n++] = links->items[i].replica_id;
	}
	for (i = 0; i < blocks->n; i++)
		except[n++] = cvg_slice_cstring(blocks->items[i].origin);
	return n;
}

bool
cvg_links_leave_out(const CvgLinks *links, const CvgBlocks *blocks, CvgSlice origin)
{
	int			i;

	for (i = 0; i < links->n; i++)
	{
		if (cvg_slice_eq(links->items[i].replica_id, origin) && brings_itself(links, i, blocks))
			return true;
	}
	return cvg_blocks_find(blocks, origin) != NULL;
}

/* ----------------------------------------------------------------
 *		The request ahead
 * ----------------------------------------------------------------
 */

void
cvg_position_note(CvgPosition *position, const CvgEntryHeader *header)
{
	int			i;

	for (i = 0; i < position->n; i++)
	{
		if (cvg_slice_eq(position->entries[i].id, header->origin))
			break;
	}
	if (i == CVG_MAX_BLOCKED)
		return;					/* it will come again */
	position->entries[i].id = header->origin;
	position->entries[i].value = header->seq;
	position->n = Max(position->n, i + 1);
}

CvgStatus
cvg_position_clock(CvgPosition *position, CvgBuf *out)
{
	return cvg_vclock_from_entries(position->entries, position->n, out);
}

/* ----------------------------------------------------------------
 *		What does not come
 * ----------------------------------------------------------------
 */

static void
set_lack(CvgLack *found, CvgSlice origin, CvgSlice theirs, int64 here)
{
	memset(found, 0, sizeof(*found));
	memcpy(found->origin, origin.data, Min(origin.len, CVG_MAX_REPLICA_ID));
	found->here = here;
	found->there = cvg_vclock_get(theirs, origin);
	found->needed = here + 1;
}

/* The first origin that an entry waits for and that does not wait itself. */
static bool
find_awaited(const CvgBlocks *blocks, CvgSlice theirs, CvgProgressFn progress, void *arg,
			 CvgLack *found)
{
	int			i;

	for (i = 0; i < blocks->n; i++)
	{
		const CvgBlocked *b = &blocks->items[i];
		CvgSlice	missing = cvg_slice_cstring(b->missing);
		int64		here;

		if (b->why != CVG_WAIT_DEPS || cvg_blocks_find(blocks, missing) != NULL)
			continue;
		here = progress(missing, arg);
		if (here >= b->missing_seq)
			continue;
		set_lack(found, missing, theirs, here);
		found->needed = b->missing_seq;
		memcpy(found->waiter, b->origin, sizeof(found->waiter));
		found->waiter_seq = b->seq;
		return true;
	}
	return false;
}

/* The first origin that the peer has more of, and was asked for. */
static bool
find_withheld(const CvgLinks *links, const CvgBlocks *blocks, CvgSlice theirs, CvgSlice self,
			  CvgProgressFn progress, void *arg, CvgLack *found)
{
	CvgClockIter it;
	CvgClockEntry entry;

	cvg_vclock_iter(&it, theirs);
	while (cvg_vclock_next(&it, &entry))
	{
		int64		here;

		if (cvg_slice_eq(entry.id, self))
			continue;
		here = progress(entry.id, arg);
		if (here >= entry.value || cvg_links_leave_out(links, blocks, entry.id))
			continue;
		set_lack(found, entry.id, theirs, here);
		return true;
	}
	return false;
}

bool
cvg_lack_look(CvgLack *lack, const CvgLinks *links, const CvgBlocks *blocks,
			  CvgSlice theirs, CvgSlice self,
			  CvgProgressFn progress, void *arg, int64 limit)
{
	CvgLack		found;

	if (!find_awaited(blocks, theirs, progress, arg, &found) &&
		!find_withheld(links, blocks, theirs, self, progress, arg, &found))
	{
		memset(lack, 0, sizeof(*lack));
		return false;
	}
	if (strcmp(found.origin, lack->origin) == 0 && found.here == lack->here)
	{
		found.since = lack->since;
		found.said = lack->said && strcmp(found.waiter, lack->waiter) == 0;
	}
	else
		found.since = links->now;
	*lack = found;
	return links->now - lack->since >= limit;
}
