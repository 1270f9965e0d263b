-- Deploy telemed:identity/email_verifications to pg

begin;

create table app.email_verifications (
    id uuid primary key default app.uuid_v7(),
    user_id uuid not null references app.users,
    email app.email not null,
    token_hash bytea not null,
    requested_at app.instant not null default app.clock(),
    expires_at app.instant not null default app.clock() + interval '24 hours',
    used_at app.instant,
    revoked_at app.instant,
    constraint email_verifications_have_a_token_each unique (token_hash),
    constraint email_verifications_tokens_are_stored_as_sha256
    check (octet_length(token_hash) = 32),
    constraint email_verifications_end_after_they_begin check (expires_at > requested_at),
    constraint email_verifications_are_used_or_revoked
    check (used_at is null or revoked_at is null)
);

comment on table app.email_verifications is
'Tokens that were sent to an e-mail address, so that its owner can verify it for an account: the
address of the account, or one that becomes it when the token is used. Only the SHA-256 of the token
is stored.';

create index email_verifications_by_user on app.email_verifications (user_id, requested_at);
create index email_verifications_by_email
on app.email_verifications (app.normal_email(email), requested_at);

create index email_verifications_by_end on app.email_verifications using brin (expires_at);

create trigger email_verifications_are_audited
after insert or update or delete on app.email_verifications
for each row execute function app.record_change('id', 'token_hash');

-- ops.purge deletes them later.
create trigger email_verifications_are_kept_for_30_days
before delete on app.email_verifications
for each row when (old.expires_at > app.clock() - interval '30 days')
execute function app.rows_are_append_only();

create trigger email_verifications_are_never_truncated
before truncate on app.email_verifications
for each statement execute function app.rows_are_append_only();

create function app.email_verifications_are_used_once()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if old.used_at is not null or old.revoked_at is not null
        or (new.id, new.user_id, new.email, new.token_hash, new.requested_at)
            is distinct from (old.id, old.user_id, old.email, old.token_hash, old.requested_at) then
        raise exception 'A verification ends once, and keeps its user, its address and its token'
            using errcode = 'TM912';
    end if;
    return new;
end;
$$;

comment on function app.email_verifications_are_used_once() is
'Trigger: a verification that was used or revoked stays so, and keeps its user, its address and its
token. Raises TM912.';

create trigger email_verifications_are_used_once
before update on app.email_verifications
for each row execute function app.email_verifications_are_used_once();

set local role telemed_internal;
create function app.email_verifications_end_with_what_they_rest_on()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update app.email_verifications
    set revoked_at = app.clock()
    where user_id = new.id and used_at is null and revoked_at is null;
    return null;
end;
$$;

comment on function app.email_verifications_end_with_what_they_rest_on() is
'Trigger: a new password, another role, a deactivation or a new e-mail address revokes the
verifications of the user that are in force.';

create function app.users_verify_their_address_by_a_token()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if new.email_verified_at is not null and not exists (
        select from app.email_verifications as v
        where v.user_id = new.id and v.email = new.email and v.used_at = new.email_verified_at)
    then
        raise exception 'An e-mail address is verified by its token' using errcode = 'TM912';
    end if;
    return new;
end;
$$;

comment on function app.users_verify_their_address_by_a_token() is
'Trigger: an address counts as verified only if a token that was sent to it for this account was
used at that time. Raises TM912.';
reset role;

create trigger email_verifications_end_with_what_they_rest_on
after update of email, password_hash, role, deactivated_at on app.users
for each row
when (
    old.email <> new.email
    or old.password_hash <> new.password_hash
    or old.role <> new.role
    or (old.deactivated_at is null and new.deactivated_at is not null))
execute function app.email_verifications_end_with_what_they_rest_on();

create trigger users_verify_their_address_by_a_token
before insert or update of email, email_verified_at on app.users
for each row
when (new.email_verified_at is not null)
execute function app.users_verify_their_address_by_a_token();

alter table app.email_verifications enable row level security;
alter table app.email_verifications force row level security;
create policy email_verifications_are_all_there_for_internal_functions
on app.email_verifications to telemed_internal using (true);

create type api.email_verifications as (email text, token text);

comment on type api.email_verifications is
'A token that verifies an e-mail address once, and the address to send it to. It is returned only
here.';

set local role telemed_internal;
create function app.make_email_verification(p_user_id uuid, p_email text)
returns setof api.email_verifications
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- 256 random bits in base64url (RFC 4648, section 5).
    v_token text := translate(encode(extensions.gen_random_bytes(32), 'base64'), '+/=', '-_');
begin
    insert into app.email_verifications (user_id, email, token_hash)
    values (p_user_id, p_email, sha256(convert_to(v_token, 'UTF8')));
    return next (p_email, v_token)::api.email_verifications;
end;
$$;

comment on function app.make_email_verification(uuid, text) is
'Issues a token that is valid for 24 hours and verifies p_email for the account of a user. Tokens
that were issued before stay valid.';

create function app.limit_email_verifications(p_user_id uuid, p_email text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_fifth timestamptz;
begin
    -- Concurrent requests are counted one by one: the caller has locked the account, and this lock
    -- is one for the address, which several accounts can name. It is the last of the transaction.
    perform pg_advisory_xact_lock(
        hashtextextended('verification ' || app.normal_email(p_email), 0));
    v_fifth := greatest(
        (select v.requested_at::timestamptz
         from app.email_verifications as v
         where v.user_id = p_user_id
           and v.requested_at > app.clock() - interval '1 hour'
         order by v.requested_at desc offset 4 limit 1),
        (select v.requested_at::timestamptz
         from app.email_verifications as v
         where app.normal_email(v.email) = app.normal_email(p_email)
           and v.requested_at > app.clock() - interval '1 hour'
         order by v.requested_at desc offset 4 limit 1));
    if v_fifth is not null then
        raise exception 'Five messages were sent within an hour: use one of them, or try later'
            using errcode = 'TM802',
            hint = ceil(extract(epoch from v_fifth + interval '1 hour' - app.clock()))::text;
    end if;
end;
$$;

comment on function app.limit_email_verifications(uuid, text) is
'Refuses the sixth token within an hour of a user, and the sixth for an address, whoever requested
the others: so nobody can flood a mailbox, not even with several accounts. Raises TM802; its hint
has the seconds to wait.';
reset role;

commit;
