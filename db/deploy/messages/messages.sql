-- Deploy telemed:messages/messages to pg

begin;

create table app.messages (
    id uuid primary key default app.uuid_v7(),
    event_id bigint not null,
    user_id uuid not null references app.users,
    kind text not null,
    channel text not null,
    consultation_id uuid references app.consultations,
    starts_at app.instant,
    email_verification_id uuid references app.email_verifications,
    password_reset_id uuid references app.password_resets,
    address app.email,
    created_at app.instant not null default app.clock(),
    send_at app.instant not null,
    status text not null default 'pending',
    attempt integer not null default 0,
    lease_ends_at app.instant,
    language text,
    settled_at app.instant,
    reason app.code,
    error app.line,
    constraint messages_are_made_once_for_each_event
    unique (event_id, user_id, kind, channel),
    constraint messages_kind_is_known
    check (kind in (
        'booked', 'rescheduled', 'cancelled', 'reminder_24h', 'reminder_1h', 'prescription',
        'payment', 'refund', 'email_verification', 'password_reset', 'email_changed',
        'password_changed', 'second_factor_changed', 'new_device')),
    constraint messages_channel_is_known check (channel in ('email', 'sms')),
    constraint messages_about_a_consultation_have_its_start
    check ((consultation_id is null) = (starts_at is null)),
    constraint messages_have_a_verification_exactly_to_verify_an_address
    check ((email_verification_id is not null) = (kind = 'email_verification')),
    constraint messages_have_a_reset_exactly_to_reset_a_password
    check ((password_reset_id is not null) = (kind = 'password_reset')),
    constraint messages_about_the_account_go_by_email
    check (channel = 'email' or consultation_id is not null),
    constraint messages_status_is_known
    check (status in ('pending', 'sending', 'sent', 'skipped', 'failed')),
    constraint messages_attempt_is_not_negative check (attempt >= 0),
    constraint messages_have_a_lease_exactly_while_they_are_sent
    check ((lease_ends_at is not null) = (status = 'sending')),
    constraint messages_are_settled_exactly_when_nothing_is_left_to_do
    check ((settled_at is not null) = (status in ('sent', 'skipped', 'failed'))),
    constraint messages_have_a_reason_exactly_if_they_were_not_sent
    check ((reason is not null) = (status in ('skipped', 'failed'))),
    constraint messages_language_is_a_language_tag
    check (language ~ '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$')
);

comment on table app.messages is
'Messages to users: one row for each event, recipient, kind and channel, without a text and without
clinical data. A worker claims a row, sends the message and settles the row: see
work.claim_message.';
comment on column app.messages.event_id is
'The event that led to the message (app.events). With recipient and kind it makes the Message-ID of
an e-mail.';
comment on column app.messages.starts_at is
'The start of the consultation that the message names. If the consultation has moved or is
cancelled, the message is not sent any more.';
comment on column app.messages.address is
'Where an e-mail goes instead of to the address of the account: the former address, when it has
changed.';
comment on column app.messages.send_at is
'When the message is due: for a reminder a day or an hour before the start, after a failure the next
attempt.';
comment on column app.messages.attempt is
'The number of the latest attempt. Only the worker that has it can settle the message.';
comment on column app.messages.lease_ends_at is
'Until when the worker of the latest attempt has the message. After that another one may claim it.';
comment on column app.messages.language is
'The preferred language of the recipient at the latest attempt: see app.profiles.';
comment on column app.messages.reason is
'Why the message was not sent: see app.message_obstacle; refused, by the server of the recipient;
given_up, after 30 attempts.';
comment on column app.messages.error is 'The error of the latest attempt that failed.';

-- A consultation that moves away and back leads to one reminder for its time, not two.
create unique index messages_remind_once_of_each_time
on app.messages (consultation_id, starts_at, user_id, kind, channel)
where kind in ('reminder_24h', 'reminder_1h');

create index messages_by_user on app.messages (user_id, created_at);
create index messages_by_consultation on app.messages (consultation_id)
where consultation_id is not null;
create index messages_by_email_verification on app.messages (email_verification_id)
where email_verification_id is not null;
create index messages_by_password_reset on app.messages (password_reset_id)
where password_reset_id is not null;
create index messages_to_send on app.messages (send_at) where status in ('pending', 'sending');
create index messages_by_time on app.messages using brin (created_at);
create index messages_failed on app.messages (settled_at) where status = 'failed';

create function app.messages_change_only_as_permitted()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if (new.id, new.event_id, new.user_id, new.kind, new.channel, new.consultation_id,
            new.starts_at, new.email_verification_id, new.password_reset_id, new.address,
            new.created_at)
        is distinct from
        (old.id, old.event_id, old.user_id, old.kind, old.channel, old.consultation_id,
            old.starts_at, old.email_verification_id, old.password_reset_id, old.address,
            old.created_at) then
        raise exception 'A message keeps its event, its recipient and its subject'
            using errcode = 'TM912';
    end if;
    if old.status in ('sent', 'skipped') or (old.status = 'failed' and new.status <> 'pending') then
        raise exception 'A % message cannot become %', old.status, new.status
            using errcode = 'TM912';
    end if;
    if new.attempt <> old.attempt + (new.status = 'sending')::integer then
        raise exception 'Each attempt to send a message has the next number'
            using errcode = 'TM912';
    end if;
    if new.status = 'sent' and old.status <> 'sending' then
        raise exception 'Only a message that is being sent can be sent' using errcode = 'TM912';
    end if;
    return new;
end;
$$;

comment on function app.messages_change_only_as_permitted() is
'Trigger: a message keeps its event, its recipient and its subject. A sent or skipped message stays
so, and a failed one can only be tried again. Each attempt has the next number. Raises TM912.';

create trigger messages_change_only_as_permitted
before update on app.messages
for each row execute function app.messages_change_only_as_permitted();

-- ops.purge deletes them later.
create trigger messages_are_kept_for_30_days
before delete on app.messages
for each row when (
    old.settled_at is null or old.settled_at > app.clock() - interval '30 days')
execute function app.rows_are_append_only();

create trigger messages_are_never_truncated
before truncate on app.messages
for each statement execute function app.rows_are_append_only();

alter table app.messages enable row level security;
alter table app.messages force row level security;
create policy messages_are_all_there_for_internal_functions
on app.messages to telemed_internal using (true);

create table app.message_tokens (
    token_hash bytea primary key,
    message_id uuid not null references app.messages,
    issued_at app.instant not null default app.clock(),
    constraint message_tokens_are_stored_as_sha256 check (octet_length(token_hash) = 32)
);

comment on table app.message_tokens is
'The tokens that were sent in messages: each attempt to send a message makes one, so that no table
ever has it in clear. Only its SHA-256 is stored. It stands for the verification or the password
reset of its message, ends with it, and uses it up.';

create index message_tokens_by_message on app.message_tokens (message_id);

create trigger message_tokens_never_change
before update on app.message_tokens
for each row execute function app.rows_are_append_only();

create trigger message_tokens_are_kept_for_30_days
before delete on app.message_tokens
for each row when (old.issued_at > app.clock() - interval '30 days')
execute function app.rows_are_append_only();

create trigger message_tokens_are_never_truncated
before truncate on app.message_tokens
for each statement execute function app.rows_are_append_only();

create trigger message_tokens_are_audited
after insert or update or delete on app.message_tokens
for each row execute function app.record_change('message_id', 'token_hash');

alter table app.message_tokens enable row level security;
alter table app.message_tokens force row level security;
create policy message_tokens_are_all_there_for_internal_functions
on app.message_tokens to telemed_internal using (true);

set local role telemed_internal;
create function app.make_message_token(p_message_id uuid)
returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- 256 random bits in base64url (RFC 4648, section 5).
    v_token text := translate(encode(extensions.gen_random_bytes(32), 'base64'), '+/=', '-_');
begin
    insert into app.message_tokens (token_hash, message_id)
    values (sha256(convert_to(v_token, 'UTF8')), p_message_id);
    return v_token;
end;
$$;

comment on function app.make_message_token(uuid) is
'Returns a new token for the verification or the password reset of a message. Tokens of earlier
attempts stay valid, because one of those attempts may have reached the mailbox.';

create function app.subject_of_token(p_token_hash bytea)
returns app.messages
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_message app.messages;
begin
    select m.* into v_message
    from app.message_tokens as t
    inner join app.messages as m on m.id = t.message_id
    where t.token_hash = p_token_hash;
    return v_message;
end;
$$;

comment on function app.subject_of_token(bytea) is
'The message in which a token was sent, with its verification or password reset; null for a token
that was not sent in a message.';

commit;
