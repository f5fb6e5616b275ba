--
-- Type converge.bcounter: bound, rights, transfer, merge, errors.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_converge;
RESET client_min_messages;
SET search_path = public, converge;

--
-- Text form: value, bound, and what they are made of
--
SELECT bcounter(), bcounter(5), bcounter(-5);
SELECT '6 >= 0 {a total +10 -4 >b 2 >c 1 @9 >b 1@12, b -1@13 +1@14}'::bcounter,
       ' 3 >= 0{ a +5@1 -2 @ 2 > b 1@3 }'::bcounter;
SELECT value('6 >= 0 {a +10@1 -4@2}'::bcounter), '6 >= 2 {a +4@1}'::bcounter::bigint,
       bound('6 >= 2 {a +4@1}'), bound(bcounter());
SELECT * FROM rights('6 >= 0 {a total +10 -4 >b 2 >c 1 @9 >b 1@12, b -1@13 +1@14}');

--
-- Merge, delta, order, comparison
--
SELECT merge('10 >= 0 {a +10@1}'::bcounter, '8 >= 0 {a +10@1 -2@2}'),
       '10 >= 0 {a +10@1}'::bcounter || '3 >= 0 {b +3@1}', merge(bcounter(), '10 >= -5 {a +15@1}'),
       delta('10 >= 0 {a +10@1}'::bcounter, '8 >= 0 {a +10@1 -2@2}');
-- of two bounds the higher
SELECT merge(bcounter(1), bcounter(7));
WITH c(c) AS (VALUES (bcounter()), (bcounter(3)), ('10 >= 0 {a +10@1}'), ('8 >= 0 {a +10@1 -2@2}'),
                     ('10 >= 0 {a +10@1 >b 4@3}'), ('8 >= 0 {a total +10 -2 @2}'), ('2 {b +2@1}'))
SELECT bool_and(merge(x.c, y.c) = merge(y.c, x.c)) AS commutative,
       bool_and(merge(merge(x.c, y.c), z.c) = merge(x.c, merge(y.c, z.c))) AS associative,
       bool_and(merge(x.c, delta(x.c, y.c)) = merge(x.c, y.c)) AS delta,
       bool_and((x.c <= y.c) = (merge(x.c, y.c) = y.c)) AS le,
       bool_and((x.c >= y.c) = (y.c <= x.c)) AS ge,
       bool_and(x.c::text::bcounter = x.c AND (x.c = y.c) <> (x.c <> y.c)) AS text,
       bool_and(bcounter_hash(x.c) = bcounter_hash(x.c::text::bcounter)
                AND bcounter_hash_extended(x.c, 7) = bcounter_hash_extended(x.c::text::bcounter, 7)) AS hash
FROM c x, c y, c z;
SELECT merge(c) FROM (VALUES ('10 >= 0 {a +10@1}'::bcounter), (NULL), ('8 >= 0 {a +10@1 -2@2}')) v(c);
SELECT v, '5 {a +5@1}'::bcounter = v AS "=", '5 {a +5@1}'::bcounter <> v AS "<>",
       '5 {a +5@1}'::bcounter < v AS "<", '5 {a +5@1}'::bcounter <= v AS "<=",
       '5 {a +5@1}'::bcounter > v AS ">", '5 {a +5@1}'::bcounter >= v AS ">=",
       v = '5 {a +5@1}'::bcounter AS "=", v <> '5 {a +5@1}'::bcounter AS "<>",
       v < '5 {a +5@1}'::bcounter AS "<", v <= '5 {a +5@1}'::bcounter AS "<=",
       v > '5 {a +5@1}'::bcounter AS ">", v >= '5 {a +5@1}'::bcounter AS ">="
FROM generate_series(4, 6) v;
SELECT bool_and(n IS NULL) FROM (VALUES
    (merge(NULL::bcounter, bcounter())::text), (delta(bcounter(), NULL)::text), ((NULL::bcounter + 1)::text),
    ((bcounter() - NULL)::text), (transfer(bcounter(), NULL, 1)::text), (transfer(NULL, 'a', 1)::text),
    (value(NULL::bcounter)::text), (bound(NULL)::text), ((NULL::bcounter = bcounter())::text),
    ((NULL::bcounter > 1)::text), (bcounter(NULL)::text)) v(n);

--
-- Updates
--
SELECT bcounter() + 1;
SELECT current_database() AS db \gset
ALTER DATABASE :"db" SET converge.node_name = 'london';
\c :db
SET search_path = public, converge;
CREATE TABLE seats (flight int PRIMARY KEY, free bcounter NOT NULL);
INSERT INTO seats VALUES (1, bcounter(0) + 10);
UPDATE seats SET free = free - 3;
UPDATE seats SET free = transfer(free, 'paris', 4);
SELECT free::bigint, regexp_replace(free::text, '@\d+', '@', 'g') FROM seats;
SELECT r.* FROM seats, rights(free) r;
-- more than this node holds
UPDATE seats SET free = free - 4;
UPDATE seats SET free = free + (-4);
UPDATE seats SET free = transfer(free, 'paris', 4);
UPDATE seats SET free = free - 3;
UPDATE seats SET free = free - 1;
SELECT bcounter(5) - 1;
-- a plain value: the bound is 0, and it is this node's
SELECT c::bigint, bound(c), (SELECT amount FROM rights(c)) AS rights
FROM (VALUES (5::bcounter), ('5'), (7::bigint::bcounter), (0::bcounter), ('0')) v(c);
SELECT (-1)::bcounter;
SELECT '-1'::bcounter;
SELECT bcounter() - 0, bcounter() + 0;
-- over-selling: paris sells all it has, without asking
SELECT value(free || '-4 {paris -4@77}') AS "sold out", value(free) FROM seats;
-- a copied counter has its rights twice: merged, it tells what was taken
SELECT value(merge(c - 6, c - 7)) AS value, (SELECT amount FROM rights(merge(c - 6, c - 7)) r) AS rights
FROM (SELECT bcounter(0) + 10 AS c OFFSET 0) s;
\set VERBOSITY terse
SELECT merge(c - 6, c - 7) - 1 FROM (SELECT bcounter(0) + 10 AS c OFFSET 0) s;
\set VERBOSITY default

--
-- Errors
--
SELECT transfer(bcounter() + 5, 'london', 1);
SELECT transfer(bcounter() + 5, 'a b', 1);
SELECT transfer(bcounter() + 5, 'paris', 0);
SELECT transfer(bcounter() + 5, 'paris', -1);
SELECT bcounter(9223372036854775807) + 1;
SELECT bcounter() - (-9223372036854775808);
SELECT bcounter() + (-9223372036854775808);
SELECT value(merge('9223372036854775807 {a +9223372036854775807@1}'::bcounter, '1 {b +1@1}'));
SELECT * FROM rights(merge('9223372036854775807 {a +9223372036854775807@1}'::bcounter, '1 {b +1@1 >a 1@2}'));
SELECT ''::bcounter;
SELECT '5 {a 5@1}'::bcounter;
SELECT '6 {a +5@1}'::bcounter;
SELECT '0 {a >a 1@1}'::bcounter;
SELECT '5 {a +5@4611686018427387904}'::bcounter;
SELECT '5 {a +0@1}'::bcounter;
\set VERBOSITY sqlstate
SELECT bcounter() - 1;
SELECT transfer(bcounter() + 5, 'london', 1);
SELECT '0 {a >a 1@1}'::bcounter;
\set VERBOSITY default

--
-- Binary form
--
SELECT bcounter_send(bcounter()), bcounter_send('3 >= 0 {a +5@1 -2@2 >b 1@3}');
CREATE TABLE received (LIKE seats);
\copy seats TO 'results/bcounter.bin' (FORMAT binary)
\copy received FROM 'results/bcounter.bin' (FORMAT binary)
SELECT s.free = r.free AS same FROM seats s JOIN received r USING (flight);

SELECT p.oid::regprocedure
FROM pg_proc p
WHERE p.pronamespace = 'converge'::regnamespace AND p.prokind = 'f' AND p.oid::regprocedure::text ~ 'bcounter'
  AND (obj_description(p.oid, 'pg_proc') IS NULL
       OR (p.provolatile = 'i' AND p.proparallel = 's') = (p.proname ~ '_plus|_minus|transfer|^to_bcounter$|_in$'));
SELECT o.oid::regoperator FROM pg_operator o
WHERE 'bcounter'::regtype IN (o.oprleft, o.oprright) AND obj_description(o.oid, 'pg_operator') IS NULL;

DROP TABLE seats, received;
ALTER DATABASE :"db" RESET converge.node_name;
