-- Verify telemed:identity/update_my_notifications on pg

begin;

select 1 / has_function_privilege(
    'telemed_api', 'api.update_my_notifications'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.update_my_notifications'::regproc, 'execute')::integer;

rollback;
