-- Deploy telemed:scheduling/end_time_off to pg

begin;

create function api.end_time_off(p_time_off_id uuid)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('doctor');
begin
    delete from app.time_off where id = p_time_off_id and doctor_id = v_actor.user_id;
    if not found then
        raise exception 'You have no such time off' using errcode = 'TM405';
    end if;
end;
$$;

comment on function api.end_time_off(uuid) is
'Deletes time off of the calling doctor. The slots that it withdrew stay withdrawn: the doctor can
publish new ones. Raises TM101, TM102, TM301, TM302, TM405.';

grant execute on function api.end_time_off(uuid) to telemed_api, telemed_dba;

commit;
