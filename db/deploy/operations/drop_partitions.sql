-- Deploy telemed:operations/drop_partitions to pg

begin;

set local role telemed_internal;
create function app.retire_audit_rows(p_month date)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    v_last bigint;
    v_row_count bigint;
    v_digest bytea;
begin
    perform pg_advisory_xact_lock(hashtextextended('app.audit_seals', 0));
    select coalesce(max(s.last_id), 0) into v_last from app.audit_seals as s;
    if exists (
        select from app.audit_logs as l
        where l.occurred_at >= p_month
          and l.occurred_at < p_month + interval '1 month'
          and l.id > v_last)
    then
        raise exception 'Call ops.seal_audit first: the month has rows that are not sealed'
            using errcode = 'TM922';
    end if;

    -- The sums of activity must not miss what is dropped.
    perform app.fold_changes();

    select
        coalesce(sum(s.row_count), 0)::bigint,
        sha256(coalesce(string_agg(s.hash, '' order by s.id), ''))
    into v_row_count, v_digest
    from app.audit_seals as s
    where s.month = p_month and s.kind = 'rows';
    perform app.append_audit_seal(
        'retirement', p_month, v_last, v_last, v_row_count, v_digest);
end;
$$;

comment on function app.retire_audit_rows(date) is
'Appends a seal of the kind retirement for a month (UTC) whose rows will be dropped, and folds the
sealed part of the audit log into the sums of activity. Raises TM922.';
reset role;

create function ops.drop_partitions(p_table text, p_keep interval default '6 years')
returns setof text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '2s'
as $$
declare
    v_month date;
    v_name text;
begin
    perform app.forget_actor();
    if p_keep is null or p_keep not between interval '0' and interval '1000 years' then
        raise exception 'Give an interval from 0 to 1000 years'
            using errcode = 'TM201', column = 'keep';
    end if;
    -- Patients see for three years who has read their data (Regulation (EU) 2025/327, Article 9).
    if p_table = 'access_logs' and now() - p_keep > now() - interval '36 months' then
        raise exception 'The access log is kept for 36 months or longer'
            using errcode = 'TM201', column = 'keep';
    end if;
    -- Readers may be away for a while, and deliveries are repeated for days.
    if p_table = 'events' and now() - p_keep > now() - interval '30 days' then
        raise exception 'Events are kept for 30 days or longer'
            using errcode = 'TM201', column = 'keep';
    end if;
    perform app.require_fresh_snapshot();
    perform pg_advisory_xact_lock(hashtextextended('app.partitions', 0));
    if p_table = 'events' then
        perform app.note_missing_events(date_trunc('month', now() - p_keep)::date);
    end if;

    for v_name, v_month in
        select c.relname::text, m.month
        from pg_inherits as i
        inner join pg_class as c on c.oid = i.inhrelid
        -- Null for the default partition, and for one that a DBA has named.
        cross join lateral to_date(
            substring(c.relname, '[0-9]{4}_[0-9]{2}$'), 'YYYY_MM') as m (month)
        where i.inhparent = to_regclass(format('app.%I', p_table))
          and m.month + interval '1 month' <= now() - p_keep
        order by 2
    loop
        if p_table = 'audit_logs' then
            perform app.retire_audit_rows(v_month);
        elsif p_table = 'events' then
            perform app.note_dropped_events(v_month);
        end if;
        execute format('drop table app.%I', v_name);
        return next v_name;
    end loop;
end;
$$;

comment on function ops.drop_partitions(text, interval) is
'Drops the monthly partitions of p_table (audit_logs, access_logs or events) whose months ended
p_keep ago or earlier (0 to 1000 years), and returns their names. 45 CFR 164.316(b)(2)(i) requires
six years for the logs; p_keep is at least 36 months for access_logs and 30 days for events. Rows of
the audit log have to be sealed; a seal of the kind retirement records each month that was dropped.
A reader of events who has not read the dropped ones is refused by api.list_events. Months of events
that were dropped by hand are noted as well.
It waits up to 2 s for each lock. Raises TM201, TM208, TM922.';

grant execute on function ops.drop_partitions(text, interval) to telemed_dba;

commit;
