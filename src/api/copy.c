/*-------------------------------------------------------------------------
 *
 * copy.c
 *	  COPY without a column list on a replicated table.
 *
 * Files and programs made before replicate() know nothing of the _converge
 * column, so "COPY t FROM" and "COPY t TO" mean all columns but that one.  A
 * utility hook writes the list out.  Whoever names _converge gets it.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/table.h"
#include "api/copy.h"
#include "catalog/namespace.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "store/meta.h"
#include "store/relinfo.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static ProcessUtility_hook_type prev_process_utility = NULL;

/* All columns that COPY would take but _converge; NIL if it has none. */
static List *
columns_to_copy(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	TupleDesc	tupdesc = RelationGetDescr(rel);
	List	   *columns = NIL;
	bool		replicated = false;
	int			i;

	for (i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (att->attisdropped || att->attgenerated)
			continue;
		if (strcmp(NameStr(att->attname), CVG_STATE_COLUMN) == 0 &&
			att->atttypid == cvg_row_state_oid())
			replicated = true;
		else
			columns = lappend(columns, makeString(pstrdup(NameStr(att->attname))));
	}
	table_close(rel, AccessShareLock);
	return replicated ? columns : NIL;
}

/* The column list to add to a statement, NIL to leave it alone. */
static List *
missing_column_list(Node *stmt)
{
	CopyStmt   *copy = (CopyStmt *) stmt;
	Oid			relid;

	if (!IsA(stmt, CopyStmt) || copy->relation == NULL || copy->attlist != NIL ||
		!OidIsValid(cvg_row_state_oid()))
		return NIL;
	relid = RangeVarGetRelid(copy->relation, AccessShareLock, true);
	if (!OidIsValid(relid))
		return NIL;				/* COPY itself says so */
	switch (get_rel_relkind(relid))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			return columns_to_copy(relid);
		default:
			return NIL;
	}
}

static void
copy_process_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
					 ProcessUtilityContext context, ParamListInfo params,
					 QueryEnvironment *queryEnv, DestReceiver *dest, QueryCompletion *qc)
{
	List	   *columns = missing_column_list(pstmt->utilityStmt);

	if (columns != NIL)
	{
		/* the tree may be cached, and is then read-only */
		pstmt = copyObject(pstmt);
		((CopyStmt *) pstmt->utilityStmt)->attlist = columns;
	}
	if (prev_process_utility)
		prev_process_utility(pstmt, queryString, readOnlyTree, context,
							 params, queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context,
								params, queryEnv, dest, qc);
}

void
cvg_copy_hook_init(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = copy_process_utility;
}
