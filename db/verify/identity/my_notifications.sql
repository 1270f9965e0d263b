-- Verify telemed:identity/my_notifications on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.my_notifications'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.my_notifications'::regproc, 'execute')::integer;

rollback;
