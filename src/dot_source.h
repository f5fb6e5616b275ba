/*-------------------------------------------------------------------------
 *
 * dot_source.h
 *	  Dots for updates of CRDT values: this node's, at this moment.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_DOT_SOURCE_H
#define CVG_DOT_SOURCE_H

#include "core/crdt.h"

/* Dots of this node with stamps larger than "after", for any number of updates. */
extern CvgDotSupply cvg_node_dots(CvgStamp after);

extern void cvg_dot_source_init(void);	/* from _PG_init, when preloaded */

#endif							/* CVG_DOT_SOURCE_H */
