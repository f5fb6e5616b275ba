/*-------------------------------------------------------------------------
 *
 * plain.h
 *	  What CRDT values read as: plain JSON.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_PLAIN_H
#define CVG_CORE_PLAIN_H

#include "core/crdt.h"

/*
 * Append what a value reads as, as a JSON text: a counter a number, a maxreg
 * a number or, if it has no number in JSON's sense, a string, null while
 * empty; a register its value (of concurrent ones the latest), null while
 * unset; a flag a boolean; a map an object of its visible keys; a cart an
 * object of quantities.
 */
extern void cvg_crdt_plain(CvgSlice value, CvgBuf *out);

#endif							/* CVG_CORE_PLAIN_H */
