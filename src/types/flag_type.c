/*-------------------------------------------------------------------------
 *
 * flag_type.c
 *	  Types converge.ewflag and converge.dwflag.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "core/flag.h"
#include "types/crdt_type.h"

CVG_CRDT_TYPE(ewflag, &cvg_ewflag_ops, NULL);
CVG_CRDT_TYPE(dwflag, &cvg_dwflag_ops, NULL);

static Datum
flag_set(CvgSlice flag, bool enable)
{
	CvgBuf		buf;

	cvg_varlena_begin(&buf);
	cvg_crdt_check_status(cvg_flag_set(flag, cvg_draw_dot(flag), enable, &buf),
						  flag);
	return cvg_varlena_finish(&buf);
}

CVG_FUNCTION(flag_enable)
{
	PG_RETURN_DATUM(flag_set(PG_GETARG_CVG_SLICE(0), true));
}

CVG_FUNCTION(flag_disable)
{
	PG_RETURN_DATUM(flag_set(PG_GETARG_CVG_SLICE(0), false));
}

CVG_FUNCTION(ewflag_from_boolean)
{
	return cvg_crdt_plain(flag_set(cvg_crdt_empty_slice(&cvg_ewflag_ops),
								   PG_GETARG_BOOL(0)));
}

CVG_FUNCTION(dwflag_from_boolean)
{
	return cvg_crdt_plain(flag_set(cvg_crdt_empty_slice(&cvg_dwflag_ops),
								   PG_GETARG_BOOL(0)));
}

CVG_FUNCTION(flag_value)
{
	PG_RETURN_BOOL(cvg_flag_value(PG_GETARG_CVG_SLICE(0)));
}

/* Comparison with a boolean, which may stand on either side. */
CVG_FUNCTION(flag_eq_boolean)
{
	PG_RETURN_BOOL(cvg_flag_value(PG_GETARG_CVG_SLICE(0)) == PG_GETARG_BOOL(1));
}

CVG_FUNCTION(flag_ne_boolean)
{
	PG_RETURN_BOOL(cvg_flag_value(PG_GETARG_CVG_SLICE(0)) != PG_GETARG_BOOL(1));
}

CVG_FUNCTION(boolean_eq_flag)
{
	PG_RETURN_BOOL(PG_GETARG_BOOL(0) == cvg_flag_value(PG_GETARG_CVG_SLICE(1)));
}

CVG_FUNCTION(boolean_ne_flag)
{
	PG_RETURN_BOOL(PG_GETARG_BOOL(0) != cvg_flag_value(PG_GETARG_CVG_SLICE(1)));
}
