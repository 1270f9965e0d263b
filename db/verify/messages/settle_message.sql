-- Verify telemed:messages/settle_message on pg

begin;

select 1 / has_function_privilege(
    'telemed_worker', 'work.settle_message(uuid, integer)', 'execute')::integer;

rollback;
