/*-------------------------------------------------------------------------
 *
 * netswitch.c
 *	  An Ethernet switch in user space that loses, delays, reorders, doubles
 *	  and resets on command, from a seed.
 *
 *	  netswitch SEED PORT...        PORT: interface names, p1 p2 ...
 *
 * Each port is the far end of a veth pair; the node behind port number i has
 * the MAC address 02:00:00:00:00:i.  Frames are read from one packet socket
 * per port and written to another port when they are due.  There is no kernel
 * module behind it (no netem, nft or bridge), so it works wherever network
 * namespaces do.
 *
 * Sockets carry a virtio header, so that frames whose checksum or
 * segmentation the sender left to the device pass through as they are.
 *
 * Commands on stdin, one a line, each answered by "ok" or "error":
 *	  set FROM TO LOSS DELAY JITTER DOUBLE   of frames from node FROM to node
 *	                  TO (numbers, 0 = every node): LOSS and DOUBLE in
 *	                  per mille, DELAY and JITTER in milliseconds; LOSS 1000
 *	                  cuts.  Jitter is uniform in 0..JITTER and reorders.
 *	  reset FROM TO   the next TCP segment with data from FROM to TO becomes
 *	                  a reset, of each connection there is
 *	  stop            no more resets
 *	  count           "ok forwarded dropped doubled reset"
 *	  quit
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_PORTS	16
#define MAX_FRAME	(sizeof(struct virtio_net_hdr) + 70000)
/* Frames on their way at once; more are dropped, as a real queue would. */
#define MAX_QUEUE	20000

typedef struct Rule
{
	int			loss;			/* per mille */
	int			delay;			/* ms */
	int			jitter;			/* ms */
	int			twice;			/* per mille */
	bool		reset;
} Rule;

typedef struct Frame
{
	uint64_t	due;			/* ns, monotonic */
	uint64_t	order;			/* equal times leave in order of arrival */
	int			port;
	size_t		len;
	unsigned char *bytes;
} Frame;

static int	nports;
static int	sock[MAX_PORTS + 1];	/* by node number, from 1 */
static Rule rule[MAX_PORTS + 1][MAX_PORTS + 1];
static Frame heap[MAX_QUEUE];
static int	queued;
static uint64_t arrivals;
static uint64_t seed;
static unsigned long forwarded,
			dropped,
			doubled,
			resets;

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

/* splitmix64 */
static uint32_t
draw(uint32_t below)
{
	uint64_t	z = (seed += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return below == 0 ? 0 : (uint32_t) ((z ^ (z >> 31)) % below);
}

static bool
earlier(const Frame *a, const Frame *b)
{
	return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static void
heap_push(Frame f)
{
	int			i = queued++;

	while (i > 0 && earlier(&f, &heap[(i - 1) / 2]))
	{
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = f;
}

static Frame
heap_pop(void)
{
	Frame		top = heap[0],
				last = heap[--queued];
	int			i = 0;

	for (;;)
	{
		int			child = 2 * i + 1;

		if (child >= queued)
			break;
		if (child + 1 < queued && earlier(&heap[child + 1], &heap[child]))
			child++;
		if (!earlier(&heap[child], &last))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return top;
}

static int
open_port(const char *name)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET,.sll_protocol = htons(ETH_P_ALL)};
	int			on = 1,
				size = 8 * 1024 * 1024;
	int			fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));

	addr.sll_ifindex = if_nametoindex(name);
	if (fd < 0 || addr.sll_ifindex == 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0 ||
		setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *) &addr, sizeof(addr)) < 0)
	{
		fprintf(stderr, "netswitch: port %s: %s\n", name, strerror(errno));
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return fd;
}

/*
 * Make a TCP segment with data a reset.  It keeps its sequence number, so the
 * receiver takes it for one of the connection.  Where the checksum is left to
 * the device, its field holds that of the pseudo header and stays right;
 * otherwise it is changed by what the flags changed.
 */
static bool
make_reset(unsigned char *bytes, size_t len)
{
	struct virtio_net_hdr *vnet = (struct virtio_net_hdr *) bytes;
	unsigned char *ip = bytes + sizeof(*vnet) + ETH_HLEN;
	unsigned char *tcp;
	size_t		header;
	uint16_t	was,
				is;

	if (len < sizeof(*vnet) + ETH_HLEN + 40 || ip[-2] != 0x08 || ip[-1] != 0x00 || ip[9] != 6)
		return false;
	header = (ip[0] & 15) * 4;
	tcp = ip + header;
	if (len < sizeof(*vnet) + ETH_HLEN + header + 20 + 1 || (tcp[13] & 0x07) != 0)
		return false;
	if ((size_t) (ip[2] << 8 | ip[3]) <= header + (tcp[12] >> 4) * 4)
		return false;
	memcpy(&was, tcp + 12, 2);
	tcp[13] = 0x14;				/* RST, ACK */
	memcpy(&is, tcp + 12, 2);
	if (!(vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
	{
		uint16_t	sum;
		uint32_t	s;

		memcpy(&sum, tcp + 16, 2);
		s = (uint16_t) ~sum + (uint16_t) ~was + is;
		s = (s & 0xffff) + (s >> 16);
		s = (s & 0xffff) + (s >> 16);
		sum = ~s;
		memcpy(tcp + 16, &sum, 2);
	}
	return true;
}

static void
enqueue(int from, int to, const unsigned char *bytes, size_t len)
{
	const Rule *r = &rule[from][to];
	int			copies = 1;

	if (r->loss > 0 && (int) draw(1000) < r->loss)
	{
		dropped++;
		return;
	}
	if (r->twice > 0 && (int) draw(1000) < r->twice)
	{
		copies = 2;
		doubled++;
	}
	while (copies-- > 0)
	{
		Frame		f = {.port = to,.len = len,.order = arrivals++};

		if (queued == MAX_QUEUE || (f.bytes = malloc(len)) == NULL)
		{
			dropped++;
			return;
		}
		memcpy(f.bytes, bytes, len);
		if (r->reset && make_reset(f.bytes, len))
			resets++;
		f.due = now_ns() + r->delay * 1000000ULL + draw(r->jitter * 1000 + 1) * 1000ULL;
		heap_push(f);
	}
}

static void
receive(int from)
{
	static unsigned char bytes[MAX_FRAME];
	ssize_t		len;

	for (int n = 0; n < 64 && (len = read(sock[from], bytes, sizeof(bytes))) > 0; n++)
	{
		const unsigned char *mac = bytes + sizeof(struct virtio_net_hdr);

		if ((size_t) len < sizeof(struct virtio_net_hdr) + ETH_HLEN)
			continue;
		for (int to = 1; to <= nports; to++)
			if (to != from && ((mac[0] & 1) || mac[5] == to))
				enqueue(from, to, bytes, len);
	}
}

static void
deliver(void)
{
	while (queued > 0 && heap[0].due <= now_ns())
	{
		Frame		f = heap_pop();

		if (write(sock[f.port], f.bytes, f.len) == (ssize_t) f.len)
			forwarded++;
		else
			dropped++;
		free(f.bytes);
	}
}

static void
command(char *line)
{
	int			a,
				b;
	Rule		r = {0};

	if (sscanf(line, "set %d %d %d %d %d %d", &a, &b, &r.loss, &r.delay, &r.jitter, &r.twice) == 6)
	{
		for (int i = 1; i <= nports; i++)
			for (int j = 1; j <= nports; j++)
				if ((a == 0 || a == i) && (b == 0 || b == j))
				{
					r.reset = rule[i][j].reset;
					rule[i][j] = r;
				}
		puts("ok");
	}
	else if (sscanf(line, "reset %d %d", &a, &b) == 2)
	{
		for (int i = 1; i <= nports; i++)
			for (int j = 1; j <= nports; j++)
				if ((a == 0 || a == i) && (b == 0 || b == j))
					rule[i][j].reset = true;
		puts("ok");
	}
	else if (strcmp(line, "stop") == 0)
	{
		for (int i = 1; i <= nports; i++)
			for (int j = 1; j <= nports; j++)
				rule[i][j].reset = false;
		puts("ok");
	}
	else if (strcmp(line, "count") == 0)
		printf("ok %lu %lu %lu %lu\n", forwarded, dropped, doubled, resets);
	else if (strcmp(line, "quit") == 0)
		exit(0);
	else
		puts("error");
	fflush(stdout);
}

/* Commands that have come in; false at the end of input. */
static bool
commands(void)
{
	static char line[4096];
	static size_t len;
	ssize_t		n = read(0, line + len, sizeof(line) - 1 - len);
	char	   *end;

	if (n <= 0)
		return false;
	len += n;
	line[len] = '\0';
	while ((end = strchr(line, '\n')) != NULL)
	{
		*end = '\0';
		command(line);
		len -= end + 1 - line;
		memmove(line, end + 1, len + 1);
	}
	return len < sizeof(line) - 1;
}

int
main(int argc, char **argv)
{
	struct pollfd fds[MAX_PORTS + 1];

	if (argc < 3 || argc - 2 > MAX_PORTS)
	{
		fprintf(stderr, "usage: netswitch SEED PORT...\n");
		return 2;
	}
	seed = strtoull(argv[1], NULL, 10);
	nports = argc - 2;
	fds[0] = (struct pollfd) {.fd = 0,.events = POLLIN};
	for (int i = 1; i <= nports; i++)
	{
		sock[i] = open_port(argv[i + 1]);
		fds[i] = (struct pollfd) {.fd = sock[i],.events = POLLIN};
	}
	puts("ok");
	fflush(stdout);
	for (;;)
	{
		struct timespec wait,
				   *limit = NULL;

		if (queued > 0)
		{
			uint64_t	now = now_ns(),
						left = heap[0].due > now ? heap[0].due - now : 0;

			wait.tv_sec = left / 1000000000;
			wait.tv_nsec = left % 1000000000;
			limit = &wait;
		}
		if (ppoll(fds, nports + 1, limit, NULL) < 0 && errno != EINTR)
			return 1;
		for (int i = 1; i <= nports; i++)
			if (fds[i].revents)
				receive(i);
		deliver();
		if (fds[0].revents && !commands())
			return 0;
	}
}
