/*-------------------------------------------------------------------------
 *
 * json_paths.h
 *	  Strategy jsonb_merge: a document's paths as units of the row state.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_JSON_PATHS_H
#define CVG_STORE_JSON_PATHS_H

#include "compat.h"

#include "core/rowstate.h"
#include "store/relinfo.h"

/*
 * An update of more marks than the first is one of the whole document; so is
 * a write that leaves more than the second in the row, or an insert that would
 * if another one met it.
 */
#define CVG_JSON_MAX_PATHS	100
#define CVG_JSON_MAX_MARKS	1000

/* A document as a column has it. */
typedef struct CvgJson
{
	Datum		doc;
	bool		isnull;
} CvgJson;

/*
 * The marks of an update, or of an insert, where old is NULL or what the row
 * had that was deleted before; palloc'ed.  NULL if the write is to be recorded
 * as one of the whole document: not both are objects, or too many marks.
 */
extern CvgMark *cvg_json_marks(const CvgJson *old, const CvgJson *new, bool insert, int *n);

/* The column's document in the image of a deleted row; false: it is not there. */
extern bool cvg_json_in_image(CvgRel *rel, int column, CvgSlice image, CvgJson *out);

/* The leaves of a document, in order, and back. */
extern void cvg_json_leaves(const CvgJson *json, CvgLeaves *out);
extern CvgJson cvg_json_document(const CvgLeaves *leaves);

#endif							/* CVG_STORE_JSON_PATHS_H */
