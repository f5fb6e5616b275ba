/*
 * What a receiver asks of whom, what blocks an origin, what does not come, and
 * how much it tries at once: core/blocks.h, core/links.h, core/pace.h.
 */
#include "recode.h"
#include "core/links.h"
#include "core/pace.h"

#define NOW		INT64CONST(1000000)
#define HEALTHY	INT64CONST(1000)

/* Progress here, of the replica ids a, b, ... */
static int64 applied[26];

static int64
progress_of(CvgSlice origin, void *arg)
{
	return applied[origin.data[0] - 'a'];
}

static CvgSlice
id_of(int i)
{
	static const char ids[] = "abcdefghijklmnopqrstuvwxyz";

	return cvg_slice(ids + i, 1);
}

static CvgEntryHeader
entry_of(CvgSlice origin, int64 seq)
{
	CvgEntryHeader h = {origin, seq, seq - 1, NOW};

	return h;
}

/* Entry seq of an origin comes from peer "p" and has to wait. */
static CvgBlockKind
block(CvgBlocks *blocks, const char *origin, int64 seq, CvgVerdict verdict, bool ahead)
{
	CvgEntryHeader h = entry_of(cvg_slice_cstring(origin), seq);
	CvgClockEntry missing = {cvg_slice_cstring("m"), 5};
	CvgBlockRules rules = {cvg_slice_cstring("p"), ahead, NOW, 300, 2000};

	return cvg_blocks_add(blocks, &h, verdict, &missing, &rules);
}

static bool
lift(CvgBlocks *blocks, int64 now)
{
	return cvg_blocks_lift(blocks, progress_of, NULL, now);
}

/* ---- blocks ---- */

static void
test_dependency(void)
{
	CvgBlocks	blocks = {0};

	memset(applied, 0, sizeof(applied));
	CHECK(block(&blocks, "b", 9, CVG_WAIT_DEPS, false) == CVG_BLOCK_QUIET);
	CHECK(cvg_blocks_find(&blocks, id_of(1)) != NULL && cvg_blocks_find(&blocks, id_of(2)) == NULL);
	CHECK(cvg_blocks_await(&blocks, cvg_slice_cstring("m")) && !cvg_blocks_await(&blocks, id_of(1)));
	applied['m' - 'a'] = 4;
	CHECK(!lift(&blocks, PG_INT64_MAX) && blocks.n == 1, "no time mends it");
	applied['m' - 'a'] = 5;
	CHECK(lift(&blocks, 0) && blocks.n == 0, "it has arrived");
	CHECK(!lift(&blocks, 0), "only once");
}

static void
test_until(void)
{
	CvgBlocks	blocks = {0};

	CHECK(block(&blocks, "b", 9, CVG_WAIT_CLOCK, true) == CVG_BLOCK_CLOCK);
	CHECK(!lift(&blocks, NOW - 301) && blocks.n == 1, "further ahead than max_skew");
	CHECK(!lift(&blocks, NOW - 300) && blocks.n == 0, "not a dependency");

	CHECK(block(&blocks, "b", 9, CVG_WAIT_GAP, true) == CVG_BLOCK_QUIET);
	CHECK(cvg_blocks_find(&blocks, id_of(1)) != NULL, "not in this answer any more");
	(void) lift(&blocks, NOW);
	CHECK(blocks.n == 0, "but in the next");

	CHECK(block(&blocks, "b", 9, CVG_WAIT_GAP, false) == CVG_BLOCK_BROKEN);
	CHECK(block(&blocks, "c", 9, CVG_FORKED, true) == CVG_BLOCK_BROKEN);
	(void) lift(&blocks, NOW + 1999);
	CHECK(blocks.n == 2);
	(void) lift(&blocks, NOW + 2000);
	CHECK(blocks.n == 0, "asked for again");

	CHECK(block(&blocks, "p", 9, CVG_WAIT_GAP, true) == CVG_BLOCK_QUIET);
	CHECK(block(&blocks, "p", 9, CVG_WAIT_GAP, false) == CVG_BLOCK_END, "the origin must have it all");
	CHECK(block(&blocks, "p", 9, CVG_FORKED, true) == CVG_BLOCK_END);
	CHECK(block(&blocks, "p", 9, CVG_WAIT_DEPS, false) == CVG_BLOCK_QUIET);
	CHECK(cvg_blocks_awaiting(&blocks) == 1);
}

static void
test_full(void)
{
	CvgBlocks	blocks = {0};
	char		name[8];
	int			i;

	for (i = 0; i < CVG_MAX_BLOCKED; i++)
	{
		snprintf(name, sizeof(name), "x%d", i);
		(void) block(&blocks, name, 1, CVG_WAIT_GAP, false);
	}
	CHECK(block(&blocks, "b", 1, CVG_WAIT_GAP, false) == CVG_BLOCK_QUIET && blocks.n == CVG_MAX_BLOCKED);
}

/* ---- whom to ask ---- */

#define NLINKS	6

typedef struct Setting
{
	CvgLink		items[NLINKS];
	CvgLinks	links;
	CvgBlocks	blocks;
} Setting;

/* Any links to a, b, ..., and some blocks, as they may be. */
static void
any_setting(Setting *s)
{
	int			n = unit_below(4);
	int			i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < NLINKS; i++)
	{
		applied[i] = unit_below(3);
		s->items[i].replica_id = unit_below(5) > 0 ? id_of(i) : cvg_slice(NULL, 0);
		s->items[i].streaming = unit_below(3) > 0;
		s->items[i].last_contact = NOW - HEALTHY - 1 + unit_below(3);
	}
	s->links = (CvgLinks) {s->items, NLINKS, unit_below(NLINKS), NOW, HEALTHY};
	while (s->blocks.n < n)
	{
		int			origin = unit_below(NLINKS + 2);
		CvgEntryHeader h = entry_of(id_of(origin), 4);
		CvgClockEntry missing = {id_of((origin + 1 + unit_below(NLINKS)) % (NLINKS + 2)), 1 + unit_below(3)};
		CvgBlockRules rules = {id_of(s->links.asked), false, NOW, 0, unit_below(3)};

		if (cvg_blocks_find(&s->blocks, id_of(origin)) == NULL)
			(void) cvg_blocks_add(&s->blocks, &h, CVG_WAIT_GAP + unit_below(3), &missing, &rules);
	}
}

static bool
contains(const CvgSlice *list, int n, CvgSlice id)
{
	int			i;

	for (i = 0; i < n && !cvg_slice_eq(list[i], id); i++)
		 /* search */ ;
	return i < n;
}

/* What is left out of one request, from the rules as the header words them. */
static void
check_left_out(Setting *s)
{
	CvgSlice	except[NLINKS + CVG_MAX_BLOCKED];
	int			n = cvg_links_except(&s->links, &s->blocks, except);
	int			i;

	for (i = 0; i < NLINKS + 2; i++)
	{
		CvgSlice	id = id_of(i);
		const CvgLink *link = i < NLINKS && s->items[i].replica_id.len > 0 ? &s->items[i] : NULL;
		bool		out = contains(except, n, id);
		bool		blocked = cvg_blocks_find(&s->blocks, id) != NULL;

		CHECK(out == cvg_links_leave_out(&s->links, &s->blocks, id));
		CHECK(!blocked || out, "of an origin that waits, nothing is of use");
		if (blocked)
			continue;
		CHECK(!out || !cvg_blocks_await(&s->blocks, id), "what is waited for is asked of everybody");
		CHECK(!out || link != NULL, "who has no link of its own is asked of everybody");
		CHECK(!out || i != s->links.asked, "the peer itself is asked for its own");
		CHECK(!out || (link->streaming && link->last_contact > NOW - HEALTHY), "a link that does not work brings nothing");
		if (link != NULL && link->streaming && link->last_contact > NOW - HEALTHY &&
			i != s->links.asked && !cvg_blocks_await(&s->blocks, id))
			CHECK(out, "what comes by its own link need not come twice");
	}
}

/*
 * No origin is left out by all links for ever: what waits for nothing is asked
 * of one link at least, its own if that is the one that works.
 */
static void
check_asked(Setting *s)
{
	int			i;
	int			j;

	for (i = 0; i < NLINKS + 2; i++)
	{
		bool		asked = false;
		bool		works = false;

		if (cvg_blocks_find(&s->blocks, id_of(i)) != NULL)
			continue;
		for (j = 0; j < NLINKS; j++)
		{
			if (!s->items[j].streaming || s->items[j].last_contact <= NOW - HEALTHY)
				continue;
			works = true;
			s->links.asked = j;
			asked |= !cvg_links_leave_out(&s->links, &s->blocks, id_of(i));
		}
		CHECK(asked || !works, "origin %c", 'a' + i);
	}
}

/* A block goes exactly when its reason does. */
static void
check_lift(Setting *s)
{
	int64		now = NOW + unit_below(4) - 1;
	CvgBlocks	after = s->blocks;
	bool		arrived = lift(&after, now);
	bool		expect = false;
	int			i;

	for (i = 0; i < s->blocks.n; i++)
	{
		const CvgBlocked *b = &s->blocks.items[i];
		bool		gone = b->why == CVG_WAIT_DEPS ?
			applied[b->missing[0] - 'a'] >= b->missing_seq : b->until <= now;

		expect |= gone && b->why == CVG_WAIT_DEPS;
		CHECK(gone == (cvg_blocks_find(&after, cvg_slice_cstring(b->origin)) == NULL));
	}
	CHECK(arrived == expect);
}

static void
test_random(void)
{
	int			cases = unit_env_cases(20000);
	uint64		seed = unit_env_seed();
	Setting		s;
	int			i;

	for (i = 0; i < cases; i++)
	{
		unit_start(seed + i);
		any_setting(&s);
		check_left_out(&s);
		check_lift(&s);
		check_asked(&s);
	}
}

/* ---- asking ahead ---- */

static void
test_ahead(void)
{
	CvgBlocks	none = {0};
	CvgBlocks	one = {0};
	CvgPosition position = {0};
	CvgBuf		buf;
	int			i;

	(void) block(&one, "b", 9, CVG_WAIT_DEPS, false);
	CHECK(cvg_may_ask_ahead(&none, true, 1, false));
	CHECK(!cvg_may_ask_ahead(&none, false, 1, false), "there is no more");
	CHECK(!cvg_may_ask_ahead(&none, true, 0, false), "it would be the same request");
	CHECK(!cvg_may_ask_ahead(&none, true, 1, true), "the parts come first");
	CHECK(!cvg_may_ask_ahead(&one, true, 1, false), "what is dropped would not come again");
	CHECK(cvg_request_wait_ms(&none, 1000) == 1000 && cvg_request_wait_ms(&one, 1000) == CVG_BLOCKED_POLL_MS);
	CHECK(cvg_request_wait_ms(&one, 20) == 20);

	for (i = 0; i < 6; i++)
	{
		CvgEntryHeader h = entry_of(id_of(2 - i % 3), 10 + i);

		cvg_position_note(&position, &h);
	}
	cvg_buf_init(&buf);
	CHECK(cvg_position_clock(&position, &buf) == CVG_OK);
	CHECK(cvg_vclock_count(cvg_buf_slice(&buf)) == 3 && cvg_vclock_get(cvg_buf_slice(&buf), id_of(0)) == 15 &&
		  cvg_vclock_get(cvg_buf_slice(&buf), id_of(2)) == 13, "the last of each origin");
	cvg_buf_free(&buf);
	position.n = 0;
	for (i = 0; i < CVG_MAX_BLOCKED + 1; i++)
	{
		CvgEntryHeader h = entry_of(cvg_slice("0123456789012345678901234567890123456789012345678901234567890123456789", i + 1), 1);

		cvg_position_note(&position, &h);
	}
	CHECK(position.n == CVG_MAX_BLOCKED, "others come again");
}

/* ---- what does not come ---- */

static CvgLack lack;
static CvgLink links_abc[3];
static CvgBlocks waiting;

/* Node d looks at what a does not send; b and c are its other links. */
static bool
look(const char *theirs, int64 now)
{
	CvgLinks	links = {links_abc, 3, 0, now, HEALTHY};
	CvgBuf		buf;
	bool		overdue;

	cvg_buf_init(&buf);
	if (cvg_vclock_parse(theirs, &buf, NULL) != CVG_OK)
		abort();
	overdue = cvg_lack_look(&lack, &links, &waiting, cvg_buf_slice(&buf), id_of(3), progress_of, NULL, 100);
	cvg_buf_free(&buf);
	return overdue;
}

static void
test_lack(void)
{
	CvgClockEntry missing = {id_of(2), 8};
	CvgEntryHeader h = entry_of(id_of(0), 4);
	CvgBlockRules rules = {id_of(0), false, NOW, 0, 0};
	int			i;

	memset(applied, 0, sizeof(applied));
	applied[0] = 3;
	applied[2] = 5;
	for (i = 0; i < 3; i++)
		links_abc[i] = (CvgLink) {id_of(i), true, NOW};
	CHECK(!look("{a:3,c:5}", NOW) && lack.origin[0] == '\0', "it has what we have");
	CHECK(!look("{a:3,c:5,d:9}", NOW) && lack.origin[0] == '\0', "what is ours is not lacking");
	CHECK(!look("{a:3,c:9}", NOW) && lack.origin[0] == '\0', "c has a link of its own");
	links_abc[2].streaming = false;
	CHECK(!look("{a:3,c:9}", NOW) && strcmp(lack.origin, "c") == 0 && lack.here == 5 && lack.there == 9);
	CHECK(!look("{a:3,c:9}", NOW + 99));
	CHECK(look("{a:3,c:10}", NOW + 100) && lack.waiter[0] == '\0', "for so long");
	lack.said = true;
	CHECK(look("{a:3,c:10}", NOW + 101) && lack.said, "once is enough");

	(void) cvg_blocks_add(&waiting, &h, CVG_WAIT_DEPS, &missing, &rules);
	CHECK(look("{a:4,c:10}", NOW + 102) && !lack.said, "now something waits for it");
	CHECK(strcmp(lack.waiter, "a") == 0 && lack.waiter_seq == 4 && lack.needed == 8);
	applied[2] = 6;
	CHECK(!look("{a:4,c:10}", NOW + 103), "something has come");
	CHECK(look("{a:4,c:10}", NOW + 203));
	CHECK(look("{a:4}", NOW + 203) && lack.there == 0, "who sent the entry does not have it");
	links_abc[2] = (CvgLink) {id_of(2), true, NOW + 203};
	CHECK(look("{a:4,c:10}", NOW + 203), "c has a link, and is asked of a too");

	missing.id = id_of(1);
	missing.value = 1;
	h = entry_of(id_of(2), 7);
	(void) cvg_blocks_add(&waiting, &h, CVG_WAIT_DEPS, &missing, &rules);
	CHECK(!look("{a:4,c:10}", NOW + 204) && strcmp(lack.origin, "b") == 0 && strcmp(lack.waiter, "c") == 0,
		  "c waits itself: what for");
	applied[1] = 1;
	applied[2] = 8;
	CHECK(!look("{a:4,c:8}", NOW + 205) && lack.origin[0] == '\0', "all of it has come");
}

/* ---- pace ---- */

static void
test_batch(void)
{
	CvgBatch	batch;
	int			i;

	cvg_batch_init(&batch, false);
	CHECK(batch.max_entries == 0 && cvg_batch_lock_timeout_ms(&batch) == 50);
	cvg_batch_failed(&batch, 7, 5000);
	CHECK(batch.max_entries == 7 && cvg_batch_pause_ms(&batch, 0) == 0, "what went well, at once");
	cvg_batch_failed(&batch, 0, 5000);
	CHECK(batch.max_entries == 1 && cvg_batch_lock_timeout_ms(&batch) == 500 && cvg_batch_pause_ms(&batch, 1) > 0);
	cvg_batch_failed(&batch, 0, 1000);
	CHECK(cvg_batch_lock_timeout_ms(&batch) == 500, "a small entry");
	for (i = 0; i < 20; i++)
		cvg_batch_failed(&batch, 0, 1001);
	CHECK(cvg_batch_lock_timeout_ms(&batch) == CVG_LOCK_TIMEOUT_MAX_MS && cvg_batch_pause_ms(&batch, ~0u) <= 1000);
	cvg_batch_succeeded(&batch);
	CHECK(batch.max_entries == 2 && batch.retries == 0 && batch.lock_timeout_ms == 500);

	cvg_batch_init(&batch, true);
	CHECK(batch.max_entries == 1, "careful");
	for (i = 0; i < 10; i++)
		cvg_batch_succeeded(&batch);
	CHECK(batch.max_entries == 1024);
	cvg_batch_succeeded(&batch);
	CHECK(batch.max_entries == 0, "and not any more");
}

static void
test_pace(void)
{
	int			barren = 0;
	int			i;

	for (i = 0; i < 8; i++)
		CHECK(cvg_pace_ms(&barren, true, 0, 500) == 0, "that happens");
	CHECK(cvg_pace_ms(&barren, true, 0, 500) == 2);
	for (i = 0; i < 30; i++)
		(void) cvg_pace_ms(&barren, true, 0, 500);
	CHECK(cvg_pace_ms(&barren, true, 0, 500) == 100, "empty answers");
	CHECK(cvg_pace_ms(&barren, false, 0, 500) == 500, "what we have already");
	CHECK(cvg_pace_ms(&barren, false, 0, 10) == 100);
	CHECK(cvg_pace_ms(&barren, false, 1, 500) == 0 && barren == 0, "news");
	barren = PG_INT32_MAX;
	CHECK(cvg_pace_ms(&barren, true, 0, 500) == 100 && barren == PG_INT32_MAX);
}

int
main(void)
{
	unit_start(1);
	test_dependency();
	test_until();
	test_full();
	test_random();
	test_ahead();
	test_lack();
	test_batch();
	test_pace();
	return unit_done();
}
