-- Replicated tables: administration.

CREATE FUNCTION converge.replicate("table" regclass, key name DEFAULT NULL,
    granularity text DEFAULT 'column', on_delete text DEFAULT 'lww') RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicate';
COMMENT ON FUNCTION converge.replicate(regclass, name, text, text) IS
    'replicate a table; key: name of the unique index that identifies rows, if not the primary key';

CREATE FUNCTION converge.replicate_schema(schema name) RETURNS SETOF regclass
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'replicate_schema';
COMMENT ON FUNCTION converge.replicate_schema(name) IS
    'replicate every permanent table of a schema that is not replicated yet';

CREATE FUNCTION converge.unreplicate("table" regclass) RETURNS void
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'unreplicate';
COMMENT ON FUNCTION converge.unreplicate(regclass) IS
    'stop replicating a table on this node; its rows and strategies stay';

CREATE FUNCTION converge.set_strategy("table" regclass, column_name name, strategy text) RETURNS void
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'set_strategy';
COMMENT ON FUNCTION converge.set_strategy(regclass, name, text) IS
    'how concurrent writes to a column are merged';

CREATE FUNCTION converge.initial_state() RETURNS converge.row_state
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'initial_state';
COMMENT ON FUNCTION converge.initial_state() IS
    'internal: state of a row that replicate() finds in a table';

CREATE VIEW converge.tables AS
    SELECT r.relid::regclass AS "table",
        CASE WHEN i.keyless THEN NULL ELSE r.key_index::regclass END AS key,
        i.keyless,
        CASE r.granularity WHEN 0 THEN 'column' ELSE 'row' END AS granularity,
        CASE r.on_delete WHEN 0 THEN 'lww' WHEN 1 THEN 'delete_wins' ELSE 'update_wins' END AS on_delete,
        (SELECT array_agg(g.columns ORDER BY g.columns)
            FROM (SELECT string_agg(quote_ident(c.attname), ', ' ORDER BY c.attname) AS columns
                FROM converge.replicated_columns c
                WHERE c.relid = r.relid GROUP BY c.unit) g) AS column_groups,
        (SELECT count(*) = 3 FROM pg_trigger t
            WHERE t.tgrelid = r.relid AND t.tgenabled IN ('O', 'A')
            AND t.tgname IN ('~~converge_stamp', '!converge_capture', '~~converge_truncate')) AS capturing,
        r.since,
        (SELECT count(*) FROM converge.quarantine q WHERE q.relid = r.relid) AS rows_set_aside
    FROM converge.replicated r
    LEFT JOIN LATERAL (SELECT x.indkey[0] = 0 AS keyless
        FROM pg_index x WHERE x.indexrelid = r.key_index) i ON true;
COMMENT ON VIEW converge.tables IS 'replicated tables of this node';
COMMENT ON COLUMN converge.tables."table" IS 'the table';
COMMENT ON COLUMN converge.tables.key IS 'unique index that identifies rows, NULL if keyless';
COMMENT ON COLUMN converge.tables.keyless IS 'rows are identified by their first write';
COMMENT ON COLUMN converge.tables.granularity IS 'what the latest write wins: each column, or the whole row';
COMMENT ON COLUMN converge.tables.on_delete IS 'what a delete does to concurrent updates';
COMMENT ON COLUMN converge.tables.column_groups IS 'columns that move together because a constraint ties them';
COMMENT ON COLUMN converge.tables.capturing IS 'false when triggers are disabled: local changes do not spread';
COMMENT ON COLUMN converge.tables.since IS 'when replicate() was called here';
COMMENT ON COLUMN converge.tables.rows_set_aside IS 'rows that violate a constraint here, see converge.quarantine';
