/*-------------------------------------------------------------------------
 *
 * past.h
 *	  What a new incarnation takes over of the log of the former.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_PAST_H
#define CVG_STORE_PAST_H

#include "compat.h"

/* What the incarnation that ends knows of itself. */
typedef struct CvgPast
{
	int32		origin;
	const char *replica_id;
	int64		floor;			/* its log was cut up to here */
	int64		boot_seq;		/* its last entry when this life of the server began */
	int64		confirmed_seq;	/* a peer has this one, and all before it */
	bool		lost;			/* there are later ones, at a peer */
	int32		later;			/* the incarnation that begins */
	const char *later_id;
} CvgPast;

/*
 * Entries after what is certain become those of the later incarnation, in this
 * segment of the log; the former origin becomes one like any other.
 */
extern void cvg_past_divide(const CvgPast *past, int segment);

#endif							/* CVG_STORE_PAST_H */
