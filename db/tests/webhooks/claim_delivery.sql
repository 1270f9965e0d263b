begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(44);

select pg_temp.webhook() as webhook \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as second_slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select pg_temp.booking('other_patient', :'second_slot') as other \gset
select pg_temp.sign_in('patient');
select api.cancel_consultation(:'booking') \g /dev/null
select pg_temp.dispatched(id) from unnest(pg_temp.events_of(:'booking') || pg_temp.events_of(:'other')) as id
\g /dev/null
select pg_temp.delivery(:'webhook', (pg_temp.events_of(:'booking'))[1]) as booked,
    pg_temp.delivery(:'webhook', (pg_temp.events_of(:'booking'))[2]) as cancelled,
    pg_temp.delivery(:'webhook', (pg_temp.events_of(:'other'))[1]) as of_other \gset

-- One worker, in order
reset role;
select collect_tap(
    is(c.attempt, 1, 'claim_delivery: the first attempt has the number 1'),
    is(c.delivery_id, :'booked'::uuid, 'claim_delivery: it returns the delivery'),
    is(c.webhook_id, :'webhook'::uuid, 'claim_delivery: it returns the webhook'),
    is(c.url, 'https://hooks.clinic.test/in', 'claim_delivery: it returns the address'),
    matches(c.message_id, '^event_\d+_[0-9a-f]{32}$', 'claim_delivery: it returns the webhook-id'),
    is(c.secret, 'encrypted', 'claim_delivery: it returns the secret as it is stored'),
    is(c.previous_secret, null, 'claim_delivery: without a rotation there is one secret'))
from work.claim_delivery(:'booked') as c;
set local role telemed_api;
select is(pg_temp.claimed(:'booked'), null, 'claim_delivery: another worker does not get it');
select is(pg_temp.claimed(:'cancelled'), null,
    'claim_delivery: the next event of the consultation waits while the one before is sent');
select is(pg_temp.claimed(:'of_other'), 1, 'claim_delivery: other consultations do not wait');
select is(pg_temp.settled(:'booked', 1, 500), 'pending', 'claim_delivery: a failed attempt waits');
select is(pg_temp.claimed(:'booked'), null, 'claim_delivery: a delivery that is not due is left alone');
select is(pg_temp.claimed(:'cancelled'), null,
    'claim_delivery: the next event waits while the one before is tried again');
select pg_temp.at_time('2027-01-04 08:00:05+00');
select is(pg_temp.claimed(:'booked'), 2, 'claim_delivery: a due delivery is claimed again');
select is(pg_temp.jobs_of(:'cancelled'), 1::bigint, 'claim_delivery: the next event has its first job');
select is(pg_temp.settled(:'booked', 2, 200), 'delivered', 'claim_delivery: the second attempt succeeds');
select is(pg_temp.jobs_of(:'cancelled'), 2::bigint, 'settle_delivery: the next event gets another job');
select is(pg_temp.claimed(:'booked'), null, 'claim_delivery: a delivered event is not sent again');
select is(pg_temp.claimed(:'cancelled'), 1, 'claim_delivery: the next event is sent then');

-- A worker that ends
select pg_temp.at_time('2027-01-04 08:02:04+00');
select is(pg_temp.claimed(:'cancelled'), null, 'webhook_lease: a lease lasts two minutes');
select pg_temp.at_time('2027-01-04 08:02:05+00');
select is(pg_temp.claimed(:'cancelled'), 2, 'claim_delivery: after its lease another worker gets it');
select pg_temp.sign_in('admin');
select is((a.attempt, a.error, a.duration_ms, a.attempted_at),
    (1, 'The worker ended before it could report the outcome'::text, null::integer,
        timestamptz '2027-01-04 08:00:05+00'),
    'claim_delivery: the attempt of the worker that ended is noted')
from api.list_webhook_attempts(:'webhook') as a where a.delivery_id = :'cancelled';

-- An earlier event that is sent again meanwhile
select pg_temp.sign_in('admin');
select deliveries from api.redeliver_webhook(:'webhook', (pg_temp.events_of(:'booking'))[1]) \g /dev/null
select is(pg_temp.claimed(:'booked'), null,
    'claim_delivery: an earlier event waits while a later one is sent');
select pg_temp.at_time('2027-01-04 08:04:05+00');
savepoint before;
select isnt(pg_temp.claimed(:'booked'), null,
    'claim_delivery: it is sent as soon as the lease of the later one ends');
rollback to before;
select is(pg_temp.claimed(:'cancelled'), null,
    'claim_delivery: a later event whose worker ended waits for the earlier one');
select is(pg_temp.claimed(:'cancelled'), null, 'claim_delivery: its end is noted once');
select is(pg_temp.status_of(:'cancelled'), 'pending', 'claim_delivery: meanwhile no worker has it');
select is(pg_temp.settled(:'booked', pg_temp.claimed(:'booked'), 200), 'delivered',
    'claim_delivery: the earlier event is sent first');
select is(pg_temp.claimed(:'cancelled'), 3, 'claim_delivery: then the later one is sent');

-- A delivery that ends its worker each time
reset role;
update app.webhook_deliveries
set attempt = 9, tries = 9, lease_ends_at = app.clock() where id = :'cancelled';
select is(pg_temp.claimed(:'cancelled'), 10, 'claim_delivery: a delivery is tried ten times');
update app.webhook_deliveries set lease_ends_at = app.clock() where id = :'cancelled';
set local role telemed_api;
select is(pg_temp.claimed(:'cancelled'), null, 'claim_delivery: ten workers that end are enough');
select is(pg_temp.status_of(:'cancelled'), 'given_up', 'claim_delivery: then the delivery is given up');

-- Disabled or deleted while a worker that ended had a delivery
select pg_temp.event('account.created') as event \gset
select pg_temp.dispatched(:'event') \g /dev/null
select pg_temp.delivery(:'webhook', :'event') as lost,
    (select id from api.ping_webhook(:'webhook')) as ping \gset
select pg_temp.claimed(:'lost') \g /dev/null
select api.update_webhook(:'webhook', p_is_enabled => false, p_versions => '{*}') \g /dev/null
select is(pg_temp.status_of(:'lost'), 'sending',
    'claim_delivery: a delivery is sent while its webhook is disabled');
select pg_temp.at_time('2027-01-04 08:06:05+00');
select is(pg_temp.claimed(:'lost'), null, 'claim_delivery: a disabled webhook is sent nothing more');
select is(pg_temp.status_of(:'lost'), 'given_up', 'claim_delivery: the delivery is given up');
select is(pg_temp.claimed(:'ping'), 1, 'claim_delivery: a disabled webhook is sent a ping');
select api.delete_webhook(:'webhook') \g /dev/null
select pg_temp.at_time('2027-01-04 08:08:05+00');
select is(pg_temp.claimed(:'ping'), null, 'claim_delivery: a deleted webhook is sent no ping');
select is(pg_temp.status_of(:'ping'), 'given_up', 'claim_delivery: then the ping is given up');

-- An endpoint that fails
select pg_temp.webhook() as webhook \gset
select array_agg(pg_temp.event('account.created')) as events from generate_series(1, 3) \gset
select pg_temp.dispatched(id) from unnest(:'events'::bigint[]) as id \g /dev/null
reset role;
update app.webhook_endpoints set consecutive_failures = 5, first_failed_at = app.clock()
where id = :'webhook';
set local role telemed_api;
select is(
    array_agg(pg_temp.claimed(pg_temp.delivery(:'webhook', id)) order by id), '{1,NULL,NULL}',
    'claim_delivery: an endpoint that fails gets one delivery at a time')
from unnest(:'events'::bigint[]) as id;
reset role;
select ok(
    bool_and(d.next_attempt_at between app.clock() + interval '1 minute' and app.clock() + interval '2 minutes'
        and d.attempt = 0),
    'claim_delivery: the others wait for a minute or two, and count no attempt')
from app.webhook_deliveries as d where d.event_id = any ((:'events'::bigint[])[2:]);
select is(array_agg(pg_temp.jobs_of(pg_temp.delivery(:'webhook', id))), '{2,2}',
    'claim_delivery: the others have a job for then')
from unnest((:'events'::bigint[])[2:]) as id;
update app.webhook_deliveries set next_attempt_at = app.clock()
where event_id = (:'events'::bigint[])[2];
update app.webhook_deliveries set lease_ends_at = app.clock()
where event_id = (:'events'::bigint[])[1];
set local role telemed_api;
select is(pg_temp.claimed(pg_temp.delivery(:'webhook', (:'events'::bigint[])[2])), 1,
    'claim_delivery: the next one follows as soon as the lease of the first ends');

select is(pg_temp.claimed(gen_random_uuid()), null, 'claim_delivery: an unknown delivery is no error');
set local role telemed_worker;
select lives_ok('select from work.claim_delivery(gen_random_uuid())',
    'claim_delivery: the worker may call it');

select * from finish();
rollback;
