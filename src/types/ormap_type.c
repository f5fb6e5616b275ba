/*-------------------------------------------------------------------------
 *
 * ormap_type.c
 *	  Type converge.ormap.
 *
 * The functions are in two groups.  Those by plain values (set_path, add,
 * enable, assign, ...) take the type that a key has already, and a usual one
 * for a new key.  get() and put() take the value of a key out and merge it
 * back as what it is, so that everything that its type can do can be done to
 * a value inside a map.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/bcounter.h"
#include "core/counter.h"
#include "core/flag.h"
#include "core/lwwreg.h"
#include "core/orset.h"
#include "core/plain.h"
#include "errors.h"
#include "types/crdt_type.h"
#include "types/map.h"
#include "types/register.h"

static void
canonize_one(CvgSlice reg, void *arg, CvgBuf *out)
{
	cvg_register_canonize(reg, *(bool *) arg, out);
}

/* Text in a document is UTF-8 in every database. */
static void
refuse_documents(CvgSlice map)
{
	CvgReader	r = cvg_map_begin(map);
	CvgMapEntry e;

	while (cvg_map_next(&r, &e))
	{
		if (e.ops == &cvg_ormap_ops)
			refuse_documents(e.value);
		else if (e.ops->tag == CVG_CRDT_DOCUMENT)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("type %s needs a database with encoding UTF8",
							"converge.document"),
					 errdetail("The encoding of this database is %s.",
							   GetDatabaseEncodingName())));
	}
}

/* What is inside a map from outside. */
static void
canonize_map(CvgBuf *buf, const char *text)
{
	CvgSlice	value = cvg_slice(buf->data + VARHDRSZ, buf->len - VARHDRSZ);
	bool		from_text = text != NULL;
	CvgBuf		out;

	if (GetDatabaseEncoding() != PG_UTF8)
		refuse_documents(value);
	cvg_varlena_begin(&out);
	cvg_map_rewrite_registers(value, canonize_one, &from_text, &out);
	if (out.len - VARHDRSZ > CVG_CRDT_MAX_BYTES)
		cvg_crdt_check_status(CVG_E_LIMIT, value);
	*buf = out;
}

CVG_CRDT_TYPE(ormap, &cvg_ormap_ops, canonize_map);

/* --- paths, errors ---------------------------------------------------------- */

typedef struct Path
{
	CvgSlice   *keys;
	int			n;
} Path;

void
cvg_check_map_key(CvgSlice key)
{
	if (!cvg_map_key_valid(key))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("key is too long"),
				 errdetail("A key of a map has at most %d bytes.", CVG_MAP_MAX_KEY)));
}

/* update: keys are to be written, and so must not be too long or too many. */
static Path
get_path(ArrayType *array, bool update)
{
	Path		path;
	Datum	   *values;
	bool	   *nulls;
	int			i;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("path must be a one-dimensional array")));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls,
					  &path.n);
	path.keys = palloc(sizeof(CvgSlice) * (path.n + 1));
	for (i = 0; i < path.n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("path element at position %d is null", i + 1)));
		path.keys[i] = cvg_datum_slice(values[i]);
		if (update)
			cvg_check_map_key(path.keys[i]);
	}
	if (update && path.n > CVG_MAP_MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("path is too long"),
				 errdetail("Maps nest at most %d deep.", CVG_MAP_MAX_DEPTH)));
	return path;
}

#define PG_GETARG_PATH(n)	get_path(PG_GETARG_ARRAYTYPE_P(n), true)

static void
require_keys(Path path)
{
	if (path.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("path must not be empty")));
}

static void
report_kind(CvgSlice key, const CvgCrdtOps *is, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("key \"%.*s\" holds a value of type converge.%s, not %s",
					(int) key.len, (const char *) key.data, is->name, wanted),
			 errhint("Remove the key first, or use the functions of its type.")));
}

/* Somewhere on the path is a key of another type: which? */
static void
report_mismatch(CvgSlice map, Path path, const CvgCrdtOps *ops)
{
	CvgMapEntry e;
	int			i;

	for (i = 1; i <= path.n; i++)
	{
		const CvgCrdtOps *wanted = i < path.n ? &cvg_ormap_ops : ops;

		if (!cvg_map_find(map, path.keys, i, wanted, &e) &&
			cvg_map_find(map, path.keys, i, NULL, &e))
			report_kind(path.keys[i - 1], e.ops, psprintf("converge.%s", wanted->name));
	}
}

/* Raise the error of a failed update at a path. */
static void
check_update(CvgStatus status, CvgSlice map, Path path, const CvgCrdtOps *ops)
{
	switch (status)
	{
		case CVG_E_DUPLICATE:
			report_mismatch(map, path, ops);
			break;
		case CVG_E_FORBIDDEN:
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("value in a map cannot be changed this way"),
					 errdetail("No update that is allowed on this node leads there, by the rules of type converge.%s.",
							   ops->name)));
			break;
		case CVG_E_LIMIT:
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("value of type %s would be too large",
							cvg_crdt_type_name(map)),
					 errdetail("A value has at most %zu bytes, and maps nest at most %d deep.",
							   CVG_CRDT_MAX_BYTES, CVG_MAP_MAX_DEPTH)));
			break;
		default:
			break;
	}
	cvg_crdt_check_status(status, map);
}

/* --- updates ----------------------------------------------------------------- */

/* An update at a path with a dot of this node. */
static Datum
update_path(CvgSlice map, Path path, const CvgCrdtOps *ops, CvgStamp after,
			CvgMapChange change, void *arg)
{
	CvgStamp	latest = cvg_crdt_latest(map);
	CvgDotSupply dots = cvg_dot_supply(Max(latest, after));
	CvgDot		dot;
	CvgBuf		buf;

	require_keys(path);
	dot = cvg_next_dot(&dots);
	cvg_varlena_begin(&buf);
	check_update(cvg_map_update(map, path.keys, path.n, ops, dot, change, arg,
								&buf), map, path, ops);
	return cvg_varlena_finish(&buf);
}

/* The type that is seen at a path, or the one for a new key. */
static const CvgCrdtOps *
kind_at(CvgSlice map, Path path, const CvgCrdtOps *new)
{
	CvgMapEntry e;

	if (path.n > 0 && cvg_map_find(map, path.keys, path.n, NULL, &e))
		return e.ops;
	return new;
}

static CvgStatus
add_number(CvgSlice value, CvgDot dot, void *arg, CvgBuf *out)
{
	int64		n = *(int64 *) arg;

	if (value.data[1] != CVG_CRDT_BCOUNTER)
		return cvg_counter_add(value, dot.replica, dot.stamp, n, out);
	if (n > 0)
		return cvg_bcounter_add(value, dot, n, out);
	if (n < 0 && n != PG_INT64_MIN)
		return cvg_bcounter_take(value, dot, -n, out);
	cvg_print_slice(out, value);
	return n == 0 ? CVG_OK : CVG_E_OVERFLOW;
}

CVG_FUNCTION(ormap_add_number)
{
	CvgSlice	map = PG_GETARG_CVG_SLICE(0);
	Path		path = PG_GETARG_PATH(1);
	int64		n = PG_GETARG_INT64(2);
	const CvgCrdtOps *ops = kind_at(map, path, &cvg_pncounter_ops);

	if (ops->tag > CVG_CRDT_BCOUNTER)
		report_kind(path.keys[path.n - 1], ops, "a counter");
	return update_path(map, path, ops, 0, add_number, &n);
}

/* A change of one element; cvg_map_update()'s argument. */
typedef struct ElementChange
{
	CvgSlice	element;
	bool		remove;
} ElementChange;

static CvgStatus
change_element(CvgSlice value, CvgDot dot, void *arg, CvgBuf *out)
{
	ElementChange *c = arg;

	return cvg_set_update(value, dot, &c->element, 1, c->remove, out);
}

static Datum
update_element(FunctionCallInfo fcinfo, bool remove)
{
	CvgSlice	map = PG_GETARG_CVG_SLICE(0);
	Path		path = PG_GETARG_PATH(1);
	ElementChange c = {PG_GETARG_CVG_SLICE(2), remove};
	const CvgCrdtOps *ops = kind_at(map, path, &cvg_orset_ops);

	if (cvg_set_ops((uint8) ops->tag) == NULL)
		report_kind(path.keys[path.n - 1], ops, "a set");
	return update_path(map, path, ops, 0, change_element, &c);
}

CVG_FUNCTION(ormap_add_element)
{
	return update_element(fcinfo, false);
}

CVG_FUNCTION(ormap_remove_element)
{
	return update_element(fcinfo, true);
}

static CvgStatus
change_flag(CvgSlice value, CvgDot dot, void *arg, CvgBuf *out)
{
	return cvg_flag_set(value, dot, *(bool *) arg, out);
}

static Datum
update_flag(FunctionCallInfo fcinfo, bool enable)
{
	CvgSlice	map = PG_GETARG_CVG_SLICE(0);
	Path		path = PG_GETARG_PATH(1);
	const CvgCrdtOps *ops = kind_at(map, path, &cvg_ewflag_ops);

	if (ops != &cvg_ewflag_ops && ops != &cvg_dwflag_ops)
		report_kind(path.keys[path.n - 1], ops, "a flag");
	return update_path(map, path, ops, 0, change_flag, &enable);
}

CVG_FUNCTION(ormap_enable)
{
	return update_flag(fcinfo, true);
}

CVG_FUNCTION(ormap_disable)
{
	return update_flag(fcinfo, false);
}

static CvgStatus
change_reset(CvgSlice value, CvgDot dot, void *arg, CvgBuf *out)
{
	return cvg_crdt_reset(value, out);
}

CVG_FUNCTION(ormap_reset_path)
{
	CvgSlice	map = PG_GETARG_CVG_SLICE(0);
	Path		path = PG_GETARG_PATH(1);
	const CvgCrdtOps *ops = kind_at(map, path, NULL);

	require_keys(path);
	if (ops == NULL)
		PG_RETURN_DATUM(cvg_crdt_unchanged(map));
	if (ops->reset == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("values of type converge.%s cannot be reset", ops->name),
				 errhint("Remove the key.")));
	return update_path(map, path, ops, 0, change_reset, NULL);
}

CVG_FUNCTION(ormap_reset)
{
	return cvg_crdt_reset_arg(fcinfo);
}

static Datum
remove_path(CvgSlice map, Path path)
{
	CvgBuf		buf;

	require_keys(path);
	cvg_varlena_begin(&buf);
	cvg_crdt_check_status(cvg_map_remove(map, path.keys, path.n, NULL, &buf), map);
	return cvg_varlena_finish(&buf);
}

CVG_FUNCTION(ormap_remove_path)
{
	return remove_path(PG_GETARG_CVG_SLICE(0), PG_GETARG_PATH(1));
}

CVG_FUNCTION(ormap_remove_key)
{
	CvgSlice	key = PG_GETARG_CVG_SLICE(1);
	Path		path = {&key, 1};

	cvg_check_map_key(key);
	return remove_path(PG_GETARG_CVG_SLICE(0), path);
}

/* --- plain values -------------------------------------------------------------- */

Datum
cvg_value_jsonb(CvgSlice value)
{
	CvgBuf		json;

	cvg_buf_init(&json);
	cvg_crdt_print_plain(value, &json);
	return cvg_text_jsonb(cvg_buf_slice(&json));
}

/* Append a value of a type that reads as the JSON; raises errors. */
static void
value_from_json(const CvgCrdtOps *ops, CvgSlice json, CvgDotSupply *dots,
				CvgBuf *out)
{
	CvgStatus	status = cvg_crdt_from_json(ops, json, dots, out);

	if (status == CVG_OK)
		return;
	if (status == CVG_E_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("value is too large for type converge.%s", ops->name),
				 errdetail("A key has at most %d bytes, maps nest at most %d deep, and a value has at most %zu bytes.",
						   CVG_MAP_MAX_KEY, CVG_MAP_MAX_DEPTH, CVG_CRDT_MAX_BYTES)));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("jsonb cannot be made a value of type converge.%s", ops->name),
			 ops == &cvg_ormap_ops ?
			 errdetail("It must be an object.") :
			 errdetail("It must be an object whose values are integers that are not negative.")));
}

Datum
cvg_map_from_jsonb(const CvgCrdtOps *ops, Jsonb *json)
{
	CvgDotSupply dots = cvg_dot_supply(0);
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	value_from_json(ops, cvg_jsonb_text(json), &dots, &buf);
	return cvg_crdt_plain(cvg_varlena_finish(&buf));
}

/* Dots for what is read only: the assignment takes no dots from it. */
static CvgDot
next_dummy(CvgDotSupply *supply, int n)
{
	CvgDot		dot = {cvg_slice_cstring("assigned"), supply->after + 1};

	supply->after += n;
	return dot;
}

Datum
cvg_map_assign_jsonb(CvgSlice old, Jsonb *json)
{
	const CvgCrdtOps *ops = cvg_crdt_ops(old.data[1]);
	CvgDotSupply dummies = {next_dummy, 0};
	CvgDotSupply dots = cvg_dot_supply(cvg_crdt_latest(old));
	Path		none = {NULL, 0};
	CvgBuf		new;
	CvgBuf		buf;

	cvg_buf_init(&new);
	value_from_json(ops, cvg_jsonb_text(json), &dummies, &new);
	cvg_varlena_begin(&buf);
	check_update(cvg_crdt_assign(old, cvg_buf_slice(&new), true, &dots, &buf),
				 old, none, ops);
	return cvg_varlena_finish(&buf);
}

CVG_FUNCTION(ormap_from_jsonb)
{
	return cvg_map_from_jsonb(&cvg_ormap_ops, PG_GETARG_JSONB_P(0));
}

CVG_FUNCTION(ormap_assign)
{
	return cvg_map_assign_jsonb(PG_GETARG_CVG_SLICE(0), PG_GETARG_JSONB_P(1));
}

static CvgStatus
change_assign(CvgSlice value, CvgDot dot, void *arg, CvgBuf *out)
{
	CvgDotSupply dots = cvg_dot_supply(dot.stamp);

	return cvg_crdt_assign(value, *(CvgSlice *) arg, true, &dots, out);
}

/*
 * The value takes the type that the key has, if that can read so; otherwise
 * the key is removed and written anew.
 */
CVG_FUNCTION(ormap_set_path)
{
	CvgSlice	map = PG_GETARG_CVG_SLICE(0);
	Path		path = PG_GETARG_PATH(1);
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(2);
	CvgSlice	json = cvg_jsonb_text(jsonb);
	CvgDotSupply dummies = {next_dummy, 0};
	const CvgCrdtOps *ops;
	CvgSlice	wanted;
	CvgBuf		value;

	if (path.n == 0)
		return cvg_map_assign_jsonb(map, jsonb);
	ops = kind_at(map, path, cvg_json_type(json));
	cvg_buf_init(&value);
	if (cvg_crdt_from_json(ops, json, &dummies, &value) != CVG_OK)
	{
		map = cvg_datum_slice(remove_path(map, path));
		ops = cvg_json_type(json);
		value_from_json(ops, json, &dummies, &value);
	}
	wanted = cvg_buf_slice(&value);
	return update_path(map, path, ops, 0, change_assign, &wanted);
}

CVG_FUNCTION(ormap_to_jsonb)
{
	return cvg_value_jsonb(PG_GETARG_CVG_SLICE(0));
}

/* --- reads -------------------------------------------------------------------- */

/* The server's function for the rest of a path, inside a plain value. */
static Datum
extract_path(FunctionCallInfo fcinfo, PGFunction function, Datum json,
			 ArrayType *path, int skip)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
	ArrayType  *rest;
	Datum		result;

	LOCAL_FCINFO(call, 2);

	deconstruct_array(path, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	rest = construct_array(values + skip, n - skip, TEXTOID, -1, false, TYPALIGN_INT);
	InitFunctionCallInfoData(*call, NULL, 2, DEFAULT_COLLATION_OID, NULL, NULL);
	call->args[0].value = json;
	call->args[0].isnull = false;
	call->args[1].value = PointerGetDatum(rest);
	call->args[1].isnull = false;
	result = function(call);
	fcinfo->isnull = call->isnull;
	return result;
}

/*
 * What is at a path: as far as there are maps, by way of them; then inside
 * what a register holds.
 */
static Datum
read_path(FunctionCallInfo fcinfo, PGFunction function, ArrayType *array)
{
	CvgSlice	value = PG_GETARG_CVG_SLICE(0);
	Path		path;
	int			skip = 0;
	CvgBuf		scratch;

	if (array_contains_nulls(array))
		PG_RETURN_NULL();
	path = get_path(array, false);
	cvg_buf_init(&scratch);
	while (skip < path.n && value.data[1] == CVG_CRDT_ORMAP)
	{
		CvgMapEntry e;

		if (!cvg_map_find(value, &path.keys[skip], 1, NULL, &e))
			PG_RETURN_NULL();
		value = cvg_map_entry_value(&e, &scratch);
		skip++;
	}
	if (skip == path.n && function == jsonb_extract_path)
		return cvg_value_jsonb(value);
	return extract_path(fcinfo, function, cvg_value_jsonb(value), array, skip);
}

static ArrayType *
path_of_key(Datum key)
{
	return construct_array(&key, 1, TEXTOID, -1, false, TYPALIGN_INT);
}

CVG_FUNCTION(ormap_get_key)
{
	return read_path(fcinfo, jsonb_extract_path, path_of_key(PG_GETARG_DATUM(1)));
}

CVG_FUNCTION(ormap_get_key_text)
{
	return read_path(fcinfo, jsonb_extract_path_text, path_of_key(PG_GETARG_DATUM(1)));
}

CVG_FUNCTION(ormap_get_path)
{
	return read_path(fcinfo, jsonb_extract_path, PG_GETARG_ARRAYTYPE_P(1));
}

CVG_FUNCTION(ormap_get_path_text)
{
	return read_path(fcinfo, jsonb_extract_path_text, PG_GETARG_ARRAYTYPE_P(1));
}

CVG_FUNCTION(ormap_keys)
{
	CvgReader	r = cvg_map_begin(PG_GETARG_CVG_SLICE(0));
	ReturnSetInfo *rsi = cvg_srf_begin(fcinfo);
	CvgMapEntry next = {{NULL, 0}};
	CvgMapEntry e;

	while (cvg_map_next_visible(&r, &next, &e))
	{
		Datum		key = cvg_id_text(e.key);

		cvg_srf_put(rsi, &key, NULL);
		pfree(DatumGetPointer(key));
	}
	return (Datum) 0;
}

/* A row per key and type, with who wrote it last, when, and whether it is seen. */
CVG_FUNCTION(ormap_entries)
{
	CvgReader	r = cvg_map_begin(PG_GETARG_CVG_SLICE(0));
	CvgReader	visible = r;
	ReturnSetInfo *rsi = cvg_srf_begin(fcinfo);
	CvgMapEntry next = {{NULL, 0}};
	CvgMapEntry seen = {{NULL, 0}};
	CvgMapEntry e;
	CvgBuf		scratch;

	cvg_buf_init(&scratch);
	while (cvg_map_next(&r, &e))
	{
		Datum		values[6];

		if (e.ndots == 0)
			continue;
		if (seen.ops == NULL || !cvg_slice_eq(seen.key, e.key))
			(void) cvg_map_next_visible(&visible, &next, &seen);
		values[0] = cvg_id_text(e.key);
		values[1] = CStringGetTextDatum(e.ops->name);
		values[2] = cvg_value_jsonb(cvg_map_entry_value(&e, &scratch));
		values[3] = BoolGetDatum(seen.ops == e.ops);
		values[4] = cvg_id_text(e.last.replica);
		values[5] = Int64GetDatum(e.last.stamp);
		cvg_srf_put(rsi, values, NULL);
	}
	return (Datum) 0;
}

/* --- values of their own types ------------------------------------------------ */

/* The operations of an SQL type; raises an error if it is none of ours. */
static const CvgCrdtOps *
type_ops(Oid type)
{
	const CvgCrdtOps *ops = NULL;
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_type form = (Form_pg_type) GETSTRUCT(tuple);

		if (form->typnamespace == get_namespace_oid("converge", true))
			ops = cvg_crdt_ops_by_name(cvg_slice_cstring(NameStr(form->typname)));
		ReleaseSysCache(tuple);
	}
	if (ops == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("type %s is none of the data types that merge",
						OidIsValid(type) ? format_type_be(type) : "unknown")));
	return ops;
}

/* The third argument is there for its type only. */
CVG_FUNCTION(ormap_get)
{
	const CvgCrdtOps *ops = type_ops(get_fn_expr_argtype(fcinfo->flinfo, 2));
	Path		path;
	CvgMapEntry e;
	CvgBuf		scratch;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	path = get_path(PG_GETARG_ARRAYTYPE_P(1), false);
	require_keys(path);
	if (!cvg_map_find(PG_GETARG_CVG_SLICE(0), path.keys, path.n, ops, &e))
		PG_RETURN_NULL();
	cvg_buf_init(&scratch);
	PG_RETURN_DATUM(cvg_varlena_copy(cvg_map_entry_value(&e, &scratch)));
}

static CvgStatus
change_merge(CvgSlice value, CvgDot dot, void *arg, CvgBuf *out)
{
	return cvg_crdt_merge(value, *(CvgSlice *) arg, out);
}

CVG_FUNCTION(ormap_put)
{
	const CvgCrdtOps *ops = type_ops(get_fn_expr_argtype(fcinfo->flinfo, 2));
	CvgSlice	value = PG_GETARG_CVG_SLICE(2);

	return update_path(PG_GETARG_CVG_SLICE(0), PG_GETARG_PATH(1), ops,
					   cvg_crdt_latest(value), change_merge, &value);
}
