/*
 * Type converge.twopset: a two-phase set of text: what was removed never comes back.
 */

CREATE TYPE converge.twopset;

CREATE FUNCTION converge.twopset_in(cstring) RETURNS converge.twopset
	AS 'MODULE_PATHNAME', 'twopset_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.twopset_out(converge.twopset) RETURNS cstring
	AS 'MODULE_PATHNAME', 'twopset_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_out(converge.twopset) IS
	'I/O';

CREATE FUNCTION converge.twopset_recv(internal) RETURNS converge.twopset
	AS 'MODULE_PATHNAME', 'twopset_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.twopset_send(converge.twopset) RETURNS bytea
	AS 'MODULE_PATHNAME', 'twopset_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_send(converge.twopset) IS
	'I/O';

CREATE TYPE converge.twopset (
	INPUT = converge.twopset_in,
	OUTPUT = converge.twopset_out,
	RECEIVE = converge.twopset_recv,
	SEND = converge.twopset_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.twopset IS
	'two-phase set of text: what was removed never comes back, as in {apple} removed {pear}';

-- Constructor, merge, difference

CREATE FUNCTION converge.twopset() RETURNS converge.twopset
	AS 'MODULE_PATHNAME', 'twopset_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset() IS
	'the empty twopset';

CREATE FUNCTION converge.merge(a converge.twopset, b converge.twopset) RETURNS converge.twopset
	AS 'MODULE_PATHNAME', 'twopset_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.twopset, converge.twopset) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.twopset, new converge.twopset) RETURNS converge.twopset
	AS 'MODULE_PATHNAME', 'twopset_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.twopset, converge.twopset) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.twopset) (
	SFUNC = converge.merge,
	STYPE = converge.twopset,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.twopset) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.twopset,
	RIGHTARG = converge.twopset,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.twopset, converge.twopset) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.twopset_le(converge.twopset, converge.twopset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'twopset_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_le(converge.twopset, converge.twopset) IS
	'implementation of operator <=';

CREATE FUNCTION converge.twopset_ge(converge.twopset, converge.twopset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'twopset_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_ge(converge.twopset, converge.twopset) IS
	'implementation of operator >=';

CREATE FUNCTION converge.twopset_eq(converge.twopset, converge.twopset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'twopset_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_eq(converge.twopset, converge.twopset) IS
	'implementation of operator =';

CREATE FUNCTION converge.twopset_ne(converge.twopset, converge.twopset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'twopset_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_ne(converge.twopset, converge.twopset) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.twopset_le,
	LEFTARG = converge.twopset,
	RIGHTARG = converge.twopset,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.twopset, converge.twopset) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.twopset_ge,
	LEFTARG = converge.twopset,
	RIGHTARG = converge.twopset,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.twopset, converge.twopset) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.twopset_eq,
	LEFTARG = converge.twopset,
	RIGHTARG = converge.twopset,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.twopset, converge.twopset) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.twopset_ne,
	LEFTARG = converge.twopset,
	RIGHTARG = converge.twopset,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.twopset, converge.twopset) IS
	'not equal';

CREATE FUNCTION converge.twopset_hash(converge.twopset) RETURNS integer
	AS 'MODULE_PATHNAME', 'twopset_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_hash(converge.twopset) IS
	'hash';

CREATE FUNCTION converge.twopset_hash_extended(converge.twopset, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'twopset_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_hash_extended(converge.twopset, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.twopset_ops DEFAULT FOR TYPE converge.twopset USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.twopset_hash(converge.twopset),
	FUNCTION 2 converge.twopset_hash_extended(converge.twopset, bigint);
COMMENT ON OPERATOR CLASS converge.twopset_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.twopset_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.twopset(text[]) RETURNS converge.twopset
	AS 'MODULE_PATHNAME', 'twopset_from_array' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.twopset(text[]) IS
	'a new set with these elements';

CREATE FUNCTION converge.twopset_add(converge.twopset, text) RETURNS converge.twopset
	AS 'MODULE_PATHNAME', 'set_add' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.twopset_add(converge.twopset, text) IS
	'implementation of operator +';

CREATE FUNCTION converge.twopset_add(converge.twopset, text[]) RETURNS converge.twopset
	AS 'MODULE_PATHNAME', 'set_add_array' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.twopset_add(converge.twopset, text[]) IS
	'implementation of operator +';

CREATE FUNCTION converge.twopset_remove(converge.twopset, text) RETURNS converge.twopset
	AS 'MODULE_PATHNAME', 'set_remove' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.twopset_remove(converge.twopset, text) IS
	'implementation of operator -';

CREATE FUNCTION converge.twopset_remove(converge.twopset, text[]) RETURNS converge.twopset
	AS 'MODULE_PATHNAME', 'set_remove_array' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.twopset_remove(converge.twopset, text[]) IS
	'implementation of operator -';

CREATE OPERATOR converge.+ (
	FUNCTION = converge.twopset_add,
	LEFTARG = converge.twopset,
	RIGHTARG = text
);
COMMENT ON OPERATOR converge.+ (converge.twopset, text) IS
	'the set with this element';

CREATE OPERATOR converge.+ (
	FUNCTION = converge.twopset_add,
	LEFTARG = converge.twopset,
	RIGHTARG = text[]
);
COMMENT ON OPERATOR converge.+ (converge.twopset, text[]) IS
	'the set with these elements';

CREATE OPERATOR converge.- (
	FUNCTION = converge.twopset_remove,
	LEFTARG = converge.twopset,
	RIGHTARG = text
);
COMMENT ON OPERATOR converge.- (converge.twopset, text) IS
	'the set without this element';

CREATE OPERATOR converge.- (
	FUNCTION = converge.twopset_remove,
	LEFTARG = converge.twopset,
	RIGHTARG = text[]
);
COMMENT ON OPERATOR converge.- (converge.twopset, text[]) IS
	'the set without these elements';

-- Reads

CREATE FUNCTION converge.value(set converge.twopset) RETURNS text[]
	AS 'MODULE_PATHNAME', 'set_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.twopset) IS
	'the elements, in order of their bytes';

CREATE FUNCTION converge.elements(set converge.twopset) RETURNS SETOF text
	AS 'MODULE_PATHNAME', 'set_elements' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION converge.elements(converge.twopset) IS
	'the elements, in order of their bytes';

CREATE FUNCTION converge.cardinality(set converge.twopset) RETURNS integer
	AS 'MODULE_PATHNAME', 'set_cardinality' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cardinality(converge.twopset) IS
	'number of elements';

CREATE CAST (converge.twopset AS text[])
	WITH FUNCTION converge.value(converge.twopset) AS ASSIGNMENT;
COMMENT ON CAST (converge.twopset AS text[]) IS
	'the elements, in order of their bytes';

CREATE CAST (text[] AS converge.twopset)
	WITH FUNCTION converge.twopset(text[]) AS ASSIGNMENT;
COMMENT ON CAST (text[] AS converge.twopset) IS
	'a new set with these elements';

-- Elements and containment

CREATE FUNCTION converge.twopset_has(converge.twopset, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_has' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_has(converge.twopset, text) IS
	'implementation of operator ?';

CREATE OPERATOR converge.? (
	FUNCTION = converge.twopset_has,
	LEFTARG = converge.twopset,
	RIGHTARG = text,
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.? (converge.twopset, text) IS
	'does the set have this element?';

CREATE FUNCTION converge.twopset_contains(converge.twopset, converge.twopset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contains' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_contains(converge.twopset, converge.twopset) IS
	'implementation of operator @>';

CREATE FUNCTION converge.twopset_contains(converge.twopset, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contains_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_contains(converge.twopset, text[]) IS
	'implementation of operator @>';

CREATE FUNCTION converge.twopset_contains(text[], converge.twopset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'array_contains_set' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_contains(text[], converge.twopset) IS
	'implementation of operator @>';

CREATE FUNCTION converge.twopset_contained(converge.twopset, converge.twopset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contained' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_contained(converge.twopset, converge.twopset) IS
	'implementation of operator <@';

CREATE FUNCTION converge.twopset_contained(converge.twopset, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contained_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_contained(converge.twopset, text[]) IS
	'implementation of operator <@';

CREATE FUNCTION converge.twopset_contained(text[], converge.twopset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'array_contained_set' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_contained(text[], converge.twopset) IS
	'implementation of operator <@';

CREATE FUNCTION converge.twopset_overlaps(converge.twopset, converge.twopset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_overlaps' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_overlaps(converge.twopset, converge.twopset) IS
	'implementation of operator &&';

CREATE FUNCTION converge.twopset_overlaps(converge.twopset, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_overlaps_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_overlaps(converge.twopset, text[]) IS
	'implementation of operator &&';

CREATE FUNCTION converge.twopset_overlaps(text[], converge.twopset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'array_overlaps_set' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_overlaps(text[], converge.twopset) IS
	'implementation of operator &&';

CREATE OPERATOR converge.@> (
	FUNCTION = converge.twopset_contains,
	LEFTARG = converge.twopset,
	RIGHTARG = converge.twopset,
	COMMUTATOR = OPERATOR(converge.<@),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.@> (converge.twopset, converge.twopset) IS
	'has all elements of';

CREATE OPERATOR converge.@> (
	FUNCTION = converge.twopset_contains,
	LEFTARG = converge.twopset,
	RIGHTARG = text[],
	COMMUTATOR = OPERATOR(converge.<@),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.@> (converge.twopset, text[]) IS
	'has all elements of';

CREATE OPERATOR converge.@> (
	FUNCTION = converge.twopset_contains,
	LEFTARG = text[],
	RIGHTARG = converge.twopset,
	COMMUTATOR = OPERATOR(converge.<@),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.@> (text[], converge.twopset) IS
	'has all elements of';

CREATE OPERATOR converge.<@ (
	FUNCTION = converge.twopset_contained,
	LEFTARG = converge.twopset,
	RIGHTARG = converge.twopset,
	COMMUTATOR = OPERATOR(converge.@>),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<@ (converge.twopset, converge.twopset) IS
	'has no other elements than';

CREATE OPERATOR converge.<@ (
	FUNCTION = converge.twopset_contained,
	LEFTARG = converge.twopset,
	RIGHTARG = text[],
	COMMUTATOR = OPERATOR(converge.@>),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<@ (converge.twopset, text[]) IS
	'has no other elements than';

CREATE OPERATOR converge.<@ (
	FUNCTION = converge.twopset_contained,
	LEFTARG = text[],
	RIGHTARG = converge.twopset,
	COMMUTATOR = OPERATOR(converge.@>),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<@ (text[], converge.twopset) IS
	'has no other elements than';

CREATE OPERATOR converge.&& (
	FUNCTION = converge.twopset_overlaps,
	LEFTARG = converge.twopset,
	RIGHTARG = converge.twopset,
	COMMUTATOR = OPERATOR(converge.&&),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.&& (converge.twopset, converge.twopset) IS
	'has an element in common with';

CREATE OPERATOR converge.&& (
	FUNCTION = converge.twopset_overlaps,
	LEFTARG = converge.twopset,
	RIGHTARG = text[],
	COMMUTATOR = OPERATOR(converge.&&),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.&& (converge.twopset, text[]) IS
	'has an element in common with';

CREATE OPERATOR converge.&& (
	FUNCTION = converge.twopset_overlaps,
	LEFTARG = text[],
	RIGHTARG = converge.twopset,
	COMMUTATOR = OPERATOR(converge.&&),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.&& (text[], converge.twopset) IS
	'has an element in common with';

-- Index

CREATE FUNCTION converge.twopset_gin_extract_value(converge.twopset, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'set_gin_extract_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_gin_extract_value(converge.twopset, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.twopset_gin_extract_query(converge.twopset, internal, int2, internal, internal, internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'set_gin_extract_query' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_gin_extract_query(converge.twopset, internal, int2, internal, internal, internal, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.twopset_gin_consistent(internal, int2, converge.twopset, int4, internal, internal, internal, internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_gin_consistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_gin_consistent(internal, int2, converge.twopset, int4, internal, internal, internal, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.twopset_gin_triconsistent(internal, int2, converge.twopset, int4, internal, internal, internal) RETURNS "char"
	AS 'MODULE_PATHNAME', 'set_gin_triconsistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.twopset_gin_triconsistent(internal, int2, converge.twopset, int4, internal, internal, internal) IS
	'support of GIN indexes';

CREATE OPERATOR CLASS converge.twopset_gin_ops DEFAULT FOR TYPE converge.twopset USING gin AS
	OPERATOR 1 converge.@> (converge.twopset, converge.twopset),
	OPERATOR 2 converge.@> (converge.twopset, text[]),
	OPERATOR 3 converge.&& (converge.twopset, converge.twopset),
	OPERATOR 4 converge.&& (converge.twopset, text[]),
	OPERATOR 5 converge.? (converge.twopset, text),
	FUNCTION 1 pg_catalog.byteacmp(bytea, bytea),
	FUNCTION 2 converge.twopset_gin_extract_value(converge.twopset, internal),
	FUNCTION 3 converge.twopset_gin_extract_query(converge.twopset, internal, int2, internal, internal, internal, internal),
	FUNCTION 4 converge.twopset_gin_consistent(internal, int2, converge.twopset, int4, internal, internal, internal, internal),
	FUNCTION 6 converge.twopset_gin_triconsistent(internal, int2, converge.twopset, int4, internal, internal, internal),
	STORAGE bytea;
COMMENT ON OPERATOR CLASS converge.twopset_gin_ops USING gin IS
	'elements of sets, for the operators ?, @> and &&';
COMMENT ON OPERATOR FAMILY converge.twopset_gin_ops USING gin IS
	'elements of sets, for the operators ?, @> and &&';
