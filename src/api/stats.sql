-- What a DBA looks at.

CREATE FUNCTION converge.stat_get_peers(
    OUT name text, OUT state text, OUT replica_id text, OUT pid int4,
    OUT connected_since timestamptz, OUT last_contact timestamptz,
    OUT entries int8, OUT rows int8, OUT bytes int8, OUT transactions int8,
    OUT conflicts int8, OUT fetches int8, OUT retries int8,
    OUT apply_rate float8, OUT lag_entries int8, OUT lag_seconds float8,
    OUT last_error text, OUT last_error_at timestamptz)
    RETURNS SETOF record
    LANGUAGE C VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'stat_get_peers';
COMMENT ON FUNCTION converge.stat_get_peers() IS
    'statistics of the links to peers; see the view converge.stat_peers';

CREATE VIEW converge.stat_peers AS
    SELECT p.*, pg_catalog.pg_blocking_pids(p.pid) AS blocked_by
    FROM converge.stat_get_peers() p;
COMMENT ON VIEW converge.stat_peers IS
    'one row per entry of converge.peers: state of the link, how far behind, last error';
COMMENT ON COLUMN converge.stat_peers.state IS
    'off, connecting, streaming, paused or failed';
COMMENT ON COLUMN converge.stat_peers.apply_rate IS
    'rows applied per second, average of the last seconds';
COMMENT ON COLUMN converge.stat_peers.lag_entries IS
    'transactions of the peer that are not applied here yet, as last heard; seqs of aborted ones count';
COMMENT ON COLUMN converge.stat_peers.lag_seconds IS
    'up to how long ago everything the peer wrote is applied here';
COMMENT ON COLUMN converge.stat_peers.last_error IS
    'latest error of the link, also when it has gone since; for members of pg_read_all_stats';
COMMENT ON COLUMN converge.stat_peers.blocked_by IS
    'sessions that hold a lock the receiver waits for';

CREATE FUNCTION converge.stat_get_members(
    OUT node_name text, OUT replica_id text, OUT forgotten bool,
    OUT reported_at timestamptz, OUT last_pull timestamptz,
    OUT kept_entries int8, OUT oldest timestamptz)
    RETURNS SETOF record
    LANGUAGE C VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'stat_get_members';
COMMENT ON FUNCTION converge.stat_get_members() IS
    'what the log keeps for whom; see the view converge.hints';

CREATE VIEW converge.hints AS
    SELECT * FROM converge.stat_get_members();
COMMENT ON VIEW converge.hints IS
    'one row per other node heard of: how many entries of this node it still has to take, and since when';
COMMENT ON COLUMN converge.hints.kept_entries IS
    'own transactions that the node has not acknowledged, as last heard';
COMMENT ON COLUMN converge.hints.oldest IS
    'own writes up to this time are known to have reached the node';

CREATE VIEW converge.stat_node AS
    SELECT n.replica_id, n.node_name,
           (SELECT pg_catalog.sum(pg_catalog.pg_total_relation_size(i.inhrelid))::int8
              FROM pg_catalog.pg_inherits i
             WHERE i.inhparent OPERATOR(pg_catalog.=) 'converge.log'::pg_catalog.regclass) AS log_bytes,
           n.log_segment,
           pg_catalog.pg_total_relation_size('converge.tombstones') AS tombstone_bytes,
           (SELECT pg_catalog.count(*) FROM converge.quarantine) AS quarantined,
           (SELECT pg_catalog.count(*) FROM converge.conflict_log) AS conflicts_logged,
           n.stable
    FROM converge.node n;
COMMENT ON VIEW converge.stat_node IS
    'sizes of what this node keeps: change log, tombstones, rows set aside, conflicts';
