-- Revert telemed:consultations/consultations_hold_their_slot from pg

begin;

drop trigger consultations_hold_their_slot on app.consultations;
drop function app.consultations_hold_their_slot();
drop trigger consultations_have_the_doctor_and_time_of_their_slot on app.consultations;
drop function app.consultations_have_the_doctor_and_time_of_their_slot();

commit;
