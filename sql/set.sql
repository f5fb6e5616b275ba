--
-- Types converge.gset, converge.twopset, converge.orset, converge.rwset.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_converge;
RESET client_min_messages;
SET search_path = public, converge;

--
-- Text forms
--
SELECT gset(), twopset(), orset(), rwset();
SELECT '{b, a, "x y"}'::gset, ' { b,"a" }removed{c } '::twopset, '{b b@7, "" c@3 a@9} seen {a 1-4}'::orset,
       '{a a@5} removed {c a@7 b@8 -, b b@6-} seen {a 1}'::rwset;
-- an array is a plain value
SELECT '{a, "b c","d","e\"f"}'::twopset, '{}'::twopset;
SELECT E'{a, "quote\\"back\\\\slash", "new\nline", "O''Neil", "a@b"}'::gset;

--
-- Reads
--
SELECT '{b, a, "x y"}'::gset::text[], value('{a} removed {b}'::twopset), '{b b@7, a c@3} seen {a 1-4}'::orset::text[],
       '{a a@5} removed {b b@6 -}'::rwset::text[], orset()::text[];
SELECT cardinality('{b, a}'::gset), cardinality('{a} removed {b}'::twopset), cardinality('{b b@7, a c@3}'::orset),
       cardinality('{a a@5} removed {b b@6 -}'::rwset), cardinality(rwset());
SELECT elements('{b, a, "x y"}'::gset);
SELECT e, n FROM elements('{b b@7, a c@3}'::orset) WITH ORDINALITY v(e, n);
SELECT count(*) FROM elements(twopset());
SELECT string_agg(e, '') FROM elements('{b b@7} removed {a a@5 -}'::rwset) e;
-- the order is that of bytes, whatever the collation
SELECT '{a, B, b, "", ab, "a b", _}'::gset::text[];

SELECT s ? 'a' AS a, s ? 'b' AS b, s ? '' AS e, s ? 'aa' AS aa FROM (SELECT '{a, c}'::gset) v(s);
SELECT s ? 'a' AS a, s ? 'b' AS b, s ? 'c' AS c FROM (SELECT '{a} removed {b}'::twopset) v(s);
SELECT s ? 'a' AS a, s ? 'b' AS b, s ? 'c' AS c FROM (SELECT '{a x@1, b x@2 y@1}'::orset) v(s);
SELECT s ? 'a' AS a, s ? 'b' AS b, s ? 'c' AS c FROM (SELECT '{a x@1} removed {b x@2 y@1 -}'::rwset) v(s);

-- containment, as arrays have it; sets and arrays on both sides
WITH a(a) AS (VALUES ('{}'::text[]), ('{a}'), ('{b}'), ('{a,b}'), ('{b,a,c,a}'), ('{d}'), ('{a,NULL}'), ('{NULL}'), ('{{a,c},{b,b}}')),
     s(s) AS (SELECT a::gset FROM a WHERE a::text !~ 'NULL|{{')
SELECT count(*) AS pairs,
       bool_and((s @> a) = (s::text[] @> a)) AS "s @> a", bool_and((a @> s) = (a @> s::text[])) AS "a @> s",
       bool_and((s <@ a) = (s::text[] <@ a)) AS "s <@ a", bool_and((a <@ s) = (a <@ s::text[])) AS "a <@ s",
       bool_and((s && a) = (s::text[] && a)) AS "s && a", bool_and((a && s) = (a && s::text[])) AS "a && s"
FROM s, a;
WITH s(s) AS (VALUES ('{} removed {}'::twopset), ('{a} removed {b}'), ('{a, b} removed {}'), ('{b, c} removed {a}'), ('{} removed {a}'))
SELECT count(*) AS pairs, bool_and((x.s @> y.s) = (x.s::text[] @> y.s::text[])) AS "@>",
       bool_and((x.s <@ y.s) = (x.s::text[] <@ y.s::text[])) AS "<@", bool_and((x.s && y.s) = (x.s::text[] && y.s::text[])) AS "&&",
       bool_and((x.s @> y.s::text[]) = (x.s::text[] @> y.s::text[])) AS "@> a", bool_and((x.s::text[] <@ y.s) = (x.s::text[] <@ y.s::text[])) AS "a <@"
FROM s x, s y;
WITH s(s) AS (VALUES (orset()), ('{a x@1}'), ('{a y@1, b x@7}'), ('{b x@1, c x@2} seen {y 1}'), ('{} seen {x 1-2}'))
SELECT count(*) AS pairs, bool_and((x.s @> y.s) = (x.s::text[] @> y.s::text[])) AS "@>",
       bool_and((x.s <@ y.s) = (x.s::text[] <@ y.s::text[])) AS "<@", bool_and((x.s && y.s) = (x.s::text[] && y.s::text[])) AS "&&",
       bool_and((x.s @> y.s::text[]) = (x.s::text[] @> y.s::text[])) AS "@> a", bool_and((x.s::text[] <@ y.s) = (x.s::text[] <@ y.s::text[])) AS "a <@"
FROM s x, s y;
WITH s(s) AS (VALUES (rwset()), ('{a x@1}'), ('{b x@7} removed {a y@1 -}'), ('{b x@1, c x@2} seen {y 1}'), ('{} removed {a x@1 y@1 -}'))
SELECT count(*) AS pairs, bool_and((x.s @> y.s) = (x.s::text[] @> y.s::text[])) AS "@>",
       bool_and((x.s <@ y.s) = (x.s::text[] <@ y.s::text[])) AS "<@", bool_and((x.s && y.s) = (x.s::text[] && y.s::text[])) AS "&&",
       bool_and((x.s @> y.s::text[]) = (x.s::text[] @> y.s::text[])) AS "@> a", bool_and((x.s::text[] <@ y.s) = (x.s::text[] <@ y.s::text[])) AS "a <@"
FROM s x, s y;

--
-- Merge, delta, laws
--
SELECT merge('{a}'::gset, '{b}'), '{a} removed {b}'::twopset || '{b, c} removed {a}', delta('{a}'::gset, '{a, b}'),
       delta('{a, b} removed {}'::twopset, '{a} removed {b}');
-- b was removed by somebody who had seen the first add of it, but not the second
SELECT merge('{a x@1, b x@2 y@3}'::orset, '{a x@1} seen {x 2}'), merge('{a x@1, b x@2 y@3}'::rwset, '{a x@1} removed {b z@4 -} seen {x 2}'),
       delta('{a x@1}'::orset, '{b x@2} seen {x 1}'), delta('{a x@1, b x@2}'::rwset, '{b x@2} removed {a y@3 -} seen {x 1}');
WITH s(s) AS (VALUES (gset()), ('{a}'), ('{a, b}'), ('{c}'))
SELECT bool_and(merge(x.s, y.s) = merge(y.s, x.s) AND merge(merge(x.s, y.s), z.s) = merge(x.s, merge(y.s, z.s))
                AND merge(x.s, delta(x.s, y.s)) = merge(x.s, y.s) AND (x.s <= y.s) = (merge(x.s, y.s) = y.s)
                AND (x.s >= y.s) = (y.s <= x.s) AND x.s::text::gset = x.s AND (x.s = y.s) <> (x.s <> y.s)
                AND gset_hash(x.s) = gset_hash(x.s::text::gset)
                AND gset_hash_extended(x.s, 1) = gset_hash_extended(x.s::text::gset, 1)) AS laws
FROM s x, s y, s z;
WITH s(s) AS (VALUES (twopset()), ('{a} removed {b}'), ('{a, b} removed {}'), ('{b, c} removed {a}'), ('{} removed {a}'))
SELECT bool_and(merge(x.s, y.s) = merge(y.s, x.s) AND merge(merge(x.s, y.s), z.s) = merge(x.s, merge(y.s, z.s))
                AND merge(x.s, delta(x.s, y.s)) = merge(x.s, y.s) AND (x.s <= y.s) = (merge(x.s, y.s) = y.s)
                AND (x.s >= y.s) = (y.s <= x.s) AND x.s::text::twopset = x.s AND (x.s = y.s) <> (x.s <> y.s)
                AND twopset_hash(x.s) = twopset_hash(x.s::text::twopset)
                AND twopset_hash_extended(x.s, 1) = twopset_hash_extended(x.s::text::twopset, 1)) AS laws
FROM s x, s y, s z;
WITH s(s) AS (VALUES (orset()), ('{a x@1}'), ('{a y@1, b x@7}'), ('{b x@1, c x@2} seen {y 1}'), ('{} seen {x 1-2}'))
SELECT bool_and(merge(x.s, y.s) = merge(y.s, x.s) AND merge(merge(x.s, y.s), z.s) = merge(x.s, merge(y.s, z.s))
                AND merge(x.s, delta(x.s, y.s)) = merge(x.s, y.s) AND (x.s <= y.s) = (merge(x.s, y.s) = y.s)
                AND (x.s >= y.s) = (y.s <= x.s) AND x.s::text::orset = x.s AND (x.s = y.s) <> (x.s <> y.s)
                AND orset_hash(x.s) = orset_hash(x.s::text::orset)
                AND orset_hash_extended(x.s, 1) = orset_hash_extended(x.s::text::orset, 1)) AS laws
FROM s x, s y, s z;
WITH s(s) AS (VALUES (rwset()), ('{a x@1}'), ('{b x@7} removed {a y@1 -}'), ('{b x@1, c x@2} seen {y 1}'), ('{} removed {a x@1 y@1 -}'))
SELECT bool_and(merge(x.s, y.s) = merge(y.s, x.s) AND merge(merge(x.s, y.s), z.s) = merge(x.s, merge(y.s, z.s))
                AND merge(x.s, delta(x.s, y.s)) = merge(x.s, y.s) AND (x.s <= y.s) = (merge(x.s, y.s) = y.s)
                AND (x.s >= y.s) = (y.s <= x.s) AND x.s::text::rwset = x.s AND (x.s = y.s) <> (x.s <> y.s)
                AND rwset_hash(x.s) = rwset_hash(x.s::text::rwset)
                AND rwset_hash_extended(x.s, 1) = rwset_hash_extended(x.s::text::rwset, 1)) AS laws
FROM s x, s y, s z;
SELECT merge(s) FROM (VALUES ('{a}'::gset), (NULL), ('{b}')) v(s);
SELECT merge(s) FROM (VALUES ('{a} removed {c}'::twopset), (NULL), ('{b, c} removed {}')) v(s);
SELECT merge(s) FROM (VALUES ('{a x@1}'::orset), (NULL), ('{b y@1} seen {x 1}')) v(s);
SELECT merge(s) FROM (VALUES ('{a x@1}'::rwset), (NULL), ('{} removed {a y@1 -}')) v(s);
-- order of the lattice and containment are not the same
SELECT orset() <= '{} seen {x 1}' AS le, '{a x@1}'::orset <= '{} seen {x 1}' AS le, '{a x@1}'::orset <@ '{} seen {x 1}'::orset AS contained;
SELECT bool_and(n IS NULL) FROM (VALUES
    (merge(NULL::orset, orset())::text), (delta(orset(), NULL)::text), ((NULL::orset + 'a')::text), ((gset() + NULL::text)::text),
    ((gset() + NULL::text[])::text), ((NULL::rwset - 'a')::text), (reset(NULL::orset)::text), (value(NULL::twopset)::text),
    (cardinality(NULL::gset)::text), ((NULL::gset ? 'a')::text), ((gset() ? NULL)::text), ((NULL::gset @> gset())::text),
    ((gset() <@ NULL::text[])::text), ((gset() && NULL::gset)::text), (NULL::text[]::orset::text), ((SELECT elements(NULL::orset))::text)) v(n);

--
-- Updates
--
SELECT gset() + 'b' + 'a' + 'b' + ARRAY['d', 'c', 'd'], ARRAY['b', 'a', 'b']::gset, gset(ARRAY[['x', 'y'], ['z', 'x']]),
       twopset() + 'a' - 'a' + 'a' - 'b' + ARRAY['c', 'd'] - ARRAY['d', 'e'], gset() + '{}'::text[];
SELECT orset() + 'a';
SELECT '{a}'::rwset;
-- to remove needs no dot where adding wins
SELECT '{a x@1, b x@2 y@3}'::orset - 'b' - 'c', '{a x@1, b x@2, c y@1}'::orset - ARRAY['a', 'b'], reset('{a x@1, b x@2 y@3}'::orset),
       reset('{a x@1} removed {b x@2 y@3 -}'::rwset);
SELECT current_database() AS db \gset
ALTER DATABASE :"db" SET converge.node_name = 'london';
\c :db
SET search_path = public, converge;
CREATE TABLE item (id int PRIMARY KEY, tags orset DEFAULT orset(), stop rwset DEFAULT ARRAY['x'], old twopset DEFAULT twopset(), ever gset DEFAULT gset());
INSERT INTO item (id) VALUES (1);
INSERT INTO item VALUES (2, ARRAY['a', 'b'], '{a,"b c"}', ARRAY['a'], '{a}');
UPDATE item SET tags = tags + 'c' - 'a', stop = stop - 'x' + ARRAY['y', 'z'], old = old + ARRAY['q', 'r'] - 'q', ever = ever + 'e';
SELECT id, tags::text[], stop::text[], old, ever FROM item ORDER BY id;
SELECT id, array_agg(e) FROM item, elements(tags || (tags + 'z')) e GROUP BY id ORDER BY id;
-- concurrent updates of one value, and one that has seen both
SELECT merge(tags + 'b', tags - 'b')::text[] AS orset, merge(stop + 'a', stop - 'a')::text[] AS rwset,
       (merge(stop + 'a', stop - 'a') + 'a')::text[] AS again, (merge(tags + 'b', tags - 'b') - 'b')::text[] AS gone,
       merge(reset(tags), tags + 'n')::text[] AS reset, merge(reset(stop), stop + 'n')::text[] AS reset
FROM item WHERE id = 2;
-- a long history stays small
DO $$
BEGIN
    FOR i IN 1..300 LOOP
        UPDATE item SET tags = tags + (i % 10)::text - ((i + 5) % 10)::text, stop = stop + (i % 10)::text - ((i + 5) % 10)::text WHERE id = 1;
    END LOOP;
END $$;
SELECT tags::text[], stop::text[], pg_column_size(tags) < 400 AND pg_column_size(stop) < 400 AS small FROM item WHERE id = 1;
-- one element of ten thousand
CREATE TABLE large AS SELECT array_agg('element ' || i)::orset AS o, array_agg('element ' || i)::rwset AS r,
       array_agg('element ' || i)::twopset AS t, array_agg('element ' || i)::gset AS g FROM generate_series(1, 10000) i;
SELECT length(orset_send(delta(o, o + 'one more'))) < 60 AS o, length(orset_send(delta(o, o - 'element 5000'))) < 60 AS "-o",
       length(rwset_send(delta(r, r + 'one more'))) < 60 AS r, length(rwset_send(delta(r, r - 'element 5000'))) < 80 AS "-r",
       length(twopset_send(delta(t, t + 'one more'))) < 60 AS t, length(gset_send(delta(g, g + 'one more'))) < 60 AS g,
       merge(o, delta(o, o + 'one more')) ? 'one more' AS added, cardinality(o + 'one more') AS n,
       merge(o, delta(o, o - 'element 5000')) ? 'element 5000' AS still FROM large;
DROP TABLE large;

--
-- Indexes: the planner uses them, and they find what a scan of the table finds
--
CREATE TABLE indexed (id int, o orset, r rwset, t twopset, g gset);
INSERT INTO indexed SELECT i, s, s, s, s
FROM generate_series(1, 1000) i, LATERAL (SELECT array_agg('tag' || n) || CASE WHEN i % 7 = 0 THEN ARRAY[repeat('long', 50) || i % 2] ELSE '{}' END
                                          FROM generate_series(1, 20) n WHERE i % n = 0) v(s);
INSERT INTO indexed VALUES (0, orset(), rwset(), twopset(), gset()), (-1, NULL, NULL, NULL, NULL);
UPDATE indexed SET o = o - 'tag2' + 'none', r = r - 'tag2' + 'none', t = t - 'tag2' + 'none', g = g + 'none' WHERE id % 10 = 0;
CREATE INDEX ON indexed USING gin (o);
CREATE INDEX ON indexed USING gin (r);
CREATE INDEX ON indexed USING gin (t);
CREATE INDEX ON indexed USING gin (g);
-- and what comes later
UPDATE indexed SET o = o - 'tag3', r = r - 'tag3', t = t - 'tag3', g = g + 'late' WHERE id % 12 = 0;
ANALYZE indexed;
CREATE FUNCTION found(condition text, OUT by_index boolean, OUT n bigint, OUT same boolean) LANGUAGE plpgsql AS $$
DECLARE
    line text;
    ids int[];
    scanned int[];
    query text := 'SELECT array_agg(id ORDER BY id) FROM indexed WHERE ' || condition;
BEGIN
    SET LOCAL enable_seqscan = off;
    by_index := false;
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        by_index := by_index OR line ~ 'Bitmap Index Scan on indexed_';
    END LOOP;
    EXECUTE query INTO ids;
    SET LOCAL enable_seqscan = on;
    SET LOCAL enable_bitmapscan = off;
    EXECUTE query INTO scanned;
    RESET enable_bitmapscan;
    n := coalesce(cardinality(ids), 0);
    same := ids IS NOT DISTINCT FROM scanned;
END $$;
SELECT c AS condition, f.* FROM unnest(ARRAY[
    $$o ? 'tag2'$$, $$o ? 'none'$$, $$o ? 'nowhere'$$, $$o @> ARRAY['tag4','tag6']$$, $$o @> '{tag4,tag3}'$$, $$ARRAY['tag5','tag7'] <@ o$$,
    $$o && ARRAY['tag19','tag17','nowhere']$$, $$ARRAY['tag11',NULL] && o$$, $$o @> ARRAY['tag1',NULL]$$, $$o @> '{}'::text[]$$,
    $$o && '{}'::text[]$$, $$o @> orset()$$, $$o && '{tag13 x@1, tag20 y@1}'::orset$$, $$o ? (repeat('long', 50) || 1)$$,
    $$o ? (repeat('long', 50) || 2)$$, $$o @> ARRAY['tag3', repeat('long', 50) || 0]$$, $$o && ARRAY[repeat('long', 50) || 2, repeat('long', 50) || 1]$$,
    $$r ? 'tag2'$$, $$r @> ARRAY['tag4','tag6']$$, $$r && ARRAY['tag19','none']$$, $$r @> '{tag9 x@1}'::rwset$$, $$r && '{tag8 x@1} removed {tag9 x@2 -}'::rwset$$,
    $$t ? 'tag2'$$, $$t @> ARRAY['tag4','tag6']$$, $$t && ARRAY['tag19','none']$$, $$t @> '{tag9} removed {tag1}'::twopset$$, $$t && '{tag8} removed {tag1}'::twopset$$,
    $$g ? 'tag2'$$, $$g @> ARRAY['tag4','late']$$, $$g && ARRAY['tag19','none']$$, $$g @> '{tag9, tag6}'::gset$$, $$g && '{tag8, late}'::gset$$]) c, found(c) f;
DROP TABLE indexed;
DROP FUNCTION found;
SELECT amvalidate(oid), opcname FROM pg_opclass WHERE opcnamespace = 'converge'::regnamespace AND opcname ~ 'set_(gin_)?ops$' ORDER BY opcname;

--
-- Errors
--
SELECT ''::gset;
SELECT '{a'::gset;
SELECT '{a, b, a}'::gset;
SELECT '{a} removed {a}'::twopset;
SELECT '{a x@1} seen {x 1}'::orset;
SELECT '{a x@0}'::orset;
SELECT '{a x@1 -}'::orset;
SELECT '{a x@1 -}'::rwset;
SELECT '{a,NULL}'::orset;
SELECT '{{a}}'::orset;
SELECT '{a b}'::orset;
SELECT ARRAY['a', NULL]::gset;
SELECT orset() + ARRAY['a', NULL];
SELECT twopset() - ARRAY[NULL];
\set VERBOSITY terse
SELECT gset() - 'a';
\set VERBOSITY default
SELECT '{a x@9223372036854775807}'::orset + 'b';
-- 64 MiB
DO $$
BEGIN
    PERFORM gset() + repeat('x', 40000000) + repeat('y', 40000000);
EXCEPTION WHEN program_limit_exceeded THEN
    RAISE NOTICE '%', sqlerrm;
END $$;

--
-- Binary form
--
SELECT gset_send('{a, bc}'), twopset_send('{a} removed {b}'), orset_send('{a x@5, b x@7 y@6} seen {x 1-4}'),
       rwset_send('{a x@5} removed {b y@6 -}'), orset_send(orset());
CREATE TABLE received (LIKE item);
\copy item TO 'results/set.bin' (FORMAT binary)
\copy received FROM 'results/set.bin' (FORMAT binary)
SELECT bool_and(i.tags = r.tags AND i.stop = r.stop AND i.old = r.old AND i.ever = r.ever) AS same FROM item i JOIN received r USING (id);
\getenv abs_srcdir PG_ABS_SRCDIR
\set receive :abs_srcdir '/test/sql/receive.sql'
\set ECHO none
\i :receive
\set ECHO all
-- valid, another version, another type, not canonical, a zero byte, nothing
SELECT b AS bytes, receive('orset', b) FROM (VALUES (1, '\x010c00000101780501610000'::bytea), (2, '\x020c00000101780501610000'), (3, '\x010a000261'),
    (4, '\x010c00000101780501610001'), (5, '\x010c00000101780501000000'), (6, '\x')) v(i, b)
ORDER BY i;
DROP FUNCTION receive(regtype, bytea);

DROP TABLE item, received;
ALTER DATABASE :"db" RESET converge.node_name;
