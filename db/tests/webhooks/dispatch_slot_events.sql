begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(21);
reset role;

create function pg_temp.slot_jobs()
returns table (task text, args jsonb) language sql security definer
as $$
    select j.task_name::text, j.args from procrastinate.procrastinate_jobs as j
    where j.task_name like 'dispatch%'
      and (j.args ? 'first_id' or exists (
          select from app.events as e
          where e.id = (j.args ->> 'event_id')::bigint and e.type like 'slot.%'))
$$;
create function pg_temp.publish(p_from date)
returns integer language sql
as $$
    select cardinality(p.items) from api.publish_weekly_slots(
        p_from, p_from + 4, '{1,2,3,4,5}', '09:00', '12:00', 30) as p
$$;
create function pg_temp.dispatched_slots()
returns integer language sql security definer
as $$
    select sum(work.dispatch_slot_events(
        (j.args ->> 'first_id')::bigint, (j.args ->> 'last_id')::bigint))::integer
    from pg_temp.slot_jobs() as j where j.args ? 'first_id'
$$;
create function pg_temp.deliveries_to(p_webhook_id uuid)
returns text[] language sql security definer
as $$
    select array_agg(d.event_type order by d.event_id)
    from app.webhook_deliveries as d where d.endpoint_id = p_webhook_id
$$;

-- The filter
select is(app.webhook_wants(v.types::text[], v.type), v.is_wanted, 'webhook_wants: ' || v.sentence)
from (values
    ('{}', 'consultation.booked', true, 'an empty filter stands for other types than slots'),
    ('{}', 'slot.opened', false, 'an empty filter does not stand for new slots'),
    ('{}', 'slot.withdrawn', false, 'an empty filter does not stand for withdrawn slots'),
    ('{slot.opened}', 'slot.opened', true, 'a filter can name events of slots'),
    ('{slot.opened}', 'slot.withdrawn', false, 'a filter wants what it names'),
    ('{slot.opened}', 'consultation.booked', false, 'a filter wants nothing else'))
    as v (types, type, is_wanted, sentence);

-- Nobody asks
set local role telemed_api;
select pg_temp.webhook() as everything \gset
select pg_temp.webhook('{consultation.booked}') as bookings \gset
select pg_temp.sign_in('doctor');
select pg_temp.publish('2027-02-01') \g /dev/null
select is_empty('select * from pg_temp.slot_jobs()',
    'new_slots_write_events: without a webhook that names events of slots there is no job');
reset role;
select is(app.is_wanted_by_a_webhook('slot.opened'), false,
    'is_wanted_by_a_webhook: an empty filter does not want events of slots');
select is(app.is_wanted_by_a_webhook('consultation.booked'), true,
    'is_wanted_by_a_webhook: an enabled webhook wants what its filter names');

-- Somebody asks
set local role telemed_api;
select pg_temp.webhook('{slot.opened}') as disabled \gset
select pg_temp.sign_in('admin');
select api.update_webhook(:'disabled', p_is_enabled => false, p_versions => '{*}') \g /dev/null
reset role;
select is(app.is_wanted_by_a_webhook('slot.opened'), false,
    'is_wanted_by_a_webhook: a disabled webhook wants nothing');
set local role telemed_api;
select pg_temp.webhook('{slot.opened,slot.withdrawn}') as slots \gset
select pg_temp.sign_in('doctor');
select pg_temp.publish('2027-02-08') as published \gset
select results_eq(
    'select task from pg_temp.slot_jobs()', array['dispatch_slot_events'],
    'dispatch_slot_events: one statement that adds slots has one job');
select is(pg_temp.dispatched_slots(), :published,
    'dispatch_slot_events: each new slot is delivered to the webhook that asks for it');
select is(pg_temp.deliveries_to(:'slots'), array_fill('slot.opened'::text, array[:published]),
    'dispatch_slot_events: the deliveries are those of this statement alone');
select is(pg_temp.deliveries_to(:'everything'), null,
    'dispatch_slot_events: a webhook with an empty filter gets no events of slots');
select is(pg_temp.deliveries_to(:'disabled'), null,
    'dispatch_slot_events: a disabled webhook gets nothing');
select is(pg_temp.dispatched_slots(), 0, 'dispatch_slot_events: a repetition adds nothing');
select pg_temp.webhook('{slot.opened}') as late \gset
select is(pg_temp.dispatched_slots(), 0,
    'dispatch_slot_events: a webhook does not catch up with slots from before it was enabled');
reset role;
select is(
    (select count(*) from procrastinate.procrastinate_jobs as j
     where j.task_name = 'deliver_webhook' and j.priority < 0 and j.args ->> 'delivery_id' in (
         select d.id::text from app.webhook_deliveries as d where d.endpoint_id = :'slots')),
    :published::bigint, 'dispatch_slot_events: each delivery has one job, after those of others');

-- One slot
select pg_temp.open_slot('doctor', '2027-03-01 09:00:00+00') as slot \gset
select pg_temp.dispatched_slots() \g /dev/null
delete from procrastinate.procrastinate_jobs;
select pg_temp.booking('patient', :'slot') as booking \gset
select is_empty('select * from pg_temp.slot_jobs()',
    'dispatch_slot_events: a booking is not an event of a slot');
select api.cancel_consultation(:'booking') \g /dev/null
select pg_temp.sign_in('doctor');
select api.withdraw_slot(:'slot') \g /dev/null
select results_eq(
    'select distinct task from pg_temp.slot_jobs()', array['dispatch_event'],
    'dispatch_slot_events: a single slot has a job of its own');
select work.dispatch_event((j.args ->> 'event_id')::bigint) from pg_temp.slot_jobs() as j
\g /dev/null
select is((pg_temp.deliveries_to(:'slots'))[:published + 1:],
    '{slot.opened,slot.opened,slot.withdrawn}',
    'dispatch_event: a slot that is open again, and one that is withdrawn, are delivered');

select * from finish();
rollback;
