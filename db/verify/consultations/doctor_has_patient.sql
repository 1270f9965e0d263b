-- Verify telemed:consultations/doctor_has_patient on pg

begin;

select 1 / (prosrc ~ 'desc')::integer
from pg_proc where oid = 'app.doctor_has_patient(uuid, uuid)'::regprocedure;

rollback;
