-- Verify telemed:identity/set_actor on pg

begin;

select 'app.set_actor(uuid, text)'::regprocedure;

rollback;
