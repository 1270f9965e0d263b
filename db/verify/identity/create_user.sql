-- Verify telemed:identity/create_user on pg

begin;

select 'app.create_user(uuid, text, text, text, text)'::regprocedure;

rollback;
