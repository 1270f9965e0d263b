-- Deploy telemed:identity/update_my_notifications to pg

begin;

create function api.update_my_notifications(
    p_kind text, p_by_email boolean default null, p_by_sms boolean default null
)
returns api.notification_preferences
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_preference api.notification_preferences;
begin
    if not exists (select from api.my_notifications() as n where n.kind = p_kind) then
        raise exception 'There is no such kind of notification'
            using errcode = 'TM201', column = 'kind';
    end if;
    -- The primary key decides between two changes at once: the second one waits, and keeps what it
    -- does not change itself.
    insert into app.notification_preferences as n (user_id, kind, by_email, by_sms)
    values (v_actor.user_id, p_kind, coalesce(p_by_email, true), coalesce(p_by_sms, false))
    on conflict (user_id, kind) do update
    set by_email = coalesce(p_by_email, n.by_email), by_sms = coalesce(p_by_sms, n.by_sms)
    returning n.kind, n.by_email, n.by_sms into v_preference;
    return v_preference;
end;
$$;

comment on function api.update_my_notifications(text, boolean, boolean) is
'Changes whether the caller gets a kind of notification by e-mail and by SMS; null leaves a channel
as it is. An SMS is sent only to a user with a phone number. p_kind: booked, rescheduled, cancelled,
reminder, prescription or payment. Raises TM101, TM102, TM201, TM302.';

grant execute on function api.update_my_notifications(text, boolean, boolean)
to telemed_api, telemed_dba;

commit;
