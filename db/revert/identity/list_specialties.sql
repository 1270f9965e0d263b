-- Revert telemed:identity/list_specialties from pg

begin;

drop function api.list_specialties(integer, text);
drop view api.specialties;

commit;
