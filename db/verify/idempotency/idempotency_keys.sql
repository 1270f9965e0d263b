-- Verify telemed:idempotency/idempotency_keys on pg

begin;

select user_id, operation, key, fingerprint, fingerprint_version, resource_id, response, refusal_code, refusal_message, created_at
from app.idempotency_keys where false;
select 'app.idempotency_keys_by_time'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'idempotency_keys_are_append_only' and tgrelid = 'app.idempotency_keys'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'idempotency_keys_are_never_truncated' and tgrelid = 'app.idempotency_keys'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.idempotency_keys'::regclass;

rollback;
