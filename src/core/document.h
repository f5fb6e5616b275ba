/*-------------------------------------------------------------------------
 *
 * document.h
 *	  Collaborative text: concurrent edits merge without interleaving.
 *
 * The sequence is that of Fugue.  Characters are the nodes of a tree; each
 * was inserted as the left or right child of one that its writer saw, and a
 * walk of the tree (left children, the character itself, right children) is
 * the order of the text.  A character typed behind another one becomes its
 * right child if it has none, else the left child of the character that
 * follows (deleted ones count), so that a passage typed forwards or
 * backwards is one subtree, which a concurrent passage at the same place
 * comes wholly before or wholly behind.  (RGA mixes passages typed backwards,
 * Logoot and its kin any.  FugueMax of the same paper sorts right siblings by
 * what they were inserted before, which keeps apart one rare constellation
 * more; it would cost a second reference in each hunk, and an order that
 * depends on what may not be there yet.)
 *
 * State
 * -----
 * A *write* is what one update inserted: one or more *hunks* of consecutive
 * characters, each with its place.  The id of a character is the dot of its
 * write and its offset in it, counted over the hunks from 0.  Within a hunk
 * each character is the right child of the one before; the first is the
 * right child of the start of the document, or the right ("after") or left
 * ("before") child of another character.
 *
 * The state is a set of writes, which never change, and a set of deleted
 * ids, both of which only grow: merge is the union of either.  The text of a
 * deleted character is dropped; its place in the tree stays, since a write
 * not seen yet may hang on it.  The order of the text is a function of the
 * state and is found when it is read, so it cannot depend on the order of
 * merges, and nothing is refused or lost for want of something else: a write
 * whose parent is not in the value (a delta alone has many) is kept, and is
 * no part of the text until the parent comes; a deletion is kept
 * without the write that it is about, too.
 *
 * Siblings are in order of stamp, then replica id, then offset.  A parent's
 * stamp is smaller than the stamp of what hangs on it, as an update draws a
 * stamp larger than all in the value; that is checked in bytes from
 * outside, so that no value has a cycle.
 *
 * Two writes under one dot that differ exist only in forged values.  Merge is
 * a lattice join for them too: the larger structure wins, and of two
 * texts of one structure, each character is the larger one.
 *
 * Size: a text inserted at once costs its bytes and some 10 more; typed
 * character by character by one node, about 3 bytes a character beside its
 * own (what the stamp differs from the one before).  A deleted passage
 * gives back its text and costs up to 4 bytes for each range; one that was
 * typed and deleted character by character keeps its 4 bytes each.  So a
 * value is bounded by its text plus its number of updates, times a few
 * bytes.  In memory it is about ten times as large while it is worked on.
 *
 * Body
 * ----
 *	  varint number of replicas; per replica, ascending: varint id length, id
 *	  per replica: varint number of writes; per write, ascending by stamp:
 *		varint (stamp - stamp of the write before, or - 0) * 2 + typed?
 *		  typed: one character, which hangs on the last character of the
 *			write before (of this replica), as its right child: the
 *			character in UTF-8, or a 0 byte if it is deleted
 *		  else: varint number of hunks * 2 + deleted?
 *			per hunk: varint length * 4 + place (0 start, 1 after, 2 before,
 *			  3 as "typed"); for 1 and 2 the parent: varint index of its
 *			  replica, varint (stamp - its stamp), varint offset
 *			if deleted: varint number of ranges; per range, ascending and
 *			  not touching: varint (first - end of the one before), varint
 *			  length
 *			if not all is deleted: varint bytes of text, text
 *
 * A write without hunks is a deletion of what is not in the value.  The
 * shortest form is the only one.  All replicas named are used.
 *
 * Text: document "The text" {replica@stamp place "piece" ..., ...}, in the
 * order of the body: place is start, "after id@stamp:offset" or "before
 * id@stamp:offset"; -3 among the pieces stands for three deleted
 * characters; "deleted 3-5 9" behind them for deletions of what is not
 * there.  Strings have \" \\ \n \r \t.
 *
 * The plain form is the text itself.  One that begins like a state, with
 * document "..." {, is none.
 *
 * Text is UTF-8; positions count code points.
 *
 * Weidner, Kleppmann 2023 (The Art of the Fugue).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_DOCUMENT_H
#define CVG_CORE_DOCUMENT_H

#include "core/crdt.h"

extern const CvgCrdtOps cvg_document_ops;

/* A run of the text whose characters one replica wrote. */
typedef struct CvgDocumentRun
{
	CvgSlice	replica;
	CvgStamp	stamp;			/* of the latest write in it */
	int64		position;		/* of the first character, from 0 */
	int64		len;
	size_t		byte;			/* where its text begins and ends */
	size_t		nbytes;
} CvgDocumentRun;

/*
 * Updates.  Positions are from 0.  CVG_E_OVERFLOW for a position outside the
 * text, CVG_E_SYNTAX for a text that is not UTF-8 or contains a NUL,
 * CVG_E_BAD_ID, CVG_E_FORBIDDEN for a stamp that is not larger than all in
 * the document.  A deletion needs no dot and ends at the end of the text.
 */
extern CvgStatus cvg_document_insert(CvgSlice document, CvgDot dot,
									 int64 position, CvgSlice text,
									 CvgBuf *out);
extern CvgStatus cvg_document_delete(CvgSlice document, int64 position,
									 int64 len, CvgBuf *out);

/*
 * Make the text this one, by the fewest insertions and deletions if they are
 * not too many (diff.h), else by replacing all between what is equal at
 * the beginning and at the end.
 */
extern CvgStatus cvg_document_edit(CvgSlice document, CvgDot dot, CvgSlice text,
								   CvgBuf *out);

/* Reads: append the text; its length; who wrote it (runs: pfree). */
extern void cvg_document_text(CvgSlice document, CvgBuf *out);
extern int64 cvg_document_length(CvgSlice document);
extern CvgDocumentRun *cvg_document_authors(CvgSlice document, int *n,
											CvgBuf *text);

#endif							/* CVG_CORE_DOCUMENT_H */
