-- Verify telemed:webhooks/update_webhook on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.update_webhook'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.update_webhook'::regproc, 'execute')::integer;

rollback;
