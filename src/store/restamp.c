/*-------------------------------------------------------------------------
 *
 * restamp.c
 *	  Give rows of a table a new state, and change nothing else.
 *
 * An UPDATE statement would do it, were it not for triggers: they would have
 * to be kept from firing by session_replication_role, under which ALWAYS
 * triggers still fire, in a role setting that their owner could not have made.
 * So the row is written through the table and executor functions.  No user
 * code runs here except in expressions of indexes, constraints and generated
 * columns, as the table's owner and security-restricted, as VACUUM and CREATE
 * INDEX do.  Where no column but the state changes, constraints hold for the new
 * version because they held for the old one: none of them is about the state.
 * Where others do, generated columns are computed and constraints checked; a
 * version that would belong in another partition is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "store/restamp.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

struct CvgRestamp
{
	Relation	rel;
	AttrNumber	state_attnum;
	EState	   *estate;
	ResultRelInfo *rri;
	TupleTableSlot *slot;		/* the new version */
	Oid			save_user;
	int			save_context;
};

CvgRestamp *
cvg_restamp_begin(Relation rel, AttrNumber state_attnum)
{
	CvgRestamp *restamp = palloc0(sizeof(CvgRestamp));

	restamp->rel = rel;
	restamp->state_attnum = state_attnum;
	restamp->slot = table_slot_create(rel, NULL);
	restamp->estate = CreateExecutorState();
	restamp->rri = makeNode(ResultRelInfo);
	InitResultRelInfo(restamp->rri, rel, 0, NULL, 0);
	ExecOpenIndices(restamp->rri, false);
	GetUserIdAndSecContext(&restamp->save_user, &restamp->save_context);
	return restamp;
}

static bytea *
make_state(CvgSlice state)
{
	bytea	   *result = palloc(VARHDRSZ + state.len);

	SET_VARSIZE(result, VARHDRSZ + state.len);
	memcpy(VARDATA(result), state.data, state.len);
	return result;
}

/* Put the row with its new state into restamp->slot. */
static void
form_row(CvgRestamp *restamp, TupleTableSlot *slot, CvgSlice state, CvgReplaced *replaced)
{
	HeapTuple	old = ExecCopySlotHeapTuple(slot);
	int			attnum;
	Datum		value;
	bool		isnull;
	CvgReplaced own = {0, &attnum, &value, &isnull};
	CvgReplaced *r = replaced != NULL ? replaced : &own;
	HeapTuple	fresh;

	cvg_replaced_add(r, restamp->state_attnum, PointerGetDatum(make_state(state)), false);
	fresh = heap_modify_tuple_by_cols(old, RelationGetDescr(restamp->rel),
									  r->n, r->attnums, r->values, r->nulls);
	heap_freetuple(old);
	pfree(DatumGetPointer(r->values[r->n - 1]));
	fresh->t_tableOid = RelationGetRelid(restamp->rel);
	ExecForceStoreHeapTuple(fresh, restamp->slot, true);
}

/* Columns other than the state are new: what depends on them. */
static void
complete_row(CvgRestamp *restamp)
{
	TupleConstr *constr = RelationGetDescr(restamp->rel)->constr;

	if (constr != NULL && constr->has_generated_stored)
		ExecComputeStoredGenerated(restamp->rri, restamp->estate, restamp->slot, CMD_INSERT);
	if (constr != NULL)
		ExecConstraints(restamp->rri, restamp->slot, restamp->estate);
	if (restamp->rel->rd_rel->relispartition &&
		!ExecPartitionCheck(restamp->rri, restamp->slot, restamp->estate, false))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a row of partition \"%s\" would have to move to another partition",
						RelationGetRelationName(restamp->rel)),
				 errdetail("Its concurrent versions are in different partitions, and the new strategy shows another one."),
				 errhint("End its conflict with converge.resolve() first.")));
}

void
cvg_restamp_row(CvgRestamp *restamp, TupleTableSlot *slot, CvgSlice state,
				CvgReplaced *replaced)
{
	bool		others = replaced != NULL && replaced->n > 0;
	Snapshot	snapshot;

	/* the row may have been inserted by the command that we are in */
	CommandCounterIncrement();
	form_row(restamp, slot, state, replaced);

	SetUserIdAndSecContext(restamp->rel->rd_rel->relowner,
						   restamp->save_context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	if (others)
		complete_row(restamp);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	cvg_update_row(restamp->rri, restamp->estate, &slot->tts_tid, restamp->slot, snapshot);
	UnregisterSnapshot(snapshot);
	SetUserIdAndSecContext(restamp->save_user, restamp->save_context);

	ResetPerTupleExprContext(restamp->estate);
	CommandCounterIncrement();
}

void
cvg_restamp_end(CvgRestamp *restamp)
{
	ExecCloseIndices(restamp->rri);
	ExecDropSingleTupleTableSlot(restamp->slot);
	FreeExecutorState(restamp->estate);
	pfree(restamp->rri);
	pfree(restamp);
}

TupleTableSlot *
cvg_restamp_end_with(CvgRestamp *restamp)
{
	/* with a description of its own, the slot goes with the memory context */
	TupleDesc	desc = CreateTupleDescCopy(RelationGetDescr(restamp->rel));
	TupleTableSlot *copy = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);

	ExecStoreHeapTuple(ExecCopySlotHeapTuple(restamp->slot), copy, false);
	copy->tts_tid = restamp->slot->tts_tid;
	cvg_restamp_end(restamp);
	return copy;
}
