-- Verify telemed:identity/account_of_email on pg

begin;

select 'app.account_of_email(text)'::regprocedure;

rollback;
