/*-------------------------------------------------------------------------
 *
 * grants.c
 *	  grant_peer(), revoke_peer(): which roles may connect as a peer.
 *
 * Plain GRANTs on the functions of the peer protocol, so that pg_dump and \df
 * show them as any others.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/builtins.h"

/* GRANT by somebody who may not would only warn. */
static void
check_permission(void)
{
	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to choose who may connect as a peer")));
}

static void
run(const char *sql)
{
	int			rc = SPI_execute(sql, false, 0);

	if (rc != SPI_OK_UTILITY)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(rc));
}

static void
change_grants(const char *role, bool grant)
{
	const char *quoted;

	check_permission();
	(void) get_role_oid(role, false);
	quoted = quote_identifier(role);
	SPI_connect();
	run(psprintf("%s EXECUTE ON FUNCTION converge.hello(pg_catalog.bytea), "
				 "converge.pull(pg_catalog.bytea), converge.fetch(pg_catalog.bytea) %s %s",
				 grant ? "GRANT" : "REVOKE", grant ? "TO" : "FROM", quoted));
	run(psprintf("%s USAGE ON SCHEMA converge %s %s",
				 grant ? "GRANT" : "REVOKE", grant ? "TO" : "FROM", quoted));
	SPI_finish();
}

CVG_FUNCTION(grant_peer)
{
	change_grants(NameStr(*PG_GETARG_NAME(0)), true);
	PG_RETURN_VOID();
}

CVG_FUNCTION(revoke_peer)
{
	change_grants(NameStr(*PG_GETARG_NAME(0)), false);
	PG_RETURN_VOID();
}
