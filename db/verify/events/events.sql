-- Verify telemed:events/events on pg

begin;

select
    id, occurred_at, transaction_id, type, consultation_id, sequence_number, predecessor_id,
    slot_id, doctor_id, patient_id, user_id, data, actor_id, actor_role, database_login,
    request_id, cause
from app.events where false;
select 'app.event_type'::regtype;
select 'app.event_number'::regtype;
select 'app.events_in_order'::regclass;
select 'app.events_by_consultation'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'events_are_append_only' and tgrelid = 'app.events'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'events_are_never_truncated' and tgrelid = 'app.events'::regclass;
select 1 / (relrowsecurity and relforcerowsecurity)::integer
from pg_catalog.pg_class where oid = 'app.events'::regclass;
select consultation_id, sequence_number, event_id, predecessor_id, transaction_id
from app.latest_events where false;
select 1 / (relrowsecurity and relforcerowsecurity)::integer
from pg_catalog.pg_class where oid = 'app.latest_events'::regclass;
select * from api.events where false;
select 'ops.events'::regclass;

rollback;
