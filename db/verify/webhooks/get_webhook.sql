-- Verify telemed:webhooks/get_webhook on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.get_webhook'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.get_webhook'::regproc, 'execute')::integer;

rollback;
