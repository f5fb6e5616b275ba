/*-------------------------------------------------------------------------
 *
 * table.h
 *	  Which tables can be replicated, and what is recorded about those that
 *	  are.  Shared by the administration functions (table.c) and the event
 *	  triggers (ddl.c).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_API_TABLE_H
#define CVG_API_TABLE_H

#include "compat.h"

#include "core/entry.h"
#include "nodes/pg_list.h"
#include "store/capture.h"
#include "utils/relcache.h"

/*
 * Names of our triggers, besides CVG_TRIGGER_STAMP.  Row triggers fire in byte order of their names:
 * the stamp must come after every user trigger, because it is for the row
 * that is stored; the capture before them, because what they change in turn
 * must come after it in the log.
 */
#define CVG_TRIGGER_CAPTURE		"!converge_capture"
#define CVG_TRIGGER_TRUNCATE	"~~converge_truncate"

typedef struct CvgRegistration
{
	Oid			key_index;		/* on an expression: no key, rows are named by birth */
	CvgOnDelete on_delete;
	CvgGranularity granularity;
} CvgRegistration;

/* ---- registry.c: rows of converge.replicated and its satellites ---- */

/* False when the table is not replicated; reg may be NULL. */
extern bool cvg_registration_find(Oid relid, CvgRegistration *reg);

/* The replicated table that a relation is, or is a partition of, at any depth. */
extern Oid	cvg_registered_root(Oid relid);

/* The replicated table whose key is this index. */
extern Oid	cvg_registration_by_key(Oid index);

extern void cvg_registration_insert(Oid relid, const CvgRegistration *reg);

/* Forget a table: registration, groups, tombstones, rows set aside; not strategies. */
extern void cvg_registration_delete(Oid relid);

/* Replace the recorded column groups; elements as of cvg_column_groups(). */
extern void cvg_groups_replace(Oid relid, List *members);

/* Make every backend look at the table and its partitions again. */
extern void cvg_invalidate_tree(Oid relid);

/* ---- groups.c: columns that must move together ---- */

typedef struct CvgGroupMember
{
	NameData	attname;
	uint32		unit;
} CvgGroupMember;

/* Members of all groups of a root, by its present definition. */
extern List *cvg_column_groups(Relation root, Oid key_index);

/* ERROR when two columns have the same unit id. */
extern void cvg_check_column_ids(Relation root, Oid key_index);

/* ---- table_check.c: preconditions; each raises an ERROR with a hint ---- */

extern void cvg_check_owner(Oid relid);

/* A table that replicate() may be called for. */
extern void cvg_check_root(Relation rel);

/* What every relation of the tree must fulfil, now and later. */
extern void cvg_check_member(Relation rel);

/* Attribute number of _converge; 0 when there is no such column. */
extern AttrNumber cvg_check_state_column(Relation rel);

/*
 * The index that identifies rows: the named one, or the primary key;
 * InvalidOid when the table has none.
 */
extern Oid	cvg_choose_key(Relation rel, const char *index_name);

/* The primary key's index, InvalidOid when the table has none. */
extern Oid	cvg_primary_key(Relation rel);

/* That an index is still fit to be the key of a table. */
extern void cvg_check_key_index(Relation rel, Oid index);

/* ---- table.c ---- */

/* Lock a table for one of the functions here; the caller owns it. */
extern Relation cvg_open_own_table(Oid relid, LOCKMODE lockmode);

/*
 * Run one utility or DML command as the current user.  While it runs the
 * event triggers of this extension stand aside.
 */
extern void cvg_run_command(const char *format,...) pg_attribute_printf(1, 2);
extern bool cvg_running_command;

/* Schema-qualified, quoted name of a relation. */
extern char *cvg_qualified_name(Oid relid);

/*
 * Bring a relation that has become a partition of a replicated table, and
 * its partitions, under replication: triggers, stamps, capture of its rows.
 */
extern void cvg_adopt_partition(Oid relid);

#endif							/* CVG_API_TABLE_H */
