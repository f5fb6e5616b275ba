/*-------------------------------------------------------------------------
 *
 * check_merge.c
 *	  converge.check_merge(): counter-examples to the laws that one would like a
 *	  merge function to obey.
 *
 * It makes one query of the caller's and runs it with the caller's rights.  A
 * function over whole rows is called as it is for a conflict: with the same
 * key in both rows, without what is generated or merges by its type, and with
 * an info that says who has written what.  Each sample counts as written by
 * somebody else, later than those before it; three of them are tried in the
 * order of writes only, which is that of a conflict.  What is compared is what
 * would be taken of the result.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "api/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "nodes/parsenodes.h"
#include "store/crdt_column.h"
#include "store/relinfo.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

/* So many values, and all their pairs and triples. */
#define CHECK_SAMPLES	24
#define CHECK_EXAMPLES	5

static const char value_query[] =
	"WITH s AS MATERIALIZED (SELECT pg_catalog.row_number() OVER () AS i, q.v"
	" FROM (SELECT DISTINCT d.v FROM (%s\n) AS d(v) LIMIT %d) AS q)"
	" (SELECT 'idempotent', pg_catalog.format('%%L with itself gives %%L', a.v, %s(a.v, a.v)) FROM s a"
	" WHERE %s(a.v, a.v) IS DISTINCT FROM a.v LIMIT %d)"
	" UNION ALL (SELECT 'commutative', pg_catalog.format('%%L, %%L gives %%L, the other way round %%L',"
	" a.v, b.v, %s(a.v, b.v), %s(b.v, a.v)) FROM s a JOIN s b ON a.i OPERATOR(pg_catalog.<) b.i"
	" WHERE %s(a.v, b.v) IS DISTINCT FROM %s(b.v, a.v) LIMIT %d)"
	" UNION ALL (SELECT 'associative', pg_catalog.format('%%L, %%L, %%L gives %%L from the left, %%L from the right',"
	" a.v, b.v, c.v, %s(%s(a.v, b.v), c.v), %s(a.v, %s(b.v, c.v))) FROM s a, s b, s c"
	" WHERE %s(%s(a.v, b.v), c.v) IS DISTINCT FROM %s(a.v, %s(b.v, c.v)) LIMIT %d)";

static char *
value_check(const char *f, const char *samples)
{
	return psprintf(value_query, samples, CHECK_SAMPLES,
					f, f, CHECK_EXAMPLES, f, f, f, f, CHECK_EXAMPLES,
					f, f, f, f, f, f, f, f, CHECK_EXAMPLES);
}

/* ----------------------------------------------------------------
 *		Functions over whole rows
 * ----------------------------------------------------------------
 */

/* The table whose rows a function fn(t, t, jsonb) takes; InvalidOid if it is none such. */
static Oid
row_function_table(List *name)
{
	Oid			table = InvalidOid;
	FuncCandidateList c;

	for (c = cvg_function_candidates(name); c != NULL; c = c->next)
	{
		if (c->nargs == 2)
			return InvalidOid;	/* one that takes values goes first */
		if (c->nargs == 3 && c->args[0] == c->args[1] && c->args[2] == JSONBOID)
			table = get_typ_typrelid(c->args[0]);
	}
	return table;
}

static bool
in_key(Oid relid, AttrNumber attnum)
{
	CvgRegistration reg;
	Relation	rel = relation_open(relid, AccessShareLock);
	Oid			index = cvg_registration_find(relid, &reg) ? reg.key_index :
		cvg_primary_key(rel);
	bool		result = false;

	relation_close(rel, AccessShareLock);
	if (OidIsValid(index))
	{
		rel = relation_open(index, AccessShareLock);
		for (int i = 0; i < rel->rd_index->indnkeyatts; i++)
			result |= rel->rd_index->indkey.values[i] == attnum;
		relation_close(rel, AccessShareLock);
	}
	return result;
}

/* Names of the key's columns, and of all that a merge does not take, as literals of arrays. */
static void
list_columns(Oid relid, const char **key, const char **rest)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	StringInfoData k;
	StringInfoData r;

	initStringInfo(&k);
	initStringInfo(&r);
	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);
		const char *name = quote_literal_cstr(NameStr(att->attname));

		if (att->attisdropped)
			continue;
		if (in_key(relid, att->attnum))
			appendStringInfo(&k, "%s%s", k.len > 0 ? ", " : "", name);
		else if (att->attgenerated == '\0' && cvg_crdt_of_type(att->atttypid) == NULL &&
				 strcmp(NameStr(att->attname), CVG_STATE_COLUMN) != 0)
			continue;
		appendStringInfo(&r, "%s%s", r.len > 0 ? ", " : "", name);
	}
	relation_close(rel, AccessShareLock);
	*key = psprintf("ARRAY[%s]::pg_catalog.text[]", k.data);
	*rest = psprintf("ARRAY[%s]::pg_catalog.text[]", r.data);
}

/* A call of the function in SQL; of NULL the later row is kept. */
static char *
row_call(const char *f, const char *table, const char *mine, const char *theirs,
		 const char *mine_by, const char *theirs_by)
{
	return psprintf("COALESCE(%s(%s, %s, pg_catalog.jsonb_build_object('mine', %s, 'theirs', %s, 'table', %s)), %s)",
					f, mine, theirs, mine_by, theirs_by, quote_literal_cstr(table), theirs);
}

/* What is taken of a row, or (keys) the key of it. */
static char *
taken(const char *row, const char *rest)
{
	return psprintf("(pg_catalog.to_jsonb(%s) OPERATOR(pg_catalog.-) %s)", row, rest);
}

static char *
row_samples(Oid relid, const char *samples, const char *key, const char *rest)
{
	return psprintf("WITH r AS MATERIALIZED (SELECT pg_catalog.to_jsonb(d.v) AS j FROM (%s\n) AS d(v)),"
					" k AS MATERIALIZED (SELECT pg_catalog.jsonb_object_agg(e.key, e.value) AS j FROM"
					" (SELECT r.j FROM r LIMIT 1) AS f, pg_catalog.jsonb_each(f.j) AS e"
					" WHERE e.key OPERATOR(pg_catalog.=) ANY (%s)),"
					" q AS MATERIALIZED (SELECT DISTINCT r.j OPERATOR(pg_catalog.-) %s AS j FROM r LIMIT %d),"
					" n AS MATERIALIZED (SELECT pg_catalog.row_number() OVER () AS i, q.j FROM q),"
					" s AS MATERIALIZED (SELECT n.i, n.j, k.j AS key,"
					" pg_catalog.jsonb_populate_record(NULL::%s, n.j OPERATOR(pg_catalog.||) COALESCE(k.j, '{}')) AS v,"
					" pg_catalog.jsonb_build_object('writer', pg_catalog.format('sample %%s', n.i), 'written_at',"
					" pg_catalog.to_timestamp(n.i::pg_catalog.float8)) AS w FROM n, k)",
					samples, key, rest, CHECK_SAMPLES, cvg_qualified_name(relid));
}

static char *
row_check(Oid relid, const char *f, const char *samples)
{
	const char *table = cvg_qualified_name(relid);
	const char *key;
	const char *rest;
	char	   *ab = row_call(f, table, "a.v", "b.v", "a.w", "b.w");
	char	   *ba = row_call(f, table, "b.v", "a.v", "b.w", "a.w");
	char	   *aa = row_call(f, table, "a.v", "a.v", "a.w", "a.w");
	char	   *bc = row_call(f, table, "b.v", "c.v", "b.w", "c.w");
	char	   *ab_c = row_call(f, table, ab, "c.v", "b.w", "c.w");
	char	   *a_bc = row_call(f, table, "a.v", bc, "a.w", "c.w");
	StringInfoData sql;

	list_columns(relid, &key, &rest);
	initStringInfo(&sql);
	appendStringInfoString(&sql, row_samples(relid, samples, key, rest));
	appendStringInfo(&sql, " (SELECT 'key', pg_catalog.format('%%L, %%L gives key %%L instead of %%L', a.j, b.j,"
					 " g.key, a.key) FROM s a JOIN s b ON a.i OPERATOR(pg_catalog.<) b.i, LATERAL"
					 " (SELECT pg_catalog.jsonb_object_agg(e.key, e.value) AS key FROM pg_catalog.jsonb_each(pg_catalog.to_jsonb(%s)) AS e"
					 " WHERE e.key OPERATOR(pg_catalog.=) ANY (%s)) AS g"
					 " WHERE g.key IS DISTINCT FROM a.key LIMIT %d)", ab, key, CHECK_EXAMPLES);
	appendStringInfo(&sql, " UNION ALL (SELECT 'idempotent', pg_catalog.format('%%L with itself gives %%L', a.j, g.j)"
					 " FROM s a, LATERAL (SELECT %s AS j) AS g WHERE g.j IS DISTINCT FROM a.j LIMIT %d)",
					 taken(aa, rest), CHECK_EXAMPLES);
	appendStringInfo(&sql, " UNION ALL (SELECT 'commutative', pg_catalog.format('%%L, %%L gives %%L, the other way round %%L',"
					 " a.j, b.j, g.x, g.y) FROM s a JOIN s b ON a.i OPERATOR(pg_catalog.<) b.i,"
					 " LATERAL (SELECT %s AS x, %s AS y) AS g WHERE g.x IS DISTINCT FROM g.y LIMIT %d)",
					 taken(ab, rest), taken(ba, rest), CHECK_EXAMPLES);
	appendStringInfo(&sql, " UNION ALL (SELECT 'associative', pg_catalog.format('%%L, %%L, %%L gives %%L from the left, %%L from the right',"
					 " a.j, b.j, c.j, g.x, g.y) FROM s a, s b, s c, LATERAL (SELECT %s AS x, %s AS y) AS g"
					 " WHERE a.i OPERATOR(pg_catalog.<=) b.i AND b.i OPERATOR(pg_catalog.<=) c.i"
					 " AND g.x IS DISTINCT FROM g.y LIMIT %d)",
					 taken(ab_c, rest), taken(a_bc, rest), CHECK_EXAMPLES);
	return sql.data;
}

/*
 * It becomes part of a query of ours, as a subquery: what is one by itself
 * cannot end the parentheses around it.
 */
static void
check_is_query(const char *samples)
{
	List	   *statements = pg_parse_query(samples);

	if (list_length(statements) != 1 || !IsA(linitial_node(RawStmt, statements)->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not one query", samples)));
}

CVG_FUNCTION(check_merge)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *name = cvg_name_list(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	char	   *f = NameListToQuotedString(name);
	char	   *samples = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Oid			table = row_function_table(name);
	char	   *sql;

	check_is_query(samples);
	sql = OidIsValid(table) ? row_check(table, f, samples) : value_check(f, samples);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	SPI_connect();
	if (SPI_execute(sql, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not run the check of a merge function");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false, false};

		for (int j = 0; j < 2; j++)
			values[j] = CStringGetTextDatum(SPI_getvalue(SPI_tuptable->vals[i],
														 SPI_tuptable->tupdesc, j + 1));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}
