-- Deploy telemed:identity/sessions to pg

begin;

create table app.sessions (
    id uuid primary key default app.uuid_v7(),
    user_id uuid not null references app.users,
    created_at app.instant not null default app.clock(),
    expires_at app.instant not null default app.clock() + interval '30 days',
    revoked_at app.instant,
    second_factor_at app.instant,
    wrong_codes integer not null default 0,
    constraint sessions_end_after_they_begin check (expires_at > created_at)
);

comment on table app.sessions is
'A log-in and the refresh tokens that followed from it. Its end is set at log-in; refresh token
rotation does not change it.';
comment on column app.sessions.second_factor_at is
'When a second factor was verified in this session; null if none was.';
comment on column app.sessions.wrong_codes is
'How many wrong codes were sent in this session to remove a second factor: the fifth ends it.';

create index sessions_by_user on app.sessions (user_id, created_at);
create index sessions_by_end on app.sessions (expires_at);

create table app.refresh_tokens (
    token_hash bytea primary key,
    session_id uuid not null references app.sessions,
    issued_at app.instant not null default app.clock(),
    spent_at app.instant,
    constraint refresh_tokens_are_stored_as_sha256 check (octet_length(token_hash) = 32)
);

comment on table app.refresh_tokens is
'Refresh tokens, each of which can be spent once (RFC 9700, section 4.14.2). Only the SHA-256 of a
token is stored.';

create unique index refresh_tokens_one_unspent_per_session
on app.refresh_tokens (session_id) where spent_at is null;

create index refresh_tokens_by_session on app.refresh_tokens (session_id);

create trigger sessions_are_audited
after insert or update or delete on app.sessions
for each row execute function app.record_change('id');

set local role telemed_internal;
create function app.sessions_end_with_what_they_rest_on()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update app.sessions
    set revoked_at = app.clock()
    where user_id = new.id and revoked_at is null;
    return null;
end;
$$;

comment on function app.sessions_end_with_what_they_rest_on() is
'Trigger: a new password, another role or a deactivation ends all sessions of the user.';
reset role;

create trigger sessions_end_with_what_they_rest_on
after update of password_hash, role, deactivated_at on app.users
for each row
when (
    old.password_hash <> new.password_hash
    or old.role <> new.role
    or (old.deactivated_at is null and new.deactivated_at is not null))
execute function app.sessions_end_with_what_they_rest_on();

create function app.sessions_stay_revoked()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'A revoked session is never in force again' using errcode = 'TM912';
end;
$$;

comment on function app.sessions_stay_revoked() is
'Trigger: a revoked session is never in force again. Raises TM912.';

create trigger sessions_stay_revoked
before update on app.sessions
for each row
when (old.revoked_at is not null and new.revoked_at is null)
execute function app.sessions_stay_revoked();

create function app.refresh_tokens_are_spent_once()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if old.spent_at is not null or new.spent_at is null
        or (new.token_hash, new.session_id, new.issued_at)
            is distinct from (old.token_hash, old.session_id, old.issued_at) then
        raise exception 'A refresh token changes once, when it is spent' using errcode = 'TM912';
    end if;
    return new;
end;
$$;

comment on function app.refresh_tokens_are_spent_once() is
'Trigger: a refresh token changes only once, when it is spent. Raises TM912.';

create trigger refresh_tokens_are_spent_once
before update on app.refresh_tokens
for each row execute function app.refresh_tokens_are_spent_once();

alter table app.sessions enable row level security;
alter table app.sessions force row level security;
create policy sessions_are_all_there_for_internal_functions
on app.sessions to telemed_internal using (true);

create policy sessions_are_seen_by_their_user
on app.sessions to telemed_owner
using (
    user_id = (select nullif(current_setting('app.verified_user_id', true), '')::uuid));

alter table app.refresh_tokens enable row level security;
alter table app.refresh_tokens force row level security;
create policy refresh_tokens_are_all_there_for_internal_functions
on app.refresh_tokens to telemed_internal using (true);

create type api.sessions as (
    user_id uuid,
    role text,
    session_id uuid,
    refresh_token text,
    expires_at timestamptz
);

comment on type api.sessions is
'A session with its newest refresh token, which is returned only here. expires_at: the absolute end
of the session.';

create type api.sessions_in_force as (
    id uuid,
    created_at timestamptz,
    expires_at timestamptz,
    last_used_at timestamptz,
    is_current boolean
);

comment on type api.sessions_in_force is
'A session that is in force, without its tokens. last_used_at: when it began or was last refreshed;
is_current: whether it is the calling session.';

commit;
