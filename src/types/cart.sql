/*
 * Type converge.cart: a shopping cart.
 */

CREATE TYPE converge.cart;

CREATE FUNCTION converge.cart_in(cstring) RETURNS converge.cart
	AS 'MODULE_PATHNAME', 'cart_in' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.cart_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.cart_out(converge.cart) RETURNS cstring
	AS 'MODULE_PATHNAME', 'cart_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_out(converge.cart) IS
	'I/O';

CREATE FUNCTION converge.cart_recv(internal) RETURNS converge.cart
	AS 'MODULE_PATHNAME', 'cart_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.cart_send(converge.cart) RETURNS bytea
	AS 'MODULE_PATHNAME', 'cart_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_send(converge.cart) IS
	'I/O';

CREATE TYPE converge.cart (
	INPUT = converge.cart_in,
	OUTPUT = converge.cart_out,
	RECEIVE = converge.cart_recv,
	SEND = converge.cart_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.cart IS
	'shopping cart, as in {"apple": 3 {london 3@770000000000001} at [london@770000000000001]}';

-- Constructor, merge, difference

CREATE FUNCTION converge.cart() RETURNS converge.cart
	AS 'MODULE_PATHNAME', 'cart_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart() IS
	'the empty cart';

CREATE FUNCTION converge.merge(a converge.cart, b converge.cart) RETURNS converge.cart
	AS 'MODULE_PATHNAME', 'cart_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.cart, converge.cart) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.cart, new converge.cart) RETURNS converge.cart
	AS 'MODULE_PATHNAME', 'cart_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.cart, converge.cart) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.cart) (
	SFUNC = converge.merge,
	STYPE = converge.cart,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.cart) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.cart,
	RIGHTARG = converge.cart,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.cart, converge.cart) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.cart_le(converge.cart, converge.cart) RETURNS boolean
	AS 'MODULE_PATHNAME', 'cart_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_le(converge.cart, converge.cart) IS
	'implementation of operator <=';

CREATE FUNCTION converge.cart_ge(converge.cart, converge.cart) RETURNS boolean
	AS 'MODULE_PATHNAME', 'cart_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_ge(converge.cart, converge.cart) IS
	'implementation of operator >=';

CREATE FUNCTION converge.cart_eq(converge.cart, converge.cart) RETURNS boolean
	AS 'MODULE_PATHNAME', 'cart_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_eq(converge.cart, converge.cart) IS
	'implementation of operator =';

CREATE FUNCTION converge.cart_ne(converge.cart, converge.cart) RETURNS boolean
	AS 'MODULE_PATHNAME', 'cart_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_ne(converge.cart, converge.cart) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.cart_le,
	LEFTARG = converge.cart,
	RIGHTARG = converge.cart,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.cart, converge.cart) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.cart_ge,
	LEFTARG = converge.cart,
	RIGHTARG = converge.cart,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.cart, converge.cart) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.cart_eq,
	LEFTARG = converge.cart,
	RIGHTARG = converge.cart,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.cart, converge.cart) IS
	'equal states, which is more than equal values';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.cart_ne,
	LEFTARG = converge.cart,
	RIGHTARG = converge.cart,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.cart, converge.cart) IS
	'not equal';

CREATE FUNCTION converge.cart_hash(converge.cart) RETURNS integer
	AS 'MODULE_PATHNAME', 'cart_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_hash(converge.cart) IS
	'hash';

CREATE FUNCTION converge.cart_hash_extended(converge.cart, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'cart_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_hash_extended(converge.cart, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.cart_ops DEFAULT FOR TYPE converge.cart USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.cart_hash(converge.cart),
	FUNCTION 2 converge.cart_hash_extended(converge.cart, bigint);
COMMENT ON OPERATOR CLASS converge.cart_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.cart_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.cart(jsonb) RETURNS converge.cart
	AS 'MODULE_PATHNAME', 'cart_from_jsonb' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.cart(jsonb) IS
	'a new cart with these quantities, put in by this node';

CREATE FUNCTION converge.assign(cart converge.cart, value jsonb) RETURNS converge.cart
	AS 'MODULE_PATHNAME', 'cart_assign' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.assign(converge.cart, jsonb) IS
	'the cart after the updates that lead to these quantities';

CREATE FUNCTION converge.add(cart converge.cart, sku text, n bigint DEFAULT 1) RETURNS converge.cart
	AS 'MODULE_PATHNAME', 'cart_add' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.add(converge.cart, text, bigint) IS
	'the cart with n more of an article';

CREATE FUNCTION converge.remove(cart converge.cart, sku text) RETURNS converge.cart
	AS 'MODULE_PATHNAME', 'cart_remove_all' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.remove(converge.cart, text) IS
	'the cart without an article, as far as it was seen here';

CREATE FUNCTION converge.remove(cart converge.cart, sku text, n bigint) RETURNS converge.cart
	AS 'MODULE_PATHNAME', 'cart_remove' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.remove(converge.cart, text, bigint) IS
	'the cart with n less of an article, or with none of it if there are not more';

CREATE FUNCTION converge.reset(cart converge.cart) RETURNS converge.cart
	AS 'MODULE_PATHNAME', 'cart_reset' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.reset(converge.cart) IS
	'the cart without anything that this node has seen; what other nodes do at the same time stays';

-- Reads

CREATE FUNCTION converge.value(cart converge.cart) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'cart_to_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.cart) IS
	'an object of quantities';

CREATE FUNCTION converge.quantity(cart converge.cart, sku text) RETURNS bigint
	AS 'MODULE_PATHNAME', 'cart_quantity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.quantity(converge.cart, text) IS
	'how many of an article are in the cart, 0 if none';

CREATE FUNCTION converge.items(cart converge.cart, OUT sku text, OUT quantity bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'cart_items' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION converge.items(converge.cart) IS
	'what is in the cart, in order of the bytes of the articles';

CREATE CAST (converge.cart AS jsonb)
	WITH FUNCTION converge.value(converge.cart) AS ASSIGNMENT;
COMMENT ON CAST (converge.cart AS jsonb) IS
	'an object of quantities';

CREATE CAST (jsonb AS converge.cart)
	WITH FUNCTION converge.cart(jsonb) AS ASSIGNMENT;
COMMENT ON CAST (jsonb AS converge.cart) IS
	'a new cart with these quantities, put in by this node';

-- Keys

CREATE FUNCTION converge.cart_has(converge.cart, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'map_has' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_has(converge.cart, text) IS
	'implementation of operator ?';

CREATE FUNCTION converge.cart_has_any(converge.cart, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'map_has_any' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_has_any(converge.cart, text[]) IS
	'implementation of operator ?|';

CREATE FUNCTION converge.cart_has_all(converge.cart, text[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'map_has_all' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_has_all(converge.cart, text[]) IS
	'implementation of operator ?&';

CREATE OPERATOR converge.? (
	FUNCTION = converge.cart_has,
	LEFTARG = converge.cart,
	RIGHTARG = text,
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.? (converge.cart, text) IS
	'does the cart have this article?';

CREATE OPERATOR converge.?| (
	FUNCTION = converge.cart_has_any,
	LEFTARG = converge.cart,
	RIGHTARG = text[],
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.?| (converge.cart, text[]) IS
	'does the cart have any of these articles?';

CREATE OPERATOR converge.?& (
	FUNCTION = converge.cart_has_all,
	LEFTARG = converge.cart,
	RIGHTARG = text[],
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.?& (converge.cart, text[]) IS
	'does the cart have all of these articles?';

-- Index

CREATE FUNCTION converge.cart_gin_extract_value(converge.cart, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'map_gin_extract_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_gin_extract_value(converge.cart, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.cart_gin_extract_query(converge.cart, internal, int2, internal, internal, internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'map_gin_extract_query' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_gin_extract_query(converge.cart, internal, int2, internal, internal, internal, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.cart_gin_consistent(internal, int2, converge.cart, int4, internal, internal, internal, internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'map_gin_consistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_gin_consistent(internal, int2, converge.cart, int4, internal, internal, internal, internal) IS
	'support of GIN indexes';

CREATE FUNCTION converge.cart_gin_triconsistent(internal, int2, converge.cart, int4, internal, internal, internal) RETURNS "char"
	AS 'MODULE_PATHNAME', 'map_gin_triconsistent' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.cart_gin_triconsistent(internal, int2, converge.cart, int4, internal, internal, internal) IS
	'support of GIN indexes';

CREATE OPERATOR CLASS converge.cart_gin_ops DEFAULT FOR TYPE converge.cart USING gin AS
	OPERATOR 1 converge.? (converge.cart, text),
	OPERATOR 2 converge.?| (converge.cart, text[]),
	OPERATOR 3 converge.?& (converge.cart, text[]),
	FUNCTION 1 pg_catalog.byteacmp(bytea, bytea),
	FUNCTION 2 converge.cart_gin_extract_value(converge.cart, internal),
	FUNCTION 3 converge.cart_gin_extract_query(converge.cart, internal, int2, internal, internal, internal, internal),
	FUNCTION 4 converge.cart_gin_consistent(internal, int2, converge.cart, int4, internal, internal, internal, internal),
	FUNCTION 6 converge.cart_gin_triconsistent(internal, int2, converge.cart, int4, internal, internal, internal),
	STORAGE bytea;
COMMENT ON OPERATOR CLASS converge.cart_gin_ops USING gin IS
	'articles, for the operators ?, ?| and ?&';
COMMENT ON OPERATOR FAMILY converge.cart_gin_ops USING gin IS
	'articles, for the operators ?, ?| and ?&';
