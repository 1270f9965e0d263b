-- Verify telemed:webhooks/resume_deliveries on pg

begin;

select 1 / has_function_privilege(
    'telemed_worker', 'work.resume_deliveries'::regproc, 'execute')::integer;

rollback;
