/*
 * unit.h: the few lines that every unit test program needs.
 *
 * Each test is a program: CHECK() counts, unit_done() prints the last line
 * "N passed, N failed" and gives the exit code.  Random tests draw from
 * unit_rand(), seeded by the environment variable SEED or 1; the seed is
 * printed with each failure.
 */
#ifndef CVG_UNIT_H
#define CVG_UNIT_H

#include "postgres_fe.h"
#include <inttypes.h>

static int	unit_passed = 0;
static int	unit_failed = 0;
static uint64 unit_seed = 1;
static uint64 unit_state = 1;

/* splitmix64: small, seedable, good enough for test data */
static inline uint64
unit_rand(void)
{
	uint64		z = (unit_state += UINT64CONST(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 .. n-1 */
static inline int
unit_below(int n)
{
	return (int) (unit_rand() % (uint64) n);
}

static inline void
unit_start(uint64 seed)
{
	unit_seed = seed;
	unit_state = seed;
}

static inline uint64
unit_env_seed(void)
{
	const char *s = getenv("SEED");

	return s ? strtoull(s, NULL, 10) : 1;
}

/* Scale of random tests: CASES in the environment, or the default given. */
static inline int
unit_env_cases(int def)
{
	const char *s = getenv("CASES");

	return s ? atoi(s) : def;
}

#define CHECK(cond, ...) \
	do { \
		if (cond) \
			unit_passed++; \
		else \
		{ \
			unit_failed++; \
			if (unit_failed <= 20) \
			{ \
				printf("%s:%d: failed: %s [seed %" PRIu64 "]", __FILE__, __LINE__, #cond, unit_seed); \
				printf(" " __VA_ARGS__); \
				printf("\n"); \
			} \
		} \
	} while (0)

static inline int
unit_done(void)
{
	printf("%d passed, %d failed\n", unit_passed, unit_failed);
	return unit_failed == 0 ? 0 : 1;
}

#endif
