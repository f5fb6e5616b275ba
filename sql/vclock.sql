--
-- Type converge.vclock: text and binary form, functions, operators, casts,
-- aggregate, indexes, limits, errors.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_converge;
RESET client_min_messages;
SET search_path = public, converge;

--
-- Text form
--
SELECT '{}'::vclock, '{london:5,paris:3}'::vclock, '{paris:3,london:5}'::vclock;
SELECT E' {\n "paris" : 003 , london:5\t} '::vclock;
-- a zero is no entry
SELECT '{a:0}'::vclock, '{a:0,b:1,c:-0}'::vclock;
-- bytes decide the order, shorter first; all characters of an id
SELECT '{b:1,aa:2,a:3,B:4,_:5,-:6,.:7,~:8,9:9,a-b_c.d~e:10}'::vclock;
SELECT '{a:9223372036854775807}'::vclock;
SELECT '{"{b:2,a:1}","{}"}'::vclock[];

--
-- Functions
--
SELECT increment('{}', 'london'), increment('{london:5}', 'london'),
       increment('{london:5}', 'paris', 3), increment('{london:5}', 'london', 0);
SELECT increment('{a:9223372036854775806}', 'a');
SELECT increment(clock => '{}', replica_id => 'a', by => 9223372036854775807);
SELECT value('{london:5,paris:3}', 'paris'), value('{london:5}', 'paris'),
       value('{}', 'paris'), value('{london:5}', 'not an id');
SELECT merge('{london:5,paris:3}'::vclock, '{paris:4,tokyo:1}');
SELECT merge('{}'::vclock, '{a:1}'), merge('{a:1}'::vclock, '{}'), merge('{}'::vclock, '{}');
-- one side covers the other
SELECT merge('{a:1,b:2}'::vclock, '{b:2}'), merge('{b:2}'::vclock, '{a:1,b:2}');

--
-- Causality
--
WITH c(name, clock) AS (VALUES
    ('0', '{}'::vclock), ('a1', '{a:1}'), ('a2', '{a:2}'), ('b1', '{b:1}'),
    ('a1b1', '{a:1,b:1}'), ('a2b1', '{b:1,a:2}'))
SELECT x.name AS x, y.name AS y, vclock_compare(x.clock, y.clock),
       x.clock = y.clock AS "=", x.clock <> y.clock AS "<>",
       x.clock < y.clock AS "<", x.clock <= y.clock AS "<=",
       x.clock > y.clock AS ">", x.clock >= y.clock AS ">=",
       x.clock # y.clock AS "#", x.clock || y.clock AS "||"
FROM c x, c y ORDER BY x.name, y.name;

--
-- NULL in, NULL out
--
SELECT bool_and(n IS NULL) FROM (VALUES
    (increment(NULL, 'a')::text), (increment('{}', NULL)::text),
    (increment('{}', 'a', NULL)::text), (value(NULL, 'a')::text),
    (value('{}', NULL)::text), (merge(NULL::vclock, '{}')::text),
    (merge('{}'::vclock, NULL)::text), (vclock_compare(NULL, '{}')),
    (('{}'::vclock = NULL::vclock)::text), (('{}'::vclock <> NULL::vclock)::text),
    (('{}'::vclock < NULL::vclock)::text), (('{}'::vclock <= NULL::vclock)::text),
    (('{}'::vclock > NULL::vclock)::text), (('{}'::vclock >= NULL::vclock)::text),
    (('{}'::vclock # NULL::vclock)::text), (('{}'::vclock || NULL::vclock)::text),
    (('{}'::vclock *< NULL::vclock)::text), (NULL::vclock::jsonb::text),
    (NULL::jsonb::vclock::text)) v(n);

--
-- Aggregate
--
SELECT merge(c) FROM (VALUES ('{a:1}'::vclock), (NULL), ('{b:2,a:3}'), ('{c:1}'), ('{b:1}')) v(c);
SELECT merge(c) FROM (VALUES (NULL::vclock)) v(c);
SELECT merge(c) FROM (SELECT '{}'::vclock WHERE false) v(c);
SELECT g, merge(c) FROM (VALUES (1, '{a:1}'::vclock), (2, '{}'), (1, '{b:1}')) v(g, c)
GROUP BY g ORDER BY g;

--
-- Casts
--
SELECT '{paris:3,london:9223372036854775807}'::vclock::jsonb, '{}'::vclock::jsonb;
SELECT '{"paris": 3, "london": 5.0, "oslo": 0, "rome": 1e2}'::jsonb::vclock, '{}'::jsonb::vclock;
CREATE TEMP TABLE assigned (c vclock, j jsonb);
INSERT INTO assigned SELECT '{"a": 1}'::jsonb, '{b:2}'::vclock;
SELECT * FROM assigned;

--
-- Table, toast, indexes
--
CREATE TABLE clocks (id int, c vclock);
INSERT INTO clocks
SELECT i, increment(increment('{}', 'n' || i % 10, i / 10 + 1), 'z', i % 3 + 1)
FROM generate_series(0, 999) i;
INSERT INTO clocks VALUES (1000, '{}'), (1001, NULL);
ANALYZE clocks;
SELECT count(DISTINCT c) FROM clocks;
SELECT id, c FROM clocks ORDER BY c NULLS FIRST LIMIT 4;
SELECT id, c FROM clocks ORDER BY c DESC NULLS LAST LIMIT 2;
-- all pairs of the total order agree with its comparison function
SELECT count(*) FILTER (WHERE (x.c *< y.c) <> (vclock_sort_cmp(x.c, y.c) < 0)
                           OR (x.c *<= y.c) <> (vclock_sort_cmp(x.c, y.c) <= 0)
                           OR (x.c *> y.c) <> (vclock_sort_cmp(x.c, y.c) > 0)
                           OR (x.c *>= y.c) <> (vclock_sort_cmp(x.c, y.c) >= 0)
                           OR (x.c = y.c) <> (vclock_sort_cmp(x.c, y.c) = 0)) AS wrong,
       count(*) FILTER (WHERE x.c *< y.c) AS less
FROM clocks x, clocks y WHERE x.id % 10 = 0 AND y.id % 10 = 1;

SET enable_seqscan = off;
SET enable_bitmapscan = off;
CREATE INDEX clocks_btree ON clocks USING btree (c);
EXPLAIN (COSTS OFF) SELECT id FROM clocks WHERE c = '{n3:8,z:2}';
SELECT id FROM clocks WHERE c = '{n3:8,z:2}';
EXPLAIN (COSTS OFF) SELECT count(*) FROM clocks WHERE c *>= '{n9:99}' AND c *< '{z:1}';
SELECT count(*) FROM clocks WHERE c *>= '{n9:99}' AND c *< '{z:1}';
SELECT count(*) FROM clocks WHERE c *<= '{}';
SELECT count(*) FROM clocks WHERE c *> '{n9:99,z:2}';
EXPLAIN (COSTS OFF) SELECT c FROM clocks ORDER BY c LIMIT 1;
-- causality is no order for an index
RESET enable_seqscan;
EXPLAIN (COSTS OFF) SELECT id FROM clocks WHERE c < '{n3:8,z:2}';
SELECT count(*) FROM clocks WHERE c < '{n3:8,z:2}';
SET enable_seqscan = off;
DROP INDEX clocks_btree;
CREATE INDEX clocks_hash ON clocks USING hash (c);
EXPLAIN (COSTS OFF) SELECT id FROM clocks WHERE c = '{n3:8,z:2}';
SELECT id FROM clocks WHERE c = '{n3:8,z:2}';
RESET enable_seqscan;
RESET enable_bitmapscan;
-- joins by hash and by merge
SET enable_nestloop = off;
SET enable_mergejoin = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM clocks x JOIN clocks y ON x.c = y.c;
SELECT count(*) FROM clocks x JOIN clocks y ON x.c = y.c;
RESET enable_mergejoin;
SET enable_hashjoin = off;
SELECT count(*) FROM clocks x JOIN clocks y ON x.c = y.c;
RESET enable_hashjoin;
RESET enable_nestloop;
-- hash partitions use the extended hash
SELECT vclock_hash('{a:1}') = vclock_hash('{"a": 01}'),
       vclock_hash('{a:1}') = vclock_hash('{a:2}'),
       vclock_hash_extended('{a:1}', 0) & 4294967295 = vclock_hash('{a:1}')::bigint & 4294967295,
       vclock_hash_extended('{a:1}', 1) = vclock_hash_extended('{a:1}', 2);
-- the aggregate in parallel workers
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE clocks SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT merge(c) FROM clocks;
SELECT merge(c) FROM clocks;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

--
-- Binary form
--
SELECT vclock_send('{}'), vclock_send('{london:5,paris:300}');
\copy (SELECT id, c FROM clocks) TO 'results/vclock.bin' (FORMAT binary)
CREATE TABLE copied (LIKE clocks);
\copy copied FROM 'results/vclock.bin' (FORMAT binary)
SELECT count(*), count(*) FILTER (WHERE x.c IS NOT DISTINCT FROM y.c AND x.c::text IS NOT DISTINCT FROM y.c::text)
FROM clocks x FULL JOIN copied y USING (id);

--
-- Limits: 63 bytes in an id, 10000 entries
--
SELECT length(c::text), value(c, repeat('x', 63))
FROM (SELECT increment('{}', repeat('x', 63), 7) AS c) s;
CREATE TABLE full_clock AS
SELECT ('{' || string_agg('node' || i || ':' || i, ',') || '}')::vclock AS c
FROM generate_series(1, 10000) i;
SELECT pg_column_size(c) < 100000 AS compressed, value(c, 'node1'), value(c, 'node10000'),
       value(c, 'node10001'), length(c::text), c::text::vclock = c AS text,
       c::jsonb::vclock = c AS json,
       value(increment(c, 'node5000', 1), 'node5000') AS incremented,
       c || c = c AS merged, increment(c, 'node1') > c AS after,
       vclock_compare(increment(c, 'node1'), increment(c, 'node2'))
FROM full_clock;
SELECT c || '{node77:100}' = increment(c, 'node77', 23) FROM full_clock;

--
-- Errors
--
SELECT 'x'::vclock;
SELECT ''::vclock;
SELECT '{a:1'::vclock;
SELECT '{a:1,}'::vclock;
SELECT '{a 1}'::vclock;
SELECT '{a:1.5}'::vclock;
SELECT '{a:1}x'::vclock;
SELECT '{a:1,b:2,a:3}'::vclock;
SELECT '{"":1}'::vclock;
SELECT '{"a b":1}'::vclock;
SELECT ('{' || repeat('x', 64) || ':1}')::vclock;
SELECT ('{a:1,' || repeat('x', 400) || ':1}')::vclock;
SELECT '{a:-1}'::vclock;
SELECT '{a:9223372036854775808}'::vclock;
SELECT ('{' || string_agg('n' || i || ':1', ',') || '}')::vclock FROM generate_series(1, 10001) i;
SELECT increment('{}', '');
SELECT increment('{}', 'a b');
SELECT increment('{}', repeat('x', 64));
SELECT increment('{a:5}', 'a', -1);
SELECT increment('{a:9223372036854775807}', 'a');
SELECT increment(c, 'x') FROM full_clock;
SELECT c || '{x:1}' FROM full_clock;
SELECT '[]'::jsonb::vclock;
SELECT '5'::jsonb::vclock;
SELECT 'null'::jsonb::vclock;
SELECT '{"a": "1"}'::jsonb::vclock;
SELECT '{"a": {"b": 1}}'::jsonb::vclock;
SELECT '{"a": 1.5}'::jsonb::vclock;
SELECT '{"a": -1}'::jsonb::vclock;
SELECT '{"a": 9223372036854775808}'::jsonb::vclock;
SELECT '{"a b": 1}'::jsonb::vclock;
SELECT jsonb_object_agg('n' || i, 1)::vclock FROM generate_series(1, 10001) i;
SELECT c FROM clocks ORDER BY c USING <;

-- bad bytes: one field of a COPY file
\getenv abs_srcdir PG_ABS_SRCDIR
\set receive :abs_srcdir '/test/sql/receive.sql'
\set ECHO none
\i :receive
\set ECHO all
SELECT receive('vclock', '\x01020161050162ac02');
SELECT b AS bytes, receive('vclock', b) FROM (VALUES (1, ''::bytea), (2, '\x0000'), (3, '\x0200'),
    (4, '\x01'), (5, '\x01010161'), (6, '\x010000'), (7, '\x0101016100'),
    (8, '\x0102016101016101'), (9, '\x018000'), (10, '\x0101012001'),
    (11, '\x0101016180808080808080808001'), (12, '\x01914e'),
    (13, '\x01010161ffffffffffffffffffff01')) v(i, b)
ORDER BY i;

\set VERBOSITY sqlstate
SELECT '{a'::vclock;
SELECT '{a:1,a:1}'::vclock;
SELECT '{"a b":1}'::vclock;
SELECT '{a:-1}'::vclock;
SELECT '{a:9223372036854775808}'::vclock;
SELECT ('{' || string_agg('n' || i || ':1', ',') || '}')::vclock FROM generate_series(1, 10001) i;
SELECT increment('{}', 'a b');
SELECT increment('{a:5}', 'a', -1);
SELECT increment('{a:9223372036854775807}', 'a');
SELECT increment(c, 'x') FROM full_clock;
SELECT c || '{x:1}' FROM full_clock;
SELECT '[]'::jsonb::vclock;
SELECT '{"a": 1.5}'::jsonb::vclock;
SELECT '{"a": -1}'::jsonb::vclock;
SELECT '{"a b": 1}'::jsonb::vclock;
SELECT jsonb_object_agg('n' || i, 1)::vclock FROM generate_series(1, 10001) i;
\set VERBOSITY default

--
-- Every function is immutable, strict and parallel safe; nothing lacks a comment
--
SELECT p.oid::regprocedure
FROM pg_proc p
WHERE (p.proname LIKE 'vclock%' OR p.proname IN ('increment', 'merge', 'value'))
  AND p.pronamespace = 'converge'::regnamespace AND p.prokind = 'f'
  AND NOT (p.provolatile = 'i' AND p.proisstrict AND p.proparallel = 's'
           AND obj_description(p.oid, 'pg_proc') IS NOT NULL);
SELECT o.oid::regoperator
FROM pg_operator o
WHERE 'vclock'::regtype IN (o.oprleft, o.oprright)
  AND obj_description(o.oid, 'pg_operator') IS NULL;
SELECT count(*) AS opclasses, count(obj_description(oid, 'pg_opclass')) AS commented
FROM pg_opclass WHERE opcintype = 'vclock'::regtype;
SELECT bool_and(amvalidate(oid)) FROM pg_opclass WHERE opcintype = 'vclock'::regtype;

DROP FUNCTION receive(regtype, bytea);
DROP TABLE clocks, copied, full_clock;

--
-- Replica ids beyond ASCII are text of the database's encoding
--
SELECT current_database() AS main_db \gset
CREATE DATABASE regress_converge_utf8 ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
\c regress_converge_utf8
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_converge;
RESET client_min_messages;
SET search_path = public, converge;
SET client_encoding = 'UTF8';
SELECT vclock_send(E'{\u00e9t\u00e9:1}'), value(E'{\u00e9t\u00e9:1}', E'\u00e9t\u00e9');
CREATE TABLE received (c vclock);
SELECT lo_from_bytea(0, '\x5047434f50590aff0d0a0000000000000000000001'::bytea || int4send(5)
                        || '\x010101e901'::bytea || '\xffff'::bytea) AS lob \gset
\lo_export :lob results/vclock.bin
\copy received FROM 'results/vclock.bin' (FORMAT binary)
\c :main_db
DROP DATABASE regress_converge_utf8 WITH (FORCE);
