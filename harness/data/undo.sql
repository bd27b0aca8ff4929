-- SPDX-License-Identifier: GPL-3.0-or-later
-- The undo log of a tracked template; docs/design.md, "Undo", has the proof.
--
-- harness.undo has three kinds of rows: marks (mark is set), rows that were added to a
-- table or removed from it (rel is set), and reasons why the log cannot be complete
-- (doubt is set).

SET LOCAL search_path = pg_catalog;
CREATE SCHEMA harness;

CREATE TYPE harness.position AS (seq oid, last bigint, called boolean);

CREATE TABLE harness.undo (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rel oid, added boolean, key text, line text,
    doubt text,
    mark xid, at timestamptz, positions harness.position[], around text
);

CREATE TABLE harness.tracked (
    rel regclass PRIMARY KEY, remove text NOT NULL, put text NOT NULL
);

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
        SET extra_float_digits = 1 SET bytea_output = 'hex' AS $$
        BEGIN
            RETURN $1::text;
        END $$;
        CREATE FUNCTION harness.ready() RETURNS void LANGUAGE sql AS $$
            SELECT set_config(name, value, false) FROM (VALUES
                ('session_replication_role', 'replica'), ('harness.undoing', 'on'),
                ('lock_timeout', '1s'), ('statement_timeout', '30s'),
                ('DateStyle', 'ISO, YMD'), ('IntervalStyle', 'postgres'),
                ('extra_float_digits', '1'), ('bytea_output', 'hex'),
                ('TimeZone', %1$L), ('search_path', 'pg_catalog'), ('jit', 'off')
            ) x(name, value)
        $$;
    $f$, current_setting('TimeZone'));
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
    IF current_setting('harness.undoing', true) = 'on' THEN
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
            ' SELECT %s, false, %s, harness.line(t) FROM ONLY %s t',
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

CREATE FUNCTION harness.others(known harness.position[])
RETURNS TABLE (seq regclass) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT s.seqrelid::regclass FROM pg_sequence s
    WHERE s.seqrelid NOT IN (SELECT k.seq FROM unnest(known) k)
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
        CREATE FUNCTION harness.positions() RETURNS harness.position[]
        LANGUAGE plpgsql AS $$
        DECLARE
            found harness.position[] := (
                SELECT array_agg(ROW(seq, last, called)::harness.position ORDER BY seq)
                FROM (%s) AS x(seq, last, called));
            more record;
            one harness.position;
        BEGIN
            FOR more IN SELECT * FROM harness.others(found)
                WHERE current_setting('server_version_num')::int < 180000
            LOOP
                EXECUTE format('SELECT %%s::oid, last_value, is_called FROM %%s',
                    more.seq::oid, more.seq) INTO one;
                found := found || one;
            END LOOP;
            RETURN found;
        END $$ $f$,
        coalesce(body, 'SELECT NULL::oid, NULL::bigint, NULL::boolean LIMIT 0'));
END $do$;

-- A change of the schema since a mark that no event trigger told of, or nothing.

CREATE FUNCTION harness.altered(since xid) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN coalesce(
        (SELECT format(' (%s of %s)', attname, attrelid::regclass)
            FROM pg_attribute WHERE age(xmin) < age(since)
            AND NOT harness.temporary(attrelid)
            AND attrelid NOT IN (SELECT seqrelid FROM pg_sequence) LIMIT 1),
        (SELECT format(' (%s on %s)', tgname, tgrelid::regclass)
            FROM pg_trigger WHERE age(xmin) < age(since)
            AND NOT harness.temporary(tgrelid) LIMIT 1), '');
END $$;

-- What is around the rows and may change without a trigger or an event of its own.

CREATE FUNCTION harness.around(since xid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    old int := age(since);
BEGIN
    RETURN concat_ws('; ',
        (SELECT format('large objects %s', count(*)) FROM pg_largeobject_metadata),
        (SELECT format('settings %s', string_agg(setrole || ' ' || setconfig::text, ','
            ORDER BY setrole)) FROM pg_db_role_setting s
            WHERE s.setdatabase = (SELECT oid FROM pg_database
                WHERE datname = current_database())),
        (SELECT format('database %s %s %s %s', datdba, datconnlimit, dattablespace, datacl)
            FROM pg_database WHERE datname = current_database()),
        (SELECT format('prepared transactions %s', count(*)) FROM pg_prepared_xacts
            WHERE database = current_database()),
        (SELECT format('event triggers %s', string_agg(format('%s %s', evtname, evtenabled), ','
            ORDER BY evtname)) FROM pg_event_trigger),
        (SELECT format('relations %s', count(*)) FROM pg_class
            WHERE relpersistence <> 't' AND relkind <> 'S'),
        (SELECT format('triggers %s', count(*) FILTER (WHERE tgenabled = 'A'
                AND tgname IN ('~harness', '~harness_truncate')))
            || CASE WHEN min(age(xmin)) < old THEN harness.altered(since) ELSE '' END
            FROM pg_trigger),
        (SELECT format('functions %s', count(*))
            || CASE WHEN min(age(xmin)) < old THEN ' (changed)' ELSE '' END FROM pg_proc),
        (SELECT 'columns' || CASE WHEN min(age(xmin)) < old THEN harness.altered(since)
            ELSE '' END FROM pg_attribute));
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

-- A mark; `as_new`: all is as it was in the template, at the first mark.  A mark after a
-- doubt is one itself: a table that was made since has no triggers.

CREATE FUNCTION harness.mark(OUT id bigint, OUT trouble text, OUT as_new boolean)
LANGUAGE plpgsql AS $$
DECLARE
    first harness.undo;
BEGIN
    trouble := harness.hold();
    SELECT * INTO first FROM harness.undo u WHERE u.id = 1;
    trouble := coalesce(trouble,
        (SELECT u.doubt FROM harness.undo u WHERE u.doubt IS NOT NULL ORDER BY u.id LIMIT 1),
        harness.differs(first.around, harness.around(first.mark)),
        (SELECT format('%s is a foreign table', oid::regclass)
            FROM pg_class WHERE relkind = 'f' LIMIT 1),
        (SELECT 'there are large objects' FROM pg_largeobject_metadata LIMIT 1));
    as_new := trouble IS NULL
        AND NOT EXISTS (SELECT FROM harness.undo u WHERE u.id > 1 AND u.rel IS NOT NULL)
        AND harness.positions() IS NOT DISTINCT FROM first.positions;
    INSERT INTO harness.undo (mark, at, positions, around, doubt) VALUES (
        pg_current_xact_id()::xid, clock_timestamp(), harness.positions(),
        harness.around(pg_current_xact_id()::xid), trouble) RETURNING undo.id INTO id;
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
    RETURN QUERY SELECT pid, a.state, left(query, 300) FROM pg_stat_activity a
        WHERE pid = ANY (others) AND xact_start >= since;
    PERFORM pg_terminate_backend(pid, 2000) FROM unnest(others) pid;
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
    now_ harness.position[];
    part record;
    puts text[] := '{}';
    n int;
BEGIN
    IF current_setting('harness.undoing', true) IS DISTINCT FROM 'on' THEN
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
        harness.differs(then_.around, harness.around(then_.mark)));
    IF trouble IS NOT NULL THEN
        RETURN;
    END IF;
    FOR part IN
        WITH total AS (
            SELECT rel, key, line, sum(CASE WHEN added THEN 1 ELSE -1 END) AS many
            FROM harness.undo WHERE id > marked AND rel IS NOT NULL
            GROUP BY rel, key, line
        )
        SELECT t.rel, t.remove, t.put, count(*) AS lines,
            array_agg(coalesce(key, line)) FILTER (WHERE many > 0) AS gone,
            array_agg(line) FILTER (WHERE many < 0) AS olds
        FROM total JOIN harness.tracked t USING (rel),
            generate_series(1, abs(many)) GROUP BY t.rel
    LOOP
        IF part.gone IS NOT NULL THEN
            EXECUTE part.remove USING part.gone;
            GET DIAGNOSTICS n = ROW_COUNT;
            IF n <> cardinality(part.gone) THEN
                RAISE EXCEPTION 'the log of % knows % rows that are not there',
                    part.rel, cardinality(part.gone) - n;
            END IF;
        END IF;
        tables := tables + 1;
        restored := restored + part.lines;
        IF part.olds IS NOT NULL THEN
            puts := puts || ARRAY[ARRAY[part.put, part.olds::text]];
        END IF;
    END LOOP;
    FOR n IN 1 .. coalesce(array_length(puts, 1), 0) LOOP
        EXECUTE puts[n][1] USING puts[n][2]::text[];
    END LOOP;
    now_ := harness.positions();
    IF now_ IS DISTINCT FROM then_.positions THEN
        FOR part IN SELECT * FROM harness.others(then_.positions) LOOP
            EXECUTE format('DROP SEQUENCE %s', part.seq);
            moved := moved + 1;
        END LOOP;
        SELECT moved + count(setval(p.seq::regclass, p.last, p.called)) INTO moved
        FROM (SELECT * FROM unnest(then_.positions)
            EXCEPT SELECT * FROM unnest(now_)) p
        JOIN pg_class c ON c.oid = p.seq AND c.relpersistence <> 't';
    END IF;
    DELETE FROM harness.undo WHERE id > marked;
END $$;

-- From here on: the triggers.

CREATE FUNCTION harness.key(alias text, columns text[], plain boolean) RETURNS text
LANGUAGE sql AS $$
    SELECT CASE WHEN columns IS NULL THEN 'NULL::text' ELSE format(
        CASE WHEN plain THEN '(%s)::text' ELSE 'harness.line(%s)' END,
        CASE WHEN cardinality(columns) = 1 THEN format('%s.%s', alias, columns[1])
            ELSE format('ROW(%s)', (SELECT string_agg(alias || '.' || c, ', ' ORDER BY n)
                FROM unnest(columns) WITH ORDINALITY u(c, n))) END) END
$$;

DO $do$
DECLARE
    part record;
    name text;
    number int := 0;
    untouched text := 'WHEN (current_setting(''harness.undoing'', true)'
        ' IS DISTINCT FROM ''on'')';
BEGIN
    -- a function for each distinct list of key columns
    CREATE TEMPORARY TABLE todo ON COMMIT DROP AS
    SELECT c.oid::regclass AS rel, k.columns, k.types, CASE
            WHEN c.relkind = 'f' THEN 'its data elsewhere'
            WHEN c.relhasrules THEN 'rules'
            WHEN a.amname <> 'heap' THEN 'a storage of its own'
            WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid
                AND atttypid = 'money'::regtype AND NOT attisdropped)
                THEN 'a column of type money'
            WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid
                AND attgenerated = 'v') THEN 'a virtual column'
        END AS reason
    FROM pg_class c
    LEFT JOIN pg_am a ON a.oid = c.relam
    LEFT JOIN LATERAL (
        SELECT array_agg(quote_ident(attname) ORDER BY n) AS columns,
            array_agg(format_type(atttypid, NULL) ORDER BY n) AS types
        FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY u(attnum, n)
        JOIN pg_attribute USING (attnum)
        WHERE i.indrelid = c.oid AND i.indisprimary AND attrelid = c.oid
            AND n <= i.indnkeyatts
    ) k ON true
    WHERE c.relkind IN ('r', 'f') AND c.relpersistence <> 't'
        AND c.relnamespace::regnamespace::text NOT IN
            ('pg_catalog', 'information_schema', 'pg_toast', 'harness');

    FOR part IN SELECT columns, array_agg(rel) AS rels FROM todo WHERE reason IS NULL
        GROUP BY columns
    LOOP
        number := number + 1;
        EXECUTE format($f$
            CREATE FUNCTION harness.log_%s() RETURNS trigger
            LANGUAGE plpgsql SECURITY DEFINER AS $$
            BEGIN
                IF harness.plain() THEN
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
            END $$ $f$, number,
            harness.key('OLD', part.columns, true), harness.key('NEW', part.columns, true),
            harness.key('OLD', part.columns, false),
            harness.key('NEW', part.columns, false));
        FOREACH name IN ARRAY part.rels::text[] LOOP
            EXECUTE format('CREATE TRIGGER "~harness" AFTER INSERT OR UPDATE OR DELETE'
                ' ON %s FOR EACH ROW %s EXECUTE FUNCTION harness.log_%s()',
                name, untouched, number);
            EXECUTE format('CREATE TRIGGER "~harness_truncate" BEFORE TRUNCATE'
                ' ON %s %s EXECUTE FUNCTION harness.emptied(%L)',
                name, untouched, harness.key('t', part.columns, false));
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

    INSERT INTO harness.tracked
    SELECT t.rel,
        CASE WHEN t.columns IS NULL
            THEN format('DELETE FROM ONLY %1$s WHERE ctid IN (SELECT x.ctid'
                ' FROM (SELECT ctid, t::text AS line,'
                ' row_number() OVER (PARTITION BY t::text) AS n FROM ONLY %1$s t) x'
                ' JOIN (SELECT line, count(*) AS many FROM unnest($1) line'
                ' GROUP BY line) y ON x.line = y.line AND x.n <= y.many)', t.rel)
            WHEN cardinality(t.columns) = 1
            THEN format('DELETE FROM ONLY %s WHERE %s = ANY ($1::%s[])',
                t.rel, t.columns[1], t.types[1])
            ELSE format('DELETE FROM ONLY %s t WHERE %s = ANY ($1)',
                t.rel, harness.key('t', t.columns, true)) END,
        format('INSERT INTO %1$s (%2$s) OVERRIDING SYSTEM VALUE'
            ' SELECT %2$s FROM unnest($1::%1$s[])', t.rel, c.columns)
    FROM todo t, LATERAL (
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns
        FROM pg_attribute WHERE attrelid = t.rel AND attnum > 0
            AND NOT attisdropped AND attgenerated = '') c
    WHERE t.reason IS NULL;

    FOREACH name IN ARRAY ARRAY['undo', 'tracked'] LOOP
        EXECUTE format('CREATE TRIGGER "~harness" BEFORE UPDATE OR DELETE OR TRUNCATE'
            ' ON harness.%s %s EXECUTE FUNCTION harness.guard()', name, untouched);
        EXECUTE format('ALTER TABLE harness.%s ENABLE ALWAYS TRIGGER "~harness"', name);
    END LOOP;
END $do$;

DROP FUNCTION harness.key(text, text[], boolean);

CREATE EVENT TRIGGER harness_ddl ON ddl_command_end EXECUTE FUNCTION harness.ddl();
CREATE EVENT TRIGGER harness_drop ON sql_drop EXECUTE FUNCTION harness.ddl();
ALTER EVENT TRIGGER harness_ddl ENABLE ALWAYS;
ALTER EVENT TRIGGER harness_drop ENABLE ALWAYS;

-- The pristine mark, with which every clone is born.

SELECT harness.mark();
