-- Verify telemed:identity/update_doctor on pg

begin;

select 'api.update_doctor'::regproc;
select 1 / has_function_privilege('telemed_api', 'api.update_doctor'::regproc, 'execute')::integer;
select 1 / has_function_privilege('telemed_dba', 'api.update_doctor'::regproc, 'execute')::integer;

rollback;
