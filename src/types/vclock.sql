/*
 * Type converge.vclock: vector clocks.
 *
 * All functions are strict: NULL in, NULL out.
 */

CREATE TYPE converge.vclock;

CREATE FUNCTION converge.vclock_in(cstring) RETURNS converge.vclock
	AS 'MODULE_PATHNAME', 'vclock_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.vclock_out(converge.vclock) RETURNS cstring
	AS 'MODULE_PATHNAME', 'vclock_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_out(converge.vclock) IS
	'I/O';

CREATE FUNCTION converge.vclock_recv(internal) RETURNS converge.vclock
	AS 'MODULE_PATHNAME', 'vclock_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.vclock_send(converge.vclock) RETURNS bytea
	AS 'MODULE_PATHNAME', 'vclock_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_send(converge.vclock) IS
	'I/O';

CREATE TYPE converge.vclock (
	INPUT = converge.vclock_in,
	OUTPUT = converge.vclock_out,
	RECEIVE = converge.vclock_recv,
	SEND = converge.vclock_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.vclock IS
	'vector clock: replica id -> bigint, as in {london:5,paris:3}';

-- Functions

CREATE FUNCTION converge.increment(clock converge.vclock, replica_id text, by bigint DEFAULT 1) RETURNS converge.vclock
	AS 'MODULE_PATHNAME', 'vclock_increment' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.increment(converge.vclock, text, bigint) IS
	'the clock with one entry incremented';

CREATE FUNCTION converge.merge(a converge.vclock, b converge.vclock) RETURNS converge.vclock
	AS 'MODULE_PATHNAME', 'vclock_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.vclock, converge.vclock) IS
	'smallest clock that covers both: the larger value of each entry';

CREATE FUNCTION converge.value(clock converge.vclock, replica_id text) RETURNS bigint
	AS 'MODULE_PATHNAME', 'vclock_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.vclock, text) IS
	'value of one entry, 0 when there is none';

CREATE FUNCTION converge.vclock_compare(a converge.vclock, b converge.vclock) RETURNS text
	AS 'MODULE_PATHNAME', 'vclock_compare' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_compare(converge.vclock, converge.vclock) IS
	'relation of the first clock to the second: equal, before, after or concurrent';

-- Causality, a partial order, and merge

CREATE FUNCTION converge.vclock_eq(converge.vclock, converge.vclock) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vclock_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_eq(converge.vclock, converge.vclock) IS
	'implementation of operator =';

CREATE FUNCTION converge.vclock_ne(converge.vclock, converge.vclock) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vclock_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_ne(converge.vclock, converge.vclock) IS
	'implementation of operator <>';

CREATE FUNCTION converge.vclock_lt(converge.vclock, converge.vclock) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vclock_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_lt(converge.vclock, converge.vclock) IS
	'implementation of operator <';

CREATE FUNCTION converge.vclock_le(converge.vclock, converge.vclock) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vclock_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_le(converge.vclock, converge.vclock) IS
	'implementation of operator <=';

CREATE FUNCTION converge.vclock_gt(converge.vclock, converge.vclock) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vclock_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_gt(converge.vclock, converge.vclock) IS
	'implementation of operator >';

CREATE FUNCTION converge.vclock_ge(converge.vclock, converge.vclock) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vclock_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_ge(converge.vclock, converge.vclock) IS
	'implementation of operator >=';

CREATE FUNCTION converge.vclock_concurrent(converge.vclock, converge.vclock) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vclock_concurrent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_concurrent(converge.vclock, converge.vclock) IS
	'implementation of operator #';

CREATE OPERATOR converge.= (
	FUNCTION = converge.vclock_eq,
	LEFTARG = converge.vclock,
	RIGHTARG = converge.vclock,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES,
	MERGES
);
COMMENT ON OPERATOR converge.= (converge.vclock, converge.vclock) IS
	'equal';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.vclock_ne,
	LEFTARG = converge.vclock,
	RIGHTARG = converge.vclock,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.vclock, converge.vclock) IS
	'not equal';

CREATE OPERATOR converge.< (
	FUNCTION = converge.vclock_lt,
	LEFTARG = converge.vclock,
	RIGHTARG = converge.vclock,
	COMMUTATOR = OPERATOR(converge.>),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.< (converge.vclock, converge.vclock) IS
	'happens before';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.vclock_le,
	LEFTARG = converge.vclock,
	RIGHTARG = converge.vclock,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.vclock, converge.vclock) IS
	'happens before or equal: is covered by';

CREATE OPERATOR converge.> (
	FUNCTION = converge.vclock_gt,
	LEFTARG = converge.vclock,
	RIGHTARG = converge.vclock,
	COMMUTATOR = OPERATOR(converge.<),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.> (converge.vclock, converge.vclock) IS
	'happens after';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.vclock_ge,
	LEFTARG = converge.vclock,
	RIGHTARG = converge.vclock,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.vclock, converge.vclock) IS
	'happens after or equal: covers';

CREATE OPERATOR converge.# (
	FUNCTION = converge.vclock_concurrent,
	LEFTARG = converge.vclock,
	RIGHTARG = converge.vclock,
	COMMUTATOR = OPERATOR(converge.#),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.# (converge.vclock, converge.vclock) IS
	'concurrent: neither covers the other';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.vclock,
	RIGHTARG = converge.vclock,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.vclock, converge.vclock) IS
	'merge';

/*
 * A total order for btree, which causality is not: entry by entry, by id in
 * byte order, then by value.  It says nothing about causality.
 */

CREATE FUNCTION converge.vclock_sort_lt(converge.vclock, converge.vclock) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vclock_sort_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_sort_lt(converge.vclock, converge.vclock) IS
	'implementation of operator *<';

CREATE FUNCTION converge.vclock_sort_le(converge.vclock, converge.vclock) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vclock_sort_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_sort_le(converge.vclock, converge.vclock) IS
	'implementation of operator *<=';

CREATE FUNCTION converge.vclock_sort_gt(converge.vclock, converge.vclock) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vclock_sort_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_sort_gt(converge.vclock, converge.vclock) IS
	'implementation of operator *>';

CREATE FUNCTION converge.vclock_sort_ge(converge.vclock, converge.vclock) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vclock_sort_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_sort_ge(converge.vclock, converge.vclock) IS
	'implementation of operator *>=';

CREATE FUNCTION converge.vclock_sort_cmp(converge.vclock, converge.vclock) RETURNS integer
	AS 'MODULE_PATHNAME', 'vclock_sort_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_sort_cmp(converge.vclock, converge.vclock) IS
	'less-equal-greater in the btree order';

CREATE OPERATOR converge.*< (
	FUNCTION = converge.vclock_sort_lt,
	LEFTARG = converge.vclock,
	RIGHTARG = converge.vclock,
	COMMUTATOR = OPERATOR(converge.*>),
	NEGATOR = OPERATOR(converge.*>=),
	RESTRICT = scalarltsel,
	JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR converge.*< (converge.vclock, converge.vclock) IS
	'sorts before';

CREATE OPERATOR converge.*<= (
	FUNCTION = converge.vclock_sort_le,
	LEFTARG = converge.vclock,
	RIGHTARG = converge.vclock,
	COMMUTATOR = OPERATOR(converge.*>=),
	NEGATOR = OPERATOR(converge.*>),
	RESTRICT = scalarlesel,
	JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR converge.*<= (converge.vclock, converge.vclock) IS
	'sorts before or equal';

CREATE OPERATOR converge.*> (
	FUNCTION = converge.vclock_sort_gt,
	LEFTARG = converge.vclock,
	RIGHTARG = converge.vclock,
	COMMUTATOR = OPERATOR(converge.*<),
	NEGATOR = OPERATOR(converge.*<=),
	RESTRICT = scalargtsel,
	JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR converge.*> (converge.vclock, converge.vclock) IS
	'sorts after';

CREATE OPERATOR converge.*>= (
	FUNCTION = converge.vclock_sort_ge,
	LEFTARG = converge.vclock,
	RIGHTARG = converge.vclock,
	COMMUTATOR = OPERATOR(converge.*<=),
	NEGATOR = OPERATOR(converge.*<),
	RESTRICT = scalargesel,
	JOIN = scalargejoinsel
);
COMMENT ON OPERATOR converge.*>= (converge.vclock, converge.vclock) IS
	'sorts after or equal';

CREATE OPERATOR CLASS converge.vclock_ops DEFAULT FOR TYPE converge.vclock USING btree AS
	OPERATOR 1 converge.*<,
	OPERATOR 2 converge.*<=,
	OPERATOR 3 converge.=,
	OPERATOR 4 converge.*>=,
	OPERATOR 5 converge.*>,
	FUNCTION 1 converge.vclock_sort_cmp(converge.vclock, converge.vclock);
COMMENT ON OPERATOR CLASS converge.vclock_ops USING btree IS
	'total order of vector clocks, unrelated to causality';
COMMENT ON OPERATOR FAMILY converge.vclock_ops USING btree IS
	'total order of vector clocks, unrelated to causality';

CREATE FUNCTION converge.vclock_hash(converge.vclock) RETURNS integer
	AS 'MODULE_PATHNAME', 'vclock_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_hash(converge.vclock) IS
	'hash';

CREATE FUNCTION converge.vclock_hash_extended(converge.vclock, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'vclock_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_hash_extended(converge.vclock, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.vclock_ops DEFAULT FOR TYPE converge.vclock USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.vclock_hash(converge.vclock),
	FUNCTION 2 converge.vclock_hash_extended(converge.vclock, bigint);
COMMENT ON OPERATOR CLASS converge.vclock_ops USING hash IS
	'equality of vector clocks';
COMMENT ON OPERATOR FAMILY converge.vclock_ops USING hash IS
	'equality of vector clocks';

-- Aggregate

CREATE AGGREGATE converge.merge(converge.vclock) (
	SFUNC = converge.merge,
	STYPE = converge.vclock,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.vclock) IS
	'smallest clock that covers all input clocks; NULL without input';

-- Casts

CREATE FUNCTION converge.vclock_to_jsonb(converge.vclock) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'vclock_to_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_to_jsonb(converge.vclock) IS
	'convert vclock to jsonb';

CREATE FUNCTION converge.vclock_from_jsonb(jsonb) RETURNS converge.vclock
	AS 'MODULE_PATHNAME', 'vclock_from_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.vclock_from_jsonb(jsonb) IS
	'convert jsonb to vclock';

CREATE CAST (converge.vclock AS jsonb)
	WITH FUNCTION converge.vclock_to_jsonb(converge.vclock) AS ASSIGNMENT;
COMMENT ON CAST (converge.vclock AS jsonb) IS
	'an object with one key per entry';

CREATE CAST (jsonb AS converge.vclock)
	WITH FUNCTION converge.vclock_from_jsonb(jsonb) AS ASSIGNMENT;
COMMENT ON CAST (jsonb AS converge.vclock) IS
	'from an object whose values are integers';
