-- Verify telemed:prescriptions/list_prescriptions on pg

begin;

select 'api.list_prescriptions(uuid, text, integer, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.list_prescriptions(uuid, text, integer, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_prescriptions(uuid, text, integer, text)', 'execute')::integer;

rollback;
