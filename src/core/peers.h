/*-------------------------------------------------------------------------
 *
 * peers.h
 *	  The list in converge.peers:  name=conninfo, name=conninfo, ...
 *
 * A conninfo is either a URI (postgresql://...) or keyword=value pairs.
 * Inside single quotes (libpq's quoting of one value) and inside double
 * quotes (around a whole conninfo) a comma does not separate; in double
 * quotes "" stands for one.  In a URI a comma separates hosts, as libpq has
 * it, so a URI with commas is double-quoted.  Names follow the rule for
 * replica ids without '~'.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_PEERS_H
#define CVG_CORE_PEERS_H

#include "core/base.h"

typedef struct CvgPeerSpec
{
	char	   *name;			/* palloc'ed */
	char	   *conninfo;		/* palloc'ed, unquoted, trimmed */
} CvgPeerSpec;

/*
 * Parse text into *peers (palloc'ed array, *npeers).  An empty or blank text
 * is an empty list.  Errors: CVG_E_SYNTAX, CVG_E_BAD_ID, CVG_E_DUPLICATE,
 * with the byte offset.  Whether libpq understands the conninfo, and whether
 * it holds a password, is for the caller to see.
 */
extern CvgStatus cvg_peers_parse(const char *text, CvgPeerSpec **peers,
								 int *npeers, CvgError *err);
extern void cvg_peers_free(CvgPeerSpec *peers, int npeers);

#endif							/* CVG_CORE_PEERS_H */
