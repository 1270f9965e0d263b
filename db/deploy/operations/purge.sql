-- Deploy telemed:operations/purge to pg

begin;

create type ops.purged as (table_name text, rows bigint);

comment on type ops.purged is 'The number of rows that ops.purge has deleted from a table.';

set local role telemed_internal;
create function ops.purge(p_keep interval default '90 days', p_rows integer default 10000)
returns setof ops.purged
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
    v_before timestamptz;
    v_rows bigint;
    v_sessions uuid[];
    v_deliveries uuid[];
    v_messages uuid[];
begin
    perform app.forget_actor();
    if p_keep is null or p_keep not between interval '30 days' and interval '1000 years' then
        raise exception
            'Give an interval from 30 days to 1000 years: younger keys and sessions are kept'
            using errcode = 'TM201', column = 'keep';
    end if;
    if p_rows is null or p_rows not between 1 and 1000000 then
        raise exception 'Give 1 to 1,000,000 rows'
            using errcode = 'TM201', column = 'rows';
    end if;
    v_before := app.clock() - p_keep;

    -- MATERIALIZED chooses the rows once. Without it a join may evaluate the query once for each
    -- row of the table, and SKIP LOCKED with LIMIT would choose other rows each time.
    with chosen as materialized (
        select o.user_id, o.operation, o.key
        from app.idempotency_keys as o
        where o.created_at < v_before
          and (o.response is null
               or o.operation not in (
                   'book_consultation', 'reschedule_consultation',
                   'record_payment', 'refund_payment'))
        limit p_rows
        for update skip locked
    )
    delete from app.idempotency_keys as k
    using chosen as c
    where (k.user_id, k.operation, k.key) = (c.user_id, c.operation, c.key);
    get diagnostics v_rows = row_count;
    return query values ('idempotency_keys', v_rows);

    v_sessions := array(
        select s.id from app.sessions as s
        where s.expires_at < v_before
        limit p_rows
        for update skip locked);
    delete from app.refresh_tokens as t where t.session_id = any (v_sessions);
    get diagnostics v_rows = row_count;
    return query values ('refresh_tokens', v_rows);
    delete from app.sessions as s where s.id = any (v_sessions);
    return query values ('sessions', cardinality(v_sessions)::bigint);

    -- app.count_log_in_attempt halves the count of failures every hour: after a day it is 0.
    with chosen as materialized (
        select o.subject
        from app.log_in_attempts as o
        where o.last_attempt_at < app.clock() - interval '1 day'
          and (o.succeeded_at is null or greatest(o.succeeded_at, o.last_attempt_at) < v_before)
        limit p_rows
        for update skip locked
    )
    delete from app.log_in_attempts as a
    using chosen as c
    where a.subject = c.subject;
    get diagnostics v_rows = row_count;
    return query values ('log_in_attempts', v_rows);

    v_deliveries := array(
        select d.id from app.webhook_deliveries as d
        where d.settled_at < v_before
        limit p_rows
        for update skip locked);
    delete from app.webhook_attempts as a where a.delivery_id = any (v_deliveries);
    get diagnostics v_rows = row_count;
    return query values ('webhook_attempts', v_rows);
    delete from app.webhook_deliveries as d where d.id = any (v_deliveries);
    return query values ('webhook_deliveries', cardinality(v_deliveries)::bigint);

    v_messages := array(
        select m.id from app.messages as m
        where m.created_at < v_before and m.settled_at < v_before
        limit p_rows
        for update skip locked);
    delete from app.message_tokens as t where t.message_id = any (v_messages);
    get diagnostics v_rows = row_count;
    return query values ('message_tokens', v_rows);
    delete from app.messages as m where m.id = any (v_messages);
    return query values ('messages', cardinality(v_messages)::bigint);

    -- They end at the latest when they expire. One that a message needs waits for the message.
    with chosen as materialized (
        select o.id
        from app.password_resets as o
        where o.expires_at < v_before
          and not exists (select from app.messages as m where m.password_reset_id = o.id)
        limit p_rows
        for update skip locked
    )
    delete from app.password_resets as r
    using chosen as c
    where r.id = c.id;
    get diagnostics v_rows = row_count;
    return query values ('password_resets', v_rows);

    with chosen as materialized (
        select o.id
        from app.email_verifications as o
        where o.expires_at < v_before
          and not exists (select from app.messages as m where m.email_verification_id = o.id)
          -- It shows that the present address is verified.
          and not exists (
              select from app.users as u
              where u.id = o.user_id and u.email = o.email and u.email_verified_at = o.used_at)
        limit p_rows
        for update skip locked
    )
    delete from app.email_verifications as v
    using chosen as c
    where v.id = c.id;
    get diagnostics v_rows = row_count;
    return query values ('email_verifications', v_rows);
end;
$$;

comment on function ops.purge(interval, integer) is
'Deletes rows that are not needed any more, at most p_rows (1 to 1,000,000) of each kind:
idempotency keys older than p_keep (30 days to 1000 years), but not those of bookings, reschedules
and money; sessions that expired more than p_keep ago, with all their refresh tokens; counts of
log-ins a day after the last attempt, or p_keep after it if a log-in has succeeded; deliveries of
webhooks that were settled more than p_keep ago, with all their attempts; messages that were settled
more than p_keep ago, with their tokens; password resets and verifications of addresses that expired
more than p_keep ago, but not the one by which the present address of an account is verified.
Returns the number of deleted rows of each table: call it again, in another transaction, while one
of them reaches p_rows. It skips rows that another transaction has locked. For logs see
ops.drop_partitions. Raises TM201.';

grant execute on function ops.purge(interval, integer) to telemed_dba;

commit;
