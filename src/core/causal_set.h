/*-------------------------------------------------------------------------
 *
 * causal_set.h
 *	  Elements, each with the dots of the updates that it stands on: what
 *	  orset and rwset are made of.
 *
 * A dot is of an add or of a remove.  A change of an element replaces all
 * dots that it has by a new one, or by none; merge keeps a dot unless it is
 * dead on the other side (dotset.h).  An element without dots is not there.
 *
 * Body: dotset of the dead; nothing else if there are no elements; else
 *	  varint number of replicas with live dots, their ids ascending (varint
 *	  length, id); varint smallest live stamp; entries in order of elements:
 *	  varint length, bytes, and dots ascending by replica, stamp, kind:
 *	  varint replica * 4 + remove? * 2 + more?, varint stamp - smallest stamp
 *
 * Replica is the place among the ids.  One replica's add of a short element
 * within an hour of the oldest one takes 7 bytes more than the element.
 *
 * Text: dots follow their element as id@stamp, with a minus sign after those
 * of removes.  Without elements what was seen is always there.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_CAUSAL_SET_H
#define CVG_CORE_CAUSAL_SET_H

#include "core/dotset.h"
#include "core/set.h"

/* The functions of CvgCrdtOps; check and parse ask for dots of removes. */
extern void cvg_cset_check(CvgReader *r, bool removes);
extern void cvg_cset_bottom(CvgBuf *out);
extern void cvg_cset_merge(CvgReader a, CvgReader b, CvgBuf *out);
extern void cvg_cset_delta(CvgReader old, CvgReader new, CvgBuf *out);
extern CvgStamp cvg_cset_latest(CvgReader r);
extern void cvg_cset_reset(CvgReader r, CvgBuf *out);
extern void cvg_cset_print(CvgReader r, CvgBuf *out);
extern void cvg_cset_parse(CvgScanner *s, bool removes, CvgBuf *out);

/* The functions of CvgSetOps; with removes, removing leaves a dot too. */
extern void cvg_cset_begin(CvgReader *r);
extern bool cvg_cset_next(CvgReader *r, CvgSlice *element, bool *present);
extern void cvg_cset_change(CvgSlice set, CvgDot dot,
							const CvgSetChange *changes, int n, bool removes,
							CvgBuf *out);

#endif							/* CVG_CORE_CAUSAL_SET_H */
