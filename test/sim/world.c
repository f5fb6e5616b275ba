/*
 * world.c: memory, random numbers, events, ids and clocks of the simulator.
 *
 * All memory of a run comes from one arena and goes with it.  Replica ids are
 * small numbers inside the simulator; whatever leaves a node has their names.
 */
#include "sim.h"

#include <stdarg.h>

World		w;
bool		tracing = false;
Counters	counters;
int64		fault_counts[NFAULTS];

/* ---- memory ---- */

#define CHUNK	(4 * 1024 * 1024)

typedef struct Chunk
{
	struct Chunk *next;
	size_t		size;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} Chunk;

static Chunk *chunks = NULL;	/* all */
static Chunk *current = NULL;
static size_t used;

void *
sim_alloc(size_t size)
{
	void	   *result;

	size = MAXALIGN(size);
	if (current == NULL || used + size > current->size)
	{
		Chunk	   *next = current ? current->next : chunks;

		if (next == NULL || next->size < size)
		{
			Chunk	   *fresh = malloc(offsetof(Chunk, data) + Max(size, CHUNK));

			if (fresh == NULL)
			{
				fprintf(stderr, "out of memory\n");
				exit(1);
			}
			fresh->size = Max(size, CHUNK);
			fresh->next = next;
			if (current != NULL)
				current->next = fresh;
			else
				chunks = fresh;
			next = fresh;
		}
		current = next;
		used = 0;
	}
	result = current->data + used;
	used += size;
	return memset(result, 0, size);
}

void
sim_free_all(void)
{
	current = NULL;
	used = 0;
}

CvgSlice
sim_keep(CvgSlice bytes)
{
	uint8	   *copy = sim_alloc(Max(bytes.len, 1));

	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	return cvg_slice(copy, bytes.len);
}

/* ---- random numbers: splitmix64 ---- */

static uint64 rnd_state;

uint64
rnd(void)
{
	uint64		z = (rnd_state += UINT64CONST(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void
rnd_seed(uint64 seed)
{
	rnd_state = seed * UINT64CONST(0xd1342543de82ef95) + 1;
}

int
below(int n)
{
	return (int) (rnd() % (uint64) n);
}

bool
chance(double p)
{
	return (rnd() >> 11) * (1.0 / 9007199254740992.0) < p;
}

/* Like an exponential distribution, without libm: sum of halvings. */
int64
around(int64 mean)
{
	uint64		r = rnd();
	int64		result = 0;

	while (r & 1)
	{
		result += mean;
		r >>= 1;
	}
	return Max(1, result / 2 + (int64) (rnd() % (uint64) Max(mean, 1)));
}

/* ---- events ---- */

typedef struct Event
{
	int64		at;
	uint64		number;			/* ties go to the first */
	Proc	   *proc;
	uint32		wakeup;
	void		(*fn) (void *arg);
	void	   *arg;
} Event;

static Event *heap = NULL;
static int	nheap = 0;
static int	max_heap = 0;
static uint64 next_number = 0;

static bool
earlier(const Event *a, const Event *b)
{
	return a->at < b->at || (a->at == b->at && a->number < b->number);
}

static void
push(Event e)
{
	int			i = nheap++;

	if (nheap > max_heap)
	{
		max_heap = Max(1024, max_heap * 2);
		heap = realloc(heap, sizeof(Event) * max_heap);
	}
	e.number = next_number++;
	while (i > 0 && earlier(&e, &heap[(i - 1) / 2]))
	{
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = e;
}

static Event
pop(void)
{
	Event		top = heap[0];
	Event		last = heap[--nheap];
	int			i = 0;

	for (;;)
	{
		int			child = 2 * i + 1;

		if (child >= nheap)
			break;
		if (child + 1 < nheap && earlier(&heap[child + 1], &heap[child]))
			child++;
		if (!earlier(&heap[child], &last))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return top;
}

void
events_reset(void)
{
	nheap = 0;
	next_number = 0;
}

/* The process goes on after a while; what was scheduled before is void. */
void
schedule(Proc *p, int64 delay)
{
	Event		e = {.at = w.now + Max(delay, 1), .proc = p, .wakeup = ++p->wakeups};

	push(e);
}

void
at(int64 delay, void (*fn) (void *arg), void *arg)
{
	Event		e = {.at = w.now + Max(delay, 1), .fn = fn, .arg = arg};

	push(e);
}

static void
run_event(const Event *e)
{
	Proc	   *p = e->proc;

	if (p == NULL)
		e->fn(e->arg);
	else if (!p->dead && p->epoch == p->node->epoch && p->wakeups == e->wakeup)
		p->step(p);
	else
		return;
	COUNT(events);
}

void
run_until(int64 end)
{
	while (nheap > 0 && w.failure == NULL && heap[0].at <= end)
	{
		Event		e = pop();

		w.now = e.at;
		run_event(&e);
	}
	if (w.failure == NULL)
		w.now = end;
}

Proc *
new_proc(Node *node, size_t size, StepFn step)
{
	Proc	   *p = sim_alloc(size);

	p->node = node;
	p->epoch = node->epoch;
	p->step = step;
	return p;
}

/* ---- replica ids ---- */

/* "c", then "c~b", "c~c" ... */
int
new_id(int node)
{
	int			id = w.nids;
	int			incarnation = w.nodes[node].incarnation;

	if (id == MAX_IDS || incarnation == MAX_LIVES)
	{
		fail(-1, "the model has no room for more replica ids");
		return id - 1;
	}
	w.nids++;
	w.nodes[node].incarnation++;
	if (incarnation == 0)
		snprintf(w.ids[id].name, sizeof(w.ids[id].name), "%c", 'a' + node);
	else
		snprintf(w.ids[id].name, sizeof(w.ids[id].name), "%c~%c", 'a' + node,
				 'a' + incarnation);
	w.ids[id].slice = cvg_slice_cstring(w.ids[id].name);
	w.ids[id].node = node;
	w.id_of[node][incarnation] = id;
	return id;
}

/*
 * Is there room for what gives a node a new id?  Others may be about to get
 * one too, and a crash before that is written costs another.
 */
bool
may_get_new_id(const Node *node)
{
	return w.nids + MAX_NODES + 4 <= MAX_IDS && node->incarnation + 3 <= MAX_LIVES;
}

int
id_by_name(CvgSlice name)
{
	int			incarnation = name.len == 3 ? name.data[2] - 'a' : 0;

	return w.id_of[name.data[0] - 'a'][incarnation];
}

/* ---- clocks ---- */

void
put_clock(CvgBuf *out, const int64 *values)
{
	CvgClockEntry entries[MAX_IDS];
	int			n = 0;
	int			i;

	for (i = 0; i < w.nids; i++)
	{
		if (values[i] == 0)
			continue;
		entries[n].id = w.ids[i].slice;
		entries[n++].value = values[i];
	}
	if (cvg_vclock_from_entries(entries, n, out) != CVG_OK)
		fail(-1, "a clock cannot be formed");
}

void
get_clock(CvgSlice clock, int64 *values)
{
	CvgClockIter it;
	CvgClockEntry entry;

	memset(values, 0, sizeof(int64) * MAX_IDS);
	cvg_vclock_iter(&it, clock);
	while (cvg_vclock_next(&it, &entry))
		values[id_by_name(entry.id)] = entry.value;
}

CvgSlice
clock_bytes(const int64 *values)
{
	static CvgBuf buf;

	cvg_buf_reset(&buf);
	put_clock(&buf, values);
	return sim_keep(cvg_buf_slice(&buf));
}

/* Microseconds since 2000; runs begin some years later. */
#define WALL_START	(INT64CONST(800000000) * SECOND)

CvgStamp
wall_clock(Node *node)
{
	return WALL_START + node->clock_offset + node->clock_base +
		(w.now - node->clock_base) * node->clock_rate / 10;
}

/* ---- talking ---- */

void
fail(int key, const char *fmt,...)
{
	va_list		ap;

	if (w.failure != NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(w.failure_text, sizeof(w.failure_text), fmt, ap);
	va_end(ap);
	w.failure = w.failure_text;
	w.failed_key = key;
	TRACE("FAILED: %s", w.failure);
}

void
trace(const char *fmt,...)
{
	va_list		ap;

	printf("%10.3f  ", (double) w.now / MS);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

const char *
show_clock(const int64 *values)
{
	static char bufs[4][512];
	static int	next = 0;
	char	   *buf = bufs[next++ % 4];
	int			len = 0;
	int			i;

	buf[0] = '\0';
	for (i = 0; i < w.nids; i++)
	{
		if (values[i] != 0)
			len += snprintf(buf + len, 512 - len, "%s%s:" INT64_FORMAT, len ? "," : "",
							w.ids[i].name, values[i] > WALL_START ? values[i] - WALL_START : values[i]);
		len = Min(len, 500);
	}
	return buf;
}

/* A row for people: its clock with stamps as virtual time. */
const char *
show_row(int key, const Row *row)
{
	static char bufs[4][640];
	static int	next = 0;
	static CvgBuf printed;
	char	   *buf = bufs[next++ % 4];
	int64		clock[MAX_IDS];

	if (!row->present)
		return "absent";
	cvg_buf_reset(&printed);
	cvg_rowstate_clock(row->state, &printed);
	get_clock(cvg_buf_slice(&printed), clock);
	snprintf(buf, 640, "%s {%s} x=%d y=%d z=%d",
			 cvg_rowstate_alive(row->state, w.cfg.policy[key]) ? "live" : "DEAD",
			 show_clock(clock), row->values[0], row->values[1], row->values[2]);
	return buf;
}
