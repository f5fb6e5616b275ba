/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  What differs between the server versions we support.  Included first,
 *	  instead of postgres.h, by every file outside core.
 *
 * Each shim names the version that changed and goes away with the last
 * version that needs it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_COMPAT_H
#define CVG_COMPAT_H

/*
 * We build with hidden visibility.  15 defines this empty unless somebody
 * else was first, and 16 keeps what it finds, so it comes before postgres.h.
 */
#ifndef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

#include "postgres.h"
#include "fmgr.h"
#include "miscadmin.h"

#if PG_VERSION_NUM < 150000
#error "pg_converge needs PostgreSQL 15 or later"
#elif PG_VERSION_NUM >= 190000
#error "pg_converge does not know this version of PostgreSQL; 18 is the latest"
#endif

/* 16: VARDATA_ANY and its kin have moved out of postgres.h */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 16: input functions may report an error without raising it */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#else
#define errsave(context, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
	} while (0)
#endif

/* 17: MyBackendId gave way to MyProcNumber.  A number in 0 .. MaxBackends-1. */
#if PG_VERSION_NUM >= 170000
#include "storage/procnumber.h"
#define CVG_MY_SLOT()	(MyProcNumber)
#else
#include "storage/backendid.h"
#define CVG_MY_SLOT()	(MyBackendId - 1)
#endif

/* 17: CreateWaitEventSet() takes a resource owner, a memory context before. */
#include "storage/latch.h"
#include "utils/memutils.h"
static inline struct WaitEventSet *
cvg_create_wait_event_set(int nevents)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(NULL, nevents);
#else
	return CreateWaitEventSet(TopMemoryContext, nevents);
#endif
}

/* 16: pg_database_ownercheck() and its kin became object_ownercheck(). */
#include "utils/acl.h"
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#endif
static inline bool
cvg_database_ownercheck(Oid dboid, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, dboid, roleid);
#else
	return pg_database_ownercheck(dboid, roleid);
#endif
}
static inline bool
cvg_class_ownercheck(Oid relid, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, roleid);
#else
	return pg_class_ownercheck(relid, roleid);
#endif
}

/*
 * 16: which indexes an update needs is no longer yes or no.  Update a row and
 * insert its index entries; without triggers and constraint checks.
 */
#include "access/tableam.h"
#include "executor/executor.h"
static inline void
cvg_update_row(ResultRelInfo *rri, EState *estate, ItemPointer tid,
			   TupleTableSlot *slot, Snapshot snapshot)
{
#if PG_VERSION_NUM >= 160000
	TU_UpdateIndexes update_indexes;

	simple_table_tuple_update(rri->ri_RelationDesc, tid, slot, snapshot, &update_indexes);
	if (rri->ri_NumIndices > 0 && update_indexes != TU_None)
		(void) ExecInsertIndexTuples(rri, slot, estate, true, false, NULL, NIL,
									 update_indexes == TU_Summarizing);
#else
	bool		update_indexes;

	simple_table_tuple_update(rri->ri_RelationDesc, tid, slot, snapshot, &update_indexes);
	if (rri->ri_NumIndices > 0 && update_indexes)
		(void) ExecInsertIndexTuples(rri, slot, estate, true, false, NULL, NIL);
#endif
}

/* 17: getIdentitySequence() takes the relation, its OID before. */
#include "catalog/dependency.h"
#include "utils/rel.h"
static inline Oid
cvg_identity_sequence(Relation rel, AttrNumber attnum)
{
#if PG_VERSION_NUM >= 170000
	return getIdentitySequence(rel, attnum, false);
#else
	return getIdentitySequence(RelationGetRelid(rel), attnum, false);
#endif
}

/* Heads a function callable from SQL: the only symbols that we export. */
#define CVG_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name); \
	Datum \
	name(PG_FUNCTION_ARGS)

#endif							/* CVG_COMPAT_H */
