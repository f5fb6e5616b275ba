/*-------------------------------------------------------------------------
 *
 * crdt_column.c
 *	  Columns of CRDT types in replicated tables.
 *
 * A statement assigns a value to such a column; what the row holds
 * afterwards is what updates of the old value lead to, so that every value
 * of the row contains all earlier ones:
 *
 *	 - A value that contains the old one (SET n = n + 1) is taken as it is.
 *	 - One that does not was read earlier, here or by a client, perhaps
 *	   changed, and is written back: it is merged with the old one.  What
 *	   others have added meanwhile stays.
 *	 - One that was made from a plain value (SET n = 5, SET tags =
 *	   ARRAY['a']; CVG_CRDT_PLAIN) stands for what it reads as: the value is
 *	   updated until it reads so.
 *	 - NULL undoes what has been seen, as far as the type can: the column is
 *	   the empty value then, not NULL, since a merge cannot tell "set to NULL"
 *	   from "never had a value".
 *
 * A row inserted over a tombstone goes on from the value that the deleted
 * row had: reset, and then assigned to as with a plain value.  So what the
 * delete had seen is gone, and what others did to the row at the same time
 * survives.  Where a type cannot go back (a grow-only set), what was there
 * comes back.
 *
 * Only the delta of a value travels with an UPDATE.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "dot_source.h"
#include "store/crdt_column.h"
#include "store/meta.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

const CvgCrdtOps *
cvg_crdt_of_type(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(getBaseType(type)));
	const CvgCrdtOps *ops = NULL;
	Form_pg_type form;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_type) GETSTRUCT(tuple);
	if (form->typtype == TYPTYPE_BASE &&
		form->typnamespace == get_namespace_oid(CVG_SCHEMA, true))
		ops = cvg_crdt_ops_by_name(cvg_slice_cstring(NameStr(form->typname)));
	ReleaseSysCache(tuple);
	return ops;
}

static CvgCrdtValue
datum_value(Datum datum)
{
	struct varlena *v = PG_DETOAST_DATUM_PACKED(datum);

	return cvg_slice(VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v));
}

CvgCrdtValue
cvg_crdt_slot_value(const CvgRelColumn *col, TupleTableSlot *slot)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, col->attnum, &isnull);

	return isnull ? cvg_slice(NULL, 0) : datum_value(value);
}

Datum
cvg_crdt_datum(CvgCrdtValue value, bool *isnull)
{
	bytea	   *v;

	*isnull = value.len == 0;
	if (*isnull)
		return (Datum) 0;
	v = palloc(VARHDRSZ + value.len);
	SET_VARSIZE(v, VARHDRSZ + value.len);
	memcpy(VARDATA(v), value.data, value.len);
	return PointerGetDatum(v);
}

/* Something is wrong with an operation on the value of a column. */
static void
check_status(CvgStatus status, const CvgCrdtOps *ops, CvgSlice column)
{
	if (status == CVG_OK)
		return;
	if (status == CVG_E_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("value of column \"%.*s\" would be too large",
						(int) column.len, (const char *) column.data),
				 errdetail("A value of type converge.%s has at most %zu bytes.",
						   ops->name, CVG_CRDT_MAX_BYTES)));
	if (status == CVG_E_OVERFLOW)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("value of column \"%.*s\" would be out of range",
						(int) column.len, (const char *) column.data)));
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("column \"%.*s\" cannot be set to this value",
					(int) column.len, (const char *) column.data),
			 errdetail("No update that is allowed on this node leads there from the value that the row has, by the rules of type converge.%s.",
					   ops->name)));
}

CvgCrdtValue
cvg_crdt_merge_values(CvgCrdtValue a, CvgCrdtValue b)
{
	CvgBuf		buf;

	if (a.len == 0 || b.len == 0)
		return a.len == 0 ? b : a;
	if (cvg_slice_eq(a, b))
		return a;
	if (a.data[1] != b.data[1])
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("values of different types cannot be merged")));
	cvg_buf_init(&buf);
	check_status(cvg_crdt_merge(a, b, &buf), cvg_crdt_ops(a.data[1]),
				 cvg_slice_cstring("?"));
	return cvg_buf_slice(&buf);
}

void
cvg_crdt_put_delta(CvgCrdtValue old, CvgCrdtValue new, CvgBuf *out)
{
	CvgBuf		buf;

	if (old.len == 0 || new.len == 0)
	{
		cvg_put_value(out, new.len == 0 ? CVG_VALUE_NULL : CVG_VALUE_BINARY,
					  new.data, new.len);
		return;
	}
	cvg_buf_init(&buf);
	check_status(cvg_crdt_delta(old, new, &buf), cvg_crdt_ops(new.data[1]),
				 cvg_slice_cstring("?"));
	cvg_put_value(out, CVG_VALUE_BINARY, buf.data, buf.len);
	cvg_buf_free(&buf);
}

/* ----------------------------------------------------------------
 *		Assignment
 * ----------------------------------------------------------------
 */

static CvgCrdtValue
bottom(const CvgCrdtOps *ops)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	cvg_crdt_bottom(ops, &buf);
	return cvg_buf_slice(&buf);
}

/* What is left of the value of a deleted row, if its type can go back at all. */
static CvgCrdtValue
undone(CvgCrdtValue old)
{
	CvgBuf		buf;

	cvg_buf_init(&buf);
	return cvg_crdt_reset(old, &buf) == CVG_OK ? cvg_buf_slice(&buf) : old;
}

/*
 * The value after an assignment.  anew: the row begins anew, over a
 * tombstone.
 */
static CvgCrdtValue
assign(const CvgCrdtOps *ops, CvgSlice column, CvgCrdtValue old,
	   CvgCrdtValue new, bool anew)
{
	CvgDotSupply dots;
	CvgStatus	status;
	CvgBuf		buf;
	CvgStamp	after;

	if (old.len == 0 && (new.len == 0 || !cvg_crdt_is_plain(new)))
		return new;
	if (cvg_slice_eq(old, new) && !anew)
		return old;
	if (anew)
		old = undone(old);
	cvg_buf_init(&buf);
	if (new.len == 0)
		status = cvg_crdt_reset(old, &buf);
	else
	{
		if (old.len == 0)
			old = bottom(ops);
		after = Max(cvg_crdt_latest(old), cvg_crdt_latest(new));
		dots = cvg_node_dots(after);
		status = cvg_crdt_assign(old, new, anew, &dots, &buf);
	}
	if (anew && status == CVG_E_FORBIDDEN)
		return cvg_crdt_merge_values(old, new);
	check_status(status, ops, column);
	return cvg_buf_slice(&buf);
}

void
cvg_replaced_init(CvgReplaced *replaced, CvgRel *rel)
{
	int			max = 1;

	/* nobody has to look for more in the usual table */
	if (rel->desc->merges || rel->has_strategies)
		max += rel->desc->ncolumns;


	replaced->n = 0;
	replaced->attnums = palloc(max * sizeof(int));
	replaced->values = palloc(max * sizeof(Datum));
	replaced->nulls = palloc(max * sizeof(bool));
}

void
cvg_replaced_add(CvgReplaced *replaced, AttrNumber attnum, Datum value, bool isnull)
{
	replaced->attnums[replaced->n] = attnum;
	replaced->values[replaced->n] = value;
	replaced->nulls[replaced->n] = isnull;
	replaced->n++;
}

static void
replace(CvgReplaced *out, const CvgRelColumn *col, CvgCrdtValue value)
{
	bool		isnull;
	Datum		datum = cvg_crdt_datum(value, &isnull);

	cvg_replaced_add(out, col->attnum, datum, isnull);
}

/* The value of a column in the image of a deleted row, NULL if not there. */
static CvgCrdtValue
image_value(const CvgImage *image, const CvgDescriptor *desc, const CvgColumn *column)
{
	for (int i = 0; i < image->ncolumns; i++)
	{
		const CvgColumn *col = &desc->columns[image->cols[i]];

		if (image->values[i].kind == CVG_VALUE_BINARY &&
			cvg_slice_eq(col->name, column->name) &&
			cvg_slice_eq(col->type_name, column->type_name))
			return image->values[i].bytes;
	}
	return cvg_slice(NULL, 0);
}

void
cvg_crdt_insert_columns(CvgRel *rel, TupleTableSlot *slot, CvgSlice old_image,
						bool again, CvgReplaced *out)
{
	const CvgDescriptor *old_desc = NULL;
	CvgImage   *image = NULL;

	if (old_image.len > 0)
	{
		image = palloc(sizeof(CvgImage));
		if (cvg_image_decode(old_image, image, NULL) == CVG_OK)
			old_desc = cvg_descriptor_lookup(image->hash);
	}
	for (int i = 0; i < rel->desc->ncolumns; i++)
	{
		const CvgRelColumn *col = &rel->columns[i];
		CvgCrdtValue old = {NULL, 0};
		CvgCrdtValue given;
		CvgCrdtValue value;

		if (col->crdt == NULL)
			continue;
		if (old_desc != NULL)
			old = image_value(image, old_desc, &rel->desc->columns[i]);
		given = cvg_crdt_slot_value(col, slot);
		if (again)
			old = cvg_crdt_merge_values(old, given);
		value = assign(col->crdt, rel->desc->columns[i].name, old, given, old.len > 0);
		if (!cvg_slice_eq(value, given))
			replace(out, col, value);
	}
}

void
cvg_crdt_update_columns(CvgRel *rel, TupleTableSlot *oldslot,
						TupleTableSlot *newslot, CvgReplaced *out)
{
	for (int i = 0; i < rel->desc->ncolumns; i++)
	{
		const CvgRelColumn *col = &rel->columns[i];
		CvgCrdtValue given;
		CvgCrdtValue value;

		if (col->crdt == NULL)
			continue;
		given = cvg_crdt_slot_value(col, newslot);
		value = assign(col->crdt, rel->desc->columns[i].name,
					   cvg_crdt_slot_value(col, oldslot), given, false);
		if (!cvg_slice_eq(value, given))
			replace(out, col, value);
	}
}
