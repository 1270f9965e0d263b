-- Verify telemed:replicas/has_replayed on pg

begin;

select 'api.has_replayed(text, integer)'::regprocedure;

rollback;
