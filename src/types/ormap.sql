/*
 * Type converge.ormap: an observed-remove map of text keys to values of any type
 * that merges.
 */

CREATE TYPE converge.ormap;

CREATE FUNCTION converge.ormap_in(cstring) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_in' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.ormap_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.ormap_out(converge.ormap) RETURNS cstring
	AS 'MODULE_PATHNAME', 'ormap_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_out(converge.ormap) IS
	'I/O';

CREATE FUNCTION converge.ormap_recv(internal) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.ormap_send(converge.ormap) RETURNS bytea
	AS 'MODULE_PATHNAME', 'ormap_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_send(converge.ormap) IS
	'I/O';

CREATE TYPE converge.ormap (
	INPUT = converge.ormap_in,
	OUTPUT = converge.ormap_out,
	RECEIVE = converge.ormap_recv,
	SEND = converge.ormap_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.ormap IS
	'observed-remove map, as in {"n": pncounter 3 {london 3@770000000000001} at [london@770000000000001]}';

-- Constructor, merge, difference

CREATE FUNCTION converge.ormap() RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap() IS
	'the empty ormap';

CREATE FUNCTION converge.merge(a converge.ormap, b converge.ormap) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.ormap, converge.ormap) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.ormap, new converge.ormap) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.ormap, converge.ormap) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.ormap) (
	SFUNC = converge.merge,
	STYPE = converge.ormap,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.ormap) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.ormap,
	RIGHTARG = converge.ormap,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.ormap, converge.ormap) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.ormap_le(converge.ormap, converge.ormap) RETURNS boolean
	AS 'MODULE_PATHNAME', 'ormap_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_le(converge.ormap, converge.ormap) IS
	'implementation of operator <=';

CREATE FUNCTION converge.ormap_ge(converge.ormap, converge.ormap) RETURNS boolean
	AS 'MODULE_PATHNAME', 'ormap_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_ge(converge.ormap, converge.ormap) IS
	'implementation of operator >=';

CREATE FUNCTION converge.ormap_eq(converge.ormap, converge.ormap) RETURNS boolean
	AS 'MODULE_PATHNAME', 'ormap_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_eq(converge.ormap, converge.ormap) IS
	'implementation of operator =';

CREATE FUNCTION converge.ormap_ne(converge.ormap, converge.ormap) RETURNS boolean
	AS 'MODULE_PATHNAME', 'ormap_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_ne(converge.ormap, converge.ormap) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.ormap_le,
	LEFTARG = converge.ormap,
	RIGHTARG = converge.ormap,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.ormap, converge.ormap) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.ormap_ge,
	LEFTARG = converge.ormap,
	RIGHTARG = converge.ormap,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.ormap, converge.ormap) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.ormap_eq,
	LEFTARG = converge.ormap,
	RIGHTARG = converge.ormap,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.ormap, converge.ormap) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.ormap_ne,
	LEFTARG = converge.ormap,
	RIGHTARG = converge.ormap,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.ormap, converge.ormap) IS
	'not equal';

CREATE FUNCTION converge.ormap_hash(converge.ormap) RETURNS integer
	AS 'MODULE_PATHNAME', 'ormap_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_hash(converge.ormap) IS
	'hash';

CREATE FUNCTION converge.ormap_hash_extended(converge.ormap, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'ormap_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_hash_extended(converge.ormap, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.ormap_ops DEFAULT FOR TYPE converge.ormap USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.ormap_hash(converge.ormap),
	FUNCTION 2 converge.ormap_hash_extended(converge.ormap, bigint);
COMMENT ON OPERATOR CLASS converge.ormap_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.ormap_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.ormap(jsonb) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_from_jsonb' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.ormap(jsonb) IS
	'a new map, with registers and maps for what is in the object, written by this node';

CREATE FUNCTION converge.assign(map converge.ormap, value jsonb) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_assign' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.assign(converge.ormap, jsonb) IS
	'the map after the updates that make it read as the object';

CREATE FUNCTION converge.set_path(map converge.ormap, path text[], value jsonb) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_set_path' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.set_path(converge.ormap, text[], jsonb) IS
	'the map after the updates that make this key read as the value; a new key is a register, or a map for an object';

CREATE FUNCTION converge.add(map converge.ormap, path text[], n bigint) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_add_number' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.add(converge.ormap, text[], bigint) IS
	'the map with n added to the counter at this key; a new key is a pncounter';

CREATE FUNCTION converge.add(map converge.ormap, path text[], element text) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_add_element' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.add(converge.ormap, text[], text) IS
	'the map with the element added to the set at this key; a new key is an orset';

CREATE FUNCTION converge.remove(map converge.ormap, path text[], element text) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_remove_element' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.remove(converge.ormap, text[], text) IS
	'the map with the element removed from the set at this key; a new key is an orset';

CREATE FUNCTION converge.enable(map converge.ormap, path text[]) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_enable' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.enable(converge.ormap, text[]) IS
	'the map with the flag at this key enabled; a new key is an ewflag';

CREATE FUNCTION converge.disable(map converge.ormap, path text[]) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_disable' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.disable(converge.ormap, text[]) IS
	'the map with the flag at this key disabled; a new key is an ewflag';

CREATE FUNCTION converge.reset(map converge.ormap, path text[]) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_reset_path' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.reset(converge.ormap, text[]) IS
	'the map with the value at this key reset; the key stays';

CREATE FUNCTION converge.reset(map converge.ormap) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_reset' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.reset(converge.ormap) IS
	'the map without anything that this node has seen; what other nodes do at the same time stays';

CREATE FUNCTION converge.put(map converge.ormap, path text[], value anyelement) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_put' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.put(converge.ormap, text[], anyelement) IS
	'the map with a value of any type that merges merged into the key';

CREATE FUNCTION converge.remove(map converge.ormap, path text[]) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_remove_path' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.remove(converge.ormap, text[]) IS
	'the map without this key, as far as it was seen here';

CREATE FUNCTION converge.ormap_remove(converge.ormap, text) RETURNS converge.ormap
	AS 'MODULE_PATHNAME', 'ormap_remove_key' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.ormap_remove(converge.ormap, text) IS
	'implementation of operator -';

CREATE OPERATOR converge.- (
	FUNCTION = converge.ormap_remove,
	LEFTARG = converge.ormap,
	RIGHTARG = text
);
COMMENT ON OPERATOR converge.- (converge.ormap, text) IS
	'the map without this key, as far as it was seen here';

CREATE OPERATOR converge.#- (
	FUNCTION = converge.remove,
	LEFTARG = converge.ormap,
	RIGHTARG = text[]
);
COMMENT ON OPERATOR converge.#- (converge.ormap, text[]) IS
	'the map without the key at the end of this path, as far as it was seen here';

-- Reads

CREATE FUNCTION converge.value(map converge.ormap) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'ormap_to_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.ormap) IS
	'the map as plain values';

CREATE FUNCTION converge.ormap_get(converge.ormap, text) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'ormap_get_key' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_get(converge.ormap, text) IS
	'implementation of operator ->';

CREATE FUNCTION converge.ormap_get_text(converge.ormap, text) RETURNS text
	AS 'MODULE_PATHNAME', 'ormap_get_key_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_get_text(converge.ormap, text) IS
	'implementation of operator ->>';

CREATE FUNCTION converge.ormap_get_path(converge.ormap, text[]) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'ormap_get_path' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_get_path(converge.ormap, text[]) IS
	'implementation of operator #>';

CREATE FUNCTION converge.ormap_get_path_text(converge.ormap, text[]) RETURNS text
	AS 'MODULE_PATHNAME', 'ormap_get_path_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_get_path_text(converge.ormap, text[]) IS
	'implementation of operator #>>';

CREATE OPERATOR converge.-> (
	FUNCTION = converge.ormap_get,
	LEFTARG = converge.ormap,
	RIGHTARG = text
);
COMMENT ON OPERATOR converge.-> (converge.ormap, text) IS
	'what this key reads as';

CREATE OPERATOR converge.->> (
	FUNCTION = converge.ormap_get_text,
	LEFTARG = converge.ormap,
	RIGHTARG = text
);
COMMENT ON OPERATOR converge.->> (converge.ormap, text) IS
	'what this key reads as, as text';

CREATE OPERATOR converge.#> (
	FUNCTION = converge.ormap_get_path,
	LEFTARG = converge.ormap,
	RIGHTARG = text[]
);
COMMENT ON OPERATOR converge.#> (converge.ormap, text[]) IS
	'what the key at the end of this path reads as';

CREATE OPERATOR converge.#>> (
	FUNCTION = converge.ormap_get_path_text,
	LEFTARG = converge.ormap,
	RIGHTARG = text[]
);
COMMENT ON OPERATOR converge.#>> (converge.ormap, text[]) IS
	'what the key at the end of this path reads as, as text';

CREATE FUNCTION converge.get(map converge.ormap, path text[], of_type anyelement) RETURNS anyelement
	AS 'MODULE_PATHNAME', 'ormap_get' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.get(converge.ormap, text[], anyelement) IS
	'the value at this key that is of the type of the third argument, NULL if there is none';

CREATE FUNCTION converge.keys(map converge.ormap) RETURNS SETOF text
	AS 'MODULE_PATHNAME', 'ormap_keys' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION converge.keys(converge.ormap) IS
	'the keys, in order of their bytes';

CREATE FUNCTION converge.entries(map converge.ormap, OUT key text, OUT type text, OUT value jsonb, OUT visible boolean, OUT replica text, OUT stamp bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'ormap_entries' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION converge.entries(converge.ormap) IS
	'all values, also those of other types under one key, with who wrote them last and when (microseconds since 2000-01-01)';

CREATE CAST (converge.ormap AS jsonb)
	WITH FUNCTION converge.value(converge.ormap) AS ASSIGNMENT;
COMMENT ON CAST (converge.ormap AS jsonb) IS
	'the map as plain values';

CREATE CAST (jsonb AS converge.ormap)
	WITH FUNCTION converge.ormap(jsonb) AS ASSIGNMENT;
COMMENT ON CAST (jsonb AS converge.ormap) IS
	'a new map, with registers and maps for what is in the object, written by this node';

-- Keys

CREATE FUNCTION converge.ormap_has(converge.ormap, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'map_has' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_has(converge.ormap, text) IS
	'implementation of operator ?';

CREATE FUNCTION converge.ormap_has_any(converge.ormap, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'map_has_any' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_has_any(converge.ormap, text[]) IS
	'implementation of operator ?|';

CREATE FUNCTION converge.ormap_has_all(converge.ormap, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'map_has_all' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_has_all(converge.ormap, text[]) IS
	'implementation of operator ?&';

CREATE OPERATOR converge.? (
	FUNCTION = converge.ormap_has,
	LEFTARG = converge.ormap,
	RIGHTARG = text,
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.? (converge.ormap, text) IS
	'does the map have this key?';

CREATE OPERATOR converge.?| (
	FUNCTION = converge.ormap_has_any,
	LEFTARG = converge.ormap,
	RIGHTARG = text[],
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.?| (converge.ormap, text[]) IS
	'does the map have any of these keys?';

CREATE OPERATOR converge.?& (
	FUNCTION = converge.ormap_has_all,
	LEFTARG = converge.ormap,
	RIGHTARG = text[],
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.?& (converge.ormap, text[]) IS
	'does the map have all of these keys?';

-- Index

CREATE FUNCTION converge.ormap_gin_extract_value(converge.ormap, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'map_gin_extract_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_gin_extract_value(converge.ormap, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.ormap_gin_extract_query(converge.ormap, internal, int2, internal, internal, internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'map_gin_extract_query' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_gin_extract_query(converge.ormap, internal, int2, internal, internal, internal, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.ormap_gin_consistent(internal, int2, converge.ormap, int4, internal, internal, internal, internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'map_gin_consistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_gin_consistent(internal, int2, converge.ormap, int4, internal, internal, internal, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.ormap_gin_triconsistent(internal, int2, converge.ormap, int4, internal, internal, internal) RETURNS "char"
	AS 'MODULE_PATHNAME', 'map_gin_triconsistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.ormap_gin_triconsistent(internal, int2, converge.ormap, int4, internal, internal, internal) IS
	'support of GIN indexes';

CREATE OPERATOR CLASS converge.ormap_gin_ops DEFAULT FOR TYPE converge.ormap USING gin AS
	OPERATOR 1 converge.? (converge.ormap, text),
	OPERATOR 2 converge.?| (converge.ormap, text[]),
	OPERATOR 3 converge.?& (converge.ormap, text[]),
	FUNCTION 1 pg_catalog.byteacmp(bytea, bytea),
	FUNCTION 2 converge.ormap_gin_extract_value(converge.ormap, internal),
	FUNCTION 3 converge.ormap_gin_extract_query(converge.ormap, internal, int2, internal, internal, internal, internal),
	FUNCTION 4 converge.ormap_gin_consistent(internal, int2, converge.ormap, int4, internal, internal, internal, internal),
	FUNCTION 6 converge.ormap_gin_triconsistent(internal, int2, converge.ormap, int4, internal, internal, internal),
	STORAGE bytea;
COMMENT ON OPERATOR CLASS converge.ormap_gin_ops USING gin IS
	'keys, for the operators ?, ?| and ?&';
COMMENT ON OPERATOR FAMILY converge.ormap_gin_ops USING gin IS
	'keys, for the operators ?, ?| and ?&';
