begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(8);

select pg_temp.webhook() as webhook \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select api.cancel_consultation(:'booking') \g /dev/null
select pg_temp.dispatched(id) from unnest(pg_temp.events_of(:'booking')) as id \g /dev/null
select pg_temp.delivery(:'webhook', (pg_temp.events_of(:'booking'))[1]) as booked,
    pg_temp.delivery(:'webhook', (pg_temp.events_of(:'booking'))[2]) as cancelled \gset
reset role;
select app.give_up_deliveries(array[:'booked']::uuid[]) \g /dev/null
select is(pg_temp.status_of(:'booked'), 'given_up', 'give_up_deliveries: the delivery is settled');
select is(pg_temp.status_of(:'cancelled'), 'pending', 'give_up_deliveries: others are left alone');
select is(pg_temp.jobs_of(:'cancelled'), 2::bigint,
    'give_up_deliveries: the next event of the consultation gets a job');
select is(pg_temp.claimed(:'cancelled'), 1, 'give_up_deliveries: the next event is sent then');
select app.give_up_deliveries(array[:'booked']::uuid[]) \g /dev/null
select is(pg_temp.jobs_of(:'cancelled'), 2::bigint,
    'give_up_deliveries: a settled delivery is not given up again');
select app.disable_webhook(:'webhook', 'by_admin') \g /dev/null
select is(pg_temp.status_of(:'cancelled'), 'sending',
    'disable_webhook: what a worker is sending, it settles itself');
select app.disable_webhook(:'webhook', 'failing') \g /dev/null
select is(disabled_because, 'by_admin', 'disable_webhook: the first reason stays')
from app.webhook_endpoints;
select is(
    (select sum(d) from unnest(app.webhook_delays()) as d) < interval '3 days'
    and app.webhook_lease() > interval '1 minute',
    true, 'webhook_delays: all waits together are less than three days');

select * from finish();
rollback;
