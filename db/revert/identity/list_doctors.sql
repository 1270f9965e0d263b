-- Revert telemed:identity/list_doctors from pg

begin;

drop function api.list_doctors;
drop view api.listed_doctors;

commit;
