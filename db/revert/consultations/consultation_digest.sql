-- Revert telemed:consultations/consultation_digest from pg

begin;

drop function app.consultation_digest(app.consultations);

commit;
