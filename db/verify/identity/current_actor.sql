-- Verify telemed:identity/current_actor on pg

begin;

select null::app.actor;
select 'app.current_actor()'::regprocedure;

rollback;
