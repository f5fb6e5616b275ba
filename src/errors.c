/*-------------------------------------------------------------------------
 *
 * errors.c
 *	  Which SQLSTATE a core status has.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "errors.h"

int
cvg_errcode_input(CvgStatus status)
{
	switch (status)
	{
		case CVG_E_SYNTAX:
		case CVG_E_DUPLICATE:
		case CVG_E_BAD_ID:
			return ERRCODE_INVALID_TEXT_REPRESENTATION;
		case CVG_E_TRUNCATED:
		case CVG_E_TRAILING:
		case CVG_E_VERSION:
		case CVG_E_MALFORMED:
		case CVG_E_NOT_CANONICAL:
		case CVG_E_CHECKSUM:
			return ERRCODE_INVALID_BINARY_REPRESENTATION;
		case CVG_E_OVERFLOW:
			return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
		case CVG_E_LIMIT:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case CVG_E_FORBIDDEN:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case CVG_OK:
			break;
	}
	return ERRCODE_INTERNAL_ERROR;
}
