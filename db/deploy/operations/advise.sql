-- Deploy telemed:operations/advise to pg

begin;

create type ops.advice as (severity text, subject text, found text, advice text);

comment on type ops.advice is
'Something to look at. severity: danger (data or secrets may be lost), warning (it will hurt) or
hint (it could be better).';

set local role telemed_internal;
create function ops.advise()
returns setof ops.advice
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    v_sealed bigint;
begin
    perform app.forget_actor();
    select coalesce(max(s.last_id), 0) into v_sealed from app.audit_seals as s;
    -- What PostgreSQL is told to do
    return query
    select a.severity, 'setting ' || s.name, current_setting(s.name), a.advice
    from (values
        ('fsync', 'danger', 'on',
         'on: without it a power cut may leave a database that cannot be read'),
        ('full_page_writes', 'danger', 'on',
         'on: without it a power cut may leave pages that are half old, half new'),
        ('synchronous_commit', 'danger', 'on remote_apply remote_write',
         'on: without it a booking that was acknowledged may be lost'),
        ('autovacuum', 'danger', 'on',
         'on: without it tables bloat, and in the end nothing can be written any more'),
        ('data_checksums', 'warning', 'on',
         'on (initdb -k, or pg_checksums): without them a bad disk goes unnoticed'),
        ('track_counts', 'warning', 'on', 'on: autovacuum and ops.table_sizes rest on it'),
        ('password_encryption', 'warning', 'scram-sha-256', 'scram-sha-256: md5 can be cracked'),
        ('log_lock_waits', 'hint', 'on',
         'on: the log then has who waited for a lock, and for whom'),
        ('track_io_timing', 'hint', 'on', 'on: slow disks become visible'),
        ('server_encoding', 'danger', 'UTF8', 'UTF8: names of people need it')
    ) as a (name, severity, good, advice)
    inner join pg_settings as s on s.name = a.name
    where current_setting(s.name) <> all (string_to_array(a.good, ' '));

    return query
    select 'hint', 'setting shared_buffers', current_setting('shared_buffers'),
        'a quarter of the memory, for a database that is larger than this'
    where pg_size_bytes(current_setting('shared_buffers')) < 512 * 1024 * 1024
      and pg_database_size(current_database())
          > pg_size_bytes(current_setting('shared_buffers'));

    return query
    select 'hint', 'setting random_page_cost', current_setting('random_page_cost'),
        '1.1 on solid-state disks: otherwise the planner shuns indexes'
    where current_setting('random_page_cost')::numeric > 2;

    return query
    select 'hint', 'setting max_wal_size', current_setting('max_wal_size'),
        '4GB or more, for a database that is larger than this: fewer checkpoints'
    where pg_size_bytes(current_setting('max_wal_size')) <= 1024::bigint * 1024 * 1024
      and pg_database_size(current_database()) > pg_size_bytes(current_setting('max_wal_size'));

    return query
    select 'hint', 'extension pg_stat_statements', 'missing',
        'shared_preload_libraries and create extension: ops.slowest_statements needs it'
    where not exists (select from pg_extension as e where e.extname = 'pg_stat_statements');

    -- Who may do what
    return query
    select 'danger', 'role ' || r.rolname, concat_ws(', ',
            case when r.rolsuper then 'superuser' end,
            case when r.rolbypassrls then 'bypasses row-level security' end),
        'neither: the rules of the clinic do not hold for it'
    from pg_roles as r
    where r.rolname ~ '^telemed_' and (r.rolsuper or r.rolbypassrls);

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
        'as a superuser: alter role telemed_api set log_parameter_max_length = 0; a log of slow'
        ' statements has signatures, password hashes and reasons of bookings otherwise'
    where not exists (
        select from pg_db_role_setting as d
        where d.setrole = 'telemed_api'::regrole
          and d.setconfig @> '{log_parameter_max_length=0}');
    return query
    select 'hint', 'role telemed_dba', 'not a member of ' || m.role,
        format('grant %s to telemed_dba, as a role that may administer it', m.role)
    from unnest('{pg_monitor,pg_signal_backend}'::text[]) as m (role)
    where not pg_has_role('telemed_dba', m.role, 'member');

    return query
    select 'warning', 'context keys', count(*) || ' besides the database''s own',
        'one, or two while the key changes: ops.drop_context_key for the others'
    from app.context_keys as k
    where k.id <> 'database'
    having count(*) > 2;

    -- What it knows of clocks
    return query
    select 'warning', 'time zone ' || l.time_zone,
        coalesce(
            'UTC ' || to_char(l.known_offset, 'HH24:MI') || to_char(l.moment, '" on "YYYY-MM-DD'),
            'not there') || ', by PostgreSQL''s time zone data ' || app.time_zone_release(),
        'UTC ' || to_char(l.utc_offset, 'HH24:MI') || ', by release ' || l.release
        || ', which the API''s Python has: upgrade tzdata on the server and restart PostgreSQL'
    from app.time_zone_laws() as l
    where l.known_offset is distinct from l.utc_offset;

    return query
    select 'warning', 'slots of time zone ' || s.time_zone,
        count(*) || ' at another time than clocks will show, ' || count(s.consultation_id)
        || ' of them booked',
        'ops.slots_of_changed_zones lists them: tell their doctors and patients'
    from ops.slots_of_changed_zones() as s
    group by s.time_zone
    order by s.time_zone;

    -- How the data are
    return query
    select 'warning', 'partition ' || t.name, 'missing',
        'call ops.create_partitions: rows will go to the default partition'
    from (
        select p.name || to_char(now() + n * interval '1 month', '_YYYY_MM') as name
        from unnest('{audit_logs,access_logs}'::text[]) as p (name)
        cross join generate_series(0, 1) as n
    ) as t
    where to_regclass('app.' || t.name) is null;

    return query
    select 'warning', 'partition ' || t.name, 'in use',
        'call ops.create_partitions: it moves the rows to where they belong'
    from (
        select 'audit_logs_default' as name where exists (select from app.audit_logs_default)
        union all
        select 'access_logs_default' where exists (select from app.access_logs_default)
    ) as t;

    return query
    select 'warning', 'audit trail',
        'not sealed since ' || to_char(min(l.occurred_at), 'YYYY-MM-DD HH24:MI "UTC"'),
        'call ops.seal_audit, every minute or so'
    from app.audit_logs as l
    where l.id > v_sealed
    having min(l.occurred_at) < clock_timestamp() - interval '1 hour';

    return query
    select 'warning', 'table ' || s.relid::regclass,
        s.n_dead_tup || ' dead rows beside ' || s.n_live_tup,
        'vacuum analyze ' || s.relid::regclass || '; look for a transaction that is open for long'
    from pg_stat_all_tables as s
    inner join pg_class as c on c.oid = s.relid
    where c.relnamespace = 'app'::regnamespace
      and s.n_dead_tup > 10000
      and s.n_dead_tup > s.n_live_tup * 0.2;

    return query
    select 'hint', 'table ' || s.relid::regclass, 'never analysed',
        'analyze ' || s.relid::regclass || ': the planner guesses'
    from pg_stat_all_tables as s
    inner join pg_class as c on c.oid = s.relid
    where c.relnamespace = 'app'::regnamespace
      and s.n_live_tup > 1000
      and coalesce(s.last_analyze, s.last_autoanalyze) is null;

    return query
    select 'danger', 'transaction numbers', age(d.datfrozenxid) || ' used since the last freeze',
        'vacuum freeze, and see why autovacuum does not: at 2,000,000,000 writing stops'
    from pg_database as d
    where d.datname = current_database() and age(d.datfrozenxid) > 1000000000;

    return query
    select 'danger', 'sequence ' || s.schemaname || '.' || s.sequencename,
        round(100.0 * s.last_value / s.max_value) || ' % used', 'a larger type'
    from pg_sequences as s
    where s.last_value > s.max_value * 0.8;

    return query
    select 'danger', 'replication slot ' || s.slot_name,
        'inactive, keeps ' || pg_size_pretty(pg_wal_lsn_diff(
            case when pg_is_in_recovery() then pg_last_wal_receive_lsn()
                else pg_current_wal_lsn() end, s.restart_lsn)),
        'bring the replica back, or pg_drop_replication_slot: the disk will be full'
    from pg_replication_slots as s
    where not s.active;

    return query
    select 'warning', 'connections', a.used || ' of ' || current_setting('max_connections'),
        'fewer instances, smaller pools, or a connection pooler'
    from (select count(*) as used from pg_stat_activity) as a
    where a.used > 0.8 * current_setting('max_connections')::integer;

    return query
    select 'warning', 'invariant ' || v.name, count(*) || ' violations within an hour',
        'call ops.check_invariants, which has their ids'
    from app.invariant_violations(now() - interval '1 hour') as v
    group by v.name;
end;
$$;

comment on function ops.advise() is
'What a careful administrator would look at: settings, roles, time zones, partitions, seals, bloat,
limits that come near. A row for each thing that could be better, none when all is well; it changes
nothing.';

grant execute on function ops.advise() to telemed_dba;

commit;
