/*-------------------------------------------------------------------------
 *
 * counter.h
 *	  Grow-only counter and up-and-down counter, with reset.
 *
 * Both are the same structure; a gcounter has no negative amounts.  For each
 * replica:
 *	  recent  (stamp, amount, reset?) of its latest updates
 *	  base    stamp and total of the older ones, reset or not
 *	  reset   stamp and total of what the latest reset saw of this replica
 *
 * The value is the sum of the recent amounts not marked reset, plus for each
 * base its total less the total of the reset, or nothing if the reset
 * reaches beyond the base.  A reset is never subtracted in place: the total
 * goes on, and so a concurrent update that extends it keeps its meaning, two
 * concurrent resets are one, and an update that a reset did not see survives
 * it.  (Subtracting in place, or a reset written as "- value", loses or
 * doubles those.)
 *
 * Merge: per replica, the larger base, the larger reset, the union of recent
 * updates above the base, reset if either side says so.
 *
 * Body: per replica, in strictly ascending id order up to the end:
 *	  varint id length, id
 *	  varint base stamp; if it is not 0: signed total
 *	  varint reset stamp; if it is not 0: signed total
 *	  recent, by ascending stamp: varint (stamp - the one before) * 2 + reset?,
 *	  signed amount, not 0; the first counts from the base
 *	  varint 0
 * A replica without base, reset and recent updates is not there.
 *
 * Text: value and what it is made of,
 *	  8 {london 5@770000000000001 3@770000000000002, paris sum 40@7.. reset 40@7..}
 * with a "!" after a recent update that was reset.
 *
 * Shapiro et al. 2011, 3.1.3; resets after Almeida and Baquero 2019.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_COUNTER_H
#define CVG_CORE_COUNTER_H

#include "core/crdt.h"

extern const CvgCrdtOps cvg_gcounter_ops;
extern const CvgCrdtOps cvg_pncounter_ops;

/*
 * Add n by the update (replica, stamp).  CVG_E_OVERFLOW if the value would
 * leave the int64 range; CVG_E_FORBIDDEN if n is negative in a gcounter or
 * the stamp is not larger than the replica's latest; CVG_E_BAD_ID.  Adding 0
 * changes nothing.
 */
extern CvgStatus cvg_counter_add(CvgSlice counter, CvgSlice replica,
								 CvgStamp stamp, int64 n, CvgBuf *out);

/* CVG_E_OVERFLOW: contributions merged from many sides can add up to more. */
extern CvgStatus cvg_counter_value(CvgSlice counter, int64 *value);

/*
 * Contributions, in id order: begin with cvg_crdt_body().  An amount beyond
 * int64 sets the reader's status.
 */
extern bool cvg_counter_next(CvgReader *r, CvgSlice *replica, int64 *amount);

#endif							/* CVG_CORE_COUNTER_H */
