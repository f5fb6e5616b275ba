/*-------------------------------------------------------------------------
 *
 * dotted.h
 *	  Few values, each with the dot of the update that wrote it: what
 *	  registers and flags with a causal context are made of.
 *
 * Every update supersedes all values it has seen and may write one of its
 * own, so several are live only after concurrent updates.
 *
 * Body: dotset of the dead; per live value, ascending by id and stamp:
 * varint id length, id, varint stamp, varint length, payload.
 *
 * Text of the parts: [id@stamp payload, ...] seen {dotset}, the latter left
 * out if empty.
 *
 * Preguica et al. 2012 (dotted version vector sets).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_DOTTED_H
#define CVG_CORE_DOTTED_H

#include "core/dotset.h"

typedef struct CvgDotted
{
	CvgDot		dot;
	CvgSlice	payload;
} CvgDotted;

/* Values in order: skip the dotset first (cvg_dotted_begin). */
extern CvgReader cvg_dotted_begin(CvgSlice value);
extern bool cvg_dotted_next(CvgReader *items, CvgDotted *item);

/* Append one value; the caller sees to the order. */
extern void cvg_dotted_put(CvgBuf *out, const CvgDotted *item);

/* The functions of CvgCrdtOps; check asks for each payload. */
extern void cvg_dotted_check(CvgReader *r, bool (*valid) (CvgSlice payload));
extern void cvg_dotted_bottom(CvgBuf *out);
extern void cvg_dotted_merge(CvgReader a, CvgReader b, CvgBuf *out);
extern void cvg_dotted_delta(CvgReader old, CvgReader new, CvgBuf *out);
extern CvgStamp cvg_dotted_latest(CvgReader r);
extern void cvg_dotted_reset(CvgReader r, CvgBuf *out);

/*
 * An update of the whole value: supersede everything, write one.
 * CVG_E_FORBIDDEN if the stamp is not larger than all in the value.
 */
extern CvgStatus cvg_dotted_write(CvgSlice value, CvgDot dot, CvgSlice payload,
								  CvgBuf *out);

/* Texts; the payload's by the type. */
extern void cvg_dotted_print(CvgReader r, CvgBuf *out,
							 void (*print) (CvgSlice payload, CvgBuf *out));
extern void cvg_dotted_scan(CvgScanner *s, CvgBuf *out,
							CvgSlice (*scan) (CvgScanner *s));

#endif							/* CVG_CORE_DOTTED_H */
