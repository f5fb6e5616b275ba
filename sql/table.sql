--
-- Replicated tables: replicate(), replicate_schema(), unreplicate(),
-- set_strategy(), the view converge.tables, and DDL on replicated tables.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_converge;
SELECT format('ALTER DATABASE %I SET converge.node_name = %L', current_database(), 'london') \gexec
\c -
SET client_min_messages = notice;
CREATE SCHEMA app;
SET search_path = app, public;

-- What a table's converge triggers are, column and index
CREATE FUNCTION public.traces(rel regclass) RETURNS TABLE (what text)
LANGUAGE sql AS $$
    SELECT 'trigger ' || tgrelid::regclass || ' ' || tgname || CASE WHEN tgparentid <> 0 THEN ' (cloned)' ELSE '' END
    FROM pg_trigger WHERE tgrelid IN (SELECT relid FROM pg_partition_tree(rel) UNION SELECT rel) AND tgname ~ '^(~~|!)converge_'
    UNION ALL
    SELECT 'column ' || attrelid::regclass || ' ' || attname || ' ' || attstorage::text || ' ' || attstattarget || CASE WHEN atthasdef THEN ' default' ELSE '' END
    FROM pg_attribute WHERE attrelid IN (SELECT relid FROM pg_partition_tree(rel) UNION SELECT rel) AND attname = '_converge'
    UNION ALL
    SELECT 'index ' || indexrelid::regclass
    FROM pg_index WHERE indrelid = rel AND pg_get_indexdef(indexrelid) ~ 'birth'
    ORDER BY 1
$$;
CREATE FUNCTION public.registered() RETURNS TABLE (t regclass, key regclass, keyless bool, granularity text, on_delete text, column_groups text[], capturing bool, aside bigint)
LANGUAGE sql AS $$
    SELECT "table", key, keyless, granularity, on_delete, column_groups, capturing, rows_set_aside
    FROM converge.tables JOIN pg_class c ON c.oid = "table"
    WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('app', 'many'))
    ORDER BY "table"::text
$$;

-- The error of a command: SQLSTATE, message, detail, hint
CREATE FUNCTION public.refused(command text) RETURNS TABLE (error text)
LANGUAGE plpgsql AS $$
DECLARE
    m text; d text; h text;
BEGIN
    EXECUTE command;
    error := 'done';
    RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RETURN QUERY SELECT line FROM unnest(ARRAY[SQLSTATE || ': ' || m, '  detail: ' || nullif(d, ''), '  hint: ' || nullif(h, '')]) line
        WHERE line IS NOT NULL;
END
$$;

--
-- A table with a primary key: its rows are stamped, it can go back
--
CREATE TABLE t (id int PRIMARY KEY, v text);
INSERT INTO t VALUES (1, 'one'), (2, 'two');
SELECT converge.replicate('t');
SELECT * FROM traces('t');
SELECT * FROM registered();
SELECT id, v, converge.writer(_converge) FROM t ORDER BY id;
SELECT count(DISTINCT _converge::text) FROM t;
INSERT INTO t VALUES (3, 'three');
UPDATE t SET v = 'drei' WHERE id = 3;
DELETE FROM t WHERE id = 1;
SELECT id, v, converge.writer(_converge) FROM t ORDER BY id;
SELECT count(*) FROM converge.tombstones WHERE relid = 't'::regclass;
-- again: the same options are a notice, others an error
SELECT converge.replicate('t');
SELECT * FROM refused($$SELECT converge.replicate('t', granularity => 'row')$$);
SELECT * FROM refused($$SELECT converge.replicate('t', on_delete => 'update_wins')$$);
SELECT converge.unreplicate('t');
SELECT * FROM traces('t');
SELECT * FROM registered();
SELECT count(*) FROM converge.tombstones;
SELECT * FROM t ORDER BY id;
SELECT * FROM refused($$SELECT converge.unreplicate('t')$$);
DROP TABLE t;

--
-- Options
--
CREATE TABLE t (a int NOT NULL, b text NOT NULL, c int);
CREATE UNIQUE INDEX t_key ON t (b, a) INCLUDE (c);
SELECT converge.replicate('t', key => 't_key', granularity => 'row', on_delete => 'delete_wins');
SELECT * FROM registered();
SELECT converge.replicate('t', key => 't_key', granularity => 'row', on_delete => 'delete_wins');
SELECT * FROM refused($$SELECT converge.replicate('t', granularity => 'row', on_delete => 'delete_wins')$$);
SELECT * FROM refused($$DROP INDEX t_key$$);
DROP TABLE t;
SELECT * FROM registered();
CREATE TABLE t (id int PRIMARY KEY);
SELECT * FROM refused($$SELECT converge.replicate(NULL)$$);
SELECT * FROM refused($$SELECT converge.replicate('t', granularity => NULL)$$);
SELECT * FROM refused($$SELECT converge.replicate('t', granularity => 'page')$$);
SELECT * FROM refused($$SELECT converge.replicate('t', on_delete => NULL)$$);
SELECT * FROM refused($$SELECT converge.replicate('t', on_delete => 'never')$$);
SELECT * FROM refused($$SELECT converge.replicate('t', key => 'nothing')$$);
SELECT * FROM refused($$SELECT converge.replicate(1::oid)$$);
SELECT * FROM refused($$SELECT converge.initial_state()$$);

--
-- A table without a key
--
CREATE TABLE keyless (v text);
INSERT INTO keyless VALUES ('same'), ('same');
SELECT converge.replicate('keyless');
SELECT * FROM traces('keyless');
SELECT * FROM registered();
INSERT INTO keyless VALUES ('same');
SELECT v, count(*), count(DISTINCT converge.birth(_converge)) FROM keyless GROUP BY v;
SELECT converge.replicate('keyless');
SELECT converge.unreplicate('keyless');
SELECT * FROM traces('keyless');
DROP TABLE keyless;

--
-- Column groups: what constraints tie together, never key or generated columns
--
CREATE TABLE parent (x int, y int, PRIMARY KEY (x, y));
CREATE TABLE g (
    id int PRIMARY KEY,
    a int, b int, c int, d int, e int, f int, h int, alone int, "Odd name" int,
    sum int GENERATED ALWAYS AS (e + f) STORED,
    CHECK (a < b), CHECK (b < c OR id = 0), CHECK (d > 0), CHECK (id > d),
    CHECK (sum < h),
    FOREIGN KEY (alone, "Odd name") REFERENCES parent);
SELECT converge.replicate('g');
SELECT column_groups FROM registered() WHERE t = 'g'::regclass;
SELECT count(DISTINCT unit) FROM converge.replicated_columns WHERE relid = 'g'::regclass;
-- the groups follow the definition
ALTER TABLE g DROP CONSTRAINT g_check1, ADD CHECK (c <> d);
SELECT column_groups FROM registered() WHERE t = 'g'::regclass;
ALTER TABLE g RENAME a TO aa;
ALTER TABLE g DROP COLUMN alone;
SELECT column_groups FROM registered() WHERE t = 'g'::regclass;
DROP TABLE g, parent;

--
-- Partitioned tables
--
CREATE TABLE p (id int, region text, kind int, v text) PARTITION BY LIST (region);
CREATE TABLE p_eu PARTITION OF p FOR VALUES IN ('eu') PARTITION BY RANGE (kind);
CREATE TABLE p_eu_1 PARTITION OF p_eu FOR VALUES FROM (0) TO (10);
CREATE TABLE p_us PARTITION OF p FOR VALUES IN ('us');
INSERT INTO p VALUES (1, 'eu', 1, 'a'), (2, 'us', 1, 'b');
SELECT * FROM refused($$SELECT converge.replicate('p_us')$$);
SELECT converge.replicate('p');
SELECT * FROM traces('p');
SELECT * FROM registered() WHERE t = 'p'::regclass;
SELECT id, converge.writer(_converge) FROM p ORDER BY id;
-- a new partition, one attached with rows, one detached
CREATE TABLE p_as PARTITION OF p FOR VALUES IN ('as');
CREATE TABLE p_af (LIKE p_as INCLUDING ALL);
INSERT INTO p_af VALUES (3, 'af', 1, 'c');
ALTER TABLE p ATTACH PARTITION p_af FOR VALUES IN ('af');
SELECT id, converge.writer(_converge) FROM p ORDER BY id;
CREATE TABLE p_au (id int, region text, kind int, v text);
SELECT * FROM refused($$ALTER TABLE p ATTACH PARTITION p_au FOR VALUES IN ('au')$$);
ALTER TABLE p_au ADD _converge converge.row_state;
INSERT INTO p_au VALUES (4, 'au', 1, 'd', NULL);
ALTER TABLE p ATTACH PARTITION p_au FOR VALUES IN ('au');
SELECT id, converge.writer(_converge) FROM p ORDER BY id;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
SELECT * FROM refused($$CREATE FOREIGN TABLE p_far PARTITION OF p FOR VALUES IN ('far') SERVER nowhere$$);
SELECT * FROM refused($$CREATE UNLOGGED TABLE p_un PARTITION OF p FOR VALUES IN ('un')$$);
ALTER TABLE p DETACH PARTITION p_us;
SELECT * FROM traces('p_us');
SELECT what FROM traces('p') WHERE what ~ 'truncate';
TRUNCATE p_us;
SELECT * FROM refused($$SELECT converge.unreplicate('p_as')$$);
SELECT converge.unreplicate('p');
SELECT * FROM traces('p');
SELECT id, region FROM p ORDER BY id;
DROP TABLE p, p_us, p_au;

--
-- What cannot be replicated
--
CREATE VIEW view AS SELECT 1 AS x;
SELECT * FROM refused($$SELECT converge.replicate('view')$$);
CREATE MATERIALIZED VIEW matview AS SELECT 1 AS x;
SELECT * FROM refused($$SELECT converge.replicate('matview')$$);
CREATE SEQUENCE seq;
SELECT * FROM refused($$SELECT converge.replicate('seq')$$);
SELECT * FROM refused($$SELECT converge.replicate('t_pkey')$$);
CREATE FOREIGN TABLE far (x int) SERVER nowhere;
SELECT * FROM refused($$SELECT converge.replicate('far')$$);
CREATE TEMP TABLE temp (id int PRIMARY KEY);
SELECT * FROM refused($$SELECT converge.replicate('temp')$$);
CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY);
SELECT * FROM refused($$SELECT converge.replicate('unlogged')$$);
SELECT * FROM refused($$SELECT converge.replicate('pg_class')$$);
SELECT * FROM refused($$SELECT converge.replicate('information_schema.sql_parts')$$);
SELECT * FROM refused($$SELECT converge.replicate('converge.node')$$);
CREATE TABLE mother (id int PRIMARY KEY);
CREATE TABLE child () INHERITS (mother);
SELECT * FROM refused($$SELECT converge.replicate('mother')$$);
SELECT * FROM refused($$SELECT converge.replicate('child')$$);
CREATE TYPE kind AS (id int, v text);
CREATE TABLE typed OF kind (PRIMARY KEY (id));
SELECT * FROM refused($$SELECT converge.replicate('typed')$$);
DROP TABLE mother, child, typed, unlogged;
DROP FOREIGN TABLE far;
DROP MATERIALIZED VIEW matview;

--
-- Keys that cannot identify rows
--
CREATE TABLE k (id int PRIMARY KEY DEFERRABLE, a int NOT NULL, b int, g int GENERATED ALWAYS AS (1) STORED NOT NULL);
SELECT * FROM refused($$SELECT converge.replicate('k')$$);
CREATE INDEX k_plain ON k (a);
CREATE UNIQUE INDEX k_null ON k (b);
CREATE UNIQUE INDEX k_partial ON k (a) WHERE a > 0;
CREATE UNIQUE INDEX k_expr ON k ((a + 1));
CREATE UNIQUE INDEX k_gen ON k (g);
SELECT * FROM refused($$SELECT converge.replicate('k', key => 'k_plain')$$);
SELECT * FROM refused($$SELECT converge.replicate('k', key => 'k_null')$$);
SELECT * FROM refused($$SELECT converge.replicate('k', key => 'k_partial')$$);
SELECT * FROM refused($$SELECT converge.replicate('k', key => 'k_expr')$$);
SELECT * FROM refused($$SELECT converge.replicate('k', key => 'k_gen')$$);
SELECT * FROM refused($$SELECT converge.replicate('k', key => 't_pkey')$$);
DROP TABLE k;

--
-- Columns and triggers that are in the way
--
CREATE TABLE c (id int PRIMARY KEY, _converge int);
SELECT * FROM refused($$SELECT converge.replicate('c')$$);
DROP TABLE c;
CREATE TABLE c (id int PRIMARY KEY, column_33916391_204769 int, column_2238571c_373724 int);
SELECT * FROM refused($$SELECT converge.replicate('c')$$);
SELECT converge.replicate('c', granularity => 'row');
DROP TABLE c;
\set ECHO none
SELECT format('CREATE TABLE wide (id int PRIMARY KEY, %s)', string_agg('c' || i || ' bool', ', '))
FROM generate_series(1, 1599) i \gexec
\set ECHO all
SELECT * FROM refused($$SELECT converge.replicate('wide')$$);
DROP TABLE wide;
CREATE TABLE forced (id int PRIMARY KEY);
ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT * FROM refused($$SELECT converge.replicate('forced')$$);
ALTER TABLE forced NO FORCE ROW LEVEL SECURITY;
SELECT converge.replicate('forced');
SELECT * FROM refused($$ALTER TABLE forced FORCE ROW LEVEL SECURITY$$);
DROP TABLE forced;
CREATE FUNCTION nop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE tg (id int PRIMARY KEY);
CREATE TRIGGER "~~~late" BEFORE UPDATE ON tg FOR EACH ROW EXECUTE FUNCTION nop();
SELECT * FROM refused($$SELECT converge.replicate('tg')$$);
ALTER TRIGGER "~~~late" ON tg RENAME TO early;
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON tg DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION nop();
ALTER TABLE tg ENABLE ALWAYS TRIGGER deferred;
SELECT * FROM refused($$SELECT converge.replicate('tg')$$);
ALTER TABLE tg ENABLE TRIGGER deferred;
SELECT converge.replicate('tg');
-- later on, DDL that would bring them back is refused
SELECT * FROM refused($$ALTER TRIGGER early ON tg RENAME TO "~~~late"$$);
SELECT * FROM refused($$CREATE TRIGGER "~~~late" BEFORE INSERT ON tg FOR EACH ROW EXECUTE FUNCTION nop()$$);
CREATE TRIGGER "~~~late" AFTER INSERT ON tg FOR EACH ROW EXECUTE FUNCTION nop();
SELECT * FROM refused($$ALTER TABLE tg ENABLE ALWAYS TRIGGER deferred$$);
DROP TABLE tg;

--
-- DDL on a replicated table
--
CREATE TABLE d (id int PRIMARY KEY, u int NOT NULL UNIQUE, v text);
SELECT converge.replicate('d', key => 'd_u_key');
ALTER TABLE d ADD COLUMN w int DEFAULT 5;
ALTER TABLE d DROP COLUMN w;
ALTER TABLE d DROP CONSTRAINT d_pkey;
SELECT * FROM refused($$ALTER TABLE d DROP COLUMN _converge$$);
SELECT * FROM refused($$ALTER TABLE d RENAME _converge TO mine$$);
SELECT * FROM refused($$ALTER TABLE d ALTER _converge TYPE text USING ''$$);
SELECT * FROM refused($$ALTER TABLE d DROP CONSTRAINT d_u_key$$);
SELECT * FROM refused($$ALTER TABLE d DROP COLUMN u$$);
SELECT * FROM refused($$ALTER TABLE d ALTER u DROP NOT NULL$$);
SELECT * FROM refused($$ALTER TABLE d SET UNLOGGED$$);
SELECT * FROM refused($$CREATE TABLE dd () INHERITS (d)$$);
SELECT * FROM refused($$DROP TRIGGER "~~converge_stamp" ON d$$);
SELECT * FROM refused($$DROP TRIGGER "!converge_capture" ON d$$);
SELECT * FROM refused($$DROP TRIGGER "~~converge_truncate" ON d$$);
SELECT * FROM refused($$ALTER TRIGGER "~~converge_stamp" ON d RENAME TO mine$$);
CREATE TABLE dp (LIKE d) PARTITION BY LIST (u);
SELECT * FROM refused($$ALTER TABLE dp ATTACH PARTITION d FOR VALUES IN (1)$$);
DROP TABLE dp;
ALTER TABLE d DISABLE TRIGGER ALL;
SELECT t, capturing FROM registered() WHERE t = 'd'::regclass;
ALTER TABLE d ENABLE TRIGGER ALL;
SELECT t, capturing FROM registered() WHERE t = 'd'::regclass;
ALTER TABLE d RENAME TO d2;
SELECT t FROM registered() WHERE t = 'd2'::regclass;
-- what depends on the column is named
CREATE VIEW dv AS SELECT * FROM d2;
SELECT * FROM refused($$SELECT converge.unreplicate('d2')$$);
DROP VIEW dv;
SELECT converge.unreplicate('d2');
DROP TABLE d2;

--
-- A table that came from a dump of a replicated one keeps its states
--
CREATE TABLE dump (id int PRIMARY KEY, _converge converge.row_state);
CREATE TABLE source (id int PRIMARY KEY);
INSERT INTO source VALUES (1), (2);
SELECT converge.replicate('source');
INSERT INTO dump SELECT * FROM source;
INSERT INTO dump VALUES (3);
SELECT converge.replicate('dump');
SELECT d.id, d._converge OPERATOR(converge.=) s._converge AS kept, converge.writer(d._converge)
FROM dump d LEFT JOIN source s USING (id) ORDER BY 1;
-- but nobody's states are from the future
CREATE TABLE future (id int PRIMARY KEY, _converge converge.row_state);
INSERT INTO future VALUES (1, '\x2000008080e898a9bf8d07046576696c');
SELECT id, converge.changed_at(_converge) > now() + interval '1 year' AS future FROM future;
SELECT * FROM refused($$SELECT converge.replicate('future')$$);
DROP TABLE dump, source, future;

--
-- A schema
--
CREATE SCHEMA many;
CREATE TABLE many.a (id int PRIMARY KEY);
CREATE TABLE many.b (id int) PARTITION BY LIST (id);
CREATE TABLE many.b1 PARTITION OF many.b FOR VALUES IN (1);
CREATE UNLOGGED TABLE many.c (id int);
CREATE VIEW many.d AS SELECT 1;
SELECT * FROM converge.replicate_schema('many') r ORDER BY r::text;
SELECT * FROM converge.replicate_schema('many');
CREATE TABLE many.e (id int PRIMARY KEY DEFERRABLE);
SELECT * FROM refused($$SELECT converge.replicate_schema('many')$$);
SELECT * FROM refused($$SELECT converge.replicate_schema('none')$$);
SELECT t FROM registered() WHERE t::text ~ 'many';
SET client_min_messages = warning;
DROP SCHEMA many CASCADE;
RESET client_min_messages;
SELECT t FROM registered() WHERE t::text ~ 'many';

--
-- Strategies
--
CREATE TABLE s (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED);
SELECT * FROM refused($$SELECT converge.set_strategy('s', 'n', 'lww')$$);
SELECT converge.replicate('s');
SELECT converge.set_strategy('s', 'n', 'lww');
SELECT * FROM refused($$SELECT converge.set_strategy('s', 'n', 'counter')$$);
SELECT * FROM refused($$SELECT converge.set_strategy('s', 'n', 'function:f')$$);
SELECT * FROM refused($$SELECT converge.set_strategy('s', 'n', 'best')$$);
SELECT * FROM refused($$SELECT converge.set_strategy('s', 'm', 'lww')$$);
SELECT * FROM refused($$SELECT converge.set_strategy('s', 'id', 'lww')$$);
SELECT * FROM refused($$SELECT converge.set_strategy('s', 'twice', 'lww')$$);
SELECT * FROM refused($$SELECT converge.set_strategy('s', '_converge', 'lww')$$);

--
-- Who may
--
CREATE ROLE regress_converge_owner;
CREATE ROLE regress_converge_other;
GRANT USAGE, CREATE ON SCHEMA app TO regress_converge_owner, regress_converge_other;
SET ROLE regress_converge_owner;
CREATE TABLE own (id int PRIMARY KEY, v text);
INSERT INTO own VALUES (1, 'x');
SET ROLE regress_converge_other;
SELECT * FROM refused($$SELECT converge.replicate('own')$$);
SET ROLE regress_converge_owner;
SELECT converge.replicate('own');
INSERT INTO own VALUES (2, 'y');
SELECT "table", keyless FROM converge.tables WHERE "table" = 'own'::regclass;
SET ROLE regress_converge_other;
SELECT * FROM refused($$SELECT converge.unreplicate('own')$$);
SELECT * FROM refused($$SELECT converge.set_strategy('own', 'v', 'lww')$$);
SET ROLE regress_converge_owner;
SELECT converge.unreplicate('own');
SELECT * FROM own ORDER BY id;
DROP TABLE own;
RESET ROLE;
REVOKE ALL ON SCHEMA app FROM regress_converge_owner, regress_converge_other;
DROP ROLE regress_converge_owner;
DROP ROLE regress_converge_other;

-- Event triggers and triggers are nothing to be called by hand
SELECT * FROM refused($$SELECT converge.ddl_end()$$);

-- clean up
SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP FUNCTION public.traces(regclass);
DROP FUNCTION public.registered();
DROP FUNCTION public.refused(text);
DROP FOREIGN DATA WRAPPER nowhere CASCADE;
-- nothing is left of tables that are gone
SELECT count(*) FROM converge.replicated WHERE relid NOT IN (SELECT oid FROM pg_class);
SELECT count(*) FROM converge.replicated_columns WHERE relid NOT IN (SELECT oid FROM pg_class);
SELECT count(*) FROM converge.tombstones WHERE relid NOT IN (SELECT oid FROM pg_class);
