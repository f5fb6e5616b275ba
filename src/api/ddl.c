/*-------------------------------------------------------------------------
 *
 * ddl.c
 *	  Event triggers: DDL on replicated tables.
 *
 * DDL is not replicated; each node runs its own.  What is done here: a
 * dropped table is forgotten; a new partition of a replicated table gets its
 * triggers and its rows are captured; column groups and strategies follow the
 * table's definition; and a command that would break what replicate() relied on is
 * refused with a word on what to do instead.  The checks look at the result
 * of a command, not at the command, so there is no list of commands to keep
 * complete.  Disabled triggers only draw a warning: restoring a dump needs
 * them off.
 *
 * A partition that is detached or dropped takes its rows along without a
 * trace in the log: other nodes keep theirs until they run the same command.
 *
 * Both triggers fire in every database that has the extension, whether the
 * library is preloaded or not, so nothing here touches shared memory before
 * a replicated table is involved.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "api/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"
#include "storage/lmgr.h"
#include "store/meta.h"
#include "store/relinfo.h"
#include "store/strategy.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* An object that a command has created, changed or dropped. */
typedef struct TouchedObject
{
	Oid			classid;
	Oid			objid;
	int32		objsubid;
	Oid			relid;			/* of a dropped part: the table it was part of */
} TouchedObject;

static void
require_event(FunctionCallInfo fcinfo, const char *function)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function converge.%s() can only be called as an event trigger",
						function)));
}

/* ----------------------------------------------------------------
 *		Verifying a replicated table
 * ----------------------------------------------------------------
 */

pg_noinline static void
refuse(Relation rel, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("table \"%s\" is replicated", RelationGetRelationName(rel)),
			 errdetail("%s", detail),
			 errhint("Use converge.unreplicate() first.")));
}

/* The relation's own trigger of that name, NULL if it has none. */
static Trigger *
find_trigger(Relation rel, const char *name)
{
	TriggerDesc *triggers = rel->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		if (strcmp(triggers->triggers[i].tgname, name) == 0)
			return &triggers->triggers[i];
	}
	return NULL;
}

/* False when the trigger is there but does not fire. */
static bool
verify_trigger(Relation rel, const char *name)
{
	Trigger    *trigger = find_trigger(rel, name);

	if (trigger == NULL)
		refuse(rel, psprintf("Trigger \"%s\" is needed.", name));
	return trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN ||
		trigger->tgenabled == TRIGGER_FIRES_ALWAYS;
}

static void
verify_triggers(Relation rel)
{
	bool		fire = verify_trigger(rel, CVG_TRIGGER_STAMP);

	fire &= verify_trigger(rel, CVG_TRIGGER_CAPTURE);
	fire &= verify_trigger(rel, CVG_TRIGGER_TRUNCATE);
	if (!fire)
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("changes of table \"%s\" do not reach other nodes",
						RelationGetRelationName(rel)),
				 errdetail("Its converge triggers are disabled.")));
}

static void
verify_root(Relation rel, const CvgRegistration *reg)
{
	if (get_rel_relkind(reg->key_index) == '\0')
		refuse(rel, "The index that identifies its rows is needed.");
	cvg_check_root(rel);
	cvg_check_key_index(rel, reg->key_index);
	cvg_strategies_follow(rel);
	if (reg->granularity != CVG_GRANULARITY_COLUMN)
		return;
	cvg_check_column_ids(rel, reg->key_index);
	cvg_groups_replace(RelationGetRelid(rel), cvg_column_groups(rel, reg->key_index));
	cvg_invalidate_tree(RelationGetRelid(rel));
	cvg_strategies_check_units(rel);
}

/* That a replicated table, or a partition of one, still is what it must be. */
static void
verify_relation(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	CvgRegistration reg;

	if (cvg_check_state_column(rel) == InvalidAttrNumber)
		refuse(rel, psprintf("Column \"%s\" is needed.", CVG_STATE_COLUMN));
	verify_triggers(rel);
	cvg_check_member(rel);
	if (cvg_registration_find(relid, &reg))
		verify_root(rel, &reg);
	table_close(rel, NoLock);
}

/* Tables that a relation inherits from. */
static List *
inheritance_parents(Oid relid)
{
	List	   *result = NIL;
	Relation	rel = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = lappend_oid(result, ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* Nothing but a partition may inherit from a replicated table. */
static void
verify_outsider(Oid relid)
{
	List	   *parents = inheritance_parents(relid);
	ListCell   *lc;

	foreach(lc, parents)
	{
		Relation	parent;

		if (!cvg_registration_find(lfirst_oid(lc), NULL))
			continue;
		parent = table_open(lfirst_oid(lc), AccessShareLock);
		refuse(parent, "Other tables cannot inherit from it.");
	}
}

static bool
is_table(Oid relid)
{
	char		relkind = get_rel_relkind(relid);

	return relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE ||
		relkind == RELKIND_FOREIGN_TABLE;
}

static void
examine_relation(Oid relid)
{
	Oid			root;

	if (!is_table(relid))
		return;
	root = cvg_registered_root(relid);
	if (!OidIsValid(root))
	{
		verify_outsider(relid);
		return;
	}
	if (relid != root && !OidIsValid(get_trigger_oid(relid, CVG_TRIGGER_TRUNCATE, true)))
		cvg_adopt_partition(relid);
	verify_relation(relid);
}

/* ----------------------------------------------------------------
 *		ddl_command_start and ddl_command_end
 * ----------------------------------------------------------------
 */

static Oid
trigger_relation(Oid trigger)
{
	Oid			result = InvalidOid;
	Relation	rel = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger));
	scan = systable_beginscan(rel, TriggerOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		result = ((Form_pg_trigger) GETSTRUCT(tuple))->tgrelid;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* The parent will ask for the column; say what it is before the server does. */
static void
check_before_attach(Oid parent, Oid partition)
{
	if (!OidIsValid(cvg_registered_root(parent)) ||
		get_attnum(partition, CVG_STATE_COLUMN) != InvalidAttrNumber)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("table \"%s\" has no column \"%s\", which partitions of replicated table \"%s\" need",
					get_rel_name(partition), CVG_STATE_COLUMN, get_rel_name(parent)),
			 errhint("Use ALTER TABLE %s ADD COLUMN %s converge.row_state, and attach it then.",
					 cvg_qualified_name(partition), CVG_STATE_COLUMN)));
}

/* A column's strategy has to fit the type that it gets. */
static void
check_before_retype(Oid relid, const AlterTableCmd *cmd)
{
	const ColumnDef *def = castNode(ColumnDef, cmd->def);
	Type		type;

	if (!OidIsValid(relid) || !cvg_registration_find(relid, NULL) ||
		!cvg_class_ownercheck(relid, GetUserId()))
		return;
	type = LookupTypeName(NULL, def->typeName, NULL, true);
	if (type == NULL)
		return;					/* the server says so */
	LockRelationOid(relid, AccessExclusiveLock);
	cvg_strategies_check_type(relid, cmd->name, typeTypeId(type));
	ReleaseSysCache(type);
}

CVG_FUNCTION(ddl_start)
{
	AlterTableStmt *stmt;
	Oid			parent;
	ListCell   *lc;

	require_event(fcinfo, "ddl_start");
	stmt = (AlterTableStmt *) ((EventTriggerData *) fcinfo->context)->parsetree;
	if (cvg_running_command || !IsA(stmt, AlterTableStmt) || !cvg_extension_exists())
		PG_RETURN_NULL();

	parent = RangeVarGetRelid(stmt->relation, NoLock, true);
	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		Oid			partition;

		if (cmd->subtype == AT_AlterColumnType)
			check_before_retype(parent, cmd);
		if (cmd->subtype != AT_AttachPartition || !OidIsValid(parent))
			continue;
		partition = RangeVarGetRelid(castNode(PartitionCmd, cmd->def)->name, NoLock, true);
		if (OidIsValid(partition) && is_table(partition))
			check_before_attach(parent, partition);
	}
	PG_RETURN_NULL();
}

/* An attached partition brings rows along. */
static void
partition_attached(Oid partition)
{
	if (cvg_registration_find(partition, NULL))
	{
		Relation	rel = table_open(partition, AccessShareLock);

		refuse(rel, "It cannot become a partition.");
	}
	if (OidIsValid(cvg_registered_root(partition)))
		cvg_adopt_partition(partition);
}

/* The server takes back the row triggers it had cloned; the other is ours. */
static void
partition_detached(Oid partition)
{
	List	   *tree;
	ListCell   *lc;

	if (OidIsValid(cvg_registered_root(partition)))
		return;
	tree = find_all_inheritors(partition, NoLock, NULL);
	foreach(lc, tree)
	{
		if (OidIsValid(get_trigger_oid(lfirst_oid(lc), CVG_TRIGGER_TRUNCATE, true)))
			cvg_run_command("DROP TRIGGER \"%s\" ON %s", CVG_TRIGGER_TRUNCATE,
							cvg_qualified_name(lfirst_oid(lc)));
	}
	cvg_invalidate_tree(partition);
}

static void
examine_alter_table(AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		Oid			partition;

		if (cmd->subtype != AT_AttachPartition && cmd->subtype != AT_DetachPartition &&
			cmd->subtype != AT_DetachPartitionFinalize)
			continue;
		partition = RangeVarGetRelid(castNode(PartitionCmd, cmd->def)->name, NoLock, true);
		if (!OidIsValid(partition) || !is_table(partition))
			continue;
		if (cmd->subtype == AT_AttachPartition)
			partition_attached(partition);
		else
			partition_detached(partition);
	}
}

/* Objects of the current command, from a query with three columns or more. */
static List *
touched_objects(const char *query)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *result = NIL;

	SPI_connect();
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not run \"%s\"", query);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	tupdesc = SPI_tuptable->tupdesc;
		TouchedObject *object;
		MemoryContext old;
		bool		isnull;

		old = MemoryContextSwitchTo(caller);
		object = palloc0(sizeof(TouchedObject));
		object->classid = DatumGetObjectId(SPI_getbinval(tuple, tupdesc, 1, &isnull));
		object->objid = DatumGetObjectId(SPI_getbinval(tuple, tupdesc, 2, &isnull));
		object->objsubid = DatumGetInt32(SPI_getbinval(tuple, tupdesc, 3, &isnull));
		if (tupdesc->natts > 4)
		{
			char	   *schema = SPI_getvalue(tuple, tupdesc, 4);
			char	   *name = SPI_getvalue(tuple, tupdesc, 5);
			Oid			nsp = schema ? get_namespace_oid(schema, true) : InvalidOid;

			if (OidIsValid(nsp) && name != NULL)
				object->relid = get_relname_relid(name, nsp);
		}
		result = lappend(result, object);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return result;
}

CVG_FUNCTION(ddl_end)
{
	EventTriggerData *event;
	List	   *objects;
	ListCell   *lc;

	require_event(fcinfo, "ddl_end");
	if (cvg_running_command || !cvg_extension_exists())
		PG_RETURN_NULL();

	event = (EventTriggerData *) fcinfo->context;
	if (event->parsetree != NULL && IsA(event->parsetree, AlterTableStmt))
		examine_alter_table((AlterTableStmt *) event->parsetree);
	objects = touched_objects("SELECT classid, objid, objsubid "
							  "FROM pg_catalog.pg_event_trigger_ddl_commands()");
	foreach(lc, objects)
	{
		TouchedObject *object = lfirst(lc);

		if (object->classid == RelationRelationId)
			examine_relation(object->objid);
		else if (object->classid == TriggerRelationId)
			examine_relation(trigger_relation(object->objid));
	}
	PG_RETURN_NULL();
}

/* ----------------------------------------------------------------
 *		sql_drop
 * ----------------------------------------------------------------
 */

/*
 * What a dropped object was part of: the table to be looked at again, or
 * InvalidOid.  A dropped table is forgotten here.
 */
static Oid
examine_dropped(const TouchedObject *object)
{
	if (object->classid == TriggerRelationId || object->classid == ConstraintRelationId)
		return object->relid;
	if (object->classid != RelationRelationId)
		return InvalidOid;
	if (object->objsubid != 0)
		return object->objid;	/* a column */
	cvg_strategies_delete(object->objid, NULL);	/* outlive unreplicate() */
	if (cvg_registration_find(object->objid, NULL))
	{
		cvg_registration_delete(object->objid);
		return InvalidOid;
	}
	return cvg_registration_by_key(object->objid);
}

CVG_FUNCTION(ddl_drop)
{
	List	   *objects;
	List	   *tables = NIL;
	ListCell   *lc;

	require_event(fcinfo, "ddl_drop");
	if (cvg_running_command || !cvg_extension_exists())
		PG_RETURN_NULL();

	objects = touched_objects("SELECT classid, objid, objsubid, address_names[1], address_names[2] "
							  "FROM pg_catalog.pg_event_trigger_dropped_objects() "
							  "WHERE NOT is_temporary");
	foreach(lc, objects)
		tables = list_append_unique_oid(tables, examine_dropped(lfirst(lc)));
	foreach(lc, tables)
	{
		if (is_table(lfirst_oid(lc)) && OidIsValid(cvg_registered_root(lfirst_oid(lc))))
			verify_relation(lfirst_oid(lc));
	}
	PG_RETURN_NULL();
}
