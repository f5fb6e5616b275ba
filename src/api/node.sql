-- The node and its links.

CREATE FUNCTION converge.node_info(
    OUT node_name text, OUT replica_id text, OUT last_seq int8,
    OUT progress converge.vclock, OUT horizon converge.vclock,
    OUT stable converge.vclock, OUT clock timestamptz, OUT version text)
    RETURNS record
    LANGUAGE C VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'node_info';
COMMENT ON FUNCTION converge.node_info() IS
    'this node: its replica id, last own transaction, what it has of each origin, how fresh, what is stable';

CREATE FUNCTION converge.wait_for_sync("timeout" interval DEFAULT '10s')
    RETURNS boolean
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'wait_for_sync';
COMMENT ON FUNCTION converge.wait_for_sync(interval) IS
    'wait until every reachable peer has all that is committed here, and this node all that was committed there; false if no peer is reachable';

CREATE FUNCTION converge.peer_pause(name text) RETURNS void
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'peer_pause';
COMMENT ON FUNCTION converge.peer_pause(text) IS
    'stop taking changes from a peer, across restarts, until peer_resume()';

CREATE FUNCTION converge.peer_resume(name text) RETURNS void
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'peer_resume';
COMMENT ON FUNCTION converge.peer_resume(text) IS
    'go on taking changes from a peer where peer_pause() stopped';

CREATE FUNCTION converge.forget_peer(name text) RETURNS void
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'forget_peer';
COMMENT ON FUNCTION converge.forget_peer(text) IS
    'a node has left for good: keep nothing for it any more; spreads to all nodes';

REVOKE ALL ON FUNCTION converge.peer_pause(text), converge.peer_resume(text),
    converge.forget_peer(text) FROM PUBLIC;
