/*-------------------------------------------------------------------------
 *
 * flag.h
 *	  Flags: enable wins, disable wins.
 *
 * Of concurrent updates, in an ewflag an enable beats the disables that did
 * not see it; in a dwflag a disable beats the enables that did not see it.
 *
 * Both are dotted values (dotted.h).  An ewflag keeps a dot per live enable,
 * with an empty payload, and is true if there is one; a disable only
 * supersedes.  A dwflag keeps enables and disables, the latter with payload
 * "-", and is true if there is an enable and no disable.
 *
 * Text: true [london@7] seen {london 3-5}, in a dwflag with a minus sign
 * after the dots of disables: false [london@7, paris@8 -].
 *
 * Shapiro et al. 2011; Baquero, Almeida, Cunha, Ferreira 2017.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_FLAG_H
#define CVG_CORE_FLAG_H

#include "core/dotted.h"

extern const CvgCrdtOps cvg_ewflag_ops;
extern const CvgCrdtOps cvg_dwflag_ops;

/*
 * Enable or disable by the update dot; a flag that is so already, without
 * a conflict, gets a new dot all the same, which concurrent updates have not
 * seen.  CVG_E_BAD_ID, CVG_E_FORBIDDEN for a stamp that is not larger than
 * all in the flag.
 */
extern CvgStatus cvg_flag_set(CvgSlice flag, CvgDot dot, bool enable,
							  CvgBuf *out);
extern bool cvg_flag_value(CvgSlice flag);

#endif							/* CVG_CORE_FLAG_H */
