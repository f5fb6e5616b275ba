/*-------------------------------------------------------------------------
 *
 * execstamp.c
 *	  Stamping the rows of an UPDATE without the BEFORE ROW trigger.
 *
 * Before BEFORE ROW UPDATE triggers the server locks the row, which is a WAL
 * record and a fifth of the cost of a small UPDATE, and around our trigger it
 * forms the row twice.  So for UPDATEs that plans execute, the state is put
 * into the new row where that is made: the projection which combines the old
 * row with the plan's output is followed by our function, and the trigger is
 * taken off the executor's copy of the table's trigger list.
 *
 * This is left to the trigger, which is always there: MERGE, ON CONFLICT DO
 * UPDATE, tables with other BEFORE ROW UPDATE triggers (they may change the
 * row after the projection), and whatever updates rows without a plan.
 *
 * Concurrency.  The stamp is drawn before the row is locked.  Still the stamps
 * of the writes to a row ascend in the order in which they happen: the update
 * succeeds only if the row version that the projection read is still the
 * latest, so nobody has written the row since.  If it is not, the server reads
 * the new version and projects again (READ COMMITTED), and that draws a new
 * stamp, or fails.  A neighbour that had updated the row and rolled back has
 * left nothing; locks that others held change nothing.
 *
 * The executor builds the projection at the first row.  We build it at the
 * start, as the executor would, because there is no hook in between, and put
 * our function in front of its evaluation function, which it calls.
 * That pointer may change at the first evaluation (checks that are made
 * once, compiled code), so it is put back for the time of the call.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "lib/ilist.h"
#include "nodes/execnodes.h"
#include "store/capture.h"
#include "store/execstamp.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* One projection with our function in it; lives as long as the query. */
typedef struct StampedProjection
{
	slist_node	node;
	ExprState  *state;
	ExprStateEvalFunc evaluate; /* what our function stands in front of */
	Relation	rel;			/* the query's */
	MemoryContextCallback forget;
} StampedProjection;

static slist_head projections = SLIST_STATIC_INIT(projections);
static ExecutorStart_hook_type prev_executor_start = NULL;

static void
forget_projection(void *arg)
{
	slist_delete(&projections, &((StampedProjection *) arg)->node);
}

/* Few are open at a time, and the newest is asked for most often. */
static StampedProjection *
find_projection(ExprState *state)
{
	slist_iter	iter;

	slist_foreach(iter, &projections)
	{
		StampedProjection *p = slist_container(StampedProjection, node, iter.cur);

		if (p->state == state)
			return p;
	}
	elog(ERROR, "projection of an UPDATE is not known");
	return NULL;
}

/* Evaluate, then stamp the row that came out. */
static Datum
evaluate_and_stamp(ExprState *state, ExprContext *econtext, bool *isnull)
{
	StampedProjection *p = find_projection(state);
	TupleTableSlot *slot = state->resultslot;
	Datum		result;

	state->evalfunc = p->evaluate;
	result = state->evalfunc(state, econtext, isnull);
	p->evaluate = state->evalfunc;
	state->evalfunc = evaluate_and_stamp;

	/* as ExecProject() is about to */
	slot->tts_flags &= ~TTS_FLAG_EMPTY;
	slot->tts_nvalid = slot->tts_tupleDescriptor->natts;
	cvg_stamp_update(p->rel, econtext->ecxt_scantuple, slot);
	return result;
}

/* Is ours the only trigger that would fire before a row is updated? */
static bool
only_our_trigger(const ResultRelInfo *rri)
{
	const TriggerDesc *desc = rri->ri_TrigDesc;
	bool		ours = false;
	int			i;

	if (desc == NULL || !desc->trig_update_before_row)
		return false;
	for (i = 0; i < desc->numtriggers; i++)
	{
		const Trigger *trigger = &desc->triggers[i];

		if (!TRIGGER_TYPE_MATCHES(trigger->tgtype, TRIGGER_TYPE_ROW,
								  TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_UPDATE))
			continue;
		if (strcmp(trigger->tgname, CVG_TRIGGER_STAMP) != 0)
			return false;
		/* the server decides by this whether it fires */
		ours = SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA ?
			trigger->tgenabled == TRIGGER_FIRES_ON_REPLICA ||
			trigger->tgenabled == TRIGGER_FIRES_ALWAYS :
			trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN ||
			trigger->tgenabled == TRIGGER_FIRES_ALWAYS;
	}
	return ours;
}

/* What the executor does at the first row of this table. */
static void
build_projection(ModifyTableState *mtstate, ResultRelInfo *rri, int which)
{
	EState	   *estate = mtstate->ps.state;
	List	   *colnos = list_nth(cvg_update_colnos_lists(mtstate), which);

	rri->ri_oldTupleSlot = table_slot_create(rri->ri_RelationDesc, &estate->es_tupleTable);
	rri->ri_newTupleSlot = table_slot_create(rri->ri_RelationDesc, &estate->es_tupleTable);
	if (mtstate->ps.ps_ExprContext == NULL)
		ExecAssignExprContext(estate, &mtstate->ps);
	rri->ri_projectNew = ExecBuildUpdateProjection(outerPlan(mtstate->ps.plan)->targetlist,
												   false, colnos,
												   RelationGetDescr(rri->ri_RelationDesc),
												   mtstate->ps.ps_ExprContext,
												   rri->ri_newTupleSlot, &mtstate->ps);
	rri->ri_projectNewInfoValid = true;
}

static void
take_over(ModifyTableState *mtstate, ResultRelInfo *rri, int which)
{
	EState	   *estate = mtstate->ps.state;
	StampedProjection *p;
	MemoryContext old;

	if (rri->ri_projectNewInfoValid ||
		rri->ri_RelationDesc->rd_rel->relkind != RELKIND_RELATION ||
		!only_our_trigger(rri) || cvg_rel(rri->ri_RelationDesc) == NULL)
		return;
	old = MemoryContextSwitchTo(estate->es_query_cxt);
	build_projection(mtstate, rri, which);
	p = palloc0(sizeof(StampedProjection));
	p->state = &rri->ri_projectNew->pi_state;
	p->evaluate = p->state->evalfunc;
	p->rel = rri->ri_RelationDesc;
	p->forget.func = forget_projection;
	p->forget.arg = p;
	slist_push_head(&projections, &p->node);
	MemoryContextRegisterResetCallback(estate->es_query_cxt, &p->forget);
	p->state->evalfunc = evaluate_and_stamp;
	rri->ri_TrigDesc->trig_update_before_row = false;
	MemoryContextSwitchTo(old);
}

static void
take_over_node(PlanState *node)
{
	ModifyTableState *mtstate = (ModifyTableState *) node;
	int			i;

	if (node == NULL || !IsA(node, ModifyTableState) || mtstate->operation != CMD_UPDATE)
		return;
	for (i = 0; i < mtstate->mt_nrels; i++)
		take_over(mtstate, &mtstate->resultRelInfo[i], i);
}

static void
stamp_executor_start(QueryDesc *queryDesc, int eflags)
{
	PlannedStmt *stmt = queryDesc->plannedstmt;
	ListCell   *lc;

	if (prev_executor_start)
		prev_executor_start(queryDesc, eflags);
	else
		standard_ExecutorStart(queryDesc, eflags);

	if ((stmt->commandType != CMD_UPDATE && !stmt->hasModifyingCTE) ||
		(eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0 || cvg_applying)
		return;
	take_over_node(queryDesc->planstate);
	foreach(lc, queryDesc->estate->es_auxmodifytables)
		take_over_node(lfirst(lc));
}

void
cvg_execstamp_init(void)
{
	prev_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = stamp_executor_start;
}
