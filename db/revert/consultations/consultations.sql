-- Revert telemed:consultations/consultations from pg

begin;

drop view api.consultations;
drop table app.consultations;
drop table app.consultation_transitions;

commit;
