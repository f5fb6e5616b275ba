/*-------------------------------------------------------------------------
 *
 * init.c
 *	  Loading of the library.
 *
 * Everything that works in the background needs shared_preload_libraries.
 * Loaded later, the library offers its types, and its settings so that they
 * are checked; whatever needs more says so (cvg_require_preload).
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "api/copy.h"
#include "dot_source.h"
#include "guc.h"
#include "miscadmin.h"
#include "shmem.h"
#include "store/capture.h"
#include "store/execstamp.h"
#include "worker/launcher.h"
#include "worker/utility_hook.h"

/* 18: name and version of a module can be asked for. */
#ifdef PG_MODULE_MAGIC_EXT
PG_MODULE_MAGIC_EXT(.name = "pg_converge", .version = CVG_VERSION);
#else
PG_MODULE_MAGIC;
#endif

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	cvg_guc_init();
	if (!process_shared_preload_libraries_in_progress)
		return;

	cvg_shmem_init();
	cvg_capture_init();
	cvg_execstamp_init();
	cvg_dot_source_init();
	cvg_utility_hook_init();
	cvg_copy_hook_init();

	/* during pg_upgrade nothing may be written */
	if (!IsBinaryUpgrade)
		cvg_launcher_register();
}
