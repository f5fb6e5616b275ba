-- Trigger functions; converge.replicate() attaches them.

CREATE FUNCTION converge.stamp() RETURNS trigger
    LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'stamp';
COMMENT ON FUNCTION converge.stamp() IS
    'trigger: gives a row its new state before it is written';

CREATE FUNCTION converge.capture() RETURNS trigger
    LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'capture';
COMMENT ON FUNCTION converge.capture() IS
    'trigger: captures a row change for the log';

CREATE FUNCTION converge.capture_truncate() RETURNS trigger
    LANGUAGE C VOLATILE AS 'MODULE_PATHNAME', 'capture_truncate';
COMMENT ON FUNCTION converge.capture_truncate() IS
    'trigger: captures TRUNCATE as the deletion of every row';
