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
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "worker/worker_main.h"

/*
 * A receiver that waits for a user's lock looks for a deadlock long before
 * the user's backend does, so that it is the one to give way; intake.c has
 * it look again and again.
 */
#define RECEIVER_DEADLOCK_TIMEOUT	"1ms"

/*
 * The server looks once per wait, which is too early for a cycle that a user
 * closes later; it would then be the user's backend that finds it, and fails.
 * So we look several times within users' deadlock_timeout.
 */
#define DEADLOCK_CHECKS		4
#define DEADLOCK_CHECK_MAX_MS	10

static TimeoutId lock_watch = MAX_TIMEOUTS;
static int	lock_watch_ms = DEADLOCK_CHECK_MAX_MS;

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
		lock_watch = RegisterTimeout(USER_TIMEOUT, CheckDeadLockAlert);
		lock_watch_ms = Min(Max(DeadlockTimeout / DEADLOCK_CHECKS, 1), DEADLOCK_CHECK_MAX_MS);
		cvg_worker_set("deadlock_timeout", RECEIVER_DEADLOCK_TIMEOUT);

		/* it would be logged at each look */
		cvg_worker_set("log_lock_waits", "off");
	}
}

void
cvg_worker_watch_locks(bool on)
{
	if (on)
		enable_timeout_every(lock_watch,
							 TimestampTzPlusMilliseconds(GetCurrentTimestamp(), lock_watch_ms),
							 lock_watch_ms);
	else
		disable_timeout(lock_watch, false);
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
