-- Verify telemed:operations/act_as on pg

begin;

select 'ops.act_as(text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.act_as(text)', 'execute')::integer;

rollback;
