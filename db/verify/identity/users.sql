-- Verify telemed:identity/users on pg

begin;

select id, email, password_hash, role, mfa_secret, mfa_confirmed_at, mfa_last_step, email_verified_at, deactivated_at, created_at
from app.users where false;
select 'app.users_email_is_unique_regardless_of_case'::regclass;
select 'app.users_by_time'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'users_are_audited' and tgrelid = 'app.users'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'users_are_never_deleted' and tgrelid = 'app.users'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'users_are_never_truncated' and tgrelid = 'app.users'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.users'::regclass;

rollback;
