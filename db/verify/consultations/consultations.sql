-- Verify telemed:consultations/consultations on pg

begin;

select from_status, to_status
from app.consultation_transitions where false;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'consultation_transitions_are_audited' and tgrelid = 'app.consultation_transitions'::regclass;
select 1 / count(*) from pg_catalog.pg_trigger
where tgname = 'consultation_transitions_are_never_truncated' and tgrelid = 'app.consultation_transitions'::regclass;
select id, slot_id, doctor_id, patient_id, patient_role, starts_at, ends_at, status, reason, notes, cancellation_reason, fee_minor, currency, created_at, updated_at, completion_digest, calendar_sequence
from app.consultations where false;
select 'app.consultations_one_per_slot'::regclass;
select 'app.consultations_by_patient'::regclass;
select 'app.consultations_by_doctor'::regclass;
select 'app.consultations_by_time'::regclass;
select * from api.consultations where false;
select 1 / (relrowsecurity and relforcerowsecurity)::integer from pg_catalog.pg_class where oid = 'app.consultations'::regclass;

rollback;
