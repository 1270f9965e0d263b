-- Deploy telemed:identity/password_resets to pg

begin;

create table app.password_resets (
    id uuid primary key default app.uuid_v7(),
    user_id uuid not null references app.users,
    token_hash bytea not null,
    requested_from bytea,
    requested_at app.instant not null default app.clock(),
    expires_at app.instant not null default app.clock() + interval '30 minutes',
    used_at app.instant,
    revoked_at app.instant,
    constraint password_resets_have_a_token_each unique (token_hash),
    constraint password_resets_tokens_are_stored_as_sha256 check (octet_length(token_hash) = 32),
    constraint password_resets_requested_from_is_a_sha256 check (octet_length(requested_from) = 32),
    constraint password_resets_end_after_they_begin check (expires_at > requested_at),
    constraint password_resets_are_used_or_revoked check (used_at is null or revoked_at is null)
);

comment on table app.password_resets is
'Requests of users who have forgotten their password. Only the SHA-256 of the token is stored.
Several can be in force at once, so that a request of somebody else takes none from the user.';
comment on column app.password_resets.requested_from is
'app.log_in_subject of the account and of the address from which the request came.';

create index password_resets_by_user on app.password_resets (user_id, requested_at);

create index password_resets_by_end on app.password_resets using brin (expires_at);

create trigger password_resets_are_audited
after insert or update or delete on app.password_resets
for each row execute function app.record_change('id', 'token_hash');

-- ops.purge deletes them later.
create trigger password_resets_are_kept_for_30_days
before delete on app.password_resets
for each row when (old.expires_at > app.clock() - interval '30 days')
execute function app.rows_are_append_only();

create trigger password_resets_are_never_truncated
before truncate on app.password_resets
for each statement execute function app.rows_are_append_only();

create function app.password_resets_are_used_once()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if old.used_at is not null or old.revoked_at is not null
        or (new.id, new.user_id, new.token_hash)
            is distinct from (old.id, old.user_id, old.token_hash) then
        raise exception 'A password reset ends once, and keeps its user and its token'
            using errcode = 'TM912';
    end if;
    return new;
end;
$$;

comment on function app.password_resets_are_used_once() is
'Trigger: a password reset that was used or revoked stays so, and keeps its user and its token.
Raises TM912.';

create trigger password_resets_are_used_once
before update on app.password_resets
for each row execute function app.password_resets_are_used_once();

set local role telemed_internal;
create function app.password_resets_end_with_what_they_rest_on()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update app.password_resets
    set revoked_at = app.clock()
    where user_id = new.id and used_at is null and revoked_at is null;
    return null;
end;
$$;

comment on function app.password_resets_end_with_what_they_rest_on() is
'Trigger: a new e-mail address, a new password, another role or a deactivation revokes the
password resets of the user that are in force.';
reset role;

create trigger password_resets_end_with_what_they_rest_on
after update of email, password_hash, role, deactivated_at on app.users
for each row
when (
    old.email <> new.email
    or old.password_hash <> new.password_hash
    or old.role <> new.role
    or (old.deactivated_at is null and new.deactivated_at is not null))
execute function app.password_resets_end_with_what_they_rest_on();

alter table app.password_resets enable row level security;
alter table app.password_resets force row level security;
create policy password_resets_are_all_there_for_internal_functions
on app.password_resets to telemed_internal using (true);

create type api.password_resets as (email text, token text);

comment on type api.password_resets is
'A token for one new password, and the e-mail address to send it to. It is returned only here.';

commit;
