/*-------------------------------------------------------------------------
 *
 * pace.h
 *	  How much a receiver tries at once, and how often it asks.
 *
 * Entries are applied in as few local transactions as the settings allow.
 * One that fails is tried again with the entries that went well before the one
 * that failed; that one then comes first in a transaction of its own.  With
 * each success twice as many are tried.  After a restart because of an error
 * the first transactions hold one entry each ("careful"), so that only the bad
 * one stays unapplied.  Users go first: we do not wait long for a lock, but
 * for an entry of many rows twice as long with each retry, so that it gets
 * through in the end.
 *
 * A peer that has nothing new waits before it says so.  One that answers at
 * once and brings nothing that we do not have, again and again, must not keep
 * us busy: after a few such answers we pause before we look at the next, longer
 * if it sends entries that our requests say we have.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_PACE_H
#define CVG_CORE_PACE_H

#include "core/base.h"

/* What the next local transaction may hold. */
typedef struct CvgBatch
{
	int			max_entries;	/* 0 = no limit */
	int			retries;		/* in a row */
	int			lock_timeout_ms;	/* of a transaction with one entry */
} CvgBatch;

/* The longest wait for a lock; that of an entry that cannot be repeated. */
#define CVG_LOCK_TIMEOUT_MAX_MS	60000

/* careful: the exchange before this one ended with an error. */
extern void cvg_batch_init(CvgBatch *batch, bool careful);

/* A transaction failed after so many entries; rows: of the first that it held. */
extern void cvg_batch_failed(CvgBatch *batch, int nentries, int64 rows);

/* One with entries in it was committed. */
extern void cvg_batch_succeeded(CvgBatch *batch);

/* How long may the next one wait for a lock? */
extern int	cvg_batch_lock_timeout_ms(const CvgBatch *batch);

/* How long to wait before it; random is any 32 random bits. */
extern int64 cvg_batch_pause_ms(const CvgBatch *batch, uint32 random);

/*
 * An answer held entries or not (empty), and so many that were new.  How long
 * after its request is the next one to be looked at?  barren counts the answers
 * in a row that brought nothing new.
 */
extern int	cvg_pace_ms(int *barren, bool empty, int64 applied, int heartbeat_ms);

#endif							/* CVG_CORE_PACE_H */
