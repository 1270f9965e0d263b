-- Revert telemed:payments/list_payments from pg

begin;

drop function api.list_payments(uuid, text, integer, text);

commit;
