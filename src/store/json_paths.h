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

/*
 * A write of more paths than this is one of the whole document; so is one that
 * would bring the units of the row above the second.
 */
#define CVG_JSON_MAX_PATHS	100
#define CVG_JSON_MAX_UNITS	1000

/*
 * The unit ids of the paths that an update of a column changes, at most
 * CVG_JSON_MAX_PATHS; -1 if it is to be recorded as a write of the whole
 * column (not both are objects, or too many paths).
 */
extern int	cvg_json_changed_paths(CvgSlice column, Datum old, bool oldnull,
								   Datum new, bool newnull, uint32 *ids);

/* A version of the document and the state that says when each path was written. */
typedef struct CvgJsonSide
{
	Datum		doc;
	bool		isnull;
	CvgSlice	state;
} CvgJsonSide;

/* Merge two concurrent versions path by path; unit is the column's own. */
extern Datum cvg_json_merge(CvgSlice column, uint32 unit, const CvgJsonSide *a,
							const CvgJsonSide *b, bool *isnull);

#endif							/* CVG_STORE_JSON_PATHS_H */
