-- Revert telemed:scheduling/availability_slots from pg

begin;

select app.refuse_to_lose_rows('availability_slots');

drop view api.offered_slots;
drop view api.availability_slots;
drop trigger availability_slots_keep_their_time on app.availability_slots;
drop function app.availability_slots_keep_their_time();
drop trigger doctors_take_their_slots_along on app.doctors;
drop function app.doctors_take_their_slots_along();
drop trigger deactivated_doctors_offer_no_slots on app.users;
drop function app.deactivated_doctors_offer_no_slots();
drop trigger availability_slots_are_offered_by_active_doctors on app.availability_slots;
drop function app.availability_slots_are_offered_by_active_doctors();
drop table app.availability_slots;

commit;
