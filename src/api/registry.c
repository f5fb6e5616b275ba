/*-------------------------------------------------------------------------
 *
 * registry.c
 *	  What is recorded about replicated tables: rows of converge.replicated,
 *	  converge.replicated_columns, and of the shelves (tombstones, rows set
 *	  aside) that go with a table.
 *
 * The owner of a table has no rights on these tables: they are written by
 * heap functions, after the caller has checked who may.  All of them have
 * the table's OID in the first column and an index that starts with it.
 * Who changes a row here holds AccessExclusiveLock, or the lock of an ALTER
 * TABLE, on the table that the row is about.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "api/table.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "store/keyindex.h"
#include "store/meta.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Attribute numbers, as in store/tables.sql */
#define Anum_replicated_relid		1
#define Anum_replicated_key_index	2
#define Anum_replicated_on_delete	3
#define Anum_replicated_granularity 4
#define Anum_replicated_key_columns 6
#define Natts_replicated			6
#define Natts_replicated_columns	3

/* A scan of the rows of one table, or of all (relid invalid). */
typedef struct RowScan
{
	Relation	rel;
	Snapshot	snapshot;
	SysScanDesc scan;
} RowScan;

static void
begin_rows(RowScan *rs, CvgTable table, Oid relid, LOCKMODE lockmode)
{
	ScanKeyData key;
	bool		one = OidIsValid(relid);

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	rs->rel = table_open(cvg_table_oid(table), lockmode);
	rs->snapshot = RegisterSnapshot(GetLatestSnapshot());
	rs->scan = systable_beginscan(rs->rel, one ? cvg_index_oid(table) : InvalidOid,
								  one, rs->snapshot, one ? 1 : 0, &key);
}

static void
end_rows(RowScan *rs)
{
	systable_endscan(rs->scan);
	UnregisterSnapshot(rs->snapshot);
	table_close(rs->rel, NoLock);
}

static Datum
get_column(RowScan *rs, HeapTuple tuple, AttrNumber attnum)
{
	bool		isnull;

	return heap_getattr(tuple, attnum, RelationGetDescr(rs->rel), &isnull);
}

bool
cvg_registration_find(Oid relid, CvgRegistration *reg)
{
	RowScan		rs;
	ArrayType  *key_columns = NULL;
	HeapTuple	tuple;
	bool		found;

	begin_rows(&rs, CVG_T_REPLICATED, relid, AccessShareLock);
	tuple = systable_getnext(rs.scan);
	found = HeapTupleIsValid(tuple);
	if (found && reg != NULL)
	{
		reg->key_index = DatumGetObjectId(get_column(&rs, tuple, Anum_replicated_key_index));
		reg->on_delete = DatumGetInt16(get_column(&rs, tuple, Anum_replicated_on_delete));
		reg->granularity = DatumGetInt16(get_column(&rs, tuple, Anum_replicated_granularity));
		key_columns = DatumGetArrayTypePCopy(get_column(&rs, tuple, Anum_replicated_key_columns));
	}
	end_rows(&rs);
	if (key_columns != NULL)
		reg->key_index = cvg_key_index_now(relid, reg->key_index, key_columns);
	return found;
}

Oid
cvg_registered_root(Oid relid)
{
	List	   *ancestors;
	ListCell   *lc;

	if (cvg_registration_find(relid, NULL))
		return relid;
	if (!get_rel_relispartition(relid))
		return InvalidOid;
	ancestors = get_partition_ancestors(relid);
	foreach(lc, ancestors)
	{
		if (cvg_registration_find(lfirst_oid(lc), NULL))
			return lfirst_oid(lc);
	}
	return InvalidOid;
}

Oid
cvg_registration_by_key(Oid index)
{
	RowScan		rs;
	HeapTuple	tuple;
	Oid			result = InvalidOid;

	begin_rows(&rs, CVG_T_REPLICATED, InvalidOid, AccessShareLock);
	while (HeapTupleIsValid(tuple = systable_getnext(rs.scan)))
	{
		if (DatumGetObjectId(get_column(&rs, tuple, Anum_replicated_key_index)) == index)
			result = DatumGetObjectId(get_column(&rs, tuple, Anum_replicated_relid));
	}
	end_rows(&rs);
	return result;
}

static void
insert_row(CvgTable table, Datum *values, bool *nulls)
{
	Relation	rel = table_open(cvg_table_oid(table), RowExclusiveLock);

	cvg_meta_insert(rel, cvg_index_oid(table), values, nulls);
	table_close(rel, NoLock);
}

void
cvg_registration_insert(Oid relid, const CvgRegistration *reg)
{
	Datum		values[Natts_replicated];
	bool		nulls[Natts_replicated] = {false};

	values[0] = ObjectIdGetDatum(relid);
	values[1] = ObjectIdGetDatum(reg->key_index);
	values[2] = Int16GetDatum(reg->on_delete);
	values[3] = Int16GetDatum(reg->granularity);
	values[4] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	values[5] = PointerGetDatum(cvg_key_columns(reg->key_index));
	insert_row(CVG_T_REPLICATED, values, nulls);
	CommandCounterIncrement();
}

/*
 * Delete the rows of a table.  A tombstone may go at the same time because
 * it has become stable; that it is gone is all we want.
 */
static void
delete_rows(CvgTable table, Oid relid)
{
	RowScan		rs;
	HeapTuple	tuple;
	TM_FailureData failure;

	begin_rows(&rs, table, relid, RowExclusiveLock);
	while (HeapTupleIsValid(tuple = systable_getnext(rs.scan)))
		(void) cvg_heap_delete(rs.rel, &tuple->t_self, GetCurrentCommandId(true), &failure);
	end_rows(&rs);
}

void
cvg_registration_delete(Oid relid)
{
	delete_rows(CVG_T_TOMBSTONES, relid);
	delete_rows(CVG_T_QUARANTINE, relid);
	delete_rows(CVG_T_REPLICATED_COLUMNS, relid);
	delete_rows(CVG_T_REPLICATED, relid);
	CommandCounterIncrement();
}

void
cvg_groups_replace(Oid relid, List *members)
{
	ListCell   *lc;

	delete_rows(CVG_T_REPLICATED_COLUMNS, relid);
	foreach(lc, members)
	{
		CvgGroupMember *member = lfirst(lc);
		Datum		values[Natts_replicated_columns];
		bool		nulls[Natts_replicated_columns] = {false};

		values[0] = ObjectIdGetDatum(relid);
		values[1] = NameGetDatum(&member->attname);
		values[2] = Int64GetDatum((int64) member->unit);
		insert_row(CVG_T_REPLICATED_COLUMNS, values, nulls);
	}
	CommandCounterIncrement();
}

void
cvg_invalidate_tree(Oid relid)
{
	List	   *tree = find_all_inheritors(relid, NoLock, NULL);
	ListCell   *lc;

	foreach(lc, tree)
		CacheInvalidateRelcacheByRelid(lfirst_oid(lc));
	CommandCounterIncrement();
}
