-- Verify telemed:webhooks/redeliver_webhook on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.redeliver_webhook'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.redeliver_webhook'::regproc, 'execute')::integer;

rollback;
