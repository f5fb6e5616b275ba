/*-------------------------------------------------------------------------
 *
 * worker_main.c
 *	  What our background processes have in common.
 *
 * SIGTERM is die(): it takes effect at the next CHECK_FOR_INTERRUPTS, in any
 * wait.  SIGHUP reloads at the next turn of the main loop.  No worker is ever
 * restarted by the postmaster except the launcher: a database may be gone.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "worker/worker_main.h"

/*
 * A receiver that waits for a user's lock looks for a deadlock long before
 * the user's backend does, so that it is the one to give way.
 */
#define LOCK_TIMEOUT_MIN_MS	20
#define LOCK_TIMEOUT_MAX_MS	500

#define RECEIVER_DEADLOCK_TIMEOUT	"20ms"

int			cvg_worker_lock_timeout_ms = LOCK_TIMEOUT_MAX_MS;

void
cvg_worker_init(BackgroundWorker *worker, const char *function,
				const char *type, const char *name, Oid dboid)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker->bgw_library_name, "pg_converge", BGW_MAXLEN);
	strlcpy(worker->bgw_function_name, function, BGW_MAXLEN);
	strlcpy(worker->bgw_type, type, BGW_MAXLEN);
	strlcpy(worker->bgw_name, name, BGW_MAXLEN);
	worker->bgw_main_arg = ObjectIdGetDatum(dboid);
	worker->bgw_notify_pid = MyProcPid;
}

void
cvg_worker_start(Oid dboid)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	if (OidIsValid(dboid))
		BackgroundWorkerInitializeConnectionByOid(dboid, InvalidOid, 0);
	else
		BackgroundWorkerInitializeConnection(NULL, NULL, 0);
}

void
cvg_worker_set(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

void
cvg_worker_session(bool applies)
{
	cvg_worker_set("application_name", MyBgworkerEntry->bgw_name);
	cvg_worker_set("search_path", "");
	cvg_worker_set("default_transaction_isolation", "read committed");
	cvg_worker_set("default_transaction_read_only", "off");
	cvg_worker_set("default_transaction_deferrable", "off");
	cvg_worker_set("statement_timeout", "0");
	cvg_worker_set("lock_timeout", "0");
	cvg_worker_set("idle_in_transaction_session_timeout", "0");
	cvg_worker_set("row_security", "off");

	/* the manager's commits are durable; nobody waits for a standby */
	cvg_worker_set("synchronous_commit", applies ? "off" : "local");
	if (applies)
	{
		cvg_worker_set("session_replication_role", "replica");
		cvg_worker_lock_timeout_ms = Min(Max(DeadlockTimeout / 2, LOCK_TIMEOUT_MIN_MS),
										 LOCK_TIMEOUT_MAX_MS);
		cvg_worker_set("deadlock_timeout", RECEIVER_DEADLOCK_TIMEOUT);
	}
}

bool
cvg_worker_wait(long timeout_ms, CvgWaitEvent event)
{
	int			rc = WaitLatch(MyLatch,
							   WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							   timeout_ms, cvg_wait_event(event));

	if (rc & WL_LATCH_SET)
		ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	return (rc & WL_LATCH_SET) != 0;
}

bool
cvg_worker_reload(void)
{
	if (!ConfigReloadPending)
		return false;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	return true;
}
