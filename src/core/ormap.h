/*-------------------------------------------------------------------------
 *
 * ormap.h
 *	  Observed-remove map: text keys to values of any CRDT type.
 *
 * What a removal means
 * --------------------
 * Removing a key undoes what was seen of it.  A concurrent update of the key
 * survives, and so does the key; what it is worth then is what that update
 * made, without what was removed.  A key that is removed and written again
 * starts from nothing, as far as the remover had seen.
 *
 * Presence is kept by dots, as in an ORSWOT: every update of a key replaces
 * the dots of the key that it has seen by its own, a removal leaves none, and
 * a key is there while it has one.  The dots of all keys share one causal
 * context (dotset.h), so a presence dot leaves nothing behind when it dies.
 *
 * Values come in two sorts, by whether their type can be reset
 * (CvgCrdtOps.reset):
 *	  resettable	one value per key.  An update changes it in place, a removal
 *					resets it, and merge merges it; so counters, sets and maps
 *					keep exactly the concurrent part.  What a reset leaves (the
 *					dots it has seen, the totals it took back) stays in the map
 *					without a presence dot: forgetting it would bring back, or
 *					count twice, what a late merge still carries.
 *	  snapshots		each presence dot has the value as its update left it, and
 *					what is read is the merge of these.  The next update makes
 *					one of them.  A dot that dies takes its value along, so a
 *					removed key leaves nothing, and a concurrent update survives
 *					with all that it had seen.  That is the only sound answer for
 *					a type whose state says nothing about who made what of it
 *					(maxreg, gset); in an lwwreg it is just the value written.
 *
 * Two nodes may create one key with different types at the same time.  Both
 * values are kept, as (key, type) is what names a value.  Seen under the key
 * is the type with the largest presence dot: the one written last.  The others
 * stay until they are removed.
 *
 * An update of a nested key is an update of every map on the way to it.  All
 * of these take the same dot, each in its own context.
 *
 * Body: dotset of the dead presence dots; then per (key, tag), ascending:
 *	  varint key length, key
 *	  tag, varint number of presence dots
 *	  presence dots, ascending by id and stamp: varint id length, id, varint
 *	  stamp; with snapshots: varint length, value
 *	  resettable: varint length, value
 * Values have their headers.  A pair without dots is only there if its value
 * is not that of a new one.  Maps nest CVG_MAP_MAX_DEPTH deep at most.
 *
 * Text: {"n": pncounter 3 {london 3@7} at [london@7], "old": mvreg [] seen
 * {london 5}, "name": lwwreg [london@8 "x" at london@8]} seen {london 5}
 *
 * Shapiro et al. 2011; Bieniusa et al. 2012; Brown, Cribbs, Meiklejohn,
 * Elliott 2014 (Riak map); Baquero, Almeida, Lerche 2016 (why a nested counter
 * is reset and not cut out); Almeida et al. 2018.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_ORMAP_H
#define CVG_CORE_ORMAP_H

#include "core/dotted.h"

#define CVG_MAP_MAX_DEPTH	32
#define CVG_MAP_MAX_KEY		65535

extern const CvgCrdtOps cvg_ormap_ops;

/* One pair (key, type), live or not. */
typedef struct CvgMapEntry
{
	CvgSlice	key;
	const CvgCrdtOps *ops;
	int			ndots;
	CvgReader	dots;			/* read with cvg_map_next_dot() */
	CvgDot		last;			/* largest dot, null if there is none */
	CvgSlice	value;			/* resettable types only */
	CvgSlice	bytes;			/* all of the entry */
} CvgMapEntry;

/* Entries in order: begin with cvg_map_begin(), or at the end of a dotset. */
extern CvgReader cvg_map_begin(CvgSlice map);
extern bool cvg_map_next(CvgReader *r, CvgMapEntry *e);

/* Dots of an entry, with their snapshots; *n begins at 0. */
extern bool cvg_map_next_dot(CvgMapEntry *e, int *n, CvgDotted *item);

/*
 * Live entries, one per key: the visible ones.  *next is for the functions'
 * use and begins as an entry with ops NULL.
 */
extern bool cvg_map_next_visible(CvgReader *r, CvgMapEntry *next,
								 CvgMapEntry *e);

/* What an entry is worth; it is in the entry, or put into scratch. */
extern CvgSlice cvg_map_entry_value(const CvgMapEntry *e, CvgBuf *scratch);

/*
 * The live entry at the end of a path of n >= 1 keys: of that type, by way of
 * maps; or, ops being NULL, what is visible by way of visible maps.
 */
extern bool cvg_map_find(CvgSlice map, const CvgSlice *path, int n,
						 const CvgCrdtOps *ops, CvgMapEntry *e);

/* At most CVG_MAP_MAX_KEY bytes, perhaps none, without a NUL. */
extern bool cvg_map_key_valid(CvgSlice key);

/* Of maps inside maps; 1 for one without. */
extern int	cvg_map_depth(CvgSlice map);

/*
 * The same value with the contents of registers, at any depth, replaced by
 * what "write" appends for them.
 */
typedef void (*CvgMapRegister) (CvgSlice reg, void *arg, CvgBuf *out);
extern void cvg_map_rewrite_registers(CvgSlice map, CvgMapRegister write,
									  void *arg, CvgBuf *out);

/*
 * Functions of CvgCrdtOps, for the cart, which is a map of one type ("only"),
 * whose name is then not in the text.
 */
extern void cvg_map_check_body(CvgReader *r, const CvgCrdtOps *only);
extern void cvg_map_merge_body(CvgReader a, CvgReader b, CvgBuf *out);
extern void cvg_map_delta_body(CvgReader old, CvgReader new, CvgBuf *out);
extern CvgStamp cvg_map_latest_body(CvgReader r);
extern void cvg_map_reset_body(CvgReader r, CvgBuf *out);
extern void cvg_map_print_body(CvgReader r, const CvgCrdtOps *only,
							   CvgBuf *out);
extern void cvg_map_parse_body(CvgScanner *s, const CvgCrdtOps *only,
							   CvgBuf *out);

/*
 * Updates
 */

/*
 * A change of the value at the end of a path: gets it as it stands, which is
 * a new one where there is none, and appends the changed one.
 */
typedef CvgStatus (*CvgMapChange) (CvgSlice value, CvgDot dot, void *arg,
								   CvgBuf *out);

/*
 * Apply a change to the value of type ops at a path of n >= 1 keys, making
 * the maps on the way.  The dot must be larger than all in the map; if it is
 * not larger than all presence dots on the way, CVG_E_FORBIDDEN.  CVG_E_DUPLICATE if a key of the path has live values,
 * but of other types; CVG_E_LIMIT for a key or a path that is too long;
 * CVG_E_BAD_ID; what the change returns.
 */
extern CvgStatus cvg_map_update(CvgSlice map, const CvgSlice *path, int n,
								const CvgCrdtOps *ops, CvgDot dot,
								CvgMapChange change, void *arg, CvgBuf *out);

/*
 * Remove the key at the end of a path, or only its value of type ops.  The
 * map as it is if there is nothing.
 */
extern CvgStatus cvg_map_remove(CvgSlice map, const CvgSlice *path, int n,
								const CvgCrdtOps *ops, CvgBuf *out);

/*
 * A map being written, for changes of many keys at once.  Entries are put in
 * order.
 */
typedef struct CvgMapWriter
{
	CvgBuf		entries;
	CvgBuf		dead;			/* arrays of CvgDot */
	CvgBuf		live;
} CvgMapWriter;

extern void cvg_map_writer_init(CvgMapWriter *w);

/* An entry of the old map, kept or removed. */
extern void cvg_map_writer_keep(CvgMapWriter *w, const CvgMapEntry *e);
extern void cvg_map_writer_remove(CvgMapWriter *w, const CvgMapEntry *e);

/* A written value; old (may be NULL) is the entry that it replaces. */
extern void cvg_map_writer_put(CvgMapWriter *w, CvgSlice key,
							   const CvgCrdtOps *ops, const CvgMapEntry *old,
							   CvgDot dot, CvgSlice value);

/* Append the body that came of it; old is the body there was, if any. */
extern void cvg_map_writer_finish(CvgMapWriter *w, const CvgReader *old,
								  CvgBuf *out);

/*
 * Plain assignment, as CvgCrdtOps.assign: keys that are not in new are
 * removed; values of the types that old has under a key are assigned as
 * their types do; a register in new stands for its JSON, which any type that
 * can read so takes over.  Where the type is another, the key is removed
 * and written anew.
 */
extern CvgStatus cvg_map_assign(CvgSlice old, CvgSlice new, CvgDotSupply *dots,
								CvgBuf *out);

#endif							/* CVG_CORE_ORMAP_H */
