-- Verify telemed:consultations/patient_is_busy on pg

begin;

select 'app.patient_is_busy(uuid, timestamptz, timestamptz, uuid)'::regprocedure;

rollback;
