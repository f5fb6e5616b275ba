/*-------------------------------------------------------------------------
 *
 * relinfo.c
 *	  Per-backend cache of replicated tables.
 *
 * An entry is built from the catalogs on first use and dropped by relcache
 * invalidation of the table, or of the root if it is a partition.  A dropped
 * entry's memory is kept until the transaction ends: somebody up the call
 * chain may still hold it, and what it says was true when it was looked up
 * under a lock on the table.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "storage/lmgr.h"
#include "store/crdt_column.h"
#include "store/keyindex.h"
#include "store/meta.h"
#include "store/relinfo.h"
#include "store/strategy.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* How to hash and compare one key column. */
typedef struct CvgKeyColumn
{
	bool		number;			/* values are integers and ordered as such */
	FmgrInfo	hash;			/* extended hash function; invalid: hash the bytes */
	FmgrInfo	eq;
	Oid			collation;
} CvgKeyColumn;

/* Bits of a key's hash for what follows a leading number. */
#define NUMBER_SHIFT	24

struct CvgRelKey
{
	int			ncolumns;
	CvgKeyColumn columns[FLEXIBLE_ARRAY_MEMBER];
};

typedef struct RelEntry
{
	Oid			relid;			/* hash key */
	Oid			rootid;			/* for invalidation; relid if not a partition */
	bool		valid;
	CvgRel	   *rel;			/* NULL: not replicated */
} RelEntry;

static HTAB *rel_cache = NULL;
static MemoryContext stale_contexts = NULL; /* parent of dropped entries */

static void
drop_entry(RelEntry *entry)
{
	entry->valid = false;
	if (entry->rel != NULL)
		MemoryContextSetParent(entry->rel->mcxt, stale_contexts);
	entry->rel = NULL;
}

static void
rel_inval(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS seq;
	RelEntry   *entry;

	hash_seq_init(&seq, rel_cache);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (entry->valid &&
			(!OidIsValid(relid) || entry->relid == relid || entry->rootid == relid ||
			 (entry->rel != NULL && entry->rel->key_index == relid)))
			drop_entry(entry);
	}
}

static void
rel_xact_callback(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		MemoryContextDeleteChildren(stale_contexts);
}

static void
init_cache(void)
{
	HASHCTL		ctl;

	if (rel_cache != NULL)
		return;
	stale_contexts = AllocSetContextCreate(CacheMemoryContext,
										   "pg_converge dropped relation info",
										   ALLOCSET_SMALL_SIZES);
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(RelEntry);
	ctl.hcxt = CacheMemoryContext;
	rel_cache = hash_create("pg_converge relations", 64, &ctl,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(rel_inval, (Datum) 0);
	RegisterXactCallback(rel_xact_callback, NULL);
}

/* ----------------------------------------------------------------
 *		Building an entry
 * ----------------------------------------------------------------
 */

typedef struct Registration
{
	bool		found;
	Oid			key_index;
	int			on_delete;
	int			granularity;
} Registration;

/* The converge.replicated row of a table, as this transaction sees it. */
static Registration
read_registration(Oid relid)
{
	Registration reg = {0};
	Relation	rel = table_open(cvg_table_oid(CVG_T_REPLICATED), AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ArrayType  *key_columns = NULL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, cvg_index_oid(CVG_T_REPLICATED), true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		TupleDesc	tupdesc = RelationGetDescr(rel);
		bool		isnull;

		reg.found = true;
		reg.key_index = DatumGetObjectId(heap_getattr(tuple, 2, tupdesc, &isnull));
		reg.on_delete = DatumGetInt16(heap_getattr(tuple, 3, tupdesc, &isnull));
		reg.granularity = DatumGetInt16(heap_getattr(tuple, 4, tupdesc, &isnull));
		key_columns = DatumGetArrayTypePCopy(heap_getattr(tuple, 6, tupdesc, &isnull));
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	if (reg.found)
		reg.key_index = cvg_key_index_now(relid, reg.key_index, key_columns);
	return reg;
}

/* Replace the units of columns that move as a group. */
static void
read_groups(Oid relid, CvgDescriptor *desc)
{
	Relation	rel = table_open(cvg_table_oid(CVG_T_REPLICATED_COLUMNS), AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, cvg_index_oid(CVG_T_REPLICATED_COLUMNS), true,
							  snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		CvgSlice	name = cvg_slice_cstring(NameStr(*DatumGetName(heap_getattr(tuple, 2, RelationGetDescr(rel), &isnull))));
		int64		unit = DatumGetInt64(heap_getattr(tuple, 3, RelationGetDescr(rel), &isnull));
		int			i;

		for (i = 0; i < desc->ncolumns; i++)
		{
			CvgColumn  *col = &desc->columns[i];

			if (col->keypos == 0 &&
				!(col->flags & (CVG_COL_GENERATED | CVG_COL_MERGED)) &&
				cvg_slice_eq(col->name, name))
				col->unit = (uint32) unit;
		}
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
}

/* Place of each column in the key: index columns in index order. */
static void
set_key_columns(CvgDescriptor *desc, Oid key_index, Relation root)
{
	Relation	index = index_open(key_index, AccessShareLock);
	int			n = index->rd_index->indnkeyatts;
	int			i;
	int			j;

	for (i = 0; i < n; i++)
	{
		AttrNumber	att = index->rd_index->indkey.values[i];
		CvgSlice	name;

		if (att <= 0)
			elog(ERROR, "key index of \"%s\" is not on plain columns",
				 RelationGetRelationName(root));
		name = cvg_slice_cstring(NameStr(TupleDescAttr(RelationGetDescr(root), att - 1)->attname));
		for (j = 0; j < desc->ncolumns; j++)
		{
			if (cvg_slice_eq(desc->columns[j].name, name))
			{
				desc->columns[j].keypos = i + 1;
				desc->columns[j].unit = 0;
				desc->columns[j].flags &= ~CVG_COL_MERGED;
				desc->keycols[i] = j;
			}
		}
	}
	desc->nkeys = n;
	index_close(index, AccessShareLock);
}

static void
append_identifier(StringInfo out, const char *name)
{
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name))
		appendStringInfoString(out, name);
	else
	{
		appendStringInfoChar(out, '"');
		for (; *name != '\0'; name++)
		{
			if (*name == '"')
				appendStringInfoChar(out, '"');
			appendStringInfoChar(out, *name);
		}
		appendStringInfoChar(out, '"');
	}
}

/*
 * A type's name as every node spells it: qualified unless it is built in.  Not
 * that of format_type(), which depends on the server's version, by its
 * keywords, and on quote_all_identifiers.
 */
static CvgSlice
portable_type_name(Oid type)
{
	StringInfoData out;
	Oid			element = get_element_type(type);
	HeapTuple	tuple;
	Form_pg_type form;

	tuple = SearchSysCache1(TYPEOID,
							ObjectIdGetDatum(OidIsValid(element) ? element : type));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);
	initStringInfo(&out);
	if (form->typnamespace != PG_CATALOG_NAMESPACE)
	{
		append_identifier(&out, get_namespace_name(form->typnamespace));
		appendStringInfoChar(&out, '.');
	}
	append_identifier(&out, NameStr(form->typname));
	if (OidIsValid(element))
		appendStringInfoString(&out, "[]");
	ReleaseSysCache(tuple);
	return cvg_slice(out.data, out.len);
}

/* Describe the root.  All of it in the current context. */
static CvgDescriptor *
build_descriptor(Relation root, const Registration *reg)
{
	TupleDesc	tupdesc = RelationGetDescr(root);
	CvgDescriptor *desc = palloc0(sizeof(CvgDescriptor));
	int			i;

	desc->on_delete = reg->on_delete;
	desc->granularity = reg->granularity;
	desc->schema = cvg_slice_cstring(get_namespace_name(RelationGetNamespace(root)));
	desc->table = cvg_slice_cstring(pstrdup(RelationGetRelationName(root)));
	desc->columns = palloc0(sizeof(CvgColumn) * Max(tupdesc->natts, 1));
	for (i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		CvgColumn  *col = &desc->columns[desc->ncolumns];

		if (att->attisdropped || strcmp(NameStr(att->attname), CVG_STATE_COLUMN) == 0)
			continue;
		col->name = cvg_slice_cstring(pstrdup(NameStr(att->attname)));
		col->type_name = portable_type_name(att->atttypid);
		if (att->attgenerated)
			col->flags |= CVG_COL_GENERATED;
		else if (cvg_crdt_of_type(att->atttypid) != NULL)
		{
			col->flags |= CVG_COL_MERGED;
			col->unit = cvg_unit_id(col->name);
		}
		else if (desc->granularity == CVG_GRANULARITY_ROW)
			col->unit = cvg_unit_id(cvg_slice_cstring(CVG_STATE_COLUMN));
		else
			col->unit = cvg_unit_id(col->name);
		desc->ncolumns++;
	}
	if (cvg_is_birth_index(reg->key_index))
		desc->flags |= CVG_DESC_KEYLESS;
	else
		set_key_columns(desc, reg->key_index, root);
	if (desc->granularity == CVG_GRANULARITY_COLUMN)
		read_groups(RelationGetRelid(root), desc);
	cvg_strategies_read(RelationGetRelid(root), desc);
	for (i = 0; i < desc->ncolumns; i++)
		desc->merges |= (desc->columns[i].flags & CVG_COL_MERGED) != 0;
	return desc;
}

static int
compare_u32(const void *a, const void *b)
{
	uint32		x = *(const uint32 *) a;
	uint32		y = *(const uint32 *) b;

	return x < y ? -1 : x > y;
}

static bool
in_unit(const CvgColumn *col)
{
	return col->unit != 0 && !(col->flags & CVG_COL_MERGED);
}

/* Distinct units, ascending, and each column's index among them. */
static void
set_units(CvgRel *rel)
{
	const CvgDescriptor *desc = rel->desc;
	int			n = 0;
	int			i;
	int			j;

	rel->units = palloc(sizeof(uint32) * Max(desc->ncolumns, 1));
	for (i = 0; i < desc->ncolumns; i++)
	{
		if (in_unit(&desc->columns[i]))
			rel->units[n++] = desc->columns[i].unit;
	}
	qsort(rel->units, n, sizeof(uint32), compare_u32);
	for (i = 0, j = 0; i < n; i++)
	{
		if (j == 0 || rel->units[j - 1] != rel->units[i])
			rel->units[j++] = rel->units[i];
	}
	rel->nunits = j;
	for (i = 0; i < desc->ncolumns; i++)
	{
		uint32	   *found = NULL;

		if (in_unit(&desc->columns[i]))
			found = bsearch(&desc->columns[i].unit, rel->units, rel->nunits,
							sizeof(uint32), compare_u32);
		rel->columns[i].unit = found ? found - rel->units : -1;
	}
}

/* Where the descriptor's columns and _converge are in this relation. */
static void
map_columns(CvgRel *rel, Relation relation)
{
	TupleDesc	tupdesc = RelationGetDescr(relation);
	int			i;
	int			j;

	rel->columns = palloc0(sizeof(CvgRelColumn) * Max(rel->desc->ncolumns, 1));
	for (i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		CvgSlice	name = cvg_slice_cstring(NameStr(att->attname));

		if (att->attisdropped)
			continue;
		if (strcmp(NameStr(att->attname), CVG_STATE_COLUMN) == 0 &&
			att->atttypid == cvg_row_state_oid())
			rel->state_attnum = i + 1;
		for (j = 0; j < rel->desc->ncolumns; j++)
		{
			if (cvg_slice_eq(rel->desc->columns[j].name, name))
			{
				rel->columns[j].attnum = i + 1;
				cvg_codec_init(&rel->columns[j].codec, att->atttypid,
							   att->atttypmod, rel->mcxt);
				if (rel->desc->columns[j].flags & CVG_COL_STRATEGY)
				{
					rel->columns[j].strategy =
						cvg_strategy_known(rel->desc->columns[j].strategy,
										   rel->columns[j].codec.base, rel->mcxt);
					rel->has_strategies = true;
				}
				if (rel->desc->columns[j].flags & CVG_COL_MERGED)
					rel->columns[j].crdt = cvg_crdt_of_type(att->atttypid);
				if (rel->columns[j].codec.text)
					rel->has_text = true;
			}
		}
	}
	if (rel->state_attnum == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("replicated table \"%s\" has no column \"%s\" of type converge.row_state",
						RelationGetRelationName(relation), CVG_STATE_COLUMN),
				 errhint("Call converge.unreplicate() and converge.replicate() on the table.")));
}

/* Is this the equality of a type whose values are integers inside? */
static bool
is_number_eq(Oid eq)
{
	return eq == F_INT2EQ || eq == F_INT4EQ || eq == F_INT8EQ || eq == F_OIDEQ ||
		eq == F_DATE_EQ || eq == F_TIMESTAMP_EQ || eq == F_TIMESTAMPTZ_EQ;
}

static int64
number_value(const CvgKeyColumn *kc, Datum value)
{
	switch (kc->eq.fn_oid)
	{
		case F_INT2EQ:
			return DatumGetInt16(value);
		case F_INT4EQ:
		case F_DATE_EQ:
			return DatumGetInt32(value);
		case F_OIDEQ:
			return DatumGetObjectId(value);
		default:
			return DatumGetInt64(value);
	}
}

static void
set_key_functions(CvgRel *rel)
{
	Relation	index;
	int			n = rel->desc->nkeys;
	int			i;

	rel->keyinfo = palloc0(offsetof(struct CvgRelKey, columns) +
						   sizeof(CvgKeyColumn) * Max(n, 1));
	rel->keyinfo->ncolumns = n;
	if (n == 0)
		return;
	index = index_open(rel->key_index, AccessShareLock);
	for (i = 0; i < n; i++)
	{
		CvgKeyColumn *kc = &rel->keyinfo->columns[i];
		Oid			type = rel->columns[rel->desc->keycols[i]].codec.base;
		Oid			opfamily = index->rd_opfamily[i];
		Oid			intype = index->rd_opcintype[i];
		Oid			op = get_opfamily_member(opfamily, intype, intype,
											 BTEqualStrategyNumber);
		TypeCacheEntry *tc = lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC);

		if (!OidIsValid(op))
			elog(ERROR, "no equality operator for key column %d of \"%s\"", i + 1,
				 RelationGetRelationName(index));
		fmgr_info_cxt(get_opcode(op), &kc->eq, rel->mcxt);
		kc->number = is_number_eq(kc->eq.fn_oid);
		if (OidIsValid(tc->hash_extended_proc))
			fmgr_info_cxt(tc->hash_extended_proc, &kc->hash, rel->mcxt);
		kc->collation = index->rd_indcollation[i];
	}
	index_close(index, AccessShareLock);
}

/* The replicated root of a relation: itself, or its topmost registered ancestor. */
static Oid
find_root(Relation relation, Registration *reg)
{
	Oid			relid = RelationGetRelid(relation);

	*reg = read_registration(relid);
	if (reg->found)
		return relid;
	if (relation->rd_rel->relispartition)
	{
		List	   *ancestors = get_partition_ancestors(relid);
		ListCell   *lc;

		foreach(lc, ancestors)
		{
			*reg = read_registration(lfirst_oid(lc));
			if (reg->found)
				return lfirst_oid(lc);
		}
	}
	return InvalidOid;
}

/* The index of a partition, at any depth, that belongs to one of the root's. */
static Oid
index_of_partition(Relation partition, Oid rootid, Oid index)
{
	Oid			parentid = get_partition_parent(RelationGetRelid(partition), true);

	if (parentid != rootid)
	{
		Relation	parent = table_open(parentid, AccessShareLock);

		index = index_of_partition(parent, rootid, index);
		table_close(parent, NoLock);
	}
	return OidIsValid(index) ? index_get_partition(partition, index) : InvalidOid;
}

static CvgRel *
build_rel(Relation relation, Oid rootid, const Registration *reg, MemoryContext mcxt)
{
	CvgRel	   *rel = palloc0(sizeof(CvgRel));
	CvgDescriptor *desc;
	Relation	root;
	CvgBuf		buf;

	rel->mcxt = mcxt;
	rel->relid = RelationGetRelid(relation);
	rel->rootid = rootid;
	rel->partitioned = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;

	root = rootid == rel->relid ? relation : table_open(rootid, AccessShareLock);
	rel->owner = root->rd_rel->relowner;
	desc = build_descriptor(root, reg);
	if (root != relation)
	{
		rel->key_index = index_of_partition(relation, rootid, reg->key_index);
		table_close(root, NoLock);
		if (!OidIsValid(rel->key_index))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("partition \"%s\" lacks the key index of its replicated root",
							RelationGetRelationName(relation))));
	}
	else
		rel->key_index = reg->key_index;
	cvg_buf_init(&buf);
	cvg_descriptor_encode(desc, &buf);
	rel->desc_bytes = cvg_buf_slice(&buf);
	desc->hash = cvg_descriptor_hash(rel->desc_bytes);
	rel->desc = desc;
	map_columns(rel, relation);
	set_units(rel);
	set_key_functions(rel);
	return rel;
}

CvgRel *
cvg_rel(Relation relation)
{
	Oid			relid = RelationGetRelid(relation);
	RelEntry   *entry;
	Registration reg;
	Oid			rootid;
	CvgRel	   *rel = NULL;
	bool		found;

	init_cache();
	entry = hash_search(rel_cache, &relid, HASH_FIND, NULL);
	if (likely(entry != NULL && entry->valid))
		return entry->rel;

	if (!cvg_extension_exists())
		return NULL;
	rootid = find_root(relation, &reg);
	if (OidIsValid(rootid))
	{
		MemoryContext mcxt = AllocSetContextCreate(stale_contexts,
												   "pg_converge relation info",
												   ALLOCSET_SMALL_SIZES);
		MemoryContext old = MemoryContextSwitchTo(mcxt);

		/* an error leaves mcxt to the end of the transaction */
		rel = build_rel(relation, rootid, &reg, mcxt);
		MemoryContextSwitchTo(old);
		MemoryContextSetParent(mcxt, CacheMemoryContext);
	}
	entry = hash_search(rel_cache, &relid, HASH_ENTER, &found);
	if (found && entry->valid)
		drop_entry(entry);
	entry->rootid = OidIsValid(rootid) ? rootid : relid;
	entry->rel = rel;
	entry->valid = true;
	return rel;
}

CvgRel *
cvg_rel_by_oid(Oid relid)
{
	Relation	relation = table_open(relid, AccessShareLock);
	CvgRel	   *rel = cvg_rel(relation);

	table_close(relation, NoLock);
	return rel;
}

Oid
cvg_replicated_oid(CvgSlice schema, CvgSlice table)
{
	char	   *schema_name = pnstrdup((const char *) schema.data, schema.len);
	char	   *table_name = pnstrdup((const char *) table.data, table.len);
	Oid			nsp = get_namespace_oid(schema_name, true);
	Oid			relid;

	if (!OidIsValid(nsp))
		return InvalidOid;
	relid = get_relname_relid(table_name, nsp);
	if (!OidIsValid(relid) || !read_registration(relid).found)
		return InvalidOid;
	return relid;
}

/* ----------------------------------------------------------------
 *		Keys, states and images of tuples
 * ----------------------------------------------------------------
 */

void
cvg_rel_key_values(CvgRel *rel, TupleTableSlot *slot, Datum *values)
{
	int			i;

	for (i = 0; i < rel->desc->nkeys; i++)
	{
		bool		isnull;

		values[i] = slot_getattr(slot, rel->columns[rel->desc->keycols[i]].attnum, &isnull);
		if (isnull)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("null value in key column of replicated table \"%s\"",
							get_rel_name(rel->relid))));
	}
}

void
cvg_rel_put_key(CvgRel *rel, TupleTableSlot *slot, CvgBuf *out)
{
	int			i;

	for (i = 0; i < rel->desc->nkeys; i++)
	{
		CvgRelColumn *col = &rel->columns[rel->desc->keycols[i]];
		bool		isnull;
		Datum		value = slot_getattr(slot, col->attnum, &isnull);

		cvg_codec_put(&col->codec, value, isnull, out);
	}
}

static uint64
hash_key_column(CvgRel *rel, int i, Datum value)
{
	CvgKeyColumn *kc = &rel->keyinfo->columns[i];
	CvgBuf		buf;
	uint64		hash;

	if (OidIsValid(kc->hash.fn_oid))
		return DatumGetUInt64(FunctionCall2Coll(&kc->hash, kc->collation, value,
												Int64GetDatum(0)));
	cvg_buf_init(&buf);
	cvg_codec_put(&rel->columns[rel->desc->keycols[i]].codec, value, false, &buf);
	hash = hash_bytes_extended(buf.data, buf.len, 0);
	cvg_buf_free(&buf);
	return hash;
}

/*
 * Bulk work goes through keys in order, or nearly so, and so should its
 * look-ups in the index on the hash: a leading number leads the hash as well,
 * and a birth is hashed to its stamp.
 */
int64
cvg_rel_key_hash(CvgRel *rel, Datum *values, CvgSlice key)
{
	const CvgKeyColumn *first = rel->keyinfo->columns;
	int			n = rel->keyinfo->ncolumns;
	uint64		hash = 0;
	int			i;

	if (rel->desc->flags & CVG_DESC_KEYLESS)
	{
		CvgReader	r;

		Assert(key.len > sizeof(int64));
		cvg_reader_init(&r, cvg_slice(key.data + key.len - sizeof(int64), sizeof(int64)));
		return (int64) cvg_get_u64(&r);
	}
	if (n == 1 && first->number)
		return number_value(first, values[0]);
	for (i = first->number ? 1 : 0; i < n; i++)
		hash = hash_combine64(hash, hash_key_column(rel, i, values[i]));
	if (first->number)
		hash = (uint64) number_value(first, values[0]) << NUMBER_SHIFT |
			hash >> (64 - NUMBER_SHIFT);
	return (int64) hash;
}

void
cvg_rel_decode_key(CvgRel *rel, CvgSlice key, Datum *values)
{
	CvgReader	r;
	int			i;

	cvg_reader_init(&r, key);
	for (i = 0; i < rel->desc->nkeys; i++)
	{
		CvgValue	value = cvg_get_value(&r);
		bool		isnull;

		if (!cvg_reader_ok(&r) || value.kind == CVG_VALUE_NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("stored key of a row of table \"%s\" is damaged",
							get_rel_name(rel->relid))));
		values[i] = cvg_codec_get(&rel->columns[rel->desc->keycols[i]].codec, value, &isnull);
	}
}

bool
cvg_rel_key_equal(CvgRel *rel, Datum *a, Datum *b)
{
	int			i;

	for (i = 0; i < rel->keyinfo->ncolumns; i++)
	{
		CvgKeyColumn *kc = &rel->keyinfo->columns[i];

		if (!DatumGetBool(FunctionCall2Coll(&kc->eq, kc->collation, a[i], b[i])))
			return false;
	}
	return true;
}

CvgSlice
cvg_rel_state(CvgRel *rel, TupleTableSlot *slot)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, rel->state_attnum, &isnull);
	bytea	   *state;

	if (isnull)
		return cvg_slice(NULL, 0);
	state = DatumGetByteaPP(value);
	return cvg_slice(VARDATA_ANY(state), VARSIZE_ANY_EXHDR(state));
}

void
cvg_rel_put_image(CvgRel *rel, TupleTableSlot *slot, CvgBuf *out)
{
	const CvgDescriptor *desc = rel->desc;
	int			n = 0;
	int			i;

	for (i = 0; i < desc->ncolumns; i++)
		n += (desc->columns[i].flags & CVG_COL_GENERATED) ? 0 : 1;
	cvg_image_start(out, desc->hash, n);
	for (i = 0; i < desc->ncolumns; i++)
	{
		bool		isnull;
		Datum		value;

		if (desc->columns[i].flags & CVG_COL_GENERATED)
			continue;
		value = slot_getattr(slot, rel->columns[i].attnum, &isnull);
		cvg_put_varint(out, i);
		cvg_codec_put(&rel->columns[i].codec, value, isnull, out);
	}
}

bool
cvg_rel_each_row(CvgRel *rel, Relation relation, CvgRowFn fn, void *arg)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	TableScanDesc scan = cvg_table_beginscan(relation, snapshot);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "pg_converge row of a table",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	int			nestlevel = cvg_codec_enter();
	bool		go_on = true;

	while (go_on && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		go_on = fn(rel, slot, arg);
		MemoryContextReset(context);
	}
	cvg_codec_leave(nestlevel);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	return go_on;
}
