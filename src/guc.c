/*-------------------------------------------------------------------------
 *
 * guc.c
 *	  Settings.
 *
 * All of them can be set per database (ALTER DATABASE ... SET) or for the
 * server; our processes notice a change within seconds (worker/manager.c).
 *
 * What stands in converge.peers can be read by everybody: ALTER DATABASE
 * stores it in the world-readable catalog pg_db_role_setting, whatever the
 * flags here say.  Its check hook therefore refuses passwords.  It always
 * words its own errors: the server's would repeat the value.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <limits.h>

#include "core/base.h"
#include "core/peers.h"
#include "guc.h"
#include "peer/conn.h"
#include "shmem.h"
#include "utils/guc.h"

/* An incarnation's replica id is the name, '~' and four characters. */
#define MAX_NODE_NAME	56

/* How much of a setting that is kept in memory may be asked for. */
#define MAX_PULL_SIZE_KB	(64 * 1024)

char	   *cvg_node_name = NULL;
char	   *cvg_peers = NULL;
int			cvg_heartbeat_interval_ms = 1000;
int			cvg_max_clock_skew_ms = 60000;
int			cvg_connect_timeout_s = 5;
int			cvg_max_retry_interval_ms = 30000;
int			cvg_pull_size_kb = 1024;
int			cvg_apply_batch_rows = 1000;
int			cvg_apply_rate_limit = 0;
int			cvg_log_segment_size_mb = 64;
int			cvg_max_hint_age_s = 7 * 86400;
int			cvg_max_log_size_mb = 4096;
bool		cvg_log_conflicts = true;
int			cvg_conflict_retention_s = 30 * 86400;
int			cvg_conflict_limit = 100000;
int			cvg_tombstone_retention_s = 86400;

static bool
check_node_name(char **newval, void **extra, GucSource source)
{
	const char *name = *newval;

	if (name == NULL || name[0] == '\0')
		return true;
	if (strlen(name) > MAX_NODE_NAME)
	{
		GUC_check_errdetail("A node name has at most %d bytes.", MAX_NODE_NAME);
		return false;
	}
	if (strchr(name, '~') != NULL ||
		!cvg_replica_id_valid(cvg_slice_cstring(name)))
	{
		GUC_check_errdetail("A node name consists of letters, digits, \"_\", \"-\" and \".\".");
		return false;
	}
	return true;
}

/* One peer's connection string; never repeats any of it. */
static bool
check_conninfo(const CvgPeerSpec *peer)
{
	switch (cvg_conninfo_check(peer->conninfo))
	{
		case CVG_CONNINFO_OK:
			return true;
		case CVG_CONNINFO_PASSWORD:
			GUC_check_errmsg("converge.peers must not contain a password");
			GUC_check_errdetail("The connection string of peer \"%s\" has one, and every user can read this setting.",
								peer->name);
			GUC_check_errhint("Use a password file (passfile), a connection service file (service), "
							  "or a client certificate (sslcert, sslkey).");
			return false;
		case CVG_CONNINFO_INVALID:
			break;
	}
	GUC_check_errmsg("invalid connection string in converge.peers");
	GUC_check_errdetail("The connection string of peer \"%s\" is not valid.", peer->name);
	GUC_check_errhint("It is a list of keyword=value pairs or a URI, as psql accepts it.");
	return false;
}

static bool
check_peers(char **newval, void **extra, GucSource source)
{
	CvgPeerSpec *peers;
	CvgError	err;
	int			npeers;
	bool		ok = true;
	int			i;

	if (*newval == NULL || (*newval)[0] == '\0')
		return true;
	if (cvg_peers_parse(*newval, &peers, &npeers, &err) != CVG_OK)
	{
		GUC_check_errmsg("invalid list in converge.peers");
		GUC_check_errdetail("At byte %zu: %s.", err.offset + 1,
							cvg_status_message(err.status));
		GUC_check_errhint("The form is name=conninfo, name=conninfo, ...; "
						  "put double quotes around a conninfo that contains a comma.");
		return false;
	}
	if (npeers > CVG_MAX_PEERS)
	{
		GUC_check_errmsg("too many peers in converge.peers");
		GUC_check_errdetail("There are %d, and at most %d can be.", npeers, CVG_MAX_PEERS);
		ok = false;
	}
	for (i = 0; i < npeers && ok; i++)
	{
		if (strlen(peers[i].name) > MAX_NODE_NAME)
		{
			GUC_check_errmsg("peer name in converge.peers is too long");
			GUC_check_errdetail("A node name has at most %d bytes.", MAX_NODE_NAME);
			ok = false;
		}
		else
			ok = check_conninfo(&peers[i]);
	}
	cvg_peers_free(peers, npeers);
	return ok;
}

static void
define_int(const char *name, const char *what, const char *more, int *var,
		   int min, int max, int flags)
{
	DefineCustomIntVariable(name, what, more, var, *var, min, max, PGC_SUSET,
							flags, NULL, NULL, NULL);
}

static void
define_exchange(void)
{
	define_int("converge.connect_timeout",
			   "How long connecting to a peer may take.", NULL,
			   &cvg_connect_timeout_s, 1, 3600, GUC_UNIT_S);
	define_int("converge.heartbeat_interval",
			   "How long a peer with nothing new waits before it answers.",
			   "Bounds how stale an idle node's view of the others can be.",
			   &cvg_heartbeat_interval_ms, 10, 3600000, GUC_UNIT_MS);
	define_int("converge.max_clock_skew",
			   "Changes stamped further in the future than this wait until they no longer are.",
			   NULL, &cvg_max_clock_skew_ms, 1, INT_MAX, GUC_UNIT_MS);
	define_int("converge.max_retry_interval",
			   "Longest pause between attempts to reach a peer.", NULL,
			   &cvg_max_retry_interval_ms, 10, 3600000, GUC_UNIT_MS);
	DefineCustomStringVariable("converge.node_name",
							   "Name of this database among its peers.",
							   "Empty: this database does not take part.",
							   &cvg_node_name, "", PGC_SUSET, 0,
							   check_node_name, NULL, NULL);
	DefineCustomStringVariable("converge.peers",
							   "The other nodes: name=conninfo, name=conninfo, ...",
							   "An entry with this node's own name is ignored, so that one list can serve all nodes.",
							   &cvg_peers, "", PGC_SUSET,
							   GUC_SUPERUSER_ONLY | GUC_NOT_IN_SAMPLE,
							   check_peers, NULL, NULL);
	define_int("converge.pull_size",
			   "How much to ask of a peer at a time.", NULL,
			   &cvg_pull_size_kb, 16, MAX_PULL_SIZE_KB, GUC_UNIT_KB);
}

static void
define_apply(void)
{
	define_int("converge.apply_batch_rows",
			   "Rows after which several remote transactions are committed together.",
			   NULL, &cvg_apply_batch_rows, 1, 1000000, 0);
	define_int("converge.apply_rate_limit",
			   "Rows per second that are applied from one peer at most.",
			   "0 means no limit.",
			   &cvg_apply_rate_limit, 0, INT_MAX, 0);
	define_int("converge.conflict_limit",
			   "Rows that the log of conflicts keeps at most.", NULL,
			   &cvg_conflict_limit, 0, INT_MAX, 0);
	define_int("converge.conflict_retention",
			   "How long a conflict stays in the log of conflicts.", NULL,
			   &cvg_conflict_retention_s, 0, INT_MAX, GUC_UNIT_S);
	DefineCustomBoolVariable("converge.log_conflicts",
							 "Records conflicts in converge.conflicts.", NULL,
							 &cvg_log_conflicts, true, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	define_int("converge.tombstone_retention",
			   "How long a deleted row is remembered at least.",
			   "It is forgotten when it is older and no concurrent write can still reach it. -1 remembers it for ever.",
			   &cvg_tombstone_retention_s, -1, INT_MAX, GUC_UNIT_S);
}

static void
define_log(void)
{
	define_int("converge.log_segment_size",
			   "Size at which the change log goes on in its next segment.", NULL,
			   &cvg_log_segment_size_mb, 1, 1024 * 1024, GUC_UNIT_MB);
	define_int("converge.max_hint_age",
			   "How long changes are kept for a node that does not fetch them.", NULL,
			   &cvg_max_hint_age_s, 1, INT_MAX, GUC_UNIT_S);
	define_int("converge.max_log_size",
			   "Size of the change log above which changes are dropped that a node has not fetched.",
			   NULL, &cvg_max_log_size_mb, 8, INT_MAX, GUC_UNIT_MB);
}

void
cvg_guc_init(void)
{
	define_apply();
	define_exchange();
	define_log();
	MarkGUCPrefixReserved("converge");
}
