\echo Use "CREATE EXTENSION pg_converge" to load this file. \quit

-- Objects live in schema converge, which the control file makes.
GRANT USAGE ON SCHEMA converge TO PUBLIC;

