/*
 * Type converge.mvreg: a register of jsonb that keeps concurrent values.
 */

CREATE TYPE converge.mvreg;

CREATE FUNCTION converge.mvreg_in(cstring) RETURNS converge.mvreg
	AS 'MODULE_PATHNAME', 'mvreg_in' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.mvreg_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.mvreg_out(converge.mvreg) RETURNS cstring
	AS 'MODULE_PATHNAME', 'mvreg_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.mvreg_out(converge.mvreg) IS
	'I/O';

CREATE FUNCTION converge.mvreg_recv(internal) RETURNS converge.mvreg
	AS 'MODULE_PATHNAME', 'mvreg_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.mvreg_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.mvreg_send(converge.mvreg) RETURNS bytea
	AS 'MODULE_PATHNAME', 'mvreg_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.mvreg_send(converge.mvreg) IS
	'I/O';

CREATE TYPE converge.mvreg (
	INPUT = converge.mvreg_in,
	OUTPUT = converge.mvreg_out,
	RECEIVE = converge.mvreg_recv,
	SEND = converge.mvreg_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.mvreg IS
	'register of jsonb that keeps concurrent values, as in [london@770000000000001 {"a": 1}]';

-- Constructor, merge, difference

CREATE FUNCTION converge.mvreg() RETURNS converge.mvreg
	AS 'MODULE_PATHNAME', 'mvreg_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.mvreg() IS
	'the empty mvreg';

CREATE FUNCTION converge.merge(a converge.mvreg, b converge.mvreg) RETURNS converge.mvreg
	AS 'MODULE_PATHNAME', 'mvreg_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.mvreg, converge.mvreg) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.mvreg, new converge.mvreg) RETURNS converge.mvreg
	AS 'MODULE_PATHNAME', 'mvreg_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.mvreg, converge.mvreg) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.mvreg) (
	SFUNC = converge.merge,
	STYPE = converge.mvreg,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.mvreg) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.mvreg,
	RIGHTARG = converge.mvreg,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.mvreg, converge.mvreg) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.mvreg_le(converge.mvreg, converge.mvreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'mvreg_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.mvreg_le(converge.mvreg, converge.mvreg) IS
	'implementation of operator <=';

CREATE FUNCTION converge.mvreg_ge(converge.mvreg, converge.mvreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'mvreg_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.mvreg_ge(converge.mvreg, converge.mvreg) IS
	'implementation of operator >=';

CREATE FUNCTION converge.mvreg_eq(converge.mvreg, converge.mvreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'mvreg_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.mvreg_eq(converge.mvreg, converge.mvreg) IS
	'implementation of operator =';

CREATE FUNCTION converge.mvreg_ne(converge.mvreg, converge.mvreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'mvreg_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.mvreg_ne(converge.mvreg, converge.mvreg) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.mvreg_le,
	LEFTARG = converge.mvreg,
	RIGHTARG = converge.mvreg,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.mvreg, converge.mvreg) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.mvreg_ge,
	LEFTARG = converge.mvreg,
	RIGHTARG = converge.mvreg,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.mvreg, converge.mvreg) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.mvreg_eq,
	LEFTARG = converge.mvreg,
	RIGHTARG = converge.mvreg,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.mvreg, converge.mvreg) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.mvreg_ne,
	LEFTARG = converge.mvreg,
	RIGHTARG = converge.mvreg,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.mvreg, converge.mvreg) IS
	'not equal';

CREATE FUNCTION converge.mvreg_hash(converge.mvreg) RETURNS integer
	AS 'MODULE_PATHNAME', 'mvreg_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.mvreg_hash(converge.mvreg) IS
	'hash';

CREATE FUNCTION converge.mvreg_hash_extended(converge.mvreg, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'mvreg_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.mvreg_hash_extended(converge.mvreg, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.mvreg_ops DEFAULT FOR TYPE converge.mvreg USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.mvreg_hash(converge.mvreg),
	FUNCTION 2 converge.mvreg_hash_extended(converge.mvreg, bigint);
COMMENT ON OPERATOR CLASS converge.mvreg_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.mvreg_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.mvreg(jsonb) RETURNS converge.mvreg
	AS 'MODULE_PATHNAME', 'mvreg_from_jsonb' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.mvreg(jsonb) IS
	'a new register, with this value written by this node';

CREATE FUNCTION converge.set(register converge.mvreg, value jsonb) RETURNS converge.mvreg
	AS 'MODULE_PATHNAME', 'mvreg_set' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.set(converge.mvreg, jsonb) IS
	'the register with this value written: it replaces what was seen here';

-- Reads

CREATE FUNCTION converge.value(register converge.mvreg) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'mvreg_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.mvreg) IS
	'the latest of the values, NULL while none was written';

CREATE FUNCTION converge.values(register converge.mvreg, OUT value jsonb, OUT replica text, OUT stamp bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'mvreg_values' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION converge.values(converge.mvreg) IS
	'all values, with who wrote them and when (microseconds since 2000-01-01)';

CREATE FUNCTION converge.is_conflicted(register converge.mvreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'mvreg_is_conflicted' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.is_conflicted(converge.mvreg) IS
	'is there more than one value?';

CREATE CAST (converge.mvreg AS jsonb)
	WITH FUNCTION converge.value(converge.mvreg) AS ASSIGNMENT;
COMMENT ON CAST (converge.mvreg AS jsonb) IS
	'the latest of the values, NULL while none was written';

CREATE CAST (jsonb AS converge.mvreg)
	WITH FUNCTION converge.mvreg(jsonb) AS ASSIGNMENT;
COMMENT ON CAST (jsonb AS converge.mvreg) IS
	'a new register, with this value written by this node';
