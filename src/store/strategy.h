/*-------------------------------------------------------------------------
 *
 * strategy.h
 *	  How concurrent writes to an ordinary column are merged.
 *
 * A strategy has two sides.  A local write *records* what it does as the
 * strategy wants it: as a value that the last write wins (lww), as one of
 * several values that are all kept while they are concurrent, or as a
 * contribution to a count.  Merging states needs to know nothing else
 * (core/rowcell.h).  What the column *shows* when there are several values or
 * contributions is computed from the merged state: the fold.  So nodes that
 * disagree about a strategy for a while still agree about states, and show the
 * same as soon as they agree.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_STRATEGY_H
#define CVG_STORE_STRATEGY_H

#include "compat.h"

#include "core/rowstate.h"
#include "store/relinfo.h"

typedef enum CvgStrategyKind
{
	CVG_STRATEGY_LWW,
	CVG_STRATEGY_COUNTER,
	CVG_STRATEGY_MAX,
	CVG_STRATEGY_MIN,
	CVG_STRATEGY_UNION,
	CVG_STRATEGY_JSONB_MERGE,
	CVG_STRATEGY_FUNCTION,
	CVG_STRATEGY_ROW_FUNCTION,	/* over all columns of the unit: row_function.h */
	CVG_STRATEGY_SIBLINGS
} CvgStrategyKind;

typedef struct CvgStrategy
{
	CvgStrategyKind kind;
	const char *function;		/* its name, as given */
} CvgStrategy;

/*
 * The strategy of that name for a column of that type; ERROR if there is none
 * such, or the function it names will not do.  column is for messages.
 */
extern CvgStrategy *cvg_strategy_parse(CvgRel *rel, const char *text, Oid type,
									   const char *column);

extern void cvg_strategy_unknown(const char *text);

/* Is it the name of one, whatever it is for? */
extern bool cvg_strategy_is_name(const char *text);

/* The same without catalog lookups or errors: what cannot be is lww. */
extern CvgStrategy *cvg_strategy_known(CvgSlice text, Oid type, MemoryContext mcxt);

/* The function fn(t, t) returns t of that name; ERROR if it will not do. */
extern Oid	cvg_merge_function(CvgRel *rel, const char *name, Oid type);

/* ERROR unless a function may be called to merge rows of a table; name is for messages. */
extern void cvg_check_merge_function(CvgRel *rel, Oid function, const char *name);

static inline bool
cvg_strategy_keeps_values(const CvgStrategy *s)
{
	return s != NULL && s->kind != CVG_STRATEGY_LWW && s->kind != CVG_STRATEGY_COUNTER &&
		s->kind != CVG_STRATEGY_JSONB_MERGE;
}

/* The strategy of a unit: what was set last for one of its columns; NULL if none. */
extern const CvgStrategy *cvg_unit_strategy(CvgRel *rel, int unit);

/* --- recording --- */

/* Bytes of the value of a unit in a row, as they are kept in a cell. */
extern CvgSlice cvg_unit_value(CvgRel *rel, int unit, TupleTableSlot *slot);

/* The same from values as they are in changes and images, by our columns. */
extern CvgSlice cvg_unit_value_of(CvgRel *rel, int unit, const CvgValue *values,
								  const bool *known);

/*
 * The state after an insert (oldslot NULL) or update.  image is of the deleted
 * row that the insert goes on from, as old_state is.  units are those with a
 * changed column.  Columns that are counted in may come out with another value
 * than was assigned: these go to replaced.
 */
struct CvgReplaced;
typedef struct CvgRecorded
{
	CvgCellWrite *cells;
	int			ncells;
	uint32	   *units;
	int			nunits;
} CvgRecorded;

extern void cvg_strategy_record(CvgRel *rel, CvgSlice old_state, CvgSlice image,
								CvgSlice self, TupleTableSlot *oldslot,
								TupleTableSlot *newslot, const uint32 *units, int nunits, CvgRecorded *out);
extern void cvg_strategy_show_counts(CvgRel *rel, CvgSlice state, TupleTableSlot *newslot,
									 struct CvgReplaced *replaced);

/*
 * An UPDATE that is more than it says, while it runs: of reset(), whose column
 * is set and not counted in; of resolve(), which writes every unit of which
 * several values are kept, even if it is set to the value that it shows.
 */
typedef enum CvgRewriteMode
{
	CVG_REWRITE_NONE,
	CVG_REWRITE_RESET,
	CVG_REWRITE_RESOLVE
} CvgRewriteMode;

typedef struct CvgRewriting
{
	CvgRewriteMode mode;
	Oid			rootid;
	const char *column;
} CvgRewriting;

extern CvgRewriting cvg_rewriting;

/* The units that such an UPDATE writes besides; ascending, as units[] is. */
extern int	cvg_strategy_add_kept(CvgRel *rel, CvgSlice state, uint32 *units, int nunits);

/* --- showing --- */

/* Value of one column of a unit whose value is these bytes. */
extern Datum cvg_unit_column(CvgRel *rel, int column, CvgSlice value, bool *isnull);

/*
 * A row whose columns are folded.  Its key is in slot (of this relation) or, if
 * that is NULL, in keys.  The rest is private, and zero at first.
 */
typedef struct CvgFold
{
	CvgRel	   *rel;
	CvgSlice	state;
	TupleTableSlot *slot;
	const Datum *keys;			/* in key order */
	Datum	   *values;			/* by columns, what a function over the row has made */
	bool	   *nulls;
} CvgFold;

/* Is what a column shows computed from the state? */
extern bool cvg_strategy_folds(CvgRel *rel, int column, CvgSlice state);

/*
 * What a column shows, of a state in which its unit has a cell with values or
 * counts.  Runs functions of users: as the table's owner.
 */
extern Datum cvg_strategy_fold(CvgFold *fold, int column, bool *isnull);

/* What one replica has contributed to a count, as text. */
extern char *cvg_strategy_share_text(Oid type, const CvgCellView *view, int share);

/* --- strategy_check.c: when the table changes --- */

/* Can a column have such a strategy, by what it moves together with? */
extern bool cvg_strategy_fits_unit(CvgRel *rel, int column, CvgStrategyKind kind);

/* Can a column have the strategy that it has? */
extern bool cvg_strategy_fits(CvgRel *rel, int column);

/* ERROR when columns move together whose strategies do not allow it. */
extern void cvg_strategies_check_units(Relation root);

/*
 * ERROR when a column may not get that type, before it does.  The caller holds
 * AccessExclusiveLock on the table, which is the root.
 */
extern void cvg_strategies_check_type(Oid relid, const char *column, Oid type);

/* --- strategies.c: which columns have which --- */

/* Fill in the strategies of a root's columns. */
extern void cvg_strategies_read(Oid relid, CvgDescriptor *desc);

/* Forget that of one column, or all of a table (NULL). */
extern void cvg_strategies_delete(Oid relid, const char *column);

/*
 * After DDL on a root: a renamed column keeps its strategy, one that has been
 * dropped leaves none behind.  For the caller that holds the DDL's lock.
 */
extern void cvg_strategies_follow(Relation root);

/*
 * For a table that is replicated again: its columns have the strategies that
 * they had, unless these do not fit any more.
 */
extern void cvg_strategies_revive(Relation root);

/*
 * Set that of some columns (a list of names), by this node, at this moment;
 * or adopt what a descriptor of another node says where that is newer.  Both
 * compute anew what rows show.  cvg_strategies_news: is there anything to adopt?
 * cvg_strategies_differ: the same, of a decoded one and our table (or NULL).
 */
extern void cvg_strategy_set(Relation rel, List *columns, const char *strategy);
extern bool cvg_strategies_news(CvgSlice descriptor);
extern bool cvg_strategies_differ(const CvgDescriptor *theirs, CvgRel *ours);
extern void cvg_strategies_adopt(CvgSlice descriptor);

#endif							/* CVG_STORE_STRATEGY_H */
