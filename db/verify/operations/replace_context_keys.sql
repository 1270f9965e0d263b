-- Verify telemed:operations/replace_context_keys on pg

begin;

select 1 / has_function_privilege(
    'telemed_dba', 'ops.replace_context_keys'::regproc, 'execute')::integer;

rollback;
