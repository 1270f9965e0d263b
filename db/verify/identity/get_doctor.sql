-- Verify telemed:identity/get_doctor on pg

begin;

select 'api.get_doctor(uuid)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.get_doctor(uuid)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.get_doctor(uuid)', 'execute')::integer;

rollback;
