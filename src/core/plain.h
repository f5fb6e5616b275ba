/*-------------------------------------------------------------------------
 *
 * plain.h
 *	  What CRDT values read as: plain JSON, and values made of it.
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
 * unset; a flag a boolean; a set an array of strings; a document a string; a
 * map an object of its visible keys; a cart an object of quantities.
 */
extern void cvg_crdt_print_plain(CvgSlice value, CvgBuf *out);

/*
 * The other way round: append a value of the type that reads as a JSON text,
 * made by updates of the bottom value.  An object gives a map of registers
 * and maps.  CVG_E_MALFORMED if no value of the type reads so;
 * CVG_E_SYNTAX, CVG_E_DUPLICATE, CVG_E_OVERFLOW, CVG_E_LIMIT.
 */
extern CvgStatus cvg_crdt_from_json(const CvgCrdtOps *ops, CvgSlice json,
									CvgDotSupply *dots, CvgBuf *out);

/* The type that a JSON value gets in a map where nothing says another. */
extern const CvgCrdtOps *cvg_json_type(CvgSlice json);

#endif							/* CVG_CORE_PLAIN_H */
