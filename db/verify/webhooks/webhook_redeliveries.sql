-- Verify telemed:webhooks/webhook_redeliveries on pg

begin;

select id, endpoint_id, event_id, starts_at, ends_at, deliveries, created_at
from app.webhook_redeliveries where false;
select 'app.webhook_redeliveries_by_endpoint'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'webhook_redeliveries_are_append_only' and tgrelid = 'app.webhook_redeliveries'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'webhook_redeliveries_are_never_truncated' and tgrelid = 'app.webhook_redeliveries'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'webhook_redeliveries_are_audited' and tgrelid = 'app.webhook_redeliveries'::regclass;
select * from api.webhook_redeliveries where false;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.webhook_redeliveries'::regclass;

rollback;
