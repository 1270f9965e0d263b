-- Deploy telemed:identity/users to pg

begin;

create table app.users (
    id uuid primary key default app.uuid_v7(),
    email app.email not null,
    password_hash app.bcrypt_hash not null,
    role text not null,
    mfa_secret bytea,
    mfa_confirmed_at app.instant,
    mfa_last_step bigint,
    email_verified_at app.instant,
    deactivated_at app.instant,
    created_at app.instant not null default app.clock(),
    constraint users_role_is_known check (role in ('admin', 'doctor', 'patient')),
    constraint users_mfa_secret_is_at_most_1024_bytes check (octet_length(mfa_secret) <= 1024),
    constraint users_confirm_only_a_secret_they_have
    check (mfa_confirmed_at is null or mfa_secret is not null),
    -- Lets app.doctors refer to a user whose role is doctor.
    constraint users_id_and_role_go_together unique (id, role)
);

comment on table app.users is 'Accounts: one row for everybody who can log in.';
comment on column app.users.password_hash is
'bcrypt over the base64 text of the SHA-384 digest of the password, so that every byte counts.';
comment on column app.users.mfa_secret is 'The encrypted TOTP secret (RFC 6238).';
comment on column app.users.mfa_last_step is
'The last TOTP time step that was accepted: a code works once (RFC 6238, section 5.2).';
comment on column app.users.email_verified_at is
'When the owner of the address used a token that was sent to it; null if nobody has. See
app.email_verifications.';
comment on column app.users.deactivated_at is
'Since when the account is deactivated; null for an active account.';

create unique index users_email_is_unique_regardless_of_case on app.users (app.normal_email(email));
create index users_by_time on app.users (created_at);
create index users_by_role on app.users (role, id);

create trigger users_are_audited
after insert or update or delete on app.users
for each row execute function app.record_change('id', 'password_hash', 'mfa_secret');

create trigger users_are_never_deleted
before delete on app.users
for each row execute function app.rows_are_append_only();

create trigger users_are_never_truncated
before truncate on app.users
for each statement execute function app.rows_are_append_only();

alter table app.users enable row level security;
alter table app.users force row level security;
create policy users_are_all_there_for_internal_functions
on app.users to telemed_internal using (true);

create policy users_are_seen_by_themselves_and_admins
on app.users to telemed_owner
using (
    id = (select nullif(current_setting('app.verified_user_id', true), '')::uuid)
    or (select current_setting('app.verified_role', true)) = 'admin');

commit;
