-- Revert telemed:payments/refund_payment from pg

begin;

drop function api.refund_payment(uuid, bigint, text, text);

commit;
