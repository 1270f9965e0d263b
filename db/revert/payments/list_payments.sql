-- Revert telemed:payments/list_payments from pg

begin;

drop function api.list_payments(uuid, integer, text);

commit;
