-- Verify telemed:operations/verify_audit on pg

begin;

select 'ops.verify_audit(jsonb, date)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_auditor', 'ops.verify_audit(jsonb, date)', 'execute')::integer;

rollback;
