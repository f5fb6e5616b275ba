/*-------------------------------------------------------------------------
 *
 * set.h
 *	  What the four set types have in common.
 *
 * An element is a text without NUL, kept as its bytes; the order is that of
 * the bytes.  Each type keeps entries in that order, one per element that it
 * remembers, present or not, and brings a CvgSetOps beside its CvgCrdtOps.
 * Reading goes through the entries and allocates nothing.
 *
 * An update is a list of changes, one per element.  Each change that needs a
 * dot has one of its own, so that elements which came together can go one by
 * one.
 *
 * Text: the elements, those that are remembered but not present, and what
 * was replaced (dotset.h):
 *	  {apple, "red, green"} removed {pear}
 *	  {apple london@7, "b c" london@8 paris@9} seen {london 3-5}
 * In a text elements may come in any order.  The form of a state differs from
 * that of an array, which is a plain value (crdt.h), but for a gset, where it
 * makes no difference: no assignment takes anything from it.
 *
 * Shapiro et al. 2011, section 3.3.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_SET_H
#define CVG_CORE_SET_H

#include "core/crdt.h"

typedef struct CvgSetChange
{
	CvgSlice	element;
	bool		remove;			/* otherwise: add */
} CvgSetChange;

/* One type. */
typedef struct CvgSetOps
{
	const CvgCrdtOps *crdt;
	bool		add_has_dot;
	bool		remove_has_dot;
	bool		can_remove;

	/* From the start of a body to the first entry; NULL: it is there. */
	void		(*begin) (CvgReader *r);

	/* The next entry: its element, and whether that is present. */
	bool		(*next) (CvgReader *r, CvgSlice *element, bool *present);

	/* cvg_set_change(), with everything about the arguments checked. */
	void		(*change) (CvgSlice set, CvgDot dot, const CvgSetChange *changes,
						   int n, CvgBuf *out);
} CvgSetOps;

/* NULL for a tag of another kind of type. */
extern const CvgSetOps *cvg_set_ops(uint8 tag);

/*
 * Elements in order: those present in a set, or a sorted array of them.  A
 * copy of an iterator goes its own way.
 */
typedef struct CvgSetIter
{
	const CvgSetOps *ops;		/* NULL: an array */
	CvgReader	reader;
	const CvgSlice *elements;
	int			left;
} CvgSetIter;

extern CvgSetIter cvg_set_iter(CvgSlice set);
extern CvgSetIter cvg_elements_iter(const CvgSlice *elements, int n);
extern bool cvg_set_next(CvgSetIter *it, CvgSlice *element);

extern int	cvg_set_cardinality(CvgSlice set);
extern bool cvg_set_has(CvgSlice set, CvgSlice element);

/* Does a have all, does it have any, of what b has? */
extern bool cvg_set_covers(CvgSetIter a, CvgSetIter b);
extern bool cvg_set_overlaps(CvgSetIter a, CvgSetIter b);

/* Sort elements and leave each there once; returns how many there are. */
extern int	cvg_elements_sort(CvgSlice *elements, int n);

/*
 * The set after changes, sorted, one per element.  dot is the first of n
 * with consecutive stamps, change i has the i-th, whether it needs one or
 * not; cvg_set_needs_dots() says if any does, else dot is ignored.
 *
 * CVG_E_BAD_ID; CVG_E_FORBIDDEN for a stamp that is not larger than all in
 * the set, or a removal from a set that only grows; CVG_E_OVERFLOW beyond
 * the last stamp; CVG_E_LIMIT; CVG_E_MALFORMED for an element with a NUL.
 */
extern CvgStatus cvg_set_change(CvgSlice set, CvgDot dot,
								const CvgSetChange *changes, int n, CvgBuf *out);
extern bool cvg_set_needs_dots(CvgSlice set, const CvgSetChange *changes, int n);

/* The same for some elements, sorted, each there once. */
extern CvgStatus cvg_set_update(CvgSlice set, CvgDot dot,
								const CvgSlice *elements, int n, bool remove,
								CvgBuf *out);

/*
 * Assignment, as CvgCrdtOps has it: what is missing is added, what is too
 * much removed, and what is there already is not touched.
 */
extern CvgStatus cvg_set_assign(CvgSlice old, CvgSlice new,
								CvgDotSupply *dots, CvgBuf *out);

/* The plain form is that of an array of text without nulls. */
extern CvgStatus cvg_set_parse_plain(const CvgSetOps *ops, CvgScanner *s,
									 CvgDotSupply *dots, CvgBuf *out);

/* For the types: the next element of an entry, checked; false at the end. */
extern bool cvg_set_check_element(CvgReader *r, CvgSlice bytes,
								  CvgSlice *previous);

/*
 * For the types: reading a text.  more reads what follows an element, in
 * the order of the index; afterwards elements are sorted.
 */
typedef struct CvgScannedElement
{
	CvgSlice	text;
	bool		removed;		/* was in the second list */
	int			index;			/* place in the text */
	size_t		offset;			/* of the text in texts */
	const char *at;
} CvgScannedElement;

typedef struct CvgScannedSet
{
	CvgScannedElement *elements;
	int			n;
	int			size;
	CvgBuf		texts;
	bool		has_removed;	/* there was a second list */
} CvgScannedSet;

/* Free it in any case; false on failure, which is in the scanner. */
extern bool cvg_set_scan(CvgScanner *s, CvgScannedSet *set, bool can_remove,
						 void (*more) (CvgScanner *s, void *arg), void *arg);
extern void cvg_set_scan_free(CvgScannedSet *set);

#endif							/* CVG_CORE_SET_H */
