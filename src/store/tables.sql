-- Tables of the extension.  C code addresses columns by number: the order is
-- part of the interface (src/store/meta.c).

CREATE TABLE converge.node (
    singleton bool PRIMARY KEY DEFAULT true CHECK (singleton),
    replica_id text NOT NULL,
    node_name text NOT NULL,
    origin int4 NOT NULL,
    system_identifier int8 NOT NULL,
    timeline int4 NOT NULL,
    database_oid oid NOT NULL,
    file_id int8 NOT NULL,
    stamp_ceiling int8 NOT NULL,
    log_segment int4 NOT NULL,
    stable converge.vclock NOT NULL,
    since timestamptz NOT NULL,
    confirmed_seq int8 NOT NULL
);
COMMENT ON TABLE converge.node IS 'identity of this node, one row';

CREATE TABLE converge.origins (
    id int4 PRIMARY KEY,
    replica_id text NOT NULL,
    moved_seq int8 NOT NULL
);
COMMENT ON TABLE converge.origins IS 'replica ids known here, by local number';
COMMENT ON COLUMN converge.origins.moved_seq IS 'entries of a former identity of this node, up to this one, go on under a later one; 0: none';

CREATE TABLE converge.progress (
    origin int4 PRIMARY KEY,
    seq int8 NOT NULL,
    stamp int8 NOT NULL,
    horizon int8 NOT NULL,
    floor int8 NOT NULL,
    own_seq int8 NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE converge.progress IS 'last entry of each origin that is applied here';

CREATE TABLE converge.descriptors (
    hash int8 NOT NULL,
    body bytea NOT NULL
);
CREATE INDEX descriptors_hash_idx ON converge.descriptors (hash);
COMMENT ON TABLE converge.descriptors IS 'table descriptions that log entries refer to';

CREATE TABLE converge.tombstones (
    relid oid NOT NULL,
    keyhash int8 NOT NULL,
    key bytea NOT NULL,
    state converge.row_state NOT NULL,
    image bytea NOT NULL
);
CREATE INDEX tombstones_key_idx ON converge.tombstones (relid, keyhash);
COMMENT ON TABLE converge.tombstones IS 'deleted rows that a concurrent write may still reach';

CREATE TABLE converge.quarantine (
    relid oid NOT NULL,
    keyhash int8 NOT NULL,
    key bytea NOT NULL,
    state converge.row_state NOT NULL,
    image bytea NOT NULL,
    reason text NOT NULL,
    detail text,
    since timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX quarantine_key_idx ON converge.quarantine (relid, keyhash);
COMMENT ON TABLE converge.quarantine IS 'rows set aside because they violate a constraint here';

CREATE TABLE converge.replicated (
    relid oid PRIMARY KEY,
    key_index oid NOT NULL,
    on_delete int2 NOT NULL,
    granularity int2 NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    key_columns int2[] NOT NULL
);
COMMENT ON TABLE converge.replicated IS 'replicated tables; see the view converge.tables';

CREATE TABLE converge.replicated_columns (
    relid oid NOT NULL,
    attname name NOT NULL,
    unit int8 NOT NULL
);
CREATE INDEX replicated_columns_relid_idx ON converge.replicated_columns (relid);
COMMENT ON TABLE converge.replicated_columns IS 'columns that move as a group: unit is shared';

CREATE TABLE converge.column_strategies (
    relid oid NOT NULL,
    attname name NOT NULL,
    strategy text NOT NULL,
    replica text NOT NULL,
    stamp int8 NOT NULL,
    attnum int2 NOT NULL
);
CREATE INDEX column_strategies_relid_idx ON converge.column_strategies (relid);
COMMENT ON TABLE converge.column_strategies IS 'what set_strategy() was told, by which node and when; the latest is valid';

CREATE TABLE converge.peer_state (
    name text PRIMARY KEY,
    paused bool NOT NULL
);
COMMENT ON TABLE converge.peer_state IS 'what peer_pause() and peer_resume() have set';

CREATE TABLE converge.members (
    node_name text PRIMARY KEY,
    replica_id text NOT NULL,
    forgotten bool NOT NULL DEFAULT false,
    since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE converge.members IS 'all nodes heard of, each with its latest replica id; forgotten ones hold nothing back';

CREATE TABLE converge.conflict_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    relid oid NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    conflict_type text NOT NULL,
    decision text NOT NULL,
    key jsonb,
    local_row jsonb,
    remote_row jsonb,
    local_clock converge.vclock,
    remote_clock converge.vclock,
    origin text NOT NULL
);
COMMENT ON TABLE converge.conflict_log IS 'conflicts that apply resolved; see the view converge.conflicts';

-- The change log: a ring of segments below one parent, of two tables each.
-- own_N has what was committed here, in order and without an index
-- (src/store/ownlog.c); log_N the entries of other origins, and parts.  A
-- column that says nothing is null.  Values stay in line up to a page: entries
-- are read once or twice and then cut as a whole.
CREATE TABLE converge.log (
    seq int8 NOT NULL,
    stamp int8 NOT NULL,
    origin int4 NOT NULL,
    part int4,
    prev_seq int8,
    spill int8,
    body bytea NOT NULL
);
COMMENT ON TABLE converge.log IS 'change log: committed transactions of all origins';
ALTER TABLE converge.log ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE TABLE converge.log_0 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off);
CREATE TABLE converge.log_1 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off);
CREATE TABLE converge.log_2 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off);
CREATE TABLE converge.log_3 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off);
CREATE TABLE converge.log_4 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off);
CREATE TABLE converge.log_5 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off);
CREATE TABLE converge.log_6 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off);
CREATE TABLE converge.log_7 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off);
CREATE INDEX log_0_idx ON converge.log_0 (origin, seq, part);
CREATE INDEX log_1_idx ON converge.log_1 (origin, seq, part);
CREATE INDEX log_2_idx ON converge.log_2 (origin, seq, part);
CREATE INDEX log_3_idx ON converge.log_3 (origin, seq, part);
CREATE INDEX log_4_idx ON converge.log_4 (origin, seq, part);
CREATE INDEX log_5_idx ON converge.log_5 (origin, seq, part);
CREATE INDEX log_6_idx ON converge.log_6 (origin, seq, part);
CREATE INDEX log_7_idx ON converge.log_7 (origin, seq, part);
CREATE TABLE converge.own_0 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off, vacuum_truncate = off);
CREATE TABLE converge.own_1 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off, vacuum_truncate = off);
CREATE TABLE converge.own_2 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off, vacuum_truncate = off);
CREATE TABLE converge.own_3 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off, vacuum_truncate = off);
CREATE TABLE converge.own_4 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off, vacuum_truncate = off);
CREATE TABLE converge.own_5 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off, vacuum_truncate = off);
CREATE TABLE converge.own_6 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off, vacuum_truncate = off);
CREATE TABLE converge.own_7 () INHERITS (converge.log) WITH (toast_tuple_target = 8160, autovacuum_enabled = off, vacuum_truncate = off);
