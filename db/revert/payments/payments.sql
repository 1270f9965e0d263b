-- Revert telemed:payments/payments from pg

begin;

drop view api.payments;
drop table app.payments;

commit;
