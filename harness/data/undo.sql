-- SPDX-License-Identifier: GPL-3.0-or-later
-- The undo log of a tracked template; docs/design.md, "Undo", has the proof.
--
-- harness.undo has three kinds of rows: marks (mark is set), rows that were added to a
-- table or removed from it (rel is set), and reasons why the log cannot be complete
-- (doubt is set).

SET LOCAL search_path = pg_catalog;
-- Whoever puts rows back says so by a word that is another one in each template: no test
-- sets the log aside by chance.
SELECT set_config('harness.undoing', md5(random()::text || clock_timestamp()), true);
-- Event triggers of the template's own are not for what is made here; before PostgreSQL 17
-- there is no such setting, and they fire.
SELECT set_config(name, 'off', true) FROM pg_settings WHERE name = 'event_triggers';
CREATE SCHEMA harness;

CREATE TYPE harness.positions AS (seqs oid[], lasts bigint[], called boolean[]);

CREATE TYPE harness.put AS (put text, rows text[]);

CREATE TABLE harness.undo (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rel oid, added boolean, key text, line text,
    doubt text,
    mark xid, at timestamptz, positions harness.positions, around text
);

CREATE TABLE harness.tracked (
    rel regclass PRIMARY KEY, remove text NOT NULL, put text NOT NULL
);

-- The schema as it is in the template: rows of each catalogue, and what must not change
-- of a relation.  `fleeting` is true for rows of temporary objects, `said` names a row.

CREATE TABLE harness.catalogue (
    name regclass PRIMARY KEY, fleeting text NOT NULL, said text NOT NULL,
    own text NOT NULL, rows bigint
);
CREATE TABLE harness.relation (rel oid PRIMARY KEY, shape bigint NOT NULL);

-- The text of a row depends on settings of the session.  `plain` says that they are those
-- that the way back has; else `line` makes its text with them.  (A function with SET
-- clauses costs more than the rest of a trigger.)

DO $do$
BEGIN
    EXECUTE format($f$
        CREATE FUNCTION harness.plain() RETURNS boolean LANGUAGE sql STABLE AS $$
            SELECT current_setting('TimeZone') = %1$L
                AND current_setting('DateStyle') LIKE 'ISO,%%'
                AND current_setting('IntervalStyle') = 'postgres'
                AND current_setting('extra_float_digits') = '1'
                AND current_setting('bytea_output') = 'hex'
        $$;
        CREATE FUNCTION harness.line(anyelement) RETURNS text LANGUAGE plpgsql STABLE
        SET DateStyle = 'ISO, YMD' SET IntervalStyle = 'postgres' SET TimeZone = %1$L
        SET extra_float_digits = 1 SET bytea_output = 'hex' SET search_path = pg_catalog
        SET quote_all_identifiers = off AS $$
        BEGIN
            RETURN $1::text;
        END $$;
        CREATE FUNCTION harness.undoing() RETURNS boolean LANGUAGE sql STABLE AS $$
            SELECT current_setting('harness.undoing', true) IS NOT DISTINCT FROM %2$L
        $$;
        CREATE FUNCTION harness.ready() RETURNS void LANGUAGE sql AS $$
            SELECT set_config(name, value, false) FROM (VALUES
                ('session_replication_role', 'replica'), ('harness.undoing', %2$L),
                ('lock_timeout', '1s'), ('statement_timeout', '30s'),
                ('DateStyle', 'ISO, YMD'), ('IntervalStyle', 'postgres'),
                ('extra_float_digits', '1'), ('bytea_output', 'hex'),
                ('TimeZone', %1$L), ('search_path', 'pg_catalog'), ('jit', 'off'),
                ('array_nulls', 'on'), ('xmloption', 'content'),
                ('quote_all_identifiers', 'off'), ('transform_null_equals', 'off'),
                ('default_transaction_isolation', 'read committed'),
                ('default_transaction_read_only', 'off')
            ) x(name, value)
        $$;
    $f$, current_setting('TimeZone'), current_setting('harness.undoing'));
END $do$;

-- What a test does by statement, not by row: enough to say that we cannot follow.

CREATE FUNCTION harness.doubt() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO harness.undo (doubt) VALUES (
        format('%s on %s, which has %s', lower(TG_OP), TG_RELID::regclass, TG_ARGV[0]));
    RETURN NULL;
END $$;

CREATE FUNCTION harness.ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF harness.undoing() THEN
        RETURN;
    ELSIF TG_EVENT = 'sql_drop' THEN
        INSERT INTO harness.undo (doubt)
        SELECT lower(TG_TAG) || ' ' || object_identity
        FROM pg_event_trigger_dropped_objects()
        WHERE original AND NOT is_temporary LIMIT 1;
    ELSIF TG_TAG = 'CREATE SEQUENCE' THEN  -- found by comparison, dropped on the way back
        INSERT INTO harness.undo (line) VALUES ('create sequence');
    ELSIF TG_TAG = 'DROP OWNED' OR TG_TAG NOT LIKE 'DROP %' THEN
        INSERT INTO harness.undo (doubt)
        SELECT lower(TG_TAG) || coalesce(' ' || min(object_identity), '')
        FROM pg_event_trigger_ddl_commands()
        HAVING count(*) = 0 OR bool_or(schema_name IS DISTINCT FROM 'pg_temp');
    END IF;
END $$;

CREATE FUNCTION harness.guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the schema "harness" is the undo log of this lease'
    USING HINT = 'leave it out of what the test deletes';
END $$;

-- BEFORE TRUNCATE: the rows that are about to go, unless they are very many.

CREATE FUNCTION harness.emptied() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE many boolean;
BEGIN
    EXECUTE format('SELECT count(*) > 10000 FROM (SELECT FROM ONLY %s LIMIT 10001) x',
        TG_RELID::regclass) INTO many;
    IF many THEN
        INSERT INTO harness.undo (doubt) VALUES (
            format('truncate of %s, which has more than 10000 rows', TG_RELID::regclass));
    ELSE
        EXECUTE format('INSERT INTO harness.undo (rel, added, key, line)'
            ' SELECT %s, false, %s, harness.line(t.*) FROM ONLY %s t',
            TG_RELID, TG_ARGV[0], TG_RELID::regclass);
    END IF;
    RETURN NULL;
END $$;

-- Where all sequences stand.

CREATE FUNCTION harness.temporary(relation oid) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM pg_class
        WHERE oid = relation AND relpersistence = 't');
END $$;

CREATE FUNCTION harness.others(known oid[])
RETURNS TABLE (seq regclass) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT s.seqrelid::regclass FROM pg_sequence s
    WHERE s.seqrelid <> ALL (known)
        AND s.seqrelid <> pg_get_serial_sequence('harness.undo', 'id')::regclass
        AND NOT harness.temporary(s.seqrelid)
    ORDER BY 1;
END $$;

DO $do$
DECLARE body text;
BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        body := format('SELECT s.seqrelid, d.last_value, d.is_called'
            ' FROM pg_sequence s, pg_get_sequence_data(s.seqrelid) d'
            ' WHERE s.seqrelid <> %s',
            pg_get_serial_sequence('harness.undo', 'id')::regclass::oid);
    ELSE
        SELECT string_agg(format('SELECT %s::oid, last_value, is_called FROM %I.%I',
            c.oid, n.nspname, c.relname), ' UNION ALL ' ORDER BY c.oid)
        INTO body FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE relkind = 'S' AND relpersistence <> 't'
            AND relnamespace <> 'harness'::regnamespace;
    END IF;
    EXECUTE format($f$
        CREATE FUNCTION harness.positions() RETURNS harness.positions
        LANGUAGE plpgsql AS $$
        DECLARE
            found harness.positions;
            more record;
            last bigint;
            called boolean;
        BEGIN
            SELECT coalesce(array_agg(x.seq), '{}'), coalesce(array_agg(x.last), '{}'),
                coalesce(array_agg(x.called), '{}')
            INTO found.seqs, found.lasts, found.called
            FROM (%s) AS x(seq, last, called);
            FOR more IN SELECT * FROM harness.others(found.seqs)
                WHERE current_setting('server_version_num')::int < 180000
            LOOP
                EXECUTE format('SELECT last_value, is_called FROM %%s', more.seq)
                INTO last, called;
                found := ROW(found.seqs || more.seq::oid, found.lasts || last,
                    found.called || called)::harness.positions;
            END LOOP;
            RETURN found;
        END $$ $f$,
        coalesce(body, 'SELECT NULL::oid, NULL::bigint, NULL::boolean LIMIT 0'));
END $do$;

-- A change of the schema since the template, that no event trigger told of, or nothing.
-- `suspects` is made below: catalogues with rows that are newer, or more or fewer rows.

CREATE FUNCTION harness.suspects() RETURNS regclass[]
LANGUAGE plpgsql AS $$ BEGIN RETURN '{}'; END $$;

CREATE FUNCTION harness.shape(pg_class) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT hashtextextended(ROW(
        CASE WHEN $1.relkind = 'm' THEN $1.relfilenode END, $1.relname, $1.relnamespace, $1.relowner, $1.relam,
        $1.reltablespace, $1.relpersistence, $1.relkind, $1.relnatts, $1.relchecks,
        $1.relhasrules, $1.relrowsecurity, $1.relforcerowsecurity, $1.relreplident,
        $1.relispartition, $1.relacl, $1.reloptions, (SELECT indexrelid FROM pg_index
            WHERE indrelid = $1.oid AND indisclustered))::text, 0)
$$;

CREATE FUNCTION harness.altered() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    suspects regclass[] := harness.suspects();
    old int;
    one harness.catalogue;
    found text;
    many bigint;
BEGIN
    IF suspects = '{}' THEN
        RETURN NULL;
    END IF;
    old := (SELECT age(mark) FROM harness.undo WHERE id = 1);
    FOR one IN SELECT * FROM harness.catalogue WHERE catalogue.name = ANY (suspects) LOOP
        EXECUTE format('SELECT %s FROM %s x WHERE age(x.xmin) < %s AND NOT (%s)%s LIMIT 1',
            one.said, one.name, old, one.fleeting,
            CASE WHEN one.name = 'pg_class'::regclass THEN ' AND NOT EXISTS (SELECT'
                ' FROM harness.relation WHERE rel = x.oid AND shape = harness.shape(x))'
            END) INTO found;
        IF found IS NOT NULL THEN
            RETURN format('changed: %s', found);
        END IF;
        CONTINUE WHEN one.name = 'pg_attribute'::regclass;  -- they go with relations
        EXECUTE format('SELECT count(*) FROM %s x WHERE %s AND NOT (%s)',
            one.name, one.own, one.fleeting) INTO many;
        IF many <> one.rows THEN
            RETURN format('changed: %s has %s rows, before: %s',
                one.name, many, one.rows);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- What is around the rows and may change without a trigger or an event of its own.

CREATE FUNCTION harness.around() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT concat_ws('; ',
        (SELECT format('large objects %s', count(*)) FROM pg_largeobject_metadata),
        (SELECT format('settings %s', string_agg(setrole || ' ' || setconfig::text, ','
            ORDER BY setrole)) FROM pg_db_role_setting s WHERE s.setdatabase = d.oid),
        format('database %s %s %s %s', datdba, datconnlimit, dattablespace, datacl),
        format('comment on database %s', shobj_description(d.oid, 'pg_database')),
        (SELECT format('prepared transactions %s', count(*)) FROM pg_prepared_xacts
            WHERE database = datname))
        FROM pg_database d WHERE datname = current_database());
END $$;

CREATE FUNCTION harness.differs(before text, after text) RETURNS text
LANGUAGE sql AS $$
    SELECT format('changed: %s, before: %s', b, a)
    FROM unnest(string_to_array(before, '; '), string_to_array(after, '; ')) x(a, b)
    WHERE before IS NOT NULL AND a IS DISTINCT FROM b LIMIT 1
$$;

-- Keep all writers of this database out until the transaction ends; else the reason.

CREATE FUNCTION harness.hold(OUT trouble text)
LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
BEGIN
    LOCK TABLE harness.undo IN EXCLUSIVE MODE;
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    PERFORM pg_stat_clear_snapshot();
    SELECT coalesce(string_agg(format('process %s has written and not committed: %s',
        pid, left(query, 200)), '; '), 'the undo log is locked') INTO trouble
    FROM pg_stat_activity WHERE datname = current_database()
        AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL;
END $$;

-- A mark; `as_new`: all is as it was in the template, at the first mark; `written`: what
-- was written since the mark before.  A mark after a doubt is one itself: a table that was
-- made since has no triggers.

CREATE FUNCTION harness.mark(
    OUT id bigint, OUT trouble text, OUT as_new boolean, OUT written text)
LANGUAGE plpgsql AS $$
DECLARE
    first harness.undo;
    now_ harness.positions;
BEGIN
    trouble := harness.hold();
    now_ := harness.positions();
    SELECT * INTO first FROM harness.undo u WHERE u.id = 1;
    trouble := coalesce(trouble,
        (SELECT u.doubt FROM harness.undo u WHERE u.doubt IS NOT NULL ORDER BY u.id LIMIT 1),
        harness.differs(first.around, harness.around()), harness.altered(),
        (SELECT format('%s is a foreign table', oid::regclass)
            FROM pg_class WHERE relkind = 'f' LIMIT 1),
        (SELECT 'there are large objects' FROM pg_largeobject_metadata LIMIT 1));
    written := (SELECT format('%s rows of %s', count(*),
            string_agg(DISTINCT u.rel::regclass::text, ', '))
        FROM harness.undo u WHERE u.rel IS NOT NULL AND u.id >
            (SELECT max(m.id) FROM harness.undo m WHERE m.mark IS NOT NULL)
        HAVING count(*) > 0);
    as_new := trouble IS NULL
        AND NOT EXISTS (SELECT FROM harness.undo u WHERE u.id > 1 AND u.rel IS NOT NULL)
        AND now_ IS NOT DISTINCT FROM first.positions;
    INSERT INTO harness.undo (mark, at, positions, around, doubt) VALUES (
        pg_current_xact_id()::xid, clock_timestamp(), now_,
        CASE WHEN first.id IS NULL THEN harness.around() END, trouble)
    RETURNING undo.id INTO id;
END $$;

-- Wait for transactions begun since the mark to end; who does not is told and ended.
-- `alone`: all sessions must go.

CREATE FUNCTION harness.quiet(marked bigint, alone boolean, patience interval)
RETURNS TABLE (process int, doing text, statement text) LANGUAGE plpgsql AS $$
DECLARE
    since timestamptz := (SELECT at FROM harness.undo WHERE id = marked);
    deadline timestamptz := clock_timestamp() + patience;
    others int[];
BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT array_agg(pid) INTO others FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND backend_type = 'client backend' AND (alone OR xact_start >= since);
        EXIT WHEN others IS NULL OR clock_timestamp() > deadline;
        PERFORM pg_sleep(0.002);
    END LOOP;
    IF others IS NOT NULL THEN
        RETURN QUERY SELECT pid, a.state, left(query, 300) FROM pg_stat_activity a
            WHERE pid = ANY (others) AND (alone OR xact_start >= since);
        PERFORM pg_terminate_backend(pid, 2000) FROM unnest(others) pid;
    END IF;
END $$;

CREATE FUNCTION harness.other(rel regclass, rows bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows of % came back as others', rows, rel;
END $$;

-- Everything as it was at the mark.  The log is a sum: rows now = rows then + added -
-- removed, whatever the order.  What is left of it is deleted and inserted, all deletions
-- first.  The session's settings are made once, by harness.ready(): to change them here
-- would throw all plans away each time.

CREATE FUNCTION harness.back(
    marked bigint, OUT trouble text, OUT restored int, OUT tables int, OUT moved int)
LANGUAGE plpgsql AS $$
DECLARE
    then_ harness.undo;
    now_ harness.positions;
    part record;
    puts harness.put[] := '{}';
    one harness.put;
    n int;
BEGIN
    IF NOT harness.undoing() THEN
        RAISE EXCEPTION 'harness.ready() comes first';
    END IF;
    restored := 0;
    tables := 0;
    moved := 0;
    SELECT * INTO then_ FROM harness.undo WHERE id = marked AND mark IS NOT NULL;
    IF NOT FOUND THEN
        trouble := format('there is no mark %s', marked);
        RETURN;
    END IF;
    trouble := coalesce(harness.hold(), then_.doubt, (SELECT doubt FROM harness.undo
        WHERE id > marked AND doubt IS NOT NULL ORDER BY id LIMIT 1),
        harness.differs((SELECT around FROM harness.undo WHERE id = 1), harness.around()),
        harness.altered());
    IF trouble IS NOT NULL THEN
        RETURN;
    END IF;
    FOR part IN
        WITH total AS (
            SELECT rel, key, line, sum(CASE WHEN added THEN 1 ELSE -1 END) AS many
            FROM harness.undo WHERE id > marked AND rel IS NOT NULL
            GROUP BY rel, key, line
        ), each AS (
            SELECT * FROM total WHERE many <> 0
            UNION ALL
            SELECT total.* FROM total, generate_series(2, abs(many)) WHERE abs(many) > 1
        )
        SELECT t.rel, t.remove, t.put, count(*) AS lines,
            array_agg(key) FILTER (WHERE many > 0) AS keys,
            array_agg(line) FILTER (WHERE many > 0) AS gone,
            array_agg(line) FILTER (WHERE many < 0) AS olds
        FROM each JOIN harness.tracked t USING (rel) GROUP BY t.rel
    LOOP
        IF part.gone IS NOT NULL THEN
            EXECUTE part.remove USING part.gone, part.keys;
            GET DIAGNOSTICS n = ROW_COUNT;
            IF n <> cardinality(part.gone) THEN
                RAISE EXCEPTION 'the log of % knows % rows that are not there',
                    part.rel::regclass, cardinality(part.gone) - n;
            END IF;
        END IF;
        tables := tables + 1;
        restored := restored + part.lines;
        IF part.olds IS NOT NULL THEN
            puts := puts || ROW(part.put, part.olds)::harness.put;
        END IF;
    END LOOP;
    FOREACH one IN ARRAY puts LOOP
        EXECUTE one.put USING one.rows;
    END LOOP;
    now_ := harness.positions();
    IF now_ IS DISTINCT FROM then_.positions THEN
        FOR part IN SELECT * FROM harness.others((then_.positions).seqs) LOOP
            EXECUTE format('DROP SEQUENCE %s', part.seq);
            moved := moved + 1;
        END LOOP;
        SELECT moved + count(setval(p.seq::regclass, p.last, p.called)) INTO moved FROM (
            SELECT * FROM unnest((then_.positions).seqs, (then_.positions).lasts,
                (then_.positions).called)
            EXCEPT SELECT * FROM unnest(now_.seqs, now_.lasts, now_.called)
        ) p(seq, last, called)
        JOIN pg_class c ON c.oid = p.seq AND c.relpersistence <> 't';
    END IF;
    DELETE FROM harness.undo WHERE id > marked;
END $$;

-- From here on: the triggers.

-- The text of a key, of a row that is called `alias`: of `single` keys that of the value.

CREATE FUNCTION harness.key(alias text, columns text[], single boolean, plain boolean)
RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN columns IS NULL THEN 'NULL::text' ELSE format(
        CASE WHEN plain THEN '(%s)::text' ELSE 'harness.line(%s)' END,
        CASE WHEN single THEN format('%s.%s', alias, columns[1])
            ELSE format('ROW(%s)', (SELECT string_agg(alias || '.' || c, ', ' ORDER BY n)
                FROM unnest(columns) WITH ORDINALITY u(c, n))) END) END
$$;

-- All types that values of a type are made of.

CREATE FUNCTION harness.parts(oid) RETURNS SETOF oid LANGUAGE sql AS $$
    WITH RECURSIVE part(typ) AS (
        SELECT $1
        UNION
        SELECT more.typ FROM part JOIN pg_type t ON t.oid = part.typ, LATERAL (
            SELECT t.typbasetype UNION ALL SELECT t.typelem
            UNION ALL SELECT atttypid FROM pg_attribute
                WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped
            UNION ALL SELECT rngsubtype FROM pg_range
                WHERE t.oid IN (rngtypid, rngmultitypid)
        ) more(typ) WHERE more.typ <> 0
    )
    SELECT typ FROM part
$$;

-- The type to compare a key of one column with, if texts of it can be cast to that and
-- PostgreSQL's own equality is meant; never with a modifier, which would cut the values.

CREATE FUNCTION harness.single(oid) RETURNS text LANGUAGE sql AS $$
    SELECT format_type($1, -1) FROM pg_type d
    JOIN pg_type t ON t.oid = CASE d.typtype WHEN 'd' THEN
        (SELECT max(p) FROM harness.parts(d.oid) p JOIN pg_type b ON b.oid = p
            WHERE b.typtype <> 'd' AND b.typelem = 0) ELSE d.oid END
    WHERE d.oid = $1 AND (t.typtype = 'e' OR t.typtype = 'b' AND t.typelem = 0
        AND t.typnamespace = 'pg_catalog'::regnamespace AND t.typname NOT LIKE 'reg%')
$$;

DO $do$
DECLARE
    part record;
    name text;
    number int := 0;
    untouched text := format('WHEN (current_setting(''harness.undoing'', true)'
        ' IS DISTINCT FROM %L)', current_setting('harness.undoing'));
BEGIN
    CREATE TEMPORARY TABLE todo ON COMMIT DROP AS
    SELECT c.oid::regclass AS rel, k.columns, k.type, k.type IS NOT NULL AS single,
        EXISTS (SELECT FROM unnest(p.parts) p WHERE p::regtype::text LIKE 'reg%') AS named,
        NOT EXISTS (SELECT FROM unnest(p.parts) p JOIN pg_type y ON y.oid = p
            WHERE typtype = 'b' AND typelem = 0
                AND typnamespace <> 'pg_catalog'::regnamespace)
            AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid
                AND attgenerated <> '') AS sure,
        CASE
            WHEN c.relkind = 'f' THEN 'its data elsewhere'
            WHEN c.relhasrules THEN 'rules'
            WHEN a.amname <> 'heap' THEN 'a storage of its own'
            WHEN 'money'::regtype = ANY (p.parts) THEN 'a column of type money'
            WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid
                AND attgenerated = 'v') THEN 'a virtual column'
            WHEN EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid
                AND tgenabled IN ('A', 'R')) THEN 'a trigger that is always on'
            WHEN EXISTS (SELECT FROM pg_cast WHERE castmethod = 'f' AND oid >= 16384
                AND (castsource = ANY (p.parts) AND casttarget = 'text'::regtype
                    OR casttarget = ANY (p.parts) AND castsource = 'text'::regtype))
                THEN 'a cast of its own from or to text'
        END AS reason
    FROM pg_class c
    LEFT JOIN pg_am a ON a.oid = c.relam
    LEFT JOIN LATERAL (
        SELECT array_agg(quote_ident(attname) ORDER BY n) AS columns,
            CASE count(*) WHEN 1 THEN harness.single(min(atttypid)) END AS type
        FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY u(attnum, n)
        JOIN pg_attribute USING (attnum)
        WHERE i.indrelid = c.oid AND i.indisprimary AND attrelid = c.oid
            AND n <= i.indnkeyatts
    ) k ON true
    LEFT JOIN LATERAL (SELECT array_agg(p) AS parts FROM harness.parts(c.reltype) p) p
        ON true
    WHERE c.relkind IN ('r', 'f') AND c.relpersistence <> 't'
        AND c.relnamespace::regnamespace::text NOT IN
            ('pg_catalog', 'information_schema', 'pg_toast', 'harness');

    -- a function for each distinct list of key columns; where the text of a row
    -- depends on the search path, it is never made in the session of the test
    FOR part IN SELECT columns, single, named, array_agg(rel) AS rels FROM todo
        WHERE reason IS NULL GROUP BY columns, single, named
    LOOP
        number := number + 1;
        EXECUTE format('CREATE FUNCTION harness.log_%s() RETURNS trigger'
            ' LANGUAGE plpgsql SECURITY DEFINER AS %L', number, format($f$
            BEGIN
                IF %s THEN
                    IF TG_OP <> 'INSERT' THEN
                        INSERT INTO harness.undo (rel, added, key, line)
                        VALUES (TG_RELID, false, %s, OLD::text);
                    END IF;
                    IF TG_OP <> 'DELETE' THEN
                        INSERT INTO harness.undo (rel, added, key, line)
                        VALUES (TG_RELID, true, %s, NEW::text);
                    END IF;
                ELSE
                    IF TG_OP <> 'INSERT' THEN
                        INSERT INTO harness.undo (rel, added, key, line)
                        VALUES (TG_RELID, false, %s, harness.line(OLD));
                    END IF;
                    IF TG_OP <> 'DELETE' THEN
                        INSERT INTO harness.undo (rel, added, key, line)
                        VALUES (TG_RELID, true, %s, harness.line(NEW));
                    END IF;
                END IF;
                RETURN NULL;
            END $f$,
            CASE WHEN part.named THEN 'false' ELSE 'harness.plain()' END,
            harness.key('OLD', part.columns, part.single, true),
            harness.key('NEW', part.columns, part.single, true),
            harness.key('OLD', part.columns, part.single, false),
            harness.key('NEW', part.columns, part.single, false)));
        FOREACH name IN ARRAY part.rels::text[] LOOP
            EXECUTE format('CREATE TRIGGER "~harness" AFTER INSERT OR UPDATE OR DELETE'
                ' ON %s FOR EACH ROW %s EXECUTE FUNCTION harness.log_%s()',
                name, untouched, number);
            EXECUTE format('CREATE TRIGGER "~harness_truncate" BEFORE TRUNCATE'
                ' ON %s %s EXECUTE FUNCTION harness.emptied(%L)',
                name, untouched, harness.key('t', part.columns, part.single, false));
            EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER "~harness",'
                ' ENABLE ALWAYS TRIGGER "~harness_truncate"', name);
        END LOOP;
    END LOOP;

    FOR part IN SELECT * FROM todo WHERE reason IS NOT NULL AND reason NOT LIKE 'its%'
    LOOP
        EXECUTE format('CREATE TRIGGER "~harness" BEFORE INSERT OR UPDATE OR DELETE'
            ' OR TRUNCATE ON %s EXECUTE FUNCTION harness.doubt(%L)',
            part.rel, part.reason);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER "~harness"', part.rel);
    END LOOP;

    -- a row is deleted if it is, to the letter, what the log says; what is inserted is
    -- compared with it where it could be another: types of extensions, generated columns
    INSERT INTO harness.tracked
    SELECT t.rel,
        CASE WHEN t.columns IS NULL
            THEN format('DELETE FROM ONLY %1$s WHERE ctid IN (SELECT x.ctid'
                ' FROM (SELECT ctid, (t.*)::text AS line,'
                ' row_number() OVER (PARTITION BY (t.*)::text) AS n FROM ONLY %1$s t) x'
                ' JOIN (SELECT line, count(*) AS many FROM unnest($1) line'
                ' GROUP BY line) y ON x.line = y.line AND x.n <= y.many)', t.rel)
            ELSE format('DELETE FROM ONLY %s t WHERE %s AND (t.*)::text = ANY ($1)',
                t.rel, CASE WHEN t.single
                THEN format('t.%s = ANY ($2::%s[])', t.columns[1], t.type)
                ELSE harness.key('t', t.columns, false, true) || ' = ANY ($2)' END) END,
        format(CASE WHEN t.sure THEN '%s' ELSE 'WITH put AS (%s RETURNING (t.*)::text AS line)'
                ' SELECT harness.other(%L, count(*)) FROM (SELECT line FROM put'
                ' EXCEPT ALL SELECT * FROM unnest($1)) x HAVING count(*) > 0' END,
            format('INSERT INTO %1$s AS t (%2$s) OVERRIDING SYSTEM VALUE'
                ' SELECT %2$s FROM unnest($1::%1$s[])', t.rel, c.columns), t.rel)
    FROM todo t, LATERAL (
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns
        FROM pg_attribute WHERE attrelid = t.rel AND attnum > 0
            AND NOT attisdropped AND attgenerated = '') c
    WHERE t.reason IS NULL;
    DROP TABLE todo;

    FOREACH name IN ARRAY ARRAY['undo', 'tracked', 'catalogue', 'relation'] LOOP
        EXECUTE format('CREATE TRIGGER "~harness" BEFORE UPDATE OR DELETE OR TRUNCATE'
            ' ON harness.%s %s EXECUTE FUNCTION harness.guard()', name, untouched);
        EXECUTE format('ALTER TABLE harness.%s ENABLE ALWAYS TRIGGER "~harness"', name);
    END LOOP;
END $do$;

DROP FUNCTION harness.key(text, text[], boolean, boolean), harness.single(oid),
    harness.parts(oid);

CREATE EVENT TRIGGER harness_ddl ON ddl_command_end EXECUTE FUNCTION harness.ddl();
CREATE EVENT TRIGGER harness_drop ON sql_drop EXECUTE FUNCTION harness.ddl();
ALTER EVENT TRIGGER harness_ddl ENABLE ALWAYS;
ALTER EVENT TRIGGER harness_drop ENABLE ALWAYS;

-- The schema as it is now, as far as tests can see a difference.  What is not here is
-- changed with something that is; PostgreSQL's own rows are left out where no test would
-- touch them.

INSERT INTO harness.relation SELECT c.oid, harness.shape(c) FROM pg_class c
WHERE relpersistence <> 't';

INSERT INTO harness.catalogue
SELECT name, coalesce(fleeting, 'x.' || space || ' IN (SELECT oid FROM pg_namespace'
        ' WHERE nspname ~ ''^pg_temp_'')',
        'x.' || owner || ' NOT IN (SELECT rel FROM harness.relation)', 'false'),
    CASE WHEN name = 'pg_enum'::regclass
            THEN 'format(''value %L of %s'', x.enumlabel, x.enumtypid::regtype)'
        WHEN part IS NULL THEN 'pg_describe_object(x.tableoid, x.oid, 0)'
        ELSE format('pg_describe_object(''pg_class''::regclass, x.%s, %s)', owner, part)
    END,
    own
FROM (VALUES
    ('pg_class'::regclass, NULL, NULL, NULL, 'true', 'x.relpersistence = ''t'''
        ' OR x.relkind = ''S'' AND x.oid NOT IN (SELECT rel FROM harness.relation)'),
    ('pg_attribute', NULL, 'attrelid', 'x.attnum', 'true', NULL),
    ('pg_sequence', NULL, 'seqrelid', '0', 'true', NULL),
    ('pg_constraint', 'connamespace', NULL, NULL, 'contypid >= 16384', NULL),
    ('pg_rewrite', NULL, 'ev_class', NULL, 'true', NULL),
    ('pg_trigger', NULL, 'tgrelid', NULL, 'true', NULL),
    ('pg_policy', NULL, 'polrelid', NULL, 'true', NULL),
    ('pg_proc', 'pronamespace', NULL, NULL, 'oid >= 16384', NULL),
    ('pg_type', 'typnamespace', NULL, NULL, 'true', NULL),
    ('pg_enum', NULL, NULL, NULL, 'true', 'x.enumtypid IN (SELECT oid FROM pg_type'
        ' WHERE typnamespace IN (SELECT oid FROM pg_namespace'
        ' WHERE nspname ~ ''^pg_temp_''))'),
    ('pg_namespace', NULL, NULL, NULL, 'true', 'x.nspname ~ ''^pg_(toast_)?temp_'''),
    ('pg_event_trigger', NULL, NULL, NULL, 'true', NULL),
    ('pg_default_acl', NULL, NULL, NULL, 'true', NULL),
    ('pg_extension', NULL, NULL, NULL, 'true', NULL),
    ('pg_cast', NULL, NULL, NULL, 'oid >= 16384', NULL),
    ('pg_operator', 'oprnamespace', NULL, NULL, 'oid >= 16384', NULL),
    ('pg_collation', 'collnamespace', NULL, NULL, 'oid >= 16384', NULL)
) x(name, space, owner, part, own, fleeting);

DO $do$
DECLARE
    one record;
    body text := '';
    many bigint;
BEGIN
    FOR one IN SELECT * FROM harness.catalogue LOOP
        EXECUTE format('SELECT count(*) FROM %s x WHERE %s AND NOT (%s)',
            one.name, one.own, one.fleeting) INTO many;
        UPDATE harness.catalogue SET rows = many WHERE name = one.name;
        EXECUTE format('SELECT count(*) FROM %s WHERE %s', one.name, one.own) INTO many;
        body := body || format(CASE one.name
            WHEN 'pg_attribute'::regclass THEN ', CASE WHEN EXISTS (SELECT FROM %1$s'
                ' WHERE age(xmin) < old)'
            WHEN 'pg_proc'::regclass THEN ', CASE WHEN EXISTS (SELECT FROM %1$s'
                ' WHERE age(xmin) < old) OR (SELECT count(*) <> %3$s FROM %1$s WHERE %2$s)'
            ELSE ', CASE WHEN (SELECT count(*) <> %3$s OR min(age(xmin)) < old'
                ' FROM %1$s WHERE %2$s)' END || ' THEN %1$L::regclass END',
            one.name, one.own, many);
    END LOOP;
    EXECUTE format('CREATE OR REPLACE FUNCTION harness.suspects() RETURNS regclass[]'
        ' LANGUAGE plpgsql AS %L', format('BEGIN RETURN (SELECT array_remove(ARRAY[%s], NULL)'
        ' FROM (SELECT age(mark) AS old FROM harness.undo WHERE id = 1) x); END',
        substr(body, 3)));
END $do$;

-- The pristine mark, with which every clone is born.

SELECT harness.mark();
