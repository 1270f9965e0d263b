-- Verify telemed:identity/recovery_codes on pg

begin;

select id, user_id, code_hash, issued_at, spent_at
from app.recovery_codes where false;
select 'app.recovery_codes_are_spent_once()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'recovery_codes_are_audited' and tgrelid = 'app.recovery_codes'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'recovery_codes_are_never_deleted' and tgrelid = 'app.recovery_codes'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'recovery_codes_are_never_truncated' and tgrelid = 'app.recovery_codes'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'recovery_codes_are_spent_once' and tgrelid = 'app.recovery_codes'::regclass;
select 'app.second_factors_take_along_what_rests_on_them()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'second_factors_take_along_what_rests_on_them' and tgrelid = 'app.users'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.recovery_codes'::regclass;

rollback;
