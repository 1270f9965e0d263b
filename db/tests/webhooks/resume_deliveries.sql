begin;
\ir ../helpers/actors.psql
\ir ../helpers/webhooks.psql
select plan(15);

select pg_temp.webhook() as webhook \gset
select pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot \gset
select pg_temp.booking('patient', :'slot') as booking \gset
select api.cancel_consultation(:'booking') \g /dev/null
select pg_temp.dispatched(id) from unnest(pg_temp.events_of(:'booking')) as id \g /dev/null
select pg_temp.delivery(:'webhook', (pg_temp.events_of(:'booking'))[1]) as booked,
    pg_temp.delivery(:'webhook', (pg_temp.events_of(:'booking'))[2]) as cancelled \gset
select pg_temp.sign_in('admin');
select api.rotate_webhook_secret(:'webhook', 'second', 1, '{*}') \g /dev/null
reset role;
select is(work.resume_deliveries(), 0, 'resume_deliveries: a new delivery has a job');
delete from procrastinate.procrastinate_jobs;
select pg_temp.at_time('2027-01-04 08:02:00+00');
select is(work.resume_deliveries(), 0, 'resume_deliveries: a delivery is not late for two minutes');
select pg_temp.at_time('2027-01-04 08:02:01+00');
select is(work.resume_deliveries(), 1, 'resume_deliveries: a late delivery gets a job');
select is(pg_temp.jobs_of(:'booked'), 1::bigint, 'resume_deliveries: it is the first of its consultation');
select is(pg_temp.jobs_of(:'cancelled'), 0::bigint,
    'resume_deliveries: a delivery that waits for an earlier one is not late');
select is(work.resume_deliveries(), 0, 'resume_deliveries: a late delivery with a job gets no other');
update procrastinate.procrastinate_jobs set status = 'failed' where task_name = 'deliver_webhook';
select is(work.resume_deliveries(), 1,
    'resume_deliveries: a late delivery whose job has ended gets another');
delete from procrastinate.procrastinate_jobs;
select pg_temp.claimed(:'booked') \g /dev/null
select is(work.resume_deliveries(), 0, 'resume_deliveries: a delivery that is sent has its worker');
select pg_temp.at_time('2027-01-04 08:04:01+00');
select is(work.resume_deliveries(), 0, 'resume_deliveries: it has its worker until the lease ends');
select pg_temp.at_time('2027-01-04 08:04:02+00');
select is(work.resume_deliveries(), 1, 'resume_deliveries: a delivery whose worker ended gets a job');
select isnt(previous_secret, null, 'resume_deliveries: a previous secret stays while it signs')
from app.webhook_endpoints;
select pg_temp.at_time('2027-01-04 09:00:00+00');
select work.resume_deliveries() \g /dev/null
select is(previous_secret, null, 'resume_deliveries: a previous secret is removed after its end')
from app.webhook_endpoints;
select is(pg_temp.settled(:'booked', pg_temp.claimed(:'booked'), 200), 'delivered',
    'resume_deliveries: the delivery is sent in the end');
delete from procrastinate.procrastinate_jobs;
select is(work.resume_deliveries(), 1, 'resume_deliveries: then the next one is late');
set local role telemed_worker;
select lives_ok('select work.resume_deliveries()', 'resume_deliveries: the worker may call it');

select * from finish();
rollback;
