/*
 * latency.c: from a commit here to its visibility there.
 *
 *	  latency CONNINFO_HERE CONNINFO_THERE SAMPLES PAUSE_MS FIRST_ID
 *
 * Commits a row at one node and asks the other for it, again and again
 * without a pause, until it is there.  The clock of a sample starts when the
 * client has the commit's answer.  Prints microseconds: p50 p95 p99 max, then
 * the time that one question takes (the resolution).  Table: lat (id int8
 * primary key).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <libpq-fe.h>

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static PGconn *
open_connection(const char *conninfo, const char *statement)
{
	PGconn	   *conn = PQconnectdb(conninfo);
	PGresult   *res;

	if (PQstatus(conn) != CONNECTION_OK)
	{
		fprintf(stderr, "%s", PQerrorMessage(conn));
		exit(1);
	}
	res = PQprepare(conn, "s", statement, 1, NULL);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
	{
		fprintf(stderr, "%s", PQerrorMessage(conn));
		exit(1);
	}
	PQclear(res);
	return conn;
}

/* Run the prepared statement; number of rows returned. */
static int
run(PGconn *conn, long id)
{
	char		text[32];
	const char *values[1] = {text};
	PGresult   *res;
	int			n;

	snprintf(text, sizeof(text), "%ld", id);
	res = PQexecPrepared(conn, "s", 1, values, NULL, NULL, 0);
	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
	{
		fprintf(stderr, "%s", PQerrorMessage(conn));
		exit(1);
	}
	n = PQntuples(res);
	PQclear(res);
	return n;
}

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	int			samples;
	struct timespec pause;
	double	   *us;
	double		probe = 0;
	long		probes = 0;
	long		first;
	PGconn	   *here;
	PGconn	   *there;

	if (argc != 6)
	{
		fprintf(stderr, "usage: latency CONNINFO_HERE CONNINFO_THERE SAMPLES PAUSE_MS FIRST_ID\n");
		return 1;
	}
	samples = atoi(argv[3]);
	pause.tv_sec = atoi(argv[4]) / 1000;
	pause.tv_nsec = atoi(argv[4]) % 1000 * 1000000L;
	us = malloc(sizeof(double) * samples);
	here = open_connection(argv[1], "INSERT INTO lat VALUES ($1)");
	there = open_connection(argv[2], "SELECT 1 FROM lat WHERE id = $1");

	first = atol(argv[5]);

	for (int i = 0; i < samples; i++)
	{
		double		start;
		double		last;

		nanosleep(&pause, NULL);
		run(here, first + i);
		start = last = now_us();
		for (;;)
		{
			int			found = run(there, first + i);
			double		t = now_us();

			probe += t - last;
			probes++;
			last = t;
			if (found)
				break;
			if (t - start > 30e6)
			{
				fprintf(stderr, "row %d did not arrive within 30 s\n", i);
				return 1;
			}
		}
		us[i] = last - start;
	}
	qsort(us, samples, sizeof(double), compare);
	printf("%.0f %.0f %.0f %.0f %.0f\n", us[samples / 2], us[samples * 95 / 100],
		   us[samples * 99 / 100], us[samples - 1], probe / probes);
	PQfinish(here);
	PQfinish(there);
	return 0;
}
