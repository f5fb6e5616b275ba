/*-------------------------------------------------------------------------
 *
 * conn.c
 *	  The only file that knows libpq.
 *
 * The connection is in non-blocking mode: neither a large request nor a peer
 * that does not read can keep us from seeing interrupts.  Rows come in
 * single-row mode, so that memory holds one message at a time.
 *
 * A dead peer is noticed by TCP (keepalives when idle, tcp_user_timeout when
 * data is unacknowledged) in about five seconds, a hung one by the timeout
 * that every call takes; the user's conninfo may override the former.  One
 * that dribbles is as good as hung: while we wait for an answer, it must bring
 * MIN_BYTES_PER_S on average over each timeout.  libpq does not tell how much
 * it has read, so the socket is asked before it reads; what an encrypted
 * connection adds is counted too.  Only time spent waiting counts, by the
 * monotonic clock: neither the caller's work between two rows nor a step of
 * the wall clock is the peer's fault.
 *
 * The process that owns a connection dies with its socket, so nothing is
 * cleaned up at exit; within a process, cvg_conn_close() is the caller's duty
 * on all paths.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <sys/ioctl.h>

#include "libpq/libpq-be-fe-helpers.h"
#include "mb/pg_wchar.h"
#include "peer/conn.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "wait_event.h"

/*
 * The session at the peer: nothing that the database or role there has set
 * may cut a long poll short or change what our functions see.
 */
#define SESSION_SETUP \
	"SET default_transaction_isolation = 'read committed'; " \
	"SET default_transaction_deferrable = off; " \
	"SET statement_timeout = 0; " \
	"SET lock_timeout = 0; " \
	"SET idle_session_timeout = 0; " \
	"SET search_path = ''; " \
	"SET bytea_output = 'hex'; " \
	"SET log_statement = 'none'; " \
	"SET log_min_duration_statement = -1"

/* The same, where the role may not set what only superusers may. */
#define SESSION_SETUP_PLAIN \
	"SET default_transaction_isolation = 'read committed'; " \
	"SET default_transaction_deferrable = off; " \
	"SET statement_timeout = 0; " \
	"SET lock_timeout = 0; " \
	"SET idle_session_timeout = 0; " \
	"SET search_path = ''"

/* A slower peer than this, by far less than any modem, does not answer. */
#define MIN_BYTES_PER_S		128

/* Nobody has so many warnings for us in one answer. */
#define MAX_NOTICES			1000

struct CvgConn
{
	PGconn	   *pg;
	WaitEventSet *wait_set;		/* latch, postmaster, socket */
	int			socket_pos;
	char	   *name;			/* of the peer */
	double		waited_ms;		/* for input, since the pace was last looked at */
	int64		heard;			/* bytes, meanwhile */
	int			notices;		/* in this answer */
};

CvgConninfoCheck
cvg_conninfo_check(const char *conninfo)
{
	CvgConninfoCheck result = CVG_CONNINFO_OK;
	PQconninfoOption *options;
	PQconninfoOption *opt;
	char	   *message = NULL;

	options = PQconninfoParse(conninfo, &message);
	if (message != NULL)
		PQfreemem(message);
	if (options == NULL)
		return CVG_CONNINFO_INVALID;

	/* libpq marks what has to be hidden when it is typed */
	for (opt = options; opt->keyword != NULL; opt++)
	{
		if (opt->val != NULL && opt->val[0] != '\0' && opt->dispchar[0] == '*')
			result = CVG_CONNINFO_PASSWORD;
	}
	PQconninfoFree(options);
	return result;
}

/* ----------
 * Errors
 * ----------
 */

/* libpq's own complaint about the connection. */
static void
report_connection_error(CvgConn *conn)
{
	char	   *message = pchomp(PQerrorMessage(conn->pg));

	ereport(ERROR,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("lost the connection to peer \"%s\"", conn->name),
			 message[0] != '\0' ? errdetail_internal("%s", message) : 0));
}

static char *
result_field(const PGresult *res, int code)
{
	const char *field = PQresultErrorField(res, code);

	return field != NULL ? pstrdup(field) : NULL;
}

/* An error that the peer's server reported.  Frees the result. */
static void
report_remote_error(CvgConn *conn, PGresult *res)
{
	char	   *sqlstate = result_field(res, PG_DIAG_SQLSTATE);
	char	   *primary = result_field(res, PG_DIAG_MESSAGE_PRIMARY);
	char	   *detail = result_field(res, PG_DIAG_MESSAGE_DETAIL);
	char	   *hint = result_field(res, PG_DIAG_MESSAGE_HINT);
	char	   *context = result_field(res, PG_DIAG_CONTEXT);
	int			code = ERRCODE_CONNECTION_FAILURE;

	PQclear(res);
	if (primary == NULL)
		report_connection_error(conn);
	if (sqlstate != NULL && strlen(sqlstate) == 5)
		code = MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2],
							 sqlstate[3], sqlstate[4]);
	ereport(ERROR,
			(errcode(code),
			 errmsg("peer \"%s\": %s", conn->name, primary),
			 detail != NULL ? errdetail_internal("%s", detail) : 0,
			 hint != NULL ? errhint("%s", hint) : 0,
			 context != NULL ? errcontext("%s", context) : 0));
}

/* ----------
 * Connecting
 * ----------
 */

/* What the peer's server has to say besides; libpq would print it to stderr. */
static void
receive_notice(void *arg, const char *text)
{
	CvgConn    *conn = arg;

	/* no ERROR here: libpq is in the middle of something */
	conn->notices++;
	ereport(DEBUG1, (errmsg_internal("peer \"%s\": %.*s", conn->name,
									 (int) strcspn(text, "\n"), text)));
}

/* Drive PQconnectPoll; false when time runs out. */
static bool
poll_connection(PGconn *pg, TimestampTz deadline)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED)
	{
		int			io = status == PGRES_POLLING_READING ?
			WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE;
		long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
		int			rc;

		if (left <= 0)
			return false;
		rc = WaitLatchOrSocket(MyLatch,
							   WL_EXIT_ON_PM_DEATH | WL_LATCH_SET | WL_TIMEOUT | io,
							   PQsocket(pg), left,
							   cvg_wait_event(CVG_WAIT_CONNECT));
		if (rc & WL_LATCH_SET)
		{
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
		if (rc & io)
			status = PQconnectPoll(pg);
	}
	return true;
}

/* The peer's conninfo with our defaults below it and our musts above it. */
static PGconn *
start_connection(const char *conninfo, const char *application_name)
{
	const char *const keywords[] = {
		"keepalives", "keepalives_idle", "keepalives_interval",
		"keepalives_count", "tcp_user_timeout", "fallback_application_name",
		"dbname",
		"client_encoding", NULL
	};
	const char *const values[] = {
		"1", "2", "1",
		"2", "4000", application_name,
		conninfo,
		GetDatabaseEncodingName(), NULL
	};

	libpqsrv_connect_prepare();
	return PQconnectStartParams(keywords, values, 1);
}

static void
set_up_session(CvgConn *conn, int timeout_ms)
{
	const char *is_superuser = PQparameterStatus(conn->pg, "is_superuser");
	bool		superuser = is_superuser != NULL && strcmp(is_superuser, "on") == 0;
	CvgSlice	row;

	if (PQsendQuery(conn->pg, superuser ? SESSION_SETUP : SESSION_SETUP_PLAIN) == 0)
		report_connection_error(conn);
	while (cvg_conn_recv(conn, timeout_ms, &row))
		 /* no rows */ ;
}

CvgConn *
cvg_conn_open(const char *name, const char *conninfo,
			  const char *application_name, int timeout_ms)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout_ms);
	CvgConn    *conn = MemoryContextAllocZero(TopMemoryContext, sizeof(CvgConn));
	bool		in_time;

	conn->name = MemoryContextStrdup(TopMemoryContext, name);
	PG_TRY();
	{
		conn->pg = start_connection(conninfo, application_name);
		if (conn->pg == NULL)
		{
			ReleaseExternalFD();
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory")));
		}
		in_time = PQstatus(conn->pg) == CONNECTION_BAD ||
			poll_connection(conn->pg, deadline);
		if (PQstatus(conn->pg) != CONNECTION_OK)
			ereport(ERROR,
					(errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
					 errmsg("could not connect to peer \"%s\"", name),
					 in_time ? errdetail_internal("%s", pchomp(PQerrorMessage(conn->pg))) :
					 errdetail("There was no answer within %d ms.", timeout_ms)));
		PQsetNoticeProcessor(conn->pg, receive_notice, conn);
		if (PQsetnonblocking(conn->pg, 1) != 0)
			report_connection_error(conn);
		conn->wait_set = cvg_create_wait_event_set(3);
		AddWaitEventToSet(conn->wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
		AddWaitEventToSet(conn->wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
		conn->socket_pos = AddWaitEventToSet(conn->wait_set, WL_SOCKET_READABLE,
											 PQsocket(conn->pg), NULL, NULL);
		set_up_session(conn, timeout_ms);
	}
	PG_CATCH();
	{
		cvg_conn_close(conn);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return conn;
}

void
cvg_conn_close(CvgConn *conn)
{
	if (conn == NULL)
		return;
	if (conn->wait_set != NULL)
		FreeWaitEventSet(conn->wait_set);
	libpqsrv_disconnect(conn->pg);
	pfree(conn->name);
	pfree(conn);
}

const char *
cvg_conn_encoding(CvgConn *conn)
{
	return PQparameterStatus(conn->pg, "server_encoding");
}

/* ----------
 * Calls
 * ----------
 */

/*
 * Wait for the socket, at most timeout_ms: ERROR when it runs out.  Returns
 * the socket's events, 0 if it was something else.
 */
static uint32
wait_socket(CvgConn *conn, uint32 io, int timeout_ms)
{
	WaitEvent	event;

	ModifyWaitEvent(conn->wait_set, conn->socket_pos, io, NULL);
	if (WaitEventSetWait(conn->wait_set, timeout_ms, &event, 1,
						 cvg_wait_event(CVG_WAIT_RECEIVER_MAIN)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("peer \"%s\" does not answer", conn->name),
				 errdetail("Nothing was heard of it for %d ms.", timeout_ms)));
	if (event.events & WL_LATCH_SET)
	{
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		return 0;
	}
	return event.events & io;
}

static void
reset_pace(CvgConn *conn)
{
	conn->waited_ms = 0;
	conn->heard = 0;
}

static void
begin_answer(CvgConn *conn)
{
	reset_pace(conn);
	conn->notices = 0;
}

/* ERROR if the peer has been too slow for a whole timeout. */
static void
check_pace(CvgConn *conn, int timeout_ms)
{
	if (conn->waited_ms < timeout_ms)
		return;
	if (conn->heard * 1000 < (int64) timeout_ms * MIN_BYTES_PER_S)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("peer \"%s\" does not answer", conn->name),
				 errdetail("Only " INT64_FORMAT " bytes were heard of it in %d ms.",
						   conn->heard, (int) conn->waited_ms)));
	reset_pace(conn);
}

/* Wait for input and take it in; ERROR when there is none, or too little. */
static void
await_input(CvgConn *conn, int timeout_ms)
{
	instr_time	begin;
	instr_time	end;
	uint32		events;
	int			available = 0;

	INSTR_TIME_SET_CURRENT(begin);
	events = wait_socket(conn, WL_SOCKET_READABLE, timeout_ms);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, begin);
	conn->waited_ms += INSTR_TIME_GET_MILLISEC(end);
	if (events == 0)
		return;
	if (ioctl(PQsocket(conn->pg), FIONREAD, &available) != 0)
		available = timeout_ms; /* cannot tell: fast enough */
	conn->heard += available;
	if (PQconsumeInput(conn->pg) == 0)
		report_connection_error(conn);
	if (PQisBusy(conn->pg))
		check_pace(conn, timeout_ms);
	if (conn->notices > MAX_NOTICES)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("peer \"%s\" sent an invalid answer", conn->name),
				 errdetail("There are more than %d notices in it.", MAX_NOTICES)));
}

/* Push out what libpq has buffered. */
static void
flush_output(CvgConn *conn, int timeout_ms)
{
	for (;;)
	{
		int			left = PQflush(conn->pg);

		if (left == 0)
			return;
		if (left < 0)
			report_connection_error(conn);

		/* read too: the peer may be unable to read before we do */
		if ((wait_socket(conn, WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE,
						 timeout_ms) & WL_SOCKET_READABLE) &&
			PQconsumeInput(conn->pg) == 0)
			report_connection_error(conn);
	}
}

void
cvg_conn_prepare(CvgConn *conn, const char *function, int timeout_ms)
{
	char	   *query = psprintf("SELECT %s($1)", function);
	CvgSlice	row;

	if (PQsendPrepare(conn->pg, function, query, 1, NULL) == 0)
		report_connection_error(conn);
	begin_answer(conn);
	flush_output(conn, timeout_ms);
	while (cvg_conn_recv(conn, timeout_ms, &row))
		 /* no rows */ ;
	pfree(query);
}

void
cvg_conn_send(CvgConn *conn, const char *function, CvgSlice arg, int timeout_ms)
{
	const char *const values[1] = {(const char *) arg.data};
	const int	lengths[1] = {(int) arg.len};
	const int	formats[1] = {1};

	if (PQsendQueryPrepared(conn->pg, function, 1, values, lengths, formats, 1) == 0 ||
		PQsetSingleRowMode(conn->pg) == 0)
		report_connection_error(conn);
	begin_answer(conn);
	flush_output(conn, timeout_ms);
}

/* Copy the bytes of the one value out of a result, and free that. */
static CvgSlice
take_value(CvgConn *conn, PGresult *res)
{
	int			len = PQgetlength(res, 0, 0);
	bool		valid = PQnfields(res) == 1 && !PQgetisnull(res, 0, 0);
	uint8	   *copy = valid ? palloc_extended(Max(len, 1), MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE) : NULL;

	if (copy != NULL)
		memcpy(copy, PQgetvalue(res, 0, 0), len);
	PQclear(res);
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("peer \"%s\" sent an invalid answer", conn->name)));
	if (copy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("A message of peer \"%s\" has %d bytes.", conn->name, len)));
	return cvg_slice(copy, len);
}

bool
cvg_conn_recv(CvgConn *conn, int timeout_ms, CvgSlice *row)
{
	for (;;)
	{
		PGresult   *res;

		while (PQisBusy(conn->pg))
			await_input(conn, timeout_ms);
		res = PQgetResult(conn->pg);
		if (res == NULL)
		{
			if (PQstatus(conn->pg) == CONNECTION_BAD)
				report_connection_error(conn);
			return false;
		}
		switch (PQresultStatus(res))
		{
			case PGRES_SINGLE_TUPLE:
				*row = take_value(conn, res);
				return true;
			case PGRES_TUPLES_OK:
			case PGRES_COMMAND_OK:
				PQclear(res);
				break;
			default:
				report_remote_error(conn, res);
		}
	}
}

CvgSlice
cvg_conn_call(CvgConn *conn, const char *function, CvgSlice arg, int timeout_ms)
{
	CvgSlice	row;
	CvgSlice	extra;

	cvg_conn_send(conn, function, arg, timeout_ms);
	if (!cvg_conn_recv(conn, timeout_ms, &row) ||
		cvg_conn_recv(conn, timeout_ms, &extra))
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("peer \"%s\" sent an invalid answer", conn->name)));
	return row;
}
