-- Verify telemed:webhooks/webhook_endpoints on pg

begin;

select id, url, description, event_types, secret, previous_secret, previous_ends_at, disabled_at, disabled_because, consecutive_failures, first_failed_at, enabled_at, created_at, updated_at, deleted_at
from app.webhook_endpoints where false;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'webhook_endpoints_are_audited' and tgrelid = 'app.webhook_endpoints'::regclass;
select 'app.webhook_endpoints_stay_deleted()'::regprocedure;
select 'app.webhook_wants(text[], text)'::regprocedure, 'app.is_wanted_by_a_webhook(text)'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'webhook_endpoints_stay_deleted' and tgrelid = 'app.webhook_endpoints'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'webhook_endpoints_are_never_deleted' and tgrelid = 'app.webhook_endpoints'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'webhook_endpoints_are_never_truncated' and tgrelid = 'app.webhook_endpoints'::regclass;
select * from api.webhooks where false;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.webhook_endpoints'::regclass;

rollback;
