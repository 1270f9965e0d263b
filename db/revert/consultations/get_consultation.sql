-- Revert telemed:consultations/get_consultation from pg

begin;

drop function api.get_consultation(uuid);

commit;
