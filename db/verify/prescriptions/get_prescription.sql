-- Verify telemed:prescriptions/get_prescription on pg

begin;

select 'api.get_prescription(uuid)'::regprocedure;
select 1 / has_function_privilege('telemed_api', 'api.get_prescription(uuid)', 'execute')::integer;
select 1 / has_function_privilege('telemed_dba', 'api.get_prescription(uuid)', 'execute')::integer;

rollback;
