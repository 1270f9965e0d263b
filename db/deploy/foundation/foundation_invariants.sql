-- Deploy telemed:foundation/foundation_invariants to pg

begin;

set local role telemed_internal;

create function app.foundation_invariants(p_since timestamptz)
returns setof app.invariant
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first uuid := app.first_id_since(p_since);
begin
    -- Nearly every text is ASCII, and is decided without a function call.
    return query
    select
        'texts_have_no_hidden_characters',
        'Names, e-mail addresses and other lines have a visible character and no hidden one.',
        array(
            select format('%s of %s', t.name, t.id)
            from (
                select 'email', u.id, u.email from app.users as u where u.id >= v_first
                union all
                select 'full_name', p.user_id, p.full_name
                from app.profiles as p where p.user_id >= v_first
                union all
                select 'specialty', d.user_id, d.specialty
                from app.doctors as d where d.user_id >= v_first
                union all
                select d.name, i.prescription_id, d.value
                from app.prescription_items as i
                cross join lateral (
                    values ('drug', i.drug), ('dosage', i.dosage)) as d (name, value)
                where i.prescription_id >= v_first
                union all
                select 'provider_reference', p.id, p.provider_reference
                from app.payments as p where p.id >= v_first
            ) as t (name, id, value)
            where t.value !~ '^[!-~][ -~]*$'
              and (not app.is_readable(t.value) or t.name = 'email' and not app.is_email(t.value)));

    return query
    select
        'no_function_is_executable_by_public',
        'PUBLIC may execute no function of app, api, ops or work.',
        array(
            select p.oid::regprocedure::text
            from pg_proc as p
            inner join pg_namespace as n
                on n.oid = p.pronamespace and n.nspname in ('app', 'api', 'ops', 'work')
            where exists (
                select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
                where a.grantee = 0));

    -- createdb and pg_restore leave a database without these rights. scripts/deploy.sh gives them.
    return query
    select
        'the_database_is_closed_to_public',
        'telemed_owner owns the database, PUBLIC has no right on it, and other roles of the product'
        ' may connect and no more.',
        array(
            select format('%s owns it', d.datdba::regrole)
            from pg_database as d
            where d.datname = current_database() and d.datdba <> 'telemed_owner'::regrole
            union all
            select format(
                '%s may %s', coalesce(r.rolname, 'PUBLIC'), lower(a.privilege_type))
            from pg_database as d
            cross join lateral aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
            left join pg_roles as r on r.oid = a.grantee
            where d.datname = current_database()
              and (a.grantee = 0 or r.rolname ~ '^telemed_' and a.privilege_type <> 'CONNECT'
                   and a.grantee <> d.datdba)
            union all
            select format('%s may not connect', r.role)
            from unnest('{telemed_api,telemed_auditor,telemed_backup,telemed_dba,telemed_internal,'
                'telemed_worker}'::text[]) as r (role)
            where not has_database_privilege(r.role, current_database(), 'connect')
              -- The worker comes with the schema `work`.
              and (r.role <> 'telemed_worker' or to_regnamespace('work') is not null));

    return query
    select
        'every_function_pins_its_search_path',
        'Every function has the search_path pg_catalog, pg_temp.',
        array(
            select p.oid::regprocedure::text
            from pg_proc as p
            inner join pg_namespace as n
                on n.oid = p.pronamespace and n.nspname in ('app', 'api', 'ops', 'work')
            where 'search_path=pg_catalog, pg_temp' <> all (coalesce(p.proconfig, '{}')));

    -- The first use of our schemas in the body, except for the time and a new id.
    return query
    select
        'every_function_begins_without_a_verified_caller',
        'Every function of api, ops and work first verifies the caller or calls app.forget_actor,'
        ' so that no function trusts app.verified_user_id and app.verified_role of a client.',
        array(
            select f.name
            from (
                select
                    p.oid::regprocedure::text as name,
                    substring(
                        regexp_replace(p.prosrc, 'app\.(clock|uuid_v7)\(\)|--[^\n]*', '', 'g')
                        from '\m(?:(?:app|api|ops|work)\.\w+\(|execute'
                            '|(?:from|join|into|update|only) +(?:app|api|ops|work)\.\w+)')
                        as first_use
                from pg_proc as p
                inner join pg_namespace as n
                    on n.oid = p.pronamespace and n.nspname in ('api', 'ops', 'work')
                where p.prosecdef
            ) as f
            where f.first_use is null or rtrim(f.first_use, '(') not in (
                'app.signed_in_actor', 'app.current_actor', 'app.require_role',
                'app.forget_actor'));

    return query
    select
        'every_trigger_and_constraint_is_in_force',
        'No trigger is disabled, no constraint is unvalidated, no index is invalid.',
        array(
            select format('%s on %s', t.tgname, t.tgrelid::regclass)
            from pg_trigger as t
            inner join pg_class as c on c.oid = t.tgrelid
            inner join pg_namespace as n on n.oid = c.relnamespace and n.nspname = 'app'
            where t.tgenabled = 'D'
            union all
            select format('%s on %s', k.conname, k.conrelid::regclass)
            from pg_constraint as k
            inner join pg_namespace as n on n.oid = k.connamespace and n.nspname = 'app'
            where not k.convalidated
            union all
            select i.indexrelid::regclass::text
            from pg_index as i
            inner join pg_class as c on c.oid = i.indexrelid
            inner join pg_namespace as n on n.oid = c.relnamespace and n.nspname = 'app'
            where not i.indisvalid);
end;
$$;

comment on function app.foundation_invariants(timestamptz) is
'The invariants of foundation, one row each. p_since: as in ops.check_invariants.';

reset role;

commit;
