/*
 * gen.h: random ids, clocks, states, values, descriptors and changes.
 *
 * Everything generated lives in one arena until gen_reset(), and is allocated
 * exactly as long as it is, so that AddressSanitizer sees a read beyond it.
 */
#ifndef CVG_GEN_H
#define CVG_GEN_H

#include "cell.h"
#include "core/entry.h"
#include "core/wire.h"

static void **gen_arena = NULL;
static int	gen_used = 0;
static int	gen_size = 0;

static inline void *
gen_alloc(size_t size)
{
	if (gen_used == gen_size)
	{
		gen_size = gen_size ? gen_size * 2 : 1024;
		gen_arena = realloc(gen_arena, sizeof(void *) * gen_size);
	}
	return gen_arena[gen_used++] = malloc(size ? size : 1);
}

static inline void
gen_reset(void)
{
	while (gen_used > 0)
		free(gen_arena[--gen_used]);
	free(gen_arena);
	gen_arena = NULL;
	gen_size = 0;
}

/* Free what was allocated since gen_used was this. */
static inline void
gen_release(int used)
{
	while (gen_used > used)
		free(gen_arena[--gen_used]);
}

static inline CvgSlice
gen_copy(CvgSlice s)
{
	uint8	   *copy = gen_alloc(s.len);

	if (s.len > 0)
		memcpy(copy, s.data, s.len);
	return cvg_slice(copy, s.len);
}

/* The bytes of a buffer, which is freed. */
static inline CvgSlice
gen_take(CvgBuf *buf)
{
	CvgSlice	s = gen_copy(cvg_buf_slice(buf));

	cvg_buf_free(buf);
	return s;
}

static inline bool
gen_chance(int percent)
{
	return unit_below(100) < percent;
}

/* 0 .. 2^63-1, with the edges of varints and of the range well represented */
static inline int64
gen_int64(void)
{
	static const int64 edges[] = {0, 1, 127, 128, 16383, 16384,
	PG_INT32_MAX, (int64) PG_UINT32_MAX + 1, PG_INT64_MAX - 1, PG_INT64_MAX};

	if (gen_chance(30))
		return edges[unit_below(lengthof(edges))];
	return (int64) (unit_rand() >> (1 + unit_below(63)));
}

static inline CvgSlice
gen_bytes(size_t len)
{
	uint8	   *data = gen_alloc(len);
	size_t		i;

	for (i = 0; i < len; i++)
		data[i] = (uint8) unit_rand();
	return cvg_slice(data, len);
}

/* Bytes without a NUL. */
static inline CvgSlice
gen_text(size_t len)
{
	uint8	   *data = gen_alloc(len);
	size_t		i;

	for (i = 0; i < len; i++)
		data[i] = (uint8) (1 + unit_below(255));
	return cvg_slice(data, len);
}

static inline CvgSlice
gen_name(void)
{
	return gen_text(gen_chance(1) ? CVG_MAX_NAME : 1 + unit_below(20));
}

static inline CvgSlice
gen_id(void)
{
	static const char chars[] = "abcXYZ019_-.~\xc3\xa9";
	size_t		len = gen_chance(5) ? CVG_MAX_REPLICA_ID : 1 + unit_below(8);
	uint8	   *data = gen_alloc(len);
	size_t		i;

	for (i = 0; i < len; i++)
		data[i] = (uint8) chars[unit_below(sizeof(chars) - 1)];
	return cvg_slice(data, len);
}

/* A replica id without '~' */
static inline CvgSlice
gen_node_name(void)
{
	CvgSlice	id = gen_id();
	size_t		i;

	for (i = 0; i < id.len; i++)
	{
		if (id.data[i] == '~')
			((uint8 *) id.data)[i] = 'n';
	}
	return id;
}

/* One of a few ids, so that clocks have some in common. */
static inline CvgSlice
gen_member(void)
{
	static const char *const names[] = {"a", "b", "c", "london", "paris~0f3a"};

	return cvg_slice_cstring(names[unit_below(lengthof(names))]);
}

/* A valid clock of up to max entries. */
static inline CvgSlice
gen_clock(int max)
{
	CvgBuf		a;
	CvgBuf		b;
	int			n = unit_below(max + 1);

	cvg_buf_init(&a);
	cvg_buf_init(&b);
	cvg_vclock_empty(&a);
	while (n-- > 0)
	{
		CvgBuf		swap;
		int64		value = gen_int64();

		cvg_buf_reset(&b);
		if (cvg_vclock_set(cvg_buf_slice(&a),
						   gen_chance(70) ? gen_member() : gen_id(),
						   value > 0 ? value : 1, &b) != CVG_OK)
			abort();
		swap = a;
		a = b;
		b = swap;
	}
	cvg_buf_free(&b);
	return gen_take(&a);
}

/* Marks of paths of some document: of a few ids, in order. */
static inline const CvgMark *
gen_marks(int *n)
{
	CvgMark    *marks = gen_alloc(sizeof(CvgMark) * 9);
	int			i;

	*n = 0;
	for (i = 0; i < 9; i++)
	{
		if (gen_chance(40))
			marks[(*n)++] = (CvgMark) {.id = 1 + i / 3,.kind = i % 3,.derived = gen_chance(20)};
	}
	return marks;
}

/*
 * What a write does to a unit, as any strategy would record it: true if that
 * takes a cell.
 */
static inline bool
gen_cell_write(CvgSlice state, uint32 unit, CvgCellWrite *cell)
{
	CvgCellView view;
	bool		has_cell = cvg_rowstate_cell(state, unit, &view);
	bool		can_paths = !has_cell || (!view.multi && !view.counted);
	int			way = unit_below(5);

	if (has_cell)
		free_view(&view);
	memset(cell, 0, sizeof(*cell));
	cell->unit = unit;
	cell->count = way == 0;
	cell->multi = way == 1;
	cell->paths = way == 2 && can_paths;
	cell->amount = gen_bytes(1 + unit_below(3));
	cell->value = gen_bytes(1 + unit_below(3));
	if (cell->paths)
		cell->marks = gen_marks(&cell->nmarks);
	return has_cell || way < 2 || cell->paths;
}

/*
 * A state reached by an insert and a few more writes; many of them leave cells
 * in units 1 to 3.
 */
static inline CvgSlice
gen_state(void)
{
	CvgSlice	state = {NULL, 0};
	CvgStamp	stamp = 1 + (CvgStamp) (unit_rand() >> 20);
	int			writes = unit_below(4);
	int			i;

	for (i = 0; i <= writes; i++)
	{
		CvgBuf		buf;
		uint32		unit = gen_chance(60) ? 1 + unit_below(3) : cvg_unit_id(gen_member());
		CvgCellWrite cell;
		CvgStatus	status;
		int			kind = i == 0 ? 0 : unit_below(5);
		bool		cells = kind != 1 && gen_cell_write(state, unit, &cell);

		cvg_buf_init(&buf);
		stamp += 1 + unit_below(1000);
		if (kind == 0)
			status = cvg_rowstate_insert_cells(state, gen_member(), stamp, &cell, cells, &buf);
		else if (kind == 1)
			status = cvg_rowstate_delete(state, gen_member(), stamp, &buf);
		else
			status = cvg_rowstate_update_cells(state, gen_member(), stamp, &unit,
											   !(cells && (cell.count || cell.paths)), &cell, cells, &buf);
		if (status != CVG_OK)
			abort();
		state = gen_take(&buf);
	}
	return state;
}

static inline CvgValue
gen_value(bool nullable)
{
	static const int edges[] = {0, 1, 127, 128, 300};
	CvgValue	v;
	size_t		len = gen_chance(10) ? edges[unit_below(lengthof(edges))] : unit_below(12);

	v.kind = (CvgValueKind) (nullable ? unit_below(3) : 1 + unit_below(2));
	v.bytes = v.kind == CVG_VALUE_NULL ? cvg_slice(NULL, 0) :
		v.kind == CVG_VALUE_TEXT ? gen_text(len) : gen_bytes(len);
	return v;
}

static inline void
gen_descriptor(CvgDescriptor *d, int ncolumns)
{
	int			nkeys = unit_below(Min(ncolumns, 3) + 1);
	bool		merging = gen_chance(30);
	int			i;

	memset(d, 0, sizeof(*d));
	d->on_delete = (CvgOnDelete) unit_below(3);
	d->granularity = (CvgGranularity) unit_below(2);
	d->flags = nkeys == 0 ? CVG_DESC_KEYLESS : 0;
	d->schema = gen_name();
	d->table = gen_name();
	d->ncolumns = ncolumns;
	d->columns = gen_alloc(sizeof(CvgColumn) * ncolumns);
	for (i = 0; i < ncolumns; i++)
	{
		CvgColumn  *c = &d->columns[i];
		char		name[32];

		snprintf(name, sizeof(name), "c%d_%d", i, unit_below(1000));
		c->name = gen_copy(cvg_slice_cstring(name));
		c->type_name = gen_name();
		c->flags = gen_chance(10) ? CVG_COL_GENERATED : 0;
		c->keypos = 0;
		c->unit = cvg_unit_id(c->name);
		if (c->flags == 0 && merging)
			c->flags = gen_chance(30) ? CVG_COL_MERGED : 0;
	}
	/* the key columns are spread over the table, in any order */
	d->nkeys = nkeys;
	for (i = 0; i < nkeys; i++)
	{
		int			col;

		do
			col = unit_below(ncolumns);
		while (d->columns[col].keypos != 0);
		d->columns[col].keypos = i + 1;
		d->columns[col].unit = 0;
		d->columns[col].flags &= ~CVG_COL_MERGED;
		d->keycols[i] = col;
	}
	for (i = 0; i < ncolumns; i++)
		d->merges |= (d->columns[i].flags & CVG_COL_MERGED) != 0;
}

/* A change that fits d, as the fields a decoder must find. */
static inline void
gen_change(const CvgDescriptor *d, int descriptor, CvgChange *c)
{
	static const CvgOp ops[] = {CVG_OP_INSERT, CVG_OP_UPDATE, CVG_OP_DELETE};
	int			i;

	c->op = ops[unit_below(3)];
	c->descriptor = descriptor;
	c->state = gen_state();
	c->nkeys = d->nkeys;
	for (i = 0; i < d->nkeys; i++)
		c->keys[i] = gen_value(false);
	c->has_back = d->merges && c->op != CVG_OP_INSERT;
	c->back = c->has_back && gen_chance(70) ? 1 + unit_below(1000000) : 0;
	c->ncolumns = 0;
	for (i = 0; i < d->ncolumns && c->op != CVG_OP_DELETE; i++)
	{
		const CvgColumn *col = &d->columns[i];

		if (col->flags & CVG_COL_GENERATED)
			continue;
		if (c->op == CVG_OP_UPDATE && (col->keypos != 0 || gen_chance(50)))
			continue;
		c->cols[c->ncolumns] = i;
		c->values[c->ncolumns++] =
			col->keypos != 0 ? c->keys[col->keypos - 1] : gen_value(true);
	}
}

/* Write a change from its decoded form. */
static inline void
put_change(CvgBuf *out, const CvgChange *c)
{
	size_t		start = cvg_change_start(out, c->op, c->descriptor, c->state);
	int			i;

	for (i = 0; i < c->nkeys; i++)
		cvg_put_value(out, c->keys[i].kind, c->keys[i].bytes.data,
					  c->keys[i].bytes.len);
	if (c->has_back)
		cvg_change_back(out, c->back + 1, c->back == 0 ? 0 : 1);
	cvg_change_columns(out, c->ncolumns);
	for (i = 0; i < c->ncolumns; i++)
	{
		cvg_put_varint(out, (uint64) c->cols[i]);
		cvg_put_value(out, c->values[i].kind, c->values[i].bytes.data,
					  c->values[i].bytes.len);
	}
	cvg_change_finish(out, start);
}

static inline void
put_image(CvgBuf *out, const CvgImage *image)
{
	int			i;

	cvg_image_start(out, image->hash, image->ncolumns);
	for (i = 0; i < image->ncolumns; i++)
	{
		cvg_put_varint(out, (uint64) image->cols[i]);
		cvg_put_value(out, image->values[i].kind, image->values[i].bytes.data,
					  image->values[i].bytes.len);
	}
}

static inline CvgEntryHeader
gen_entry_header(void)
{
	CvgEntryHeader h;

	h.origin = gen_id();
	do
		h.seq = gen_int64();
	while (h.seq == 0);
	h.prev_seq = gen_chance(50) ? h.seq - 1 : (int64) (unit_rand() % (uint64) h.seq);
	do
		h.stamp = gen_int64();
	while (h.stamp == 0);
	return h;
}


#endif
