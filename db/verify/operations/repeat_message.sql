-- Verify telemed:operations/repeat_message on pg

begin;

select 1 / has_function_privilege(
    'telemed_dba', 'ops.repeat_message(uuid)', 'execute')::integer;

rollback;
