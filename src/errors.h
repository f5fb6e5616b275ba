/*-------------------------------------------------------------------------
 *
 * errors.h
 *	  Which SQLSTATE our conditions have.  Chosen once, here.
 *
 *	  not in shared_preload_libraries, not replicated,
 *	  no node_name                              55000 object_not_in_prerequisite_state
 *	  NULL where a value is needed              22004 null_value_not_allowed
 *	  bad text form of a type                   22P02 invalid_text_representation
 *	  bad binary form of a type                 22P03 invalid_binary_representation
 *	  int8 overflow in a clock                  22003 numeric_value_out_of_range
 *	  a size limit of a type                    54000 program_limit_exceeded
 *	  bad bytes from a peer                     08P01 protocol_violation
 *	  bad bytes in our own tables               XX001 data_corrupted
 *	  peer unreachable                          08006 / 08001 connection
 *	  duplicate replica id, forked history      55000
 *	  PREPARE with captured changes             0A000 feature_not_supported
 *	  a wait that ran out of time               57014 query_canceled
 *	  schema here and at the peer differ        42P17 / 42703 / 42P01
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_ERRORS_H
#define CVG_ERRORS_H

#include "core/base.h"

/* SQLSTATE for a core status that came from text or bytes a user gave. */
extern int	cvg_errcode_input(CvgStatus status);

#endif							/* CVG_ERRORS_H */
