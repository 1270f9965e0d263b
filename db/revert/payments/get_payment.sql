-- Revert telemed:payments/get_payment from pg

begin;

drop function api.get_payment(uuid);

commit;
