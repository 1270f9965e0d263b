-- Verify telemed:scheduling/get_slot on pg

begin;

select 'api.get_slot(uuid)'::regprocedure;
select 1 / has_function_privilege('telemed_api', 'api.get_slot(uuid)', 'execute')::integer;
select 1 / has_function_privilege('telemed_dba', 'api.get_slot(uuid)', 'execute')::integer;

rollback;
