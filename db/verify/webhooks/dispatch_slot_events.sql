-- Verify telemed:webhooks/dispatch_slot_events on pg

begin;

select 1 / has_function_privilege(
    'telemed_worker', 'work.dispatch_slot_events'::regproc, 'execute')::integer;

rollback;
