-- Verify telemed:webhooks/settle_delivery on pg

begin;

select 1 / has_function_privilege(
    'telemed_worker', 'work.settle_delivery'::regproc, 'execute')::integer;

rollback;
