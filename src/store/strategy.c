/*-------------------------------------------------------------------------
 *
 * strategy.c
 *	  Recording writes, and computing what a column shows, by its strategy.
 *
 * A value in a cell is the column's value as it is in a change (varint of
 * kind and length, bytes).  Of a unit of several columns it is, for each of
 * them by ascending id, u32 id and value; the id is the hash of its name.
 *
 * Counts.  The amount of a contribution is the difference between the value
 * assigned and the value that the row showed.  Amounts are int8 for the
 * integer types, else numeric or float8, in send format.  Sums are taken in
 * the order of replica ids, so that float8 gives the same everywhere; a sum
 * beyond the column's type shows the nearest value of the type, and is not
 * lost.  After each local write the column is set to what the state says, so
 * that it is the same here as elsewhere.
 *
 * Folds go by dot order.  max and min compare by the type's default order, text
 * by its bytes.  NULL is less than every value for both.  union takes elements
 * in dot order, each once.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "libpq/pqformat.h"
#include "store/crdt_column.h"
#include "store/json_paths.h"
#include "store/row_function.h"
#include "store/strategy.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

#define FUNCTION_PREFIX "function:"
#define ROW_FUNCTION_PREFIX "row_function:"

/* ----------------------------------------------------------------
 *		Names
 * ----------------------------------------------------------------
 */

static const struct
{
	const char *name;
	CvgStrategyKind kind;
}			strategy_names[] =
{
	{"lww", CVG_STRATEGY_LWW},
	{"counter", CVG_STRATEGY_COUNTER},
	{"max", CVG_STRATEGY_MAX},
	{"min", CVG_STRATEGY_MIN},
	{"union", CVG_STRATEGY_UNION},
	{"jsonb_merge", CVG_STRATEGY_JSONB_MERGE},
	{"siblings", CVG_STRATEGY_SIBLINGS}
};

bool
cvg_strategy_is_name(const char *text)
{
	for (int i = 0; i < lengthof(strategy_names); i++)
	{
		if (strcmp(text, strategy_names[i].name) == 0)
			return true;
	}
	return strncmp(text, FUNCTION_PREFIX, strlen(FUNCTION_PREFIX)) == 0 ||
		strncmp(text, ROW_FUNCTION_PREFIX, strlen(ROW_FUNCTION_PREFIX)) == 0;
}

static bool
is_countable(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID ||
		type == NUMERICOID || type == FLOAT8OID;
}

CvgStrategy *
cvg_strategy_known(CvgSlice text, Oid type, MemoryContext mcxt)
{
	CvgStrategy *s = MemoryContextAllocZero(mcxt, sizeof(CvgStrategy));
	char	   *name = MemoryContextAlloc(mcxt, text.len + 1);

	memcpy(name, text.data, text.len);
	name[text.len] = '\0';
	for (int i = 0; i < lengthof(strategy_names); i++)
	{
		if (strcmp(name, strategy_names[i].name) == 0)
			s->kind = strategy_names[i].kind;
	}
	if (strncmp(name, FUNCTION_PREFIX, strlen(FUNCTION_PREFIX)) == 0)
	{
		s->kind = CVG_STRATEGY_FUNCTION;
		s->function = name + strlen(FUNCTION_PREFIX);
	}
	if (strncmp(name, ROW_FUNCTION_PREFIX, strlen(ROW_FUNCTION_PREFIX)) == 0)
	{
		s->kind = CVG_STRATEGY_ROW_FUNCTION;
		s->function = name + strlen(ROW_FUNCTION_PREFIX);
	}
	if ((s->kind == CVG_STRATEGY_COUNTER && !is_countable(type)) ||
		(s->kind == CVG_STRATEGY_JSONB_MERGE && type != JSONBOID) ||
		(s->kind == CVG_STRATEGY_UNION && !OidIsValid(get_element_type(type))))
		s->kind = CVG_STRATEGY_LWW;
	return s;
}

/* ----------------------------------------------------------------
 *		Values of units
 * ----------------------------------------------------------------
 */

static int
unit_columns(CvgRel *rel, int unit)
{
	int			n = 0;

	for (int i = 0; i < rel->desc->ncolumns; i++)
		n += rel->columns[i].unit == unit;
	return n;
}

/* Columns of a unit by ascending id. */
static int
next_column(CvgRel *rel, int unit, uint32 after, uint32 *id)
{
	int			best = -1;

	for (int i = 0; i < rel->desc->ncolumns; i++)
	{
		uint32		here;

		if (rel->columns[i].unit != unit)
			continue;
		here = cvg_unit_id(rel->desc->columns[i].name);
		if (here > after && (best < 0 || here < *id))
		{
			best = i;
			*id = here;
		}
	}
	return best;
}

CvgSlice
cvg_unit_value(CvgRel *rel, int unit, TupleTableSlot *slot)
{
	bool		several = unit_columns(rel, unit) > 1;
	uint32		id = 0;
	int			column;
	CvgBuf		out;

	cvg_buf_init(&out);
	while ((column = next_column(rel, unit, id, &id)) >= 0)
	{
		CvgRelColumn *col = &rel->columns[column];
		bool		isnull;
		Datum		value = slot_getattr(slot, col->attnum, &isnull);

		if (several)
			cvg_put_u32(&out, id);
		cvg_codec_put(&col->codec, value, isnull, &out);
	}
	return cvg_buf_slice(&out);
}

CvgSlice
cvg_unit_value_of(CvgRel *rel, int unit, const CvgValue *values, const bool *known)
{
	bool		several = unit_columns(rel, unit) > 1;
	uint32		id = 0;
	int			column;
	CvgBuf		out;

	cvg_buf_init(&out);
	while ((column = next_column(rel, unit, id, &id)) >= 0)
	{
		const CvgValue *v = &values[column];

		if (!known[column])
			continue;
		if (several)
			cvg_put_u32(&out, id);
		cvg_put_value(&out, v->kind, v->bytes.data, v->bytes.len);
	}
	return cvg_buf_slice(&out);
}

static Datum clamp_int(Oid type, int128 sum);

/*
 * A value as it is in a cell.  Integers may have been written when the column
 * was of another integer type.
 */
static Datum
get_value(CvgRelColumn *col, CvgValue value, bool *isnull)
{
	CvgReader	r;
	int64		n;

	if (value.kind != CVG_VALUE_BINARY || value.bytes.len == col->codec.typlen ||
		(col->codec.base != INT2OID && col->codec.base != INT4OID && col->codec.base != INT8OID))
		return cvg_codec_get(&col->codec, value, isnull);
	cvg_reader_init(&r, value.bytes);
	switch (value.bytes.len)
	{
		case sizeof(int16):
			n = (int16) (value.bytes.data[0] << 8 | value.bytes.data[1]);
			break;
		case sizeof(int32):
			n = (int32) cvg_get_u32(&r);
			break;
		case sizeof(int64):
			n = (int64) cvg_get_u64(&r);
			break;
		default:
			return cvg_codec_get(&col->codec, value, isnull);
	}
	*isnull = false;
	return clamp_int(col->codec.base, n);
}

Datum
cvg_unit_column(CvgRel *rel, int column, CvgSlice bytes, bool *isnull)
{
	bool		several = unit_columns(rel, rel->columns[column].unit) > 1;
	uint32		wanted = cvg_unit_id(rel->desc->columns[column].name);
	CvgReader	r;

	cvg_reader_init(&r, bytes);
	while (cvg_reader_ok(&r) && !cvg_reader_at_end(&r))
	{
		uint32		id = several ? cvg_get_u32(&r) : wanted;
		CvgValue	value = cvg_get_value(&r);

		if (cvg_reader_ok(&r) && id == wanted)
			return get_value(&rel->columns[column], value, isnull);
	}
	if (!cvg_reader_ok(&r))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a value in the state of a row is damaged")));
	*isnull = true;
	return (Datum) 0;
}

/* ----------------------------------------------------------------
 *		Amounts
 * ----------------------------------------------------------------
 */

static Oid
amount_type(Oid column_type)
{
	return column_type == NUMERICOID || column_type == FLOAT8OID ? column_type : INT8OID;
}

/* A column's value as an amount. */
static Datum
to_amount(Oid type, Datum value, bool isnull)
{
	switch (type)
	{
		case INT2OID:
			return Int64GetDatum(isnull ? 0 : DatumGetInt16(value));
		case INT4OID:
			return Int64GetDatum(isnull ? 0 : DatumGetInt32(value));
		case INT8OID:
			return Int64GetDatum(isnull ? 0 : DatumGetInt64(value));
		case FLOAT8OID:
			return Float8GetDatum(isnull ? 0 : DatumGetFloat8(value));
		default:
			return isnull ? NumericGetDatum(int64_to_numeric(0)) : value;
	}
}

static CvgSlice
amount_bytes(Oid type, Datum amount)
{
	CvgBuf		out;

	cvg_buf_init(&out);
	if (amount_type(type) == INT8OID)
	{
		int64		n = DatumGetInt64(amount);

		cvg_put_varint(&out, ((uint64) n << 1) ^ (n < 0 ? ~UINT64CONST(0) : 0));
	}
	else
	{
		bytea	   *sent = DatumGetByteaPP(type == FLOAT8OID ?
										   DirectFunctionCall1(float8send, amount) :
										   DirectFunctionCall1(numeric_send, amount));

		cvg_put_bytes(&out, VARDATA_ANY(sent), VARSIZE_ANY_EXHDR(sent));
	}
	return cvg_buf_slice(&out);
}

static Datum
bytes_amount(Oid type, CvgSlice bytes)
{
	StringInfoData buf;

	if (bytes.len == 0)
		return to_amount(type, (Datum) 0, true);
	if (amount_type(type) == INT8OID)
	{
		CvgReader	r;
		uint64		u;

		cvg_reader_init(&r, bytes);
		u = cvg_get_varint(&r);
		if (!cvg_reader_ok(&r) || !cvg_reader_at_end(&r))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("an amount in the state of a row is damaged")));
		return Int64GetDatum((int64) ((u >> 1) ^ ((u & 1) ? ~UINT64CONST(0) : 0)));
	}
	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, (const char *) bytes.data, (int) bytes.len);
	if (type == FLOAT8OID)
		return DirectFunctionCall1(float8recv, PointerGetDatum(&buf));
	return DirectFunctionCall3(numeric_recv, PointerGetDatum(&buf),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* a + b, or a - b */
static Datum
add_amounts(Oid type, Datum a, Datum b, bool subtract)
{
	int64		n;

	switch (amount_type(type))
	{
		case INT8OID:
			if (subtract ? pg_sub_s64_overflow(DatumGetInt64(a), DatumGetInt64(b), &n) :
				pg_add_s64_overflow(DatumGetInt64(a), DatumGetInt64(b), &n))
				ereport(ERROR,
						(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						 errmsg("bigint out of range")));
			return Int64GetDatum(n);
		case FLOAT8OID:
			return Float8GetDatum(subtract ? DatumGetFloat8(a) - DatumGetFloat8(b) :
								  DatumGetFloat8(a) + DatumGetFloat8(b));
		default:
			return DirectFunctionCall2(subtract ? numeric_sub : numeric_add, a, b);
	}
}

/* An amount that is no number cannot be taken away again. */
static void
check_amount(Oid type, Datum amount, CvgSlice column)
{
	if ((type == FLOAT8OID && !isfinite(DatumGetFloat8(amount))) ||
		(type == NUMERICOID && (numeric_is_nan(DatumGetNumeric(amount)) ||
								numeric_is_inf(DatumGetNumeric(amount)))))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("column \"%.*s\" is a counter and takes no infinity or NaN",
						(int) column.len, (const char *) column.data)));
}

/* Sum of integers, as the nearest value of the column's type. */
static Datum
clamp_int(Oid type, int128 sum)
{
	if (type == INT2OID)
		return Int16GetDatum((int16) Max(Min(sum, PG_INT16_MAX), PG_INT16_MIN));
	if (type == INT4OID)
		return Int32GetDatum((int32) Max(Min(sum, PG_INT32_MAX), PG_INT32_MIN));
	return Int64GetDatum((int64) Max(Min(sum, (int128) PG_INT64_MAX), (int128) PG_INT64_MIN));
}

/* Base and all contributions. */
static Datum
count_value(Oid type, const CvgCellView *view, Datum base)
{
	int128		sum = amount_type(type) == INT8OID ? DatumGetInt64(base) : 0;

	for (int i = 0; i < view->nshares; i++)
	{
		Datum		amount = bytes_amount(type, view->amounts[i]);
		Datum		floor = bytes_amount(type, view->floors[i]);

		if (amount_type(type) == INT8OID)
			sum += (int128) DatumGetInt64(amount) - DatumGetInt64(floor);
		else if (view->amounts[i].len > 0)
			base = add_amounts(type, base, add_amounts(type, amount, floor, true), false);
	}
	return amount_type(type) == INT8OID ? clamp_int(type, sum) : base;
}

char *
cvg_strategy_share_text(Oid type, const CvgCellView *view, int share)
{
	Datum		amount = add_amounts(type, bytes_amount(type, view->amounts[share]),
									 bytes_amount(type, view->floors[share]), true);
	Oid			out;
	bool		varlena;

	getTypeOutputInfo(amount_type(type), &out, &varlena);
	return OidOutputFunctionCall(out, amount);
}

/* ----------------------------------------------------------------
 *		Recording
 * ----------------------------------------------------------------
 */

static CvgSlice
own_total(const CvgCellView *view, CvgSlice self)
{
	for (int i = 0; i < view->nshares; i++)
	{
		if (cvg_slice_eq(view->replicas[i], self))
			return view->amounts[i];
	}
	return cvg_slice(NULL, 0);
}

static void
record_count(CvgRel *rel, int column, CvgSlice old_state, CvgSlice self,
			 TupleTableSlot *oldslot, TupleTableSlot *newslot, CvgCellWrite *out)
{
	CvgRelColumn *col = &rel->columns[column];
	Oid			type = col->codec.base;
	CvgCellView view;
	bool		isnull;
	Datum		value = slot_getattr(newslot, col->attnum, &isnull);
	Datum		amount = to_amount(type, value, isnull);

	check_amount(type, amount, rel->desc->columns[column].name);
	(void) cvg_rowstate_cell(old_state, out->unit, &view);
	out->count = true;
	if (oldslot != NULL)
	{
		value = slot_getattr(oldslot, col->attnum, &isnull);
		amount = add_amounts(type, amount, to_amount(type, value, isnull), true);
		if (!view.counted)
			out->value = cvg_unit_value(rel, col->unit, oldslot);
	}
	amount = add_amounts(type, bytes_amount(type, own_total(&view, self)), amount, false);
	check_amount(type, amount, rel->desc->columns[column].name);
	out->amount = amount_bytes(type, amount);
}

/*
 * Record a write to a document by its paths; false if it is one of the whole
 * document.
 */
static bool
record_paths(CvgRel *rel, int column, CvgSlice old_state, CvgSlice image,
			 TupleTableSlot *oldslot, TupleTableSlot *newslot, CvgCellWrite *out)
{
	AttrNumber	attnum = rel->columns[column].attnum;
	bool		insert = oldslot == NULL;
	bool		fresh = insert && old_state.len == 0;
	CvgJson		old = {0};
	CvgJson		new;
	int			n;

	if (!insert)
		old.doc = slot_getattr(oldslot, attnum, &old.isnull);
	else if (!fresh && !cvg_json_in_image(rel, column, image, &old))
		return false;
	new.doc = slot_getattr(newslot, attnum, &new.isnull);
	out->marks = cvg_json_marks(fresh ? NULL : &old, &new, insert, &out->nmarks);
	if (out->marks == NULL)
		return false;
	n = cvg_rowstate_mark_count(old_state, out->unit, out->marks, out->nmarks);
	out->paths = n >= 0 && n <= CVG_JSON_MAX_MARKS;
	return out->paths;
}

/* The column whose strategy is that of a unit: set last.  -1 if it has none. */
static int
strategy_column(CvgRel *rel, int unit)
{
	const CvgColumn *columns = rel->desc->columns;
	int			last = -1;

	for (int i = 0; i < rel->desc->ncolumns; i++)
	{
		if (rel->columns[i].unit == unit && rel->columns[i].strategy != NULL &&
			(last < 0 || cvg_dot_cmp(columns[i].set_at, columns[i].set_by,
									 columns[last].set_at, columns[last].set_by) > 0))
			last = i;
	}
	return last;
}

const CvgStrategy *
cvg_unit_strategy(CvgRel *rel, int unit)
{
	int			column = strategy_column(rel, unit);

	return column < 0 ? NULL : rel->columns[column].strategy;
}

CvgRewriting cvg_rewriting = {CVG_REWRITE_NONE};

/* Is this column to be set, whatever its strategy is? */
static bool
is_reset(CvgRel *rel, int column)
{
	return cvg_rewriting.mode == CVG_REWRITE_RESET && cvg_rewriting.rootid == rel->rootid &&
		cvg_slice_eq(rel->desc->columns[column].name, cvg_slice_cstring(cvg_rewriting.column));
}

static bool
contains(const uint32 *units, int n, uint32 unit)
{
	for (int i = 0; i < n; i++)
	{
		if (units[i] == unit)
			return true;
	}
	return false;
}

int
cvg_strategy_add_kept(CvgRel *rel, CvgSlice state, uint32 *units, int nunits)
{
	uint32	   *all;
	int			n = 0;

	if (cvg_rewriting.mode != CVG_REWRITE_RESOLVE || cvg_rewriting.rootid != rel->rootid)
		return nunits;
	all = palloc(sizeof(uint32) * Max(rel->nunits, 1));
	for (int u = 0; u < rel->nunits; u++)
	{
		CvgCellView view;

		if (contains(units, nunits, rel->units[u]) ||
			(cvg_rowstate_cell(state, rel->units[u], &view) && view.npairs > 1))
			all[n++] = rel->units[u];
	}
	memcpy(units, all, sizeof(uint32) * n);
	return n;
}

void
cvg_strategy_record(CvgRel *rel, CvgSlice old_state, CvgSlice image, CvgSlice self,
					TupleTableSlot *oldslot, TupleTableSlot *newslot,
					const uint32 *units, int nunits, CvgRecorded *out)
{
	out->cells = palloc0(sizeof(CvgCellWrite) * Max(rel->nunits, 1));
	out->units = palloc(sizeof(uint32) * Max(rel->nunits, 1));
	out->ncells = out->nunits = 0;
	for (int u = 0; u < rel->nunits; u++)
	{
		CvgCellWrite *cell = &out->cells[out->ncells];
		int			column = strategy_column(rel, u);
		const CvgStrategy *s = column < 0 ? NULL : rel->columns[column].strategy;
		CvgCellView view;
		bool		has_cell;

		if (oldslot != NULL && !contains(units, nunits, rel->units[u]))
			continue;
		has_cell = cvg_rowstate_cell(old_state, rel->units[u], &view);
		cell->unit = rel->units[u];
		if (s != NULL && s->kind == CVG_STRATEGY_COUNTER && !is_reset(rel, column))
		{
			record_count(rel, column, old_state, self, oldslot, newslot, cell);
			out->ncells++;
			continue;
		}
		if (s != NULL && s->kind == CVG_STRATEGY_JSONB_MERGE &&
			record_paths(rel, column, old_state, image, oldslot, newslot, cell))
		{
			out->ncells++;
			continue;
		}
		out->units[out->nunits++] = rel->units[u];
		if (!has_cell && !cvg_strategy_keeps_values(s))
			continue;
		cell->multi = cvg_strategy_keeps_values(s);
		if (has_cell && view.counted)
			cell->value = cvg_unit_value(rel, u, newslot);
		out->ncells++;
	}
}

void
cvg_strategy_show_counts(CvgRel *rel, CvgSlice state, TupleTableSlot *newslot,
						 CvgReplaced *replaced)
{
	CvgFold		fold = {.rel = rel,.state = state,.slot = newslot};

	for (int i = 0; i < rel->desc->ncolumns; i++)
	{
		CvgRelColumn *col = &rel->columns[i];
		CvgCellView view;
		bool		was_null;
		bool		isnull;
		Datum		was;
		Datum		shows;

		if (col->unit < 0 ||
			!cvg_rowstate_cell(state, rel->units[col->unit], &view) || !view.counted)
			continue;
		was = slot_getattr(newslot, col->attnum, &was_null);
		shows = cvg_strategy_fold(&fold, i, &isnull);
		if (was_null != isnull ||
			(!isnull && !datum_image_eq(was, shows, col->codec.typbyval, col->codec.typlen)))
			cvg_replaced_add(replaced, col->attnum, shows, isnull);
	}
}

/* ----------------------------------------------------------------
 *		Folds
 * ----------------------------------------------------------------
 */

/* Values of a column in dot order. */
typedef struct Values
{
	int			n;
	Datum	   *values;
	bool	   *nulls;
} Values;

static Values
column_values(CvgRel *rel, int column, const CvgCellView *view)
{
	Values		v = {0};

	v.values = palloc(sizeof(Datum) * Max(view->npairs, 1));
	v.nulls = palloc(sizeof(bool) * Max(view->npairs, 1));
	for (int i = 0; i < view->npairs; i++)
	{
		if (view->values[i].len == 0)
			continue;			/* not known: the peer had forgotten it */
		v.values[v.n] = cvg_unit_column(rel, column, view->values[i], &v.nulls[v.n]);
		v.n++;
	}
	return v;
}

static int
largest(const CvgRelColumn *col, const Values *v, bool smallest)
{
	TypeCacheEntry *tc = lookup_type_cache(col->codec.base, TYPECACHE_CMP_PROC_FINFO);
	int			best = -1;

	for (int i = 0; i < v->n; i++)
	{
		int			c;

		if (v->nulls[i])
			continue;
		c = best < 0 ? 1 : DatumGetInt32(FunctionCall2Coll(&tc->cmp_proc_finfo, C_COLLATION_OID,
														   v->values[i], v->values[best]));
		if (best < 0 || (smallest ? c < 0 : c > 0))
			best = i;
	}
	return best;
}

/* All elements, each once, in the order in which they come. */
static Datum
array_union(const CvgRelColumn *col, const Values *v, bool *isnull)
{
	Oid			element = get_element_type(col->codec.base);
	TypeCacheEntry *tc = lookup_type_cache(element, TYPECACHE_EQ_OPR_FINFO);
	ArrayBuildState *state = initArrayResult(element, CurrentMemoryContext, false);
	bool		any = false;

	for (int i = 0; i < v->n; i++)
	{
		Datum	   *elements;
		bool	   *nulls;
		int			n;

		if (v->nulls[i])
			continue;
		any = true;
		deconstruct_array(DatumGetArrayTypeP(v->values[i]), element, tc->typlen,
						  tc->typbyval, tc->typalign, &elements, &nulls, &n);
		for (int j = 0; j < n; j++)
		{
			bool		there = false;

			for (int k = 0; k < state->nelems && !there; k++)
				there = nulls[j] || state->dnulls[k] ? nulls[j] && state->dnulls[k] :
					DatumGetBool(FunctionCall2Coll(&tc->eq_opr_finfo, C_COLLATION_OID,
												   elements[j], state->dvalues[k]));
			if (!there)
				state = accumArrayResult(state, elements[j], nulls[j], element,
										 CurrentMemoryContext);
		}
	}
	*isnull = !any;
	return any ? makeArrayResult(state, CurrentMemoryContext) : (Datum) 0;
}

/* fn(fn(v1, v2), v3) ... */
static Datum
call_function(CvgRel *rel, const CvgRelColumn *col, const Values *v, bool *isnull)
{
	FmgrInfo	fn;
	Datum		result = v->values[0];

	fmgr_info(cvg_merge_function(rel, col->strategy->function, col->codec.type), &fn);
	*isnull = v->nulls[0];
	for (int i = 1; i < v->n; i++)
	{
		LOCAL_FCINFO(fcinfo, 2);

		if (fn.fn_strict && (*isnull || v->nulls[i]))
		{
			/* nothing to call it with: the other value */
			if (*isnull)
				result = v->values[i];
			*isnull = *isnull && v->nulls[i];
			continue;
		}
		InitFunctionCallInfoData(*fcinfo, &fn, 2, C_COLLATION_OID, NULL, NULL);
		fcinfo->args[0].value = result;
		fcinfo->args[0].isnull = *isnull;
		fcinfo->args[1].value = v->values[i];
		fcinfo->args[1].isnull = v->nulls[i];
		result = FunctionCallInvoke(fcinfo);
		*isnull = fcinfo->isnull;
	}
	return result;
}

static Datum
fold_values(CvgRel *rel, const CvgRelColumn *col, const Values *v, bool *isnull)
{
	CvgStrategyKind kind = col->strategy != NULL ? col->strategy->kind : CVG_STRATEGY_LWW;
	int			at = v->n - 1;	/* the last write */

	if (v->n > 0 && kind == CVG_STRATEGY_UNION)
		return array_union(col, v, isnull);
	if (v->n > 0 && kind == CVG_STRATEGY_FUNCTION)
		return call_function(rel, col, v, isnull);
	if (kind == CVG_STRATEGY_MAX || kind == CVG_STRATEGY_MIN)
		at = largest(col, v, kind == CVG_STRATEGY_MIN);
	*isnull = at < 0 || v->nulls[at];
	return at < 0 ? (Datum) 0 : v->values[at];
}

/* The function over the whole row that a column is merged by, NULL if none. */
static const char *
row_function(CvgRel *rel, int unit)
{
	const CvgStrategy *s = rel->desc->granularity == CVG_GRANULARITY_ROW ?
		cvg_unit_strategy(rel, unit) : NULL;

	return s != NULL && s->kind == CVG_STRATEGY_ROW_FUNCTION ? s->function : NULL;
}

/* One column of what it makes; it is called for the first of them. */
static Datum
row_function_column(CvgFold *fold, const char *function, const CvgCellView *view, int column,
					bool *isnull)
{
	CvgRel	   *rel = fold->rel;

	if (fold->values == NULL)
	{
		Datum		keys[CVG_MAX_KEY_COLUMNS];

		if (fold->slot != NULL)
			cvg_rel_key_values(rel, fold->slot, keys);
		fold->values = palloc(sizeof(Datum) * rel->desc->ncolumns);
		fold->nulls = palloc(sizeof(bool) * rel->desc->ncolumns);
		cvg_row_function_fold(rel, function, view, fold->slot != NULL ? keys : fold->keys,
							  fold->values, fold->nulls);
	}
	*isnull = fold->nulls[column];
	return fold->values[column];
}

bool
cvg_strategy_folds(CvgRel *rel, int column, CvgSlice state)
{
	CvgRelColumn *col = &rel->columns[column];
	CvgCellView view;

	return col->unit >= 0 && cvg_rowstate_cell(state, rel->units[col->unit], &view) &&
		(view.npairs > 1 || view.counted);
}

Datum
cvg_strategy_fold(CvgFold *fold, int column, bool *isnull)
{
	CvgRel	   *rel = fold->rel;
	CvgRelColumn *col = &rel->columns[column];
	const char *function = row_function(rel, col->unit);
	CvgCellView view;
	Values		v;
	Datum		value;

	(void) cvg_rowstate_cell(fold->state, rel->units[col->unit], &view);
	if (function != NULL && view.npairs > 1)
		value = row_function_column(fold, function, &view, column, isnull);
	else
	{
		v = column_values(rel, column, &view);
		value = fold_values(rel, col, &v, isnull);
	}
	if (!view.counted || !is_countable(col->codec.base))
		return value;
	value = to_amount(col->codec.base, value, *isnull);
	*isnull = false;
	return count_value(col->codec.base, &view, value);
}
