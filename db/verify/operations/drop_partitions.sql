-- Verify telemed:operations/drop_partitions on pg

begin;

select 'app.retire_audit_rows(date)'::regprocedure;
select 'ops.drop_partitions(text, interval)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.drop_partitions(text, interval)', 'execute')::integer;

rollback;
