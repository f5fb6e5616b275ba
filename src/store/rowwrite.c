/*-------------------------------------------------------------------------
 *
 * rowwrite.c
 *	  Insert, update, delete one row; insert many.
 *
 * An insert is speculative: other inserters of its key wait for our token,
 * and if the key is there already the insert is undone without a
 * subtransaction and the caller finds the row that is in the way.
 *
 * Rows in the way in other unique indexes and failed CHECKs are looked for
 * before anything is written (rowcheck.c); one that appears in the moment
 * between is a serialization failure, which the caller retries as a whole.
 *
 * Inserting many looks for nothing beforehand.  When an index reports a
 * conflict, all of them are deleted again; for others they have never been
 * there.
 *
 * Crash.  Nothing here outlives the transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "store/rowstore.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* What insert, update and delete begin with. */
static void
begin_write(CvgTarget *target, CmdType cmd)
{
	ResetPerTupleExprContext(target->estate);
	target->estate->es_output_cid = GetCurrentCommandId(true);
	if (cmd != CMD_INSERT && !target->identity_checked)
	{
		CheckCmdReplicaIdentity(target->rel, cmd);
		target->identity_checked = true;
	}
}

/* Lock the version found, for triggers that see it. */
static bool
lock_found(CvgTarget *target)
{
	TM_FailureData tmfd;
	TM_Result	result;

	result = table_tuple_lock(target->rel, &target->found->tts_tid, GetActiveSnapshot(),
							  target->other, GetCurrentCommandId(true), LockTupleExclusive,
							  LockWaitBlock, 0, &tmfd);
	ExecClearTuple(target->other);
	return result == TM_Ok;
}

static void
check_not_null(CvgTarget *target, TupleTableSlot *slot)
{
	TupleDesc	desc = RelationGetDescr(target->rel);
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attnotnull && slot->tts_isnull[i] &&
			att->attgenerated != ATTRIBUTE_GENERATED_VIRTUAL)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("null value in column \"%s\" of relation \"%s\" violates not-null constraint",
							NameStr(att->attname), RelationGetRelationName(target->rel)),
					 errhint("The column may be nullable at the origin, or missing there and without a default here."),
					 errtablecol(target->rel, i + 1)));
	}
}

/* As for an insert, so that all of them are computed. */
static void
generate(CvgTarget *target, TupleTableSlot *slot)
{
	if (target->has_generated)
		ExecComputeStoredGenerated(target->rri, target->estate, slot, CMD_INSERT);
}

void
cvg_row_generate(CvgTarget *target)
{
	generate(target, target->fresh);
}

/* Generated columns and what a row must satisfy. */
static bool
complete_row(CvgTarget *target, TupleTableSlot *self, CvgViolation *violation)
{
	cvg_row_generate(target);
	if (target->has_not_null)
	{
		slot_getallattrs(target->fresh);
		check_not_null(target, target->fresh);
	}
	if (!target->has_checks && target->nrivals == 0)
		return true;
	return !cvg_row_violates(target, self, violation);
}

pg_noinline static void
raise_rival_appeared(CvgTarget *target)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not write a row of table \"%s\" due to a concurrent write of the same unique value",
					RelationGetRelationName(target->rel))));
}

pg_noinline static void
raise_self_modified(CvgTarget *target)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("row of table \"%s\" was modified by a trigger that its replicated change fired",
					RelationGetRelationName(target->rel))));
}

/* false when the key, or another unique value, is there already */
static bool
insert_speculatively(CvgTarget *target, List **recheck)
{
	TransactionId xid = GetCurrentTransactionId();
	uint32		token = SpeculativeInsertionLockAcquire(xid);
	bool		conflict = false;

	table_tuple_insert_speculative(target->rel, target->fresh,
								   target->estate->es_output_cid, 0, NULL, token);
	*recheck = cvg_insert_index_tuples(target->rri, target->fresh, target->estate,
									   false, true, &conflict, NIL, false);
	table_tuple_complete_speculative(target->rel, target->fresh, token, !conflict);
	SpeculativeInsertionLockRelease(xid);
	return !conflict;
}

CvgWrite
cvg_row_insert(CvgTarget *target, CvgViolation *violation)
{
	List	   *recheck = NIL;

	begin_write(target, CMD_INSERT);
	if (target->fires[CVG_FIRES_BEFORE_INSERT] &&
		!ExecBRInsertTriggers(target->estate, target->rri, target->fresh))
		return CVG_WRITE_SKIPPED;
	if (!complete_row(target, NULL, violation))
		return CVG_WRITE_VIOLATES;

	if (target->has_unique)
	{
		if (!insert_speculatively(target, &recheck))
		{
			CommandCounterIncrement();
			return CVG_WRITE_RETRY;
		}
	}
	else
	{
		table_tuple_insert(target->rel, target->fresh, target->estate->es_output_cid, 0, NULL);
		recheck = cvg_insert_index_tuples(target->rri, target->fresh, target->estate,
										  false, false, NULL, NIL, false);
	}
	if (target->fires[CVG_FIRES_AFTER])
		ExecARInsertTriggers(target->estate, target->rri, target->fresh, recheck, NULL);
	list_free(recheck);
	CommandCounterIncrement();
	return CVG_WRITE_OK;
}

bool
cvg_target_takes_bulk(CvgTarget *target)
{
	return target->has_unique && target->rri->ri_TrigDesc == NULL;
}

void
cvg_rows_take_back(CvgTarget *target, TupleTableSlot **slots, int n)
{
	int			i;

	CommandCounterIncrement();
	begin_write(target, CMD_INSERT);
	for (i = 0; i < n; i++)
	{
		TM_FailureData tmfd;
		TM_Result	result;

		result = cvg_table_tuple_delete(target->rel, &slots[i]->tts_tid,
										target->estate->es_output_cid,
										GetActiveSnapshot(), &tmfd);
		if (result != TM_Ok)
			elog(ERROR, "unexpected result %d of taking back a row", (int) result);
	}
	CommandCounterIncrement();
}

/* Index entries of rows just inserted; false at the first conflict. */
static bool
index_rows(CvgTarget *target, TupleTableSlot **slots, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		bool		conflict = false;
		List	   *recheck;

		ResetPerTupleExprContext(target->estate);
		recheck = cvg_insert_index_tuples(target->rri, slots[i], target->estate,
										  false, true, &conflict, NIL, false);
		if (conflict || recheck != NIL)
			return false;
	}
	return true;
}

bool
cvg_rows_insert(CvgTarget *target, TupleTableSlot **slots, int n)
{
	int			i;

	begin_write(target, CMD_INSERT);
	for (i = 0; i < n; i++)
	{
		ResetPerTupleExprContext(target->estate);
		generate(target, slots[i]);
		if (target->has_not_null)
			check_not_null(target, slots[i]);
		if (cvg_row_failed_check(target, slots[i]) != NULL)
			return false;
	}
	table_multi_insert(target->rel, slots, n, target->estate->es_output_cid, 0, NULL);
	if (!index_rows(target, slots, n))
	{
		cvg_rows_take_back(target, slots, n);
		return false;
	}
	CommandCounterIncrement();
	return true;
}

/* OK, RETRY, or an error. */
static CvgWrite
write_result(CvgTarget *target, TM_Result result)
{
	switch (result)
	{
		case TM_Ok:
			return CVG_WRITE_OK;
		case TM_Updated:
		case TM_Deleted:
			return CVG_WRITE_RETRY;
		case TM_SelfModified:
			raise_self_modified(target);
			break;
		default:
			elog(ERROR, "unexpected result %d of writing a row", (int) result);
	}
	return CVG_WRITE_RETRY;		/* keep compiler quiet */
}

/* Before-update triggers of the user: OK, RETRY or SKIPPED. */
static CvgWrite
fire_before_update(CvgTarget *target)
{
	EPQState	epq;
	bool		go_on;

	if (!lock_found(target))
		return CVG_WRITE_RETRY;
	cvg_eval_plan_qual_init(&epq, target->estate, NULL, NIL, -1, NIL);
	go_on = cvg_br_update_triggers(target->estate, &epq, target->rri,
								   &target->found->tts_tid, NULL, target->fresh,
								   NULL, NULL, false);
	EvalPlanQualEnd(&epq);
	return go_on ? CVG_WRITE_OK : CVG_WRITE_SKIPPED;
}

CvgWrite
cvg_row_update(CvgTarget *target, Bitmapset *changed, CvgViolation *violation)
{
	ItemPointerData tid = target->found->tts_tid;
	TM_FailureData tmfd;
	LockTupleMode lockmode;
	TU_UpdateIndexes update_indexes;
	List	   *recheck = NIL;
	CvgWrite	result;

	begin_write(target, CMD_UPDATE);
	if (target->rri->ri_TrigDesc != NULL)
		cvg_set_updated_cols(target->estate, changed);
	if (target->fires[CVG_FIRES_BEFORE_UPDATE])
	{
		result = fire_before_update(target);
		if (result != CVG_WRITE_OK)
			return result;
	}
	if (!complete_row(target, target->found, violation))
		return CVG_WRITE_VIOLATES;

	result = write_result(target,
						  cvg_table_tuple_update(target->rel, &tid, target->fresh,
												 target->estate->es_output_cid,
												 GetActiveSnapshot(), InvalidSnapshot, true,
												 &tmfd, &lockmode, &update_indexes));
	if (result != CVG_WRITE_OK)
		return result;
	if (update_indexes != TU_None && target->rri->ri_NumIndices > 0)
	{
		bool		conflict = false;

		recheck = cvg_insert_index_tuples(target->rri, target->fresh, target->estate,
										  true, target->nrivals > 0, &conflict, NIL,
										  update_indexes == TU_Summarizing);
		if (conflict)
			raise_rival_appeared(target);
	}
	if (target->fires[CVG_FIRES_AFTER])
		ExecARUpdateTriggers(target->estate, target->rri, NULL, NULL, &tid, NULL,
							 target->fresh, recheck, NULL, false);
	list_free(recheck);
	CommandCounterIncrement();
	return CVG_WRITE_OK;
}

CvgWrite
cvg_row_delete(CvgTarget *target)
{
	ItemPointerData tid = target->found->tts_tid;
	TM_FailureData tmfd;
	CvgWrite	result;

	begin_write(target, CMD_DELETE);
	if (target->fires[CVG_FIRES_BEFORE_DELETE])
	{
		EPQState	epq;
		bool		go_on;

		if (!lock_found(target))
			return CVG_WRITE_RETRY;
		cvg_eval_plan_qual_init(&epq, target->estate, NULL, NIL, -1, NIL);
		go_on = cvg_br_delete_triggers(target->estate, &epq, target->rri, &tid, NULL,
									   NULL, NULL, NULL, false);
		EvalPlanQualEnd(&epq);
		if (!go_on)
			return CVG_WRITE_SKIPPED;
	}
	result = write_result(target,
						  cvg_table_tuple_delete(target->rel, &tid, target->estate->es_output_cid,
												 GetActiveSnapshot(), &tmfd));
	if (result != CVG_WRITE_OK)
		return result;
	if (target->fires[CVG_FIRES_AFTER])
		ExecARDeleteTriggers(target->estate, target->rri, &tid, NULL, NULL, false);
	CommandCounterIncrement();
	return CVG_WRITE_OK;
}

Datum
cvg_row_default(CvgTarget *target, AttrNumber attnum, bool *isnull)
{
	TupleDesc	desc = RelationGetDescr(target->rel);

	if (target->defaults == NULL)
		target->defaults = MemoryContextAllocZero(target->store->mcxt,
												  desc->natts * sizeof(ExprState *));
	if (target->defaults[attnum - 1] == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(target->store->mcxt);
		Expr	   *expr = (Expr *) build_column_default(target->rel, attnum);

		if (expr == NULL)
		{
			MemoryContextSwitchTo(old);
			*isnull = true;
			return (Datum) 0;
		}
		target->defaults[attnum - 1] = ExecInitExpr(expression_planner(expr), NULL);
		MemoryContextSwitchTo(old);
	}
	return ExecEvalExpr(target->defaults[attnum - 1],
						GetPerTupleExprContext(target->estate), isnull);
}
