/*
 * Type converge.dwflag: a flag; disable wins over a concurrent enable.
 */

CREATE TYPE converge.dwflag;

CREATE FUNCTION converge.dwflag_in(cstring) RETURNS converge.dwflag
	AS 'MODULE_PATHNAME', 'dwflag_in' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.dwflag_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.dwflag_out(converge.dwflag) RETURNS cstring
	AS 'MODULE_PATHNAME', 'dwflag_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.dwflag_out(converge.dwflag) IS
	'I/O';

CREATE FUNCTION converge.dwflag_recv(internal) RETURNS converge.dwflag
	AS 'MODULE_PATHNAME', 'dwflag_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.dwflag_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.dwflag_send(converge.dwflag) RETURNS bytea
	AS 'MODULE_PATHNAME', 'dwflag_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.dwflag_send(converge.dwflag) IS
	'I/O';

CREATE TYPE converge.dwflag (
	INPUT = converge.dwflag_in,
	OUTPUT = converge.dwflag_out,
	RECEIVE = converge.dwflag_recv,
	SEND = converge.dwflag_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.dwflag IS
	'flag, disable wins, as in true [london@770000000000001]';

-- Constructor, merge, difference

CREATE FUNCTION converge.dwflag() RETURNS converge.dwflag
	AS 'MODULE_PATHNAME', 'dwflag_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.dwflag() IS
	'the empty dwflag';

CREATE FUNCTION converge.merge(a converge.dwflag, b converge.dwflag) RETURNS converge.dwflag
	AS 'MODULE_PATHNAME', 'dwflag_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.dwflag, converge.dwflag) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.dwflag, new converge.dwflag) RETURNS converge.dwflag
	AS 'MODULE_PATHNAME', 'dwflag_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.dwflag, converge.dwflag) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.dwflag) (
	SFUNC = converge.merge,
	STYPE = converge.dwflag,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.dwflag) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.dwflag,
	RIGHTARG = converge.dwflag,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.dwflag, converge.dwflag) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.dwflag_le(converge.dwflag, converge.dwflag) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dwflag_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.dwflag_le(converge.dwflag, converge.dwflag) IS
	'implementation of operator <=';

CREATE FUNCTION converge.dwflag_ge(converge.dwflag, converge.dwflag) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dwflag_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.dwflag_ge(converge.dwflag, converge.dwflag) IS
	'implementation of operator >=';

CREATE FUNCTION converge.dwflag_eq(converge.dwflag, converge.dwflag) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dwflag_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.dwflag_eq(converge.dwflag, converge.dwflag) IS
	'implementation of operator =';

CREATE FUNCTION converge.dwflag_ne(converge.dwflag, converge.dwflag) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dwflag_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.dwflag_ne(converge.dwflag, converge.dwflag) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.dwflag_le,
	LEFTARG = converge.dwflag,
	RIGHTARG = converge.dwflag,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.dwflag, converge.dwflag) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.dwflag_ge,
	LEFTARG = converge.dwflag,
	RIGHTARG = converge.dwflag,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.dwflag, converge.dwflag) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.dwflag_eq,
	LEFTARG = converge.dwflag,
	RIGHTARG = converge.dwflag,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.dwflag, converge.dwflag) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.dwflag_ne,
	LEFTARG = converge.dwflag,
	RIGHTARG = converge.dwflag,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.dwflag, converge.dwflag) IS
	'not equal';

CREATE FUNCTION converge.dwflag_hash(converge.dwflag) RETURNS integer
	AS 'MODULE_PATHNAME', 'dwflag_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.dwflag_hash(converge.dwflag) IS
	'hash';

CREATE FUNCTION converge.dwflag_hash_extended(converge.dwflag, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'dwflag_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.dwflag_hash_extended(converge.dwflag, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.dwflag_ops DEFAULT FOR TYPE converge.dwflag USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.dwflag_hash(converge.dwflag),
	FUNCTION 2 converge.dwflag_hash_extended(converge.dwflag, bigint);
COMMENT ON OPERATOR CLASS converge.dwflag_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.dwflag_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.dwflag(boolean) RETURNS converge.dwflag
	AS 'MODULE_PATHNAME', 'dwflag_from_boolean' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.dwflag(boolean) IS
	'a new flag, enabled or disabled by this node';

CREATE FUNCTION converge.enable(flag converge.dwflag) RETURNS converge.dwflag
	AS 'MODULE_PATHNAME', 'flag_enable' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.enable(converge.dwflag) IS
	'the flag enabled';

CREATE FUNCTION converge.disable(flag converge.dwflag) RETURNS converge.dwflag
	AS 'MODULE_PATHNAME', 'flag_disable' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.disable(converge.dwflag) IS
	'the flag disabled';

-- Reads

CREATE FUNCTION converge.value(flag converge.dwflag) RETURNS boolean
	AS 'MODULE_PATHNAME', 'flag_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.dwflag) IS
	'is the flag enabled?';

CREATE CAST (converge.dwflag AS boolean)
	WITH FUNCTION converge.value(converge.dwflag) AS ASSIGNMENT;
COMMENT ON CAST (converge.dwflag AS boolean) IS
	'is the flag enabled?';

CREATE CAST (boolean AS converge.dwflag)
	WITH FUNCTION converge.dwflag(boolean) AS ASSIGNMENT;
COMMENT ON CAST (boolean AS converge.dwflag) IS
	'a new flag, enabled or disabled by this node';

-- Comparison with a boolean

CREATE FUNCTION converge.dwflag_eq_boolean(converge.dwflag, boolean) RETURNS boolean
	AS 'MODULE_PATHNAME', 'flag_eq_boolean' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.dwflag_eq_boolean(converge.dwflag, boolean) IS
	'implementation of operator =';

CREATE FUNCTION converge.boolean_eq_dwflag(boolean, converge.dwflag) RETURNS boolean
	AS 'MODULE_PATHNAME', 'boolean_eq_flag' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.boolean_eq_dwflag(boolean, converge.dwflag) IS
	'implementation of operator =';

CREATE FUNCTION converge.dwflag_ne_boolean(converge.dwflag, boolean) RETURNS boolean
	AS 'MODULE_PATHNAME', 'flag_ne_boolean' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.dwflag_ne_boolean(converge.dwflag, boolean) IS
	'implementation of operator <>';

CREATE FUNCTION converge.boolean_ne_dwflag(boolean, converge.dwflag) RETURNS boolean
	AS 'MODULE_PATHNAME', 'boolean_ne_flag' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.boolean_ne_dwflag(boolean, converge.dwflag) IS
	'implementation of operator <>';

CREATE OPERATOR converge.= (
	FUNCTION = converge.dwflag_eq_boolean,
	LEFTARG = converge.dwflag,
	RIGHTARG = boolean,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (converge.dwflag, boolean) IS
	'value equal';

CREATE OPERATOR converge.= (
	FUNCTION = converge.boolean_eq_dwflag,
	LEFTARG = boolean,
	RIGHTARG = converge.dwflag,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (boolean, converge.dwflag) IS
	'equal, compared with the value';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.dwflag_ne_boolean,
	LEFTARG = converge.dwflag,
	RIGHTARG = boolean,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.dwflag, boolean) IS
	'value not equal';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.boolean_ne_dwflag,
	LEFTARG = boolean,
	RIGHTARG = converge.dwflag,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (boolean, converge.dwflag) IS
	'not equal, compared with the value';
