/*
 * Type converge.lwwreg: a register of jsonb; the last write wins.
 */

CREATE TYPE converge.lwwreg;

CREATE FUNCTION converge.lwwreg_in(cstring) RETURNS converge.lwwreg
	AS 'MODULE_PATHNAME', 'lwwreg_in' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.lwwreg_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.lwwreg_out(converge.lwwreg) RETURNS cstring
	AS 'MODULE_PATHNAME', 'lwwreg_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lwwreg_out(converge.lwwreg) IS
	'I/O';

CREATE FUNCTION converge.lwwreg_recv(internal) RETURNS converge.lwwreg
	AS 'MODULE_PATHNAME', 'lwwreg_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lwwreg_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.lwwreg_send(converge.lwwreg) RETURNS bytea
	AS 'MODULE_PATHNAME', 'lwwreg_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lwwreg_send(converge.lwwreg) IS
	'I/O';

CREATE TYPE converge.lwwreg (
	INPUT = converge.lwwreg_in,
	OUTPUT = converge.lwwreg_out,
	RECEIVE = converge.lwwreg_recv,
	SEND = converge.lwwreg_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.lwwreg IS
	'register of jsonb, the last write wins, as in london@770000000000001 {"a": 1}';

-- Constructor, merge, difference

CREATE FUNCTION converge.lwwreg() RETURNS converge.lwwreg
	AS 'MODULE_PATHNAME', 'lwwreg_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.lwwreg() IS
	'the empty lwwreg';

CREATE FUNCTION converge.merge(a converge.lwwreg, b converge.lwwreg) RETURNS converge.lwwreg
	AS 'MODULE_PATHNAME', 'lwwreg_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.lwwreg, converge.lwwreg) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.lwwreg, new converge.lwwreg) RETURNS converge.lwwreg
	AS 'MODULE_PATHNAME', 'lwwreg_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.lwwreg, converge.lwwreg) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.lwwreg) (
	SFUNC = converge.merge,
	STYPE = converge.lwwreg,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.lwwreg) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.lwwreg,
	RIGHTARG = converge.lwwreg,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.lwwreg, converge.lwwreg) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.lwwreg_le(converge.lwwreg, converge.lwwreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'lwwreg_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lwwreg_le(converge.lwwreg, converge.lwwreg) IS
	'implementation of operator <=';

CREATE FUNCTION converge.lwwreg_ge(converge.lwwreg, converge.lwwreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'lwwreg_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lwwreg_ge(converge.lwwreg, converge.lwwreg) IS
	'implementation of operator >=';

CREATE FUNCTION converge.lwwreg_eq(converge.lwwreg, converge.lwwreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'lwwreg_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lwwreg_eq(converge.lwwreg, converge.lwwreg) IS
	'implementation of operator =';

CREATE FUNCTION converge.lwwreg_ne(converge.lwwreg, converge.lwwreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'lwwreg_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lwwreg_ne(converge.lwwreg, converge.lwwreg) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.lwwreg_le,
	LEFTARG = converge.lwwreg,
	RIGHTARG = converge.lwwreg,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.lwwreg, converge.lwwreg) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.lwwreg_ge,
	LEFTARG = converge.lwwreg,
	RIGHTARG = converge.lwwreg,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.lwwreg, converge.lwwreg) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.lwwreg_eq,
	LEFTARG = converge.lwwreg,
	RIGHTARG = converge.lwwreg,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.lwwreg, converge.lwwreg) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.lwwreg_ne,
	LEFTARG = converge.lwwreg,
	RIGHTARG = converge.lwwreg,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.lwwreg, converge.lwwreg) IS
	'not equal';

CREATE FUNCTION converge.lwwreg_hash(converge.lwwreg) RETURNS integer
	AS 'MODULE_PATHNAME', 'lwwreg_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lwwreg_hash(converge.lwwreg) IS
	'hash';

CREATE FUNCTION converge.lwwreg_hash_extended(converge.lwwreg, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'lwwreg_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.lwwreg_hash_extended(converge.lwwreg, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.lwwreg_ops DEFAULT FOR TYPE converge.lwwreg USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.lwwreg_hash(converge.lwwreg),
	FUNCTION 2 converge.lwwreg_hash_extended(converge.lwwreg, bigint);
COMMENT ON OPERATOR CLASS converge.lwwreg_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.lwwreg_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.lwwreg(jsonb) RETURNS converge.lwwreg
	AS 'MODULE_PATHNAME', 'lwwreg_from_jsonb' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.lwwreg(jsonb) IS
	'a new register, with this value written by this node';

CREATE FUNCTION converge.set(register converge.lwwreg, value jsonb) RETURNS converge.lwwreg
	AS 'MODULE_PATHNAME', 'lwwreg_set' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.set(converge.lwwreg, jsonb) IS
	'the register with this value written: it replaces what was seen here';

-- Reads

CREATE FUNCTION converge.value(register converge.lwwreg) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'lwwreg_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.lwwreg) IS
	'the value, NULL while none was written';

CREATE FUNCTION converge.values(register converge.lwwreg, OUT value jsonb, OUT replica text, OUT stamp bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'lwwreg_values' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION converge.values(converge.lwwreg) IS
	'all values, with who wrote them and when (microseconds since 2000-01-01)';

CREATE FUNCTION converge.is_conflicted(register converge.lwwreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'lwwreg_is_conflicted' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.is_conflicted(converge.lwwreg) IS
	'false: the last write wins';

CREATE CAST (converge.lwwreg AS jsonb)
	WITH FUNCTION converge.value(converge.lwwreg) AS ASSIGNMENT;
COMMENT ON CAST (converge.lwwreg AS jsonb) IS
	'the value, NULL while none was written';

CREATE CAST (jsonb AS converge.lwwreg)
	WITH FUNCTION converge.lwwreg(jsonb) AS ASSIGNMENT;
COMMENT ON CAST (jsonb AS converge.lwwreg) IS
	'a new register, with this value written by this node';
