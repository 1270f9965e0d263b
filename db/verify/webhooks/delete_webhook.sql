-- Verify telemed:webhooks/delete_webhook on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.delete_webhook'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.delete_webhook'::regproc, 'execute')::integer;

rollback;
