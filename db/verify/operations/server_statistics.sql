-- Verify telemed:operations/server_statistics on pg

begin;

select 'ops.blocked_sessions'::regclass;
select 'ops.table_sizes'::regclass;
select 'ops.index_usage'::regclass;
select 'ops.missing_indexes'::regclass;
select 'ops.role_overview'::regclass;
select 'ops.slowest_statements(integer)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_dba', 'ops.slowest_statements(integer)', 'execute')::integer;

rollback;
