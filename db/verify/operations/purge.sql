-- Verify telemed:operations/purge on pg

begin;

select 'ops.purge(interval, integer)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.purge(interval, integer)', 'execute')::integer;

rollback;
