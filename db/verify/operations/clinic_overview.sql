-- Verify telemed:operations/clinic_overview on pg

begin;

select 'ops.clinic_overview()'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.clinic_overview()', 'execute')::integer;

rollback;
