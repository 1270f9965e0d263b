-- Deploy telemed:operations/seal_audit to pg

begin;

-- Triggers write the audit log, so a transaction has its number before it draws an id from the
-- sequence. After every transaction has ended that had a number when the last id was read, no row
-- with an id up to that one can appear any more. A transaction with a number holds a lock on it,
-- which is released after its rows are visible; a snapshot is not enough, because it does not list
-- the newest numbers. No writer waits for this function: it takes no table lock but ACCESS SHARE.
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
    v_until timestamptz;
    v_after bigint;
    v_last bigint;
    v_month record;
begin
    perform app.forget_actor();
    if p_rows is null or p_rows not between 1 and 10000000 then
        raise exception 'Give 1 to 10,000,000 rows'
            using errcode = 'TM201', column = 'rows';
    end if;
    if p_wait is null or p_wait not between interval '0' and interval '1 hour' then
        raise exception 'Give a time to wait from 0 seconds to 1 hour'
            using errcode = 'TM201', column = 'wait';
    end if;
    v_until := clock_timestamp() + p_wait;
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
            raise exception 'Try again later: a transaction is still writing after a wait of %',
                p_wait
                using errcode = 'TM990', hint = '5',
                detail = 'Look for the oldest xact_start in pg_stat_activity.';
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
'Seals the rows of the audit log that are not sealed yet, at most p_rows (1 to 10,000,000) of them,
with one seal for each of their months (UTC), chained to the seal before. Returns the new seals, or
no row if there is nothing to seal. It waits up to p_wait (0 seconds to 1 hour) for transactions
that may still write; no writer waits for it. Raises TM201, TM208, TM990.';

grant execute on function ops.seal_audit(integer, interval) to telemed_dba;

commit;
