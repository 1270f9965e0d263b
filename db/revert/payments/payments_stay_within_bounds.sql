-- Revert telemed:payments/payments_stay_within_bounds from pg

begin;

drop trigger payments_stay_within_bounds on app.payments;
drop function app.payments_stay_within_bounds();

commit;
