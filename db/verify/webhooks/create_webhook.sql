-- Verify telemed:webhooks/create_webhook on pg

begin;

select * from api.webhooks_with_secret where false;
select 1 / has_function_privilege(
    'telemed_api', 'api.create_webhook'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.create_webhook'::regproc, 'execute')::integer;

rollback;
