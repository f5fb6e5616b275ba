/*-------------------------------------------------------------------------
 *
 * shim.c
 *	  Preloaded into a server under torture: a wall clock that is wrong, and
 *	  a disk that refuses to flush.
 *
 * CVG_SHIM names a file that all processes of one server map; the harness
 * writes it and the change is there at once, in every process.  It holds
 * seven little-endian words of 64 bits:
 *	  [0] fail      bit 0: fsync and fdatasync fail with EIO
 *	  [1] base      real time, ns, at which the clock below was set
 *	  [2] offset    ns added to the real time
 *	  [3] rate      per mille: 1000 runs as real time does, 10000 ten times
 *	                as fast, counted from base
 *	  [4] version   odd while the harness writes
 *	  [5] failed    flushes refused so far; written here
 *	  [6] unused
 * Only the wall clock is wrong: the monotonic clock is what servers measure
 * durations with, and no real machine has that jump.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS	1000000000LL

static volatile int64_t *control;

__attribute__((constructor))
static void
map_control(void)
{
	const char *path = getenv("CVG_SHIM");
	int			fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void	   *p;

	if (fd < 0)
		return;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p != MAP_FAILED)
		control = p;
}

static int64_t
wrong_time(void)
{
	struct timespec t;
	int64_t		real,
				base,
				offset,
				rate,
				version;

	syscall(SYS_clock_gettime, CLOCK_REALTIME, &t);
	real = t.tv_sec * NS + t.tv_nsec;
	if (control == NULL)
		return real;
	do
	{
		version = control[4];
		__sync_synchronize();
		base = control[1];
		offset = control[2];
		rate = control[3];
		__sync_synchronize();
	} while ((version & 1) || version != control[4]);
	if (rate != 1000 && base != 0)
		real = base + (real - base) / 1000 * rate;
	return real + offset;
}

int
clock_gettime(clockid_t id, struct timespec *t)
{
	int64_t		ns;

	if (id != CLOCK_REALTIME)
		return syscall(SYS_clock_gettime, id, t);
	ns = wrong_time();
	t->tv_sec = ns / NS;
	t->tv_nsec = ns % NS;
	return 0;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	int64_t		ns = wrong_time();

	(void) tz;
	tv->tv_sec = ns / NS;
	tv->tv_usec = ns % NS / 1000;
	return 0;
}

time_t
time(time_t *t)
{
	time_t		s = wrong_time() / NS;

	if (t != NULL)
		*t = s;
	return s;
}

static int
flush_fails(void)
{
	if (control == NULL || !(control[0] & 1))
		return 0;
	__sync_fetch_and_add(&control[5], 1);
	errno = EIO;
	return 1;
}

int
fsync(int fd)
{
	return flush_fails() ? -1 : syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return flush_fails() ? -1 : syscall(SYS_fdatasync, fd);
}
