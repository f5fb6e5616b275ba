/*
 * Type converge.gcounter: a counter that only grows, with reset.
 */

CREATE TYPE converge.gcounter;

CREATE FUNCTION converge.gcounter_in(cstring) RETURNS converge.gcounter
	AS 'MODULE_PATHNAME', 'gcounter_in' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.gcounter_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.gcounter_out(converge.gcounter) RETURNS cstring
	AS 'MODULE_PATHNAME', 'gcounter_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_out(converge.gcounter) IS
	'I/O';

CREATE FUNCTION converge.gcounter_recv(internal) RETURNS converge.gcounter
	AS 'MODULE_PATHNAME', 'gcounter_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.gcounter_send(converge.gcounter) RETURNS bytea
	AS 'MODULE_PATHNAME', 'gcounter_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_send(converge.gcounter) IS
	'I/O';

CREATE TYPE converge.gcounter (
	INPUT = converge.gcounter_in,
	OUTPUT = converge.gcounter_out,
	RECEIVE = converge.gcounter_recv,
	SEND = converge.gcounter_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.gcounter IS
	'grow-only counter, as in 5 {london 5@770000000000001}';

-- Constructor, merge, difference

CREATE FUNCTION converge.gcounter() RETURNS converge.gcounter
	AS 'MODULE_PATHNAME', 'gcounter_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter() IS
	'the empty gcounter';

CREATE FUNCTION converge.merge(a converge.gcounter, b converge.gcounter) RETURNS converge.gcounter
	AS 'MODULE_PATHNAME', 'gcounter_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.gcounter, converge.gcounter) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.gcounter, new converge.gcounter) RETURNS converge.gcounter
	AS 'MODULE_PATHNAME', 'gcounter_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.gcounter, converge.gcounter) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.gcounter) (
	SFUNC = converge.merge,
	STYPE = converge.gcounter,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.gcounter) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.gcounter,
	RIGHTARG = converge.gcounter,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.gcounter, converge.gcounter) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.gcounter_le(converge.gcounter, converge.gcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'gcounter_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_le(converge.gcounter, converge.gcounter) IS
	'implementation of operator <=';

CREATE FUNCTION converge.gcounter_ge(converge.gcounter, converge.gcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'gcounter_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_ge(converge.gcounter, converge.gcounter) IS
	'implementation of operator >=';

CREATE FUNCTION converge.gcounter_eq(converge.gcounter, converge.gcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'gcounter_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_eq(converge.gcounter, converge.gcounter) IS
	'implementation of operator =';

CREATE FUNCTION converge.gcounter_ne(converge.gcounter, converge.gcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'gcounter_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_ne(converge.gcounter, converge.gcounter) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.gcounter_le,
	LEFTARG = converge.gcounter,
	RIGHTARG = converge.gcounter,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.gcounter, converge.gcounter) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.gcounter_ge,
	LEFTARG = converge.gcounter,
	RIGHTARG = converge.gcounter,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.gcounter, converge.gcounter) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.gcounter_eq,
	LEFTARG = converge.gcounter,
	RIGHTARG = converge.gcounter,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.gcounter, converge.gcounter) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.gcounter_ne,
	LEFTARG = converge.gcounter,
	RIGHTARG = converge.gcounter,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.gcounter, converge.gcounter) IS
	'not equal';

CREATE FUNCTION converge.gcounter_hash(converge.gcounter) RETURNS integer
	AS 'MODULE_PATHNAME', 'gcounter_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_hash(converge.gcounter) IS
	'hash';

CREATE FUNCTION converge.gcounter_hash_extended(converge.gcounter, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'gcounter_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_hash_extended(converge.gcounter, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.gcounter_ops DEFAULT FOR TYPE converge.gcounter USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.gcounter_hash(converge.gcounter),
	FUNCTION 2 converge.gcounter_hash_extended(converge.gcounter, bigint);
COMMENT ON OPERATOR CLASS converge.gcounter_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.gcounter_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.gcounter(bigint) RETURNS converge.gcounter
	AS 'MODULE_PATHNAME', 'gcounter_from_bigint' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.gcounter(bigint) IS
	'a new counter, with this amount contributed by this node';

CREATE FUNCTION converge.gcounter(integer) RETURNS converge.gcounter
	AS 'MODULE_PATHNAME', 'gcounter_from_integer' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.gcounter(integer) IS
	'a new counter, with this amount contributed by this node';

CREATE FUNCTION converge.gcounter_plus(counter converge.gcounter, n bigint) RETURNS converge.gcounter
	AS 'MODULE_PATHNAME', 'counter_plus' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.gcounter_plus(converge.gcounter, bigint) IS
	'implementation of operator +';

CREATE OPERATOR converge.+ (
	FUNCTION = converge.gcounter_plus,
	LEFTARG = converge.gcounter,
	RIGHTARG = bigint
);
COMMENT ON OPERATOR converge.+ (converge.gcounter, bigint) IS
	'count up';

CREATE FUNCTION converge.reset(counter converge.gcounter) RETURNS converge.gcounter
	AS 'MODULE_PATHNAME', 'counter_reset' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.reset(converge.gcounter) IS
	'the counter at zero; what other nodes add at the same time stays';

-- Reads

CREATE FUNCTION converge.value(counter converge.gcounter) RETURNS bigint
	AS 'MODULE_PATHNAME', 'counter_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.gcounter) IS
	'the value of the counter';

CREATE FUNCTION converge.contributions(counter converge.gcounter, OUT replica text, OUT amount bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'counter_contributions' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION converge.contributions(converge.gcounter) IS
	'what each replica has contributed since the last reset';

CREATE CAST (converge.gcounter AS bigint)
	WITH FUNCTION converge.value(converge.gcounter) AS ASSIGNMENT;
COMMENT ON CAST (converge.gcounter AS bigint) IS
	'the value of the counter';

CREATE CAST (bigint AS converge.gcounter)
	WITH FUNCTION converge.gcounter(bigint) AS ASSIGNMENT;
COMMENT ON CAST (bigint AS converge.gcounter) IS
	'a new counter with this value';

CREATE CAST (integer AS converge.gcounter)
	WITH FUNCTION converge.gcounter(integer) AS ASSIGNMENT;
COMMENT ON CAST (integer AS converge.gcounter) IS
	'a new counter with this value';

-- Comparison of the value with a plain one

CREATE FUNCTION converge.gcounter_eq_bigint(converge.gcounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'counter_eq_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_eq_bigint(converge.gcounter, bigint) IS
	'implementation of operator =';

CREATE FUNCTION converge.bigint_eq_gcounter(bigint, converge.gcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_eq_counter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_eq_gcounter(bigint, converge.gcounter) IS
	'implementation of operator =';

CREATE FUNCTION converge.gcounter_ne_bigint(converge.gcounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'counter_ne_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_ne_bigint(converge.gcounter, bigint) IS
	'implementation of operator <>';

CREATE FUNCTION converge.bigint_ne_gcounter(bigint, converge.gcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_ne_counter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_ne_gcounter(bigint, converge.gcounter) IS
	'implementation of operator <>';

CREATE FUNCTION converge.gcounter_lt_bigint(converge.gcounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'counter_lt_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_lt_bigint(converge.gcounter, bigint) IS
	'implementation of operator <';

CREATE FUNCTION converge.bigint_lt_gcounter(bigint, converge.gcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_lt_counter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_lt_gcounter(bigint, converge.gcounter) IS
	'implementation of operator <';

CREATE FUNCTION converge.gcounter_le_bigint(converge.gcounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'counter_le_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_le_bigint(converge.gcounter, bigint) IS
	'implementation of operator <=';

CREATE FUNCTION converge.bigint_le_gcounter(bigint, converge.gcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_le_counter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_le_gcounter(bigint, converge.gcounter) IS
	'implementation of operator <=';

CREATE FUNCTION converge.gcounter_gt_bigint(converge.gcounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'counter_gt_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_gt_bigint(converge.gcounter, bigint) IS
	'implementation of operator >';

CREATE FUNCTION converge.bigint_gt_gcounter(bigint, converge.gcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_gt_counter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_gt_gcounter(bigint, converge.gcounter) IS
	'implementation of operator >';

CREATE FUNCTION converge.gcounter_ge_bigint(converge.gcounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'counter_ge_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gcounter_ge_bigint(converge.gcounter, bigint) IS
	'implementation of operator >=';

CREATE FUNCTION converge.bigint_ge_gcounter(bigint, converge.gcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_ge_counter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_ge_gcounter(bigint, converge.gcounter) IS
	'implementation of operator >=';

CREATE OPERATOR converge.= (
	FUNCTION = converge.gcounter_eq_bigint,
	LEFTARG = converge.gcounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (converge.gcounter, bigint) IS
	'value equal';

CREATE OPERATOR converge.= (
	FUNCTION = converge.bigint_eq_gcounter,
	LEFTARG = bigint,
	RIGHTARG = converge.gcounter,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (bigint, converge.gcounter) IS
	'equal, compared with the value';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.gcounter_ne_bigint,
	LEFTARG = converge.gcounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.gcounter, bigint) IS
	'value not equal';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.bigint_ne_gcounter,
	LEFTARG = bigint,
	RIGHTARG = converge.gcounter,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (bigint, converge.gcounter) IS
	'not equal, compared with the value';

CREATE OPERATOR converge.< (
	FUNCTION = converge.gcounter_lt_bigint,
	LEFTARG = converge.gcounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.>),
	NEGATOR = OPERATOR(converge.>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (converge.gcounter, bigint) IS
	'value less';

CREATE OPERATOR converge.< (
	FUNCTION = converge.bigint_lt_gcounter,
	LEFTARG = bigint,
	RIGHTARG = converge.gcounter,
	COMMUTATOR = OPERATOR(converge.>),
	NEGATOR = OPERATOR(converge.>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (bigint, converge.gcounter) IS
	'less, compared with the value';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.gcounter_le_bigint,
	LEFTARG = converge.gcounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.>=),
	NEGATOR = OPERATOR(converge.>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (converge.gcounter, bigint) IS
	'value less or equal';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.bigint_le_gcounter,
	LEFTARG = bigint,
	RIGHTARG = converge.gcounter,
	COMMUTATOR = OPERATOR(converge.>=),
	NEGATOR = OPERATOR(converge.>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (bigint, converge.gcounter) IS
	'less or equal, compared with the value';

CREATE OPERATOR converge.> (
	FUNCTION = converge.gcounter_gt_bigint,
	LEFTARG = converge.gcounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.<),
	NEGATOR = OPERATOR(converge.<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (converge.gcounter, bigint) IS
	'value greater';

CREATE OPERATOR converge.> (
	FUNCTION = converge.bigint_gt_gcounter,
	LEFTARG = bigint,
	RIGHTARG = converge.gcounter,
	COMMUTATOR = OPERATOR(converge.<),
	NEGATOR = OPERATOR(converge.<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (bigint, converge.gcounter) IS
	'greater, compared with the value';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.gcounter_ge_bigint,
	LEFTARG = converge.gcounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.<=),
	NEGATOR = OPERATOR(converge.<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (converge.gcounter, bigint) IS
	'value greater or equal';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.bigint_ge_gcounter,
	LEFTARG = bigint,
	RIGHTARG = converge.gcounter,
	COMMUTATOR = OPERATOR(converge.<=),
	NEGATOR = OPERATOR(converge.<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (bigint, converge.gcounter) IS
	'greater or equal, compared with the value';
