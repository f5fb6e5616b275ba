/*-------------------------------------------------------------------------
 *
 * keyindex.c
 *	  The index that identifies the rows of a replicated table.
 *
 * It is recorded by OID, so that renaming it changes nothing.  REINDEX
 * CONCURRENTLY makes another index with another OID, swaps the two, and drops
 * the old one, without any event that an extension hears of before 17.  So its
 * columns are recorded too, as attribute numbers, and whoever reads the record
 * takes the valid index on these columns when the recorded one is not valid
 * any more.  The swap sends a relcache invalidation, and so everybody looks
 * again before the old index ceases to be maintained.  The manager brings the
 * record up to date later (janitor.c).
 *
 *-------------------------------------------------------------------------
 */
#include "store/keyindex.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "optimizer/optimizer.h"
#include "store/relinfo.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

ArrayType *
cvg_key_columns(Oid indexid)
{
	Relation	index = index_open(indexid, AccessShareLock);
	int			n = index->rd_index->indnkeyatts;
	Datum	   *values = palloc(sizeof(Datum) * n);
	ArrayType  *result;
	int			i;

	for (i = 0; i < n; i++)
		values[i] = Int16GetDatum(index->rd_index->indkey.values[i]);
	result = construct_array(values, n, INT2OID, sizeof(int16), true, TYPALIGN_SHORT);
	index_close(index, AccessShareLock);
	return result;
}

static bool
is_valid_index(Oid indexid)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(indexid));
	bool		valid;

	if (!HeapTupleIsValid(tuple))
		return false;
	valid = ((Form_pg_index) GETSTRUCT(tuple))->indisvalid;
	ReleaseSysCache(tuple);
	return valid;
}

/* No key of the user's looks like this. */
static bool
looks_like_birth(Relation index)
{
	return !index->rd_index->indisunique && index->rd_index->indkey.values[0] == 0;
}

bool
cvg_is_birth_index(Oid indexid)
{
	Relation	index = try_relation_open(indexid, AccessShareLock);
	bool		result = index != NULL && index->rd_index != NULL && looks_like_birth(index);

	if (index != NULL)
		relation_close(index, AccessShareLock);
	return result;
}

/* The user may have other indexes on expressions, but not over the state. */
static bool
is_on_state(Relation index)
{
	AttrNumber	state = get_attnum(index->rd_index->indrelid, CVG_STATE_COLUMN);
	Bitmapset  *attrs = NULL;

	pull_varattnos((Node *) RelationGetIndexExpressions(index), 1, &attrs);
	return bms_is_member(state - FirstLowInvalidHeapAttributeNumber, attrs);
}

static bool
can_replace(Relation index, const int16 *columns, int n)
{
	Form_pg_index form = index->rd_index;
	int			i;

	if (!form->indisvalid || form->indnkeyatts != n ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
		return false;
	for (i = 0; i < n; i++)
	{
		if (form->indkey.values[i] != columns[i])
			return false;
	}
	if (columns[0] == 0)
		return looks_like_birth(index) && is_on_state(index);
	return form->indisunique && form->indimmediate;
}

Oid
cvg_key_index_now(Oid relid, Oid recorded, ArrayType *columns)
{
	Oid			result = recorded;
	Relation	rel;
	List	   *indexes;
	ListCell   *lc;

	if (is_valid_index(recorded))
		return recorded;
	rel = try_table_open(relid, AccessShareLock);
	if (rel == NULL)
		return recorded;
	indexes = RelationGetIndexList(rel);
	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (can_replace(index, (int16 *) ARR_DATA_PTR(columns), ARR_DIMS(columns)[0]))
			result = lfirst_oid(lc);
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	table_close(rel, NoLock);
	return result;
}
