-- Verify telemed:identity/list_specialties on pg

begin;

select code, name, active_doctors from api.specialties where false;
select 1 / has_function_privilege(
    'telemed_api', 'api.list_specialties'::regproc, 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_specialties'::regproc, 'execute')::integer;

rollback;
