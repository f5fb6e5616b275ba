/*
 * Type converge.orset: an observed-remove set of text; adding wins over removing.
 */

CREATE TYPE converge.orset;

CREATE FUNCTION converge.orset_in(cstring) RETURNS converge.orset
	AS 'MODULE_PATHNAME', 'orset_in' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.orset_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.orset_out(converge.orset) RETURNS cstring
	AS 'MODULE_PATHNAME', 'orset_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_out(converge.orset) IS
	'I/O';

CREATE FUNCTION converge.orset_recv(internal) RETURNS converge.orset
	AS 'MODULE_PATHNAME', 'orset_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.orset_send(converge.orset) RETURNS bytea
	AS 'MODULE_PATHNAME', 'orset_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_send(converge.orset) IS
	'I/O';

CREATE TYPE converge.orset (
	INPUT = converge.orset_in,
	OUTPUT = converge.orset_out,
	RECEIVE = converge.orset_recv,
	SEND = converge.orset_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.orset IS
	'observed-remove set of text, adding wins, as in {apple london@770000000000001}';

-- Constructor, merge, difference

CREATE FUNCTION converge.orset() RETURNS converge.orset
	AS 'MODULE_PATHNAME', 'orset_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset() IS
	'the empty orset';

CREATE FUNCTION converge.merge(a converge.orset, b converge.orset) RETURNS converge.orset
	AS 'MODULE_PATHNAME', 'orset_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.orset, converge.orset) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.orset, new converge.orset) RETURNS converge.orset
	AS 'MODULE_PATHNAME', 'orset_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.orset, converge.orset) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.orset) (
	SFUNC = converge.merge,
	STYPE = converge.orset,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.orset) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.orset,
	RIGHTARG = converge.orset,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.orset, converge.orset) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.orset_le(converge.orset, converge.orset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orset_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_le(converge.orset, converge.orset) IS
	'implementation of operator <=';

CREATE FUNCTION converge.orset_ge(converge.orset, converge.orset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orset_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_ge(converge.orset, converge.orset) IS
	'implementation of operator >=';

CREATE FUNCTION converge.orset_eq(converge.orset, converge.orset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orset_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_eq(converge.orset, converge.orset) IS
	'implementation of operator =';

CREATE FUNCTION converge.orset_ne(converge.orset, converge.orset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orset_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_ne(converge.orset, converge.orset) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.orset_le,
	LEFTARG = converge.orset,
	RIGHTARG = converge.orset,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.orset, converge.orset) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.orset_ge,
	LEFTARG = converge.orset,
	RIGHTARG = converge.orset,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.orset, converge.orset) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.orset_eq,
	LEFTARG = converge.orset,
	RIGHTARG = converge.orset,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.orset, converge.orset) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.orset_ne,
	LEFTARG = converge.orset,
	RIGHTARG = converge.orset,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.orset, converge.orset) IS
	'not equal';

CREATE FUNCTION converge.orset_hash(converge.orset) RETURNS integer
	AS 'MODULE_PATHNAME', 'orset_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_hash(converge.orset) IS
	'hash';

CREATE FUNCTION converge.orset_hash_extended(converge.orset, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'orset_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_hash_extended(converge.orset, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.orset_ops DEFAULT FOR TYPE converge.orset USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.orset_hash(converge.orset),
	FUNCTION 2 converge.orset_hash_extended(converge.orset, bigint);
COMMENT ON OPERATOR CLASS converge.orset_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.orset_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.orset(text[]) RETURNS converge.orset
	AS 'MODULE_PATHNAME', 'orset_from_array' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.orset(text[]) IS
	'a new set with these elements, added by this node';

CREATE FUNCTION converge.orset_add(converge.orset, text) RETURNS converge.orset
	AS 'MODULE_PATHNAME', 'set_add' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.orset_add(converge.orset, text) IS
	'implementation of operator +';

CREATE FUNCTION converge.orset_add(converge.orset, text[]) RETURNS converge.orset
	AS 'MODULE_PATHNAME', 'set_add_array' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.orset_add(converge.orset, text[]) IS
	'implementation of operator +';

CREATE FUNCTION converge.orset_remove(converge.orset, text) RETURNS converge.orset
	AS 'MODULE_PATHNAME', 'set_remove' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.orset_remove(converge.orset, text) IS
	'implementation of operator -';

CREATE FUNCTION converge.orset_remove(converge.orset, text[]) RETURNS converge.orset
	AS 'MODULE_PATHNAME', 'set_remove_array' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.orset_remove(converge.orset, text[]) IS
	'implementation of operator -';

CREATE OPERATOR converge.+ (
	FUNCTION = converge.orset_add,
	LEFTARG = converge.orset,
	RIGHTARG = text
);
COMMENT ON OPERATOR converge.+ (converge.orset, text) IS
	'the set with this element';

CREATE OPERATOR converge.+ (
	FUNCTION = converge.orset_add,
	LEFTARG = converge.orset,
	RIGHTARG = text[]
);
COMMENT ON OPERATOR converge.+ (converge.orset, text[]) IS
	'the set with these elements';

CREATE OPERATOR converge.- (
	FUNCTION = converge.orset_remove,
	LEFTARG = converge.orset,
	RIGHTARG = text
);
COMMENT ON OPERATOR converge.- (converge.orset, text) IS
	'the set without this element';

CREATE OPERATOR converge.- (
	FUNCTION = converge.orset_remove,
	LEFTARG = converge.orset,
	RIGHTARG = text[]
);
COMMENT ON OPERATOR converge.- (converge.orset, text[]) IS
	'the set without these elements';

CREATE FUNCTION converge.reset(set converge.orset) RETURNS converge.orset
	AS 'MODULE_PATHNAME', 'set_reset' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.reset(converge.orset) IS
	'the set without anything that this node has seen; what other nodes add at the same time stays';

-- Reads

CREATE FUNCTION converge.value(set converge.orset) RETURNS text[]
	AS 'MODULE_PATHNAME', 'set_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.orset) IS
	'the elements, in order of their bytes';

CREATE FUNCTION converge.elements(set converge.orset) RETURNS SETOF text
	AS 'MODULE_PATHNAME', 'set_elements' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION converge.elements(converge.orset) IS
	'the elements, in order of their bytes';

CREATE FUNCTION converge.cardinality(set converge.orset) RETURNS integer
	AS 'MODULE_PATHNAME', 'set_cardinality' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cardinality(converge.orset) IS
	'number of elements';

CREATE CAST (converge.orset AS text[])
	WITH FUNCTION converge.value(converge.orset) AS ASSIGNMENT;
COMMENT ON CAST (converge.orset AS text[]) IS
	'the elements, in order of their bytes';

CREATE CAST (text[] AS converge.orset)
	WITH FUNCTION converge.orset(text[]) AS ASSIGNMENT;
COMMENT ON CAST (text[] AS converge.orset) IS
	'a new set with these elements, added by this node';

-- Elements and containment

CREATE FUNCTION converge.orset_has(converge.orset, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_has' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_has(converge.orset, text) IS
	'implementation of operator ?';

CREATE OPERATOR converge.? (
	FUNCTION = converge.orset_has,
	LEFTARG = converge.orset,
	RIGHTARG = text,
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.? (converge.orset, text) IS
	'does the set have this element?';

CREATE FUNCTION converge.orset_contains(converge.orset, converge.orset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contains' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_contains(converge.orset, converge.orset) IS
	'implementation of operator @>';

CREATE FUNCTION converge.orset_contains(converge.orset, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contains_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_contains(converge.orset, text[]) IS
	'implementation of operator @>';

CREATE FUNCTION converge.orset_contains(text[], converge.orset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'array_contains_set' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_contains(text[], converge.orset) IS
	'implementation of operator @>';

CREATE FUNCTION converge.orset_contained(converge.orset, converge.orset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contained' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_contained(converge.orset, converge.orset) IS
	'implementation of operator <@';

CREATE FUNCTION converge.orset_contained(converge.orset, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_contained_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_contained(converge.orset, text[]) IS
	'implementation of operator <@';

CREATE FUNCTION converge.orset_contained(text[], converge.orset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'array_contained_set' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_contained(text[], converge.orset) IS
	'implementation of operator <@';

CREATE FUNCTION converge.orset_overlaps(converge.orset, converge.orset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_overlaps' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_overlaps(converge.orset, converge.orset) IS
	'implementation of operator &&';

CREATE FUNCTION converge.orset_overlaps(converge.orset, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_overlaps_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_overlaps(converge.orset, text[]) IS
	'implementation of operator &&';

CREATE FUNCTION converge.orset_overlaps(text[], converge.orset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'array_overlaps_set' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_overlaps(text[], converge.orset) IS
	'implementation of operator &&';

CREATE OPERATOR converge.@> (
	FUNCTION = converge.orset_contains,
	LEFTARG = converge.orset,
	RIGHTARG = converge.orset,
	COMMUTATOR = OPERATOR(converge.<@),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.@> (converge.orset, converge.orset) IS
	'has all elements of';

CREATE OPERATOR converge.@> (
	FUNCTION = converge.orset_contains,
	LEFTARG = converge.orset,
	RIGHTARG = text[],
	COMMUTATOR = OPERATOR(converge.<@),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.@> (converge.orset, text[]) IS
	'has all elements of';

CREATE OPERATOR converge.@> (
	FUNCTION = converge.orset_contains,
	LEFTARG = text[],
	RIGHTARG = converge.orset,
	COMMUTATOR = OPERATOR(converge.<@),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.@> (text[], converge.orset) IS
	'has all elements of';

CREATE OPERATOR converge.<@ (
	FUNCTION = converge.orset_contained,
	LEFTARG = converge.orset,
	RIGHTARG = converge.orset,
	COMMUTATOR = OPERATOR(converge.@>),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<@ (converge.orset, converge.orset) IS
	'has no other elements than';

CREATE OPERATOR converge.<@ (
	FUNCTION = converge.orset_contained,
	LEFTARG = converge.orset,
	RIGHTARG = text[],
	COMMUTATOR = OPERATOR(converge.@>),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<@ (converge.orset, text[]) IS
	'has no other elements than';

CREATE OPERATOR converge.<@ (
	FUNCTION = converge.orset_contained,
	LEFTARG = text[],
	RIGHTARG = converge.orset,
	COMMUTATOR = OPERATOR(converge.@>),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<@ (text[], converge.orset) IS
	'has no other elements than';

CREATE OPERATOR converge.&& (
	FUNCTION = converge.orset_overlaps,
	LEFTARG = converge.orset,
	RIGHTARG = converge.orset,
	COMMUTATOR = OPERATOR(converge.&&),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.&& (converge.orset, converge.orset) IS
	'has an element in common with';

CREATE OPERATOR converge.&& (
	FUNCTION = converge.orset_overlaps,
	LEFTARG = converge.orset,
	RIGHTARG = text[],
	COMMUTATOR = OPERATOR(converge.&&),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.&& (converge.orset, text[]) IS
	'has an element in common with';

CREATE OPERATOR converge.&& (
	FUNCTION = converge.orset_overlaps,
	LEFTARG = text[],
	RIGHTARG = converge.orset,
	COMMUTATOR = OPERATOR(converge.&&),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.&& (text[], converge.orset) IS
	'has an element in common with';

-- Index

CREATE FUNCTION converge.orset_gin_extract_value(converge.orset, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'set_gin_extract_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_gin_extract_value(converge.orset, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.orset_gin_extract_query(converge.orset, internal, int2, internal, internal, internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'set_gin_extract_query' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_gin_extract_query(converge.orset, internal, int2, internal, internal, internal, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.orset_gin_consistent(internal, int2, converge.orset, int4, internal, internal, internal, internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'set_gin_consistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_gin_consistent(internal, int2, converge.orset, int4, internal, internal, internal, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.orset_gin_triconsistent(internal, int2, converge.orset, int4, internal, internal, internal) RETURNS "char"
	AS 'MODULE_PATHNAME', 'set_gin_triconsistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.orset_gin_triconsistent(internal, int2, converge.orset, int4, internal, internal, internal) IS
	'support of GIN indexes';

CREATE OPERATOR CLASS converge.orset_gin_ops DEFAULT FOR TYPE converge.orset USING gin AS
	OPERATOR 1 converge.@> (converge.orset, converge.orset),
	OPERATOR 2 converge.@> (converge.orset, text[]),
	OPERATOR 3 converge.&& (converge.orset, converge.orset),
	OPERATOR 4 converge.&& (converge.orset, text[]),
	OPERATOR 5 converge.? (converge.orset, text),
	FUNCTION 1 pg_catalog.byteacmp(bytea, bytea),
	FUNCTION 2 converge.orset_gin_extract_value(converge.orset, internal),
	FUNCTION 3 converge.orset_gin_extract_query(converge.orset, internal, int2, internal, internal, internal, internal),
	FUNCTION 4 converge.orset_gin_consistent(internal, int2, converge.orset, int4, internal, internal, internal, internal),
	FUNCTION 6 converge.orset_gin_triconsistent(internal, int2, converge.orset, int4, internal, internal, internal),
	STORAGE bytea;
COMMENT ON OPERATOR CLASS converge.orset_gin_ops USING gin IS
	'elements of sets, for the operators ?, @> and &&';
COMMENT ON OPERATOR FAMILY converge.orset_gin_ops USING gin IS
	'elements of sets, for the operators ?, @> and &&';
