-- Verify telemed:replicas/read_position on pg

begin;

select 'api.read_position()'::regprocedure;

rollback;
