/*
 * Row states: two of them.  A valid one merged with itself is itself, and
 * merging keeps to the laws and gives a valid state; reading an invalid one
 * stays inside.
 */
#include "fuzz.h"

static const uint32 units[] = {1, 2, 3};

static void
use_any(CvgSlice a, CvgSlice b)
{
	CvgSide		sides[lengthof(units)];
	CvgOrder	order;
	CvgCellView view;
	CvgCellWrite cells[lengthof(units)];
	CvgMark		marks[] = {{1, CVG_MARK_BELOW}, {1, CVG_MARK_EMPTY}, {7, CVG_MARK_VALUE,.derived = true}};
	CvgBuf		out;
	int			i;

	(void) cvg_rowstate_compare(a, b);
	(void) cvg_rowstate_alive(a, CVG_ON_DELETE_LWW);
	(void) cvg_rowstate_alive(a, CVG_ON_DELETE_DELETE_WINS);
	(void) cvg_rowstate_alive(a, CVG_ON_DELETE_UPDATE_WINS);
	(void) cvg_rowstate_ever_deleted(a);
	(void) cvg_rowstate_latest(a, cvg_slice_cstring("a"));
	(void) cvg_rowstate_covered(a, b);
	(void) cvg_rowstate_last_dot(a);
	(void) cvg_rowstate_unit_dot(a, 2);
	for (i = 0; i < lengthof(units); i++)
	{
		if (cvg_rowstate_cell(a, units[i], &view))
			free_view(&view);
		cells[i] = (CvgCellWrite) {units[i],.count = i == 0,.multi = i == 1,
		.amount = cvg_slice_cstring("n"),.value = cvg_slice_cstring("v")};
		if (i == 2 && cvg_rowstate_mark_count(a, units[i], marks, lengthof(marks)) >= 0)
		{
			cells[i].paths = true;
			cells[i].marks = marks;
			cells[i].nmarks = lengthof(marks);
		}
	}
	cvg_buf_init(&out);
	(void) cvg_rowstate_update_cells(a, cvg_slice_cstring("a"), PG_INT64_MAX, &units[1], 2,
									 cells, lengthof(cells), &out);
	(void) cvg_rowstate_insert_cells(a, cvg_slice_cstring("a"), PG_INT64_MAX, cells,
									 lengthof(cells), &out);
	cvg_rowstate_clock(a, &out);
	cvg_rowstate_birth_bytes(a, &out);
	cvg_rowstate_print(a, &out);
	(void) cvg_rowstate_merge(a, b, units, lengthof(units), sides, &order, &out);
	(void) cvg_rowstate_delete(a, cvg_slice_cstring("a"), PG_INT64_MAX, &out);
	(void) cvg_rowstate_update(a, cvg_slice_cstring("a"), PG_INT64_MAX, units,
							   lengthof(units), &out);
	(void) cvg_rowstate_insert(a, cvg_slice_cstring("a"), PG_INT64_MAX, &out);
	cvg_buf_free(&out);
}

static CvgStatus
merge(CvgSlice a, CvgSlice b, CvgBuf *out)
{
	CvgSide		sides[lengthof(units)];

	cvg_buf_init(out);
	return cvg_rowstate_merge(a, b, units, lengthof(units), sides, NULL, out);
}

static void
require_laws(CvgSlice a, CvgSlice b)
{
	CvgBuf		aa;
	CvgBuf		ab;
	CvgBuf		ba;

	REQUIRE(merge(a, a, &aa) == CVG_OK);
	REQUIRE(cvg_slice_eq(cvg_buf_slice(&aa), a));
	REQUIRE(merge(a, b, &ab) == merge(b, a, &ba));
	REQUIRE(cvg_slice_eq(cvg_buf_slice(&ab), cvg_buf_slice(&ba)));
	if (ab.len > 0)
		REQUIRE(cvg_rowstate_validate(cvg_buf_slice(&ab), NULL) == CVG_OK);
	cvg_buf_free(&aa);
	cvg_buf_free(&ab);
	cvg_buf_free(&ba);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CvgSlice	a;
	CvgSlice	b;
	CvgError	err;

	if (fuzz_split(data, size, &a, &b))
	{
		use_any(a, b);
		if (cvg_rowstate_validate(a, &err) != CVG_OK)
			REQUIRE(err.offset <= a.len);
		else if (cvg_rowstate_validate(b, &err) == CVG_OK)
			require_laws(a, b);
	}
	gen_reset();
	return 0;
}
