-- bench/types.sql: what the data types that merge cost, beside plain types of
-- the server doing the same job without merging.  Run by bench/types.sh.
--
-- A case is a type at a size.  The value is stored in a table, so reading it
-- includes getting it out of TOAST, on both sides.  update and read are
-- expressions on v (the value), w (the value after one update) and i (a
-- running number); each is evaluated for a tenth of a second, three times,
-- and the best counts.  bytes is the value as it is in memory, stored as it is
-- in the table.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET search_path = public, converge;
SET jit = off;
SET max_parallel_workers_per_gather = 0;

CREATE TABLE bench_case (
    job text, type text, elements int,
    make text,          -- the value
    update text,        -- one update of it
    read text,          -- one typical read
    merge text);        -- merge with the value after one update; NULL: there is none
CREATE TABLE bench_result (
    no serial, job text, type text, elements int, bytes bigint, stored bigint, delta bigint,
    updates numeric, reads numeric, merges numeric);

-- Evaluations of an expression per second.
CREATE FUNCTION bench_rate(type text, expr text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    k bigint := 1;
    best numeric := 0;
    started timestamptz;
    took numeric;
BEGIN
    IF expr IS NULL THEN
        RETURN NULL;
    END IF;
    FOR round IN 1..3 LOOP
        LOOP
            started := clock_timestamp();
            EXECUTE format('SELECT count(%s) FROM bench_value, generate_series(1, %s) i', expr, k);
            took := extract(epoch FROM clock_timestamp() - started);
            EXIT WHEN took >= 0.1;
            k := greatest(k * 2, (k * 0.12 / greatest(took, 0.0001))::bigint);
        END LOOP;
        best := greatest(best, k / took);
    END LOOP;
    RETURN best;
END $$;

CREATE FUNCTION bench_run(c bench_case) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    r bench_result;
BEGIN
    DROP TABLE IF EXISTS bench_value;
    EXECUTE format('CREATE TABLE bench_value AS SELECT v, v AS w FROM (SELECT %s) m(v)', c.make);
    EXECUTE format('UPDATE bench_value SET w = %s FROM generate_series(1, 1) i', c.update);
    EXECUTE format('SELECT pg_column_size(v), pg_column_size(stored) FROM (SELECT %s) m(v), (SELECT v AS stored FROM bench_value) s',
                   c.make) INTO r.bytes, r.stored;
    IF c.merge IS NOT NULL THEN
        SELECT pg_column_size(delta) INTO r.delta FROM bench_delta();
    END IF;
    INSERT INTO bench_result (job, type, elements, bytes, stored, delta, updates, reads, merges)
    VALUES (c.job, c.type, c.elements, r.bytes, r.stored, r.delta, bench_rate(c.type, c.update),
            bench_rate(c.type, c.read), bench_rate(c.type, c.merge));
END $$;

CREATE FUNCTION bench_delta() RETURNS TABLE (delta bytea) LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    SELECT atttypid::regtype::text INTO name FROM pg_attribute WHERE attrelid = 'bench_value'::regclass AND attname = 'v';
    RETURN QUERY EXECUTE format('SELECT %s_send(delta(v, w)) FROM bench_value', name);
END $$;

-- Counters: elements are nodes that have counted.  No plain type keeps those.
INSERT INTO bench_case
SELECT 'counter', t, n,
    CASE WHEN t = 'int8' THEN '1000000::int8'
         ELSE format('(SELECT merge(format(''%%s {node%%s %%s@%%s}'', i, i, i, 1000 + i)::%1$s) FROM generate_series(1, %2$s) i)', t, n) END,
    'v + 1', 'v::int8', CASE WHEN t <> 'int8' THEN 'merge(v, w)' END
FROM unnest(ARRAY[1, 100, 10000]) n, unnest(ARRAY['int8', 'gcounter', 'pncounter']) t
WHERE t <> 'int8' OR n = 1;
INSERT INTO bench_case VALUES
    ('counter', 'bcounter', 1, 'bcounter(0) + 1000000', 'v + 1', 'v::int8', 'merge(v, w)');

-- Largest value; a flag; a register of one small object.
INSERT INTO bench_case VALUES
    ('largest', 'numeric', 1, '12345.678::numeric', 'greatest(v, i::numeric)', 'v + 0', NULL),
    ('largest', 'maxreg', 1, '12345.678::maxreg', 'set(v, i::numeric)', 'v::numeric', 'merge(v, w)'),
    ('flag', 'bool', 1, 'true', 'NOT v', 'NOT v', NULL),
    ('flag', 'ewflag', 1, 'enable(ewflag())', 'enable(v)', 'v::bool', 'merge(v, w)'),
    ('flag', 'dwflag', 1, 'enable(dwflag())', 'enable(v)', 'v::bool', 'merge(v, w)'),
    ('register', 'jsonb', 1, $$'{"name": "a name", "n": 5}'::jsonb$$, $$jsonb_build_object('name', 'a name', 'n', i)$$, $$v ->> 'name'$$, NULL),
    ('register', 'lwwreg', 1, $$set(lwwreg(), '{"name": "a name", "n": 5}')$$, $$set(v, jsonb_build_object('name', 'a name', 'n', i))$$,
     $$v::jsonb ->> 'name'$$, 'merge(v, w)'),
    ('register', 'mvreg', 1, $$set(mvreg(), '{"name": "a name", "n": 5}')$$, $$set(v, jsonb_build_object('name', 'a name', 'n', i))$$,
     $$v::jsonb ->> 'name'$$, 'merge(v, w)');

-- Sets of words: an element more, and a look for one in the middle.
INSERT INTO bench_case
SELECT 'set', t, n,
    format(CASE t WHEN 'text[]' THEN '%s'
                  WHEN 'jsonb' THEN '(SELECT jsonb_object_agg(e, true) FROM unnest(%s) e)'
                  WHEN 'hstore' THEN '(SELECT hstore(array_agg(e), array_agg(''t''::text)) FROM unnest(%s) e)'
                  ELSE t || '(%s)' END,
           format('(SELECT array_agg(''element '' || i) FROM generate_series(1, %s) i)', n)),
    CASE t WHEN 'text[]' THEN 'v || (''new '' || i)'
           WHEN 'jsonb' THEN 'v || jsonb_build_object(''new '' || i, true)'
           WHEN 'hstore' THEN 'v || hstore(''new '' || i, ''t'')'
           ELSE 'v + (''new '' || i)' END,
    CASE t WHEN 'text[]' THEN format('v @> ARRAY[''element '' || (i %% %s + 1)]', n)
           ELSE format('v ? (''element '' || (i %% %s + 1))', n) END,
    CASE WHEN t ~ 'set$' THEN 'merge(v, w)' END
FROM unnest(ARRAY[1, 100, 10000]) n, unnest(ARRAY['text[]', 'jsonb', 'hstore', 'gset', 'twopset', 'orset', 'rwset']) t
WHERE t <> 'hstore' OR EXISTS (SELECT FROM pg_extension WHERE extname = 'hstore');

-- Texts: a character more in the middle, and all of the text.  A document that
-- was typed has a write for each of its characters.
INSERT INTO bench_case
SELECT 'text', t, n,
    CASE t WHEN 'text' THEN format('(SELECT left(string_agg(md5(i::text), '' ''), %s) FROM generate_series(0, %1$s / 33) i)', n)
           WHEN 'document' THEN format('document((SELECT left(string_agg(md5(i::text), '' ''), %s) FROM generate_series(0, %1$s / 33) i))', n)
           ELSE format($$(SELECT document_in(format('document "%%s" {london@1000 start "x"%%s}', repeat('x', %1$s),
                (SELECT string_agg(format(', london@%%s after london@%%s:0 "x"', 1000 + i * 200000, 1000 + (i - 1) * 200000), '' ORDER BY i)
                 FROM generate_series(1, %1$s::bigint - 1) i))::cstring))$$, n) END,
    CASE t WHEN 'text' THEN format('overlay(v placing ''x'' from %s for 0)', n / 2 + 1)
           ELSE format('insert(v, %s, ''x'')', n / 2 + 1) END,
    'length(v::text)', CASE WHEN t <> 'text' THEN 'merge(v, w)' END
FROM unnest(ARRAY[1, 100, 10000, 100000]) n, unnest(ARRAY['text', 'document', 'document, typed']) t;

-- Maps of numbers and carts: one key changed, and one read.
INSERT INTO bench_case
SELECT 'map', t, n,
    CASE t WHEN 'hstore' THEN format('(SELECT hstore(array_agg(''key '' || i), array_agg(i::text)) FROM generate_series(1, %s) i)', n)
           ELSE format('(SELECT jsonb_object_agg(''key '' || i, i) FROM generate_series(1, %s) i)::%s', n, t) END,
    CASE t WHEN 'jsonb' THEN format('jsonb_set(v, ARRAY[''key '' || (i %% %s + 1)], to_jsonb(i))', n)
           WHEN 'hstore' THEN format('v || hstore(''key '' || (i %% %s + 1), i::text)', n)
           ELSE format('set_path(v, ARRAY[''key '' || (i %% %s + 1)], to_jsonb(i))', n) END,
    format('v -> (''key '' || (i %% %s + 1))', n),
    CASE WHEN t = 'ormap' THEN 'merge(v, w)' END
FROM unnest(ARRAY[1, 100, 10000]) n, unnest(ARRAY['jsonb', 'hstore', 'ormap']) t
WHERE t <> 'hstore' OR EXISTS (SELECT FROM pg_extension WHERE extname = 'hstore');
INSERT INTO bench_case
SELECT 'cart', t, n, format('(SELECT jsonb_object_agg(''article '' || i, 5) FROM generate_series(1, %s) i)::%s', n, t),
    CASE t WHEN 'jsonb' THEN format('jsonb_set(v, ARRAY[''article '' || (i %% %1$s + 1)], to_jsonb((v ->> (''article '' || (i %% %1$s + 1)))::bigint + 1))', n)
           ELSE format('add(v, ''article '' || (i %% %s + 1), 1)', n) END,
    CASE t WHEN 'jsonb' THEN format('(v ->> (''article '' || (i %% %s + 1)))::bigint', n)
           ELSE format('quantity(v, ''article '' || (i %% %s + 1))', n) END,
    CASE WHEN t = 'cart' THEN 'merge(v, w)' END
FROM unnest(ARRAY[1, 100, 10000]) n, unnest(ARRAY['jsonb', 'cart']) t;

SELECT bench_run(c) FROM bench_case c \g /dev/null

-- A Markdown table, in the order of the cases.
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' | '
\echo '| job | type | elements | bytes | stored | delta of an update | updates/s | reads/s | merges/s |'
\echo '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |'
SELECT '| ' || concat_ws(' | ', job, type, elements, bytes, stored, coalesce(delta::text, '-'), f.u, f.r, f.m) || ' |'
FROM bench_result, LATERAL (
    SELECT max(s) FILTER (WHERE c = 1), max(s) FILTER (WHERE c = 2), max(s) FILTER (WHERE c = 3)
    FROM (VALUES (1, updates), (2, reads), (3, merges)) v(c, n),
         LATERAL (SELECT CASE WHEN n IS NULL THEN '-' WHEN n >= 1e6 THEN round(n / 1e6, 1) || ' M'
                              WHEN n >= 1e4 THEN round(n / 1e3) || ' k' ELSE round(n)::text END) t(s)) f(u, r, m)
ORDER BY no;
