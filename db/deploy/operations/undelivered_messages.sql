-- Deploy telemed:operations/undelivered_messages to pg

begin;

create type ops.undelivered_messages as (
    id uuid,
    kind text,
    channel text,
    user_id uuid,
    status text,
    attempt integer,
    send_at timestamptz,
    reason text,
    error text,
    created_at timestamptz
);

comment on type ops.undelivered_messages is
'A message that has failed, or is late. send_at: the next attempt. error: what the other server said
at the latest attempt that failed.';

set local role telemed_internal;
create function ops.undelivered_messages(p_since interval default '7 days')
returns setof ops.undelivered_messages
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_messages ops.undelivered_messages[];
begin
    perform app.forget_actor();
    if p_since is null or p_since not between interval '0' and interval '10 years' then
        raise exception 'Give an interval of at most 10 years'
            using errcode = 'TM201', column = 'since';
    end if;
    v_messages := array(
        select
            row(
                m.id, m.kind, m.channel, m.user_id, m.status, m.attempt, m.send_at,
                m.reason, m.error, m.created_at)::ops.undelivered_messages
        from app.messages as m
        where (m.status = 'failed' and m.settled_at > app.clock() - p_since)
           or (m.status in ('pending', 'sending')
               and (m.error is not null or m.send_at < app.clock() - interval '5 minutes'))
        order by m.created_at desc, m.id desc);
    -- An error may quote an address.
    insert into app.access_logs (kind, operation, resource_ids)
    select 'read', 'undelivered_messages', array_agg(distinct m.user_id)
    from unnest(v_messages) as m
    having count(*) > 0;
    return query
    select m.* from unnest(v_messages) as m;
end;
$$;

comment on function ops.undelivered_messages(interval) is
'The messages that have failed within p_since, those whose latest attempt failed and that are tried
again, and those that are five minutes late, the newest first. ops.repeat_message tries a failed one
again. The access log records whose they are. Raises TM201.';

grant execute on function ops.undelivered_messages(interval) to telemed_dba;

commit;
