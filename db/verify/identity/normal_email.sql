-- Verify telemed:identity/normal_email on pg

begin;

select 'app.normal_email(text)'::regprocedure;

rollback;
