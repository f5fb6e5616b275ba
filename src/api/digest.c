/*-------------------------------------------------------------------------
 *
 * digest.c
 *	  converge.digest(): a fingerprint of a replicated table.
 *
 * Each row is hashed by itself, over what every node has alike: the key (or
 * birth) bytes, the row clock, and all stored columns in wire format.  The
 * hashes are added up, 128 bits wide, so neither the order of rows nor
 * collation, encoding or column order of this node matters, and a row that
 * is there twice counts twice (XOR would cancel it).
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <xxhash.h>

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_inherits.h"
#include "core/buf.h"
#include "executor/tuptable.h"
#include "store/relinfo.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

typedef struct DigestSum
{
	uint64		low;
	uint64		high;
	int64		rows;
} DigestSum;

static void
add_row(CvgRel *rel, TupleTableSlot *slot, DigestSum *sum)
{
	const CvgDescriptor *desc = rel->desc;
	CvgSlice	state = cvg_rel_state(rel, slot);
	XXH128_hash_t hash;
	CvgBuf		buf;
	int			i;

	cvg_buf_init(&buf);
	if (state.len > 0)
		cvg_rowstate_clock(state, &buf);
	if (desc->flags & CVG_DESC_KEYLESS)
	{
		if (state.len > 0)
			cvg_rowstate_birth_bytes(state, &buf);
	}
	for (i = 0; i < desc->ncolumns; i++)
	{
		bool		isnull;
		Datum		value;

		if (desc->columns[i].flags & CVG_COL_GENERATED)
			continue;
		value = slot_getattr(slot, rel->columns[i].attnum, &isnull);
		cvg_put_slice(&buf, desc->columns[i].name);
		cvg_codec_put(&rel->columns[i].codec, value, isnull, &buf);
	}
	hash = XXH3_128bits(buf.data, buf.len);
	sum->low += hash.low64;
	sum->high += hash.high64 + (sum->low < hash.low64 ? 1 : 0);
	sum->rows++;
}

static void
add_relation(Relation relation, Snapshot snapshot, DigestSum *sum)
{
	CvgRel	   *rel = cvg_rel(relation);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "pg_converge digest row",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		add_row(rel, slot, sum);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}

static void
check_digest_allowed(Relation relation)
{
	Oid			relid = RelationGetRelid(relation);
	AclResult	acl = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);

	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, get_relkind_objtype(relation->rd_rel->relkind),
					   RelationGetRelationName(relation));
	if (cvg_rel(relation) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not replicated", RelationGetRelationName(relation)),
				 errhint("Use converge.replicate() first.")));
}

CVG_FUNCTION(digest)
{
	Oid			relid = PG_GETARG_OID(0);
	Snapshot	snapshot;
	DigestSum	sum = {0};
	Relation	root;
	List	   *members;
	ListCell   *lc;
	int			nestlevel;

	/* regclass is a number: the relation may be gone, or never have been */
	if (get_rel_name(relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	root = relation_open(relid, AccessShareLock);
	check_digest_allowed(root);
	members = find_all_inheritors(relid, AccessShareLock, NULL);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	nestlevel = cvg_codec_enter();
	foreach(lc, members)
	{
		Relation	relation = table_open(lfirst_oid(lc), NoLock);

		if (relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
			add_relation(relation, snapshot, &sum);
		table_close(relation, NoLock);
	}
	cvg_codec_leave(nestlevel);
	UnregisterSnapshot(snapshot);
	relation_close(root, NoLock);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf(INT64_FORMAT ":%016llx%016llx", sum.rows,
											  (unsigned long long) sum.high,
											  (unsigned long long) sum.low)));
}
