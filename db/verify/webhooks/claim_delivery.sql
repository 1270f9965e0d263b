-- Verify telemed:webhooks/claim_delivery on pg

begin;

select 1 / has_function_privilege(
    'telemed_worker', 'work.claim_delivery'::regproc, 'execute')::integer;

rollback;
