begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
\ir ../helpers/webhooks.psql
select plan(10);

select pg_temp.webhook() as webhook \gset
reset role;
update app.webhook_endpoints set enabled_at = '2000-01-01';
select pg_temp.dispatched(id)
from unnest(pg_temp.events_of(:'moved') || pg_temp.event('account.created')) as id \g /dev/null
select pg_temp.delivery(:'webhook', (pg_temp.events_of(:'moved'))[1]) as first,
    pg_temp.delivery(:'webhook', (pg_temp.events_of(:'moved'))[2]) as second \gset
reset role;
insert into broken (sentence, report, sql)
values
    ('a delivery without a successful attempt is reported',
     format('delivered_webhooks_have_a_successful_attempt 1 {%s}', :'first'),
     format($$ update app.webhook_deliveries
               set status = 'delivered', next_attempt_at = null, settled_at = app.clock()
               where id = %L $$, :'first')),
    ('a delivery with a successful attempt is not reported', 'nothing',
     format($$ update app.webhook_deliveries
               set status = 'delivered', next_attempt_at = null, settled_at = app.clock()
               where id = %L;
               insert into app.webhook_attempts
                   (endpoint_id, delivery_id, attempt, attempted_at, status_code)
               values (%L, %L, 1, app.clock(), 200) $$, :'first', :'webhook', :'first')),
    ('a delivery with an attempt that was answered 299 is not reported', 'nothing',
     format($$ update app.webhook_deliveries
               set status = 'delivered', next_attempt_at = null, settled_at = app.clock()
               where id = %L;
               insert into app.webhook_attempts
                   (endpoint_id, delivery_id, attempt, attempted_at, status_code)
               values (%L, %L, 1, app.clock(), 299) $$, :'first', :'webhook', :'first')),
    ('a delivery whose only attempt was answered 300 is reported',
     format('delivered_webhooks_have_a_successful_attempt 1 {%s}', :'first'),
     format($$ update app.webhook_deliveries
               set status = 'delivered', next_attempt_at = null, settled_at = app.clock()
               where id = %L;
               insert into app.webhook_attempts
                   (endpoint_id, delivery_id, attempt, attempted_at, status_code)
               values (%L, %L, 1, app.clock(), 300) $$, :'first', :'webhook', :'first')),
    ('deliveries of two consultations may be sent at a time', 'nothing',
     format($$ update app.webhook_deliveries
               set status = 'sending', next_attempt_at = null,
                   lease_ends_at = app.clock() + interval '1 minute'
               where id in (%L, (
                   select d.id from app.webhook_deliveries as d where d.consultation_id is null)) $$,
        :'first')),
    ('a delivery that waits for a disabled webhook is reported',
     format('disabled_webhooks_have_no_pending_delivery 1 {%s}', :'first'),
     format($$ update app.webhook_endpoints
               set disabled_at = app.clock(), disabled_because = 'by_admin';
               update app.webhook_deliveries
               set next_attempt_at = app.clock() - interval '10 minutes 1 second' where id = %L $$, :'first')),
    ('a delivery that waits for a disabled webhook since less than ten minutes is not',
     'nothing',
     format($$ update app.webhook_endpoints
               set disabled_at = app.clock(), disabled_because = 'by_admin';
               update app.webhook_deliveries
               set next_attempt_at = app.clock() - interval '10 minutes' where id = %L $$,
        :'first')),
    ('a delivery whose worker has ended is not reported beside one that is sent', 'nothing',
     format($$ update app.webhook_deliveries
               set status = 'sending', next_attempt_at = null,
                   lease_ends_at = app.clock() + case when id = %L then interval '1 minute'
                       else interval '0' end
               where id in (%L, %L) $$, :'first', :'first', :'second')),
    ('two deliveries of a consultation at a time are reported',
     format('webhooks_of_a_consultation_are_sent_one_at_a_time 2 {%s,%s}', :'first', :'second'),
     format($$ update app.webhook_deliveries
               set status = 'sending', next_attempt_at = null,
                   lease_ends_at = app.clock() + interval '2 minutes'
               where id in (%L, %L) $$, :'first', :'second'));
select is(pg_temp.report_on(b.sql, b.triggers, b.traces), b.report, b.sentence)
from broken as b order by b.n;
select is_empty(
    $$ select * from pg_temp.unbroken('app.webhooks_invariants') $$,
    'every invariant of webhooks is broken by a case');

select * from finish();
rollback;
