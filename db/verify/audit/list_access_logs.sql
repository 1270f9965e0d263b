-- Verify telemed:audit/list_access_logs on pg

begin;

select 'api.list_access_logs(text, uuid, uuid, timestamptz, timestamptz, text, integer, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.list_access_logs(text, uuid, uuid, timestamptz, timestamptz, text, integer, text)', 'execute')::integer;

rollback;
