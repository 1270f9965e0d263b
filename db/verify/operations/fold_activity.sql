-- Verify telemed:operations/fold_activity on pg

begin;

select 'ops.fold_activity(bigint)'::regprocedure;
select 'ops.rebuild_activity()'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.fold_activity(bigint)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.rebuild_activity()', 'execute')::integer;

rollback;
