-- Revert telemed:identity/get_doctor from pg

begin;

drop function api.get_doctor(uuid);

commit;
