/*-------------------------------------------------------------------------
 *
 * execstamp.h
 *	  Stamping the rows of an UPDATE without the BEFORE ROW trigger.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_EXECSTAMP_H
#define CVG_STORE_EXECSTAMP_H

#include "compat.h"

extern void cvg_execstamp_init(void);	/* from _PG_init: installs the hook */

#endif							/* CVG_STORE_EXECSTAMP_H */
