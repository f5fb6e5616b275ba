--
-- Strategies of columns: set_strategy() and its errors, what counts and resets
-- do on one node, siblings() of a row without conflict, check_merge().
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_converge;
SELECT format('ALTER DATABASE %I SET converge.node_name = %L', current_database(), 'london') \gexec
\c -
SET client_min_messages = warning;

CREATE FUNCTION failure(statement text, OUT code text, OUT message text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	code := 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;

CREATE TABLE st (id int PRIMARY KEY, n int, big bigint NOT NULL DEFAULT 0, t text, u int[], p point, c converge.pncounter,
	lo int, hi int, CHECK (lo <= hi));
SELECT converge.replicate('st');
CREATE TABLE plain (id int PRIMARY KEY, n int);
CREATE FUNCTION volatile_fn(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION first_of(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION greatest_of(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT greatest($1, $2)';
CREATE FUNCTION mean_of(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT ($1 + $2) / 2';

--
-- What cannot be
--
SELECT * FROM failure($$SELECT converge.set_strategy('st', 'n', 'newest')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('st', 't', 'counter')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('st', 'n', 'union')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('st', 'p', 'max')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('st', 'c', 'max')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('st', 'lo', 'min')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('st', 'n', 'function:nobody')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('st', 'n', 'function:volatile_fn')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('st', 'nothing', 'lww')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('plain', 'n', 'lww')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('st', 'max')$$);
SELECT * FROM failure($$SELECT converge.reset('st', 'n')$$);
SELECT * FROM failure($$SELECT converge.reset('plain', 'n')$$);
SELECT * FROM failure($$SELECT converge.resolve(1)$$);
SELECT * FROM failure($$SELECT converge.resolve(p) FROM (SELECT (1, 2)::plain AS p) q$$);
SELECT * FROM failure($$SELECT * FROM converge.siblings(1, '{}')$$);
SELECT * FROM failure($$SELECT * FROM converge.siblings(NULL::plain, '{}')$$);
SELECT * FROM failure($$SELECT * FROM converge.siblings(NULL::st, NULL)$$);
SELECT * FROM failure($$SELECT converge.explain_conflict('plain', '{}')$$);

--
-- What can
--
INSERT INTO st (id, n, t) VALUES (1, 7, 'before');
SELECT converge.set_strategy('st', 'n', 'counter');
SELECT converge.set_strategy('st', 'big', 'counter');
SELECT converge.set_strategy('st', 't', 'siblings');
SELECT converge.set_strategy('st', 'u', 'union');
SELECT converge.set_strategy('st', 'lo', 'siblings');
SELECT "table", column_name, strategy, set_by FROM converge.strategies ORDER BY column_name;
INSERT INTO st (id, n) VALUES (2, NULL);
UPDATE st SET n = n + 1, big = big + 9000000000000000000;
SELECT id, n, big FROM st ORDER BY id;
SELECT * FROM failure('UPDATE st SET big = big + 9000000000000000000');
UPDATE st SET big = -5;
UPDATE st SET n = NULL WHERE id = 1;
SELECT id, n, big FROM st ORDER BY id;
UPDATE st SET n = 40 WHERE id = 1;
SELECT converge.reset('st', 'n', '{"id": 1}'), converge.reset('st', 'big');
SELECT id, n, big FROM st ORDER BY id;
UPDATE st SET n = n + 2, big = big + 1;
DELETE FROM st WHERE id = 1;
INSERT INTO st (id, n) VALUES (1, 3);
SELECT id, n, big FROM st ORDER BY id;

SELECT (sibling).id, (sibling).n, writer, written_at > now() - interval '1 hour' AS recent
FROM converge.siblings(NULL::st, '{"id": 2}');
SELECT count(*) FROM converge.siblings(NULL::st, '{"id": 99}');
SELECT converge.resolve(st) FROM st WHERE id = 2;
SELECT regexp_replace(line, '\d{4}-\d\d-\d\d [0-9:.+-]+', '...', 'g') AS line FROM converge.explain_conflict('st', '{"id": 2}') line;
SELECT * FROM converge.explain_conflict('st', '{"id": 99}');

-- Back to lww: what was counted stays, and an assignment is one again
SELECT converge.set_strategy('st', 'n', 'lww');
UPDATE st SET n = n + 1 WHERE id = 1;
SELECT n FROM st WHERE id = 1;
SELECT converge.set_strategy('st', 'lww');
SELECT DISTINCT strategy FROM converge.strategies;

--
-- A function over whole rows
--
CREATE TABLE rt (id int PRIMARY KEY, n int, t text);
SELECT converge.replicate('rt', granularity => 'row');
CREATE FUNCTION row_fn(rt, rt, jsonb) RETURNS rt IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION row_volatile(rt, rt, jsonb) RETURNS rt LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION row_other(rt, rt, jsonb) RETURNS st IMMUTABLE LANGUAGE sql AS 'SELECT NULL::st';
CREATE FUNCTION st_fn(st, st, jsonb) RETURNS st IMMUTABLE LANGUAGE sql AS 'SELECT $1';
SELECT * FROM failure($$SELECT converge.set_strategy('rt', 'function:nobody')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('rt', 'function:row_volatile')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('rt', 'function:row_other')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('rt', 'function:first_of')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('rt', 'n', 'function:row_fn')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('rt', 'n', 'row_function:row_fn')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('st', 'function:st_fn')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('st', 'n', 'function:st_fn')$$);
SELECT * FROM failure($$SELECT converge.set_strategy('st', 'n', 'row_function:st_fn')$$);
SELECT converge.set_strategy('rt', 'function:row_fn');
SELECT column_name, strategy, count(*) OVER (PARTITION BY set_at) AS at_once FROM converge.strategies
WHERE "table" = 'rt'::regclass ORDER BY column_name;
INSERT INTO rt VALUES (1, 1, 'a');
UPDATE rt SET n = 2;
SELECT id, n, t FROM rt;
SELECT count(*) FROM converge.siblings(NULL::rt, '{"id": 1}');
SELECT converge.set_strategy('rt', 'lww');
SELECT DISTINCT strategy FROM converge.strategies WHERE "table" = 'rt'::regclass;
SELECT converge.unreplicate('rt');
DROP TABLE rt CASCADE;
DROP FUNCTION st_fn;

--
-- check_merge()
--
SELECT * FROM converge.check_merge('greatest_of', 'SELECT generate_series(1, 5)');
SELECT law, count(*) FROM converge.check_merge('first_of', 'SELECT generate_series(1, 5)') GROUP BY law;
SELECT law, example FROM converge.check_merge('mean_of', 'VALUES (0), (4), (8)') ORDER BY law, example;
SELECT * FROM converge.check_merge('greatest_of', 'SELECT 1 -- one value');
SELECT * FROM failure($$SELECT * FROM converge.check_merge('greatest_of', 'SELECT 1) AS d(v)) AS q) SELECT NULL; --')$$);
SELECT * FROM failure($$SELECT * FROM converge.check_merge('greatest_of', 'SELECT 1; SELECT 2')$$);
SELECT * FROM failure($$SELECT * FROM converge.check_merge('greatest_of', 'SHOW work_mem')$$);
-- of whole rows: what is generated, or merges by its type, is not there, and keys are the same
CREATE TABLE offer (id int PRIMARY KEY, price int, half int GENERATED ALWAYS AS (price / 2) STORED, c converge.pncounter);
SELECT converge.replicate('offer', granularity => 'row');
INSERT INTO offer (id, price) VALUES (1, 10), (2, 20), (3, 30), (4, 10);
CREATE FUNCTION dearest(mine offer, theirs offer, info jsonb) RETURNS offer IMMUTABLE LANGUAGE sql
	AS 'SELECT CASE WHEN mine.price >= theirs.price THEN mine ELSE theirs END';
CREATE FUNCTION latest(mine offer, theirs offer, info jsonb) RETURNS offer IMMUTABLE LANGUAGE sql
	AS $$ SELECT CASE WHEN info #>> '{mine,written_at}' > info #>> '{theirs,written_at}' THEN mine ELSE theirs END $$;
CREATE FUNCTION added(mine offer, theirs offer, info jsonb) RETURNS offer IMMUTABLE LANGUAGE plpgsql
	AS $$ BEGIN mine.price := mine.price + theirs.price + coalesce(theirs.half, 0); RETURN mine; END $$;
CREATE FUNCTION rekeyed(mine offer, theirs offer, info jsonb) RETURNS offer IMMUTABLE LANGUAGE plpgsql
	AS $$ BEGIN mine.id := greatest(mine.id, theirs.id) + 1; mine.price := greatest(mine.price, theirs.price); RETURN mine; END $$;
CREATE FUNCTION nothing(mine offer, theirs offer, info jsonb) RETURNS offer IMMUTABLE LANGUAGE sql
	AS 'SELECT NULL::offer';
SELECT * FROM converge.check_merge('dearest', 'SELECT offer FROM offer');
SELECT * FROM converge.check_merge('latest', 'SELECT offer FROM offer');
SELECT * FROM converge.check_merge('added', 'SELECT offer FROM offer ORDER BY id LIMIT 1');
SELECT law, count(*) FROM converge.check_merge('rekeyed', 'SELECT offer FROM offer') GROUP BY law;
SELECT law, count(*) FROM converge.check_merge('nothing', 'SELECT offer FROM offer') GROUP BY law;
SELECT * FROM converge.check_merge('dearest', 'SELECT NULL::offer WHERE false');
DROP TABLE offer CASCADE;

--
-- Renamed and dropped columns
--
CREATE TABLE moved (id int PRIMARY KEY, x int, y int, gone int);
SELECT converge.replicate('moved');
SELECT converge.set_strategy('moved', 'x', 'counter'), converge.set_strategy('moved', 'y', 'max'),
	converge.set_strategy('moved', 'gone', 'min');
INSERT INTO moved VALUES (1, 10, 10, 10);
BEGIN;
ALTER TABLE moved RENAME x TO z;
ALTER TABLE moved RENAME y TO x;
ALTER TABLE moved RENAME z TO y;
ALTER TABLE moved DROP COLUMN gone;
ALTER TABLE moved ADD COLUMN gone int;
COMMIT;
SELECT column_name, strategy FROM converge.strategies WHERE "table" = 'moved'::regclass ORDER BY 1;
UPDATE moved SET x = 9, y = y + 1, gone = 3;
SELECT id, x, y, gone FROM moved;
BEGIN;
ALTER TABLE moved RENAME x TO other;
ROLLBACK;
SELECT column_name, strategy FROM converge.strategies WHERE "table" = 'moved'::regclass ORDER BY 1;
DROP TABLE moved;
-- a partitioned table whose columns have other numbers in its partition; whole rows
CREATE TABLE parts (junk int, id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
ALTER TABLE parts DROP COLUMN junk;
CREATE TABLE parts_1 PARTITION OF parts DEFAULT;
SELECT converge.replicate('parts', granularity => 'row');
SELECT converge.set_strategy('parts', 'n', 'siblings');
ALTER TABLE parts RENAME n TO m;
SELECT "table", column_name, strategy FROM converge.strategies WHERE "table" = 'parts'::regclass;
DROP TABLE parts;

-- Without a key, rows are told apart by what is in _converge alone
CREATE TABLE heap (v text);
SELECT converge.replicate('heap');
SELECT converge.set_strategy('heap', 'v', 'siblings');
INSERT INTO heap VALUES ('a'), ('b');
SELECT (sibling).v, writer FROM converge.siblings(NULL::heap, '{"v": "a"}');
SELECT converge.resolve(heap) FROM heap WHERE v = 'a';
SELECT converge.resolve(ROW('c', NULL)::heap);
SELECT v FROM heap ORDER BY v;
DROP TABLE heap;

-- The owner has to be allowed to execute the function
CREATE ROLE regress_merger;
CREATE TABLE theirs (id int PRIMARY KEY, n int);
ALTER TABLE theirs OWNER TO regress_merger;
SELECT converge.replicate('theirs');
REVOKE EXECUTE ON FUNCTION greatest_of FROM PUBLIC;
SELECT * FROM failure($$SELECT converge.set_strategy('theirs', 'n', 'function:greatest_of')$$);
GRANT EXECUTE ON FUNCTION greatest_of TO regress_merger;
SELECT * FROM failure($$SELECT converge.set_strategy('theirs', 'n', 'function:greatest_of')$$);
DROP TABLE theirs;
REVOKE EXECUTE ON FUNCTION greatest_of FROM regress_merger;
DROP ROLE regress_merger;

--
-- Strategies outlive unreplicate(), not the table
--
SELECT converge.set_strategy('st', 'n', 'counter');
SELECT converge.unreplicate('st');
SELECT count(*) FROM converge.column_strategies WHERE strategy = 'counter';
SET client_min_messages = notice;
SELECT converge.replicate('st');
SET client_min_messages = warning;
UPDATE st SET n = 10;
SELECT * FROM failure('ALTER TABLE st ALTER n TYPE text');
SELECT * FROM failure('ALTER TABLE st ALTER n TYPE numeric');
SELECT * FROM failure('ALTER TABLE st ADD CHECK (n < hi)');
ALTER TABLE st ALTER n TYPE bigint;
UPDATE st SET n = n + 5000000000;
SELECT id, n FROM st ORDER BY id;
SELECT converge.unreplicate('st');
ALTER TABLE st ALTER n TYPE text;
SET client_min_messages = notice;
SELECT converge.replicate('st');
SET client_min_messages = warning;
DROP TABLE st, plain;
SELECT count(*) FROM converge.column_strategies;
DROP FUNCTION volatile_fn, first_of, greatest_of, mean_of, failure;
