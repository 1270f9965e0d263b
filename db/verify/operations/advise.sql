-- Verify telemed:operations/advise on pg

begin;

select 'ops.advise()'::regprocedure;
select 1 / has_function_privilege('telemed_dba', 'ops.advise()', 'execute')::integer;

rollback;
