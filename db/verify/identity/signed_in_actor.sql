-- Verify telemed:identity/signed_in_actor on pg

begin;

select null::app.actor;
select 'app.signed_in_actor()'::regprocedure;

rollback;
