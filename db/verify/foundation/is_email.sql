-- Verify telemed:foundation/is_email on pg

begin;

select 'app.is_email(text)'::regprocedure;

rollback;
