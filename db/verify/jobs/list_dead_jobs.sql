-- Verify telemed:jobs/list_dead_jobs on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.list_dead_jobs'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_dead_jobs'::regproc, 'execute')::integer;

rollback;
