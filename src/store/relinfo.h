/*-------------------------------------------------------------------------
 *
 * relinfo.h
 *	  What triggers and apply need to know about a replicated table, cached
 *	  per backend, so that the hot paths do no catalog lookup.
 *
 * Entries live until a relcache invalidation; a pointer is good until the
 * next call that can process invalidations (opening or locking a relation),
 * unless the caller holds a lock on the table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_RELINFO_H
#define CVG_STORE_RELINFO_H

#include "compat.h"

#include "access/attnum.h"
#include "core/entry.h"
#include "store/codec.h"
#include "executor/tuptable.h"
#include "utils/relcache.h"

/* Name of the metadata column. */
#define CVG_STATE_COLUMN	"_converge"

typedef struct CvgRelColumn
{
	AttrNumber	attnum;			/* in this relation (a partition may differ) */
	int			unit;			/* index into units[], -1 for key, generated, merged columns */
	CvgCodec	codec;
	const struct CvgStrategy *strategy; /* NULL: none was ever set */
	const struct CvgCrdtOps *crdt;	/* merged by its type, belongs to no unit; or NULL */
} CvgRelColumn;

/*
 * A replicated table, or a partition of one.  columns[] is parallel to
 * desc->columns, which describes the root.
 */
typedef struct CvgRel
{
	Oid			relid;
	Oid			rootid;			/* the table that replicate() named; = relid if plain */
	Oid			owner;			/* of the root */
	AttrNumber	state_attnum;	/* of _converge in this relation */
	const CvgDescriptor *desc;	/* of the root, with hash */
	CvgSlice	desc_bytes;
	CvgRelColumn *columns;
	int			nunits;
	uint32	   *units;			/* ascending unit ids */
	Oid			key_index;		/* in this relation: key, or birth index if keyless; 0 for a partitioned root */
	struct CvgRelKey *keyinfo;	/* private: hashing and comparing keys */
	bool		has_strategies;
	bool		has_text;		/* some column travels as text: use cvg_codec_enter */
	bool		partitioned;
	uint64		none_aside;		/* private to capture.c: see cvg_shelf_any_aside() */
	MemoryContext mcxt;			/* private */
} CvgRel;

/*
 * Info of a relation, NULL when it is not replicated.  The caller holds a
 * lock on it.  ERROR when the table has lost its _converge column or key.
 */
extern CvgRel *cvg_rel(Relation rel);
extern CvgRel *cvg_rel_by_oid(Oid relid);

/* OID of a replicated root by name, InvalidOid when there is none. */
extern Oid	cvg_replicated_oid(CvgSlice schema, CvgSlice table);

/* Key datums of a tuple in key order, for the next functions; none if keyless. */
extern void cvg_rel_key_values(CvgRel *rel, TupleTableSlot *slot, Datum *values);

/* Append the key values of a tuple (slot of this relation) as in a change. */
extern void cvg_rel_put_key(CvgRel *rel, TupleTableSlot *slot, CvgBuf *out);

/*
 * Hash that equal keys share (equality as the key's own operators have it:
 * 1.0 and 1.00, citext), for tombstones and quarantine.  values/nulls in
 * key order.  For keyless tables, of the birth bytes.
 */
extern int64 cvg_rel_key_hash(CvgRel *rel, Datum *values, CvgSlice key);

/* Datums of key bytes; allocated in the current context.  ERROR on bad bytes. */
extern void cvg_rel_decode_key(CvgRel *rel, CvgSlice key, Datum *values);

/* Do two keys (in key order) mean the same row? */
extern bool cvg_rel_key_equal(CvgRel *rel, Datum *a, Datum *b);

/* The _converge value of a slot, detoasted in the current context; empty if NULL. */
extern CvgSlice cvg_rel_state(CvgRel *rel, TupleTableSlot *slot);

/* Append a whole row as an image (all stored columns, key included). */
extern void cvg_rel_put_image(CvgRel *rel, TupleTableSlot *slot, CvgBuf *out);

/* What to do with a row; false: go no further. */
typedef bool (*CvgRowFn) (CvgRel *rel, TupleTableSlot *slot, void *arg);

/*
 * Call fn for every row of one relation that is committed or ours, in a memory
 * context that is reset after each.  The caller's lock keeps writers out.
 * False if fn did not want to see all.
 */
extern bool cvg_rel_each_row(CvgRel *rel, Relation relation, CvgRowFn fn, void *arg);

#endif							/* CVG_STORE_RELINFO_H */
