-- Verify telemed:identity/email_verifications on pg

begin;

select id, user_id, email, token_hash, requested_at, expires_at, used_at, revoked_at
from app.email_verifications where false;
select 'app.email_verifications_by_user'::regclass;
select 'app.email_verifications_by_email'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.email_verifications'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'email_verifications_are_audited' and tgrelid = 'app.email_verifications'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'email_verifications_are_used_once' and tgrelid = 'app.email_verifications'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'email_verifications_are_kept_for_30_days' and tgrelid = 'app.email_verifications'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'email_verifications_are_never_truncated' and tgrelid = 'app.email_verifications'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'email_verifications_end_with_what_they_rest_on' and tgrelid = 'app.users'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'users_verify_their_address_by_a_token' and tgrelid = 'app.users'::regclass;
select null::api.email_verifications;
select 'app.make_email_verification(uuid, text)'::regprocedure;
select 'app.limit_email_verifications(uuid, text)'::regprocedure;

rollback;
