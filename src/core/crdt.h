/*-------------------------------------------------------------------------
 *
 * crdt.h
 *	  What all CRDT values have in common: header, table of operations,
 *	  limits.
 *
 * A value is a header of three bytes and a body:
 *	  version (1), type tag, flags, body
 * The tag makes a value self-describing, so that one can be nested in
 * another and so that code which moves values about (apply, the map, the
 * fuzzers) can work on any of them through CvgCrdtOps.
 *
 * Every body is canonical: equal states are equal bytes, whatever order of
 * updates and merges led there.  Equality, hashing and the lattice order
 * rely on that: a <= b is merge(a, b) = b.
 *
 * Dots, and what a value remembers of them
 * ----------------------------------------
 * Each update draws a dot (replica id, stamp of the hybrid clock), unique
 * for ever.  Stamps only grow, but a replica's dots of one value are not
 * contiguous, and not all of a replica's dots belong to this value.  "All of
 * replica r up to stamp s is contained here" is therefore true only among
 * states with one line of history: where every update made by r started
 * from a state that contained all earlier ones made by r.  A replicated
 * column is like that, because a row lock serializes its writers.  It is not
 * true of a value that was copied to another row (or into a variable, or
 * read by a client) and then updated in both places: each branch has dots
 * of the same replica, with interleaved stamps, that the other lacks.
 *
 * So a value keeps, for each replica, exact stamps of the latest
 * CVG_CRDT_RECENT updates, and writes older ones shorter: "all up to this
 * stamp" (counters), "all from here to there" (dotset.h).  Branches merge
 * exactly as long as neither has made more than CVG_CRDT_RECENT updates by
 * one replica since they parted or last merged.  Beyond that an update of
 * one branch may count as contained in the other where it is not, and is
 * lost.  Values with one line of history never come to that, whatever their
 * age.  Only updates write a history shorter, never a merge, which is not a
 * write; so merge is a lattice join for every pair of valid values, not only
 * for those with a sensible history.
 *
 * Plain values
 * ------------
 * A value made from a plain one (a number, an array, a literal without
 * history) has CVG_CRDT_PLAIN among its flags.  It is a state like any
 * other, with new dots; the flag only says how it was made, and lasts until
 * the first operation on it.  Where such a value is assigned to a column
 * that holds another, it stands for what it reads as, and the assignment for
 * the updates that lead there (cvg_crdt_assign).  A value without the flag
 * is a state that somebody read or computed: assigning it adds what is in it
 * and takes nothing away.  The flag is no part of the state: equality, hash
 * and order do not see it.
 *
 * A delta says what is new, exactly, and may be merged late or twice.  It
 * must not be updated: to write its history shorter would claim what it
 * leaves out.  Whoever receives one merges it into a state that has its base.
 *
 * Shapiro et al. 2011; deltas: Almeida, Shoker, Baquero 2018.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_CRDT_H
#define CVG_CORE_CRDT_H

#include "core/buf.h"
#include "core/scan.h"

#define CVG_CRDT_VERSION	1
#define CVG_CRDT_HEADER		3

/* Flags */
#define CVG_CRDT_PLAIN			0x01	/* made from a plain value */

/* Largest value, header included. */
#define CVG_CRDT_MAX_BYTES	((size_t) 64 * 1024 * 1024)

/* Exact stamps kept per replica; see above. */
#define CVG_CRDT_RECENT		32

/* Stored: never renumber. */
typedef enum CvgCrdtTag
{
	CVG_CRDT_GCOUNTER = 1,
	CVG_CRDT_PNCOUNTER = 2,
	CVG_CRDT_BCOUNTER = 3,
	CVG_CRDT_MAXREG = 4,
	CVG_CRDT_MINREG = 5,
	CVG_CRDT_LWWREG = 6,
	CVG_CRDT_MVREG = 7,
	CVG_CRDT_EWFLAG = 8,
	CVG_CRDT_DWFLAG = 9,
	CVG_CRDT_GSET = 10,
	CVG_CRDT_TWOPSET = 11,
	CVG_CRDT_ORSET = 12,
	CVG_CRDT_RWSET = 13,
	CVG_CRDT_ORMAP = 14,
	CVG_CRDT_CART = 15,
	CVG_CRDT_DOCUMENT = 16
} CvgCrdtTag;

/*
 * Where an operation that makes any number of updates takes their dots from:
 * each is new, of one replica, and larger than the one before and than all
 * in the values that the caller knew of.  next gives the first of n dots
 * with consecutive stamps.
 */
typedef struct CvgDotSupply CvgDotSupply;
struct CvgDotSupply
{
	CvgDot		(*next) (CvgDotSupply *supply, int n);
	CvgStamp	after;			/* for whoever implements next */
};

static inline CvgDot
cvg_next_dots(CvgDotSupply *supply, int n)
{
	return supply->next(supply, n);
}

static inline CvgDot
cvg_next_dot(CvgDotSupply *supply)
{
	return cvg_next_dots(supply, 1);
}

/*
 * One type.  Readers stand at the first byte of a body and end with it;
 * output is appended to out and is the body only.  The bodies given to
 * anything but check are valid.
 */
typedef struct CvgCrdtOps
{
	CvgCrdtTag	tag;
	const char *name;			/* of the SQL type, without schema */

	/* Read the whole body; a failure goes into the reader's status. */
	void		(*check) (CvgReader *r);

	/* Body of the bottom value; NULL if that is no bytes at all. */
	void		(*bottom) (CvgBuf *out);

	/* Least upper bound.  Total: never fails. */
	void		(*merge) (CvgReader a, CvgReader b, CvgBuf *out);

	/* Something small d with merge(old, d) = merge(old, new). */
	void		(*delta) (CvgReader old, CvgReader new, CvgBuf *out);

	/* Largest stamp in the value, 0 if none: the next must be larger. */
	CvgStamp	(*latest) (CvgReader r);

	/*
	 * The value after everything seen so far in it is undone, so that a
	 * concurrent update survives; NULL for a type that cannot.  Whether a
	 * type has one decides how a map holds it (ormap.h) and so is for ever.
	 */
	void		(*reset) (CvgReader r, CvgBuf *out);

	/*
	 * Text form, which says where it ends, so that it can be nested.  What
	 * parse appends is checked by the caller.
	 */
	void		(*print) (CvgReader r, CvgBuf *out);
	void		(*parse) (CvgScanner *s, CvgBuf *out);

	/*
	 * Plain assignment: append the whole value (header and body) to which
	 * updates of old lead so that it reads as new does.  Both are whole
	 * values; nothing is known about new's dots.  If old reads as new already, or
	 * no update leads nearer, it is old (without flags).  CVG_E_FORBIDDEN if
	 * an update would lead there that the type does not have (a grow-only
	 * set cannot lose elements); CVG_E_OVERFLOW, CVG_E_LIMIT.  NULL: a merge
	 * does it (maxreg: one more value seen).
	 */
	CvgStatus	(*assign) (CvgSlice old, CvgSlice new, CvgDotSupply *dots,
						   CvgBuf *out);

	/*
	 * Read a plain form that is no text form of a state (5 for a counter,
	 * {a,b} for a set): append the whole value that results from updates of
	 * the bottom value.  The scanner is at the start; the caller checks that
	 * it is at the end afterwards.  NULL: there is none.
	 */
	CvgStatus	(*parse_plain) (CvgScanner *s, CvgDotSupply *dots, CvgBuf *out);
} CvgCrdtOps;

/* NULL for a tag that no type has. */
extern const CvgCrdtOps *cvg_crdt_ops(uint8 tag);

/* By type name; NULL if there is none. */
extern const CvgCrdtOps *cvg_crdt_ops_by_name(CvgSlice name);

/*
 * Whole values.  ops may be NULL in cvg_crdt_validate: any type.  All others
 * expect valid values, a and b of one type.  Each appends a value to out;
 * the only failure is CVG_E_LIMIT, and then nothing is appended.
 */
extern CvgStatus cvg_crdt_validate(const CvgCrdtOps *ops, CvgSlice value,
								   CvgError *err);
extern void cvg_crdt_bottom(const CvgCrdtOps *ops, CvgBuf *out);
extern CvgStatus cvg_crdt_merge(CvgSlice a, CvgSlice b, CvgBuf *out);
extern CvgStatus cvg_crdt_delta(CvgSlice old, CvgSlice new, CvgBuf *out);
extern CvgStamp cvg_crdt_latest(CvgSlice value);
extern CvgOrder cvg_crdt_compare(CvgSlice a, CvgSlice b);

/*
 * What a column holds after "new" was assigned to it while it held old: see
 * "Plain values" above.  plain: as if new had that flag.  Sets no flag.
 */
extern CvgStatus cvg_crdt_assign(CvgSlice old, CvgSlice new, bool plain,
								 CvgDotSupply *dots, CvgBuf *out);

static inline bool
cvg_crdt_is_plain(CvgSlice value)
{
	return (value.data[2] & CVG_CRDT_PLAIN) != 0;
}

/* Flag what was appended to out from start on. */
static inline void
cvg_crdt_set_plain(CvgBuf *out, size_t start)
{
	out->data[start + 2] |= CVG_CRDT_PLAIN;
}

/* A plain form, as CvgCrdtOps.parse_plain has it; the value is flagged. */
extern CvgStatus cvg_crdt_parse_plain(const CvgCrdtOps *ops, CvgSlice text,
									  CvgDotSupply *dots, CvgBuf *out,
									  CvgError *err);

/* A value as an operation that changes nothing in it leaves it: without flags. */
extern void cvg_crdt_put_unflagged(CvgSlice value, CvgBuf *out);

/* Equality of states: all but the flags. */
extern bool cvg_crdt_eq(CvgSlice a, CvgSlice b);

/* CVG_E_FORBIDDEN if the type has no reset. */
extern CvgStatus cvg_crdt_reset(CvgSlice value, CvgBuf *out);

/* Text form; parse wants the whole text to be one value. */
extern void cvg_crdt_print(CvgSlice value, CvgBuf *out);
extern CvgStatus cvg_crdt_parse(const CvgCrdtOps *ops, CvgSlice text,
								CvgBuf *out, CvgError *err);

/* One value out of a longer text; failures go into the scanner. */
extern void cvg_crdt_scan(const CvgCrdtOps *ops, CvgScanner *s, CvgBuf *out);

/*
 * For the types: write the header, of the type of another value (an update
 * leaves no flags); end an update that began at "start", taking it back if
 * it became too large or status is a failure.
 */
extern void cvg_crdt_put_header(const CvgCrdtOps *ops, CvgBuf *out);
extern void cvg_crdt_put_header_of(CvgSlice value, CvgBuf *out);
extern CvgStatus cvg_crdt_finish(CvgStatus status, size_t start, CvgBuf *out);

/* Reader of the body of a valid value. */
static inline CvgReader
cvg_crdt_body(CvgSlice value)
{
	CvgReader	r;

	cvg_reader_init(&r, value);
	(void) cvg_get_bytes(&r, CVG_CRDT_HEADER);
	return r;
}

/* Signed integers: 0, -1, 1, -2, ... as varints 0, 1, 2, 3, ... */
static inline void
cvg_put_signed(CvgBuf *out, int64 v)
{
	cvg_put_varint(out, ((uint64) v << 1) ^ (v < 0 ? ~UINT64CONST(0) : 0));
}

static inline int64
cvg_get_signed(CvgReader *r)
{
	uint64		u = cvg_get_varint(r);

	return (int64) ((u >> 1) ^ ((u & 1) ? ~UINT64CONST(0) : 0));
}

/* A stamp or 0 as a varint. */
static inline CvgStamp
cvg_get_stamp(CvgReader *r)
{
	uint64		v = cvg_get_varint(r);

	if (v > (uint64) PG_INT64_MAX)
	{
		cvg_reader_fail(r, CVG_E_OVERFLOW);
		return 0;
	}
	return (CvgStamp) v;
}

#endif							/* CVG_CORE_CRDT_H */
