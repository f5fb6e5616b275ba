/*
 * Type converge.gset: a set of text that only grows.
 */

CREATE TYPE converge.gset;

CREATE FUNCTION converge.gset_in(cstring) RETURNS converge.gset
	AS 'MODULE_PATHNAME', 'gset_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.gset_out(converge.gset) RETURNS cstring
	AS 'MODULE_PATHNAME', 'gset_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_out(converge.gset) IS
	'I/O';

CREATE FUNCTION converge.gset_recv(internal) RETURNS converge.gset
	AS 'MODULE_PATHNAME', 'gset_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.gset_send(converge.gset) RETURNS bytea
	AS 'MODULE_PATHNAME', 'gset_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_send(converge.gset) IS
	'I/O';

CREATE TYPE converge.gset (
	INPUT = converge.gset_in,
	OUTPUT = converge.gset_out,
	RECEIVE = converge.gset_recv,
	SEND = converge.gset_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.gset IS
	'set of text that only grows, as in {apple, pear}';

-- Constructor, merge, difference

CREATE FUNCTION converge.gset() RETURNS converge.gset
	AS 'MODULE_PATHNAME', 'gset_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset() IS
	'the empty gset';

CREATE FUNCTION converge.merge(a converge.gset, b converge.gset) RETURNS converge.gset
	AS 'MODULE_PATHNAME', 'gset_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.gset, converge.gset) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.gset, new converge.gset) RETURNS converge.gset
	AS 'MODULE_PATHNAME', 'gset_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.gset, converge.gset) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.gset) (
	SFUNC = converge.merge,
	STYPE = converge.gset,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.gset) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.gset,
	RIGHTARG = converge.gset,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.gset, converge.gset) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.gset_le(converge.gset, converge.gset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'gset_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_le(converge.gset, converge.gset) IS
	'implementation of operator <=';

CREATE FUNCTION converge.gset_ge(converge.gset, converge.gset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'gset_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_ge(converge.gset, converge.gset) IS
	'implementation of operator >=';

CREATE FUNCTION converge.gset_eq(converge.gset, converge.gset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'gset_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_eq(converge.gset, converge.gset) IS
	'implementation of operator =';

CREATE FUNCTION converge.gset_ne(converge.gset, converge.gset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'gset_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_ne(converge.gset, converge.gset) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.gset_le,
	LEFTARG = converge.gset,
	RIGHTARG = converge.gset,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.gset, converge.gset) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.gset_ge,
	LEFTARG = converge.gset,
	RIGHTARG = converge.gset,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.gset, converge.gset) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.gset_eq,
	LEFTARG = converge.gset,
	RIGHTARG = converge.gset,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.gset, converge.gset) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.gset_ne,
	LEFTARG = converge.gset,
	RIGHTARG = converge.gset,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.gset, converge.gset) IS
	'not equal';

CREATE FUNCTION converge.gset_hash(converge.gset) RETURNS integer
	AS 'MODULE_PATHNAME', 'gset_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_hash(converge.gset) IS
	'hash';

CREATE FUNCTION converge.gset_hash_extended(converge.gset, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'gset_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_hash_extended(converge.gset, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.gset_ops DEFAULT FOR TYPE converge.gset USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.gset_hash(converge.gset),
	FUNCTION 2 converge.gset_hash_extended(converge.gset, bigint);
COMMENT ON OPERATOR CLASS converge.gset_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.gset_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.gset(text[]) RETURNS converge.gset
	AS 'MODULE_PATHNAME', 'gset_from_array' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.gset(text[]) IS
	'a new set with these elements';

CREATE FUNCTION converge.gset_add(converge.gset, text) RETURNS converge.gset
	AS 'MODULE_PATHNAME', 'set_add' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.gset_add(converge.gset, text) IS
	'implementation of operator +';

CREATE FUNCTION converge.gset_add(converge.gset, text[]) RETURNS converge.gset
	AS 'MODULE_PATHNAME', 'set_add_array' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.gset_add(converge.gset, text[]) IS
	'implementation of operator +';

CREATE OPERATOR converge.+ (
	FUNCTION = converge.gset_add,
	LEFTARG = converge.gset,
	RIGHTARG = text
);
COMMENT ON OPERATOR converge.+ (converge.gset, text) IS
	'the set with this element';

CREATE OPERATOR converge.+ (
	FUNCTION = converge.gset_add,
	LEFTARG = converge.gset,
	RIGHTARG = text[]
);
COMMENT ON OPERATOR converge.+ (converge.gset, text[]) IS
	'the set with these elements';

-- Reads

CREATE FUNCTION converge.value(set converge.gset) RETURNS text[]
	AS 'MODULE_PATHNAME', 'set_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.gset) IS
	'the elements, in order of their bytes';

CREATE FUNCTION converge.elements(set converge.gset) RETURNS SETOF text
	AS 'MODULE_PATHNAME', 'set_elements' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION converge.elements(converge.gset) IS
	'the elements, in order of their bytes';

CREATE FUNCTION converge.cardinality(set converge.gset) RETURNS integer
	AS 'MODULE_PATHNAME', 'set_cardinality' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cardinality(converge.gset) IS
	'number of elements';

CREATE CAST (converge.gset AS text[])
	WITH FUNCTION converge.value(converge.gset) AS ASSIGNMENT;
COMMENT ON CAST (converge.gset AS text[]) IS
	'the elements, in order of their bytes';

CREATE CAST (text[] AS converge.gset)
	WITH FUNCTION converge.gset(text[]) AS ASSIGNMENT;
COMMENT ON CAST (text[] AS converge.gset) IS
	'a new set with these elements';

-- Elements and containment

CREATE FUNCTION converge.gset_has(converge.gset, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_has' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_has(converge.gset, text) IS
	'implementation of operator ?';

CREATE OPERATOR converge.? (
	FUNCTION = converge.gset_has,
	LEFTARG = converge.gset,
	RIGHTARG = text,
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.? (converge.gset, text) IS
	'does the set have this element?';

CREATE FUNCTION converge.gset_contains(converge.gset, converge.gset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contains' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_contains(converge.gset, converge.gset) IS
	'implementation of operator @>';

CREATE FUNCTION converge.gset_contains(converge.gset, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contains_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_contains(converge.gset, text[]) IS
	'implementation of operator @>';

CREATE FUNCTION converge.gset_contains(text[], converge.gset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'array_contains_set' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_contains(text[], converge.gset) IS
	'implementation of operator @>';

CREATE FUNCTION converge.gset_contained(converge.gset, converge.gset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contained' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_contained(converge.gset, converge.gset) IS
	'implementation of operator <@';

CREATE FUNCTION converge.gset_contained(converge.gset, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contained_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_contained(converge.gset, text[]) IS
	'implementation of operator <@';

CREATE FUNCTION converge.gset_contained(text[], converge.gset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'array_contained_set' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_contained(text[], converge.gset) IS
	'implementation of operator <@';

CREATE FUNCTION converge.gset_overlaps(converge.gset, converge.gset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_overlaps' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_overlaps(converge.gset, converge.gset) IS
	'implementation of operator &&';

CREATE FUNCTION converge.gset_overlaps(converge.gset, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_overlaps_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_overlaps(converge.gset, text[]) IS
	'implementation of operator &&';

CREATE FUNCTION converge.gset_overlaps(text[], converge.gset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'array_overlaps_set' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_overlaps(text[], converge.gset) IS
	'implementation of operator &&';

CREATE OPERATOR converge.@> (
	FUNCTION = converge.gset_contains,
	LEFTARG = converge.gset,
	RIGHTARG = converge.gset,
	COMMUTATOR = OPERATOR(converge.<@),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.@> (converge.gset, converge.gset) IS
	'has all elements of';

CREATE OPERATOR converge.@> (
	FUNCTION = converge.gset_contains,
	LEFTARG = converge.gset,
	RIGHTARG = text[],
	COMMUTATOR = OPERATOR(converge.<@),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.@> (converge.gset, text[]) IS
	'has all elements of';

CREATE OPERATOR converge.@> (
	FUNCTION = converge.gset_contains,
	LEFTARG = text[],
	RIGHTARG = converge.gset,
	COMMUTATOR = OPERATOR(converge.<@),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.@> (text[], converge.gset) IS
	'has all elements of';

CREATE OPERATOR converge.<@ (
	FUNCTION = converge.gset_contained,
	LEFTARG = converge.gset,
	RIGHTARG = converge.gset,
	COMMUTATOR = OPERATOR(converge.@>),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<@ (converge.gset, converge.gset) IS
	'has no other elements than';

CREATE OPERATOR converge.<@ (
	FUNCTION = converge.gset_contained,
	LEFTARG = converge.gset,
	RIGHTARG = text[],
	COMMUTATOR = OPERATOR(converge.@>),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<@ (converge.gset, text[]) IS
	'has no other elements than';

CREATE OPERATOR converge.<@ (
	FUNCTION = converge.gset_contained,
	LEFTARG = text[],
	RIGHTARG = converge.gset,
	COMMUTATOR = OPERATOR(converge.@>),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<@ (text[], converge.gset) IS
	'has no other elements than';

CREATE OPERATOR converge.&& (
	FUNCTION = converge.gset_overlaps,
	LEFTARG = converge.gset,
	RIGHTARG = converge.gset,
	COMMUTATOR = OPERATOR(converge.&&),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.&& (converge.gset, converge.gset) IS
	'has an element in common with';

CREATE OPERATOR converge.&& (
	FUNCTION = converge.gset_overlaps,
	LEFTARG = converge.gset,
	RIGHTARG = text[],
	COMMUTATOR = OPERATOR(converge.&&),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.&& (converge.gset, text[]) IS
	'has an element in common with';

CREATE OPERATOR converge.&& (
	FUNCTION = converge.gset_overlaps,
	LEFTARG = text[],
	RIGHTARG = converge.gset,
	COMMUTATOR = OPERATOR(converge.&&),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.&& (text[], converge.gset) IS
	'has an element in common with';

-- Index

CREATE FUNCTION converge.gset_gin_extract_value(converge.gset, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'set_gin_extract_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_gin_extract_value(converge.gset, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.gset_gin_extract_query(converge.gset, internal, int2, internal, internal, internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'set_gin_extract_query' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_gin_extract_query(converge.gset, internal, int2, internal, internal, internal, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.gset_gin_consistent(internal, int2, converge.gset, int4, internal, internal, internal, internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_gin_consistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_gin_consistent(internal, int2, converge.gset, int4, internal, internal, internal, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.gset_gin_triconsistent(internal, int2, converge.gset, int4, internal, internal, internal) RETURNS "char"
	AS 'MODULE_PATHNAME', 'set_gin_triconsistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.gset_gin_triconsistent(internal, int2, converge.gset, int4, internal, internal, internal) IS
	'support of GIN indexes';

CREATE OPERATOR CLASS converge.gset_gin_ops DEFAULT FOR TYPE converge.gset USING gin AS
	OPERATOR 1 converge.@> (converge.gset, converge.gset),
	OPERATOR 2 converge.@> (converge.gset, text[]),
	OPERATOR 3 converge.&& (converge.gset, converge.gset),
	OPERATOR 4 converge.&& (converge.gset, text[]),
	OPERATOR 5 converge.? (converge.gset, text),
	FUNCTION 1 pg_catalog.byteacmp(bytea, bytea),
	FUNCTION 2 converge.gset_gin_extract_value(converge.gset, internal),
	FUNCTION 3 converge.gset_gin_extract_query(converge.gset, internal, int2, internal, internal, internal, internal),
	FUNCTION 4 converge.gset_gin_consistent(internal, int2, converge.gset, int4, internal, internal, internal, internal),
	FUNCTION 6 converge.gset_gin_triconsistent(internal, int2, converge.gset, int4, internal, internal, internal),
	STORAGE bytea;
COMMENT ON OPERATOR CLASS converge.gset_gin_ops USING gin IS
	'elements of sets, for the operators ?, @> and &&';
COMMENT ON OPERATOR FAMILY converge.gset_gin_ops USING gin IS
	'elements of sets, for the operators ?, @> and &&';
