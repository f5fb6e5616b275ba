--
-- Type converge.document: collaborative text.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_converge;
RESET client_min_messages;
SET search_path = public, converge;
SET TimeZone = 'UTC';

--
-- Text form: the text, then what each node wrote
--
SELECT document();
SELECT 'document "Hello wörld" {a@5 start "Hello rld", b@7 before a@5:6 "w", c@9 after b@7:0 "ö"}'::document;
SELECT ' document "Hello wörld"{a@5 start "Hello rld",b@7 before a@5:6 "wö" }'::document;
SELECT 'document "a\"\\\n\tb" {a@5 start "a\"\\" -2 "\n\tb" deleted 9 11-12}'::document;
SELECT value('document "ab" {a@5 start "a" -3 "b"}'::document), 'document "ab" {a@5 start "ab"}'::document::text,
       length('document "aö€" {a@5 start "aö€"}'::document), length(document()), value(document()) = '' AS empty;
-- what hangs on nothing is no part of the text
SELECT value('document "" {b@7 after a@5:1 "x"}'::document) = '' AS waits,
       value('document "" {b@7 after a@5:1 "x"}'::document || 'document "ab" {a@5 start "ab"}') AS arrived;

--
-- Merge, delta, laws
--
SELECT merge('document "ab" {a@5 start "ab"}'::document, 'document "axb" {a@5 start "ab", b@7 before a@5:1 "x"}');
SELECT merge('document "axb" {a@5 start "ab", b@7 before a@5:1 "x"}'::document, 'document "" {a@5 start -2}');
SELECT delta('document "ab" {a@5 start "ab"}'::document, 'document "ax" {a@5 start "a" -1, b@7 before a@5:1 "x"}');
WITH d(d) AS (VALUES (document()), ('document "ab" {a@5 start "ab"}'), ('document "axb" {a@5 start "ab", b@7 before a@5:1 "x"}'),
                     ('document "b" {a@5 start -1 "b"}'), ('document "" {b@7 before a@5:1 "x"}'), ('document "" {a@5 deleted 0-9}'))
SELECT bool_and(merge(x.d, y.d) = merge(y.d, x.d)) AS commutative,
       bool_and(merge(merge(x.d, y.d), z.d) = merge(x.d, merge(y.d, z.d))) AS associative,
       bool_and(merge(x.d, delta(x.d, y.d)) = merge(x.d, y.d)) AS delta,
       bool_and((x.d <= y.d) = (merge(x.d, y.d) = y.d)) AS le, bool_and((x.d >= y.d) = (y.d <= x.d)) AS ge,
       bool_and(document_in(document_out(x.d)) = x.d AND (x.d = y.d) <> (x.d <> y.d)) AS text,
       bool_and(document_hash(x.d) = document_hash(document_in(document_out(x.d)))
                AND document_hash_extended(x.d, 7) = document_hash_extended(document_in(document_out(x.d)), 7)) AS hash
FROM d x, d y, d z;
SELECT merge(d) FROM (VALUES ('document "ab" {a@5 start "ab"}'::document), (NULL), ('document "" {a@5 start -2}')) v(d);
SELECT d, count(*) FROM (VALUES (document()), ('document "" {a@5 start -2}'), (document())) v(d) GROUP BY d ORDER BY 2;
SELECT bool_and(n IS NULL) FROM (VALUES
    (merge(NULL::document, document())::text), (delta(document(), NULL)::text), (insert(NULL::document, 1, 'x')::text),
    (insert(document(), 1, NULL)::text), (delete(document(), NULL, 1)::text), (edit(document(), NULL)::text),
    (value(NULL::document)), (length(NULL::document)::text), ((NULL::document = document())::text), (NULL::text::document::text)) v(n);

--
-- Updates.  What only deletes needs no node.
--
SELECT delete('document "Hello" {a@5 start "Hello"}'::document, 2, 3), insert(document(), 1, ''),
       edit('document "Hello" {a@5 start "Hello"}'::document, '');
SELECT insert(document(), 1, 'x');
SELECT 'plain'::document;
SELECT current_database() AS db \gset
ALTER DATABASE :"db" SET converge.node_name = 'london';
\c :db
SET search_path = public, converge;
SET TimeZone = 'UTC';
CREATE TABLE notes (id int PRIMARY KEY, body document NOT NULL DEFAULT document());
INSERT INTO notes (id) VALUES (1);
INSERT INTO notes VALUES (2, 'a literal'), (3, 'a text'::text), (4, ''), (5, 'document "is" a word');
SELECT id, body::text, length(body) FROM notes ORDER BY id;
UPDATE notes SET body = insert(body, 1, 'Hello wörld') WHERE id = 1;
UPDATE notes SET body = insert(body, length(body) + 1, '!') WHERE id = 1;
UPDATE notes SET body = insert(body, 6, ',') WHERE id = 1;
UPDATE notes SET body = delete(body, 8, 5) WHERE id = 1;
UPDATE notes SET body = insert(body, 8, 'there') WHERE id = 1;
SELECT body::text, length(body) FROM notes WHERE id = 1;
UPDATE notes SET body = edit(body, 'Hello to you, there: €') WHERE id = 1;
SELECT replica, position, length, content, written > '2024-01-01' AS written FROM notes, authors(body) WHERE id = 1;
SELECT value(delete(body, 1, 1000)) = '' AS to_the_end, value(delete(body, 3, 0)) = value(body) AS nothing FROM notes WHERE id = 1;
SELECT * FROM authors('document "axyb" {a@5 start "ab", b@700000000000000 before a@5:1 "x", b@800000000000000 after b@700000000000000:0 "y"}');
-- two words at one place, forwards and backwards: whole words
WITH t AS (SELECT edit(document(), 'Hello!') AS d),
     f AS (SELECT insert(insert(insert(d, 6, ' '), 7, 'm'), 8, 'e') AS a, insert(insert(insert(d, 6, ' '), 7, 'y'), 8, 'u') AS b FROM t),
     w AS (SELECT insert(insert(insert(d, 6, 'e'), 6, 'm'), 6, ' ') AS a, insert(insert(insert(d, 6, 'u'), 6, 'y'), 6, ' ') AS b FROM t)
SELECT value(merge(f.a, f.b)) IN ('Hello me yu!', 'Hello yu me!') AS forwards,
       value(merge(w.a, w.b)) IN ('Hello me yu!', 'Hello yu me!') AS backwards,
       merge(f.a, f.b) = merge(f.b, f.a) AS same
FROM f, w;
-- insertion into what is deleted meanwhile
SELECT value(merge(insert(body, 4, '--'), delete(body, 2, 5))) FROM notes WHERE id = 2;
-- one letter in a long text travels in a small delta
SELECT octet_length(document_send(delta(d, insert(d, 50000, 'x')))) < 60 AS inserted,
       octet_length(document_send(delta(d, delete(d, 50000, 100)))) < 40 AS deleted
FROM (SELECT document(string_agg(md5(i::text), ' ')) AS d FROM generate_series(1, 3100) i) v;
-- a shortest edit of a long text, too
SELECT octet_length(document_send(delta(d, edit(d, overlay(d::text placing 'changed' from 40000 for 5))))) < 80 AS small
FROM (SELECT document(string_agg(md5(i::text), ' ')) AS d FROM generate_series(1, 3100) i) v;

--
-- Errors
--
SELECT 'document "a" {'::document;
SELECT 'document "a" {a@5 start "b"}'::document;
SELECT 'document "ab" {b@5 start "b", a@5 start "a"}'::document;
SELECT 'document "" {a@5 after a@5:0 "b"}'::document;
SELECT insert(document(), 0, 'x');
SELECT insert(document(), 2, 'x');
SELECT insert(body, 11, 'x') FROM notes WHERE id = 2;
SELECT delete(body, 0, 1) FROM notes WHERE id = 2;
SELECT delete(body, 1, -1) FROM notes WHERE id = 2;
SELECT insert('document "" {a@9223372036854775807 deleted 0}'::document, 1, 'x');
SELECT length(document(repeat('x', 64 * 1024 * 1024)));
\set VERBOSITY sqlstate
SELECT 'document "a" {'::document;
SELECT insert(document(), 0, 'x');
SELECT delete(document(), 1, -1);
SELECT length(document(repeat('x', 64 * 1024 * 1024)));
\set VERBOSITY default

--
-- Binary form
--
SELECT document_send(document()), document_send('document "axb" {a@5 start "ab", b@7 before a@5:1 "x"}'),
       document_send('document "ab" {a@5 start "a" -1, a@7 after a@5:1 "b"}');
CREATE TABLE received (LIKE notes);
\copy notes TO 'results/document.bin' (FORMAT binary)
\copy received FROM 'results/document.bin' (FORMAT binary)
SELECT bool_and(n.body = r.body) AS same FROM notes n JOIN received r USING (id);

SELECT p.oid::regprocedure
FROM pg_proc p
WHERE p.pronamespace = 'converge'::regnamespace AND p.prokind = 'f' AND p.oid::regprocedure::text ~ 'document'
  AND (obj_description(p.oid, 'pg_proc') IS NULL
       OR (p.provolatile = 'i' AND p.proparallel = 's')
          = (p.proname ~ '^(insert|delete|edit)$|_in$' OR p.oid::regprocedure::text ~ 'document\(text\)'));
SELECT o.oid::regoperator FROM pg_operator o
WHERE 'document'::regtype IN (o.oprleft, o.oprright) AND obj_description(o.oid, 'pg_operator') IS NULL;

DROP TABLE notes, received;

-- another encoding could not show all texts
CREATE DATABASE document_latin1 ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C';
\c document_latin1
SET client_min_messages = warning;
CREATE EXTENSION pg_converge;
SELECT 'document "a" {a@5 start "a"}'::converge.document;
SELECT converge.insert(converge.document(), 1, 'x');
SELECT converge.edit(converge.document(), 'x');
\c :db
DROP DATABASE document_latin1;
ALTER DATABASE :"db" RESET converge.node_name;
