--
-- What every type that merges has.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_converge;
RESET client_min_messages;
SET search_path = public, converge;

CREATE TEMP VIEW types AS
SELECT t.oid, t.typname, t.oid::regtype::text AS name, n.oid AS nsp
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname = 'converge' AND t.typname <> 'vclock' AND EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = n.oid AND p.proname = 'merge' AND p.prokind = 'f' AND p.prorettype = t.oid);
SELECT string_agg(typname, ' ' ORDER BY typname COLLATE "C") AS types FROM types;

CREATE FUNCTION has_function(signature text, returns oid, volatility "char", parallel "char", kind "char" DEFAULT 'f') RETURNS boolean LANGUAGE sql AS
    'SELECT coalesce((SELECT prorettype = $2 AND provolatile = $3 AND proparallel = $4 AND prokind = $5
                             AND (proisstrict OR pronargs = 0 OR prokind = ''a'')
                             AND obj_description(oid, ''pg_proc'') IS NOT NULL
                      FROM pg_proc WHERE oid = to_regprocedure($1)), false)';
CREATE FUNCTION has_operator(op text, type oid, restriction regproc, hashes boolean) RETURNS boolean LANGUAGE sql AS
    'SELECT coalesce((SELECT oprcom <> 0 AND oprrest = $3 AND oprcanhash = $4 AND obj_description(oid, ''pg_operator'') IS NOT NULL
                      FROM pg_operator WHERE oprnamespace = ''converge''::regnamespace AND oprname = $1 AND oprleft = $2 AND oprright = $2), false)';
-- nothing is missing anywhere: constructor, I/O, merge, difference, aggregate, order, equality, hash, casts, comments
SELECT t.name, c.what AS missing
FROM types t, LATERAL (VALUES
    ('constructor', has_function(format('converge.%I()', typname), t.oid, 'i', 's')),
    ('output', has_function(format('converge.%s_out(converge.%1$I)', typname), 'cstring'::regtype, 'i', 's')),
    ('input', has_function(format('converge.%s_in(cstring)', typname), t.oid, 'i', 's') OR has_function(format('converge.%s_in(cstring)', typname), t.oid, 's', 'r')),
    ('receive', has_function(format('converge.%s_recv(internal)', typname), t.oid, 'i', 's')),
    ('send', has_function(format('converge.%s_send(converge.%1$I)', typname), 'bytea'::regtype, 'i', 's')),
    ('merge', has_function(format('converge.merge(converge.%I, converge.%1$I)', typname), t.oid, 'i', 's')),
    ('aggregate', EXISTS (SELECT FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid
                          WHERE p.proname = 'merge' AND p.prorettype = t.oid AND p.proparallel = 's' AND a.aggcombinefn <> 0
                                AND obj_description(p.oid, 'pg_proc') IS NOT NULL)),
    ('delta', has_function(format('converge.delta(converge.%I, converge.%1$I)', typname), t.oid, 'i', 's')),
    ('||', has_operator('||', t.oid, 0, false)),
    ('<=', has_operator('<=', t.oid, 'contsel', false)),
    ('>=', has_operator('>=', t.oid, 'contsel', false)),
    ('=', has_operator('=', t.oid, 'eqsel', true)),
    ('<>', has_operator('<>', t.oid, 'neqsel', false)),
    ('hash', EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod WHERE m.amname = 'hash' AND o.opcintype = t.oid AND o.opcdefault
                            AND obj_description(o.oid, 'pg_opclass') IS NOT NULL AND amvalidate(o.oid))),
    ('cast to a plain type', EXISTS (SELECT FROM pg_cast c WHERE castsource = t.oid AND obj_description(c.oid, 'pg_cast') IS NOT NULL)),
    ('cast from a plain type', EXISTS (SELECT FROM pg_cast c WHERE casttarget = t.oid AND obj_description(c.oid, 'pg_cast') IS NOT NULL)),
    ('comment', obj_description(t.oid, 'pg_type') IS NOT NULL),
    ('storage', (SELECT typstorage = 'x' FROM pg_type WHERE oid = t.oid)),
    ('GIN where it has containment', NOT EXISTS (SELECT FROM pg_operator o WHERE oprnamespace = t.nsp AND oprleft = t.oid AND oprname IN ('?', '@>', '&&'))
        OR EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod WHERE m.amname = 'gin' AND o.opcintype = t.oid AND o.opcdefault
                          AND obj_description(o.oid, 'pg_opclass') IS NOT NULL AND amvalidate(o.oid)))) c(what, there)
WHERE NOT c.there
ORDER BY 1, 2;

-- Every function of such a type has a comment, and is an update, or immutable and parallel safe
SELECT p.oid::regprocedure AS "neither update nor immutable"
FROM pg_proc p
WHERE p.pronamespace = 'converge'::regnamespace AND p.prokind = 'f' AND EXISTS (SELECT FROM types t WHERE t.oid = p.prorettype OR t.oid = ANY (p.proargtypes))
  AND (obj_description(p.oid, 'pg_proc') IS NULL
       OR NOT ((p.provolatile = 'i' AND p.proparallel = 's')
               OR (p.provolatile IN ('v', 's') AND p.proparallel = 'r' AND EXISTS (SELECT FROM types t WHERE t.oid = p.prorettype))))
ORDER BY 1;

-- What draws dots is volatile, or stable where it is an input function; all else is immutable
SELECT p.oid::regprocedure AS "of another volatility"
FROM pg_proc p
WHERE p.pronamespace = 'converge'::regnamespace AND p.prokind = 'f' AND p.oid::regprocedure::text ~ '(set|reg|ormap|cart)\M|(g|twop|or|rw)set_|(lww|mv|max|min)reg_|(ormap|cart)_'
  AND EXISTS (SELECT FROM types t WHERE (t.oid = p.prorettype OR t.oid = ANY (p.proargtypes)) AND t.typname ~ '(set|reg|ormap|cart)$')
  AND (p.provolatile = 'i' AND p.proparallel = 's')
      = CASE WHEN EXISTS (SELECT FROM types t WHERE (t.oid = p.prorettype OR t.oid = ANY (p.proargtypes)) AND t.typname ~ 'set$')
                  THEN p.proname ~ '^((or|rw)set_in|reset|[a-z]+set_(add|remove))$' OR p.oid::regprocedure::text ~ 'set\(text\[\]\)'
             WHEN EXISTS (SELECT FROM types t WHERE (t.oid = p.prorettype OR t.oid = ANY (p.proargtypes)) AND t.typname ~ '^(ormap|cart)$')
                  THEN p.proname ~ '^(set_path|add|remove|ormap_remove|put|enable|disable|reset|assign|.*_in)$' OR p.oid::regprocedure::text ~ '(ormap|cart)\(jsonb\)'
             ELSE p.proname ~ '^set$|^(lww|mv)reg_in$' OR p.oid::regprocedure::text ~ '^(lww|mv|max|min)reg\([^)c]' END
ORDER BY 1;
-- Every operator, cast and operator class of such a type has a comment
SELECT pg_describe_object(classid, objid, 0) AS "without comment"
FROM (SELECT 'pg_operator'::regclass AS classid, oid AS objid FROM pg_operator o WHERE EXISTS (SELECT FROM types t WHERE t.oid IN (o.oprleft, o.oprright))
      UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast c WHERE EXISTS (SELECT FROM types t WHERE t.oid IN (c.castsource, c.casttarget))
      UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass c WHERE EXISTS (SELECT FROM types t WHERE t.oid = c.opcintype)) o
WHERE obj_description(objid, classid::text) IS NULL
ORDER BY 1;

-- The empty value: text and bytes, and that it is the least one
CREATE FUNCTION check_empty(type text, OUT same boolean, OUT header bytea) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT %1$I_in(%1$I_out(%1$I())) = %1$I() AND merge(%1$I(), %1$I()) = %1$I() AND delta(%1$I(), %1$I()) = %1$I()
                           AND %1$I() <= %1$I() AND %1$I_hash(%1$I()) = %1$I_hash(merge(%1$I(), %1$I())),
                           substr(%1$I_send(%1$I()), 1, 3)', type) INTO same, header;
END $$;
SELECT typname, e.* FROM types, check_empty(typname) e ORDER BY header;

-- A value that would be too large is refused
DO $$
DECLARE
    half text := repeat('x', 35000000);
    expression text;
BEGIN
    FOREACH expression IN ARRAY ARRAY['twopset() + $1 + ($1 || 2)',
        'merge((''[a@1 '' || to_jsonb($1)::text || '']'')::mvreg, (''[b@1 '' || to_jsonb($1)::text || '']'')::mvreg)'] LOOP
        BEGIN
            EXECUTE 'SELECT ' || expression USING half;
            RAISE NOTICE 'not refused: %', expression;
        EXCEPTION WHEN program_limit_exceeded THEN
            RAISE NOTICE '%', left(sqlerrm, 70);
        END;
    END LOOP;
END $$;
DROP VIEW types;
DROP FUNCTION check_empty(text), has_function(text, oid, "char", "char", "char"), has_operator(text, oid, regproc, boolean);
