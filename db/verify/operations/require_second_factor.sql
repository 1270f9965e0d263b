-- Verify telemed:operations/require_second_factor on pg

begin;

select 'ops.require_second_factor(text[])'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.require_second_factor(text[])', 'execute')::integer;

rollback;
