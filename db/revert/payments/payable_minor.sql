-- Revert telemed:payments/payable_minor from pg

begin;

drop function app.payable_minor(uuid);

commit;
