--
-- Types converge.ewflag and converge.dwflag.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_converge;
RESET client_min_messages;
SET search_path = public, converge;

--
-- Text form: value, live updates, what they replaced
--
SELECT ewflag(), dwflag();
SELECT 'true [a@5, b@7] seen {a 1-4, c 9}'::ewflag, ' false[ a@5 , b@3 - ]seen{a 1 2 4}'::dwflag;
SELECT value('true [a@5]'::ewflag), 'false []'::ewflag::boolean, value('false [a@5, b@3 -]'::dwflag),
       'true [a@5]'::dwflag::boolean;

--
-- Who wins: a has enabled, b has disabled without having seen it
--
SELECT merge('true [a@5]'::ewflag, 'false [] seen {a 1}'), merge('true [a@5]'::dwflag, 'false [b@6 -]'),
       'true [a@5]'::ewflag || 'true [b@6]', 'true [a@5]'::dwflag || 'true [b@6]';
-- b has seen it
SELECT merge('true [a@5]'::ewflag, 'false [] seen {a 5}'), merge('true [a@5]'::dwflag, 'false [b@6 -] seen {a 5}');
SELECT delta('true [a@5]'::ewflag, 'true [a@6] seen {a 5}'), delta('true [a@5]'::dwflag, 'false [a@6 -] seen {a 5}');
WITH f(f) AS (VALUES (ewflag()), ('true [a@5]'), ('false [] seen {a 5}'), ('true [b@7] seen {a 5}'),
                     ('true [a@5, b@7]'), ('true [a@9] seen {a 1-5}'))
SELECT bool_and(merge(x.f, y.f) = merge(y.f, x.f)) AS commutative,
       bool_and(merge(merge(x.f, y.f), z.f) = merge(x.f, merge(y.f, z.f))) AS associative,
       bool_and(merge(x.f, delta(x.f, y.f)) = merge(x.f, y.f)) AS delta,
       bool_and((x.f <= y.f) = (merge(x.f, y.f) = y.f)) AS le, bool_and((x.f >= y.f) = (y.f <= x.f)) AS ge,
       bool_and(x.f::text::ewflag = x.f AND (x.f = y.f) <> (x.f <> y.f)) AS text,
       bool_and(ewflag_hash(x.f) = ewflag_hash(x.f::text::ewflag)
                AND ewflag_hash_extended(x.f, 7) = ewflag_hash_extended(x.f::text::ewflag, 7)) AS hash
FROM f x, f y, f z;
WITH f(f) AS (VALUES (dwflag()), ('true [a@5]'), ('false [b@6 -] seen {a 5}'), ('true [b@7] seen {a 5}'),
                     ('false [a@5, b@7 -]'), ('true [a@9] seen {a 1-5}'))
SELECT bool_and(merge(x.f, y.f) = merge(y.f, x.f)) AS commutative,
       bool_and(merge(merge(x.f, y.f), z.f) = merge(x.f, merge(y.f, z.f))) AS associative,
       bool_and(merge(x.f, delta(x.f, y.f)) = merge(x.f, y.f)) AS delta,
       bool_and((x.f <= y.f) = (merge(x.f, y.f) = y.f)) AS le, bool_and((x.f >= y.f) = (y.f <= x.f)) AS ge,
       bool_and(x.f::text::dwflag = x.f AND (x.f = y.f) <> (x.f <> y.f)) AS text,
       bool_and(dwflag_hash(x.f) = dwflag_hash(x.f::text::dwflag)
                AND dwflag_hash_extended(x.f, 7) = dwflag_hash_extended(x.f::text::dwflag, 7)) AS hash
FROM f x, f y, f z;
SELECT merge(f) FROM (VALUES ('true [a@5]'::ewflag), (NULL), ('false [] seen {a 5}')) v(f);
SELECT merge(f) FROM (VALUES ('true [a@5]'::dwflag), (NULL), ('false [b@9 -]')) v(f);
SELECT 'true [a@5]'::ewflag = true AS t, 'true [a@5]'::ewflag <> true AS f, false = ewflag() AS t,
       'false [a@5 -]'::dwflag = true AS f, true <> 'false [a@5 -]'::dwflag AS t;
SELECT bool_and(n IS NULL) FROM (VALUES
    (merge(NULL::ewflag, ewflag())::text), (delta(ewflag(), NULL)::text), (enable(NULL::ewflag)::text),
    (disable(NULL::dwflag)::text), (value(NULL::dwflag)::text), ((NULL::ewflag = ewflag())::text),
    ((NULL::ewflag = true)::text), (NULL::boolean::ewflag::text)) v(n);

--
-- Updates
--
SELECT enable(ewflag());
SELECT true::dwflag;
SELECT current_database() AS db \gset
ALTER DATABASE :"db" SET converge.node_name = 'london';
\c :db
SET search_path = public, converge;
CREATE TABLE users (id int PRIMARY KEY, active ewflag DEFAULT ewflag(), banned dwflag DEFAULT true);
INSERT INTO users (id) VALUES (1);
INSERT INTO users VALUES (2, true, false);
SELECT id, active::boolean, banned::boolean FROM users WHERE banned OR active ORDER BY id;
UPDATE users SET active = disable(enable(active)), banned = disable(banned) WHERE id = 1;
UPDATE users SET active = disable(active), banned = enable(banned) WHERE id = 2;
SELECT id, value(active) AS active, value(banned) AS banned FROM users ORDER BY id;
-- concurrent updates of one value
SELECT value(merge(enable(active), disable(active))) AS ew, value(merge(enable(banned), disable(banned))) AS dw
FROM users WHERE id = 2;
-- and an update that has seen both
SELECT value(disable(merge(enable(active), disable(active)))) AS ew,
       value(enable(merge(enable(banned), disable(banned)))) AS dw
FROM users WHERE id = 2;
-- a long history stays small
DO $$
BEGIN
    FOR i IN 1..300 LOOP
        UPDATE users SET active = enable(disable(active)), banned = disable(enable(banned)) WHERE id = 1;
    END LOOP;
END $$;
SELECT id, value(active) AS active, value(banned) AS banned, pg_column_size(active) < 300 AND pg_column_size(banned) < 300 AS small
FROM users WHERE id = 1;
SELECT pg_column_size(delta(active, enable(active))) < 50 AS small FROM users WHERE id = 1;

--
-- Errors
--
SELECT ''::ewflag;
SELECT 'true'::ewflag::boolean AS plain_form;
SELECT 'true []'::ewflag;
SELECT 'false [a@5 -]'::ewflag;
SELECT 'true [b@1, a@1]'::dwflag;
SELECT 'true [a@1] seen {a 1}'::dwflag;
SELECT 'false [] seen {a 2 1}'::dwflag;
SELECT 'false [] seen {a 0}'::dwflag;
SELECT enable('false [] seen {a 9223372036854775807}'::ewflag);

--
-- Binary form
--
SELECT ewflag_send(ewflag()), ewflag_send('true [a@5] seen {a 1-4}'), dwflag_send('false [a@5 -]');
CREATE TABLE received (LIKE users);
\copy users TO 'results/flag.bin' (FORMAT binary)
\copy received FROM 'results/flag.bin' (FORMAT binary)
SELECT u.active = r.active AND u.banned = r.banned AS same FROM users u JOIN received r USING (id);

SELECT p.oid::regprocedure
FROM pg_proc p
WHERE p.pronamespace = 'converge'::regnamespace AND p.prokind = 'f' AND p.oid::regprocedure::text ~ '[ed]wflag'
  AND (obj_description(p.oid, 'pg_proc') IS NULL
       OR (p.provolatile = 'i' AND p.proparallel = 's')
          = (p.proname ~ 'able$|_in$' OR p.oid::regprocedure::text ~ 'flag\(boolean\)'));
SELECT o.oid::regoperator FROM pg_operator o
WHERE ('ewflag'::regtype IN (o.oprleft, o.oprright) OR 'dwflag'::regtype IN (o.oprleft, o.oprright))
  AND obj_description(o.oid, 'pg_operator') IS NULL;

DROP TABLE users, received;
ALTER DATABASE :"db" RESET converge.node_name;
