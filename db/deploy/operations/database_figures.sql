-- Deploy telemed:operations/database_figures to pg

begin;

create type ops.database_figures as (figure text, subject text, value double precision);

comment on type ops.database_figures is
'One figure. figure: what is measured, which is also the name of the metric; subject: what it is
about, such as a replication slot, or empty; value: seconds, bytes or a number, as the name says.';

set local role telemed_internal;
create function ops.database_figures()
returns setof ops.database_figures
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_sealed bigint;
begin
    perform app.forget_actor();
    select coalesce(max(s.last_id), 0) into v_sealed from app.audit_seals as s;

    return query
    select f.figure, f.subject, coalesce(f.value, 0)::double precision
    from (
        select 'audit_seal_lag_seconds' as figure, '' as subject,
            extract(epoch from clock_timestamp() - (
                select l.occurred_at from app.audit_logs as l
                where l.id > v_sealed order by l.id limit 1)) as value
        union all
        -- What app.next_events does not return yet: an older transaction is open.
        select 'events_lag_seconds', '',
            extract(epoch from clock_timestamp() - (
                select min(e.occurred_at) from app.events as e
                where e.transaction_id >= pg_snapshot_xmin(pg_current_snapshot())))
        union all
        select 'database_connections', '', count(*)
        from pg_stat_activity as a
        where a.datid is not null
        union all
        select 'database_connections_limit', '', current_setting('max_connections')::integer
        union all
        -- Writes stop at the oldest database of the server.
        select 'database_transaction_age', '', max(age(d.datfrozenxid)) from pg_database as d
        union all
        select 'database_size_bytes', '', pg_database_size(current_database())
        union all
        select 'replication_slot_active', r.slot_name, r.active::integer
        from pg_replication_slots as r
        union all
        select 'replication_slot_lag_bytes', r.slot_name, pg_wal_lsn_diff(
            case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                else pg_current_wal_lsn() end,
            coalesce(r.confirmed_flush_lsn, r.restart_lsn))
        from pg_replication_slots as r
        union all
        select 'invariant_violations', i.name, i.violations from app.invariant_findings as i
        union all
        select 'backup_age_seconds', (array_agg(b.method order by b.finished_at desc))[1],
            extract(epoch from clock_timestamp() - max(b.finished_at))
        from app.backups as b
        having count(*) > 0
    ) as f
    order by f.figure, f.subject;
end;
$$;

comment on function ops.database_figures() is
'Figures of the whole database, for monitoring. audit_seal_lag_seconds: age of the oldest row of the
audit log that is not sealed. events_lag_seconds: how long an open transaction has held back events
(api.list_events). database_connections: sessions of all databases, of database_connections_limit.
database_transaction_age: transactions since the last freeze of the oldest database; writes stop at
2,000,000,000. replication_slot_lag_bytes: WAL that the receiver of a replication slot has not
confirmed; replication_slot_active: 1 if it is connected. invariant_violations: rows that break an
invariant, as ops.check_invariants has found them. backup_age_seconds: time since the newest backup
that ops.record_backup knows; no row if there is none.';

grant execute on function ops.database_figures to telemed_dba, telemed_internal;

create function work.database_figures()
returns setof ops.database_figures
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return query select f.* from ops.database_figures() as f;
end;
$$;

comment on function work.database_figures() is
'ops.database_figures, for the metrics of the worker.';

grant execute on function work.database_figures to telemed_worker;

commit;
