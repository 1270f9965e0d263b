-- Verify telemed:identity/password_resets on pg

begin;

select id, user_id, token_hash, requested_from, requested_at, expires_at, used_at, revoked_at
from app.password_resets where false;
select 'app.password_resets_by_user'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.password_resets'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'password_resets_are_audited' and tgrelid = 'app.password_resets'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'password_resets_are_used_once' and tgrelid = 'app.password_resets'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'password_resets_are_kept_for_30_days' and tgrelid = 'app.password_resets'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'password_resets_are_never_truncated' and tgrelid = 'app.password_resets'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'password_resets_end_with_what_they_rest_on' and tgrelid = 'app.users'::regclass;
select null::api.password_resets;

rollback;
