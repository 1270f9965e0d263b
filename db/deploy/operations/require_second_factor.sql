-- Deploy telemed:operations/require_second_factor to pg

begin;

set local role telemed_internal;
create function ops.require_second_factor(p_roles text[])
returns text[]
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_unknown text;
begin
    perform app.forget_actor();
    select string_agg(coalesce(n, 'null'), ', ') into v_unknown
    from unnest(p_roles) as n
    where n is null or n not in (select r.name from app.roles as r);
    if p_roles is null or v_unknown is not null then
        raise exception 'Name the roles admin, doctor or patient, not %',
            coalesce(v_unknown, 'null')
            using errcode = 'TM201', column = 'roles';
    end if;

    update app.roles
    set second_factor_required = name = any (p_roles)
    where second_factor_required <> (name = any (p_roles));
    return array(
        select r.name::text from app.roles as r where r.second_factor_required order by r.name);
end;
$$;

comment on function ops.require_second_factor(text[]) is
'Requires a second factor of the roles p_roles (admin, doctor, patient) and of no others, from the
next call on; an empty array ends the requirement for every role. Returns the roles that require
one. Raises TM201.';

grant execute on function ops.require_second_factor(text[]) to telemed_dba;

commit;
