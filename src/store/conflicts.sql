-- What conflicts were found and how they were decided.

CREATE VIEW converge.conflicts AS
    SELECT c.id, c.at,
           pg_catalog.format('%I.%I', c.schema_name, c.table_name) AS "table",
           c.conflict_type, c.decision, c.key, c.local_row, c.remote_row,
           c.local_clock, c.remote_clock, c.origin
    FROM converge.conflict_log c
    LEFT JOIN pg_catalog.pg_class r ON r.oid OPERATOR(pg_catalog.=) c.relid
    WHERE pg_catalog.pg_has_role(r.relowner, 'USAGE')
       OR (SELECT u.rolsuper FROM pg_catalog.pg_roles u
            WHERE u.rolname OPERATOR(pg_catalog.=) CURRENT_USER);
COMMENT ON VIEW converge.conflicts IS
    'concurrent changes that met here, in tables that you own: both rows, their clocks, and the decision';
COMMENT ON COLUMN converge.conflicts.decision IS
    'apply_remote, keep_local, merge (some columns of each) or set_aside (row is in converge.quarantine)';
