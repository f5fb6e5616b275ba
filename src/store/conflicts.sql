/*
 * What conflicts apply has resolved, for the owner of the table.
 */

CREATE VIEW converge.conflicts WITH (security_barrier) AS
	SELECT l.id, l.at,
		   CASE WHEN c.oid IS NOT NULL THEN c.oid::pg_catalog.regclass::pg_catalog.text
				ELSE pg_catalog.format('%I.%I', l.schema_name, l.table_name) END AS "table",
		   l.conflict_type, l.decision, l.key, l.local_row, l.remote_row,
		   l.local_clock, l.remote_clock, l.origin
	FROM converge.conflict_log AS l
		 LEFT JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) l.relid
	WHERE (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r
		   WHERE r.rolname OPERATOR(pg_catalog.=) CURRENT_USER)
	   OR pg_catalog.pg_has_role(c.relowner, 'USAGE');
COMMENT ON VIEW converge.conflicts IS 'conflicts resolved on tables that you own';
COMMENT ON COLUMN converge.conflicts.at IS 'when it was resolved here';
COMMENT ON COLUMN converge.conflicts."table" IS 'the table';
COMMENT ON COLUMN converge.conflicts.conflict_type IS 'insert_exists, update_origin_differs, update_exists, update_missing, update_deleted, delete_origin_differs, delete_missing or multiple_unique_conflicts';
COMMENT ON COLUMN converge.conflicts.decision IS 'apply_remote, keep_local, merge (some columns of each) or set_aside (see converge.quarantine)';
COMMENT ON COLUMN converge.conflicts.key IS 'key of the row';
COMMENT ON COLUMN converge.conflicts.local_row IS 'the row as it was here, NULL if it was absent';
COMMENT ON COLUMN converge.conflicts.remote_row IS 'what the change wrote, NULL for a delete';
COMMENT ON COLUMN converge.conflicts.local_clock IS 'clock of the row here';
COMMENT ON COLUMN converge.conflicts.remote_clock IS 'clock of the row after the change at its origin';
COMMENT ON COLUMN converge.conflicts.origin IS 'replica id of the node whose change it was';
GRANT SELECT ON converge.conflicts TO PUBLIC;
