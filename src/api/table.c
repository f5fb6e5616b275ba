/*-------------------------------------------------------------------------
 *
 * table.c
 *	  converge.replicate(), unreplicate(), replicate_schema().
 *
 * replicate() holds AccessExclusiveLock on the table and its partitions from
 * before the first check to the end of the transaction: the state column is
 * added with a rewrite that stamps every row, the rows are logged as
 * inserts, and no write may come between that and the triggers.  DDL on the
 * table runs as the caller, who owns it; our own tables are written directly.
 *
 * A table that already has a state column comes from a dump of a replicated
 * one.  Its states name writes of the node that was dumped and are kept, so
 * that the same rows on that node and here are the same; rows without one are
 * stamped.  The clock moves past them; but states from further in the future
 * than converge.max_clock_skew are refused, since the owner of a table could
 * otherwise use up the clock of all nodes.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "api/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_rewrite.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "shmem.h"
#include "storage/lmgr.h"
#include "store/capture.h"
#include "store/keyindex.h"
#include "store/meta.h"
#include "store/relinfo.h"
#include "store/restamp.h"
#include "store/strategy.h"
#include "types/types.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

bool		cvg_running_command = false;

/* ----------------------------------------------------------------
 *		Commands on the user's table
 * ----------------------------------------------------------------
 */

/* Run a command while our event triggers stand aside. */
static void
execute(const char *command)
{
	bool		outer = cvg_running_command;
	int			rc = 0;

	SPI_connect();
	cvg_running_command = true;
	PG_TRY();
	{
		rc = SPI_execute(command, false, 0);
	}
	PG_FINALLY();
	{
		cvg_running_command = outer;
	}
	PG_END_TRY();
	if (rc < 0)
		elog(ERROR, "could not run \"%s\": %s", command, SPI_result_code_string(rc));
	SPI_finish();
}

void
cvg_run_command(const char *format,...)
{
	StringInfoData command;

	initStringInfo(&command);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&command, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&command, needed);
	}
	execute(command.data);
	pfree(command.data);
}

static void
put_initial_state(CvgDb *db, CvgBuf *out)
{
	if (cvg_rowstate_insert(cvg_slice(NULL, 0), cvg_slice_cstring(db->replica_id),
							cvg_capture_stamp(), out) != CVG_OK)
		elog(ERROR, "could not form the state of a new row");
}

/* Default of the state column while replicate() adds it. */
CVG_FUNCTION(initial_state)
{
	CvgBuf		buf;

	if (!cvg_running_command)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("converge.initial_state() is for the use of converge.replicate()")));
	cvg_varlena_begin(&buf);
	put_initial_state(cvg_db(), &buf);
	PG_RETURN_DATUM(cvg_varlena_finish(&buf));
}

/* Let the clock pass a state that a row came with. */
static void
accept_state(CvgDb *db, Relation rel, Datum value, CvgStamp limit)
{
	struct varlena *state = PG_DETOAST_DATUM_PACKED(value);
	CvgStamp	stamp = cvg_rowstate_last_dot(cvg_varlena_slice(state)).stamp;

	if (stamp > limit)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("table \"%s\" has row states from the future",
						RelationGetRelationName(rel)),
				 errhint("Drop its column \"%s\", or set the clock of this server right.",
						 CVG_STATE_COLUMN)));
	cvg_stamp_observe(db, stamp);
	if ((Pointer) state != DatumGetPointer(value))
		pfree(state);
}

/*
 * Take over the rows of one relation that has a state column already: the
 * clock passes the states that are there, rows without one are stamped.
 */
static void
accept_rows(Relation rel)
{
	CvgDb	   *db = cvg_db();
	AttrNumber	attnum = get_attnum(RelationGetRelid(rel), CVG_STATE_COLUMN);
	CvgStamp	limit = cvg_latest_stamp();
	CvgRestamp *restamp = cvg_restamp_begin(rel, attnum);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = cvg_table_beginscan(rel, snapshot);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, attnum, &isnull);
		CvgBuf		fresh;

		CHECK_FOR_INTERRUPTS();
		if (!isnull)
		{
			accept_state(db, rel, value, limit);
			continue;
		}
		cvg_buf_init(&fresh);
		put_initial_state(db, &fresh);
		cvg_restamp_row(restamp, slot, cvg_buf_slice(&fresh), NULL);
		cvg_buf_free(&fresh);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	cvg_restamp_end(restamp);
}

/* The same for a table and its partitions. */
static void
accept_tree(List *tree)
{
	ListCell   *lc;

	foreach(lc, tree)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		if (rel->rd_rel->relkind == RELKIND_RELATION)
			accept_rows(rel);
		table_close(rel, NoLock);
	}
	CommandCounterIncrement();
}

static void
add_state_column(Oid relid, List *tree)
{
	char	   *name = cvg_qualified_name(relid);

	if (get_attnum(relid, CVG_STATE_COLUMN) != InvalidAttrNumber)
		accept_tree(tree);
	else
	{
		cvg_run_command("ALTER TABLE %s ADD COLUMN %s converge.row_state "
						"DEFAULT converge.initial_state()", name, CVG_STATE_COLUMN);
		cvg_run_command("ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT", name, CVG_STATE_COLUMN);
	}

	/* values are nearly unique and never searched for */
	cvg_run_command("ALTER TABLE %s ALTER COLUMN %s SET STORAGE MAIN, "
					"ALTER COLUMN %s SET STATISTICS 0", name, CVG_STATE_COLUMN, CVG_STATE_COLUMN);
}

/* The index by which apply finds the rows of a table without a key. */
static Oid
create_birth_index(Oid relid)
{
	Oid			schema = get_rel_namespace(relid);
	char	   *name = ChooseRelationName(get_rel_name(relid), "_converge_birth", "idx",
										  schema, false);

	cvg_run_command("CREATE INDEX %s ON %s (converge.birth(%s))", quote_identifier(name),
					cvg_qualified_name(relid), CVG_STATE_COLUMN);
	return get_relname_relid(name, schema);
}

/* Row triggers of a partitioned table are cloned by the server, this is not. */
static void
create_truncate_trigger(Oid relid)
{
	cvg_run_command("CREATE OR REPLACE TRIGGER \"%s\" BEFORE TRUNCATE ON %s "
					"FOR EACH STATEMENT EXECUTE FUNCTION converge.capture_truncate()",
					CVG_TRIGGER_TRUNCATE, cvg_qualified_name(relid));
}

static void
create_row_triggers(Oid relid)
{
	char	   *name = cvg_qualified_name(relid);

	cvg_run_command("CREATE OR REPLACE TRIGGER \"%s\" BEFORE INSERT OR UPDATE OR DELETE ON %s "
					"FOR EACH ROW EXECUTE FUNCTION converge.stamp()",
					CVG_TRIGGER_STAMP, name);
	cvg_run_command("CREATE OR REPLACE TRIGGER \"%s\" AFTER INSERT OR UPDATE OR DELETE ON %s "
					"FOR EACH ROW EXECUTE FUNCTION converge.capture()",
					CVG_TRIGGER_CAPTURE, name);
}

static void
drop_trigger(Oid relid, const char *trigger)
{
	if (OidIsValid(get_trigger_oid(relid, trigger, true)))
		cvg_run_command("DROP TRIGGER \"%s\" ON %s", trigger, cvg_qualified_name(relid));
}

/* Log the rows of a table or of its leaf partitions. */
static void
capture_rows(List *tree)
{
	ListCell   *lc;

	foreach(lc, tree)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		if (rel->rd_rel->relkind == RELKIND_RELATION)
			cvg_capture_table(rel);
		table_close(rel, NoLock);
	}
}

void
cvg_adopt_partition(Oid relid)
{
	List	   *tree = find_all_inheritors(relid, AccessExclusiveLock, NULL);
	ListCell   *lc;

	foreach(lc, tree)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		cvg_check_member(rel);
		table_close(rel, NoLock);
		create_truncate_trigger(lfirst_oid(lc));
	}
	cvg_invalidate_tree(relid);
	accept_tree(tree);
	capture_rows(tree);
}

/* ----------------------------------------------------------------
 *		replicate()
 * ----------------------------------------------------------------
 */

static CvgGranularity
parse_granularity(const char *name)
{
	if (strcmp(name, "column") == 0)
		return CVG_GRANULARITY_COLUMN;
	if (strcmp(name, "row") == 0)
		return CVG_GRANULARITY_ROW;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for parameter \"%s\": \"%s\"", "granularity", name),
			 errhint("Available values: column, row.")));
}

static CvgOnDelete
parse_on_delete(const char *name)
{
	if (strcmp(name, "lww") == 0)
		return CVG_ON_DELETE_LWW;
	if (strcmp(name, "delete_wins") == 0)
		return CVG_ON_DELETE_DELETE_WINS;
	if (strcmp(name, "update_wins") == 0)
		return CVG_ON_DELETE_UPDATE_WINS;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for parameter \"%s\": \"%s\"", "on_delete", name),
			 errhint("Available values: lww, delete_wins, update_wins.")));
}

/* Lock a table for one of the functions here; the caller owns it. */
Relation
cvg_open_own_table(Oid relid, LOCKMODE lockmode)
{
	Relation	rel;

	cvg_check_owner(relid);
	rel = try_relation_open(relid, lockmode);
	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	cvg_check_owner(relid);		/* it may have changed while we waited */
	return rel;
}

/* Already replicated: fine when nothing would change, else an error. */
static void
check_same_options(Relation rel, const CvgRegistration *is, const CvgRegistration *wanted)
{
	Oid			is_key = cvg_is_birth_index(is->key_index) ? InvalidOid : is->key_index;

	if (is_key != wanted->key_index || is->on_delete != wanted->on_delete ||
		is->granularity != wanted->granularity)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("table \"%s\" is already replicated with other options",
						RelationGetRelationName(rel)),
				 errhint("Use converge.unreplicate() first, on every node.")));
	ereport(NOTICE,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("table \"%s\" is already replicated, skipping",
					RelationGetRelationName(rel))));
}

/* Lock and check the table's partitions, itself included. */
static List *
check_tree(Oid relid)
{
	List	   *tree = find_all_inheritors(relid, AccessExclusiveLock, NULL);
	ListCell   *lc;

	foreach(lc, tree)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		cvg_check_member(rel);
		(void) cvg_check_state_column(rel);
		table_close(rel, NoLock);
	}
	return tree;
}

/* From a checked table to a replicated one. */
static void
enrol(Oid relid, List *tree, CvgRegistration *reg)
{
	Relation	rel;
	ListCell   *lc;

	add_state_column(relid, tree);
	if (!OidIsValid(reg->key_index))
		reg->key_index = create_birth_index(relid);

	cvg_registration_insert(relid, reg);
	rel = table_open(relid, NoLock);
	if (reg->granularity == CVG_GRANULARITY_COLUMN)
		cvg_groups_replace(relid, cvg_column_groups(rel, reg->key_index));
	cvg_invalidate_tree(relid);
	cvg_strategies_revive(rel);
	table_close(rel, NoLock);

	capture_rows(tree);
	create_row_triggers(relid);
	foreach(lc, tree)
		create_truncate_trigger(lfirst_oid(lc));
}

static void
replicate_table(Oid relid, const char *key, CvgGranularity granularity, CvgOnDelete on_delete)
{
	Relation	rel;
	CvgRegistration reg = {.granularity = granularity,.on_delete = on_delete};
	CvgRegistration old;
	List	   *tree;

	(void) cvg_db();
	rel = cvg_open_own_table(relid, AccessExclusiveLock);
	cvg_check_root(rel);
	reg.key_index = cvg_choose_key(rel, key);
	if (cvg_registration_find(relid, &old))
	{
		check_same_options(rel, &old, &reg);
		relation_close(rel, NoLock);
		return;
	}
	tree = check_tree(relid);
	if (granularity == CVG_GRANULARITY_COLUMN)
		cvg_check_column_ids(rel, reg.key_index);
	relation_close(rel, NoLock);
	enrol(relid, tree, &reg);
}

/* The argument as a C string; raises an error for NULL. */
static char *
require_text(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"%s\" must not be null", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

static Oid
require_table(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"%s\" must not be null", "table")));
	return PG_GETARG_OID(arg);
}

CVG_FUNCTION(replicate)
{
	Oid			relid = require_table(fcinfo, 0);
	const char *key = PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1));
	CvgGranularity granularity = parse_granularity(require_text(fcinfo, 2, "granularity"));
	CvgOnDelete on_delete = parse_on_delete(require_text(fcinfo, 3, "on_delete"));

	replicate_table(relid, key, granularity, on_delete);
	PG_RETURN_VOID();
}

/* ----------------------------------------------------------------
 *		replicate_schema()
 * ----------------------------------------------------------------
 */

/* OIDs of the tables in a schema that can and need to be replicated. */
static List *
schema_tables(Oid schema)
{
	List	   *result = NIL;
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_class_relnamespace, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(schema));
	scan = systable_beginscan(rel, ClassNameNspIndexId, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if ((form->relkind == RELKIND_RELATION || form->relkind == RELKIND_PARTITIONED_TABLE) &&
			!form->relispartition &&
			form->relpersistence == RELPERSISTENCE_PERMANENT &&
			!cvg_registration_find(form->oid, NULL))
			result = lappend_oid(result, form->oid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(result, list_oid_cmp);	/* the same order of locks everywhere */
	return result;
}

static void
schema_error_context(void *arg)
{
	errcontext("replicating table \"%s\"", (char *) arg);
}

CVG_FUNCTION(replicate_schema)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			schema = get_namespace_oid(NameStr(*PG_GETARG_NAME(0)), false);
	List	   *tables = schema_tables(schema);
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	foreach(lc, tables)
	{
		Datum		value = ObjectIdGetDatum(lfirst_oid(lc));
		bool		isnull = false;
		ErrorContextCallback callback = {
			.previous = error_context_stack,
			.callback = schema_error_context,
			.arg = get_rel_name(lfirst_oid(lc))
		};

		if (callback.arg == NULL)
			continue;			/* dropped meanwhile */
		error_context_stack = &callback;
		replicate_table(lfirst_oid(lc), NULL, CVG_GRANULARITY_COLUMN, CVG_ON_DELETE_LWW);
		error_context_stack = callback.previous;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
	}
	return (Datum) 0;
}

/* ----------------------------------------------------------------
 *		unreplicate()
 * ----------------------------------------------------------------
 */

/* The view that a rewrite rule belongs to. */
static Oid
rule_relation(Oid rule)
{
	Oid			result = InvalidOid;
	Relation	rel = table_open(RewriteRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_rewrite_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(rule));
	scan = systable_beginscan(rel, RewriteOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		result = ((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* Append what depends on a column and would not go with it. */
static void
list_dependents(Oid relid, AttrNumber attnum, Oid own_index, StringInfo list)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key[3];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	ScanKeyInit(&key[2], Anum_pg_depend_refobjsubid, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(attnum));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 3, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);
		ObjectAddress object = {form->classid, form->objid, form->objsubid};

		if (form->deptype != DEPENDENCY_NORMAL || form->objid == own_index)
			continue;
		if (form->classid == RewriteRelationId)
			ObjectAddressSet(object, RelationRelationId, rule_relation(form->objid));
		appendStringInfo(list, "%s%s", list->len > 0 ? ", " : "",
						 getObjectDescription(&object, false));
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
}

static void
check_no_dependents(Relation rel, List *tree, Oid key_index)
{
	StringInfoData list;
	ListCell   *lc;

	initStringInfo(&list);
	foreach(lc, tree)
	{
		AttrNumber	attnum = get_attnum(lfirst_oid(lc), CVG_STATE_COLUMN);

		if (attnum != InvalidAttrNumber)
			list_dependents(lfirst_oid(lc), attnum, key_index, &list);
	}
	if (list.len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot unreplicate table \"%s\" because other objects depend on its column \"%s\"",
						RelationGetRelationName(rel), CVG_STATE_COLUMN),
				 errdetail("These are: %s.", list.data),
				 errhint("Drop them, or define them without that column, and try again.")));
	pfree(list.data);
}

CVG_FUNCTION(unreplicate)
{
	Oid			relid = PG_GETARG_OID(0);
	Relation	rel = cvg_open_own_table(relid, AccessExclusiveLock);
	CvgRegistration reg;
	List	   *tree;
	ListCell   *lc;

	if (!cvg_registration_find(relid, &reg))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not replicated", RelationGetRelationName(rel))));
	tree = find_all_inheritors(relid, AccessExclusiveLock, NULL);
	check_no_dependents(rel, tree, reg.key_index);
	relation_close(rel, NoLock);

	cvg_registration_delete(relid);
	drop_trigger(relid, CVG_TRIGGER_STAMP);
	drop_trigger(relid, CVG_TRIGGER_CAPTURE);
	foreach(lc, tree)
		drop_trigger(lfirst_oid(lc), CVG_TRIGGER_TRUNCATE);
	if (cvg_is_birth_index(reg.key_index))
		cvg_run_command("DROP INDEX %s", cvg_qualified_name(reg.key_index));
	if (get_attnum(relid, CVG_STATE_COLUMN) != InvalidAttrNumber)
		cvg_run_command("ALTER TABLE %s DROP COLUMN %s", cvg_qualified_name(relid),
						CVG_STATE_COLUMN);
	cvg_invalidate_tree(relid);
	PG_RETURN_VOID();
}
