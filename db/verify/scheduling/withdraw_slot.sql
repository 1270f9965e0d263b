-- Verify telemed:scheduling/withdraw_slot on pg

begin;

select 'api.withdraw_slot(uuid)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.withdraw_slot(uuid)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.withdraw_slot(uuid)', 'execute')::integer;

rollback;
