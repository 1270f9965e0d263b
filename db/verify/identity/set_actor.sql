-- Verify telemed:identity/set_actor on pg

begin;

select 'app.set_actor(uuid, text, uuid)'::regprocedure;

rollback;
