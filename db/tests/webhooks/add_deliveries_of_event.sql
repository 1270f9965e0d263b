begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(21);

select pg_temp.webhook() as everything \gset
select pg_temp.webhook('{consultation.rescheduled,consultation.cancelled}') as changes \gset
select pg_temp.webhook('{payment.recorded}') as payments \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select api.reschedule_consultation(:'booking', :'second_slot', 'move') \g /dev/null
select (pg_temp.events_of(:'booking'))[1] as booked, (pg_temp.events_of(:'booking'))[2] as moved \gset

select is(pg_temp.dispatched(:'booked'), 1,
    'add_deliveries_of_event: an event goes to the webhooks that want its type');
select is(pg_temp.dispatched(:'booked'), 0, 'add_deliveries_of_event: a repetition adds nothing');
select is(pg_temp.jobs_of(pg_temp.delivery(:'everything', :'booked')), 1::bigint,
    'add_deliveries_of_event: a delivery has one job');
select is(pg_temp.delivery(:'changes', :'booked'), null,
    'add_deliveries_of_event: a webhook does not get what it does not want');
reset role;
select collect_tap(
    is(d.body::jsonb ->> 'type', 'consultation.booked', 'webhook_body_of_event: the body has the type'),
    is((d.body::jsonb ->> 'timestamp')::timestamptz, e.occurred_at::timestamptz,
        'webhook_body_of_event: the body has the time of the event'),
    matches(d.body::jsonb ->> 'timestamp', '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$',
        'webhook_body_of_event: the time is in UTC'),
    is(d.body::jsonb -> 'data' -> 'event_id', to_jsonb(e.id),
        'webhook_body_of_event: the data have the id of the event'),
    is((d.body::jsonb -> 'data' ->> 'consultation_id')::uuid, :'booking'::uuid,
        'webhook_body_of_event: the data have the id of the consultation'),
    is(d.body::jsonb -> 'data' -> 'sequence_number', to_jsonb(1),
        'webhook_body_of_event: the data have the number of the event'),
    is(d.body::jsonb -> 'data' -> 'details', e.data,
        'webhook_body_of_event: the data have the details of the type'),
    is(d.body !~ 'actor|request|login|Patient|A rash', true,
        'webhook_body_of_event: the body has neither the origin of the event nor names nor reasons'))
from app.webhook_deliveries as d
inner join app.events as e on e.id = d.event_id
where d.endpoint_id = :'everything';
set local role telemed_api;

-- Out of order
select pg_temp.sign_in('patient');
select api.cancel_consultation(:'booking') \g /dev/null
select (pg_temp.events_of(:'booking'))[3] as cancelled \gset
select is(pg_temp.dispatched(:'cancelled'), 4,
    'add_deliveries_of_event: an event brings the earlier ones of its consultation with it');
select is(pg_temp.dispatched(:'moved'), 0,
    'add_deliveries_of_event: an event that came with a later one is not added again');
select is(
    pg_temp.claimed(pg_temp.delivery(:'changes', :'cancelled')), null,
    'add_deliveries_of_event: the later one waits for the earlier one');

-- Not of the past
select pg_temp.webhook() as late \gset
select pg_temp.sign_in('doctor');
select pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00') as third_slot \gset
select pg_temp.booking('other_patient', :'third_slot') as other \gset
reset role;
update app.webhook_endpoints set enabled_at = clock_timestamp() where id = :'late';
set local role telemed_api;
select pg_temp.sign_in('other_patient');
select api.cancel_consultation(:'other') \g /dev/null
select pg_temp.dispatched((pg_temp.events_of(:'other'))[2]) \g /dev/null
select is(pg_temp.delivery(:'late', (pg_temp.events_of(:'other'))[1]), null,
    'add_deliveries_of_event: a webhook does not catch up with events before it was enabled');
select isnt(pg_temp.delivery(:'late', (pg_temp.events_of(:'other'))[2]), null,
    'add_deliveries_of_event: a webhook gets events from then on');

savepoint before;
reset role;
update app.webhook_endpoints set enabled_at = (
    select e.occurred_at from app.events as e where e.id = (pg_temp.events_of(:'other'))[1])
where id = :'late';
delete from app.webhook_deliveries where endpoint_id = :'late';
select pg_temp.dispatched((pg_temp.events_of(:'other'))[2]) \g /dev/null
select isnt(pg_temp.delivery(:'late', (pg_temp.events_of(:'other'))[1]), null,
    'add_deliveries_of_event: an event of the moment at which it was enabled is one of them');
rollback to before;

-- Without a consultation
select pg_temp.event('account.created') as account \gset
select is(pg_temp.dispatched(:'account'), 2,
    'add_deliveries_of_event: an event without a consultation goes to those that want it');
select pg_temp.sign_in('admin');
select api.update_webhook(:'everything', p_is_enabled => false, p_versions => '{*}') \g /dev/null
select pg_temp.event('account.closed') as closed \gset
select is(pg_temp.dispatched(:'closed'), 1, 'add_deliveries_of_event: a disabled webhook gets nothing');
reset role;
select is(work.dispatch_event(:'closed')::text, '', 'dispatch_event: it adds the deliveries of an event');

select * from finish();
rollback;
