/*-------------------------------------------------------------------------
 *
 * crdt_type.h
 *	  SQL functions that every CRDT type has.
 *
 * CVG_CRDT_TYPE(name, ops, value) defines for a type:
 *	  name_in, name_out, name_recv, name_send
 *	  name_empty		constructor without arguments
 *	  name_merge		also the operator || and the aggregate
 *	  name_delta
 *	  name_le, name_ge	lattice order
 *	  name_eq, name_ne, name_hash, name_hash_extended		by bytes, without the flags
 * and a file of the type adds what is special.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_TYPES_CRDT_TYPE_H
#define CVG_TYPES_CRDT_TYPE_H

#include "compat.h"

#include "funcapi.h"

#include "core/crdt.h"
#include "types/dot.h"
#include "types/types.h"

/*
 * Makes what is opaque to core (a jsonb in a register) canonical or raises
 * an error.  Gets a value as a varlena being built; may replace the buffer.
 */
typedef void (*CvgCrdtCanonize) (CvgBuf *buf, const char *text);

extern Datum cvg_crdt_in_arg(FunctionCallInfo fcinfo, const CvgCrdtOps *ops,
							 CvgCrdtCanonize canonize);
extern Datum cvg_crdt_out_arg(FunctionCallInfo fcinfo);
extern Datum cvg_crdt_recv_arg(FunctionCallInfo fcinfo, const CvgCrdtOps *ops,
							   CvgCrdtCanonize canonize);
extern Datum cvg_crdt_send_arg(FunctionCallInfo fcinfo);
extern Datum cvg_crdt_empty(const CvgCrdtOps *ops);
extern Datum cvg_crdt_merge_args(FunctionCallInfo fcinfo);
extern Datum cvg_crdt_delta_args(FunctionCallInfo fcinfo);
extern bool cvg_crdt_le_args(FunctionCallInfo fcinfo, int low, int high);
extern bool cvg_crdt_eq_args(FunctionCallInfo fcinfo);
extern Datum cvg_crdt_hash_arg(FunctionCallInfo fcinfo);
extern Datum cvg_crdt_hash_extended_arg(FunctionCallInfo fcinfo);
extern Datum cvg_crdt_reset_arg(FunctionCallInfo fcinfo);

/*
 * Flag a value that was just built as made from a plain one: for casts from
 * plain types.  See "Plain values" in core/crdt.h.
 */
extern Datum cvg_crdt_plain(Datum value);

/* The result of an update that finds nothing to do. */
extern Datum cvg_crdt_unchanged(CvgSlice value);

/* Name of the type with its schema, for messages. */
extern const char *cvg_crdt_type_name(CvgSlice value);

/* The empty value as a slice, for constructors that go on from it. */
extern CvgSlice cvg_crdt_empty_slice(const CvgCrdtOps *ops);

/* Raise the error of a failed operation on a value; CVG_OK returns. */
extern void cvg_crdt_check_status(CvgStatus status, CvgSlice value);

/*
 * Rows of a set-returning function with the output columns declared in SQL;
 * begin once, then append.
 */
extern ReturnSetInfo *cvg_srf_begin(FunctionCallInfo fcinfo);
extern void cvg_srf_put(ReturnSetInfo *rsi, const Datum *values,
						const bool *nulls);

/* A replica id as text. */
extern Datum cvg_id_text(CvgSlice id);

#define CVG_CRDT_TYPE(type, ops, canonize) \
	CVG_FUNCTION(type##_in) \
	{ return cvg_crdt_in_arg(fcinfo, ops, canonize); } \
	CVG_FUNCTION(type##_out) \
	{ return cvg_crdt_out_arg(fcinfo); } \
	CVG_FUNCTION(type##_recv) \
	{ return cvg_crdt_recv_arg(fcinfo, ops, canonize); } \
	CVG_FUNCTION(type##_send) \
	{ return cvg_crdt_send_arg(fcinfo); } \
	CVG_FUNCTION(type##_empty) \
	{ return cvg_crdt_empty(ops); } \
	CVG_FUNCTION(type##_merge) \
	{ return cvg_crdt_merge_args(fcinfo); } \
	CVG_FUNCTION(type##_delta) \
	{ return cvg_crdt_delta_args(fcinfo); } \
	CVG_FUNCTION(type##_le) \
	{ PG_RETURN_BOOL(cvg_crdt_le_args(fcinfo, 0, 1)); } \
	CVG_FUNCTION(type##_ge) \
	{ PG_RETURN_BOOL(cvg_crdt_le_args(fcinfo, 1, 0)); } \
	CVG_FUNCTION(type##_eq) \
	{ PG_RETURN_BOOL(cvg_crdt_eq_args(fcinfo)); } \
	CVG_FUNCTION(type##_ne) \
	{ PG_RETURN_BOOL(!cvg_crdt_eq_args(fcinfo)); } \
	CVG_FUNCTION(type##_hash) \
	{ return cvg_crdt_hash_arg(fcinfo); } \
	CVG_FUNCTION(type##_hash_extended) \
	{ return cvg_crdt_hash_extended_arg(fcinfo); } \
	extern int cvg_##type##_needs_semicolon

#endif							/* CVG_TYPES_CRDT_TYPE_H */
