-- Revert telemed:payments/refundable_minor from pg

begin;

drop function app.refundable_minor(uuid);

commit;
