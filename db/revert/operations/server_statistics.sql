-- Revert telemed:operations/server_statistics from pg

begin;

drop function ops.slowest_statements(integer);
drop type ops.statements;
drop view ops.role_overview, ops.missing_indexes, ops.index_usage, ops.table_sizes, ops.blocked_sessions;

commit;
