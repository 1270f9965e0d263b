-- Verify telemed:operations/undelivered_messages on pg

begin;

select null::ops.undelivered_messages;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.undelivered_messages(interval)', 'execute')::integer;

rollback;
