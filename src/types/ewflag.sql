/*
 * Type converge.ewflag: a flag; enable wins over a concurrent disable.
 */

CREATE TYPE converge.ewflag;

CREATE FUNCTION converge.ewflag_in(cstring) RETURNS converge.ewflag
	AS 'MODULE_PATHNAME', 'ewflag_in' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.ewflag_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.ewflag_out(converge.ewflag) RETURNS cstring
	AS 'MODULE_PATHNAME', 'ewflag_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ewflag_out(converge.ewflag) IS
	'I/O';

CREATE FUNCTION converge.ewflag_recv(internal) RETURNS converge.ewflag
	AS 'MODULE_PATHNAME', 'ewflag_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ewflag_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.ewflag_send(converge.ewflag) RETURNS bytea
	AS 'MODULE_PATHNAME', 'ewflag_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ewflag_send(converge.ewflag) IS
	'I/O';

CREATE TYPE converge.ewflag (
	INPUT = converge.ewflag_in,
	OUTPUT = converge.ewflag_out,
	RECEIVE = converge.ewflag_recv,
	SEND = converge.ewflag_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.ewflag IS
	'flag, enable wins, as in true [london@770000000000001]';

-- Constructor, merge, difference

CREATE FUNCTION converge.ewflag() RETURNS converge.ewflag
	AS 'MODULE_PATHNAME', 'ewflag_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.ewflag() IS
	'the empty ewflag';

CREATE FUNCTION converge.merge(a converge.ewflag, b converge.ewflag) RETURNS converge.ewflag
	AS 'MODULE_PATHNAME', 'ewflag_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.ewflag, converge.ewflag) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.ewflag, new converge.ewflag) RETURNS converge.ewflag
	AS 'MODULE_PATHNAME', 'ewflag_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.ewflag, converge.ewflag) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.ewflag) (
	SFUNC = converge.merge,
	STYPE = converge.ewflag,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.ewflag) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.ewflag,
	RIGHTARG = converge.ewflag,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.ewflag, converge.ewflag) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.ewflag_le(converge.ewflag, converge.ewflag) RETURNS boolean
	AS 'MODULE_PATHNAME', 'ewflag_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ewflag_le(converge.ewflag, converge.ewflag) IS
	'implementation of operator <=';

CREATE FUNCTION converge.ewflag_ge(converge.ewflag, converge.ewflag) RETURNS boolean
	AS 'MODULE_PATHNAME', 'ewflag_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ewflag_ge(converge.ewflag, converge.ewflag) IS
	'implementation of operator >=';

CREATE FUNCTION converge.ewflag_eq(converge.ewflag, converge.ewflag) RETURNS boolean
	AS 'MODULE_PATHNAME', 'ewflag_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ewflag_eq(converge.ewflag, converge.ewflag) IS
	'implementation of operator =';

CREATE FUNCTION converge.ewflag_ne(converge.ewflag, converge.ewflag) RETURNS boolean
	AS 'MODULE_PATHNAME', 'ewflag_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ewflag_ne(converge.ewflag, converge.ewflag) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.ewflag_le,
	LEFTARG = converge.ewflag,
	RIGHTARG = converge.ewflag,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.ewflag, converge.ewflag) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.ewflag_ge,
	LEFTARG = converge.ewflag,
	RIGHTARG = converge.ewflag,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.ewflag, converge.ewflag) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.ewflag_eq,
	LEFTARG = converge.ewflag,
	RIGHTARG = converge.ewflag,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.ewflag, converge.ewflag) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.ewflag_ne,
	LEFTARG = converge.ewflag,
	RIGHTARG = converge.ewflag,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.ewflag, converge.ewflag) IS
	'not equal';

CREATE FUNCTION converge.ewflag_hash(converge.ewflag) RETURNS integer
	AS 'MODULE_PATHNAME', 'ewflag_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ewflag_hash(converge.ewflag) IS
	'hash';

CREATE FUNCTION converge.ewflag_hash_extended(converge.ewflag, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'ewflag_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ewflag_hash_extended(converge.ewflag, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.ewflag_ops DEFAULT FOR TYPE converge.ewflag USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.ewflag_hash(converge.ewflag),
	FUNCTION 2 converge.ewflag_hash_extended(converge.ewflag, bigint);
COMMENT ON OPERATOR CLASS converge.ewflag_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.ewflag_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.ewflag(boolean) RETURNS converge.ewflag
	AS 'MODULE_PATHNAME', 'ewflag_from_boolean' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.ewflag(boolean) IS
	'a new flag, enabled or disabled by this node';

CREATE FUNCTION converge.enable(flag converge.ewflag) RETURNS converge.ewflag
	AS 'MODULE_PATHNAME', 'flag_enable' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.enable(converge.ewflag) IS
	'the flag enabled';

CREATE FUNCTION converge.disable(flag converge.ewflag) RETURNS converge.ewflag
	AS 'MODULE_PATHNAME', 'flag_disable' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.disable(converge.ewflag) IS
	'the flag disabled';

-- Reads

CREATE FUNCTION converge.value(flag converge.ewflag) RETURNS boolean
	AS 'MODULE_PATHNAME', 'flag_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.ewflag) IS
	'is the flag enabled?';

CREATE CAST (converge.ewflag AS boolean)
	WITH FUNCTION converge.value(converge.ewflag) AS ASSIGNMENT;
COMMENT ON CAST (converge.ewflag AS boolean) IS
	'is the flag enabled?';

CREATE CAST (boolean AS converge.ewflag)
	WITH FUNCTION converge.ewflag(boolean) AS ASSIGNMENT;
COMMENT ON CAST (boolean AS converge.ewflag) IS
	'a new flag, enabled or disabled by this node';

-- Comparison with a boolean

CREATE FUNCTION converge.ewflag_eq_boolean(converge.ewflag, boolean) RETURNS boolean
	AS 'MODULE_PATHNAME', 'flag_eq_boolean' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ewflag_eq_boolean(converge.ewflag, boolean) IS
	'implementation of operator =';

CREATE FUNCTION converge.boolean_eq_ewflag(boolean, converge.ewflag) RETURNS boolean
	AS 'MODULE_PATHNAME', 'boolean_eq_flag' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.boolean_eq_ewflag(boolean, converge.ewflag) IS
	'implementation of operator =';

CREATE FUNCTION converge.ewflag_ne_boolean(converge.ewflag, boolean) RETURNS boolean
	AS 'MODULE_PATHNAME', 'flag_ne_boolean' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ewflag_ne_boolean(converge.ewflag, boolean) IS
	'implementation of operator <>';

CREATE FUNCTION converge.boolean_ne_ewflag(boolean, converge.ewflag) RETURNS boolean
	AS 'MODULE_PATHNAME', 'boolean_ne_flag' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.boolean_ne_ewflag(boolean, converge.ewflag) IS
	'implementation of operator <>';

CREATE OPERATOR converge.= (
	FUNCTION = converge.ewflag_eq_boolean,
	LEFTARG = converge.ewflag,
	RIGHTARG = boolean,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (converge.ewflag, boolean) IS
	'value equal';

CREATE OPERATOR converge.= (
	FUNCTION = converge.boolean_eq_ewflag,
	LEFTARG = boolean,
	RIGHTARG = converge.ewflag,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (boolean, converge.ewflag) IS
	'equal, compared with the value';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.ewflag_ne_boolean,
	LEFTARG = converge.ewflag,
	RIGHTARG = boolean,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.ewflag, boolean) IS
	'value not equal';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.boolean_ne_ewflag,
	LEFTARG = boolean,
	RIGHTARG = converge.ewflag,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (boolean, converge.ewflag) IS
	'not equal, compared with the value';
