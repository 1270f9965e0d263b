-- Verify telemed:identity/sessions on pg

begin;

select id, user_id, created_at, expires_at, revoked_at, second_factor_at, wrong_codes
from app.sessions where false;
select 'app.sessions_by_user'::regclass;
select token_hash, session_id, issued_at, spent_at
from app.refresh_tokens where false;
select 'app.refresh_tokens_one_unspent_per_session'::regclass;
select 'app.refresh_tokens_by_session'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'sessions_are_audited' and tgrelid = 'app.sessions'::regclass;
select 'app.refresh_tokens_are_spent_once()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'refresh_tokens_are_spent_once' and tgrelid = 'app.refresh_tokens'::regclass;
select null::api.sessions;
select null::api.sessions_in_force;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.sessions'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.refresh_tokens'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'sessions_end_with_what_they_rest_on' and tgrelid = 'app.users'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'sessions_stay_revoked' and tgrelid = 'app.sessions'::regclass;
select 'app.sessions_by_end'::regclass;

rollback;
