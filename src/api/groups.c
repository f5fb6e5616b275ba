/*-------------------------------------------------------------------------
 *
 * groups.c
 *	  Column groups: columns that move as one unit in a merge.
 *
 * Two concurrent updates may touch different columns of a row, and the merge
 * takes each column from its latest writer.  The row that results was never
 * written by anybody; where a rule ties columns together it may be one that
 * nobody could have written.  So the columns of
 *	 - one CHECK constraint,
 *	 - one foreign key,
 *	 - the partition keys of the table and its partitions
 * are one group.  A generated column stands for the columns that it is
 * computed from.  Key columns never change and are left out; columns of CRDT
 * types merge by their type, whoever else changes.  Groups that
 * share a column are one group.
 *
 * A group's unit id is the smallest unit id of its members, so all nodes
 * agree on it whatever the order of columns and constraints.  The groups are
 * a function of the table's definition: they are recomputed when it changes,
 * so that a node that joins later comes to the same.  While the nodes'
 * definitions differ, concurrent writes to the columns in question may be
 * resolved differently until the next write of each.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "api/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "nodes/bitmapset.h"
#include "optimizer/optimizer.h"
#include "store/crdt_column.h"
#include "store/relinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"

/* Union-find over the columns of a table, by attribute number. */
typedef struct Grouping
{
	Relation	rel;
	int			natts;
	bool	   *movable;		/* [attnum]: belongs to a unit at all */
	int		   *parent;			/* [attnum] */
	uint32	   *unit;			/* [attnum]: unit id of the column alone */
} Grouping;

static bool
is_key_column(Relation index, AttrNumber attnum)
{
	for (int i = 0; i < index->rd_index->indnkeyatts; i++)
	{
		if (index->rd_index->indkey.values[i] == attnum)
			return true;
	}
	return false;
}

/* key_index invalid: there is none yet, and no key columns */
static void
init_grouping(Grouping *g, Relation rel, Oid key_index)
{
	TupleDesc	tupdesc = RelationGetDescr(rel);
	Relation	index = NULL;

	if (OidIsValid(key_index))
		index = index_open(key_index, AccessShareLock);
	g->rel = rel;
	g->natts = tupdesc->natts;
	g->movable = palloc0((g->natts + 1) * sizeof(bool));
	g->parent = palloc0((g->natts + 1) * sizeof(int));
	g->unit = palloc0((g->natts + 1) * sizeof(uint32));
	for (int i = 1; i <= g->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i - 1);

		g->parent[i] = i;
		g->movable[i] = !att->attisdropped && att->attgenerated == '\0' &&
			strcmp(NameStr(att->attname), CVG_STATE_COLUMN) != 0 &&
			cvg_crdt_of_type(att->atttypid) == NULL &&
			!(index != NULL && is_key_column(index, i));
		if (g->movable[i])
			g->unit[i] = cvg_unit_id(cvg_slice_cstring(NameStr(att->attname)));
	}
	if (index != NULL)
		index_close(index, AccessShareLock);
}

static int
find_set(Grouping *g, int attnum)
{
	while (g->parent[attnum] != attnum)
		attnum = g->parent[attnum];
	return attnum;
}

/* Add the columns of an expression; a whole-row reference means all of them. */
static void
add_expression(Grouping *g, Node *expr, Bitmapset **columns)
{
	Bitmapset  *vars = NULL;
	int			member = -1;

	pull_varattnos(expr, 1, &vars);
	while ((member = bms_next_member(vars, member)) >= 0)
	{
		AttrNumber	attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum > 0)
			*columns = bms_add_member(*columns, attnum);
		else if (attnum == InvalidAttrNumber)
			*columns = bms_add_range(*columns, 1, g->natts);
	}
	bms_free(vars);
}

/* Add what a generated column is computed from. */
static void
add_generation_inputs(Grouping *g, AttrNumber attnum, Bitmapset **columns)
{
	TupleConstr *constr = RelationGetDescr(g->rel)->constr;

	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
	{
		if (constr->defval[i].adnum == attnum)
			add_expression(g, stringToNode(constr->defval[i].adbin), columns);
	}
}

/* Make the movable ones of these columns, and their inputs, one set. */
static void
join_columns(Grouping *g, Bitmapset *columns)
{
	Bitmapset  *all = bms_copy(columns);
	int			first = 0;
	int			attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
	{
		if (TupleDescAttr(RelationGetDescr(g->rel), attnum - 1)->attgenerated)
			add_generation_inputs(g, attnum, &all);
	}

	attnum = -1;
	while ((attnum = bms_next_member(all, attnum)) >= 0)
	{
		if (!g->movable[attnum])
			continue;
		if (first == 0)
			first = attnum;
		else
			g->parent[find_set(g, attnum)] = find_set(g, first);
	}
	bms_free(all);
}

static Bitmapset *
constraint_columns(Grouping *g, Relation constraints, HeapTuple tuple)
{
	Bitmapset  *columns = NULL;
	bool		isnull;
	Datum		conkey = heap_getattr(tuple, Anum_pg_constraint_conkey,
									  RelationGetDescr(constraints), &isnull);
	ArrayType  *array;
	int16	   *attnums;

	if (isnull)
		return NULL;
	array = DatumGetArrayTypeP(conkey);
	if (ARR_NDIM(array) != 1)
		return NULL;
	attnums = (int16 *) ARR_DATA_PTR(array);
	for (int i = 0; i < ARR_DIMS(array)[0]; i++)
	{
		if (attnums[i] > 0)
			columns = bms_add_member(columns, attnums[i]);
		else if (attnums[i] == InvalidAttrNumber)
			columns = bms_add_range(columns, 1, g->natts);
	}
	return columns;
}

static void
join_constraints(Grouping *g)
{
	Relation	rel = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationGetRelid(g->rel)));
	scan = systable_beginscan(rel, ConstraintRelidTypidNameIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint con = (Form_pg_constraint) GETSTRUCT(tuple);

		if (con->contype == CONSTRAINT_CHECK || con->contype == CONSTRAINT_FOREIGN)
			join_columns(g, constraint_columns(g, rel, tuple));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* Add a partitioned table's key columns, as columns of the root. */
static void
add_partition_key(Grouping *g, Relation rel, Bitmapset **columns)
{
	PartitionKey key = RelationGetPartitionKey(rel);
	Grouping	own = {.rel = rel,.natts = RelationGetDescr(rel)->natts};
	Bitmapset  *here = NULL;
	int			attnum = -1;

	for (int i = 0; i < key->partnatts; i++)
	{
		if (key->partattrs[i] != 0)
			here = bms_add_member(here, key->partattrs[i]);
	}
	add_expression(&own, (Node *) key->partexprs, &here);

	while ((attnum = bms_next_member(here, attnum)) >= 0)
	{
		AttrNumber	in_root = get_attnum(RelationGetRelid(g->rel),
										 NameStr(TupleDescAttr(RelationGetDescr(rel),
															   attnum - 1)->attname));

		if (in_root > 0)
			*columns = bms_add_member(*columns, in_root);
	}
}

static void
join_partition_keys(Grouping *g)
{
	List	   *tree;
	ListCell   *lc;
	Bitmapset  *columns = NULL;

	if (g->rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return;
	tree = find_all_inheritors(RelationGetRelid(g->rel), AccessShareLock, NULL);
	foreach(lc, tree)
	{
		Relation	rel = table_open(lfirst_oid(lc), NoLock);

		if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
			add_partition_key(g, rel, &columns);
		table_close(rel, NoLock);
	}
	join_columns(g, columns);
}

List *
cvg_column_groups(Relation root, Oid key_index)
{
	Grouping	g;
	List	   *members = NIL;
	int		   *size;
	uint32	   *smallest;

	init_grouping(&g, root, key_index);
	join_constraints(&g);
	join_partition_keys(&g);

	size = palloc0((g.natts + 1) * sizeof(int));
	smallest = palloc0((g.natts + 1) * sizeof(uint32));
	for (int i = 1; i <= g.natts; i++)
	{
		int			set = find_set(&g, i);

		if (!g.movable[i])
			continue;
		smallest[set] = size[set] == 0 ? g.unit[i] : Min(smallest[set], g.unit[i]);
		size[set]++;
	}
	for (int i = 1; i <= g.natts; i++)
	{
		int			set = find_set(&g, i);
		CvgGroupMember *member;

		if (!g.movable[i] || size[set] < 2)
			continue;
		member = palloc0(sizeof(CvgGroupMember));
		namestrcpy(&member->attname, NameStr(TupleDescAttr(RelationGetDescr(root), i - 1)->attname));
		member->unit = smallest[set];
		members = lappend(members, member);
	}
	return members;
}

void
cvg_check_column_ids(Relation root, Oid key_index)
{
	Grouping	g;

	init_grouping(&g, root, key_index);
	for (int i = 1; i <= g.natts; i++)
	{
		for (int j = 1; j < i; j++)
		{
			if (!g.movable[i] || !g.movable[j] || g.unit[i] != g.unit[j])
				continue;
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("columns \"%s\" and \"%s\" of table \"%s\" have the same hash",
							NameStr(TupleDescAttr(RelationGetDescr(root), j - 1)->attname),
							NameStr(TupleDescAttr(RelationGetDescr(root), i - 1)->attname),
							RelationGetRelationName(root)),
					 errdetail("Columns are told apart in row states by a hash of their names."),
					 errhint("Rename one of them, or use granularity => 'row'.")));
		}
	}
}
