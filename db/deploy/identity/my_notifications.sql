-- Deploy telemed:identity/my_notifications to pg

begin;

create function api.my_notifications()
returns setof api.notification_preferences
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
begin
    return query
    select k.kind, coalesce(n.by_email, true), coalesce(n.by_sms, false)
    from unnest(
        '{booked,rescheduled,cancelled,reminder,prescription,payment}'::text[])
        with ordinality as k (kind, position)
    left join app.notification_preferences as n
        on n.user_id = v_actor.user_id and n.kind = k.kind
    order by k.position;
end;
$$;

comment on function api.my_notifications() is
'The notification preferences of the caller, one row for each kind. After sign-up all kinds come by
e-mail and none by SMS. Raises TM101, TM102, TM302.';

grant execute on function api.my_notifications() to telemed_api, telemed_dba;

commit;
