--
-- Types converge.gcounter and converge.pncounter: text and binary form,
-- updates, reset, merge, delta, order, casts, comparison, errors.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_converge;
RESET client_min_messages;
SET search_path = public, converge;

--
-- Text form: the value, and for each replica its recent updates, the sum of
-- the older ones, what was reset
--
SELECT pncounter(), gcounter();
SELECT '8 {london 5@11 3@12}'::pncounter, ' -1{ a 2@1  -3@2 } '::pncounter,
       '7 {a 5@1! 7@2, b sum 3@9 reset 3@9}'::pncounter, '5 {a 5@1}'::gcounter;
SELECT '0 {a sum 9223372036854775807@9223372036854775807 reset 9223372036854775807@9223372036854775807}'::pncounter;
-- more than a bigint can come out of a merge
SELECT merge('9223372036854775807 {a 9223372036854775807@1}'::pncounter, '1 {b 1@1}')::text AS large \gset
SELECT :'large'::pncounter;

--
-- Reads
--
SELECT value('8 {london 5@11 3@12}'::pncounter), '-1 {a 2@1 -3@2}'::pncounter::bigint,
       value('5 {a 5@1}'::gcounter), gcounter()::bigint;
SELECT * FROM contributions('9 {a 5@1! 7@2, b sum 3@9 reset 3@9, c sum 4@2 reset 3@1 1@5}'::pncounter);
SELECT * FROM contributions('5 {a 5@1}'::gcounter);
SELECT count(*) FROM contributions(pncounter());

--
-- Merge, delta, order
--
SELECT merge('5 {a 5@1}'::pncounter, '8 {a 5@1 3@4}'), '5 {a 5@1}'::pncounter || '2 {b 2@1}',
       merge('5 {a 5@1}'::gcounter, '8 {a 5@1 3@4}'), '5 {a 5@1}'::gcounter || '2 {b 2@1}';
-- branches of a copied value
SELECT merge('8 {a 5@1 3@2}'::pncounter, '9 {a 5@1 4@3}');
-- a reset and an update that it did not see
SELECT merge('0 {a reset 5@1 5@1!}'::pncounter, '8 {a 5@1 3@2}');
SELECT delta('5 {a 5@1}'::pncounter, '8 {a 5@1 3@4}'), delta('5 {a 5@1}'::gcounter, '5 {a 5@1}'),
       delta(pncounter(), '8 {a 5@1 3@4}'), delta('5 {a 5@1}'::pncounter, '0 {a reset 5@1 5@1!}');
WITH c(c) AS (VALUES (pncounter()), ('5 {a 5@1}'), ('8 {a 5@1 3@2}'), ('9 {a 5@1 4@3}'),
                     ('0 {a reset 5@1 5@1!}'), ('4 {a sum 3@2 1@9}'), ('2 {b 2@1}'))
SELECT bool_and(merge(x.c, y.c) = merge(y.c, x.c)) AS commutative,
       bool_and(merge(merge(x.c, y.c), z.c) = merge(x.c, merge(y.c, z.c))) AS associative,
       bool_and(merge(x.c, delta(x.c, y.c)) = merge(x.c, y.c)) AS delta,
       bool_and((x.c <= y.c) = (merge(x.c, y.c) = y.c)) AS le,
       bool_and((x.c >= y.c) = (y.c <= x.c)) AS ge,
       bool_and(x.c::text::pncounter = x.c AND (x.c = y.c) <> (x.c <> y.c)) AS text,
       count(*) FILTER (WHERE x.c <= y.c) AS ordered
FROM c x, c y, c z;
SELECT '5 {a 5@1}'::gcounter <= '8 {a 5@1 3@4}'::gcounter, '5 {a 5@1}'::gcounter >= '8 {a 5@1 3@4}'::gcounter,
       '5 {a 5@1}'::gcounter = '5 {a 5@1}'::gcounter, '5 {a 5@1}'::gcounter <> '5 {a 5@2}'::gcounter,
       '5 {a 5@1}'::gcounter <= '5 {b 5@1}'::gcounter;
SELECT merge(c) FROM (VALUES ('5 {a 5@1}'::pncounter), (NULL), ('3 {b 3@1}'), ('8 {a 5@1 3@4}')) v(c);
SELECT merge(c) FROM (VALUES ('5 {a 5@1}'::gcounter), ('3 {b 3@1}')) v(c);
SELECT merge(c) FROM (SELECT pncounter() AS c WHERE false) v;

--
-- Comparison with a number
--
SELECT v, '5 {a 5@1}'::pncounter = v AS "=", '5 {a 5@1}'::pncounter <> v AS "<>",
       '5 {a 5@1}'::pncounter < v AS "<", '5 {a 5@1}'::pncounter <= v AS "<=",
       '5 {a 5@1}'::pncounter > v AS ">", '5 {a 5@1}'::pncounter >= v AS ">=",
       v = '5 {a 5@1}'::gcounter AS "=", v <> '5 {a 5@1}'::gcounter AS "<>",
       v < '5 {a 5@1}'::gcounter AS "<", v <= '5 {a 5@1}'::gcounter AS "<=",
       v > '5 {a 5@1}'::gcounter AS ">", v >= '5 {a 5@1}'::gcounter AS ">="
FROM generate_series(4, 6) v;

--
-- NULL in, NULL out
--
SELECT bool_and(n IS NULL) FROM (VALUES
    (merge(NULL::pncounter, pncounter())::text), (merge(pncounter(), NULL)::text),
    (delta(NULL::pncounter, pncounter())::text), ((pncounter() || NULL)::text),
    ((NULL::pncounter + 1)::text), ((pncounter() + NULL)::text), ((NULL::pncounter - 1)::text),
    (reset(NULL::pncounter)::text), (value(NULL::pncounter)::text), ((NULL::pncounter <= pncounter())::text),
    ((NULL::pncounter = pncounter())::text), ((NULL::pncounter = 1)::text), (NULL::bigint::pncounter::text),
    (pncounter(NULL)::text)) v(n);
SELECT count(*) FROM contributions(NULL::pncounter);

--
-- An update needs a node with a name
--
SELECT pncounter() + 1;
SELECT 1::bigint::gcounter;
SELECT current_database() AS db \gset
ALTER DATABASE :"db" SET converge.node_name = 'london';
\c :db
SET search_path = public, converge;

--
-- Updates.  Stamps differ from run to run, values do not.
--
CREATE TABLE stock (id int PRIMARY KEY, n pncounter NOT NULL DEFAULT pncounter(), g gcounter DEFAULT gcounter());
INSERT INTO stock (id) VALUES (1);
INSERT INTO stock VALUES (2, 100, 7);
UPDATE stock SET n = n + 5, g = g + 5;
UPDATE stock SET n = n - 2;
SELECT id, n::bigint, value(g), regexp_replace(n::text, '@\d+', '@', 'g') FROM stock ORDER BY id;
SELECT id, replica, amount FROM stock, contributions(n) ORDER BY id;
SELECT id FROM stock WHERE n > 50;
UPDATE stock SET n = n + 0 WHERE id = 1 AND n + 0 = n;
SELECT stamp, stamp BETWEEN now() - interval '1 minute' AND now() + interval '1 minute' AS recent
FROM (SELECT timestamptz '2000-01-01 00:00+00' + substring((pncounter() + 1)::text FROM '@(\d+)')::bigint * interval '1 us') s(stamp) \gset
SELECT :'recent' AS "stamps are times";
-- a value copied, changed in both places, merged back
UPDATE stock SET n = (SELECT n + 10 FROM stock WHERE id = 1) WHERE id = 2;
UPDATE stock SET n = n + 1 WHERE id = 1;
SELECT merge(n)::bigint FROM stock;
-- concurrent resets, and an update that they did not see
SELECT value(merge(merge(reset(n + 1), reset(n - 1)), n + 4)) AS four, reset(n)::bigint AS zero,
       value(reset(n) + 3) AS three, value(reset(g)) AS zero
FROM stock WHERE id = 1;
-- a long history stays small, and an old reset still fits
CREATE TABLE versions (i int, n pncounter);
DO $$
DECLARE c converge.pncounter := converge.pncounter();
BEGIN
    FOR i IN 1..300 LOOP
        c := c + 1;
        INSERT INTO versions VALUES (i, c);
    END LOOP;
END $$;
SELECT max(pg_column_size(n)) < 400 AS small, max(n::bigint), value(merge(n)) FROM versions;
SELECT value(merge(reset(a.n), b.n)) FROM versions a, versions b WHERE a.i = 100 AND b.i = 300;
SELECT max(pg_column_size(delta(a.n, b.n))) < 40 AS small FROM versions a JOIN versions b ON b.i = a.i + 1 WHERE a.i < 64;
-- what another node did, by its text
SELECT value(n || '-3 {paris -3@77}') FROM stock WHERE id = 1;
SELECT value(('5 {paris 5@77}'::pncounter) + 1);

--
-- Table, hash, join
--
SELECT count(*), count(DISTINCT n::text) FROM versions;
SET enable_seqscan = off;
CREATE INDEX versions_n ON versions USING hash (n);
EXPLAIN (COSTS OFF) SELECT i FROM versions WHERE n = '5 {a 5@1}';
SELECT v.i FROM versions v JOIN versions w USING (n) WHERE w.i = 7;
RESET enable_seqscan;
SELECT pncounter_hash('5 {a 5@1}') = pncounter_hash('5{a +05@1}'),
       pncounter_hash('5 {a 5@1}') = pncounter_hash('5 {a 5@2}'),
       pncounter_hash_extended('5 {a 5@1}', 0) & 4294967295 = pncounter_hash('5 {a 5@1}')::bigint & 4294967295,
       gcounter_hash('5 {a 5@1}') = pncounter_hash('5 {a 5@1}'),
       gcounter_hash_extended('5 {a 5@1}', 1) = gcounter_hash_extended('5 {a 5@1}', 2);

--
-- Binary form
--
SELECT pncounter_send(pncounter()), pncounter_send('2 {a 5@1 -3@2}'), gcounter_send('5 {a 5@1}');
\copy (SELECT i, n FROM versions) TO 'results/counter.bin' (FORMAT binary)
CREATE TABLE copied (LIKE versions);
\copy copied FROM 'results/counter.bin' (FORMAT binary)
SELECT count(*), count(*) FILTER (WHERE x.n = y.n AND x.n::text = y.n::text)
FROM versions x JOIN copied y USING (i);

--
-- Errors
--
SELECT 'x'::pncounter;
SELECT ''::pncounter;
SELECT bigint '5' + '5'::pncounter::bigint AS plain_form;
SELECT '6 {a 5@1}'::pncounter;
SELECT '5 {a 5@1'::pncounter;
SELECT '5 {a 5@1} x'::pncounter;
SELECT '5 {a b 5@1}'::pncounter;
SELECT '5 {a 5@0}'::pncounter;
SELECT '5 {a 5@9223372036854775808}'::pncounter;
SELECT '0 {a 0@1}'::pncounter;
SELECT '5 {a 3@2 2@1}'::pncounter;
SELECT '5 {b 3@2, a 2@1}'::pncounter;
SELECT ('5 {' || repeat('x', 64) || ' 5@1}')::pncounter;
SELECT '-5 {a -5@1}'::gcounter;
SELECT gcounter() + (-1);
SELECT pncounter() + 9223372036854775807 + 1;
SELECT pncounter() - (-9223372036854775808);
SELECT value(:'large'::pncounter);
SELECT :'large'::pncounter = 5;
SELECT '5 {a 5@9223372036854775807}'::pncounter + 1;
\set VERBOSITY sqlstate
SELECT '6 {a 5@1}'::pncounter;
SELECT '5 {a 5@9223372036854775808}'::pncounter;
SELECT gcounter() + (-1);
SELECT pncounter() + 9223372036854775807 + 1;
SELECT '5 {a 5@9223372036854775807}'::pncounter + 1;
\set VERBOSITY default
-- bad bytes: one field of a COPY file
\getenv abs_srcdir PG_ABS_SRCDIR
\set receive :abs_srcdir '/test/sql/receive.sql'
\set ECHO none
\i :receive
\set ECHO all
SELECT b AS bytes, receive('pncounter', b) FROM (VALUES (1, '\x010200'::bytea), (2, '\x01020001610000020a00'),
    (3, ''), (4, '\x000200'), (5, '\x010100'), (6, '\x01ff00'), (7, '\x010202'), (8, '\x0102'),
    (9, '\x01020001610000'), (10, '\x0102000161000000'), (11, '\x01020001610000020000'),
    (12, '\x01020001610000010a00'), (13, '\x01020001200000020a00'),
    (14, '\x01020001610000020a0002'), (15, '\x01020001610000020a0001610000020a00'),
    (16, '\x0102000161ffffffffffffffffff0100')) v(i, b)
ORDER BY i;
DROP FUNCTION receive(regtype, bytea);

--
-- Volatility, comments, operator classes
--
SELECT p.oid::regprocedure
FROM pg_proc p
WHERE p.pronamespace = 'converge'::regnamespace AND p.prokind = 'f'
  AND p.oid::regprocedure::text ~ 'counter' AND p.oid::regprocedure::text !~ 'bcounter'
  AND (obj_description(p.oid, 'pg_proc') IS NULL
       OR (p.provolatile = 'i' AND p.proparallel = 's')
          = (p.proname ~ '_plus|_minus|reset|_in$' OR p.oid::regprocedure::text ~ 'counter\((bigint|integer)\)'));
SELECT o.oid::regoperator
FROM pg_operator o
WHERE ('pncounter'::regtype IN (o.oprleft, o.oprright) OR 'gcounter'::regtype IN (o.oprleft, o.oprright))
  AND obj_description(o.oid, 'pg_operator') IS NULL;
SELECT opcname, obj_description(oid, 'pg_opclass'), amvalidate(oid)
FROM pg_opclass WHERE opcintype IN ('gcounter'::regtype, 'pncounter'::regtype);

DROP TABLE stock, versions, copied;
ALTER DATABASE :"db" RESET converge.node_name;
