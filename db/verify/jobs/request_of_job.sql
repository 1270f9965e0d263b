-- Verify telemed:jobs/request_of_job on pg

begin;

select 'work.request_of_job(jsonb)'::regprocedure;
select 1 / has_function_privilege('telemed_worker', 'work.request_of_job(jsonb)', 'execute')::integer;

rollback;
