/*-------------------------------------------------------------------------
 *
 * rowcheck.c
 *	  Constraints of a row other than its key: CHECKs, and rows that are in
 *	  its way ("rivals") in other unique indexes and exclusion constraints.
 *
 * All of it looks and nothing raises an error: what violates is set aside by
 * the caller.  Rivals are looked for with a dirty snapshot, waiting for
 * writers in progress; one that appears afterwards is the business of the
 * index itself (rowstore.c).  Constraints that are deferrable count as
 * immediate: between two applied transactions nothing may be violated.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "nodes/bitmapset.h"
#include "nodes/nodeFuncs.h"
#include "nodes/readfuncs.h"
#include "optimizer/optimizer.h"
#include "storage/lmgr.h"
#include "store/rowstore.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#define ATTR_BIT(attnum)	((attnum) - FirstLowInvalidHeapAttributeNumber)

/* Columns that decide whether, and under which value, a row is in an index. */
static Bitmapset *
index_attrs(IndexInfo *info)
{
	Bitmapset  *attrs = NULL;
	int			i;

	for (i = 0; i < info->ii_NumIndexKeyAttrs; i++)
	{
		if (info->ii_IndexAttrNumbers[i] != 0)
			attrs = bms_add_member(attrs, ATTR_BIT(info->ii_IndexAttrNumbers[i]));
	}
	pull_varattnos((Node *) info->ii_Expressions, 1, &attrs);
	pull_varattnos((Node *) info->ii_Predicate, 1, &attrs);
	return attrs;
}

static void
init_checks(CvgTarget *target)
{
	TupleConstr *constr = RelationGetDescr(target->rel)->constr;
	int			i;

	if (constr == NULL || constr->num_check == 0)
		return;
	target->has_checks = true;
	target->checks = palloc(sizeof(ExprState *) * constr->num_check);
	for (i = 0; i < constr->num_check; i++)
		target->checks[i] = ExecPrepareExpr(stringToNode(constr->check[i].ccbin),
											target->estate);
}

void
cvg_rowcheck_init(CvgTarget *target)
{
	ResultRelInfo *rri = target->rri;
	int			i;

	init_checks(target);
	target->rivals = palloc(sizeof(int) * Max(rri->ri_NumIndices, 1));
	target->rival_attrs = palloc(sizeof(Bitmapset *) * Max(rri->ri_NumIndices, 1));
	for (i = 0; i < rri->ri_NumIndices; i++)
	{
		Relation	index = rri->ri_IndexRelationDescs[i];
		IndexInfo  *info = rri->ri_IndexRelationInfo[i];

		if (RelationGetRelid(index) == target->info->key_index ||
			!info->ii_ReadyForInserts ||
			!(info->ii_Unique || info->ii_ExclusionOps != NULL))
			continue;
		target->rivals[target->nrivals] = i;
		target->rival_attrs[target->nrivals] = index_attrs(info);
		target->nrivals++;
	}
}

/* ----------------------------------------------------------------
 *		CHECK
 * ----------------------------------------------------------------
 */

const char *
cvg_row_failed_check(CvgTarget *target, TupleTableSlot *slot)
{
	TupleConstr *constr = RelationGetDescr(target->rel)->constr;
	ExprContext *econtext = GetPerTupleExprContext(target->estate);
	int			i;

	if (!target->has_checks)
		return NULL;
	econtext->ecxt_scantuple = slot;
	for (i = 0; i < constr->num_check; i++)
	{
		if (!ExecCheck(target->checks[i], econtext))
			return constr->check[i].ccname;
	}
	return NULL;
}

/* ----------------------------------------------------------------
 *		Rivals
 * ----------------------------------------------------------------
 */

static uint16
rival_strategy(IndexInfo *info, int column)
{
	return info->ii_ExclusionOps ? info->ii_ExclusionStrats[column] :
		info->ii_UniqueStrats[column];
}

static Oid
rival_proc(IndexInfo *info, int column)
{
	return info->ii_ExclusionOps ? info->ii_ExclusionProcs[column] :
		info->ii_UniqueProcs[column];
}

/*
 * Index values of a slot, in the per-tuple context.  false: it cannot have
 * rivals in this index (not in it, or NULL).
 */
static bool
form_index_values(CvgTarget *target, int rival, TupleTableSlot *slot,
				  Datum *values, bool *nulls)
{
	EState	   *estate = target->estate;
	IndexInfo  *info = target->rri->ri_IndexRelationInfo[target->rivals[rival]];
	ExprContext *econtext = GetPerTupleExprContext(estate);
	int			i;

	econtext->ecxt_scantuple = slot;
	if (info->ii_Predicate != NIL)
	{
		if (info->ii_PredicateState == NULL)
			info->ii_PredicateState = ExecPrepareQual(info->ii_Predicate, estate);
		if (!ExecQual(info->ii_PredicateState, econtext))
			return false;
	}
	FormIndexDatum(info, slot, estate, values, nulls);
	if (info->ii_NullsNotDistinct)
		return true;
	for (i = 0; i < info->ii_NumIndexKeyAttrs; i++)
	{
		if (nulls[i])
			return false;
	}
	return true;
}

/* Do the index values of two rows exclude each other? */
static bool
values_conflict(CvgTarget *target, int rival, Datum *a, bool *anull,
				Datum *b, bool *bnull)
{
	int			place = target->rivals[rival];
	IndexInfo  *info = target->rri->ri_IndexRelationInfo[place];
	Relation	index = target->rri->ri_IndexRelationDescs[place];
	int			i;

	for (i = 0; i < info->ii_NumIndexKeyAttrs; i++)
	{
		if (anull[i] && bnull[i])
			continue;			/* NULLS NOT DISTINCT */
		if (anull[i] || bnull[i])
			return false;
		if (!DatumGetBool(OidFunctionCall2Coll(rival_proc(info, i), index->rd_indcollation[i],
											   a[i], b[i])))
			return false;
	}
	return true;
}

/* An index whose scan is lossy: does the row found really conflict? */
static bool
rival_is_real(CvgTarget *target, int rival, Datum *values, bool *nulls)
{
	Datum		others[INDEX_MAX_KEYS];
	bool		other_nulls[INDEX_MAX_KEYS];

	if (!form_index_values(target, rival, target->other, others, other_nulls))
		return false;
	return values_conflict(target, rival, others, other_nulls, values, nulls);
}

static void
init_scan_keys(CvgTarget *target, int rival, Datum *values, bool *nulls, ScanKeyData *keys)
{
	int			place = target->rivals[rival];
	IndexInfo  *info = target->rri->ri_IndexRelationInfo[place];
	Relation	index = target->rri->ri_IndexRelationDescs[place];
	int			i;

	for (i = 0; i < info->ii_NumIndexKeyAttrs; i++)
		ScanKeyEntryInitialize(&keys[i],
							   nulls[i] ? SK_ISNULL | SK_SEARCHNULL : 0,
							   i + 1, rival_strategy(info, i), InvalidOid,
							   index->rd_indcollation[i], rival_proc(info, i),
							   values[i]);
}

/*
 * Next rival in a scan, in target->other; waits for those in progress.
 * *restart: something ended while we waited, begin the scan again.
 */
static bool
next_rival(CvgTarget *target, int rival, IndexScanDesc scan, SnapshotData *dirty,
		   ItemPointer self, Datum *values, bool *nulls, bool *restart)
{
	*restart = false;
	while (index_getnext_slot(scan, ForwardScanDirection, target->other))
	{
		TransactionId wait;

		CHECK_FOR_INTERRUPTS();
		if (self != NULL && ItemPointerEquals(self, &target->other->tts_tid))
			continue;
		if (scan->xs_recheck && !rival_is_real(target, rival, values, nulls))
			continue;
		wait = TransactionIdIsValid(dirty->xmin) ? dirty->xmin : dirty->xmax;
		if (!TransactionIdIsValid(wait))
			return true;
		if (dirty->speculativeToken != 0)
			SpeculativeInsertionWait(dirty->xmin, dirty->speculativeToken);
		else
			XactLockTableWait(wait, target->rel, &target->other->tts_tid,
							  XLTW_RecheckExclusionConstr);
		*restart = true;
		return false;
	}
	return false;
}

/*
 * Rivals of a slot in one index.  Without fn, the first is enough.  Calls may
 * repeat when the scan had to wait.
 */
static bool
probe_rivals(CvgTarget *target, int rival, TupleTableSlot *slot, ItemPointer self,
			 CvgRivalFn fn, void *arg)
{
	int			place = target->rivals[rival];
	Relation	index = target->rri->ri_IndexRelationDescs[place];
	int			nkeys = target->rri->ri_IndexRelationInfo[place]->ii_NumIndexKeyAttrs;
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];
	ScanKeyData keys[INDEX_MAX_KEYS];
	SnapshotData dirty;
	IndexScanDesc scan;
	bool		found = false;
	bool		restart;

	if (!form_index_values(target, rival, slot, values, nulls))
		return false;
	init_scan_keys(target, rival, values, nulls, keys);
	InitDirtySnapshot(dirty);
	scan = cvg_index_beginscan(target->rel, index, &dirty, NULL, nkeys, 0);
	do
	{
		index_rescan(scan, keys, nkeys, NULL, 0);
		while (next_rival(target, rival, scan, &dirty, self, values, nulls, &restart))
		{
			found = true;
			if (fn == NULL)
				break;
			fn(target, target->other, arg);
		}
	} while (restart);
	index_endscan(scan);
	return found;
}

/* Has any of these columns another value in fresh than in self? */
static bool
any_changed(CvgTarget *target, TupleTableSlot *self, Bitmapset *attrs)
{
	TupleDesc	desc = RelationGetDescr(target->rel);
	int			bit = -1;

	slot_getallattrs(self);
	slot_getallattrs(target->fresh);
	while ((bit = bms_next_member(attrs, bit)) >= 0)
	{
		int			i = bit + FirstLowInvalidHeapAttributeNumber - 1;
		Form_pg_attribute att;

		if (i < 0)
			return true;		/* whole-row reference */
		att = TupleDescAttr(desc, i);
		if (self->tts_isnull[i] != target->fresh->tts_isnull[i])
			return true;
		if (!self->tts_isnull[i] &&
			!datum_image_eq(self->tts_values[i], target->fresh->tts_values[i],
							att->attbyval, att->attlen))
			return true;
	}
	return false;
}

bool
cvg_row_violates(CvgTarget *target, TupleTableSlot *self, CvgViolation *violation)
{
	int			i;

	violation->nindexes = 0;
	violation->constraint = cvg_row_failed_check(target, target->fresh);
	violation->check = violation->constraint != NULL;
	if (violation->check)
		return true;
	for (i = 0; i < target->nrivals; i++)
	{
		if (self != NULL && !any_changed(target, self, target->rival_attrs[i]))
			continue;
		if (!probe_rivals(target, i, target->fresh, self ? &self->tts_tid : NULL, NULL, NULL))
			continue;
		if (violation->constraint == NULL)
			violation->constraint =
				RelationGetRelationName(target->rri->ri_IndexRelationDescs[target->rivals[i]]);
		violation->nindexes++;
	}
	return violation->nindexes > 0;
}

void
cvg_row_rivals(CvgTarget *target, TupleTableSlot *slot, CvgRivalFn fn, void *arg)
{
	int			i;

	for (i = 0; i < target->nrivals; i++)
		(void) probe_rivals(target, i, slot, NULL, fn, arg);
}

/* ----------------------------------------------------------------
 *		Rows that are not in the table
 * ----------------------------------------------------------------
 */

/*
 * Copy an index value.  Its type is the column's or the expression's; what
 * the index stores (its tuple descriptor) may be something else.
 */
static Datum
copy_index_value(CvgTarget *target, IndexInfo *info, int column, int *expression,
				 Datum value, bool isnull)
{
	AttrNumber	attnum = info->ii_IndexAttrNumbers[column];
	int16		typlen;
	bool		typbyval;

	if (attnum > 0)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(target->rel), attnum - 1);

		typlen = att->attlen;
		typbyval = att->attbyval;
	}
	else
		get_typlenbyval(exprType(list_nth(info->ii_Expressions, (*expression)++)),
						&typlen, &typbyval);
	return isnull ? (Datum) 0 : datumCopy(value, typbyval, typlen);
}

CvgRivalKey *
cvg_row_rival_keys(CvgTarget *target, TupleTableSlot *slot)
{
	CvgRivalKey *keys = palloc0(sizeof(CvgRivalKey) * Max(target->nrivals, 1));
	int			i;
	int			j;

	for (i = 0; i < target->nrivals; i++)
	{
		int			place = target->rivals[i];
		IndexInfo  *info = target->rri->ri_IndexRelationInfo[place];
		Datum		values[INDEX_MAX_KEYS];
		int			expression = 0;

		keys[i].in_index = form_index_values(target, i, slot, values, keys[i].nulls);
		for (j = 0; j < info->ii_NumIndexKeyAttrs && keys[i].in_index; j++)
			keys[i].values[j] = copy_index_value(target, info, j, &expression,
												 values[j], keys[i].nulls[j]);
	}
	return keys;
}

bool
cvg_row_rival_keys_conflict(CvgTarget *target, CvgRivalKey *a, CvgRivalKey *b)
{
	int			i;

	for (i = 0; i < target->nrivals; i++)
	{
		if (a[i].in_index && b[i].in_index &&
			values_conflict(target, i, a[i].values, a[i].nulls, b[i].values, b[i].nulls))
			return true;
	}
	return false;
}
