-- Verify telemed:prescriptions/prescriptions on pg

begin;

select id, consultation_id, notes, issued_at
from app.prescriptions where false;
select 'app.prescriptions_by_consultation'::regclass;
select 'app.prescriptions_by_time'::regclass;
select prescription_id, position, drug, dosage, instructions, duration_days
from app.prescription_items where false;
select 'app.prescriptions_follow_a_completed_consultation()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'prescriptions_follow_a_completed_consultation' and tgrelid = 'app.prescriptions'::regclass;
select 'app.prescription_items_are_issued_at_once()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'prescription_items_are_issued_at_once' and tgrelid = 'app.prescription_items'::regclass;
select 'app.prescriptions_have_items()'::regprocedure;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'prescriptions_have_items' and tgrelid = 'app.prescriptions'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'prescriptions_are_append_only' and tgrelid = 'app.prescriptions'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'prescriptions_are_never_truncated' and tgrelid = 'app.prescriptions'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'prescriptions_are_audited' and tgrelid = 'app.prescriptions'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'prescription_items_are_append_only' and tgrelid = 'app.prescription_items'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'prescription_items_are_never_truncated' and tgrelid = 'app.prescription_items'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'prescription_items_are_audited' and tgrelid = 'app.prescription_items'::regclass;
select null::api.prescription_item;
select * from api.prescriptions where false;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.prescriptions'::regclass;

rollback;
