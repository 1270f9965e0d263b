-- Deploy telemed:webhooks/resume_deliveries to pg

begin;

set local role telemed_internal;
create function work.resume_deliveries()
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_resumed integer;
begin
    perform app.forget_actor();
    -- An old secret does not stay longer than it signs.
    update app.webhook_endpoints
    set previous_secret = null, previous_ends_at = null
    where previous_ends_at <= app.clock();

    -- Deliveries that wait for an earlier one of their consultation are not late.
    with late as (
        select d.id
        from app.webhook_deliveries as d
        where (d.status = 'pending' and d.next_attempt_at < app.clock() - interval '2 minutes'
               or d.status = 'sending' and d.lease_ends_at < app.clock())
          and not exists (
              select from app.webhook_deliveries as e
              where e.endpoint_id = d.endpoint_id
                and e.consultation_id = d.consultation_id
                and e.sequence_number < d.sequence_number
                and e.status in ('pending', 'sending'))
          and d.id::text not in (
              select j.args ->> 'delivery_id'
              from procrastinate.procrastinate_jobs as j
              where j.task_name = 'deliver_webhook' and j.status in ('todo', 'doing'))
        order by coalesce(d.next_attempt_at, d.lease_ends_at)
        limit 1000
    )
    select count(app.deliver_webhook(l.id, null))::integer into v_resumed from late as l;
    return v_resumed;
end;
$$;

comment on function work.resume_deliveries() is
'Enqueues deliveries that no job takes care of: their lease is over because their worker ended, or
they are two minutes late. At most 1000; returns how many. Removes previous secrets that do not
sign any more. The worker calls it every minute.';

grant execute on function work.resume_deliveries to telemed_worker;

commit;
