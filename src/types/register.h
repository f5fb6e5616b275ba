/*-------------------------------------------------------------------------
 *
 * register.h
 *	  The jsonb inside registers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_TYPES_REGISTER_H
#define CVG_TYPES_REGISTER_H

#include "compat.h"

#include "utils/jsonb.h"

#include "core/buf.h"

/* The text of a jsonb as the server writes it. */
extern CvgSlice cvg_jsonb_text(Jsonb *json);

/* A jsonb of a JSON text; raises the server's error if it is none. */
extern Datum cvg_text_jsonb(CvgSlice json);

/*
 * Append a register whose payloads are jsonb as the server writes it.  In a
 * text they may be written in any way; in bytes must be so already, or an
 * error is raised.
 */
extern void cvg_register_canonize(CvgSlice reg, bool from_text, CvgBuf *out);

#endif							/* CVG_TYPES_REGISTER_H */
