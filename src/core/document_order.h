/*-------------------------------------------------------------------------
 *
 * document_order.h
 *	  Collaborative text: the tree, and the order of the text.
 *
 * The tree is walked hunk by hunk.  A hunk is a chain of right children, so
 * only what hangs on it elsewhere interrupts the walk; a write that goes on
 * where the one before it ended continues the chain.  Neither the depth of
 * the tree nor the number of characters matters, only the number of hunks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_DOCUMENT_ORDER_H
#define CVG_CORE_DOCUMENT_ORDER_H

#include "core/document_state.h"

/* A hunk in the walk. */
typedef struct CvgDocNode
{
	const uint8 *text;			/* of its characters not walked yet */
	int			write;
	int			next;			/* hunk that continues this one, or -1 */
	uint32		start;			/* offset of its first character */
	int			dead;			/* next range to look at */
	int			child;			/* first child not walked yet */
	bool		ascii;
} CvgDocNode;

/* A hunk that hangs on another one, or on the start (hunk -1). */
typedef struct CvgDocChild
{
	CvgStamp	stamp;			/* these three: id of the child */
	int			replica;
	uint32		start;
	int			hunk;			/* parent */
	uint32		offset;
	bool		after;
	int			child;
} CvgDocChild;

/* Characters that follow each other in the text and in their write. */
typedef struct CvgDocSpan
{
	const uint8 *text;			/* NULL if deleted */
	uint32		nbytes;
	uint32		from;
	uint32		len;
	int			write;
} CvgDocSpan;

/* To walk a hunk from an offset on, or only the character there. */
typedef struct CvgDocTask
{
	int			hunk;
	uint32		from;
	bool		single;
} CvgDocTask;

typedef struct CvgDocOrder
{
	const CvgDoc *doc;
	CvgDocNode *nodes;			/* by hunk */
	CvgDocChild *children;		/* by parent, side, id */
	int			nchildren;
	int			max_children;
	CvgDocSpan *spans;			/* the text, with what is deleted */
	int			nspans;
	int			max_spans;
	CvgDocTask *stack;
	int			depth;
	int			max_depth;
	int64		length;			/* of what is not deleted */
} CvgDocOrder;

/* The order of a document, which must live as long; what hangs on nothing is left out. */
extern void cvg_doc_order(CvgDocOrder *o, const CvgDoc *doc);
extern void cvg_doc_order_free(CvgDocOrder *o);
extern void cvg_doc_order_text(const CvgDocOrder *o, CvgBuf *out);

/* Does anything hang on the right of this character of a write? */
extern bool cvg_doc_has_right_child(const CvgDocOrder *o, const CvgDocWrite *w,
									uint32 offset);

#endif							/* CVG_CORE_DOCUMENT_ORDER_H */
