-- Deploy telemed:calendars/revoke_my_calendar to pg

begin;

create function api.revoke_my_calendar()
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('patient', 'doctor');
begin
    update app.calendar_feeds
    set revoked_at = app.clock()
    where user_id = v_actor.user_id and revoked_at is null;
end;
$$;

comment on function api.revoke_my_calendar() is
'Revokes the token of api.create_my_calendar: calendar applications of the calling patient or doctor
read nothing from now on. Without a token in force it changes nothing. Raises TM101, TM102, TM301,
TM302.';

grant execute on function api.revoke_my_calendar() to telemed_api, telemed_dba;

commit;
