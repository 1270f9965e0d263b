-- Verify telemed:webhooks/list_webhooks on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.list_webhooks'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_webhooks'::regproc, 'execute')::integer;

rollback;
