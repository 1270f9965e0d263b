-- Verify telemed:identity/create_user on pg

begin;

select 'app.create_user(text, text, text, text)'::regprocedure;

rollback;
