-- Verify telemed:replicas/confirm_answer on pg

begin;

select 'api.confirm_answer()'::regprocedure;

rollback;
