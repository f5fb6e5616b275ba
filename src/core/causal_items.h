/*-------------------------------------------------------------------------
 *
 * causal_items.h
 *	  A causal set (causal_set.h) in arrays, to be worked on.
 *
 * Dots name their replica by its place in one list of ids, made for the sets
 * at hand, so that comparing them compares integers.  Texts and ids are
 * borrowed from the bytes that were read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_CAUSAL_ITEMS_H
#define CVG_CORE_CAUSAL_ITEMS_H

#include "core/dotset.h"

/* In the code before a stamp. */
#define CVG_MARK_MORE		1
#define CVG_MARK_REMOVE		2
#define CVG_MARK_REPLICA	4	/* factor */

/* Replica ids, ascending. */
typedef struct CvgNames
{
	CvgSlice   *ids;
	int			n;
} CvgNames;

typedef struct CvgMark
{
	CvgStamp	stamp;
	uint32		replica;		/* place in the names */
	bool		remove;
} CvgMark;

typedef struct CvgItem
{
	CvgSlice	text;
	size_t		first;			/* of its marks */
	size_t		count;
} CvgItem;

typedef struct CvgItems
{
	CvgItem	   *items;
	size_t		nitems;
	CvgMark	   *marks;
	size_t		nmarks;
} CvgItems;

/* What stands before the entries. */
typedef struct CvgItemsHead
{
	CvgSlice	dead;
	int			nnames;
	CvgReader	names;
	CvgStamp	base;
} CvgItemsHead;

/* Dead dots of one side, for many look-ups. */
typedef struct CvgDead
{
	CvgDotRange *ranges;
	int			n;
} CvgDead;

/* Arrays of a large set are larger than palloc would have them. */
static inline void *
cvg_items_array(size_t n, size_t size)
{
	return palloc_extended((n + 1) * size, MCXT_ALLOC_HUGE);
}

/*
 * Reading: the head, then elements, each with its dots; cvg_mark_read()
 * returns whether another dot follows.
 */
extern void cvg_items_head(CvgReader *r, CvgItemsHead *head);
extern bool cvg_item_read(CvgReader *r, CvgSlice *element);
extern bool cvg_mark_read(CvgReader *r, CvgStamp base, CvgMark *mark);

/* The ids of two heads (the second may be NULL) and one more (or none). */
extern void cvg_names_join(CvgItemsHead *a, CvgItemsHead *b, CvgSlice extra,
						   CvgNames *names);
extern uint32 cvg_names_find(const CvgNames *names, CvgSlice id);

/* All entries of a valid set; r stands behind the head. */
extern void cvg_items_load(CvgReader r, CvgItemsHead *head,
						   const CvgNames *names, CvgItems *set);
extern void cvg_items_alloc(CvgItems *set, size_t nitems, size_t nmarks);
extern void cvg_items_free(CvgItems *set);

/* Write everything behind the dotset. */
extern void cvg_items_put(const CvgItems *set, const CvgNames *names, CvgBuf *out);

static inline CvgDot
cvg_mark_dot(const CvgNames *names, const CvgMark *mark)
{
	CvgDot		dot = {names->ids[mark->replica], mark->stamp};

	return dot;
}

static inline bool
cvg_mark_is_dead(const CvgDead *dead, const CvgNames *names, const CvgMark *mark)
{
	return dead->n > 0 &&
		cvg_dots_contain(dead->ranges, dead->n, cvg_mark_dot(names, mark));
}

static inline int
cvg_mark_cmp(const CvgMark *a, const CvgMark *b)
{
	if (a->replica != b->replica)
		return a->replica < b->replica ? -1 : 1;
	if (a->stamp != b->stamp)
		return a->stamp < b->stamp ? -1 : 1;
	return (int) a->remove - (int) b->remove;
}

/* Marks are appended between begin and end; an item without any is dropped. */
static inline void
cvg_item_begin(CvgItems *set, CvgSlice text)
{
	set->items[set->nitems].text = text;
	set->items[set->nitems].first = set->nmarks;
}

static inline void
cvg_item_add(CvgItems *set, const CvgMark *mark)
{
	set->marks[set->nmarks++] = *mark;
}

static inline void
cvg_item_end(CvgItems *set)
{
	CvgItem	   *item = &set->items[set->nitems];

	item->count = set->nmarks - item->first;
	if (item->count > 0)
		set->nitems++;
}

#endif							/* CVG_CORE_CAUSAL_ITEMS_H */
