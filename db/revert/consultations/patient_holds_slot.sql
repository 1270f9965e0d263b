-- Revert telemed:consultations/patient_holds_slot from pg

begin;

drop function app.patient_holds_slot(uuid, uuid, uuid);

commit;
