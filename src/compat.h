/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  The only place (besides _PG_init) that knows PostgreSQL versions.
 *
 * Supported: 15 to 18.  Each shim takes the newest signature and adapts the
 * old servers; it names the version that changed and goes when the older one
 * is dropped.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_COMPAT_H
#define CVG_COMPAT_H

/*
 * We compile with -fvisibility=hidden, and PGDLLEXPORT is empty on platforms
 * of version 15 that need no export marking: give it its meaning.
 */
#include "postgres.h"
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))

#include "fmgr.h"

#if PG_VERSION_NUM < 150000
#error "pg_converge needs PostgreSQL 15 or later"
#endif
#if PG_VERSION_NUM >= 190000
#error "pg_converge does not know this version of PostgreSQL yet"
#endif

/* varatt.h was split off in 16 */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* MyBackendId gave way to MyProcNumber in 17 */
#include "miscadmin.h"
#if PG_VERSION_NUM >= 170000
#include "storage/procnumber.h"
#define CVG_MY_SLOT()	(MyProcNumber)
#else
#include "storage/backendid.h"
#define CVG_MY_SLOT()	(MyBackendId - 1)
#endif

/* Declare and define a SQL-callable function with default visibility. */
#define CVG_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

#endif							/* CVG_COMPAT_H */
