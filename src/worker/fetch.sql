CREATE FUNCTION converge.fetch(request bytea) RETURNS bytea
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fetch';
COMMENT ON FUNCTION converge.fetch(bytea) IS
    'peer protocol: the whole state of one row';
REVOKE ALL ON FUNCTION converge.fetch(bytea) FROM PUBLIC;
