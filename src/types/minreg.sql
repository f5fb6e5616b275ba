/*
 * Type converge.minreg: the smallest number or time seen.
 */

CREATE TYPE converge.minreg;

CREATE FUNCTION converge.minreg_in(cstring) RETURNS converge.minreg
	AS 'MODULE_PATHNAME', 'minreg_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.minreg_out(converge.minreg) RETURNS cstring
	AS 'MODULE_PATHNAME', 'minreg_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_out(converge.minreg) IS
	'I/O';

CREATE FUNCTION converge.minreg_recv(internal) RETURNS converge.minreg
	AS 'MODULE_PATHNAME', 'minreg_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.minreg_send(converge.minreg) RETURNS bytea
	AS 'MODULE_PATHNAME', 'minreg_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_send(converge.minreg) IS
	'I/O';

CREATE TYPE converge.minreg (
	INPUT = converge.minreg_in,
	OUTPUT = converge.minreg_out,
	RECEIVE = converge.minreg_recv,
	SEND = converge.minreg_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.minreg IS
	'smallest number or time seen, as in 42.5 or 2024-02-29T12:00:00Z';

-- Constructor, merge, difference

CREATE FUNCTION converge.minreg() RETURNS converge.minreg
	AS 'MODULE_PATHNAME', 'minreg_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg() IS
	'the empty minreg';

CREATE FUNCTION converge.merge(a converge.minreg, b converge.minreg) RETURNS converge.minreg
	AS 'MODULE_PATHNAME', 'minreg_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.minreg, converge.minreg) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.minreg, new converge.minreg) RETURNS converge.minreg
	AS 'MODULE_PATHNAME', 'minreg_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.minreg, converge.minreg) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.minreg) (
	SFUNC = converge.merge,
	STYPE = converge.minreg,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.minreg) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.minreg,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.minreg, converge.minreg) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.minreg_le(converge.minreg, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'minreg_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_le(converge.minreg, converge.minreg) IS
	'implementation of operator <=';

CREATE FUNCTION converge.minreg_ge(converge.minreg, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'minreg_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_ge(converge.minreg, converge.minreg) IS
	'implementation of operator >=';

CREATE FUNCTION converge.minreg_eq(converge.minreg, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'minreg_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_eq(converge.minreg, converge.minreg) IS
	'implementation of operator =';

CREATE FUNCTION converge.minreg_ne(converge.minreg, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'minreg_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_ne(converge.minreg, converge.minreg) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.minreg_le,
	LEFTARG = converge.minreg,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.minreg, converge.minreg) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.minreg_ge,
	LEFTARG = converge.minreg,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.minreg, converge.minreg) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.minreg_eq,
	LEFTARG = converge.minreg,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.minreg, converge.minreg) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.minreg_ne,
	LEFTARG = converge.minreg,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.minreg, converge.minreg) IS
	'not equal';

CREATE FUNCTION converge.minreg_hash(converge.minreg) RETURNS integer
	AS 'MODULE_PATHNAME', 'minreg_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_hash(converge.minreg) IS
	'hash';

CREATE FUNCTION converge.minreg_hash_extended(converge.minreg, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'minreg_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_hash_extended(converge.minreg, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.minreg_ops DEFAULT FOR TYPE converge.minreg USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.minreg_hash(converge.minreg),
	FUNCTION 2 converge.minreg_hash_extended(converge.minreg, bigint);
COMMENT ON OPERATOR CLASS converge.minreg_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.minreg_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.minreg(numeric) RETURNS converge.minreg
	AS 'MODULE_PATHNAME', 'minreg_from_numeric' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.minreg(numeric) IS
	'a new register that has seen this value';

CREATE FUNCTION converge.minreg(bigint) RETURNS converge.minreg
	AS 'MODULE_PATHNAME', 'minreg_from_bigint' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.minreg(bigint) IS
	'a new register that has seen this value';

CREATE FUNCTION converge.minreg(integer) RETURNS converge.minreg
	AS 'MODULE_PATHNAME', 'minreg_from_integer' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.minreg(integer) IS
	'a new register that has seen this value';

CREATE FUNCTION converge.minreg(timestamp with time zone) RETURNS converge.minreg
	AS 'MODULE_PATHNAME', 'minreg_from_timestamptz' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.minreg(timestamp with time zone) IS
	'a new register that has seen this value';

CREATE FUNCTION converge.set(register converge.minreg, value numeric) RETURNS converge.minreg
	AS 'MODULE_PATHNAME', 'extremum_set_numeric' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.set(converge.minreg, numeric) IS
	'the register after having seen this value: it keeps the smallest';

CREATE FUNCTION converge.set(register converge.minreg, value timestamp with time zone) RETURNS converge.minreg
	AS 'MODULE_PATHNAME', 'extremum_set_timestamptz' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.set(converge.minreg, timestamp with time zone) IS
	'the register after having seen this value: it keeps the smallest';

-- Reads

CREATE FUNCTION converge.minreg_to_numeric(converge.minreg) RETURNS numeric
	AS 'MODULE_PATHNAME', 'extremum_to_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_to_numeric(converge.minreg) IS
	'the smallest number seen, NULL if none';

CREATE FUNCTION converge.minreg_to_timestamptz(converge.minreg) RETURNS timestamp with time zone
	AS 'MODULE_PATHNAME', 'extremum_to_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_to_timestamptz(converge.minreg) IS
	'the smallest time seen, NULL if none';

CREATE CAST (converge.minreg AS numeric)
	WITH FUNCTION converge.minreg_to_numeric(converge.minreg) AS ASSIGNMENT;
COMMENT ON CAST (converge.minreg AS numeric) IS
	'the smallest number seen, NULL if none';

CREATE CAST (converge.minreg AS timestamp with time zone)
	WITH FUNCTION converge.minreg_to_timestamptz(converge.minreg) AS ASSIGNMENT;
COMMENT ON CAST (converge.minreg AS timestamp with time zone) IS
	'the smallest time seen, NULL if none';

CREATE CAST (numeric AS converge.minreg)
	WITH FUNCTION converge.minreg(numeric) AS ASSIGNMENT;
COMMENT ON CAST (numeric AS converge.minreg) IS
	'a new register that has seen this value';

CREATE CAST (bigint AS converge.minreg)
	WITH FUNCTION converge.minreg(bigint) AS ASSIGNMENT;
COMMENT ON CAST (bigint AS converge.minreg) IS
	'a new register that has seen this value';

CREATE CAST (integer AS converge.minreg)
	WITH FUNCTION converge.minreg(integer) AS ASSIGNMENT;
COMMENT ON CAST (integer AS converge.minreg) IS
	'a new register that has seen this value';

CREATE CAST (timestamp with time zone AS converge.minreg)
	WITH FUNCTION converge.minreg(timestamp with time zone) AS ASSIGNMENT;
COMMENT ON CAST (timestamp with time zone AS converge.minreg) IS
	'a new register that has seen this value';

-- Comparison of the value with a plain one

CREATE FUNCTION converge.minreg_eq_numeric(converge.minreg, numeric) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_eq_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_eq_numeric(converge.minreg, numeric) IS
	'implementation of operator =';

CREATE FUNCTION converge.numeric_eq_minreg(numeric, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'numeric_eq_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.numeric_eq_minreg(numeric, converge.minreg) IS
	'implementation of operator =';

CREATE FUNCTION converge.minreg_ne_numeric(converge.minreg, numeric) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_ne_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_ne_numeric(converge.minreg, numeric) IS
	'implementation of operator <>';

CREATE FUNCTION converge.numeric_ne_minreg(numeric, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'numeric_ne_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.numeric_ne_minreg(numeric, converge.minreg) IS
	'implementation of operator <>';

CREATE FUNCTION converge.minreg_lt_numeric(converge.minreg, numeric) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_lt_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_lt_numeric(converge.minreg, numeric) IS
	'implementation of operator <';

CREATE FUNCTION converge.numeric_lt_minreg(numeric, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'numeric_lt_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.numeric_lt_minreg(numeric, converge.minreg) IS
	'implementation of operator <';

CREATE FUNCTION converge.minreg_le_numeric(converge.minreg, numeric) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_le_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_le_numeric(converge.minreg, numeric) IS
	'implementation of operator <=';

CREATE FUNCTION converge.numeric_le_minreg(numeric, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'numeric_le_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.numeric_le_minreg(numeric, converge.minreg) IS
	'implementation of operator <=';

CREATE FUNCTION converge.minreg_gt_numeric(converge.minreg, numeric) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_gt_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_gt_numeric(converge.minreg, numeric) IS
	'implementation of operator >';

CREATE FUNCTION converge.numeric_gt_minreg(numeric, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'numeric_gt_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.numeric_gt_minreg(numeric, converge.minreg) IS
	'implementation of operator >';

CREATE FUNCTION converge.minreg_ge_numeric(converge.minreg, numeric) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_ge_numeric' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_ge_numeric(converge.minreg, numeric) IS
	'implementation of operator >=';

CREATE FUNCTION converge.numeric_ge_minreg(numeric, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'numeric_ge_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.numeric_ge_minreg(numeric, converge.minreg) IS
	'implementation of operator >=';

CREATE OPERATOR converge.= (
	FUNCTION = converge.minreg_eq_numeric,
	LEFTARG = converge.minreg,
	RIGHTARG = numeric,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (converge.minreg, numeric) IS
	'value equal';

CREATE OPERATOR converge.= (
	FUNCTION = converge.numeric_eq_minreg,
	LEFTARG = numeric,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (numeric, converge.minreg) IS
	'equal, compared with the value';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.minreg_ne_numeric,
	LEFTARG = converge.minreg,
	RIGHTARG = numeric,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.minreg, numeric) IS
	'value not equal';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.numeric_ne_minreg,
	LEFTARG = numeric,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (numeric, converge.minreg) IS
	'not equal, compared with the value';

CREATE OPERATOR converge.< (
	FUNCTION = converge.minreg_lt_numeric,
	LEFTARG = converge.minreg,
	RIGHTARG = numeric,
	COMMUTATOR = OPERATOR(converge.>),
	NEGATOR = OPERATOR(converge.>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (converge.minreg, numeric) IS
	'value less';

CREATE OPERATOR converge.< (
	FUNCTION = converge.numeric_lt_minreg,
	LEFTARG = numeric,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.>),
	NEGATOR = OPERATOR(converge.>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (numeric, converge.minreg) IS
	'less, compared with the value';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.minreg_le_numeric,
	LEFTARG = converge.minreg,
	RIGHTARG = numeric,
	COMMUTATOR = OPERATOR(converge.>=),
	NEGATOR = OPERATOR(converge.>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (converge.minreg, numeric) IS
	'value less or equal';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.numeric_le_minreg,
	LEFTARG = numeric,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.>=),
	NEGATOR = OPERATOR(converge.>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (numeric, converge.minreg) IS
	'less or equal, compared with the value';

CREATE OPERATOR converge.> (
	FUNCTION = converge.minreg_gt_numeric,
	LEFTARG = converge.minreg,
	RIGHTARG = numeric,
	COMMUTATOR = OPERATOR(converge.<),
	NEGATOR = OPERATOR(converge.<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (converge.minreg, numeric) IS
	'value greater';

CREATE OPERATOR converge.> (
	FUNCTION = converge.numeric_gt_minreg,
	LEFTARG = numeric,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.<),
	NEGATOR = OPERATOR(converge.<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (numeric, converge.minreg) IS
	'greater, compared with the value';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.minreg_ge_numeric,
	LEFTARG = converge.minreg,
	RIGHTARG = numeric,
	COMMUTATOR = OPERATOR(converge.<=),
	NEGATOR = OPERATOR(converge.<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (converge.minreg, numeric) IS
	'value greater or equal';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.numeric_ge_minreg,
	LEFTARG = numeric,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.<=),
	NEGATOR = OPERATOR(converge.<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (numeric, converge.minreg) IS
	'greater or equal, compared with the value';

-- Comparison of the value with a plain one

CREATE FUNCTION converge.minreg_eq_timestamptz(converge.minreg, timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_eq_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_eq_timestamptz(converge.minreg, timestamp with time zone) IS
	'implementation of operator =';

CREATE FUNCTION converge.timestamptz_eq_minreg(timestamp with time zone, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'timestamptz_eq_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.timestamptz_eq_minreg(timestamp with time zone, converge.minreg) IS
	'implementation of operator =';

CREATE FUNCTION converge.minreg_ne_timestamptz(converge.minreg, timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_ne_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_ne_timestamptz(converge.minreg, timestamp with time zone) IS
	'implementation of operator <>';

CREATE FUNCTION converge.timestamptz_ne_minreg(timestamp with time zone, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'timestamptz_ne_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.timestamptz_ne_minreg(timestamp with time zone, converge.minreg) IS
	'implementation of operator <>';

CREATE FUNCTION converge.minreg_lt_timestamptz(converge.minreg, timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_lt_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_lt_timestamptz(converge.minreg, timestamp with time zone) IS
	'implementation of operator <';

CREATE FUNCTION converge.timestamptz_lt_minreg(timestamp with time zone, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'timestamptz_lt_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.timestamptz_lt_minreg(timestamp with time zone, converge.minreg) IS
	'implementation of operator <';

CREATE FUNCTION converge.minreg_le_timestamptz(converge.minreg, timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_le_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_le_timestamptz(converge.minreg, timestamp with time zone) IS
	'implementation of operator <=';

CREATE FUNCTION converge.timestamptz_le_minreg(timestamp with time zone, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'timestamptz_le_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.timestamptz_le_minreg(timestamp with time zone, converge.minreg) IS
	'implementation of operator <=';

CREATE FUNCTION converge.minreg_gt_timestamptz(converge.minreg, timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_gt_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_gt_timestamptz(converge.minreg, timestamp with time zone) IS
	'implementation of operator >';

CREATE FUNCTION converge.timestamptz_gt_minreg(timestamp with time zone, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'timestamptz_gt_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.timestamptz_gt_minreg(timestamp with time zone, converge.minreg) IS
	'implementation of operator >';

CREATE FUNCTION converge.minreg_ge_timestamptz(converge.minreg, timestamp with time zone) RETURNS boolean
	AS 'MODULE_PATHNAME', 'extremum_ge_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.minreg_ge_timestamptz(converge.minreg, timestamp with time zone) IS
	'implementation of operator >=';

CREATE FUNCTION converge.timestamptz_ge_minreg(timestamp with time zone, converge.minreg) RETURNS boolean
	AS 'MODULE_PATHNAME', 'timestamptz_ge_extremum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.timestamptz_ge_minreg(timestamp with time zone, converge.minreg) IS
	'implementation of operator >=';

CREATE OPERATOR converge.= (
	FUNCTION = converge.minreg_eq_timestamptz,
	LEFTARG = converge.minreg,
	RIGHTARG = timestamp with time zone,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (converge.minreg, timestamp with time zone) IS
	'value equal';

CREATE OPERATOR converge.= (
	FUNCTION = converge.timestamptz_eq_minreg,
	LEFTARG = timestamp with time zone,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (timestamp with time zone, converge.minreg) IS
	'equal, compared with the value';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.minreg_ne_timestamptz,
	LEFTARG = converge.minreg,
	RIGHTARG = timestamp with time zone,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.minreg, timestamp with time zone) IS
	'value not equal';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.timestamptz_ne_minreg,
	LEFTARG = timestamp with time zone,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (timestamp with time zone, converge.minreg) IS
	'not equal, compared with the value';

CREATE OPERATOR converge.< (
	FUNCTION = converge.minreg_lt_timestamptz,
	LEFTARG = converge.minreg,
	RIGHTARG = timestamp with time zone,
	COMMUTATOR = OPERATOR(converge.>),
	NEGATOR = OPERATOR(converge.>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (converge.minreg, timestamp with time zone) IS
	'value less';

CREATE OPERATOR converge.< (
	FUNCTION = converge.timestamptz_lt_minreg,
	LEFTARG = timestamp with time zone,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.>),
	NEGATOR = OPERATOR(converge.>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (timestamp with time zone, converge.minreg) IS
	'less, compared with the value';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.minreg_le_timestamptz,
	LEFTARG = converge.minreg,
	RIGHTARG = timestamp with time zone,
	COMMUTATOR = OPERATOR(converge.>=),
	NEGATOR = OPERATOR(converge.>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (converge.minreg, timestamp with time zone) IS
	'value less or equal';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.timestamptz_le_minreg,
	LEFTARG = timestamp with time zone,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.>=),
	NEGATOR = OPERATOR(converge.>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (timestamp with time zone, converge.minreg) IS
	'less or equal, compared with the value';

CREATE OPERATOR converge.> (
	FUNCTION = converge.minreg_gt_timestamptz,
	LEFTARG = converge.minreg,
	RIGHTARG = timestamp with time zone,
	COMMUTATOR = OPERATOR(converge.<),
	NEGATOR = OPERATOR(converge.<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (converge.minreg, timestamp with time zone) IS
	'value greater';

CREATE OPERATOR converge.> (
	FUNCTION = converge.timestamptz_gt_minreg,
	LEFTARG = timestamp with time zone,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.<),
	NEGATOR = OPERATOR(converge.<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (timestamp with time zone, converge.minreg) IS
	'greater, compared with the value';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.minreg_ge_timestamptz,
	LEFTARG = converge.minreg,
	RIGHTARG = timestamp with time zone,
	COMMUTATOR = OPERATOR(converge.<=),
	NEGATOR = OPERATOR(converge.<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (converge.minreg, timestamp with time zone) IS
	'value greater or equal';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.timestamptz_ge_minreg,
	LEFTARG = timestamp with time zone,
	RIGHTARG = converge.minreg,
	COMMUTATOR = OPERATOR(converge.<=),
	NEGATOR = OPERATOR(converge.<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (timestamp with time zone, converge.minreg) IS
	'greater or equal, compared with the value';
