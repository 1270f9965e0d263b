-- Verify telemed:identity/account_with_password on pg

begin;

select 'app.account_with_password(text, text)'::regprocedure;

rollback;
