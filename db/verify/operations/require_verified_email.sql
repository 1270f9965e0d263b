-- Verify telemed:operations/require_verified_email on pg

begin;

select 1 / has_function_privilege(
    'telemed_dba', 'ops.require_verified_email'::regproc, 'execute')::integer;

rollback;
