/*-------------------------------------------------------------------------
 *
 * table_check.c
 *	  What a table must be like to be replicated, and to stay so.
 *
 * Each check raises an error that says what to do.  replicate() runs all of
 * them; the event triggers run those that DDL on a replicated table could
 * have broken.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "api/table.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "store/keyindex.h"
#include "store/meta.h"
#include "store/relinfo.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

char *
cvg_qualified_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

void
cvg_check_owner(Oid relid)
{
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (!cvg_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER,
					   get_relkind_objtype(get_rel_relkind(relid)), name);
}

static const char *
relkind_name(char relkind)
{
	switch (relkind)
	{
		case RELKIND_VIEW:
			return "view";
		case RELKIND_MATVIEW:
			return "materialized view";
		case RELKIND_FOREIGN_TABLE:
			return "foreign table";
		case RELKIND_SEQUENCE:
			return "sequence";
		case RELKIND_INDEX:
		case RELKIND_PARTITIONED_INDEX:
			return "index";
		case RELKIND_COMPOSITE_TYPE:
			return "composite type";
		default:
			return "relation";
	}
}

static void
check_kind(Relation rel)
{
	char		relkind = rel->rd_rel->relkind;

	if (relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("cannot replicate %s \"%s\"", relkind_name(relkind),
					RelationGetRelationName(rel)),
			 errhint("Only ordinary and partitioned tables can be replicated.")));
}

static void
check_schema(Relation rel)
{
	Oid			schema = RelationGetNamespace(rel);

	if (IsSystemRelation(rel) || schema == get_namespace_oid("information_schema", true))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot replicate system table \"%s\"",
						RelationGetRelationName(rel)),
				 errhint("Run the commands that change system tables on every node.")));
	if (schema == get_namespace_oid(CVG_SCHEMA, false))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot replicate table \"%s\" of extension \"pg_converge\"",
						RelationGetRelationName(rel)),
				 errhint("Every node keeps its own tables in schema \"%s\".", CVG_SCHEMA)));
}

static void
check_inheritance(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);

	if (rel->rd_rel->relispartition)
	{
		Oid			root = llast_oid(get_partition_ancestors(relid));

		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot replicate partition \"%s\" alone",
						RelationGetRelationName(rel)),
				 errhint("Replicate the partitioned table %s.", cvg_qualified_name(root))));
	}
	if (has_superclass(relid))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot replicate table \"%s\", which inherits from another table",
						RelationGetRelationName(rel)),
				 errhint("Use ALTER TABLE ... NO INHERIT, or declarative partitioning.")));
	if (rel->rd_rel->relkind == RELKIND_RELATION &&
		find_inheritance_children(relid, NoLock) != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot replicate table \"%s\", from which other tables inherit",
						RelationGetRelationName(rel)),
				 errhint("Use ALTER TABLE ... NO INHERIT, or declarative partitioning.")));
}

static void
check_typed(Relation rel)
{
	if (OidIsValid(rel->rd_rel->reloftype))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot replicate typed table \"%s\"",
						RelationGetRelationName(rel)),
				 errdetail("Replication adds a column, which a table of a type cannot have."),
				 errhint("Use ALTER TABLE ... NOT OF.")));
}

void
cvg_check_root(Relation rel)
{
	check_kind(rel);
	check_schema(rel);
	check_inheritance(rel);
	check_typed(rel);
}

static void
check_persistence(Relation rel)
{
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot replicate temporary table \"%s\"",
						RelationGetRelationName(rel)),
				 errhint("Only permanent tables can be replicated.")));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot replicate unlogged table \"%s\"",
						RelationGetRelationName(rel)),
				 errdetail("It would be empty after a crash, and the other nodes would not know."),
				 errhint("Use ALTER TABLE ... SET LOGGED.")));
}

/* Changes are applied as the owner, whom forced policies would filter. */
static void
check_row_security(Relation rel)
{
	if (rel->rd_rel->relrowsecurity && rel->rd_rel->relforcerowsecurity)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot replicate table \"%s\" with forced row-level security",
						RelationGetRelationName(rel)),
				 errdetail("Changes of other nodes are applied with the rights of the table's owner."),
				 errhint("Use ALTER TABLE ... NO FORCE ROW LEVEL SECURITY.")));
}

static bool
is_own_trigger(const Trigger *trigger)
{
	return strcmp(trigger->tgname, CVG_TRIGGER_STAMP) == 0 ||
		strcmp(trigger->tgname, CVG_TRIGGER_CAPTURE) == 0 ||
		strcmp(trigger->tgname, CVG_TRIGGER_TRUNCATE) == 0;
}

static void
check_trigger(Relation rel, const Trigger *trigger)
{
	if (TRIGGER_FOR_BEFORE(trigger->tgtype) && TRIGGER_FOR_ROW(trigger->tgtype) &&
		strcmp(trigger->tgname, CVG_TRIGGER_STAMP) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("trigger \"%s\" on table \"%s\" would fire after trigger \"%s\"",
						trigger->tgname, RelationGetRelationName(rel), CVG_TRIGGER_STAMP),
				 errdetail("Row triggers fire in the order of their names, and a replicated row must not change after it was stamped."),
				 errhint("Rename the trigger.")));

	if (trigger->tginitdeferred &&
		(trigger->tgenabled == TRIGGER_FIRES_ALWAYS ||
		 trigger->tgenabled == TRIGGER_FIRES_ON_REPLICA))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("deferred trigger \"%s\" on table \"%s\" fires for replicated changes",
						trigger->tgname, RelationGetRelationName(rel)),
				 errdetail("It would have to run with the rights of the owner after those are given up."),
				 errhint("Make it INITIALLY IMMEDIATE, or use ALTER TABLE ... ENABLE TRIGGER without ALWAYS or REPLICA.")));
}

void
cvg_check_member(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;

	check_kind(rel);
	check_persistence(rel);
	check_row_security(rel);
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (!is_own_trigger(&triggers->triggers[i]))
			check_trigger(rel, &triggers->triggers[i]);
	}
}

AttrNumber
cvg_check_state_column(Relation rel)
{
	TupleDesc	tupdesc = RelationGetDescr(rel);
	AttrNumber	attnum = get_attnum(RelationGetRelid(rel), CVG_STATE_COLUMN);

	if (attnum != InvalidAttrNumber)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, attnum - 1);

		if (att->atttypid != cvg_row_state_oid() || att->attgenerated != '\0')
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("column \"%s\" of table \"%s\" is not a plain column of type converge.row_state",
							CVG_STATE_COLUMN, RelationGetRelationName(rel)),
					 errhint("Rename that column: the name is needed for the state of each row.")));
		return attnum;
	}
	if (tupdesc->natts >= MaxHeapAttributeNumber)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_COLUMNS),
				 errmsg("table \"%s\" has no room for column \"%s\"",
						RelationGetRelationName(rel), CVG_STATE_COLUMN),
				 errdetail("Tables can have at most %d columns, dropped ones included.",
						   MaxHeapAttributeNumber)));
	return InvalidAttrNumber;
}

pg_noinline static void
unfit_key(Relation rel, Relation index, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("index \"%s\" cannot be the key of table \"%s\"",
					RelationGetRelationName(index), RelationGetRelationName(rel)),
			 errdetail("%s", why),
			 errhint("A key is a valid unique index, not deferrable, without predicate and expressions, on columns that are NOT NULL and not generated.")));
}

static void
check_key_column(Relation rel, Relation index, AttrNumber attnum)
{
	Form_pg_attribute att;

	if (attnum <= 0)
		unfit_key(rel, index, "It has an expression or a system column.");
	att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	if (!att->attnotnull)
		unfit_key(rel, index, psprintf("Column \"%s\" can be null.", NameStr(att->attname)));
	if (att->attgenerated)
		unfit_key(rel, index, psprintf("Column \"%s\" is generated.", NameStr(att->attname)));
	if (strcmp(NameStr(att->attname), CVG_STATE_COLUMN) == 0)
		unfit_key(rel, index, psprintf("Column \"%s\" is the state of the row.", NameStr(att->attname)));
}

static void
check_key(Relation rel, Relation index)
{
	Form_pg_index form = index->rd_index;

	if (!form->indisunique)
		unfit_key(rel, index, "It is not unique.");
	if (!form->indimmediate)
		unfit_key(rel, index, "Its constraint is deferrable.");
	if (!form->indisvalid || !form->indisready || !form->indislive)
		unfit_key(rel, index, "It is not valid.");
	if (!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
		unfit_key(rel, index, "It has a predicate.");
	for (int i = 0; i < form->indnkeyatts; i++)
		check_key_column(rel, index, form->indkey.values[i]);
}

void
cvg_check_key_index(Relation rel, Oid indexoid)
{
	Relation	index;

	if (cvg_is_birth_index(indexoid))
		return;
	index = index_open(indexoid, AccessShareLock);
	check_key(rel, index);
	index_close(index, AccessShareLock);
}

/* Not RelationGetPrimaryKeyIndex(), which passes over a deferrable one. */
Oid
cvg_primary_key(Relation rel)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *lc;
	Oid			result = InvalidOid;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (index->rd_index->indisprimary)
			result = lfirst_oid(lc);
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return result;
}

static Oid
find_named_index(Relation rel, const char *name)
{
	Oid			index = get_relname_relid(name, RelationGetNamespace(rel));

	if (!OidIsValid(index) ||
		!list_member_oid(RelationGetIndexList(rel), index))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table \"%s\" has no index \"%s\"",
						RelationGetRelationName(rel), name)));
	return index;
}

Oid
cvg_choose_key(Relation rel, const char *index_name)
{
	Oid			result = index_name != NULL ? find_named_index(rel, index_name) :
		cvg_primary_key(rel);

	if (OidIsValid(result))
	{
		Relation	index = index_open(result, AccessShareLock);

		check_key(rel, index);
		index_close(index, AccessShareLock);
	}
	return result;
}
