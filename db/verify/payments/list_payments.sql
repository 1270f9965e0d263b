-- Verify telemed:payments/list_payments on pg

begin;

select 'api.list_payments(uuid, text, integer, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.list_payments(uuid, text, integer, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.list_payments(uuid, text, integer, text)', 'execute')::integer;

rollback;
