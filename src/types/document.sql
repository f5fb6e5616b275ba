/*
 * Type converge.document: collaborative text.
 */

CREATE TYPE converge.document;

CREATE FUNCTION converge.document_in(cstring) RETURNS converge.document
	AS 'MODULE_PATHNAME', 'document_in' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.document_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.document_out(converge.document) RETURNS cstring
	AS 'MODULE_PATHNAME', 'document_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.document_out(converge.document) IS
	'I/O';

CREATE FUNCTION converge.document_recv(internal) RETURNS converge.document
	AS 'MODULE_PATHNAME', 'document_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.document_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.document_send(converge.document) RETURNS bytea
	AS 'MODULE_PATHNAME', 'document_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.document_send(converge.document) IS
	'I/O';

CREATE TYPE converge.document (
	INPUT = converge.document_in,
	OUTPUT = converge.document_out,
	RECEIVE = converge.document_recv,
	SEND = converge.document_send,
	STORAGE = extended
);
COMMENT ON TYPE converge.document IS
	'collaborative text, as in document "Hello" {london@770000000000001 start "Hello"}';

-- Constructor, merge, difference

CREATE FUNCTION converge.document() RETURNS converge.document
	AS 'MODULE_PATHNAME', 'document_empty' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION converge.document() IS
	'the empty document';

CREATE FUNCTION converge.merge(a converge.document, b converge.document) RETURNS converge.document
	AS 'MODULE_PATHNAME', 'document_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.merge(converge.document, converge.document) IS
	'least value that contains both: every update that either has seen';

CREATE FUNCTION converge.delta(old converge.document, new converge.document) RETURNS converge.document
	AS 'MODULE_PATHNAME', 'document_delta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.delta(converge.document, converge.document) IS
	'what the new value has beyond the old: merged into the old it gives the new';

CREATE AGGREGATE converge.merge(converge.document) (
	SFUNC = converge.merge,
	STYPE = converge.document,
	COMBINEFUNC = converge.merge,
	PARALLEL = safe
);
COMMENT ON AGGREGATE converge.merge(converge.document) IS
	'merge of all input values; NULL without input';

CREATE OPERATOR converge.|| (
	FUNCTION = converge.merge,
	LEFTARG = converge.document,
	RIGHTARG = converge.document,
	COMMUTATOR = OPERATOR(converge.||)
);
COMMENT ON OPERATOR converge.|| (converge.document, converge.document) IS
	'merge';

-- Order of the lattice, equality, hash

CREATE FUNCTION converge.document_le(converge.document, converge.document) RETURNS boolean
	AS 'MODULE_PATHNAME', 'document_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.document_le(converge.document, converge.document) IS
	'implementation of operator <=';

CREATE FUNCTION converge.document_ge(converge.document, converge.document) RETURNS boolean
	AS 'MODULE_PATHNAME', 'document_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.document_ge(converge.document, converge.document) IS
	'implementation of operator >=';

CREATE FUNCTION converge.document_eq(converge.document, converge.document) RETURNS boolean
	AS 'MODULE_PATHNAME', 'document_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.document_eq(converge.document, converge.document) IS
	'implementation of operator =';

CREATE FUNCTION converge.document_ne(converge.document, converge.document) RETURNS boolean
	AS 'MODULE_PATHNAME', 'document_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.document_ne(converge.document, converge.document) IS
	'implementation of operator <>';

CREATE OPERATOR converge.<= (
	FUNCTION = converge.document_le,
	LEFTARG = converge.document,
	RIGHTARG = converge.document,
	COMMUTATOR = OPERATOR(converge.>=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.<= (converge.document, converge.document) IS
	'every update in the first value is contained in the second';

CREATE OPERATOR converge.>= (
	FUNCTION = converge.document_ge,
	LEFTARG = converge.document,
	RIGHTARG = converge.document,
	COMMUTATOR = OPERATOR(converge.<=),
	RESTRICT = contsel,
	JOIN = contjoinsel
);
COMMENT ON OPERATOR converge.>= (converge.document, converge.document) IS
	'the first value contains every update in the second';

CREATE OPERATOR converge.= (
	FUNCTION = converge.document_eq,
	LEFTARG = converge.document,
	RIGHTARG = converge.document,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.document, converge.document) IS
	'equal states, which is more than equal texts';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.document_ne,
	LEFTARG = converge.document,
	RIGHTARG = converge.document,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.document, converge.document) IS
	'not equal';

CREATE FUNCTION converge.document_hash(converge.document) RETURNS integer
	AS 'MODULE_PATHNAME', 'document_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.document_hash(converge.document) IS
	'hash';

CREATE FUNCTION converge.document_hash_extended(converge.document, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'document_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.document_hash_extended(converge.document, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.document_ops DEFAULT FOR TYPE converge.document USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.document_hash(converge.document),
	FUNCTION 2 converge.document_hash_extended(converge.document, bigint);
COMMENT ON OPERATOR CLASS converge.document_ops USING hash IS
	'equality of states';
COMMENT ON OPERATOR FAMILY converge.document_ops USING hash IS
	'equality of states';

-- Updates

CREATE FUNCTION converge.document(text) RETURNS converge.document
	AS 'MODULE_PATHNAME', 'document_from_text' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.document(text) IS
	'a new document, with this text written by this node';

CREATE FUNCTION converge.insert(document converge.document, "position" integer, inserted text) RETURNS converge.document
	AS 'MODULE_PATHNAME', 'document_insert' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.insert(converge.document, integer, text) IS
	'the document with a text inserted, so that it begins at this position (from 1)';

CREATE FUNCTION converge.delete(document converge.document, "position" integer, length integer) RETURNS converge.document
	AS 'MODULE_PATHNAME', 'document_delete' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.delete(converge.document, integer, integer) IS
	'the document without so many characters from this position (from 1) on';

CREATE FUNCTION converge.edit(document converge.document, new_text text) RETURNS converge.document
	AS 'MODULE_PATHNAME', 'document_edit' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION converge.edit(converge.document, text) IS
	'the document with this text, by the fewest insertions and deletions';

-- Reads

CREATE FUNCTION converge.value(document converge.document) RETURNS text
	AS 'MODULE_PATHNAME', 'document_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.value(converge.document) IS
	'the text';

CREATE FUNCTION converge.length(document converge.document) RETURNS integer
	AS 'MODULE_PATHNAME', 'document_length' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.length(converge.document) IS
	'number of characters of the text';

CREATE FUNCTION converge.authors(document converge.document, OUT replica text, OUT "position" integer, OUT length integer, OUT content text, OUT written timestamptz) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'document_authors' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION converge.authors(converge.document) IS
	'who wrote which part of the text, and when the latest of it';

CREATE CAST (converge.document AS text)
	WITH FUNCTION converge.value(converge.document) AS ASSIGNMENT;
COMMENT ON CAST (converge.document AS text) IS
	'the text';

CREATE CAST (text AS converge.document)
	WITH FUNCTION converge.document(text) AS ASSIGNMENT;
COMMENT ON CAST (text AS converge.document) IS
	'a new document, with this text written by this node';
