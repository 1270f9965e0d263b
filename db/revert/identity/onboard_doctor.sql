-- Revert telemed:identity/onboard_doctor from pg

begin;

drop function api.onboard_doctor;

commit;
