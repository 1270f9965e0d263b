-- Verify telemed:payments/refund_payment on pg

begin;

select 'api.refund_payment(uuid, bigint, text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.refund_payment(uuid, bigint, text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.refund_payment(uuid, bigint, text, text)', 'execute')::integer;

rollback;
