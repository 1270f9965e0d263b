-- Verify telemed:messages/requeue_messages on pg

begin;

select 1 / has_function_privilege(
    'telemed_worker', 'work.requeue_messages()', 'execute')::integer;

rollback;
