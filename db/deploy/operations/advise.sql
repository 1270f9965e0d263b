-- Deploy telemed:operations/advise to pg

begin;

create type ops.advice as (severity text, subject text, found text, advice text);

comment on type ops.advice is
'One piece of advice. severity: danger (data may be lost or exposed, or writing may stop), warning
(something is wrong or will be) or hint (something could be better); subject: the object that it is
about; found: its state; advice: what to do.';

create function app.advice_on_violations()
returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return 'call ops.check_invariants: it returns the ids of the violations, and when it finds none'
        ' any more, this advice ends';
end;
$$;

comment on function app.advice_on_violations() is 'What to do about a violated invariant.';

set local role telemed_internal;
create function app.advice()
returns setof ops.advice
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    v_sealed bigint;
begin
    select coalesce(max(s.last_id), 0) into v_sealed from app.audit_seals as s;
    -- Settings
    return query
    select a.severity, 'setting ' || s.name, current_setting(s.name), a.advice
    from (values
        ('fsync', 'danger', 'on',
         'set it on: without it a power cut may leave a database that cannot be read'),
        ('full_page_writes', 'danger', 'on',
         'set it on: without it a power cut may leave pages that are half old, half new'),
        ('synchronous_commit', 'danger', 'on remote_apply remote_write',
         'set it on: without it a crash may lose a booking that was acknowledged'),
        ('autovacuum', 'danger', 'on',
         'set it on: without it tables bloat, and in the end PostgreSQL refuses writes'),
        ('data_checksums', 'warning', 'on',
         'enable them (initdb -k, or pg_checksums): they detect a bad disk'),
        ('track_counts', 'warning', 'on',
         'set it on: autovacuum and ops.table_sizes depend on it'),
        ('password_encryption', 'warning', 'scram-sha-256',
         'set it to scram-sha-256: md5 can be cracked'),
        ('log_lock_waits', 'hint', 'on',
         'set it on: the log then names sessions that wait long for a lock, and their blockers'),
        ('track_io_timing', 'hint', 'on', 'set it on: statistics then show slow disks'),
        ('server_encoding', 'danger', 'UTF8',
         'create the database with the encoding UTF8: names of people need it')
    ) as a (name, severity, good, advice)
    inner join pg_settings as s on s.name = a.name
    where current_setting(s.name) <> all (string_to_array(a.good, ' '));

    return query
    select 'hint', 'setting shared_buffers', current_setting('shared_buffers'),
        'set it to a quarter of the memory: the database is larger than the present value'
    where pg_size_bytes(current_setting('shared_buffers')) < 512 * 1024 * 1024
      and pg_database_size(current_database())
          > pg_size_bytes(current_setting('shared_buffers'));

    return query
    select 'hint', 'setting random_page_cost', current_setting('random_page_cost'),
        'set it to 1.1 on solid-state disks: otherwise the planner avoids indexes'
    where current_setting('random_page_cost')::numeric > 2;

    return query
    select 'hint', 'setting max_wal_size', current_setting('max_wal_size'),
        'set it to 4GB or more, so that checkpoints are fewer'
    where pg_size_bytes(current_setting('max_wal_size')) <= 1024::bigint * 1024 * 1024
      and pg_database_size(current_database()) > pg_size_bytes(current_setting('max_wal_size'));

    return query
    select 'hint', 'extension pg_stat_statements', 'missing',
        'add it to shared_preload_libraries and create the extension, for ops.slowest_statements'
    where not exists (select from pg_extension as e where e.extname = 'pg_stat_statements');

    -- Roles and keys
    return query
    select 'danger', 'role ' || r.rolname, concat_ws(', ',
            case when r.rolsuper then 'superuser' end,
            case when r.rolbypassrls then 'bypasses row-level security' end),
        'alter role ... nosuperuser nobypassrls: row-level security does not hold for this role'
    from pg_roles as r
    where r.rolname ~ '^telemed_'
      and (r.rolsuper or r.rolbypassrls and r.rolname <> 'telemed_backup');

    return query
    select 'warning', 'role telemed_backup', 'cannot read every row',
        'as a superuser: alter role telemed_backup bypassrls; grant pg_read_all_data to'
        ' telemed_backup; otherwise nobody else can dump the database, see docs/backup.md'
    where not exists (
        select from pg_roles as r
        where r.rolname = 'telemed_backup' and r.rolbypassrls
          and pg_has_role(r.oid, 'pg_read_all_data', 'usage'));

    return query
    select 'warning', 'role telemed_api', s.name || ' is not set',
        'alter role telemed_api set ' || s.name || ' = ...: see foundation/roles.sql'
    from unnest('{statement_timeout,lock_timeout,idle_in_transaction_session_timeout}'::text[])
        as s (name)
    where not exists (
        select from pg_db_role_setting as d
        cross join unnest(d.setconfig) as c (setting)
        where d.setrole = 'telemed_api'::regrole and c.setting ~ format('^%s=[1-9]', s.name));

    return query
    select 'warning', 'role telemed_api', 'log_parameter_max_length is not 0',
        'as a superuser: alter role telemed_api set log_parameter_max_length = 0; otherwise a log'
        ' of slow statements contains context signatures, password hashes and reasons of bookings'
    where not exists (
        select from pg_db_role_setting as d
        where d.setrole = 'telemed_api'::regrole
          and d.setconfig @> '{log_parameter_max_length=0}');
    return query
    select 'warning', 'database ' || d.datname, 'log_parameter_max_length is not 0',
        'deploy again as a superuser, which sets it: otherwise a log of slow statements contains'
        ' the parameters of all other roles'
    from pg_database as d
    where d.datname = current_database() and not exists (
        select from pg_db_role_setting as s
        where s.setdatabase = d.oid and s.setrole = 0
          and s.setconfig @> '{log_parameter_max_length=0}');
    return query
    select 'hint', 'role telemed_dba', 'not a member of ' || m.role,
        format('grant %s to telemed_dba, as a role with ADMIN OPTION on it', m.role)
    from unnest('{pg_monitor,pg_signal_backend}'::text[]) as m (role)
    where not pg_has_role('telemed_dba', m.role, 'member');

    return query
    select 'warning', 'context keys', count(*) || ' besides the database''s own',
        'keep one, or two while the key changes, and drop the others by ops.drop_context_key'
    from app.context_keys as k
    where k.id <> 'database'
    having count(*) > 2;

    -- The worker
    return query
    select 'warning', 'worker',
        coalesce(
            'silent since ' || to_char(max(w.last_heartbeat), 'YYYY-MM-DD HH24:MI "UTC"'),
            'none is running'),
        'start one (make worker): without it no message is sent, and expiry, partitions and seals'
        ' wait for a DBA'
    from procrastinate.procrastinate_workers as w
    having coalesce(max(w.last_heartbeat), '-infinity') < now() - interval '2 minutes';

    return query
    select 'warning', 'dead jobs', sum(f.dead) || ' jobs were given up',
        'find the cause in the log of the worker by the ids of ops.dead_jobs, then call'
        ' ops.retry_dead_jobs'
    from ops.queue_figures() as f
    having sum(f.dead) > 0;

    return query
    select 'warning', 'queue',
        'the oldest due job has waited for ' || date_trunc('second', max(f.lag)),
        'run more workers, or raise WORKER_CONCURRENCY'
    from ops.queue_figures() as f
    having max(f.lag) > interval '5 minutes';

    -- The snapshot horizon: see app.next_events. A transaction with an id holds a lock on it, which
    -- everybody sees; a prepared one has no process.
    return query
    select 'warning', 'events',
        format(
            'readers have waited since %s for %s, which has been open for %s',
            to_char(h.waiting_since, 'YYYY-MM-DD HH24:MI "UTC"'),
            case
                when l.pid is not null then format(
                    'the transaction of process %s (%s)', l.pid,
                    concat_ws(', ', a.usename, a.datname, nullif(a.application_name, '')))
                when p.gid is not null then format('the prepared transaction %L', p.gid)
                else 'a transaction of the primary'
            end,
            date_trunc('second', clock_timestamp()
                - coalesce(a.xact_start, p.prepared, h.waiting_since))),
        case
            when p.gid is not null then format(
                'commit prepared or rollback prepared %L, in the database %I', p.gid, p.database)
            else 'end it in its program, or by pg_terminate_backend('
                || coalesce(l.pid::text, 'its process') || '), which rolls it back'
        end
    from (
        select min(e.occurred_at)::timestamptz as waiting_since
        from app.event_origin as o
        cross join pg_control_system() as s
        inner join app.events as e
            on o.system_identifier = s.system_identifier
            and e.id >= o.first_id
            and e.transaction_id >= pg_snapshot_xmin(pg_current_snapshot())
    ) as h
    left join pg_locks as l
        on l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.granted
        and l.transactionid = pg_snapshot_xmin(pg_current_snapshot())::xid
    left join pg_stat_activity as a on a.pid = l.pid
    left join pg_prepared_xacts as p on p.transaction = l.transactionid
    where h.waiting_since < clock_timestamp() - interval '5 minutes';

    -- Backups
    return query
    select 'warning', 'backup',
        coalesce(
            'the last one was made at '
            || to_char(max(b.finished_at), 'YYYY-MM-DD HH24:MI "UTC"'),
            'none is recorded'),
        'make one, and call ops.record_backup after each (docs/production.md)'
    from app.backups as b
    having coalesce(max(b.finished_at), '-infinity') < app.clock() - interval '26 hours';

    return query
    select 'danger', 'archive of WAL',
        'fails since ' || to_char(a.last_failed_time, 'YYYY-MM-DD HH24:MI "UTC"') || ' at '
        || a.last_failed_wal,
        'mend archive_command, whose errors are in the log of the server: until then a restore'
        ' reaches the last archived segment only, and the disk fills'
    from pg_stat_archiver as a
    where a.last_failed_time > coalesce(a.last_archived_time, '-infinity');

    -- Time zones
    return query
    select 'warning', 'time zone ' || l.time_zone,
        coalesce(
            'UTC ' || to_char(l.known_offset, 'HH24:MI') || to_char(l.moment, '" on "YYYY-MM-DD'),
            'unknown') || ', by PostgreSQL''s time zone data ' || r.release,
        'UTC ' || to_char(l.utc_offset, 'HH24:MI') || ', by release ' || l.release
        || ' of the REST API''s tzdata: upgrade tzdata on the server and restart PostgreSQL'
    from app.time_zone_laws() as l
    cross join app.time_zone_release() as r (release)
    where l.known_offset is distinct from l.utc_offset;

    return query
    select 'warning', 'slots of time zone ' || s.time_zone,
        count(*) || ' not at their local time any more, ' || count(s.consultation_id)
        || ' of them booked',
        'tell the doctors and patients of the slots that ops.slots_of_changed_zones lists'
    from ops.slots_of_changed_zones() as s
    group by s.time_zone
    order by s.time_zone;

    -- Data
    return query
    select 'warning', 'partition ' || t.name, 'missing',
        'call ops.create_partitions: without it rows go to the default partition'
    from (
        select p.name || to_char(now() + n * interval '1 month', '_YYYY_MM') as name
        from unnest('{audit_logs,access_logs}'::text[]) as p (name)
        cross join generate_series(0, 1) as n
    ) as t
    where to_regclass('app.' || t.name) is null;

    return query
    select 'warning', 'partition ' || t.name, 'has rows',
        'call ops.create_partitions: it moves the rows to the partitions of their months'
    from (
        select 'audit_logs_default' as name where exists (select from app.audit_logs_default)
        union all
        select 'access_logs_default' where exists (select from app.access_logs_default)
    ) as t;

    return query
    select 'warning', 'audit log',
        'not sealed since ' || to_char(min(l.occurred_at), 'YYYY-MM-DD HH24:MI "UTC"'),
        'call ops.seal_audit, every minute or so'
    from app.audit_logs as l
    where l.id > v_sealed
    having min(l.occurred_at) < clock_timestamp() - interval '1 hour';

    return query
    select 'warning', 'table ' || s.relid::regclass,
        s.n_dead_tup || ' dead rows beside ' || s.n_live_tup,
        'vacuum analyze ' || s.relid::regclass || ', and look for a long open transaction'
    from pg_stat_all_tables as s
    inner join pg_class as c on c.oid = s.relid
    where c.relnamespace = 'app'::regnamespace
      and s.n_dead_tup > 10000
      and s.n_dead_tup > s.n_live_tup * 0.2;

    return query
    select 'hint', 'table ' || s.relid::regclass, 'never analysed',
        'analyze ' || s.relid::regclass || ': without statistics the planner guesses'
    from pg_stat_all_tables as s
    inner join pg_class as c on c.oid = s.relid
    where c.relnamespace = 'app'::regnamespace
      and s.n_live_tup > 1000
      and coalesce(s.last_analyze, s.last_autoanalyze) is null;

    return query
    select 'danger', 'transaction numbers', age(d.datfrozenxid) || ' used since the last freeze',
        'run vacuum freeze and find out why autovacuum does not: writes stop at 2,000,000,000'
    from pg_database as d
    where d.datname = current_database() and age(d.datfrozenxid) > 1000000000;

    return query
    select 'danger', 'sequence ' || s.schemaname || '.' || s.sequencename,
        round(100.0 * s.last_value / s.max_value) || ' % used',
        'change the column and the sequence to a larger type'
    from pg_sequences as s
    where s.last_value > s.max_value * 0.8;

    return query
    select 'danger', 'replication slot ' || s.slot_name,
        'inactive, keeps WAL of ' || pg_size_pretty(pg_wal_lsn_diff(
            case when pg_is_in_recovery() then pg_last_wal_receive_lsn()
                else pg_current_wal_lsn() end, s.restart_lsn)),
        'start the replica again or call pg_drop_replication_slot, before the disk is full'
    from pg_replication_slots as s
    where not s.active;

    return query
    select 'warning', 'connections', a.used || ' of ' || current_setting('max_connections'),
        'run fewer instances, make their pools smaller, or use a connection pooler'
    from (select count(*) as used from pg_stat_activity) as a
    where a.used > 0.8 * current_setting('max_connections')::integer;

    return query
    select 'warning', 'webhook ' || w.id,
        'disabled since ' || to_char(w.disabled_at, 'YYYY-MM-DD HH24:MI "UTC"')
        || case w.disabled_because
            when 'gone' then ': its address has answered 410 (gone)'
            else ': nothing was delivered for three days'
        end,
        'find out why, enable it by api.update_webhook, then call api.redeliver_webhook'
    from app.webhook_endpoints as w
    where w.disabled_because in ('failing', 'gone')
    order by w.disabled_at;

    return query
    select 'warning', 'webhook ' || w.id,
        w.consecutive_failures || ' failed attempts since '
        || to_char(w.first_failed_at, 'YYYY-MM-DD HH24:MI "UTC"'),
        'read api.list_webhook_attempts: after three days it is disabled'
    from app.webhook_endpoints as w
    where w.disabled_at is null and w.first_failed_at < clock_timestamp() - interval '1 hour'
    order by w.first_failed_at;

    return query
    select 'warning', 'invariant ' || f.name,
        f.violations || ' violations, found at '
        || to_char(f.found_at, 'YYYY-MM-DD HH24:MI "UTC"'),
        app.advice_on_violations()
    from app.invariant_findings as f
    order by f.name;
end;
$$;

comment on function app.advice() is
'What ops.advise returns, but of the invariants only what earlier checks have found: the worker
checks every five minutes, and a check may take longer than a request may.';

create function ops.advise()
returns setof ops.advice
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
    perform app.forget_actor();
    return query
    select a.* from app.advice() as a where a.subject not like 'invariant %';

    return query
    select 'warning', 'invariant ' || i.name,
        greatest(f.violations, cardinality(i.violations)) || ' violations'
        || coalesce(
            ', found at ' || to_char(f.found_at, 'YYYY-MM-DD HH24:MI "UTC"'), ' within an hour'),
        app.advice_on_violations()
    from app.all_invariants(now() - interval '1 hour') as i
    left join app.invariant_findings as f on f.name = i.name
    where f.name is not null or i.violations <> '{}'
    order by i.name;
end;
$$;

comment on function ops.advise() is
'Checks settings, roles, context keys, the worker and its queue, time zones, partitions, seals,
bloat, limits that are near, webhooks, transactions that hold back the readers of events, the
invariants of the last hour, and those that an earlier check has found violated and no check has
found repaired. Returns one row for each thing that should be changed, and no row if there is none.
It changes nothing.';

grant execute on function ops.advise() to telemed_dba;

commit;
