/*
 * Type converge.row_state: metadata of one replicated row, the type of the
 * column _converge.
 *
 * All functions are strict: NULL in, NULL out.
 */

CREATE TYPE converge.row_state;

CREATE FUNCTION converge.row_state_in(cstring) RETURNS converge.row_state
	AS 'MODULE_PATHNAME', 'row_state_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.row_state_in(cstring) IS
	'I/O';

CREATE FUNCTION converge.row_state_out(converge.row_state) RETURNS cstring
	AS 'MODULE_PATHNAME', 'row_state_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.row_state_out(converge.row_state) IS
	'I/O';

CREATE FUNCTION converge.row_state_recv(internal) RETURNS converge.row_state
	AS 'MODULE_PATHNAME', 'row_state_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.row_state_recv(internal) IS
	'I/O';

CREATE FUNCTION converge.row_state_send(converge.row_state) RETURNS bytea
	AS 'MODULE_PATHNAME', 'row_state_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.row_state_send(converge.row_state) IS
	'I/O';

CREATE TYPE converge.row_state (
	INPUT = converge.row_state_in,
	OUTPUT = converge.row_state_out,
	RECEIVE = converge.row_state_recv,
	SEND = converge.row_state_send,
	STORAGE = main
);
COMMENT ON TYPE converge.row_state IS
	'who wrote which part of a replicated row, and when';

-- Functions

CREATE FUNCTION converge.describe(state converge.row_state) RETURNS text
	AS 'MODULE_PATHNAME', 'row_state_describe' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.describe(converge.row_state) IS
	'row state in words';

CREATE FUNCTION converge.clock(state converge.row_state) RETURNS converge.vclock
	AS 'MODULE_PATHNAME', 'row_state_clock' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.clock(converge.row_state) IS
	'row clock: stamp of the latest write of each replica';

CREATE FUNCTION converge.writer(state converge.row_state) RETURNS text
	AS 'MODULE_PATHNAME', 'row_state_writer' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.writer(converge.row_state) IS
	'replica id of the latest write';

CREATE FUNCTION converge.changed_at(state converge.row_state) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'row_state_changed_at' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.changed_at(converge.row_state) IS
	'stamp of the latest write';

CREATE FUNCTION converge.birth(state converge.row_state) RETURNS bytea
	AS 'MODULE_PATHNAME', 'row_state_birth' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.birth(converge.row_state) IS
	'identity of a row in a table without a key';

-- Equality

CREATE FUNCTION converge.row_state_eq(converge.row_state, converge.row_state) RETURNS boolean
	AS 'MODULE_PATHNAME', 'row_state_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.row_state_eq(converge.row_state, converge.row_state) IS
	'implementation of operator =';

CREATE FUNCTION converge.row_state_ne(converge.row_state, converge.row_state) RETURNS boolean
	AS 'MODULE_PATHNAME', 'row_state_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.row_state_ne(converge.row_state, converge.row_state) IS
	'implementation of operator <>';

CREATE OPERATOR converge.= (
	FUNCTION = converge.row_state_eq,
	LEFTARG = converge.row_state,
	RIGHTARG = converge.row_state,
	COMMUTATOR = OPERATOR(converge.=),
	NEGATOR = OPERATOR(converge.<>),
	RESTRICT = eqsel,
	JOIN = eqjoinsel,
	HASHES
);
COMMENT ON OPERATOR converge.= (converge.row_state, converge.row_state) IS
	'equal';

CREATE OPERATOR converge.<> (
	FUNCTION = converge.row_state_ne,
	LEFTARG = converge.row_state,
	RIGHTARG = converge.row_state,
	COMMUTATOR = OPERATOR(converge.<>),
	NEGATOR = OPERATOR(converge.=),
	RESTRICT = neqsel,
	JOIN = neqjoinsel
);
COMMENT ON OPERATOR converge.<> (converge.row_state, converge.row_state) IS
	'not equal';

CREATE FUNCTION converge.row_state_hash(converge.row_state) RETURNS integer
	AS 'MODULE_PATHNAME', 'row_state_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.row_state_hash(converge.row_state) IS
	'hash';

CREATE FUNCTION converge.row_state_hash_extended(converge.row_state, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'row_state_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION converge.row_state_hash_extended(converge.row_state, bigint) IS
	'hash';

CREATE OPERATOR CLASS converge.row_state_ops DEFAULT FOR TYPE converge.row_state USING hash AS
	OPERATOR 1 converge.=,
	FUNCTION 1 converge.row_state_hash(converge.row_state),
	FUNCTION 2 converge.row_state_hash_extended(converge.row_state, bigint);
COMMENT ON OPERATOR CLASS converge.row_state_ops USING hash IS
	'equality of row states';
COMMENT ON OPERATOR FAMILY converge.row_state_ops USING hash IS
	'equality of row states';

-- Casts

CREATE CAST (converge.row_state AS converge.vclock)
	WITH FUNCTION converge.clock(converge.row_state);
COMMENT ON CAST (converge.row_state AS converge.vclock) IS
	'row clock';
