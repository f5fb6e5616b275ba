CREATE FUNCTION converge.digest("table" regclass) RETURNS text
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'digest';
COMMENT ON FUNCTION converge.digest(regclass) IS
    'fingerprint of a replicated table: row count and hash of all keys, clocks and values; equal text on converged nodes';
