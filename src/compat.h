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
#include "utils/guc.h"

#if PG_VERSION_NUM < 150000
#error "pg_converge needs PostgreSQL 15 or later"
#elif PG_VERSION_NUM >= 200000
#error "pg_converge does not know this version of PostgreSQL; 19 is the latest"
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

/* 18: generated columns that are not stored.  Null in every tuple. */
#include "catalog/pg_attribute.h"
#ifndef ATTRIBUTE_GENERATED_VIRTUAL
#define ATTRIBUTE_GENERATED_VIRTUAL	'v'
#endif

/* 17: an extension may name what it waits for. */
#if PG_VERSION_NUM >= 170000
#define CVG_NAMED_WAIT_EVENTS
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
#include "catalog/pg_proc.h"
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

static inline AclResult
cvg_function_aclcheck(Oid function, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, function, roleid, ACL_EXECUTE);
#else
	return pg_proc_aclcheck(function, roleid, ACL_EXECUTE);
#endif
}

#include "access/genam.h"
#include "access/heapam.h"
#include "access/tableam.h"
#include "commands/trigger.h"
#include "executor/executor.h"

/* 18: a place for counting the index's pages.  19: flags. */
#if PG_VERSION_NUM < 180000
struct IndexScanInstrumentation;
#endif
static inline IndexScanDesc
cvg_index_beginscan(Relation heap, Relation index, Snapshot snapshot,
					struct IndexScanInstrumentation *instrument,
					int nkeys, int norderbys)
{
#if PG_VERSION_NUM >= 190000
	return index_beginscan(heap, index, snapshot, instrument, nkeys, norderbys, SO_NONE);
#elif PG_VERSION_NUM >= 180000
	return index_beginscan(heap, index, snapshot, instrument, nkeys, norderbys);
#else
	return index_beginscan(heap, index, snapshot, nkeys, norderbys);
#endif
}

/* 19: flags of a scan.  All rows of a table. */
static inline TableScanDesc
cvg_table_beginscan(Relation rel, Snapshot snapshot)
{
#if PG_VERSION_NUM >= 190000
	return table_beginscan(rel, snapshot, 0, NULL, SO_NONE);
#else
	return table_beginscan(rel, snapshot, 0, NULL);
#endif
}

/* 19: options of a delete, "moves to another partition" among them.  Waits. */
static inline TM_Result
cvg_heap_delete(Relation rel, ItemPointer tid, CommandId cid, TM_FailureData *failure)
{
#if PG_VERSION_NUM >= 190000
	return heap_delete(rel, tid, cid, 0, InvalidSnapshot, true, failure);
#else
	return heap_delete(rel, tid, cid, InvalidSnapshot, true, failure, false);
#endif
}
static inline TM_Result
cvg_table_tuple_delete(Relation rel, ItemPointer tid, CommandId cid,
					   Snapshot snapshot, TM_FailureData *failure)
{
#if PG_VERSION_NUM >= 190000
	return table_tuple_delete(rel, tid, cid, 0, snapshot, InvalidSnapshot, true, failure);
#else
	return table_tuple_delete(rel, tid, cid, snapshot, InvalidSnapshot, true, failure, false);
#endif
}

/*
 * 16: permissions, and with them the set of updated columns, are kept apart
 * from the range table.  18: which of its members no pruning removed.  A range
 * table of one relation, which is number 1, and the columns updated in it.
 */
#if PG_VERSION_NUM >= 160000
#include "parser/parse_relation.h"
#endif
static inline void
cvg_init_range_table(EState *estate, RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	List	   *permissions = NIL;

	(void) addRTEPermissionInfo(&permissions, rte);
#endif
#if PG_VERSION_NUM >= 180000
	ExecInitRangeTable(estate, list_make1(rte), permissions, bms_make_singleton(1));
#elif PG_VERSION_NUM >= 160000
	ExecInitRangeTable(estate, list_make1(rte), permissions);
#else
	ExecInitRangeTable(estate, list_make1(rte));
#endif
}
static inline void
cvg_set_updated_cols(EState *estate, Bitmapset *columns)
{
	RangeTblEntry *rte = exec_rt_fetch(1, estate);

#if PG_VERSION_NUM >= 160000
	getRTEPermissionInfo(estate->es_rteperminfos, rte)->updatedCols = columns;
#else
	rte->updatedCols = columns;
#endif
}

/* 16: rows of which relations a recheck takes from the caller. */
static inline void
cvg_eval_plan_qual_init(EPQState *epq, EState *estate, Plan *subplan,
						List *auxrowmarks, int epq_param, List *result_relations)
{
#if PG_VERSION_NUM >= 160000
	EvalPlanQualInit(epq, estate, subplan, auxrowmarks, epq_param, result_relations);
#else
	EvalPlanQualInit(epq, estate, subplan, auxrowmarks, epq_param);
#endif
}

/* 16: triggers report what locking the row met.  18: whether MERGE asks. */
static inline bool
cvg_br_update_triggers(EState *estate, EPQState *epq, ResultRelInfo *rri,
					   ItemPointer tid, HeapTuple fdw_tuple, TupleTableSlot *slot,
					   TM_Result *result, TM_FailureData *failure, bool is_merge)
{
#if PG_VERSION_NUM >= 180000
	return ExecBRUpdateTriggers(estate, epq, rri, tid, fdw_tuple, slot, result, failure,
								is_merge);
#elif PG_VERSION_NUM >= 160000
	return ExecBRUpdateTriggers(estate, epq, rri, tid, fdw_tuple, slot, result, failure);
#else
	return ExecBRUpdateTriggers(estate, epq, rri, tid, fdw_tuple, slot, failure);
#endif
}
static inline bool
cvg_br_delete_triggers(EState *estate, EPQState *epq, ResultRelInfo *rri,
					   ItemPointer tid, HeapTuple fdw_tuple, TupleTableSlot **epqslot,
					   TM_Result *result, TM_FailureData *failure, bool is_merge)
{
#if PG_VERSION_NUM >= 180000
	return ExecBRDeleteTriggers(estate, epq, rri, tid, fdw_tuple, epqslot, result, failure,
								is_merge);
#elif PG_VERSION_NUM >= 160000
	return ExecBRDeleteTriggers(estate, epq, rri, tid, fdw_tuple, epqslot, result, failure);
#else
	return ExecBRDeleteTriggers(estate, epq, rri, tid, fdw_tuple, epqslot);
#endif
}

/* 16: which indexes an update needs is no longer yes or no.  19: options. */
#if PG_VERSION_NUM < 160000
typedef enum TU_UpdateIndexes
{
	TU_None,
	TU_All,
	TU_Summarizing,
} TU_UpdateIndexes;
#endif
static inline TM_Result
cvg_table_tuple_update(Relation rel, ItemPointer tid, TupleTableSlot *slot,
					   CommandId cid, Snapshot snapshot, Snapshot crosscheck,
					   bool wait, TM_FailureData *failure, LockTupleMode *lockmode,
					   TU_UpdateIndexes *update_indexes)
{
#if PG_VERSION_NUM >= 190000
	return table_tuple_update(rel, tid, slot, cid, 0, snapshot, crosscheck, wait, failure,
							  lockmode, update_indexes);
#elif PG_VERSION_NUM >= 160000
	return table_tuple_update(rel, tid, slot, cid, snapshot, crosscheck, wait, failure,
							  lockmode, update_indexes);
#else
	bool		all;
	TM_Result	result = table_tuple_update(rel, tid, slot, cid, snapshot, crosscheck, wait,
											failure, lockmode, &all);

	*update_indexes = result == TM_Ok && all ? TU_All : TU_None;
	return result;
#endif
}

/* 16: whether only summarizing indexes want the row.  19: flags say all that. */
static inline List *
cvg_insert_index_tuples(ResultRelInfo *rri, TupleTableSlot *slot, EState *estate,
						bool update, bool no_dup_err, bool *spec_conflict,
						List *arbiters, bool only_summarizing)
{
#if PG_VERSION_NUM >= 190000
	uint32		flags = (update ? EIIT_IS_UPDATE : 0) | (no_dup_err ? EIIT_NO_DUPE_ERROR : 0) |
		(only_summarizing ? EIIT_ONLY_SUMMARIZING : 0);

	return ExecInsertIndexTuples(rri, estate, flags, slot, arbiters, spec_conflict);
#elif PG_VERSION_NUM >= 160000
	return ExecInsertIndexTuples(rri, slot, estate, update, no_dup_err, spec_conflict,
								 arbiters, only_summarizing);
#else
	return ExecInsertIndexTuples(rri, slot, estate, update, no_dup_err, spec_conflict,
								 arbiters);
#endif
}

/* Update a row and its indexes; without triggers and constraint checks. */
static inline void
cvg_update_row(ResultRelInfo *rri, EState *estate, ItemPointer tid,
			   TupleTableSlot *slot, Snapshot snapshot)
{
	TU_UpdateIndexes update_indexes;

#if PG_VERSION_NUM >= 160000
	simple_table_tuple_update(rri->ri_RelationDesc, tid, slot, snapshot, &update_indexes);
#else
	bool		all;

	simple_table_tuple_update(rri->ri_RelationDesc, tid, slot, snapshot, &all);
	update_indexes = all ? TU_All : TU_None;
#endif
	if (rri->ri_NumIndices > 0 && update_indexes != TU_None)
		(void) cvg_insert_index_tuples(rri, slot, estate, true, false, NULL, NIL,
									   update_indexes == TU_Summarizing);
}

/* 18: the lists of updated columns of those tables that no pruning removed. */
static inline List *
cvg_update_colnos_lists(ModifyTableState *mtstate)
{
#if PG_VERSION_NUM >= 180000
	return mtstate->mt_updateColnosLists;
#else
	return ((ModifyTable *) mtstate->ps.plan)->updateColnosLists;
#endif
}

/*
 * 18, and the later minor versions of those before if the server has
 * assertions: any insert into a table that has a TOAST table wants a snapshot.
 */
static inline bool
cvg_insert_wants_snapshot(void)
{
#if PG_VERSION_NUM >= 180000
	return true;
#else
	static int	asserts = -1;	/* -1: not asked yet */

	if (asserts < 0)
		asserts = strcmp(GetConfigOption("debug_assertions", false, false), "on") == 0;
	return asserts != 0;
#endif
}

/* 16: the number that names a relation's file. */
#if PG_VERSION_NUM >= 160000
#define CVG_FILE_NUMBER(rel)	((rel)->rd_locator.relNumber)
#else
#define CVG_FILE_NUMBER(rel)	((rel)->rd_node.relNode)
#endif

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

/* 19: says what it found, too.  All functions of a name. */
#include "catalog/namespace.h"
static inline FuncCandidateList
cvg_function_candidates(List *name)
{
#if PG_VERSION_NUM >= 190000
	int			found;

	return FuncnameGetCandidates(name, -1, NIL, false, false, false, true, &found);
#else
	return FuncnameGetCandidates(name, -1, NIL, false, false, false, true);
#endif
}

/* 16: stringToQualifiedNameList() can save its error. */
#include "utils/regproc.h"
static inline List *
cvg_name_list(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return stringToQualifiedNameList(name, NULL);
#else
	return stringToQualifiedNameList(name);
#endif
}

/* 19: one state collects a jsonb value; 15 to 18 return it from the last push. */
#include "utils/jsonb.h"
#if PG_VERSION_NUM >= 190000
typedef JsonbInState CvgJsonbState;
#else
typedef struct CvgJsonbState
{
	JsonbValue *result;
	JsonbParseState *parseState;
} CvgJsonbState;
#endif
static inline void
cvg_push_jsonb_value(CvgJsonbState *state, JsonbIteratorToken token, JsonbValue *value)
{
#if PG_VERSION_NUM >= 190000
	pushJsonbValue(state, token, value);
#else
	state->result = pushJsonbValue(&state->parseState, token, value);
#endif
}

/* Heads a function callable from SQL: the only symbols that we export. */
#define CVG_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name); \
	Datum \
	name(PG_FUNCTION_ARGS)

#endif							/* CVG_COMPAT_H */
