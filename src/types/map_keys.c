/*-------------------------------------------------------------------------
 *
 * map_keys.c
 *	  Which keys a map or a cart has: operators ?, ?| and ?&, and their GIN
 *	  operator classes.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "utils/array.h"

#include "core/cart.h"
#include "types/crdt_type.h"
#include "types/set_gin.h"

/* Strategies */
#define HAS					1
#define HAS_ANY				2
#define HAS_ALL				3

/* The next key that is seen; next begins as an entry with ops NULL. */
static bool
next_key(CvgSlice map, CvgReader *r, CvgMapEntry *next, CvgSlice *key)
{
	CvgMapEntry e;
	int64		quantity;

	if (map.data[1] == CVG_CRDT_CART)
		return cvg_cart_next(r, key, &quantity);
	if (!cvg_map_next_visible(r, next, &e))
		return false;
	*key = e.key;
	return true;
}

static bool
has_key(CvgSlice map, CvgSlice key)
{
	CvgMapEntry e;

	if (map.data[1] == CVG_CRDT_CART)
		return cvg_cart_quantity(map, key) > 0;
	return cvg_map_find(map, &key, 1, NULL, &e);
}

/* Texts of an array; nulls are left out, and counted. */
static CvgSlice *
array_keys(ArrayType *array, int *n, int *nnulls)
{
	Datum	   *values;
	bool	   *nulls;
	CvgSlice   *keys;
	int			i;
	int			all;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &all);
	keys = palloc(sizeof(CvgSlice) * (all + 1));
	*n = *nnulls = 0;
	for (i = 0; i < all; i++)
	{
		if (nulls[i])
			(*nnulls)++;
		else
			keys[(*n)++] = cvg_datum_slice(values[i]);
	}
	return keys;
}

CVG_FUNCTION(map_has)
{
	PG_RETURN_BOOL(has_key(PG_GETARG_CVG_SLICE(0), PG_GETARG_CVG_SLICE(1)));
}

/* As with jsonb, nulls are no keys and are passed over. */
CVG_FUNCTION(map_has_any)
{
	CvgSlice	map = PG_GETARG_CVG_SLICE(0);
	int			n;
	int			nnulls;
	CvgSlice   *keys = array_keys(PG_GETARG_ARRAYTYPE_P(1), &n, &nnulls);

	while (n > 0)
	{
		if (has_key(map, keys[--n]))
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}

CVG_FUNCTION(map_has_all)
{
	CvgSlice	map = PG_GETARG_CVG_SLICE(0);
	int			n;
	int			nnulls;
	CvgSlice   *keys = array_keys(PG_GETARG_ARRAYTYPE_P(1), &n, &nnulls);

	while (n > 0)
	{
		if (!has_key(map, keys[--n]))
			PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(true);
}

CVG_FUNCTION(map_gin_extract_value)
{
	CvgSlice	map = PG_GETARG_CVG_SLICE(0);
	int32	   *nkeys = (int32 *) PG_GETARG_POINTER(1);
	CvgReader	r = cvg_map_begin(map);
	CvgMapEntry next = {{NULL, 0}};
	int32		size = 16;
	Datum	   *keys = palloc(sizeof(Datum) * size);
	CvgSlice	key;

	*nkeys = 0;
	while (next_key(map, &r, &next, &key))
	{
		if (*nkeys == size)
		{
			size *= 2;
			keys = repalloc_huge(keys, sizeof(Datum) * size);
		}
		keys[(*nkeys)++] = cvg_gin_key(key);
	}
	PG_RETURN_POINTER(keys);
}

CVG_FUNCTION(map_gin_extract_query)
{
	int32	   *nkeys = (int32 *) PG_GETARG_POINTER(1);
	StrategyNumber strategy = PG_GETARG_UINT16(2);
	int32	   *search_mode = (int32 *) PG_GETARG_POINTER(6);
	CvgSlice	one;
	CvgSlice   *texts = &one;
	Datum	   *keys;
	int			n = 1;
	int			nnulls;
	int			i;

	if (strategy == HAS)
		one = PG_GETARG_CVG_SLICE(0);
	else
		texts = array_keys(PG_GETARG_ARRAYTYPE_P(0), &n, &nnulls);
	keys = palloc(sizeof(Datum) * (n + 1));
	for (i = 0; i < n; i++)
		keys[i] = cvg_gin_key(texts[i]);
	*nkeys = n;
	if (n == 0 && strategy == HAS_ALL)
		*search_mode = GIN_SEARCH_MODE_ALL;
	PG_RETURN_POINTER(keys);
}

CVG_FUNCTION(map_gin_consistent)
{
	bool	   *recheck = (bool *) PG_GETARG_POINTER(5);
	GinTernaryValue answer = cvg_gin_answer(PG_GETARG_UINT16(1) != HAS_ANY,
											(GinTernaryValue *) PG_GETARG_POINTER(0),
											PG_GETARG_INT32(3),
											(Datum *) PG_GETARG_POINTER(6));

	*recheck = answer == GIN_MAYBE;
	PG_RETURN_BOOL(answer != GIN_FALSE);
}

CVG_FUNCTION(map_gin_triconsistent)
{
	PG_RETURN_GIN_TERNARY_VALUE(cvg_gin_answer(PG_GETARG_UINT16(1) != HAS_ANY,
											   (GinTernaryValue *) PG_GETARG_POINTER(0),
											   PG_GETARG_INT32(3),
											   (Datum *) PG_GETARG_POINTER(5)));
}
