-- Verify telemed:identity/doctors on pg

begin;

select
    user_id, role, full_name, specialty, time_zone, fee_minor, currency, currency_exponent,
    deactivated_at,
    specialty_code, languages, biography, practising_since, photo_url, search_text
from app.doctors where false;
select 'app.doctors_by_specialty'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'doctors_are_audited' and tgrelid = 'app.doctors'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'doctors_stay_with_their_user' and tgrelid = 'app.doctors'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'doctors_are_never_deleted' and tgrelid = 'app.doctors'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'doctors_are_never_truncated' and tgrelid = 'app.doctors'::regclass;
select 'app.doctor_search_text(text, text, text[])'::regprocedure;
select 'app.users_are_complete()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'users_are_complete' and tgrelid = 'app.users'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'doctors_are_deactivated_with_their_account' and tgrelid = 'app.users'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'doctors_have_the_name_of_their_profile' and tgrelid = 'app.doctors'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'profiles_name_their_doctor' and tgrelid = 'app.profiles'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'doctors_have_a_listed_specialty' and tgrelid = 'app.doctors'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'doctors_keep_their_search_text' and tgrelid = 'app.doctors'::regclass;
select * from api.doctors where false;

rollback;
