--
-- Types converge.lwwreg, converge.mvreg, converge.maxreg, converge.minreg.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_converge;
RESET client_min_messages;
SET search_path = public, converge;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

--
-- Text forms.  A jsonb may be written in any way, and becomes canonical.
--
SELECT lwwreg(), mvreg(), maxreg(), minreg();
SELECT 'a@5 {"b":1,  "a":[1,"],}"]}'::lwwreg, 'a@5 null'::lwwreg, 'unset'::lwwreg;
SELECT '[a@5 {"b":1,"a":2}, b@7 [ "x,]" ]] seen {a 1-4}'::mvreg, '[]'::mvreg;
SELECT '+01.50'::maxreg, '-0.0'::maxreg, 'NaN'::maxreg, '-Infinity'::minreg, ' 2024-02-29T12:00:00.50Z '::maxreg,
       'infinity'::minreg, '-4713-11-24T00:00:00Z'::minreg, 'empty'::minreg;

--
-- Reads
--
SELECT value('a@5 {"x": 1}'::lwwreg), 'a@5 "x"'::lwwreg::jsonb, value(lwwreg()), is_conflicted('a@5 1'::lwwreg);
SELECT value('[a@5 1, b@3 2]'::mvreg), '[a@5 1]'::mvreg::jsonb, value(mvreg()),
       is_conflicted('[a@5 1, b@3 2]'::mvreg), is_conflicted('[a@5 1]'::mvreg);
SELECT * FROM converge.values('[a@5 1, b@3 {"x": 2}]'::mvreg);
SELECT * FROM converge.values('a@5 1'::lwwreg);
SELECT count(*) FROM converge.values(lwwreg());
SELECT '1.50'::maxreg::numeric, 'NaN'::minreg::numeric, maxreg()::numeric, '2024-02-29T12:00:00.5Z'::maxreg::timestamptz,
       '-infinity'::minreg::timestamptz, minreg()::timestamptz;

--
-- Merge, delta, laws
--
SELECT merge('a@5 1'::lwwreg, 'b@6 2'), merge('a@5 1'::lwwreg, 'b@5 2'), 'a@5 1'::lwwreg || lwwreg(),
       delta('a@5 1'::lwwreg, 'b@6 2'), delta('b@6 2'::lwwreg, 'a@5 1');
SELECT merge('[a@5 1]'::mvreg, '[b@6 2]'), merge('[a@5 1]'::mvreg, '[b@6 2] seen {a 5}'),
       '[a@5 1]'::mvreg || '[]', delta('[a@5 1]'::mvreg, '[b@6 2] seen {a 5}');
SELECT merge('1.5'::maxreg, '-3'), merge('1.5'::minreg, '-3'), '2'::maxreg || '10', '2'::minreg || '10',
       merge(maxreg(), '1'), merge('2024-01-01T00:00:00Z'::minreg, '2023-12-31T23:59:59Z'),
       delta('1'::maxreg, '2'), delta('2'::maxreg, '1'), merge('Infinity'::maxreg, 'NaN');
WITH r(r) AS (VALUES (lwwreg()), ('a@5 1'), ('b@5 2'), ('a@6 {}'))
SELECT bool_and(merge(x.r, y.r) = merge(y.r, x.r) AND merge(merge(x.r, y.r), z.r) = merge(x.r, merge(y.r, z.r))
                AND merge(x.r, delta(x.r, y.r)) = merge(x.r, y.r) AND (x.r <= y.r) = (merge(x.r, y.r) = y.r)
                AND (x.r >= y.r) = (y.r <= x.r) AND x.r::text::lwwreg = x.r AND (x.r = y.r) <> (x.r <> y.r)
                AND lwwreg_hash(x.r) = lwwreg_hash(x.r::text::lwwreg)
                AND lwwreg_hash_extended(x.r, 1) = lwwreg_hash_extended(x.r::text::lwwreg, 1)) AS laws
FROM r x, r y, r z;
WITH r(r) AS (VALUES (mvreg()), ('[a@5 1]'), ('[b@5 2]'), ('[a@6 {}] seen {a 5}'), ('[] seen {a 1-6}'))
SELECT bool_and(merge(x.r, y.r) = merge(y.r, x.r) AND merge(merge(x.r, y.r), z.r) = merge(x.r, merge(y.r, z.r))
                AND merge(x.r, delta(x.r, y.r)) = merge(x.r, y.r) AND (x.r <= y.r) = (merge(x.r, y.r) = y.r)
                AND (x.r >= y.r) = (y.r <= x.r) AND x.r::text::mvreg = x.r AND (x.r = y.r) <> (x.r <> y.r)
                AND mvreg_hash(x.r) = mvreg_hash(x.r::text::mvreg)
                AND mvreg_hash_extended(x.r, 1) = mvreg_hash_extended(x.r::text::mvreg, 1)) AS laws
FROM r x, r y, r z;
WITH r(r) AS (VALUES (maxreg()), ('-10'), ('-9.9'), ('0'), ('10'), ('9'), ('NaN'), ('2024-01-01T00:00:00Z'))
SELECT bool_and(merge(x.r, y.r) = merge(y.r, x.r) AND merge(merge(x.r, y.r), z.r) = merge(x.r, merge(y.r, z.r))
                AND merge(x.r, delta(x.r, y.r)) = merge(x.r, y.r) AND (x.r <= y.r) = (merge(x.r, y.r) = y.r)
                AND (x.r >= y.r) = (y.r <= x.r) AND x.r::text::maxreg = x.r AND (x.r = y.r) <> (x.r <> y.r)
                AND maxreg_hash(x.r) = maxreg_hash(x.r::text::maxreg)
                AND maxreg_hash_extended(x.r, 1) = maxreg_hash_extended(x.r::text::maxreg, 1)) AS laws
FROM r x, r y, r z;
WITH r(r) AS (VALUES (minreg()), ('-10'), ('-9.9'), ('0'), ('10'), ('9'), ('NaN'), ('2024-01-01T00:00:00Z'))
SELECT bool_and(merge(x.r, y.r) = merge(y.r, x.r) AND merge(merge(x.r, y.r), z.r) = merge(x.r, merge(y.r, z.r))
                AND merge(x.r, delta(x.r, y.r)) = merge(x.r, y.r) AND (x.r <= y.r) = (merge(x.r, y.r) = y.r)
                AND (x.r >= y.r) = (y.r <= x.r) AND x.r::text::minreg = x.r AND (x.r = y.r) <> (x.r <> y.r)
                AND minreg_hash(x.r) = minreg_hash(x.r::text::minreg)
                AND minreg_hash_extended(x.r, 1) = minreg_hash_extended(x.r::text::minreg, 1)) AS laws
FROM r x, r y, r z;
SELECT merge(r) FROM (VALUES ('a@5 1'::lwwreg), (NULL), ('b@6 2')) v(r);
SELECT merge(r) FROM (VALUES ('[a@5 1]'::mvreg), (NULL), ('[b@6 2]')) v(r);
SELECT merge(r), merge(r::text::minreg) FROM (VALUES ('5'::maxreg), (NULL), ('7')) v(r);
-- the order is the server's, and so is the calendar
SELECT bool_and(((merge(x.n::maxreg, y.n::maxreg))::numeric = greatest(x.n, y.n)) AND
                ((merge(x.n::minreg, y.n::minreg))::numeric = least(x.n, y.n)))
FROM (SELECT n FROM (VALUES ('NaN'::numeric), ('Infinity'), ('-Infinity'), (0), (0.1), (-0.1), (1e20), (1e20 + 0.01), (-1e20), (1.10)) v(n)) x,
     (SELECT n FROM (VALUES ('NaN'::numeric), ('Infinity'), ('-Infinity'), (0), (0.1), (-0.1), (1e20), (1e20 + 0.01), (-1e20), (1.10)) v(n)) y;
SELECT count(*) AS times, bool_and(t::maxreg::text::maxreg::timestamptz = t
       AND (extract(year FROM t) < 1 OR t::maxreg::text::timestamptz = t)) AS same
FROM (SELECT '4713-11-24 00:00 BC'::timestamptz + i * interval '997 days 13:47:11.123457' FROM generate_series(0, 10000) i) v(t);

--
-- Comparison with plain values
--
SELECT v, '5'::maxreg = v AS "=", '5'::maxreg <> v AS "<>", '5'::maxreg < v AS "<", '5'::maxreg <= v AS "<=",
       '5'::maxreg > v AS ">", '5'::maxreg >= v AS ">=", v = '5'::minreg AS "=", v <> '5'::minreg AS "<>",
       v < '5'::minreg AS "<", v <= '5'::minreg AS "<=", v > '5'::minreg AS ">", v >= '5'::minreg AS ">="
FROM (VALUES (4.9), (5.00), (6)) n(v);
SELECT v::date, m = v AS "=", m <> v AS "<>", m < v AS "<", m <= v AS "<=", m > v AS ">", m >= v AS ">=",
       v = m AS "=", v <> m AS "<>", v < m AS "<", v <= m AS "<=", v > m AS ">", v >= m AS ">="
FROM generate_series('2024-01-01'::timestamptz, '2024-01-03', '1 day') v, (SELECT '2024-01-02T00:00:00Z'::maxreg) r(m);
SELECT maxreg() = 5 AS empty, maxreg() < now() AS empty, 5 > minreg() AS empty, now() > minreg() AS empty;
SELECT bool_and(n IS NULL) FROM (VALUES
    (merge(NULL::lwwreg, lwwreg())::text), (delta(mvreg(), NULL)::text), (set(NULL::lwwreg, '1')::text),
    (set(mvreg(), NULL)::text), (set(NULL::maxreg, 1)::text), (set(maxreg(), NULL::numeric)::text),
    (value(NULL::mvreg)::text), (is_conflicted(NULL::lwwreg)::text), (NULL::maxreg::numeric::text),
    ((NULL::minreg = 5)::text), (NULL::jsonb::lwwreg::text), (NULL::numeric::maxreg::text)) v(n);

--
-- Updates
--
SELECT set(lwwreg(), '1');
SELECT set(mvreg(), '1');
-- the largest and the smallest need no dot
SELECT set(set(maxreg(), 5), 3.50), set(set(minreg(), 5), 3.50), set(maxreg(), '2024-01-01'::timestamptz),
       5::maxreg, 5::bigint::minreg, 5.5::maxreg, '2024-01-01'::timestamptz::minreg;
SELECT current_database() AS db \gset
ALTER DATABASE :"db" SET converge.node_name = 'london';
\c :db
SET search_path = public, converge;
SET TimeZone = 'UTC';
CREATE TABLE settings (id int PRIMARY KEY, l lwwreg DEFAULT lwwreg(), m mvreg DEFAULT mvreg(),
                       high maxreg DEFAULT maxreg(), low minreg DEFAULT minreg());
INSERT INTO settings (id) VALUES (1);
INSERT INTO settings VALUES (2, '{"a": 1}'::jsonb, '"x"'::jsonb, 5, 7.5);
UPDATE settings SET l = set(l, '[1, 2]'), m = set(m, '"y"'), high = set(high, 6), low = set(low, 8);
SELECT id, l::jsonb, m::jsonb, high, low, is_conflicted(m) FROM settings ORDER BY id;
SELECT id, replica, value, stamp > 770000000000000 AS stamp FROM settings, converge.values(m) ORDER BY id;
-- concurrent writes, and one that has seen both
SELECT value(merge(set(l, '"first"'), set(l, '"second"'))) AS last,
       is_conflicted(merge(set(m, '1'), set(m, '2'))) AS conflict,
       (SELECT jsonb_agg(v.value ORDER BY stamp) FROM converge.values(merge(set(m, '1'), set(m, '2'))) v) AS both,
       is_conflicted(set(merge(set(m, '1'), set(m, '2')), '3')) AS solved
FROM settings WHERE id = 1;
-- encodings and odd characters inside a jsonb
SELECT value(set(l, jsonb_build_object('q"\,]', E'\t', 'k', '[}'))) FROM settings WHERE id = 1;

--
-- Errors
--
SELECT ''::lwwreg;
SELECT 'a@5'::lwwreg;
\set VERBOSITY terse
SELECT 'a@5 x'::lwwreg;
SELECT 'a@5 {"a" 1}'::lwwreg;
\set VERBOSITY default
SELECT 'a@5 {"a": 1'::lwwreg;
SELECT 'a@5 1 2'::lwwreg;
SELECT '[a@5 1, a@5 2]'::mvreg;
SELECT '[a@5 1,]'::mvreg;
SELECT '[a@5 1] seen {a 5}'::mvreg;
SELECT ''::maxreg;
SELECT '1e5'::maxreg;
SELECT '2024-02-30T00:00:00Z'::maxreg;
SELECT '2024-02-28'::maxreg;
SELECT '294277-01-01T00:00:00Z'::maxreg;
SELECT set('5'::maxreg, now());
SELECT set('2024-01-01T00:00:00Z'::minreg, 5);
SELECT '5'::maxreg::timestamptz;
SELECT '2024-01-01T00:00:00Z'::minreg::numeric;
SELECT '5'::maxreg < now();
SELECT set('a@9223372036854775807 1'::lwwreg, '2');
\set VERBOSITY sqlstate
SELECT 'a@5 x'::lwwreg;
SELECT '2024-02-30T00:00:00Z'::maxreg;
SELECT set('5'::maxreg, now());
\set VERBOSITY default

--
-- Binary form
--
SELECT lwwreg_send('a@5 {"a":1}'), mvreg_send('[a@5 1] seen {b 1-4}'), maxreg_send('-1.50'),
       minreg_send('2000-01-01T00:00:00.000001Z'), minreg_send(minreg());
CREATE TABLE received (LIKE settings);
\copy settings TO 'results/register.bin' (FORMAT binary)
\copy received FROM 'results/register.bin' (FORMAT binary)
SELECT s.l = r.l AND s.m = r.m AND s.high = r.high AND s.low = r.low AS same FROM settings s JOIN received r USING (id);
\getenv abs_srcdir PG_ABS_SRCDIR
\set receive :abs_srcdir '/test/sql/receive.sql'
\set ECHO none
\i :receive
\set ECHO all
-- valid, not canonical json, no json, nothing at all
SELECT b AS bytes, receive('lwwreg', b) FROM (VALUES (1, '\x0106000161050131'::bytea), (2, '\x010600016105022031'),
    (3, '\x0106000161050178'), (4, '\x01060001610500')) v(i, b)
ORDER BY i;
DROP FUNCTION receive(regtype, bytea);

DROP TABLE settings, received;
ALTER DATABASE :"db" RESET converge.node_name;
