/*-------------------------------------------------------------------------
 *
 * meta.c
 *	  Access to our own tables.
 *
 * Origins.  A new replica id gets its row in converge.origins in the
 * transaction that needs it, under a self-conflicting lock on that table held
 * to the end, and its shared slot at once, marked uncommitted.  Others do not
 * see such a slot by name: they go for the lock, and find the slot committed
 * or gone when they get it.  So an id in use anywhere has a committed row.
 *
 * Descriptors.  The cache may know a descriptor that a rolled-back
 * transaction had stored; "stored" says whether the table has it too.  Two
 * transactions may both insert the same one: the index is not unique, and a
 * duplicate is harmless.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/execnodes.h"
#include "storage/lmgr.h"
#include "store/meta.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

static const char *const table_names[] = {
	[CVG_T_NODE] = "node",
	[CVG_T_ORIGINS] = "origins",
	[CVG_T_PROGRESS] = "progress",
	[CVG_T_DESCRIPTORS] = "descriptors",
	[CVG_T_TOMBSTONES] = "tombstones",
	[CVG_T_QUARANTINE] = "quarantine",
	[CVG_T_REPLICATED] = "replicated",
	[CVG_T_REPLICATED_COLUMNS] = "replicated_columns",
	[CVG_T_COLUMN_STRATEGIES] = "column_strategies",
	[CVG_T_PEER_STATE] = "peer_state",
	[CVG_T_CONFLICT_LOG] = "conflict_log",
	[CVG_T_LOG_0 + 0] = "log_0",
	[CVG_T_LOG_0 + 1] = "log_1",
	[CVG_T_LOG_0 + 2] = "log_2",
	[CVG_T_LOG_0 + 3] = "log_3",
	[CVG_T_LOG_0 + 4] = "log_4",
	[CVG_T_LOG_0 + 5] = "log_5",
	[CVG_T_LOG_0 + 6] = "log_6",
	[CVG_T_LOG_0 + 7] = "log_7",
	[CVG_T_OWN_0 + 0] = "own_0",
	[CVG_T_OWN_0 + 1] = "own_1",
	[CVG_T_OWN_0 + 2] = "own_2",
	[CVG_T_OWN_0 + 3] = "own_3",
	[CVG_T_OWN_0 + 4] = "own_4",
	[CVG_T_OWN_0 + 5] = "own_5",
	[CVG_T_OWN_0 + 6] = "own_6",
	[CVG_T_OWN_0 + 7] = "own_7",
};

StaticAssertDecl(lengthof(table_names) == CVG_NUM_TABLES, "a name per table");

typedef struct DescriptorEntry
{
	uint64		hash;			/* key */
	CvgDescriptor *desc;
	CvgSlice	bytes;
	bool		stored;			/* the table has it */
	bool		in_xact;		/* stored by the current transaction */
} DescriptorEntry;

static Oid	table_oids[CVG_NUM_TABLES];
static Oid	index_oids[CVG_NUM_TABLES];
static Oid	row_state_oid = InvalidOid;
static bool callbacks_registered = false;

static HTAB *descriptors = NULL;
static MemoryContext meta_context = NULL;
static bool descriptors_in_xact = false;
static CvgDb *new_origins_db = NULL;	/* has slots uncommitted by us */

/* Something about one of our tables changed: forget all OIDs. */
static void
meta_inval(Datum arg, Oid relid)
{
	int			i;

	for (i = 0; i < CVG_NUM_TABLES; i++)
	{
		if (!OidIsValid(relid) || table_oids[i] == relid || index_oids[i] == relid)
		{
			memset(table_oids, 0, sizeof(table_oids));
			memset(index_oids, 0, sizeof(index_oids));
			row_state_oid = InvalidOid;
			return;
		}
	}
}

/* Slots of origins whose rows this transaction inserted: keep or drop. */
static void
finish_new_origins(bool commit)
{
	CvgDb	   *db = new_origins_db;
	int			i;

	new_origins_db = NULL;
	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	for (i = db->norigins - 1; i >= 0; i--)
	{
		if (db->origins[i].uncommitted != MyProcPid)
			continue;
		db->origins[i].uncommitted = 0;
		if (!commit)
		{
			/* the table lock made us the only one to append: these are last */
			memset(&db->origins[i], 0, sizeof(CvgOriginSlot));
			db->norigins = i;
		}
	}
	LWLockRelease(&db->lock);
}

static void
forget_stored(bool commit)
{
	HASH_SEQ_STATUS seq;
	DescriptorEntry *entry;

	descriptors_in_xact = false;
	hash_seq_init(&seq, descriptors);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (entry->in_xact && !commit)
			entry->stored = false;
		entry->in_xact = false;
	}
}

static void
meta_xact_callback(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	if (new_origins_db != NULL)
		finish_new_origins(event == XACT_EVENT_COMMIT);
	if (descriptors_in_xact)
		forget_stored(event == XACT_EVENT_COMMIT);
}

static void
meta_subxact_callback(SubXactEvent event, SubTransactionId mySubid,
					  SubTransactionId parentSubid, void *arg)
{
	/* which subtransaction stored them is not known: store again if needed */
	if (event == SUBXACT_EVENT_ABORT_SUB && descriptors_in_xact)
		forget_stored(false);
}

static void
register_callbacks(void)
{
	if (callbacks_registered)
		return;
	CacheRegisterRelcacheCallback(meta_inval, (Datum) 0);
	RegisterXactCallback(meta_xact_callback, NULL);
	RegisterSubXactCallback(meta_subxact_callback, NULL);
	callbacks_registered = true;
}

static Oid
lookup_table(CvgTable table)
{
	Oid			schema = get_namespace_oid(CVG_SCHEMA, true);

	register_callbacks();
	if (!OidIsValid(schema))
		return InvalidOid;
	return get_relname_relid(table_names[table], schema);
}

bool
cvg_extension_exists(void)
{
	/* asked at every commit: keep what was found */
	if (!OidIsValid(table_oids[CVG_T_NODE]) &&
		OidIsValid(get_extension_oid("pg_converge", true)))
		table_oids[CVG_T_NODE] = lookup_table(CVG_T_NODE);
	return OidIsValid(table_oids[CVG_T_NODE]);
}

Oid
cvg_table_oid(CvgTable table)
{
	if (!OidIsValid(table_oids[table]))
	{
		Oid			oid = lookup_table(table);

		if (!OidIsValid(oid))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("extension \"pg_converge\" is not installed in this database"),
					 errhint("Use CREATE EXTENSION pg_converge.")));
		table_oids[table] = oid;
	}
	return table_oids[table];
}

Oid
cvg_index_oid(CvgTable table)
{
	if (!OidIsValid(index_oids[table]))
	{
		Relation	rel = table_open(cvg_table_oid(table), AccessShareLock);
		List	   *list = RelationGetIndexList(rel);
		Oid			oid;

		if (list_length(list) < 1)
			elog(ERROR, "table \"%s\" has no index", RelationGetRelationName(rel));
		oid = linitial_oid(list);
		list_free(list);
		table_close(rel, AccessShareLock);
		index_oids[table] = oid;
	}
	return index_oids[table];
}

Oid
cvg_row_state_oid(void)
{
	if (!OidIsValid(row_state_oid))
	{
		Oid			schema = get_namespace_oid(CVG_SCHEMA, true);

		register_callbacks();
		if (OidIsValid(schema))
			row_state_oid = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
											CStringGetDatum("row_state"),
											ObjectIdGetDatum(schema));
	}
	return row_state_oid;
}

/*
 * Index entry of a tuple just stored.  Our indexes are plain btrees on
 * columns, for which no executor state is needed.
 */
static void
insert_index_entry(Relation rel, Oid index, HeapTuple tuple)
{
	static IndexInfo info = {.type = T_IndexInfo};
	Relation	irel = index_open(index, RowExclusiveLock);
	Datum		ivalues[INDEX_MAX_KEYS];
	bool		inulls[INDEX_MAX_KEYS];
	int			i;

	for (i = 0; i < irel->rd_index->indnatts; i++)
	{
		AttrNumber	att = irel->rd_index->indkey.values[i];

		ivalues[i] = heap_getattr(tuple, att, RelationGetDescr(rel), &inulls[i]);
	}
	index_insert(irel, ivalues, inulls, &tuple->t_self, rel,
				 irel->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
				 false, &info);
	index_close(irel, NoLock);
}

/*
 * Who stores into a table that has a TOAST table must have a snapshot; at
 * PRE_COMMIT, and between the entries of a peer, there is none.
 */
void
cvg_meta_insert_tuple(Relation rel, Oid index, HeapTuple tuple)
{
	bool		pushed = !HaveRegisteredOrActiveSnapshot();

	if (pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	simple_heap_insert(rel, tuple);
	insert_index_entry(rel, index, tuple);
	if (pushed)
		PopActiveSnapshot();
}

void
cvg_meta_insert(Relation rel, Oid index, Datum *values, bool *nulls)
{
	HeapTuple	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);

	cvg_meta_insert_tuple(rel, index, tuple);
	heap_freetuple(tuple);
}

/* ----------------------------------------------------------------
 *		Origins
 * ----------------------------------------------------------------
 */

/* id of a slot by name, 0 if there is none */
static int32
find_origin(CvgDb *db, CvgSlice replica_id)
{
	CvgOriginSlot *slot;
	int32		id;

	LWLockAcquire(&db->lock, LW_SHARED);
	slot = cvg_origin_slot_by_name(db, replica_id);
	id = slot ? slot->id : 0;
	LWLockRelease(&db->lock);
	return id;
}

/* Take the next slot and id; 0 when all are in use. */
static int32
append_origin(CvgDb *db, CvgSlice replica_id)
{
	int32		id = 0;
	int			i;

	LWLockAcquire(&db->lock, LW_EXCLUSIVE);
	if (db->norigins < CVG_MAX_ORIGINS)
	{
		CvgOriginSlot *slot = &db->origins[db->norigins];

		for (i = 0; i < db->norigins; i++)
			id = Max(id, db->origins[i].id);
		id++;
		memset(slot, 0, sizeof(CvgOriginSlot));
		slot->id = id;
		slot->uncommitted = MyProcPid;
		memcpy(slot->replica_id, replica_id.data, replica_id.len);
		/* the place may have been another's, whose insert was rolled back */
		db->stable[db->norigins] = 0;
		for (i = 0; i < CVG_MAX_MEMBERS; i++)
		{
			db->members[i].progress[db->norigins] = 0;
			db->members[i].horizon[db->norigins] = 0;
		}
		db->norigins++;
		new_origins_db = db;
	}
	LWLockRelease(&db->lock);
	return id;
}

int32
cvg_origin_id(CvgDb *db, CvgSlice replica_id)
{
	int32		id = find_origin(db, replica_id);
	Relation	rel;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	if (id != 0)
		return id;

	register_callbacks();
	Assert(replica_id.len < CVG_NAME_LEN);
	rel = table_open(cvg_table_oid(CVG_T_ORIGINS), ShareRowExclusiveLock);
	id = find_origin(db, replica_id);
	if (id == 0)
	{
		id = append_origin(db, replica_id);
		if (id == 0)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many replica ids are known to this node"),
					 errdetail("At most %d can be; each incarnation of each node is one.",
							   CVG_MAX_ORIGINS)));
		values[0] = Int32GetDatum(id);
		values[1] = PointerGetDatum(cstring_to_text_with_len((const char *) replica_id.data,
															 replica_id.len));
		values[2] = Int64GetDatum(0);
		cvg_meta_insert(rel, cvg_index_oid(CVG_T_ORIGINS), values, nulls);
	}
	table_close(rel, NoLock);
	return id;
}

/* ----------------------------------------------------------------
 *		Descriptors
 * ----------------------------------------------------------------
 */

static void
init_descriptors(void)
{
	HASHCTL		ctl;

	if (descriptors != NULL)
		return;
	register_callbacks();
	meta_context = AllocSetContextCreate(CacheMemoryContext,
										 "pg_converge descriptors",
										 ALLOCSET_SMALL_SIZES);
	ctl.keysize = sizeof(uint64);
	ctl.entrysize = sizeof(DescriptorEntry);
	ctl.hcxt = meta_context;
	descriptors = hash_create("pg_converge descriptors", 64, &ctl,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Bytes of a descriptor in the table, copied to meta_context; empty if absent. */
static CvgSlice
read_descriptor(uint64 hash)
{
	CvgSlice	result = {NULL, 0};
	Relation	rel = table_open(cvg_table_oid(CVG_T_DESCRIPTORS), AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum((int64) hash));
	scan = systable_beginscan(rel, cvg_index_oid(CVG_T_DESCRIPTORS), true,
							  snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		bytea	   *body = DatumGetByteaPP(heap_getattr(tuple, 2, RelationGetDescr(rel), &isnull));
		size_t		len = VARSIZE_ANY_EXHDR(body);
		uint8	   *copy = MemoryContextAlloc(meta_context, Max(len, 1));

		memcpy(copy, VARDATA_ANY(body), len);
		result = cvg_slice(copy, len);
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	return result;
}

/* Cache entry of a descriptor, NULL when neither cache nor table has it. */
static DescriptorEntry *
find_descriptor(uint64 hash)
{
	DescriptorEntry *entry;
	CvgDescriptor *desc;
	CvgSlice	bytes;
	MemoryContext old;

	init_descriptors();
	entry = hash_search(descriptors, &hash, HASH_FIND, NULL);
	if (entry != NULL)
		return entry;
	bytes = read_descriptor(hash);
	if (bytes.len == 0)
		return NULL;

	old = MemoryContextSwitchTo(meta_context);
	desc = palloc0(sizeof(CvgDescriptor));
	if (cvg_descriptor_decode(bytes, desc, NULL) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("table description %016llx in converge.descriptors is damaged",
						(unsigned long long) hash)));
	MemoryContextSwitchTo(old);
	entry = hash_search(descriptors, &hash, HASH_ENTER, NULL);
	entry->desc = desc;
	entry->bytes = bytes;
	entry->stored = true;
	entry->in_xact = false;
	return entry;
}

const CvgDescriptor *
cvg_descriptor_lookup(uint64 hash)
{
	DescriptorEntry *entry = find_descriptor(hash);

	return entry ? entry->desc : NULL;
}

CvgSlice
cvg_descriptor_bytes(uint64 hash)
{
	DescriptorEntry *entry = find_descriptor(hash);

	return entry ? entry->bytes : cvg_slice(NULL, 0);
}

void
cvg_descriptor_store(CvgSlice bytes)
{
	uint64		hash = cvg_descriptor_hash(bytes);
	DescriptorEntry *entry = find_descriptor(hash);
	CvgDescriptor check;
	CvgError	err;
	Relation	rel;
	Datum		values[2];
	bool		nulls[2] = {false, false};
	bytea	   *body;

	if (entry != NULL && entry->stored)
		return;
	if (entry == NULL && cvg_descriptor_decode(bytes, &check, &err) != CVG_OK)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("invalid table description: %s", cvg_status_message(err.status)),
				 errdetail("The error is at byte %zu.", err.offset)));

	body = palloc(VARHDRSZ + bytes.len);
	SET_VARSIZE(body, VARHDRSZ + bytes.len);
	memcpy(VARDATA(body), bytes.data, bytes.len);
	values[0] = Int64GetDatum((int64) hash);
	values[1] = PointerGetDatum(body);
	rel = table_open(cvg_table_oid(CVG_T_DESCRIPTORS), RowExclusiveLock);
	cvg_meta_insert(rel, cvg_index_oid(CVG_T_DESCRIPTORS), values, nulls);
	table_close(rel, NoLock);
	pfree(body);
	CommandCounterIncrement();

	entry = find_descriptor(hash);
	if (entry == NULL)
		elog(ERROR, "descriptor just stored is not there");
	entry->stored = true;
	entry->in_xact = true;
	descriptors_in_xact = true;
}
