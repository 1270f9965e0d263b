-- Verify telemed:webhooks/webhook_deliveries on pg

begin;

select id, endpoint_id, event_id, event_type, consultation_id, sequence_number, body, status, attempt, tries, first_tried_at, next_attempt_at, lease_ends_at, settled_at, created_at
from app.webhook_deliveries where false;
select 'app.webhook_deliveries_by_consultation'::regclass;
select 'app.webhook_deliveries_unsettled'::regclass;
select 'app.webhook_deliveries_by_next_attempt'::regclass;
select 'app.webhook_deliveries_by_lease'::regclass;
select 'app.webhook_deliveries_by_end'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'webhook_deliveries_keep_what_they_send' and tgrelid = 'app.webhook_deliveries'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'webhook_deliveries_are_never_truncated' and tgrelid = 'app.webhook_deliveries'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.webhook_deliveries'::regclass;
select id, endpoint_id, delivery_id, attempt, attempted_at, duration_ms, status_code, error, answer
from app.webhook_attempts where false;
select 'app.webhook_attempts_by_endpoint'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'webhook_attempts_are_never_changed' and tgrelid = 'app.webhook_attempts'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'webhook_attempts_are_never_truncated' and tgrelid = 'app.webhook_attempts'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.webhook_attempts'::regclass;
select 'app.webhook_message_id(uuid,bigint,uuid)'::regprocedure;
select * from api.webhook_deliveries where false;
select * from api.webhook_attempts where false;

rollback;
