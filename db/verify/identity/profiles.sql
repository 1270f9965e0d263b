-- Verify telemed:identity/profiles on pg

begin;

select user_id, full_name, phone, date_of_birth, language, time_zone
from app.profiles where false;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'profiles_are_audited' and tgrelid = 'app.profiles'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'profiles_stay_with_their_user' and tgrelid = 'app.profiles'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'profiles_are_never_deleted' and tgrelid = 'app.profiles'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'profiles_are_never_truncated' and tgrelid = 'app.profiles'::regclass;
select * from api.users where false;
select * from api.accounts where false;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.profiles'::regclass;

rollback;
