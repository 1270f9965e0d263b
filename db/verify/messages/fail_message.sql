-- Verify telemed:messages/fail_message on pg

begin;

select 1 / has_function_privilege(
    'telemed_worker', 'work.fail_message(uuid, integer, text, boolean)', 'execute')::integer;

rollback;
