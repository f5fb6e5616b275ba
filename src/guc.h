/*-------------------------------------------------------------------------
 *
 * guc.h
 *	  Settings; see guc.c for units and meaning.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_GUC_H
#define CVG_GUC_H

#include "compat.h"

extern char *cvg_node_name;
extern char *cvg_peers;
extern int	cvg_heartbeat_interval_ms;
extern int	cvg_max_clock_skew_ms;
extern int	cvg_connect_timeout_s;
extern int	cvg_max_retry_interval_ms;
extern int	cvg_pull_size_kb;
extern int	cvg_apply_batch_rows;
extern int	cvg_apply_rate_limit;
extern int	cvg_log_segment_size_mb;
extern int	cvg_max_hint_age_s;
extern int	cvg_max_log_size_mb;
extern bool cvg_log_conflicts;
extern int	cvg_conflict_retention_s;
extern int	cvg_tombstone_retention_s;
extern int	cvg_conflict_limit;

extern void cvg_guc_init(void);

#endif							/* CVG_GUC_H */
