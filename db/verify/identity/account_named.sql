-- Verify telemed:identity/account_named on pg

begin;

select 'app.account_named(text)'::regprocedure;

rollback;
