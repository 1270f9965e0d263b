-- Deploy telemed:messages/claim_message to pg

begin;

create type work.claimed_messages as (
    id uuid,
    attempt integer,
    event_id bigint,
    kind text,
    channel text,
    user_id uuid,
    is_doctor boolean,
    full_name text,
    address text,
    language text,
    time_zone text,
    is_optional boolean,
    doctor_name text,
    starts_at timestamptz,
    happened_at timestamptz,
    token text,
    calendar jsonb
);

comment on type work.claimed_messages is
'A message that the worker has to send now, with what its text names. attempt: settles the message.
full_name: null unless the account has verified the address to which the message goes.
is_optional: whether the recipient can refuse such messages. doctor_name, starts_at and calendar (a
row of api.calendar_entries): of its consultation. happened_at: when the event happened that the
message is about. token: verifies the address, or sets a new password; it is returned only here.';

set local role telemed_internal;
create function app.skip_message(p_message app.messages, p_reason text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update app.messages
    set status = 'skipped', reason = p_reason, settled_at = app.clock(), lease_ends_at = null
    where id = p_message.id;
end;
$$;

comment on function app.skip_message(app.messages, text) is
'Settles a message that must not be sent, with the reason from app.message_obstacle. The caller has
locked it.';

create function work.claim_message(p_message_id uuid)
returns setof work.claimed_messages
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_message app.messages;
    v_obstacle text;
begin
    perform app.forget_actor();
    -- Of two workers that claim a message at once, the second finds it taken.
    update app.messages as m
    set status = 'sending',
        attempt = m.attempt + 1,
        lease_ends_at = app.clock() + interval '2 minutes',
        language = p.language
    from app.profiles as p
    where p.user_id = m.user_id
      and m.id = p_message_id
      and m.send_at <= app.clock()
      and (m.status = 'pending' or (m.status = 'sending' and m.lease_ends_at <= app.clock()))
    returning m.* into v_message;
    if not found then
        return;
    end if;
    v_obstacle := app.message_obstacle(v_message);
    if v_obstacle is not null then
        perform app.skip_message(v_message, v_obstacle);
        return;
    end if;

    return query
    select
        v_message.id,
        v_message.attempt,
        v_message.event_id,
        v_message.kind,
        v_message.channel,
        u.id,
        u.id is not distinct from c.doctor_id,
        -- Anybody may sign up with the address of somebody else and an advertisement as a name.
        case
            when u.email_verified_at is not null and coalesce(v_message.address, v.email) is null
                then p.full_name::text
        end,
        case v_message.channel
            when 'sms' then p.phone
            else coalesce(v_message.address::text, v.email, u.email)
        end::text,
        p.language,
        -- A patient without a time zone gets the time of the doctor's practice.
        coalesce(p.time_zone, own.time_zone, d.time_zone, 'UTC')::text,
        app.message_preference(v_message.kind) is not null,
        d.full_name::text,
        v_message.starts_at::timestamptz,
        coalesce(e.occurred_at, v_message.created_at)::timestamptz,
        case
            when coalesce(v_message.email_verification_id, v_message.password_reset_id) is not null
                then app.make_message_token(v_message.id)
        end,
        case
            when v_message.kind in ('booked', 'rescheduled', 'cancelled') then (
                select to_jsonb(k) from app.calendar_entries_of(array[c.id], u.id) as k)
        end
    from app.users as u
    inner join app.profiles as p on p.user_id = u.id
    left join app.doctors as own on own.user_id = u.id
    left join app.consultations as c on c.id = v_message.consultation_id
    left join app.doctors as d on d.user_id = c.doctor_id
    left join app.email_verifications as v on v.id = v_message.email_verification_id
    left join app.events as e on e.id = v_message.event_id
    where u.id = v_message.user_id;
end;
$$;

comment on function work.claim_message(uuid) is
'Claims a message that is due for two minutes, and returns what the worker needs to send it. Returns
no row if the message is not due, is settled, belongs to another worker, or must not be sent: the
last is settled as skipped (app.message_obstacle). A message to verify an address or to reset a
password gets a new token, of which only the SHA-256 stays here.';

grant execute on function work.claim_message to telemed_worker;

commit;
