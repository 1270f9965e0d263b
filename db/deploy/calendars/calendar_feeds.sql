-- Deploy telemed:calendars/calendar_feeds to pg

begin;

create table app.calendar_feeds (
    id uuid primary key default app.uuid_v7(),
    user_id uuid not null references app.users,
    token_hash bytea not null,
    created_at app.instant not null default app.clock(),
    revoked_at app.instant,
    constraint calendar_feeds_have_a_token_each unique (token_hash),
    constraint calendar_feeds_tokens_are_stored_as_sha256 check (octet_length(token_hash) = 32)
);

comment on table app.calendar_feeds is
'Private addresses under which calendar applications read the consultations of a user. Only the
SHA-256 of the token in the address is stored.';

-- This index decides the race of two requests for a new address.
create unique index calendar_feeds_one_in_force_per_user
on app.calendar_feeds (user_id) where revoked_at is null;

create index calendar_feeds_by_user on app.calendar_feeds (user_id, created_at);

create trigger calendar_feeds_are_audited
after insert or update or delete on app.calendar_feeds
for each row execute function app.record_change('id', 'token_hash');

create trigger calendar_feeds_are_never_deleted
before delete on app.calendar_feeds
for each row execute function app.rows_are_append_only();

create trigger calendar_feeds_are_never_truncated
before truncate on app.calendar_feeds
for each statement execute function app.rows_are_append_only();

create function app.calendar_feeds_are_revoked_once()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if old.revoked_at is not null
        or (new.id, new.user_id, new.token_hash, new.created_at)
            is distinct from (old.id, old.user_id, old.token_hash, old.created_at) then
        raise exception 'A calendar feed changes once, when it is revoked' using errcode = 'TM912';
    end if;
    return new;
end;
$$;

comment on function app.calendar_feeds_are_revoked_once() is
'Trigger: a calendar feed keeps its user and its token, and a revoked one is never in force again.
Raises TM912.';

create trigger calendar_feeds_are_revoked_once
before update on app.calendar_feeds
for each row execute function app.calendar_feeds_are_revoked_once();

set local role telemed_internal;
create function app.calendar_feeds_end_with_what_they_rest_on()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update app.calendar_feeds
    set revoked_at = app.clock()
    where user_id = new.id and revoked_at is null;
    return null;
end;
$$;

comment on function app.calendar_feeds_end_with_what_they_rest_on() is
'Trigger: a new password, another role or a deactivation revokes the calendar feed of the user.
Whoever had the old password may have read its address.';
reset role;

create trigger calendar_feeds_end_with_what_they_rest_on
after update of password_hash, role, deactivated_at on app.users
for each row
when (
    old.password_hash <> new.password_hash
    or old.role <> new.role
    or (old.deactivated_at is null and new.deactivated_at is not null))
execute function app.calendar_feeds_end_with_what_they_rest_on();

alter table app.calendar_feeds enable row level security;
alter table app.calendar_feeds force row level security;
create policy calendar_feeds_are_all_there_for_internal_functions
on app.calendar_feeds to telemed_internal using (true);

create policy calendar_feeds_are_seen_by_their_user
on app.calendar_feeds to telemed_owner
using (
    user_id = (select nullif(current_setting('app.verified_user_id', true), '')::uuid));

create type api.calendar_feeds as (token text, created_at timestamptz);

comment on type api.calendar_feeds is
'The token of the private address of a calendar. It is returned only here.';

commit;
