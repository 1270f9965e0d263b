-- Verify telemed:identity/activate_user on pg

begin;

select 'api.activate_user(uuid)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.activate_user(uuid)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.activate_user(uuid)', 'execute')::integer;

rollback;
