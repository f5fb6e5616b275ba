/*-------------------------------------------------------------------------
 *
 * set_gin.h
 *	  GIN keys that are texts: elements of sets, keys of maps.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_TYPES_SET_GIN_H
#define CVG_TYPES_SET_GIN_H

#include "compat.h"

#include "access/gin.h"

#include "core/base.h"

/* The key of a text. */
extern Datum cvg_gin_key(CvgSlice text);

/*
 * The answer to "all of these" or "any of these" from those keys that an item
 * is known to have, or not to have; GIN_MAYBE asks for a look at the value.
 */
extern GinTernaryValue cvg_gin_answer(bool all, const GinTernaryValue *check,
									  int32 nkeys, const Datum *keys);

#endif							/* CVG_TYPES_SET_GIN_H */
