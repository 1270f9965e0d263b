-- Verify telemed:prescriptions/issue_prescription on pg

begin;

select 'api.issue_prescription(uuid, jsonb, text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.issue_prescription(uuid, jsonb, text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.issue_prescription(uuid, jsonb, text, text)', 'execute')::integer;

rollback;
