/*-------------------------------------------------------------------------
 *
 * base.c
 *	  Texts of core status codes, and the rule for replica ids.
 *
 *-------------------------------------------------------------------------
 */
#include "core/base.h"

/* Text for a status: lower case, no period, fit to follow a colon. */
const char *
cvg_status_message(CvgStatus status)
{
	switch (status)
	{
		case CVG_OK:
			return "no error";
		case CVG_E_TRUNCATED:
			return "data ends too early";
		case CVG_E_TRAILING:
			return "unexpected data after the end";
		case CVG_E_VERSION:
			return "unknown format version";
		case CVG_E_MALFORMED:
			return "malformed data";
		case CVG_E_NOT_CANONICAL:
			return "data is not in canonical form";
		case CVG_E_LIMIT:
			return "a size limit is exceeded";
		case CVG_E_OVERFLOW:
			return "value out of range";
		case CVG_E_BAD_ID:
			return "invalid replica id";
		case CVG_E_SYNTAX:
			return "syntax error";
		case CVG_E_DUPLICATE:
			return "the same name appears twice";
		case CVG_E_FORBIDDEN:
			return "not allowed here";
		case CVG_E_CHECKSUM:
			return "checksum does not match";
	}
	return "unknown status";
}

/* Name of a relation between clocks, as vclock_compare() returns it. */
const char *
cvg_order_name(CvgOrder order)
{
	switch (order)
	{
		case CVG_EQUAL:
			return "equal";
		case CVG_BEFORE:
			return "before";
		case CVG_AFTER:
			return "after";
		case CVG_CONCURRENT:
			return "concurrent";
	}
	return "unknown";
}

/*
 * A replica id is 1 to 63 bytes: letters, digits, '_', '-', '.', '~' of
 * ASCII, or any byte with the high bit set, so that names in other scripts
 * work in whatever encoding the database has.  Everything that needs quoting
 * in the text form of a clock, in a conninfo list or in a log line is out.
 */
bool
cvg_replica_id_valid(CvgSlice id)
{
	size_t		i;

	if (id.len < 1 || id.len > CVG_MAX_REPLICA_ID)
		return false;
	for (i = 0; i < id.len; i++)
	{
		uint8		c = id.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  (c >= '0' && c <= '9') ||
			  c == '_' || c == '-' || c == '.' || c == '~' || c >= 0x80))
			return false;
	}
	return true;
}
