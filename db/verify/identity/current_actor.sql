-- Verify telemed:identity/current_actor on pg

begin;

select 'app.current_actor()'::regprocedure;

rollback;
