-- Verify telemed:foundation/currency_exponent on pg

begin;

select 'app.currency_exponent(text)'::regprocedure;

rollback;
