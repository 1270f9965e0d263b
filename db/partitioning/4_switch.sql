-- Step 4: the one moment in which nobody can use consultations. Run as a superuser.
--
-- The table becomes the first partition as it is: no row is read or written. What depends on the
-- table by its identity rather than by its name (triggers, policies, views, foreign keys, functions
-- whose signature has its row type) is taken from the catalog and made anew for the partitioned
-- table of the same name. All of it or nothing: an error leaves everything as it was.
--
-- It asks for the locks for 300 ms at a time and lets go in between, so that nobody waits longer
-- than that. If that takes until five seconds before the bound of step 3, the bound is given up:
-- go on with step 3.

set search_path = pg_catalog, pg_temp;
set timezone = 'UTC';

do $$
declare
    v_table constant regclass := 'app.consultations';
    v_condition text;
    v_bound uuid;
    v_until timestamptz;
    v_month_end timestamptz;
    v_old text;
    v_rest text;
    v_attempts integer := 0;
    v_before text[];
    v_after text[];
    v_statement text;
    v_locked_at timestamptz;
begin
    select pg_get_constraintdef(k.oid) into v_condition
    from pg_constraint as k
    where k.conrelid = v_table and k.conname = 'consultations_are_made_before_the_bound'
      and k.convalidated;
    if not found then
        raise exception 'Step 3 has not been done';
    end if;
    v_bound := substring(v_condition from '''([0-9a-f-]{36})''')::uuid;
    v_until := app.time_of_id(v_bound);
    v_month_end := date_trunc('month', v_until - interval '1 ms') + interval '1 month';
    v_old := to_char(v_until - interval '1 ms', '"consultations_"YYYY_MM');
    v_rest := v_old || '_rest';

    loop
        v_attempts := v_attempts + 1;
        begin
            set local lock_timeout = '300ms';
            if clock_timestamp() > v_until - interval '5 seconds' then
                lock table app.consultations in access exclusive mode;
            else
                -- Those that consultations refer to, too, because triggers of foreign keys on them
                -- are replaced. In the order in which functions use them: whoever has begun ends
                -- first.
                lock table app.users, app.doctors, app.availability_slots, app.consultations,
                    app.consultation_holds, app.prescriptions, app.payments
                in access exclusive mode;
            end if;
            exit;
        exception when lock_not_available then
            perform pg_sleep(random() * 0.5);
        end;
    end loop;
    v_locked_at := clock_timestamp();
    if v_locked_at > v_until - interval '5 seconds' then
        alter table app.consultations drop constraint consultations_are_made_before_the_bound;
        raise warning 'too late for the bound %: it is given up, do step 3 again', v_until;
        return;
    end if;

    -- What has to go before the table is renamed, and what comes back for the new one.
    select
        array_agg(s.gone order by s.place, s.name) filter (where s.gone is not null),
        array_agg(s.made order by s.place, s.name) filter (where s.made is not null)
    into v_before, v_after
    from (
        select
            1 as place, k.conname::text as name, null as gone,
            format('alter table %s add constraint %I %s',
                v_table, k.conname, pg_get_constraintdef(k.oid)) as made
        from pg_constraint as k
        where k.conrelid = v_table and k.contype in ('p', 'f')
        union all
        select 2, i.indexrelid::regclass::text, null, pg_get_indexdef(i.indexrelid)
        from pg_index as i
        where i.indrelid = v_table and not i.indisunique and not i.indisexclusion
        union all
        select
            3, p.polname, format('drop policy %I on %s', p.polname, v_table),
            format(
                'create policy %I on %s as %s for %s to %s', p.polname, v_table,
                case when p.polpermissive then 'permissive' else 'restrictive' end,
                case p.polcmd
                    when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
                    when 'd' then 'delete' else 'all'
                end,
                (select string_agg(coalesce(r.rolname, 'public'), ', ')
                 from unnest(p.polroles) as o (oid)
                 left join pg_roles as r on r.oid = o.oid))
            || coalesce(' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
            || coalesce(' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
        from pg_policy as p
        where p.polrelid = v_table
        union all
        -- Not valid: what is new is compared at once, what is old in step 5. Before there is a
        -- partition, because what belongs to one that is there would stay not valid for ever.
        select
            4, k.conname, format('alter table %s drop constraint %I', k.conrelid::regclass, k.conname),
            format('alter table %s add constraint %I %s not valid',
                k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
        from pg_constraint as k
        where k.confrelid = v_table and k.contype = 'f'
        union all
        -- Its indexes and foreign keys become those of the partition, and no row is looked at.
        select
            5, '', null,
            format('alter table %s attach partition app.%I for values from (minvalue) to (%L)',
                v_table, v_old, v_bound)
        union all
        -- Of views and policies the text is kept, in which the table has its name.
        select
            6, v.oid::regclass::text, null,
            format('create or replace view %s %s as %s', v.oid::regclass,
                'with (' || array_to_string(v.reloptions, ', ') || ')', pg_get_viewdef(v.oid))
        from pg_class as v
        where v.relkind = 'v' and v.oid in (
            select r.ev_class
            from pg_depend as d
            inner join pg_rewrite as r on r.oid = d.objid
            where d.classid = 'pg_rewrite'::regclass and d.refobjid = v_table)
        union all
        select
            7, p.polname, null,
            format('alter policy %I on %s', p.polname, p.polrelid::regclass)
            || coalesce(' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
            || coalesce(' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
        from pg_policy as p
        where p.polrelid <> v_table and p.oid in (
            select d.objid from pg_depend as d
            where d.classid = 'pg_policy'::regclass and d.refobjid = v_table)
        union all
        select
            8, f.oid::regprocedure::text, format('drop function %s', f.oid::regprocedure),
            concat_ws('; ',
                pg_get_functiondef(f.oid),
                format('alter function %s owner to %s', f.oid::regprocedure, f.proowner::regrole),
                format('comment on function %s is %L',
                    f.oid::regprocedure, obj_description(f.oid, 'pg_proc')),
                format('revoke all on function %s from public', f.oid::regprocedure),
                (select string_agg(
                    format('grant %s on function %s to %s',
                        a.privilege_type, f.oid::regprocedure, a.grantee::regrole), '; ')
                 from aclexplode(f.proacl) as a))
        from pg_proc as f
        where f.oid in (
            select d.objid
            from pg_depend as d
            inner join pg_type as t on t.oid = d.refobjid
            where d.classid = 'pg_proc'::regclass and d.refclassid = 'pg_type'::regclass
              and t.typrelid = v_table)
        union all
        -- Those that speak of the row type inside are compiled anew in every session.
        select 9, f.oid::regprocedure::text, null, pg_get_functiondef(f.oid)
        from pg_proc as f
        where f.prosrc ~ '\mapp\.consultations\M' and f.prokind = 'f'
        union all
        -- Each partition gets those for each row, the first one when it is attached.
        select
            0, t.tgname, format('drop trigger %I on %s', t.tgname, v_table),
            concat_ws('; ',
                pg_get_triggerdef(t.oid),
                case t.tgenabled when 'A' then
                    format('alter table %s enable always trigger %I', v_table, t.tgname)
                end)
        from pg_trigger as t
        where t.tgrelid = v_table and not t.tgisinternal) as s;

    foreach v_statement in array v_before loop
        execute v_statement;
    end loop;

    -- Another name for the table and its indexes.
    execute format('alter table app.consultations rename to %I', v_old);
    for v_statement in
        select format(
            'alter index %s rename to %I',
            i.indexrelid::regclass,
            v_old || substring(c.relname from length('consultations') + 1))
        from pg_index as i
        inner join pg_class as c on c.oid = i.indexrelid
        where i.indrelid = v_table
    loop
        execute v_statement;
    end loop;

    execute format(
        'create table app.consultations (like app.%I including defaults including constraints '
        'including comments) partition by range (id)', v_old);
    alter table app.consultations drop constraint consultations_are_made_before_the_bound;
    execute format('alter table app.consultations owner to %I', 'telemed_owner');
    for v_statement in
        select format('grant %s on app.consultations to %s', a.privilege_type, a.grantee::regrole)
        from pg_class as c, aclexplode(c.relacl) as a
        where c.oid = v_table
        union all
        select format('comment on table app.consultations is %L', obj_description(v_table))
        union all
        select 'alter table app.consultations enable row level security'
        union all
        select 'alter table app.consultations force row level security'
    loop
        execute v_statement;
    end loop;
    foreach v_statement in array v_after loop
        execute v_statement;
    end loop;
    execute format('alter table app.%I drop constraint %I',
        v_old, 'consultations_are_made_before_the_bound');

    set local role telemed_owner;
    perform app.close_partition(v_old);
    if v_until < v_month_end then
        execute format('create table app.%I (like app.consultations including constraints)', v_rest);
        execute format(
            'comment on table app.%I is %L', v_rest,
            format('Rows of app.consultations from %s to %s.', v_until, v_month_end));
        perform app.close_partition(v_rest);
        execute format(
            'alter table app.consultations attach partition app.%I for values from (%L) to (%L)',
            v_rest, v_bound, app.first_id_since(v_month_end));
    end if;
    perform app.create_partition('consultations');
    perform app.create_partition('consultations', (v_month_end + interval '1 month' * n)::date)
    from generate_series(0, 2) as n;
    reset role;

    if exists (
        select from pg_depend as d
        where d.refobjid = v_table
          and (d.classid = 'pg_rewrite'::regclass
               or (d.classid = 'pg_policy'::regclass
                   and not exists (select from pg_policy as p
                                   where p.oid = d.objid and p.polrelid = v_table)))
        union all
        select from pg_depend as d
        inner join pg_type as t on t.oid = d.refobjid
        where d.refclassid = 'pg_type'::regclass and t.typrelid = v_table
          and d.classid = 'pg_proc'::regclass
        union all
        select from pg_constraint as k
        where k.confrelid = v_table and k.contype = 'f' and k.conparentid = 0
    ) then
        raise exception 'Something depends on the old table still';
    end if;
    raise notice 'done after % attempts; locked for % ms', v_attempts,
        round(extract(epoch from clock_timestamp() - v_locked_at) * 1000);
end;
$$;
