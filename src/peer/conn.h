/*-------------------------------------------------------------------------
 *
 * conn.h
 *	  A connection to a peer, as a client of it.
 *
 * All waiting handles interrupts.  Every failure is an ERROR that names the
 * peer and never shows its connection string; after one, the connection is
 * good for nothing but cvg_conn_close().
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_PEER_CONN_H
#define CVG_PEER_CONN_H

#include "compat.h"

#include "core/base.h"

typedef enum CvgConninfoCheck
{
	CVG_CONNINFO_OK,
	CVG_CONNINFO_INVALID,
	CVG_CONNINFO_PASSWORD		/* holds a secret */
} CvgConninfoCheck;

/* Does libpq understand it, and may everybody see it?  Never an error. */
extern CvgConninfoCheck cvg_conninfo_check(const char *conninfo);

typedef struct CvgConn CvgConn;

/* Connect and set up the session.  name is the peer's, for messages. */
extern CvgConn *cvg_conn_open(const char *name, const char *conninfo,
							  const char *application_name, int timeout_ms);
extern void cvg_conn_close(CvgConn *conn);

/* Encoding of the peer's database, by name; NULL if it has not said so. */
extern const char *cvg_conn_encoding(CvgConn *conn);

/* Prepare "SELECT function($1)", a function from bytea to bytea. */
extern void cvg_conn_prepare(CvgConn *conn, const char *function, int timeout_ms);

/*
 * Call a prepared function: send the call, then get row by row; the row is
 * palloc'ed in the current context.  Returns false at the end of the rows.
 * ERROR when nothing, or next to nothing, arrives for timeout_ms.
 */
extern void cvg_conn_send(CvgConn *conn, const char *function, CvgSlice arg,
						  int timeout_ms);
extern bool cvg_conn_recv(CvgConn *conn, int timeout_ms, CvgSlice *row);

/* Send, and get the one row there is. */
extern CvgSlice cvg_conn_call(CvgConn *conn, const char *function,
							  CvgSlice arg, int timeout_ms);

#endif							/* CVG_PEER_CONN_H */
