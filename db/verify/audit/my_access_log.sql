-- Verify telemed:audit/my_access_log on pg

begin;

select null::api.reads_of_me;
select 'app.reads_about(uuid, bigint, integer)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.my_access_log'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.my_access_log'::regproc, 'execute')::integer;

rollback;
