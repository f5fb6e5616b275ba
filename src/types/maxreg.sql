/*
 * Type converge.maxreg: the largest number or time seen.
 */

CREATE TYPE converge.maxreg;

CREATE FUNCTION converge.maxreg_in(cstring) RETURNS converge.maxreg
	AS 'MODULE_PATHNAME', 'maxreg_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.maxreg_out(converge.maxreg) RETURNS cstring
	AS 'MODULE_PATHNAME', 'maxreg_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_out(converge.maxreg) IS
	'I/O';

CREATE FUNCTION converge.maxreg_recv(internal) RETURNS converge.maxreg
	AS 'MODULE_PATHNAME', 'maxreg_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.maxreg_send(converge.maxreg) RETURNS bytea
	AS 'MODULE_PATHNAME', 'maxreg_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_send(converge.maxreg) IS
	'I/O';

CREATE TYPE converge.maxreg (
	INPUT = converge.maxreg_in,
	OUTPUT = converge.maxreg_out,
	RECEIVE = converge.maxreg_recv,
	SEND = converge.maxreg_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.maxreg IS
	'largest number or time seen, as in 42.5 or 2024-02-29T12:00:00Z';

-- Constructor, merge, difference

CREATE FUNCTION converge.maxreg() RETURNS converge.maxreg
	AS 'MODULE_PATHNAME', 'maxreg_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg() IS
	'the empty maxreg';

CREATE FUNCTION converge.merge(a converge.maxreg, b converge.maxreg) RETURNS converge.maxreg
	AS 'MODULE_PATHNAME', 'maxreg_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.maxreg, converge.maxreg) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.maxreg, new converge.maxreg) RETURNS converge.maxreg
	AS 'MODULE_PATHNAME', 'maxreg_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.maxreg, converge.maxreg) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.maxreg) (
	SFUNC = converge.merge,
	STYPE = converge.maxreg,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.maxreg) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.maxreg,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.maxreg, converge.maxreg) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.maxreg_le(converge.maxreg, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'maxreg_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_le(converge.maxreg, converge.maxreg) IS
	'implementation of operator <=';

CREATE FUNCTION converge.maxreg_ge(converge.maxreg, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'maxreg_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_ge(converge.maxreg, converge.maxreg) IS
	'implementation of operator >=';

CREATE FUNCTION converge.maxreg_eq(converge.maxreg, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'maxreg_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_eq(converge.maxreg, converge.maxreg) IS
	'implementation of operator =';

CREATE FUNCTION converge.maxreg_ne(converge.maxreg, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'maxreg_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_ne(converge.maxreg, converge.maxreg) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.maxreg_le,
	LEFTARG = converge.maxreg,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.maxreg, converge.maxreg) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.maxreg_ge,
	LEFTARG = converge.maxreg,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.maxreg, converge.maxreg) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.maxreg_eq,
	LEFTARG = converge.maxreg,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.maxreg, converge.maxreg) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.maxreg_ne,
	LEFTARG = converge.maxreg,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.maxreg, converge.maxreg) IS
	'not equal';

CREATE FUNCTION converge.maxreg_hash(converge.maxreg) RETURNS integer
	AS 'MODULE_PATHNAME', 'maxreg_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_hash(converge.maxreg) IS
	'hash';

CREATE FUNCTION converge.maxreg_hash_extended(converge.maxreg, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'maxreg_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_hash_extended(converge.maxreg, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.maxreg_ops DEFAULT FOR TYPE converge.maxreg USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.maxreg_hash(converge.maxreg),
	FUNCTION 2 converge.maxreg_hash_extended(converge.maxreg, bigint);
COMMENT ON OPERATOR CLASS converge.maxreg_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.maxreg_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.maxreg(numeric) RETURNS converge.maxreg
	AS 'MODULE_PATHNAME', 'maxreg_from_numeric' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.maxreg(numeric) IS
	'a new register that has seen this value';

CREATE FUNCTION converge.maxreg(bigint) RETURNS converge.maxreg
	AS 'MODULE_PATHNAME', 'maxreg_from_bigint' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.maxreg(bigint) IS
	'a new register that has seen this value';

CREATE FUNCTION converge.maxreg(integer) RETURNS converge.maxreg
	AS 'MODULE_PATHNAME', 'maxreg_from_integer' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.maxreg(integer) IS
	'a new register that has seen this value';

CREATE FUNCTION converge.maxreg(timestamp with time zone) RETURNS converge.maxreg
	AS 'MODULE_PATHNAME', 'maxreg_from_timestamptz' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.maxreg(timestamp with time zone) IS
	'a new register that has seen this value';

CREATE FUNCTION converge.set(register converge.maxreg, value numeric) RETURNS converge.maxreg
	AS 'MODULE_PATHNAME', 'extremum_set_numeric' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.set(converge.maxreg, numeric) IS
	'the register after having seen this value: it keeps the largest';

CREATE FUNCTION converge.set(register converge.maxreg, value timestamp with time zone) RETURNS converge.maxreg
	AS 'MODULE_PATHNAME', 'extremum_set_timestamptz' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.set(converge.maxreg, timestamp with time zone) IS
	'the register after having seen this value: it keeps the largest';

-- Reads

CREATE FUNCTION converge.maxreg_to_numeric(converge.maxreg) RETURNS numeric
	AS 'MODULE_PATHNAME', 'extremum_to_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_to_numeric(converge.maxreg) IS
	'the largest number seen, NULL if none';

CREATE FUNCTION converge.maxreg_to_timestamptz(converge.maxreg) RETURNS timestamp with time zone
	AS 'MODULE_PATHNAME', 'extremum_to_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_to_timestamptz(converge.maxreg) IS
	'the largest time seen, NULL if none';

CREATE CAST (converge.maxreg AS numeric)
	WITH FUNCTION converge.maxreg_to_numeric(converge.maxreg) AS ASSIGNMENT;
COMMENT ON CAST (converge.maxreg AS numeric) IS
	'the largest number seen, NULL if none';

CREATE CAST (converge.maxreg AS timestamp with time zone)
	WITH FUNCTION converge.maxreg_to_timestamptz(converge.maxreg) AS ASSIGNMENT;
COMMENT ON CAST (converge.maxreg AS timestamp with time zone) IS
	'the largest time seen, NULL if none';

CREATE CAST (numeric AS converge.maxreg)
	WITH FUNCTION converge.maxreg(numeric) AS ASSIGNMENT;
COMMENT ON CAST (numeric AS converge.maxreg) IS
	'a new register that has seen this value';

CREATE CAST (bigint AS converge.maxreg)
	WITH FUNCTION converge.maxreg(bigint) AS ASSIGNMENT;
COMMENT ON CAST (bigint AS converge.maxreg) IS
	'a new register that has seen this value';

CREATE CAST (integer AS converge.maxreg)
	WITH FUNCTION converge.maxreg(integer) AS ASSIGNMENT;
COMMENT ON CAST (integer AS converge.maxreg) IS
	'a new register that has seen this value';

CREATE CAST (timestamp with time zone AS converge.maxreg)
	WITH FUNCTION converge.maxreg(timestamp with time zone) AS ASSIGNMENT;
COMMENT ON CAST (timestamp with time zone AS converge.maxreg) IS
	'a new register that has seen this value';

-- Comparison of the value with a plain one

CREATE FUNCTION converge.maxreg_eq_numeric(converge.maxreg, numeric) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_eq_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_eq_numeric(converge.maxreg, numeric) IS
	'implementation of operator =';

CREATE FUNCTION converge.numeric_eq_maxreg(numeric, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'numeric_eq_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.numeric_eq_maxreg(numeric, converge.maxreg) IS
	'implementation of operator =';

CREATE FUNCTION converge.maxreg_ne_numeric(converge.maxreg, numeric) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_ne_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_ne_numeric(converge.maxreg, numeric) IS
	'implementation of operator <>';

CREATE FUNCTION converge.numeric_ne_maxreg(numeric, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'numeric_ne_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.numeric_ne_maxreg(numeric, converge.maxreg) IS
	'implementation of operator <>';

CREATE FUNCTION converge.maxreg_lt_numeric(converge.maxreg, numeric) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_lt_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_lt_numeric(converge.maxreg, numeric) IS
	'implementation of operator <';

CREATE FUNCTION converge.numeric_lt_maxreg(numeric, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'numeric_lt_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.numeric_lt_maxreg(numeric, converge.maxreg) IS
	'implementation of operator <';

CREATE FUNCTION converge.maxreg_le_numeric(converge.maxreg, numeric) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_le_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_le_numeric(converge.maxreg, numeric) IS
	'implementation of operator <=';

CREATE FUNCTION converge.numeric_le_maxreg(numeric, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'numeric_le_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.numeric_le_maxreg(numeric, converge.maxreg) IS
	'implementation of operator <=';

CREATE FUNCTION converge.maxreg_gt_numeric(converge.maxreg, numeric) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_gt_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_gt_numeric(converge.maxreg, numeric) IS
	'implementation of operator >';

CREATE FUNCTION converge.numeric_gt_maxreg(numeric, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'numeric_gt_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.numeric_gt_maxreg(numeric, converge.maxreg) IS
	'implementation of operator >';

CREATE FUNCTION converge.maxreg_ge_numeric(converge.maxreg, numeric) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_ge_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_ge_numeric(converge.maxreg, numeric) IS
	'implementation of operator >=';

CREATE FUNCTION converge.numeric_ge_maxreg(numeric, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'numeric_ge_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.numeric_ge_maxreg(numeric, converge.maxreg) IS
	'implementation of operator >=';

CREATE OPERATOR converge.= (
	FUNCTION = converge.maxreg_eq_numeric,
	LEFTARG = converge.maxreg,
	RIGHTARG = numeric,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (converge.maxreg, numeric) IS
	'value equal';

CREATE OPERATOR converge.= (
	FUNCTION = converge.numeric_eq_maxreg,
	LEFTARG = numeric,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (numeric, converge.maxreg) IS
	'equal, compared with the value';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.maxreg_ne_numeric,
	LEFTARG = converge.maxreg,
	RIGHTARG = numeric,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.maxreg, numeric) IS
	'value not equal';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.numeric_ne_maxreg,
	LEFTARG = numeric,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (numeric, converge.maxreg) IS
	'not equal, compared with the value';

CREATE OPERATOR converge.< (
	FUNCTION = converge.maxreg_lt_numeric,
	LEFTARG = converge.maxreg,
	RIGHTARG = numeric,
	COMMUTATOR = OPERATOR(converge.>),
	NEGATOR = OPERATOR(converge.>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (converge.maxreg, numeric) IS
	'value less';

CREATE OPERATOR converge.< (
	FUNCTION = converge.numeric_lt_maxreg,
	LEFTARG = numeric,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.>),
	NEGATOR = OPERATOR(converge.>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (numeric, converge.maxreg) IS
	'less, compared with the value';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.maxreg_le_numeric,
	LEFTARG = converge.maxreg,
	RIGHTARG = numeric,
	COMMUTATOR = OPERATOR(converge.>=),
	NEGATOR = OPERATOR(converge.>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (converge.maxreg, numeric) IS
	'value less or equal';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.numeric_le_maxreg,
	LEFTARG = numeric,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.>=),
	NEGATOR = OPERATOR(converge.>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (numeric, converge.maxreg) IS
	'less or equal, compared with the value';

CREATE OPERATOR converge.> (
	FUNCTION = converge.maxreg_gt_numeric,
	LEFTARG = converge.maxreg,
	RIGHTARG = numeric,
	COMMUTATOR = OPERATOR(converge.<),
	NEGATOR = OPERATOR(converge.<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (converge.maxreg, numeric) IS
	'value greater';

CREATE OPERATOR converge.> (
	FUNCTION = converge.numeric_gt_maxreg,
	LEFTARG = numeric,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.<),
	NEGATOR = OPERATOR(converge.<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (numeric, converge.maxreg) IS
	'greater, compared with the value';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.maxreg_ge_numeric,
	LEFTARG = converge.maxreg,
	RIGHTARG = numeric,
	COMMUTATOR = OPERATOR(converge.<=),
	NEGATOR = OPERATOR(converge.<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (converge.maxreg, numeric) IS
	'value greater or equal';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.numeric_ge_maxreg,
	LEFTARG = numeric,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.<=),
	NEGATOR = OPERATOR(converge.<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (numeric, converge.maxreg) IS
	'greater or equal, compared with the value';

-- Comparison of the value with a plain one

CREATE FUNCTION converge.maxreg_eq_timestamptz(converge.maxreg, timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_eq_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_eq_timestamptz(converge.maxreg, timestamp with time zone) IS
	'implementation of operator =';

CREATE FUNCTION converge.timestamptz_eq_maxreg(timestamp with time zone, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'timestamptz_eq_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.timestamptz_eq_maxreg(timestamp with time zone, converge.maxreg) IS
	'implementation of operator =';

CREATE FUNCTION converge.maxreg_ne_timestamptz(converge.maxreg, timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_ne_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_ne_timestamptz(converge.maxreg, timestamp with time zone) IS
	'implementation of operator <>';

CREATE FUNCTION converge.timestamptz_ne_maxreg(timestamp with time zone, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'timestamptz_ne_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.timestamptz_ne_maxreg(timestamp with time zone, converge.maxreg) IS
	'implementation of operator <>';

CREATE FUNCTION converge.maxreg_lt_timestamptz(converge.maxreg, timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_lt_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_lt_timestamptz(converge.maxreg, timestamp with time zone) IS
	'implementation of operator <';

CREATE FUNCTION converge.timestamptz_lt_maxreg(timestamp with time zone, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'timestamptz_lt_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.timestamptz_lt_maxreg(timestamp with time zone, converge.maxreg) IS
	'implementation of operator <';

CREATE FUNCTION converge.maxreg_le_timestamptz(converge.maxreg, timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_le_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_le_timestamptz(converge.maxreg, timestamp with time zone) IS
	'implementation of operator <=';

CREATE FUNCTION converge.timestamptz_le_maxreg(timestamp with time zone, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'timestamptz_le_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.timestamptz_le_maxreg(timestamp with time zone, converge.maxreg) IS
	'implementation of operator <=';

CREATE FUNCTION converge.maxreg_gt_timestamptz(converge.maxreg, timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_gt_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_gt_timestamptz(converge.maxreg, timestamp with time zone) IS
	'implementation of operator >';

CREATE FUNCTION converge.timestamptz_gt_maxreg(timestamp with time zone, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'timestamptz_gt_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.timestamptz_gt_maxreg(timestamp with time zone, converge.maxreg) IS
	'implementation of operator >';

CREATE FUNCTION converge.maxreg_ge_timestamptz(converge.maxreg, timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_ge_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.maxreg_ge_timestamptz(converge.maxreg, timestamp with time zone) IS
	'implementation of operator >=';

CREATE FUNCTION converge.timestamptz_ge_maxreg(timestamp with time zone, converge.maxreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'timestamptz_ge_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.timestamptz_ge_maxreg(timestamp with time zone, converge.maxreg) IS
	'implementation of operator >=';

CREATE OPERATOR converge.= (
	FUNCTION = converge.maxreg_eq_timestamptz,
	LEFTARG = converge.maxreg,
	RIGHTARG = timestamp with time zone,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (converge.maxreg, timestamp with time zone) IS
	'value equal';

CREATE OPERATOR converge.= (
	FUNCTION = converge.timestamptz_eq_maxreg,
	LEFTARG = timestamp with time zone,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (timestamp with time zone, converge.maxreg) IS
	'equal, compared with the value';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.maxreg_ne_timestamptz,
	LEFTARG = converge.maxreg,
	RIGHTARG = timestamp with time zone,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.maxreg, timestamp with time zone) IS
	'value not equal';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.timestamptz_ne_maxreg,
	LEFTARG = timestamp with time zone,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (timestamp with time zone, converge.maxreg) IS
	'not equal, compared with the value';

CREATE OPERATOR converge.< (
	FUNCTION = converge.maxreg_lt_timestamptz,
	LEFTARG = converge.maxreg,
	RIGHTARG = timestamp with time zone,
	COMMUTATOR = OPERATOR(converge.>),
	NEGATOR = OPERATOR(converge.>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (converge.maxreg, timestamp with time zone) IS
	'value less';

CREATE OPERATOR converge.< (
	FUNCTION = converge.timestamptz_lt_maxreg,
	LEFTARG = timestamp with time zone,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.>),
	NEGATOR = OPERATOR(converge.>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (timestamp with time zone, converge.maxreg) IS
	'less, compared with the value';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.maxreg_le_timestamptz,
	LEFTARG = converge.maxreg,
	RIGHTARG = timestamp with time zone,
	COMMUTATOR = OPERATOR(converge.>=),
	NEGATOR = OPERATOR(converge.>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (converge.maxreg, timestamp with time zone) IS
	'value less or equal';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.timestamptz_le_maxreg,
	LEFTARG = timestamp with time zone,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.>=),
	NEGATOR = OPERATOR(converge.>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (timestamp with time zone, converge.maxreg) IS
	'less or equal, compared with the value';

CREATE OPERATOR converge.> (
	FUNCTION = converge.maxreg_gt_timestamptz,
	LEFTARG = converge.maxreg,
	RIGHTARG = timestamp with time zone,
	COMMUTATOR = OPERATOR(converge.<),
	NEGATOR = OPERATOR(converge.<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (converge.maxreg, timestamp with time zone) IS
	'value greater';

CREATE OPERATOR converge.> (
	FUNCTION = converge.timestamptz_gt_maxreg,
	LEFTARG = timestamp with time zone,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.<),
	NEGATOR = OPERATOR(converge.<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (timestamp with time zone, converge.maxreg) IS
	'greater, compared with the value';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.maxreg_ge_timestamptz,
	LEFTARG = converge.maxreg,
	RIGHTARG = timestamp with time zone,
	COMMUTATOR = OPERATOR(converge.<=),
	NEGATOR = OPERATOR(converge.<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (converge.maxreg, timestamp with time zone) IS
	'value greater or equal';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.timestamptz_ge_maxreg,
	LEFTARG = timestamp with time zone,
	RIGHTARG = converge.maxreg,
	COMMUTATOR = OPERATOR(converge.<=),
	NEGATOR = OPERATOR(converge.<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (timestamp with time zone, converge.maxreg) IS
	'greater or equal, compared with the value';
