-- Deploy telemed:operations/server_statistics to pg

begin;

-- PostgreSQL shows other sessions in full only to members of pg_monitor, also through a view:
-- telemed_dba is a member.
create view ops.blocked_sessions as
select
    a.pid,
    a.usename::text as login,
    a.application_name,
    a.state,
    clock_timestamp() - a.state_change as waiting_for,
    a.wait_event_type || '/' || a.wait_event as wait_event,
    left(a.query, 200) as query,
    b.pid as blocked_by_pid,
    b.usename::text as blocked_by_login,
    b.state as blocked_by_state,
    clock_timestamp() - b.xact_start as blocked_by_transaction_age,
    left(b.query, 200) as blocked_by_query
from pg_catalog.pg_stat_activity as a
cross join lateral unnest(pg_catalog.pg_blocking_pids(a.pid)) as p (pid)
left join pg_catalog.pg_stat_activity as b on b.pid = p.pid
where a.datname = pg_catalog.current_database();

comment on view ops.blocked_sessions is
'Sessions of this database that wait for a lock: one row for each waiting session and session that
blocks it. Begin with a session that blocks others and is not blocked itself; if nothing else helps,
end it by pg_terminate_backend(blocked_by_pid).';

create view ops.table_sizes as
select
    c.oid::regclass::text as table_name,
    pg_catalog.pg_total_relation_size(c.oid) as total_bytes,
    pg_catalog.pg_table_size(c.oid) as table_bytes,
    pg_catalog.pg_indexes_size(c.oid) as index_bytes,
    s.n_live_tup as live_rows,
    s.n_dead_tup as dead_rows,
    s.n_tup_ins as inserted_rows,
    d.days as days_counted,
    round(
        (s.n_tup_ins - s.n_tup_del) / d.days
        * pg_catalog.pg_total_relation_size(c.oid) / nullif(s.n_live_tup, 0)) as bytes_per_day,
    s.last_autovacuum,
    s.last_autoanalyze
from pg_catalog.pg_class as c
inner join pg_catalog.pg_stat_all_tables as s on s.relid = c.oid
cross join lateral (
    select
        greatest(
            extract(epoch from pg_catalog.clock_timestamp() - coalesce(
                b.stats_reset, pg_catalog.pg_postmaster_start_time())) / 86400,
            1.0 / 1440)::numeric as days
    from pg_catalog.pg_stat_database as b
    where b.datname = pg_catalog.current_database()
) as d
where c.relnamespace = 'app'::regnamespace and c.relkind = 'r';

comment on view ops.table_sizes is
'The size and growth of each table with its indexes. bytes_per_day: rows inserted less rows deleted
since the last reset of the statistics or the start of the server, per day, times the present size
of a row.';

create view ops.index_usage as
select
    s.indexrelid::regclass::text as index_name,
    s.relid::regclass::text as table_name,
    pg_catalog.pg_relation_size(s.indexrelid) as bytes,
    s.idx_scan as scans,
    s.idx_tup_read as entries_read,
    case
        when i.indisunique or i.indisexclusion or exists (
            select from pg_catalog.pg_constraint as k where k.conindid = i.indexrelid)
            then 'holds a rule'
        when s.idx_scan = 0 then 'unused so far'
        else 'used'
    end as verdict
from pg_catalog.pg_stat_all_indexes as s
inner join pg_catalog.pg_index as i on i.indexrelid = s.indexrelid
inner join pg_catalog.pg_class as c on c.oid = s.relid
where c.relnamespace = 'app'::regnamespace;

comment on view ops.index_usage is
'The number of scans of each index on this server since the last reset of the statistics. An index
that is unused for a whole month and holds no rule can be dropped; check the replicas first, which
have statistics of their own.';

create view ops.missing_indexes as
select
    s.relid::regclass::text as table_name,
    pg_catalog.pg_table_size(s.relid) as table_bytes,
    s.seq_scan as sequential_scans,
    s.seq_tup_read / nullif(s.seq_scan, 0) as rows_per_scan,
    s.idx_scan as index_scans
from pg_catalog.pg_stat_all_tables as s
inner join pg_catalog.pg_class as c on c.oid = s.relid
where c.relnamespace = 'app'::regnamespace
  and s.seq_scan > 100
  and s.seq_tup_read / nullif(s.seq_scan, 0) > 10000;

comment on view ops.missing_indexes is
'Tables with more than 100 sequential scans of more than 10,000 rows each. Look for their statements
in ops.slowest_statements: they may need an index.';

create view ops.role_overview as
select
    r.rolname::text as role_name,
    r.rolcanlogin as can_log_in,
    r.rolsuper as is_superuser,
    r.rolbypassrls as bypasses_row_level_security,
    array(
        select m.roleid::regrole::text from pg_catalog.pg_auth_members as m
        where m.member = r.oid order by 1) as member_of,
    array(
        select m.member::regrole::text from pg_catalog.pg_auth_members as m
        where m.roleid = r.oid order by 1) as members,
    (select pg_catalog.count(*) from pg_catalog.pg_proc as p
     where p.pronamespace in ('api'::regnamespace, 'ops'::regnamespace)
       and pg_catalog.has_function_privilege(r.oid, p.oid, 'execute')) as functions_of_api_and_ops,
    (select pg_catalog.count(*) from pg_catalog.pg_class as c
     where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')
       and not c.relispartition
       and pg_catalog.has_table_privilege(r.oid, c.oid, 'select')) as tables_readable,
    (select pg_catalog.array_agg(s.setting order by s.setting)
     from pg_catalog.pg_db_role_setting as d
     cross join unnest(d.setconfig) as s (setting)
     where d.setrole = r.oid) as settings
from pg_catalog.pg_roles as r
where r.rolname !~ '^pg_';

comment on view ops.role_overview is
'The rights of each role of the server in this database. A role that is a superuser, bypasses
row-level security or can read a table of the schema app stands above
the rules of the functions.';

grant select on
    ops.blocked_sessions, ops.table_sizes, ops.index_usage, ops.missing_indexes, ops.role_overview
to telemed_dba;

create type ops.statements as (
    query text,
    calls bigint,
    mean_ms numeric,
    total_ms numeric,
    share_percent numeric,
    rows_per_call numeric,
    hit_percent numeric
);

comment on type ops.statements is
'A normalised statement: number of calls, mean and total time (milliseconds), share of the time of
all statements, rows per call, and share of its pages that were found in memory.';

-- Unlike all other functions of the schema it has the rights of its caller, because
-- pg_stat_statements shows the statements of all roles only to members of pg_monitor.
create function ops.slowest_statements(p_limit integer default 50)
returns setof ops.statements
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_schema name := (
        select n.nspname
        from pg_extension as e
        inner join pg_namespace as n on n.oid = e.extnamespace
        where e.extname = 'pg_stat_statements');
begin
    if v_schema is null or current_setting('shared_preload_libraries') !~ 'pg_stat_statements' then
        raise notice 'Install pg_stat_statements first, see docs/operations.md';
        return;
    end if;
    return query execute format(
        $query$
        select
            regexp_replace(s.query, '\s+', ' ', 'g'),
            s.calls,
            round(s.mean_exec_time::numeric, 3),
            round(s.total_exec_time::numeric, 1),
            round(
                (100 * s.total_exec_time / nullif(sum(s.total_exec_time) over (), 0))::numeric, 1),
            round(s.rows::numeric / nullif(s.calls, 0), 1),
            round(100 * s.shared_blks_hit::numeric
                / nullif(s.shared_blks_hit + s.shared_blks_read, 0), 1)
        from %I.pg_stat_statements as s
        inner join pg_database as d on d.oid = s.dbid and d.datname = current_database()
        order by s.total_exec_time desc
        limit $1
        $query$,
        v_schema)
    using p_limit;
end;
$$;

comment on function ops.slowest_statements(integer) is
'Returns the p_limit statements that have taken the most time in this database, the slowest first.
Without the extension pg_stat_statements it sends a notice and returns no row.';

grant execute on function ops.slowest_statements(integer) to telemed_dba;

commit;
