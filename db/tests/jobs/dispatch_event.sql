begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(7);

select pg_temp.webhook() as webhook \gset

select pg_temp.booking('patient', pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00'))
    as booking \gset
reset role;
select e.id as event from app.events as e
where e.consultation_id = :'booking' and e.type = 'consultation.booked' \gset

select is(
    (select count(*) from procrastinate.procrastinate_jobs as j
     where j.task_name = 'dispatch_event' and j.args = jsonb_build_object('event_id', :event)),
    1::bigint, 'dispatch_event: a booking enqueues one job for its event');
set local role telemed_worker;
select lives_ok(
    format('select work.dispatch_event(%s)', :event), 'dispatch_event: the worker dispatches it');
reset role;
create function pg_temp.effects() returns text[] language sql
as $$
    select array_agg(e.effect order by e.effect)
    from (
        select format('%s %s', m.kind, m.event_id) from app.messages as m
        union all
        select format('%s %s', d.event_type, d.event_id) from app.webhook_deliveries as d
        union all
        select format('job %s', j.task_name)
        from (
            select task_name from procrastinate.procrastinate_jobs
            union all select task_name from procrastinate.later_jobs
        ) as j
        where j.task_name <> 'dispatch_event'
    ) as e (effect)
$$;
select pg_temp.effects() as effects \gset
select is(
    (select array_agg(distinct m.event_id) from app.messages as m), array[:event]::bigint[],
    'dispatch_event: the messages of this event are there, and no others');
select is(
    (select array_agg(d.event_id) from app.webhook_deliveries as d), array[:event]::bigint[],
    'dispatch_event: the delivery of this event is there, and no other');
set local role telemed_worker;
select lives_ok(
    format('select work.dispatch_event(%s)', :event), 'dispatch_event: it can be repeated');
reset role;
select is(pg_temp.effects(), :'effects'::text[],
    'dispatch_event: a repetition adds no message, no delivery and no job');
set local role telemed_worker;
select lives_ok(
    'select work.dispatch_event(-1)', 'dispatch_event: an event that is not kept has no effect');

select * from finish();
rollback;
