/*-------------------------------------------------------------------------
 *
 * identity.h
 *	  Who this node is: replica id and incarnation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_IDENTITY_H
#define CVG_STORE_IDENTITY_H

#include "compat.h"

#include "shmem.h"

/*
 * Make db ready from the tables, if the recorded identity still fits this
 * server, database and setting.  Returns false when a new incarnation (or
 * the first) must be made.  In a transaction; writes nothing.
 */
extern bool cvg_identity_load(CvgDb *db);

/*
 * Manager only: make a new incarnation and load it.  Commits on its own:
 * call outside a transaction.
 */
extern void cvg_identity_renew(CvgDb *db, const char *reason);

/* Manager: extend the durable stamp ceiling; call outside a transaction. */
extern void cvg_identity_extend_ceiling(CvgDb *db);

#endif							/* CVG_STORE_IDENTITY_H */
