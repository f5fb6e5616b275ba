/*
 * Type converge.pncounter: a counter that goes up and down, with reset.
 */

CREATE TYPE converge.pncounter;

CREATE FUNCTION converge.pncounter_in(cstring) RETURNS converge.pncounter
	AS 'MODULE_PATHNAME', 'pncounter_in' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.pncounter_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.pncounter_out(converge.pncounter) RETURNS cstring
	AS 'MODULE_PATHNAME', 'pncounter_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_out(converge.pncounter) IS
	'I/O';

CREATE FUNCTION converge.pncounter_recv(internal) RETURNS converge.pncounter
	AS 'MODULE_PATHNAME', 'pncounter_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.pncounter_send(converge.pncounter) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pncounter_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_send(converge.pncounter) IS
	'I/O';

CREATE TYPE converge.pncounter (
	INPUT = converge.pncounter_in,
	OUTPUT = converge.pncounter_out,
	RECEIVE = converge.pncounter_recv,
	SEND = converge.pncounter_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.pncounter IS
	'counter that goes up and down, as in 2 {london 5@770000000000001 -3@770000000000002}';

-- Constructor, merge, difference

CREATE FUNCTION converge.pncounter() RETURNS converge.pncounter
	AS 'MODULE_PATHNAME', 'pncounter_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter() IS
	'the empty pncounter';

CREATE FUNCTION converge.merge(a converge.pncounter, b converge.pncounter) RETURNS converge.pncounter
	AS 'MODULE_PATHNAME', 'pncounter_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.pncounter, converge.pncounter) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.pncounter, new converge.pncounter) RETURNS converge.pncounter
	AS 'MODULE_PATHNAME', 'pncounter_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.pncounter, converge.pncounter) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.pncounter) (
	SFUNC = converge.merge,
	STYPE = converge.pncounter,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.pncounter) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.pncounter,
	RIGHTARG = converge.pncounter,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.pncounter, converge.pncounter) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.pncounter_le(converge.pncounter, converge.pncounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pncounter_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_le(converge.pncounter, converge.pncounter) IS
	'implementation of operator <=';

CREATE FUNCTION converge.pncounter_ge(converge.pncounter, converge.pncounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pncounter_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_ge(converge.pncounter, converge.pncounter) IS
	'implementation of operator >=';

CREATE FUNCTION converge.pncounter_eq(converge.pncounter, converge.pncounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pncounter_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_eq(converge.pncounter, converge.pncounter) IS
	'implementation of operator =';

CREATE FUNCTION converge.pncounter_ne(converge.pncounter, converge.pncounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pncounter_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_ne(converge.pncounter, converge.pncounter) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.pncounter_le,
	LEFTARG = converge.pncounter,
	RIGHTARG = converge.pncounter,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.pncounter, converge.pncounter) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.pncounter_ge,
	LEFTARG = converge.pncounter,
	RIGHTARG = converge.pncounter,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.pncounter, converge.pncounter) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.pncounter_eq,
	LEFTARG = converge.pncounter,
	RIGHTARG = converge.pncounter,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.pncounter, converge.pncounter) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.pncounter_ne,
	LEFTARG = converge.pncounter,
	RIGHTARG = converge.pncounter,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.pncounter, converge.pncounter) IS
	'not equal';

CREATE FUNCTION converge.pncounter_hash(converge.pncounter) RETURNS integer
	AS 'MODULE_PATHNAME', 'pncounter_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_hash(converge.pncounter) IS
	'hash';

CREATE FUNCTION converge.pncounter_hash_extended(converge.pncounter, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pncounter_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_hash_extended(converge.pncounter, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.pncounter_ops DEFAULT FOR TYPE converge.pncounter USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.pncounter_hash(converge.pncounter),
	FUNCTION 2 converge.pncounter_hash_extended(converge.pncounter, bigint);
COMMENT ON OPERATOR CLASS converge.pncounter_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.pncounter_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.pncounter(bigint) RETURNS converge.pncounter
	AS 'MODULE_PATHNAME', 'pncounter_from_bigint' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.pncounter(bigint) IS
	'a new counter, with this amount contributed by this node';

CREATE FUNCTION converge.pncounter(integer) RETURNS converge.pncounter
	AS 'MODULE_PATHNAME', 'pncounter_from_integer' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.pncounter(integer) IS
	'a new counter, with this amount contributed by this node';

CREATE FUNCTION converge.pncounter_plus(counter converge.pncounter, n bigint) RETURNS converge.pncounter
	AS 'MODULE_PATHNAME', 'counter_plus' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.pncounter_plus(converge.pncounter, bigint) IS
	'implementation of operator +';

CREATE FUNCTION converge.pncounter_minus(counter converge.pncounter, n bigint) RETURNS converge.pncounter
	AS 'MODULE_PATHNAME', 'counter_minus' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.pncounter_minus(converge.pncounter, bigint) IS
	'implementation of operator -';

CREATE OPERATOR converge.+ (
	FUNCTION = converge.pncounter_plus,
	LEFTARG = converge.pncounter,
	RIGHTARG = bigint
);
COMMENT ON OPERATOR converge.+ (converge.pncounter, bigint) IS
	'count up';

CREATE OPERATOR converge.- (
	FUNCTION = converge.pncounter_minus,
	LEFTARG = converge.pncounter,
	RIGHTARG = bigint
);
COMMENT ON OPERATOR converge.- (converge.pncounter, bigint) IS
	'count down';

CREATE FUNCTION converge.reset(counter converge.pncounter) RETURNS converge.pncounter
	AS 'MODULE_PATHNAME', 'counter_reset' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.reset(converge.pncounter) IS
	'the counter at zero; what other nodes add at the same time stays';

-- Reads

CREATE FUNCTION converge.value(counter converge.pncounter) RETURNS bigint
	AS 'MODULE_PATHNAME', 'counter_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.pncounter) IS
	'the value of the counter';

CREATE FUNCTION converge.contributions(counter converge.pncounter, OUT replica text, OUT amount bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'counter_contributions' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION converge.contributions(converge.pncounter) IS
	'what each replica has contributed since the last reset';

CREATE CAST (converge.pncounter AS bigint)
	WITH FUNCTION converge.value(converge.pncounter) AS ASSIGNMENT;
COMMENT ON CAST (converge.pncounter AS bigint) IS
	'the value of the counter';

CREATE CAST (bigint AS converge.pncounter)
	WITH FUNCTION converge.pncounter(bigint) AS ASSIGNMENT;
COMMENT ON CAST (bigint AS converge.pncounter) IS
	'a new counter with this value';

CREATE CAST (integer AS converge.pncounter)
	WITH FUNCTION converge.pncounter(integer) AS ASSIGNMENT;
COMMENT ON CAST (integer AS converge.pncounter) IS
	'a new counter with this value';

-- Comparison of the value with a plain one

CREATE FUNCTION converge.pncounter_eq_bigint(converge.pncounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'counter_eq_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_eq_bigint(converge.pncounter, bigint) IS
	'implementation of operator =';

CREATE FUNCTION converge.bigint_eq_pncounter(bigint, converge.pncounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_eq_counter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_eq_pncounter(bigint, converge.pncounter) IS
	'implementation of operator =';

CREATE FUNCTION converge.pncounter_ne_bigint(converge.pncounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'counter_ne_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_ne_bigint(converge.pncounter, bigint) IS
	'implementation of operator <>';

CREATE FUNCTION converge.bigint_ne_pncounter(bigint, converge.pncounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_ne_counter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_ne_pncounter(bigint, converge.pncounter) IS
	'implementation of operator <>';

CREATE FUNCTION converge.pncounter_lt_bigint(converge.pncounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'counter_lt_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_lt_bigint(converge.pncounter, bigint) IS
	'implementation of operator <';

CREATE FUNCTION converge.bigint_lt_pncounter(bigint, converge.pncounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_lt_counter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_lt_pncounter(bigint, converge.pncounter) IS
	'implementation of operator <';

CREATE FUNCTION converge.pncounter_le_bigint(converge.pncounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'counter_le_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_le_bigint(converge.pncounter, bigint) IS
	'implementation of operator <=';

CREATE FUNCTION converge.bigint_le_pncounter(bigint, converge.pncounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_le_counter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_le_pncounter(bigint, converge.pncounter) IS
	'implementation of operator <=';

CREATE FUNCTION converge.pncounter_gt_bigint(converge.pncounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'counter_gt_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_gt_bigint(converge.pncounter, bigint) IS
	'implementation of operator >';

CREATE FUNCTION converge.bigint_gt_pncounter(bigint, converge.pncounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_gt_counter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_gt_pncounter(bigint, converge.pncounter) IS
	'implementation of operator >';

CREATE FUNCTION converge.pncounter_ge_bigint(converge.pncounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'counter_ge_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.pncounter_ge_bigint(converge.pncounter, bigint) IS
	'implementation of operator >=';

CREATE FUNCTION converge.bigint_ge_pncounter(bigint, converge.pncounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_ge_counter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_ge_pncounter(bigint, converge.pncounter) IS
	'implementation of operator >=';

CREATE OPERATOR converge.= (
	FUNCTION = converge.pncounter_eq_bigint,
	LEFTARG = converge.pncounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (converge.pncounter, bigint) IS
	'value equal';

CREATE OPERATOR converge.= (
	FUNCTION = converge.bigint_eq_pncounter,
	LEFTARG = bigint,
	RIGHTARG = converge.pncounter,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (bigint, converge.pncounter) IS
	'equal, compared with the value';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.pncounter_ne_bigint,
	LEFTARG = converge.pncounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.pncounter, bigint) IS
	'value not equal';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.bigint_ne_pncounter,
	LEFTARG = bigint,
	RIGHTARG = converge.pncounter,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (bigint, converge.pncounter) IS
	'not equal, compared with the value';

CREATE OPERATOR converge.< (
	FUNCTION = converge.pncounter_lt_bigint,
	LEFTARG = converge.pncounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.>),
	NEGATOR = OPERATOR(converge.>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (converge.pncounter, bigint) IS
	'value less';

CREATE OPERATOR converge.< (
	FUNCTION = converge.bigint_lt_pncounter,
	LEFTARG = bigint,
	RIGHTARG = converge.pncounter,
	COMMUTATOR = OPERATOR(converge.>),
	NEGATOR = OPERATOR(converge.>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (bigint, converge.pncounter) IS
	'less, compared with the value';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.pncounter_le_bigint,
	LEFTARG = converge.pncounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.>=),
	NEGATOR = OPERATOR(converge.>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (converge.pncounter, bigint) IS
	'value less or equal';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.bigint_le_pncounter,
	LEFTARG = bigint,
	RIGHTARG = converge.pncounter,
	COMMUTATOR = OPERATOR(converge.>=),
	NEGATOR = OPERATOR(converge.>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (bigint, converge.pncounter) IS
	'less or equal, compared with the value';

CREATE OPERATOR converge.> (
	FUNCTION = converge.pncounter_gt_bigint,
	LEFTARG = converge.pncounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.<),
	NEGATOR = OPERATOR(converge.<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (converge.pncounter, bigint) IS
	'value greater';

CREATE OPERATOR converge.> (
	FUNCTION = converge.bigint_gt_pncounter,
	LEFTARG = bigint,
	RIGHTARG = converge.pncounter,
	COMMUTATOR = OPERATOR(converge.<),
	NEGATOR = OPERATOR(converge.<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (bigint, converge.pncounter) IS
	'greater, compared with the value';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.pncounter_ge_bigint,
	LEFTARG = converge.pncounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.<=),
	NEGATOR = OPERATOR(converge.<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (converge.pncounter, bigint) IS
	'value greater or equal';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.bigint_ge_pncounter,
	LEFTARG = bigint,
	RIGHTARG = converge.pncounter,
	COMMUTATOR = OPERATOR(converge.<=),
	NEGATOR = OPERATOR(converge.<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (bigint, converge.pncounter) IS
	'greater or equal, compared with the value';
