-- Verify telemed:payments/get_payment on pg

begin;

select 'api.get_payment(uuid)'::regprocedure;
select 1 / has_function_privilege('telemed_api', 'api.get_payment(uuid)', 'execute')::integer;
select 1 / has_function_privilege('telemed_dba', 'api.get_payment(uuid)', 'execute')::integer;

rollback;
