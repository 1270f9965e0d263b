-- Deploy telemed:operations/seal_audit to pg

begin;

-- Triggers write the trail, so a transaction has its number before it draws an id from the
-- sequence. When every transaction is over that had a number when the last id was looked up, no row
-- with such an id can appear any more. A transaction with a number holds a lock on it, which is
-- given back after its rows are visible; snapshots do not serve, because they do not list the
-- newest numbers. Nobody waits for the sealer: it takes no lock but ACCESS SHARE.
set local role telemed_internal;
create function ops.seal_audit(
    p_rows integer default 100000, p_wait interval default '5 seconds'
)
returns setof ops.audit_seals
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO'
as $$
declare
    v_drawn bigint;
    v_writing xid[];
    v_until constant timestamptz := clock_timestamp() + p_wait;
    v_after bigint;
    v_last bigint;
    v_month record;
begin
    perform app.forget_actor();
    if p_rows is null or p_rows not between 1 and 10000000 then
        raise exception 'A call seals 1 to 10,000,000 rows'
            using errcode = 'TM201', column = 'rows';
    end if;
    if p_wait is null or p_wait not between interval '0' and interval '1 hour' then
        raise exception 'A call waits 0 seconds to an hour'
            using errcode = 'TM201', column = 'wait';
    end if;
    perform app.require_fresh_snapshot();
    perform pg_advisory_xact_lock(hashtextextended('app.audit_seals', 0));

    select s.last_value into v_drawn from app.audit_logs_id_seq as s;
    v_writing := array(
        select l.transactionid
        from pg_locks as l
        left join pg_stat_activity as a on a.pid = l.pid
        left join pg_database as d on d.oid = a.datid
        where l.locktype = 'transactionid'
          and l.mode = 'ExclusiveLock'
          and l.pid is distinct from pg_backend_pid()
          and coalesce(d.datname = current_database(), true));
    while exists (
        select from pg_locks as l
        where l.locktype = 'transactionid'
          and l.mode = 'ExclusiveLock'
          and l.transactionid = any (v_writing))
    loop
        if clock_timestamp() >= v_until then
            raise exception 'A transaction is still writing that was already writing % ago', p_wait
                using errcode = 'TM990', hint = '5',
                detail = 'It has the oldest xact_start in pg_stat_activity.';
        end if;
        perform pg_sleep(0.05);
    end loop;

    select coalesce(max(s.last_id), 0) into v_after from app.audit_seals as s;
    select max(l.id) into v_last
    from (
        select a.id from app.audit_logs as a
        where a.id > v_after and a.id <= v_drawn
        order by a.id
        limit p_rows
    ) as l;

    for v_month in
        select
            date_trunc('month', l.occurred_at)::date as month,
            count(*) as row_count,
            sha256(string_agg(l.row_hash, '' order by l.id)) as rows_digest
        from app.audit_logs as l
        where l.id > v_after and l.id <= v_last
        group by 1
        order by 1
    loop
        perform app.append_audit_seal(
            'rows', v_month.month, v_after, v_last, v_month.row_count, v_month.rows_digest);
    end loop;

    return query
    select s.* from ops.audit_seals as s where s.after_id = v_after and s.last_id = v_last
    order by s.id;
end;
$$;

comment on function ops.seal_audit(integer, interval) is
'Closes the rows of the audit trail that are not sealed yet, at most p_rows of them, and chains them
to the seals before: one seal for each month (UTC) that they are of. Returns the new seals, none
when there is nothing to seal. It waits up to p_wait for transactions that may still write; nobody
waits for it. Raises TM201, TM208, TM990.';

grant execute on function ops.seal_audit(integer, interval) to telemed_dba;

commit;
