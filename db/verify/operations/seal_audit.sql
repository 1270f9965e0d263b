-- Verify telemed:operations/seal_audit on pg

begin;

select 'ops.seal_audit(integer, interval)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.seal_audit(integer, interval)', 'execute')::integer;

rollback;
