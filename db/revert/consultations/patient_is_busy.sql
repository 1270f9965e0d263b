-- Revert telemed:consultations/patient_is_busy from pg

begin;

drop function app.patient_is_busy(uuid, timestamptz, timestamptz, uuid);

commit;
