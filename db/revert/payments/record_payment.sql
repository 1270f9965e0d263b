-- Revert telemed:payments/record_payment from pg

begin;

drop function api.record_payment(uuid, bigint, text, text, text, text, text);

commit;
