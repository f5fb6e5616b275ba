/*-------------------------------------------------------------------------
 *
 * set_type.c
 *	  Types converge.gset, twopset, orset and rwset: sets of text.
 *
 * The SQL functions of one name are the same for all four types, as what
 * differs is in core.
 *
 * GIN keys are the bytes of the elements that are present.  A long element is
 * cut, with a hash of all of it at the end, so that every set can be
 * indexed; what such a key finds is looked at again.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/gin.h"
#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/gset.h"
#include "core/orset.h"
#include "core/rwset.h"
#include "core/twopset.h"
#include "types/crdt_type.h"
#include "types/set_gin.h"

CVG_CRDT_TYPE(gset, &cvg_gset_ops, NULL);
CVG_CRDT_TYPE(twopset, &cvg_twopset_ops, NULL);
CVG_CRDT_TYPE(orset, &cvg_orset_ops, NULL);
CVG_CRDT_TYPE(rwset, &cvg_rwset_ops, NULL);

/* Elements of an array, sorted, each once. */
typedef struct Elements
{
	CvgSlice   *elements;
	int			n;
	bool		has_null;
} Elements;

static Elements
array_elements(ArrayType *array)
{
	Elements	e = {NULL, 0, false};
	Datum	   *values;
	bool	   *nulls;
	int			n;
	int			i;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	e.elements = palloc(sizeof(CvgSlice) * (n + 1));
	for (i = 0; i < n; i++)
	{
		if (nulls[i])
			e.has_null = true;
		else
			e.elements[e.n++] = cvg_datum_slice(values[i]);
	}
	e.n = cvg_elements_sort(e.elements, e.n);
	return e;
}

static inline CvgSetIter
elements_iter(const Elements *e)
{
	return cvg_elements_iter(e->elements, e->n);
}

#define PG_GETARG_ELEMENTS(n)	array_elements(PG_GETARG_ARRAYTYPE_P(n))
#define PG_GETARG_SET_ITER(n)	cvg_set_iter(PG_GETARG_CVG_SLICE(n))

/* --- updates ------------------------------------------------------------------ */

static Datum
set_update(CvgSlice set, const CvgSlice *elements, int n, bool remove)
{
	const CvgSetOps *ops = cvg_set_ops(set.data[1]);
	CvgDot		dot = {{NULL, 0}, 0};
	CvgBuf		buf;

	if (n > 0 && (remove ? ops->remove_has_dot : ops->add_has_dot))
		dot = cvg_draw_dots(set, n);
	cvg_varlena_begin(&buf);
	cvg_crdt_check_status(cvg_set_update(set, dot, elements, n, remove, &buf),
						  set);
	return cvg_varlena_finish(&buf);
}

static Datum
set_update_array(CvgSlice set, Elements e, bool remove)
{
	if (e.has_null)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("elements of type %s must not be null",
						cvg_crdt_type_name(set))));
	return set_update(set, e.elements, e.n, remove);
}

CVG_FUNCTION(set_add)
{
	CvgSlice	element = PG_GETARG_CVG_SLICE(1);

	return set_update(PG_GETARG_CVG_SLICE(0), &element, 1, false);
}

CVG_FUNCTION(set_add_array)
{
	return set_update_array(PG_GETARG_CVG_SLICE(0), PG_GETARG_ELEMENTS(1), false);
}

CVG_FUNCTION(set_remove)
{
	CvgSlice	element = PG_GETARG_CVG_SLICE(1);

	return set_update(PG_GETARG_CVG_SLICE(0), &element, 1, true);
}

CVG_FUNCTION(set_remove_array)
{
	return set_update_array(PG_GETARG_CVG_SLICE(0), PG_GETARG_ELEMENTS(1), true);
}

static Datum
set_from_array(FunctionCallInfo fcinfo, const CvgCrdtOps *ops)
{
	return cvg_crdt_plain(set_update_array(cvg_crdt_empty_slice(ops),
										   PG_GETARG_ELEMENTS(0), false));
}

CVG_FUNCTION(gset_from_array)
{
	return set_from_array(fcinfo, &cvg_gset_ops);
}

CVG_FUNCTION(twopset_from_array)
{
	return set_from_array(fcinfo, &cvg_twopset_ops);
}

CVG_FUNCTION(orset_from_array)
{
	return set_from_array(fcinfo, &cvg_orset_ops);
}

CVG_FUNCTION(rwset_from_array)
{
	return set_from_array(fcinfo, &cvg_rwset_ops);
}

CVG_FUNCTION(set_reset)
{
	return cvg_crdt_reset_arg(fcinfo);
}

/* --- reads -------------------------------------------------------------------- */

static inline Datum
element_text(CvgSlice element)
{
	return PointerGetDatum(cstring_to_text_with_len((const char *) element.data,
													(int) element.len));
}

CVG_FUNCTION(set_value)
{
	CvgSlice	set = PG_GETARG_CVG_SLICE(0);
	CvgSetIter	it = cvg_set_iter(set);
	Datum	   *values = palloc_extended(sizeof(Datum) *
										 ((size_t) cvg_set_cardinality(set) + 1),
										 MCXT_ALLOC_HUGE);
	CvgSlice	element;
	int			n = 0;

	while (cvg_set_next(&it, &element))
		values[n++] = element_text(element);
	PG_RETURN_ARRAYTYPE_P(construct_array(values, n, TEXTOID, -1, false,
										  TYPALIGN_INT));
}

CVG_FUNCTION(set_elements)
{
	CvgSetIter	it = PG_GETARG_SET_ITER(0);
	ReturnSetInfo *rsi = cvg_srf_begin(fcinfo);
	CvgSlice	element;

	while (cvg_set_next(&it, &element))
	{
		Datum		value = element_text(element);

		cvg_srf_put(rsi, &value, NULL);
		pfree(DatumGetPointer(value));
	}
	return (Datum) 0;
}

CVG_FUNCTION(set_cardinality)
{
	PG_RETURN_INT32(cvg_set_cardinality(PG_GETARG_CVG_SLICE(0)));
}

CVG_FUNCTION(set_has)
{
	PG_RETURN_BOOL(cvg_set_has(PG_GETARG_CVG_SLICE(0), PG_GETARG_CVG_SLICE(1)));
}

/*
 * Containment of sets and arrays, on either side.  As with arrays, a null is
 * contained in nothing and has nothing in common with anything.
 */
CVG_FUNCTION(set_contains)
{
	PG_RETURN_BOOL(cvg_set_covers(PG_GETARG_SET_ITER(0), PG_GETARG_SET_ITER(1)));
}

CVG_FUNCTION(set_contained)
{
	PG_RETURN_BOOL(cvg_set_covers(PG_GETARG_SET_ITER(1), PG_GETARG_SET_ITER(0)));
}

CVG_FUNCTION(set_overlaps)
{
	PG_RETURN_BOOL(cvg_set_overlaps(PG_GETARG_SET_ITER(0), PG_GETARG_SET_ITER(1)));
}

CVG_FUNCTION(set_contains_array)
{
	Elements	e = PG_GETARG_ELEMENTS(1);

	PG_RETURN_BOOL(!e.has_null &&
				   cvg_set_covers(PG_GETARG_SET_ITER(0), elements_iter(&e)));
}

CVG_FUNCTION(array_contained_set)
{
	Elements	e = PG_GETARG_ELEMENTS(0);

	PG_RETURN_BOOL(!e.has_null &&
				   cvg_set_covers(PG_GETARG_SET_ITER(1), elements_iter(&e)));
}

CVG_FUNCTION(set_contained_array)
{
	Elements	e = PG_GETARG_ELEMENTS(1);

	PG_RETURN_BOOL(cvg_set_covers(elements_iter(&e), PG_GETARG_SET_ITER(0)));
}

CVG_FUNCTION(array_contains_set)
{
	Elements	e = PG_GETARG_ELEMENTS(0);

	PG_RETURN_BOOL(cvg_set_covers(elements_iter(&e), PG_GETARG_SET_ITER(1)));
}

CVG_FUNCTION(set_overlaps_array)
{
	Elements	e = PG_GETARG_ELEMENTS(1);

	PG_RETURN_BOOL(cvg_set_overlaps(PG_GETARG_SET_ITER(0), elements_iter(&e)));
}

CVG_FUNCTION(array_overlaps_set)
{
	Elements	e = PG_GETARG_ELEMENTS(0);

	PG_RETURN_BOOL(cvg_set_overlaps(PG_GETARG_SET_ITER(1), elements_iter(&e)));
}

/* --- GIN ----------------------------------------------------------------------- */

/* Strategies; the queries of some are arrays. */
#define CONTAINS			1
#define CONTAINS_ARRAY		2
#define OVERLAPS			3
#define OVERLAPS_ARRAY		4
#define HAS					5

/* A key as long as this is that of a longer element. */
#define LONG_KEY_BYTES		120

Datum
cvg_gin_key(CvgSlice element)
{
	struct varlena *key;
	uint64		hash;

	if (element.len < LONG_KEY_BYTES)
		return cvg_varlena_copy(element);
	key = palloc(VARHDRSZ + LONG_KEY_BYTES);
	SET_VARSIZE(key, VARHDRSZ + LONG_KEY_BYTES);
	memcpy(VARDATA(key), element.data, LONG_KEY_BYTES - sizeof(hash));
	hash = DatumGetUInt64(hash_any_extended(element.data, (int) element.len, 0));
	hash = pg_hton64(hash);
	memcpy(VARDATA(key) + LONG_KEY_BYTES - sizeof(hash), &hash, sizeof(hash));
	return PointerGetDatum(key);
}

static Datum *
gin_keys(CvgSetIter it, int32 *nkeys)
{
	CvgSetIter	count = it;
	CvgSlice	element;
	Datum	   *keys;

	*nkeys = 0;
	while (cvg_set_next(&count, &element))
		(*nkeys)++;
	keys = palloc_extended(sizeof(Datum) * ((size_t) *nkeys + 1), MCXT_ALLOC_HUGE);
	*nkeys = 0;
	while (cvg_set_next(&it, &element))
		keys[(*nkeys)++] = cvg_gin_key(element);
	return keys;
}

CVG_FUNCTION(set_gin_extract_value)
{
	PG_RETURN_POINTER(gin_keys(PG_GETARG_SET_ITER(0),
							   (int32 *) PG_GETARG_POINTER(1)));
}

CVG_FUNCTION(set_gin_extract_query)
{
	int32	   *nkeys = (int32 *) PG_GETARG_POINTER(1);
	StrategyNumber strategy = PG_GETARG_UINT16(2);
	int32	   *search_mode = (int32 *) PG_GETARG_POINTER(6);
	Elements	e = {NULL, 0, false};
	CvgSlice	element;
	CvgSetIter	it;
	Datum	   *keys;

	switch (strategy)
	{
		case CONTAINS:
		case OVERLAPS:
			it = PG_GETARG_SET_ITER(0);
			break;
		case CONTAINS_ARRAY:
		case OVERLAPS_ARRAY:
			e = PG_GETARG_ELEMENTS(0);
			it = elements_iter(&e);
			break;
		case HAS:
			element = PG_GETARG_CVG_SLICE(0);
			it = cvg_elements_iter(&element, 1);
			break;
		default:
			elog(ERROR, "unrecognized strategy number: %d", strategy);
	}
	keys = gin_keys(it, nkeys);
	if (strategy == CONTAINS_ARRAY && e.has_null)
		*nkeys = 0;				/* nothing does */
	else if (*nkeys == 0 && (strategy == CONTAINS || strategy == CONTAINS_ARRAY))
		*search_mode = GIN_SEARCH_MODE_ALL; /* everything does */
	PG_RETURN_POINTER(keys);
}

GinTernaryValue
cvg_gin_answer(bool all, const GinTernaryValue *check, int32 nkeys,
			   const Datum *keys)
{
	GinTernaryValue answer = all ? GIN_TRUE : GIN_FALSE;
	int32		i;

	for (i = 0; i < nkeys; i++)
	{
		GinTernaryValue has = check[i];

		if (has == GIN_TRUE && VARSIZE_ANY_EXHDR(DatumGetPointer(keys[i])) == LONG_KEY_BYTES)
			has = GIN_MAYBE;
		if (has == (all ? GIN_FALSE : GIN_TRUE))
			return has;
		if (has == GIN_MAYBE)
			answer = GIN_MAYBE;
	}
	return answer;
}

static GinTernaryValue
gin_answer(StrategyNumber strategy, const GinTernaryValue *check, int32 nkeys,
		   const Datum *keys)
{
	return cvg_gin_answer(strategy != OVERLAPS && strategy != OVERLAPS_ARRAY,
						  check, nkeys, keys);
}

CVG_FUNCTION(set_gin_consistent)
{
	bool	   *recheck = (bool *) PG_GETARG_POINTER(5);
	GinTernaryValue answer = gin_answer(PG_GETARG_UINT16(1),
										(GinTernaryValue *) PG_GETARG_POINTER(0),
										PG_GETARG_INT32(3),
										(Datum *) PG_GETARG_POINTER(6));

	*recheck = answer == GIN_MAYBE;
	PG_RETURN_BOOL(answer != GIN_FALSE);
}

CVG_FUNCTION(set_gin_triconsistent)
{
	PG_RETURN_GIN_TERNARY_VALUE(gin_answer(PG_GETARG_UINT16(1),
										   (GinTernaryValue *) PG_GETARG_POINTER(0),
										   PG_GETARG_INT32(3),
										   (Datum *) PG_GETARG_POINTER(5)));
}
