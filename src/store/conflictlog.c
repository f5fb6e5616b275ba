/*-------------------------------------------------------------------------
 *
 * conflictlog.c
 *	  Write converge.conflict_log.
 *
 * The record is part of the transaction that resolves the conflict: it is
 * there exactly once, whether the apply is retried or not.  Without SPI:
 * where two nodes write the same rows all the time, every other change is a
 * conflict.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/table.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "core/rowstate.h"
#include "nodes/makefuncs.h"
#include "store/conflictlog.h"
#include "store/meta.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#define CONFLICT_COLUMNS	13

/* Name and value of one column as two more arguments. */
static List *
add_column(List *args, Form_pg_attribute att, Datum value, bool isnull)
{
	Const	   *name = makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
								 CStringGetTextDatum(NameStr(att->attname)), false, false);
	Const	   *content = makeConst(att->atttypid, att->atttypmod, att->attcollation,
									att->attlen, value, isnull, att->attbyval);

	return lappend(lappend(args, name), content);
}

/* jsonb_build_object(...): it takes the types of its arguments from the call's expression. */
static Datum
build_object(List *args)
{
	FunctionCallInfo fcinfo = palloc(SizeForFunctionCallInfo(list_length(args)));
	FmgrInfo	flinfo;
	int			i;

	fmgr_info(F_JSONB_BUILD_OBJECT_ANY, &flinfo);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_JSONB_BUILD_OBJECT_ANY, JSONBOID, args,
											 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL),
					   &flinfo);
	InitFunctionCallInfoData(*fcinfo, &flinfo, list_length(args), InvalidOid, NULL, NULL);
	for (i = 0; i < list_length(args); i++)
	{
		Const	   *arg = list_nth(args, i);

		fcinfo->args[i].value = arg->constvalue;
		fcinfo->args[i].isnull = arg->constisnull;
	}
	return FunctionCallInvoke(fcinfo);
}

Datum
cvg_conflict_row(Relation rel, TupleTableSlot *slot, const bool *include)
{
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *args = NIL;
	int			i;

	slot_getallattrs(slot);
	for (i = 0; i < desc->natts; i++)
	{
		if (include[i])
			args = add_column(args, TupleDescAttr(desc, i), slot->tts_values[i],
							  slot->tts_isnull[i]);
	}
	return args != NIL ? build_object(args) : (Datum) 0;
}

/* The row clock of a state as a converge.vclock. */
static Datum
state_clock(CvgSlice state, bool *isnull)
{
	CvgBuf		buf;

	*isnull = state.len == 0;
	if (*isnull)
		return (Datum) 0;
	cvg_buf_init(&buf);
	buf.len = VARHDRSZ;
	cvg_rowstate_clock(state, &buf);
	SET_VARSIZE(buf.data, buf.len);
	return PointerGetDatum(buf.data);
}

static Datum
optional(Datum value, bool *isnull)
{
	*isnull = value == (Datum) 0;
	return value;
}

/* Next value of the column id; its sequence is looked up once. */
static Datum
next_id(Relation rel)
{
	static Oid	table = InvalidOid;
	static Oid	sequence = InvalidOid;

	if (table != RelationGetRelid(rel))
	{
		sequence = cvg_identity_sequence(rel, 1);
		table = RelationGetRelid(rel);
	}
	return Int64GetDatum(nextval_internal(sequence, false));
}

void
cvg_conflict_log(const CvgConflict *conflict)
{
	Relation	rel = table_open(cvg_table_oid(CVG_T_CONFLICT_LOG), RowExclusiveLock);
	Datum		values[CONFLICT_COLUMNS];
	bool		nulls[CONFLICT_COLUMNS] = {false};

	values[0] = next_id(rel);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = ObjectIdGetDatum(conflict->relid);
	values[3] = CStringGetTextDatum(get_namespace_name(get_rel_namespace(conflict->relid)));
	values[4] = CStringGetTextDatum(get_rel_name(conflict->relid));
	values[5] = CStringGetTextDatum(conflict->type);
	values[6] = CStringGetTextDatum(conflict->decision);
	values[7] = optional(conflict->key, &nulls[7]);
	values[8] = optional(conflict->local_row, &nulls[8]);
	values[9] = optional(conflict->remote_row, &nulls[9]);
	values[10] = state_clock(conflict->local_state, &nulls[10]);
	values[11] = state_clock(conflict->remote_state, &nulls[11]);
	values[12] = PointerGetDatum(cstring_to_text_with_len((const char *) conflict->origin.data,
														  conflict->origin.len));
	cvg_meta_insert(rel, cvg_index_oid(CVG_T_CONFLICT_LOG), values, nulls);
	table_close(rel, NoLock);
}
