-- Verify telemed:messages/hold_message on pg

begin;

select 1 / has_function_privilege(
    'telemed_worker', 'work.hold_message(uuid, integer)', 'execute')::integer;

rollback;
