-- Verify telemed:identity/deactivate_user on pg

begin;

select 'api.deactivate_user(uuid)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.deactivate_user(uuid)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.deactivate_user(uuid)', 'execute')::integer;

rollback;
