-- Deploy telemed:identity/doctors to pg

begin;

create table app.doctors (
    user_id uuid primary key,
    role text not null default 'doctor',
    full_name app.line not null,
    specialty app.line not null,
    time_zone app.line not null,
    fee_minor app.amount_minor not null,
    currency app.currency not null,
    currency_exponent smallint not null
    generated always as (app.currency_exponent(currency)) stored,
    deactivated_at app.instant,
    specialty_code app.code not null references app.specialties,
    languages app.language[] not null default '{}',
    biography app.prose,
    practising_since smallint,
    photo_url app.https_url,
    search_text text not null,
    constraint doctors_are_users_with_the_role_doctor
    foreign key (user_id, role) references app.users (id, role),
    constraint doctors_role_is_doctor check (role = 'doctor'),
    constraint doctors_time_zone_is_iana check (app.is_iana_time_zone(time_zone)),
    constraint doctors_have_at_most_20_different_languages
    check (cardinality(languages) <= 20 and app.are_different(languages::text[])),
    constraint doctors_practise_since_a_year_from_1900_to_the_present
    check (practising_since between 1900 and date_part('year', app.clock())),
    constraint doctors_search_text_has_at_most_2000_characters
    check (char_length(search_text) <= 2000)
);

comment on table app.doctors is 'What a doctor offers; one row for each user with the role doctor.';
comment on column app.doctors.time_zone is 'The IANA time zone of the local times of weekly slots.';
comment on column app.doctors.fee_minor is
'Fee of one consultation in minor units of currency; copied to a consultation when it is booked.';
comment on column app.doctors.currency_exponent is
'The decimals of the currency: stored, so that lists of slots need no function call for each row.';

comment on column app.doctors.full_name is
'Copy of the name in app.profiles, for everybody to read: triggers keep it up to date.';
comment on column app.doctors.deactivated_at is
'Copy of app.users.deactivated_at: a trigger keeps it up to date.';

comment on column app.doctors.specialty is 'The specialty in the words of the doctor.';
comment on column app.doctors.specialty_code is
'The specialty in the list app.specialties. A trigger sets it.';
comment on column app.doctors.languages is
'Languages of consultations, as ISO 639-1 codes, in the order that the doctor prefers.';
comment on column app.doctors.practising_since is 'The first year of practice.';
comment on column app.doctors.photo_url is 'The address of a picture. It is never fetched.';
comment on column app.doctors.search_text is
'See app.doctor_search_text. A trigger sets it.';

create index doctors_by_specialty on app.doctors (specialty_code, user_id);

create trigger doctors_are_audited
after insert or update or delete on app.doctors
for each row execute function app.record_change('user_id');

create trigger doctors_stay_with_their_user
before update of user_id on app.doctors
for each row execute function app.rows_are_append_only();

create trigger doctors_are_never_deleted
before delete on app.doctors
for each row execute function app.rows_are_append_only();

create trigger doctors_are_never_truncated
before truncate on app.doctors
for each statement execute function app.rows_are_append_only();

-- Security definer, because before PostgreSQL 18 a deferred trigger runs as the role that commits,
-- and telemed_api may read no table.
set local role telemed_internal;
create function app.users_are_complete()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (select from app.profiles as p where p.user_id = new.id) then
        raise exception 'A user must have a profile' using errcode = 'TM209';
    end if;
    if new.role = 'doctor' and not exists (
        select from app.doctors as d where d.user_id = new.id
    ) then
        raise exception 'A user with the role doctor must have a row in app.doctors'
            using errcode = 'TM209';
    end if;
    return null;
end;
$$;

comment on function app.users_are_complete() is
'Trigger: at commit, every user has a profile and every user with the role doctor a row of
app.doctors. Raises TM209.';
reset role;

create constraint trigger users_are_complete
after insert or update of role on app.users
deferrable initially deferred
for each row execute function app.users_are_complete();

set local role telemed_internal;
create function app.doctors_have_the_name_of_their_profile()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    select p.full_name into new.full_name from app.profiles as p where p.user_id = new.user_id;
    if not found then
        raise exception 'A doctor must have a profile' using errcode = 'TM209';
    end if;
    return new;
end;
$$;

comment on function app.doctors_have_the_name_of_their_profile() is
'Trigger: a doctor has the name of their profile, whatever was written. Raises TM209.';
reset role;

create trigger doctors_have_the_name_of_their_profile
before insert or update of full_name on app.doctors
for each row execute function app.doctors_have_the_name_of_their_profile();

create function app.doctors_have_a_listed_specialty()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    new.specialty_code := app.specialty_code(new.specialty);
    -- A null specialty is refused by the constraint of its column.
    if new.specialty is not null then
        -- Of two transactions with the same new specialty, one waits for the other here.
        insert into app.specialties (code, name) values (new.specialty_code, new.specialty)
        on conflict (code) do nothing;
    end if;
    return new;
end;
$$;

comment on function app.doctors_have_a_listed_specialty() is
'Trigger: a doctor has the code of their specialty, whatever was written, and a specialty that is
not listed yet joins the list.';

create trigger doctors_have_a_listed_specialty
before insert or update of specialty, specialty_code on app.doctors
for each row execute function app.doctors_have_a_listed_specialty();

create function app.doctor_search_text(p_full_name text, p_specialty text, p_languages text[])
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return left(
        app.folded_text(concat_ws(
            ' ', p_full_name, p_specialty,
            (select string_agg(app.language_name(l.code), ' ' order by l.place)
             from unnest(p_languages) with ordinality as l (code, place)))),
        2000);
end;
$$;

comment on function app.doctor_search_text(text, text, text[]) is
'What a search for doctors reads: the name, the specialty and the English names of the languages, by
app.folded_text. At most 2000 characters.';

create function app.doctors_keep_their_search_text()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    new.search_text := app.doctor_search_text(
        new.full_name, new.specialty, new.languages::text[]);
    return new;
end;
$$;

comment on function app.doctors_keep_their_search_text() is
'Trigger: a doctor is found by name, specialty and languages as they are now.';

-- Triggers fire in the order of their names: this one after doctors_have_the_name_of_their_profile.
create trigger doctors_keep_their_search_text
before insert or update on app.doctors
for each row execute function app.doctors_keep_their_search_text();

create function app.profiles_name_their_doctor()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    update app.doctors set full_name = new.full_name where user_id = new.user_id;
    return null;
end;
$$;

comment on function app.profiles_name_their_doctor() is
'Trigger: a new name in the profile of a doctor becomes the name of the doctor.';

create trigger profiles_name_their_doctor
after update of full_name on app.profiles
for each row
when (old.full_name is distinct from new.full_name)
execute function app.profiles_name_their_doctor();

create function app.doctors_are_deactivated_with_their_account()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    update app.doctors set deactivated_at = new.deactivated_at where user_id = new.id;
    return null;
end;
$$;

comment on function app.doctors_are_deactivated_with_their_account() is
'Trigger: a doctor is deactivated and activated with the account.';

create trigger doctors_are_deactivated_with_their_account
after update of deactivated_at on app.users
for each row
when (old.deactivated_at is distinct from new.deactivated_at and new.role = 'doctor')
execute function app.doctors_are_deactivated_with_their_account();

create view api.doctors as
select
    d.user_id as id,
    d.full_name::text as full_name,
    d.specialty::text as specialty,
    d.time_zone::text as time_zone,
    d.fee_minor::bigint as fee_minor,
    d.currency::text as currency,
    d.currency_exponent,
    d.deactivated_at is null as is_active,
    d.specialty_code::text as specialty_code,
    d.languages::text[] as languages,
    d.biography::text as biography,
    d.practising_since::integer as practising_since,
    d.photo_url::text as photo_url
from app.doctors as d;

comment on view api.doctors is
'A doctor as patients see one. is_active: false if the account of the doctor is deactivated.
specialty: in the words of the doctor; specialty_code: the same in the list of specialties.
languages: ISO 639-1 codes. practising_since: a year.';

commit;
