/*-------------------------------------------------------------------------
 *
 * capture.h
 *	  Row triggers that stamp and capture, and what happens at commit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_CAPTURE_H
#define CVG_STORE_CAPTURE_H

#include "compat.h"

#include "shmem.h"
#include "store/relinfo.h"

/* The trigger that stamps rows; the name sorts behind those of users. */
#define CVG_TRIGGER_STAMP		"~~converge_stamp"

extern void cvg_capture_init(void); /* transaction callbacks */

/*
 * Set by apply around its work: triggers do nothing, nothing is captured.
 * Reset at transaction end.
 */
extern bool cvg_applying;

/*
 * A stamp for a write of this transaction.  Use this, not cvg_stamp_draw():
 * it publishes the transaction's lower bound first.
 */
extern CvgStamp cvg_capture_stamp(void);

/*
 * Put the state into a new row version, as the trigger does: newslot holds
 * values only, which this may replace with others in the current context.
 */
extern void cvg_stamp_update(Relation relation, TupleTableSlot *oldslot,
							 TupleTableSlot *newslot);

/* replicate(): log every row of a table as an insert. */
extern void cvg_capture_table(Relation rel);

#endif							/* CVG_STORE_CAPTURE_H */
