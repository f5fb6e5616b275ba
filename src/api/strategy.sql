-- Strategies: how concurrent writes to a column are merged.

CREATE FUNCTION converge.set_strategy("table" regclass, strategy text) RETURNS void
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'set_table_strategy';
COMMENT ON FUNCTION converge.set_strategy(regclass, text) IS
    'set the strategy of every column of a table that can have one: siblings, lww or, of a table replicated by row, function:schema.name with name(mine t, theirs t, info jsonb) returns t';

CREATE FUNCTION converge.reset("table" regclass, column_name name, key jsonb DEFAULT '{}') RETURNS bigint
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'reset_counter';
COMMENT ON FUNCTION converge.reset(regclass, name, jsonb) IS
    'set a counter column to zero, exactly: what this node has seen is taken back, and nothing else; key: only rows that contain it';

-- for literals: reset('t', 'c') would not know whether 't' is a table or a value
CREATE FUNCTION converge.reset("table" text, column_name name, key jsonb DEFAULT '{}') RETURNS bigint
    LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
    AS 'SELECT converge.reset($1::pg_catalog.regclass, $2, $3)';
COMMENT ON FUNCTION converge.reset(text, name, jsonb) IS
    'set a counter column to zero, exactly; the table by name';

CREATE FUNCTION converge.siblings("table" anyelement, key jsonb,
    OUT sibling anyelement, OUT writer text, OUT written_at timestamptz) RETURNS SETOF record
    LANGUAGE C STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'siblings';
COMMENT ON FUNCTION converge.siblings(anyelement, jsonb) IS
    'all concurrent versions of a row, as siblings(NULL::my_table, ''{"id": 1}''); one if there is no conflict';

CREATE FUNCTION converge.resolve("row" anyelement) RETURNS void
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'resolve';
COMMENT ON FUNCTION converge.resolve(anyelement) IS
    'end the conflict of a row, on every node: it becomes this one';

CREATE FUNCTION converge.explain_conflict("table" regclass, key jsonb) RETURNS SETOF text
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'explain_conflict';
COMMENT ON FUNCTION converge.explain_conflict(regclass, jsonb) IS
    'what was written where and when to a row, what won and why, in words';

CREATE FUNCTION converge.check_merge(function text, samples text, OUT law text, OUT example text) RETURNS SETOF record
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'check_merge';
COMMENT ON FUNCTION converge.check_merge(text, text) IS
    'counter-examples to a merge function being commutative, associative and idempotent, among the values of a query''s only column';

CREATE VIEW converge.strategies AS
    SELECT s.relid::regclass AS "table", s.attname AS column_name,
        regexp_replace(s.strategy, '^row_', '') AS strategy, s.replica AS set_by,
        timestamptz '2000-01-01 00:00:00+00' + s.stamp * interval '1 microsecond' AS set_at
    FROM converge.column_strategies s;
COMMENT ON VIEW converge.strategies IS 'strategies of columns, as set by set_strategy() on any node';
COMMENT ON COLUMN converge.strategies."table" IS 'the table';
COMMENT ON COLUMN converge.strategies.column_name IS 'the column';
COMMENT ON COLUMN converge.strategies.strategy IS 'its strategy';
COMMENT ON COLUMN converge.strategies.set_by IS 'replica id of the node where it was set';
COMMENT ON COLUMN converge.strategies.set_at IS 'when it was set';
GRANT SELECT ON converge.strategies TO PUBLIC;
