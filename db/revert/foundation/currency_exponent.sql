-- Revert telemed:foundation/currency_exponent from pg

begin;

drop function app.currency_exponent(text);

commit;
