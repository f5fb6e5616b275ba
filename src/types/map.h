/*-------------------------------------------------------------------------
 *
 * map.h
 *	  What the types ormap and cart share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_TYPES_MAP_H
#define CVG_TYPES_MAP_H

#include "compat.h"

#include "utils/jsonb.h"

#include "core/ormap.h"

/* A map or cart of a jsonb, or assigned one; raises errors. */
extern Datum cvg_map_from_jsonb(const CvgCrdtOps *ops, Jsonb *json);
extern Datum cvg_map_assign_jsonb(CvgSlice old, Jsonb *json);

/* What a value reads as. */
extern Datum cvg_value_jsonb(CvgSlice value);

/* Raise an error for a key that is too long. */
extern void cvg_check_map_key(CvgSlice key);

#endif							/* CVG_TYPES_MAP_H */
