/*-------------------------------------------------------------------------
 *
 * digest.c
 *	  converge.digest(): one short text that is equal on two nodes exactly
 *	  when a table's rows are (but for chance in 2^128).
 *
 * The sum modulo 2^128 of a hash of each row: independent of the order of
 * rows, and so of indexes, physical layout and collations.  A row is hashed
 * in its portable form (what would be sent to a peer): key, row clock, and
 * the stored columns by name, so that neither encodings nor the order of
 * columns nor partitioning matter.  Generated columns are not part of it.
 *
 * Reads the whole table with one snapshot, with the caller's rights.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_inherits.h"
#include "executor/tuptable.h"
#include "store/relinfo.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include <xxhash.h>

typedef struct Digest
{
	uint64		low;
	uint64		high;
	int64		rows;
} Digest;

static void
add_row(Digest *digest, CvgSlice row)
{
	XXH128_hash_t hash = XXH3_128bits(row.data, row.len);
	uint64		low = digest->low + hash.low64;

	digest->high += hash.high64 + (low < digest->low ? 1 : 0);
	digest->low = low;
	digest->rows++;
}

/* Column indexes of a descriptor by name, generated ones left out. */
static int *
columns_by_name(const CvgDescriptor *desc, int *n)
{
	int		   *order = palloc(sizeof(int) * Max(desc->ncolumns, 1));
	int			i;
	int			j;

	*n = 0;
	for (i = 0; i < desc->ncolumns; i++)
	{
		if (desc->columns[i].flags & CVG_COL_GENERATED)
			continue;
		for (j = *n; j > 0 && cvg_slice_cmp(desc->columns[order[j - 1]].name,
											desc->columns[i].name) > 0; j--)
			order[j] = order[j - 1];
		order[j] = i;
		(*n)++;
	}
	return order;
}

/* The portable form of a row. */
static void
put_row(CvgRel *rel, TupleTableSlot *slot, const int *order, int n, CvgBuf *out)
{
	CvgSlice	state = cvg_rel_state(rel, slot);
	CvgBuf		part;
	int			i;

	cvg_buf_init(&part);
	if (rel->desc->flags & CVG_DESC_KEYLESS)
		cvg_rowstate_birth_bytes(state, &part);
	else
		cvg_rel_put_key(rel, slot, &part);
	cvg_put_slice(out, cvg_buf_slice(&part));
	cvg_buf_reset(&part);
	cvg_rowstate_clock(state, &part);
	cvg_put_slice(out, cvg_buf_slice(&part));
	for (i = 0; i < n; i++)
	{
		CvgRelColumn *col = &rel->columns[order[i]];
		bool		isnull;
		Datum		value = slot_getattr(slot, col->attnum, &isnull);

		cvg_codec_put(&col->codec, value, isnull, out);
	}
}

static void
digest_leaf(Digest *digest, Relation rel, Snapshot snapshot, MemoryContext row_mcxt)
{
	CvgRel	   *info = cvg_rel(rel);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = cvg_table_beginscan(rel, snapshot);
	int			n;
	int		   *order = columns_by_name(info->desc, &n);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MemoryContext old = MemoryContextSwitchTo(row_mcxt);
		CvgBuf		row;

		CHECK_FOR_INTERRUPTS();
		cvg_buf_init(&row);
		put_row(info, slot, order, n, &row);
		add_row(digest, cvg_buf_slice(&row));
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_mcxt);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}

/* All of a table, its partitions included. */
static Digest
digest_table(Relation root)
{
	Digest		digest = {0, 0, 0};
	MemoryContext row_mcxt = AllocSetContextCreate(CurrentMemoryContext,
												   "pg_converge digest row",
												   ALLOCSET_DEFAULT_SIZES);
	Snapshot	snapshot = GetActiveSnapshot();
	List	   *relids = find_all_inheritors(RelationGetRelid(root), AccessShareLock, NULL);
	ListCell   *lc;

	foreach(lc, relids)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		if (rel->rd_rel->relkind == RELKIND_RELATION)
			digest_leaf(&digest, rel, snapshot, row_mcxt);
		table_close(rel, NoLock);
	}
	MemoryContextDelete(row_mcxt);
	return digest;
}

static void
check_rights(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);
	AclResult	acl = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);

	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, get_relkind_objtype(rel->rd_rel->relkind),
					   RelationGetRelationName(rel));
	if (check_enable_rls(relid, InvalidOid, false) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot compute the digest of table \"%s\": row-level security hides rows from you",
						RelationGetRelationName(rel))));
}

CVG_FUNCTION(converge_digest)
{
	Relation	rel = table_open(PG_GETARG_OID(0), AccessShareLock);
	CvgRel	   *info;
	Digest		digest;
	int			nest = 0;

	check_rights(rel);
	info = cvg_rel(rel);
	if (info == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not replicated", RelationGetRelationName(rel)),
				 errhint("See converge.replicate().")));
	if (info->has_text)
		nest = cvg_codec_enter();
	digest = digest_table(rel);
	if (info->has_text)
		cvg_codec_leave(nest);
	table_close(rel, NoLock);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%016llx%016llx:%lld",
											  (unsigned long long) digest.high,
											  (unsigned long long) digest.low,
											  (long long) digest.rows)));
}
