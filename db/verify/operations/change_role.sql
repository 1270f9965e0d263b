-- Verify telemed:operations/change_role on pg

begin;

select 'ops.change_role(text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.change_role(text, text)', 'execute')::integer;

rollback;
