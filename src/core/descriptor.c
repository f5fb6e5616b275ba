/*-------------------------------------------------------------------------
 *
 * descriptor.c
 *	  Table descriptors: what a change needs to know of its table where it
 *	  was made.
 *
 * A descriptor is sent once per connection, stored for good and named by the
 * hash of its bytes, so its bytes must be canonical: each fact has one place
 * and one form.  Names become C strings in the server; a NUL byte in one is
 * refused here.
 *
 *-------------------------------------------------------------------------
 */
#include "core/entry.h"

#include <xxhash.h>

/* two names of a byte, unit, keypos, flags */
#define MIN_COLUMN_SIZE		(2 + 2 + 4 + 1 + 1)

#define DESC_KNOWN_FLAGS	CVG_DESC_KEYLESS
#define COL_KNOWN_FLAGS		(CVG_COL_GENERATED | CVG_COL_MERGED | CVG_COL_STRATEGY)

/* ----------
 * Hashes
 * ----------
 */

uint64
cvg_descriptor_hash(CvgSlice bytes)
{
	return XXH3_64bits(bytes.data, bytes.len);
}

uint32
cvg_unit_id(CvgSlice column_name)
{
	uint32		id = XXH32(column_name.data, column_name.len, 0);

	return id == 0 ? 1 : id;
}

/* ----------
 * Encoding
 * ----------
 */

void
cvg_descriptor_encode(const CvgDescriptor *desc, CvgBuf *out)
{
	int			i;

	cvg_put_u8(out, CVG_DESCRIPTOR_VERSION);
	cvg_put_u8(out, (uint8) desc->on_delete);
	cvg_put_u8(out, (uint8) desc->granularity);
	cvg_put_u8(out, desc->flags);
	cvg_put_slice(out, desc->schema);
	cvg_put_slice(out, desc->table);
	cvg_put_varint(out, (uint64) desc->ncolumns);
	for (i = 0; i < desc->ncolumns; i++)
	{
		const CvgColumn *col = &desc->columns[i];

		cvg_put_slice(out, col->name);
		cvg_put_slice(out, col->type_name);
		cvg_put_u32(out, col->unit);
		cvg_put_varint(out, (uint64) col->keypos);
		cvg_put_u8(out, col->flags);
		if (col->flags & CVG_COL_STRATEGY)
		{
			cvg_put_slice(out, col->strategy);
			cvg_put_slice(out, col->set_by);
			cvg_put_varint(out, (uint64) col->set_at);
		}
	}
}

/* ----------
 * Decoding
 * ----------
 */

/* A name: 1 to CVG_MAX_NAME bytes without a NUL. */
static CvgSlice
get_name(CvgReader *r)
{
	CvgSlice	name = cvg_get_slice(r, CVG_MAX_NAME);

	if (cvg_reader_ok(r) &&
		(name.len == 0 || memchr(name.data, '\0', name.len) != NULL))
		cvg_reader_fail(r, CVG_E_MALFORMED);
	return name;
}

/*
 * The fields before the columns.  A tag that is not known is malformed; a
 * flag that is not known was set by a later version.
 */
static void
get_head(CvgReader *r, CvgDescriptor *desc)
{
	uint8		version = cvg_get_u8(r);
	uint8		on_delete = cvg_get_u8(r);
	uint8		granularity = cvg_get_u8(r);

	desc->flags = cvg_get_u8(r);
	if (!cvg_reader_ok(r))
		return;
	if (version != CVG_DESCRIPTOR_VERSION ||
		(desc->flags & ~DESC_KNOWN_FLAGS) != 0)
		cvg_reader_fail(r, CVG_E_VERSION);
	else if (on_delete > CVG_ON_DELETE_UPDATE_WINS ||
			 granularity > CVG_GRANULARITY_ROW)
		cvg_reader_fail(r, CVG_E_MALFORMED);
	desc->on_delete = (CvgOnDelete) on_delete;
	desc->granularity = (CvgGranularity) granularity;
	desc->schema = get_name(r);
	desc->table = get_name(r);
}

/*
 * One column.  A key column belongs to no unit, any other that travels to
 * one; where it does not travel the unit says nothing.
 */
static void
get_column(CvgReader *r, CvgColumn *col)
{
	bool		generated;

	col->name = get_name(r);
	col->type_name = get_name(r);
	col->unit = cvg_get_u32(r);
	col->keypos = (int) cvg_get_varint_max(r, CVG_MAX_KEY_COLUMNS);
	col->flags = cvg_get_u8(r);
	if (!cvg_reader_ok(r))
		return;
	generated = (col->flags & CVG_COL_GENERATED) != 0;
	if ((col->flags & ~COL_KNOWN_FLAGS) != 0)
		cvg_reader_fail(r, CVG_E_VERSION);
	else if (col->keypos > 0 ? col->unit != 0 : (col->unit == 0 && !generated))
		cvg_reader_fail(r, CVG_E_MALFORMED);
	else if ((col->flags & (CVG_COL_MERGED | CVG_COL_STRATEGY)) &&
			 (col->keypos > 0 || generated))
		cvg_reader_fail(r, CVG_E_MALFORMED);
	if ((col->flags & CVG_COL_STRATEGY) == 0 || !cvg_reader_ok(r))
		return;
	col->strategy = get_name(r);
	col->set_by = cvg_get_replica_id(r);
	col->set_at = (CvgStamp) cvg_get_varint_max(r, PG_INT64_MAX);
	if (cvg_reader_ok(r) && (col->set_at == 0 || (col->flags & CVG_COL_MERGED)))
		cvg_reader_fail(r, CVG_E_MALFORMED);
}

/*
 * Fill keycols from the columns' places: 1 to nkeys, each once, and none at
 * all exactly when the table is flagged as keyless.
 */
static CvgStatus
find_key(CvgDescriptor *desc)
{
	int			max = 0;
	int			i;

	for (i = 0; i < CVG_MAX_KEY_COLUMNS; i++)
		desc->keycols[i] = -1;
	for (i = 0; i < desc->ncolumns; i++)
	{
		int			keypos = desc->columns[i].keypos;

		if (keypos == 0)
			continue;
		if (desc->keycols[keypos - 1] >= 0)
			return CVG_E_DUPLICATE;
		desc->keycols[keypos - 1] = i;
		desc->nkeys++;
		max = Max(max, keypos);
	}
	if (max != desc->nkeys ||
		(desc->nkeys == 0) != ((desc->flags & CVG_DESC_KEYLESS) != 0))
		return CVG_E_MALFORMED;
	return CVG_OK;
}

static int
name_cmp(const void *a, const void *b)
{
	return cvg_slice_cmp(*(const CvgSlice *) a, *(const CvgSlice *) b);
}

static bool
names_unique(const CvgDescriptor *desc)
{
	CvgSlice   *names = palloc(sizeof(CvgSlice) * (desc->ncolumns + 1));
	bool		unique = true;
	int			i;

	for (i = 0; i < desc->ncolumns; i++)
		names[i] = desc->columns[i].name;
	qsort(names, desc->ncolumns, sizeof(CvgSlice), name_cmp);
	for (i = 1; i < desc->ncolumns && unique; i++)
		unique = !cvg_slice_eq(names[i - 1], names[i]);
	pfree(names);
	return unique;
}

/* The columns and the key; desc->columns is allocated once the count fits. */
static void
get_columns(CvgReader *r, CvgDescriptor *desc)
{
	uint64		n = cvg_get_varint_max(r, CVG_MAX_COLUMNS);
	CvgStatus	status;
	uint64		i;

	if (cvg_reader_ok(r) && n > (r->len - r->pos) / MIN_COLUMN_SIZE)
		cvg_reader_fail(r, CVG_E_TRUNCATED);
	if (!cvg_reader_ok(r))
		return;
	desc->columns = palloc0(sizeof(CvgColumn) * (n + 1));
	desc->ncolumns = (int) n;
	for (i = 0; i < n && cvg_reader_ok(r); i++)
	{
		get_column(r, &desc->columns[i]);
		desc->merges |= (desc->columns[i].flags & CVG_COL_MERGED) != 0;
	}
	if (!cvg_reader_ok(r))
		return;
	status = find_key(desc);
	if (status == CVG_OK && !names_unique(desc))
		status = CVG_E_DUPLICATE;
	if (status != CVG_OK)
		cvg_reader_fail(r, status);
}

/*
 * The names are borrowed from bytes, the columns array is the caller's to
 * free.  Nothing is left allocated on failure.
 */
CvgStatus
cvg_descriptor_decode(CvgSlice bytes, CvgDescriptor *desc, CvgError *err)
{
	CvgReader	r;
	CvgStatus	status;

	memset(desc, 0, sizeof(*desc));
	cvg_reader_init(&r, bytes);
	get_head(&r, desc);
	get_columns(&r, desc);
	status = cvg_reader_finish(&r, err);
	if (status == CVG_OK)
		desc->hash = cvg_descriptor_hash(bytes);
	else if (desc->columns != NULL)
	{
		pfree(desc->columns);
		desc->columns = NULL;
		desc->ncolumns = desc->nkeys = 0;
	}
	return status;
}
