-- Verify telemed:webhooks/list_webhook_attempts on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.list_webhook_attempts'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_webhook_attempts'::regproc, 'execute')::integer;

rollback;
