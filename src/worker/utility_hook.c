/*-------------------------------------------------------------------------
 *
 * utility_hook.c
 *	  DROP DATABASE, ALTER DATABASE RENAME / SET TABLESPACE and CREATE
 *	  DATABASE ... TEMPLATE need a database without sessions, and our manager
 *	  and receivers are sessions.  For these commands they are sent away before
 *	  the command runs, held off while it does, and allowed back afterwards,
 *	  whatever its outcome.
 *
 * This runs in databases without the extension as well (DROP DATABASE is
 * issued from another one), so it uses nothing but shared memory.
 *
 * Commands after which the launcher should look again (CREATE EXTENSION, a
 * changed setting) wake it, once they are committed.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "nodes/parsenodes.h"
#include "shmem.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/timestamp.h"
#include "wait_event.h"
#include "worker/utility_hook.h"

/* How long to wait for our processes to go; then the command says why it cannot. */
#define CVG_MAKE_WAY_TIMEOUT_MS		10000

static ProcessUtility_hook_type prev_process_utility = NULL;
static bool wake_at_commit = false;

/* Name of the database that must be free of sessions, NULL if none. */
static const char *
exclusive_database(Node *stmt)
{
	ListCell   *lc;

	switch (nodeTag(stmt))
	{
		case T_DropdbStmt:
			return ((DropdbStmt *) stmt)->dbname;
		case T_RenameStmt:
			if (((RenameStmt *) stmt)->renameType == OBJECT_DATABASE)
				return ((RenameStmt *) stmt)->subname;
			return NULL;
		case T_AlterDatabaseStmt:
			foreach(lc, ((AlterDatabaseStmt *) stmt)->options)
			{
				if (strcmp(((DefElem *) lfirst(lc))->defname, "tablespace") == 0)
					return ((AlterDatabaseStmt *) stmt)->dbname;
			}
			return NULL;
		case T_CreatedbStmt:
			foreach(lc, ((CreatedbStmt *) stmt)->options)
			{
				DefElem    *option = lfirst(lc);

				if (strcmp(option->defname, "template") == 0 && option->arg)
					return defGetString(option);
			}
			return NULL;
		default:
			return NULL;
	}
}

/* Should the launcher look again after this? */
static bool
concerns_launcher(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_CreateExtensionStmt:
			return strcmp(((CreateExtensionStmt *) stmt)->extname, "pg_converge") == 0;
		case T_AlterDatabaseSetStmt:
		case T_AlterRoleSetStmt:
		case T_AlterSystemStmt:
		case T_CreatedbStmt:
			return true;
		default:
			return false;
	}
}

static bool
processes_left(CvgDb *db)
{
	bool		left;
	int			i;

	LWLockAcquire(&db->lock, LW_SHARED);
	left = db->manager_pid != 0;
	for (i = 0; i < CVG_MAX_PEERS && !left; i++)
		left = db->peers[i].in_use && db->peers[i].pid != 0;
	LWLockRelease(&db->lock);
	return left;
}

static void
set_wanted(CvgDb *db, bool wanted)
{
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	db->manager_wanted = wanted;
	LWLockRelease(&db->lock);
	cvg_wake_manager(db);
	cvg_wake_launcher();
	/* backends that serve a peer end their long poll and see it too */
	ConditionVariableBroadcast(&db->changed);
}

/* Wait until our processes have left the database, or for so long. */
static void
wait_for_exit(CvgDb *db)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   CVG_MAKE_WAY_TIMEOUT_MS);

	while (processes_left(db) && GetCurrentTimestamp() < deadline)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 20, cvg_wait_event(CVG_WAIT_ATTACH));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* The slot of a database that the command may want for itself. */
static CvgDb *
slot_in_the_way(Node *stmt)
{
	const char *name = exclusive_database(stmt);
	Oid			dboid;

	if (name == NULL || cvg_shared == NULL)
		return NULL;
	dboid = get_database_oid(name, true);
	if (!OidIsValid(dboid))
		return NULL;
	/* who may not do it shall not disturb anybody by trying */
	if (!cvg_database_ownercheck(dboid, GetUserId()) && !IsA(stmt, CreatedbStmt))
		return NULL;
	return cvg_db_find(dboid);
}

static void
call_next(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
		  ProcessUtilityContext context, ParamListInfo params,
		  QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	if (prev_process_utility)
		prev_process_utility(pstmt, queryString, readOnlyTree, context,
							 params, queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context,
								params, queryEnv, dest, qc);
}

static void
process_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *stmt = pstmt->utilityStmt;
	CvgDb	   *db = slot_in_the_way(stmt);

	if (db == NULL)
		call_next(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
	else
	{
		PG_TRY();
		{
			set_wanted(db, false);
			wait_for_exit(db);
			call_next(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
		}
		PG_FINALLY();
		{
			set_wanted(db, true);
		}
		PG_END_TRY();
	}
	if (concerns_launcher(stmt))
		wake_at_commit = true;
}

static void
utility_xact_callback(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	if (wake_at_commit)
		cvg_wake_launcher();
	wake_at_commit = false;
}

void
cvg_utility_hook_init(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	RegisterXactCallback(utility_xact_callback, NULL);
}
