/*
 * Type converge.bcounter: a counter that never goes below its bound, by rights.
 */

CREATE TYPE converge.bcounter;

CREATE FUNCTION converge.bcounter_in(cstring) RETURNS converge.bcounter
	AS 'MODULE_PATHNAME', 'bcounter_in' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.bcounter_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.bcounter_out(converge.bcounter) RETURNS cstring
	AS 'MODULE_PATHNAME', 'bcounter_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_out(converge.bcounter) IS
	'I/O';

CREATE FUNCTION converge.bcounter_recv(internal) RETURNS converge.bcounter
	AS 'MODULE_PATHNAME', 'bcounter_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.bcounter_send(converge.bcounter) RETURNS bytea
	AS 'MODULE_PATHNAME', 'bcounter_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_send(converge.bcounter) IS
	'I/O';

CREATE TYPE converge.bcounter (
	INPUT = converge.bcounter_in,
	OUTPUT = converge.bcounter_out,
	RECEIVE = converge.bcounter_recv,
	SEND = converge.bcounter_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.bcounter IS
	'counter that never goes below a bound, as in 7 >= 0 {london +10@770000000000001 -3@770000000000002}';

-- Constructor, merge, difference

CREATE FUNCTION converge.bcounter() RETURNS converge.bcounter
	AS 'MODULE_PATHNAME', 'bcounter_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter() IS
	'the empty bcounter';

CREATE FUNCTION converge.merge(a converge.bcounter, b converge.bcounter) RETURNS converge.bcounter
	AS 'MODULE_PATHNAME', 'bcounter_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.bcounter, converge.bcounter) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.bcounter, new converge.bcounter) RETURNS converge.bcounter
	AS 'MODULE_PATHNAME', 'bcounter_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.bcounter, converge.bcounter) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.bcounter) (
	SFUNC = converge.merge,
	STYPE = converge.bcounter,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.bcounter) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.bcounter,
	RIGHTARG = converge.bcounter,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.bcounter, converge.bcounter) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.bcounter_le(converge.bcounter, converge.bcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bcounter_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_le(converge.bcounter, converge.bcounter) IS
	'implementation of operator <=';

CREATE FUNCTION converge.bcounter_ge(converge.bcounter, converge.bcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bcounter_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_ge(converge.bcounter, converge.bcounter) IS
	'implementation of operator >=';

CREATE FUNCTION converge.bcounter_eq(converge.bcounter, converge.bcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bcounter_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_eq(converge.bcounter, converge.bcounter) IS
	'implementation of operator =';

CREATE FUNCTION converge.bcounter_ne(converge.bcounter, converge.bcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bcounter_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_ne(converge.bcounter, converge.bcounter) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.bcounter_le,
	LEFTARG = converge.bcounter,
	RIGHTARG = converge.bcounter,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.bcounter, converge.bcounter) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.bcounter_ge,
	LEFTARG = converge.bcounter,
	RIGHTARG = converge.bcounter,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.bcounter, converge.bcounter) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.bcounter_eq,
	LEFTARG = converge.bcounter,
	RIGHTARG = converge.bcounter,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.bcounter, converge.bcounter) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.bcounter_ne,
	LEFTARG = converge.bcounter,
	RIGHTARG = converge.bcounter,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.bcounter, converge.bcounter) IS
	'not equal';

CREATE FUNCTION converge.bcounter_hash(converge.bcounter) RETURNS integer
	AS 'MODULE_PATHNAME', 'bcounter_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_hash(converge.bcounter) IS
	'hash';

CREATE FUNCTION converge.bcounter_hash_extended(converge.bcounter, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'bcounter_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_hash_extended(converge.bcounter, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.bcounter_ops DEFAULT FOR TYPE converge.bcounter USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.bcounter_hash(converge.bcounter),
	FUNCTION 2 converge.bcounter_hash_extended(converge.bcounter, bigint);
COMMENT ON OPERATOR CLASS converge.bcounter_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.bcounter_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.bcounter(bound bigint) RETURNS converge.bcounter
	AS 'MODULE_PATHNAME', 'bcounter_new' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter(bigint) IS
	'a counter that never goes below this bound, from which it starts';

CREATE FUNCTION converge.bcounter_plus(counter converge.bcounter, n bigint) RETURNS converge.bcounter
	AS 'MODULE_PATHNAME', 'bcounter_plus' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.bcounter_plus(converge.bcounter, bigint) IS
	'implementation of operator +';

CREATE FUNCTION converge.bcounter_minus(counter converge.bcounter, n bigint) RETURNS converge.bcounter
	AS 'MODULE_PATHNAME', 'bcounter_minus' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.bcounter_minus(converge.bcounter, bigint) IS
	'implementation of operator -';

CREATE FUNCTION converge.to_bcounter(bigint) RETURNS converge.bcounter
	AS 'MODULE_PATHNAME', 'bcounter_from_bigint' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.to_bcounter(bigint) IS
	'convert a number to a bounded counter: with the bound 0, and this node holds all rights';

CREATE FUNCTION converge.to_bcounter(integer) RETURNS converge.bcounter
	AS 'MODULE_PATHNAME', 'bcounter_from_integer' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.to_bcounter(integer) IS
	'convert a number to a bounded counter: with the bound 0, and this node holds all rights';

CREATE OPERATOR converge.+ (
	FUNCTION = converge.bcounter_plus,
	LEFTARG = converge.bcounter,
	RIGHTARG = bigint
);
COMMENT ON OPERATOR converge.+ (converge.bcounter, bigint) IS
	'count up: this node gets the rights to what it adds';

CREATE OPERATOR converge.- (
	FUNCTION = converge.bcounter_minus,
	LEFTARG = converge.bcounter,
	RIGHTARG = bigint
);
COMMENT ON OPERATOR converge.- (converge.bcounter, bigint) IS
	'count down, as far as this node holds rights';

CREATE FUNCTION converge.transfer(counter converge.bcounter, replica text, n bigint) RETURNS converge.bcounter
	AS 'MODULE_PATHNAME', 'bcounter_transfer' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.transfer(converge.bcounter, text, bigint) IS
	'the counter with rights of this node handed over to another';

-- Reads

CREATE FUNCTION converge.value(counter converge.bcounter) RETURNS bigint
	AS 'MODULE_PATHNAME', 'bcounter_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.bcounter) IS
	'the value of the counter';

CREATE FUNCTION converge.bound(counter converge.bcounter) RETURNS bigint
	AS 'MODULE_PATHNAME', 'bcounter_bound' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bound(converge.bcounter) IS
	'the bound of the counter';

CREATE FUNCTION converge.rights(counter converge.bcounter, OUT replica text, OUT amount bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'bcounter_rights' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION converge.rights(converge.bcounter) IS
	'how much each replica may take away without asking';

CREATE CAST (converge.bcounter AS bigint)
	WITH FUNCTION converge.value(converge.bcounter) AS ASSIGNMENT;
COMMENT ON CAST (converge.bcounter AS bigint) IS
	'the value of the counter';

CREATE CAST (bigint AS converge.bcounter)
	WITH FUNCTION converge.to_bcounter(bigint) AS ASSIGNMENT;
COMMENT ON CAST (bigint AS converge.bcounter) IS
	'a new counter with this value and the bound 0';

CREATE CAST (integer AS converge.bcounter)
	WITH FUNCTION converge.to_bcounter(integer) AS ASSIGNMENT;
COMMENT ON CAST (integer AS converge.bcounter) IS
	'a new counter with this value and the bound 0';

-- Comparison of the value with a plain one

CREATE FUNCTION converge.bcounter_eq_bigint(converge.bcounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bcounter_eq_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_eq_bigint(converge.bcounter, bigint) IS
	'implementation of operator =';

CREATE FUNCTION converge.bigint_eq_bcounter(bigint, converge.bcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_eq_bcounter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_eq_bcounter(bigint, converge.bcounter) IS
	'implementation of operator =';

CREATE FUNCTION converge.bcounter_ne_bigint(converge.bcounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bcounter_ne_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_ne_bigint(converge.bcounter, bigint) IS
	'implementation of operator <>';

CREATE FUNCTION converge.bigint_ne_bcounter(bigint, converge.bcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_ne_bcounter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_ne_bcounter(bigint, converge.bcounter) IS
	'implementation of operator <>';

CREATE FUNCTION converge.bcounter_lt_bigint(converge.bcounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bcounter_lt_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_lt_bigint(converge.bcounter, bigint) IS
	'implementation of operator <';

CREATE FUNCTION converge.bigint_lt_bcounter(bigint, converge.bcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_lt_bcounter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_lt_bcounter(bigint, converge.bcounter) IS
	'implementation of operator <';

CREATE FUNCTION converge.bcounter_le_bigint(converge.bcounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bcounter_le_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_le_bigint(converge.bcounter, bigint) IS
	'implementation of operator <=';

CREATE FUNCTION converge.bigint_le_bcounter(bigint, converge.bcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_le_bcounter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_le_bcounter(bigint, converge.bcounter) IS
	'implementation of operator <=';

CREATE FUNCTION converge.bcounter_gt_bigint(converge.bcounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bcounter_gt_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_gt_bigint(converge.bcounter, bigint) IS
	'implementation of operator >';

CREATE FUNCTION converge.bigint_gt_bcounter(bigint, converge.bcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_gt_bcounter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_gt_bcounter(bigint, converge.bcounter) IS
	'implementation of operator >';

CREATE FUNCTION converge.bcounter_ge_bigint(converge.bcounter, bigint) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bcounter_ge_bigint' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bcounter_ge_bigint(converge.bcounter, bigint) IS
	'implementation of operator >=';

CREATE FUNCTION converge.bigint_ge_bcounter(bigint, converge.bcounter) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bigint_ge_bcounter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.bigint_ge_bcounter(bigint, converge.bcounter) IS
	'implementation of operator >=';

CREATE OPERATOR converge.= (
	FUNCTION = converge.bcounter_eq_bigint,
	LEFTARG = converge.bcounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (converge.bcounter, bigint) IS
	'value equal';

CREATE OPERATOR converge.= (
	FUNCTION = converge.bigint_eq_bcounter,
	LEFTARG = bigint,
	RIGHTARG = converge.bcounter,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel
);
COMMENT ON OPERATOR converge.= (bigint, converge.bcounter) IS
	'equal, compared with the value';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.bcounter_ne_bigint,
	LEFTARG = converge.bcounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.bcounter, bigint) IS
	'value not equal';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.bigint_ne_bcounter,
	LEFTARG = bigint,
	RIGHTARG = converge.bcounter,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (bigint, converge.bcounter) IS
	'not equal, compared with the value';

CREATE OPERATOR converge.< (
	FUNCTION = converge.bcounter_lt_bigint,
	LEFTARG = converge.bcounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.>),
	NEGATOR = OPERATOR(converge.>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (converge.bcounter, bigint) IS
	'value less';

CREATE OPERATOR converge.< (
	FUNCTION = converge.bigint_lt_bcounter,
	LEFTARG = bigint,
	RIGHTARG = converge.bcounter,
	COMMUTATOR = OPERATOR(converge.>),
	NEGATOR = OPERATOR(converge.>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.< (bigint, converge.bcounter) IS
	'less, compared with the value';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.bcounter_le_bigint,
	LEFTARG = converge.bcounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.>=),
	NEGATOR = OPERATOR(converge.>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (converge.bcounter, bigint) IS
	'value less or equal';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.bigint_le_bcounter,
	LEFTARG = bigint,
	RIGHTARG = converge.bcounter,
	COMMUTATOR = OPERATOR(converge.>=),
	NEGATOR = OPERATOR(converge.>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.<= (bigint, converge.bcounter) IS
	'less or equal, compared with the value';

CREATE OPERATOR converge.> (
	FUNCTION = converge.bcounter_gt_bigint,
	LEFTARG = converge.bcounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.<),
	NEGATOR = OPERATOR(converge.<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (converge.bcounter, bigint) IS
	'value greater';

CREATE OPERATOR converge.> (
	FUNCTION = converge.bigint_gt_bcounter,
	LEFTARG = bigint,
	RIGHTARG = converge.bcounter,
	COMMUTATOR = OPERATOR(converge.<),
	NEGATOR = OPERATOR(converge.<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.> (bigint, converge.bcounter) IS
	'greater, compared with the value';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.bcounter_ge_bigint,
	LEFTARG = converge.bcounter,
	RIGHTARG = bigint,
	COMMUTATOR = OPERATOR(converge.<=),
	NEGATOR = OPERATOR(converge.<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (converge.bcounter, bigint) IS
	'value greater or equal';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.bigint_ge_bcounter,
	LEFTARG = bigint,
	RIGHTARG = converge.bcounter,
	COMMUTATOR = OPERATOR(converge.<=),
	NEGATOR = OPERATOR(converge.<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.>= (bigint, converge.bcounter) IS
	'greater or equal, compared with the value';
