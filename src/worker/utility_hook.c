/*-------------------------------------------------------------------------
 *
 * utility_hook.c
 *	  Commands that our processes must make way for, or hear of.
 *
 * DROP DATABASE, ALTER DATABASE RENAME and SET TABLESPACE, and CREATE
 * DATABASE ... TEMPLATE need the database empty of sessions.  Before such a
 * command our processes of that database are sent away: manager_wanted is
 * cleared, the manager ends and takes its receivers along, and backends that
 * serve peers end at their next pull.  When the command is over, however it
 * ended, manager_wanted is set again and the launcher does the rest.  Of
 * those who may not issue the command nothing is done, so that nobody can
 * disturb a database that is not theirs.  If our processes do not go in time
 * the command goes on and reports what it always reports.
 *
 * CREATE EXTENSION, ALTER DATABASE/ROLE/SYSTEM SET of our settings: the
 * launcher, and the manager if there is one, are told, but at commit, for
 * before it they would see nothing.  DROP EXTENSION: the manager is told, and
 * ends.  That is a matter of speed; the manager looks every few seconds too.
 *
 * All of this works in databases without the extension: it needs shared
 * memory only.
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
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/utility.h"
#include "utils/timestamp.h"
#include "wait_event.h"
#include "worker/utility_hook.h"

/* How long a command waits for our processes to go. */
#define HOLD_TIMEOUT_MS		5000

static ProcessUtility_hook_type prev_utility_hook = NULL;

/* Somebody has to be woken when this transaction commits. */
static bool wake_pending = false;
static Oid	wake_database = InvalidOid; /* and its manager */

/* ----------------------------------------------------------------
 *		Making way
 * ----------------------------------------------------------------
 */

/* The database that a command needs empty, InvalidOid if none. */
static Oid
database_to_empty(Node *stmt)
{
	const char *name = NULL;
	ListCell   *lc;

	switch (nodeTag(stmt))
	{
		case T_DropdbStmt:
			name = ((DropdbStmt *) stmt)->dbname;
			break;
		case T_RenameStmt:
			if (((RenameStmt *) stmt)->renameType == OBJECT_DATABASE)
				name = ((RenameStmt *) stmt)->subname;
			break;
		case T_AlterDatabaseStmt:
			foreach(lc, ((AlterDatabaseStmt *) stmt)->options)
			{
				if (strcmp(((DefElem *) lfirst(lc))->defname, "tablespace") == 0)
					name = ((AlterDatabaseStmt *) stmt)->dbname;
			}
			break;
		case T_CreatedbStmt:
			foreach(lc, ((CreatedbStmt *) stmt)->options)
			{
				DefElem    *option = (DefElem *) lfirst(lc);

				if (strcmp(option->defname, "template") == 0 && option->arg != NULL)
					name = defGetString(option);
			}
			break;
		default:
			break;
	}
	return name != NULL ? get_database_oid(name, true) : InvalidOid;
}

static bool
processes_left(CvgDb *db)
{
	bool		found;
	int			i;

	LWLockAcquire(&db->lock, LW_SHARED);
	found = db->manager_pid != 0;
	for (i = 0; i < CVG_MAX_PEERS; i++)
		found |= db->peers[i].pid != 0;
	for (i = 0; i < CVG_MAX_MEMBERS; i++)
		found |= db->members[i].in_use && db->members[i].server_pid != 0;
	LWLockRelease(&db->lock);
	return found;
}

static void
set_wanted(Oid dboid, bool wanted)
{
	CvgDb	   *db = cvg_db_find(dboid);

	if (db == NULL)
		return;
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	db->manager_wanted = wanted;
	LWLockRelease(&db->lock);
	if (!wanted)
	{
		cvg_wake_manager(db);
		/* long polls answer, and their backends end */
		pg_atomic_fetch_add_u64(&db->kick, 1);
		ConditionVariableBroadcast(&db->changed);
	}
}

static void
release_hold(int code, Datum arg)
{
	set_wanted(DatumGetObjectId(arg), true);
	cvg_wake_launcher();
}

static void
await_empty(Oid dboid)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   HOLD_TIMEOUT_MS);
	CvgDb	   *db;

	while ((db = cvg_db_find(dboid)) != NULL && processes_left(db) &&
		   GetCurrentTimestamp() < deadline)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 20, cvg_wait_event(CVG_WAIT_ATTACH));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* ----------------------------------------------------------------
 *		Spreading the news
 * ----------------------------------------------------------------
 */

static bool
is_ours(const VariableSetStmt *set)
{
	if (set->kind == VAR_RESET_ALL)
		return true;
	return set->name != NULL && pg_strncasecmp(set->name, "converge.", 9) == 0;
}

static bool
drops_extension(const DropStmt *drop)
{
	return drop->removeType == OBJECT_EXTENSION;
}

/* Will the command change who takes part, or how?  Which database's manager? */
static bool
is_news(Node *stmt, Oid *dboid)
{
	*dboid = MyDatabaseId;
	switch (nodeTag(stmt))
	{
		case T_CreateExtensionStmt:
			return strcmp(((CreateExtensionStmt *) stmt)->extname, "pg_converge") == 0;
		case T_DropStmt:
			return drops_extension((DropStmt *) stmt);
		case T_AlterDatabaseSetStmt:
			*dboid = get_database_oid(((AlterDatabaseSetStmt *) stmt)->dbname, true);
			return is_ours(((AlterDatabaseSetStmt *) stmt)->setstmt);
		case T_AlterRoleSetStmt:
			{
				AlterRoleSetStmt *set = (AlterRoleSetStmt *) stmt;

				if (set->database != NULL)
					*dboid = get_database_oid(set->database, true);
				return is_ours(set->setstmt);
			}
		case T_CreatedbStmt:
			return true;
		default:
			/* ALTER SYSTEM takes effect by SIGHUP, which everybody hears */
			return false;
	}
}

/* No-fail code, after commit or abort. */
static void
hook_xact_callback(XactEvent event, void *arg)
{
	CvgDb	   *db;

	if (!wake_pending ||
		(event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	wake_pending = false;
	if (event == XACT_EVENT_ABORT)
		return;
	cvg_wake_launcher();
	db = cvg_db_find(wake_database);
	if (OidIsValid(wake_database) && db != NULL)
		cvg_wake_manager(db);
}

static void
wake_at_commit(Oid dboid)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(hook_xact_callback, NULL);
	registered = true;
	wake_pending = true;
	wake_database = dboid;
}

/* ----------------------------------------------------------------
 *		The hook
 * ----------------------------------------------------------------
 */

static void
run_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
			ProcessUtilityContext context, ParamListInfo params,
			QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	if (prev_utility_hook)
		prev_utility_hook(pstmt, queryString, readOnlyTree, context, params,
						  queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context,
								params, queryEnv, dest, qc);
}

/* Run the command while our processes stay out of a database. */
static void
run_utility_alone(const Oid dboid, PlannedStmt *pstmt, const char *queryString,
				  bool readOnlyTree, ProcessUtilityContext context,
				  ParamListInfo params, QueryEnvironment *queryEnv,
				  DestReceiver *dest, QueryCompletion *qc)
{
	/* FATAL too must let go of the database */
	PG_ENSURE_ERROR_CLEANUP(release_hold, ObjectIdGetDatum(dboid));
	{
		set_wanted(dboid, false);
		await_empty(dboid);
		run_utility(pstmt, queryString, readOnlyTree, context, params,
					queryEnv, dest, qc);
	}
	PG_END_ENSURE_ERROR_CLEANUP(release_hold, ObjectIdGetDatum(dboid));
	release_hold(0, ObjectIdGetDatum(dboid));
}

static void
converge_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
				 ProcessUtilityContext context, ParamListInfo params,
				 QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *stmt = pstmt->utilityStmt;
	Oid			empty = InvalidOid;
	Oid			news_db;

	if (cvg_shared != NULL && IsTransactionState())
	{
		empty = database_to_empty(stmt);
		if (OidIsValid(empty) &&
			(cvg_db_find(empty) == NULL ||
			 !cvg_database_ownercheck(empty, GetUserId())))
			empty = InvalidOid;
		if (is_news(stmt, &news_db))
			wake_at_commit(news_db);
	}

	if (OidIsValid(empty))
		run_utility_alone(empty, pstmt, queryString, readOnlyTree, context,
						  params, queryEnv, dest, qc);
	else
		run_utility(pstmt, queryString, readOnlyTree, context, params,
					queryEnv, dest, qc);
}

void
cvg_utility_hook_init(void)
{
	prev_utility_hook = ProcessUtility_hook;
	ProcessUtility_hook = converge_utility;
}
