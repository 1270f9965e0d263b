-- Verify telemed:webhooks/ping_webhook on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.ping_webhook'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.ping_webhook'::regproc, 'execute')::integer;

rollback;
