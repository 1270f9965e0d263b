-- Deploy telemed:jobs/request_of_job to pg

begin;

set local role telemed_internal;
create function work.request_of_job(p_arguments jsonb)
returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return (
        select e.request_id::text
        from app.events as e
        where e.id = coalesce(
            (p_arguments ->> 'event_id')::bigint,
            (p_arguments ->> 'first_id')::bigint,
            (select m.event_id from app.messages as m
             where m.id = (p_arguments ->> 'message_id')::uuid),
            (select d.event_id from app.webhook_deliveries as d
             where d.id = (p_arguments ->> 'delivery_id')::uuid)));
end;
$$;

comment on function work.request_of_job(jsonb) is
'The request that caused the event of a job, found by its arguments event_id, first_id, message_id
or delivery_id; null for a job without an event, and for an event without a request. The worker asks
for its traces only.';

grant execute on function work.request_of_job to telemed_worker;

commit;
