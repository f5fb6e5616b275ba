--
-- receive(): a value of a type from bytes that its send function did not make,
-- by way of one field of a COPY file.  Its text, or the error.
--
CREATE FUNCTION receive(type regtype, bytes bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    file text := current_setting('data_directory') || '/pg_converge_receive.bin';
    lob oid;
    state text;
    message text;
    detail text;
BEGIN
    lob := lo_from_bytea(0, '\x5047434f50590aff0d0a0000000000000000000001'::bytea
                            || int4send(length(bytes)) || bytes || '\xffff'::bytea);
    PERFORM lo_export(lob, file);
    PERFORM lo_unlink(lob);
    EXECUTE format('CREATE TEMP TABLE received_value (v %s)', type);
    EXECUTE format('COPY received_value FROM %L (FORMAT binary)', file);
    SELECT string_agg(v::text, ' ') FROM received_value INTO message;
    DROP TABLE received_value;
    RETURN message;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
                            detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' | ', state, message, detail);
END $$;
