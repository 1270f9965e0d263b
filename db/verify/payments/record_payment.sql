-- Verify telemed:payments/record_payment on pg

begin;

select 'api.record_payment(uuid, bigint, text, text, text, text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.record_payment(uuid, bigint, text, text, text, text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.record_payment(uuid, bigint, text, text, text, text, text)', 'execute')::integer;

rollback;
