-- Verify telemed:operations/attendance on pg

begin;

select null::ops.attendances;
select 'ops.attendance(timestamptz, timestamptz)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.attendance(timestamptz, timestamptz)', 'execute')::integer;

rollback;
