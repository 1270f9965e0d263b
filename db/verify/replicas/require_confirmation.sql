-- Verify telemed:replicas/require_confirmation on pg

begin;

select 'api.require_confirmation()'::regprocedure;

rollback;
