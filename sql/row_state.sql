--
-- Type converge.row_state: text and binary form, what can be read from it,
-- equality and hashing, errors.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_converge;
RESET client_min_messages;
SET search_path = public, converge;
SET timezone = 'UTC';

--
-- Four states of a row: inserted at paris, two units updated at london,
-- deleted at paris; and one stamped beyond any timestamp
--
CREATE TABLE states (name text, _converge row_state);
INSERT INTO states VALUES
    ('inserted', '\x2000008080c89e88f3b501057061726973'),
    ('updated', '\x2011c08db701000100008080c89e88f3b501000000079f3a11c2066c6f6e646f6e057061726973'),
    ('deleted', '\x2111c08db7018092f4010100008080c89e88f3b501000000079f3a11c2066c6f6e646f6e05706172697302000380897a010202000380897a00'),
    ('far away', '\x200000ffffffffffffffff7f057061726973'),
    (NULL, NULL);
SELECT name, describe(_converge) FROM states;
SELECT name, _converge::vclock, clock(_converge) = _converge::vclock AS same FROM states;
SELECT name, writer(_converge), changed_at(_converge) FROM states WHERE name <> 'far away';
SELECT writer(_converge) FROM states WHERE name = 'far away';
SELECT changed_at(_converge) FROM states WHERE name = 'far away';
SELECT name, birth(_converge) FROM states;
SELECT name FROM states t WHERE t._converge::converge.vclock >= '{london:1}' ORDER BY name;

--
-- Text form: hex in either case, given back in lower case
--
SELECT name, _converge::text::row_state = _converge AS same, length(_converge::text) FROM states;
SELECT '\x2000008080C89E88F3B501057061726973'::row_state;

--
-- Equality, hash
--
SELECT x.name, y.name, x._converge = y._converge AS "=", x._converge <> y._converge AS "<>"
FROM states x, states y WHERE x.name = 'inserted' ORDER BY y.name;
SELECT count(*), count(DISTINCT row_state_hash(_converge)),
       count(DISTINCT row_state_hash_extended(_converge, 1))
FROM (SELECT _converge FROM states UNION ALL SELECT _converge FROM states) s;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
CREATE INDEX states_hash ON states USING hash (_converge);
EXPLAIN (COSTS OFF)
SELECT name FROM states WHERE _converge = '\x2000008080c89e88f3b501057061726973';
SELECT name FROM states WHERE _converge = '\x2000008080c89e88f3b501057061726973';

--
-- The birth identifies rows without a key
--
CREATE INDEX states_birth ON states (birth(_converge));
EXPLAIN (COSTS OFF)
SELECT name FROM states WHERE birth(_converge) = '\x0570617269730002d79883d20000';
SELECT name FROM states WHERE birth(_converge) = '\x0570617269730002d79883d20000' ORDER BY name;
RESET enable_seqscan;
RESET enable_bitmapscan;

--
-- Binary form
--
SELECT row_state_send(_converge)::text = _converge::text AS same_bytes FROM states;
\copy states (name, _converge) TO 'results/row_state.bin' (FORMAT binary)
CREATE TABLE copied (LIKE states);
\copy copied (name, _converge) FROM 'results/row_state.bin' (FORMAT binary)
SELECT count(*), count(*) FILTER (WHERE x._converge = y._converge) AS same
FROM states x FULL JOIN copied y USING (name);

--
-- Errors
--
SELECT ''::row_state;
SELECT '0100'::row_state;
SELECT '\x'::row_state;
SELECT '\x01000'::row_state;
SELECT '\x01zz'::row_state;
SELECT '\x0'::row_state;
SELECT '\xff'::row_state;
SELECT '\x2000008080c89e88f3b5010570617269'::row_state;
SELECT '\x2000008080c89e88f3b50105706172697300'::row_state;
\getenv abs_srcdir PG_ABS_SRCDIR
\set receive :abs_srcdir '/test/sql/receive.sql'
\set ECHO none
\i :receive
\set ECHO all
SELECT receive('row_state', '\x2000008080c89e88f3b501057061726973');
SELECT receive('row_state', '');
SELECT receive('row_state', '\xff');
SELECT receive('row_state', '\x2000008080c89e88f3b5010570617269');
\set VERBOSITY sqlstate
SELECT '0100'::row_state;
SELECT '\xff'::row_state;
SELECT changed_at(_converge) FROM states WHERE name = 'far away';
\set VERBOSITY default

--
-- Every function is immutable, strict and parallel safe; nothing lacks a comment
--
SELECT p.oid::regprocedure
FROM pg_proc p
WHERE (p.proname LIKE 'row_state%' OR p.proname IN ('describe', 'clock', 'writer', 'changed_at', 'birth'))
  AND p.pronamespace = 'converge'::regnamespace
  AND NOT (p.provolatile = 'i' AND p.proisstrict AND p.proparallel = 's'
           AND obj_description(p.oid, 'pg_proc') IS NOT NULL);
SELECT bool_and(amvalidate(oid)), count(*) FROM pg_opclass WHERE opcintype = 'row_state'::regtype;

DROP FUNCTION receive(regtype, bytea);
DROP TABLE states, copied;
