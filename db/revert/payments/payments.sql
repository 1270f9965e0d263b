-- Revert telemed:payments/payments from pg

begin;

select app.refuse_to_lose_rows('payments');

drop view api.payments;
drop table app.payments;

commit;
