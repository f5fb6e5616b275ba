/*-------------------------------------------------------------------------
 *
 * serve.h
 *	  What a backend that serves a peer remembers between calls.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_WORKER_SERVE_H
#define CVG_WORKER_SERVE_H

#include "compat.h"

#include "core/wire.h"
#include "shmem.h"
#include "worker/members.h"

/* One per backend: a connection belongs to one receiver of one peer. */
typedef struct CvgServing
{
	bool		greeted;		/* hello() was called */
	char		node_name[CVG_NAME_LEN];
	char		replica_id[CVG_NAME_LEN];
	uint64		boot_id;
	CvgSlice	past;			/* as it greeted; lives as long as we do */
	int			member;			/* index of its slot */
	CvgPassedOn passed;
	uint64		kick;			/* as of the last complete response */
	int32		verified_origin;	/* ours, when ... */
	int64		verified_seq;	/* ... this own entry was known to be in its history */
	int64		holes_from;		/* own seqs after this, up to ... */
	int64		holes_until;	/* ... this, are all holes */
	bool		responding;		/* a response was begun and not finished */
	TimestampTz sent_at;		/* last response with entries */
	struct HTAB *descriptors;	/* hashes that it has been sent */
} CvgServing;

extern CvgServing cvg_serving;

/* Bytes of a peer: ERROR for what does not decode. */
extern void cvg_report_bad_request(const char *what, CvgStatus status, uint32 protocol);

/*
 * ERROR or FATAL when this database serves nobody at the moment.  await:
 * a manager that is just being replaced is waited for.
 */
extern void cvg_check_serving(CvgDb *db, bool await);

/*
 * Does a peer with this progress claim entries of ours that we do not have, or
 * has one done so?  Then the manager is told, and *claimed is up to where.
 */
extern bool cvg_note_claim(CvgDb *db, CvgSlice progress, int64 *claimed, int64 *last_seq);

/* ERROR if so. */
extern void cvg_check_claim(CvgDb *db, CvgSlice progress);

#endif							/* CVG_WORKER_SERVE_H */
