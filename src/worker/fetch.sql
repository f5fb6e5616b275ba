/*
 * What a peer's receiver asks when an entry does not carry all that it needs
 * of a row.  Granted to peers with the other functions of the protocol.
 */

CREATE FUNCTION converge.fetch(request bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'converge_fetch' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.fetch(bytea) IS
	'for peers: the whole state of one row';
REVOKE ALL ON FUNCTION converge.fetch(bytea) FROM PUBLIC;
