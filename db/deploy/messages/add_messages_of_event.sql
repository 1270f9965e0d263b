-- Deploy telemed:messages/add_messages_of_event to pg

begin;

set local role telemed_internal;
create function app.add_messages_of_event(p_event app.events)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- As it was when the event happened, or as it is for events that do not change it.
    v_starts_at timestamptz := coalesce(
        (p_event.data ->> 'starts_at')::timestamptz,
        (select c.starts_at from app.consultations as c where c.id = p_event.consultation_id));
    v_message record;
begin
    for v_message in
        insert into app.messages
            (event_id, user_id, kind, channel, consultation_id, starts_at,
             email_verification_id, password_reset_id, address, send_at)
        select
            p_event.id, t.user_id, r.kind, c.channel, p_event.consultation_id, v_starts_at,
            case when r.kind = 'email_verification'
                then (p_event.data ->> 'email_verification_id')::uuid end,
            case when r.kind = 'password_reset'
                then (p_event.data ->> 'password_reset_id')::uuid end,
            case when r.kind = 'email_changed' then p_event.data ->> 'former_email' end,
            coalesce(v_starts_at - r.lead, app.clock())
        from app.message_rules() as r
        cross join lateral (
            select case r.recipient
                when 'patient' then p_event.patient_id
                when 'doctor' then p_event.doctor_id
                else p_event.user_id
            end as user_id) as t
        cross join (values ('email'), ('sms')) as c (channel)
        where r.event_type = p_event.type
          -- A consultation at short notice has no reminder, or only the second one.
          and (r.lead is null or v_starts_at - r.lead > app.clock())
          and case
              when r.preference is null then c.channel = 'email' and exists (
                  select from app.users as u
                  where u.id = t.user_id and u.deactivated_at is null)
              else app.wants_notification(t.user_id, r.preference, c.channel)
          end
        -- messages_are_made_once_for_each_event and messages_remind_once_of_each_time decide.
        on conflict do nothing
        returning id, send_at
    loop
        perform app.enqueue_job(
            'send_message', jsonb_build_object('message_id', v_message.id), null,
            v_message.send_at);
    end loop;
end;
$$;

comment on function app.add_messages_of_event(app.events) is
'Adds the messages that an event leads to (app.message_rules), each with its job: for recipients
whose account is active, by the channels that they want. Reminders are due before the start of the
consultation. Repeated, it adds only what is missing.';

commit;
