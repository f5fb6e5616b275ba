/*
 * Type converge.rwset: a set of text; removing wins over adding.
 */

CREATE TYPE converge.rwset;

CREATE FUNCTION converge.rwset_in(cstring) RETURNS converge.rwset
	AS 'MODULE_PATHNAME', 'rwset_in' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.rwset_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.rwset_out(converge.rwset) RETURNS cstring
	AS 'MODULE_PATHNAME', 'rwset_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_out(converge.rwset) IS
	'I/O';

CREATE FUNCTION converge.rwset_recv(internal) RETURNS converge.rwset
	AS 'MODULE_PATHNAME', 'rwset_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.rwset_send(converge.rwset) RETURNS bytea
	AS 'MODULE_PATHNAME', 'rwset_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_send(converge.rwset) IS
	'I/O';

CREATE TYPE converge.rwset (
	INPUT = converge.rwset_in,
	OUTPUT = converge.rwset_out,
	RECEIVE = converge.rwset_recv,
	SEND = converge.rwset_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.rwset IS
	'set of text, removing wins, as in {apple london@770000000000001} removed {pear paris@770000000000002 -}';

-- Constructor, merge, difference

CREATE FUNCTION converge.rwset() RETURNS converge.rwset
	AS 'MODULE_PATHNAME', 'rwset_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset() IS
	'the empty rwset';

CREATE FUNCTION converge.merge(a converge.rwset, b converge.rwset) RETURNS converge.rwset
	AS 'MODULE_PATHNAME', 'rwset_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.rwset, converge.rwset) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.rwset, new converge.rwset) RETURNS converge.rwset
	AS 'MODULE_PATHNAME', 'rwset_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.rwset, converge.rwset) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.rwset) (
	SFUNC = converge.merge,
	STYPE = converge.rwset,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.rwset) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.rwset,
	RIGHTARG = converge.rwset,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.rwset, converge.rwset) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.rwset_le(converge.rwset, converge.rwset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'rwset_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_le(converge.rwset, converge.rwset) IS
	'implementation of operator <=';

CREATE FUNCTION converge.rwset_ge(converge.rwset, converge.rwset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'rwset_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_ge(converge.rwset, converge.rwset) IS
	'implementation of operator >=';

CREATE FUNCTION converge.rwset_eq(converge.rwset, converge.rwset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'rwset_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_eq(converge.rwset, converge.rwset) IS
	'implementation of operator =';

CREATE FUNCTION converge.rwset_ne(converge.rwset, converge.rwset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'rwset_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_ne(converge.rwset, converge.rwset) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.rwset_le,
	LEFTARG = converge.rwset,
	RIGHTARG = converge.rwset,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.rwset, converge.rwset) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.rwset_ge,
	LEFTARG = converge.rwset,
	RIGHTARG = converge.rwset,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.rwset, converge.rwset) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.rwset_eq,
	LEFTARG = converge.rwset,
	RIGHTARG = converge.rwset,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.rwset, converge.rwset) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.rwset_ne,
	LEFTARG = converge.rwset,
	RIGHTARG = converge.rwset,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.rwset, converge.rwset) IS
	'not equal';

CREATE FUNCTION converge.rwset_hash(converge.rwset) RETURNS integer
	AS 'MODULE_PATHNAME', 'rwset_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_hash(converge.rwset) IS
	'hash';

CREATE FUNCTION converge.rwset_hash_extended(converge.rwset, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'rwset_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_hash_extended(converge.rwset, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.rwset_ops DEFAULT FOR TYPE converge.rwset USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.rwset_hash(converge.rwset),
	FUNCTION 2 converge.rwset_hash_extended(converge.rwset, bigint);
COMMENT ON OPERATOR CLASS converge.rwset_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.rwset_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.rwset(text[]) RETURNS converge.rwset
	AS 'MODULE_PATHNAME', 'rwset_from_array' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.rwset(text[]) IS
	'a new set with these elements, added by this node';

CREATE FUNCTION converge.rwset_add(converge.rwset, text) RETURNS converge.rwset
	AS 'MODULE_PATHNAME', 'set_add' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.rwset_add(converge.rwset, text) IS
	'implementation of operator +';

CREATE FUNCTION converge.rwset_add(converge.rwset, text[]) RETURNS converge.rwset
	AS 'MODULE_PATHNAME', 'set_add_array' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.rwset_add(converge.rwset, text[]) IS
	'implementation of operator +';

CREATE FUNCTION converge.rwset_remove(converge.rwset, text) RETURNS converge.rwset
	AS 'MODULE_PATHNAME', 'set_remove' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.rwset_remove(converge.rwset, text) IS
	'implementation of operator -';

CREATE FUNCTION converge.rwset_remove(converge.rwset, text[]) RETURNS converge.rwset
	AS 'MODULE_PATHNAME', 'set_remove_array' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.rwset_remove(converge.rwset, text[]) IS
	'implementation of operator -';

CREATE OPERATOR converge.+ (
	FUNCTION = converge.rwset_add,
	LEFTARG = converge.rwset,
	RIGHTARG = text
);
COMMENT ON OPERATOR converge.+ (converge.rwset, text) IS
	'the set with this element';

CREATE OPERATOR converge.+ (
	FUNCTION = converge.rwset_add,
	LEFTARG = converge.rwset,
	RIGHTARG = text[]
);
COMMENT ON OPERATOR converge.+ (converge.rwset, text[]) IS
	'the set with these elements';

CREATE OPERATOR converge.- (
	FUNCTION = converge.rwset_remove,
	LEFTARG = converge.rwset,
	RIGHTARG = text
);
COMMENT ON OPERATOR converge.- (converge.rwset, text) IS
	'the set without this element';

CREATE OPERATOR converge.- (
	FUNCTION = converge.rwset_remove,
	LEFTARG = converge.rwset,
	RIGHTARG = text[]
);
COMMENT ON OPERATOR converge.- (converge.rwset, text[]) IS
	'the set without these elements';

CREATE FUNCTION converge.reset(set converge.rwset) RETURNS converge.rwset
	AS 'MODULE_PATHNAME', 'set_reset' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.reset(converge.rwset) IS
	'the set without anything that this node has seen; what other nodes add at the same time stays';

-- Reads

CREATE FUNCTION converge.value(set converge.rwset) RETURNS text[]
	AS 'MODULE_PATHNAME', 'set_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.rwset) IS
	'the elements, in order of their bytes';

CREATE FUNCTION converge.elements(set converge.rwset) RETURNS SETOF text
	AS 'MODULE_PATHNAME', 'set_elements' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION converge.elements(converge.rwset) IS
	'the elements, in order of their bytes';

CREATE FUNCTION converge.cardinality(set converge.rwset) RETURNS integer
	AS 'MODULE_PATHNAME', 'set_cardinality' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cardinality(converge.rwset) IS
	'number of elements';

CREATE CAST (converge.rwset AS text[])
	WITH FUNCTION converge.value(converge.rwset) AS ASSIGNMENT;
COMMENT ON CAST (converge.rwset AS text[]) IS
	'the elements, in order of their bytes';

CREATE CAST (text[] AS converge.rwset)
	WITH FUNCTION converge.rwset(text[]) AS ASSIGNMENT;
COMMENT ON CAST (text[] AS converge.rwset) IS
	'a new set with these elements, added by this node';

-- Elements and containment

CREATE FUNCTION converge.rwset_has(converge.rwset, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_has' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_has(converge.rwset, text) IS
	'implementation of operator ?';

CREATE OPERATOR converge.? (
	FUNCTION = converge.rwset_has,
	LEFTARG = converge.rwset,
	RIGHTARG = text,
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.? (converge.rwset, text) IS
	'does the set have this element?';

CREATE FUNCTION converge.rwset_contains(converge.rwset, converge.rwset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contains' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_contains(converge.rwset, converge.rwset) IS
	'implementation of operator @>';

CREATE FUNCTION converge.rwset_contains(converge.rwset, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contains_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_contains(converge.rwset, text[]) IS
	'implementation of operator @>';

CREATE FUNCTION converge.rwset_contains(text[], converge.rwset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'array_contains_set' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_contains(text[], converge.rwset) IS
	'implementation of operator @>';

CREATE FUNCTION converge.rwset_contained(converge.rwset, converge.rwset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contained' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_contained(converge.rwset, converge.rwset) IS
	'implementation of operator <@';

CREATE FUNCTION converge.rwset_contained(converge.rwset, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contained_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_contained(converge.rwset, text[]) IS
	'implementation of operator <@';

CREATE FUNCTION converge.rwset_contained(text[], converge.rwset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'array_contained_set' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_contained(text[], converge.rwset) IS
	'implementation of operator <@';

CREATE FUNCTION converge.rwset_overlaps(converge.rwset, converge.rwset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_overlaps' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_overlaps(converge.rwset, converge.rwset) IS
	'implementation of operator &&';

CREATE FUNCTION converge.rwset_overlaps(converge.rwset, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_overlaps_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_overlaps(converge.rwset, text[]) IS
	'implementation of operator &&';

CREATE FUNCTION converge.rwset_overlaps(text[], converge.rwset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'array_overlaps_set' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_overlaps(text[], converge.rwset) IS
	'implementation of operator &&';

CREATE OPERATOR converge.@> (
	FUNCTION = converge.rwset_contains,
	LEFTARG = converge.rwset,
	RIGHTARG = converge.rwset,
	COMMUTATOR = OPERATOR(converge.<@),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.@> (converge.rwset, converge.rwset) IS
	'has all elements of';

CREATE OPERATOR converge.@> (
	FUNCTION = converge.rwset_contains,
	LEFTARG = converge.rwset,
	RIGHTARG = text[],
	COMMUTATOR = OPERATOR(converge.<@),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.@> (converge.rwset, text[]) IS
	'has all elements of';

CREATE OPERATOR converge.@> (
	FUNCTION = converge.rwset_contains,
	LEFTARG = text[],
	RIGHTARG = converge.rwset,
	COMMUTATOR = OPERATOR(converge.<@),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.@> (text[], converge.rwset) IS
	'has all elements of';

CREATE OPERATOR converge.<@ (
	FUNCTION = converge.rwset_contained,
	LEFTARG = converge.rwset,
	RIGHTARG = converge.rwset,
	COMMUTATOR = OPERATOR(converge.@>),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<@ (converge.rwset, converge.rwset) IS
	'has no other elements than';

CREATE OPERATOR converge.<@ (
	FUNCTION = converge.rwset_contained,
	LEFTARG = converge.rwset,
	RIGHTARG = text[],
	COMMUTATOR = OPERATOR(converge.@>),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<@ (converge.rwset, text[]) IS
	'has no other elements than';

CREATE OPERATOR converge.<@ (
	FUNCTION = converge.rwset_contained,
	LEFTARG = text[],
	RIGHTARG = converge.rwset,
	COMMUTATOR = OPERATOR(converge.@>),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<@ (text[], converge.rwset) IS
	'has no other elements than';

CREATE OPERATOR converge.&& (
	FUNCTION = converge.rwset_overlaps,
	LEFTARG = converge.rwset,
	RIGHTARG = converge.rwset,
	COMMUTATOR = OPERATOR(converge.&&),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.&& (converge.rwset, converge.rwset) IS
	'has an element in common with';

CREATE OPERATOR converge.&& (
	FUNCTION = converge.rwset_overlaps,
	LEFTARG = converge.rwset,
	RIGHTARG = text[],
	COMMUTATOR = OPERATOR(converge.&&),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.&& (converge.rwset, text[]) IS
	'has an element in common with';

CREATE OPERATOR converge.&& (
	FUNCTION = converge.rwset_overlaps,
	LEFTARG = text[],
	RIGHTARG = converge.rwset,
	COMMUTATOR = OPERATOR(converge.&&),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.&& (text[], converge.rwset) IS
	'has an element in common with';

-- Index

CREATE FUNCTION converge.rwset_gin_extract_value(converge.rwset, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'set_gin_extract_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_gin_extract_value(converge.rwset, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.rwset_gin_extract_query(converge.rwset, internal, int2, internal, internal, internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'set_gin_extract_query' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_gin_extract_query(converge.rwset, internal, int2, internal, internal, internal, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.rwset_gin_consistent(internal, int2, converge.rwset, int4, internal, internal, internal, internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_gin_consistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_gin_consistent(internal, int2, converge.rwset, int4, internal, internal, internal, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.rwset_gin_triconsistent(internal, int2, converge.rwset, int4, internal, internal, internal) RETURNS "char"
	AS 'MODULE_PATHNAME', 'set_gin_triconsistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.rwset_gin_triconsistent(internal, int2, converge.rwset, int4, internal, internal, internal) IS
	'support of GIN indexes';

CREATE OPERATOR CLASS converge.rwset_gin_ops DEFAULT FOR TYPE converge.rwset USING gin AS
	OPERATOR 1 converge.@> (converge.rwset, converge.rwset),
	OPERATOR 2 converge.@> (converge.rwset, text[]),
	OPERATOR 3 converge.&& (converge.rwset, converge.rwset),
	OPERATOR 4 converge.&& (converge.rwset, text[]),
	OPERATOR 5 converge.? (converge.rwset, text),
	FUNCTION 1 pg_catalog.byteacmp(bytea, bytea),
	FUNCTION 2 converge.rwset_gin_extract_value(converge.rwset, internal),
	FUNCTION 3 converge.rwset_gin_extract_query(converge.rwset, internal, int2, internal, internal, internal, internal),
	FUNCTION 4 converge.rwset_gin_consistent(internal, int2, converge.rwset, int4, internal, internal, internal, internal),
	FUNCTION 6 converge.rwset_gin_triconsistent(internal, int2, converge.rwset, int4, internal, internal, internal),
	STORAGE bytea;
COMMENT ON OPERATOR CLASS converge.rwset_gin_ops USING gin IS
	'elements of sets, for the operators ?, @> and &&';
COMMENT ON OPERATOR FAMILY converge.rwset_gin_ops USING gin IS
	'elements of sets, for the operators ?, @> and &&';
