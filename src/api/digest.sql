/*
 * Comparing a table between nodes.
 */

CREATE FUNCTION converge.digest("table" regclass) RETURNS text
	AS 'MODULE_PATHNAME', 'converge_digest' LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION converge.digest(regclass) IS
	'equal on two nodes when the rows of a replicated table and their clocks are: 128-bit sum, and number of rows';
