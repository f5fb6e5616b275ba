-- What peers call.  Nobody may but roles named by grant_peer().

CREATE FUNCTION converge.hello(request bytea) RETURNS bytea
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'hello';
COMMENT ON FUNCTION converge.hello(bytea) IS
    'peer protocol: who is speaking';

CREATE FUNCTION converge.pull(request bytea) RETURNS SETOF bytea
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'pull';
COMMENT ON FUNCTION converge.pull(bytea) IS
    'peer protocol: acknowledge, and get entries of the change log';

REVOKE ALL ON FUNCTION converge.hello(bytea), converge.pull(bytea) FROM PUBLIC;

CREATE FUNCTION converge.grant_peer(role name) RETURNS void
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'grant_peer';
COMMENT ON FUNCTION converge.grant_peer(name) IS
    'let a role connect as a peer: it can then read all changes of replicated tables, and no more';

CREATE FUNCTION converge.revoke_peer(role name) RETURNS void
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'revoke_peer';
COMMENT ON FUNCTION converge.revoke_peer(name) IS
    'undo grant_peer()';

REVOKE ALL ON FUNCTION converge.grant_peer(name), converge.revoke_peer(name) FROM PUBLIC;
