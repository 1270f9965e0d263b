-- Verify telemed:identity/onboard_doctor on pg

begin;

select 'api.onboard_doctor'::regproc;
select 1 / has_function_privilege('telemed_api', 'api.onboard_doctor'::regproc, 'execute')::integer;
select 1 / has_function_privilege('telemed_dba', 'api.onboard_doctor'::regproc, 'execute')::integer;

rollback;
