-- Deploy telemed:calendars/get_consultation_calendar to pg

begin;

create function api.get_consultation_calendar(p_consultation_id uuid)
returns setof api.calendar_entries
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
begin
    perform app.visible_consultation(v_actor, p_consultation_id);
    if v_actor.role <> 'patient' then
        perform app.record_read('get_consultation_calendar', array[p_consultation_id]);
    end if;
    return query
    select e.* from app.calendar_entries_of(array[p_consultation_id], v_actor.user_id) as e;
end;
$$;

comment on function api.get_consultation_calendar(uuid) is
'Returns one consultation as it stands in the calendar of the caller, who is its patient, its doctor
or an admin: one row. The access log records it when a doctor or an admin reads. Raises TM101,
TM102, TM302, TM403.';

grant execute on function api.get_consultation_calendar(uuid) to telemed_api, telemed_dba;

commit;
