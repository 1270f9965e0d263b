-- Deploy telemed:scheduling/get_time_off to pg

begin;

create function api.get_time_off(p_time_off_id uuid)
returns api.time_off
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('doctor');
    v_time_off api.time_off;
begin
    select t.* into v_time_off
    from api.time_off as t
    where t.id = p_time_off_id and t.doctor_id = v_actor.user_id;
    if not found then
        raise exception 'You have no such time off' using errcode = 'TM405';
    end if;
    return v_time_off;
end;
$$;

comment on function api.get_time_off(uuid) is
'Returns time off to its doctor. Raises TM101, TM102, TM301, TM302, TM405.';

grant execute on function api.get_time_off(uuid) to telemed_api, telemed_dba;

commit;
