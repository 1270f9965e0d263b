-- Deploy telemed:identity/profiles to pg

begin;

create table app.profiles (
    user_id uuid primary key references app.users,
    full_name app.line not null,
    phone app.line,
    date_of_birth date,
    language text,
    time_zone app.line,
    constraint profiles_phone_looks_like_a_number
    check (phone ~ '^\+?[0-9][0-9 ().-]{4,30}$'),
    constraint profiles_date_of_birth_is_a_date_of_birth
    check (date_of_birth between '1870-01-01' and '2200-01-01'),
    constraint profiles_language_is_a_language_tag
    check (language ~ '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$'),
    -- For a null the search of the time zones would take time at every sign-up.
    constraint profiles_time_zone_is_iana
    check (time_zone is null or app.is_iana_time_zone(time_zone))
);

comment on table app.profiles is 'What users say about themselves; one row for each user.';
comment on column app.profiles.language is
'The preferred language: language, script and region of BCP 47 (RFC 5646), such as en or pt-BR.';
comment on column app.profiles.time_zone is
'The preferred IANA time zone of messages. Times of the API are instants.';

create trigger profiles_are_audited
after insert or update or delete on app.profiles
for each row execute function app.record_change('user_id');

create trigger profiles_stay_with_their_user
before update of user_id on app.profiles
for each row execute function app.rows_are_append_only();

create trigger profiles_are_never_deleted
before delete on app.profiles
for each row execute function app.rows_are_append_only();

create trigger profiles_are_never_truncated
before truncate on app.profiles
for each statement execute function app.rows_are_append_only();

alter table app.profiles enable row level security;
alter table app.profiles force row level security;
create policy profiles_are_all_there_for_internal_functions
on app.profiles to telemed_internal using (true);

create policy profiles_are_changed_by_their_user
on app.profiles for update to telemed_owner
using (
    user_id = (select nullif(current_setting('app.verified_user_id', true), '')::uuid));

create view api.users as
select
    u.id,
    u.email::text as email,
    u.role,
    p.full_name::text as full_name,
    p.phone::text as phone,
    p.date_of_birth,
    u.created_at::timestamptz as created_at,
    u.email_verified_at::timestamptz as email_verified_at,
    p.language,
    p.time_zone::text as time_zone,
    u.mfa_confirmed_at::timestamptz as mfa_confirmed_at
from app.users as u
inner join app.profiles as p on p.user_id = u.id;

comment on view api.users is
'A user with their profile, without any secret. mfa_confirmed_at: since when the account has a
second factor; null without one.';

create view api.accounts as
select
    v.*,
    u.deactivated_at::timestamptz as deactivated_at
from api.users as v
inner join app.users as u on u.id = v.id;

comment on view api.accounts is
'A user as admins see one. deactivated_at: since when the account is deactivated; null for an active
account.';

commit;
