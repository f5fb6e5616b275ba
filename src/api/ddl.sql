-- Event triggers that keep replicated tables fit to be replicated.

CREATE FUNCTION converge.ddl_start() RETURNS event_trigger
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'ddl_start';
COMMENT ON FUNCTION converge.ddl_start() IS
    'event trigger: checks what a replicated table is about to become: partitions, types of columns with a strategy';

CREATE FUNCTION converge.ddl_end() RETURNS event_trigger
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'ddl_end';
COMMENT ON FUNCTION converge.ddl_end() IS
    'event trigger: follows and checks DDL on replicated tables';

CREATE FUNCTION converge.ddl_drop() RETURNS event_trigger
    LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'ddl_drop';
COMMENT ON FUNCTION converge.ddl_drop() IS
    'event trigger: forgets dropped tables, protects parts of replicated ones';

CREATE EVENT TRIGGER converge_ddl_start ON ddl_command_start
    WHEN TAG IN ('ALTER TABLE')
    EXECUTE FUNCTION converge.ddl_start();
COMMENT ON EVENT TRIGGER converge_ddl_start IS 'checks ATTACH PARTITION to, and types of columns of, a replicated table';
ALTER EVENT TRIGGER converge_ddl_start ENABLE ALWAYS;

CREATE EVENT TRIGGER converge_ddl_end ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'ALTER FOREIGN TABLE', 'ALTER TRIGGER', 'CREATE FOREIGN TABLE',
        'CREATE SCHEMA', 'CREATE TABLE', 'CREATE TRIGGER')
    EXECUTE FUNCTION converge.ddl_end();
COMMENT ON EVENT TRIGGER converge_ddl_end IS 'follows and checks DDL on replicated tables';
ALTER EVENT TRIGGER converge_ddl_end ENABLE ALWAYS;

CREATE EVENT TRIGGER converge_ddl_drop ON sql_drop
    EXECUTE FUNCTION converge.ddl_drop();
COMMENT ON EVENT TRIGGER converge_ddl_drop IS 'forgets dropped tables, protects parts of replicated ones';
ALTER EVENT TRIGGER converge_ddl_drop ENABLE ALWAYS;
