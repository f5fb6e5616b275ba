/*-------------------------------------------------------------------------
 *
 * entry.h
 *	  Bytes of the change log: table descriptors, changes, entry bodies, row
 *	  images.  All of it is stored verbatim on every node, sent verbatim to
 *	  any other, and portable between architectures and major versions.
 *
 * Descriptor: what a change needs to know of its table at the origin.
 *	  version u8 | on_delete u8 | granularity u8 | flags u8 |
 *	  slice schema | slice table | varint ncolumns |
 *	  column*: slice name | slice type_name | u32 unit | varint keypos | u8 flags |
 *		[strategy: slice name | slice replica | varint stamp]
 * Named by the XXH3 64-bit hash of its bytes (canonical, big-endian order).
 * Entries refer to descriptors by hash; nodes keep every one they have seen.
 *
 * Value:  varint (length * 4 + kind) | bytes
 *
 * Change: varint length of the rest | varint (descriptor index * 4 + op) |
 *	  slice state | value[nkeys] key | [varint back] | varint ncolumns |
 *	  (varint column index, strictly ascending | value)*
 * The state is the whole row state after the write, so what a receiver may
 * take from it is decided by merging; INSERT carries all stored columns
 * (key columns included), UPDATE the columns of the units whose dot is this
 * write's, DELETE none.  A keyless table has no key values: the row is named by
 * the birth dot in its state.
 *
 * Columns that merge by their type (CVG_COL_MERGED) belong to no unit.  An
 * UPDATE carries them as deltas, which may only be merged into a value that
 * has their base; a DELETE leaves them as they are.  So in a table that has
 * such columns both carry "back": how far the writer's stamp lies above its
 * previous one in the row's clock, or 0 if it had none.  The state's clock
 * with the writer's entry set back is the clock that the row had before the
 * write.
 *
 * Body:   u8 version * 16 + flags | varint (commit stamp - horizon) |
 *	  [deps: slice vclock] | [stable: slice vclock] | [moved: slice vclock] |
 *	  varint ndescriptors | u64 hash* |
 *	  varint nchanges |
 *	  [spilled: varint nparts | varint total bytes | u32 seal of the last part]
 *	  or  change*
 * A spilled entry's changes are the concatenation of its parts; a part holds
 * whole changes only, unless one change alone exceeds the part size, so that
 * a reader buffers at most one change.
 *
 * "moved" has the numbers that the entry had before its writer went on under
 * another replica id: replica id -> seq (core/incarnation.h).
 *
 * Seal:   u32, at the end of bodies and parts wherever they are stored or sent,
 * so that a flipped bit anywhere is noticed wherever they come in.
 * That of a body is the XXH32 of what never changes of its entry's head (seq,
 * commit stamp, replica id; prev_seq is made when the entry is served), with the
 * XXH32 of the body as seed.  That of a part is the XXH32 of the part with the
 * seal of the part before it as seed, and the body has the last one: so parts
 * belong to their entry, in their order, though they are written before anything
 * is known of it.
 *
 * Image (of a whole row, in tombstones, quarantine and fetch answers):
 *	  u64 descriptor hash | varint ncolumns | (varint column index | value)*
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_ENTRY_H
#define CVG_CORE_ENTRY_H

#include "core/buf.h"
#include "core/rowstate.h"
#include "core/vclock.h"

#define CVG_DESCRIPTOR_VERSION	1
#define CVG_BODY_VERSION		1
#define CVG_MAX_COLUMNS			1600
#define CVG_MAX_KEY_COLUMNS		32

/* Limit for one name in a descriptor: a qualified, quoted type name fits. */
#define CVG_MAX_NAME			512

#define CVG_MAX_DESCRIPTORS		65535

/* The head of an entry: which one it is.  Beside the body, in the log and on the wire. */
typedef struct CvgEntryHeader
{
	CvgSlice	origin;			/* replica id */
	int64		seq;
	int64		prev_seq;
	CvgStamp	stamp;
} CvgEntryHeader;

typedef enum CvgGranularity
{
	CVG_GRANULARITY_COLUMN = 0,
	CVG_GRANULARITY_ROW = 1
} CvgGranularity;

#define CVG_DESC_KEYLESS		0x01

/* value is computed at the receiver; never on the wire */
#define CVG_COL_GENERATED		0x01

/* a CRDT: values of concurrent writers are merged by the column's type */
#define CVG_COL_MERGED			0x02

/* has a strategy, set by whom and when */
#define CVG_COL_STRATEGY		0x04

typedef struct CvgColumn
{
	CvgSlice	name;
	CvgSlice	type_name;		/* qualified unless built in; the same on all nodes */
	uint32		unit;			/* 0 for key columns; says nothing if merged */
	int			keypos;			/* 1-based place in the key, 0 if none */
	uint8		flags;
	CvgSlice	strategy;		/* with CVG_COL_STRATEGY: its name, */
	CvgSlice	set_by;			/* and the dot of who set it: */
	CvgStamp	set_at;			/* the larger one is valid */
} CvgColumn;

typedef struct CvgDescriptor
{
	uint64		hash;			/* set by decode */
	CvgOnDelete on_delete;
	CvgGranularity granularity;
	uint8		flags;
	CvgSlice	schema;
	CvgSlice	table;
	bool		merges;			/* has CVG_COL_MERGED columns */
	int			ncolumns;
	CvgColumn  *columns;		/* palloc'ed by decode */
	int			nkeys;
	int			keycols[CVG_MAX_KEY_COLUMNS];	/* column indexes in key order */
} CvgDescriptor;

extern void cvg_descriptor_encode(const CvgDescriptor *desc, CvgBuf *out);
extern CvgStatus cvg_descriptor_decode(CvgSlice bytes, CvgDescriptor *desc, CvgError *err);
extern uint64 cvg_descriptor_hash(CvgSlice bytes);

/* Stable, never 0: the unit id of a column name (XXH32 of the bytes). */
extern uint32 cvg_unit_id(CvgSlice column_name);

typedef enum CvgValueKind
{
	CVG_VALUE_NULL = 0,
	CVG_VALUE_BINARY = 1,		/* the type's send format */
	CVG_VALUE_TEXT = 2			/* the type's text output */
} CvgValueKind;

typedef struct CvgValue
{
	CvgValueKind kind;
	CvgSlice	bytes;
} CvgValue;

extern void cvg_put_value(CvgBuf *out, CvgValueKind kind, const void *data, size_t len);
extern CvgValue cvg_get_value(CvgReader *r);

typedef enum CvgOp
{
	CVG_OP_INSERT = 'I',
	CVG_OP_UPDATE = 'U',
	CVG_OP_DELETE = 'D'
} CvgOp;

/*
 * A decoded change; everything but the arrays is borrowed from the input.
 * cols/values are sized for the descriptor and reused from change to change.
 */
typedef struct CvgChange
{
	CvgOp		op;
	int			descriptor;		/* index into the entry's descriptors */
	CvgSlice	state;
	CvgSlice	key;			/* the key values' bytes, as one slice */
	int			nkeys;
	CvgValue	keys[CVG_MAX_KEY_COLUMNS];
	bool		has_back;
	CvgStamp	back;			/* 0: the writer had no stamp in the row */
	int			ncolumns;
	int			cols[CVG_MAX_COLUMNS];
	CvgValue	values[CVG_MAX_COLUMNS];
} CvgChange;

/*
 * Writing a change: start, key values (cvg_put_value), unless it is an
 * INSERT and if desc->merges: cvg_change_back, cvg_change_columns, then (varint index, value) per column, finish.
 */
extern size_t cvg_change_start(CvgBuf *out, CvgOp op, int descriptor, CvgSlice state);
extern void cvg_change_back(CvgBuf *out, CvgStamp stamp, CvgStamp previous);
extern void cvg_change_columns(CvgBuf *out, int ncolumns);
extern void cvg_change_finish(CvgBuf *out, size_t start);

/*
 * Bytes the next change needs in all; 0 if there are too few to know, more
 * than can be there if they are no length.
 */
extern size_t cvg_change_size(CvgSlice bytes);

/* So many bytes, or all that are left, are always enough to know. */
#define CVG_MAX_CHANGE_HEADER	10

/*
 * Decode the change at the reader; descs are the entry's, in its order.
 * Checks all of it: op, index, state, key, column order and bounds.
 */
extern CvgStatus cvg_change_decode(CvgReader *r, const CvgDescriptor *const *descs,
								   int ndescs, CvgChange *change, CvgError *err);

#define CVG_BODY_SPILLED	0x01
#define CVG_BODY_DEPS		0x02
#define CVG_BODY_STABLE		0x04
#define CVG_BODY_MOVED		0x08

/* A decoded body; borrowed from the input. */
typedef struct CvgBody
{
	uint8		flags;
	int64		horizon_lag;	/* commit stamp less horizon, see cvg_body_horizon() */
	CvgSlice	deps;			/* vclock of seqs, empty if none */
	CvgSlice	stable;			/* vclock of stamps, empty if none */
	CvgSlice	moved;			/* vclock of seqs, empty if it always had this one */
	int			ndescriptors;
	const uint8 *hashes;		/* ndescriptors big-endian u64 */
	uint64		nchanges;
	int64		nparts;			/* 0 unless spilled */
	int64		total_bytes;
	uint32		parts_seal;		/* that of the last part */
	CvgSlice	changes;		/* empty when spilled */
} CvgBody;

extern void cvg_body_encode(const CvgBody *body, const uint64 *hashes, CvgBuf *out);
extern CvgStatus cvg_body_decode(CvgSlice bytes, CvgBody *body, CvgError *err);

/*
 * The lag is known last.  A body that was encoded with 0 alone in a buffer
 * gets it here; and the size it will have, sealed.
 */
extern void cvg_body_set_lag(CvgBuf *body, int64 lag);
extern size_t cvg_sealed_body_size(const CvgBuf *body, int64 lag);
extern uint64 cvg_body_hash(const CvgBody *body, int i);

/*
 * Stamps of the origin at or below the horizon are in this entry or in an
 * earlier one.  "stamp" is the entry's commit stamp.
 */
static inline CvgStamp
cvg_body_horizon(const CvgBody *body, CvgStamp stamp)
{
	return body->horizon_lag < stamp ? stamp - body->horizon_lag : 0;
}

/*
 * cvg_seal() seals what buf holds from start on; cvg_unseal() takes the seal
 * off, or fails with CVG_E_CHECKSUM or CVG_E_TRUNCATED.  *chain: the seal of
 * the part before, which becomes this one's; 0 before the first.
 */
extern void cvg_seal(CvgBuf *buf, size_t start, uint32 *chain);
extern CvgStatus cvg_unseal(CvgSlice *bytes, uint32 *chain, CvgError *err);

/* Bodies with their heads: seal a buffer's; take the seal off and decode. */
extern void cvg_body_seal(CvgBuf *body, const CvgEntryHeader *header);
extern CvgStatus cvg_sealed_body_decode(const CvgEntryHeader *header, CvgSlice bytes,
										CvgBody *body, CvgError *err);

/*
 * The sealed body of an entry, sealed, into an empty buffer, as that of an
 * entry with the same numbers of a later incarnation.  It depends on the former
 * one's entry "kept" (0: none), and names its former number if "named".
 */
extern CvgStatus cvg_sealed_body_move(const CvgEntryHeader *former, CvgSlice bytes,
									  CvgSlice later, bool named, int64 kept, CvgBuf *out);

/* A decoded row image, borrowed from the input. */
typedef struct CvgImage
{
	uint64		hash;
	int			ncolumns;
	int			cols[CVG_MAX_COLUMNS];
	CvgValue	values[CVG_MAX_COLUMNS];
} CvgImage;

extern void cvg_image_start(CvgBuf *out, uint64 hash, int ncolumns);
extern CvgStatus cvg_image_decode(CvgSlice bytes, CvgImage *image, CvgError *err);

#endif							/* CVG_CORE_ENTRY_H */
