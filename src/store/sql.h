/*-------------------------------------------------------------------------
 *
 * sql.h
 *	  SQL statements of our own processes, where speed does not matter.
 *
 * Only for processes that run as superuser with an empty search_path: SPI
 * checks permissions and resolves names.  Queries qualify all names.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_STORE_SQL_H
#define CVG_STORE_SQL_H

#include "compat.h"

#include "executor/spi.h"

/* A transaction with a snapshot and SPI connected; end commits it. */
extern void cvg_sql_begin(void);
extern void cvg_sql_end(void);

/*
 * Run one statement and return how many rows it processed.  types has one
 * letter per argument that follows:
 *	 i int32, l int64, o Oid, b bool, t timestamptz, s text (char *, NULL)
 * A result is in SPI_tuptable until the next statement.
 */
extern uint64 cvg_sql(const char *query, const char *types,...);

/* Columns of result row i (from 0), column from 1; NULL is 0 or NULL. */
extern int64 cvg_sql_int64(uint64 row, int column);
extern bool cvg_sql_bool(uint64 row, int column);
extern char *cvg_sql_text(uint64 row, int column);

#endif							/* CVG_STORE_SQL_H */
