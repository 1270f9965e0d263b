-- Verify telemed:operations/create_admin on pg

begin;

select 'ops.create_admin(text, text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.create_admin(text, text, text)', 'execute')::integer;

rollback;
