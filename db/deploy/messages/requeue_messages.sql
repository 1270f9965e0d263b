-- Deploy telemed:messages/requeue_messages to pg

begin;

set local role telemed_internal;
create function work.requeue_messages()
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_message record;
    v_count integer := 0;
begin
    perform app.forget_actor();
    for v_message in
        with lost as materialized (
            select m.id
            from app.messages as m
            where (m.status = 'sending' and m.lease_ends_at <= app.clock())
               or (m.status = 'pending' and m.send_at <= app.clock() - interval '10 minutes')
            order by m.send_at
            limit 1000
            for no key update skip locked
        )
        update app.messages as m
        set status = case when m.attempt < 30 then 'pending' else 'failed' end,
            reason = case when m.attempt >= 30 then 'given_up' end,
            settled_at = case when m.attempt >= 30 then app.clock() end,
            lease_ends_at = null,
            send_at = app.clock()
        from lost
        where m.id = lost.id
        returning m.id, m.status
    loop
        if v_message.status = 'pending' then
            perform app.enqueue_job(
                'send_message', jsonb_build_object('message_id', v_message.id));
            v_count := v_count + 1;
        end if;
    end loop;
    return v_count;
end;
$$;

comment on function work.requeue_messages() is
'Enqueues messages again whose worker was lost (their lease is over) or whose job is missing (they
are ten minutes overdue), up to 1000. Returns how many. For the schedule of the worker; a needless
job does nothing.';

grant execute on function work.requeue_messages to telemed_worker;

commit;
