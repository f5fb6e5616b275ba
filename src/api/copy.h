/*-------------------------------------------------------------------------
 *
 * copy.h
 *	  COPY without a column list leaves out the _converge column.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_API_COPY_H
#define CVG_API_COPY_H

extern void cvg_copy_hook_init(void);

#endif							/* CVG_API_COPY_H */
