-- Verify telemed:consultations/patient_holds_slot on pg

begin;

select 'app.patient_holds_slot(uuid, uuid, uuid)'::regprocedure;

rollback;
