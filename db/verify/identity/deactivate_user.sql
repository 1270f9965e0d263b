-- Verify telemed:identity/deactivate_user on pg

begin;

select null::api.deactivations;
select 'api.deactivate_user(uuid, boolean, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.deactivate_user(uuid, boolean, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.deactivate_user(uuid, boolean, text)', 'execute')::integer;

rollback;
