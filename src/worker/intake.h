/*-------------------------------------------------------------------------
 *
 * intake.h
 *	  From the messages of one response to local transactions.
 *
 * Used by the receiver: add what comes, apply it, see what is left.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_WORKER_INTAKE_H
#define CVG_WORKER_INTAKE_H

#include "compat.h"

#include "core/blocks.h"
#include "core/links.h"
#include "core/pace.h"
#include "shmem.h"

typedef struct CvgUnit CvgUnit;

typedef struct CvgIntake
{
	CvgDb	   *db;
	int			peer;			/* index of the peer's slot */
	const char *peer_name;
	const char *peer_replica_id;
	MemoryContext mcxt;			/* units; reset with each response */
	MemoryContext row_mcxt;		/* one part of a spilled entry */
	CvgUnit    *units;
	int			nunits;
	int			max_units;
	int64		bytes;			/* of this response, not yet counted */
	int64		applied;		/* entries of this response that were new */
	bool		ahead;			/* it was asked for while another was applied */

	/* a spilled entry whose parts are coming in */
	CvgUnit    *stream;
	bool		stream_skip;
	int			next_part;

	/* a spilled entry that is to come with its parts; 0: none is known */
	char		parts_origin[CVG_NAME_LEN];
	int64		parts_seq;

	/* kept from response to response */
	CvgBlocks	blocks;
	CvgBatch	batch;
	int			nentries;		/* applied in the open transaction */
	TimestampTz clock_warned_at;
	void		(*before_retry) (void *arg);	/* close what a retry cannot use */
	void	   *arg;
} CvgIntake;

extern void cvg_intake_init(CvgIntake *it, CvgDb *db, int peer, const char *peer_name,
							const char *peer_replica_id, bool careful);

/* Before each response; ahead as in the struct. */
extern void cvg_intake_reset(CvgIntake *it, bool ahead);

/*
 * Where the messages of a response are to be allocated that are added now: a
 * part of a spilled entry lives only until the next one.
 */
extern MemoryContext cvg_intake_context(CvgIntake *it);

/* Take in a message that is not the head; parts are applied at once. */
extern void cvg_intake_add(CvgIntake *it, CvgSlice message);

/* All messages are in: apply all that can be. */
extern void cvg_intake_apply(CvgIntake *it);

/*
 * What has been received per origin, as a clock, to go on after it; palloc'ed.
 */
extern CvgSlice cvg_intake_position(CvgIntake *it);

/* Does the response end with a spilled entry without its parts? */
extern bool cvg_intake_ends_large(const CvgIntake *it);

/* Of which spilled entry to ask for the parts, as a clock; palloc'ed. */
extern CvgSlice cvg_intake_parts(CvgIntake *it);

/* Forget blocks that have gone; returns whether a dependency has arrived. */
extern bool cvg_intake_unblock(CvgIntake *it);

/* Say it where the DBA looks, without ending the exchange. */
extern void cvg_intake_note_problem(CvgIntake *it, const char *text);

/* What of an origin is committed here: a CvgProgressFn; db is a CvgDb. */
extern int64 cvg_intake_progress(CvgSlice origin, void *db);

#endif							/* CVG_WORKER_INTAKE_H */
