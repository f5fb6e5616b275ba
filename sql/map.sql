--
-- Types converge.ormap and converge.cart.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_converge;
RESET client_min_messages;
SET search_path = public, converge;

--
-- Text forms: values with their types, what was removed, what was replaced
--
SELECT ormap(), cart();
SELECT '{"n": pncounter 3 {a 3@7} at [a@7],  "p":ormap {"x":lwwreg[a@8 {"b":1,  "a":2} at a@8]} at[a@8]}seen{b 1-4}'::ormap;
SELECT '{"gone": pncounter 0 {a reset 5@7 5@7!}, "s": orset {"x y" a@9} at [a@9], "t": maxreg [2024-02-29T12:00:00Z at a@5]}'::ormap;
SELECT '{"apple": 3 {a 3@7} at [a@7], "pear": 0 {a reset 5@6 5@6!}} seen {a 6}'::cart;

--
-- Reads
--
CREATE TABLE r AS SELECT '{"": lwwreg [a@1 1 at a@1], "f": ewflag true [a@2] at [a@2], "k": pncounter 7 {a 7@3} at [a@3], "k": lwwreg [b@2 "other" at b@2],
  "l": lwwreg [a@4 {"x": [10, {"y": "deep"}]} at a@4], "m": mvreg [a@5 1, b@6 2] at [a@5], "n": ormap {"c": cart {"apple": 3 {a 3@7} at [a@7]} at [a@7]} at [a@7],
  "s": orset {x a@9, "y z" a@10} at [a@10], "u": lwwreg [a@11 "text" at a@11], "z": pncounter 0 {a reset 5@12 5@12!}}'::ormap AS m;
SELECT jsonb_pretty(m::jsonb) FROM r;
SELECT value(m) = m::jsonb AS same, m -> 'k' AS k, m ->> 'u' AS u, m -> 'u' AS uj, m -> 'z' AS removed, m -> 'no' AS no, m ->> 'no' AS no, m -> '' AS empty FROM r;
SELECT m #> '{n,c,apple}' AS apple, m #>> '{l,x,1,y}' AS deep, m #> '{l,x,0}' AS ten, m #>> '{s,1}' AS s, m #> '{k,x}' AS no, m #> '{no,x}' AS no,
       m #> '{}' = m::jsonb AS "all", m #> '{n,NULL}' AS "null" FROM r;
SELECT m ? 'k' AS k, m ? 'z' AS z, m ? '' AS empty, m ? 'x' AS x, m ?| '{x,k}' AS "any", m ?| '{x,z}' AS "none", m ?| '{}' AS "nothing",
       m ?& '{k,n,NULL}' AS "all", m ?& '{k,z}' AS "not all", m ?& '{}' AS every FROM r;
SELECT string_agg(k, ',') FROM r, keys(m) k;
SELECT * FROM r, entries(m) WHERE key IN ('k', 'l', 'z');
SELECT get(m, '{k}', NULL::pncounter) AS counter, get(m, '{k}', NULL::lwwreg) AS hidden, get(m, '{k}', NULL::ewflag) AS other, get(m, '{s}', NULL::orset) AS set,
       get(m, '{n,c}', NULL::cart) AS cart, get(m, '{z}', NULL::pncounter) AS removed, get(NULL::ormap, '{k}', NULL::cart) AS "null" FROM r;
SELECT quantity(c, 'apple') AS apple, quantity(c, 'pear') AS pear, quantity(c, 'fig') AS fig, c ? 'apple' AS a, c ? 'pear' AS p, c ?& '{apple,pear}' AS "all",
       c ?| '{apple,pear}' AS "any", c::jsonb, value(c)
FROM (SELECT '{"apple": 3 {a 3@7} at [a@7], "fig": -2 {a -2@8} at [a@8], "pear": 0 {a reset 5@6 5@6!}}'::cart) v(c);
SELECT * FROM items('{"apple": 3 {a 3@7} at [a@7], "b": 4 {a 4@9} at [a@9], "fig": -2 {a -2@8} at [a@8]}'::cart);

--
-- Merge: a has counted, b has removed the key without having seen it
--
SELECT merge('{"n": pncounter 3 {a 1@5 2@7} at [a@7]} seen {a 5}'::ormap, '{"n": pncounter 0 {a reset 1@5 1@5!}} seen {a 5}')::jsonb AS counted,
       ('{"n": pncounter 1 {a 1@5} at [a@5]}'::ormap || '{"n": pncounter 0 {a reset 1@5 1@5!}} seen {a 5}')::jsonb AS removed,
       merge('{"n": lwwreg [a@5 1 at a@5]}'::ormap, '{} seen {a 5}') AS removed, merge('{"n": lwwreg [a@6 1 at a@6]}'::ormap, '{} seen {a 5}') AS kept,
       delta('{"n": lwwreg [a@5 1 at a@5]}'::ormap, '{"n": lwwreg [a@6 2 at a@6], "x": ewflag false [] at [a@7]} seen {a 5}');
-- two types under one key
SELECT merge('{"k": pncounter 3 {a 3@7} at [a@7]}'::ormap, '{"k": ormap {} at [b@8]}');
SELECT merge('{"apple": 3 {a 3@7} at [a@7]}'::cart, '{"apple": 2 {b 2@8} at [b@8]}')::jsonb AS added,
       merge('{"apple": 3 {a 3@7} at [a@7]}'::cart, '{"apple": 0 {a reset 3@7 3@7!}} seen {a 7}')::jsonb AS removed,
       delta('{"apple": 3 {a 3@7} at [a@7]}'::cart, '{"apple": 4 {a 3@7 1@8} at [a@8]} seen {a 7}');
WITH m(m) AS (VALUES (ormap()), ('{"n": pncounter 3 {a 3@7} at [a@7]}'), ('{"n": pncounter 0 {a reset 3@7 3@7!}} seen {a 7}'), ('{} seen {a 7}'),
                     ('{"n": lwwreg [b@9 1 at b@9]}'), ('{"n": lwwreg [b@9 1 at b@9, c@9 2 at c@9], "o": ormap {"x": orset {e a@8} at [a@8]} at [a@8]}'))
SELECT bool_and(merge(x.m, y.m) = merge(y.m, x.m)) AS commutative, bool_and(merge(merge(x.m, y.m), z.m) = merge(x.m, merge(y.m, z.m))) AS associative,
       bool_and(merge(x.m, delta(x.m, y.m)) = merge(x.m, y.m)) AS delta, bool_and((x.m <= y.m) = (merge(x.m, y.m) = y.m)) AS le,
       bool_and((x.m >= y.m) = (y.m <= x.m)) AS ge, bool_and(x.m::text::ormap = x.m) AS text, bool_and((x.m = y.m) <> (x.m <> y.m)) AS ne,
       bool_and(ormap_hash(x.m) = ormap_hash(x.m::text::ormap) AND ormap_hash_extended(x.m, 1) = ormap_hash_extended(x.m::text::ormap, 1)) AS hash
FROM m x, m y, m z;
WITH c(c) AS (VALUES (cart()), ('{"a": 3 {a 3@7} at [a@7]}'), ('{"a": 0 {a reset 3@7 3@7!}} seen {a 7}'), ('{"a": -1 {b -1@9} at [b@9]}'),
                     ('{"a": 4 {c 4@5} at [c@5], "b": 1 {c 1@6} at [c@6]}'))
SELECT bool_and(merge(x.c, y.c) = merge(y.c, x.c)) AS commutative, bool_and(merge(merge(x.c, y.c), z.c) = merge(x.c, merge(y.c, z.c))) AS associative,
       bool_and(merge(x.c, delta(x.c, y.c)) = merge(x.c, y.c)) AS delta, bool_and((x.c <= y.c) = (merge(x.c, y.c) = y.c)) AS le,
       bool_and((x.c >= y.c) = (y.c <= x.c)) AS ge, bool_and(x.c::text::cart = x.c) AS text, bool_and((x.c = y.c) <> (x.c <> y.c)) AS ne,
       bool_and(cart_hash(x.c) = cart_hash(x.c::text::cart) AND cart_hash_extended(x.c, 1) = cart_hash_extended(x.c::text::cart, 1)) AS hash
FROM c x, c y, c z;
SELECT merge(m) FROM (VALUES ('{"a": lwwreg [a@5 1 at a@5]}'::ormap), (NULL), ('{"b": lwwreg [b@5 2 at b@5]}')) v(m);
SELECT merge(c)::jsonb FROM (VALUES ('{"a": 1 {a 1@5} at [a@5]}'::cart), (NULL), ('{"a": 2 {b 2@5} at [b@5]}')) v(c);
SELECT bool_and(n IS NULL) FROM (VALUES
    (merge(NULL::ormap, ormap())::text), (delta(cart(), NULL)::text), (set_path(NULL::ormap, '{a}', '1')::text), (set_path(ormap(), NULL, '1')::text),
    (add(ormap(), '{a}', NULL::bigint)::text), (add(cart(), NULL, 1)::text), (remove(NULL::cart, 'a')::text), (NULL::jsonb::ormap::text), (NULL::jsonb::cart::text),
    ((NULL::ormap -> 'a')::text), ((ormap() ? NULL)::text), (put(ormap(), '{a}', NULL::cart)::text), (quantity(cart(), NULL)::text)) v(n);

--
-- Updates need a node
--
SELECT set_path(ormap(), '{a}', '1');
SELECT add(cart(), 'apple');
SELECT '{"a": 1}'::jsonb::ormap;
SELECT '{"a": 1}'::cart;
SELECT remove('{"a": lwwreg [a@5 1 at a@5]}'::ormap, '{a}'), '{"a": lwwreg [a@5 1 at a@5]}'::ormap - 'a', remove('{"a": 1 {a 1@5} at [a@5]}'::cart, 'a');
SELECT current_database() AS db \gset
ALTER DATABASE :"db" SET converge.node_name = 'london';
\c :db
SET search_path = public, converge;

CREATE TABLE users (id int PRIMARY KEY, m ormap NOT NULL DEFAULT ormap(), c cart NOT NULL DEFAULT cart());
INSERT INTO users (id) VALUES (1);
INSERT INTO users VALUES (2, '{"name": "ann", "n": 5, "address": {"city": "york", "zip": null}, "tags": [1, 2]}'::jsonb, '{"apple": 3, "fig": 0}'::jsonb);
INSERT INTO users VALUES (3, '{"b": {"a": true}}', '{"apple": 1}');
SELECT id, m::jsonb, c::jsonb FROM users ORDER BY id;
SELECT key, type, value, visible, replica, stamp > 770000000000000 AS stamp FROM users, entries(m) WHERE id = 2;

UPDATE users SET m = set_path(add(add(add(enable(m, '{admin}'), '{visits}', 5), '{visits}', -2), '{tags}', 'red'), '{profile,name}', '"bob"') WHERE id = 1;
UPDATE users SET m = add(add(disable(m, '{admin}'), '{tags}', 'a, b'), '{profile,stats,seen}', 1) WHERE id = 1;
SELECT m::jsonb FROM users WHERE id = 1;
UPDATE users SET m = set_path(set_path(set_path(m, '{visits}', '10'), '{tags}', '["blue"]'), '{profile}', '{"name": "eve"}') WHERE id = 1;
SELECT m::jsonb FROM users WHERE id = 1;
SELECT string_agg(key || ' ' || type, ', ') FROM users, entries(m) WHERE id = 1;
-- another type: removed and written anew
SELECT set_path(m, '{visits}', '"many"')::jsonb -> 'visits' AS register, set_path(m, '{visits}', '1.5')::jsonb -> 'visits' AS register,
       set_path(m, '{profile}', 'null')::jsonb -> 'profile' AS register, set_path(m, '{admin}', '{"x": 1}') #> '{admin,x}' AS map,
       set_path(m, '{}', '{"visits": 3}')::jsonb AS "all", assign(m, '{"new": {}}')::jsonb AS "all" FROM users WHERE id = 1;
SELECT reset(m, '{visits}')::jsonb -> 'visits' AS reset, reset(m, '{tags}') -> 'tags' AS reset, reset(m, '{profile}') -> 'profile' AS reset,
       reset(m, '{none}') = m AS same, reset(m)::jsonb AS "all", remove(m, '{tags}', 'blue') -> 'tags' AS element FROM users WHERE id = 1;
SELECT (m - 'visits' - 'tags' - 'none')::jsonb, (m #- '{profile,name}') -> 'profile' AS profile, (m #- '{profile,none}') = m AS same,
       remove(m, '{visits,x}') = m AS same FROM users WHERE id = 1;
-- any type, by its own functions
UPDATE users SET m = put(put(put(m, '{stock}', bcounter(2) + 5), '{high}', 5::maxreg), '{cart}', add(cart(), 'apple', 3)) WHERE id = 3;
UPDATE users SET m = put(m, '{stock}', get(m, '{stock}', NULL::bcounter) - 1) WHERE id = 3;
UPDATE users SET m = add(put(m, '{high}', set(get(m, '{high}', NULL::maxreg), 7.5)), '{stock}', -1) WHERE id = 3;
UPDATE users SET m = put(m, '{cart}', add(get(m, '{cart}', NULL::cart), 'pear', 2)) WHERE id = 3;
UPDATE users SET m = put(m, '{deep,mv}', set(mvreg(), '[1]')) WHERE id = 3;
SELECT m::jsonb FROM users WHERE id = 3;

-- concurrent: removed by one, written by the other; a removed key begins anew
WITH v AS (SELECT m AS old, m - 'visits' AS removed, add(m, '{visits}', 1) AS counted FROM users WHERE id = 1)
SELECT merge(removed, counted) -> 'visits' AS counted, merge(removed, old) -> 'visits' AS removed, add(removed, '{visits}', 4) -> 'visits' AS anew,
       merge(add(removed, '{visits}', 4), counted) -> 'visits' AS both FROM v;
WITH v AS (SELECT m AS old, m #- '{profile}' AS removed, set_path(m, '{profile,mail}', '"e@x"') AS written FROM users WHERE id = 1)
SELECT merge(removed, written) -> 'profile' AS written FROM v;
-- and both with types of their own
SELECT merge(set_path(m, '{k}', '1'), add(m, '{k}', 5)) -> 'k' AS visible, merge(add(m, '{k}', 5), set_path(m, '{k}', '1')) -> 'k' AS visible,
       get(merge(set_path(m, '{k}', '1'), add(m, '{k}', 5)), '{k}', NULL::lwwreg)::jsonb AS hidden FROM users WHERE id = 2;

-- the cart
UPDATE users SET c = add(add(c, 'apple', 2), 'pear') WHERE id = 2;
SELECT c::jsonb, remove(c, 'apple')::jsonb, remove(c, 'apple', 2)::jsonb, remove(c, 'apple', 9)::jsonb, remove(c, 'x', 9) = c AS same, add(c, 'x', 0) = c AS same,
       remove(c, 'apple', 0) = c AS same, reset(c)::jsonb, assign(c, '{"apple": 7, "fig": 1}')::jsonb FROM users WHERE id = 2;
SELECT merge(add(c, 'apple', 2), add(c, 'apple', 3))::jsonb AS added, merge(remove(c, 'apple'), add(c, 'apple', 3))::jsonb AS kept,
       merge(remove(c, 'apple'), remove(c, 'apple'))::jsonb AS once, merge(remove(c, 'apple', 3), remove(c, 'apple', 4))::jsonb AS "not negative",
       add(merge(remove(c, 'apple', 3), remove(c, 'apple', 4)), 'apple', 2)::jsonb AS "no debt" FROM users WHERE id = 2;

-- deltas are small, and so is what is left of keys that came and went
DO $$
DECLARE
    big ormap := (SELECT jsonb_object_agg('key' || i, i) FROM generate_series(1, 10000) i)::ormap;
    m ormap := ormap();
BEGIN
    RAISE NOTICE 'one of 10000: % % %', pg_column_size(delta(big, set_path(big, '{key500}', '7'))) < 300,
        pg_column_size(delta(big, big - 'key500')) < 300, pg_column_size(delta(big, set_path(big, '{new}', '7'))) < 300;
    FOR i IN 1..500 LOOP
        m := set_path(m, array['key' || i], to_jsonb(i)) - ('key' || i);
    END LOOP;
    RAISE NOTICE 'came and went: %', pg_column_size(m) < 200;
END $$;

--
-- Index
--
CREATE TABLE maps AS SELECT i AS id, ('{"k' || i || '": 1, "half' || i % 2 || '": 2, "' || repeat('long', 40) || i || '": 3}')::jsonb::ormap AS m,
                            jsonb_build_object('k' || i, 1, 'half' || i % 2, 2)::cart AS c FROM generate_series(1, 2000) i;
INSERT INTO maps SELECT 0, ormap(), cart();
UPDATE maps SET m = m - 'k7', c = remove(c, 'k7') WHERE id = 7;
CREATE INDEX maps_m ON maps USING gin (m);
CREATE INDEX maps_c ON maps USING gin (c);
ANALYZE maps;
CREATE FUNCTION both_ways(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    query text := 'SELECT count(*) FROM maps WHERE ' || condition;
    line text;
    plan text := '';
    scanned bigint;
    found bigint;
BEGIN
    SET LOCAL enable_seqscan = off;
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        plan := plan || line;
    END LOOP;
    EXECUTE query INTO found;
    SET LOCAL enable_seqscan = on;
    SET LOCAL enable_bitmapscan = off;
    EXECUTE query INTO scanned;
    RESET enable_bitmapscan;
    RETURN format('%s %s %s', found, CASE WHEN found = scanned THEN 'same' ELSE 'not ' || scanned END,
                  CASE WHEN plan ~ 'Index Scan on maps_' THEN 'index' ELSE plan END);
END $$;
SELECT condition, both_ways(condition) FROM (VALUES
    ($$m ? 'k77'$$), ($$m ? 'k7'$$), ($$m ? 'half1'$$), ($$m ?| '{k1,k2,k7,none}'$$), ($$m ?& '{k4,half0}'$$), ($$m ?& '{k4,half1}'$$), ($$m ?& '{}'$$), ($$m ?| '{}'$$),
    ($$m ?& '{k4,NULL}'$$), ($$m ? (repeat('long', 40) || '12')$$), ($$m ?& ARRAY['k12', repeat('long', 40) || '12']$$), ($$m ?& ARRAY['k12', repeat('long', 40) || '13']$$),
    ($$c ? 'k77'$$), ($$c ? 'k7'$$), ($$c ?| '{k1,k2,k7,none}'$$), ($$c ?& '{k4,half0}'$$)) v(condition);
-- without any help the planner takes it where few rows are found
DO $$
DECLARE
    line text;
BEGIN
    FOR line IN EXPLAIN (COSTS OFF) SELECT * FROM maps WHERE m ? 'k77' LOOP
        IF line ~ 'maps_m' THEN
            RAISE NOTICE 'the planner uses the index';
        END IF;
    END LOOP;
END $$;
CREATE INDEX maps_json ON maps USING gin ((m::jsonb));
SELECT both_ways($$m::jsonb @> '{"half1": 2, "k9": 1}'$$);

--
-- Errors
--
SELECT ''::ormap;
SELECT '{"a"'::ormap;
SELECT '{"a": pncounter 3 {a 4@7} at [a@7]}'::ormap;
SELECT '{"a": pncounter 3 {a 3@7} at [a@7]} seen {a 7}'::ormap;
SELECT '{"b": ormap {} at [a@7], "a": ormap {} at [a@8]}'::ormap;
SELECT '{"a": nonsense 3 at [a@7]}'::ormap;
\set VERBOSITY terse
SELECT '{"a": lwwreg [a@5 x at a@5]}'::ormap;
SELECT '{"a": 01}'::ormap;
\set VERBOSITY default
SELECT '{"a": pncounter 3 {a 3@7} at [a@7]}'::cart;
SELECT '{"a": -3}'::cart;
SELECT '[1]'::jsonb::ormap;
SELECT '{"a": 1.5}'::jsonb::cart;
SELECT assign(cart(), '{"a": "x"}');
SELECT add('{"a": lwwreg [a@5 1 at a@5]}'::ormap, '{a}', 5);
SELECT add('{"a": lwwreg [a@5 1 at a@5]}'::ormap, '{a}', 'x');
SELECT enable('{"a": lwwreg [a@5 1 at a@5]}'::ormap, '{a}');
SELECT put('{"a": lwwreg [a@5 1 at a@5]}'::ormap, '{a}', cart());
SELECT set_path('{"a": lwwreg [a@5 1 at a@5]}'::ormap, '{a,b}', '5');
SELECT reset('{"a": lwwreg [a@5 1 at a@5]}'::ormap, '{a}');
SELECT add('{"a": gcounter 1 {a 1@5} at [a@5]}'::ormap, '{a}', -1);
SELECT set_path('{"a": gcounter 3 {a 3@5} at [a@5]}'::ormap, '{a}', '1');
SELECT remove('{"a": gset [{x} at a@5]}'::ormap, '{a}', 'x');
SELECT add('{"a": bcounter [1 >= 0 {a +1@5} at a@5]}'::ormap, '{a}', -5);
SELECT add('{"a": pncounter 9223372036854775807 {a 9223372036854775807@5} at [a@5]}'::ormap, '{a}', 1);
SELECT set_path(ormap(), '{a,NULL}', '1');
SELECT set_path(ormap(), '{{a},{b}}', '1');
SELECT add(ormap(), '{}', 1);
SELECT remove(ormap(), '{}'::text[]);
SELECT get(ormap(), '{}', NULL::cart);
SELECT get(ormap(), '{a}', 5);
SELECT put(ormap(), '{a}', '5'::jsonb);
SELECT set_path(ormap(), array_fill('a'::text, array[33]), '1');
SELECT set_path(ormap(), array_fill('a'::text, array[32]), '1') #>> array_fill('a'::text, array[32]) AS deepest;
SELECT put(ormap(), '{a}', set_path(ormap(), array_fill('a'::text, array[32]), '1'));
SELECT set_path(ormap(), array[repeat('k', 65536)], '1');
SELECT length(k) FROM keys(set_path(ormap(), array[repeat('k', 65535)], '1')) k;
SELECT (repeat('{"a":', 40) || '1' || repeat('}', 40))::jsonb::ormap;
SELECT add(cart(), repeat('k', 65536), 1);
SELECT add(cart(), 'a', -1);
SELECT remove(cart(), 'a', -1);
SELECT add(add(cart(), 'a', 9223372036854775807), 'a', 1);
SELECT add('{} seen {a 9223372036854775807}'::cart, 'a', 1);
\set VERBOSITY sqlstate
SELECT add('{"a": lwwreg [a@5 1 at a@5]}'::ormap, '{a}', 5);
SELECT set_path(ormap(), array[repeat('k', 65536)], '1');
SELECT add(cart(), 'a', -1);
SELECT get(ormap(), '{a}', 5);
\set VERBOSITY default

--
-- Binary form
--
SELECT ormap_send(ormap()), ormap_send('{"k": lwwreg [a@5 1 at a@5]} seen {a 1-4}'), cart_send('{"k": 1 {a 1@5} at [a@5]}');
CREATE TABLE received (LIKE users);
\copy users TO 'results/map.bin' (FORMAT binary)
\copy received FROM 'results/map.bin' (FORMAT binary)
SELECT bool_and(u.m = r.m AND u.c = r.c) AS same FROM users u JOIN received r USING (id);
\getenv abs_srcdir PG_ABS_SRCDIR
\set receive :abs_srcdir '/test/sql/receive.sql'
\set ECHO none
\i :receive
\set ECHO all
-- valid, not canonical json, no json, a flag inside, a byte too many, nothing at all
SELECT receive('ormap', b) FROM (VALUES (1, '\x010e0000016b06010161050801060001610501' || '\x31'::bytea), (2, '\x010e0000016b060101610509010600016105022031'),
    (3, '\x010e0000016b0601016105080106000161050178'), (4, '\x010e0000016b0601016105080106010161050131'), (5, '\x010e0000016b060101610508010600016105013100'),
    (6, '\x'::bytea)) v(i, b) ORDER BY i;
DROP FUNCTION receive(regtype, bytea);

DROP TABLE users, received, maps, r;
DROP FUNCTION both_ways(text);

-- no documents where their type is refused; other texts are as they are
CREATE DATABASE map_latin1 ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C';
\c map_latin1
SET client_min_messages = warning;
CREATE EXTENSION pg_converge;
SELECT '{"m": ormap {"d": document document "a" {a@5 start "a"} at [a@5]} at [a@5]}'::converge.ormap;
SET client_encoding = 'UTF8';
SELECT m OPERATOR(converge.->>) E'\u00e9t\u00e9' AS summer, length(converge.ormap_send(m)) FROM (SELECT E'{"\u00e9t\u00e9": lwwreg [a@5 "chaud" at a@5]}'::converge.ormap) v(m);
\c :db
DROP DATABASE map_latin1;
ALTER DATABASE :"db" RESET converge.node_name;
