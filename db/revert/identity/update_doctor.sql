-- Revert telemed:identity/update_doctor from pg

begin;

drop function api.update_doctor;

commit;
