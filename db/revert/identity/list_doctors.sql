-- Revert telemed:identity/list_doctors from pg

begin;

drop function api.list_doctors(text, text, integer, text);

commit;
