-- Verify telemed:webhooks/rotate_webhook_secret on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.rotate_webhook_secret'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.rotate_webhook_secret'::regproc, 'execute')::integer;

rollback;
