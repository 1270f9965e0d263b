-- Revert telemed:consultations/consultations from pg

begin;

select app.refuse_to_lose_rows('consultations');

drop policy profiles_are_seen_by_their_user_their_doctors_and_admins on app.profiles;
drop function app.doctor_has_patient(uuid, uuid);
drop view api.consultations;
drop table app.consultations;
drop table app.consultation_transitions;

commit;
