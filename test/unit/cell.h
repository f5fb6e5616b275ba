/*
 * cell.h: cells of row states whose values and amounts are numbers.
 */
#ifndef CVG_TEST_CELL_H
#define CVG_TEST_CELL_H

#include "unit.h"
#include "core/rowstate.h"

static inline CvgSlice
number_slice(int64 n, uint8 *bytes)
{
	memcpy(bytes, &n, sizeof(n));
	return cvg_slice(bytes, sizeof(n));
}

static inline int64
number_of(CvgSlice s)
{
	int64		n = 0;

	if (s.len == sizeof(n))
		memcpy(&n, s.data, sizeof(n));
	return n;
}

static inline void
free_view(CvgCellView *view)
{
	pfree(view->dots);
	pfree(view->values);
	pfree(view->replicas);
	pfree(view->amounts);
	pfree(view->floors);
}

/* What is counted, by all replicas. */
static inline int64
counted_in_view(const CvgCellView *view)
{
	uint64		sum = 0;
	int			i;

	for (i = 0; i < view->nshares; i++)
		sum += (uint64) number_of(view->amounts[i]) - (uint64) number_of(view->floors[i]);
	return (int64) sum;
}

static inline int64
counted_in(CvgSlice state, uint32 unit)
{
	CvgCellView view;
	int64		sum;

	if (!cvg_rowstate_cell(state, unit, &view))
		return 0;
	sum = counted_in_view(&view);
	free_view(&view);
	return sum;
}

/* What one replica has counted so far. */
static inline int64
own_amount(CvgSlice state, uint32 unit, CvgSlice id)
{
	CvgCellView view;
	int64		amount = 0;
	int			i;

	if (!cvg_rowstate_cell(state, unit, &view))
		return 0;
	for (i = 0; i < view.nshares; i++)
	{
		if (cvg_slice_eq(view.replicas[i], id))
			amount = number_of(view.amounts[i]);
	}
	free_view(&view);
	return amount;
}

/* The largest of several values, 0 if there is none. */
static inline int64
largest_in_view(const CvgCellView *view)
{
	int64		max = 0;
	int			i;

	for (i = 0; i < view->npairs; i++)
		max = i == 0 ? number_of(view->values[i]) : Max(max, number_of(view->values[i]));
	return max;
}

static inline int64
largest_in(CvgSlice state, uint32 unit)
{
	CvgCellView view;
	int64		max;

	if (!cvg_rowstate_cell(state, unit, &view))
		return 0;
	max = largest_in_view(&view);
	free_view(&view);
	return max;
}

#endif
