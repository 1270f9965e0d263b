-- Revert telemed:consultations/consultations_hold_their_slot from pg

begin;

drop trigger consultations_hold_their_slot on app.consultations;
drop function app.consultations_hold_their_slot();

commit;
